//! The addresses of this machine: which one leads where, as the system routes, and whether they are still ours.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Tells which addresses this machine has.
pub trait LocalAddresses: fmt::Debug + Send + Sync {
    /// Those that lead to the rest of the world, one a family; a change of them is a change of the network.
    fn outside(&self) -> Vec<IpAddr>;

    /// The one that leads to a peer.
    fn towards(&self, peer: SocketAddr) -> Option<IpAddr>;

    /// Is this (still) one of ours?
    fn has(&self, ip: IpAddr) -> bool;
}

/// The addresses as the system has them.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemAddresses;

impl LocalAddresses for SystemAddresses {
    fn outside(&self) -> Vec<IpAddr> {
        // Addresses for documentation: no packet is sent, only the way there is looked up.
        let far = [
            IpAddr::from(Ipv4Addr::new(192, 0, 2, 1)),
            Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
        ];
        far.into_iter().filter_map(|ip| route_to(SocketAddr::new(ip, 9))).collect()
    }

    fn towards(&self, peer: SocketAddr) -> Option<IpAddr> {
        route_to(peer)
    }

    fn has(&self, ip: IpAddr) -> bool {
        UdpSocket::bind((ip, 0)).is_ok()
    }
}

/// Our address on the way to a peer. Nothing is sent.
#[must_use]
pub fn route_to(peer: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = if peer.is_ipv4() { [0, 0, 0, 0].into() } else { [0u16; 8].into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    // Port 0 can't be connected to; any other will do.
    socket.connect((peer.ip(), peer.port().max(1))).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}
