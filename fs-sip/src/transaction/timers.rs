//! The timers A to M as data.

use std::time::{Duration, Instant};

use crate::limits;

/// The base timers of RFC 3261 section 17; all others are made from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timers {
    /// Round-trip estimate, default 500 ms.
    pub t1: Duration,
    /// Longest retransmission interval, default 4 s.
    pub t2: Duration,
    /// Longest life of a message in the network, default 5 s.
    pub t4: Duration,
}

impl Timers {
    /// 64*T1: how long a transaction waits for the other side.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.t1 * 64
    }

    /// The next retransmission interval of those that stop growing at T2.
    #[must_use]
    pub fn doubled(&self, interval: Duration) -> Duration {
        (interval * 2).min(self.t2)
    }
}

impl Default for Timers {
    fn default() -> Self {
        Self { t1: limits::T1, t2: limits::T2, t4: limits::T4 }
    }
}

/// The timers of RFC 3261 table 4 and RFC 6026.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// INVITE request retransmission, unreliable transports only.
    A,
    /// INVITE transaction timeout.
    B,
    /// Wait for response retransmissions (INVITE client, Completed).
    D,
    /// Non-INVITE request retransmission, unreliable transports only.
    E,
    /// Non-INVITE transaction timeout.
    F,
    /// INVITE response retransmission.
    G,
    /// Wait for the ACK.
    H,
    /// Wait for ACK retransmissions.
    I,
    /// Wait for request retransmissions (non-INVITE server).
    J,
    /// Wait for response retransmissions (non-INVITE client).
    K,
    /// Wait for request retransmissions after a 2xx (INVITE server, Accepted).
    L,
    /// Wait for further 2xx (INVITE client, Accepted).
    M,
    /// 100 (Trying) is due (section 17.2.1: 200 ms).
    Trying,
}

/// The timers that run in one transaction; never more than two.
#[derive(Debug, Clone, Copy, Default)]
pub struct Armed([Option<(Instant, Timer)>; 2]);

impl Armed {
    /// Starts a timer.
    pub fn start(&mut self, timer: Timer, at: Instant) {
        let free = self.0.iter_mut().find(|s| s.is_none_or(|(_, t)| t == timer));
        debug_assert!(free.is_some(), "a transaction runs at most two timers");
        if let Some(slot) = free {
            *slot = Some((at, timer));
        }
    }

    /// Stops all timers.
    pub fn clear(&mut self) {
        self.0 = [None; 2];
    }

    /// When the earliest fires.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.0.iter().flatten().map(|(at, _)| *at).min()
    }

    /// Takes the earliest timer that is due. Of two due at once the earlier
    /// letter comes first, so a last retransmission precedes the timeout.
    pub fn pop(&mut self, now: Instant) -> Option<Timer> {
        let due = self.0.iter_mut().filter(|s| s.is_some_and(|(at, _)| at <= now));
        due.min_by_key(|s| **s)?.take().map(|(_, timer)| timer)
    }
}
