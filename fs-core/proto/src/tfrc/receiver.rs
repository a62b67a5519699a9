//! The receiver: what came, how fast, and when to say so (RFC 5348 section 6).

use std::time::Duration;

use super::equation::loss_event_rate;
use super::loss::LossHistory;
use super::wire::{Feedback, Stamp, widen};
use super::{DEFAULT_SEGMENT, Variant};

/// Reports are at least that far apart, where a round trip is shorter. Each costs an RTCP packet.
const LEAST_INTERVAL: Duration = Duration::from_millis(100);
/// The round-trip time while the sender knows none.
const ASSUMED_RTT: Duration = Duration::from_millis(500);

/// What came in some time.
#[derive(Clone, Copy, Debug)]
struct Tally {
    since: Duration,
    bytes: u64,
    packets: u64,
}

impl Tally {
    fn new(since: Duration) -> Self {
        Self { since, bytes: 0, packets: 0 }
    }

    fn byte_rate(self, now: Duration) -> f64 {
        self.bytes as f64 / now.saturating_sub(self.since).as_secs_f64().max(0.001)
    }
}

#[derive(Clone, Copy, Debug)]
struct Newest {
    stamp: u32,
    came: Duration,
    sequence: u64,
    sent: u64,
}

/// What is known about one source.
#[derive(Clone, Debug)]
pub struct Receiver {
    variant: Variant,
    losses: LossHistory,
    rtt: Option<Duration>,
    newest: Option<Newest>,
    now: Tally,
    before: Option<Tally>,
    /// The highest receive rate and the mean packet then (section 6.3.1).
    highest: Option<(f64, f64)>,
    reported_loss: f64,
    deadline: Option<Duration>,
}

impl Receiver {
    /// A source that was never heard.
    pub fn new(variant: Variant, now: Duration) -> Self {
        Self {
            variant,
            losses: LossHistory::new(variant),
            rtt: None,
            newest: None,
            now: Tally::new(now),
            before: None,
            highest: None,
            reported_loss: 0.0,
            deadline: None,
        }
    }

    /// When [`Self::on_deadline`] must be called; none while the sender does not know its round-trip time.
    pub fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// A packet of that many bytes came. True if a report should go out at once: it is the first, the sender does not
    /// know the round-trip time, or more packets are lost than before (section 6.1).
    pub fn on_packet(&mut self, now: Duration, sequence: u16, stamp: Stamp, size: usize) -> bool {
        let rtt = (!stamp.rtt.is_zero()).then_some(stamp.rtt);
        if rtt.is_none() && self.rtt.is_some() {
            // The sender began anew.
            *self = Self::new(self.variant, now);
        }
        if rtt.is_some() && self.rtt.is_none() {
            self.deadline = Some(now + interval(rtt));
        }
        self.rtt = rtt;
        self.now.bytes += size as u64;
        self.now.packets += 1;
        let newest = self.newest.get_or_insert(Newest {
            stamp: stamp.time,
            came: now,
            sequence: sequence.into(),
            // Reordered first packets are sent before zero otherwise.
            sent: (1 << 32) | u64::from(stamp.time),
        });
        let sequence = widen(sequence.into(), 16, newest.sequence);
        let sent = widen(stamp.time.into(), 32, newest.sent);
        if sequence >= newest.sequence {
            *newest = Newest { stamp: stamp.time, came: now, sequence, sent };
        }
        let known = rtt.unwrap_or(ASSUMED_RTT);
        let (highest, tally) = (self.highest, self.now);
        let first_interval = || {
            let so_far = (tally.byte_rate(now), tally.bytes as f64 / tally.packets as f64);
            let (byte_rate, packet) = highest.unwrap_or(so_far);
            let segment = match self.variant {
                Variant::Standard => packet,
                Variant::SmallPackets => f64::from(DEFAULT_SEGMENT),
            };
            1.0 / loss_event_rate(segment, known, byte_rate)
        };
        let lost = self.losses.on_packet(sequence, Duration::from_micros(sent), known, first_interval);
        let worse = lost && self.losses.loss_event_rate(known) > self.reported_loss;
        rtt.is_none() || worse
    }

    /// The deadline is over: true if there is something to report (section 6.2). The next deadline is set.
    pub fn on_deadline(&mut self, now: Duration) -> bool {
        self.deadline = self.rtt.map(|_| now + interval(self.rtt));
        self.now.packets > 0
    }

    /// The report for a packet that leaves now; none if nothing came since the last one.
    pub fn feedback(&mut self, now: Duration) -> Option<Feedback> {
        let newest = self.newest?;
        if self.now.packets == 0 || now <= self.now.since && self.before.is_some() {
            return None;
        }
        let rtt = self.rtt.unwrap_or(ASSUMED_RTT);
        // A report that is early covers what the one before covered, too.
        let early = now.saturating_sub(self.now.since) < rtt;
        let tally = match self.before.filter(|_| early) {
            Some(before) => Tally {
                since: before.since,
                bytes: before.bytes + self.now.bytes,
                packets: before.packets + self.now.packets,
            },
            None => self.now,
        };
        let byte_rate = tally.byte_rate(now);
        if self.before.is_some() && self.highest.is_none_or(|(highest, _)| byte_rate > highest) {
            self.highest = Some((byte_rate, tally.bytes as f64 / tally.packets as f64));
        }
        self.before = Some(tally);
        self.now = Tally::new(now);
        self.reported_loss = self.losses.loss_event_rate(rtt);
        self.deadline = self.rtt.map(|_| now + interval(self.rtt));
        Some(Feedback {
            time: newest.stamp,
            delay: now.saturating_sub(newest.came),
            receive_byte_rate: byte_rate as u32,
            loss_event_rate: self.reported_loss,
        })
    }
}

fn interval(rtt: Option<Duration>) -> Duration {
    rtt.unwrap_or_default().max(LEAST_INTERVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn stamp(rtt: u64, sent: u64) -> Stamp {
        Stamp { rtt: ms(rtt), time: (sent * 1000) as u32 }
    }

    #[test]
    fn the_first_packets_are_reported_at_once() {
        let mut receiver = Receiver::new(Variant::Standard, ms(0));
        assert!(receiver.on_packet(ms(0), 65_535, stamp(0, 5000), 1000));
        assert_eq!(receiver.deadline(), None);
        let feedback = receiver.feedback(ms(7)).unwrap();
        assert_eq!((feedback.time, feedback.delay), (5_000_000, ms(7)));
        assert_eq!(feedback.loss_event_rate, 0.0);
        assert_eq!(receiver.feedback(ms(8)), None, "nothing came");
        assert!(!receiver.on_packet(ms(20), 0, stamp(40, 5020), 1000));
        assert_eq!(receiver.deadline(), Some(ms(120)));
    }

    #[test]
    fn the_receive_rate_is_measured_over_a_round_trip_at_least() {
        let mut receiver = Receiver::new(Variant::Standard, ms(0));
        for i in 0..100 {
            receiver.on_packet(ms(i * 10), i as u16, stamp(200, i * 10), 500);
        }
        assert_eq!(receiver.feedback(ms(1000)).unwrap().receive_byte_rate, 50_000);
        receiver.on_packet(ms(1001), 100, stamp(200, 1000), 500);
        let early = receiver.feedback(ms(1010)).unwrap();
        assert!((49_000..51_000).contains(&early.receive_byte_rate), "{early:?}");
    }

    #[test]
    fn losses_are_reported_at_once_and_silence_not_at_all() {
        let mut receiver = Receiver::new(Variant::Standard, ms(0));
        let mut asked = Vec::new();
        for i in (0..1000u64).filter(|i| *i != 500) {
            if receiver.on_packet(ms(i * 10), i as u16, stamp(50, i * 10), 1000) {
                asked.push(i);
            }
            while receiver.deadline().is_some_and(|d| d <= ms(i * 10)) {
                assert!(receiver.on_deadline(ms(i * 10)));
                receiver.feedback(ms(i * 10)).unwrap();
            }
        }
        assert_eq!(asked, [503]);
        let last = receiver.feedback(ms(10_000)).unwrap();
        assert!(last.loss_event_rate > 0.0 && last.loss_event_rate < 0.01, "{last:?}");
        assert!(!receiver.on_deadline(ms(20_000)));
        assert!(receiver.deadline() > Some(ms(20_000)));
    }

    #[test]
    fn clocks_and_numbers_may_wrap() {
        let mut receiver = Receiver::new(Variant::Standard, ms(0));
        for i in 0..70_000u64 {
            let time = (u64::from(u32::MAX) - 1_000_000 + i * 1000) as u32;
            receiver.on_packet(ms(i), i as u16, Stamp { rtt: ms(50), time }, 100);
        }
        assert_eq!(receiver.feedback(ms(70_000)).unwrap().loss_event_rate, 0.0);
    }

    #[test]
    fn a_sender_that_begins_anew_is_a_new_one() {
        let mut receiver = Receiver::new(Variant::Standard, ms(0));
        for i in (0..100u64).filter(|i| i % 5 > 0) {
            receiver.on_packet(ms(i * 10), i as u16, stamp(50, i * 10), 1000);
        }
        assert!(receiver.feedback(ms(1000)).unwrap().loss_event_rate > 0.1);
        assert!(receiver.on_packet(ms(2000), 30_000, stamp(0, 0), 1000));
        assert_eq!(receiver.feedback(ms(2010)).unwrap().loss_event_rate, 0.0);
    }
}
