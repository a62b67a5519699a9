//! UPDATE (RFC 3311) in early and confirmed dialogs, both ways. With an offer
//! it is told like a re-INVITE and answered like one; without, it only
//! refreshes target and session timer.

use std::time::{Duration, Instant};

use super::answers::{description_of, set_body};
use super::command::{Body, InviteId};
use super::core::{Call, EndpointCore, Purpose, Wait};
use super::established::{Leaving, Ours};
use super::event::{Event, TerminationReason};
use super::leg::OurUpdate;
use crate::dialog::exchange::{Carrier, Offerer};
use crate::dialog::session_timer::Verdict;
use crate::transaction::ServerId;
use crate::wire::{Method, Request, Response, default_reason};

/// Ours.
impl EndpointCore {
    pub(super) fn update(&mut self, id: InviteId, branch: Option<&str>, body: Option<Body>) {
        let busy = self.session(id).is_some_and(|s| s.ours.is_some() || s.is_leaving());
        let Some(leg) = self.leg_or_last(id, branch) else { return };
        let glare = leg.update.is_some() || (body.is_some() && (busy || !leg.exchange.may_offer()));
        if glare || leg.theirs.is_some() {
            return self.reinvite_result(id, 491, default_reason(491), None);
        }
        let tag = leg.tag().to_owned();
        leg.update = Some(OurUpdate { body, refresh: false, waiting: false });
        self.send_update(id, &tag);
    }

    /// Sends the UPDATE that the leg holds.
    pub(super) fn send_update(&mut self, id: InviteId, tag: &str) {
        let Some(leg) = self.leg(id, tag) else { return };
        let Some(update) = leg.update.as_mut() else { return };
        update.waiting = false;
        let body = update.body.clone();
        if body.is_some() {
            leg.exchange.carry(Offerer::Local, Carrier::Request);
        }
        let mut request = leg.dialog.new_request(Method::Update);
        self.add_abilities(&mut request.headers, true);
        self.push_user_agent(&mut request.headers);
        self.ask_for_timer(id, &mut request.headers);
        set_body(&mut request.headers, &mut request.body, body);
        self.send(request, Purpose::Update(id, tag.to_owned()));
    }

    pub(super) fn on_update_response(&mut self, now: Instant, id: InviteId, tag: &str, response: &Response) {
        if response.is_provisional() {
            return;
        }
        if !response.is_success() {
            return self.update_failed(now, id, tag, response.status, &response.reason, Some(response));
        }
        let Some(leg) = self.leg(id, tag) else { return };
        let Some(update) = leg.update.take() else { return };
        leg.dialog.refresh_target(&response.headers);
        leg.note_abilities(&response.headers);
        leg.note_local(update.body.as_ref());
        let body = description_of(&response.headers, &response.body);
        match (&update.body, &body) {
            (Some(_), Some(_)) => drop(leg.exchange.carry(Offerer::Remote, Carrier::Other)),
            (Some(_), None) => leg.exchange.roll_back(),
            (None, _) => {}
        }
        self.timer_accepted(now, id, &response.headers);
        if !update.refresh {
            self.reinvite_result(id, response.status, &response.reason, body);
        }
    }

    pub(super) fn update_failed(
        &mut self,
        now: Instant,
        id: InviteId,
        tag: &str,
        status: u16,
        reason: &str,
        response: Option<&Response>,
    ) {
        let wait = self.glare_wait(id);
        let longer = response.is_some_and(|r| status == 422 && self.take_422(id, &r.headers));
        let Some(leg) = self.leg(id, tag) else { return };
        let Some(mut update) = leg.update.take() else { return };
        if update.body.is_some() {
            leg.exchange.roll_back();
        }
        match status {
            491 => {
                update.waiting = true;
                leg.update = Some(update);
                self.waits.set((id, Wait::UpdateGlare), Some(now + wait));
            }
            422 if longer => {
                leg.update = Some(update);
                self.send_update(id, tag);
            }
            408 | 481 => {
                if !update.refresh {
                    self.reinvite_result(id, status, reason, None);
                }
                self.dialog_gone(now, id, status);
            }
            _ if update.refresh => {
                // A peer without UPDATE after all: the re-INVITE does it.
                leg.updates = false;
                self.waits.set((id, Wait::Refresh), Some(now + Duration::from_secs(1)));
            }
            _ => self.reinvite_result(id, status, reason, None),
        }
    }

    /// The time of a 491 is over.
    pub(super) fn retry_update(&mut self, id: InviteId) {
        let waiting = |leg: &super::leg::Leg| leg.update.as_ref().is_some_and(|u| u.waiting);
        let tag = match self.calls.get(&id) {
            Some(Call::Session(session)) => Some(session.leg.tag()).filter(|_| waiting(&session.leg)),
            Some(Call::Incoming(incoming)) => Some(incoming.leg.tag()).filter(|_| waiting(&incoming.leg)),
            Some(Call::Outgoing(outgoing)) => outgoing.early.iter().find(|l| waiting(l)).map(|l| l.tag()),
            None => None,
        };
        let Some(tag) = tag.map(str::to_owned) else { return };
        let Some(leg) = self.leg(id, &tag) else { return };
        let with_offer = leg.update.as_ref().is_some_and(|u| u.body.is_some());
        if with_offer && !leg.exchange.may_offer() {
            leg.update = None;
            return self.reinvite_result(id, 491, default_reason(491), None);
        }
        self.send_update(id, &tag);
    }

    /// 408 or 481 inside a dialog: it exists no more (RFC 3261 section
    /// 12.2.1.2).
    pub(super) fn dialog_gone(&mut self, now: Instant, id: InviteId, status: u16) {
        if self.session(id).is_some() {
            self.refuse_pending(now, id);
            self.send_bye(id, &[], TerminationReason::DialogGone(status));
        }
    }
}

/// Theirs.
impl EndpointCore {
    pub(super) fn on_update(
        &mut self,
        now: Instant,
        server: ServerId,
        request: Request,
        id: InviteId,
        tag: &str,
    ) {
        let ours = self.session(id).is_some_and(|s| matches!(s.ours, Some(Ours::Pending { .. })));
        if self.session(id).is_some_and(|s| matches!(s.leaving, Leaving::Bye(_))) {
            return self.refuse(now, server, &request, 481);
        }
        let body = description_of(&request.headers, &request.body);
        let Some(leg) = self.leg(id, tag) else { return self.refuse(now, server, &request, 481) };
        leg.note_abilities(&request.headers);
        let refusal = match (&leg.theirs, &body) {
            (Some(_), _) => Some(500),
            (None, None) => None,
            (None, Some(_)) if ours => Some(491),
            (None, Some(_)) => leg.exchange.refusal().or((!leg.exchange.is_settled()).then_some(500)),
        };
        if let Some(status) = refusal {
            return self.refuse_for_now(now, server, &request, status);
        }
        if let Some(response) = self.body_refusal(&request, "") {
            return self.respond(now, server, &response);
        }
        if let Verdict::TooShort(least) = self.judge_timer(&request.headers) {
            return self.refuse_short(now, server, &request, least);
        }
        let Some(leg) = self.leg(id, tag) else { return };
        leg.theirs = Some((server, request));
        match body {
            Some(body) => {
                leg.exchange.carry(Offerer::Remote, Carrier::Request);
                self.event(Event::Reinvite { id, body: Some(body) });
            }
            None => self.answer_reinvite(now, id, 200, None, None),
        }
    }

    /// Answers an UPDATE or PRACK that `theirs` held.
    pub(super) fn answer_update(
        &mut self,
        now: Instant,
        id: InviteId,
        (server, request): (ServerId, Request),
        (status, reason): (u16, Option<String>),
        body: Option<Body>,
    ) {
        let Some(local) = self.local_of(id) else { return };
        let success = status < 300;
        let is_update = request.method == Method::Update;
        let verdict = if is_update { self.judge_timer(&request.headers) } else { Verdict::None };
        let remote_tag = request.from().ok().and_then(|f| f.tag().map(str::to_owned)).unwrap_or_default();
        if let Some(leg) = self.leg(id, &remote_tag) {
            if success {
                leg.dialog.refresh_target(&request.headers);
                if body.is_some() {
                    leg.exchange.carry(Offerer::Local, Carrier::Other);
                    leg.note_local(body.as_ref());
                }
            } else {
                leg.exchange.roll_back();
            }
        }
        let mut response = match success {
            true => self.dialog_response(&request, status, "", local, body),
            false => self.response(&request, status, ""),
        };
        if let Some(reason) = reason {
            response.reason = reason;
        }
        if success {
            self.answer_timer(now, id, verdict, &mut response.headers);
        }
        self.respond(now, server, &response);
        if !is_update {
            self.after_prack(now, id);
        }
    }
}
