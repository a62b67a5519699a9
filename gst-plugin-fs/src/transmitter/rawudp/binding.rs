//! The search for free ports: RTP on an even port by default, the other components right behind it.

use std::io;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use super::candidates::Preference;
use super::network;
use super::socket::Socket;

/// Where the search starts when the application has no wish.
const FIRST_PORT: u16 = 7078;

/// What an application wants for one socket: sockets for the same wish are shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) preference: Preference,
    pub(super) ports: Ports,
}

/// The ports that may be taken, both ends included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ports(RangeInclusive<u16>);

impl Default for Ports {
    fn default() -> Self {
        Self(FIRST_PORT..=u16::MAX)
    }
}

impl Ports {
    /// `min-port` and `max-port` as the application gave them; 0 leaves that end open.
    ///
    /// # Errors
    /// `INVALID_ARGUMENTS` when no port lies between them.
    pub(super) fn between(min: u32, max: u32) -> Result<Self, glib::Error> {
        let port = |given: u32, open| u16::try_from(given).ok().filter(|p| *p > 0).unwrap_or(open);
        let (first, last) = (port(min, if max > 0 { 1 } else { FIRST_PORT }), port(max, u16::MAX));
        if first > last {
            return Err(super::candidates::invalid(&format!(
                "transmitter rawudp: parameter 'min-port' is {min}, above 'max-port', which is {max}"
            )));
        }
        Ok(Self(first..=last))
    }

    /// The first even one, as RTP has it (RFC 3550 section 11); the only one if it is odd.
    fn start(&self) -> u16 {
        let first = *self.0.start();
        if first % 2 == 1 && first < *self.0.end() { first + 1 } else { first }
    }
}

/// A taken port is followed by this one, so that even stays even and odd stays odd.
const STEP: u16 = 2;

/// A socket for one component: found among those that are open, or new.
pub(super) enum Slot<S> {
    /// Shared with another stream.
    Open(S),
    /// Bound just now.
    New(Socket),
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
    ports: &Ports,
    mut open: impl FnMut(u32, &Preference, Option<u16>) -> Option<(S, u16)>,
) -> Result<Vec<Slot<S>>, glib::Error> {
    let row = STEP * u16::try_from(preferences.len().div_ceil(STEP.into())).unwrap_or(u16::MAX / STEP);
    let mut first = ports.start();
    loop {
        if let Some(slots) = attempt(preferences, ports, first, &mut open)? {
            return Ok(slots);
        }
        let ip = preferences.first().and_then(|p| p.ip);
        first = first
            .checked_add(row)
            .filter(|port| ports.0.contains(port))
            .ok_or_else(|| ports.exhausted(1, ip, ports.start(), row))?;
    }
}

/// One try with the row starting at `first`; `None` if a port of the row is taken.
fn attempt<S>(
    preferences: &[Preference],
    ports: &Ports,
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
            let start = preference.port.or(next.filter(|port| ports.0.contains(port)));
            let Some(start) = start else {
                return Err(ports.exhausted(component, preference.ip, first, STEP));
            };
            let bound = if in_row {
                bind_one(component, preference.ip, start)?
            } else {
                Some(ports.bind_from(component, preference, start)?)
            };
            let Some(socket) = bound else { return Ok(None) };
            let port = socket.port();
            (Slot::New(socket), port)
        };
        next = port.checked_add(1);
        slots.push(slot);
    }
    Ok(Some(slots))
}

impl Ports {
    /// Binds that port or, while it is taken, those further up. A wanted port needs not be one of these.
    fn bind_from(&self, component: u32, preference: &Preference, start: u16) -> Result<Socket, glib::Error> {
        let last = if self.0.contains(&start) { *self.0.end() } else { u16::MAX };
        let mut port = start;
        loop {
            if let Some(bound) = bind_one(component, preference.ip, port)? {
                return Ok(bound);
            }
            port = port
                .checked_add(STEP)
                .filter(|port| *port <= last)
                .ok_or_else(|| self.exhausted(component, preference.ip, start, STEP))?;
        }
    }

    fn exhausted(&self, component: u32, ip: Option<IpAddr>, start: u16, step: u16) -> glib::Error {
        let address = ip.map_or_else(|| "any address".to_owned(), |ip| ip.to_string());
        let last = if self.0.contains(&start) { *self.0.end() } else { u16::MAX };
        network(&format!(
            "no free UDP port for component {component} on {address}: all from {start} to {last} in steps of {step} \
             are in use"
        ))
    }
}

/// Binds exactly that port; `None` if it is taken.
fn bind_one(component: u32, ip: Option<IpAddr>, port: u16) -> Result<Option<Socket>, glib::Error> {
    match Socket::bind(ip, port) {
        Ok(socket) => Ok(Some(socket)),
        Err(e) if e.kind() == io::ErrorKind::AddrInUse => Ok(None),
        Err(e) => {
            let address = ip.map_or_else(|| "any address".to_owned(), |ip| ip.to_string());
            Err(network(&format!(
                "cannot bind a UDP socket for component {component} to {address}, port {port}: {e}"
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, UdpSocket};

    use super::*;

    const LOOPBACK: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));

    fn found(preferences: &[Preference]) -> Result<(Vec<Socket>, Vec<u16>), glib::Error> {
        found_in(&Ports::default(), preferences)
    }

    fn found_in(ports: &Ports, preferences: &[Preference]) -> Result<(Vec<Socket>, Vec<u16>), glib::Error> {
        let slots = find::<()>(preferences, ports, |_, _, _| None)?;
        let sockets: Vec<Socket> = slots
            .into_iter()
            .map(|s| match s {
                Slot::New(socket) => socket,
                Slot::Open(()) => panic!("nothing is open"),
            })
            .collect();
        let ports = sockets.iter().map(Socket::port).collect();
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

    #[test]
    fn a_range_is_kept_to_and_named_when_it_is_used_up() {
        let free = (20_000..60_000u16).step_by(20);
        let empty =
            |first: &u16| (*first..first + 6).all(|port| UdpSocket::bind(("127.0.0.1", port)).is_ok());
        let first = free.into_iter().find(empty).expect("some six ports are free");
        let ports = Ports::between((first + 1).into(), (first + 5).into()).unwrap();
        let pair = [Preference { ip: LOOPBACK, port: None }; 2];
        let (_one, a) = found_in(&ports, &pair).unwrap();
        let (_two, b) = found_in(&ports, &pair).unwrap();
        assert_eq!((a, b), (vec![first + 2, first + 3], vec![first + 4, first + 5]));
        let error = found_in(&ports, &pair).unwrap_err();
        assert!(error.matches(fs_core::Error::Network), "{error:?}");
        let (low, high) = ((first + 2).to_string(), (first + 5).to_string());
        assert!(error.message().contains(&low) && error.message().contains(&high), "{error}");
    }

    #[test]
    fn a_range_has_an_open_end_or_two() {
        assert_eq!(Ports::between(0, 0).unwrap(), Ports::default());
        assert_eq!(Ports::between(5001, 0).unwrap().start(), 5002);
        assert_eq!(Ports::between(5001, 5001).unwrap().start(), 5001);
        assert_eq!(Ports::between(0, 5000).unwrap().0, 1..=5000);
        let error = Ports::between(5002, 5001).unwrap_err();
        assert!(
            error.matches(fs_core::Error::InvalidArguments) && error.message().contains("min-port"),
            "{error}"
        );
    }
}
