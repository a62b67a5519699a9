//! How regularly packets come: jitter, equidistance and spacing.

use super::skew::scale;

/// The guess about equidistance stays within this.
const CERTAIN: i8 = 7;

/// The jitter of arrivals (RFC 3550 section 6.4.1, in nanoseconds), and whether each packet has its own timestamp.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    last: Option<(u64, u32)>,
    equidistance: i8,
    jitter_ns: u64,
}

impl Arrivals {
    /// The next packet is not compared with those before.
    pub(super) fn interrupt(&mut self) {
        self.last = None;
    }

    pub(super) fn on_packet(&mut self, arrival_ns: u64, timestamp: u32, clock_rate: u32) {
        let last = self.last.replace((arrival_ns, timestamp));
        let (last_arrival, last_timestamp) = last.unwrap_or((arrival_ns, timestamp));
        // Packets of one frame share a timestamp: their number says nothing about time.
        let step = if last.is_some() && timestamp == last_timestamp { -2 } else { 1 };
        self.equidistance = (self.equidistance + step).clamp(-CERTAIN, CERTAIN);
        let ticks = timestamp.wrapping_sub(last_timestamp).cast_signed();
        let sent = scale(ticks.unsigned_abs().into(), clock_rate);
        let came = arrival_ns.abs_diff(last_arrival);
        let difference = if (ticks < 0) == (arrival_ns < last_arrival) {
            came.abs_diff(sent)
        } else {
            came.saturating_add(sent)
        };
        self.jitter_ns = self.jitter_ns.saturating_mul(15).saturating_add(difference) >> 4;
    }

    pub(super) fn jitter_ns(&self) -> u64 {
        self.jitter_ns
    }

    pub(super) fn equidistant(&self) -> bool {
        self.equidistance > 0
    }
}

/// The time between consecutive packets, rather too long than too short.
#[derive(Debug, Default)]
pub(super) struct Spacing {
    last: Option<(u32, u64)>,
    spacing_ns: u64,
}

impl Spacing {
    /// 0 while none is known.
    pub(super) fn ns(&self) -> u64 {
        self.spacing_ns
    }

    /// The next packet is not compared with those before.
    pub(super) fn interrupt(&mut self) {
        self.last = None;
    }

    /// A packet that directly follows the one before it, or the first.
    pub(super) fn on_packet(&mut self, timestamp: u32, time_ns: u64) {
        let last = self.last;
        if last.is_some_and(|(last_timestamp, _)| last_timestamp == timestamp) {
            return;
        }
        self.last = Some((timestamp, time_ns));
        let Some(new) = last.and_then(|(_, last_ns)| time_ns.checked_sub(last_ns)).filter(|new| *new > 0)
        else {
            return;
        };
        let old = self.spacing_ns;
        let (less, more) = if new < old { (new, old) } else { (old, new) };
        self.spacing_ns = if old == 0 { new } else { more.saturating_mul(3).saturating_add(less) / 4 };
    }
}
