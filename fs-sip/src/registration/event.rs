//! What becomes of a registration.

use std::time::Duration;

use crate::transport::Peer;
use crate::wire::{NameAddr, Uri};

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// None came in time.
    Timeout,
    /// It could not be sent.
    Transport(String),
}

/// Addresses that reach one instance from anywhere (RFC 5627).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gruu {
    /// The one that everybody may know.
    pub public: Uri,
    /// One that does not tell who we are.
    pub temporary: Option<Uri>,
}

/// What becomes of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistrationEvent {
    /// A REGISTER is about to be sent.
    Asking {
        /// It refreshes what the registrar has.
        refresh: bool,
    },
    /// A final answer to a REGISTER; what it means comes next.
    Answered {
        /// The status.
        status: u16,
        /// Its reason phrase.
        reason: String,
        /// Who answered.
        registrar: Option<Peer>,
    },
    /// The registrar has taken it, for the first time or again.
    Registered {
        /// For how many seconds.
        expires: u32,
        /// All contacts that the registrar has of us now.
        contacts: Vec<NameAddr>,
        /// The way our requests shall go (RFC 3608).
        service_route: Vec<NameAddr>,
        /// The proxies between the registrar and us, nearest to us first (RFC 3327).
        path: Vec<NameAddr>,
        /// Addresses that reach this instance of ours from anywhere (RFC 5627).
        gruu: Option<Box<Gruu>>,
        /// The registrar keeps to our flow (RFC 5626).
        outbound: bool,
    },
    /// It has not; the next attempt comes by itself.
    Failed {
        /// The status; where there was no answer, the one that fits.
        status: u16,
        /// The registrar's reason, or ours.
        reason: String,
        /// How long until the next attempt.
        retry_after: Duration,
    },
    /// It is taken back.
    Ended,
    /// It could not be taken back; it ends when its time is over.
    NotEnded {
        /// The status; where there was no answer, the one that fits.
        status: u16,
        /// The registrar's reason, or ours.
        reason: String,
    },
}
