//! How much passed a pad: buffers, octets, and octets a second.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gst::prelude::*;

/// Over which time the bit rate is taken.
const WINDOW: Duration = Duration::from_secs(1);

/// What is counted.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    packets: u64,
    bytes: u64,
    /// When the window began, and what was counted then.
    began: Option<(Instant, u64)>,
    /// In bit/s, of the window before.
    bitrate: u64,
}

impl Count {
    fn add(&mut self, now: Instant, bytes: usize) {
        self.roll(now);
        self.packets += 1;
        self.bytes += bytes as u64;
    }

    /// Begins another window when this one is over.
    fn roll(&mut self, now: Instant) {
        let (began, before) = *self.began.get_or_insert((now, self.bytes));
        let passed = now.saturating_duration_since(began);
        if passed >= WINDOW {
            let ms = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX).max(1);
            self.bitrate = (self.bytes - before).saturating_mul(8000) / ms;
            self.began = Some((now, self.bytes));
        }
    }
}

/// A counter, shared with its probe.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Mutex<Count>>);

impl Meter {
    fn with<R>(&self, act: impl FnOnce(&mut Count) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts what passes a pad.
    pub fn watch(&self, pad: Option<gst::Pad>) {
        let meter = self.clone();
        let types = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
        pad.and_then(|pad| {
            pad.add_probe(types, move |_, info| {
                let now = Instant::now();
                match &info.data {
                    Some(gst::PadProbeData::Buffer(buffer)) => meter.with(|c| c.add(now, buffer.size())),
                    Some(gst::PadProbeData::BufferList(list)) => {
                        meter.with(|count| list.iter().for_each(|buffer| count.add(now, buffer.size())));
                    }
                    _ => {}
                }
                gst::PadProbeReturn::Ok
            })
        });
    }

    /// Writes down `packets-WAY`, `bytes-WAY` and `bitrate-WAY` (bit/s).
    pub fn write(&self, to: &mut gst::Structure, way: &str) {
        let count = self.with(|count| {
            count.roll(Instant::now());
            *count
        });
        to.set(format!("packets-{way}"), count.packets);
        to.set(format!("bytes-{way}"), count.bytes);
        to.set(format!("bitrate-{way}"), count.bitrate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_window() {
        let start = Instant::now();
        let mut count = Count::default();
        for n in 0..100u64 {
            count.add(start + Duration::from_millis(20 * n), 160);
        }
        assert_eq!((count.packets, count.bytes, count.bitrate), (100, 16_000, 64_000));
        count.roll(start + Duration::from_secs(10));
        assert!(count.bitrate < 10_000, "{count:?}");
        count.roll(start + Duration::from_secs(12));
        assert_eq!(count.bitrate, 0, "nothing comes any more");
    }
}
