//! Transactions (RFC 3261 section 17, RFC 6026).
//!
//! Each of the four state machines stands in its own file, holds nothing but
//! its state and timers, is told `now`, and answers with [`Step`]s. The
//! [`table`] keeps the messages, matches what arrives to a transaction and
//! carries the steps out.

mod client;
mod client_invite;
mod deadlines;
mod entry;
mod ids;
mod key;
mod server;
mod server_invite;
pub mod table;
mod timers;

pub use client::Client;
pub use client_invite::ClientInvite;
pub use deadlines::Deadlines;
pub use entry::{ClientId, Counts, Received, ServerId, Transmit, Upward};
pub(crate) use ids::{IdMap, Map};
pub use key::{ClientKey, MergeKey, ServerKey};
pub use server::Server;
pub use server_invite::ServerInvite;
pub use table::Table;
pub use timers::{Armed, Timer, Timers};

/// What a state machine asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Send the request (client) or the last response (server) again or for
    /// the first time.
    Send,
    /// Send an ACK for the final response that just came.
    Ack,
    /// Answer 100 (Trying).
    Trying,
    /// Give the message that just came to the user of the transaction.
    Report,
    /// Tell the user that no answer (client) or no ACK (server) came.
    TimedOut,
    /// Tell the user that the request could not be delivered.
    Undeliverable,
    /// The transaction is over.
    End,
}
