//! The type of service of a session reaches the packets on the wire, RTP and RTCP, over each transmitter, at any time.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

use fs_core::CandidateList;
use fs_core::prelude::*;
use fs_proto::{Candidate, CandidateType, StreamDirection};
use gst::prelude::*;

use support::ice::{Parameters, gather, preferring};
use support::peer::wait_until;
use support::{Side, audio};

/// Lets a socket tell the type of service of what it receives.
fn tell_tos(socket: &UdpSocket) {
    socket.set_read_timeout(Some(support::PATIENCE)).unwrap();
    let on: libc::c_int = 1;
    let length = libc::socklen_t::try_from(size_of_val(&on)).unwrap();
    let (level, option) = match socket.local_addr().unwrap() {
        SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_RECVTOS),
        SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS),
    };
    // SAFETY: a live descriptor and an option of the length that is given.
    let done = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const on).cast(), length) };
    assert_eq!(done, 0);
}

/// The type of service of the next packet.
fn next_tos(socket: &UdpSocket) -> u8 {
    let (mut data, mut control) = ([0u8; 2048], [0u64; 16]);
    let mut part = libc::iovec { iov_base: data.as_mut_ptr().cast(), iov_len: data.len() };
    // SAFETY: all zero is a message header without anything.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    (message.msg_iov, message.msg_iovlen) = (&raw mut part, 1);
    (message.msg_control, message.msg_controllen) = (control.as_mut_ptr().cast(), size_of_val(&control));
    // SAFETY: the header points to two live buffers of the lengths given.
    let size = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, 0) };
    assert!(size > 0, "{}", std::io::Error::last_os_error());
    // SAFETY: the kernel has filled the header; its first control message lies in `control`, if there is one. That of IPv4
    // holds one octet, that of IPv6 an int.
    unsafe {
        let first = libc::CMSG_FIRSTHDR(&raw const message);
        assert!(!first.is_null());
        match ((*first).cmsg_level, (*first).cmsg_type) {
            (libc::IPPROTO_IP, libc::IP_TOS) => *libc::CMSG_DATA(first),
            (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => {
                libc::CMSG_DATA(first).cast::<libc::c_int>().read_unaligned() as u8
            }
            other => panic!("a note {other:?}"),
        }
    }
}

/// A call to two sockets; `set` gives it a transmitter and its remote candidates.
fn marked([media, control]: [&UdpSocket; 2], set: impl FnOnce(&Side)) {
    let side = Side::new("a", 440.0, StreamDirection::BOTH);
    side.session.set_property("tos", 0xb8u32);
    [media, control].into_iter().for_each(tell_tos);
    set(&side);
    assert_eq!(next_tos(media), 0xb8, "the first packet of RTP");
    assert_eq!(next_tos(control), 0xb8, "the first packet of RTCP");
    side.session.set_property("tos", 0x28u32);
    assert_eq!(side.session.property::<u32>("tos"), 0x28);
    wait_until("RTP with the new one", || next_tos(media) == 0x28);
    wait_until("RTCP with the new one", || next_tos(control) == 0x28);
    side.end();
}

/// Sockets for both components at that address, and their candidates.
fn peers(ip: &str) -> ([UdpSocket; 2], Vec<Candidate>) {
    let sockets = [1, 2].map(|_| UdpSocket::bind((ip.parse::<IpAddr>().unwrap(), 0)).unwrap());
    let candidate = |(component, socket): (u32, &UdpSocket)| {
        Candidate::new("", component, CandidateType::Host, ip, socket.local_addr().unwrap().port())
    };
    let candidates = (1u32..).zip(&sockets).map(candidate).collect();
    (sockets, candidates)
}

fn talk(side: &Side, candidates: &[Candidate]) {
    side.stream.set_remote_codecs(&[audio(0, "PCMU", 8000)]).unwrap();
    side.stream.force_remote_candidates(candidates).unwrap();
}

fn rawudp(ip: &str) {
    let ([media, control], candidates) = peers(ip);
    let wish = (1..=2).map(|c| Candidate::new("", c, CandidateType::Host, ip, 0)).collect();
    let wish: Parameters = vec![("preferred-local-candidates".into(), CandidateList(wish).to_value())];
    marked([&media, &control], |side| {
        side.stream.set_transmitter("rawudp", &wish).unwrap();
        talk(side, &candidates);
    });
}

#[test]
fn packets_carry_the_type_of_service_of_the_session() {
    rawudp("127.0.0.1");
}

#[test]
fn packets_over_ipv6_carry_it_as_traffic_class() {
    rawudp("::1");
}

#[test]
fn packets_over_nice_carry_it() {
    for ip in ["127.0.0.1", "::1"] {
        let ([media, control], candidates) = peers(ip);
        marked([&media, &control], |side| {
            gather(side, &preferring(ip, true));
            talk(side, &candidates);
        });
    }
}

#[test]
fn packets_to_a_group_carry_it() {
    let candidates = support::multicast::group("239.192.78.9", 1);
    let listener = |candidate: &Candidate| {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
        socket.set_reuse_address(true).unwrap();
        let group: Ipv4Addr = candidate.ip.parse().unwrap();
        socket.bind(&SocketAddr::from((group, candidate.port)).into()).unwrap();
        socket.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST).unwrap();
        UdpSocket::from(socket)
    };
    let (media, control) = (listener(&candidates[0]), listener(&candidates[1]));
    marked([&media, &control], |side| {
        side.stream.set_transmitter("multicast", &support::multicast::on("127.0.0.1", &[])).unwrap();
        talk(side, &candidates);
    });
}
