//! Which packets are lost, and how many packets lie between loss events (RFC 5348 section 5).

use std::collections::VecDeque;
use std::time::Duration;

use super::Variant;

/// `NDUPACK`: a packet is lost when that many later ones came (section 5.1).
const LATER: u8 = 3;
/// A larger step is another stream's numbering and no loss (RFC 3550 appendix A.1).
const LARGEST_STEP: u64 = 3000;
/// Loss intervals that count, and how much (section 5.4).
const WEIGHTS: [f64; 8] = [1.0, 1.0, 1.0, 1.0, 0.8, 0.6, 0.4, 0.2];

/// A packet that came: its number and when it was sent.
#[derive(Clone, Copy, Debug)]
struct Packet {
    sequence: u64,
    sent: Duration,
}

/// Packets that are missing between two that came.
#[derive(Clone, Copy, Debug)]
struct Gap {
    first: u64,
    end: u64,
    before: Packet,
    after: Packet,
    later: u8,
}

impl Gap {
    /// When a missing packet was sent, on the line between its neighbours (section 5.2).
    fn sent(&self, sequence: u64) -> Duration {
        self.before.sent + self.step().mul_f64((sequence - self.before.sequence) as f64)
    }

    fn step(&self) -> Duration {
        let packets = (self.after.sequence - self.before.sequence).max(1) as f64;
        self.after.sent.saturating_sub(self.before.sent).div_f64(packets)
    }
}

/// Losses within one round trip.
#[derive(Clone, Copy, Debug)]
struct Event {
    first: u64,
    began: Duration,
    lost: u64,
}

/// The history of one source's losses.
#[derive(Clone, Debug)]
pub(super) struct LossHistory {
    variant: Variant,
    newest: Option<Packet>,
    gaps: VecDeque<Gap>,
    event: Option<Event>,
    /// Intervals that ended, in packets, the newest first.
    closed: VecDeque<f64>,
}

impl LossHistory {
    pub fn new(variant: Variant) -> Self {
        Self { variant, newest: None, gaps: VecDeque::new(), event: None, closed: VecDeque::new() }
    }

    /// A packet came. True if that shows that packets were lost. `first_interval` is asked once, at the first loss, how
    /// many packets lie before it (section 6.3.1).
    pub fn on_packet(
        &mut self,
        sequence: u64,
        sent: Duration,
        rtt: Duration,
        first_interval: impl FnOnce() -> f64,
    ) -> bool {
        let packet = Packet { sequence, sent };
        let late = self.newest.is_some_and(|newest| sequence <= newest.sequence);
        if late && !self.fill(packet) {
            return false;
        }
        match self.newest {
            Some(newest) if sequence.saturating_sub(newest.sequence) > LARGEST_STEP => {
                *self = Self::new(self.variant)
            }
            Some(before) if sequence > before.sequence + 1 => {
                let first = before.sequence + 1;
                self.gaps.push_back(Gap { first, end: sequence, before, after: packet, later: 0 });
            }
            _ => {}
        }
        if self.newest.is_none_or(|newest| newest.sequence < sequence) {
            self.newest = Some(packet);
        }
        for gap in self.gaps.iter_mut().filter(|gap| gap.end <= sequence) {
            gap.later += 1;
        }
        let mut lost = false;
        let mut first_interval = Some(first_interval);
        while let Some(gap) = self.gaps.pop_front_if(|gap| gap.later >= LATER) {
            if self.event.is_none()
                && let Some(first_interval) = first_interval.take()
            {
                self.closed.push_front(first_interval().max(1.0));
            }
            self.lose(&gap, rtt);
            lost = true;
        }
        lost
    }

    /// A packet came late: its gap falls into two. False if it was not missing.
    fn fill(&mut self, packet: Packet) -> bool {
        let at = self.gaps.iter().position(|g| (g.first..g.end).contains(&packet.sequence));
        let Some((at, gap)) = at.and_then(|at| Some((at, self.gaps.remove(at)?))) else { return false };
        let upper = Gap { first: packet.sequence + 1, before: packet, ..gap };
        let lower = Gap { end: packet.sequence, after: packet, ..gap };
        for part in [upper, lower] {
            if part.first < part.end {
                self.gaps.insert(at, part);
            }
        }
        true
    }

    /// Counts the packets of a gap as lost: those within a round trip of the first are one event (section 5.2).
    fn lose(&mut self, gap: &Gap, rtt: Duration) {
        let step = gap.step();
        let mut sequence = gap.first;
        while sequence < gap.end {
            let sent = gap.sent(sequence);
            match &mut self.event {
                Some(event) if sent < event.began + rtt => {
                    let left = (event.began + rtt - sent).as_secs_f64();
                    let packets =
                        if step.is_zero() { u64::MAX } else { (left / step.as_secs_f64()) as u64 + 1 };
                    let packets = packets.min(gap.end - sequence);
                    event.lost += packets;
                    sequence += packets;
                }
                _ => {
                    self.begin(Event { first: sequence, began: sent, lost: 1 }, rtt);
                    sequence += 1;
                }
            }
        }
    }

    fn begin(&mut self, event: Event, rtt: Duration) {
        if let Some(last) = self.event.replace(event) {
            let packets = (event.first - last.first) as f64;
            let short = event.began.saturating_sub(last.began) < rtt * 2;
            let divided = self.variant == Variant::SmallPackets && short;
            // RFC 4828 section 3: in a short interval each lost packet counts.
            self.closed.push_front(if divided { packets / last.lost as f64 } else { packets });
            self.closed.truncate(WEIGHTS.len());
        }
    }

    /// Loss events a packet, 0 to 1 (section 5.4).
    pub fn loss_event_rate(&self, rtt: Duration) -> f64 {
        let (Some(event), Some(newest)) = (self.event, self.newest) else { return 0.0 };
        let open = (newest.sequence.saturating_sub(event.first) + 1) as f64;
        let weigh = |intervals: &mut dyn Iterator<Item = f64>| -> f64 {
            intervals.zip(WEIGHTS).map(|(packets, weight)| packets * weight).sum()
        };
        let count = self.closed.len();
        let all: f64 = WEIGHTS.iter().take(count).sum();
        let closed = weigh(&mut self.closed.iter().copied());
        let with_open = weigh(&mut std::iter::once(open).chain(self.closed.iter().copied()).take(count));
        let short = newest.sent.saturating_sub(event.began) < rtt * 2;
        let ignored = self.variant == Variant::SmallPackets && short;
        let total = if ignored { closed } else { closed.max(with_open) };
        (all / total.max(1e-9)).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(100);

    /// Feeds packets, 10 ms apart, but those for which `lost` is true.
    fn history(variant: Variant, packets: u64, lost: impl Fn(u64) -> bool) -> LossHistory {
        let mut history = LossHistory::new(variant);
        for sequence in (0..packets).filter(|s| !lost(*s)) {
            history.on_packet(sequence, Duration::from_millis(sequence * 10), RTT, || 50.0);
        }
        history
    }

    #[test]
    fn regular_losses_give_their_rate() {
        let history = history(Variant::Standard, 2000, |s| s % 50 == 7);
        assert!((history.loss_event_rate(RTT) - 0.02).abs() < 0.0005, "{}", history.loss_event_rate(RTT));
    }

    #[test]
    fn losses_of_one_round_trip_are_one_event() {
        let burst = history(Variant::Standard, 1200, |s| s % 100 < 5);
        let single = history(Variant::Standard, 1200, |s| s % 100 == 0);
        assert!((burst.loss_event_rate(RTT) - single.loss_event_rate(RTT)).abs() < 0.0005);
        let long = history(Variant::Standard, 1200, |s| s % 100 < 30);
        assert!(
            long.loss_event_rate(RTT) > 1.5 * single.loss_event_rate(RTT),
            "three round trips, three events"
        );
    }

    #[test]
    fn small_packets_count_each_loss_of_a_short_interval() {
        let lost = |s: u64| matches!(s % 13, 0..3);
        let (standard, small) =
            (history(Variant::Standard, 1000, lost), history(Variant::SmallPackets, 1000, lost));
        let ratio = small.loss_event_rate(RTT) / standard.loss_event_rate(RTT);
        assert!((ratio - 3.0).abs() < 0.3, "{ratio}");
    }

    #[test]
    fn packets_that_come_late_are_not_lost() {
        let mut history = LossHistory::new(Variant::Standard);
        let mut order: Vec<u64> = (0..300).collect();
        order.chunks_mut(3).for_each(<[u64]>::reverse);
        for sequence in order {
            assert!(!history.on_packet(sequence, Duration::from_millis(sequence * 10), RTT, || 50.0));
        }
        assert_eq!(history.loss_event_rate(RTT), 0.0);
        assert!(history.gaps.is_empty());
    }

    #[test]
    fn three_later_packets_make_a_loss() {
        let mut history = LossHistory::new(Variant::Standard);
        let mut came = |s: u64| history.on_packet(s, Duration::from_millis(s * 10), RTT, || 50.0);
        assert_eq!([0, 1, 3, 3, 4, 5, 6].map(&mut came), [false, false, false, false, false, true, false]);
        assert!(history.loss_event_rate(RTT) > 0.0);
    }

    #[test]
    fn a_long_time_without_loss_lowers_the_rate() {
        let rate =
            |packets| history(Variant::Standard, packets, |s| s < 500 && s % 50 == 7).loss_event_rate(RTT);
        assert!(rate(3000) < 0.3 * rate(520));
    }

    #[test]
    fn another_numbering_is_no_loss_and_memory_is_bounded() {
        let mut history = history(Variant::Standard, 100, |s| s % 10 == 1);
        assert!(!history.on_packet(1_000_000, Duration::from_secs(9), RTT, || 50.0));
        assert_eq!(history.loss_event_rate(RTT), 0.0);
        for i in 0..20_000u64 {
            history.on_packet(1_000_000 + i * 17 % 4001 + i, Duration::from_secs(9), RTT, || 50.0);
            assert!(history.gaps.len() < 16 && history.closed.len() <= 8);
        }
    }
}
