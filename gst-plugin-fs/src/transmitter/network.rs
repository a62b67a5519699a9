//! Another network in a call: addresses that come and go (rtnetlink), and the signal that asks for an offer then.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use fs_core::{CandidateList, StreamTransmitter};
use fs_proto::Candidate;
use glib::prelude::*;
use glib::subclass::{Signal, SignalId};

use super::interfaces;

/// After the first news, how long until what is there counts: an interface that comes up has several addresses.
pub(super) const QUIET: Duration = Duration::from_millis(250);

/// Signal of stream transmitters that gather again when an address that the peer was told is gone. Its argument, a
/// `FsCandidateList`, is all local candidates, in place of those told before.
const NEGOTIATION_NEEDED: &str = "negotiation-needed";

/// The signals of a type of stream transmitters.
pub(super) fn signals() -> Vec<Signal> {
    vec![Signal::builder(NEGOTIATION_NEEDED).param_types([CandidateList::static_type()]).build()]
}

/// Says that the peer has to be told these candidates.
pub(super) fn ask_for_offer(stream: &impl IsA<StreamTransmitter>, candidates: Vec<Candidate>) {
    stream.emit_by_name::<()>(NEGOTIATION_NEEDED, &[&CandidateList(candidates)]);
}

/// Calls back when the peer has to be told other candidates, if the stream transmitter is of a type that says so.
pub(crate) fn connect_negotiation_needed(
    stream: &StreamTransmitter,
    callback: impl Fn(&[Candidate]) + Send + Sync + 'static,
) {
    if SignalId::lookup(NEGOTIATION_NEEDED, stream.type_()).is_none() {
        return;
    }
    stream.connect(NEGOTIATION_NEEDED, false, move |values| {
        callback(&values.get(1)?.get::<CandidateList>().ok()?.0);
        None
    });
}

/// This host's addresses, those of the loopback interface too.
pub(super) fn addresses() -> Vec<IpAddr> {
    interfaces::addresses().into_iter().map(|address| address.ip).collect()
}

/// Whether one of them can be told to a peer on another host.
pub(super) fn reaches_out(addresses: &[IpAddr]) -> bool {
    addresses.iter().any(|ip| match ip {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local(),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local(),
    })
}

/// Whether one of the addresses that were told is none of this host's any more, and there are others to tell.
pub(super) fn is_another(told: &[IpAddr], now: &[IpAddr]) -> bool {
    told.iter().any(|ip| !now.contains(ip)) && reaches_out(now)
}

/// A socket that can be read from when an interface or an address changed.
#[derive(Debug)]
pub(super) struct Watch(OwnedFd);

impl Watch {
    /// Asks the system to tell.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn open() -> io::Result<Self> {
        /// Interfaces, addresses of IPv4, addresses of IPv6 (rtnetlink(7)).
        const GROUPS: u32 = (libc::RTMGRP_LINK | libc::RTMGRP_IPV4_IFADDR | libc::RTMGRP_IPV6_IFADDR) as u32;
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: takes no pointers; a descriptor it gives is nobody else's.
        let socket = unsafe {
            let socket = libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_ROUTE);
            if socket < 0 {
                return Err(io::Error::last_os_error());
            }
            OwnedFd::from_raw_fd(socket)
        };
        // SAFETY: all zero is a valid address; it lives during the call and has the size that is told.
        let bound = unsafe {
            let mut address: libc::sockaddr_nl = std::mem::zeroed();
            address.nl_family = libc::AF_NETLINK as u16;
            address.nl_groups = GROUPS;
            let length = size_of_val(&address) as libc::socklen_t;
            libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length)
        };
        if bound == 0 { Ok(Self(socket)) } else { Err(io::Error::last_os_error()) }
    }

    /// Takes the news, which say no more than to look again.
    pub(super) fn drain(&self) {
        let mut news = [0u8; 4096];
        loop {
            // SAFETY: the place has the size that is told.
            let got = unsafe { libc::recv(self.0.as_raw_fd(), news.as_mut_ptr().cast(), news.len(), 0) };
            if got > 0 {
                continue;
            }
            let overrun = io::Error::last_os_error().raw_os_error() == Some(libc::ENOBUFS);
            if got == 0 || !overrun {
                return;
            }
        }
    }
}

impl AsRawFd for Watch {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_network_is_one_without_an_address_that_was_told() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let (lo, one, two) = (ip("127.0.0.1"), ip("192.0.2.1"), ip("192.0.2.2"));
        assert!(!is_another(&[one], &[lo, one, two]), "a second address is no reason");
        assert!(!is_another(&[one], &[lo]), "there is none to tell");
        assert!(!is_another(&[one], &[lo, ip("fe80::1"), ip("169.254.1.1")]));
        assert!(is_another(&[one], &[lo, two]));
        assert!(is_another(&[one, ip("2001:db8::1")], &[lo, one]));
        assert!(!is_another(&[], &[lo, two]), "nothing was told yet");
    }

    #[test]
    fn a_watch_without_news_does_not_block() {
        Watch::open().unwrap().drain();
        assert!(!addresses().is_empty());
    }
}
