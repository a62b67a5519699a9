//! From RTP timestamps to a smooth playout time on the receiver's clock.
//!
//! What a packet came later than its timestamp says is the network's jitter plus the clocks' drift. The least of it in
//! a window is the drift alone, nearly; it is followed slowly (Fober, Orlarey, Letz, "Real Time Clock Skew Estimation
//! over Network Delays", 2005).

use super::Timing;

const SECOND_NS: u64 = 1_000_000_000;
/// The window is that long, or that many points.
const WINDOW_NS: i64 = 2_000_000_000;
const WINDOW_POINTS: usize = 512;
/// The weight of a new minimum once the window was full: one in so many.
const WEIGHT: i64 = 125;
/// A packet that is so far from where it should be belongs to another timeline.
const RESYNC_NS: u64 = SECOND_NS;
/// No time is beyond this: sums of two stay in their type.
const MAX_NS: u64 = 1 << 62;
/// Extended timestamps begin after one turn: those of earlier packets stay positive.
const FIRST_TURN: u64 = 1 << 32;

/// Where both clocks were at the beginning of this timeline.
#[derive(Clone, Copy, Debug)]
struct Base {
    rtp_time: u64,
    sender_ns: i64,
    receiver_ns: i64,
}

#[derive(Clone, Copy, Debug)]
struct Previous {
    sent_ns: i64,
    out_ns: u64,
}

/// Where a packet stands in the sequence: seen from the one that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Expected,
    /// Some before it are missing.
    Ahead,
    /// A newer one came before it.
    Behind,
}

/// The timing of one source.
#[derive(Debug)]
pub(super) struct Skew {
    clock_rate: u32,
    base: Option<Base>,
    last: Option<u64>,
    previous: Option<Previous>,
    window: Box<[i64]>,
    position: usize,
    size: usize,
    filling: bool,
    min_ns: i64,
    skew_ns: i64,
}

impl Skew {
    pub(super) fn new() -> Self {
        Self {
            clock_rate: 0,
            base: None,
            last: None,
            previous: None,
            window: vec![0; WINDOW_POINTS].into_boxed_slice(),
            position: 0,
            size: 0,
            filling: true,
            min_ns: 0,
            skew_ns: 0,
        }
    }

    /// Nothing is known but the clock rate.
    pub(super) fn reset(&mut self) {
        self.base = None;
        self.last = None;
        self.previous = None;
        self.reset_window();
    }

    fn reset_window(&mut self) {
        self.position = 0;
        self.size = 0;
        self.filling = true;
        self.min_ns = 0;
        self.skew_ns = 0;
    }

    /// In hertz; 0 while none is known.
    pub(super) fn clock_rate(&self) -> u32 {
        self.clock_rate
    }

    /// Another rate is another timeline.
    pub(super) fn set_clock_rate(&mut self, hz: u32) {
        self.clock_rate = hz;
        self.reset();
    }

    pub(super) fn extend(&self, timestamp: u32) -> u64 {
        extend(self.last, timestamp)
    }

    pub(super) fn timing(&self) -> Option<Timing> {
        let base = self.base?;
        Some(Timing {
            base_rtp_time: base.rtp_time,
            base_time_ns: base.receiver_ns.saturating_add(self.skew_ns).max(0).unsigned_abs(),
            clock_rate: self.clock_rate,
            last_rtp_time: self.last.unwrap_or(base.rtp_time),
        })
    }

    /// The playout time of a packet, without latency and offset.
    pub(super) fn time_ns(&mut self, timestamp: u32, arrival_ns: u64, place: Place, latency_ns: u64) -> u64 {
        let rtp_time = self.extend(timestamp);
        let arrival = signed(arrival_ns);
        let sender = signed(scale(rtp_time, self.clock_rate));
        if place == Place::Behind
            && let Some(base) = self.base
        {
            // It says nothing about the newest one, and its lateness nothing about the clocks.
            return self.out_ns(base, sender.saturating_sub(base.sender_ns));
        }
        if let Some(previous) = self.previous
            && self.last == Some(rtp_time)
        {
            return previous.out_ns;
        }
        self.last = Some(rtp_time);
        let here = Base { rtp_time, sender_ns: sender, receiver_ns: arrival };
        // A sender whose timestamps went back before the base began anew, on the same clock.
        let mut base = match self.base {
            Some(base) if sender >= base.sender_ns => base,
            _ => self.rebase(here),
        };
        let mut sent = sender - base.sender_ns;
        let mut delta = (arrival - base.receiver_ns).saturating_sub(sent);
        let mut measure = place == Place::Expected;
        if delta.saturating_sub(self.skew_ns).unsigned_abs() > RESYNC_NS {
            self.reset_window();
            base = self.rebase(here);
            (sent, delta, measure) = (0, 0, true);
        }
        if measure {
            self.update(sent, delta);
        }
        let mut out = self.in_order_ns(self.out_ns(base, sent), sent);
        if place == Place::Expected && out.saturating_add(latency_ns) < arrival.unsigned_abs() {
            // Too late to be played and no packet is missing: the sender paused, its clock as well.
            self.reset_window();
            self.rebase(here);
            (sent, out) = (0, arrival.unsigned_abs());
        }
        self.previous = Some(Previous { sent_ns: sent, out_ns: out });
        out
    }

    fn rebase(&mut self, base: Base) -> Base {
        self.previous = None;
        self.base = Some(base);
        base
    }

    fn out_ns(&self, base: Base, sent: i64) -> u64 {
        base.receiver_ns.saturating_add(sent).saturating_add(self.skew_ns).max(0).unsigned_abs()
    }

    /// Time goes no other way than the timestamps, whatever the skew does.
    fn in_order_ns(&self, out: u64, sent: i64) -> u64 {
        match self.previous {
            Some(previous) if sent > previous.sent_ns => out.max(previous.out_ns),
            Some(previous) if sent < previous.sent_ns => out.min(previous.out_ns),
            Some(previous) => previous.out_ns,
            None => out,
        }
    }

    fn update(&mut self, sent: i64, delta: i64) {
        if self.filling {
            self.fill(sent, delta);
            return;
        }
        let old = std::mem::replace(&mut self.window[self.position], delta);
        if delta <= self.min_ns {
            self.min_ns = delta;
        } else if old == self.min_ns {
            self.min_ns = self.window[..self.size].iter().copied().min().unwrap_or(delta);
        }
        self.skew_ns = self.min_ns.saturating_add(self.skew_ns.saturating_mul(WEIGHT - 1)) / WEIGHT;
        self.position += 1;
        if self.position >= self.size {
            self.position = 0;
        }
    }

    /// The fuller the window, the more its minimum counts: with the square.
    fn fill(&mut self, sent: i64, delta: i64) {
        self.window[self.position] = delta;
        self.position += 1;
        if self.position == 1 || delta < self.min_ns {
            self.min_ns = delta;
        }
        if sent >= WINDOW_NS || self.position >= WINDOW_POINTS {
            self.size = self.position;
            self.position = 0;
            self.filling = false;
            self.skew_ns = self.min_ns;
            return;
        }
        let percent = (sent * 100 / WINDOW_NS).max((self.position * 100 / WINDOW_POINTS) as i64);
        let weight = percent * percent;
        let (new, old) = (self.min_ns.saturating_mul(weight), self.skew_ns.saturating_mul(10_000 - weight));
        self.skew_ns = new.saturating_add(old) / 10_000;
    }
}

/// The extended timestamp nearest to the last one.
pub(super) fn extend(last: Option<u64>, timestamp: u32) -> u64 {
    match last {
        Some(last) => {
            let step = timestamp.wrapping_sub(last as u32).cast_signed();
            // Before the first turn there is only the next one.
            last.checked_add_signed(step.into()).unwrap_or(u64::from(timestamp))
        }
        None => FIRST_TURN | u64::from(timestamp),
    }
}

/// Ticks of a clock in nanoseconds, rounded down.
pub(super) fn scale(ticks: u64, clock_rate: u32) -> u64 {
    let rate = u64::from(clock_rate.max(1));
    (ticks / rate).saturating_mul(SECOND_NS).saturating_add(ticks % rate * SECOND_NS / rate)
}

fn signed(ns: u64) -> i64 {
    ns.min(MAX_NS).cast_signed()
}
