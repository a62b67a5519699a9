//! What can be watched of a running endpoint: each message, and figures.

use std::time::SystemTime;

use crate::transport::Peer;

/// One message that came or went, without the secrets in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traced {
    /// When.
    pub at: SystemTime,
    /// Did it come, or go?
    pub received: bool,
    /// The other side, and the way.
    pub peer: Peer,
    /// The message; proofs, passwords and keys are replaced by `...`.
    pub data: Vec<u8>,
}

/// Figures of an endpoint since its start, unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Statistics {
    /// Client transactions that have not ended now.
    pub client_transactions: usize,
    /// Server transactions that have not ended now.
    pub server_transactions: usize,
    /// Calls that have not ended now.
    pub sessions: usize,
    /// Dialogs now, early ones and those of subscriptions included.
    pub dialogs: usize,
    /// Registrations that have not ended now.
    pub registrations: usize,
    /// Subscriptions now, ours and those of others.
    pub subscriptions: usize,
    /// Client transactions that were begun.
    pub requests_sent: u64,
    /// Server transactions that were begun.
    pub requests_received: u64,
    /// Requests and responses that we have sent again.
    pub retransmissions_sent: u64,
    /// Requests that have come again.
    pub retransmissions_received: u64,
    /// Messages that were sent.
    pub messages_sent: u64,
    /// Messages that came, keep-alives and broken ones included.
    pub messages_received: u64,
    /// Their bytes.
    pub bytes_sent: u64,
    /// Their bytes.
    pub bytes_received: u64,
    /// Connections that are open now, theirs and ours.
    pub connections: usize,
    /// Connections of theirs that were closed at once, because there were too
    /// many.
    pub connections_refused: u64,
    /// Messages that were no correct SIP, half messages and broken streams among
    /// them.
    pub malformed: u64,
    /// Responses that belonged to no request of ours.
    pub stray_responses: u64,
    /// Requests that were refused with 503, because there were too many.
    pub overload: u64,
}
