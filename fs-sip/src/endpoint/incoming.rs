//! Their INVITE until we accept or refuse it (RFC 3261 section 13.3).
//!
//! ```text
//!   INVITE: Incoming        Provisional: 1xx
//!  ------------------> waiting <-----------+
//!                      |  |  |-------------+
//!      Accept: 200     |  |  |  Reject, Hangup: 3xx-6xx
//!   Session <----------+  |  +----------------------> gone
//!   (established.rs)      |  CANCEL, BYE: 487, Cancelled
//!                         +-------------------------> gone
//! ```

use std::time::{Duration, Instant};

use super::answers::{add_headers, body_of};
use super::command::{Body, InviteId};
use super::core::{Call, EndpointCore, Wait};
use super::established::{Session, Unacked};
use super::event::Event;
use super::requests::Path;
use crate::dialog::Dialog;
use crate::limits;
use crate::transaction::ServerId;
use crate::transport::Local;
use crate::wire::{Request, Response};

/// How often a provisional answer is repeated so that no proxy gives up
/// (RFC 3261 section 13.3.1.1).
const REPEAT_PROVISIONAL: Duration = Duration::from_secs(60);

/// Their INVITE that waits for our answer.
#[derive(Debug)]
pub(super) struct Incoming {
    pub server: ServerId,
    pub request: Request,
    pub dialog: Dialog,
    pub local: Local,
    provisional: Option<Response>,
}

impl EndpointCore {
    pub(super) fn on_invite(&mut self, now: Instant, server: ServerId, request: Request, path: Path) {
        let tag = self.new_tag();
        let refusal = self.contact_refusal(&request, &tag).or_else(|| self.body_refusal(&request, &tag));
        if let Some(response) = refusal {
            return self.respond(now, server, &response);
        }
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
            body: body_of(&request.headers, &request.body),
            source: path.source.remote,
            headers: headers.map(|h| (h.name().to_owned(), h.text().into_owned())).collect(),
        };
        self.dialogs.insert(dialog.id().clone(), id);
        self.their_invites.insert(server, id);
        let incoming = Incoming { server, request, dialog, local: path.local, provisional: None };
        self.calls.insert(id, Call::Incoming(Box::new(incoming)));
        self.event(event);
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
        let tag = &incoming.dialog.id().local_tag;
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
        if !matches!(self.calls.get(&id), Some(Call::Incoming(_))) {
            return;
        }
        let Some(Call::Incoming(incoming)) = self.forget(id) else { return };
        let Incoming { server, request, dialog, local, .. } = *incoming;
        let response = self.dialog_response(&request, 200, &dialog.id().local_tag, local, body);
        self.respond(now, server, &response);
        self.dialogs.insert(dialog.id().clone(), id);
        let mut session = Session::new(dialog, local, false);
        session.unacked = Some(Unacked::new(server, &request, response, false, self.config.timers.t1));
        self.calls.insert(id, Call::Session(Box::new(session)));
        self.watch_for_ack(now, id);
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
        let tag = &incoming.dialog.id().local_tag;
        let mut response = self.response(&incoming.request, status, tag);
        if let Some(reason) = reason {
            response.reason = reason;
        }
        add_headers(&mut response.headers, headers);
        let server = incoming.server;
        self.respond(now, server, &response);
        self.forget(id);
    }

    /// RFC 3261 section 9.2: the CANCEL itself is always answered; it ends
    /// only an INVITE that has no final answer yet.
    pub(super) fn on_cancel(&mut self, now: Instant, server: ServerId, request: &Request) {
        let Some(invite) = self.table.cancelled_by(request) else {
            return self.refuse(now, server, request, 481);
        };
        let id = self.their_invites.get(&invite).copied();
        let tag = match id.and_then(|id| self.calls.get(&id)) {
            Some(Call::Incoming(incoming)) => incoming.dialog.id().local_tag.clone(),
            Some(Call::Session(session)) => session.dialog.id().local_tag.clone(),
            _ => self.new_tag(),
        };
        let response = self.response(request, 200, &tag);
        self.respond(now, server, &response);
        let Some(id) = id else { return };
        match self.calls.get(&id) {
            Some(Call::Incoming(incoming)) if incoming.server == invite => self.cancelled(now, id),
            Some(Call::Session(_)) => self.reinvite_cancelled(now, id, invite),
            _ => {}
        }
    }

    /// Answers 487 and forgets the session.
    pub(super) fn cancelled(&mut self, now: Instant, id: InviteId) {
        let Some(Call::Incoming(incoming)) = self.calls.get(&id) else { return };
        let response = self.response(&incoming.request, 487, &incoming.dialog.id().local_tag);
        let server = incoming.server;
        self.respond(now, server, &response);
        self.forget(id);
        self.event(Event::Cancelled { id });
    }
}
