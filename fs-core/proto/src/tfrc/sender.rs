//! The sender: how much may be sent (RFC 5348 section 4).

use std::time::Duration;

use super::equation::byte_rate;
use super::{DEFAULT_SEGMENT, Variant};

/// The deadline for feedback before any came (section 4.2).
const FIRST_DEADLINE: Duration = Duration::from_secs(2);

/// No deadline is nearer. RTCP comes about ten times a second, and a LAN's four round trips are over before that.
const LEAST_DEADLINE: Duration = Duration::from_millis(500);

/// `t_mbi`: at least one packet in that many seconds is always allowed.
const LONGEST_BACKOFF_SECONDS: f64 = 64.0;

/// How many receive rates are remembered (section 4.3 asks for three at least).
const REMEMBERED: usize = 4;

/// What headers cost in bytes, for small packets (RFC 4828 section 3).
const HEADERS: f64 = 40.0;

/// A report as the sender understands it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// The round-trip time it shows; more than 0.
    pub rtt: Duration,
    /// Bytes per second that arrived.
    pub receive_byte_rate: f64,
    /// Loss events a packet, 0 to 1.
    pub loss_event_rate: f64,
    /// The application was the limit in the whole interval ([`super::DataLimited`]).
    pub data_limited: bool,
}

/// The rate towards one receiver.
#[derive(Clone, Debug)]
pub struct Sender {
    variant: Variant,
    /// Mean packet in bytes.
    packet: f64,
    /// `X`, bytes per second.
    allowed: f64,
    /// `X_inst`: the allowed rate, damped (section 4.5).
    instant: Option<f64>,
    /// `X_Bps`: what the equation gave last.
    computed: f64,
    rtt: Option<Duration>,
    /// `R_sqmean`, root of seconds.
    root_mean: f64,
    /// `tld`: when the rate was last doubled.
    doubled: Option<Duration>,
    /// `p`.
    loss_event_rate: f64,
    /// `X_recv_set`, the newest first. Infinity stands for "no limit yet".
    received: Vec<(Duration, f64)>,
    deadline: Duration,
    /// Something was sent since the deadline was set.
    busy: bool,
}

impl Sender {
    /// A sender that knows nothing but the time: one packet a second (section 4.2).
    pub fn new(variant: Variant, now: Duration) -> Self {
        let packet = f64::from(DEFAULT_SEGMENT);
        Self {
            variant,
            packet,
            allowed: packet,
            instant: None,
            computed: 0.0,
            rtt: None,
            root_mean: 0.0,
            doubled: None,
            loss_event_rate: 0.0,
            received: Vec::new(),
            deadline: now + FIRST_DEADLINE,
            busy: false,
        }
    }

    /// Bytes per second that may be sent, packets as they are.
    pub fn byte_rate(&self) -> f64 {
        let rate = self.instant.unwrap_or(self.allowed);
        match self.variant {
            Variant::Standard => rate,
            Variant::SmallPackets => rate * self.packet / (self.packet + HEADERS),
        }
    }

    /// The mean round-trip time, once known.
    pub fn rtt(&self) -> Option<Duration> {
        self.rtt
    }

    /// When [`Self::on_deadline`] must be called if no report comes before.
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// A packet of that many bytes leaves.
    pub fn on_packet(&mut self, size: usize) {
        self.packet += (size as f64 - self.packet) / 16.0;
        self.busy = true;
    }

    /// A report came (section 4.3).
    pub fn on_report(&mut self, now: Duration, report: &Report) {
        let sample = report.rtt.max(Duration::from_micros(1));
        let rtt = self.rtt.map_or(sample, |mean| mean.mul_f64(0.9) + sample.mul_f64(0.1));
        self.rtt = Some(rtt);
        if self.doubled.is_none() {
            self.allowed = self.initial_rate();
            self.doubled = Some(now);
            self.received = vec![(now, f64::INFINITY)];
        }
        let limit = self.receive_limit(now, rtt, report);
        self.apply(now, rtt, limit, report.loss_event_rate);
        self.damp(sample);
        self.loss_event_rate = report.loss_event_rate;
        self.set_deadline(now);
    }

    /// No report came in time (section 4.4): the rate is halved, unless the sender was idle at a low rate.
    pub fn on_deadline(&mut self, now: Duration) {
        let received = self.received.iter().map(|(_, rate)| *rate).fold(0.0, f64::max);
        let recover = self.initial_rate();
        let slow = match self.loss_event_rate > 0.0 {
            true => received < recover,
            false => self.allowed < 2.0 * recover,
        };
        match self.rtt {
            _ if !self.busy && (self.rtt.is_none() || slow) => {}
            Some(rtt) if self.loss_event_rate > 0.0 => {
                // The receive rate limited already, or the equation did: whichever it was is halved.
                let limit = if self.computed > 2.0 * received { received } else { self.computed / 2.0 };
                let limit = limit.max(self.least());
                self.received = vec![(now, limit / 2.0)];
                self.apply(now, rtt, limit, self.loss_event_rate);
                self.instant = Some(self.allowed);
            }
            _ => {
                self.allowed = (self.allowed / 2.0).max(self.least());
                self.instant = self.instant.map(|_| self.allowed);
            }
        }
        self.set_deadline(now);
    }

    fn set_deadline(&mut self, now: Duration) {
        let four = self.rtt.unwrap_or_default() * 4;
        let two_packets = Duration::from_secs_f64(2.0 * self.segment() / self.allowed);
        self.deadline = now + four.max(two_packets).max(LEAST_DEADLINE);
        self.busy = false;
    }

    /// What the receive rates allow, by the three ways of section 4.3 step 4.
    fn receive_limit(&mut self, now: Duration, rtt: Duration, report: &Report) -> f64 {
        if !report.data_limited {
            self.received.insert(0, (now, report.receive_byte_rate));
            self.received.truncate(REMEMBERED);
            let old = now.checked_sub(rtt * 2);
            let mut newest = true;
            self.received.retain(|(when, _)| std::mem::take(&mut newest) || Some(*when) >= old);
            return 2.0 * self.received.iter().map(|(_, rate)| *rate).fold(0.0, f64::max);
        }
        if report.loss_event_rate > self.loss_event_rate {
            self.received.iter_mut().for_each(|(_, rate)| *rate /= 2.0);
            return self.keep_highest(now, report.receive_byte_rate * 0.85);
        }
        2.0 * self.keep_highest(now, report.receive_byte_rate)
    }

    /// `Maximize X_recv_set`.
    fn keep_highest(&mut self, now: Duration, receive_byte_rate: f64) -> f64 {
        let finite = self.received.iter().map(|(_, rate)| *rate).filter(|rate| rate.is_finite());
        let highest = finite.fold(receive_byte_rate, f64::max);
        self.received = vec![(now, highest)];
        highest
    }

    /// Section 4.3 step 4: by the equation after losses, by doubling before.
    fn apply(&mut self, now: Duration, rtt: Duration, limit: f64, loss_event_rate: f64) {
        if loss_event_rate > 0.0 {
            self.computed = byte_rate(self.segment(), rtt, loss_event_rate);
            self.allowed = self.computed.min(limit).max(self.least());
        } else if self.doubled.is_none_or(|doubled| now.saturating_sub(doubled) >= rtt) {
            self.allowed = (2.0 * self.allowed).min(limit).max(self.initial_rate());
            self.doubled = Some(now);
        }
    }

    /// Section 4.5: slows down while the queue on the way grows, which shows as a longer round trip.
    fn damp(&mut self, sample: Duration) {
        let root = sample.as_secs_f64().sqrt();
        self.root_mean = if self.root_mean > 0.0 { 0.9 * self.root_mean + 0.1 * root } else { root };
        self.instant = Some((self.allowed * self.root_mean / root).max(self.least()));
    }

    /// `s` of the equation, in bytes.
    fn segment(&self) -> f64 {
        match self.variant {
            Variant::Standard => self.packet,
            Variant::SmallPackets => f64::from(DEFAULT_SEGMENT),
        }
    }

    fn least(&self) -> f64 {
        self.segment() / LONGEST_BACKOFF_SECONDS
    }

    /// `W_init / R` (section 4.2); 0 before the round-trip time is known.
    fn initial_rate(&self) -> f64 {
        let segment = f64::from(DEFAULT_SEGMENT);
        let window = (4.0 * segment).min((2.0 * segment).max(4380.0));
        self.rtt.map_or(0.0, |rtt| window / rtt.as_secs_f64().max(1e-6))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn report(receive_byte_rate: f64, loss_event_rate: f64) -> Report {
        Report { rtt: ms(100), receive_byte_rate, loss_event_rate, data_limited: false }
    }

    #[test]
    fn it_begins_with_a_packet_a_second_and_then_a_window_a_round_trip() {
        let mut sender = Sender::new(Variant::Standard, ms(0));
        assert_eq!(sender.byte_rate(), 1460.0);
        assert_eq!(sender.deadline(), ms(2000));
        sender.on_report(ms(100), &report(1460.0, 0.0));
        assert_eq!(sender.byte_rate().round(), 43_800.0);
        assert_eq!(sender.rtt(), Some(ms(100)));
    }

    #[test]
    fn without_losses_it_doubles_each_round_trip_up_to_twice_what_arrives() {
        let mut sender = Sender::new(Variant::Standard, ms(0));
        sender.on_report(ms(100), &report(1460.0, 0.0));
        sender.on_report(ms(150), &report(40_000.0, 0.0));
        assert_eq!(sender.byte_rate().round(), 43_800.0, "not twice in one round trip");
        sender.on_report(ms(200), &report(43_800.0, 0.0));
        assert_eq!(sender.byte_rate().round(), 87_600.0);
        sender.on_report(ms(400), &report(50_000.0, 0.0));
        assert_eq!(sender.byte_rate().round(), 100_000.0);
    }

    #[test]
    fn losses_bring_it_down_to_the_equation() {
        let mut sender = Sender::new(Variant::Standard, ms(0));
        sender.on_report(ms(100), &report(1e6, 0.0));
        sender.on_report(ms(200), &report(1e6, 0.01));
        let equation = byte_rate(1460.0, ms(100), 0.01);
        assert!((sender.byte_rate() / equation - 1.0).abs() < 0.001);
        sender.on_report(ms(300), &report(20_000.0, 0.01));
        sender.on_report(ms(600), &report(20_000.0, 0.01));
        assert_eq!(sender.byte_rate().round(), 40_000.0, "twice what arrives is the limit");
    }

    #[test]
    fn silence_halves_it_again_and_again() {
        let mut sender = Sender::new(Variant::Standard, ms(0));
        sender.on_report(ms(100), &report(1e6, 0.0));
        let mut before = sender.byte_rate();
        for _ in 0..30 {
            sender.on_packet(1460);
            sender.on_deadline(sender.deadline());
            let now = sender.byte_rate();
            assert!((now - (before / 2.0).max(1460.0 / 64.0)).abs() < 1.0, "{now} after {before}");
            before = now;
        }
        sender.on_report(sender.deadline(), &report(1e5, 0.02));
        let before = sender.byte_rate();
        sender.on_packet(1460);
        sender.on_deadline(sender.deadline());
        assert!(sender.byte_rate() < 0.6 * before);
    }

    #[test]
    fn an_idle_sender_keeps_its_low_rate() {
        let mut sender = Sender::new(Variant::Standard, ms(0));
        sender.on_deadline(ms(2000));
        assert_eq!(sender.byte_rate(), 1460.0);
        sender.on_report(ms(2100), &report(1460.0, 0.0));
        let before = sender.byte_rate();
        sender.on_deadline(sender.deadline());
        assert_eq!(sender.byte_rate(), before);
    }

    #[test]
    fn an_interval_without_data_does_not_limit() {
        let mut sender = Sender::new(Variant::Standard, ms(0));
        sender.on_report(ms(100), &report(1e5, 0.0));
        sender.on_report(ms(200), &report(1e5, 0.0));
        let before = sender.byte_rate();
        let quiet = Report { data_limited: true, ..report(1000.0, 0.0) };
        sender.on_report(ms(250), &quiet);
        assert!(sender.byte_rate() >= before);
        sender.on_report(ms(290), &Report { loss_event_rate: 0.05, ..quiet });
        assert!(sender.byte_rate() < before, "but a loss does");
    }

    #[test]
    fn a_growing_queue_slows_it_down_at_once() {
        let mut sender = Sender::new(Variant::Standard, ms(0));
        sender.on_report(ms(100), &report(1e6, 0.001));
        let slow = Report { rtt: ms(400), ..report(1e6, 0.001) };
        let before = sender.byte_rate();
        sender.on_report(ms(500), &slow);
        assert!(sender.byte_rate() < 0.6 * before, "{} after {before}", sender.byte_rate());
    }

    #[test]
    fn small_packets_get_what_full_ones_would_less_headers() {
        let rate = |variant, size: usize| {
            let mut sender = Sender::new(variant, ms(0));
            (0..500).for_each(|_| sender.on_packet(size));
            sender.on_report(ms(100), &report(1e9, 0.01));
            sender.on_report(ms(200), &report(1e9, 0.01));
            sender.byte_rate()
        };
        let (standard, small) = (rate(Variant::Standard, 160), rate(Variant::SmallPackets, 160));
        let full = byte_rate(1460.0, ms(100), 0.01);
        assert!((small / (full * 160.0 / 200.0) - 1.0).abs() < 0.01, "{small}");
        assert!(standard < small / 5.0);
    }
}
