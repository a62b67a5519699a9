//! Encrypted calls: two conferences in one process, and the wire between them.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use std::time::Duration;

use fs_core::Error;
use fs_core::prelude::*;
use fs_proto::StreamDirection;
use gst::prelude::*;

use support::encrypted::{Call, HIGH, LOW, decrypt, encrypt, parameters, with_key};
use support::peer::{Peer, wait_until};
use support::{Side, audio};

fn call_with(cipher: &str, auth: &str, tag: usize) {
    let (mut to_b, mut to_a) = (parameters(cipher, auth, 1), parameters(cipher, auth, 100));
    if auth == "null" && !cipher.ends_with("gcm") {
        for parameters in [&mut to_a, &mut to_b] {
            parameters.set("rtcp-auth", "hmac-sha1-80");
        }
    }
    let call = Call::encrypted(&to_b, &to_a);
    call.both_hear();
    for (wire, plain) in call.payloads() {
        assert_eq!(wire.len(), plain.len() + tag);
        let same = wire.iter().zip(&plain).filter(|(a, b)| a == b).count();
        match cipher {
            "null" => assert_eq!(same, plain.len()),
            // By chance one octet in 256 is the same.
            _ => assert!(same < plain.len() / 8, "{same} of {} octets are in the clear", plain.len()),
        }
    }
    call.end();
}

#[test]
fn aes_128_with_80_bits() {
    call_with("aes-128-icm", "hmac-sha1-80", 10);
}

#[test]
fn aes_128_with_32_bits() {
    call_with("aes-128-icm", "hmac-sha1-32", 4);
}

#[test]
fn aes_128_unauthenticated() {
    call_with("aes-128-icm", "null", 0);
}

#[test]
fn aes_256_with_80_bits() {
    call_with("aes-256-icm", "hmac-sha1-80", 10);
}

#[test]
fn aes_256_with_32_bits() {
    call_with("aes-256-icm", "hmac-sha1-32", 4);
}

#[test]
fn gcm_128() {
    call_with("aes-128-gcm", "null", 16);
}

#[test]
fn gcm_256() {
    call_with("aes-256-gcm", "null", 16);
}

#[test]
fn authenticated_in_the_clear() {
    call_with("null", "hmac-sha1-80", 10);
}

#[test]
fn null_and_null_is_no_encryption() {
    call_with("null", "null", 0);
}

#[test]
fn rtp_and_rtcp_may_differ() {
    let mut parameters = parameters("aes-256-icm", "hmac-sha1-32", 3);
    parameters.set("rtcp-cipher", "aes-128-icm");
    parameters.set("rtcp-auth", "hmac-sha1-80");
    let call = Call::encrypted(&parameters, &parameters);
    call.both_hear();
    call.end();
}

#[test]
fn rtcp_is_encrypted_too() {
    let call = Call::encrypted(&with_key(1), &with_key(2));
    let ssrc = || call.a.session.property::<u32>("ssrc");
    let mut sent = Vec::new();
    wait_until("RTCP on the wire", || {
        sent.extend(call.rtcp.taken_from_a());
        sent.len() >= 2
    });
    for (n, packet) in sent.iter().enumerate() {
        // Behind the report stand the mark that it is encrypted, its index and a tag of 80 bits.
        let (report, trailer) = packet.split_at(packet.len() - 14);
        assert_eq!(trailer[..4], (0x8000_0001 + u32::try_from(n).unwrap()).to_be_bytes());
        assert!(!report.windows(4).any(|octets| octets == b"GStr"), "the description is in the clear");
    }
    let internal = call.b.session.property::<Option<glib::Object>>("internal-session").unwrap();
    wait_until("a sender report at the other side", || {
        let source = internal.emit_by_name::<Option<glib::Object>>("get-source-by-ssrc", &[&ssrc()]);
        let stats = source.map(|source| source.property::<gst::Structure>("stats"));
        stats.is_some_and(|stats| stats.get::<bool>("have-sr") == Ok(true))
    });
    call.end();
}

#[test]
fn a_wrong_key_gives_silence_and_the_right_one_sound() {
    let call = Call::encrypted(&with_key(1), &with_key(2));
    call.both_hear();
    decrypt(&call.b, &with_key(9));
    std::thread::sleep(Duration::from_secs(2));
    call.b_hears_nothing();
    decrypt(&call.b, &with_key(1));
    call.both_hear();
    call.end();
}

#[test]
fn wrong_from_the_beginning_makes_no_pad() {
    let call = Call::new(|a, b| {
        encrypt(a, &with_key(1));
        decrypt(b, &with_key(9));
    });
    call.a.heard.wait_for_tone(HIGH);
    call.b_hears_nothing();
    assert!(call.b.stream.iterate_src_pads().is_empty());
    decrypt(&call.b, &with_key(1));
    call.both_hear();
    call.end();
}

#[test]
fn required_encryption_drops_what_is_plain() {
    let call = Call::new(|_, b| b.stream.set_property("require-encryption", true));
    assert!(call.b.stream.property::<bool>("require-encryption"));
    call.a.heard.wait_for_tone(HIGH);
    call.b_hears_nothing();
    assert!(call.b.stream.iterate_src_pads().is_empty());
    encrypt(&call.a, &with_key(1));
    decrypt(&call.b, &with_key(1));
    call.both_hear();
    call.a.session.set_encryption_parameters(None).unwrap();
    call.b_hears_nothing();
    call.b.stream.set_decryption_parameters(None).unwrap();
    call.b_hears_nothing();
    call.b.stream.set_property("require-encryption", false);
    call.both_hear();
    call.end();
}

#[test]
fn encryption_comes_and_goes_in_a_call() {
    let call = Call::new(|_, _| {});
    call.both_hear();
    let ssrc = call.a.session.property::<u32>("ssrc");
    for round in 0..3 {
        decrypt(&call.b, &with_key(round));
        encrypt(&call.a, &with_key(round));
        call.both_hear();
        assert!(call.payloads().iter().all(|(wire, plain)| wire.len() == plain.len() + 10));
        call.b.stream.set_decryption_parameters(None).unwrap();
        call.a.session.set_encryption_parameters(None).unwrap();
        call.both_hear();
        assert!(call.payloads().iter().all(|(wire, plain)| wire == plain));
    }
    assert_eq!(call.a.session.property::<u32>("ssrc"), ssrc);
    assert_eq!(call.b.stream.iterate_src_pads().len(), 1);
    assert_eq!(call.b.pads.lock().unwrap().len(), 1);
    call.end();
}

/// Nothing plain leaves once `set_encryption_parameters` has returned.
#[test]
fn no_packet_slips_through_in_the_clear() {
    let call = Call::new(|_, _| {});
    call.both_hear();
    for round in 0..20 {
        encrypt(&call.a, &with_key(round));
        call.rtp.taken_from_a();
        // One may have been on its way through the sockets.
        std::thread::sleep(Duration::from_millis(30));
        call.rtp.taken_from_a();
        std::thread::sleep(Duration::from_millis(60));
        let sent = call.rtp.taken_from_a();
        assert!(!sent.is_empty() && sent.iter().all(|packet| packet.len() == 172 + 10));
        call.a.session.set_encryption_parameters(None).unwrap();
    }
    call.end();
}

#[test]
fn keys_change_in_a_call_without_a_gap() {
    let call = Call::encrypted(&with_key(0), &with_key(100));
    call.both_hear();
    call.b.heard.clear();
    for key in 1..10 {
        decrypt(&call.b, &with_key(key));
        encrypt(&call.a, &with_key(key));
        call.b.heard.wait(usize::from(key) * 250);
    }
    assert!(call.b.heard.share(LOW, 2000) > 0.99, "the tone has gaps: {}", call.b.heard.share(LOW, 2000));
    assert_eq!(call.b.pads.lock().unwrap().len(), 1);
    call.end();
}

/// Makes the sequence numbers of a side begin there. Before its transmitter is set.
fn begin_with(side: &Side, sequence: u16) {
    side.pipeline.set_state(gst::State::Ready).unwrap();
    let muxer = side.conference.by_name("send_rtp_muxer_1").unwrap();
    muxer.set_property("seqnum-offset", i32::from(sequence));
    side.pipeline.set_state(gst::State::Playing).unwrap();
}

#[test]
fn the_roll_over_counter_survives_new_keys_and_is_0_for_a_new_ssrc() {
    let call = Call::new(|a, b| {
        begin_with(a, 65_450);
        encrypt(a, &with_key(1));
        decrypt(b, &with_key(1));
    });
    let mut sequences = Vec::new();
    wait_until("a roll-over", || {
        sequences.extend(call.rtp.taken_from_a().iter().map(|p| u16::from_be_bytes([p[2], p[3]])));
        sequences.last().is_some_and(|last| *last < 1000) && sequences[0] > 65_000
    });
    call.both_hear();
    for key in 2..4 {
        decrypt(&call.b, &with_key(key));
        encrypt(&call.a, &with_key(key));
        call.both_hear();
    }
    let pads = call.b.pads.lock().unwrap().len();
    call.a.session.set_property("ssrc", 0x0bad_cafe_u32);
    wait_until("a pad for the new SSRC", || call.b.pads.lock().unwrap().len() > pads);
    call.both_hear();
    decrypt(&call.b, &with_key(5));
    encrypt(&call.a, &with_key(5));
    call.both_hear();
    call.end();
}

#[test]
fn the_first_sequence_number_is_far_from_the_roll_over() {
    for _ in 0..8 {
        let side = Side::new("a", LOW, StreamDirection::BOTH);
        let muxer = side.conference.by_name("send_rtp_muxer_1").unwrap();
        assert!((0..1 << 15).contains(&muxer.property::<i32>("seqnum-offset")));
        side.end();
    }
}

#[test]
fn a_stopped_pipeline_goes_on_encrypting() {
    let call = Call::encrypted(&with_key(1), &with_key(2));
    call.both_hear();
    let sequence = |packets: Vec<Vec<u8>>| packets.last().map(|p| u16::from_be_bytes([p[2], p[3]]));
    for _ in 0..3 {
        call.a.pipeline.set_state(gst::State::Null).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        let last = sequence(call.rtp.taken_from_a());
        call.a.pipeline.set_state(gst::State::Playing).unwrap();
        wait_until("a packet", || {
            let first = call.rtp.taken_from_a().first().map(|p| u16::from_be_bytes([p[2], p[3]]));
            first.zip(last).inspect(|(first, last)| assert!(first.wrapping_sub(*last) < 5)).is_some()
        });
        call.both_hear();
    }
    call.end();
}

#[test]
fn identifiers_choose_the_key() {
    let key = |n: u8| gst::Buffer::from_slice(vec![n; 30]);
    let mki = |n: u8| gst::Buffer::from_slice(vec![0, 0, 0, n]);
    let sending = |n: u8| {
        let mut parameters = with_key(0);
        parameters.set("key", key(n));
        parameters.set("mki", mki(n));
        parameters
    };
    let mut receiving = sending(1);
    receiving.set("key2", key(2));
    receiving.set("mki2", mki(2));
    let call = Call::new(|a, b| {
        encrypt(a, &sending(1));
        decrypt(b, &receiving);
    });
    call.both_hear();
    encrypt(&call.a, &sending(2));
    call.both_hear();
    assert!(call.payloads().iter().all(|(wire, plain)| wire.len() == plain.len() + 10 + 4));
    encrypt(&call.a, &sending(3));
    call.b_hears_nothing();
    call.end();
}

#[test]
fn one_session_has_encrypted_and_plain_streams() {
    let call = Call::encrypted(&with_key(1), &with_key(2));
    call.both_hear();
    let participant = call.b.conference.new_participant().unwrap();
    let other = call.b.session.new_stream(&participant, StreamDirection::BOTH).unwrap();
    other.set_remote_codecs(&[audio(0, "PCMU", 8000)]).unwrap();
    other.set_property("require-encryption", true);
    other.add_id(77);
    let mut peer = Peer::new();
    peer.speak(call.to_b, 77);
    call.both_hear();
    assert!(other.iterate_src_pads().is_empty());
    other.set_property("require-encryption", false);
    wait_until("a pad", || other.iterate_src_pads().len() == 1);
    call.both_hear();
    peer.hush();
    other.destroy();
    call.both_hear();
    call.end();
}

/// Two peers on one socket, known by their CNAMEs only: RTCP that tells them is encrypted as well.
#[test]
fn the_key_tells_whose_packets_can_be_read() {
    let a = Side::new("a", LOW, StreamDirection::SEND);
    let b = Side::new("b", HIGH, StreamDirection::RECV);
    b.session.set_property("no-rtcp-timeout", -1);
    let sdes = a.conference.property::<gst::Structure>("sdes");
    b.participant.set_property("cname", sdes.get::<&str>("cname").unwrap());
    let stranger = b.conference.new_participant().unwrap();
    let other = b.session.new_stream(&stranger, StreamDirection::RECV).unwrap();
    for stream in [&other, &b.stream] {
        stream.set_property("require-encryption", true);
        stream.set_remote_codecs(&[audio(0, "PCMU", 8000)]).unwrap();
    }
    other.set_decryption_parameters(Some(&with_key(2))).unwrap();
    decrypt(&b, &with_key(1));
    encrypt(&a, &with_key(1));
    let (_, of_b) = (a.open(), b.open());
    a.stream.set_remote_codecs(&[audio(0, "PCMU", 8000)]).unwrap();
    a.stream.force_remote_candidates(&of_b).unwrap();
    b.heard.wait_for_tone(LOW);
    assert!(other.iterate_src_pads().is_empty());
    a.end();
    other.destroy();
    b.end();
}

#[test]
fn invalid_parameters_are_refused_by_name_and_change_nothing() {
    type Change = fn(&mut gst::Structure);
    let table: [(&str, Change); 12] = [
        ("FarstreamSRTP", |s| s.set_name("SomethingElse")),
        ("'key'", |s| s.remove_field("key")),
        ("'key'", |s| s.set("key", 5)),
        ("'key'", |s| s.set("key", gst::Buffer::from_slice(vec![1u8; 3]))),
        ("'key'", |s| s.set("key", gst::Buffer::from_slice(vec![1u8; 46]))),
        ("'auth'", |s| s.remove_field("auth")),
        ("'auth'", |s| s.set("auth", "hmac-sha1-79")),
        ("'cipher'", |s| s.set("cipher", "aes-512")),
        ("'rtp-cipher'", |s| s.set("rtp-cipher", "")),
        ("'rtcp-auth'", |s| s.set("rtcp-auth", "null")),
        ("'rtp-auth'", |s| s.set("cipher", "aes-256-gcm")),
        ("'replay-window-size'", |s| s.set("replay-window-size", 32_768u32)),
    ];
    let call = Call::encrypted(&with_key(1), &with_key(2));
    call.both_hear();
    for (field, change) in table {
        let mut parameters = with_key(3);
        change(&mut parameters);
        for result in [
            call.a.session.set_encryption_parameters(Some(&parameters)),
            call.b.stream.set_decryption_parameters(Some(&parameters)),
        ] {
            let error = result.unwrap_err();
            assert!(error.matches(Error::InvalidArguments), "{error}");
            assert!(error.message().contains(field), "{field}: {error}");
        }
    }
    let asked = call.a.session.property::<Option<gst::Structure>>("encryption-parameters").unwrap();
    assert_eq!(asked.get::<&str>("cipher"), Ok("aes-128-icm"));
    assert_eq!(call.b.stream.property::<Option<gst::Structure>>("decryption-parameters"), Some(asked));
    call.both_hear();
    call.a.session.set_encryption_parameters(None).unwrap();
    assert_eq!(call.a.session.property::<Option<gst::Structure>>("encryption-parameters"), None);
    call.end();
}

#[test]
fn keys_may_change_from_many_threads_and_until_the_end() {
    let call = Call::encrypted(&with_key(1), &with_key(2));
    call.both_hear();
    let threads: Vec<_> = (0..4u8)
        .map(|n| {
            let (session, stream) = (call.a.session.clone(), call.b.stream.clone());
            std::thread::spawn(move || {
                for round in 0..100 {
                    let parameters = (round % 5 != 0).then(|| with_key(n * 20 + round % 20));
                    let parameters = parameters.as_ref().map(|p| p.as_ref());
                    // Once it is destroyed it says so.
                    let _ = session.set_encryption_parameters(parameters);
                    let _ = stream.set_decryption_parameters(parameters);
                    stream.set_property("require-encryption", round % 2 == 0);
                }
            })
        })
        .collect();
    std::thread::sleep(Duration::from_millis(300));
    call.b.stream.destroy();
    call.a.source.set_locked_state(true);
    call.a.source.set_state(gst::State::Null).unwrap();
    call.a.session.destroy();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    call.end();
}

#[test]
fn destroyed_objects_say_so() {
    let side = Side::new("a", LOW, StreamDirection::BOTH);
    side.stream.destroy();
    let error = side.stream.set_decryption_parameters(Some(&with_key(1))).unwrap_err();
    assert!(error.matches(Error::Disposed));
    side.session.destroy();
    for parameters in [None, Some(&with_key(1))] {
        let error = side.session.set_encryption_parameters(parameters.map(|p| p.as_ref())).unwrap_err();
        assert!(error.matches(Error::Disposed));
    }
    side.end();
}
