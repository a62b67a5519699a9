//! This host's own addresses.

use std::net::Ipv4Addr;

/// The IPv4 address to tell a peer: the first of an interface that is up and not the loopback; the loopback's where there
/// is no other; `None` where there is none at all.
pub(super) fn host_ipv4() -> Option<Ipv4Addr> {
    let all = ipv4_addresses();
    all.iter().find(|ip| !ip.is_loopback()).or(all.first()).copied()
}

/// The IPv4 addresses of all interfaces that are up, in the system's order.
fn ipv4_addresses() -> Vec<Ipv4Addr> {
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
        if up && family == Some(libc::AF_INET) {
            // SAFETY: addresses of family AF_INET are sockaddr_in; the read does not ask for alignment.
            let address = unsafe { interface.ifa_addr.cast::<libc::sockaddr_in>().read_unaligned() };
            found.push(Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr)));
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
    fn an_address_that_can_be_bound_is_found() {
        let ip = host_ipv4().expect("every host has a loopback");
        std::net::UdpSocket::bind((ip, 0)).expect("an own address can be bound");
        assert_eq!(ip.is_loopback(), ipv4_addresses().iter().all(Ipv4Addr::is_loopback));
    }
}
