//! Requests of ours that open no session: single ones (MESSAGE of RFC 3428,
//! OPTIONS and any other), publications (RFC 3903), subscriptions and
//! notifiers (RFC 6665). Their state machines stand in their own modules; here
//! they get their requests, answers and waits.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use super::answers::{add_headers, body_of, set_body};
use super::auth::Realm;
use super::command::{AskedId, Body, RequestId};
use super::core::{EndpointCore, Purpose};
use super::event::{Event, FailureCause};
use crate::limits;
use crate::publication::{Publication, PublicationEvent, PublicationId, PublicationSettings};
use crate::registration::Failure;
use crate::registration::state::{Next, route};
use crate::subscription::{NotifierId, Subscription, SubscriptionId};
use crate::transaction::{ClientId, Deadlines, ServerId};
use crate::wire::headers::{CSeq, From, MaxForwards, To, name};
use crate::wire::{Method, NameAddr, Request, Response, Uri, default_reason};

/// What a request outside a session belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum OutsideId {
    Request(RequestId),
    Publication(PublicationId),
    Subscription(SubscriptionId),
    Notifier(NotifierId),
    Asked(AskedId),
}

/// Everything of this kind.
#[derive(Debug, Default)]
pub(super) struct Outside {
    pub requests: HashSet<RequestId>,
    pub publications: HashMap<PublicationId, Publication>,
    pub subscriptions: HashMap<SubscriptionId, Subscription>,
    pub notifiers: HashMap<NotifierId, super::notifier::Entry>,
    pub waits: Deadlines<OutsideId>,
    pub realms: HashMap<OutsideId, Vec<Realm>>,
    pub last_notifier: u64,
    /// Requests of others that wait for the application.
    pub asked: HashMap<AskedId, (ServerId, Request)>,
    pub last_asked: u64,
}

impl Outside {
    pub(super) fn forget(&mut self, id: OutsideId) {
        self.waits.set(id, None);
        self.realms.remove(&id);
        match id {
            OutsideId::Request(id) => {
                self.requests.remove(&id);
            }
            OutsideId::Publication(id) => {
                self.publications.remove(&id);
            }
            OutsideId::Subscription(id) => {
                self.subscriptions.remove(&id);
            }
            OutsideId::Notifier(id) => {
                self.notifiers.remove(&id);
            }
            OutsideId::Asked(id) => {
                self.asked.remove(&id);
            }
        }
    }

    pub(super) fn knows(&self, id: OutsideId) -> bool {
        match id {
            OutsideId::Request(id) => self.requests.contains(&id),
            OutsideId::Publication(id) => self.publications.contains_key(&id),
            OutsideId::Subscription(id) => self.subscriptions.contains_key(&id),
            OutsideId::Notifier(id) => self.notifiers.contains_key(&id),
            OutsideId::Asked(id) => self.asked.contains_key(&id),
        }
    }
}

/// Single requests.
impl EndpointCore {
    /// A request outside any dialog, still without Via and Contact.
    pub(super) fn outside_request(
        &mut self,
        method: Method,
        target: &Uri,
        from: NameAddr,
        to: Option<NameAddr>,
        proxy: Option<&Uri>,
    ) -> Request {
        let uri = target.to_request_uri();
        let mut to = to.unwrap_or_else(|| NameAddr::new(uri.clone()));
        to.params.remove("tag");
        let tag = self.new_tag();
        let mut request = Request::new(method.clone(), uri);
        let h = &mut request.headers;
        h.push_typed(&MaxForwards(limits::MAX_FORWARDS));
        if let Some(proxy) = proxy {
            h.push(name::ROUTE, route(proxy));
        }
        h.push_typed(&From(from.with_tag(&tag)));
        h.push_typed(&To(to));
        h.push(name::CALL_ID, self.random.token(4));
        h.push_typed(&CSeq { number: 1 + self.random.below(1 << 16), method });
        request
    }

    #[allow(clippy::too_many_arguments)] // the fields of Command::Request, one by one
    pub(super) fn single_request(
        &mut self,
        id: RequestId,
        method: Method,
        target: &Uri,
        from: NameAddr,
        to: Option<NameAddr>,
        headers: &[(String, String)],
        body: Option<Body>,
    ) {
        if !self.outside.requests.insert(id) {
            tracing::warn!(target: "fs::sip::dialog", ?id, "this request exists already");
            return;
        }
        // What opens a dialog has a command of its own.
        let opens = matches!(
            method,
            Method::Invite | Method::Ack | Method::Cancel | Method::Bye | Method::Subscribe | Method::Prack
        );
        if opens {
            let text = format!("{method} has a command of its own");
            self.answered(id, 400, &text, FailureCause::Transport, None);
            return;
        }
        let mut request = self.outside_request(method, target, from, to, None);
        if request.method == Method::Options {
            self.add_abilities(&mut request.headers, false);
            request.headers.push(name::ACCEPT, self.config.accept.join(", "));
        }
        add_headers(&mut request.headers, headers);
        set_body(&mut request.headers, &mut request.body, body);
        self.send(request, Purpose::Outside(OutsideId::Request(id)));
    }

    fn answered(
        &mut self,
        id: RequestId,
        status: u16,
        reason: &str,
        cause: FailureCause,
        response: Option<&Response>,
    ) {
        self.outside.forget(OutsideId::Request(id));
        let headers = response.map(|r| {
            let kept = r.headers.iter().take(limits::MAX_EVENT_HEADERS);
            kept.map(|h| (h.name().to_owned(), h.text().into_owned())).collect()
        });
        let body = response.and_then(|r| body_of(&r.headers, &r.body));
        let (reason, headers) = (reason.to_owned(), headers.unwrap_or_default());
        self.event(Event::Answered { id, status, reason, cause, headers, body });
    }
}

/// Publications.
impl EndpointCore {
    pub(super) fn publish(
        &mut self,
        now: Instant,
        id: PublicationId,
        settings: PublicationSettings,
        body: Body,
    ) {
        if let Some(publication) = self.outside.publications.get_mut(&id)
            && *publication.settings() == settings
        {
            if let Some(next) = publication.update(body) {
                self.follow_publication(now, id, None, next);
            }
            return;
        }
        self.unsend(&Purpose::Outside(OutsideId::Publication(id)));
        self.outside.forget(OutsideId::Publication(id));
        self.outside.publications.insert(id, Publication::new(settings, body));
        self.ask_publication(id);
    }

    pub(super) fn unpublish(&mut self, now: Instant, id: PublicationId) {
        if self.outside.publications.get(&id).is_none_or(Publication::is_leaving) {
            return;
        }
        self.unsend(&Purpose::Outside(OutsideId::Publication(id)));
        let Some(publication) = self.outside.publications.get_mut(&id) else { return };
        let next = publication.leave();
        let event = (next == Next::Over).then_some(PublicationEvent::Ended);
        self.follow_publication(now, id, event, next);
    }

    fn ask_publication(&mut self, id: PublicationId) {
        self.outside.waits.set(OutsideId::Publication(id), None);
        let Some(publication) = self.outside.publications.get_mut(&id) else { return };
        let publish = publication.request();
        let settings = publication.settings().clone();
        let identity = settings.identity;
        let mut request = self.outside_request(
            Method::Publish,
            &identity.uri.clone(),
            identity.clone(),
            Some(identity),
            settings.outbound_proxy.as_ref(),
        );
        let h = &mut request.headers;
        h.push(name::EVENT, settings.event);
        h.push(name::EXPIRES, publish.expires.to_string());
        if let Some(tag) = publish.if_match {
            h.push(name::SIP_IF_MATCH, tag);
        }
        set_body(&mut request.headers, &mut request.body, publish.body);
        self.send(request, Purpose::Outside(OutsideId::Publication(id)));
    }

    fn follow_publication(
        &mut self,
        _now: Instant,
        id: PublicationId,
        event: Option<PublicationEvent>,
        next: Next,
    ) {
        if let Some(event) = event {
            self.event(Event::Publication { id, event });
        }
        match next {
            Next::Ask => self.ask_publication(id),
            Next::Wait(at) => self.outside.waits.set(OutsideId::Publication(id), Some(at)),
            Next::Keep => {}
            Next::Over => self.outside.forget(OutsideId::Publication(id)),
        }
    }
}

/// What all of them share.
impl EndpointCore {
    pub(super) fn on_outside_response(
        &mut self,
        now: Instant,
        client: ClientId,
        id: OutsideId,
        response: &Response,
    ) {
        if response.is_provisional() {
            return;
        }
        let luck = self.random.next_u32();
        let (status, reason) = (response.status, response.reason.as_str());
        match id {
            OutsideId::Request(id) => {
                self.answered(id, status, reason, FailureCause::Peer, Some(response));
            }
            OutsideId::Publication(id) => {
                let Some(publication) = self.outside.publications.get_mut(&id) else { return };
                let (event, next) = publication.handle_answer(now, status, reason, &response.headers, luck);
                self.follow_publication(now, id, event, next);
            }
            OutsideId::Subscription(id) => {
                let Some(request) = self.table.request_of(client).cloned() else { return };
                let Some(subscription) = self.outside.subscriptions.get_mut(&id) else { return };
                let (event, next) = subscription.handle_answer(now, &request, response, luck);
                self.follow_subscription(id, event, next);
            }
            OutsideId::Notifier(id) => self.on_notify_answer(id, status),
            OutsideId::Asked(_) => {}
        }
    }

    pub(super) fn on_outside_failure(&mut self, now: Instant, id: OutsideId, failure: &Failure) {
        let luck = self.random.next_u32();
        match id {
            OutsideId::Request(id) => {
                let (status, reason, cause) = match failure {
                    Failure::Timeout => (408, default_reason(408), FailureCause::Timeout),
                    Failure::Transport(text) => (503, text.as_str(), FailureCause::Transport),
                };
                self.answered(id, status, reason, cause, None);
            }
            OutsideId::Publication(id) => {
                let Some(publication) = self.outside.publications.get_mut(&id) else { return };
                let (event, next) = publication.handle_failure(now, failure, luck);
                self.follow_publication(now, id, event, next);
            }
            OutsideId::Subscription(id) => {
                let Some(subscription) = self.outside.subscriptions.get_mut(&id) else { return };
                let (event, next) = subscription.handle_failure(now, failure, luck);
                self.follow_subscription(id, event, next);
            }
            OutsideId::Notifier(id) => self.on_notify_answer(id, 408),
            OutsideId::Asked(_) => {}
        }
    }

    /// The number of a request that is sent once more.
    pub(super) fn outside_cseq(&mut self, id: OutsideId, before: u32) -> Option<u32> {
        match id {
            OutsideId::Request(_) | OutsideId::Publication(_) => Some((before + 1).min(limits::MAX_CSEQ)),
            OutsideId::Subscription(id) => {
                self.outside.subscriptions.get_mut(&id).map(Subscription::next_cseq)
            }
            OutsideId::Notifier(id) => {
                self.outside.notifiers.get_mut(&id).map(|n| n.notifier.dialog.next_cseq())
            }
            OutsideId::Asked(_) => None,
        }
    }

    /// Does what is due.
    pub(super) fn outside_due(&mut self, now: Instant) {
        while let Some(id) = self.outside.waits.pop(now) {
            let luck = self.random.next_u32();
            match id {
                OutsideId::Request(_) => {}
                OutsideId::Publication(id) => {
                    let publication = self.outside.publications.get_mut(&id);
                    if let Some(next) = publication.and_then(Publication::handle_timeout) {
                        self.follow_publication(now, id, None, next);
                    }
                }
                OutsideId::Subscription(id) => {
                    let Some(subscription) = self.outside.subscriptions.get_mut(&id) else { continue };
                    let (event, next) = subscription.handle_timeout(now, luck);
                    self.follow_subscription(id, event, next);
                }
                OutsideId::Notifier(id) => self.notifier_expired(now, id),
                OutsideId::Asked(id) => self.asked_in_vain(now, id),
            }
        }
    }

    /// Our address has changed: everything is told anew.
    pub(super) fn refresh_outside(&mut self, now: Instant) {
        let mut publications: Vec<PublicationId> = self.outside.publications.keys().copied().collect();
        publications.sort_unstable();
        for id in publications {
            if let Some(next) = self.outside.publications.get_mut(&id).and_then(Publication::ask_again) {
                self.follow_publication(now, id, None, next);
            }
        }
        let mut subscriptions: Vec<SubscriptionId> = self.outside.subscriptions.keys().copied().collect();
        subscriptions.sort_unstable();
        for id in subscriptions {
            if let Some(next) = self.outside.subscriptions.get_mut(&id).and_then(Subscription::ask_again) {
                self.follow_subscription(id, None, next);
            }
        }
    }

    /// Takes everything back.
    pub(super) fn leave_outside(&mut self, now: Instant) {
        let publications: Vec<PublicationId> = self.outside.publications.keys().copied().collect();
        publications.into_iter().for_each(|id| self.unpublish(now, id));
        let subscriptions: Vec<SubscriptionId> = self.outside.subscriptions.keys().copied().collect();
        subscriptions.into_iter().for_each(|id| self.unsubscribe(id));
        let notifiers: Vec<NotifierId> = self.outside.notifiers.keys().copied().collect();
        notifiers.into_iter().for_each(|id| self.end_notifier(now, id, "deactivated", None));
        let asked: Vec<AskedId> = self.outside.asked.keys().copied().collect();
        asked.into_iter().for_each(|id| self.asked_in_vain(now, id));
    }
}
