//! Subscriptions to events (RFC 6665), both sides: [`state`] is the side that
//! wants to know, [`notifier`] the side that tells.
//!
//! An endpoint keeps a subscription alive from
//! [`Command::Subscribe`](crate::endpoint::Command::Subscribe) to
//! [`Command::Unsubscribe`](crate::endpoint::Command::Unsubscribe). Those of
//! others come as [`Event::IncomingSubscription`](crate::endpoint::Event::IncomingSubscription),
//! for the packages of [`EndpointConfig::events`](crate::endpoint::EndpointConfig::events).

pub mod notifier;
pub mod state;

pub use notifier::{Notifier, NotifierEvent};
pub use state::{Subscription, SubscriptionEvent, SubscriptionSettings};

/// Names one subscription of ours for its whole life; the application chooses
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubscriptionId(pub u64);

/// Names one subscription of somebody else for its whole life; the endpoint
/// chooses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NotifierId(pub u64);
