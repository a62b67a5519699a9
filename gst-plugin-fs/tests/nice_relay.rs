//! Calls through coturn on 127.0.0.1: relayed candidates over UDP, TCP and TLS.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fs_core::prelude::*;
use fs_proto::{Candidate, CandidateType, StreamDirection};
use gst::prelude::*;

use support::ice::{Parameters, Progress, agree, connect, drain, gather, loopback};
use support::{PATIENCE, Side};

const USER: &str = "alice";
const PASSWORD: &str = "turn-test";
/// What the server's certificate says.
const NAME: &str = "turn.test.invalid";

/// A coturn of this test.
struct Turn {
    process: Child,
    port: u16,
    /// For TLS.
    tls_port: u16,
    folder: PathBuf,
}

impl Turn {
    fn start() -> Self {
        let (port, tls_port) = (free_port(), free_port());
        let folder = std::env::temp_dir().join(format!("fs-turn-{}-{port}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let path = |name: &str| folder.join(name).display().to_string();
        let config = format!(
            "listening-ip=127.0.0.1\nlistening-port={port}\nrelay-ip=127.0.0.1\nrealm=test.invalid\nlt-cred-mech\n\
             user={USER}:{PASSWORD}\nallow-loopback-peers\nno-cli\nno-dtls\nno-multicast-peers\nfingerprint\n\
             tls-listening-port={tls_port}\ncert={}\npkey={}\nuserdb={}\npidfile={}\nlog-file={}\nsimple-log\n",
            path("certificate"),
            path("key"),
            path("db"),
            path("pid"),
            path("log"),
        );
        std::fs::write(folder.join("config"), config).unwrap();
        let identity = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
        std::fs::write(folder.join("certificate"), identity.cert.pem()).unwrap();
        std::fs::write(folder.join("key"), identity.signing_key.serialize_pem()).unwrap();
        let process = Command::new("turnserver")
            .args(["-c", &path("config")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("turnserver of the Debian package coturn runs");
        let turn = Self { process, port, tls_port, folder };
        let end = Instant::now() + PATIENCE;
        let answers = |port| TcpStream::connect(("127.0.0.1", port)).is_ok();
        while !(answers(port) && answers(tls_port)) {
            assert!(Instant::now() < end, "coturn does not listen on port {port}");
            std::thread::sleep(Duration::from_millis(20));
        }
        turn
    }

    fn relay(&self, kind: &str) -> gst::Structure {
        let builder = gst::Structure::builder("relay");
        let (port, builder) = match kind {
            "tls" => (self.tls_port, builder.field("ca-file", self.certificate()).field("server-name", NAME)),
            _ => (self.port, builder),
        };
        builder
            .field("ip", "127.0.0.1")
            .field("port", u32::from(port))
            .field("username", USER)
            .field("password", PASSWORD)
            .field("relay-type", kind)
            .build()
    }

    fn certificate(&self) -> String {
        self.folder.join("certificate").display().to_string()
    }

    fn parameters(&self, kind: &str, controlling: bool) -> Parameters {
        let mut parameters = loopback(controlling);
        parameters.push(("relay-info".into(), gst::Array::new([self.relay(kind)]).to_value()));
        parameters
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A port that is free for UDP and TCP.
fn free_port() -> u16 {
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        if UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn relayed_call(kind: &str) {
    support::init();
    let turn = Turn::start();
    let (a, b) = (Side::new("a", 440.0, StreamDirection::BOTH), Side::new("b", 660.0, StreamDirection::BOTH));
    let mut told_a = gather(&a, &turn.parameters(kind, true));
    let mut told_b = gather(&b, &turn.parameters(kind, false));
    agree(&a, &b);
    connect((&a, &mut told_a), (&b, &mut told_b), |c| c.kind == CandidateType::Relay);
    a.heard.wait_for_tone(660.0);
    b.heard.wait_for_tone(440.0);
    for (side, told) in [(&a, &mut told_a), (&b, &mut told_b)] {
        drain(side, told);
        assert!(told.pairs.iter().all(|(_, remote)| remote.kind != CandidateType::Host), "{:?}", told.pairs);
        for relayed in told.locals.iter().filter(|c| c.kind == CandidateType::Relay) {
            assert!(relayed.ip == "127.0.0.1" && !relayed.base_ip.is_empty(), "{relayed:?}");
        }
    }
    a.end();
    b.end();
}

#[test]
fn a_call_over_a_relay_by_udp() {
    relayed_call("udp");
}

#[test]
fn a_call_over_a_relay_by_tcp() {
    relayed_call("tcp");
}

#[test]
fn a_call_over_a_relay_by_tls() {
    relayed_call("tls");
}

#[test]
fn a_certificate_that_is_wrong_leaves_host_candidates() {
    support::init();
    let turn = Turn::start();
    type Change = fn(&mut gst::StructureRef);
    let other_name: Change = |relay| relay.set("server-name", "other.test.invalid");
    let unknown: Change = |relay| relay.remove_field("ca-file");
    for change in [other_name, unknown] {
        let side = Side::new("a", 440.0, StreamDirection::BOTH);
        let mut relay = turn.relay("tls");
        change(&mut relay);
        let mut parameters = loopback(true);
        parameters.push(("relay-info".to_owned(), relay.to_value()));
        // The gathering ends: nobody goes on asking a server that was refused.
        let told = gather(&side, &parameters);
        assert!(told.locals.iter().all(|c| c.kind == CandidateType::Host), "{:?}", told.locals);
        side.end();
    }
    let side = Side::new("a", 440.0, StreamDirection::BOTH);
    let mut relay = turn.relay("tls");
    relay.set("ca-file", "/nowhere/authorities");
    let mut parameters = loopback(true);
    parameters.push(("relay-info".into(), relay.to_value()));
    let error = side.stream.set_transmitter("nice", &parameters).unwrap_err();
    assert!(error.matches(fs_core::Error::InvalidArguments), "{error}");
    assert!(
        error.message().contains("ca-file") && error.message().contains("/nowhere/authorities"),
        "{error}"
    );
    side.end();
}

#[test]
fn a_server_that_takes_no_connection_leaves_host_candidates() {
    support::init();
    for kind in ["tcp", "tls"] {
        let side = Side::new("a", 440.0, StreamDirection::BOTH);
        let mut parameters = loopback(true);
        let relay = gst::Structure::builder("relay")
            .field("ip", "127.0.0.1")
            .field("port", u32::from(free_port()))
            .field("username", USER)
            .field("password", PASSWORD)
            .field("relay-type", kind)
            .build();
        parameters.push(("relay-info".into(), relay.to_value()));
        let told = gather(&side, &parameters);
        assert!(told.locals.iter().all(|c| c.kind == CandidateType::Host), "{kind}: {:?}", told.locals);
        side.end();
    }
}

#[test]
fn each_component_can_have_a_relay_of_its_own() {
    support::init();
    let turn = Turn::start();
    let side = Side::new("a", 440.0, StreamDirection::BOTH);
    let mut only_second = turn.relay("udp");
    only_second.set("component", 2u32);
    let mut parameters = loopback(true);
    parameters.push(("relay_info".into(), only_second.to_value()));
    let told = gather(&side, &parameters);
    let relayed: Vec<&Candidate> = told.locals.iter().filter(|c| c.kind == CandidateType::Relay).collect();
    assert!(!relayed.is_empty() && relayed.iter().all(|c| c.component_id == 2), "{relayed:?}");
    side.end();
}

#[test]
fn a_wrong_password_leaves_host_candidates() {
    support::init();
    let turn = Turn::start();
    let side = Side::new("a", 440.0, StreamDirection::BOTH);
    let mut wrong = turn.relay("udp");
    wrong.set("password", "wrong");
    let mut parameters = loopback(true);
    parameters.push(("relay-info".into(), wrong.to_value()));
    let told: Progress = gather(&side, &parameters);
    assert!(!told.locals.is_empty(), "host candidates are told");
    assert!(told.locals.iter().all(|c| c.kind == CandidateType::Host), "{:?}", told.locals);
    side.end();
}

#[test]
fn a_dead_stun_server_does_not_keep_trickled_candidates_back() {
    let dead = UdpSocket::bind("127.0.0.1:0").unwrap();
    let side = Side::new("a", 440.0, StreamDirection::BOTH);
    let mut parameters = loopback(true);
    parameters.extend([
        ("stun-ip".to_owned(), "127.0.0.1".to_value()),
        ("stun-port".to_owned(), u32::from(dead.local_addr().unwrap().port()).to_value()),
        ("trickle".to_owned(), true.to_value()),
    ]);
    side.stream.set_transmitter("nice", &parameters).unwrap();
    let mut told = Progress::default();
    support::ice::follow(&side, &mut told, |p| p.locals.len() >= 2);
    assert_eq!(told.prepared, 0, "the server is still being asked");
    support::ice::follow(&side, &mut told, |p| p.prepared == 1);
    side.end();
}
