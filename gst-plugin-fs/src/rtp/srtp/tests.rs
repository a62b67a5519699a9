//! Keys, roll-overs and replays without a pipeline.

use std::time::{Duration, Instant};

use fs_proto::srtp::{Auth, Cipher, MasterKey, Policy, SrtpParameters};

use super::contexts::Contexts;
use super::header::{Header, Kind};
use super::inbound::Decryptor;
use super::outbound::{Encoders, Outbound, Outcome};

const SSRC: u32 = 0x0102_0304;

fn keyed(cipher: Cipher, auth: Auth, key: u8) -> SrtpParameters {
    gst::init().expect("GStreamer works");
    let policy = Policy { cipher, auth };
    let mut parameters = SrtpParameters { rtp: policy, rtcp: policy, keys: Vec::new(), replay_window: 128 };
    let length = parameters.key_length();
    parameters.keys.push(MasterKey { key: vec![key; length], mki: Vec::new() });
    parameters
}

fn with_key(key: u8) -> SrtpParameters {
    keyed(Cipher::AesCm128, Auth::HmacSha1Tag80, key)
}

fn rtp(ssrc: u32, sequence: u16) -> gst::Buffer {
    let mut packet = vec![0x80, 0];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0; 4]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0x55; 160]);
    gst::Buffer::from_slice(packet)
}

fn rtcp(ssrc: u32) -> gst::Buffer {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend(ssrc.to_be_bytes());
    gst::Buffer::from_slice(packet)
}

fn bytes(packet: &gst::BufferRef) -> Vec<u8> {
    packet.map_readable().unwrap().to_vec()
}

#[derive(Default)]
struct Sender(Outbound);

impl Sender {
    fn rekey(&mut self, parameters: SrtpParameters) {
        let encoders = Encoders::new(&parameters).unwrap();
        let since = self.0.contexts().clone();
        encoders.catch_up(&Contexts::default(), &since);
        self.0.switch(parameters, encoders, &since);
    }

    fn send(&mut self, kind: Kind, packet: gst::Buffer) -> gst::Buffer {
        match self.0.process(kind, packet) {
            Outcome::Pass(packet) => packet,
            other => panic!("{other:?}"),
        }
    }

    fn rtp(&mut self, sequence: u16) -> gst::Buffer {
        self.send(Kind::Rtp, rtp(SSRC, sequence))
    }
}

fn open(decryptor: &mut Decryptor, kind: Kind, packet: &gst::Buffer) -> Option<Vec<u8>> {
    let header = Header::read(kind, packet).unwrap();
    decryptor.process(header, packet.clone()).map(|plain| bytes(&plain))
}

fn successor(old: Decryptor, parameters: SrtpParameters, now: Instant) -> Decryptor {
    let mut new = Decryptor::new(parameters).unwrap();
    new.succeed(old, now);
    new
}

fn long_ago() -> Instant {
    Instant::now().checked_sub(Duration::from_secs(60)).unwrap_or_else(Instant::now)
}

#[test]
fn every_pair_of_cipher_and_authentication_works() {
    for cipher in Cipher::ALL {
        for auth in Auth::ALL {
            let mut parameters = keyed(cipher, auth, 1);
            if cipher != Cipher::Null && !cipher.is_aead() && auth == Auth::Null {
                parameters.rtcp.auth = Auth::HmacSha1Tag80;
            }
            if parameters.validate().is_err() {
                assert!(cipher.is_aead() && auth != Auth::Null);
                continue;
            }
            let mut sender = Sender::default();
            sender.rekey(parameters.clone());
            let mut receiver = Decryptor::new(parameters.clone()).unwrap();
            for (kind, plain) in [(Kind::Rtp, rtp(SSRC, 9)), (Kind::Rtcp, rtcp(SSRC))] {
                let sent = sender.send(kind, plain.clone());
                assert_eq!(open(&mut receiver, kind, &sent).unwrap(), bytes(&plain));
                assert_eq!(
                    bytes(&sent) == bytes(&plain),
                    parameters.is_null(),
                    "{cipher:?} {auth:?} {kind:?}"
                );
                let mut stranger = Decryptor::new(keyed(cipher, auth, 2)).unwrap();
                let policy = if kind == Kind::Rtp { parameters.rtp } else { parameters.rtcp };
                let opened = open(&mut stranger, kind, &sent);
                assert_eq!(opened.is_none(), policy.authenticates(), "{cipher:?} {auth:?} {kind:?}");
                assert_eq!(opened == Some(bytes(&plain)), policy.is_null());
            }
        }
    }
}

#[test]
fn a_new_key_goes_on_from_the_roll_over_counter() {
    let mut sender = Sender::default();
    sender.rekey(with_key(1));
    let mut receiver = Decryptor::new(with_key(1)).unwrap();
    let mut sequence = 30_000u16;
    for _ in 0..40 {
        assert!(open(&mut receiver, Kind::Rtp, &sender.rtp(sequence)).is_some());
        sequence = sequence.wrapping_add(8_000);
    }
    let roll_over = |sender: &Sender| sender.0.contexts().get(SSRC).unwrap().rtp.unwrap().roll_over;
    assert_eq!(roll_over(&sender), 5);
    sender.rekey(with_key(2));
    let packet = sender.rtp(sequence);
    let mut newcomer = Decryptor::new(with_key(2)).unwrap();
    assert_eq!(open(&mut newcomer, Kind::Rtp, &packet), None, "the counter began anew");
    let mut receiver = successor(receiver, with_key(2), long_ago());
    assert!(open(&mut receiver, Kind::Rtp, &packet).is_some());
    for packet in [rtp(SSRC + 1, 7), rtp(SSRC, sequence.wrapping_add(1))] {
        let sent = sender.send(Kind::Rtp, packet.clone());
        assert_eq!(open(&mut receiver, Kind::Rtp, &sent).unwrap(), bytes(&packet));
    }
    assert_eq!(sender.0.contexts().get(SSRC + 1).unwrap().rtp.unwrap().roll_over, 0);
}

#[test]
fn the_first_packet_of_a_new_key_may_roll_over() {
    for (last, next) in [(65_535u16, 0u16), (65_000, 500)] {
        let mut sender = Sender::default();
        sender.rekey(with_key(1));
        let mut receiver = Decryptor::new(with_key(1)).unwrap();
        for sequence in [40_000, last] {
            assert!(open(&mut receiver, Kind::Rtp, &sender.rtp(sequence)).is_some());
        }
        sender.rekey(with_key(2));
        let mut receiver = successor(receiver, with_key(2), Instant::now());
        // Forged packets on this side of the roll-over don't spoil the guess for the genuine one.
        for forged in [last - 1, 0, 1, last] {
            assert_eq!(open(&mut receiver, Kind::Rtp, &rtp(SSRC, forged)), None);
        }
        assert!(open(&mut receiver, Kind::Rtp, &sender.rtp(next)).is_some(), "{last} then {next}");
        for forged in [last - 1, next + 9, 40_000] {
            assert_eq!(open(&mut receiver, Kind::Rtp, &rtp(SSRC, forged)), None);
        }
        assert!(open(&mut receiver, Kind::Rtp, &sender.rtp(next + 1)).is_some(), "{last} then {next} and on");
    }
}

#[test]
fn the_old_key_is_taken_for_a_while() {
    let mut sender = Sender::default();
    sender.rekey(with_key(1));
    let late = [sender.rtp(1), sender.rtp(2), sender.rtp(3)];
    sender.rekey(with_key(2));
    let new = [sender.rtp(4), sender.rtp(5)];
    let mut receiver = Decryptor::new(with_key(1)).unwrap();
    assert!(open(&mut receiver, Kind::Rtp, &late[0]).is_some());
    let mut receiver = successor(receiver, with_key(2), Instant::now());
    assert!(open(&mut receiver, Kind::Rtp, &late[1]).is_some());
    assert!(open(&mut receiver, Kind::Rtp, &new[0]).is_some());
    assert!(open(&mut receiver, Kind::Rtp, &late[1]).is_none(), "replayed");
    assert!(open(&mut receiver, Kind::Rtp, &late[2]).is_some());
    let mut receiver = successor(receiver, with_key(3), long_ago());
    assert!(open(&mut receiver, Kind::Rtp, &new[1]).is_none(), "too late");
}

#[test]
fn rtcp_indexes_go_on_with_a_new_key() {
    let index = |packet: &gst::Buffer| {
        let bytes = bytes(packet);
        let at = bytes.len() - 14;
        u32::from_be_bytes([bytes[at] & 0x7f, bytes[at + 1], bytes[at + 2], bytes[at + 3]])
    };
    let mut sender = Sender::default();
    sender.rekey(with_key(1));
    let first = index(&sender.send(Kind::Rtcp, rtcp(SSRC)));
    for n in 1..10 {
        assert_eq!(index(&sender.send(Kind::Rtcp, rtcp(SSRC))), first + n);
    }
    sender.rekey(with_key(2));
    assert_eq!(index(&sender.send(Kind::Rtcp, rtcp(SSRC))), first + 10);
    assert_eq!(index(&sender.send(Kind::Rtcp, rtcp(SSRC + 1))), first);
}

#[test]
fn no_index_meets_a_key_twice() {
    let mut sender = Sender::default();
    sender.rekey(with_key(1));
    let first: Vec<_> = [65_000, 65_535, 100].map(|sequence| bytes(&sender.rtp(sequence))).into();
    sender.0.stop();
    for sequence in [16_000, 32_000, 48_000, 64_000] {
        sender.rtp(sequence);
    }
    sender.rekey(with_key(1));
    let again = bytes(&sender.rtp(100));
    assert_eq!(again[..12], first[2][..12]);
    assert_ne!(again[12..], first[2][12..]);
}

#[test]
fn the_replay_window_is_as_wide_as_asked() {
    for (window, distance, taken) in [(64, 60, true), (64, 100, false), (1024, 900, true)] {
        let parameters = SrtpParameters { replay_window: window, ..with_key(1) };
        let mut sender = Sender::default();
        sender.rekey(parameters.clone());
        let packets: Vec<_> = (0..2000).map(|sequence| sender.rtp(sequence)).collect();
        let mut receiver = Decryptor::new(parameters).unwrap();
        assert!(open(&mut receiver, Kind::Rtp, &packets[10]).is_some());
        assert!(open(&mut receiver, Kind::Rtp, &packets[1500]).is_some());
        assert!(open(&mut receiver, Kind::Rtp, &packets[1500]).is_none(), "replayed");
        let late = open(&mut receiver, Kind::Rtp, &packets[1500 - distance]);
        assert_eq!(late.is_some(), taken, "{distance} late with a window of {window}");
    }
}

#[test]
fn identifiers_choose_among_keys() {
    let key = |n: u8| MasterKey { key: vec![n; 30], mki: vec![0, n] };
    let mut receiver = Decryptor::new(SrtpParameters { keys: vec![key(1), key(2)], ..with_key(0) }).unwrap();
    let mut sender = Sender::default();
    for (n, taken) in [(1, true), (2, true), (3, false)] {
        sender.rekey(SrtpParameters { keys: vec![key(n)], ..with_key(0) });
        for (kind, packet) in [(Kind::Rtp, rtp(SSRC, n.into())), (Kind::Rtcp, rtcp(SSRC))] {
            let sent = sender.send(kind, packet);
            assert_eq!(open(&mut receiver, kind, &sent).is_some(), taken, "key {n}, {kind:?}");
        }
    }
}

#[test]
fn a_flood_of_forged_ssrcs_leaves_nothing() {
    let resident = || {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap() * 4096
    };
    let mut sender = Sender::default();
    sender.rekey(with_key(1));
    let mut receiver = Decryptor::new(with_key(1)).unwrap();
    assert!(open(&mut receiver, Kind::Rtp, &sender.rtp(1)).is_some());
    let before = resident();
    for ssrc in 0..5_000 {
        assert!(open(&mut receiver, Kind::Rtp, &rtp(ssrc, 1)).is_none());
        assert!(open(&mut receiver, Kind::Rtcp, &rtcp(ssrc)).is_none());
    }
    // libsrtp needs 29 kB for one SSRC, 290 MB for all of these.
    assert!(resident() < before + 100_000_000, "{} octets stay", resident() - before);
    let packet = sender.rtp(2);
    assert!(open(&mut receiver, Kind::Rtp, &packet).is_some());
    assert!(open(&mut receiver, Kind::Rtp, &packet).is_none(), "replayed");
}

#[test]
fn more_genuine_ssrcs_than_are_remembered_do_no_harm() {
    let mut sender = Sender::default();
    sender.rekey(with_key(1));
    let mut receiver = Decryptor::new(with_key(1)).unwrap();
    for ssrc in 0..300 {
        for sequence in [65_535, 0] {
            let packet = sender.send(Kind::Rtp, rtp(ssrc, sequence));
            assert!(open(&mut receiver, Kind::Rtp, &packet).is_some(), "{ssrc} {sequence}");
            let packet = sender.rtp(u16::try_from(ssrc).unwrap() * 200 + u16::from(sequence == 0));
            assert!(open(&mut receiver, Kind::Rtp, &packet).is_some(), "the one that stays, after {ssrc}");
        }
    }
}
