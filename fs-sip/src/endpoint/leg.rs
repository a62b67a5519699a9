//! A dialog, early or confirmed, with what is under way in it. A forked INVITE
//! of ours has one for each branch; everything else has one.

use super::command::{Body, InviteId};
use super::core::{Call, EndpointCore};
use crate::dialog::Dialog;
use crate::dialog::exchange::Exchange;
use crate::dialog::reliable::{ReliableReceiver, ReliableSender};
use crate::transaction::ServerId;
use crate::transport::Local;
use crate::wire::headers::{RAck, name};
use crate::wire::{Headers, Request};

/// A dialog and its open ends.
#[derive(Debug)]
pub(super) struct Leg {
    pub dialog: Dialog,
    pub exchange: Exchange,
    /// Their re-INVITE, UPDATE or PRACK with an offer that waits for our answer.
    pub theirs: Option<(ServerId, Request)>,
    /// Our UPDATE.
    pub update: Option<OurUpdate>,
    /// Does the peer say that it takes UPDATE?
    pub updates: bool,
    /// Their reliable provisional responses.
    pub received: ReliableReceiver,
    /// Ours.
    pub sender: ReliableSender,
    /// The PRACK that waits for the application's answer.
    pub prack_due: Option<RAck>,
    /// The answer that came in a reliable provisional response.
    pub early_answer: Option<Body>,
    /// Our last description.
    pub local_body: Option<Body>,
}

/// Our UPDATE on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OurUpdate {
    pub body: Option<Body>,
    /// It only keeps the session alive; nobody wants to hear of it.
    pub refresh: bool,
    /// It got 491 and waits to be sent again.
    pub waiting: bool,
}

impl Leg {
    pub(super) fn new(dialog: Dialog, exchange: Exchange, first_rseq: u32) -> Self {
        Self {
            dialog,
            exchange,
            theirs: None,
            update: None,
            updates: false,
            received: ReliableReceiver::default(),
            sender: ReliableSender::new(first_rseq),
            prack_due: None,
            early_answer: None,
            local_body: None,
        }
    }

    /// The peer's tag, which tells the branches of a fork apart.
    pub(super) fn tag(&self) -> &str {
        &self.dialog.id().remote_tag
    }

    /// Takes note of what a message of the peer says it can do.
    pub(super) fn note_abilities(&mut self, headers: &Headers) {
        if headers.get(name::ALLOW).is_some() {
            self.updates = headers.all(name::ALLOW).any(|h| h.value() == b"UPDATE");
        }
    }

    /// Our description goes out in a message.
    pub(super) fn note_local(&mut self, body: Option<&Body>) {
        if let Some(body) = body {
            self.local_body = Some(body.clone());
        }
    }
}

impl EndpointCore {
    /// The dialog of a session with this tag of the peer.
    pub(super) fn leg(&mut self, id: InviteId, tag: &str) -> Option<&mut Leg> {
        match self.calls.get_mut(&id)? {
            Call::Session(session) => Some(&mut session.leg).filter(|leg| leg.tag() == tag),
            Call::Incoming(incoming) => Some(&mut incoming.leg).filter(|leg| leg.tag() == tag),
            Call::Outgoing(outgoing) => outgoing.early.iter_mut().find(|leg| leg.tag() == tag),
        }
    }

    /// Is there still such a dialog?
    pub(super) fn has_leg(&self, id: InviteId, tag: &str) -> bool {
        match self.calls.get(&id) {
            Some(Call::Session(session)) => session.leg.tag() == tag,
            Some(Call::Incoming(incoming)) => incoming.leg.tag() == tag,
            Some(Call::Outgoing(outgoing)) => outgoing.early.iter().any(|leg| leg.tag() == tag),
            None => false,
        }
    }

    /// The dialog that a command is about: the only one, or the branch of a
    /// fork that answered last.
    pub(super) fn leg_or_last(&mut self, id: InviteId, branch: Option<&str>) -> Option<&mut Leg> {
        if let Some(branch) = branch {
            return self.leg(id, branch);
        }
        match self.calls.get_mut(&id)? {
            Call::Session(session) => Some(&mut session.leg),
            Call::Incoming(incoming) => Some(&mut incoming.leg),
            Call::Outgoing(outgoing) => outgoing.early.last_mut(),
        }
    }

    /// Our address as the peer of a session sees it.
    pub(super) fn local_of(&self, id: InviteId) -> Option<Local> {
        match self.calls.get(&id)? {
            Call::Session(session) => Some(session.local),
            Call::Incoming(incoming) => Some(incoming.local),
            Call::Outgoing(outgoing) => outgoing.local(),
        }
    }

    /// The dialog in which the peer waits for the answer to an offer.
    pub(super) fn leg_to_answer(&mut self, id: InviteId) -> Option<&mut Leg> {
        match self.calls.get_mut(&id)? {
            Call::Session(session) => Some(&mut session.leg),
            Call::Incoming(incoming) => Some(&mut incoming.leg),
            Call::Outgoing(outgoing) => outgoing.early.iter_mut().find(|leg| leg.theirs.is_some()),
        }
    }
}
