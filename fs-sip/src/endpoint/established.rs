//! An established session: ACK and BYE (RFC 3261 sections 13.3.1.4 and 15).
//! Its re-INVITEs stand in `reinvite`.
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

use std::time::{Duration, Instant};

use super::answers::{add_headers, description_of};
use super::auth::Realm;
use super::command::{Body, InviteId};
use super::core::{Call, EndpointCore, Purpose, Wait};
use super::event::{AckFate, Event, TerminationReason};
use super::leg::Leg;
use super::refer::{ReferIn, ReferOut};
use crate::dialog::DialogId;
use crate::dialog::exchange::{Carrier, Offerer};
use crate::dialog::session_timer::Agreed;
use crate::transaction::{ClientId, ServerId};
use crate::transport::Local;
use crate::wire::headers::name;
use crate::wire::{Method, Request, Response};

/// A session whose INVITE is answered with 2xx.
#[derive(Debug)]
pub(super) struct Session {
    pub leg: Leg,
    pub local: Local,
    /// We sent the INVITE, so the Call-ID is ours.
    pub caller: bool,
    /// Our 2xx that has no ACK yet.
    pub unacked: Option<Unacked>,
    /// The ACK that waits for the application's answer.
    pub ack_due: Option<AckDue>,
    /// Our re-INVITE.
    pub ours: Option<Ours>,
    pub leaving: Leaving,
    /// The session timer both sides agreed on.
    pub timer: Option<Agreed>,
    /// Our REFER.
    pub refer_out: Option<ReferOut>,
    /// Theirs.
    pub refer_in: Option<ReferIn>,
    /// Who has asked for a proof in this session.
    pub realms: Vec<Realm>,
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

/// The ACK to their 2xx that is not sent yet.
#[derive(Debug)]
pub(super) struct AckDue {
    client: ClientId,
    cseq: u32,
}

/// Our re-INVITE on its way through its states.
#[derive(Debug)]
pub(super) enum Ours {
    /// Waits for the ACK to our 2xx.
    Queued(Option<Body>),
    /// Sent.
    Pending { client: Option<ClientId>, body: Option<Body>, refresh: bool, cancel: Cancel },
    /// Got 491; sent again when the time has come.
    Glare { body: Option<Body>, refresh: bool },
}

/// Is our re-INVITE to be cancelled?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cancel {
    /// The application wants it.
    pub wanted: bool,
    /// A provisional answer came, so a CANCEL may be sent (section 9.1).
    pub possible: bool,
}

/// How far the end has come.
#[derive(Debug)]
pub(super) enum Leaving {
    No,
    /// BYE as soon as the ACK to our 2xx comes.
    AfterAck(Vec<(String, String)>),
    /// The BYE is sent.
    Bye(TerminationReason),
}

impl Session {
    pub(super) fn new(leg: Leg, local: Local, caller: bool) -> Self {
        Self {
            leg,
            local,
            caller,
            unacked: None,
            ack_due: None,
            ours: None,
            leaving: Leaving::No,
            timer: None,
            refer_out: None,
            refer_in: None,
            realms: Vec::new(),
        }
    }

    /// Has its end begun?
    pub(super) fn is_leaving(&self) -> bool {
        !matches!(self.leaving, Leaving::No)
    }

    /// Is a transaction under way that a refresh has to wait for?
    pub(super) fn is_busy(&self) -> bool {
        let ours = self.ours.is_some() || self.ack_due.is_some() || self.leg.update.is_some();
        ours || self.unacked.is_some() || self.leg.theirs.is_some() || self.leg.exchange.open().is_some()
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
    pub(super) fn session(&mut self, id: InviteId) -> Option<&mut Session> {
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
        let unacked = session.unacked.take();
        let headers = match std::mem::replace(&mut session.leaving, Leaving::No) {
            Leaving::AfterAck(headers) => headers,
            Leaving::No => Vec::new(),
            bye @ Leaving::Bye(_) => {
                session.leaving = bye;
                return;
            }
        };
        if let Some(unacked) = unacked {
            self.report_ack(unacked.server, AckFate::Missing);
        }
        self.send_bye(id, &headers, TerminationReason::NoAck);
    }

    /// An ACK that belongs to a 2xx.
    pub(super) fn on_ack(&mut self, now: Instant, request: &Request) {
        let dialog = DialogId::of_request(request).ok().flatten();
        let Some(id) = dialog.and_then(|d| self.dialogs.get(&d).copied()) else { return };
        let cseq = request.cseq().map(|c| c.number).ok();
        let Some(session) = self.session(id) else { return };
        let Some(unacked) = session.unacked.take_if(|u| Some(u.cseq) == cseq) else { return };
        match request.body.is_empty() {
            false => drop(session.leg.exchange.carry(Offerer::Remote, Carrier::Other)),
            true => session.leg.exchange.roll_back(),
        }
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
        self.report_ack(unacked.server, AckFate::Received);
        let body = description_of(&request.headers, &request.body);
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
        match body.is_some() {
            true => drop(session.leg.exchange.carry(Offerer::Local, Carrier::Other)),
            false => session.leg.exchange.roll_back(),
        }
        session.leg.note_local(body.as_ref());
        let mut ack = session.leg.dialog.new_ack(due.cseq);
        let tag = session.leg.tag().to_owned();
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

    pub(super) fn send_bye(&mut self, id: InviteId, headers: &[(String, String)], reason: TerminationReason) {
        let Some(session) = self.session(id) else { return };
        if matches!(session.leaving, Leaving::Bye(_)) {
            return;
        }
        session.leaving = Leaving::Bye(reason);
        session.unacked = None;
        session.ours = None;
        session.leg.update = None;
        let mut request = session.leg.dialog.new_request(Method::Bye);
        self.push_user_agent(&mut request.headers);
        add_headers(&mut request.headers, headers);
        for wait in [
            Wait::RepeatAccept,
            Wait::AckGiveUp,
            Wait::Glare,
            Wait::UpdateGlare,
            Wait::Refresh,
            Wait::Expire,
            Wait::ReferOut,
            Wait::ReferIn,
        ] {
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
        self.refuse_pending_refer(now, id);
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
            Some(Call::Incoming(_)) => {
                let reason = request.headers.text(name::REASON).map(|r| r.into_owned());
                self.cancelled(now, id, reason);
            }
            // The callee can't end an early dialog with BYE; its final
            // answer will come.
            Some(Call::Outgoing(_)) | None => {}
        }
    }

    /// A REFER that the application has not answered gets 487.
    fn refuse_pending_refer(&mut self, now: Instant, id: InviteId) {
        let refer = self.session(id).and_then(|s| s.refer_in.take_if(|r| r.request.is_some()));
        if let Some((server, request)) = refer.and_then(|r| r.request) {
            let response = self.response(&request, 487, "");
            self.respond(now, server, &response);
        }
    }

    /// A pending re-INVITE of the peer gets 487 when the session ends
    /// (section 15.1.2).
    pub(super) fn refuse_pending(&mut self, now: Instant, id: InviteId) {
        if let Some((server, request)) = self.session(id).and_then(|s| s.leg.theirs.take()) {
            let response = self.response(&request, 487, "");
            self.respond(now, server, &response);
        }
    }
}
