//! The SIP endpoint: a pure core that composes transactions and dialogs, and
//! the driver that gives it a socket and a clock.
//!
//! An application sends [`Command`]s and receives [`Event`]s; both name a
//! session by its [`InviteId`].

mod command;
mod config;
mod driver;
mod event;

pub use crate::transaction::Timers;
pub use command::{Body, Command, InviteId};
pub use config::EndpointConfig;
pub use driver::{BindError, Endpoint};
pub use event::{Event, FailureCause, TerminationReason};
