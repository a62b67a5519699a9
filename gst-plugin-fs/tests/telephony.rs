//! Telephony events end to end: two conferences in one process over rawudp on 127.0.0.1.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use fs_core::enums::DtmfMethod;
use fs_core::messages::Parsed;
use fs_core::prelude::*;
use fs_proto::{Codec, StreamDirection};
use gst::prelude::*;

use support::peer::{Peer, listening, rtp, wait_until};
use support::{Side, audio};

const LOW: f64 = 440.0;
const HIGH: f64 = 660.0;
const VOLUME: u8 = 10;
/// The tones of the keys (ITU-T Q.23): rows and columns.
const ROWS: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
/// Row and column of each event from 0 on.
const KEYS: [(usize, usize); 16] = [
    (3, 1),
    (0, 0),
    (0, 1),
    (0, 2),
    (1, 0),
    (1, 1),
    (1, 2),
    (2, 0),
    (2, 1),
    (2, 2),
    (3, 0),
    (3, 2),
    (0, 3),
    (1, 3),
    (2, 3),
    (3, 3),
];

fn events(rate: u32, events: &str) -> Codec {
    audio(Codec::ID_ANY, "telephone-event", rate).with_param("events", events)
}

/// Two sides that agreed on those codecs and hear each other.
fn call(wanted: &[Codec]) -> (Side, Side) {
    let (a, b) = (Side::new("a", LOW, StreamDirection::BOTH), Side::new("b", HIGH, StreamDirection::BOTH));
    for side in [&a, &b] {
        let mut preferences = wanted.to_vec();
        for codec in side.session.codecs_without_config() {
            let is_wanted =
                |w: &Codec| w.is_encoding(&codec.encoding_name) && w.clock_rate == codec.clock_rate;
            if !wanted.iter().any(is_wanted) {
                preferences.push(Codec { id: Codec::ID_DISABLE, ..codec });
            }
        }
        side.session.set_codec_preferences(&preferences).unwrap();
    }
    let (of_a, of_b) = (a.open(), b.open());
    b.stream.set_remote_codecs(&a.session.codecs_without_config()).unwrap();
    a.stream.set_remote_codecs(&b.session.codecs_without_config()).unwrap();
    a.stream.force_remote_candidates(&of_b).unwrap();
    b.stream.force_remote_candidates(&of_a).unwrap();
    a.heard.wait_for_tone(HIGH);
    b.heard.wait_for_tone(LOW);
    (a, b)
}

fn wait_started(side: &Side) -> (DtmfMethod, u8) {
    side.wait_for(|message| match message {
        Parsed::TelephonyEventStarted { session, method, event, volume } => {
            assert_eq!((session, volume), (side.session.clone(), VOLUME));
            Some((method, event))
        }
        _ => None,
    })
}

fn wait_stopped(side: &Side) -> DtmfMethod {
    side.wait_for(|message| match message {
        Parsed::TelephonyEventStarted { event, .. } => panic!("event {event} began before the other ended"),
        Parsed::TelephonyEventStopped { session, method } => {
            assert_eq!(session, side.session);
            Some(method)
        }
        _ => None,
    })
}

/// Waits for the next message about received events, which has to be a beginning: its code and SSRC.
fn wait_begun(side: &Side) -> (u8, u32) {
    side.wait_for(|message| match message {
        Parsed::TelephonyEventReceived { session, stream, event, volume, ssrc } => {
            assert_eq!((session, stream, volume), (side.session.clone(), side.stream.clone(), VOLUME));
            Some((event, ssrc))
        }
        Parsed::TelephonyEventReceivedEnded { event, .. } => {
            panic!("event {event} ended without having begun")
        }
        _ => None,
    })
}

/// Waits for the next message about received events, which has to be the end of that one: its duration.
fn wait_over(side: &Side, begun: (u8, u32)) -> u32 {
    side.wait_for(|message| match message {
        Parsed::TelephonyEventReceived { event, .. } => panic!("event {event} began before the other ended"),
        Parsed::TelephonyEventReceivedEnded { session, stream, event, ssrc, duration } => {
            assert_eq!((session, stream), (side.session.clone(), side.stream.clone()));
            assert_eq!((event, ssrc), begun);
            Some(duration)
        }
        _ => None,
    })
}

/// Waits for one received event from begin to end: its code and duration.
fn wait_received(side: &Side) -> (u8, u32) {
    let begun = wait_begun(side);
    (begun.0, wait_over(side, begun))
}

/// No message about events comes any more.
fn assert_no_more_events(side: &Side) {
    std::thread::sleep(Duration::from_millis(700));
    let messages = side.messages.lock().unwrap();
    while let Ok(message) = messages.try_recv() {
        let name = message.structure().unwrap().name().to_string();
        assert!(!name.contains("telephony"), "{:?}", message.structure());
    }
}

fn press(from: &Side, event: u8) {
    assert!(from.session.start_telephony_event(event, VOLUME));
    assert!(from.session.stop_telephony_event());
}

#[test]
fn every_key_both_ways_as_packets() {
    let (a, b) = call(&[audio(0, "PCMU", 8000), events(8000, "0-15")]);
    for (from, to) in [(&a, &b), (&b, &a)] {
        for event in 0..16 {
            press(from, event);
            assert_eq!(wait_started(from), (DtmfMethod::RtpRfc4733, event));
            assert_eq!(wait_stopped(from), DtmfMethod::RtpRfc4733);
            let (received, duration) = wait_received(to);
            assert_eq!(received, event);
            assert!((80..400).contains(&duration), "event {event} lasted {duration} ms");
        }
        assert_no_more_events(to);
        assert_no_more_events(from);
    }
    // Afterwards the sound goes on, and the elements are gone.
    for (side, tone) in [(&a, HIGH), (&b, LOW)] {
        side.heard.clear();
        side.heard.wait_for_tone(tone);
        let left = side.conference.children();
        assert!(left.iter().all(|child| !child.name().starts_with("send_event")), "{left:?}");
        assert!(side.errors.lock().unwrap().is_empty(), "{:?}", side.errors.lock().unwrap());
    }
    a.end();
    b.end();
}

#[test]
fn every_key_as_a_tone_where_packets_are_not_agreed() {
    let (a, b) = call(&[audio(0, "PCMU", 8000)]);
    for event in 0..16u8 {
        assert!(a.session.start_telephony_event(event, VOLUME));
        assert_eq!(wait_started(&a), (DtmfMethod::Sound, event));
        let (row, column) = KEYS[usize::from(event)];
        let end = Instant::now() + support::PATIENCE;
        loop {
            let (low, high) = (b.heard.share(ROWS[row], 100), b.heard.share(COLUMNS[column], 100));
            if low + high > 0.9 && low.min(high) > 0.3 {
                break;
            }
            assert!(
                Instant::now() < end,
                "event {event}: {low:.2} at {}, {high:.2} at {}",
                ROWS[row],
                COLUMNS[column]
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(a.session.stop_telephony_event());
        assert_eq!(wait_stopped(&a), DtmfMethod::Sound);
    }
    b.heard.clear();
    b.heard.wait_for_tone(LOW);
    assert_no_more_events(&b);
    a.end();
    b.end();
}

#[test]
fn a_long_event_is_one_event_at_each_clock_rate() {
    for (codec, rate) in [
        (audio(Codec::ID_ANY, "OPUS", 48000), 48000),
        (audio(Codec::ID_ANY, "SPEEX", 16000), 16000),
        (audio(0, "PCMU", 8000), 8000),
    ] {
        let (a, b) = call(&[codec, events(rate, "0-15")]);
        let began = Instant::now();
        assert!(a.session.start_telephony_event(11, VOLUME));
        wait_started(&a);
        std::thread::sleep(Duration::from_millis(3200));
        assert!(a.session.stop_telephony_event());
        wait_stopped(&a);
        let most = began.elapsed();
        let (event, duration) = wait_received(&b);
        assert_eq!(event, 11);
        let duration = Duration::from_millis(duration.into());
        assert!(duration >= Duration::from_millis(3000) && duration <= most, "{duration:?} of {most:?}");
        assert_no_more_events(&b);
        a.end();
        b.end();
    }
}

#[test]
fn a_start_before_the_last_stop_takes_its_turn() {
    let (a, b) = call(&[audio(0, "PCMU", 8000), events(8000, "0-15")]);
    assert!(a.session.start_telephony_event(1, VOLUME));
    wait_started(&a);
    assert!(a.session.start_telephony_event(2, VOLUME));
    assert_eq!(wait_stopped(&a), DtmfMethod::RtpRfc4733);
    assert!(a.session.stop_telephony_event());
    assert!(!a.session.stop_telephony_event());
    assert_eq!(wait_started(&a).1, 2);
    wait_stopped(&a);
    assert_eq!([wait_received(&b).0, wait_received(&b).0], [1, 2]);
    // Typed ahead: all come, in their order.
    for event in [3, 3, 4] {
        press(&a, event);
    }
    assert_eq!([wait_received(&b).0, wait_received(&b).0, wait_received(&b).0], [3, 3, 4]);
    assert_no_more_events(&b);
    a.end();
    b.end();
}

#[test]
fn events_that_are_no_keys_arrive_as_they_are() {
    let (a, b) = call(&[audio(0, "PCMU", 8000), events(8000, "0-16,32-36,255")]);
    for event in [16, 17, 32, 66, 255] {
        press(&a, event);
        assert_eq!(wait_started(&a), (DtmfMethod::RtpRfc4733, event));
        wait_stopped(&a);
        assert_eq!(wait_received(&b).0, event);
    }
    assert_no_more_events(&b);
    a.end();
    b.end();
}

#[test]
fn each_clock_rate_has_its_events_and_the_send_codec_chooses() {
    let side = Side::new("a", LOW, StreamDirection::BOTH);
    let offer = side.session.codecs_without_config();
    let rates: HashSet<u32> =
        offer.iter().filter(|c| c.is_encoding("telephone-event")).map(|c| c.clock_rate).collect();
    assert!(rates.contains(&8000) && rates.contains(&48000), "{offer:?}");
    let media: HashSet<u32> =
        offer.iter().filter(|c| !c.is_encoding("telephone-event")).map(|c| c.clock_rate).collect();
    assert_eq!(rates, media);
    let ids: HashSet<i32> = offer.iter().map(|c| c.id).collect();
    assert_eq!(ids.len(), offer.len(), "payload types are unique");
    side.end();

    let (a, b) = call(&[
        audio(Codec::ID_ANY, "OPUS", 48000),
        audio(0, "PCMU", 8000),
        events(48000, "0-15"),
        events(8000, "0-15"),
    ]);
    let agreed = a.session.codecs_without_config();
    for (name, rate) in [("OPUS", 48000), ("PCMU", 8000), ("OPUS", 48000)] {
        let codec = agreed.iter().find(|c| c.is_encoding(name)).unwrap();
        let with = agreed.iter().find(|c| c.is_encoding("telephone-event") && c.clock_rate == rate).unwrap();
        if !a.session.current_send_codec().unwrap().is_encoding(name) {
            a.session.set_send_codec(codec).unwrap();
            a.wait_for(|message| match message {
                Parsed::Error { text, .. } => panic!("{text}"),
                Parsed::SendCodecChanged { codec, secondary_codecs, .. } if codec.is_encoding(name) => {
                    assert_eq!(secondary_codecs, std::slice::from_ref(with));
                    Some(())
                }
                _ => None,
            });
        }
        press(&a, 7);
        assert_eq!(wait_started(&a), (DtmfMethod::RtpRfc4733, 7));
        wait_stopped(&a);
        let (event, duration) = wait_received(&b);
        assert_eq!(event, 7);
        assert!((80..400).contains(&duration), "{duration} ms at {rate} Hz");
        let received = b.stream.current_recv_codecs();
        assert!(
            received.iter().any(|c| c.is_encoding("telephone-event") && c.clock_rate == rate),
            "{received:?}"
        );
    }
    assert_no_more_events(&b);
    a.end();
    b.end();
}

#[test]
fn an_event_waits_until_there_is_a_way_to_send_it() {
    let side = Side::new("a", LOW, StreamDirection::BOTH);
    assert!(side.session.stop_telephony_event(), "an empty queue takes a stop");
    assert!(!side.session.stop_telephony_event());
    assert!(side.session.start_telephony_event(5, VOLUME));
    assert!(!side.session.start_telephony_event(5, VOLUME));
    assert!(side.session.stop_telephony_event());
    let peer = Peer::new();
    side.open();
    side.stream.set_remote_codecs(&[audio(0, "PCMU", 8000), audio(101, "telephone-event", 8000)]).unwrap();
    side.stream.force_remote_candidates(&[peer.candidate(1), peer.candidate(2)]).unwrap();
    assert_eq!(wait_started(&side), (DtmfMethod::RtpRfc4733, 5));
    wait_stopped(&side);
    let session = side.session.clone();
    side.end();
    assert!(!session.start_telephony_event(5, VOLUME), "after the end");
    assert!(!session.stop_telephony_event());
}

#[test]
fn packets_are_as_rfc_4733_has_them() {
    let side = Side::new("a", LOW, StreamDirection::BOTH);
    let peer = Peer::new();
    side.open();
    side.stream.set_remote_codecs(&[audio(0, "PCMU", 8000), audio(101, "telephone-event", 8000)]).unwrap();
    side.stream.force_remote_candidates(&[peer.candidate(1), peer.candidate(2)]).unwrap();
    peer.socket.set_read_timeout(Some(support::PATIENCE)).unwrap();
    press(&side, 9);
    let (mut packets, mut media, mut last_sequence, mut ssrc) = (Vec::new(), 0, None, None);
    let mut buffer = [0; 1500];
    while media < 5 {
        let size = peer.socket.recv(&mut buffer).unwrap();
        let packet = buffer[..size].to_vec();
        if (200..=211).contains(&packet[1]) {
            continue;
        }
        let sequence = u16::from_be_bytes([packet[2], packet[3]]);
        assert_eq!(
            last_sequence.map_or(sequence, |last: u16| last.wrapping_add(1)),
            sequence,
            "one sequence"
        );
        last_sequence = Some(sequence);
        assert_eq!(*ssrc.get_or_insert(packet[8..12].to_vec()), packet[8..12], "one source");
        match packet[1] & 0x7f {
            101 => packets.push(packet),
            0 if packets.last().is_some_and(|p| p[13] & 0x80 != 0) => media += 1,
            0 => assert!(packets.is_empty(), "sound waits for the event"),
            other => panic!("payload type {other}"),
        }
    }
    assert!(packets.len() >= 6, "{}", packets.len());
    let timestamps: HashSet<&[u8]> = packets.iter().map(|p| &p[4..8]).collect();
    assert_eq!(timestamps.len(), 1, "one timestamp for the whole event");
    assert_eq!(packets.iter().filter(|p| p[1] & 0x80 != 0).count(), 1);
    assert!(packets[0][1] & 0x80 != 0, "the first has the marker");
    assert_eq!(packets.iter().filter(|p| p[13] & 0x80 != 0).count(), 3, "the end is said three times");
    assert!(packets.iter().all(|p| p.len() == 16 && p[12] == 9 && p[13] & 0x7f == VOLUME));
    assert!(packets.is_sorted_by_key(|p| u16::from_be_bytes([p[14], p[15]])));
    side.end();
}

/// A telephone-event packet.
fn event_packet(sequence: u16, timestamp: u32, ssrc: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = rtp(101, sequence, ssrc);
    packet.truncate(12);
    packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
    packet.extend(payload);
    packet
}

#[test]
fn lost_repeated_and_broken_packets_make_no_false_events() {
    let (side, address, _) = listening(0);
    side.stream.set_remote_codecs(&[audio(0, "PCMU", 8000), audio(101, "telephone-event", 8000)]).unwrap();
    let peer = Peer::new();
    side.stream.force_remote_candidates(&[peer.candidate(1), peer.candidate(2)]).unwrap();
    let mut sequence = 100;
    let mut send = |timestamp: u32, payload: &[u8]| {
        peer.socket.send_to(&event_packet(sequence, timestamp, 0x77, payload), address).unwrap();
        sequence += 1;
        std::thread::sleep(Duration::from_millis(20));
    };
    for duration in [160u16, 320, 480] {
        let [high, low] = duration.to_be_bytes();
        send(8000, &[5, VOLUME, high, low]);
    }
    for _ in 0..3 {
        send(8000, &[5, 0x80 | VOLUME, 2, 0x80]);
    }
    assert_eq!(wait_received(&side), (5, 80));
    for garbage in [&[][..], &[5], &[5, 10, 0]] {
        send(16000, garbage);
    }
    // Its end is lost.
    send(24000, &[6, VOLUME, 1, 0x40]);
    assert_eq!(wait_received(&side), (6, 40));
    // Only its end came through.
    send(32000, &[7, 0x80 | VOLUME, 3, 0x20]);
    assert_eq!(wait_received(&side), (7, 100));
    // It plays when the direction closes, and when the source is gone.
    send(40000, &[8, VOLUME, 1, 0x40]);
    side.stream.set_direction(StreamDirection::SEND);
    send(40000, &[8, 0x80 | VOLUME, 2, 0x80]);
    assert_eq!(wait_received(&side), (8, 40));
    send(48000, &[9, 0x80 | VOLUME, 2, 0x80]);
    assert_no_more_events(&side);
    side.end();
}

#[test]
fn the_agreement_changes_while_an_event_is_sent() {
    let (a, b) = call(&[audio(0, "PCMU", 8000), events(8000, "0-15")]);
    assert!(a.session.start_telephony_event(3, VOLUME));
    wait_started(&a);
    let without: Vec<Codec> =
        a.session.codecs_without_config().into_iter().filter(|c| c.is_encoding("PCMU")).collect();
    a.stream.set_remote_codecs(&without).unwrap();
    assert_eq!(wait_stopped(&a), DtmfMethod::RtpRfc4733);
    assert_eq!(wait_received(&b).0, 3);
    assert!(a.session.stop_telephony_event(), "too late, but no error");
    press(&a, 4);
    assert_eq!(wait_started(&a), (DtmfMethod::Sound, 4));
    wait_stopped(&a);
    a.end();
    b.end();
}

#[test]
fn the_send_codec_changes_its_rate_while_an_event_is_sent() {
    let (a, b) = call(&[
        audio(Codec::ID_ANY, "OPUS", 48000),
        audio(0, "PCMU", 8000),
        events(48000, "0-15"),
        events(8000, "0-15"),
    ]);
    for (event, name) in [(1, "PCMU"), (2, "OPUS"), (3, "PCMU")] {
        assert!(a.session.start_telephony_event(event, VOLUME));
        assert_eq!(wait_started(&a), (DtmfMethod::RtpRfc4733, event));
        let begun = wait_begun(&b);
        let codec = a.session.codecs_without_config().into_iter().find(|c| c.is_encoding(name)).unwrap();
        a.session.set_send_codec(&codec).unwrap();
        assert_eq!(wait_stopped(&a), DtmfMethod::RtpRfc4733);
        wait_over(&b, begun);
        wait_until("the change", || a.session.current_send_codec().unwrap().is_encoding(name));
        b.heard.clear();
        b.heard.wait_for_tone(LOW);
    }
    assert_no_more_events(&b);
    a.end();
    b.end();
}

#[test]
fn the_session_ends_while_an_event_is_sent() {
    for codecs in [vec![audio(0, "PCMU", 8000), events(8000, "0-15")], vec![audio(0, "PCMU", 8000)]] {
        let (a, b) = call(&codecs);
        let weak = a.session.downgrade();
        assert!(a.session.start_telephony_event(3, VOLUME));
        wait_started(&a);
        let conference = a.conference.clone();
        a.end();
        assert_eq!(conference.children().len(), 1, "only rtpbin is left: {:?}", conference.children());
        wait_until("the end of the session", || weak.upgrade().is_none());
        b.end();
    }
}
