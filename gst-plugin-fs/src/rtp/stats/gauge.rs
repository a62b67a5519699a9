//! How full a jitter buffer is: the time between the newest packet that went in and the last that came out.
//!
//! rtpbin's jitter buffer tells its fill only in a mode that is not for calls. So the timestamp of each packet is read where it
//! goes in and where it comes out; that allocates nothing and takes no lock.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gst::prelude::*;

use crate::rtp::jitter_buffer::JitterBuffer;
use crate::rtp::shortcut;

/// Marks that there is a timestamp in the lower half.
const KNOWN: u64 = 1 << 32;
/// Where the timestamp of an RTP packet is (RFC 3550 section 5.1).
const TIMESTAMP: usize = 4;

/// A fill, in whole ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fill(u32);

impl Fill {
    /// In ms.
    pub fn ms(self) -> u32 {
        self.0
    }
}

/// The timestamps that passed; shared with where they pass.
#[derive(Debug, Default)]
struct Seen {
    went_in: AtomicU64,
    came_out: AtomicU64,
}

impl Seen {
    fn comes_out(&self, timestamp: u32) {
        self.came_out.store(u64::from(timestamp) | KNOWN, Ordering::Relaxed);
    }

    fn goes_in(&self, timestamp: u32) {
        let newest = u64::from(timestamp) | KNOWN;
        self.went_in.store(newest, Ordering::Relaxed);
        // Nothing came out yet: full since the first packet.
        let _ = self.came_out.compare_exchange(0, newest, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// In units of the clock rate. A clock that jumped makes no nonsense of it.
    fn units(&self) -> u32 {
        let [newest, last] = [&self.went_in, &self.came_out].map(|seen| seen.load(Ordering::Relaxed));
        if newest & KNOWN == 0 || last & KNOWN == 0 {
            return 0;
        }
        let lower = |seen: u64| u32::try_from(seen & u64::from(u32::MAX)).unwrap_or_default();
        let ahead = lower(newest).wrapping_sub(lower(last));
        if ahead > u32::MAX / 2 { 0 } else { ahead }
    }
}

/// One jitter buffer.
#[derive(Clone, Debug)]
pub struct Gauge {
    buffer: glib::WeakRef<gst::Element>,
    /// For those that don't tell their fill themselves.
    seen: Arc<Seen>,
}

impl Gauge {
    /// Watches a jitter buffer for as long as it lives. It must be new.
    pub fn new(buffer: &gst::Element) -> Self {
        let gauge = Self { buffer: buffer.downgrade(), seen: Arc::default() };
        if buffer.is::<JitterBuffer>() {
            return gauge;
        }
        if let Some(pad) = buffer.static_pad("sink") {
            let seen = gauge.seen.clone();
            shortcut::lead(&pad, move |_, packet| {
                if let Some(timestamp) = timestamp(&packet) {
                    seen.goes_in(timestamp);
                }
                ControlFlow::Continue(packet)
            });
        }
        if let Some(pad) = buffer.static_pad("src") {
            let seen = gauge.seen.clone();
            pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
                if let Some(timestamp) = info.buffer().and_then(|buffer| timestamp(buffer)) {
                    seen.comes_out(timestamp);
                }
                gst::PadProbeReturn::Ok
            });
        }
        gauge
    }

    /// Whether the jitter buffer still exists.
    pub fn is_alive(&self) -> bool {
        self.buffer.upgrade().is_some()
    }

    /// How full it is, for media of that clock rate in Hz.
    pub fn fill(&self, clock_rate: u32) -> Fill {
        let own = self.buffer.upgrade().and_then(|buffer| buffer.downcast::<JitterBuffer>().ok());
        let units = own.map_or_else(|| self.seen.units(), |buffer| buffer.fill());
        let ms = u64::from(units) * 1000 / u64::from(clock_rate.max(1));
        Fill(u32::try_from(ms).unwrap_or(u32::MAX))
    }

    /// Packets that came out, came too late, and came twice.
    pub fn counts(&self) -> [u64; 3] {
        let stats = self.buffer.upgrade().and_then(|b| b.property::<Option<gst::Structure>>("stats"));
        let count = |field: &str| stats.as_ref().and_then(|s| s.get::<u64>(field).ok()).unwrap_or_default();
        ["num-pushed", "num-late", "num-duplicates"].map(count)
    }
}

fn timestamp(buffer: &gst::BufferRef) -> Option<u32> {
    let mut bytes = [0; 4];
    if buffer.size() < TIMESTAMP + bytes.len() {
        // Copying from a shorter packet panics.
        return None;
    }
    buffer.copy_to_slice(TIMESTAMP, &mut bytes).ok()?;
    Some(u32::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(newest: u32, last: u32) -> u32 {
        let seen = Seen::default();
        seen.went_in.store(u64::from(newest) | KNOWN, Ordering::Relaxed);
        seen.came_out.store(u64::from(last) | KNOWN, Ordering::Relaxed);
        seen.units()
    }

    #[test]
    fn the_clock_runs_over_and_jumps() {
        assert_eq!(units(800, 0), 800);
        assert_eq!(units(100, u32::MAX - 99), 200);
        assert_eq!(units(0, 160), 0, "what came out is ahead after a jump back");
        assert_eq!(Seen::default().units(), 0);
    }
}
