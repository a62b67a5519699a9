//! Which stream a received SSRC goes to, and what ends it. A socket of the test plays the peer.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fs_core::Stream;
use fs_core::messages::Parsed;
use fs_core::prelude::*;
use fs_proto::StreamDirection;
use gst::prelude::*;

use support::peer::{Peer, listening, rtcp, rtp, wait_until};
use support::{Side, audio};

fn pads(side: &Side) -> usize {
    side.stream.iterate_src_pads().len()
}

fn second_stream(side: &Side) -> (Stream, Arc<Mutex<Vec<String>>>) {
    let participant = side.conference.new_participant().unwrap();
    let stream = side.session.new_stream(&participant, StreamDirection::BOTH).unwrap();
    stream.set_remote_codecs(&[audio(0, "PCMU", 8000)]).unwrap();
    let names = Arc::<Mutex<Vec<String>>>::default();
    let known = names.clone();
    stream.connect_src_pad_added(move |_, pad, _| known.lock().unwrap().push(pad.name().to_string()));
    (stream, names)
}

#[test]
fn the_address_tells() {
    let (side, to, _) = listening(-1);
    let mut peer = Peer::new();
    side.stream.force_remote_candidates(&[peer.candidate(1), peer.candidate(2)]).unwrap();
    let (other, of_other) = second_stream(&side);
    peer.speak(to, 0x0a0b_0c0d);
    wait_until("a pad", || pads(&side) == 1);
    assert_eq!(side.pads.lock().unwrap()[0].0, format!("src_1_{}_0", 0x0a0b_0c0d));
    assert!(of_other.lock().unwrap().is_empty());
    side.heard.wait(100);
    other.destroy();
    side.end();
}

#[test]
fn a_named_ssrc_goes_to_whoever_named_it() {
    let (side, to, _) = listening(-1);
    let (other, of_other) = second_stream(&side);
    let mut peer = Peer::new();
    peer.speak(to, 77);
    // Nobody knows whose it is, until the application says so.
    wait_until("rtpbin's pad", || side.conference.by_name("recv_1_77_0").is_some());
    assert_eq!(pads(&side), 0);
    other.add_id(77);
    wait_until("a pad", || of_other.lock().unwrap().len() == 1);
    assert_eq!(pads(&side), 0);
    // It is free again when that stream goes, and the pad is gone with it.
    other.destroy();
    assert!(side.conference.static_pad("src_1_77_0").is_none());
    side.stream.add_id(77);
    wait_until("a pad of the first stream", || pads(&side) == 1);
    side.heard.wait(100);
    side.end();
}

#[test]
fn the_cname_tells() {
    let (side, to, control) = listening(-1);
    let (other, of_other) = second_stream(&side);
    side.participant.set_property("cname", "bob@example.org");
    let mut peer = Peer::new();
    peer.speak(to, 78);
    wait_until("rtpbin's pad", || side.conference.by_name("recv_1_78_0").is_some());
    peer.socket.send_to(&rtcp(78, "bob@example.org", false), control).unwrap();
    wait_until("a pad", || pads(&side) == 1);
    assert!(of_other.lock().unwrap().is_empty());
    side.heard.wait(20);
    other.destroy();
    side.end();
}

#[test]
fn the_only_stream_gets_what_nobody_claims() {
    for timeout in [0, 300] {
        let (side, to, _) = listening(timeout);
        let mut peer = Peer::new();
        peer.speak(to, 79);
        wait_until("a pad", || pads(&side) == 1);
        side.heard.wait(100);
        side.end();
    }
}

#[test]
fn with_two_streams_nobody_guesses() {
    let (side, to, _) = listening(50);
    let (other, of_other) = second_stream(&side);
    let mut peer = Peer::new();
    peer.speak(to, 80);
    wait_until("rtpbin's pad", || side.conference.by_name("recv_1_80_0").is_some());
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(pads(&side) + of_other.lock().unwrap().len(), 0);
    other.destroy();
    side.end();
}

#[test]
fn goodbye_removes_the_pad_and_a_return_brings_a_new_one() {
    let (side, to, control) = listening(-1);
    let mut peer = Peer::new();
    side.stream.force_remote_candidates(&[peer.candidate(1), peer.candidate(2)]).unwrap();
    peer.speak(to, 81);
    side.heard.wait(100);
    peer.hush();
    peer.socket.send_to(&rtcp(81, "x", true), control).unwrap();
    wait_until("removal", || pads(&side) == 0 && side.conference.static_pad("src_1_81_0").is_none());
    assert!(side.conference.by_name("recv_1_81_0").is_none());
    assert!(side.stream.current_recv_codecs().is_empty());
    side.heard.clear();
    peer.speak(to, 82);
    wait_until("a new pad", || pads(&side) == 1);
    side.heard.wait(100);
    side.end();
}

#[test]
fn garbage_and_unknown_payload_types_do_no_harm() {
    let (side, to, control) = listening(-1);
    let mut peer = Peer::new();
    side.stream.force_remote_candidates(&[peer.candidate(1), peer.candidate(2)]).unwrap();
    peer.speak(to, 83);
    side.heard.wait(100);
    for n in 0..300u16 {
        for packet in [rtp(77, n, 83), rtp(99, n, 4711), rtp(0, n, 5000 + u32::from(n))] {
            peer.socket.send_to(&packet, to).unwrap();
        }
        for length in [0, 1, 8, 11, 12, 13] {
            peer.socket.send_to(&rtp(0, n, 84)[..length], to).unwrap();
            peer.socket.send_to(&rtcp(84, "y", true)[..length], control).unwrap();
        }
        peer.socket.send_to(&[0xff; 64], to).unwrap();
        peer.socket.send_to(&[0xff; 64], control).unwrap();
    }
    side.heard.clear();
    side.heard.wait(200);
    let buffers =
        side.conference.children().iter().filter(|c| c.name().starts_with("input_recv_valve")).count();
    assert!((1..=64).contains(&buffers), "{buffers} substreams");
    let errors = side.errors.lock().unwrap();
    assert!(errors.is_empty(), "{errors:?}");
    drop(errors);
    side.end();
}

#[test]
fn what_is_unlinked_goes_on_when_linked_again() {
    let (side, to, _) = listening(-1);
    let mut peer = Peer::new();
    side.stream.force_remote_candidates(&[peer.candidate(1), peer.candidate(2)]).unwrap();
    peer.speak(to, 85);
    side.heard.wait(100);
    let pad = side.conference.static_pad("src_1_85_0").unwrap();
    let ear = pad.peer().unwrap();
    pad.unlink(&ear).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    side.heard.clear();
    pad.link(&ear).unwrap();
    side.heard.wait(200);
    side.end();
}

#[test]
fn a_stopped_pipeline_plays_again() {
    let (side, to, _) = listening(-1);
    let mut peer = Peer::new();
    side.stream.force_remote_candidates(&[peer.candidate(1), peer.candidate(2)]).unwrap();
    peer.speak(to, 86);
    side.heard.wait(100);
    side.pipeline.set_state(gst::State::Null).unwrap();
    assert_eq!(pads(&side), 0);
    side.heard.clear();
    side.pipeline.set_state(gst::State::Playing).unwrap();
    wait_until("a new pad", || pads(&side) == 1);
    side.heard.wait(200);
    side.end();
}

#[test]
fn the_last_reference_may_go_without_destroy() {
    let (side, to, _) = listening(-1);
    let mut peer = Peer::new();
    side.stream.force_remote_candidates(&[peer.candidate(1), peer.candidate(2)]).unwrap();
    peer.speak(to, 88);
    side.heard.wait(100);
    let (session, stream) = (side.session.downgrade(), side.stream.downgrade());
    side.source.set_locked_state(true);
    let _ = side.source.set_state(gst::State::Null);
    let Side { pipeline, conference, session: s, stream: st, messages, participant, .. } = side;
    drop((messages, participant, st));
    wait_until("the stream's end", || stream.upgrade().is_none());
    drop(s);
    wait_until("the session's end", || session.upgrade().is_none());
    wait_until("an empty conference", || conference.children().len() == 1);
    pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn two_sessions_of_one_conference_keep_apart() {
    let (side, to, _) = listening(-1);
    let second = side.conference.new_session(fs_proto::MediaType::Audio).unwrap();
    let stream = second.new_stream(&side.participant, StreamDirection::RECV).unwrap();
    stream.set_transmitter("rawudp", &support::loopback()).unwrap();
    stream.set_remote_codecs(&[audio(8, "PCMA", 8000)]).unwrap();
    let mut peer = Peer::new();
    side.stream.force_remote_candidates(&[peer.candidate(1), peer.candidate(2)]).unwrap();
    peer.speak(to, 89);
    side.heard.wait(100);
    assert!(stream.iterate_src_pads().is_empty());
    while !matches!(side.next_message(), Parsed::RecvCodecsChanged { .. }) {}
    second.destroy();
    side.heard.clear();
    side.heard.wait(100);
    side.end();
}
