//! A peer that changes SSRC, sequence numbers or payload type in mid-call, as transfers, holds and re-INVITEs make it.
//! A socket of the test plays the peer; each of its packets has a sound of its own, so the test knows which were heard.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fs_core::prelude::*;
use gst::prelude::*;

use support::Side;
use support::peer::{Peer, listening, wait_until};

const PCMU: u8 = 0;
const PCMA: u8 = 8;
/// How many packets may be lost when the peer changes.
const MAY_BE_LOST: usize = 3;
/// Packets before and after a change.
const PART: usize = 25;

/// What one packet of that number sounds like: a constant.
fn code(number: usize) -> u8 {
    0x80 + u8::try_from(number % 100).unwrap()
}

/// ITU-T G.711.
fn decode(pt: u8, code: u8) -> i16 {
    if pt == PCMU {
        let code = !code;
        let size = (i32::from(code & 0x0f) << 3) + 0x84;
        let size = (size << ((code & 0x70) >> 4)) - 0x84;
        return i16::try_from(if code & 0x80 != 0 { -size } else { size }).unwrap();
    }
    let code = code ^ 0x55;
    let (step, segment) = (i32::from(code & 0x0f) << 4, (code & 0x70) >> 4);
    let size = if segment == 0 { step + 8 } else { (step + 0x108) << (segment - 1) };
    i16::try_from(if code & 0x80 != 0 { size } else { -size }).unwrap()
}

/// How the peer sends at present.
#[derive(Clone, Copy)]
struct Way {
    pt: u8,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
}

/// Sends packets in real time and knows what each sounds like.
struct Speaker {
    to: SocketAddr,
    way: Way,
    sent: Vec<i16>,
    due: Instant,
}

impl Speaker {
    fn new(to: SocketAddr) -> Self {
        let way = Way { pt: PCMU, ssrc: 0x1000_0001, sequence: 30_000, timestamp: 1_000_000 };
        Self { to, way, sent: Vec::new(), due: Instant::now() }
    }

    fn speak(&mut self, from: &Peer, packets: usize) {
        for _ in 0..packets {
            let code = code(self.sent.len());
            let mut packet = support::peer::rtp(self.way.pt, self.way.sequence, self.way.ssrc);
            packet[4..8].copy_from_slice(&self.way.timestamp.to_be_bytes());
            packet[12..].fill(code);
            std::thread::sleep(self.due.saturating_duration_since(Instant::now()));
            from.socket.send_to(&packet, self.to).unwrap();
            self.sent.push(decode(self.way.pt, code));
            self.due += Duration::from_millis(20);
            self.way.sequence = self.way.sequence.wrapping_add(1);
            self.way.timestamp = self.way.timestamp.wrapping_add(160);
        }
    }

    /// Silence of the network, while the peer's clock runs on.
    fn pause(&mut self, packets: u32) {
        self.due += Duration::from_millis(20) * packets;
        self.way.timestamp = self.way.timestamp.wrapping_add(160 * packets);
    }
}

/// The numbers of the packets that were heard, in order.
fn heard(side: &Side, sent: &[i16]) -> Vec<usize> {
    let mut numbers: Vec<usize> = Vec::new();
    let samples = side.heard.samples();
    for packet in samples.chunk_by(|a, b| a == b).filter(|run| run.len() >= 80) {
        let from = numbers.last().map_or(0, |last| last + 1);
        if let Some(more) = sent.get(from..).and_then(|rest| rest.iter().position(|s| *s == packet[0])) {
            numbers.push(from + more);
        }
    }
    numbers
}

/// Speaks, changes, speaks on: nothing but the first few packets after the change is lost.
fn check(what: &str, change: impl FnOnce(&mut Speaker, &mut Peer, &Side)) {
    let (side, to, _) = listening(-1);
    let mut peer = Peer::new();
    side.stream.force_remote_candidates(&[peer.candidate(1), peer.candidate(2)]).unwrap();
    let mut speaker = Speaker::new(to);
    speaker.speak(&peer, PART);
    let before = speaker.way;
    let old_pad = format!("src_1_{}_{}", before.ssrc, before.pt);
    change(&mut speaker, &mut peer, &side);
    let same_source = (before.ssrc, before.pt) == (speaker.way.ssrc, speaker.way.pt);
    speaker.speak(&peer, PART);
    let last = speaker.sent.len() - 1;
    wait_until(what, || heard(&side, &speaker.sent).last() == Some(&last));
    let heard = heard(&side, &speaker.sent);
    let lost: Vec<usize> = (0..=last).filter(|n| !heard.contains(n)).collect();
    println!("{what}: lost {lost:?}");
    let allowed = PART..PART + MAY_BE_LOST;
    assert!(lost.iter().all(|n| allowed.contains(n)), "{what}: lost {lost:?} of {last}");
    let new_pad = format!("src_1_{}_{}", speaker.way.ssrc, speaker.way.pt);
    if !same_source {
        wait_until(&format!("{what}: the end of the old pad"), || {
            speaker.speak(&peer, 1);
            side.conference.static_pad(&old_pad).is_none()
        });
    }
    assert!(side.conference.static_pad(&new_pad).is_some(), "{what}: {new_pad}");
    let pads: Vec<_> = side.stream.iterate_src_pads().iter().map(|pad| pad.name()).collect();
    assert_eq!(pads, [new_pad.as_str()], "{what}");
    let errors = side.errors.lock().unwrap();
    assert!(errors.is_empty(), "{what}: {errors:?}");
    drop(errors);
    side.end();
}

fn renew(way: &mut Way) {
    *way = Way { ssrc: 0x2000_0002, sequence: 5, timestamp: 77, ..*way };
}

#[test]
fn another_ssrc() {
    check("another SSRC", |speaker, _, _| speaker.way.ssrc = 0x2000_0002);
    check("another SSRC with numbers of its own", |speaker, _, _| renew(&mut speaker.way));
}

#[test]
fn another_sender() {
    check("another sender after a transfer", |speaker, peer, side| {
        *peer = Peer::new();
        side.stream.force_remote_candidates(&[peer.candidate(1), peer.candidate(2)]).unwrap();
        renew(&mut speaker.way);
        speaker.way.pt = PCMA;
    });
}

#[test]
fn other_sequence_numbers() {
    for jump in [20_000, 300, 30, 0u16.wrapping_sub(50), 0u16.wrapping_sub(20_000)] {
        check(&format!("sequence numbers jump by {jump}"), |speaker, _, _| {
            speaker.way.sequence = speaker.way.sequence.wrapping_add(jump);
        });
        check(&format!("sequence numbers jump by {jump}, timestamps too"), |speaker, _, _| {
            speaker.way.sequence = speaker.way.sequence.wrapping_add(jump);
            speaker.way.timestamp = speaker.way.timestamp.wrapping_add(0x1234_5678);
        });
    }
}

#[test]
fn another_payload_type() {
    check("another payload type", |speaker, _, _| speaker.way.pt = PCMA);
    check("another payload type with numbers of its own", |speaker, _, _| {
        speaker.way.pt = PCMA;
        speaker.way.sequence = 7;
        speaker.way.timestamp = 1;
    });
}

#[test]
fn a_hold() {
    check("a hold", |speaker, _, _| speaker.pause(75));
    check("a hold, and another SSRC after it", |speaker, _, _| {
        speaker.pause(75);
        renew(&mut speaker.way);
    });
}

#[test]
fn the_old_payload_type_returns_on_a_pad_of_its_own() {
    let (side, to, _) = listening(-1);
    let peer = Peer::new();
    side.stream.force_remote_candidates(&[peer.candidate(1), peer.candidate(2)]).unwrap();
    let mut speaker = Speaker::new(to);
    for (turn, pt) in [PCMU, PCMA, PCMU, PCMA].into_iter().enumerate() {
        speaker.way.pt = pt;
        wait_until("the only pad", || {
            speaker.speak(&peer, 1);
            let pads = side.stream.iterate_src_pads();
            pads.len() == 1 && pads[0].name().ends_with(&format!("_{pt}"))
        });
        assert_eq!(side.pads.lock().unwrap().len(), turn + 1, "each time a new pad");
        assert_eq!(side.stream.current_recv_codecs()[0].id, i32::from(pt));
    }
    let last = speaker.sent.len() - 1;
    wait_until("the last packet", || heard(&side, &speaker.sent).last() == Some(&last));
    let lost = speaker.sent.len() - heard(&side, &speaker.sent).len();
    assert_eq!(lost, 0, "nothing is lost between the pads");
    // Two codecs at once keep two pads.
    for turn in 0..40 {
        speaker.way.pt = if turn % 2 == 0 { PCMU } else { PCMA };
        speaker.speak(&peer, 1);
    }
    assert_eq!(side.stream.iterate_src_pads().len(), 2);
    assert_eq!(side.pads.lock().unwrap().len(), 5);
    side.end();
}
