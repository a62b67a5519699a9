//! Host names → addresses by the system's resolver. The records of RFC 3263
//! come on top of this.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::next_hop::NextHop;
use crate::transport::Peer;
use crate::wire::Host;

/// The families of addresses that our sockets reach.
#[derive(Debug, Clone, Copy)]
pub(super) struct Families {
    pub ipv4: bool,
    pub ipv6: bool,
}

impl Families {
    fn have(self, ip: &IpAddr) -> bool {
        if ip.is_ipv4() { self.ipv4 } else { self.ipv6 }
    }
}

/// Whom to try, where the hop is an address already.
pub(super) fn literal(hop: &NextHop, families: Families) -> Option<Result<Vec<Peer>, String>> {
    Some(peers(&[hop.host.ip()?], hop, families))
}

/// Asks the system.
pub(super) async fn lookup(hop: NextHop, families: Families) -> Result<Vec<Peer>, String> {
    let Host::Name(name) = &hop.host else {
        return literal(&hop, families).unwrap_or_else(|| Err("no address".to_owned()));
    };
    match tokio::net::lookup_host((name.as_str(), 0)).await {
        Ok(found) => peers(&found.map(|a| a.ip()).collect::<Vec<_>>(), &hop, families),
        Err(error) => Err(format!("no address for {name}: {error}")),
    }
}

/// Every address by every way; the way that is wanted most comes first.
fn peers(found: &[IpAddr], hop: &NextHop, families: Families) -> Result<Vec<Peer>, String> {
    let mut peers = Vec::new();
    for protocol in &hop.protocols {
        let port = hop.port_for(*protocol);
        for ip in found.iter().filter(|ip| families.have(ip) && port != 0) {
            let mut peer = Peer::new(*protocol, SocketAddr::new(*ip, port));
            peer.name = protocol.is_secure().then(|| Arc::from(hop.name.to_string()));
            if !peers.contains(&peer) {
                peers.push(peer);
            }
        }
    }
    if peers.is_empty() {
        let (family, other) = if families.ipv4 { ("IPv4", "IPv6") } else { ("IPv6", "IPv4") };
        return Err(format!("{} has only {other} addresses, our sockets are {family}", hop.host));
    }
    Ok(peers)
}
