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

/// The funnel gets RTCP of two kinds of pads; GStreamer warns where their events do not fit each other.
#[test]
fn either_component_may_carry_it_in_turn() {
    for first in [0, 1] {
        let (side, to, control) = listening(-1);
        let warnings = Arc::<AtomicUsize>::default();
        let count = warnings.clone();
        let handler = glib::log_set_handler(
            Some("GStreamer"),
            glib::LogLevels::LEVEL_WARNING,
            false,
            false,
            move |_, _, text| {
                println!("{text}");
                count.fetch_add(1, Ordering::Relaxed);
            },
        );
        let mut peer = Peer::new();
        side.stream.force_remote_candidates(&[peer.candidate(1), peer.candidate(2)]).unwrap();
        peer.speak(to, 91);
        side.heard.wait(100);
        let internal = side.session.property::<glib::Object>("internal-session");
        for turn in 0..6u32 {
            let way = [to, control][(first + turn as usize) % 2];
            peer.socket.send_to(&rtcp(1000 + turn, "bob@example.org", false), way).unwrap();
            wait_until("a new source", || {
                let source: Option<glib::Object> =
                    internal.emit_by_name("get-source-by-ssrc", &[&(1000 + turn)]);
                source.is_some()
            });
        }
        glib::log_remove_handler(Some("GStreamer"), handler);
        assert_eq!(warnings.load(Ordering::Relaxed), 0);
        side.end();
    }
}

fn parameters(key: u8) -> gst::Structure {
    gst::Structure::builder("FarstreamSRTP")
        .field("cipher", "aes-128-icm")
        .field("auth", "hmac-sha1-80")
        .field("key", gst::Buffer::from_slice(vec![key; 30]))
        .build()
}

/// Both ways over the first component only: sound, reports, goodbye. `open` makes the transmitters and connects them.
fn call(encrypted: bool, open: impl FnOnce(&Side, &Side) -> [Arc<AtomicUsize>; 2]) {
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
    let idle = open(&a, &b);
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

fn idle(a: &Side, b: &Side) -> [Arc<AtomicUsize>; 2] {
    [a, b].map(|side| {
        assert!(side.stream.property::<bool>("send-rtcp-mux"), "the transmitter can do it");
        second_component(side)
    })
}

fn over_nice(a: &Side, b: &Side) -> [Arc<AtomicUsize>; 2] {
    let (mut told_a, mut told_b) = (gather(a, &loopback(true)), gather(b, &loopback(false)));
    let idle = idle(a, b);
    agree(a, b);
    connect((a, &mut told_a), (b, &mut told_b), |_| true);
    idle
}

fn over_rawudp(a: &Side, b: &Side) -> [Arc<AtomicUsize>; 2] {
    let counts = over_rawudp_undecided(a, b);
    [a, b].into_iter().for_each(|side| assert!(side.stream.property::<bool>("send-rtcp-mux")));
    counts
}

#[test]
fn reports_go_both_ways_with_rtp() {
    call(false, over_nice);
}

#[test]
fn reports_go_both_ways_with_rtp_encrypted() {
    call(true, over_nice);
}

#[test]
fn reports_go_both_ways_with_rtp_over_rawudp() {
    call(false, over_rawudp);
    call(true, over_rawudp);
}

/// The answer says it cannot: what was asked for is taken back, and reports go their own way.
#[test]
fn reports_go_their_own_way_when_it_is_not_agreed() {
    let (a, b) = (Side::new("a", LOW, StreamDirection::BOTH), Side::new("b", HIGH, StreamDirection::BOTH));
    a.stream.set_property("send-rtcp-mux", true);
    let [of_a, of_b] = over_rawudp_undecided(&a, &b);
    wait_until("reports of b over the second component", || of_a.load(Ordering::Relaxed) > 0);
    a.heard.wait_for_tone(HIGH);
    assert_eq!(of_b.load(Ordering::Relaxed), 0, "a sends them with RTP");
    a.stream.set_property("send-rtcp-mux", false);
    assert!(!a.stream.property::<bool>("send-rtcp-mux"));
    wait_until("reports of a over the second component", || of_b.load(Ordering::Relaxed) > 0);
    a.end();
    b.end();
}

/// Whoever asked for it sends reports with RTP.
fn over_rawudp_undecided(a: &Side, b: &Side) -> [Arc<AtomicUsize>; 2] {
    let (of_a, of_b) = (a.open(), b.open());
    let counts = [a, b].map(second_component);
    agree(a, b);
    a.stream.force_remote_candidates(&of_b).unwrap();
    b.stream.force_remote_candidates(&of_a).unwrap();
    counts
}
