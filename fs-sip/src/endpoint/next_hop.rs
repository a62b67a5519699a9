//! Where a request goes first (RFC 3261 section 8.1.2, host and port only;
//! the choice by DNS records comes on top).

use crate::wire::headers::Route;
use crate::wire::{Host, Request, Scheme, Uri};

/// Host and port that the driver must turn into an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextHop {
    /// A name or an address.
    pub host: Host,
    /// The port.
    pub port: u16,
}

/// The first hop: the topmost Route with `lr`, else the Request-URI.
pub(crate) fn next_hop(request: &Request) -> Result<NextHop, String> {
    let route = request.headers.typed::<Route>().ok().flatten().map(|r| r.0.uri);
    let loose = route.filter(|r| r.params().contains("lr"));
    let uri = loose.as_ref().unwrap_or(&request.uri);
    of_uri(uri)
}

fn of_uri(uri: &Uri) -> Result<NextHop, String> {
    let Some(host) = uri.host() else {
        return Err(format!("no route to {uri}: only sip: URIs name a host"));
    };
    if *uri.scheme() == Scheme::Sips {
        return Err(format!("{uri} needs TLS, and this endpoint has UDP"));
    }
    if let Some(transport) = uri.params().raw("transport").filter(|t| !t.eq_ignore_ascii_case("udp")) {
        return Err(format!("{uri} asks for transport {transport}, and this endpoint has UDP"));
    }
    let maddr = uri.params().raw("maddr").and_then(|m| Host::parse(m).ok());
    Ok(NextHop { host: maddr.unwrap_or_else(|| host.clone()), port: uri.port().unwrap_or(5060) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Method;
    use crate::wire::headers::name;

    fn hop(uri: &str, route: Option<&str>) -> Result<NextHop, String> {
        let mut request = Request::new(Method::Bye, Uri::parse(uri).expect("URI"));
        if let Some(route) = route {
            request.headers.push(name::ROUTE, route);
        }
        next_hop(&request)
    }

    fn to(host: &str, port: u16) -> Result<NextHop, String> {
        Ok(NextHop { host: Host::parse(host).expect("host"), port })
    }

    #[test]
    fn request_uri_route_and_maddr() {
        assert_eq!(hop("sip:a@[::1]", None), to("[::1]", 5060));
        assert_eq!(hop("sip:a@h;transport=UDP;maddr=192.0.2.1", None), to("192.0.2.1", 5060));
        assert_eq!(hop("sip:a@h", Some("<sip:p:5070;lr>")), to("p", 5070));
        assert_eq!(hop("sip:strict@h:1", Some("<sip:target>")), to("h", 1));
        assert_eq!(hop("tel:+1", Some("<sip:p;lr>")), to("p", 5060));
    }

    #[test]
    fn what_udp_cannot_reach_is_said() {
        for uri in ["tel:+1", "sips:a@h", "sip:a@h;transport=tcp"] {
            assert!(hop(uri, None).is_err_and(|e| e.contains(uri)));
        }
    }
}
