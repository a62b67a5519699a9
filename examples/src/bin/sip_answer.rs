//! Waits for calls, rings and answers, plays a WAV file, writes what is heard, and prints the figures of each call.
//!
//! `cargo run -p fs-examples --bin sip_answer -- --local-uri sip:bob@127.0.0.1:5070 --play hello.wav --record heard.wav`
//!
//! Further words: `--codecs LIST`, `--calls N` (stops after so many, which may overlap; with `--record` one at a time
//! makes sense), `--device` (the real sound device). The caller hangs up. Exits with 1 when a call fails.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use fs_examples::arguments::Arguments;
use fs_examples::call;
use fs_examples::phone::Phone;
use fs_sip::Application;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sip_answer: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    gst::init()?;
    gst_plugin_fs::plugin_register_static()?;
    let (phone, backend) = Phone::new(arguments.sounds.clone())?;
    let (application, mut incoming) = Application::start(call::configure(&arguments)?, backend).await?;
    println!("waiting at {}", application.identity().uri);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..arguments.calls {
        let session = incoming.recv().await.ok_or("the endpoint has ended")?;
        println!("called by {}", session.remote().uri);
        session.ring();
        session.accept();
        let phone = Arc::clone(&phone);
        calls.spawn(async move { call::follow(session, &phone, Instant::now(), None).await });
    }
    let mut failures = Vec::new();
    while let Some(outcome) = calls.join_next().await {
        let outcome = outcome?;
        outcome.lines().iter().for_each(|line| println!("{line}"));
        failures.extend(outcome.failure);
    }
    application.shutdown().await;
    match failures.first() {
        None => Ok(()),
        Some(first) => Err(format!("{} of {} calls failed: {first}", failures.len(), arguments.calls).into()),
    }
}
