//! An established session: ACK, re-INVITE, BYE (RFC 3261 sections 13.3.1.4,
//! 14 and 15).
//!
//! ```text
//!  our 2xx sent --ACK: Confirmed--> stable <---------- our INVITE: ACK sent
//!       |64*T1                      |  ^ |  ^
//!       V                 Reinvite: |  | |  |INVITE: Reinvite
//!   BYE, NoAck          our re-INVITE  | | their re-INVITE
//!                         2xx: ACK-----+ | (ours pending, or our 2xx not yet
//!                         491: again     |  acknowledged: 491)
//!                         408, 481: BYE  |
//!                                        V
//!       BYE: 200, Terminated <-- any --> Hangup: BYE, Terminated at its answer
//! ```

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::answers::{add_headers, body_of};
use super::command::{Body, InviteId};
use super::core::{AckRecord, Call, EndpointCore, Purpose, Wait};
use super::event::{Event, TerminationReason};
use super::requests::Path;
use crate::dialog::{Dialog, DialogId};
use crate::transaction::{ClientId, ServerId};
use crate::wire::headers::name;
use crate::wire::{Method, Request, Response, default_reason};

/// A session whose INVITE is answered with 2xx.
#[derive(Debug)]
pub(super) struct Session {
    pub dialog: Dialog,
    local: SocketAddr,
    /// We sent the INVITE, so the Call-ID is ours.
    caller: bool,
    /// Our 2xx that has no ACK yet.
    pub unacked: Option<Unacked>,
    /// The ACK that waits for the application's answer.
    ack_due: Option<AckDue>,
    /// Our re-INVITE.
    ours: Option<Ours>,
    /// Their re-INVITE that waits for our answer.
    theirs: Option<(ServerId, Request)>,
    leaving: Leaving,
}

/// Our 2xx, repeated until its ACK comes.
#[derive(Debug)]
pub(super) struct Unacked {
    server: ServerId,
    cseq: u32,
    response: Response,
    reinvite: bool,
    interval: Duration,
}

#[derive(Debug)]
struct AckDue {
    client: ClientId,
    cseq: u32,
}

/// Our re-INVITE on its way through its states.
#[derive(Debug)]
enum Ours {
    /// Waits for the ACK to our 2xx.
    Queued(Option<Body>),
    /// Sent.
    Pending { client: Option<ClientId>, body: Option<Body> },
    /// Got 491; sent again when the time has come.
    Glare(Option<Body>),
}

#[derive(Debug)]
enum Leaving {
    No,
    /// BYE as soon as the ACK to our 2xx comes.
    AfterAck(Vec<(String, String)>),
    /// The BYE is sent.
    Bye(TerminationReason),
}

impl Session {
    pub(super) fn new(dialog: Dialog, local: SocketAddr, caller: bool) -> Self {
        Self {
            dialog,
            local,
            caller,
            unacked: None,
            ack_due: None,
            ours: None,
            theirs: None,
            leaving: Leaving::No,
        }
    }
}

impl Unacked {
    pub(super) fn new(
        server: ServerId,
        request: &Request,
        response: Response,
        reinvite: bool,
        interval: Duration,
    ) -> Self {
        let cseq = request.cseq().map(|c| c.number).unwrap_or_default();
        Self { server, cseq, response, reinvite, interval }
    }
}

/// The ACK to our 2xx and to theirs.
impl EndpointCore {
    fn session(&mut self, id: InviteId) -> Option<&mut Session> {
        match self.calls.get_mut(&id) {
            Some(Call::Session(session)) => Some(session),
            _ => None,
        }
    }

    /// Starts the repetition of our 2xx.
    pub(super) fn watch_for_ack(&mut self, now: Instant, id: InviteId) {
        let timers = self.config.timers;
        self.waits.set((id, Wait::RepeatAccept), Some(now + timers.t1));
        self.waits.set((id, Wait::AckGiveUp), Some(now + timers.patience()));
    }

    pub(super) fn repeat_accept(&mut self, now: Instant, id: InviteId) {
        let timers = self.config.timers;
        let Some(unacked) = self.session(id).and_then(|s| s.unacked.as_mut()) else { return };
        unacked.interval = timers.doubled(unacked.interval);
        let next = now + unacked.interval;
        let (server, response) = (unacked.server, unacked.response.clone());
        self.respond(now, server, &response);
        self.waits.set((id, Wait::RepeatAccept), Some(next));
    }

    /// No ACK within 64*T1: the session is ended with BYE (section 13.3.1.4).
    pub(super) fn ack_missing(&mut self, id: InviteId) {
        self.waits.set((id, Wait::RepeatAccept), None);
        let Some(session) = self.session(id) else { return };
        session.unacked = None;
        let headers = match std::mem::replace(&mut session.leaving, Leaving::No) {
            Leaving::AfterAck(headers) => headers,
            Leaving::No => Vec::new(),
            bye @ Leaving::Bye(_) => {
                session.leaving = bye;
                return;
            }
        };
        self.send_bye(id, &headers, TerminationReason::NoAck);
    }

    /// An ACK that belongs to a 2xx.
    pub(super) fn on_ack(&mut self, now: Instant, request: &Request) {
        let dialog = DialogId::of_request(request).ok().flatten();
        let Some(id) = dialog.and_then(|d| self.dialogs.get(&d).copied()) else { return };
        let cseq = request.cseq().map(|c| c.number).ok();
        let Some(session) = self.session(id) else { return };
        let Some(unacked) = session.unacked.take_if(|u| Some(u.cseq) == cseq) else { return };
        let leaving = match &mut session.leaving {
            Leaving::AfterAck(headers) => Some(std::mem::take(headers)),
            _ => None,
        };
        let queued = match session.ours.take_if(|o| matches!(o, Ours::Queued(_))) {
            Some(Ours::Queued(body)) => Some(body),
            _ => None,
        };
        self.waits.set((id, Wait::RepeatAccept), None);
        self.waits.set((id, Wait::AckGiveUp), None);
        let body = body_of(&request.headers, &request.body);
        self.event(match unacked.reinvite {
            true => Event::ReinviteConfirmed { id, body },
            false => Event::Confirmed { id, body },
        });
        if let Some(headers) = leaving {
            self.send_bye(id, &headers, TerminationReason::Bye(None));
        } else if let Some(body) = queued {
            self.reinvite(now, id, body);
        }
    }

    /// Sends the ACK to a 2xx, or waits for its body.
    pub(super) fn acknowledge(
        &mut self,
        now: Instant,
        id: InviteId,
        client: ClientId,
        cseq: u32,
        needs_body: bool,
    ) {
        let give_up = now + self.config.timers.patience();
        let Some(session) = self.session(id) else { return };
        session.ack_due = Some(AckDue { client, cseq });
        if needs_body {
            self.waits.set((id, Wait::AckBodyGiveUp), Some(give_up));
        } else {
            self.ack_with(now, id, None);
        }
    }

    /// Sends the ACK that waits, with this body.
    pub(super) fn ack_with(&mut self, _now: Instant, id: InviteId, body: Option<Body>) {
        self.waits.set((id, Wait::AckBodyGiveUp), None);
        let Some(session) = self.session(id) else { return };
        let Some(due) = session.ack_due.take() else { return };
        let mut ack = session.dialog.new_ack(due.cseq);
        let tag = session.dialog.id().remote_tag.clone();
        super::answers::set_body(&mut ack.headers, &mut ack.body, body);
        self.send(ack, Purpose::Ack(due.client, tag));
    }

    pub(super) fn ack_body_missing(&mut self, now: Instant, id: InviteId) {
        self.ack_with(now, id, None);
        self.send_bye(id, &[], TerminationReason::NoAck);
    }
}

/// The end.
impl EndpointCore {
    /// Hangs up an established session.
    pub(super) fn bye(&mut self, now: Instant, id: InviteId, headers: Vec<(String, String)>) {
        let Some(session) = self.session(id) else { return };
        if !matches!(session.leaving, Leaving::No) {
            return;
        }
        // The callee may not send BYE before the ACK (section 15).
        if session.unacked.as_ref().is_some_and(|u| !u.reinvite) {
            session.leaving = Leaving::AfterAck(headers);
            return;
        }
        self.ack_with(now, id, None);
        self.send_bye(id, &headers, TerminationReason::Bye(None));
    }

    fn send_bye(&mut self, id: InviteId, headers: &[(String, String)], reason: TerminationReason) {
        let agent = self.config.user_agent.clone();
        let Some(session) = self.session(id) else { return };
        if matches!(session.leaving, Leaving::Bye(_)) {
            return;
        }
        session.leaving = Leaving::Bye(reason);
        session.unacked = None;
        session.ours = None;
        let mut request = session.dialog.new_request(Method::Bye);
        if !agent.is_empty() {
            request.headers.push(name::USER_AGENT, agent);
        }
        add_headers(&mut request.headers, headers);
        for wait in [Wait::RepeatAccept, Wait::AckGiveUp, Wait::Glare] {
            self.waits.set((id, wait), None);
        }
        self.send(request, Purpose::Bye(id));
    }

    /// Our BYE is answered, or never will be (`failure`).
    pub(super) fn on_bye_done(&mut self, id: InviteId, failure: Option<TerminationReason>) {
        let Some(session) = self.session(id) else { return };
        let reason = match (&session.leaving, failure) {
            (Leaving::Bye(TerminationReason::Bye(_)), Some(failure)) => failure,
            (Leaving::Bye(reason), _) => reason.clone(),
            _ => return,
        };
        self.terminate(id, false, reason);
    }

    fn terminate(&mut self, id: InviteId, by_peer: bool, reason: TerminationReason) {
        if self.forget(id).is_some() {
            self.event(Event::Terminated { id, by_peer, reason });
        }
    }

    pub(super) fn on_bye(&mut self, now: Instant, server: ServerId, request: &Request, id: InviteId) {
        let tag = self.new_tag();
        let response = self.response(request, 200, &tag);
        self.respond(now, server, &response);
        match self.calls.get_mut(&id) {
            Some(Call::Session(session)) => {
                // Ours has crossed theirs: its answer will end the session.
                if matches!(session.leaving, Leaving::Bye(_)) {
                    return;
                }
                self.refuse_pending(now, id);
                let reason = request.headers.text(name::REASON).map(|r| r.into_owned());
                self.terminate(id, true, TerminationReason::Bye(reason));
            }
            Some(Call::Incoming(_)) => self.cancelled(now, id),
            // The callee can't end an early dialog with BYE; its final
            // answer will come.
            Some(Call::Outgoing(_)) | None => {}
        }
    }

    /// A pending re-INVITE of the peer gets 487 when the session ends
    /// (section 15.1.2).
    fn refuse_pending(&mut self, now: Instant, id: InviteId) {
        if let Some((server, request)) = self.session(id).and_then(|s| s.theirs.take()) {
            let response = self.response(&request, 487, "");
            self.respond(now, server, &response);
        }
    }
}

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
