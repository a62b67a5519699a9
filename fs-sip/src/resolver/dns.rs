//! The questions of the walk asked: NAPTR and SRV by DNS, addresses as the
//! system finds them or, where servers are given, by those alone.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::sync::OnceLock;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};

use super::Dns;
use super::rfc3263::{Naptr, Question, Records, Srv};
use crate::transport::route_to;

/// How long one question may take, tried twice.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks.
pub(crate) struct Resolver {
    dns: Dns,
    asker: OnceLock<Option<TokioResolver>>,
}

impl Resolver {
    pub(crate) fn new(dns: Dns) -> Self {
        Self { dns, asker: OnceLock::new() }
    }

    /// Answers one question. No such name is an empty answer; that nobody
    /// could say is an error.
    pub(crate) async fn ask(&self, question: &Question) -> Result<Records, String> {
        match question {
            Question::Naptr(name) => Ok(Records::Naptr(self.naptr(name).await?)),
            Question::Srv(name) => Ok(Records::Srv(self.srv(name).await?)),
            Question::Addresses(name) => Ok(Records::Addresses(self.addresses(name).await?)),
        }
    }

    fn asker(&self) -> Option<&TokioResolver> {
        self.asker.get_or_init(|| make(&self.dns)).as_ref()
    }

    async fn lookup(&self, name: &str, kind: RecordType) -> Result<Vec<RData>, String> {
        // Without a system's setting there are no such records: never ask a
        // public server by ourselves.
        let Some(asker) = self.asker() else { return Ok(Vec::new()) };
        match asker.lookup(format!("{}.", name.trim_end_matches('.')), kind).await {
            Ok(lookup) => Ok(lookup.answers().iter().map(|r| r.data.clone()).collect()),
            Err(error) if error.is_no_records_found() => Ok(Vec::new()),
            Err(error) => Err(fault(name, kind, &error)),
        }
    }

    async fn naptr(&self, name: &str) -> Result<Vec<Naptr>, String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let of = |data| match data {
            RData::NAPTR(n) => Some(Naptr {
                order: n.order,
                preference: n.preference,
                flags: text(&n.flags),
                service: text(&n.services),
                replacement: n.replacement.to_ascii(),
            }),
            _ => None,
        };
        // Many servers at home fail at this kind: as good as none.
        let found = self.lookup(name, RecordType::NAPTR).await.unwrap_or_default();
        Ok(found.into_iter().filter_map(of).collect())
    }

    async fn srv(&self, name: &str) -> Result<Vec<Srv>, String> {
        let of = |data| match data {
            RData::SRV(s) => Some(Srv {
                priority: s.priority,
                weight: s.weight,
                port: s.port,
                target: s.target.to_ascii(),
            }),
            _ => None,
        };
        let found = self.lookup(name, RecordType::SRV).await.unwrap_or_default();
        Ok(found.into_iter().filter_map(of).collect())
    }

    async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        if self.dns == Dns::System {
            return match tokio::net::lookup_host((name, 0)).await {
                Ok(found) => Ok(found.map(|a| a.ip()).collect()),
                Err(error) => Err(format!("no address for {name}: {error}")),
            };
        }
        let (v4, v6) = tokio::join!(self.lookup(name, RecordType::A), self.lookup(name, RecordType::AAAA));
        if let (Err(error), Err(_)) = (&v4, &v6) {
            return Err(error.clone());
        }
        let of = |data| match data {
            RData::A(a) => Some(IpAddr::V4(a.0)),
            RData::AAAA(a) => Some(IpAddr::V6(a.0)),
            _ => None,
        };
        let both = v4.unwrap_or_default().into_iter().chain(v6.unwrap_or_default());
        Ok(by_destination(both.filter_map(of).collect(), route_to))
    }
}

/// Sorts the addresses of one host as RFC 6724 section 6 has it (rules 1, 2, 5, 6 and 8), which is what the system's resolver
/// does with its answers; `source` is the address of ours that leads there. The order of SRV records goes before (RFC 6157
/// section 5).
fn by_destination(mut list: Vec<IpAddr>, source: impl Fn(SocketAddr) -> Option<IpAddr>) -> Vec<IpAddr> {
    list.sort_by_cached_key(|ip| {
        let from = source(SocketAddr::new(*ip, 5060));
        let (label, precedence) = policy(ip);
        let scoped = from.is_some_and(|from| scope(&from) == scope(ip));
        let labelled = from.is_some_and(|from| policy(&from).0 == label);
        (from.is_none(), !scoped, !labelled, std::cmp::Reverse(precedence), scope(ip))
    });
    list
}

/// Label and precedence of the default policy table (RFC 6724 section 2.1).
fn policy(ip: &IpAddr) -> (u8, u8) {
    let IpAddr::V6(ip) = ip else { return (4, 35) };
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => (0, 50),
        [0, 0, 0, 0, 0, 0xffff, ..] => (4, 35),
        [0x2002, ..] => (2, 30),
        [0x2001, 0, ..] => (5, 5),
        [first, ..] if first & 0xfe00 == 0xfc00 => (13, 3),
        _ => (1, 40),
    }
}

/// How far an address reaches: 2 = its link, 14 = everywhere (RFC 6724 section 3.1).
fn scope(ip: &IpAddr) -> u8 {
    let near = match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.segments()[0] & 0xffc0 == 0xfe80,
    };
    if near { 2 } else { 14 }
}

fn fault(name: &str, kind: impl Display, error: &NetError) -> String {
    format!("no answer about {name} ({kind}): {error}")
}

fn make(dns: &Dns) -> Option<TokioResolver> {
    let mut builder = match dns {
        Dns::System => match TokioResolver::builder_tokio() {
            Ok(builder) => builder,
            Err(error) => {
                tracing::debug!(target: "fs::sip::transport", %error, "no DNS servers");
                return None;
            }
        },
        Dns::Servers(list) => {
            let servers = list.iter().map(server).collect();
            let config = ResolverConfig::from_parts(None, Vec::new(), servers);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        }
    };
    let options = builder.options_mut();
    options.timeout = PATIENCE;
    options.attempts = 2;
    builder.build().ok()
}

fn server(address: &SocketAddr) -> NameServerConfig {
    let at_port = |mut config: ConnectionConfig| {
        config.port = address.port();
        config
    };
    let ways = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(at_port);
    NameServerConfig::new(address.ip(), true, ways.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In that order, where these are our addresses.
    fn sorted(list: &[&str], ours: &[&str]) -> Vec<String> {
        let parse = |text: &&str| text.parse::<IpAddr>().expect("an address");
        let ours: Vec<IpAddr> = ours.iter().map(parse).collect();
        let source = |to: SocketAddr| ours.iter().copied().find(|ip| ip.is_ipv6() == to.is_ipv6());
        by_destination(list.iter().map(parse).collect(), source).iter().map(IpAddr::to_string).collect()
    }

    #[test]
    fn both_families_and_one() {
        let both = ["198.51.100.1", "2001:db8:1::1"];
        assert_eq!(sorted(&both, &["198.51.100.9", "2001:db8::9"]), ["2001:db8:1::1", "198.51.100.1"]);
        assert_eq!(sorted(&both, &["198.51.100.9"]), ["198.51.100.1", "2001:db8:1::1"]);
        assert_eq!(sorted(&["127.0.0.1", "::1"], &["127.0.0.1", "::1"]), ["::1", "127.0.0.1"]);
        // A private address of ours does not reach far, one of 6to4 is a detour.
        assert_eq!(sorted(&both, &["198.51.100.9", "fe80::9"]), ["198.51.100.1", "2001:db8:1::1"]);
        let detour = ["2002:c633:6401::1", "198.51.100.1"];
        assert_eq!(sorted(&detour, &["198.51.100.9", "2001:db8::9"]), ["198.51.100.1", "2002:c633:6401::1"]);
    }

    #[test]
    fn equals_keep_the_order_of_the_server() {
        let same = ["198.51.100.7", "198.51.100.3", "198.51.100.5"];
        assert_eq!(sorted(&same, &["198.51.100.9"]), same);
    }
}
