//! This host's own addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

/// The addresses to tell a peer, the best one first: one of IPv4, one of IPv6 that is global. The loopback's where there is
/// no other; none where there is none at all.
pub(super) fn host_addresses() -> Vec<IpAddr> {
    let all = addresses();
    let v4 = all.iter().find(|ip| ip.is_ipv4() && !ip.is_loopback()).copied();
    let v6 = routed_ipv6()
        .or_else(|| all.iter().copied().find(|ip| matches!(ip, IpAddr::V6(v6) if is_global(*v6))));
    let outer: Vec<IpAddr> = v4.into_iter().chain(v6).collect();
    if outer.is_empty() { all.into_iter().find(IpAddr::is_loopback).into_iter().collect() } else { outer }
}

/// Neither loopback nor link-local nor mapped.
fn is_global(ip: Ipv6Addr) -> bool {
    !ip.is_loopback() && !ip.is_unspecified() && !ip.is_unicast_link_local() && ip.to_ipv4_mapped().is_none()
}

/// The address that the system would choose (RFC 6724) to go out by the default route. Nothing is sent.
fn routed_ipv6() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 9)).ok()?;
    match socket.local_addr().ok()?.ip() {
        IpAddr::V6(ip) if is_global(ip) => Some(ip.into()),
        _ => None,
    }
}

/// The addresses of all interfaces that are up, in the system's order.
fn addresses() -> Vec<IpAddr> {
    let mut list: *mut libc::ifaddrs = std::ptr::null_mut();
    // SAFETY: the function fills in the pointer or fails with non-zero.
    if unsafe { libc::getifaddrs(&mut list) } != 0 {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut entry = list;
    // SAFETY: each entry of the list is valid until freeifaddrs, and the last one's next is NULL.
    while let Some(interface) = unsafe { entry.as_ref() } {
        entry = interface.ifa_next;
        let up = interface.ifa_flags & (libc::IFF_UP as libc::c_uint) != 0;
        // SAFETY: an entry's address is NULL or a socket address whose family says which.
        let family = unsafe { interface.ifa_addr.as_ref() }.map(|a| i32::from(a.sa_family));
        match family.filter(|_| up) {
            Some(libc::AF_INET) => {
                // SAFETY: addresses of family AF_INET are sockaddr_in; the read does not ask for alignment.
                let address = unsafe { interface.ifa_addr.cast::<libc::sockaddr_in>().read_unaligned() };
                found.push(Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr)).into());
            }
            Some(libc::AF_INET6) => {
                // SAFETY: addresses of family AF_INET6 are sockaddr_in6; the read does not ask for alignment.
                let address = unsafe { interface.ifa_addr.cast::<libc::sockaddr_in6>().read_unaligned() };
                found.push(Ipv6Addr::from(address.sin6_addr.s6_addr).into());
            }
            _ => {}
        }
    }
    // SAFETY: the list came from getifaddrs and nothing points into it any more.
    unsafe { libc::freeifaddrs(list) };
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_can_be_bound_are_found() {
        let told = host_addresses();
        assert!((1..=2).contains(&told.len()), "every host has a loopback: {told:?}");
        for ip in &told {
            UdpSocket::bind((*ip, 0)).expect("an own address can be bound");
        }
        let outer = addresses().into_iter().any(|ip| ip.is_ipv4() && !ip.is_loopback());
        assert_eq!(told[0].is_ipv4() && !told[0].is_loopback(), outer, "IPv4 goes first");
    }

    #[test]
    fn link_local_addresses_are_not_told() {
        assert!(is_global("2001:db8::1".parse().unwrap()) && is_global("fd00::1".parse().unwrap()));
        for ip in ["fe80::1", "::1", "::", "::ffff:192.0.2.1"] {
            assert!(!is_global(ip.parse().unwrap()), "{ip}");
        }
    }
}
