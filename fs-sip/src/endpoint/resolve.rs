//! A hop → the peers to try, by the walk of RFC 3263.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::next_hop::NextHop;
use super::random::Random;
use crate::resolver::dns::Resolver;
use crate::resolver::rfc3263::{Target, Walk};
use crate::transport::{Peer, Protocol};

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
    hop.host.ip()?;
    let targets = Walk::new(hop.clone(), &[]).targets();
    Some(peers(targets, hop, families))
}

/// Asks as long as there are questions. One that nobody answers ends the walk
/// only where nothing was found before.
pub(super) async fn lookup(
    hop: NextHop,
    families: Families,
    resolver: Arc<Resolver>,
    mut random: Random,
) -> Result<Vec<Peer>, String> {
    let supported: Vec<Protocol> = Protocol::all().collect();
    let mut walk = Walk::new(hop.clone(), &supported);
    let mut fault = None;
    while let Some(question) = walk.question() {
        let records = match resolver.ask(&question).await {
            Ok(records) => records,
            Err(text) => {
                fault = fault.or(Some(text));
                question.nothing()
            }
        };
        walk.answer(records, &mut |limit| random.below(limit));
    }
    let targets = walk.targets();
    match fault {
        Some(text) if targets.is_empty() => Err(text),
        _ => peers(targets, &hop, families),
    }
}

fn peers(targets: Vec<Target>, hop: &NextHop, families: Families) -> Result<Vec<Peer>, String> {
    if targets.is_empty() {
        return Err(format!("no server for {}", hop.host));
    }
    let mut peers = Vec::new();
    for Target { protocol, ip, port } in targets {
        let mut peer = Peer::new(protocol, SocketAddr::new(ip, port));
        peer.name = protocol.is_secure().then(|| Arc::from(hop.name.to_string()));
        if families.have(&ip) && port != 0 && !peers.contains(&peer) {
            peers.push(peer);
        }
    }
    if peers.is_empty() {
        let (family, other) = if families.ipv4 { ("IPv4", "IPv6") } else { ("IPv6", "IPv4") };
        return Err(format!("{} has only {other} addresses, our sockets are {family}", hop.host));
    }
    Ok(peers)
}
