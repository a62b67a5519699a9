//! How many packets come in a second by their timestamps, and what jump of sequence numbers is still credible.

use super::skew::{extend, scale};

/// Limits while no rate is measured, and the least ones, in packets (`MAX_DROPOUT` and `MAX_MISORDER` are 3000 and 100
/// in RFC 3550 appendix A.1, too).
const DEFAULT_DROPOUT: u32 = 3000;
const MIN_DROPOUT: u32 = 30;
const DEFAULT_MISORDER: u32 = 100;
const MIN_MISORDER: u32 = 10;
/// Jumps beyond this are not measured: the sender began anew.
const MAX_STEP: i16 = 15_000;
/// The average after the first measurement, whatever that is: one interval is no rate.
const FIRST_AVERAGE: u64 = 2;
const SECOND_NS: u64 = 1_000_000_000;

/// The average packet rate of a source. It rises quickly and falls slowly, so that bursts widen the limits.
#[derive(Debug, Default)]
pub(super) struct PacketRate {
    last: Option<(u16, u64)>,
    average: Option<u64>,
}

impl PacketRate {
    /// The next packet is not compared with those before.
    pub(super) fn interrupt(&mut self) {
        self.last = None;
    }

    pub(super) fn on_packet(&mut self, sequence_number: u16, timestamp: u32, clock_rate: u32) {
        let Some((last_number, last_time)) = self.last else {
            self.last = Some((sequence_number, extend(None, timestamp)));
            return;
        };
        let time = extend(Some(last_time), timestamp);
        let step = sequence_number.wrapping_sub(last_number).cast_signed();
        if step <= MAX_STEP {
            if step <= 0 || time <= last_time {
                return;
            }
            // One nanosecond at least: a clock may be faster than that.
            let interval_ns = scale(time - last_time, clock_rate).max(1);
            self.measure(u64::from(step.unsigned_abs()), interval_ns);
        }
        self.last = Some((sequence_number, time));
    }

    fn measure(&mut self, step: u64, interval_ns: u64) {
        let rate = (step * SECOND_NS / interval_ns).min(u64::from(u32::MAX));
        let Some(average) = self.average else {
            self.average = Some(FIRST_AVERAGE);
            return;
        };
        // A third of a second down, a fifteenth up.
        let span = if average > rate { (average / 3).max(8) } else { (average / 15).max(2) };
        let weight = step.min(span - 1);
        self.average = Some(((span - weight) * average + weight * rate) / span);
    }

    /// So many packets ahead of the expected one is too far.
    pub(super) fn max_dropout(&self, ms: u32) -> u32 {
        self.packets(ms).map_or(DEFAULT_DROPOUT, |packets| packets.max(MIN_DROPOUT))
    }

    /// More packets behind the expected one is too far.
    pub(super) fn max_misorder(&self, ms: u32) -> u32 {
        self.packets(ms).map_or(DEFAULT_MISORDER, |packets| packets.max(MIN_MISORDER))
    }

    fn packets(&self, ms: u32) -> Option<u32> {
        let average = self.average.filter(|_| ms > 0)?;
        Some(u32::try_from(average * u64::from(ms) / 1000).unwrap_or(u32::MAX))
    }
}
