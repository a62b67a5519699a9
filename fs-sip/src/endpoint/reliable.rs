//! Reliable provisional responses (RFC 3262), as UAS and as UAC; the machines
//! stand in `dialog::reliable`.
//!
//! As UAS, one response waits for its PRACK at a time and the next ones queue
//! behind it; a 2xx waits too where the response carried a description
//! (section 5). As UAC, a response out of turn is left unacknowledged.

use std::time::Instant;

use super::answers::{description_of, set_body};
use super::command::{Body, InviteId};
use super::core::{Call, EndpointCore, Purpose, Wait};
use super::event::Event;
use super::incoming::Provisional;
use crate::dialog::exchange::{Carrier, Offerer, Role};
use crate::dialog::reliable::{Arrival, Due};
use crate::limits;
use crate::transaction::ServerId;
use crate::wire::headers::{CSeq, RAck, RSeq, Require, has_option, name};
use crate::wire::{Method, Request, Response};

/// The option tag.
pub(super) const OPTION: &str = "100rel";

/// As UAS.
impl EndpointCore {
    /// Must, or may and shall, this caller get its provisional responses
    /// reliably?
    pub(super) fn wants_reliable(&self, request: &Request) -> bool {
        has_option(&request.headers, name::REQUIRE, OPTION)
            || (self.config.reliable_provisional && has_option(&request.headers, name::SUPPORTED, OPTION))
    }

    /// Sends a provisional response reliably, or puts it into the queue.
    pub(super) fn send_reliably(&mut self, now: Instant, id: InviteId, provisional: Provisional) {
        let t1 = self.config.timers.t1;
        let Some(Call::Incoming(incoming)) = self.calls.get_mut(&id) else { return };
        if incoming.leg.sender.is_waiting() {
            if incoming.queue.len() < limits::MAX_RELIABLE_QUEUE {
                incoming.queue.push_back(provisional);
            }
            return;
        }
        let Some(rseq) = incoming.leg.sender.send(now, t1) else { return };
        let Provisional { status, reason, body } = provisional;
        let body = body.filter(|body| {
            incoming.leg.note_local(Some(body));
            incoming.leg.exchange.carry(Offerer::Local, Carrier::InviteResponse) != Role::Repetition
        });
        incoming.described = body.is_some();
        let tag = incoming.leg.dialog.id().local_tag.clone();
        let (server, local, request) = (incoming.server, incoming.local, incoming.request.clone());
        let mut response = self.dialog_response(&request, status, &tag, local, body);
        if let Some(reason) = reason {
            response.reason = reason;
        }
        response.headers.push_typed(&Require(OPTION.to_owned()));
        response.headers.push_typed(&RSeq(rseq));
        self.respond(now, server, &response);
        self.waits.set((id, Wait::RepeatProvisional), None);
        if let Some(Call::Incoming(incoming)) = self.calls.get_mut(&id) {
            incoming.provisional = Some(response);
        }
        self.watch_for_prack(id);
    }

    fn watch_for_prack(&mut self, id: InviteId) {
        let Some(Call::Incoming(incoming)) = self.calls.get(&id) else { return };
        let at = incoming.leg.sender.next_deadline();
        self.waits.set((id, Wait::Prack), at);
    }

    pub(super) fn prack_due(&mut self, now: Instant, id: InviteId) {
        let Some(Call::Incoming(incoming)) = self.calls.get_mut(&id) else { return };
        match incoming.leg.sender.handle_timer(now) {
            Due::Nothing => {}
            Due::Again => {
                let server = incoming.server;
                if let Some(response) = incoming.provisional.clone() {
                    self.respond(now, server, &response);
                }
            }
            // Section 3: the INVITE is refused with a 5xx.
            Due::GiveUp => return self.give_up_incoming(now, id, (504, "No PRACK received"), None),
        }
        self.watch_for_prack(id);
    }

    pub(super) fn on_prack(&mut self, now: Instant, server: ServerId, request: Request, id: InviteId) {
        let Ok(Some(rack)) = request.headers.typed::<RAck>() else {
            return self.refuse(now, server, &request, 400);
        };
        let body = description_of(&request.headers, &request.body);
        let (leg, invite_cseq) = match self.calls.get_mut(&id) {
            Some(Call::Incoming(incoming)) => {
                let cseq = incoming.request.cseq().map(|c| c.number).unwrap_or_default();
                (&mut incoming.leg, cseq)
            }
            // It has crossed our 2xx.
            Some(Call::Session(session)) if session.leg.sender.has_sent(rack.response) => {
                return self.refuse(now, server, &request, 200);
            }
            _ => return self.refuse(now, server, &request, 481),
        };
        if !leg.sender.handle_prack(&rack, invite_cseq) {
            return self.refuse(now, server, &request, 481);
        }
        self.waits.set((id, Wait::Prack), None);
        let Some(body) = body else {
            self.refuse(now, server, &request, 200);
            return self.after_prack(now, id);
        };
        let carrier = if leg.exchange.open().is_some() { Carrier::Other } else { Carrier::Request };
        match leg.exchange.carry(Offerer::Remote, carrier) {
            Role::Answer => {
                let branch = leg.tag().to_owned();
                self.refuse(now, server, &request, 200);
                self.event(Event::EarlyAnswer { id, branch, body });
                self.after_prack(now, id);
            }
            Role::Offer => {
                leg.theirs = Some((server, request));
                self.event(Event::Reinvite { id, body: Some(body) });
            }
            Role::Repetition => {
                self.refuse(now, server, &request, 200);
                self.after_prack(now, id);
            }
        }
    }

    /// What has waited for the PRACK.
    pub(super) fn after_prack(&mut self, now: Instant, id: InviteId) {
        let Some(Call::Incoming(incoming)) = self.calls.get_mut(&id) else { return };
        if let Some(next) = incoming.queue.pop_front() {
            return self.send_reliably(now, id, next);
        }
        if let Some(body) = incoming.accept_due.take() {
            self.accept(now, id, body);
        }
    }
}

/// As UAC.
impl EndpointCore {
    /// A provisional response of a branch; whether it is to be used.
    pub(super) fn take_reliable(&mut self, id: InviteId, tag: &str, response: &Response) -> bool {
        let rseq = match response.headers.typed::<RSeq>() {
            Ok(Some(rseq)) if has_option(&response.headers, name::REQUIRE, OPTION) => rseq.0,
            _ => return true,
        };
        let cancelled = self.is_cancelled(id);
        let Some(leg) = self.leg(id, tag) else { return false };
        match leg.received.handle(rseq) {
            Arrival::Next => {}
            Arrival::Again | Arrival::TooEarly => return false,
        }
        let cseq = match response.cseq() {
            Ok(CSeq { number, .. }) => number,
            Err(_) => return false,
        };
        let rack = RAck { response: rseq, cseq, method: Method::Invite };
        let body = description_of(&response.headers, &response.body);
        let role = body.as_ref().map(|_| leg.exchange.carry(Offerer::Remote, Carrier::InviteResponse));
        let branch = tag.to_owned();
        match (role, body) {
            (Some(Role::Offer), Some(body)) if !cancelled => {
                leg.prack_due = Some(rack);
                self.event(Event::EarlyOffer { id, branch, body });
            }
            (Some(Role::Answer), Some(body)) => {
                leg.early_answer = Some(body.clone());
                self.send_prack(id, tag, &rack, None);
                if !cancelled {
                    self.event(Event::EarlyAnswer { id, branch, body });
                }
            }
            _ => self.send_prack(id, tag, &rack, None),
        }
        true
    }

    /// The application answers an offer that came in a reliable response.
    pub(super) fn answer_early(&mut self, id: InviteId, branch: &str, body: Body) {
        let Some(leg) = self.leg(id, branch) else { return };
        let Some(rack) = leg.prack_due.take() else { return };
        leg.exchange.carry(Offerer::Local, Carrier::Other);
        leg.note_local(Some(&body));
        self.send_prack(id, branch, &rack, Some(body));
    }

    fn send_prack(&mut self, id: InviteId, tag: &str, rack: &RAck, body: Option<Body>) {
        let Some(leg) = self.leg(id, tag) else { return };
        let mut request = leg.dialog.new_request(Method::Prack);
        request.headers.push_typed(rack);
        self.push_user_agent(&mut request.headers);
        set_body(&mut request.headers, &mut request.body, body);
        self.send(request, Purpose::Prack(id, tag.to_owned()));
    }
}
