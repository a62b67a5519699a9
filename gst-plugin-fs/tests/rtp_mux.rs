//! RTCP on the first component, with RTP (RFC 5761).

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fs_core::prelude::*;
use fs_proto::StreamDirection;
use gst::prelude::*;

use support::Side;
use support::ice::{agree, connect, gather, loopback};
use support::peer::{Peer, listening, rtcp, rtp, wait_until};

const LOW: f64 = 440.0;
const HIGH: f64 = 660.0;

/// What comes in over the second component's socket.
fn second_component(side: &Side) -> Arc<AtomicUsize> {
    let count = Arc::<AtomicUsize>::default();
    let counted = count.clone();
    let funnel = side.conference.by_name("recv_rtcp_funnel_1").unwrap();
    let pad = funnel.sink_pads().into_iter().find(|pad| pad.peer().is_some()).unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        gst::PadProbeReturn::Ok
    });
    count
}

fn knows_the_way(side: &Side) -> bool {
    side.stream.property::<gst::Structure>("stats").has_field("round-trip-time")
}

#[test]
fn what_comes_with_rtp_is_understood() {
    let (side, to, _) = listening(-1);
    side.participant.set_property("cname", "bob@example.org");
    let mut peer = Peer::new();
    peer.speak(to, 91);
    wait_until("rtpbin's pad", || side.conference.by_name("recv_1_91_0").is_some());
    assert!(side.stream.iterate_src_pads().is_empty(), "nobody has said whose it is");
    peer.socket.send_to(&rtcp(91, "bob@example.org", false), to).unwrap();
    wait_until("a pad", || side.stream.iterate_src_pads().len() == 1);
    side.heard.wait(100);
    // A marked packet of a payload type below 96 is still RTP; one of those kept for RTCP needs the length of RTCP.
    let mut marked = rtp(0x80 | 72, 40_000, 92);
    marked[4..8].copy_from_slice(&[0; 4]);
    peer.socket.send_to(&marked, to).unwrap();
    peer.hush();
    peer.socket.send_to(&rtcp(91, "bob@example.org", true), to).unwrap();
    wait_until("the end of the pad", || side.stream.iterate_src_pads().is_empty());
    assert!(side.errors.lock().unwrap().is_empty());
    side.end();
}

fn parameters(key: u8) -> gst::Structure {
    gst::Structure::builder("FarstreamSRTP")
        .field("cipher", "aes-128-icm")
        .field("auth", "hmac-sha1-80")
        .field("key", gst::Buffer::from_slice(vec![key; 30]))
        .build()
}

/// Both ways over the first component only: sound, reports, goodbye.
fn call(encrypted: bool) {
    let (a, b) = (Side::new("a", LOW, StreamDirection::BOTH), Side::new("b", HIGH, StreamDirection::BOTH));
    if encrypted {
        for (from, to, key) in [(&a, &b, 1), (&b, &a, 2)] {
            from.session.set_encryption_parameters(Some(&parameters(key))).unwrap();
            to.stream.set_decryption_parameters(Some(&parameters(key))).unwrap();
            to.stream.set_property("require-encryption", true);
        }
    }
    for side in [&a, &b] {
        side.stream.set_property("send-rtcp-mux", true);
    }
    let (mut told_a, mut told_b) = (gather(&a, &loopback(true)), gather(&b, &loopback(false)));
    let idle = [&a, &b].map(|side| {
        assert!(side.stream.property::<bool>("send-rtcp-mux"), "the transmitter can do it");
        second_component(side)
    });
    agree(&a, &b);
    connect((&a, &mut told_a), (&b, &mut told_b), |_| true);
    a.heard.wait_for_tone(HIGH);
    b.heard.wait_for_tone(LOW);
    wait_until("reports both ways", || knows_the_way(&a) && knows_the_way(&b));
    for count in idle {
        assert_eq!(count.load(Ordering::Relaxed), 0, "nothing came over the second component");
    }
    // The goodbye at the end of a session comes the same way.
    a.source.set_locked_state(true);
    let _ = a.source.set_state(gst::State::Null);
    a.session.sink_pad().send_event(gst::event::Eos::new());
    wait_until("the end of the pad", || b.stream.iterate_src_pads().is_empty());
    a.end();
    b.end();
}

#[test]
fn reports_go_both_ways_with_rtp() {
    call(false);
}

#[test]
fn reports_go_both_ways_with_rtp_encrypted() {
    call(true);
}
