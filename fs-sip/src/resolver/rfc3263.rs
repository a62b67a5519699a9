//! The walk from a host to addresses (RFC 3263 section 4, RFC 2782): NAPTR,
//! SRV, addresses. Pure: it says what to ask, is told the records, and rolls
//! the dice it is given.
//!
//! ```text
//!  address or port given? ------------------------------------> addresses
//!  transport given? ------------> SRV of that ---none---------> addresses
//!  else NAPTR --some--> SRV of each, in order ----------------> addresses
//!         +---none---> SRV of each way we have ---none--------> addresses
//! ```

use std::collections::VecDeque;
use std::net::IpAddr;

use crate::endpoint::NextHop;
use crate::transport::Protocol;
use crate::wire::Host;

/// What must be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// NAPTR records of this name.
    Naptr(String),
    /// SRV records of this name.
    Srv(String),
    /// A and AAAA records of this name.
    Addresses(String),
}

impl Question {
    /// The answer that there are no records.
    #[must_use]
    pub fn nothing(&self) -> Records {
        match self {
            Self::Naptr(_) => Records::Naptr(Vec::new()),
            Self::Srv(_) => Records::Srv(Vec::new()),
            Self::Addresses(_) => Records::Addresses(Vec::new()),
        }
    }
}

/// A NAPTR record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naptr {
    /// Lower comes first.
    pub order: u16,
    /// Lower comes first within the order.
    pub preference: u16,
    /// `s` for SRV.
    pub flags: String,
    /// `SIP+D2U` …
    pub service: String,
    /// The name of the SRV records.
    pub replacement: String,
}

/// An SRV record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Srv {
    /// Lower comes first.
    pub priority: u16,
    /// The share of the load within the priority.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The host; `.` or empty for "not here".
    pub target: String,
}

/// The records that were found; an empty list where there are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Records {
    /// To [`Question::Naptr`].
    Naptr(Vec<Naptr>),
    /// To [`Question::Srv`].
    Srv(Vec<Srv>),
    /// To [`Question::Addresses`].
    Addresses(Vec<IpAddr>),
}

/// A way to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The way.
    pub protocol: Protocol,
    /// The address.
    pub ip: IpAddr,
    /// The port.
    pub port: u16,
}

/// Most SRV records followed for one request.
const MAX_TARGETS: usize = 32;

#[derive(Debug)]
enum Task {
    Naptr,
    Srv(Protocol, String),
    Addresses(Vec<(Protocol, u16)>, String),
}

/// One walk.
#[derive(Debug)]
pub struct Walk {
    hop: NextHop,
    supported: Vec<Protocol>,
    secure: bool,
    tasks: VecDeque<Task>,
    found: Vec<Target>,
    any_srv: bool,
}

impl Walk {
    /// Begins; `supported` are the ways that we can use, best first.
    #[must_use]
    pub fn new(hop: NextHop, supported: &[Protocol]) -> Self {
        let secure = hop.protocols.iter().all(|p| p.is_secure());
        let mut walk = Self {
            secure,
            supported: supported.iter().copied().filter(|p| p.is_secure() || !secure).collect(),
            tasks: VecDeque::new(),
            found: Vec::new(),
            any_srv: false,
            hop,
        };
        match &walk.hop.host {
            Host::Ip(ip) => {
                let ways = walk.plain_ways();
                walk.found =
                    ways.into_iter().map(|(protocol, port)| Target { protocol, ip: *ip, port }).collect();
            }
            // Names of this machine and its neighbourhood have no such records.
            Host::Name(name) if walk.hop.port.is_some() || !name.trim_end_matches('.').contains('.') => {
                walk.ask_addresses();
            }
            Host::Name(name) if walk.hop.explicit => {
                let tasks: Vec<Task> = walk.hop.protocols.iter().map(|p| srv_of(*p, name)).collect();
                walk.tasks.extend(tasks);
            }
            Host::Name(_) => walk.tasks.push_back(Task::Naptr),
        }
        walk
    }

    /// What to ask next; none when the walk is over.
    #[must_use]
    pub fn question(&self) -> Option<Question> {
        let name = || self.hop.host.to_string();
        Some(match self.tasks.front()? {
            Task::Naptr => Question::Naptr(name()),
            Task::Srv(_, name) => Question::Srv(name.clone()),
            Task::Addresses(_, name) => Question::Addresses(name.clone()),
        })
    }

    /// Takes the answer to [`Self::question`]; `below` gives a random number
    /// below its argument.
    pub fn answer(&mut self, records: Records, below: &mut dyn FnMut(u32) -> u32) {
        match (self.tasks.pop_front(), records) {
            (Some(Task::Naptr), Records::Naptr(list)) => self.on_naptr(list),
            (Some(Task::Srv(protocol, _)), Records::Srv(list)) => self.on_srv(protocol, list, below),
            (Some(Task::Addresses(ways, _)), Records::Addresses(list)) => {
                for (protocol, port) in ways {
                    self.found.extend(list.iter().map(|ip| Target { protocol, ip: *ip, port }));
                }
            }
            _ => {}
        }
        let srv_left = self.tasks.iter().any(|t| matches!(t, Task::Srv(..)));
        let nothing = self.tasks.is_empty() && self.found.is_empty() && !self.any_srv;
        if nothing && !srv_left && !matches!(self.hop.host, Host::Ip(_)) {
            self.any_srv = true;
            self.ask_addresses();
        }
    }

    /// All targets, best first.
    #[must_use]
    pub fn targets(mut self) -> Vec<Target> {
        if self.hop.protocols.first() == Some(&Protocol::Tcp) && self.hop.protocols.len() > 1 {
            // A large request: what is reliable first.
            self.found.sort_by_key(|t| !t.protocol.is_reliable());
        }
        self.found
    }

    fn on_naptr(&mut self, mut list: Vec<Naptr>) {
        list.sort_by_key(|n| (n.order, n.preference));
        let mut srv = Vec::new();
        for record in list.iter().filter(|n| n.flags.eq_ignore_ascii_case("s")) {
            if let Some(protocol) = Protocol::of_service(&record.service)
                && self.supported.contains(&protocol)
            {
                srv.push(Task::Srv(protocol, record.replacement.trim_end_matches('.').to_owned()));
            }
        }
        if srv.is_empty() {
            let name = self.hop.host.to_string();
            let unasked = self.supported.iter().filter(|p| p.is_found_unasked());
            srv = unasked.map(|p| srv_of(*p, &name)).collect();
        }
        self.tasks.extend(srv);
    }

    fn on_srv(&mut self, protocol: Protocol, list: Vec<Srv>, below: &mut dyn FnMut(u32) -> u32) {
        let some = !list.is_empty();
        self.any_srv |= some;
        let ordered = by_priority_and_weight(list, below);
        for record in ordered.into_iter().filter(|r| !matches!(r.target.as_str(), "" | ".") && r.port != 0) {
            if self.tasks.len() < MAX_TARGETS {
                let name = record.target.trim_end_matches('.').to_owned();
                self.tasks.push_back(Task::Addresses(vec![(protocol, record.port)], name));
            }
        }
    }

    fn ask_addresses(&mut self) {
        // The walk is over after these.
        self.any_srv = true;
        let ways = self.plain_ways();
        self.tasks.push_back(Task::Addresses(ways, self.hop.host.to_string()));
    }

    fn plain_ways(&self) -> Vec<(Protocol, u16)> {
        let fitting = self.hop.protocols.iter().filter(|p| !self.secure || p.is_secure());
        fitting.map(|p| (*p, self.hop.port_for(*p))).collect()
    }
}

fn srv_of(protocol: Protocol, host: &str) -> Task {
    Task::Srv(protocol, format!("{}.{host}", protocol.srv()))
}

/// The order of RFC 2782: by priority, and at random by weight within one.
pub(crate) fn by_priority_and_weight(mut list: Vec<Srv>, below: &mut dyn FnMut(u32) -> u32) -> Vec<Srv> {
    // Records without weight come first, so that they have a small chance.
    list.sort_by_key(|r| (r.priority, r.weight != 0));
    let mut ordered = Vec::with_capacity(list.len());
    while let Some(priority) = list.first().map(|r| r.priority) {
        let same = list.iter().take_while(|r| r.priority == priority).count();
        let sum: u32 = list[..same].iter().map(|r| u32::from(r.weight)).sum();
        let dice = below(sum.saturating_add(1));
        let mut running = 0;
        let chosen = list[..same].iter().position(|r| {
            running += u32::from(r.weight);
            running >= dice
        });
        ordered.push(list.remove(chosen.unwrap_or(0)));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Protocol; 3] = [Protocol::Udp, Protocol::Tcp, Protocol::Tls];

    fn hop(host: &str, port: Option<u16>, protocols: &[Protocol], explicit: bool) -> NextHop {
        let host = Host::parse(host).expect("host");
        NextHop { name: host.clone(), host, port, protocols: protocols.to_vec(), explicit }
    }

    fn srv(priority: u16, weight: u16, port: u16, target: &str) -> Srv {
        Srv { priority, weight, port, target: target.to_owned() }
    }

    fn naptr(order: u16, service: &str, replacement: &str) -> Naptr {
        let (flags, service) = ("s".to_owned(), service.to_owned());
        Naptr { order, preference: 1, flags, service, replacement: replacement.to_owned() }
    }

    /// A zone: what each question gets; nothing for all others.
    fn walk(hop: NextHop, zone: &[(Question, Records)]) -> (Vec<Question>, Vec<(Protocol, String)>) {
        let mut walk = Walk::new(hop, &ALL);
        let mut asked = Vec::new();
        while let Some(question) = walk.question() {
            asked.push(question.clone());
            let found = zone.iter().find(|(q, _)| *q == question).map(|(_, r)| r.clone());
            let found = found.unwrap_or_else(|| question.nothing());
            walk.answer(found, &mut |_| 0);
            assert!(asked.len() < 100, "it ends");
        }
        let targets = walk.targets();
        (asked, targets.into_iter().map(|t| (t.protocol, format!("{}:{}", t.ip, t.port))).collect())
    }

    fn addresses(name: &str, list: &[&str]) -> (Question, Records) {
        let list = list.iter().map(|a| a.parse().expect("address")).collect();
        (Question::Addresses(name.to_owned()), Records::Addresses(list))
    }

    fn at(protocol: Protocol, place: &str) -> (Protocol, String) {
        (protocol, place.to_owned())
    }

    #[test]
    fn addresses_and_ports_need_no_records() {
        let (asked, found) = walk(hop("192.0.2.1", None, &[Protocol::Udp], false), &[]);
        assert_eq!((asked, found), (vec![], vec![at(Protocol::Udp, "192.0.2.1:5060")]));
        let zone = [addresses("example.org", &["192.0.2.1", "2001:db8::1"])];
        let (asked, found) = walk(hop("example.org", Some(7), &[Protocol::Tls], true), &zone);
        assert_eq!(asked.len(), 1);
        assert_eq!(found, [at(Protocol::Tls, "192.0.2.1:7"), at(Protocol::Tls, "2001:db8::1:7")]);
        let (asked, _) = walk(hop("localhost", None, &[Protocol::Udp], false), &[]);
        assert_eq!(asked, [Question::Addresses("localhost".into())]);
    }

    #[test]
    fn naptr_names_the_ways_in_their_order() {
        let zone = [
            (
                Question::Naptr("example.org".into()),
                Records::Naptr(vec![
                    naptr(90, "SIP+D2U", "_sip._udp.example.org."),
                    naptr(50, "SIPS+D2T", "_sips._tcp.example.org."),
                    naptr(10, "E2U+sip", "other.example.org."),
                ]),
            ),
            (
                Question::Srv("_sips._tcp.example.org".into()),
                Records::Srv(vec![srv(0, 1, 5061, "a.example.org.")]),
            ),
            (
                Question::Srv("_sip._udp.example.org".into()),
                Records::Srv(vec![srv(0, 1, 5070, "b.example.org.")]),
            ),
            addresses("a.example.org", &["192.0.2.1"]),
            addresses("b.example.org", &["192.0.2.2"]),
        ];
        let (_, found) = walk(hop("example.org", None, &[Protocol::Udp], false), &zone);
        assert_eq!(found, [at(Protocol::Tls, "192.0.2.1:5061"), at(Protocol::Udp, "192.0.2.2:5070")]);
        let (_, found) = walk(hop("example.org", None, &[Protocol::Tls], false), &zone);
        assert_eq!(found, [at(Protocol::Tls, "192.0.2.1:5061")], "sips: takes nothing less");
    }

    #[test]
    fn without_naptr_every_way_is_tried_and_without_srv_the_host_itself() {
        let (asked, found) = walk(
            hop("example.org", None, &[Protocol::Udp], false),
            &[addresses("example.org", &["192.0.2.9"])],
        );
        let srv = |name: &str| Question::Srv(format!("{name}.example.org"));
        let expected = [
            Question::Naptr("example.org".into()),
            srv("_sip._udp"),
            srv("_sip._tcp"),
            srv("_sips._tcp"),
            Question::Addresses("example.org".into()),
        ];
        assert_eq!(asked, expected);
        assert_eq!(found, [at(Protocol::Udp, "192.0.2.9:5060")]);
    }

    #[test]
    fn a_given_transport_asks_for_its_srv_only() {
        let (asked, _) = walk(hop("example.org", None, &[Protocol::Tcp], true), &[]);
        let srv = Question::Srv("_sip._tcp.example.org".into());
        assert_eq!(asked, [srv, Question::Addresses("example.org".into())]);
    }

    #[test]
    fn a_service_that_is_not_there_is_final() {
        let zone = [(Question::Srv("_sip._tcp.example.org".into()), Records::Srv(vec![srv(0, 0, 0, ".")]))];
        let (asked, found) = walk(hop("example.org", None, &[Protocol::Tcp], true), &zone);
        assert_eq!((asked.len(), found.len()), (1, 0));
    }

    #[test]
    fn weights_share_the_load() {
        let list = || vec![srv(1, 10, 1, "a"), srv(0, 1, 2, "b"), srv(0, 3, 3, "c"), srv(0, 0, 4, "d")];
        let order = |dice: u32| -> Vec<u16> {
            by_priority_and_weight(list(), &mut |limit| dice.min(limit - 1)).iter().map(|r| r.port).collect()
        };
        assert_eq!(order(0), [4, 2, 3, 1]);
        assert_eq!(order(1), [2, 3, 4, 1]);
        assert_eq!(order(4), [3, 2, 4, 1]);
    }

    #[test]
    fn a_large_request_takes_what_is_reliable_first() {
        let hop = hop("192.0.2.1", None, &[Protocol::Tcp, Protocol::Udp], false);
        let (_, found) = walk(hop, &[]);
        assert_eq!(found, [at(Protocol::Tcp, "192.0.2.1:5060"), at(Protocol::Udp, "192.0.2.1:5060")]);
    }
}
