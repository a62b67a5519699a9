//! Publication of state (RFC 3903): [`state`] decides when to publish again
//! and what to make of the answers.
//!
//! An endpoint keeps a publication alive from
//! [`Command::Publish`](crate::endpoint::Command::Publish) to
//! [`Command::Unpublish`](crate::endpoint::Command::Unpublish).

pub mod state;

pub use state::{Publication, PublicationEvent, PublicationSettings};

/// Names one publication for its whole life; the application chooses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicationId(pub u64);
