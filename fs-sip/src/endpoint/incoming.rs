//! Their INVITE until we accept or refuse it (RFC 3261 section 13.3).
//!
//! ```text
//!   INVITE: Incoming        Provisional: 1xx
//!  ------------------> waiting <-----------+
//!                      |  |  |-------------+
//!      Accept: 200     |  |  |  Reject, Hangup: 3xx-6xx
//!   Session <----------+  |  +----------------------> gone
//!   (established.rs)      |  CANCEL, BYE, Expires: 487, Cancelled
//!                         |  no PRACK: 504, Cancelled (reliable.rs)
//!                         +-------------------------> gone
//! ```

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::answers::{add_headers, description_of};
use super::command::{Body, InviteId};
use super::core::{Call, EndpointCore, Wait};
use super::established::{Session, Unacked};
use super::event::Event;
use super::leg::Leg;
use super::requests::Path;
use crate::dialog::Dialog;
use crate::dialog::exchange::{Carrier, Exchange, Offerer, Role};
use crate::dialog::session_timer::Verdict;
use crate::limits;
use crate::registration::state::leading_number;
use crate::transaction::ServerId;
use crate::transport::Local;
use crate::wire::headers::{Reason, has_option, name};
use crate::wire::{Request, Response, default_reason};

/// How often a provisional answer is repeated so that no proxy gives up
/// (RFC 3261 section 13.3.1.1).
const REPEAT_PROVISIONAL: Duration = Duration::from_secs(60);

/// Their INVITE that waits for our answer.
#[derive(Debug)]
pub(super) struct Incoming {
    pub server: ServerId,
    pub request: Request,
    pub leg: Leg,
    pub local: Local,
    pub provisional: Option<Response>,
    /// Reliable provisional answers that wait for the PRACK of the one before.
    pub queue: VecDeque<Provisional>,
    /// The one before carries a description.
    pub described: bool,
    /// The 2xx that waits for its PRACK.
    pub accept_due: Option<Option<Body>>,
    /// The session whose place this one takes.
    pub replaces: Option<InviteId>,
}

/// A provisional answer of the application.
#[derive(Debug)]
pub(super) struct Provisional {
    pub status: u16,
    pub reason: Option<String>,
    pub body: Option<Body>,
}

impl EndpointCore {
    pub(super) fn on_invite(&mut self, now: Instant, server: ServerId, request: Request, path: Path) {
        let tag = self.new_tag();
        let refusal = self.contact_refusal(&request, &tag).or_else(|| self.body_refusal(&request, &tag));
        if let Some(response) = refusal {
            return self.respond(now, server, &response);
        }
        if let Verdict::TooShort(least) = self.judge_timer(&request.headers) {
            return self.refuse_short(now, server, &request, least);
        }
        let replaces = match self.replaced_by(&request) {
            Ok(replaces) => replaces,
            Err(status) => return self.refuse(now, server, &request, status),
        };
        let first_cseq = self.random.below(1 << 16);
        let dialog = match Dialog::from_request(&request, &tag, first_cseq) {
            Ok(dialog) => dialog,
            Err(_) => return self.refuse(now, server, &request, 400),
        };
        // Both were read when the message was parsed.
        let (Ok(from), Ok(to)) = (request.from(), request.to()) else { return };
        let id = self.new_incoming_id();
        let headers = request.headers.iter().take(limits::MAX_EVENT_HEADERS);
        let event = Event::Incoming {
            id,
            from,
            to,
            request_uri: request.uri.clone(),
            body: description_of(&request.headers, &request.body),
            source: path.source.remote,
            headers: headers.map(|h| (h.name().to_owned(), h.text().into_owned())).collect(),
            replaces,
        };
        self.dialogs.insert(dialog.id().clone(), id);
        self.their_requests.insert(server, id);
        let exchange = match request.body.is_empty() {
            true => Exchange::default(),
            false => Exchange::offered(Offerer::Remote),
        };
        let mut leg = Leg::new(dialog, exchange, 1 + self.random.below(1 << 16));
        leg.note_abilities(&request.headers);
        let incoming = Incoming {
            server,
            request,
            leg,
            local: path.local,
            provisional: None,
            queue: VecDeque::new(),
            described: false,
            accept_due: None,
            replaces,
        };
        if let Some(seconds) = incoming.request.headers.text(name::EXPIRES).and_then(|t| leading_number(&t)) {
            let time = Duration::from_secs(seconds.min(limits::MAX_EXPIRES).into());
            self.waits.set((id, Wait::Expires), Some(now + time));
        }
        self.calls.insert(id, Call::Incoming(Box::new(incoming)));
        self.event(event);
    }

    /// Their invitation is no longer good (RFC 3261 section 13.3.1).
    pub(super) fn invitation_expired(&mut self, now: Instant, id: InviteId) {
        let reason = Reason::sip(487, "the invitation has expired");
        self.cancelled(now, id, Some(reason.to_string()));
    }

    pub(super) fn send_provisional(
        &mut self,
        now: Instant,
        id: InviteId,
        status: u16,
        reason: Option<String>,
        body: Option<Body>,
    ) {
        let Some(Call::Incoming(incoming)) = self.calls.get(&id) else { return };
        if !(101..200).contains(&status) {
            return;
        }
        if incoming.accept_due.is_some() {
            return;
        }
        if self.wants_reliable(&incoming.request) {
            return self.send_reliably(now, id, Provisional { status, reason, body });
        }
        let tag = &incoming.leg.dialog.id().local_tag;
        let mut response = self.dialog_response(&incoming.request, status, tag, incoming.local, body);
        if let Some(reason) = reason {
            response.reason = reason;
        }
        let server = incoming.server;
        self.respond(now, server, &response);
        self.waits.set((id, Wait::RepeatProvisional), Some(now + REPEAT_PROVISIONAL));
        if let Some(Call::Incoming(incoming)) = self.calls.get_mut(&id) {
            incoming.provisional = Some(response);
        }
    }

    pub(super) fn repeat_provisional(&mut self, now: Instant, id: InviteId) {
        let Some(Call::Incoming(incoming)) = self.calls.get(&id) else { return };
        if let Some(response) = incoming.provisional.clone() {
            let server = incoming.server;
            self.respond(now, server, &response);
            self.waits.set((id, Wait::RepeatProvisional), Some(now + REPEAT_PROVISIONAL));
        }
    }

    pub(super) fn accept(&mut self, now: Instant, id: InviteId, body: Option<Body>) {
        let Some(Call::Incoming(incoming)) = self.calls.get_mut(&id) else { return };
        // A reliable answer with a description must be acknowledged before (RFC
        // 3262 section 3).
        if (incoming.leg.sender.is_waiting() && incoming.described) || incoming.leg.theirs.is_some() {
            incoming.accept_due.get_or_insert(body);
            return;
        }
        let Some(Call::Incoming(incoming)) = self.forget(id) else { return };
        let Incoming { server, request, mut leg, local, replaces, .. } = *incoming;
        leg.sender.stop();
        let body = body.filter(|body| {
            let role = leg.exchange.carry(Offerer::Local, Carrier::InviteResponse);
            if role != Role::Repetition {
                leg.note_local(Some(body));
            }
            role != Role::Repetition
        });
        leg.exchange.settle();
        let tag = leg.dialog.id().local_tag.clone();
        self.dialogs.insert(leg.dialog.id().clone(), id);
        self.calls.insert(id, Call::Session(Box::new(Session::new(leg, local, false))));
        let mut response = self.dialog_response(&request, 200, &tag, local, body);
        let verdict = self.judge_timer(&request.headers);
        self.answer_timer(now, id, verdict, &mut response.headers);
        self.respond(now, server, &response);
        let t1 = self.config.timers.t1;
        if let Some(session) = self.session(id) {
            session.unacked = Some(Unacked::new(server, &request, response, false, t1));
        }
        self.watch_for_ack(now, id);
        if let Some(replaced) = replaces {
            self.hang_up(now, replaced, Vec::new());
        }
    }

    pub(super) fn reject(
        &mut self,
        now: Instant,
        id: InviteId,
        status: u16,
        reason: Option<String>,
        headers: &[(String, String)],
    ) {
        let Some(Call::Incoming(incoming)) = self.calls.get(&id) else { return };
        let status = if (300..700).contains(&status) { status } else { 603 };
        let tag = &incoming.leg.dialog.id().local_tag;
        let mut response = self.response(&incoming.request, status, tag);
        if let Some(reason) = reason {
            response.reason = reason;
        }
        add_headers(&mut response.headers, headers);
        let server = incoming.server;
        self.refuse_early_offer(now, id);
        self.tell_branch_is_over(now, id, status);
        self.respond(now, server, &response);
        self.forget(id);
    }

    /// A proxy keeps a refusal to itself while other branches ring. Where the
    /// caller wants to know (RFC 6228) it is told with 199, which passes, that
    /// the early dialog is over. To a caller that requires reliability it would
    /// have to be acknowledged before: the refusal alone must do there.
    fn tell_branch_is_over(&mut self, now: Instant, id: InviteId, status: u16) {
        let Some(Call::Incoming(incoming)) = self.calls.get(&id) else { return };
        let request = &incoming.request;
        let proxied = request.headers.all(name::VIA).nth(1).is_some();
        let wanted = has_option(&request.headers, name::SUPPORTED, "199");
        let unreliable = !has_option(&request.headers, name::REQUIRE, super::reliable::OPTION);
        if !(proxied && wanted && unreliable && incoming.provisional.is_some()) {
            return;
        }
        let mut response = self.response(request, 199, &incoming.leg.dialog.id().local_tag);
        response.headers.push_typed(&Reason::sip(status, default_reason(status)));
        let server = incoming.server;
        self.respond(now, server, &response);
    }

    /// An UPDATE or PRACK that waits for the application is answered before
    /// its dialog ends.
    fn refuse_early_offer(&mut self, now: Instant, id: InviteId) {
        let Some(Call::Incoming(incoming)) = self.calls.get_mut(&id) else { return };
        if let Some((server, request)) = incoming.leg.theirs.take() {
            let response = self.response(&request, 487, "");
            self.respond(now, server, &response);
        }
    }

    /// RFC 3261 section 9.2: the CANCEL itself is always answered; it ends
    /// only an INVITE that has no final answer yet.
    pub(super) fn on_cancel(&mut self, now: Instant, server: ServerId, request: &Request) {
        let Some(invite) = self.table.cancelled_by(request) else {
            return self.refuse(now, server, request, 481);
        };
        let id = self.their_requests.get(&invite).copied();
        let tag = match id.and_then(|id| self.calls.get(&id)) {
            Some(Call::Incoming(incoming)) => incoming.leg.dialog.id().local_tag.clone(),
            Some(Call::Session(session)) => session.leg.dialog.id().local_tag.clone(),
            _ => self.new_tag(),
        };
        let response = self.response(request, 200, &tag);
        self.respond(now, server, &response);
        let Some(id) = id else { return };
        match self.calls.get(&id) {
            Some(Call::Incoming(incoming)) if incoming.server == invite => {
                let reason = request.headers.text(name::REASON).map(|r| r.into_owned());
                self.cancelled(now, id, reason);
            }
            Some(Call::Session(_)) => self.reinvite_cancelled(now, id, invite),
            _ => {}
        }
    }

    /// Answers 487 and forgets the session.
    pub(super) fn cancelled(&mut self, now: Instant, id: InviteId, reason: Option<String>) {
        self.give_up_incoming(now, id, (487, default_reason(487)), reason);
    }

    /// Refuses their INVITE without the application's doing.
    pub(super) fn give_up_incoming(
        &mut self,
        now: Instant,
        id: InviteId,
        (status, phrase): (u16, &str),
        reason: Option<String>,
    ) {
        let Some(Call::Incoming(incoming)) = self.calls.get(&id) else { return };
        let tag = &incoming.leg.dialog.id().local_tag;
        let mut response = self.response(&incoming.request, status, tag);
        response.reason = phrase.to_owned();
        let server = incoming.server;
        self.refuse_early_offer(now, id);
        self.respond(now, server, &response);
        self.forget(id);
        self.event(Event::Cancelled { id, reason });
    }
}
