//! Application sessions: bytes between two conferences.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use fs_core::prelude::*;
use fs_proto::{Codec, MediaType};
use gst::prelude::*;

use support::media::MediaSide;

fn side() -> MediaSide {
    let source = "appsrc name=bytes is-live=true format=time do-timestamp=true caps=application/octet-stream";
    MediaSide::new(
        "fsrtpconference",
        MediaType::Application,
        source,
        "fakesink name=end sync=false async=false",
    )
}

fn say(side: &MediaSide, message: &[u8]) {
    let source = side.source.downcast_ref::<gst::Bin>().unwrap().by_name("bytes").unwrap();
    let buffer = gst::Buffer::from_slice(message.to_vec());
    assert_eq!(source.emit_by_name::<gst::FlowReturn>("push-buffer", &[&buffer]), gst::FlowReturn::Ok);
}

#[test]
fn messages_arrive_in_order_and_whole() {
    let (a, b) = (side(), side());
    for each in [&a, &b] {
        let codecs = each.session.codecs_without_config();
        assert!(codecs.iter().any(|c| c.is_encoding("X-DATA") && c.clock_rate == 90000), "{codecs:?}");
        each.prefer(&Codec::new(Codec::ID_ANY, "X-DATA", MediaType::Application, 90000));
        each.play();
    }
    let (of_a, of_b) = (a.open(2), b.open(2));
    b.stream.set_remote_codecs(&a.session.codecs_without_config()).unwrap();
    a.stream.set_remote_codecs(&b.session.codecs_without_config()).unwrap();
    a.stream.force_remote_candidates(&of_b).unwrap();
    b.stream.force_remote_candidates(&of_a).unwrap();
    let long: Vec<u8> = (0..=255).cycle().take(5000).collect();
    let mut sent = Vec::new();
    for n in 0..50u32 {
        let message = if n == 25 { long.clone() } else { n.to_be_bytes().to_vec() };
        say(&a, &message);
        say(&b, b"hello");
        sent.extend(message);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    a.wait(50);
    b.wait(49 + 5);
    assert_eq!(b.got.all().concat(), sent);
    assert_eq!(a.got.all(), vec![b"hello".to_vec(); 50]);
    a.end();
    b.end();
}
