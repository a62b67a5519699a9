//! Where a request goes first (RFC 3261 section 8.1.2): host, port and way;
//! the choice by DNS records comes on top.

use std::collections::HashMap;

use crate::transport::Protocol;
use crate::wire::headers::Route;
use crate::wire::{Host, Request, Scheme, Uri};

/// What the driver must turn into an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextHop {
    /// A name or an address.
    pub host: Host,
    /// The port, where the URI gives one.
    pub port: Option<u16>,
    /// The ways to try, the first that works is taken.
    pub protocols: Vec<Protocol>,
    /// The URI asks for the way; no record of DNS may choose another.
    pub explicit: bool,
    /// The host of the URI: what a certificate must bear, whatever DNS says
    /// (RFC 5922 section 4).
    pub name: Host,
}

impl NextHop {
    /// The port for this way.
    #[must_use]
    pub fn port_for(&self, protocol: Protocol) -> u16 {
        self.port.unwrap_or_else(|| protocol.default_port())
    }
}

/// Hosts whose servers show certificates of another name.
#[derive(Debug, Default)]
pub(super) struct CertificateNames(HashMap<Host, Host>);

impl CertificateNames {
    pub(super) fn set(&mut self, host: &Host, name: Option<Host>) {
        match name {
            Some(name) => drop(self.0.insert(folded(host), name)),
            None => drop(self.0.remove(&folded(host))),
        }
    }

    /// What a certificate of this host must bear.
    pub(super) fn of(&self, host: Host) -> Host {
        if self.0.is_empty() {
            return host;
        }
        self.0.get(&folded(&host)).cloned().unwrap_or(host)
    }
}

/// Names are the same in any case.
fn folded(host: &Host) -> Host {
    match host {
        Host::Name(name) => Host::Name(name.trim_end_matches('.').to_ascii_lowercase()),
        Host::Ip(ip) => Host::Ip(*ip),
    }
}

/// The first hop: the topmost Route with `lr`, else the Request-URI. A request
/// of `large` bytes or more tries TCP before UDP (RFC 3261 section 18.1.1).
pub(crate) fn next_hop(request: &Request, large: Option<usize>) -> Result<NextHop, String> {
    let route = request.headers.typed::<Route>().ok().flatten().map(|r| r.0.uri);
    let loose = route.filter(|r| r.params().contains("lr"));
    let mut hop = of_uri(loose.as_ref().unwrap_or(&request.uri))?;
    let large = || large.is_some_and(|limit| request.encode().len() + VIA_AND_CONTACT >= limit);
    if hop.protocols == [Protocol::Udp] && large() {
        hop.protocols.insert(0, Protocol::Tcp);
    }
    // A sips: target must be reached over TLS all the way (section 26.2.2).
    if *request.uri.scheme() == Scheme::Sips && !hop.protocols.iter().all(|p| p.is_secure()) {
        return Err(format!("{} asks for TLS, but the route to it has none", request.uri));
    }
    Ok(hop)
}

/// What the headers that are added last take, about.
const VIA_AND_CONTACT: usize = 160;

fn of_uri(uri: &Uri) -> Result<NextHop, String> {
    let Some(name) = uri.host() else {
        return Err(format!("no route to {uri}: only sip: URIs name a host"));
    };
    let secure = *uri.scheme() == Scheme::Sips;
    let asked = match uri.params().raw("transport") {
        None => None,
        Some(text) => match Protocol::of_parameter(text) {
            Some(protocol) => Some(protocol),
            None => return Err(format!("{uri} asks for transport {text}, which is unknown here")),
        },
    };
    let protocol = match (asked, secure) {
        (Some(Protocol::Udp), true) => {
            return Err(format!("{uri} asks for TLS over datagrams, which does not exist"));
        }
        (Some(Protocol::Tcp) | None, true) => Protocol::Tls,
        (Some(Protocol::Ws), true) => Protocol::Wss,
        (Some(protocol), _) => protocol,
        (None, false) => Protocol::Udp,
    };
    let maddr = uri.params().raw("maddr").and_then(|m| Host::parse(m).ok());
    Ok(NextHop {
        host: maddr.unwrap_or_else(|| name.clone()),
        port: uri.port(),
        protocols: vec![protocol],
        explicit: asked.is_some(),
        name: name.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Method;
    use crate::wire::headers::name;

    fn full(uri: &str, route: Option<&str>) -> Result<NextHop, String> {
        let mut request = Request::new(Method::Bye, Uri::parse(uri).expect("URI"));
        if let Some(route) = route {
            request.headers.push(name::ROUTE, route);
        }
        next_hop(&request, Some(1300))
    }

    fn hop(uri: &str, route: Option<&str>) -> Result<(String, u16, Vec<Protocol>), String> {
        full(uri, route).map(|h| (h.host.to_string(), h.port_for(h.protocols[0]), h.protocols))
    }

    fn to(host: &str, port: u16, protocol: Protocol) -> Result<(String, u16, Vec<Protocol>), String> {
        Ok((host.to_owned(), port, vec![protocol]))
    }

    #[test]
    fn request_uri_route_and_maddr() {
        use Protocol::{Tcp, Tls, Udp};
        assert_eq!(hop("sip:a@[::1]", None), to("[::1]", 5060, Udp));
        assert_eq!(hop("sip:a@h;transport=UDP;maddr=192.0.2.1", None), to("192.0.2.1", 5060, Udp));
        assert_eq!(hop("sip:a@h", Some("<sip:p:5070;lr>")), to("p", 5070, Udp));
        assert_eq!(hop("sip:strict@h:1", Some("<sip:target>")), to("h", 1, Udp));
        assert_eq!(hop("tel:+1", Some("<sip:p;lr>")), to("p", 5060, Udp));
        assert_eq!(hop("sip:a@h;transport=tcp", None), to("h", 5060, Tcp));
        assert_eq!(hop("sip:a@h;transport=tls", None), to("h", 5061, Tls));
        assert_eq!(hop("sips:a@h", None), to("h", 5061, Tls));
        assert_eq!(hop("sips:a@h:7;transport=tcp", None), to("h", 7, Tls));
        assert_eq!(hop("sip:a@h;transport=ws", None), to("h", 80, Protocol::Ws));
        assert_eq!(hop("sip:a@h;transport=wss", None), to("h", 443, Protocol::Wss));
        assert_eq!(hop("sips:a@h;transport=ws", None), to("h", 443, Protocol::Wss));
    }

    #[test]
    fn the_certificate_bears_the_host_of_the_uri() {
        let hop = full("sips:a@example.org;maddr=192.0.2.1", None).expect("a hop");
        assert_eq!(hop.name, Host::parse("example.org").expect("host"));
    }

    #[test]
    fn another_name_in_the_certificate() {
        let host = |text: &str| Host::parse(text).expect("host");
        let mut names = CertificateNames::default();
        assert_eq!(names.of(host("Example.org")), host("Example.org"));
        names.set(&host("example.ORG"), Some(host("sip.example.net")));
        assert_eq!(names.of(host("Example.org")), host("sip.example.net"));
        assert_eq!(names.of(host("other.org")), host("other.org"));
        names.set(&host("example.org"), None);
        assert_eq!(names.of(host("example.org")), host("example.org"));
    }

    #[test]
    fn what_cannot_be_reached_is_said() {
        for (uri, route) in [
            ("tel:+1", None),
            ("sips:a@h;transport=udp", None),
            ("sip:a@h;transport=sctp", None),
            ("sips:a@h", Some("<sip:p;lr>")),
        ] {
            assert!(hop(uri, route).is_err_and(|e| e.contains(uri)), "{uri}");
        }
    }

    #[test]
    fn a_large_request_tries_tcp_first() {
        let mut request = Request::new(Method::Message, Uri::parse("sip:a@h").expect("URI"));
        request.body = vec![b'x'; 1200];
        let protocols = |request: &Request, limit| next_hop(request, limit).expect("a hop").protocols;
        assert_eq!(protocols(&request, Some(1300)), [Protocol::Tcp, Protocol::Udp]);
        assert_eq!(protocols(&request, None), [Protocol::Udp]);
        request.body.truncate(900);
        assert_eq!(protocols(&request, Some(1300)), [Protocol::Udp]);
    }
}
