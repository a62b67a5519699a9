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
        Ok(both.filter_map(of).collect())
    }
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
