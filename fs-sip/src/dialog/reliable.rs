//! Reliable provisional responses (RFC 3262): what the UAS repeats until its
//! PRACK comes, and which of them the UAC takes.
//!
//! ```text
//!  UAS:  free --send: RSeq+1--> waiting --T1, 2*T1 ...: Send again--+
//!          ^                     |  ^---------------------------------+
//!          +--PRACK that fits----+--64*T1--> GiveUp (5xx for the INVITE)
//! ```

use std::time::{Duration, Instant};

use crate::wire::Method;
use crate::wire::headers::RAck;

/// The side that sends them. One at a time, as section 3 asks of the first;
/// further ones wait in the queue of the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReliableSender {
    first: u32,
    last: u32,
    waiting: Option<Waiting>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Waiting {
    interval: Duration,
    next: Instant,
    give_up: Instant,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing.
    Nothing,
    /// Send the response again.
    Again,
    /// No PRACK came in 64*T1.
    GiveUp,
}

impl ReliableSender {
    /// `first` is the RSeq of the first response, 1 to 2^31 - 1 (section 3).
    #[must_use]
    pub fn new(first: u32) -> Self {
        let first = first.clamp(1, (1 << 31) - 1);
        Self { first, last: first - 1, waiting: None }
    }

    /// Was a response with this RSeq sent?
    #[must_use]
    pub fn has_sent(&self, rseq: u32) -> bool {
        (self.first..=self.last).contains(&rseq)
    }

    /// Does a response wait for its PRACK?
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// A response goes out; gives its RSeq. None while another one waits.
    pub fn send(&mut self, now: Instant, t1: Duration) -> Option<u32> {
        if self.is_waiting() {
            return None;
        }
        self.last = self.last.checked_add(1)?;
        self.waiting = Some(Waiting { interval: t1, next: now + t1, give_up: now + t1 * 64 });
        Some(self.last)
    }

    /// A PRACK came; whether it is for the response that waits.
    pub fn handle_prack(&mut self, rack: &RAck, invite_cseq: u32) -> bool {
        let fits = self.is_waiting()
            && rack.response == self.last
            && rack.cseq == invite_cseq
            && rack.method == Method::Invite;
        if fits {
            self.waiting = None;
        }
        fits
    }

    /// The INVITE has its final answer: nothing is repeated any more.
    pub fn stop(&mut self) {
        self.waiting = None;
    }

    /// When [`Self::handle_timer`] wants to be called.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.waiting.map(|w| w.next.min(w.give_up))
    }

    /// The intervals double without a limit (section 3).
    pub fn handle_timer(&mut self, now: Instant) -> Due {
        match &mut self.waiting {
            Some(waiting) if now >= waiting.give_up => {
                self.waiting = None;
                Due::GiveUp
            }
            Some(waiting) if now >= waiting.next => {
                waiting.interval *= 2;
                waiting.next = now + waiting.interval;
                Due::Again
            }
            _ => Due::Nothing,
        }
    }
}

/// The side that receives them, in one early dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReliableReceiver {
    last: Option<u32>,
}

/// How a reliable provisional response stands to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// In its turn: acknowledge and use it.
    Next,
    /// Seen before; its PRACK is on its way.
    Again,
    /// One before it is missing: not acknowledged, so it is repeated later
    /// (section 4).
    TooEarly,
}

impl ReliableReceiver {
    /// A response with this RSeq came.
    pub fn handle(&mut self, rseq: u32) -> Arrival {
        match self.last {
            Some(last) if rseq <= last => Arrival::Again,
            Some(last) if rseq != last.saturating_add(1) => Arrival::TooEarly,
            _ => {
                self.last = Some(rseq);
                Arrival::Next
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T1: Duration = Duration::from_millis(500);

    fn rack(response: u32, cseq: u32, method: Method) -> RAck {
        RAck { response, cseq, method }
    }

    #[test]
    fn repeated_at_doubling_intervals_until_given_up() {
        let start = Instant::now();
        let mut sender = ReliableSender::new(7);
        assert_eq!(sender.send(start, T1), Some(7));
        assert_eq!(sender.send(start, T1), None, "one at a time");
        let mut sent = Vec::new();
        let end = loop {
            let at = sender.next_deadline().expect("waits");
            assert_eq!(sender.handle_timer(at - Duration::from_millis(1)), Due::Nothing);
            match sender.handle_timer(at) {
                Due::Again => sent.push((at - start).as_millis()),
                due => break (at - start, due),
            }
        };
        assert_eq!(sent, [500, 1500, 3500, 7500, 15500, 31500]);
        assert_eq!(end, (T1 * 64, Due::GiveUp));
        assert_eq!(sender.next_deadline(), None);
    }

    #[test]
    fn only_the_right_prack_fits() {
        let now = Instant::now();
        let mut sender = ReliableSender::new(7);
        assert!(!sender.handle_prack(&rack(7, 1, Method::Invite), 1), "nothing was sent");
        sender.send(now, T1);
        for wrong in [rack(8, 1, Method::Invite), rack(7, 2, Method::Invite), rack(7, 1, Method::Bye)] {
            assert!(!sender.handle_prack(&wrong, 1), "{wrong}");
        }
        assert!(sender.handle_prack(&rack(7, 1, Method::Invite), 1));
        assert!(!sender.handle_prack(&rack(7, 1, Method::Invite), 1), "once");
        assert_eq!(sender.send(now, T1), Some(8));
        assert_eq!([6, 7, 8, 9].map(|n| sender.has_sent(n)), [false, true, true, false]);
        sender.stop();
        assert_eq!((sender.is_waiting(), sender.next_deadline()), (false, None));
    }

    #[test]
    fn the_receiver_keeps_the_order() {
        let mut receiver = ReliableReceiver::default();
        let arrivals: Vec<_> = [9, 9, 11, 10, 8, 11].map(|rseq| receiver.handle(rseq)).into();
        use Arrival::{Again, Next, TooEarly};
        assert_eq!(arrivals, [Next, Again, TooEarly, Next, Again, Next]);
        let mut receiver = ReliableReceiver { last: Some(u32::MAX) };
        assert_eq!(receiver.handle(u32::MAX), Again);
    }
}
