//! RTP header extensions (RFC 8285) on the wire: what is agreed is sent, what comes does no harm.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use fs_core::RtpHeaderExtensionList;
use fs_core::prelude::*;
use fs_proto::{Codec, RtpHeaderExtension, StreamDirection};
use gst::prelude::*;

use support::peer::{Peer, listening, rtp, wait_until};
use support::{Side, audio};

/// How loud a packet is (RFC 6464), one octet; GStreamer's payloaders know it.
const LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";

fn extension(id: u32, uri: &str) -> RtpHeaderExtension {
    RtpHeaderExtension { id, direction: StreamDirection::BOTH, uri: uri.to_owned() }
}

fn prefer(side: &Side, list: Vec<RtpHeaderExtension>) {
    side.session.set_property("rtp-header-extension-preferences", RtpHeaderExtensionList(list));
}

fn answer(side: &Side, list: Vec<RtpHeaderExtension>) {
    side.stream.set_property("rtp-header-extensions", RtpHeaderExtensionList(list));
}

fn agreed(side: &Side) -> Vec<RtpHeaderExtension> {
    side.session.property::<RtpHeaderExtensionList>("rtp-header-extensions").0
}

/// The profile and the first octets of the extension of the next media packet that has one, or of any.
fn next_extension(peer: &Peer, wanted: bool) -> Option<(u16, Vec<u8>)> {
    let mut buffer = [0; 1500];
    for _ in 0..500 {
        let size = peer.socket.recv(&mut buffer).unwrap();
        let packet = &buffer[..size];
        if (192..=223).contains(&packet[1]) {
            continue;
        }
        let found = (packet[0] & 0x10 != 0).then(|| {
            let words = usize::from(u16::from_be_bytes([packet[14], packet[15]]));
            (u16::from_be_bytes([packet[12], packet[13]]), packet[16..16 + 4 * words].to_vec())
        });
        if found.is_some() == wanted {
            return found;
        }
    }
    panic!("no packet {} extension", if wanted { "with" } else { "without" });
}

/// Measures how loud it is, which GStreamer's extension for it tells.
fn measure(side: &Side) {
    let sink = side.session.sink_pad();
    let raw = sink.peer().unwrap();
    raw.unlink(&sink).unwrap();
    let level = gst::ElementFactory::make("level").property("audio-level-meta", true).build().unwrap();
    side.pipeline.add(&level).unwrap();
    level.sync_state_with_parent().unwrap();
    level.static_pad("src").unwrap().link(&sink).unwrap();
    raw.link(&level.static_pad("sink").unwrap()).unwrap();
}

#[test]
fn agreed_extensions_are_sent_in_either_form() {
    let (side, _, _) = listening(-1);
    let peer = Peer::new();
    peer.socket.set_read_timeout(Some(support::PATIENCE)).unwrap();
    side.stream.set_remote_codecs(&[audio(0, "PCMU", 8000)]).unwrap();
    side.stream.force_remote_candidates(&[peer.candidate(1), peer.candidate(2)]).unwrap();
    assert!(next_extension(&peer, false).is_none());
    measure(&side);
    // One-byte form.
    prefer(&side, vec![extension(3, LEVEL), extension(4, "urn:x:nobody-knows-it")]);
    answer(&side, vec![extension(3, LEVEL), extension(4, "urn:x:nobody-knows-it")]);
    assert_eq!(agreed(&side).len(), 2);
    wait_until("the one-byte form: id 3, one octet", || {
        let (profile, octets) = next_extension(&peer, true).unwrap();
        (profile, octets[0]) == (0xbede, 3 << 4)
    });
    // The peer renumbers: two-byte form, in mid-call.
    answer(&side, vec![extension(255, LEVEL)]);
    assert_eq!(agreed(&side), [extension(255, LEVEL)]);
    wait_until("the two-byte form", || {
        let (profile, octets) = next_extension(&peer, true).unwrap();
        profile & 0xfff0 == 0x1000 && octets[0] == 255
    });
    // Agreed no more.
    answer(&side, Vec::new());
    assert!(next_extension(&peer, false).is_none());
    assert!(side.errors.lock().unwrap().is_empty());
    side.end();
}

#[test]
fn both_ways_between_two_conferences() {
    let (a, b) = (Side::new("a", 440.0, StreamDirection::BOTH), Side::new("b", 660.0, StreamDirection::BOTH));
    for (side, id) in [(&a, 1), (&b, 200)] {
        prefer(side, vec![extension(id, LEVEL)]);
    }
    let (of_a, of_b) = (a.open(), b.open());
    b.stream.set_remote_codecs(&a.session.codecs_without_config()).unwrap();
    answer(&b, agreed(&a));
    a.stream.set_remote_codecs(&b.session.codecs_without_config()).unwrap();
    answer(&a, agreed(&b));
    assert_eq!(agreed(&a), agreed(&b), "the answer has the ids of the offer");
    a.stream.force_remote_candidates(&of_b).unwrap();
    b.stream.force_remote_candidates(&of_a).unwrap();
    a.heard.wait_for_tone(660.0);
    b.heard.wait_for_tone(440.0);
    // The receiving elements were told what the extension is.
    for side in [&a, &b] {
        let depayloader = side.conference.iterate_recurse().into_iter().flatten().find(|e| {
            e.factory().is_some_and(|f| f.name().ends_with("depay")) && e.static_pad("sink").is_some()
        });
        let caps = depayloader.unwrap().static_pad("sink").unwrap().current_caps().unwrap();
        assert_eq!(caps.structure(0).unwrap().get::<&str>("extmap-1"), Ok(LEVEL), "{caps}");
    }
    a.end();
    b.end();
}

/// A packet with an extension: its profile, the length field, and what follows.
fn extended(sequence: u16, profile: u16, words: u16, octets: &[u8]) -> Vec<u8> {
    let plain = rtp(0, sequence, 0x99);
    let mut packet = plain[..12].to_vec();
    packet[0] |= 0x10;
    packet.extend(profile.to_be_bytes());
    packet.extend(words.to_be_bytes());
    packet.extend(octets);
    packet.extend(&plain[12..]);
    packet
}

#[test]
fn broken_extensions_do_no_harm() {
    let (side, to, _) = listening(-1);
    let peer = Peer::new();
    side.stream.force_remote_candidates(&[peer.candidate(1), peer.candidate(2)]).unwrap();
    let ids = [1, 14, 15, 63, 64, 127, 128, 254, 255];
    let all: Vec<RtpHeaderExtension> = ids.iter().map(|id| extension(*id, LEVEL)).collect();
    prefer(&side, all.clone());
    answer(&side, all);
    let mut sequence = 0;
    let mut send = |profile: u16, words: u16, octets: &[u8]| {
        peer.socket.send_to(&extended(sequence, profile, words, octets), to).unwrap();
        sequence += 1;
        std::thread::sleep(std::time::Duration::from_millis(2));
    };
    for id in 0..=255u8 {
        send(0xbede, 3, &[id, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
        send(0x1000, 3, &[id, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0]);
        send(0x1000, 1, &[id, 255, 1, 2]);
        send(0xbede, 1, &[id | 0x0f, 1, 2, 3]);
    }
    send(0xbede, 0, &[]);
    send(0xbede, u16::MAX, &[0x17; 8]);
    send(0x1000, 400, &[0; 4]);
    side.heard.clear();
    for _ in 0..40 {
        send(0xbede, 3, &[0x17, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0]);
        std::thread::sleep(std::time::Duration::from_millis(18));
    }
    side.heard.wait(300);
    assert!(side.errors.lock().unwrap().is_empty(), "{:?}", side.errors.lock().unwrap());
    side.end();
}

#[test]
fn ids_out_of_range_and_long_lists_are_bounded() {
    let side = Side::new("a", 440.0, StreamDirection::BOTH);
    prefer(&side, (0..10_000).map(|id| extension(id, LEVEL)).collect());
    let kept = agreed(&side);
    assert!(kept.len() <= 255 && kept.iter().all(|e| (1..=255).contains(&e.id)), "{}", kept.len());
    let before: Vec<Codec> = side.session.codecs_without_config();
    answer(&side, (0..10_000).map(|n| extension(u32::MAX - n, &format!("urn:x:{n}"))).collect());
    let error = side.stream.set_remote_codecs(&before).unwrap_err();
    assert!(error.message().contains("10000 header extensions"), "{error}");
    answer(&side, Vec::new());
    side.stream.set_remote_codecs(&before).unwrap();
    assert!(agreed(&side).iter().all(|e| (1..=255).contains(&e.id)));
    side.end();
}
