//! Two conferences in one process over the transmitter nice on 127.0.0.1.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use std::time::Instant;

use fs_core::Error;
use fs_core::messages::Parsed;
use fs_core::prelude::*;
use fs_proto::{Candidate, CandidateType, NetworkProtocol, StreamDirection, StreamState};
use gst::prelude::*;

use support::Side;
use support::ice::{Parameters, Progress, agree, connect, drain, follow, gather, loopback, preferring};
use support::peer::wait_until;

const LOW: f64 = 440.0;
const HIGH: f64 = 660.0;

fn pair() -> (Side, Side) {
    (Side::new("a", LOW, StreamDirection::BOTH), Side::new("b", HIGH, StreamDirection::BOTH))
}

fn tones(a: &Side, b: &Side) {
    a.heard.wait_for_tone(HIGH);
    b.heard.wait_for_tone(LOW);
}

fn end(a: Side, b: Side) {
    for side in [a, b] {
        assert!(side.errors.lock().unwrap().is_empty(), "{:?}", side.errors.lock().unwrap());
        side.end();
    }
}

/// A whole call with these parameters of both sides.
fn call(of_a: &Parameters, of_b: &Parameters, passes: impl Fn(&Candidate) -> bool) -> (Progress, Progress) {
    let (a, b) = pair();
    let (mut told_a, mut told_b) = (gather(&a, of_a), gather(&b, of_b));
    agree(&a, &b);
    let start = Instant::now();
    connect((&a, &mut told_a), (&b, &mut told_b), passes);
    println!("both ready after {:.1} ms", start.elapsed().as_secs_f64() * 1000.0);
    tones(&a, &b);
    for side in [&a, &b] {
        let first = side.heard.first().unwrap().saturating_duration_since(start);
        println!("first sample after {:.1} ms", first.as_secs_f64() * 1000.0);
    }
    drain(&a, &mut told_a);
    drain(&b, &mut told_b);
    end(a, b);
    (told_a, told_b)
}

#[test]
fn a_call_over_host_candidates() {
    let (a, b) = call(&loopback(true), &loopback(false), |_| true);
    for told in [&a, &b] {
        assert!(told.locals.iter().all(|c| c.ip == "127.0.0.1" && c.kind == CandidateType::Host));
        let (name, password) = (&told.locals[0].username, &told.locals[0].password);
        assert!(name.len() >= 4 && password.len() >= 22, "{:?}", told.locals[0]);
        assert!(told.locals.iter().all(|c| c.username == *name && c.password == *password));
        for component in 1..=2 {
            let of: Vec<_> = told.locals.iter().filter(|c| c.component_id == component).collect();
            assert!(of.iter().any(|c| c.proto == NetworkProtocol::Udp), "{of:?}");
            assert!(of.iter().any(|c| c.proto == NetworkProtocol::TcpPassive), "{of:?}");
            let states: Vec<_> =
                told.states.iter().filter(|(c, _)| *c == component).map(|(_, s)| *s).collect();
            assert!(states.contains(&StreamState::Connecting), "{states:?}");
            assert_eq!(states.last(), Some(&StreamState::Ready));
        }
    }
    for component in 1..=2 {
        let pair = a.pairs.iter().rev().find(|(l, _)| l.component_id == component).unwrap();
        let mirror = b.pairs.iter().rev().find(|(l, _)| l.component_id == component).unwrap();
        assert_eq!((&pair.0.ip, pair.0.port), (&mirror.1.ip, mirror.1.port));
        assert_eq!((&pair.1.ip, pair.1.port), (&mirror.0.ip, mirror.0.port));
        assert_eq!(pair.1.username, b.locals[0].username);
    }
    for told in [&a, &b] {
        for c in &told.locals {
            let line = fs_proto::candidate::sdp::encode(c).unwrap();
            let back = fs_proto::candidate::sdp::parse(&line).unwrap();
            assert_eq!(
                Candidate { username: c.username.clone(), password: c.password.clone(), ..back },
                *c,
                "{line}"
            );
        }
    }
}

#[test]
fn the_statistics_of_each_component_tell_its_pair_and_the_round_trip_of_checks() {
    let (a, b) = pair();
    let (mut of_a, mut of_b) = (gather(&a, &loopback(true)), gather(&b, &loopback(false)));
    agree(&a, &b);
    connect((&a, &mut of_a), (&b, &mut of_b), |_| true);
    tones(&a, &b);
    let component = |number: usize| {
        let stats: gst::Structure = a.stream.property("stats");
        let stats = stats.get::<gst::Structure>("transmitter").unwrap();
        stats.get::<gst::Array>("components").unwrap()[number].get::<gst::Structure>().unwrap()
    };
    for number in [0, 1] {
        wait_until("a check is answered", || component(number).has_field("round-trip-time"));
        let told = component(number);
        let time = told.get::<f64>("round-trip-time").unwrap();
        assert!(time > 0.0 && time < 2.0, "{told}");
        let remote = told.get::<fs_core::CandidateValue>("remote-candidate").unwrap().0;
        assert_eq!(remote.ip, "127.0.0.1");
    }
    assert!(component(0).get::<u64>("packets-sent").unwrap() > 0, "{}", component(0));
    end(a, b);
}

#[test]
fn a_call_over_ipv6() {
    let (a, _) = call(&preferring("::1", true), &preferring("::1", false), |_| true);
    assert!(a.locals.iter().all(|c| c.ip == "::1"), "{:?}", a.locals);
}

#[test]
fn a_call_over_tcp() {
    let only = |mut parameters: Parameters| {
        parameters.push(("ice-udp".into(), false.to_value()));
        parameters
    };
    let (a, _) = call(&only(loopback(true)), &only(loopback(false)), |_| true);
    assert!(a.locals.iter().all(|c| c.proto != NetworkProtocol::Udp), "{:?}", a.locals);
    assert!(a.pairs.iter().all(|(local, _)| local.proto != NetworkProtocol::Udp));
}

#[test]
fn a_call_in_each_compatibility_mode() {
    let mode = |controlling, mode: u32| {
        let mut parameters = loopback(controlling);
        parameters.push(("compatibility-mode".into(), mode.to_value()));
        parameters
    };
    for number in 1..=5 {
        println!("mode {number}");
        let (a, b) = call(&mode(true, number), &mode(false, number), |_| true);
        for component in 1..=2 {
            let (_, remote) = a.pairs.iter().rev().find(|(l, _)| l.component_id == component).unwrap();
            assert!(b.locals.iter().any(|c| (&c.ip, c.port) == (&remote.ip, remote.port)), "{remote:?}");
        }
    }
}

#[test]
fn two_controlling_sides_settle_it() {
    call(&loopback(true), &loopback(true), |_| true);
}

#[test]
fn candidates_trickle_in_both_directions() {
    let trickle = |controlling| {
        let mut parameters = loopback(controlling);
        parameters.push(("trickle".into(), true.to_value()));
        parameters.push(("consent-freshness".into(), true.to_value()));
        parameters
    };
    let (a, b) = pair();
    agree(&a, &b);
    for (side, controlling) in [(&a, true), (&b, false)] {
        side.stream.set_transmitter("nice", &trickle(controlling)).unwrap();
    }
    let (mut of_a, mut of_b) = (Progress::default(), Progress::default());
    let mut given = [0, 0];
    let mut ended = [false, false];
    while !(of_a.is_ready() && of_b.is_ready()) {
        for (i, (from, told, to)) in [(&a, &mut of_a, &b), (&b, &mut of_b, &a)].into_iter().enumerate() {
            drain(from, told);
            for candidate in &told.locals[given[i]..] {
                to.stream.add_remote_candidates(std::slice::from_ref(candidate)).unwrap();
            }
            given[i] = told.locals.len();
            if told.prepared == 1 && !ended[i] {
                to.stream.add_remote_candidates(&[Candidate::default()]).unwrap();
                ended[i] = true;
            }
        }
    }
    tones(&a, &b);
    end(a, b);
}

#[test]
fn an_empty_list_restarts_ice_in_the_call() {
    let (a, b) = pair();
    let (mut of_a, mut of_b) = (gather(&a, &loopback(true)), gather(&b, &loopback(false)));
    agree(&a, &b);
    connect((&a, &mut of_a), (&b, &mut of_b), |_| true);
    tones(&a, &b);
    let mut again = Vec::new();
    for (side, old) in [(&a, of_a), (&b, of_b)] {
        let mut told = Progress::default();
        drain(side, &mut told);
        assert_eq!(told.prepared, 0);
        side.stream.add_remote_candidates(&[]).unwrap();
        follow(side, &mut told, |p| p.prepared == 1);
        assert_eq!(told.locals.len(), old.locals.len(), "{:?}", told.locals);
        assert!(told.locals.iter().all(|c| c.username != old.locals[0].username));
        told.states.clear();
        again.push(told);
    }
    let (mut of_b, mut of_a) = (again.pop().unwrap(), again.pop().unwrap());
    connect((&a, &mut of_a), (&b, &mut of_b), |_| true);
    a.heard.clear();
    b.heard.clear();
    tones(&a, &b);
    end(a, b);
}

#[test]
fn forced_candidates_need_no_checks() {
    let (a, b) = pair();
    let (of_a, of_b) = (gather(&a, &loopback(true)), gather(&b, &loopback(false)));
    agree(&a, &b);
    let udp = |told: &Progress| {
        let of = |component| {
            let udp = |c: &&Candidate| c.component_id == component && c.proto == NetworkProtocol::Udp;
            told.locals.iter().find(udp).cloned().unwrap()
        };
        vec![of(1), of(2)]
    };
    a.stream.force_remote_candidates(&udp(&of_b)).unwrap();
    b.stream.force_remote_candidates(&udp(&of_a)).unwrap();
    tones(&a, &b);
    let error = a.stream.add_remote_candidates(&udp(&of_b)).unwrap_err();
    assert!(error.matches(Error::InvalidArguments), "{error}");
    end(a, b);
}

#[test]
fn remote_candidates_that_come_early_are_used_after_gathering() {
    let (a, b) = pair();
    agree(&a, &b);
    let mut of_b = gather(&b, &loopback(false));
    a.stream.set_transmitter("nice", &loopback(true)).unwrap();
    a.stream.add_remote_candidates(&of_b.locals).unwrap();
    let mut of_a = Progress::default();
    follow(&a, &mut of_a, |p| p.prepared == 1);
    b.stream.add_remote_candidates(&of_a.locals).unwrap();
    follow(&a, &mut of_a, Progress::is_ready);
    follow(&b, &mut of_b, Progress::is_ready);
    tones(&a, &b);
    end(a, b);
}

#[test]
fn what_a_stream_cannot_be_given_is_said() {
    let side = Side::new("a", LOW, StreamDirection::BOTH);
    for (name, value, word) in [
        ("stun-port", 65537u32.to_value(), "stun-port"),
        ("compatibility-mode", 6u32.to_value(), "compatibility-mode"),
        ("min-port", 70000u32.to_value(), "min-port"),
        ("relay-info", "turn".to_value(), "relay-info"),
        ("relay-info", gst::Structure::new_empty("relay").to_value(), "relay-info"),
        ("stream-id", 1u32.to_value(), "stream-id"),
        ("colour", 1u32.to_value(), "colour"),
    ] {
        let error = side.stream.set_transmitter("nice", &[(name.to_owned(), value)]).unwrap_err();
        assert!(error.matches(Error::InvalidArguments), "{error}");
        assert!(error.message().contains(word), "{error} does not name {word}");
    }
    let mut ports = loopback(true);
    ports.extend([("min-port".into(), 9000u32.to_value()), ("max-port".into(), 8000u32.to_value())]);
    let error = side.stream.set_transmitter("nice", &ports).unwrap_err();
    assert!(error.message().contains("min-port") && error.message().contains("9000"), "{error}");
    let error = side.stream.set_transmitter("nice", &preferring("192.0.2.77", true)).unwrap_err();
    assert!(error.matches(Error::Network), "{error}");
    gather(&side, &loopback(true));
    let junk = Candidate { ip: "4d2e.local".into(), ..Candidate::new("1", 1, CandidateType::Host, "", 9) };
    let error = side.stream.add_remote_candidates(&[junk]).unwrap_err();
    assert!(error.matches(Error::InvalidArguments) && error.message().contains("4d2e.local"), "{error}");
    let error = side.stream.set_transmitter("nice", &loopback(true)).unwrap_err();
    assert!(error.matches(Error::AlreadyExists), "{error}");
    side.end();
}

#[test]
fn ports_come_from_the_range() {
    let side = Side::new("a", LOW, StreamDirection::BOTH);
    let mut parameters = loopback(true);
    parameters.extend([
        ("min-port".into(), 41000u32.to_value()),
        ("max-port".into(), 41400u32.to_value()),
        ("ice-tcp".into(), false.to_value()),
    ]);
    let told = gather(&side, &parameters);
    assert!(told.locals.iter().all(|c| (41000..=41400).contains(&c.port)), "{:?}", told.locals);
    assert!(
        !side
            .messages
            .lock()
            .unwrap()
            .try_iter()
            .any(|m| { matches!(fs_core::messages::parse(&m), Some(Parsed::NewLocalCandidate { .. })) })
    );
    side.end();
}

#[test]
fn a_range_without_a_free_port_is_named() {
    // Two ports on end that are taken.
    let (_first, second, port) = (20_000..60_000u16)
        .step_by(7)
        .find_map(|port| {
            let taken = |port| std::net::UdpSocket::bind(("127.0.0.1", port)).ok();
            Some((taken(port)?, taken(port + 1)?, port))
        })
        .unwrap();
    let range = |last: u16| {
        let mut parameters = loopback(true);
        parameters.extend([
            ("min-port".into(), u32::from(port).to_value()),
            ("max-port".into(), u32::from(last).to_value()),
            ("ice-tcp".into(), false.to_value()),
        ]);
        parameters
    };
    let side = Side::new("a", LOW, StreamDirection::BOTH);
    let error = side.stream.set_transmitter("nice", &range(port + 1)).unwrap_err();
    assert!(error.matches(Error::Network), "{error}");
    assert!(error.message().contains("min-port") && error.message().contains("max-port"), "{error}");
    // What failed leaves the stream free for another one.
    drop(second);
    let told = gather(&side, &range(port + 40));
    assert!(told.locals.iter().all(|c| (port + 1..=port + 40).contains(&c.port)), "{:?}", told.locals);
    side.end();
}

#[test]
fn a_peer_that_is_gone_is_noticed_by_consent() {
    let consent = |controlling| {
        let mut parameters = loopback(controlling);
        parameters.push(("consent-freshness".into(), true.to_value()));
        parameters
    };
    let (a, b) = pair();
    let (mut of_a, mut of_b) = (gather(&a, &consent(true)), gather(&b, &consent(false)));
    agree(&a, &b);
    connect((&a, &mut of_a), (&b, &mut of_b), |_| true);
    tones(&a, &b);
    b.end();
    a.wait_for(|message| match message {
        Parsed::ComponentStateChanged { component: 1, state: StreamState::Failed, .. } => Some(()),
        _ => None,
    });
    a.end();
}

#[test]
fn a_stream_on_hold_sends_no_media_and_goes_on() {
    let (a, b) = pair();
    let (mut of_a, mut of_b) = (gather(&a, &loopback(true)), gather(&b, &loopback(false)));
    agree(&a, &b);
    connect((&a, &mut of_a), (&b, &mut of_b), |_| true);
    tones(&a, &b);
    a.stream.set_direction(StreamDirection::RECV);
    a.heard.clear();
    // What is under way or in the jitter buffer may still be heard.
    a.heard.wait(1000);
    b.heard.clear();
    a.heard.wait(1500);
    assert!(b.heard.share(LOW, 400) < 0.1, "{} samples are heard of a stream on hold", b.heard.len());
    a.stream.set_direction(StreamDirection::BOTH);
    b.heard.clear();
    tones(&a, &b);
    end(a, b);
}
