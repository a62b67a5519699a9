//! UPnP Internet Gateway Device: search by SSDP, description, and three actions of WANIPConnection (v1) or
//! WANPPPConnection.
//!
//! What comes from the network is searched for a handful of elements and read no further; addresses that lead elsewhere
//! than to the device that answered are refused.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use super::http::{self, header};
use super::{Gateway, other};

const TARGET: &str = "urn:schemas-upnp-org:device:InternetGatewayDevice:1";
/// The services that map ports, the better one first.
const SERVICES: [&str; 3] = [
    "urn:schemas-upnp-org:service:WANIPConnection:2",
    "urn:schemas-upnp-org:service:WANIPConnection:1",
    "urn:schemas-upnp-org:service:WANPPPConnection:1",
];
/// The search is repeated: UDP loses packets.
const AGAIN: Duration = Duration::from_millis(250);
/// What one action may take.
const PATIENCE: Duration = Duration::from_secs(4);
/// Ports that are tried outside.
const TRIES: u16 = 4;

/// Errors of the actions (WANIPConnection:1, section 2.4.16).
const CONFLICT: u16 = 718;
const ONLY_PERMANENT: u16 = 725;

/// A gateway that answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Igd {
    device: SocketAddr,
    path: String,
    service: &'static str,
}

/// Looks for a gateway from that address of ours, in groups and at addresses where one may be.
///
/// Who is in a group answers after any time up to the seconds of MX, of which there is at least one; who is asked by itself
/// answers at once (UPnP Device Architecture 1.1, sections 1.3.2 and 1.3.3).
///
/// # Errors
/// Why there is none.
pub(super) fn search(own: IpAddr, places: &[SocketAddr], end: Instant) -> io::Result<Igd> {
    let IpAddr::V4(own) = own else { return Err(other("only over IPv4")) };
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.bind(&SocketAddr::from((own, 0)).into())?;
    socket.set_multicast_if_v4(&own)?;
    let socket = std::net::UdpSocket::from(socket);
    let request = |place: &SocketAddr| {
        let wait = if place.ip().is_multicast() { "MX: 1\r\n" } else { "" };
        format!(
            "M-SEARCH * HTTP/1.1\r\nHOST: {place}\r\nMAN: \"ssdp:discover\"\r\n{wait}ST: {TARGET}\r\n\r\n"
        )
    };
    let mut answer = [0; 2048];
    let mut reason = io::Error::from(io::ErrorKind::TimedOut);
    let mut next = Instant::now();
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        if next <= Instant::now() {
            for place in places {
                // The other place may be one that can be reached.
                if let Err(e) = socket.send_to(request(place).as_bytes(), place) {
                    reason = e;
                }
            }
            next += AGAIN;
        }
        let wait = next.saturating_duration_since(Instant::now()).clamp(Duration::from_millis(1), left);
        socket.set_read_timeout(Some(wait))?;
        let Ok((size, device)) = socket.recv_from(&mut answer) else { continue };
        let text = String::from_utf8_lossy(answer.get(..size).unwrap_or_default());
        match location(&text, device).and_then(|(device, path)| describe(device, &path, end)) {
            Ok(found) => return Ok(found),
            Err(e) => reason = e,
        }
    }
    Err(reason)
}

/// Where the device that answered describes itself.
fn location(answer: &str, from: SocketAddr) -> io::Result<(SocketAddr, String)> {
    let place = header(answer, "location").ok_or_else(|| other(format!("{from} names no location")))?;
    let (device, path) = split_url(place).ok_or_else(|| other(format!("'{place}' is no address")))?;
    if device.ip() != from.ip() {
        return Err(other(format!("{from} names {device}")));
    }
    Ok((device, path))
}

fn describe(device: SocketAddr, path: &str, end: Instant) -> io::Result<Igd> {
    let request = format!("GET {path} HTTP/1.0\r\nHost: {device}\r\nConnection: close\r\n\r\n");
    let (status, body) = http::exchange(device, &request, end)?;
    if status != 200 {
        return Err(other(format!("{device} answers {status} to its description")));
    }
    read_description(device, &body).ok_or_else(|| other(format!("{device} maps no ports")))
}

/// The service that maps ports, and where it takes actions.
fn read_description(device: SocketAddr, text: &str) -> Option<Igd> {
    SERVICES.iter().find_map(|service| {
        let is_it = |part: &&str| element(part, "serviceType") == Some(*service);
        let part = text.split("<service>").skip(1).find(is_it)?;
        let place = element(part, "controlURL")?;
        let path = match split_url(place) {
            Some((other, path)) if other == device => path,
            Some(_) => return None,
            None if place.starts_with('/') => place.to_owned(),
            None => format!("/{place}"),
        };
        let plain = path.bytes().all(|b| b.is_ascii_graphic());
        plain.then_some(Igd { device, path, service })
    })
}

/// Splits `http://192.0.2.1:80/path`; names are not looked up.
fn split_url(url: &str) -> Option<(SocketAddr, String)> {
    let rest = url.strip_prefix("http://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let device =
        host.parse().or_else(|_| host.parse::<Ipv4Addr>().map(|ip| SocketAddr::from((ip, 80)))).ok()?;
    Some((device, format!("/{path}")))
}

/// The text of the first element of that name.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let after = text.split_once(&format!("<{name}>"))?.1;
    Some(after.split_once("</")?.0.trim())
}

impl Igd {
    /// Takes an action; an error of UPnP comes as its code.
    fn act(&self, action: &str, arguments: &[(&str, String)]) -> io::Result<Result<String, u16>> {
        let inside: String =
            arguments.iter().map(|(name, value)| format!("<{name}>{value}</{name}>")).collect();
        let body = format!(
            "<?xml version=\"1.0\"?>\r\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>\
             <u:{action} xmlns:u=\"{}\">{inside}</u:{action}></s:Body></s:Envelope>\r\n",
            self.service
        );
        let request = format!(
            "POST {} HTTP/1.0\r\nHost: {}\r\nContent-Type: text/xml; charset=\"utf-8\"\r\nContent-Length: {}\r\n\
             SOAPAction: \"{}#{action}\"\r\nConnection: close\r\n\r\n{body}",
            self.path,
            self.device,
            body.len(),
            self.service
        );
        let (status, answer) = http::exchange(self.device, &request, Instant::now() + PATIENCE)?;
        if status == 200 {
            return Ok(Ok(answer));
        }
        let code = element(&answer, "errorCode").and_then(|code| code.parse().ok());
        Ok(Err(code.ok_or_else(|| other(format!("{action}: HTTP status {status}")))?))
    }

    fn add(&self, socket: SocketAddr, outside: u16, life: Duration) -> io::Result<Result<(), u16>> {
        let arguments = [
            ("NewRemoteHost", String::new()),
            ("NewExternalPort", outside.to_string()),
            ("NewProtocol", "UDP".to_owned()),
            ("NewInternalPort", socket.port().to_string()),
            ("NewInternalClient", socket.ip().to_string()),
            ("NewEnabled", "1".to_owned()),
            ("NewPortMappingDescription", "Farstream".to_owned()),
            ("NewLeaseDuration", life.as_secs().min(u32::MAX.into()).to_string()),
        ];
        Ok(self.act("AddPortMapping", &arguments)?.map(drop))
    }

    fn address(&self) -> io::Result<IpAddr> {
        let answer = self.act("GetExternalIPAddress", &[])?.map_err(refused)?;
        let text = element(&answer, "NewExternalIPAddress").unwrap_or_default();
        text.parse().map_err(|_| other(format!("the gateway says that its address is '{text}'")))
    }
}

fn refused(code: u16) -> io::Error {
    other(format!("UPnP error {code}"))
}

impl Gateway for Igd {
    fn map(&mut self, socket: SocketAddr, life: Duration) -> io::Result<(SocketAddr, Duration)> {
        let ip = self.address()?;
        let (mut outside, mut lease) = (socket.port(), life);
        for _ in 0..TRIES {
            match self.add(socket, outside, lease)? {
                Ok(()) => return Ok((SocketAddr::new(ip, outside), life)),
                Err(CONFLICT) => outside = outside.wrapping_add(2).max(1024),
                Err(ONLY_PERMANENT) if !lease.is_zero() => lease = Duration::ZERO,
                Err(code) => return Err(refused(code)),
            }
        }
        Err(other(format!("ports from {} on are taken at the gateway", socket.port())))
    }

    fn unmap(&mut self, _socket: SocketAddr, outside: SocketAddr) -> io::Result<()> {
        let arguments = [
            ("NewRemoteHost", String::new()),
            ("NewExternalPort", outside.port().to_string()),
            ("NewProtocol", "UDP".to_owned()),
        ];
        self.act("DeletePortMapping", &arguments)?.map(drop).map_err(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: &str = "192.0.2.1:1900";

    #[test]
    fn the_location_must_be_the_devices_own() {
        let read = |place: &str| {
            location(&format!("HTTP/1.1 200 OK\r\nLocation: {place}\r\n\r\n"), FROM.parse().unwrap())
        };
        assert_eq!(read("http://192.0.2.1:49152/root.xml").unwrap().1, "/root.xml");
        assert_eq!(read("http://192.0.2.1").unwrap(), ("192.0.2.1:80".parse().unwrap(), "/".to_owned()));
        for bad in ["http://192.0.2.2/x", "https://192.0.2.1/x", "http://router/x", ""] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(location("HTTP/1.1 200 OK\r\n\r\n", FROM.parse().unwrap()).is_err());
    }

    #[test]
    fn descriptions_are_searched_for_what_maps_ports() {
        let device = "192.0.2.1:80".parse().unwrap();
        let of = |kind: &str, place: &str| {
            format!(
                "<device><serviceList><service><serviceType>urn:x:other:1</serviceType><controlURL>/no</controlURL>\
                 </service><service> <serviceType>{kind}</serviceType> <controlURL>{place}</controlURL></service>"
            )
        };
        for (kind, place, path) in [
            (SERVICES[1], "/ctl/IPConn", Some("/ctl/IPConn")),
            (SERVICES[2], "ppp", Some("/ppp")),
            (SERVICES[0], "http://192.0.2.1:80/a", Some("/a")),
            (SERVICES[1], "http://192.0.2.9:80/a", None),
            (SERVICES[1], "/a\r\nX: y", None),
            ("urn:x", "/a", None),
        ] {
            let found = read_description(device, &of(kind, place));
            assert_eq!(found.map(|igd| igd.path), path.map(str::to_owned), "{kind} {place}");
        }
        assert_eq!(read_description(device, "<service><serviceType>"), None);
    }
}
