//! Subscriptions of this endpoint: their requests and the NOTIFY that come.

use std::time::Instant;

use super::answers::{add_headers, set_body};
use super::core::{EndpointCore, Purpose};
use super::event::Event;
use super::outside::OutsideId;
use crate::registration::state::Next;
use crate::subscription::{Subscription, SubscriptionEvent, SubscriptionId, SubscriptionSettings};
use crate::transaction::ServerId;
use crate::wire::Request;

impl EndpointCore {
    /// Begins a subscription, or replaces one of the same name.
    pub(super) fn subscribe(&mut self, id: SubscriptionId, settings: SubscriptionSettings) {
        self.drop_subscription(id);
        let patience = self.config.timers.patience();
        self.outside.subscriptions.insert(id, Subscription::new(settings, patience));
        self.ask_subscription(id);
    }

    pub(super) fn unsubscribe(&mut self, id: SubscriptionId) {
        if self.outside.subscriptions.get(&id).is_none_or(Subscription::is_leaving) {
            return;
        }
        self.unsend(&Purpose::Outside(OutsideId::Subscription(id)));
        let Some(subscription) = self.outside.subscriptions.get_mut(&id) else { return };
        let next = subscription.leave();
        let event = (next == Next::Over).then_some(SubscriptionEvent::Ended { reason: None });
        self.follow_subscription(id, event, next);
    }

    fn drop_subscription(&mut self, id: SubscriptionId) {
        self.unsend(&Purpose::Outside(OutsideId::Subscription(id)));
        self.outside.forget(OutsideId::Subscription(id));
    }

    fn ask_subscription(&mut self, id: SubscriptionId) {
        self.outside.waits.set(OutsideId::Subscription(id), None);
        let Some(subscription) = self.outside.subscriptions.get_mut(&id) else { return };
        let mut request = subscription.request(&mut self.random);
        let settings = subscription.settings();
        let (headers, body) = (settings.headers.clone(), settings.body.clone());
        add_headers(&mut request.headers, &headers);
        set_body(&mut request.headers, &mut request.body, body);
        self.send(request, Purpose::Outside(OutsideId::Subscription(id)));
    }

    pub(super) fn follow_subscription(
        &mut self,
        id: SubscriptionId,
        event: Option<SubscriptionEvent>,
        next: Next,
    ) {
        let over = next == Next::Over && !matches!(event, Some(SubscriptionEvent::Ended { .. }));
        let reason = match &event {
            Some(SubscriptionEvent::Notified { state, .. }) => state.reason(),
            _ => None,
        };
        if let Some(event) = event {
            self.event(Event::Subscription { id, event });
        }
        match next {
            Next::Ask => self.ask_subscription(id),
            Next::Wait(at) => self.outside.waits.set(OutsideId::Subscription(id), Some(at)),
            Next::Keep => {}
            Next::Over => self.drop_subscription(id),
        }
        if over {
            self.event(Event::Subscription { id, event: SubscriptionEvent::Ended { reason } });
        }
    }

    /// A NOTIFY for a subscription of ours; `false` where it is for none.
    pub(super) fn on_notify(&mut self, now: Instant, server: ServerId, request: &Request) -> bool {
        let found = self.outside.subscriptions.iter().find(|(_, s)| s.expects(request));
        let Some(id) = found.map(|(id, _)| *id) else { return false };
        let luck = self.random.next_u32();
        let Some(subscription) = self.outside.subscriptions.get_mut(&id) else { return false };
        let (status, event, next) = subscription.handle_notify(now, request, luck);
        self.refuse(now, server, request, status);
        self.follow_subscription(id, event, next);
        true
    }
}
