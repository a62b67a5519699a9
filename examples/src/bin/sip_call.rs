//! Calls somebody, plays a WAV file, writes what is heard, and prints the figures of the call.
//!
//! `cargo run -p fs-examples --bin sip_call -- sip:bob@127.0.0.1:5070 --play hello.wav --record heard.wav --seconds 5`
//!
//! Further words: `--local-uri URI`, `--codecs LIST`, `--calls N` (one after the other), `--device` (the real sound
//! device). Exits with 1 when a call fails.

use std::process::ExitCode;
use std::time::Duration;

use fs_examples::arguments::Arguments;
use fs_examples::call;
use fs_examples::phone::Phone;
use fs_sip::Application;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sip_call: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let target = arguments.target.clone().ok_or("say whom to call: sip_call sip:somebody@host:port")?;
    gst::init()?;
    gst_plugin_fs::plugin_register_static()?;
    let (phone, backend) = Phone::new(arguments.sounds.clone())?;
    let (application, _incoming) = Application::start(call::configure(&arguments)?, backend).await?;
    let limit = Duration::from_secs_f64(arguments.seconds);
    for number in 1..=arguments.calls {
        if arguments.calls > 1 {
            println!("call {number} of {}", arguments.calls);
        }
        let outcome = call::place(&application, &target, &phone, limit).await?;
        outcome.lines().iter().for_each(|line| println!("{line}"));
        if let Some(failure) = outcome.failure {
            application.shutdown().await;
            return Err(format!("call {number} of {} failed: {failure}", arguments.calls).into());
        }
    }
    application.shutdown().await;
    Ok(())
}
