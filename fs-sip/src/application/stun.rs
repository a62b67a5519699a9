//! The STUN servers of accounts that use ICE (SIP SIMPLE: `nat_traversal.stun_server_list`). They are found out and tried
//! ahead of calls: one that is asked but silent would hold up each of them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::account::{AccountSettings, StunServer};
use crate::endpoint::{Random, system_seed};
use crate::limits;
use crate::resolver::Dns;
use crate::resolver::dns::Resolver;
use crate::resolver::rfc3263::{Question, Records, by_priority_and_weight};
use crate::session::MediaOptions;
use crate::wire::{Host, Uri, stun};

/// When a request without answer is sent again (RFC 8489 section 6.2.1), and how long the last one is waited for.
const WAITS: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(1)];

/// How long a call of ours waits for the first answer; all is over by then but for slow name servers.
const PATIENCE: Duration = Duration::from_secs(3);

/// How often servers are tried again.
const AGAIN: Duration = Duration::from_mins(10);

/// Who is to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The first of these that answers.
    Servers(Vec<StunServer>),
    /// Those that DNS names for this domain.
    Domain(String),
}

impl Wanted {
    /// Of an account whose application has this for all; none where no server is looked for.
    pub(super) fn of(id: &Uri, settings: &AccountSettings, application: &MediaOptions) -> Option<Self> {
        let ice = settings.media(application).ice?;
        match &settings.stun_servers {
            Some(servers) => Some(Self::Servers(servers.clone())),
            None if ice.stun.is_some() => None,
            None => match id.host()? {
                Host::Name(name) => Some(Self::Domain(name.clone())),
                Host::Ip(_) => None,
            },
        }
    }
}

/// What is known: nothing yet, or the server, if there is one.
type Known = Option<Option<SocketAddr>>;

/// What is known about the server of one account.
#[derive(Debug, Clone)]
pub(super) struct Answer(watch::Receiver<Known>);

impl Answer {
    /// Into what a call carries; what is not known yet is left as it is.
    pub(super) fn apply(&self, media: &mut MediaOptions) {
        if let (Some(ice), Some(found)) = (&mut media.ice, *self.0.borrow()) {
            ice.stun = found;
        }
    }

    /// Waits for the first answer, not for long.
    pub(super) async fn ready(&mut self) {
        // Both kinds of error mean that nobody will know.
        let _ = tokio::time::timeout(PATIENCE, self.0.wait_for(Option::is_some)).await;
    }
}

/// The servers of all accounts.
pub(super) struct StunServers {
    resolver: Arc<Resolver>,
    accounts: HashMap<String, (Wanted, Answer)>,
}

impl StunServers {
    pub(super) fn new(dns: Dns) -> Self {
        Self { resolver: Arc::new(Resolver::new(dns)), accounts: HashMap::new() }
    }

    /// Looks for the server of an account, from now on and now and then; or no longer.
    pub(super) fn look(&mut self, account: &str, wanted: Option<Wanted>) {
        let Some(wanted) = wanted else { return drop(self.accounts.remove(account)) };
        if self.accounts.get(account).is_none_or(|(before, _)| *before != wanted) {
            let answer = self.begin(wanted.clone(), None);
            self.accounts.insert(account.to_owned(), (wanted, answer));
        }
    }

    /// Tries all of them now: the way there is another one.
    pub(super) fn look_again(&mut self) {
        let all: Vec<_> = self.accounts.drain().collect();
        for (account, (wanted, answer)) in all {
            let known = *answer.0.borrow();
            let answer = self.begin(wanted.clone(), known);
            self.accounts.insert(account, (wanted, answer));
        }
    }

    pub(super) fn of(&self, account: &str) -> Option<Answer> {
        self.accounts.get(account).map(|(_, answer)| answer.clone())
    }

    fn begin(&self, wanted: Wanted, known: Known) -> Answer {
        let (sender, receiver) = watch::channel(known);
        let resolver = Arc::clone(&self.resolver);
        tokio::spawn(async move {
            loop {
                let found = first_that_answers(servers(&wanted, &resolver).await).await;
                tracing::debug!(target: "fs::sip", ?wanted, ?found, "STUN server");
                let _ = sender.send(Some(found));
                tokio::select! {
                    () = sender.closed() => return,
                    () = tokio::time::sleep(AGAIN) => {}
                }
            }
        });
        Answer(receiver)
    }
}

/// All addresses, best first.
async fn servers(wanted: &Wanted, resolver: &Resolver) -> Vec<SocketAddr> {
    let hosts = match wanted {
        Wanted::Servers(list) => list.iter().map(|server| (server.host.clone(), server.port)).collect(),
        Wanted::Domain(domain) => of_domain(domain, resolver).await,
    };
    let mut found = Vec::new();
    for (host, port) in hosts.into_iter().take(limits::MAX_STUN_SERVERS) {
        match host {
            Host::Ip(ip) => found.push(SocketAddr::new(ip, port)),
            Host::Name(name) => match resolver.ask(&Question::Addresses(name)).await {
                Ok(Records::Addresses(list)) => {
                    found.extend(list.into_iter().map(|ip| SocketAddr::new(ip, port)));
                }
                Ok(_) => {}
                Err(error) => tracing::info!(target: "fs::sip", "STUN server: {error}"),
            },
        }
    }
    found.truncate(2 * limits::MAX_STUN_SERVERS);
    found
}

/// The SRV records of a domain (RFC 8489 section 8.1); without them there are no servers.
async fn of_domain(domain: &str, resolver: &Resolver) -> Vec<(Host, u16)> {
    let Ok(Records::Srv(list)) = resolver.ask(&Question::Srv(format!("_stun._udp.{domain}"))).await else {
        return Vec::new();
    };
    let mut random = Random::new(system_seed());
    let ordered = by_priority_and_weight(list, &mut |limit| random.below(limit));
    let there = ordered.into_iter().filter(|record| record.port != 0);
    there
        .filter_map(|r| Host::parse(r.target.trim_end_matches('.')).ok().map(|host| (host, r.port)))
        .collect()
}

/// All are asked at once, and the foremost counts.
async fn first_that_answers(servers: Vec<SocketAddr>) -> Option<SocketAddr> {
    let mut tries = JoinSet::new();
    for (place, server) in servers.iter().copied().enumerate() {
        tries.spawn(async move { (place, answers(server).await) });
    }
    let mut silent = vec![None; servers.len()];
    while let Some(Ok((place, good))) = tries.join_next().await {
        silent[place] = Some(!good);
        // Whether one answers is known when nobody before it can any more.
        let first = silent.iter().position(|silent| *silent != Some(true))?;
        if silent[first] == Some(false) {
            return Some(servers[first]);
        }
    }
    None
}

/// Does it say how it sees us?
async fn answers(server: SocketAddr) -> bool {
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let Ok(socket) = UdpSocket::bind((any, 0)).await else { return false };
    if socket.connect(server).await.is_err() {
        return false;
    }
    let transaction = Random::new(system_seed()).bytes();
    let mut data = [0; 1500];
    for wait in WAITS {
        if socket.send(&stun::request(transaction)).await.is_err() {
            return false;
        }
        let end = tokio::time::Instant::now() + wait;
        loop {
            match tokio::time::timeout_at(end, socket.recv(&mut data)).await {
                Ok(Ok(length)) => match stun::answer(&data[..length]) {
                    Some((id, Some(_))) if id == transaction => return true,
                    _ => {}
                },
                // Nobody listens there.
                Ok(Err(_)) => return false,
                Err(_) => break,
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::IceOptions;

    /// A server that answers, or not.
    async fn server(good: bool) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("socket");
        let address = socket.local_addr().expect("address");
        tokio::spawn(async move {
            let mut data = [0; 100];
            while let Ok((_, from)) = socket.recv_from(&mut data).await {
                if good {
                    let mut answer = vec![1, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42];
                    answer.extend(&data[8..20]);
                    answer.extend([0, 0x20, 0, 8, 0, 1, 0x12, 0x34, 1, 2, 3, 4]);
                    let _ = socket.send_to(&answer, from).await;
                }
            }
        });
        address
    }

    async fn dead() -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("socket");
        socket.local_addr().expect("address")
    }

    #[tokio::test]
    async fn the_foremost_that_answers_counts() {
        let (silent, good, other, dead) =
            (server(false).await, server(true).await, server(true).await, dead().await);
        assert_eq!(first_that_answers(vec![good, other]).await, Some(good));
        assert_eq!(first_that_answers(vec![dead, silent, other, good]).await, Some(other));
        assert_eq!(first_that_answers(vec![dead, silent]).await, None);
        assert_eq!(first_that_answers(Vec::new()).await, None);
    }

    #[tokio::test]
    async fn known_before_a_call_and_put_in_its_media() {
        let good = server(true).await;
        let listed = vec![StunServer { host: Host::Ip(good.ip()), port: good.port() }];
        let mut settings = AccountSettings {
            use_ice: Some(true),
            stun_servers: Some(listed.clone()),
            ..AccountSettings::default()
        };
        let own =
            MediaOptions { ice: Some(IceOptions { stun: Some(dead().await) }), ..MediaOptions::default() };
        let id = Uri::parse("sip:alice@example.org").expect("URI");
        let wanted = Wanted::of(&id, &settings, &own);
        assert_eq!(wanted, Some(Wanted::Servers(listed)));
        let mut servers = StunServers::new(Dns::Servers(Vec::new()));
        servers.look("alice@example.org", wanted);
        let mut answer = servers.of("alice@example.org").expect("an answer");
        answer.ready().await;
        let mut media = settings.media(&own);
        answer.apply(&mut media);
        assert_eq!(
            media.ice,
            Some(IceOptions { stun: Some(good) }),
            "the account's goes before the application's"
        );
        settings.stun_servers = None;
        assert_eq!(Wanted::of(&id, &settings, &own), None, "the application has one");
        let none = MediaOptions::default();
        assert_eq!(Wanted::of(&id, &settings, &none), Some(Wanted::Domain("example.org".to_owned())));
        settings.use_ice = None;
        assert_eq!(Wanted::of(&id, &settings, &none), None, "no ICE");
    }
}
