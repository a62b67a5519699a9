//! The smallest whole call: two conferences in one process talk over `rawudp` on 127.0.0.1, each side plays a tone, and the
//! program prints which codec was agreed and how much of the other's tone each side heard.
//!
//! Everything a Farstream application does is here once: session, participant, stream, transmitter, the exchange of codecs and
//! candidates (which a real application sends to its peer), and the source pad that appears with the peer's media.
//!
//! `cargo run -p fs-examples --bin simple_call [TRANSMITTER]`, where TRANSMITTER may be one from outside, in a folder of
//! `FS_PLUGIN_PATH`.

use std::sync::mpsc;
use std::time::Duration;

use fs_core::prelude::*;
use fs_core::{Conference, Session, Stream};
use fs_examples::tone::ToneMeter;
use fs_proto::{Candidate, CandidateType, MediaType, StreamDirection};
use gst::prelude::*;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// One side of the call.
struct Side {
    pipeline: gst::Pipeline,
    session: Session,
    stream: Stream,
    candidates: mpsc::Receiver<Candidate>,
    heard: ToneMeter,
}

impl Side {
    fn new(name: &str, transmitter: &str, plays_hz: f64, hears_hz: f64) -> Result<Self> {
        let pipeline = gst::Pipeline::with_name(name);
        let conference = gst::ElementFactory::make("fsrtpconference")
            .build()?
            .downcast::<Conference>()
            .map_err(|_| "fsrtpconference is no FsConference")?;
        pipeline.add(&conference)?;

        let session = conference.new_session(MediaType::Audio)?;
        let participant = conference.new_participant()?;
        let stream = session.new_stream(&participant, StreamDirection::BOTH)?;

        // What the peer must be told arrives as messages; a real application would send it on.
        let (sender, candidates) = mpsc::channel();
        let bus = pipeline.bus().ok_or("a pipeline has a bus")?;
        bus.set_sync_handler(move |_, message| {
            if let Some(fs_core::messages::Parsed::NewLocalCandidate { candidate, .. }) =
                fs_core::messages::parse(message)
            {
                let _ = sender.send(candidate);
            }
            gst::BusSyncReply::Pass
        });

        // The peer's media: link whatever appears to a meter.
        let heard = ToneMeter::new(hears_hz);
        let (bin, meter) = (pipeline.downgrade(), heard.clone());
        stream.connect_src_pad_added(move |_, pad, codec| {
            let Some(pipeline) = bin.upgrade() else { return };
            println!("{}: hears {} at {} Hz", pipeline.name(), codec.encoding_name, codec.clock_rate);
            if let Err(error) = meter.attach(&pipeline, pad) {
                eprintln!("{}: {error}", pipeline.name());
            }
        });

        stream.set_transmitter_checked(transmitter, &parameters(transmitter))?;

        let source = gst::ElementFactory::make("audiotestsrc")
            .property("is-live", true)
            .property("freq", plays_hz)
            .build()?;
        pipeline.add(&source)?;
        let source_pad = source.static_pad("src").ok_or("audiotestsrc has a source pad")?;
        source_pad.link(&session.sink_pad())?;
        pipeline.set_state(gst::State::Playing)?;
        Ok(Self { pipeline, session, stream, candidates, heard })
    }

    fn local_candidates(&self) -> Result<Vec<Candidate>> {
        (0..2).map(|_| Ok(self.candidates.recv_timeout(Duration::from_secs(5))?)).collect()
    }
}

/// What a transmitter is told beforehand: rawudp, to stay on the loopback interface.
fn parameters(transmitter: &str) -> Vec<(&'static str, glib::Value)> {
    if transmitter != "rawudp" {
        return Vec::new();
    }
    let loopback =
        (1..=2).map(|component| Candidate::new("", component, CandidateType::Host, "127.0.0.1", 0)).collect();
    vec![("preferred-local-candidates", fs_core::CandidateList(loopback).to_value())]
}

fn main() -> Result<()> {
    gst::init()?;
    gst_plugin_fs::plugin_register_static()?;
    let factory = gst::ElementFactory::find("fsrtpconference").ok_or("fsrtpconference is not registered")?;
    let file = factory.plugin().and_then(|plugin| plugin.filename());
    println!(
        "fsrtpconference: {}",
        file.map_or("built into this program".into(), |f| f.display().to_string())
    );

    let transmitter = std::env::args().nth(1).unwrap_or_else(|| "rawudp".into());
    let alice = Side::new("alice", &transmitter, 440.0, 660.0)?;
    let bob = Side::new("bob", &transmitter, 660.0, 440.0)?;

    // Alice offers, Bob answers.
    bob.stream.set_remote_codecs(&alice.session.codecs_without_config())?;
    alice.stream.set_remote_codecs(&bob.session.codecs_without_config())?;
    bob.stream.force_remote_candidates(&alice.local_candidates()?)?;
    alice.stream.force_remote_candidates(&bob.local_candidates()?)?;

    std::thread::sleep(Duration::from_secs(3));
    let mut good = true;
    for side in [&alice, &bob] {
        let codec =
            side.session.current_send_codec().map(|c| c.to_string()).unwrap_or_else(|| "nothing".into());
        println!(
            "{}: sends {codec}; heard the other's tone for {:.1} s",
            side.pipeline.name(),
            side.heard.seconds()
        );
        good &= side.heard.seconds() > 1.0;
        side.stream.destroy();
        side.session.destroy();
        side.pipeline.set_state(gst::State::Null)?;
    }
    if good { Ok(()) } else { Err("a side heard nothing".into()) }
}
