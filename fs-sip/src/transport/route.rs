//! Which address of ours leads where, as the system routes.

use std::net::{IpAddr, SocketAddr, UdpSocket};

/// Our address on the way to a peer. Nothing is sent.
#[must_use]
pub fn route_to(peer: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = if peer.is_ipv4() { [0, 0, 0, 0].into() } else { [0u16; 8].into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    // Port 0 can't be connected to; any other will do.
    socket.connect((peer.ip(), peer.port().max(1))).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}
