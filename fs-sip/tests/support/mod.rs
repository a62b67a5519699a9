//! A world in virtual time: endpoint cores and scripted peers on one
//! simulated network.
#![allow(dead_code)] // each test binary uses its part

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fs_sip::endpoint::{
    Body, Command, EndpointConfig, EndpointCore, Event, Input, InviteId, Output, Resolution,
};
use fs_sip::transport::memory::{Link, Weather};
use fs_sip::transport::{Local, Peer, Protocol};
use fs_sip::wire::{Datagram, Host, Message, NameAddr, Request, Response, Uri, parse_datagram};

/// Address of the n-th party.
pub fn address(n: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, n], 5060))
}

pub fn uri(n: u8) -> Uri {
    Uri::sip(Some("user"), address(n).ip(), Some(5060))
}

/// What the event of a call that was answered says; which branch it was does not matter.
pub fn established(event: Event) -> (InviteId, u16, Option<Body>) {
    match event {
        Event::Established { id, status, body, .. } => (id, status, body),
        other => panic!("not answered: {other:?}"),
    }
}

pub fn sdp(text: &str) -> Option<Body> {
    Some(Body::sdp(format!("v=0\r\ns={text}\r\n")))
}

struct Party {
    core: EndpointCore,
    events: Vec<(Duration, Event)>,
    seen: usize,
}

pub struct World {
    start: Instant,
    now: Instant,
    pub link: Link,
    parties: HashMap<SocketAddr, Party>,
    /// What arrived at addresses that are no endpoint.
    pub raw: Vec<(Duration, SocketAddr, Message)>,
    next_id: u64,
    /// Line ends and STUN requests that arrived at addresses that are no
    /// endpoint.
    alive: HashMap<SocketAddr, (usize, usize)>,
    /// What a scripted peer says to STUN requests: the address it saw.
    stun: HashMap<SocketAddr, SocketAddr>,
    /// Names and their addresses, best first.
    pub names: HashMap<String, Vec<SocketAddr>>,
}

fn seed_of(n: u8, seed: u64) -> [u8; 32] {
    let mut bytes = [n; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes
}

fn reached(who: SocketAddr, mut peers: Vec<Peer>) -> Resolution {
    Resolution { peer: peers.remove(0), local: Local::udp(who), rest: peers }
}

/// A Binding success with this address (RFC 8489).
fn stun_answer(request: &[u8], seen: SocketAddr) -> Vec<u8> {
    let SocketAddr::V4(seen) = seen else { panic!("IPv4 here") };
    let mut data = vec![1, 1, 0, 12];
    data.extend(&request[4..20]);
    data.extend([0, 0x20, 0, 8, 0, 1]);
    data.extend((seen.port() ^ 0x2112).to_be_bytes());
    data.extend(seen.ip().octets().iter().zip([0x21, 0x12, 0xa4, 0x42]).map(|(a, b)| a ^ b));
    data
}

impl World {
    /// Endpoints 1 to `count`.
    pub fn new(count: u8, weather: Weather, seed: u64) -> Self {
        Self::with((0..count).map(|_| EndpointConfig::default()).collect(), weather, seed)
    }

    /// Endpoints 1, 2 … with these settings.
    pub fn with(configs: Vec<EndpointConfig>, weather: Weather, seed: u64) -> Self {
        let start = Instant::now();
        let mut parties = HashMap::new();
        for (n, config) in (1..).zip(configs) {
            let core = EndpointCore::new(config, seed_of(n, seed));
            parties.insert(address(n), Party { core, events: Vec::new(), seen: 0 });
        }
        let link = Link::new(weather, seed);
        Self {
            start,
            now: start,
            link,
            parties,
            raw: Vec::new(),
            next_id: 0,
            names: HashMap::new(),
            alive: HashMap::new(),
            stun: HashMap::new(),
        }
    }

    /// Replaces party `n` by a fresh one with these settings.
    pub fn configure(&mut self, n: u8, config: EndpointConfig) {
        let core = EndpointCore::new(config, [n; 32]);
        self.parties.insert(address(n), Party { core, events: Vec::new(), seen: 0 });
    }

    /// Party `n` loses all it knows, without a word.
    pub fn restart(&mut self, n: u8, config: EndpointConfig, seed: u64) {
        let party = self.parties.get_mut(&address(n)).expect("an endpoint");
        party.core = EndpointCore::new(config, seed_of(n, seed));
    }

    pub fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    pub fn command(&mut self, n: u8, command: Command) {
        self.input(address(n), Input::Command(command));
    }

    /// Party `n` calls `target`.
    pub fn invite(&mut self, n: u8, target: u8, body: Option<Body>) -> InviteId {
        self.next_id += 2;
        let id = InviteId(self.next_id);
        let from = NameAddr::new(uri(n));
        let command = Command::Invite { id, target: uri(target), from, to: None, headers: Vec::new(), body };
        self.command(n, command);
        id
    }

    pub fn hang_up(&mut self, n: u8, id: InviteId) {
        self.command(n, Command::Hangup { id, headers: Vec::new() });
    }

    pub fn accept(&mut self, n: u8, id: InviteId, body: Option<Body>) {
        self.command(n, Command::Accept { id, body });
    }

    /// A scripted peer sends text; line ends become CRLF.
    pub fn send_text(&mut self, from: u8, to: u8, text: &str) {
        let data = text.replace('\n', "\r\n").into_bytes();
        self.link.send(self.now, address(from), address(to), &data);
    }

    pub fn send(&mut self, from: u8, to: u8, message: &Message) {
        self.link.send(self.now, address(from), address(to), &message.encode());
    }

    fn input(&mut self, who: SocketAddr, input: Input<'_>) {
        let elapsed = self.elapsed();
        let party = self.parties.get_mut(&who).expect("an endpoint");
        party.core.handle(self.now, input);
        while let Some(output) = party.core.poll_output() {
            match output {
                Output::Transmit(t) => self.link.send(self.now, who, t.peer.remote, &t.data),
                Output::Reach(token, peers) => {
                    let result = Ok(reached(who, peers));
                    party.core.handle(self.now, Input::Resolved(token, result));
                }
                Output::KeepAlive(..) | Output::Reconnect => {}
                Output::Event(event) => party.events.push((elapsed, event)),
                Output::Resolve(token, hop) => {
                    let result = match hop.host {
                        Host::Ip(ip) => Ok(vec![SocketAddr::new(ip, hop.port_for(Protocol::Udp))]),
                        Host::Name(name) => {
                            self.names.get(&name).cloned().ok_or(format!("no such name: {name}"))
                        }
                    };
                    let peers = result.map(|list| list.into_iter().map(Peer::udp).collect());
                    let result = peers.map(|peers| reached(who, peers));
                    party.core.handle(self.now, Input::Resolved(token, result));
                }
            }
        }
    }

    /// Goes to the next moment something happens; `false` when nothing will
    /// before `end`.
    fn step(&mut self, end: Instant) -> bool {
        let deadlines = self.parties.values().filter_map(|p| p.core.next_deadline());
        let next = deadlines.chain(self.link.next_deadline()).min();
        let Some(next) = next.filter(|n| *n <= end) else {
            self.now = end;
            return false;
        };
        self.now = self.now.max(next);
        while let Some(d) = self.link.poll_delivery(self.now) {
            if self.parties.contains_key(&d.remote) {
                let input = Input::Message {
                    data: &d.data,
                    source: Peer::udp(d.source),
                    local: Local::udp(d.remote),
                };
                self.input(d.remote, input);
            } else if fs_sip::wire::stun::is_stun(&d.data) {
                self.alive.entry(d.remote).or_default().1 += 1;
                if let Some(seen) = self.stun.get(&d.remote) {
                    let answer = stun_answer(&d.data, *seen);
                    self.link.send(self.now, d.remote, d.source, &answer);
                }
            } else if d.data.iter().all(|b| matches!(b, b'\r' | b'\n')) {
                self.alive.entry(d.remote).or_default().0 += 1;
            } else if let Ok(Datagram::Message(message)) = parse_datagram(&d.data) {
                self.raw.push((self.elapsed(), d.remote, *message));
            }
        }
        let mut due: Vec<SocketAddr> = self.parties.keys().copied().collect();
        due.sort();
        for who in due {
            if self.parties[&who].core.next_deadline().is_some_and(|d| d <= self.now) {
                self.input(who, Input::Timeout);
            }
        }
        true
    }

    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
    }

    pub fn run_secs(&mut self, seconds: u64) {
        self.run_for(Duration::from_secs(seconds));
    }

    /// Runs until party `n` has a new event, and returns it.
    pub fn next_event(&mut self, n: u8) -> Event {
        self.next_timed_event(n).1
    }

    pub fn next_timed_event(&mut self, n: u8) -> (Duration, Event) {
        let end = self.now + Duration::from_secs(120);
        loop {
            let party = self.parties.get_mut(&address(n)).expect("an endpoint");
            if let Some(event) = party.events.get(party.seen) {
                party.seen += 1;
                return event.clone();
            }
            assert!(self.step(end), "party {n} waits in vain; it had {:?}", self.events(n));
        }
    }

    /// All events of party `n` so far.
    pub fn events(&self, n: u8) -> Vec<Event> {
        self.parties[&address(n)].events.iter().map(|(_, e)| e.clone()).collect()
    }

    /// Events of party `n` that [`Self::next_event`] has not returned.
    pub fn new_events(&mut self, n: u8) -> Vec<Event> {
        let party = self.parties.get_mut(&address(n)).expect("an endpoint");
        let new = party.events[party.seen..].iter().map(|(_, e)| e.clone()).collect();
        party.seen = party.events.len();
        new
    }

    /// Lets a scripted peer answer STUN requests, or be silent.
    pub fn answer_stun(&mut self, n: u8, seen: Option<SocketAddr>) {
        self.stun.remove(&address(n));
        self.stun.extend(seen.map(|seen| (address(n), seen)));
    }

    /// Line ends that arrived at a scripted peer.
    pub fn keep_alives(&self, n: u8) -> usize {
        self.alive.get(&address(n)).map_or(0, |(line_ends, _)| *line_ends)
    }

    /// STUN requests that arrived at a scripted peer.
    pub fn stun_requests(&self, n: u8) -> usize {
        self.alive.get(&address(n)).map_or(0, |(_, stun)| *stun)
    }

    pub fn sessions(&self, n: u8) -> usize {
        self.parties[&address(n)].core.sessions()
    }

    pub fn statistics(&self, n: u8) -> fs_sip::endpoint::Statistics {
        self.parties[&address(n)].core.statistics()
    }

    pub fn transactions(&self, n: u8) -> usize {
        self.parties[&address(n)].core.transactions()
    }

    /// Requests that arrived at a scripted peer, with their times in ms.
    pub fn raw_requests(&self, n: u8) -> Vec<(u128, Request)> {
        let at = |m: &(Duration, SocketAddr, Message)| match &m.2 {
            Message::Request(r) if m.1 == address(n) => Some((m.0.as_millis(), r.clone())),
            _ => None,
        };
        self.raw.iter().filter_map(at).collect()
    }

    /// Responses that arrived at a scripted peer, with their times in ms.
    pub fn raw_responses(&self, n: u8) -> Vec<(u128, Response)> {
        let at = |m: &(Duration, SocketAddr, Message)| match &m.2 {
            Message::Response(r) if m.1 == address(n) => Some((m.0.as_millis(), r.clone())),
            _ => None,
        };
        self.raw.iter().filter_map(at).collect()
    }

    /// Statuses that arrived at a scripted peer.
    pub fn raw_statuses(&self, n: u8) -> Vec<u16> {
        self.raw_responses(n).iter().map(|(_, r)| r.status).collect()
    }

    /// An established call between 1 and 2: their names of it.
    pub fn call(&mut self) -> (InviteId, InviteId) {
        let caller = self.invite(1, 2, sdp("offer"));
        let Event::Incoming { id: callee, .. } = self.next_event(2) else { panic!("no call") };
        self.accept(2, callee, sdp("answer"));
        let established = self.next_event(1);
        assert!(matches!(established, Event::Established { .. }), "{established:?}");
        let confirmed = self.next_event(2);
        assert!(matches!(confirmed, Event::Confirmed { .. }), "{confirmed:?}");
        (caller, callee)
    }
}
