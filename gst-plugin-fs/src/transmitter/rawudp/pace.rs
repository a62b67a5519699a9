//! How often the socket loop looks at its sockets: a thread that is woken for each packet spends more on that than on the packet.
//! Packets have the time of their arrival from the system.

use std::time::{Duration, Instant};

/// Where many sockets are busy, the loop looks at all of them this often, and not at each packet.
pub(super) const ROUND: Duration = Duration::from_millis(5);

/// What was found in a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) packets: usize,
    /// Whether RTCP was among them.
    pub(super) rtcp: bool,
}

/// Whether the packets of a socket can be left there for a while.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Patience {
    /// So many came without one that could not wait.
    row: usize,
    /// RTCP comes here too. How long it takes is what the round-trip time is reckoned from.
    rtcp: bool,
}

impl Patience {
    /// So many packets in a row make patient.
    const ROW: usize = 16;
    /// More than these in one look are a burst, which could fill the socket.
    const MOST: usize = 8;

    /// Takes in what one look found, and how many of the packets went to jitter buffers with time to spare. True if the next may
    /// wait. Where nothing was found it may not, being late already.
    pub(super) fn note(&mut self, found: Found, can_wait: usize) -> bool {
        self.rtcp |= found.rtcp;
        let all = found.packets <= Self::MOST && can_wait == found.packets;
        self.row = if all { self.row.saturating_add(found.packets) } else { 0 };
        found.packets > 0 && self.row >= Self::ROW && !self.rtcp
    }
}

/// How much there is to do.
#[derive(Debug)]
pub(super) struct Load {
    window: Duration,
    since: Instant,
    count: usize,
    pub(super) high: bool,
}

impl Load {
    /// More than this in a second is a high load.
    const MANY: f64 = 400.0;

    /// Of sockets that are ready; where it is high, at least two come together in a round.
    pub(super) fn of_a_round(now: Instant) -> Self {
        Self { window: Duration::from_millis(20), since: now, count: 0, high: false }
    }

    /// Of packets, over several looks at sockets that are looked at now and then.
    pub(super) fn of_packets(now: Instant) -> Self {
        Self { window: Duration::from_millis(200), ..Self::of_a_round(now) }
    }

    /// Counts; whether the load of the last window was high.
    pub(super) fn is_high(&mut self, count: usize, now: Instant) -> bool {
        self.count += count;
        let passed = now.saturating_duration_since(self.since);
        if passed >= self.window {
            self.high = self.count as f64 >= Self::MANY * passed.as_secs_f64();
            (self.since, self.count) = (now, 0);
        }
        self.high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_begin_with_the_load_and_end_with_it() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut load = Load::of_a_round(start);
        assert!((1..=20).all(|ms| !load.is_high(usize::from(ms % 4 == 0), at(ms))), "250 packets a second");
        assert!((21..40).all(|ms| !load.is_high(1, at(ms))));
        assert!(load.is_high(1, at(40)), "1000 packets a second");
        assert!((41..60).step_by(5).all(|ms| load.is_high(5, at(ms))), "as many in rounds");
        assert!(!load.is_high(1, at(1000)), "a long silence ends it");
    }

    #[test]
    fn a_pause_between_looks_is_no_lack_of_packets() {
        let start = Instant::now();
        let mut load = Load::of_packets(start);
        let high = (1..=100)
            .map(|n| load.is_high(if n % 4 == 0 { 28 } else { 0 }, start + Duration::from_millis(n * 9)));
        assert_eq!(high.map(usize::from).sum::<usize>(), 100 - 22, "from the end of the first window on");
    }

    fn found(packets: usize) -> Found {
        Found { packets, rtcp: false }
    }

    #[test]
    fn patience_comes_with_a_row_of_packets_that_can_wait_and_ends_with_one_that_cannot() {
        let mut patience = Patience::default();
        assert!((0..15).all(|_| !patience.note(found(1), 1)));
        assert!((0..4).all(|_| patience.note(found(2), 2)));
        assert!(!patience.note(found(2), 1), "one of them was urgent, or went elsewhere");
        assert!((0..15).all(|_| !patience.note(found(1), 1)), "from the beginning");
        assert!(patience.note(found(1), 1));
        assert!(!patience.note(found(0), 0), "the next is late already");
        assert!(patience.note(found(8), 8), "until it is here");
        assert!(!patience.note(found(9), 9), "a burst");
    }

    #[test]
    fn a_socket_with_rtcp_is_waited_for() {
        let mut patience = Patience::default();
        assert!(!patience.note(Found { packets: 2, rtcp: true }, 1));
        assert!((0..50).all(|_| !patience.note(found(2), 2)));
    }
}
