//! The pure endpoint: transactions and dialogs composed.
//!
//! It is told everything by [`EndpointCore::handle`] and gives everything back
//! by [`EndpointCore::poll_output`]; after each input, all outputs are taken,
//! then [`EndpointCore::next_deadline`] says when [`Input::Timeout`] is due.
//! The parts of its work stand in the neighbouring files: `outgoing`,
//! `incoming`, `established`, `reinvite`, `requests`, `answers`.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use super::auth::{Authenticator, Realm};
use super::command::{Command, InviteId};
use super::config::EndpointConfig;
use super::established::Session;
use super::event::{AckFate, Event};
use super::flow::Flows;
use super::incoming::Incoming;
use super::next_hop::{NextHop, next_hop};
use super::outgoing::Outgoing;
use super::outside::{Outside, OutsideId};
use super::random::Random;
use super::trace::Statistics;
use crate::dialog::{Dialog, DialogId};
use crate::registration::{Failure, Registration, RegistrationId};
use crate::transaction::{ClientId, Deadlines, IdMap, Map, ServerId, Table, Transmit, Upward};
use crate::transport::{Local, Peer, Protocol};
use crate::wire::headers::name;
use crate::wire::{
    Datagram, Headers, Message, Method, Request, Response, Uri, Via, default_reason, parse_datagram,
    parse_frame, stun,
};

/// Names a question about an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResolveToken(u64);

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

/// What a request of ours is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Opens the session.
    Invite(InviteId),
    /// Changes it.
    Reinvite(InviteId),
    /// Ends it.
    Bye(InviteId),
    /// Ends a dialog that no session stands for (a second branch of a fork).
    ForkBye,
    /// Acknowledges a 2xx of this transaction with this To tag.
    Ack(ClientId, String),
    /// Registers.
    Register(RegistrationId),
    /// Anything else that opens no session.
    Outside(OutsideId),
    /// Acknowledges a reliable provisional response of this branch.
    Prack(InviteId, String),
    /// Offers or refreshes in the dialog with this tag of the peer.
    Update(InviteId, String),
    /// Asks the peer to call somebody.
    Refer(InviteId),
    /// Tells the peer how far its REFER has come.
    ReferNotify(InviteId),
    /// Says a digit.
    Info(InviteId),
}

impl Purpose {
    /// The session whose transaction it is, and its method.
    pub(super) fn session(&self) -> Option<(InviteId, Method)> {
        match self {
            Self::Invite(id) | Self::Reinvite(id) => Some((*id, Method::Invite)),
            Self::Bye(id) => Some((*id, Method::Bye)),
            Self::Prack(id, _) => Some((*id, Method::Prack)),
            Self::Update(id, _) => Some((*id, Method::Update)),
            Self::Refer(id) => Some((*id, Method::Refer)),
            Self::ReferNotify(id) => Some((*id, Method::Notify)),
            Self::Info(id) => Some((*id, Method::Info)),
            Self::ForkBye | Self::Ack(..) | Self::Register(_) | Self::Outside(_) => None,
        }
    }
}

/// Does a request of this method carry a Contact (RFC 3261 section 20, RFC
/// 3311, RFC 6665)?
fn makes_contact(method: &Method) -> bool {
    matches!(method, Method::Invite | Method::Update | Method::Refer | Method::Notify | Method::Subscribe)
}

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

/// What a session waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Wait {
    /// Time to repeat our 2xx.
    RepeatAccept,
    /// The ACK to our 2xx did not come.
    AckGiveUp,
    /// The application gave no answer for the ACK.
    AckBodyGiveUp,
    /// The final answer to a cancelled INVITE did not come.
    CancelGiveUp,
    /// Try the re-INVITE again after 491.
    Glare,
    /// Repeat the provisional answer (RFC 3261 section 13.3.1.1: every minute).
    RepeatProvisional,
    /// The PRACK to our reliable provisional answer.
    Prack,
    /// Try the UPDATE again after 491.
    UpdateGlare,
    /// Refresh the session (RFC 4028).
    Refresh,
    /// Nobody has refreshed the session.
    Expire,
    /// Our REFER is over.
    ReferOut,
    /// Their REFER is over.
    ReferIn,
}

impl Wait {
    /// All of them.
    const ALL: [Self; 12] = [
        Self::RepeatAccept,
        Self::AckGiveUp,
        Self::AckBodyGiveUp,
        Self::CancelGiveUp,
        Self::Glare,
        Self::RepeatProvisional,
        Self::Prack,
        Self::UpdateGlare,
        Self::Refresh,
        Self::Expire,
        Self::ReferOut,
        Self::ReferIn,
    ];
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
    resolving: IdMap<ResolveToken, (Request, Purpose, u8)>,
    outputs: VecDeque<Output>,
    /// Requests that have no way; told when all else is done.
    undeliverable: VecDeque<(Purpose, String)>,
    pub(super) authenticator: Authenticator,
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
    last_token: u64,
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

    fn on_command(&mut self, now: Instant, command: Command) {
        match command {
            Command::Invite { id, target, from, to, headers, body } => {
                self.invite(now, id, &target, from, to, &headers, body);
            }
            Command::Provisional { id, status, reason, body } => {
                self.send_provisional(now, id, status, reason, body);
            }
            Command::Accept { id, body } => self.accept(now, id, body),
            Command::Reject { id, status, reason, headers } => self.reject(now, id, status, reason, &headers),
            Command::Reinvite { id, body } => self.reinvite(now, id, body),
            Command::AnswerReinvite { id, status, reason, body } => {
                self.answer_reinvite(now, id, status, reason, body);
            }
            Command::AckBody { id, body } => self.ack_with(now, id, Some(body)),
            Command::Hangup { id, headers } => self.hang_up(now, id, headers),
            Command::Update { id, branch, body } => self.update(id, branch.as_deref(), body),
            Command::AnswerEarly { id, branch, body } => self.answer_early(id, &branch, body),
            Command::Refer { id, target, subscribe, headers } => {
                self.refer(now, id, &target, subscribe, &headers);
            }
            Command::AnswerRefer { id, status, reason } => self.answer_refer(now, id, status, reason),
            Command::NotifyRefer { id, status, reason } => self.notify_refer(now, id, status, reason),
            Command::Info { id, body } => self.info(id, body),
            Command::Register { id, settings } => self.register(id, settings),
            Command::Unregister { id } => self.unregister(now, id),
            Command::RefreshRegistrations => self.refresh_registrations(now),
            Command::NetworkChanged => self.network_changed(now),
            Command::Request { id, method, target, from, to, headers, body } => {
                self.single_request(id, method, &target, from, to, &headers, body);
            }
            Command::AnswerRequest { id, status, reason, headers, body } => {
                self.answer_request(now, id, (status, reason), &headers, body);
            }
            Command::Publish { id, settings, body } => self.publish(now, id, settings, body),
            Command::Unpublish { id } => self.unpublish(now, id),
            Command::Subscribe { id, settings } => self.subscribe(id, *settings),
            Command::Unsubscribe { id } => self.unsubscribe(id),
            Command::AnswerSubscription { id, status, active, body } => {
                self.answer_subscription(now, id, status, active, body);
            }
            Command::Notify { id, active, body } => self.notify(now, id, active, body),
            Command::EndSubscription { id, reason, body } => self.end_notifier(now, id, &reason, body),
            Command::IdentityCredentials { identity, credentials } => {
                self.authenticator.set_identity(&identity, credentials);
            }
            Command::Credentials(list) => self.authenticator.set(list),
        }
    }

    pub(super) fn hang_up(&mut self, now: Instant, id: InviteId, headers: Vec<(String, String)>) {
        match self.calls.get(&id) {
            Some(Call::Outgoing(_)) => self.cancel(now, id, headers),
            Some(Call::Incoming(_)) => self.reject(now, id, 603, None, &headers),
            Some(Call::Session(_)) => self.bye(now, id, headers),
            None => {}
        }
    }

    fn on_message(&mut self, now: Instant, data: &[u8], source: Peer, local: Local) {
        if source.protocol == Protocol::Udp && stun::is_stun(data) {
            return self.on_stun(now, data, &source);
        }
        let parse = if source.protocol == Protocol::Udp { parse_datagram } else { parse_frame };
        match parse(data) {
            Ok(Datagram::KeepAlive) => {}
            Ok(Datagram::Message(message)) => match *message {
                Message::Request(request) => self.on_request(now, request, source, local),
                // A response with two Vias went astray (RFC 3261 section 8.1.3.3).
                Message::Response(response) => {
                    let astray = response.headers.all(name::VIA).nth(1).is_some();
                    if astray || !self.table.receive_response(now, response) {
                        self.seen.stray_responses += 1;
                        tracing::debug!(target: "fs::sip::transaction", %source, "stray response dropped");
                    }
                }
            },
            Err(malformed) => self.on_malformed(now, malformed, &source),
        }
    }

    fn on_upward(&mut self, now: Instant, upward: Upward) {
        match upward {
            Upward::Response(client, response) if matches!(response.status, 401 | 407) => {
                let Some(purpose) = self.purposes.get(&client).cloned() else { return };
                if !self.answer_challenge(client, &purpose, &response) {
                    self.on_response(now, client, &response);
                }
            }
            Upward::Response(client, response) if response.status == 503 => {
                if !self.take_other_route(client) {
                    self.on_response(now, client, &response);
                }
            }
            Upward::Response(client, response) => self.on_response(now, client, &response),
            Upward::TimedOut(client) => {
                if !self.take_other_route(client)
                    && let Some(purpose) = self.purposes.get(&client).cloned()
                {
                    self.report_ours(client, &purpose, 408);
                    self.on_timed_out(now, purpose);
                }
            }
            Upward::Undeliverable(client) => {
                if !self.take_other_route(client)
                    && let Some(purpose) = self.purposes.get(&client).cloned()
                {
                    self.report_ours(client, &purpose, 503);
                    self.on_undeliverable(now, purpose, "nobody listens at the address of the peer");
                }
            }
            Upward::ClientEnded(client) => {
                self.purposes.remove(&client);
                self.acks.remove(&client);
                self.other_branches.remove(&client);
                self.reported.remove(&client);
                self.retries.remove(&client);
                self.routes.remove(&client);
            }
            Upward::Acknowledged(server) => self.report_ack(server, AckFate::Received),
            Upward::AckMissing(server) => self.report_ack(server, AckFate::Missing),
            Upward::ServerEnded(server) => {
                self.their_requests.remove(&server);
                self.report_ack(server, AckFate::Unknown);
            }
        }
    }

    fn on_response(&mut self, now: Instant, client: ClientId, response: &Response) {
        let purpose = self.purposes.get(&client).cloned();
        if let Some(purpose) = purpose.as_ref().filter(|_| !response.is_provisional()) {
            self.report_ours(client, purpose, response.status);
        }
        match purpose {
            Some(Purpose::Invite(id)) => self.on_invite_response(now, client, id, response),
            Some(Purpose::Reinvite(id)) => self.on_reinvite_response(now, client, id, response),
            Some(Purpose::Bye(id)) if !response.is_provisional() => self.on_bye_done(id, None),
            Some(Purpose::Register(id)) => self.on_register_response(now, id, response),
            Some(Purpose::Outside(id)) => self.on_outside_response(now, client, id, response),
            Some(Purpose::Update(id, tag)) => self.on_update_response(now, id, &tag, response),
            Some(Purpose::Refer(id)) => self.on_refer_response(id, response),
            Some(Purpose::Info(id)) => self.info_done(now, id, response.status),
            Some(Purpose::ReferNotify(id)) if response.status >= 400 => self.end_refer_in(id),
            _ => {}
        }
    }

    /// Sends a request that still lacks Via and Contact.
    pub(super) fn send(&mut self, mut request: Request, purpose: Purpose) {
        let named = request.headers.get(name::USER_AGENT).is_some() || request.method == Method::Ack;
        if !named && !self.config.user_agent.is_empty() {
            request.headers.push(name::USER_AGENT, self.config.user_agent.as_bytes());
        }
        self.add_route_of_identity(&mut request);
        self.sign_ahead(&mut request, &purpose);
        self.send_again(request, purpose, 0);
    }

    /// The same for a request that was sent before, so many times.
    pub(super) fn send_again(&mut self, request: Request, purpose: Purpose, retries: u8) {
        match next_hop(&request, self.config.large_request) {
            Ok(hop) => {
                self.last_token += 1;
                let token = ResolveToken(self.last_token);
                self.resolving.insert(token, (request, purpose, retries));
                self.output(Output::Resolve(token, hop));
            }
            Err(text) => self.undeliverable.push_back((purpose, text)),
        }
    }

    /// Sends the request of a transaction that has failed by its next route
    /// (RFC 3263 section 4.3); `false` where there is none.
    fn take_other_route(&mut self, client: ClientId) -> bool {
        let Some(purpose) = self.purposes.get(&client).cloned() else { return false };
        if !self.may_retry(&purpose) {
            return false;
        }
        let Some((mut request, routes)) = self.routes.remove(&client) else { return false };
        request.headers.remove_first(name::VIA);
        request.headers.remove(name::CONTACT);
        self.begin_again(&purpose);
        let retries = self.retries.get(&client).copied().unwrap_or_default();
        self.last_token += 1;
        let token = ResolveToken(self.last_token);
        self.resolving.insert(token, (request, purpose, retries));
        self.output(Output::Reach(token, routes));
        true
    }

    /// Forgets requests of this purpose that wait for their address.
    pub(super) fn unsend(&mut self, purpose: &Purpose) {
        self.resolving.retain(|_, (_, p, _)| p != purpose);
    }

    fn on_resolved(&mut self, now: Instant, token: ResolveToken, result: Result<Resolution, String>) {
        let Some((mut request, purpose, retries)) = self.resolving.remove(&token) else { return };
        let Resolution { peer, local, rest } = match result {
            Ok(resolution) => resolution,
            Err(text) => return self.on_undeliverable(now, purpose, &text),
        };
        let address = self.config.advertised.unwrap_or(local.address);
        let branch = format!("z9hG4bK{}", self.random.token(4));
        let via = Via::new(local.protocol.token(), address, &branch);
        request.headers.push_front(name::VIA, via.to_string());
        match &purpose {
            Purpose::Register(id) => {
                self.flows.begin(*id, peer.clone(), local);
                self.add_register_contacts(*id, &mut request, local);
            }
            _ if makes_contact(&request.method) => {
                let contact = self.contact_of_request(&request, local);
                request.headers.push(name::CONTACT, contact);
            }
            _ => {}
        }
        if let Purpose::Ack(client, tag) = purpose {
            return self.transmit_ack(client, &tag, Transmit { peer, data: request.encode() });
        }
        let other = (!rest.is_empty()).then(|| (request.clone(), rest));
        match self.table.send_request(now, request, peer) {
            Ok(client) => {
                match &purpose {
                    Purpose::Invite(id) => self.note_client(*id, client, local),
                    Purpose::Reinvite(id) => self.note_reinvite_client(*id, client),
                    _ => {}
                }
                self.purposes.insert(client, purpose);
                if let Some(other) = other {
                    self.routes.insert(client, other);
                }
                if retries > 0 {
                    self.retries.insert(client, retries);
                }
            }
            Err(error) => self.on_undeliverable(now, purpose, &error.to_string()),
        }
    }

    fn transmit_ack(&mut self, client: ClientId, tag: &str, ack: Transmit) {
        let records = self.acks.get_mut(&client);
        if let Some(record) = records.and_then(|r| r.iter_mut().find(|r| r.remote_tag == tag)) {
            record.sent = Some(ack.clone());
        }
        self.transmit(ack);
    }

    fn on_undeliverable(&mut self, now: Instant, purpose: Purpose, text: &str) {
        match purpose {
            Purpose::Register(id) => {
                self.on_register_failure(now, id, &Failure::Transport(text.to_owned()));
            }
            Purpose::Outside(id) => self.on_outside_failure(now, id, &Failure::Transport(text.to_owned())),
            Purpose::Invite(id) => self.invite_undeliverable(id, text),
            Purpose::Reinvite(id) => self.reinvite_undeliverable(now, id, text),
            Purpose::Bye(id) => self.on_bye_done(id, Some(super::TerminationReason::Transport)),
            Purpose::Update(id, tag) => self.update_failed(now, id, &tag, 503, text, None),
            Purpose::Refer(id) => self.refer_failed(id, 503, text),
            Purpose::ReferNotify(id) => self.end_refer_in(id),
            Purpose::Info(id) => self.info_done(now, id, 503),
            Purpose::ForkBye | Purpose::Ack(..) | Purpose::Prack(..) => {
                tracing::debug!(target: "fs::sip::dialog", text, "request inside a dialog not sent");
            }
        }
    }

    fn on_timed_out(&mut self, now: Instant, purpose: Purpose) {
        match purpose {
            Purpose::Invite(id) => self.invite_timed_out(id),
            Purpose::Reinvite(id) => {
                self.reinvite_failed(now, id, 408, "Request Timeout", &Headers::new());
            }
            Purpose::Bye(id) => self.on_bye_done(id, Some(super::TerminationReason::Timeout)),
            Purpose::Register(id) => self.on_register_failure(now, id, &Failure::Timeout),
            Purpose::Outside(id) => self.on_outside_failure(now, id, &Failure::Timeout),
            Purpose::Update(id, tag) => {
                self.update_failed(now, id, &tag, 408, default_reason(408), None);
            }
            Purpose::Refer(id) => {
                self.refer_failed(id, 408, default_reason(408));
                self.dialog_gone(now, id, 408);
            }
            Purpose::ReferNotify(id) => self.end_refer_in(id),
            Purpose::Info(id) => self.info_done(now, id, 408),
            Purpose::ForkBye | Purpose::Ack(..) | Purpose::Prack(..) => {}
        }
    }

    fn on_wait(&mut self, now: Instant, id: InviteId, wait: Wait) {
        match wait {
            Wait::RepeatAccept => self.repeat_accept(now, id),
            Wait::AckGiveUp => self.ack_missing(id),
            Wait::AckBodyGiveUp => self.ack_body_missing(now, id),
            Wait::CancelGiveUp => self.cancel_unanswered(id),
            Wait::Glare => self.retry_reinvite(id),
            Wait::RepeatProvisional => self.repeat_provisional(now, id),
            Wait::Prack => self.prack_due(now, id),
            Wait::UpdateGlare => self.retry_update(id),
            Wait::Refresh => self.refresh_due(now, id),
            Wait::Expire => self.timer_expired(now, id),
            Wait::ReferOut => self.refer_out_due(id),
            Wait::ReferIn => self.refer_in_due(now, id),
        }
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
