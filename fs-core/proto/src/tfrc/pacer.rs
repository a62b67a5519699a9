//! When a packet may leave (RFC 5348 section 4.6): a bucket of bytes that the allowed rate fills.

use std::time::Duration;

/// What may leave at once in any case, in bytes: two full packets.
const LEAST_BURST: f64 = 3000.0;

/// No packet waits longer. An encoder that can't go below some rate would otherwise be late by more and more.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// The bucket of one session.
#[derive(Clone, Copy, Debug)]
pub struct Pacer {
    bytes: f64,
    filled: Option<Duration>,
}

impl Default for Pacer {
    fn default() -> Self {
        Self { bytes: LEAST_BURST, filled: None }
    }
}

impl Pacer {
    /// How long a packet of that many bytes has to wait at this rate. What was not used stays for one round trip.
    pub fn on_packet(&mut self, now: Duration, size: usize, byte_rate: f64, rtt: Duration) -> Duration {
        let most = (byte_rate * rtt.as_secs_f64()).max(LEAST_BURST);
        let passed = now.saturating_sub(self.filled.unwrap_or(now)).as_secs_f64();
        self.filled = Some(self.filled.map_or(now, |filled| filled.max(now)));
        let least = -byte_rate * LONGEST_WAIT.as_secs_f64();
        self.bytes = ((self.bytes + passed * byte_rate).min(most) - size as f64).max(least);
        if self.bytes >= 0.0 || byte_rate <= 0.0 {
            return Duration::ZERO;
        }
        Duration::from_secs_f64(-self.bytes / byte_rate).min(LONGEST_WAIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(20);

    #[test]
    fn packets_leave_at_the_rate() {
        let (mut pacer, mut now) = (Pacer::default(), Duration::ZERO);
        for _ in 0..1000 {
            now += pacer.on_packet(now, 1000, 50_000.0, RTT);
        }
        let rate = 1_000_000.0 / now.as_secs_f64();
        assert!((rate / 50_000.0 - 1.0).abs() < 0.01, "{rate}");
    }

    #[test]
    fn whoever_keeps_below_the_rate_does_not_wait() {
        let mut pacer = Pacer::default();
        for i in 0..1000 {
            let now = Duration::from_millis(i * 25);
            assert_eq!(pacer.on_packet(now, 1000, 50_000.0, RTT), Duration::ZERO);
        }
    }

    #[test]
    fn nothing_waits_for_ever() {
        let mut pacer = Pacer::default();
        for _ in 0..100 {
            assert!(pacer.on_packet(Duration::ZERO, 60_000, 20.0, RTT) <= LONGEST_WAIT);
        }
        assert_eq!(pacer.on_packet(Duration::ZERO, 60_000, 0.0, RTT), Duration::ZERO);
    }
}
