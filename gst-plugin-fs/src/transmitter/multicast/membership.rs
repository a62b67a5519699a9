//! A socket that is member of a group: interface, source filter, TTL.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::AsRawFd;

use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockRef, Socket, Type};

use crate::transmitter::interfaces;

/// What makes groups the same: streams that agree share a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Membership {
    pub(super) group: SocketAddr,
    /// The address of the interface; `None` leaves it to the system.
    pub(super) interface: Option<IpAddr>,
    /// Whose packets are received; empty for everybody's.
    pub(super) sources: Vec<IpAddr>,
}

/// Binds a socket to the group's address and joins the group. Others on this host may be bound to the same.
///
/// # Errors
/// `NETWORK`, naming group and interface and what the system says.
pub(super) fn join(membership: &Membership, ttl: u32) -> Result<Socket, glib::Error> {
    open(membership, ttl).map_err(|e| {
        let interface = membership.interface.map_or_else(String::new, |ip| format!(" on interface {ip}"));
        let text = format!("cannot join the multicast group {}{interface}: {e}", membership.group);
        glib::Error::new(fs_core::Error::Network, &text)
    })
}

fn open(membership: &Membership, ttl: u32) -> io::Result<Socket> {
    let group = membership.group;
    let socket = Socket::new(Domain::for_address(group), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    // Without the next two, what other sockets of this host have joined would be received too.
    match group.ip() {
        IpAddr::V4(ip) => {
            socket.set_multicast_all_v4(false)?;
            socket.set_multicast_loop_v4(true)?;
            join_v4(&socket, ip, membership)?;
        }
        IpAddr::V6(ip) => {
            socket.set_only_v6(true)?;
            socket.set_multicast_all_v6(false)?;
            socket.set_multicast_loop_v6(true)?;
            join_v6(&socket, ip, membership)?;
        }
    }
    set_ttl(&SockRef::from(&socket), group, ttl)?;
    socket.bind(&scoped(membership)?.into())?;
    Ok(socket)
}

fn join_v4(socket: &Socket, group: Ipv4Addr, membership: &Membership) -> io::Result<()> {
    let interface = match membership.interface {
        Some(IpAddr::V4(ip)) => ip,
        Some(IpAddr::V6(_)) => return Err(other_family("interface")),
        None => Ipv4Addr::UNSPECIFIED,
    };
    if !interface.is_unspecified() {
        socket.set_multicast_if_v4(&interface)?;
    }
    if membership.sources.is_empty() {
        return socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Address(interface));
    }
    membership.sources.iter().try_for_each(|source| match source {
        IpAddr::V4(source) => socket.join_ssm_v4(source, &group, &interface),
        IpAddr::V6(_) => Err(other_family("source filter")),
    })
}

/// The group's address to bind to. Groups of one link or one host (RFC 4291 section 2.7) are those of an interface.
fn scoped(membership: &Membership) -> io::Result<SocketAddr> {
    match membership.group {
        SocketAddr::V6(group) => {
            let index = index_v6(membership)?;
            Ok(SocketAddrV6::new(*group.ip(), group.port(), 0, index).into())
        }
        group => Ok(group),
    }
}

/// The number of the interface, 0 where the system chooses.
fn index_v6(membership: &Membership) -> io::Result<u32> {
    match membership.interface {
        Some(IpAddr::V4(_)) => Err(other_family("interface")),
        Some(ip) => interfaces::index_of(ip)
            .ok_or_else(|| io::Error::new(io::ErrorKind::AddrNotAvailable, "no interface has that address")),
        None => Ok(0),
    }
}

fn join_v6(socket: &Socket, group: Ipv6Addr, membership: &Membership) -> io::Result<()> {
    let index = index_v6(membership)?;
    if index != 0 {
        socket.set_multicast_if_v6(index)?;
    }
    if membership.sources.is_empty() {
        return socket.join_multicast_v6(&group, index);
    }
    membership.sources.iter().try_for_each(|source| match source {
        IpAddr::V6(source) => join_source_v6(socket, *source, group, index),
        IpAddr::V4(_) => Err(other_family("source filter")),
    })
}

/// Source-specific membership in a group of IPv6 (RFC 3678 section 5.1.2).
fn join_source_v6(socket: &Socket, source: Ipv6Addr, group: Ipv6Addr, index: u32) -> io::Result<()> {
    let storage = |ip: Ipv6Addr| {
        let address = socket2::SockAddr::from(SocketAddr::from((ip, 0)));
        // SAFETY: zero bytes are a valid address of no family, and the address fits into its storage.
        unsafe {
            let mut storage: libc::sockaddr_storage = std::mem::zeroed();
            let length = address.len() as usize;
            std::ptr::copy_nonoverlapping(
                address.as_ptr().cast::<u8>(),
                (&raw mut storage).cast::<u8>(),
                length,
            );
            storage
        }
    };
    let request = libc::group_source_req {
        gsr_interface: index,
        gsr_group: storage(group),
        gsr_source: storage(source),
    };
    // SAFETY: the request lives during the call and has the size that is told.
    let status = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IPV6,
            libc::MCAST_JOIN_SOURCE_GROUP,
            (&raw const request).cast(),
            size_of::<libc::group_source_req>() as libc::socklen_t,
        )
    };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// How many routers packets may pass.
pub(super) fn set_ttl(socket: &SockRef<'_>, group: SocketAddr, ttl: u32) -> io::Result<()> {
    match group {
        SocketAddr::V4(_) => socket.set_multicast_ttl_v4(ttl),
        SocketAddr::V6(_) => socket.set_multicast_hops_v6(ttl),
    }
}

fn other_family(what: &str) -> io::Error {
    let text = format!("the {what} is of another address family than the group");
    io::Error::new(io::ErrorKind::InvalidInput, text)
}
