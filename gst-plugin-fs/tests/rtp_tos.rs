//! The type of service of a session reaches the packets on the wire, RTP and RTCP, at any time.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use std::net::UdpSocket;
use std::os::fd::AsRawFd;

use fs_core::prelude::*;
use fs_proto::StreamDirection;
use gst::prelude::*;

use support::peer::{Peer, wait_until};
use support::{Side, audio};

/// Lets a socket tell the type of service of what it receives.
fn tell_tos(socket: &UdpSocket) {
    socket.set_read_timeout(Some(support::PATIENCE)).unwrap();
    let on: libc::c_int = 1;
    let length = libc::socklen_t::try_from(size_of_val(&on)).unwrap();
    // SAFETY: a live descriptor and an option of the length that is given.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_RECVTOS,
            (&raw const on).cast(),
            length,
        )
    };
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
    // SAFETY: the kernel has filled the header; its first control message lies in `control`, if there is one.
    unsafe {
        let first = libc::CMSG_FIRSTHDR(&raw const message);
        assert!(!first.is_null());
        assert_eq!(((*first).cmsg_level, (*first).cmsg_type), (libc::IPPROTO_IP, libc::IP_TOS));
        *libc::CMSG_DATA(first)
    }
}

#[test]
fn packets_carry_the_type_of_service_of_the_session() {
    let side = Side::new("a", 440.0, StreamDirection::BOTH);
    side.session.set_property("tos", 0xb8u32);
    let (media, control) = (Peer::new(), Peer::new());
    [&media, &control].into_iter().for_each(|peer| tell_tos(&peer.socket));
    side.open();
    side.stream.set_remote_codecs(&[audio(0, "PCMU", 8000)]).unwrap();
    side.stream.force_remote_candidates(&[media.candidate(1), control.candidate(2)]).unwrap();
    assert_eq!(next_tos(&media.socket), 0xb8, "the first packet of RTP");
    assert_eq!(next_tos(&control.socket), 0xb8, "the first packet of RTCP");
    side.session.set_property("tos", 0x28u32);
    assert_eq!(side.session.property::<u32>("tos"), 0x28);
    wait_until("RTP with the new one", || next_tos(&media.socket) == 0x28);
    wait_until("RTCP with the new one", || next_tos(&control.socket) == 0x28);
    side.end();
}
