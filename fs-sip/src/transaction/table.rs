//! All transactions of an endpoint: matching, messages, and the steps of the
//! state machines carried out.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::entry::{ClientEntry, ClientFsm, Id, ServerEntry, ServerFsm};
use super::ids::{IdMap, Map};
use super::{
    Client, ClientId, ClientInvite, ClientKey, Counts, Deadlines, MergeKey, Received, Server, ServerId,
    ServerInvite,
};
use super::{ServerKey, Transmit, Upward};
use super::{Step, Timers, client, client_invite, server_invite};
use crate::error::ParseError;
use crate::limits;
use crate::transport::Peer;
use crate::wire::headers::{MaxForwards, name};
use crate::wire::{Method, Request, Response};

/// All transactions of an endpoint.
#[derive(Debug)]
pub struct Table {
    base: Timers,
    /// Any moment; the ends of transactions are steps from it.
    origin: Option<Instant>,
    last_id: u64,
    clients: IdMap<ClientId, Box<ClientEntry>>,
    client_keys: Map<ClientKey, ClientId>,
    servers: IdMap<ServerId, Box<ServerEntry>>,
    server_keys: Map<ServerKey, ServerId>,
    merge_keys: Map<MergeKey, ServerId>,
    deadlines: Deadlines<Id>,
    transmits: VecDeque<Transmit>,
    upward: VecDeque<Upward>,
    counts: Counts,
}

impl Table {
    /// No transactions.
    #[must_use]
    pub fn new(base: Timers) -> Self {
        Self {
            base,
            origin: None,
            last_id: 0,
            clients: IdMap::default(),
            client_keys: Map::default(),
            servers: IdMap::default(),
            server_keys: Map::default(),
            merge_keys: Map::default(),
            deadlines: Deadlines::new(),
            transmits: VecDeque::new(),
            upward: VecDeque::new(),
            counts: Counts::default(),
        }
    }

    /// Sends a request whose topmost Via is ours; not for ACK.
    ///
    /// # Errors
    /// When the request has no Via.
    pub fn send_request(
        &mut self,
        now: Instant,
        request: Request,
        peer: Peer,
    ) -> Result<ClientId, ParseError> {
        let key = ClientKey::of_request(&request)?;
        let id = ClientId(self.new_id());
        let reliable = peer.protocol.is_reliable();
        let fsm = match request.method {
            Method::Invite => ClientFsm::Invite(ClientInvite::new(now, self.base, reliable)),
            _ => ClientFsm::Other(Client::new(now, self.base, reliable)),
        };
        let wire = request.encode();
        self.transmits.push_back(Transmit { peer: peer.clone(), data: wire.clone() });
        self.counts.clients += 1;
        self.client_keys.insert(key.clone(), id);
        self.clients.insert(id, Box::new(ClientEntry { fsm, key, request, wire, peer }));
        self.rearm_client(id);
        Ok(id)
    }

    /// Cancels a pending INVITE (RFC 3261 section 9.1): sends a CANCEL with
    /// `headers` in a transaction of its own. Nothing happens where the INVITE
    /// is not pending any more.
    pub fn send_cancel(&mut self, now: Instant, invite: ClientId, headers: &[(String, String)]) {
        let Some(entry) = self.clients.get(&invite) else { return };
        let pending =
            matches!(&entry.fsm, ClientFsm::Invite(f) if f.state() == client_invite::State::Proceeding);
        if !pending {
            return;
        }
        let mut cancel = follow_up(&entry.request, Method::Cancel);
        cancel.headers.copy_from(&entry.request.headers, name::TO);
        for (name, value) in headers {
            cancel.headers.push(name, value.as_bytes());
        }
        let peer = entry.peer.clone();
        // The Via is a copy of one that could be read.
        let _ = self.send_request(now, cancel, peer);
    }

    /// Gives a pending request up then, unless an answer comes before; an INVITE only once it has got a provisional one.
    pub fn limit(&mut self, id: ClientId, at: Instant) {
        match self.clients.get_mut(&id).map(|c| &mut c.fsm) {
            Some(ClientFsm::Invite(fsm)) => fsm.limit(at),
            Some(ClientFsm::Other(fsm)) => fsm.limit(at),
            None => {}
        }
        self.rearm_client(id);
    }

    /// Forgets a client transaction at once.
    pub fn abandon(&mut self, id: ClientId) {
        self.end_client(id);
    }

    /// Sends a response; it is dropped where the transaction is over or
    /// already has a final one.
    pub fn respond(&mut self, now: Instant, id: ServerId, response: &Response) {
        let Some(entry) = self.servers.get_mut(&id) else { return };
        let steps = match &mut entry.fsm {
            ServerFsm::Invite(fsm) => fsm.respond(now, response.status),
            ServerFsm::Other(fsm) => fsm.respond(now, response.status),
        };
        if steps.contains(&Step::Send) {
            entry.wire = response.encode();
            entry.head = None;
        }
        self.run_server(id, steps);
    }

    /// Takes a request whose topmost Via has been completed with its source.
    ///
    /// # Errors
    /// When the headers that identify its transaction are broken.
    pub fn receive_request(
        &mut self,
        now: Instant,
        request: Request,
        peer: Peer,
    ) -> Result<Received, ParseError> {
        let is_ack = request.method == Method::Ack;
        let method = if is_ack { Method::Invite } else { request.method.clone() };
        let key = ServerKey::of_request(&request, method)?;
        let known = self.server_keys.get(&key).copied();
        if is_ack {
            return Ok(self.receive_ack(now, known, request));
        }
        if let Some(id) = known {
            self.counts.came_again += 1;
            let steps = match self.servers.get_mut(&id).map(|s| &mut s.fsm) {
                Some(ServerFsm::Invite(fsm)) => fsm.handle_request(),
                Some(ServerFsm::Other(fsm)) => fsm.handle_request(),
                None => &[],
            };
            self.counts.sent_again += u64::from(steps.contains(&Step::Send));
            self.run_server(id, steps);
            return Ok(Received::Absorbed);
        }
        let id = ServerId(self.new_id());
        let reliable = peer.protocol.is_reliable();
        let fsm = match request.method {
            Method::Invite => ServerFsm::Invite(ServerInvite::new(now, self.base, reliable)),
            _ => ServerFsm::Other(Server::new(self.base, reliable)),
        };
        let merge = MergeKey::of_request(&request).filter(|_| request.method != Method::Cancel);
        let merged = merge.as_ref().is_some_and(|m| self.merge_keys.contains_key(m));
        let merge = merge.filter(|_| !merged);
        if let Some(merge) = &merge {
            self.merge_keys.insert(merge.clone(), id);
        }
        let invite = request.method == Method::Invite;
        let head = invite.then(|| Response::from_headers(&request.headers, 100));
        self.counts.servers += 1;
        self.server_keys.insert(key.clone(), id);
        let entry = ServerEntry { fsm, key, merge, head, wire: Vec::new(), peer };
        self.servers.insert(id, Box::new(entry));
        self.rearm_server(id);
        Ok(if merged { Received::Merged(id, request) } else { Received::New(id, request) })
    }

    /// Like [`Self::receive_request`], but opens no new transaction.
    ///
    /// # Errors
    /// When the headers that identify its transaction are broken.
    pub fn receive_known(
        &mut self,
        now: Instant,
        request: Request,
        peer: Peer,
    ) -> Result<Received, ParseError> {
        let key = ServerKey::of_request(&request, request.method.clone())?;
        if request.method == Method::Ack || self.server_keys.contains_key(&key) {
            return self.receive_request(now, request, peer);
        }
        Ok(Received::Overload(request))
    }

    fn receive_ack(&mut self, now: Instant, known: Option<ServerId>, ack: Request) -> Received {
        let Some(id) = known else { return Received::Ack(ack) };
        let steps = match self.servers.get_mut(&id).map(|s| &mut s.fsm) {
            Some(ServerFsm::Invite(fsm)) => {
                let refused = fsm.state() == server_invite::State::Completed;
                let steps = fsm.handle_ack(now);
                if refused {
                    self.upward.push_back(Upward::Acknowledged(id));
                }
                steps
            }
            _ => &[],
        };
        self.rearm_server(id);
        if steps.contains(&Step::Report) { Received::Ack(ack) } else { Received::Absorbed }
    }

    /// Has this request come back to us, who sent it (RFC 3261 section 16.3
    /// item 4)?
    #[must_use]
    pub fn is_loop(&self, request: &Request) -> bool {
        let key = |via| ClientKey::of_value(via, request.method.clone());
        !self.client_keys.is_empty()
            && request.headers.all(name::VIA).any(|via| self.client_keys.contains_key(&key(via.value())))
    }

    /// The INVITE transaction that a CANCEL is about.
    #[must_use]
    pub fn cancelled_by(&self, cancel: &Request) -> Option<ServerId> {
        let key = ServerKey::of_request(cancel, Method::Invite).ok()?;
        self.server_keys.get(&key).copied()
    }

    /// Takes a response; `false` where it belongs to no transaction.
    pub fn receive_response(&mut self, now: Instant, response: Response) -> bool {
        let key = ClientKey::of_response(&response);
        let Some(id) = key.ok().and_then(|k| self.client_keys.get(&k).copied()) else { return false };
        let steps = match self.clients.get_mut(&id).map(|c| &mut c.fsm) {
            Some(ClientFsm::Invite(fsm)) => fsm.handle_response(now, response.status),
            Some(ClientFsm::Other(fsm)) => fsm.handle_response(now, response.status),
            None => &[],
        };
        self.run_client(id, steps, Some(response));
        true
    }

    /// Nobody listens at `peer`: ends the client transactions that still
    /// wait for a first answer from there.
    pub fn handle_unreachable(&mut self, peer: &Peer) {
        let waiting = |entry: &ClientEntry| match &entry.fsm {
            ClientFsm::Invite(fsm) => fsm.state() == client_invite::State::Calling,
            ClientFsm::Other(fsm) => fsm.state() == client::State::Trying,
        };
        let mut hit: Vec<ClientId> = self
            .clients
            .iter()
            .filter(|(_, entry)| entry.peer.same_place(peer) && waiting(entry))
            .map(|(id, _)| *id)
            .collect();
        hit.sort_unstable();
        for id in hit {
            let steps = match self.clients.get_mut(&id).map(|c| &mut c.fsm) {
                Some(ClientFsm::Invite(fsm)) => fsm.handle_transport_error(),
                Some(ClientFsm::Other(fsm)) => fsm.handle_transport_error(),
                None => &[],
            };
            self.run_client(id, steps, None);
        }
    }

    /// Runs all timers that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(id) = self.deadlines.pop(now) {
            match id {
                Id::Client(id) => {
                    let steps = match self.clients.get_mut(&id).map(|c| &mut c.fsm) {
                        Some(ClientFsm::Invite(fsm)) => fsm.handle_timer(now),
                        Some(ClientFsm::Other(fsm)) => fsm.handle_timer(now),
                        None => &[],
                    };
                    self.run_client(id, steps, None);
                }
                Id::Server(id) => {
                    let steps = match self.servers.get_mut(&id).map(|s| &mut s.fsm) {
                        Some(ServerFsm::Invite(fsm)) => fsm.handle_timer(now),
                        Some(ServerFsm::Other(fsm)) => fsm.handle_timer(now),
                        None => &[],
                    };
                    self.counts.sent_again += u64::from(steps.contains(&Step::Send));
                    self.run_server(id, steps);
                }
            }
        }
    }

    /// When [`Self::handle_timeout`] wants to be called.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// The next message to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// The next thing the user must hear.
    pub fn poll_upward(&mut self) -> Option<Upward> {
        self.upward.pop_front()
    }

    /// Where the responses of a server transaction go.
    #[must_use]
    pub fn peer_of(&self, id: ServerId) -> Option<&Peer> {
        self.servers.get(&id).map(|s| &s.peer)
    }

    /// Where the request of a client transaction went, and the request.
    #[must_use]
    pub fn request_of(&self, id: ClientId) -> Option<&Request> {
        self.clients.get(&id).map(|c| &c.request)
    }

    /// What was seen up to now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Number of server transactions.
    #[must_use]
    pub fn servers(&self) -> usize {
        self.servers.len()
    }

    /// Number of client transactions.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    fn run_client(&mut self, id: ClientId, steps: &[Step], response: Option<Response>) {
        let Some(entry) = self.clients.get(&id) else { return };
        let peer = entry.peer.clone();
        self.counts.sent_again += u64::from(steps.contains(&Step::Send));
        for step in steps {
            match step {
                Step::Send => {
                    self.transmits.push_back(Transmit { peer: peer.clone(), data: entry.wire.clone() })
                }
                Step::Ack => {
                    let mut ack = follow_up(&entry.request, Method::Ack);
                    if let Some(response) = &response {
                        ack.headers.copy_from(&response.headers, name::TO);
                    }
                    self.transmits.push_back(Transmit { peer: peer.clone(), data: ack.encode() });
                }
                Step::Report => {
                    if let Some(response) = &response {
                        self.upward.push_back(Upward::Response(id, Box::new(response.clone())));
                    }
                }
                Step::TimedOut => self.upward.push_back(Upward::TimedOut(id)),
                Step::Undeliverable => self.upward.push_back(Upward::Undeliverable(id)),
                Step::Trying | Step::End => {}
            }
        }
        if steps.contains(&Step::End) {
            self.end_client(id);
        } else {
            self.rearm_client(id);
        }
    }

    fn run_server(&mut self, id: ServerId, steps: &[Step]) {
        let Some(entry) = self.servers.get_mut(&id) else { return };
        let peer = entry.peer.clone();
        for step in steps {
            match step {
                Step::Trying => {
                    entry.wire = entry.head.take().map(|head| head.encode()).unwrap_or_default();
                    self.transmits.push_back(Transmit { peer: peer.clone(), data: entry.wire.clone() });
                }
                Step::Send => {
                    self.transmits.push_back(Transmit { peer: peer.clone(), data: entry.wire.clone() })
                }
                Step::TimedOut => self.upward.push_back(Upward::AckMissing(id)),
                Step::Ack | Step::Report | Step::Undeliverable | Step::End => {}
            }
        }
        if steps.contains(&Step::End) {
            self.end_server(id);
        } else {
            self.rearm_server(id);
        }
    }

    fn rearm_client(&mut self, id: ClientId) {
        let Some(entry) = self.clients.get(&id) else { return };
        let (absorbs, at) = match &entry.fsm {
            ClientFsm::Invite(fsm) => (fsm.only_absorbs(), fsm.next_deadline()),
            ClientFsm::Other(fsm) => (fsm.only_absorbs(), fsm.next_deadline()),
        };
        let absorbs = absorbs && !entry.peer.protocol.is_reliable();
        self.rearm(Id::Client(id), at, absorbs);
    }

    fn rearm_server(&mut self, id: ServerId) {
        let Some(entry) = self.servers.get(&id) else { return };
        let (absorbs, at) = match &entry.fsm {
            ServerFsm::Invite(fsm) => (fsm.only_absorbs(), fsm.next_deadline()),
            ServerFsm::Other(fsm) => (fsm.only_absorbs(), fsm.next_deadline()),
        };
        let absorbs = absorbs && !entry.peer.protocol.is_reliable();
        self.rearm(Id::Server(id), at, absorbs);
    }

    /// A transaction that only absorbs repetitions ends a little later, together
    /// with others: waking up costs more than ending one does.
    fn rearm(&mut self, id: Id, at: Option<Instant>, absorbs: bool) {
        let at = at.map(|at| {
            let origin = *self.origin.get_or_insert(at);
            let step = limits::END_TOGETHER.as_nanos();
            let over = at.saturating_duration_since(origin).as_nanos() % step;
            match absorbs && over > 0 {
                true => at + Duration::from_nanos(u64::try_from(step - over).unwrap_or_default()),
                false => at,
            }
        });
        self.deadlines.set(id, at);
    }

    fn end_client(&mut self, id: ClientId) {
        if let Some(entry) = self.clients.remove(&id) {
            self.client_keys.remove(&entry.key);
            self.deadlines.set(Id::Client(id), None);
            self.upward.push_back(Upward::ClientEnded(id));
        }
    }

    fn end_server(&mut self, id: ServerId) {
        if let Some(entry) = self.servers.remove(&id) {
            self.server_keys.remove(&entry.key);
            if let Some(merge) = &entry.merge {
                self.merge_keys.remove(merge);
            }
            self.deadlines.set(Id::Server(id), None);
            self.upward.push_back(Upward::ServerEnded(id));
        }
    }

    fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

/// An ACK to a refusal, or a CANCEL: same Request-URI, Via, From, Call-ID, CSeq
/// number and Route as the request it follows (RFC 3261 sections 9.1, 17.1.1.3).
fn follow_up(request: &Request, method: Method) -> Request {
    let mut new = Request::new(method.clone(), request.uri.clone());
    if let Some(via) = request.headers.get(name::VIA) {
        new.headers.push(name::VIA, via);
    }
    new.headers.push_typed(&MaxForwards(crate::limits::MAX_FORWARDS));
    for copied in [name::ROUTE, name::FROM, name::CALL_ID] {
        new.headers.copy_from(&request.headers, copied);
    }
    if let Ok(mut cseq) = request.cseq() {
        cseq.method = method;
        new.headers.push_typed(&cseq);
    }
    new
}
