//! The transmitter multicast on the loopback interface: sound and pictures to a group, TTL, source filter, change of group.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use fs_core::Error;
use fs_core::messages::Parsed;
use fs_core::prelude::*;
use fs_proto::{Candidate, CandidateType, MediaType, StreamDirection};

use support::Side;
use support::ice::agree;
use support::media::MediaSide;
use support::multicast::{Bare, at, group, members, on};
use support::peer::wait_until;

#[test]
fn sound_goes_both_ways_and_nobody_hears_himself() {
    let (a, b) = (Side::new("a", 440.0, StreamDirection::BOTH), Side::new("b", 660.0, StreamDirection::BOTH));
    let remote = group("239.192.77.1", 1);
    agree(&a, &b);
    for side in [&a, &b] {
        side.stream.set_transmitter("multicast", &on("127.0.0.1", &[])).unwrap();
        side.stream.force_remote_candidates(&remote).unwrap();
        let (local, peer) = side.wait_for(|message| match message {
            Parsed::NewActiveCandidatePair { local, remote, .. } => Some((local, remote)),
            _ => None,
        });
        assert_eq!((local.ip.as_str(), &peer), ("127.0.0.1", &remote[0]));
    }
    b.heard.wait_for_tone(440.0);
    a.heard.wait_for_tone(660.0);
    for side in [a, b] {
        assert!(side.errors.lock().unwrap().is_empty(), "{:?}", side.errors);
        assert_eq!(side.pads.lock().unwrap().len(), 1, "one sender is heard");
        side.end();
    }
}

#[test]
fn a_group_of_ipv6_is_joined_on_its_interface() {
    let bare = Bare::new();
    let stream = bare.transmitter.new_stream_transmitter(None, &on("::1", &[])).unwrap();
    stream.force_remote_candidates(&group("ff11::77:1", 1)).unwrap();
    let joined = |word: &str| std::fs::read_to_string("/proc/net/igmp6").unwrap().contains(word);
    assert!(joined("ff110000000000000000000000770001"));
    stream.stop();
    assert!(!joined("ff110000000000000000000000770001"));
    let filtered = bare.transmitter.new_stream_transmitter(None, &on("::1", &["::1"])).unwrap();
    filtered.force_remote_candidates(&group("ff31::77:2", 1)).unwrap();
    assert!(joined("ff310000000000000000000000770002"));
    filtered.stop();
    let other = bare.transmitter.new_stream_transmitter(None, &on("127.0.0.1", &[])).unwrap();
    let error = other.force_remote_candidates(&group("ff11::77:1", 1)).unwrap_err();
    assert!(error.matches(Error::Network) && error.message().contains("family"), "{error}");
}

#[test]
fn pictures_go_both_ways() {
    let side = || {
        let source =
            "videotestsrc is-live=true ! capsfilter caps=video/x-raw,width=320,height=240,framerate=15/1";
        MediaSide::new(
            "fsrtpconference",
            MediaType::Video,
            source,
            "fakesink name=end sync=false async=false",
        )
    };
    let (a, b) = (side(), side());
    let codec = a.session.codecs_without_config().into_iter().find(|c| c.is_encoding("VP8")).unwrap();
    [&a, &b].into_iter().for_each(|side| side.prefer(&codec));
    [&a, &b].into_iter().for_each(MediaSide::play);
    a.stream.set_remote_codecs(&b.session.codecs_without_config()).unwrap();
    b.stream.set_remote_codecs(&a.session.codecs_without_config()).unwrap();
    let remote = group("239.192.77.2", 1);
    for side in [&b, &a] {
        side.stream.set_transmitter("multicast", &on("127.0.0.1", &[])).unwrap();
        side.stream.force_remote_candidates(&remote).unwrap();
    }
    for side in [&a, &b] {
        side.wait(20);
        assert_eq!(side.got.all()[19].len(), 320 * 240 * 3 / 2);
    }
    a.end();
    b.end();
}

/// The TTL of packets that a socket in the group gets.
fn ttl_of_next(socket: &UdpSocket) -> u8 {
    use std::os::fd::AsRawFd;
    let (mut data, mut control) = ([0u8; 100], [0u8; 64]);
    let mut part = libc::iovec { iov_base: data.as_mut_ptr().cast(), iov_len: data.len() };
    // SAFETY: zero is a valid header; its buffers live during the call; the control message is read where it is said to be.
    unsafe {
        let mut header: libc::msghdr = std::mem::zeroed();
        header.msg_iov = &mut part;
        header.msg_iovlen = 1;
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = control.len();
        assert!(libc::recvmsg(socket.as_raw_fd(), &mut header, 0) > 0, "{}", std::io::Error::last_os_error());
        let message = libc::CMSG_FIRSTHDR(&header).as_ref().unwrap();
        libc::CMSG_DATA(message).cast::<libc::c_int>().read_unaligned() as u8
    }
}

#[test]
fn the_highest_ttl_of_those_in_a_group_counts() {
    let bare = Bare::new();
    let (low, high) = (bare.stream(&[]), bare.stream(&[]));
    let candidates = group("239.192.78.1", 3);
    let address = SocketAddr::from(([239, 192, 78, 1], candidates[0].port));
    let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
    listener.set_reuse_address(true).unwrap();
    listener.set_read_timeout(Some(support::PATIENCE)).unwrap();
    listener.set_recv_ttl_v4_for_test();
    listener.bind(&address.into()).unwrap();
    listener.join_multicast_v4(&Ipv4Addr::new(239, 192, 78, 1), &Ipv4Addr::LOCALHOST).unwrap();
    let listener = UdpSocket::from(listener);
    let next = || {
        bare.send(b"packet");
        ttl_of_next(&listener)
    };
    low.force_remote_candidates(&candidates).unwrap();
    let elements = bare.elements();
    assert_eq!(next(), 3);
    high.force_remote_candidates(&at("239.192.78.1", candidates[0].port, 64)).unwrap();
    assert_eq!(bare.elements(), elements, "the socket is shared");
    assert_eq!(next(), 64);
    high.set_sending(false);
    assert_eq!(next(), 64, "the other one still sends");
    high.stop();
    assert_eq!(next(), 3);
    low.set_sending(false);
    low.set_sending(true);
    assert_eq!(next(), 3);
    low.stop();
}

trait ReceiveTtl {
    fn set_recv_ttl_v4_for_test(&self);
}

impl ReceiveTtl for socket2::Socket {
    fn set_recv_ttl_v4_for_test(&self) {
        use std::os::fd::AsRawFd;
        let on: libc::c_int = 1;
        // SAFETY: the option is an int that lives during the call.
        let status = unsafe {
            libc::setsockopt(
                self.as_raw_fd(),
                libc::IPPROTO_IP,
                libc::IP_RECVTTL,
                (&raw const on).cast(),
                size_of::<libc::c_int>() as libc::socklen_t,
            )
        };
        assert_eq!(status, 0);
    }
}

#[test]
fn a_source_filter_lets_only_its_senders_through() {
    let bare = Bare::new();
    let stream = bare.stream(&["127.0.0.2"]);
    let candidates = group("232.77.0.1", 1);
    stream.force_remote_candidates(&candidates).unwrap();
    let to = SocketAddr::from(([232, 77, 0, 1], candidates[0].port));
    let send_from = |ip: [u8; 4], packet: &[u8]| {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
        socket.bind(&SocketAddr::from((IpAddr::from(ip), 0)).into()).unwrap();
        socket.set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
        UdpSocket::from(socket).send_to(packet, to).unwrap();
    };
    send_from([127, 0, 0, 3], b"stranger");
    send_from([127, 0, 0, 2], b"friend");
    wait_until("the wanted sender is heard", || bare.has(b"friend"));
    assert!(!bare.has(b"stranger"));
    stream.stop();
}

#[test]
fn two_memberships_on_one_port_stay_apart() {
    let bare = Bare::new();
    let (first, other) = (bare.stream(&[]), bare.stream(&["127.0.0.2"]));
    let candidates = group("232.77.0.2", 1);
    other.force_remote_candidates(&candidates).unwrap();
    let elements = bare.elements();
    first.force_remote_candidates(&candidates).unwrap();
    assert!(bare.elements() > elements, "another filter needs another socket");
    bare.send(b"to all");
    wait_until("the one without filter hears it", || bare.has(b"to all"));
    first.stop();
    other.stop();
}

#[test]
fn what_a_stream_cannot_be_given_is_said() {
    let bare = Bare::new();
    for (parameters, word) in [
        (on("localhost", &[]), "localhost"),
        (on("127.0.0.1", &["127.0.0.1", "peer"]), "peer"),
        (on("127.0.0.1", &["224.0.0.1"]), "224.0.0.1"),
        (on("127.0.0.1", &["127.0.0.1"; 11]), "source-filter"),
    ] {
        let error = bare.transmitter.new_stream_transmitter(None, &parameters).unwrap_err();
        assert!(error.matches(Error::InvalidArguments), "{error}");
        assert!(error.message().contains(word), "{error} does not name {word}");
    }
    let stream = bare.stream(&[]);
    let good = group("239.192.79.1", 1);
    let change = |change: fn(&mut Candidate)| {
        let mut candidates = good.clone();
        change(&mut candidates[1]);
        candidates
    };
    for (bad, word) in [
        (change(|c| c.ip = "192.0.2.1".into()), "192.0.2.1"),
        (change(|c| c.ip.clear()), "no address"),
        (change(|c| c.port = 0), "port 0"),
        (change(|c| c.ttl = 0), "TTL 0"),
        (change(|c| c.ttl = 256), "TTL 256"),
        (change(|c| c.component_id = 3), "component 3"),
        (change(|c| c.kind = CandidateType::Host), "Host"),
        (change(|c| c.proto = fs_proto::NetworkProtocol::TcpActive), "TcpActive"),
    ] {
        let error = stream.force_remote_candidates(&bad).unwrap_err();
        assert!(error.matches(Error::InvalidArguments), "{error}");
        assert!(error.message().contains(word), "{error} does not name {word}");
    }
    assert_eq!(members(Ipv4Addr::new(239, 192, 79, 1)), 0, "nothing is joined if any candidate is bad");
    let elsewhere = bare.transmitter.new_stream_transmitter(None, &on("192.0.2.77", &[])).unwrap();
    let error = elsewhere.force_remote_candidates(&good).unwrap_err();
    assert!(error.matches(Error::Network) && error.message().contains("192.0.2.77"), "{error}");
    let error = stream.add_remote_candidates(&good).unwrap_err();
    assert!(error.matches(Error::NotImplemented), "{error}");
    stream.stop();
    assert!(stream.force_remote_candidates(&good).unwrap_err().matches(Error::Disposed));
}
