//! From the bit rates of the last seconds to sizes of pictures. Pure.

use std::collections::VecDeque;
use std::time::Duration;

/// How many pixels a bit is worth.
const PIXELS_PER_BIT: u64 = 25;
/// Values kept at most.
const MOST_SAMPLES: usize = 1000;
/// A change by less is none.
const WORTH_CHANGING: f64 = 0.1;

/// Bit rates with the time they were set.
#[derive(Debug, Default)]
pub struct History(VecDeque<(Duration, u32)>);

impl History {
    /// Takes a value in and forgets those older than `interval`.
    pub fn add(&mut self, now: Duration, interval: Duration, bitrate: u32) {
        self.0.push_back((now, bitrate));
        self.forget(now, interval);
    }

    /// Forgets what is older than `interval`, but for the newest.
    pub fn forget(&mut self, now: Duration, interval: Duration) {
        let old = |at: Duration| now.saturating_sub(at) > interval;
        while self.0.len() > MOST_SAMPLES
            || self.0.len() > 1 && self.0.front().is_some_and(|(at, _)| old(*at))
        {
            self.0.pop_front();
        }
    }

    /// How many values count.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Mean less standard deviation, in bit/s; `None` without a limit.
    pub fn bitrate(&self) -> Option<u32> {
        let count = self.0.len() as f64;
        let mean = self.0.iter().map(|(_, rate)| f64::from(*rate)).sum::<f64>() / count;
        let variance = self.0.iter().map(|(_, rate)| (f64::from(*rate) - mean).powi(2)).sum::<f64>() / count;
        let low = mean - variance.sqrt();
        (low > 0.0 && low < f64::from(u32::MAX)).then_some(low as u32)
    }
}

/// Whether another limit is worth a renegotiation.
pub fn is_another(old: Option<u32>, new: Option<u32>) -> bool {
    match (old, new) {
        (Some(old), Some(new)) => (f64::from(new) - f64::from(old)).abs() > WORTH_CHANGING * f64::from(old),
        (old, new) => old != new,
    }
}

/// Pictures that are possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture {
    /// In pixels.
    pub width: i32,
    /// In pixels.
    pub height: i32,
    /// Width to height of a pixel.
    pub aspect: (i32, i32),
    /// Pictures a second, at least.
    pub least_rate: i32,
}

/// Pictures a second at most.
pub const HIGHEST_RATE: i32 = 66;

const SQUARE: (i32, i32) = (1, 1);
/// Of CIF and its family.
const CIF: (i32, i32) = (12, 11);

/// The largest first, each family by itself.
const SIZES: [(i32, i32, (i32, i32)); 19] = [
    (1920, 1200, SQUARE),
    (1920, 1080, SQUARE),
    (1600, 1200, SQUARE),
    (1680, 1050, SQUARE),
    (1280, 800, SQUARE),
    (1280, 768, SQUARE),
    (1280, 720, SQUARE),
    (1024, 768, SQUARE),
    (800, 600, SQUARE),
    (854, 480, SQUARE),
    (800, 480, SQUARE),
    (640, 480, SQUARE),
    (320, 240, SQUARE),
    (160, 120, SQUARE),
    (128, 96, SQUARE),
    (1408, 1152, CIF),
    (704, 576, CIF),
    (352, 288, CIF),
    (176, 144, CIF),
];

/// What that many bits a second can carry, the best first: sizes at 20 pictures a second, then those at 10, and only if
/// there are none those at one.
pub fn pictures(bitrate: u32) -> Vec<Picture> {
    // One picture a second of the smallest size is always possible.
    let pixels = (u64::from(bitrate) * PIXELS_PER_BIT).max(128 * 96);
    let at = |least_rate: i32| {
        SIZES.iter().filter_map(move |(width, height, aspect)| {
            let needed = (*width as u64) * (*height as u64) * (least_rate as u64);
            (needed <= pixels).then_some(Picture {
                width: *width,
                height: *height,
                aspect: *aspect,
                least_rate,
            })
        })
    };
    let fluent: Vec<Picture> = at(20).chain(at(10)).collect();
    if fluent.is_empty() { at(1).collect() } else { fluent }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);

    #[test]
    fn mean_less_deviation_of_the_last_ten_seconds() {
        let mut history = History::default();
        assert_eq!(history.bitrate(), None);
        history.add(Duration::from_secs(0), INTERVAL, 9_000_000);
        assert_eq!(history.bitrate(), Some(9_000_000));
        for (second, rate) in [(11, 100_000), (12, 300_000), (13, 100_000), (14, 300_000)] {
            history.add(Duration::from_secs(second), INTERVAL, rate);
        }
        assert_eq!((history.len(), history.bitrate()), (4, Some(100_000)));
        history.forget(Duration::from_secs(100), INTERVAL);
        assert_eq!((history.len(), history.bitrate()), (1, Some(300_000)));
        history.add(Duration::from_secs(200), INTERVAL, u32::MAX);
        assert_eq!(history.bitrate(), None, "the highest number is no limit");
    }

    #[test]
    fn only_a_tenth_is_another_limit() {
        assert!(!is_another(Some(100), Some(110)));
        assert!(is_another(Some(100), Some(111)) && is_another(Some(100), Some(89)));
        assert!(is_another(None, Some(1)) && is_another(Some(1), None) && !is_another(None, None));
    }

    #[test]
    fn more_bits_carry_larger_pictures() {
        let best = |bitrate| pictures(bitrate).first().map(|p| (p.width, p.height, p.least_rate));
        assert_eq!(best(100_000_000), Some((1920, 1200, 20)));
        assert_eq!(best(1_000_000), Some((1280, 800, 20)));
        assert_eq!(best(250_000), Some((640, 480, 20)));
        assert_eq!(best(64_000), Some((320, 240, 20)));
        assert_eq!(best(10_000), Some((128, 96, 20)));
        assert_eq!(best(6_000), Some((128, 96, 10)));
        assert_eq!(best(0), Some((128, 96, 1)));
        assert!(pictures(u32::MAX).len() == 2 * SIZES.len());
    }

    #[test]
    fn no_picture_needs_more_than_there_is() {
        for bitrate in [8_000, 30_000, 100_000, 500_000, 3_000_000] {
            let most = u64::from(bitrate) * PIXELS_PER_BIT;
            for p in pictures(bitrate) {
                assert!((p.width * p.height * p.least_rate) as u64 <= most, "{p:?} at {bitrate}");
                assert!(p.aspect == SQUARE || (p.width, p.height) != (1480, 1152));
            }
        }
        let family = pictures(3_000_000).into_iter().filter(|p| p.aspect == CIF && p.least_rate == 20);
        assert_eq!(family.map(|p| p.width).collect::<Vec<_>>(), [1408, 704, 352, 176]);
    }
}
