//! The search for free ports: RTP on an even port by default, the other components right behind it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use super::candidates::Preference;
use super::network;

/// Where the search starts when the application has no wish.
const FIRST_PORT: u16 = 7078;

/// A taken port is followed by this one, so that even stays even and odd stays odd.
const STEP: u16 = 2;

/// A socket for one component: found among those that are open, or new.
pub(super) enum Slot<S> {
    /// Shared with another stream.
    Open(S),
    /// Bound just now.
    New(UdpSocket),
}

/// Finds a socket for each component. `open` gives those that are there already, for a component, a wish and, where it
/// must follow another component's, the number it must have.
///
/// Components without a wanted port follow each other. If one of them is taken, the whole row starts again further up;
/// a wanted port that is taken, or one that follows a fixed one, is looked for on its own.
///
/// # Errors
/// `NETWORK` when an address cannot be bound or a range is exhausted; the text names both.
pub(super) fn find<S>(
    preferences: &[Preference],
    mut open: impl FnMut(u32, &Preference, Option<u16>) -> Option<(S, u16)>,
) -> Result<Vec<Slot<S>>, glib::Error> {
    let row = STEP * u16::try_from(preferences.len().div_ceil(STEP.into())).unwrap_or(u16::MAX / STEP);
    let mut first = FIRST_PORT;
    loop {
        match attempt(preferences, first, &mut open)? {
            Some(slots) => return Ok(slots),
            None => match first.checked_add(row) {
                Some(next) => first = next,
                None => return Err(exhausted(1, preferences.first().and_then(|p| p.ip), FIRST_PORT, row)),
            },
        }
    }
}

/// One try with the row starting at `first`; `None` if a port of the row is taken.
fn attempt<S>(
    preferences: &[Preference],
    first: u16,
    open: &mut impl FnMut(u32, &Preference, Option<u16>) -> Option<(S, u16)>,
) -> Result<Option<Vec<Slot<S>>>, glib::Error> {
    let mut slots = Vec::with_capacity(preferences.len());
    let mut next = Some(first);
    let mut in_row = true;
    for (component, preference) in (1u32..).zip(preferences) {
        let follows = next.filter(|_| component > 1 && preference.port.is_none());
        let (slot, port) = if let Some((shared, port)) = open(component, preference, follows) {
            in_row = false;
            (Slot::Open(shared), port)
        } else {
            in_row &= preference.port.is_none();
            let Some(start) = preference.port.or(next) else {
                return Err(exhausted(component, preference.ip, first, STEP));
            };
            let bound = if in_row {
                bind_one(component, preference.ip, start)?
            } else {
                Some(bind_from(component, preference.ip, start)?)
            };
            let Some((socket, port)) = bound else { return Ok(None) };
            (Slot::New(socket), port)
        };
        next = port.checked_add(1);
        slots.push(slot);
    }
    Ok(Some(slots))
}

/// Binds that port or, while it is taken, those further up.
fn bind_from(component: u32, ip: Option<IpAddr>, start: u16) -> Result<(UdpSocket, u16), glib::Error> {
    let mut port = start;
    loop {
        if let Some(bound) = bind_one(component, ip, port)? {
            return Ok(bound);
        }
        port = port.checked_add(STEP).ok_or_else(|| exhausted(component, ip, start, STEP))?;
    }
}

/// Binds exactly that port; `None` if it is taken.
fn bind_one(component: u32, ip: Option<IpAddr>, port: u16) -> Result<Option<(UdpSocket, u16)>, glib::Error> {
    let address = SocketAddr::new(ip.unwrap_or(Ipv4Addr::UNSPECIFIED.into()), port);
    let bound = UdpSocket::bind(address).and_then(|socket| Ok((socket.local_addr()?.port(), socket)));
    match bound {
        Ok((port, socket)) => Ok(Some((socket, port))),
        Err(e) if e.kind() == io::ErrorKind::AddrInUse => Ok(None),
        Err(e) => {
            Err(network(&format!("cannot bind a UDP socket for component {component} to {address}: {e}")))
        }
    }
}

fn exhausted(component: u32, ip: Option<IpAddr>, start: u16, step: u16) -> glib::Error {
    let address = ip.map_or_else(|| "any address".to_owned(), |ip| ip.to_string());
    network(&format!(
        "no free UDP port for component {component} on {address}: all from {start} to 65535 in steps of {step} are \
         in use"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));

    fn found(preferences: &[Preference]) -> Result<(Vec<UdpSocket>, Vec<u16>), glib::Error> {
        let slots = find::<()>(preferences, |_, _, _| None)?;
        let sockets: Vec<UdpSocket> = slots
            .into_iter()
            .map(|s| match s {
                Slot::New(socket) => socket,
                Slot::Open(()) => panic!("nothing is open"),
            })
            .collect();
        let ports = sockets.iter().map(|s| s.local_addr().unwrap().port()).collect();
        Ok((sockets, ports))
    }

    #[test]
    fn components_follow_each_other_from_an_even_port() {
        let preference = Preference { ip: LOOPBACK, port: None };
        let (_first, a) = found(&[preference; 2]).unwrap();
        let (_second, b) = found(&[preference; 2]).unwrap();
        for ports in [&a, &b] {
            assert!(ports[0] >= FIRST_PORT && ports[0] % 2 == 0 && ports[1] == ports[0] + 1, "{ports:?}");
        }
        assert_ne!(a, b, "a taken pair is passed over");
    }

    #[test]
    fn a_wanted_port_that_is_taken_moves_up_by_two() {
        let taken = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let (_sockets, ports) =
            found(&[Preference { ip: LOOPBACK, port: Some(port) }, Preference { ip: LOOPBACK, port: None }])
                .unwrap();
        assert!(ports[0] > port && (ports[0] - port).is_multiple_of(STEP), "{port} became {ports:?}");
        assert!(ports[1] > ports[0], "{ports:?}");
    }

    #[test]
    fn an_exhausted_range_is_named() {
        let taken = UdpSocket::bind(("127.0.0.1", 65534));
        let other = UdpSocket::bind(("127.0.0.1", 65535));
        let error = found(&[Preference { ip: LOOPBACK, port: Some(65534) }]).unwrap_err();
        assert!(error.matches(fs_core::Error::Network));
        assert!(error.message().contains("65534") && error.message().contains("127.0.0.1"), "{error}");
        drop((taken, other));
    }

    #[test]
    fn a_foreign_address_cannot_be_bound() {
        let ip = Some(IpAddr::from([192, 0, 2, 77]));
        let error = found(&[Preference { ip, port: None }]).unwrap_err();
        assert!(error.matches(fs_core::Error::Network));
        assert!(error.message().contains("192.0.2.77"), "{error}");
    }
}
