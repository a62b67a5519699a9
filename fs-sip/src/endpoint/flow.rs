//! Flows (RFC 5626): by which way a registrar reaches us, how that way is kept
//! open, and what happens when it breaks.
//!
//! ```text
//!   REGISTER 2xx        UDP, outbound granted: STUN each 24 to 29 s
//!  -----------> open    UDP behind a NAT: line ends as often
//!                |      connections: their own keep-alive, as often as
//!                |      Flow-Timer asks
//!                +--connection closed, no answer to STUN, another address in
//!                   it--> registered anew, at once or after a growing pause
//! ```

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::core::{EndpointCore, Output};
use crate::registration::RegistrationId;
use crate::transaction::{Deadlines, Transmit};
use crate::transport::{Local, Peer};
use crate::wire::Response;
use crate::wire::stun::{self, TransactionId};

/// A way to a registrar.
#[derive(Debug)]
pub(super) struct Flow {
    pub peer: Peer,
    pub local: Local,
    keep: Option<Keep>,
}

/// How a way over datagrams is kept open.
#[derive(Debug)]
struct Keep {
    stun: bool,
    /// The request without answer, how often it was sent, and the next pause.
    pending: Option<(TransactionId, u8, Duration)>,
    mapped: Option<SocketAddr>,
}

/// All flows, and our addresses as others have seen them.
#[derive(Debug, Default)]
pub(super) struct Flows {
    of: HashMap<RegistrationId, Flow>,
    waits: Deadlines<RegistrationId>,
    learned: HashMap<Local, SocketAddr>,
}

/// A STUN request is sent so often before its flow counts as broken (RFC 8489
/// section 6.2.1).
const STUN_ATTEMPTS: u8 = 7;
const STUN_PAUSE: Duration = Duration::from_millis(500);
/// Learned addresses that are remembered; one for each of our sockets.
const MAX_LEARNED: usize = 256;

impl Flows {
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.waits.next()
    }

    pub(super) fn begin(&mut self, id: RegistrationId, peer: Peer, local: Local) {
        let same = self.of.get(&id).is_some_and(|f| f.peer == peer && f.local == local);
        if !same {
            self.waits.set(id, None);
            self.of.insert(id, Flow { peer, local, keep: None });
        }
    }

    pub(super) fn forget(&mut self, id: RegistrationId) {
        self.of.remove(&id);
        self.waits.set(id, None);
    }

    /// Our addresses have changed: nothing that was known is good any more.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whom a registration was sent to last.
    pub(super) fn registrar(&self, id: RegistrationId) -> Option<Peer> {
        self.of.get(&id).map(|f| f.peer.clone())
    }

    /// Our address as it was seen from outside.
    pub(super) fn learned(&self, local: Local) -> Option<SocketAddr> {
        self.learned.get(&local).copied()
    }
}

impl EndpointCore {
    /// Takes our address from the Via of an answer to a REGISTER (RFC 3581);
    /// `true` where the Contact must be another than before.
    pub(super) fn learn_address(&mut self, id: RegistrationId, response: &Response) -> bool {
        let Some(local) = self.flows.of.get(&id).map(|f| f.local) else { return false };
        let Ok(via) = response.top_via() else { return false };
        if self.config.advertised.is_some() || !self.config.learn_address {
            return false;
        }
        let received = via.params.value("received");
        let received = received.and_then(|r| r.trim_matches(['[', ']']).parse().ok());
        let rport = via.params.raw("rport").and_then(|p| p.parse().ok());
        let (Some(ip), Some(port)) = (received.or_else(|| via.host.ip()), rport.or(via.port)) else {
            return false;
        };
        let ours = local.address;
        // The port of a connection says nothing about where we listen.
        let plain = ip == ours.ip() && (local.protocol.is_reliable() || port == ours.port());
        let seen = (!plain).then(|| SocketAddr::new(ip, port));
        let before = self.flows.learned(local);
        match seen {
            Some(seen) => {
                if self.flows.learned.len() >= MAX_LEARNED {
                    self.flows.learned.clear();
                }
                self.flows.learned.insert(local, seen);
            }
            None => {
                self.flows.learned.remove(&local);
            }
        }
        before != seen
    }

    /// The registrar has taken us: keeps the way open.
    pub(super) fn keep_flow(&mut self, now: Instant, id: RegistrationId, outbound: bool, timer: Option<u32>) {
        let luck = self.random.below(6);
        let Some(flow) = self.flows.of.get_mut(&id) else { return };
        if flow.peer.protocol.is_reliable() {
            // Between 80 and 100 % of what is asked (section 4.4.1).
            if let Some(seconds) = timer.filter(|t| *t > 0) {
                let every = Duration::from_secs(seconds.into()).mul_f32(0.9);
                let peer = flow.peer.clone();
                self.output(Output::KeepAlive(peer, every));
            }
            return;
        }
        let behind_nat = self.flows.learned.contains_key(&flow.local);
        if !outbound && !behind_nat {
            flow.keep = None;
            self.flows.waits.set(id, None);
        } else if flow.keep.as_ref().is_none_or(|k| k.stun != outbound) {
            flow.keep = Some(Keep { stun: outbound, pending: None, mapped: None });
            self.flows.waits.set(id, Some(now + Duration::from_secs((24 + luck).into())));
        }
    }

    /// Sends the keep-alives that are due.
    pub(super) fn flows_due(&mut self, now: Instant) {
        while let Some(id) = self.flows.waits.pop(now) {
            let fresh: [u8; 12] = self.random.bytes();
            let luck = self.random.below(6);
            let Some(flow) = self.flows.of.get_mut(&id) else { continue };
            let peer = flow.peer.clone();
            let Some(keep) = &mut flow.keep else { continue };
            let usual = Duration::from_secs((24 + luck).into());
            if !keep.stun {
                self.flows.waits.set(id, Some(now + usual));
                self.transmit(Transmit { peer, data: b"\r\n\r\n".to_vec() });
                continue;
            }
            let (transaction, count, pause) = keep.pending.unwrap_or((fresh, 0, STUN_PAUSE));
            if count >= STUN_ATTEMPTS {
                self.flow_broken(now, id);
                continue;
            }
            keep.pending = Some((transaction, count + 1, pause * 2));
            self.flows.waits.set(id, Some(now + pause));
            self.transmit(Transmit { peer, data: stun::request(transaction) });
        }
    }

    /// An answer to a keep-alive.
    pub(super) fn on_stun(&mut self, now: Instant, data: &[u8], source: &Peer) {
        let Some((transaction, mapped)) = stun::answer(data) else { return };
        let luck = self.random.below(6);
        let found = self.flows.of.iter_mut().find(|(_, f)| {
            f.peer.same_place(source)
                && f.keep.as_ref().and_then(|k| k.pending).is_some_and(|(id, ..)| id == transaction)
        });
        let Some((id, keep)) = found.and_then(|(id, f)| Some((*id, f.keep.as_mut()?))) else { return };
        keep.pending = None;
        let moved = keep.mapped.is_some() && mapped.is_some() && keep.mapped != mapped;
        keep.mapped = mapped.or(keep.mapped);
        self.flows.waits.set(id, Some(now + Duration::from_secs((24 + luck).into())));
        if moved {
            self.flow_broken(now, id);
        }
    }

    /// Nobody answers there any more, or the connection is closed.
    pub(super) fn flows_to_are_broken(&mut self, now: Instant, peer: &Peer) {
        let broken = |f: &Flow| match (f.peer.connection, peer.connection) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => f.peer.same_place(peer),
        };
        let hit: Vec<RegistrationId> =
            self.flows.of.iter().filter(|(_, f)| broken(f)).map(|(id, _)| *id).collect();
        for id in hit {
            self.flow_broken(now, id);
        }
    }

    fn flow_broken(&mut self, now: Instant, id: RegistrationId) {
        self.flows.forget(id);
        let next = self.registrations.get_mut(&id).and_then(|r| r.flow_broken(now));
        if let Some(next) = next {
            self.follow(now, id, None, next);
        }
    }
}
