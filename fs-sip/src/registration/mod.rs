//! Registration at a registrar (RFC 3261 section 10): [`state`] decides when
//! to ask again and what to make of the answers.
//!
//! An endpoint keeps a registration alive from
//! [`Command::Register`](crate::endpoint::Command::Register) to
//! [`Command::Unregister`](crate::endpoint::Command::Unregister).

mod event;
mod settings;
pub mod state;

pub use event::{Failure, Gruu, RegistrationEvent};
pub use settings::RegistrationSettings;
pub use state::Registration;

/// Names one registration for its whole life; the application chooses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegistrationId(pub u64);
