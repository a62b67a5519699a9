//! The pure endpoint: transactions and dialogs composed.
//!
//! It is told everything by [`EndpointCore::handle`] and gives everything back
//! by [`EndpointCore::poll_output`]; after each input, all outputs are taken,
//! then [`EndpointCore::next_deadline`] says when [`Input::Timeout`] is due.
//! The parts of its work stand in the neighbouring files: `outgoing`,
//! `incoming`, `established`, `reinvite`, `requests`, `answers`; `dispatch` leads there,
//! `sending` finds the way of what we send.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use super::auth::{Authenticator, Realm};
use super::command::{Command, InviteId};
use super::config::EndpointConfig;
use super::established::Session;
use super::event::Event;
use super::flow::Flows;
use super::incoming::Incoming;
use super::next_hop::{CertificateNames, NextHop};
use super::outgoing::Outgoing;
use super::outside::Outside;
use super::random::Random;
use super::trace::Statistics;
use crate::dialog::{Dialog, DialogId};
use crate::registration::{Registration, RegistrationId};
use crate::transaction::{ClientId, Deadlines, IdMap, Map, ServerId, Table, Transmit};
use crate::transport::{Local, Peer, Protocol};
use crate::wire::{Request, Response, Uri};

/// Names a question about an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResolveToken(pub(super) u64);

/// The answer to [`Output::Resolve`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// Where to send.
    pub peer: Peer,
    /// Our address as seen from there.
    pub local: Local,
    /// Whom to try when that peer does not answer, or with 503.
    pub rest: Vec<Peer>,
}

/// Something happened.
#[allow(clippy::large_enum_variant, reason = "an input is taken at once, never stored")]
#[derive(Debug)]
pub enum Input<'a> {
    /// A message came: a datagram, or what a stream holds up to the end of the body.
    Message {
        /// Its bytes.
        data: &'a [u8],
        /// Who sent it.
        source: Peer,
        /// Our address as seen from there.
        local: Local,
    },
    /// The application wants something.
    Command(Command),
    /// The answer to a question; the text says why there is none.
    Resolved(ResolveToken, Result<Resolution, String>),
    /// A stream of this peer that can't be read on, and why.
    Broken(Peer, String),
    /// The network says that nobody listens there, or a connection to there failed.
    Unreachable(Peer),
    /// The deadline is reached.
    Timeout,
}

/// Something must be done.
#[allow(clippy::large_enum_variant, reason = "an output is taken at once, rarely stored")]
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this datagram.
    Transmit(Transmit),
    /// Find an address for this hop and answer with [`Input::Resolved`].
    Resolve(ResolveToken, NextHop),
    /// Find the first of these that can be reached and answer with
    /// [`Input::Resolved`].
    Reach(ResolveToken, Vec<Peer>),
    /// From now on keep the connection to this peer alive so often.
    KeepAlive(Peer, Duration),
    /// Our addresses have changed: close all connections, and look anew which
    /// address of ours leads where.
    Reconnect,
    /// Tell the application.
    Event(Event),
}

pub(super) use super::purpose::{Purpose, Wait};

/// One INVITE session.
#[derive(Debug)]
pub(super) enum Call {
    Outgoing(Box<Outgoing>),
    Incoming(Box<Incoming>),
    Session(Box<Session>),
}

/// The ACK to a 2xx, kept to be repeated; none while it is being made.
#[derive(Debug)]
pub(super) struct AckRecord {
    pub remote_tag: String,
    pub sent: Option<Transmit>,
}

/// The pure endpoint.
///
/// ```
/// use std::time::Instant;
/// use fs_sip::endpoint::{EndpointConfig, EndpointCore, Input, Output};
/// use fs_sip::transport::{Local, Peer};
///
/// let mut core = EndpointCore::new(EndpointConfig::default(), [0; 32]);
/// let data = b"OPTIONS sip:x@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\r\n\
///     From: <sip:y@h>;tag=1\r\nTo: <sip:x@h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n";
/// let (source, local) = (Peer::udp("192.0.2.2:5060".parse()?), Local::udp("192.0.2.1:5060".parse()?));
/// core.handle(Instant::now(), Input::Message { data, source: source.clone(), local });
/// let Some(Output::Transmit(answer)) = core.poll_output() else { panic!("no answer") };
/// assert_eq!(answer.peer, source);
/// assert!(answer.data.starts_with(b"SIP/2.0 200 OK\r\n"));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug)]
pub struct EndpointCore {
    pub(super) config: EndpointConfig,
    pub(super) random: Random,
    pub(super) table: Table,
    /// By names that others can't choose, but the application can.
    pub(super) calls: Map<InviteId, Call>,
    pub(super) dialogs: Map<DialogId, InviteId>,
    pub(super) purposes: IdMap<ClientId, Purpose>,
    pub(super) acks: IdMap<ClientId, Vec<AckRecord>>,
    /// Branches of our INVITE that were not the first to answer.
    pub(super) other_branches: IdMap<ClientId, Vec<Dialog>>,
    pub(super) their_requests: IdMap<ServerId, InviteId>,
    /// Requests that waited for the application when their session ended.
    pub(super) orphans: Vec<(ServerId, Request)>,
    /// Client transactions that were reported.
    pub(super) reported: HashSet<ClientId>,
    /// The session and final status of each INVITE of theirs, to tell what
    /// became of its ACK.
    pub(super) unreported: IdMap<ServerId, (InviteId, u16)>,
    /// The least session timer that somebody has asked us for with 422.
    pub(super) least_se: HashMap<InviteId, u32>,
    pub(super) waits: Deadlines<(InviteId, Wait)>,
    pub(super) resolving: IdMap<ResolveToken, (Request, Purpose, u8)>,
    outputs: VecDeque<Output>,
    /// Requests that have no way; told when all else is done.
    pub(super) undeliverable: VecDeque<(Purpose, String)>,
    pub(super) authenticator: Authenticator,
    pub(super) certificate_names: CertificateNames,
    /// How often the request of a transaction was sent before.
    pub(super) retries: IdMap<ClientId, u8>,
    /// Other ways for the request of a transaction.
    pub(super) routes: IdMap<ClientId, (Request, Vec<Peer>)>,
    pub(super) registrations: HashMap<RegistrationId, Registration>,
    pub(super) registration_realms: HashMap<RegistrationId, Vec<Realm>>,
    pub(super) registration_waits: Deadlines<RegistrationId>,
    pub(super) outside: Outside,
    pub(super) flows: Flows,
    pub(super) seen: Statistics,
    /// Since when and how many broken messages were told.
    pub(super) malformed_told: (Option<Instant>, u32),
    pub(super) last_token: u64,
    last_invite: u64,
}

impl EndpointCore {
    /// An endpoint without sessions. `seed` makes its tags, branches and
    /// Call-IDs: take it from the system, fixed only in tests.
    #[must_use]
    pub fn new(config: EndpointConfig, seed: [u8; 32]) -> Self {
        let authenticator = Authenticator::new(config.credentials.clone());
        Self {
            table: Table::new(config.timers),
            config,
            random: Random::new(seed),
            calls: Map::default(),
            dialogs: Map::default(),
            purposes: IdMap::default(),
            acks: IdMap::default(),
            other_branches: IdMap::default(),
            their_requests: IdMap::default(),
            orphans: Vec::new(),
            reported: HashSet::new(),
            unreported: IdMap::default(),
            least_se: HashMap::new(),
            waits: Deadlines::new(),
            resolving: IdMap::default(),
            outputs: VecDeque::new(),
            undeliverable: VecDeque::new(),
            authenticator,
            certificate_names: CertificateNames::default(),
            retries: IdMap::default(),
            routes: IdMap::default(),
            registrations: HashMap::new(),
            registration_realms: HashMap::new(),
            registration_waits: Deadlines::new(),
            outside: Outside::default(),
            flows: Flows::default(),
            seen: Statistics::default(),
            malformed_told: (None, 0),
            last_token: 0,
            last_invite: 1,
        }
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Message { data, source, local } => self.on_message(now, data, source, local),
            Input::Command(command) => self.on_command(now, command),
            Input::Resolved(token, result) => self.on_resolved(now, token, result),
            Input::Broken(peer, what) => self.note_malformed(now, peer.remote, what),
            Input::Unreachable(peer) => {
                self.table.handle_unreachable(&peer);
                self.flows_to_are_broken(now, &peer);
            }
            Input::Timeout => {
                self.table.handle_timeout(now);
                while let Some((id, wait)) = self.waits.pop(now) {
                    self.on_wait(now, id, wait);
                }
                while let Some(id) = self.registration_waits.pop(now) {
                    self.registration_due(now, id);
                }
                self.outside_due(now);
                self.flows_due(now);
            }
        }
        self.settle(now);
    }

    /// Does what the last input has left to do.
    fn settle(&mut self, now: Instant) {
        loop {
            if let Some(upward) = self.table.poll_upward() {
                self.on_upward(now, upward);
            } else if let Some((server, request)) = self.orphans.pop() {
                let response = self.response(&request, 487, "");
                self.respond(now, server, &response);
            } else if let Some((purpose, text)) = self.undeliverable.pop_front() {
                self.on_undeliverable(now, purpose, &text);
            } else {
                break;
            }
        }
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front().or_else(|| self.table.poll_transmit().map(Output::Transmit))
    }

    /// When [`Input::Timeout`] is due.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let own = [self.waits.next(), self.registration_waits.next(), self.outside.waits.next()];
        let others = [self.table.next_deadline(), self.flows.next_deadline()];
        own.into_iter().chain(others).flatten().min()
    }

    /// Hangs up every session and takes every registration back.
    pub fn hang_up_all(&mut self, now: Instant) {
        let mut ids: Vec<InviteId> = self.calls.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            self.handle(now, Input::Command(Command::Hangup { id, headers: Vec::new() }));
        }
        self.leave_outside(now);
        self.unregister_all(now);
        self.settle(now);
    }

    /// Number of registrations that have not ended.
    #[must_use]
    pub fn registrations(&self) -> usize {
        self.registrations.len()
    }

    /// Number of sessions that have not ended.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.calls.len()
    }

    /// Figures; what the sockets count is not among them.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let counts = self.table.counts();
        let subscriptions = self.outside.subscriptions.len() + self.outside.notifiers.len();
        Statistics {
            client_transactions: self.table.clients(),
            server_transactions: self.table.servers(),
            sessions: self.calls.len(),
            dialogs: self.dialogs.len() + subscriptions,
            registrations: self.registrations.len(),
            subscriptions,
            requests_sent: counts.clients,
            requests_received: counts.servers,
            retransmissions_sent: counts.sent_again,
            retransmissions_received: counts.came_again,
            ..self.seen
        }
    }

    /// Number of transactions that have not ended.
    #[must_use]
    pub fn transactions(&self) -> usize {
        self.table.clients() + self.table.servers()
    }

    /// Ends everything this endpoint remembers of a session.
    pub(super) fn forget(&mut self, id: InviteId) -> Option<Call> {
        let mut call = self.calls.remove(&id)?;
        for wait in Wait::ALL {
            self.waits.set((id, wait), None);
        }
        self.least_se.remove(&id);
        match &mut call {
            Call::Outgoing(outgoing) => {
                for leg in &mut outgoing.early {
                    self.dialogs.remove(leg.dialog.id());
                    self.orphans.extend(leg.theirs.take());
                }
            }
            Call::Incoming(incoming) => {
                self.dialogs.remove(incoming.leg.dialog.id());
            }
            Call::Session(session) => {
                self.dialogs.remove(session.leg.dialog.id());
                self.orphans.extend(session.leg.theirs.take());
                self.orphans.extend(session.refer_in.take().and_then(|refer| refer.request));
            }
        }
        Some(call)
    }

    /// The name of the next incoming session.
    pub(super) fn new_incoming_id(&mut self) -> InviteId {
        self.last_invite += 2;
        InviteId(self.last_invite)
    }

    pub(super) fn event(&mut self, event: Event) {
        self.output(Output::Event(event));
    }

    pub(super) fn transmit(&mut self, transmit: Transmit) {
        self.output(Output::Transmit(transmit));
    }

    /// Puts an output behind everything the transactions want to send.
    pub(super) fn output(&mut self, output: Output) {
        let earlier = std::iter::from_fn(|| self.table.poll_transmit());
        self.outputs.extend(earlier.map(Output::Transmit));
        self.outputs.push_back(output);
    }

    pub(super) fn contact_uri(&self, local: Local, user: Option<&str>) -> Uri {
        let learned = self.flows.learned(local);
        let address = self.config.advertised.or(learned).unwrap_or(local.address);
        let user = Some(user.unwrap_or(&self.config.contact_user));
        let mut uri = Uri::sip(user, address.ip(), Some(address.port()));
        if let Some(params) = uri.params_mut().filter(|_| local.protocol != Protocol::Udp) {
            params.set("transport", Some(local.protocol.parameter()));
        }
        uri
    }

    /// Sends a response in its transaction.
    pub(super) fn respond(&mut self, now: Instant, server: ServerId, response: &Response) {
        self.table.respond(now, server, response);
        self.report_theirs(server, response);
    }
}
