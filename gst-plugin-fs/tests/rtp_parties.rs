//! One session with two peers: a codec that all have in common, and the sound of each on the pad of its stream.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use fs_core::messages::Parsed;
use fs_core::prelude::*;
use fs_proto::StreamDirection;
use gst::prelude::*;

use support::peer::wait_until;
use support::{Side, audio, loopback};

const HUB: f64 = 440.0;
const FIRST: f64 = 660.0;
const SECOND: f64 = 880.0;

#[test]
fn two_peers_hear_the_codec_they_have_in_common() {
    let hub = Side::new("hub", HUB, StreamDirection::BOTH);
    let first = Side::new("first", FIRST, StreamDirection::BOTH);
    let second = Side::new("second", SECOND, StreamDirection::BOTH);
    let (pcmu, pcma) = (audio(0, "PCMU", 8000), audio(8, "PCMA", 8000));
    first.stream.set_remote_codecs(&[pcmu.clone(), pcma.clone()]).unwrap();
    second.stream.set_remote_codecs(std::slice::from_ref(&pcma)).unwrap();

    let of_hub = hub.open();
    let of_first = first.open();
    hub.stream.set_remote_codecs(&[pcmu.clone(), pcma.clone()]).unwrap();
    hub.stream.force_remote_candidates(&of_first).unwrap();
    first.stream.force_remote_candidates(&of_hub).unwrap();
    first.heard.wait_for_tone(HUB);
    hub.heard.wait_for_tone(FIRST);
    assert!(hub.session.current_send_codec().unwrap().is_encoding("PCMU"));

    // The second joins, and has no PCMU.
    let participant = hub.conference.new_participant().unwrap();
    let stream = hub.session.new_stream(&participant, StreamDirection::BOTH).unwrap();
    let pads = std::sync::Arc::<std::sync::Mutex<Vec<String>>>::default();
    let known = pads.clone();
    stream.connect_src_pad_added(move |_, pad, _| known.lock().unwrap().push(pad.name().to_string()));
    stream.set_transmitter("rawudp", &loopback()).unwrap();
    let mut of_stream = Vec::new();
    while of_stream.len() < 2 {
        of_stream.push(hub.wait_for(|message| match message {
            Parsed::NewLocalCandidate { candidate, stream: of } => (of == stream).then_some(candidate),
            _ => None,
        }));
    }
    let of_second = second.open();
    stream.set_remote_codecs(std::slice::from_ref(&pcma)).unwrap();
    stream.force_remote_candidates(&of_second).unwrap();
    second.stream.force_remote_candidates(&of_stream).unwrap();
    second.heard.wait_for_tone(HUB);
    first.heard.clear();
    first.heard.wait_for_tone(HUB);
    assert!(hub.session.current_send_codec().unwrap().is_encoding("PCMA"), "what both have");
    let agreed = hub.session.codecs_without_config();
    assert!(agreed.iter().any(|c| c.is_encoding("PCMA")) && !agreed.iter().any(|c| c.is_encoding("PCMU")));

    // Each source is on its own stream.
    let ssrc = second.session.property::<u32>("ssrc");
    wait_until("a pad of the second", || !pads.lock().unwrap().is_empty());
    assert_eq!(*pads.lock().unwrap(), [format!("src_1_{ssrc}_8")]);
    let of_first = first.session.property::<u32>("ssrc").to_string();
    assert!(hub.stream.iterate_src_pads().iter().all(|pad| pad.name().contains(&of_first)));
    let stats = hub.session.property::<gst::Structure>("stats");
    assert!(stats.has_field("stream-1") && stats.has_field("stream-2"), "{stats}");

    // When it leaves, only its pad goes, and the other hears on.
    stream.destroy();
    assert!(hub.conference.static_pad(&format!("src_1_{ssrc}_8")).is_none());
    hub.heard.clear();
    hub.heard.wait_for_tone(FIRST);
    first.heard.clear();
    first.heard.wait_for_tone(HUB);
    for side in [hub, first, second] {
        let errors = side.errors.lock().unwrap().clone();
        assert!(errors.is_empty(), "{errors:?}");
        side.end();
    }
}
