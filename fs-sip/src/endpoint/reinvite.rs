//! Re-INVITEs inside an established session (RFC 3261 section 14); the figure
//! stands in `established`.

use std::time::{Duration, Instant};

use super::answers::body_of;
use super::command::{Body, InviteId};
use super::core::{AckRecord, Call, EndpointCore, Purpose, Wait};
use super::established::{Leaving, Ours, Unacked};
use super::event::{Event, TerminationReason};
use super::requests::Path;
use crate::transaction::{ClientId, ServerId};
use crate::wire::headers::name;
use crate::wire::{Method, Request, Response, default_reason};

/// Our re-INVITE.
impl EndpointCore {
    pub(super) fn reinvite(&mut self, _now: Instant, id: InviteId, body: Option<Body>) {
        let Some(session) = self.session(id) else { return };
        if !matches!(session.leaving, Leaving::No) {
            return;
        }
        if session.ours.is_some() || session.theirs.is_some() || session.ack_due.is_some() {
            return self.reinvite_result(id, 491, default_reason(491), None);
        }
        if session.unacked.is_some() {
            session.ours = Some(Ours::Queued(body));
            return;
        }
        session.ours = Some(Ours::Pending { client: None, body: body.clone() });
        let mut request = session.dialog.new_request(Method::Invite);
        self.complete_invite(&mut request, &[], body);
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
            100..=199 => {}
            200..=299 => self.on_reinvite_answer(now, client, id, response),
            status => self.reinvite_failed(now, id, status, &response.reason),
        }
    }

    fn on_reinvite_answer(&mut self, now: Instant, client: ClientId, id: InviteId, response: &Response) {
        if self.repeat_ack(client, response) {
            return;
        }
        let request = self.table.request_of(client);
        let Some(cseq) = request.and_then(|r| r.cseq().ok()).map(|c| c.number) else { return };
        let Some(session) = self.session(id) else { return };
        session.dialog.refresh_target(&response.headers);
        let remote_tag = session.dialog.id().remote_tag.clone();
        let pending =
            session.ours.take_if(|o| matches!(o, Ours::Pending { client: Some(c), .. } if *c == client));
        self.acks.entry(client).or_default().push(AckRecord { remote_tag, sent: None });
        let body = body_of(&response.headers, &response.body);
        let late_offer = matches!(&pending, Some(Ours::Pending { body: None, .. })) && body.is_some();
        self.acknowledge(now, id, client, cseq, late_offer);
        if pending.is_some() {
            self.reinvite_result(id, response.status, &response.reason, body);
        }
    }

    pub(super) fn reinvite_failed(&mut self, now: Instant, id: InviteId, status: u16, reason: &str) {
        let wait = self.glare_wait(id);
        let Some(session) = self.session(id) else { return };
        let Some(Ours::Pending { body, .. }) = session.ours.take() else { return };
        match status {
            491 => {
                session.ours = Some(Ours::Glare(body));
                self.waits.set((id, Wait::Glare), Some(now + wait));
            }
            // No dialog at the other end any more (section 12.2.1.2).
            408 | 481 => {
                self.reinvite_result(id, status, reason, None);
                self.refuse_pending(now, id);
                self.send_bye(id, &[], TerminationReason::DialogGone(status));
            }
            _ => self.reinvite_result(id, status, reason, None),
        }
    }

    pub(super) fn reinvite_undeliverable(&mut self, id: InviteId, text: &str) {
        if let Some(session) = self.session(id) {
            session.ours = None;
            self.reinvite_result(id, 503, text, None);
        }
    }

    /// How long to wait after 491 (section 14.1): the owner of the Call-ID
    /// 2.1 to 4 s, the other 0 to 2 s, in steps of 10 ms.
    fn glare_wait(&mut self, id: InviteId) -> Duration {
        let caller = self.session(id).is_some_and(|s| s.caller);
        let steps = if caller { 210 + self.random.below(191) } else { self.random.below(201) };
        Duration::from_millis(10) * steps
    }

    pub(super) fn retry_reinvite(&mut self, id: InviteId) {
        let Some(session) = self.session(id) else { return };
        let Some(Ours::Glare(body)) = session.ours.take_if(|o| matches!(o, Ours::Glare(_))) else { return };
        if session.unacked.is_some() || session.theirs.is_some() {
            return self.reinvite_result(id, 491, default_reason(491), None);
        }
        session.ours = Some(Ours::Pending { client: None, body: body.clone() });
        let mut request = session.dialog.new_request(Method::Invite);
        self.complete_invite(&mut request, &[], body);
        self.send(request, Purpose::Reinvite(id));
    }

    fn reinvite_result(&mut self, id: InviteId, status: u16, reason: &str, body: Option<Body>) {
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
        if session.theirs.is_some() {
            return self.refuse_for_now(now, server, &request, 500);
        }
        let busy = matches!(session.ours, Some(Ours::Pending { .. })) || session.ack_due.is_some();
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
        let body = body_of(&request.headers, &request.body);
        let Some(session) = self.session(id) else { return };
        session.local = path.local;
        session.theirs = Some((server, request));
        let overtaken = session.ours.take_if(|o| matches!(o, Ours::Glare(_))).is_some();
        self.their_invites.insert(server, id);
        if overtaken {
            self.waits.set((id, Wait::Glare), None);
            self.reinvite_result(id, 491, default_reason(491), None);
        }
        self.event(Event::Reinvite { id, body });
    }

    fn refuse_for_now(&mut self, now: Instant, server: ServerId, request: &Request, status: u16) {
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
        let t1 = self.config.timers.t1;
        let Some(session) = self.session(id) else { return };
        let Some((server, request)) = session.theirs.take() else { return };
        let local = session.local;
        let success = status < 300;
        let mut response = match success {
            true => self.dialog_response(&request, status, "", local, body),
            false => self.response(&request, status, ""),
        };
        if let Some(reason) = reason {
            response.reason = reason;
        }
        self.respond(now, server, &response);
        if !success {
            return;
        }
        let Some(session) = self.session(id) else { return };
        session.dialog.refresh_target(&request.headers);
        session.unacked = Some(Unacked::new(server, &request, response, true, t1));
        self.watch_for_ack(now, id);
    }

    pub(super) fn reinvite_cancelled(&mut self, now: Instant, id: InviteId, invite: ServerId) {
        let Some(session) = self.session(id) else { return };
        if let Some((server, request)) = session.theirs.take_if(|(server, _)| *server == invite) {
            let response = self.response(&request, 487, "");
            self.respond(now, server, &response);
            self.event(Event::ReinviteCancelled { id });
        }
    }
}
