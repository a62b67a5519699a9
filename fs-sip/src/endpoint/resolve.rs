//! Host names → addresses by the system's resolver. The records of RFC 3263
//! come on top of this.

use std::net::SocketAddr;

use super::next_hop::NextHop;
use crate::wire::Host;

/// The address, where the hop is one already.
pub(super) fn literal(hop: &NextHop, ipv4: bool) -> Option<Result<SocketAddr, String>> {
    let address = SocketAddr::new(hop.host.ip()?, hop.port);
    Some(fitting([address].into_iter(), hop, ipv4))
}

/// Asks the system; the socket can only reach addresses of its own family.
pub(super) async fn lookup(hop: NextHop, ipv4: bool) -> Result<SocketAddr, String> {
    let Host::Name(name) = &hop.host else {
        return literal(&hop, ipv4).unwrap_or_else(|| Err("no address".to_owned()));
    };
    match tokio::net::lookup_host((name.as_str(), hop.port)).await {
        Ok(found) => fitting(found, &hop, ipv4),
        Err(error) => Err(format!("no address for {name}: {error}")),
    }
}

fn fitting(
    mut found: impl Iterator<Item = SocketAddr>,
    hop: &NextHop,
    ipv4: bool,
) -> Result<SocketAddr, String> {
    let (family, other) = if ipv4 { ("IPv4", "IPv6") } else { ("IPv6", "IPv4") };
    found.find(|a| a.is_ipv4() == ipv4 && a.port() != 0).ok_or_else(|| {
        format!("{}:{} has only {other} addresses, our socket is {family}", hop.host, hop.port)
    })
}
