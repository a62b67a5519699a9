//! Our INVITE until it is answered (RFC 3261 sections 9.1 and 13.2).
//!
//! ```text
//!  Invite        address      1xx: Progress
//!  ------> resolving -----> calling <---+      2xx: ACK, Established
//!              |             |  |  |----+   +----------------------> Session
//!       Hangup:|    3xx-6xx: |  |  +--------+                   (established.rs)
//!       Failed |    Failed   |  |Hangup, or nothing more comes: CANCEL (after the first 1xx)
//!              V             V  V
//!             gone <----- cancelling ---- 2xx: ACK, BYE, Failed
//!                   3xx-6xx, 64*T1: Failed
//! ```

use std::time::Instant;

use super::answers::{add_headers, description_of, own_headers_removed, set_body};
use super::auth::realms_of;
use super::command::{Body, InviteId};
use super::core::{AckRecord, Call, EndpointCore, Purpose, Wait};
use super::established::Session;
use super::event::{Event, FailureCause};
use super::leg::Leg;
use crate::dialog::Dialog;
use crate::dialog::exchange::{Carrier, Exchange, Offerer, Role};
use crate::limits;
use crate::transaction::ClientId;
use crate::transport::Local;
use crate::wire::headers::{CSeq, From, MaxForwards, Reason, RetryAfter, To, Warning, name};
use crate::wire::{Headers, Method, NameAddr, Request, Response, Uri};

/// What a peer says beside the status of its refusal.
#[derive(Debug, Default)]
struct Said {
    retry_after: Option<u32>,
    warning: Option<String>,
}

/// Our INVITE that waits for its answer.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// Its transaction and our address, once it is sent.
    sent: Option<(ClientId, Local)>,
    /// The INVITE had no body: the offer comes with the 2xx.
    late_offer: bool,
    /// A 1xx came, so a CANCEL may be sent.
    proceeding: bool,
    /// We hung up; with the headers of the CANCEL.
    pub cancel: Option<Vec<(String, String)>>,
    /// It was not the application that hung up: the peer was silent too long.
    timed_out: bool,
    /// One dialog for each branch that has answered provisionally.
    pub early: Vec<Leg>,
    /// The offer.
    body: Option<Body>,
    /// The target, and those of redirections.
    pub targets: Vec<Uri>,
    /// How many of them were tried.
    pub tried: usize,
}

impl Outgoing {
    /// Our address as the peer sees it.
    pub(super) fn local(&self) -> Option<Local> {
        self.sent.map(|(_, local)| local)
    }

    /// The INVITE's transaction.
    pub(super) fn client(&self) -> Option<ClientId> {
        self.sent.map(|(client, _)| client)
    }

    /// The INVITE is sent once more, as if nothing had been answered; gives
    /// back the early dialogs of the first attempt.
    pub(super) fn begin_again(&mut self) -> Vec<Leg> {
        self.sent = None;
        self.proceeding = false;
        std::mem::take(&mut self.early)
    }
}

/// An INVITE with a body opens the exchange of each of its dialogs.
fn first_exchange(body: &Option<Body>) -> Exchange {
    if body.is_some() { Exchange::offered(Offerer::Local) } else { Exchange::default() }
}

impl EndpointCore {
    #[allow(clippy::too_many_arguments)] // the fields of Command::Invite, one by one
    pub(super) fn invite(
        &mut self,
        now: Instant,
        id: InviteId,
        target: &Uri,
        from: NameAddr,
        to: Option<NameAddr>,
        headers: &[(String, String)],
        body: Option<Body>,
    ) {
        if self.calls.contains_key(&id) {
            tracing::warn!(target: "fs::sip::dialog", ?id, "this session exists already");
            return;
        }
        let _ = now;
        let uri = target.to_request_uri();
        let mut to = to.unwrap_or_else(|| NameAddr::new(uri.clone()));
        to.params.remove("tag");
        let mut request = Request::new(Method::Invite, uri);
        let tag = self.new_tag();
        let h = &mut request.headers;
        h.push_typed(&MaxForwards(limits::MAX_FORWARDS));
        h.push_typed(&From(from.with_tag(&tag)));
        h.push_typed(&To(to));
        h.push(name::CALL_ID, self.random.token(4));
        h.push_typed(&CSeq { number: 1 + self.random.below(1 << 16), method: Method::Invite });
        self.complete_invite(id, &mut request, headers, body.clone());
        let outgoing = Outgoing {
            sent: None,
            late_offer: body.is_none(),
            proceeding: false,
            cancel: None,
            timed_out: false,
            early: Vec::new(),
            body,
            targets: vec![target.clone()],
            tried: 1,
        };
        self.calls.insert(id, Call::Outgoing(Box::new(outgoing)));
        self.send(request, Purpose::Invite(id));
    }

    /// What every INVITE of ours carries besides its dialog.
    pub(super) fn complete_invite(
        &mut self,
        id: InviteId,
        request: &mut Request,
        headers: &[(String, String)],
        body: Option<Body>,
    ) {
        self.add_abilities(&mut request.headers, true);
        // RFC 6228: a proxy may tell us that a branch is over.
        request.headers.push(name::SUPPORTED, "199");
        self.push_user_agent(&mut request.headers);
        self.ask_for_timer(id, &mut request.headers);
        add_headers(&mut request.headers, headers);
        request.headers.remove(name::CONTACT);
        set_body(&mut request.headers, &mut request.body, body);
    }

    pub(super) fn note_client(&mut self, id: InviteId, client: ClientId, local: Local) {
        if let Some(Call::Outgoing(outgoing)) = self.calls.get_mut(&id) {
            outgoing.sent = Some((client, local));
        }
    }

    /// Hangs up before the answer.
    pub(super) fn cancel(&mut self, now: Instant, id: InviteId, headers: Vec<(String, String)>) {
        let Some(Call::Outgoing(outgoing)) = self.calls.get_mut(&id) else { return };
        if outgoing.cancel.is_some() {
            return;
        }
        outgoing.cancel = Some(own_headers_removed(&headers));
        if outgoing.sent.is_none() {
            self.unsend(&Purpose::Invite(id));
            return self.fail_cancelled(id);
        }
        // Before the first 1xx a CANCEL must wait (RFC 3261 section 9.1).
        if outgoing.proceeding {
            self.send_cancel(now, id);
        }
    }

    fn send_cancel(&mut self, now: Instant, id: InviteId) {
        let Some(Call::Outgoing(outgoing)) = self.calls.get(&id) else { return };
        let (Some((client, _)), Some(headers)) = (outgoing.sent, &outgoing.cancel) else { return };
        self.table.send_cancel(now, client, headers);
        let give_up = now + self.config.timers.patience();
        self.waits.set((id, Wait::CancelGiveUp), Some(give_up));
    }

    pub(super) fn cancel_unanswered(&mut self, id: InviteId) {
        if let Some(Call::Outgoing(outgoing)) = self.calls.get(&id) {
            if let Some((client, _)) = outgoing.sent {
                self.table.abandon(client);
            }
            self.fail_cancelled(id);
        }
    }

    pub(super) fn on_invite_response(
        &mut self,
        now: Instant,
        client: ClientId,
        id: InviteId,
        response: &Response,
    ) {
        match response.status {
            100..=199 => self.on_progress(now, client, id, response),
            200..=299 => self.on_answer(now, client, id, response),
            422 if !self.is_cancelled(id) && self.take_422(id, &response.headers) => {
                let mut asked = Headers::new();
                self.ask_for_timer(id, &mut asked);
                self.invite_again(client, id, |request| {
                    for name in [name::SESSION_EXPIRES, name::MIN_SE] {
                        request.headers.remove(name);
                        request.headers.copy_from(&asked, name);
                    }
                });
            }
            300..=399 if self.on_redirect(client, id, response) => {}
            400..=599 if !self.is_cancelled(id) && self.try_next_target(client, id) => {}
            487 if self.is_cancelled(id) => self.fail_cancelled(id),
            status => {
                let retry_after = response.headers.typed::<RetryAfter>().ok().flatten();
                let warning = response.headers.typed::<Warning>().ok().flatten();
                let said = Said {
                    retry_after: retry_after.map(|r| r.seconds),
                    warning: warning.map(|w| w.text.chars().take(limits::MAX_WARNING).collect()),
                };
                self.fail_for(id, (status, &response.reason), FailureCause::Peer, said);
            }
        }
    }

    fn on_progress(&mut self, now: Instant, client: ClientId, id: InviteId, response: &Response) {
        let request = self.table.request_of(client);
        let dialog = request.and_then(|request| Dialog::from_response(request, response).ok());
        let first_rseq = 1 + self.random.below(1 << 16);
        let Some(Call::Outgoing(outgoing)) = self.calls.get_mut(&id) else { return };
        let first = !std::mem::replace(&mut outgoing.proceeding, true);
        let cancelled = outgoing.cancel.is_some();
        let mut branch = None;
        if let Some(dialog) = dialog.filter(|_| response.status > 100) {
            branch = Some(dialog.id().remote_tag.clone());
            let known = outgoing.early.iter_mut().find(|leg| leg.dialog.id() == dialog.id());
            if let Some(leg) = known {
                leg.dialog.refresh_target(&response.headers);
                leg.note_abilities(&response.headers);
            } else if outgoing.early.len() < limits::MAX_EARLY_DIALOGS {
                self.dialogs.insert(dialog.id().clone(), id);
                let mut leg = Leg::new(dialog, first_exchange(&outgoing.body), first_rseq);
                leg.note_abilities(&response.headers);
                leg.note_local(outgoing.body.as_ref());
                outgoing.early.push(leg);
            }
        }
        if cancelled && first {
            self.send_cancel(now, id);
        }
        let silent_at = self.config.silence.filter(|_| !cancelled).map(|silence| now + silence);
        self.waits.set((id, Wait::Silence), silent_at);
        let usable = branch.as_ref().is_none_or(|branch| self.take_reliable(id, branch, response));
        if let Some(branch) = branch.filter(|_| response.status == 199) {
            self.branch_is_over(id, &branch);
        }
        if !cancelled && usable && response.status > 100 {
            let (status, reason) = (response.status, response.reason.clone());
            let body = description_of(&response.headers, &response.body);
            self.event(Event::Progress { id, status, reason, body });
        }
    }

    /// This branch of our call will never be answered with 2xx (RFC 6228).
    fn branch_is_over(&mut self, id: InviteId, tag: &str) {
        let Some(Call::Outgoing(outgoing)) = self.calls.get_mut(&id) else { return };
        let Some(at) = outgoing.early.iter().position(|leg| leg.tag() == tag) else { return };
        let mut leg = outgoing.early.swap_remove(at);
        self.dialogs.remove(leg.dialog.id());
        self.orphans.extend(leg.theirs.take());
    }

    /// A 2xx: the first establishes the session, its repetitions get the ACK
    /// again, those of other branches ACK and BYE.
    fn on_answer(&mut self, now: Instant, client: ClientId, id: InviteId, response: &Response) {
        if self.repeat_ack(client, response) {
            return;
        }
        // A peer that makes up tags would have us keep and end a dialog for each.
        if self.acks.get(&client).is_some_and(|records| records.len() >= limits::MAX_ANSWERED_BRANCHES) {
            self.seen.stray_responses += 1;
            return;
        }
        let Some(request) = self.table.request_of(client) else { return };
        let dialog = match Dialog::from_response(request, response) {
            Ok(dialog) => dialog,
            Err(error) => {
                return self.fail(id, response.status, &error.to_string(), FailureCause::Peer);
            }
        };
        let cseq = request.cseq().map(|c| c.number).unwrap_or_default();
        let realms = realms_of(&request.headers);
        let records = self.acks.entry(client).or_default();
        records.push(AckRecord { remote_tag: dialog.id().remote_tag.clone(), sent: None });
        let wanted = match self.calls.get(&id) {
            Some(Call::Outgoing(outgoing)) if outgoing.cancel.is_none() => {
                outgoing.sent.map(|(_, local)| (local, outgoing.late_offer))
            }
            _ => None,
        };
        let mut leg = self.answering_leg(client, id, dialog, response);
        let Some((local, late_offer)) = wanted else {
            if self.is_cancelled(id) {
                self.fail_cancelled(id);
            }
            return self.refuse_branch(client, cseq, leg.dialog);
        };
        leg.note_abilities(&response.headers);
        let body = description_of(&response.headers, &response.body);
        let role = body.as_ref().map(|_| leg.exchange.carry(Offerer::Remote, Carrier::InviteResponse));
        // What a reliable provisional answer has settled stands (RFC 6337
        // section 3.1.1).
        let body = match role {
            Some(Role::Offer | Role::Answer) => body,
            Some(Role::Repetition) | None => leg.early_answer.take(),
        };
        let needs_answer = late_offer && role == Some(Role::Offer);
        if !needs_answer {
            leg.exchange.roll_back();
        }
        leg.exchange.settle();
        let branch = leg.tag().to_owned();
        self.forget(id);
        self.dialogs.insert(leg.dialog.id().clone(), id);
        let mut session = Session::new(leg, local, true);
        session.realms = realms;
        self.calls.insert(id, Call::Session(Box::new(session)));
        self.timer_accepted(now, id, &response.headers);
        self.acknowledge(now, id, client, cseq, needs_answer);
        self.event(Event::Established { id, branch, status: response.status, body });
    }

    /// The early dialog that this 2xx confirms, or a new one. The other
    /// branches keep their numbers for the BYE they may get.
    fn answering_leg(&mut self, client: ClientId, id: InviteId, dialog: Dialog, response: &Response) -> Leg {
        let others = self.other_branches.entry(client).or_default();
        let known = others.iter().position(|d| d.id() == dialog.id());
        let mut exchange = Exchange::default();
        let mut found = known.map(|i| others.swap_remove(i));
        let mut early = None;
        if let Some(Call::Outgoing(outgoing)) = self.calls.get_mut(&id) {
            exchange = first_exchange(&outgoing.body);
            let at = outgoing.early.iter().position(|leg| leg.dialog.id() == dialog.id());
            early = at.map(|at| outgoing.early.swap_remove(at));
            others.extend(outgoing.early.iter().map(|leg| leg.dialog.clone()));
            if early.is_none() && found.is_none() {
                let mut leg = Leg::new(dialog.clone(), exchange, 1);
                leg.note_local(outgoing.body.as_ref());
                early = Some(leg);
            }
        }
        let mut leg = early.unwrap_or_else(|| Leg::new(found.take().unwrap_or(dialog), exchange, 1));
        if let Some(request) = self.table.request_of(client) {
            // Its headers were read above.
            let _ = leg.dialog.confirm(request, response);
        }
        leg
    }

    /// Sends the ACK again that this 2xx has already got.
    pub(super) fn repeat_ack(&mut self, client: ClientId, response: &Response) -> bool {
        let tag = response.to().ok().and_then(|to| to.tag().map(str::to_owned)).unwrap_or_default();
        let records = self.acks.get(&client);
        let Some(record) = records.and_then(|r| r.iter().find(|r| r.remote_tag == tag)) else {
            return false;
        };
        if let Some(ack) = record.sent.clone() {
            self.transmit(ack);
        }
        true
    }

    /// A branch nobody wants any more: ACK, then BYE.
    fn refuse_branch(&mut self, client: ClientId, cseq: u32, mut dialog: Dialog) {
        let purpose = Purpose::Ack(client, dialog.id().remote_tag.clone());
        self.send(dialog.new_ack(cseq), purpose);
        self.send(dialog.new_request(Method::Bye), Purpose::ForkBye);
    }

    pub(super) fn invite_undeliverable(&mut self, id: InviteId, text: &str) {
        self.fail(id, 503, text, FailureCause::Transport);
    }

    pub(super) fn invite_timed_out(&mut self, id: InviteId) {
        if self.is_cancelled(id) {
            self.fail_cancelled(id);
        } else {
            self.fail(id, 408, "Request Timeout", FailureCause::Timeout);
        }
    }

    pub(super) fn is_cancelled(&self, id: InviteId) -> bool {
        matches!(self.calls.get(&id), Some(Call::Outgoing(o)) if o.cancel.is_some())
    }

    /// Nothing came after a provisional answer: who gave it is gone.
    pub(super) fn silent_too_long(&mut self, now: Instant, id: InviteId) {
        let Some(Call::Outgoing(outgoing)) = self.calls.get_mut(&id) else { return };
        if outgoing.cancel.is_none() {
            outgoing.timed_out = true;
            let reason = Reason::sip(408, "no answer");
            self.cancel(now, id, vec![(name::REASON.to_owned(), reason.to_string())]);
        }
    }

    /// A call that was cancelled is over.
    fn fail_cancelled(&mut self, id: InviteId) {
        match self.calls.get(&id) {
            Some(Call::Outgoing(outgoing)) if outgoing.timed_out => {
                self.fail(id, 408, "Request Timeout", FailureCause::Timeout);
            }
            _ => self.fail(id, 487, "Request Terminated", FailureCause::Cancelled),
        }
    }

    fn fail(&mut self, id: InviteId, status: u16, reason: &str, cause: FailureCause) {
        self.fail_for(id, (status, reason), cause, Said::default());
    }

    fn fail_for(
        &mut self,
        id: InviteId,
        (status, reason): (u16, &str),
        cause: FailureCause,
        Said { retry_after, warning }: Said,
    ) {
        if matches!(self.calls.get(&id), Some(Call::Outgoing(_))) {
            self.forget(id);
            let reason = reason.to_owned();
            self.event(Event::Failed { id, status, reason, cause, retry_after, warning });
        }
    }
}
