//! The addresses of this host's network interfaces.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address of an interface that is up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct InterfaceAddress {
    pub(super) ip: IpAddr,
    /// The system's number of the interface, never 0.
    pub(super) index: u32,
}

/// The number of the interface that has an address, if one has.
pub(super) fn index_of(ip: IpAddr) -> Option<u32> {
    addresses().into_iter().find(|a| a.ip == ip).map(|a| a.index)
}

/// The IP addresses of all interfaces that are up, in the system's order.
pub(super) fn addresses() -> Vec<InterfaceAddress> {
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
        if interface.ifa_flags & (libc::IFF_UP as libc::c_uint) == 0 {
            continue;
        }
        // SAFETY: the address is NULL or a socket address whose family says which; the name is a C string.
        let (ip, index) = unsafe { (ip_in(interface.ifa_addr), libc::if_nametoindex(interface.ifa_name)) };
        if let Some(ip) = ip.filter(|_| index != 0) {
            found.push(InterfaceAddress { ip, index });
        }
    }
    // SAFETY: the list came from getifaddrs and nothing points into it any more.
    unsafe { libc::freeifaddrs(list) };
    found
}

/// # Safety
/// `address` is NULL or points to a socket address as large as its family's.
unsafe fn ip_in(address: *const libc::sockaddr) -> Option<IpAddr> {
    // SAFETY: the caller's promise; reads do not ask for alignment.
    unsafe {
        match i32::from(address.as_ref()?.sa_family) {
            libc::AF_INET => {
                let v4 = address.cast::<libc::sockaddr_in>().read_unaligned();
                Some(Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr)).into())
            }
            libc::AF_INET6 => {
                let v6 = address.cast::<libc::sockaddr_in6>().read_unaligned();
                Some(Ipv6Addr::from(v6.sin6_addr.s6_addr).into())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_is_found() {
        let all = addresses();
        let lo =
            all.iter().find(|a| a.ip == IpAddr::from([127, 0, 0, 1])).expect("every host has a loopback");
        assert_eq!(index_of(lo.ip), Some(lo.index));
        assert_eq!(index_of(IpAddr::from([192, 0, 2, 77])), None);
    }
}
