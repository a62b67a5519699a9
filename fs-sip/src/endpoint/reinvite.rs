//! Re-INVITEs inside an established session (RFC 3261 section 14); the figure
//! stands in `established`.

use std::time::{Duration, Instant};

use super::answers::description_of;
use super::command::{Body, InviteId};
use super::core::{AckRecord, Call, EndpointCore, Purpose, Wait};
use super::established::{Cancel, Leaving, Ours, Unacked};
use super::event::Event;
use super::requests::Path;
use crate::dialog::exchange::{Carrier, Offerer};
use crate::dialog::session_timer::Verdict;
use crate::limits;
use crate::transaction::{ClientId, ServerId};
use crate::wire::headers::name;
use crate::wire::{Headers, Method, Request, Response, default_reason};

/// Our re-INVITE.
impl EndpointCore {
    pub(super) fn reinvite(&mut self, _now: Instant, id: InviteId, body: Option<Body>) {
        let Some(session) = self.session(id) else { return };
        if !matches!(session.leaving, Leaving::No) {
            return;
        }
        let busy = session.leg.update.is_some() || session.leg.theirs.is_some();
        if session.ours.is_some() || busy || session.ack_due.is_some() {
            return self.reinvite_result(id, 491, default_reason(491), None);
        }
        if session.unacked.is_some() {
            session.ours = Some(Ours::Queued(body));
            return;
        }
        self.send_reinvite(id, body, false);
    }

    /// Sends one; nothing else is under way. A refresh is not told.
    pub(super) fn send_reinvite(&mut self, id: InviteId, body: Option<Body>, refresh: bool) {
        let Some(session) = self.session(id) else { return };
        session.ours =
            Some(Ours::Pending { client: None, body: body.clone(), refresh, cancel: Cancel::default() });
        if body.is_some() {
            session.leg.exchange.carry(Offerer::Local, Carrier::Request);
        }
        let mut request = session.leg.dialog.new_request(Method::Invite);
        self.complete_invite(id, &mut request, &[], body);
        self.send(request, Purpose::Reinvite(id));
    }

    pub(super) fn note_reinvite_client(&mut self, id: InviteId, sent: ClientId) {
        if let Some(Ours::Pending { client, .. }) = self.session(id).and_then(|s| s.ours.as_mut()) {
            *client = Some(sent);
        }
    }

    pub(super) fn on_reinvite_response(
        &mut self,
        now: Instant,
        client: ClientId,
        id: InviteId,
        response: &Response,
    ) {
        match response.status {
            100..=199 => {
                // Its peer may be gone: without a word more it is given up.
                self.table.limit(client, now + limits::REINVITE_TIME);
                let cancel = self.cancel_of_ours(id);
                let wanted = cancel.is_some_and(|c| !std::mem::replace(&mut c.possible, true) && c.wanted);
                if wanted {
                    self.send_cancel_of_reinvite(now, client);
                }
            }
            200..=299 => self.on_reinvite_answer(now, client, id, response),
            status => self.reinvite_failed(now, id, status, &response.reason, &response.headers),
        }
    }

    fn on_reinvite_answer(&mut self, now: Instant, client: ClientId, id: InviteId, response: &Response) {
        if self.repeat_ack(client, response) {
            return;
        }
        let request = self.table.request_of(client);
        let Some(cseq) = request.and_then(|r| r.cseq().ok()).map(|c| c.number) else { return };
        let Some(session) = self.session(id) else { return };
        let leg = &mut session.leg;
        leg.dialog.refresh_target(&response.headers);
        leg.note_abilities(&response.headers);
        let remote_tag = leg.tag().to_owned();
        let pending =
            session.ours.take_if(|o| matches!(o, Ours::Pending { client: Some(c), .. } if *c == client));
        self.acks.entry(client).or_default().push(AckRecord { remote_tag, sent: None });
        let body = description_of(&response.headers, &response.body);
        let Some(Ours::Pending { body: offer, refresh, .. }) = pending else {
            return self.acknowledge(now, id, client, cseq, false);
        };
        let late_offer = offer.is_none() && body.is_some();
        if let Some(leg) = self.session(id).map(|s| &mut s.leg) {
            leg.note_local(offer.as_ref());
            match (&offer, &body) {
                (Some(_), Some(_)) => drop(leg.exchange.carry(Offerer::Remote, Carrier::Other)),
                (None, Some(_)) => drop(leg.exchange.carry(Offerer::Remote, Carrier::Request)),
                (_, None) => leg.exchange.roll_back(),
            }
        }
        self.timer_accepted(now, id, &response.headers);
        self.acknowledge(now, id, client, cseq, late_offer && !refresh);
        if !refresh {
            self.reinvite_result(id, response.status, &response.reason, body);
        }
    }

    pub(super) fn reinvite_failed(
        &mut self,
        now: Instant,
        id: InviteId,
        status: u16,
        reason: &str,
        headers: &Headers,
    ) {
        let wait = self.glare_wait(id);
        let longer = status == 422 && self.take_422(id, headers);
        let Some(session) = self.session(id) else { return };
        let Some(Ours::Pending { body, refresh, cancel, .. }) =
            session.ours.take_if(|o| matches!(o, Ours::Pending { .. }))
        else {
            return;
        };
        if body.is_some() {
            session.leg.exchange.roll_back();
        }
        match status {
            // It was silent after the CANCEL too, which says nothing about the dialog (section 9.1).
            408 if cancel.wanted => self.reinvite_result(id, 487, default_reason(487), None),
            491 if !cancel.wanted => {
                session.ours = Some(Ours::Glare { body, refresh });
                self.waits.set((id, Wait::Glare), Some(now + wait));
            }
            422 if longer => self.send_reinvite(id, body, refresh),
            // No dialog at the other end any more (section 12.2.1.2).
            408 | 481 => {
                if !refresh {
                    self.reinvite_result(id, status, reason, None);
                }
                self.dialog_gone(now, id, status);
            }
            // The session may still be refreshed by the peer, or later.
            _ if refresh => {
                let again = now + Duration::from_secs(10);
                self.waits.set((id, Wait::Refresh), Some(again));
            }
            _ => self.reinvite_result(id, status, reason, None),
        }
    }

    /// Takes our re-INVITE back. Where its answer is faster, that counts.
    pub(super) fn cancel_reinvite(&mut self, now: Instant, id: InviteId) {
        let Some(session) = self.session(id) else { return };
        match &mut session.ours {
            Some(Ours::Pending { client: Some(client), cancel, refresh: false, .. }) => {
                let (client, before) = (*client, *cancel);
                cancel.wanted = true;
                if before.possible && !before.wanted {
                    self.send_cancel_of_reinvite(now, client);
                }
            }
            Some(Ours::Pending { client: None, refresh: false, .. }) => {
                self.unsend(&Purpose::Reinvite(id));
                self.reinvite_failed(now, id, 487, default_reason(487), &Headers::new());
            }
            Some(Ours::Queued(_) | Ours::Glare { refresh: false, .. }) => {
                session.ours = None;
                self.waits.set((id, Wait::Glare), None);
                self.reinvite_result(id, 487, default_reason(487), None);
            }
            _ => {}
        }
    }

    fn cancel_of_ours(&mut self, id: InviteId) -> Option<&mut Cancel> {
        match self.session(id)?.ours.as_mut()? {
            Ours::Pending { cancel, .. } => Some(cancel),
            _ => None,
        }
    }

    fn send_cancel_of_reinvite(&mut self, now: Instant, client: ClientId) {
        self.table.send_cancel(now, client, &[]);
        self.table.limit(client, now + self.config.timers.patience());
    }

    pub(super) fn reinvite_undeliverable(&mut self, now: Instant, id: InviteId, text: &str) {
        self.reinvite_failed(now, id, 503, text, &Headers::new());
    }

    /// How long to wait after 491 (section 14.1): the owner of the Call-ID
    /// 2.1 to 4 s, the other 0 to 2 s, in steps of 10 ms.
    pub(super) fn glare_wait(&mut self, id: InviteId) -> Duration {
        let caller = self.session(id).is_some_and(|s| s.caller);
        let steps = if caller { 210 + self.random.below(191) } else { self.random.below(201) };
        Duration::from_millis(10) * steps
    }

    pub(super) fn retry_reinvite(&mut self, id: InviteId) {
        let Some(session) = self.session(id) else { return };
        let Some(Ours::Glare { body, refresh }) = session.ours.take_if(|o| matches!(o, Ours::Glare { .. }))
        else {
            return;
        };
        let busy = session.unacked.is_some() || session.leg.theirs.is_some() || session.leg.update.is_some();
        if !busy {
            self.send_reinvite(id, body, refresh);
        } else if !refresh {
            self.reinvite_result(id, 491, default_reason(491), None);
        }
    }

    pub(super) fn reinvite_result(&mut self, id: InviteId, status: u16, reason: &str, body: Option<Body>) {
        self.event(Event::ReinviteResult { id, status, reason: reason.to_owned(), body });
    }
}

/// Their re-INVITE.
impl EndpointCore {
    pub(super) fn on_reinvite(
        &mut self,
        now: Instant,
        server: ServerId,
        request: Request,
        id: InviteId,
        path: Path,
    ) {
        let Some(session) = self.session(id) else {
            // Their second INVITE before our answer to the first, or one from
            // the callee of our own pending INVITE.
            let status = if matches!(self.calls.get(&id), Some(Call::Incoming(_))) { 500 } else { 491 };
            return self.refuse_for_now(now, server, &request, status);
        };
        if session.leg.theirs.is_some() {
            return self.refuse_for_now(now, server, &request, 500);
        }
        let update = session.leg.update.as_ref().is_some_and(|u| !u.waiting);
        let pending = matches!(session.ours, Some(Ours::Pending { .. })) || update;
        let busy = pending || session.ack_due.is_some() || session.leg.exchange.open().is_some();
        if busy || session.unacked.is_some() {
            return self.refuse_for_now(now, server, &request, 491);
        }
        if matches!(session.leaving, Leaving::Bye(_)) {
            return self.refuse(now, server, &request, 481);
        }
        let refusal = self.contact_refusal(&request, "").or_else(|| self.body_refusal(&request, ""));
        if let Some(response) = refusal {
            return self.respond(now, server, &response);
        }
        if let Verdict::TooShort(least) = self.judge_timer(&request.headers) {
            return self.refuse_short(now, server, &request, least);
        }
        let body = description_of(&request.headers, &request.body);
        let Some(session) = self.session(id) else { return };
        session.local = path.local;
        session.leg.note_abilities(&request.headers);
        session.leg.theirs = Some((server, request));
        if body.is_some() {
            session.leg.exchange.carry(Offerer::Remote, Carrier::Request);
        }
        let overtaken = session.ours.take_if(|o| matches!(o, Ours::Glare { .. }));
        if overtaken.is_some() {
            self.waits.set((id, Wait::Glare), None);
        }
        if let Some(Ours::Glare { refresh: false, .. }) = overtaken {
            self.reinvite_result(id, 491, default_reason(491), None);
        }
        self.event(Event::Reinvite { id, body });
    }

    pub(super) fn refuse_for_now(&mut self, now: Instant, server: ServerId, request: &Request, status: u16) {
        let mut response = self.response(request, status, "");
        if status == 500 {
            response.headers.push(name::RETRY_AFTER, self.random.below(11).to_string());
        }
        self.respond(now, server, &response);
    }

    pub(super) fn answer_reinvite(
        &mut self,
        now: Instant,
        id: InviteId,
        status: u16,
        reason: Option<String>,
        body: Option<Body>,
    ) {
        if !(200..700).contains(&status) {
            return;
        }
        let Some((server, request)) = self.leg_to_answer(id).and_then(|leg| leg.theirs.take()) else {
            return;
        };
        if request.method != Method::Invite {
            return self.answer_update(now, id, (server, request), (status, reason), body);
        }
        let t1 = self.config.timers.t1;
        let Some(session) = self.session(id) else { return };
        let local = session.local;
        if status >= 300 {
            session.leg.exchange.roll_back();
            let mut response = self.response(&request, status, "");
            response.reason = reason.unwrap_or(response.reason);
            return self.respond(now, server, &response);
        }
        let offered = !request.body.is_empty();
        if body.is_some() {
            let carrier = if offered { Carrier::Other } else { Carrier::Request };
            session.leg.exchange.carry(Offerer::Local, carrier);
            session.leg.note_local(body.as_ref());
        } else {
            session.leg.exchange.roll_back();
        }
        let mut response = self.dialog_response(&request, status, "", local, body);
        response.reason = reason.unwrap_or(response.reason);
        let verdict = self.judge_timer(&request.headers);
        self.answer_timer(now, id, verdict, &mut response.headers);
        self.respond(now, server, &response);
        let Some(session) = self.session(id) else { return };
        session.leg.dialog.refresh_target(&request.headers);
        session.unacked = Some(Unacked::new(server, &request, response, true, t1));
        self.watch_for_ack(now, id);
    }

    pub(super) fn reinvite_cancelled(&mut self, now: Instant, id: InviteId, invite: ServerId) {
        let Some(session) = self.session(id) else { return };
        if let Some((server, request)) = session.leg.theirs.take_if(|(server, _)| *server == invite) {
            session.leg.exchange.roll_back();
            let response = self.response(&request, 487, "");
            self.respond(now, server, &response);
            self.event(Event::ReinviteCancelled { id });
        }
    }
}
