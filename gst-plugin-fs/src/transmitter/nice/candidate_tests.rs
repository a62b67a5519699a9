//! Candidate lines go through libnice's form and come back exactly; what ICE cannot use is refused by name.

use fs_proto::candidate::sdp;

use super::*;

const RFC5245: Compatibility = Compatibility(0);
const GOOGLE: Compatibility = Compatibility(1);

fn good() -> Candidate {
    Candidate {
        username: "ufrag".into(),
        password: "a-password-of-22-chars".into(),
        ..sdp::parse("1 1 UDP 2130706431 192.0.2.1 5004 typ host").unwrap()
    }
}

#[test]
fn candidate_lines_come_back_exactly() {
    for line in [
        "1 1 UDP 2130706431 203.0.113.141 8998 typ host",
        "2 2 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998",
        "a+/9 1 UDP 1 2001:db8::9c 8998 typ relay raddr 2001:db8::1 rport 5001",
        "7 1 UDP 1862270975 192.0.2.3 45664 typ prflx raddr 10.0.1.1 rport 8998",
        "3 1 TCP 2128609279 10.0.1.1 9 typ host tcptype active",
        "4 1 TCP 2124414975 10.0.1.1 8998 typ srflx raddr 10.0.1.2 rport 8999 tcptype passive",
        "5 2 TCP 2120220671 10.0.1.1 8999 typ host tcptype so",
    ] {
        let candidate = Candidate { username: "u".into(), password: "p".into(), ..sdp::parse(line).unwrap() };
        let read = remote(std::slice::from_ref(&candidate), 2, RFC5245, false).unwrap();
        assert_eq!(read.candidates[0].username, "", "credentials are the stream's");
        let back = read.candidates[0].to_proto(&read.credentials.unwrap());
        assert_eq!(back, candidate);
        assert_eq!(sdp::encode(&back).unwrap(), line);
    }
}

#[test]
fn a_connecting_candidate_gets_the_discard_port() {
    let active = Candidate { port: 0, proto: NetworkProtocol::TcpActive, ..good() };
    let read = remote(&[active], 1, RFC5245, false).unwrap();
    assert_eq!(read.candidates[0].to_proto(&Credentials::default()).port, 9);
}

#[test]
fn addresses_survive_the_system_form() {
    for text in ["192.0.2.1:5004", "[2001:db8::1]:9", "[fe80::1%3]:65535", "0.0.0.0:0"] {
        let address: SocketAddr = text.parse().unwrap();
        assert_eq!(Address::from(address).get(), Some(address));
    }
    assert_eq!(Address::NONE.get(), None);
}

#[test]
fn what_ice_cannot_use_is_refused_by_name() {
    let change = |change: fn(&mut Candidate)| {
        let mut candidate = good();
        change(&mut candidate);
        candidate
    };
    for (bad, word) in [
        (change(|c| c.ip = "4d2e-77.LOCAL".into()), "mDNS"),
        (change(|c| c.ip = "peer.example".into()), "peer.example"),
        (change(|c| c.ip = "192.0.2.999".into()), "192.0.2.999"),
        (change(|c| c.ip = "1.2.3.4\0".into()), "numeric"),
        (change(|c| c.ip.clear()), "no address"),
        (change(|c| c.base_ip = "x".into()), "base address"),
        (change(|c| c.component_id = 0), "component 0"),
        (change(|c| c.component_id = 3), "component 3"),
        (change(|c| c.kind = CandidateType::Multicast), "multicast"),
        (change(|c| c.foundation = "1".repeat(33)), "foundation"),
        (change(|c| c.username.clear()), "no username"),
        (change(|c| c.password.clear()), "no password"),
        (change(|c| c.username = "u".repeat(257)), "username of 257"),
        (change(|c| c.username = "other".into()), "another username"),
        (change(|c| c.password = "another-password-here!".into()), "another username or password"),
    ] {
        let error = remote(&[good(), bad.clone()], 2, RFC5245, false).unwrap_err();
        assert!(error.matches(fs_core::Error::InvalidArguments));
        assert!(error.message().contains(word), "{error} does not name {word}");
        assert!(!error.message().contains("another-password-here!"), "{error} tells a secret");
    }
}

#[test]
fn a_candidate_that_no_packet_reaches_costs_nothing() {
    let nowhere = Candidate { port: 0, ..good() };
    let read = remote(&[nowhere.clone(), good()], 2, RFC5245, false).unwrap();
    assert_eq!(read.candidates.len(), 1);
    let error = forced(&[nowhere], 2, RFC5245).unwrap_err();
    assert!(error.matches(fs_core::Error::InvalidArguments) && error.message().contains("port 0"), "{error}");
}

#[test]
fn each_compatibility_mode_has_its_own_rules() {
    let other = Candidate { username: "other".into(), password: String::new(), ..good() };
    let read = remote(&[good(), other], 2, GOOGLE, false).unwrap();
    assert_eq!(read.credentials.map(|own| own.username), Some(good().username));
    assert_eq!(read.candidates[1].username, "other");
    assert_eq!(read.candidates[1].to_proto(&Credentials::default()).username, "other");
}

#[test]
fn an_empty_candidate_is_the_end_when_trickling_only() {
    let end = Candidate::default();
    let read = remote(&[good(), end.clone()], 2, RFC5245, true).unwrap();
    assert!(read.last && read.candidates.len() == 1);
    let read = remote(std::slice::from_ref(&end), 2, RFC5245, true).unwrap();
    assert!(read.last && read.candidates.is_empty() && read.credentials.is_none());
    assert!(remote(&[end], 2, RFC5245, false).is_err());
}

#[test]
fn one_candidate_can_be_forced_for_each_component() {
    let bare = Candidate { username: String::new(), password: String::new(), ..good() };
    let second = Candidate { component_id: 2, ..bare.clone() };
    assert_eq!(forced(&[bare.clone(), second], 2, RFC5245).unwrap().len(), 2);
    let error = forced(&[bare.clone(), bare], 2, RFC5245).unwrap_err();
    assert!(error.message().contains("second"), "{error}");
}

#[test]
fn a_preference_is_an_address() {
    let wish = |ip: &str| Candidate::new("", 0, CandidateType::Host, ip, 0);
    let sorted = preferred(&[wish("::1"), wish("127.0.0.1"), wish("::1")]).unwrap();
    assert_eq!(sorted, ["127.0.0.1".parse::<IpAddr>().unwrap(), "::1".parse().unwrap()]);
    for (bad, word) in [
        (Candidate { port: 7, ..wish("127.0.0.1") }, "port 7"),
        (Candidate { component_id: 1, ..wish("127.0.0.1") }, "component 1"),
        (Candidate { kind: CandidateType::Relay, ..wish("127.0.0.1") }, "Relay"),
        (wish(""), "numeric"),
    ] {
        let error = preferred(&[bad]).unwrap_err();
        assert!(
            error.message().contains(word) && error.message().contains("preferred-local-candidates"),
            "{error}"
        );
    }
}
