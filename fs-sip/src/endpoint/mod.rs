//! The SIP endpoint: a pure core that composes transactions and dialogs, and
//! the driver that gives it a socket and a clock.
//!
//! An application sends [`Command`]s and receives [`Event`]s; both name a
//! session by its [`InviteId`].

mod answers;
mod asked;
mod auth;
mod command;
mod config;
mod core;
mod dispatch;
mod driver;
mod established;
mod event;
mod flow;
mod identity;
mod incoming;
mod info;
mod leg;
mod message;
mod next_hop;
mod notifier;
mod outgoing;
mod outside;
mod purpose;
mod random;
mod redirect;
mod refer;
mod refresh;
mod register;
mod reinvite;
mod reliable;
mod replaces;
mod report;
mod requests;
mod resolve;
mod sending;
mod subscriber;
mod trace;
mod update;

pub use self::core::{EndpointCore, Input, Output, Resolution, ResolveToken};
pub use crate::dialog::session_timer::SessionTimerSettings;
pub use crate::transaction::Timers;
pub(crate) use answers::body_of;
pub use command::{AskedId, Body, Command, InviteId, ReferTarget, RequestId};
pub use config::{EndpointConfig, Listen};
pub(crate) use driver::system_seed;
pub use driver::{BindError, Endpoint, Stopped};
pub use event::{AckFate, Event, FailureCause, TerminationReason};
pub use next_hop::NextHop;
pub use random::Random;
pub use trace::{Statistics, Traced};
