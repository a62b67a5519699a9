//! Subscriptions of others (RFC 6665 section 4.2): asked for, accepted,
//! told, over.
//!
//! ```text
//!  SUBSCRIBE: IncomingSubscription      AnswerSubscription 2xx: NOTIFY
//!  -----------------------> asked ------------------------> running <--+
//!                             | AnswerSubscription 3xx-6xx     | |  |---+ Notify: NOTIFY
//!                             V                                | |  SUBSCRIBE: Refreshed, NOTIFY
//!                            gone <----------------------------+ |
//!              SUBSCRIBE with Expires 0, time over: NOTIFY, Ended|
//!              NOTIFY refused: Ended; EndSubscription: NOTIFY ---+
//! ```

use std::time::Instant;

use super::answers::body_of;
use super::command::Body;
use super::core::{EndpointCore, Purpose};
use super::event::Event;
use super::outside::OutsideId;
use super::requests::Path;
use crate::dialog::{Dialog, DialogId};
use crate::limits;
use crate::registration::state::leading_number;
use crate::subscription::{Notifier, NotifierEvent, NotifierId};
use crate::transaction::ServerId;
use crate::transport::Local;
use crate::wire::headers::{Accept, EventType, name};
use crate::wire::{Request, Response};

/// One of them, from the first SUBSCRIBE on.
#[derive(Debug)]
pub(super) struct Entry {
    pub notifier: Notifier,
    local: Local,
    /// The SUBSCRIBE that waits for the application.
    asked: Option<(ServerId, Request)>,
}

/// How long a subscription lasts where the SUBSCRIBE does not say (RFC 6665
/// leaves it to the package; most say an hour).
const USUAL: u32 = 3600;

impl EndpointCore {
    /// A SUBSCRIBE outside any dialog.
    pub(super) fn on_subscribe(&mut self, now: Instant, server: ServerId, request: Request, path: Path) {
        let event = match request.headers.typed::<EventType>() {
            Ok(Some(event)) if self.config.events.contains(&event.package) => event,
            Ok(Some(_)) => return self.refuse_event(now, server, &request),
            // Without Event there is nothing to subscribe to.
            Ok(None) => return self.refuse_event(now, server, &request),
            Err(_) => return self.refuse(now, server, &request, 400),
        };
        let Some(expires) = self.wanted_expires(now, server, &request) else { return };
        if self.outside.notifiers.len() >= limits::MAX_NOTIFIERS {
            return self.refuse(now, server, &request, 503);
        }
        let tag = self.new_tag();
        let first_cseq = self.random.below(1 << 16);
        let Ok(dialog) = Dialog::from_request(&request, &tag, first_cseq) else {
            return self.refuse(now, server, &request, 400);
        };
        // Both were read when the message was parsed.
        let (Ok(from), Ok(to)) = (request.from(), request.to()) else { return };
        self.outside.last_notifier += 1;
        let id = NotifierId(self.outside.last_notifier);
        let accept = request.headers.typed_all::<Accept>().unwrap_or_default();
        let headers = request.headers.iter().take(limits::MAX_EVENT_HEADERS);
        let told = Event::IncomingSubscription {
            id,
            event: event.clone(),
            from,
            to,
            request_uri: request.uri.clone(),
            expires,
            accept: accept.into_iter().map(|a| a.0).filter(|a| !a.is_empty()).collect(),
            body: body_of(&request.headers, &request.body),
            source: path.source.remote,
            headers: headers.map(|h| (h.name().to_owned(), h.text().into_owned())).collect(),
        };
        let notifier = Notifier::new(dialog, event, now, expires);
        let entry = Entry { notifier, local: path.local, asked: Some((server, request)) };
        self.outside.notifiers.insert(id, entry);
        self.outside.waits.set(OutsideId::Notifier(id), Some(now + limits::ASK_TIME));
        self.event(told);
    }

    fn refuse_event(&mut self, now: Instant, server: ServerId, request: &Request) {
        let tag = self.new_tag();
        let mut response = self.response(request, 489, &tag);
        response.headers.push(name::ALLOW_EVENTS, self.config.events.join(", "));
        self.respond(now, server, &response);
    }

    /// Expires of a SUBSCRIBE; none where it was refused with 423.
    fn wanted_expires(&mut self, now: Instant, server: ServerId, request: &Request) -> Option<u32> {
        let wanted = request.headers.text(name::EXPIRES).and_then(|t| leading_number(&t)).unwrap_or(USUAL);
        if wanted == 0 || wanted >= limits::MIN_SUBSCRIPTION {
            return Some(wanted.min(limits::MAX_EXPIRES));
        }
        let tag = self.new_tag();
        let mut response = self.response(request, 423, &tag);
        response.headers.push(name::MIN_EXPIRES, limits::MIN_SUBSCRIPTION.to_string());
        self.respond(now, server, &response);
        None
    }

    /// A SUBSCRIBE inside a dialog; `false` where it is of none of these.
    pub(super) fn on_resubscribe(
        &mut self,
        now: Instant,
        server: ServerId,
        request: &Request,
        dialog: &DialogId,
    ) -> bool {
        let mut found = self.outside.notifiers.iter();
        let Some(id) = found.find(|(_, e)| e.notifier.dialog.id() == dialog).map(|(id, _)| *id) else {
            return false;
        };
        let same =
            |e: &EventType| self.outside.notifiers.get(&id).is_some_and(|n| n.notifier.event().matches(e));
        if !request.headers.typed::<EventType>().ok().flatten().is_some_and(|e| same(&e)) {
            self.refuse_event(now, server, request);
            return true;
        }
        let Some(expires) = self.wanted_expires(now, server, request) else { return true };
        let Some(entry) = self.outside.notifiers.get_mut(&id) else { return false };
        if entry.asked.is_some() {
            self.refuse(now, server, request, 500);
            return true;
        }
        if entry.notifier.dialog.check_order(request).is_err() {
            self.refuse(now, server, request, 500);
            return true;
        }
        entry.notifier.dialog.refresh_target(&request.headers);
        entry.notifier.prolong(now, expires);
        let (until, local) = (entry.notifier.until(), entry.local);
        let response = self.subscription_response(request, 200, "", local, expires);
        self.respond(now, server, &response);
        if expires == 0 {
            self.end_notifier(now, id, "timeout", None);
            let reason = "the subscriber does not want it any more".to_owned();
            self.event(Event::Notifier { id, event: NotifierEvent::Ended { reason } });
        } else {
            self.outside.waits.set(OutsideId::Notifier(id), Some(until));
            let again = self.outside.notifiers.get_mut(&id).map(|e| e.notifier.notify_again(now));
            if let Some(request) = again {
                self.send(request, Purpose::Outside(OutsideId::Notifier(id)));
            }
            self.event(Event::Notifier { id, event: NotifierEvent::Refreshed { expires } });
        }
        true
    }

    fn subscription_response(
        &self,
        request: &Request,
        status: u16,
        tag: &str,
        local: Local,
        expires: u32,
    ) -> Response {
        let mut response = self.dialog_response(request, status, tag, local, None);
        response.headers.push(name::EXPIRES, expires.to_string());
        response
    }

    /// The application's answer.
    pub(super) fn answer_subscription(
        &mut self,
        now: Instant,
        id: NotifierId,
        status: u16,
        active: bool,
        body: Option<Body>,
    ) {
        let Some(entry) = self.outside.notifiers.get_mut(&id) else { return };
        let Some((server, request)) = entry.asked.take() else { return };
        let (tag, local) = (entry.notifier.dialog.id().local_tag.clone(), entry.local);
        if !(200..300).contains(&status) {
            let status = if (300..700).contains(&status) { status } else { 603 };
            let response = self.response(&request, status, &tag);
            self.outside.forget(OutsideId::Notifier(id));
            return self.respond(now, server, &response);
        }
        let left = entry.notifier.until().saturating_duration_since(now).as_secs();
        let expires = u32::try_from(left).unwrap_or(limits::MAX_EXPIRES);
        let until = entry.notifier.until();
        let response = self.subscription_response(&request, 200, &tag, local, expires);
        self.respond(now, server, &response);
        if expires == 0 {
            // Asked once (RFC 6665 section 4.4.3).
            self.end_notifier(now, id, "timeout", body);
            let reason = "asked once".to_owned();
            return self.event(Event::Notifier { id, event: NotifierEvent::Ended { reason } });
        }
        self.outside.waits.set(OutsideId::Notifier(id), Some(until));
        self.notify(now, id, active, body);
    }

    /// Tells the subscriber.
    pub(super) fn notify(&mut self, now: Instant, id: NotifierId, active: bool, body: Option<Body>) {
        let Some(entry) = self.outside.notifiers.get_mut(&id) else { return };
        if entry.asked.is_some() || entry.notifier.is_over() {
            return;
        }
        let request = entry.notifier.notify(now, active, body);
        self.send(request, Purpose::Outside(OutsideId::Notifier(id)));
    }

    /// Tells the subscriber that it is over; forgotten at the answer.
    pub(super) fn end_notifier(&mut self, now: Instant, id: NotifierId, reason: &str, body: Option<Body>) {
        let Some(entry) = self.outside.notifiers.get_mut(&id) else { return };
        if entry.asked.is_some() {
            return self.answer_subscription(now, id, 603, false, None);
        }
        if entry.notifier.is_over() {
            return;
        }
        let request = entry.notifier.end(reason, body);
        self.outside.waits.set(OutsideId::Notifier(id), None);
        self.send(request, Purpose::Outside(OutsideId::Notifier(id)));
    }

    pub(super) fn notifier_expired(&mut self, now: Instant, id: NotifierId) {
        let Some(entry) = self.outside.notifiers.get(&id) else { return };
        if entry.asked.is_some() {
            // The application has not answered.
            self.answer_subscription(now, id, 480, false, None);
        } else {
            self.end_notifier(now, id, "timeout", None);
            let reason = "the subscriber did not ask again in time".to_owned();
            self.event(Event::Notifier { id, event: NotifierEvent::Ended { reason } });
        }
    }

    /// A NOTIFY of ours is answered (RFC 6665 section 4.2.2).
    pub(super) fn on_notify_answer(&mut self, id: NotifierId, status: u16) {
        let Some(entry) = self.outside.notifiers.get(&id) else { return };
        let over = entry.notifier.is_over();
        let lost = matches!(status, 404 | 405 | 408 | 410 | 416 | 480..=485 | 489 | 501 | 604);
        if over || lost {
            self.outside.forget(OutsideId::Notifier(id));
        }
        if lost && !over {
            let reason = format!("the subscriber answered {status}");
            self.event(Event::Notifier { id, event: NotifierEvent::Ended { reason } });
        }
    }
}
