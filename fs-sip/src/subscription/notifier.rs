//! One subscription of somebody else (RFC 6665 section 4.2): what it may
//! last, which NOTIFY it gets, and when it ends by itself.

use std::time::{Duration, Instant};

use crate::dialog::Dialog;
use crate::endpoint::Body;
use crate::wire::headers::{EventType, SubscriptionState, name};
use crate::wire::{Method, Request};

/// What becomes of a subscription of somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotifierEvent {
    /// The subscriber asks for it again; it has been told the state as it was
    /// told last.
    Refreshed {
        /// For how many seconds.
        expires: u32,
    },
    /// It is over: the subscriber does not want it any more, or did not ask
    /// again in time, or can't be reached.
    Ended {
        /// Why, in words.
        reason: String,
    },
}

/// One subscription of somebody else.
#[derive(Debug)]
pub struct Notifier {
    /// The dialog with the subscriber.
    pub dialog: Dialog,
    event: EventType,
    until: Instant,
    /// `active` or `pending`.
    state: String,
    last: Option<Body>,
    over: bool,
}

impl Notifier {
    /// One that was accepted for `expires` seconds.
    #[must_use]
    pub fn new(dialog: Dialog, event: EventType, now: Instant, expires: u32) -> Self {
        let until = now + Duration::from_secs(expires.into());
        Self { dialog, event, until, state: "pending".to_owned(), last: None, over: false }
    }

    /// When it ends where nobody asks again.
    #[must_use]
    pub fn until(&self) -> Instant {
        self.until
    }

    /// Has its last NOTIFY been made?
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// The package that is subscribed to.
    #[must_use]
    pub fn event(&self) -> &EventType {
        &self.event
    }

    /// It lasts for so many seconds from now.
    pub fn prolong(&mut self, now: Instant, expires: u32) {
        self.until = now + Duration::from_secs(expires.into());
    }

    /// A NOTIFY with the state; `active` or still `pending`.
    #[must_use]
    pub fn notify(&mut self, now: Instant, active: bool, body: Option<Body>) -> Request {
        self.state = if active { "active" } else { "pending" }.to_owned();
        self.last = body;
        self.notify_again(now)
    }

    /// A NOTIFY with what was told last.
    #[must_use]
    pub fn notify_again(&mut self, now: Instant) -> Request {
        let left = self.until.saturating_duration_since(now).as_secs();
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        let state = SubscriptionState::lasting(&self.state, left);
        self.make(&state, self.last.clone())
    }

    /// The last NOTIFY.
    #[must_use]
    pub fn end(&mut self, reason: &str, body: Option<Body>) -> Request {
        self.over = true;
        let body = body.or_else(|| self.last.take());
        self.make(&SubscriptionState::terminated(reason), body)
    }

    fn make(&mut self, state: &SubscriptionState, body: Option<Body>) -> Request {
        let mut request = self.dialog.new_request(Method::Notify);
        request.headers.push_typed(&self.event);
        request.headers.push_typed(state);
        if let Some(body) = body {
            request.headers.push(name::CONTENT_TYPE, body.content_type);
            request.body = body.data;
        }
        request
    }
}
