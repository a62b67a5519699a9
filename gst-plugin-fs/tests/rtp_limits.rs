//! Floods, malformed packets and silence: what a session keeps of them is bounded, and it goes on.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use fs_core::prelude::*;
use gst::prelude::*;

use support::Side;
use support::peer::{Peer, listening, rtcp, rtp, wait_until};

/// SSRCs of a flood.
const FLOOD: u32 = 20_000;
/// What each may cost on average before the session forgets it, in octets of memory.
const OCTETS_PER_SSRC: usize = 4096;

fn speaking(no_rtcp_timeout: i32) -> (Side, Peer, SocketAddr, SocketAddr) {
    let (side, to, control) = listening(no_rtcp_timeout);
    let mut peer = Peer::new();
    side.stream.force_remote_candidates(&[peer.candidate(1), peer.candidate(2)]).unwrap();
    peer.speak(to, 7);
    side.heard.wait(100);
    (side, peer, to, control)
}

fn internal(side: &Side) -> glib::Object {
    side.session.property::<Option<glib::Object>>("internal-session").unwrap()
}

fn known_sources(side: &Side) -> u32 {
    internal(side).property("num-sources")
}

/// Octets of this process in memory.
fn memory() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

fn children(side: &Side) -> usize {
    side.conference.upcast_ref::<gst::Bin>().iterate_recurse().into_iter().count()
}

/// The peer is heard, nothing complained, and the session still does what it is asked for.
fn goes_on(side: &Side) {
    side.heard.clear();
    side.heard.wait(300);
    assert!(side.conference.static_pad("src_1_7_0").is_some());
    side.stream.set_remote_codecs(&[support::audio(0, "PCMU", 8000)]).unwrap();
    assert!(side.errors.lock().unwrap().is_empty(), "{:?}", side.errors.lock().unwrap());
}

/// An SSRC that is new after a flood is heard.
fn a_newcomer_is_heard(side: &Side, peer: &mut Peer, to: SocketAddr) {
    peer.hush();
    peer.speak(to, 99);
    wait_until("the newcomer's pad", || side.conference.static_pad("src_1_99_0").is_some());
    side.heard.clear();
    side.heard.wait(300);
    assert!(known_sources(side) <= 1000, "{} sources are kept", known_sources(side));
}

fn flood(peer: &Peer, to: SocketAddr, packet: impl Fn(u32) -> Vec<u8>) {
    for n in 0..FLOOD {
        peer.socket.send_to(&packet(n), to).unwrap();
        if n % 50 == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn a_flood_of_senders_is_bounded() {
    let (side, mut peer, to, _) = speaking(-1);
    let (before, elements) = (memory(), children(&side));
    let stranger = Peer::new();
    flood(&stranger, to, |n| rtp(0, 1, 0x4000_0000 + n));
    flood(&peer, to, |n| rtp(8, 1, 0x5000_0000 + n));
    goes_on(&side);
    let (grown, sources) = (memory().saturating_sub(before), known_sources(&side));
    println!(
        "{} new SSRCs: {grown} octets, {sources} known, {} elements",
        2 * FLOOD,
        children(&side) - elements
    );
    assert!(sources <= 1000, "{sources} sources are kept");
    assert!(grown < 2 * FLOOD as usize * OCTETS_PER_SSRC);
    a_newcomer_is_heard(&side, &mut peer, to);
    side.end();
}

#[test]
fn a_flood_of_reports_is_bounded() {
    let (side, mut peer, to, control) = speaking(-1);
    for (to, base) in [(control, 0x6000_0000), (to, 0x7000_0000)] {
        flood(&peer, to, |n| rtcp(base + n, &format!("{n}@example.org"), n % 2 == 0));
    }
    goes_on(&side);
    let sources = known_sources(&side);
    println!("{} SSRCs of reports: {sources} known", 2 * FLOOD);
    assert!(sources <= 1000, "{sources} sources are kept");
    a_newcomer_is_heard(&side, &mut peer, to);
    side.end();
}

/// Packets that are as wrong as they can be: each octet of the header changed, each length, and RTCP within RTCP.
#[test]
fn malformed_packets_do_no_harm() {
    let (side, peer, to, control) = speaking(-1);
    let media = rtp(0, 1, 8);
    let report = rtcp(8, "mallory@example.org", true);
    let mut compound = Vec::new();
    for kind in 192..=223u8 {
        // Lengths and counts that do not fit.
        for (count, words) in [(0, 0), (31, 0), (1, 1), (31, 1), (0, 0xffff), (31, 3)] {
            let mut packet = vec![0x80 | count, kind];
            packet.extend(u16::to_be_bytes(words));
            packet.extend([0xaa; 16]);
            compound.extend(&packet);
            for to in [to, control] {
                peer.socket.send_to(&packet, to).unwrap();
                peer.socket.send_to(&[&report[..8], &packet].concat(), to).unwrap();
            }
        }
    }
    peer.socket.send_to(&compound[..1400], control).unwrap();
    for packet in [&media, &report] {
        for at in 0..packet.len().min(40) {
            for value in [0, 0x1f, 0x20, 0x7f, 0x90, 0xa0, 0xb0, 0xbf, 0xff] {
                let mut broken = packet.clone();
                broken[at] = value;
                for to in [to, control] {
                    peer.socket.send_to(&broken, to).unwrap();
                    peer.socket.send_to(&broken[..at], to).unwrap();
                }
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    // Padding longer than the packet, more contributors than there are octets.
    for first in [0xa0, 0x8f, 0xbf] {
        let mut broken = media[..13].to_vec();
        (broken[0], broken[12]) = (first, 0xff);
        peer.socket.send_to(&broken, to).unwrap();
    }
    goes_on(&side);
    side.end();
}

/// Without a goodbye: the pad goes when nothing has come for five report intervals (RFC 3550 section 6.3.5), and comes back with
/// the peer's speech. Reports alone keep it: the peer may be muted.
#[test]
fn silence_removes_the_pad_and_speech_brings_one_back() {
    let [(mute, mut muted, _, control), (dead, mut gone, to, _), (left, mut reported, again, leaves)] =
        [(); 3].map(|()| speaking(-1));
    reported.socket.send_to(&rtcp(7, "bob@example.org", false), leaves).unwrap();
    [&mut muted, &mut gone, &mut reported].into_iter().for_each(Peer::hush);
    for _ in 0..40 {
        muted.socket.send_to(&rtcp(7, "bob@example.org", false), control).unwrap();
        std::thread::sleep(Duration::from_millis(500));
    }
    for side in [&mute, &dead, &left] {
        assert_eq!(side.stream.iterate_src_pads().len(), 1, "each may come back until then");
    }
    for (side, mut peer, to) in [(dead, gone, to), (left, reported, again)] {
        wait_until("the end of the pad", || {
            muted.socket.send_to(&rtcp(7, "bob@example.org", false), control).unwrap();
            side.stream.iterate_src_pads().is_empty()
        });
        assert!(side.conference.static_pad("src_1_7_0").is_none());
        side.heard.clear();
        peer.speak(to, 7);
        wait_until("a new pad", || side.stream.iterate_src_pads().len() == 1);
        side.heard.wait(100);
        side.end();
    }
    assert_eq!(mute.stream.iterate_src_pads().len(), 1, "who reports is not gone");
    mute.end();
}
