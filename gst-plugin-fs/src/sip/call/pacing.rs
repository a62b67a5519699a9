//! How long to hold back sound so that it leaves evenly, whatever the size of the source's buffers.
//!
//! A live source hands out a buffer when its last sample is recorded: the first 20 ms in it are then as late as the
//! buffer is long, the last are on time. Holding every piece back by the greatest lateness seen gives an even flow. Pure:
//! it is told the times.

use std::time::Duration;

/// Length of one window of observation.
const WINDOW: Duration = Duration::from_secs(1);

/// By how much the delay of a live source shrinks in a window in which no piece was that late, in ms. Half a percent of
/// speed is not heard.
const STEP_MS: i64 = 5;

/// Pieces of 20 ms that wait for each other look early by one piece: only more than half a piece counts as early.
const SLACK_MS: i64 = 10;

/// Delay of the pieces against their timestamps: the greatest lateness seen.
#[derive(Debug)]
pub(super) struct Pacing {
    /// A live source catches up by itself after a hiccup; a file never does, so its delay stays.
    is_live: bool,
    delay_ms: i64,
    window_start: Option<Duration>,
    /// Greatest lateness in this window, in ms.
    latest_ms: i64,
}

impl Pacing {
    /// Nothing seen yet.
    pub(super) fn new(is_live: bool) -> Self {
        Self { is_live, delay_ms: 0, window_start: None, latest_ms: i64::MIN }
    }

    /// Takes a piece that came at `now` with the timestamp `time` (both running time) and returns the delay in ms, to be
    /// added to the timestamp. It never is negative.
    pub(super) fn piece(&mut self, time: Duration, now: Duration) -> i64 {
        let late_ms = ms(now) - ms(time);
        let start = *self.window_start.get_or_insert(now);
        if now.saturating_sub(start) >= WINDOW {
            if self.is_live && self.latest_ms < self.delay_ms - SLACK_MS {
                self.delay_ms = (self.delay_ms - STEP_MS).max(0);
            }
            self.window_start = Some(now);
            self.latest_ms = i64::MIN;
        }
        self.latest_ms = self.latest_ms.max(late_ms);
        self.delay_ms = self.delay_ms.max(late_ms);
        self.delay_ms
    }
}

fn ms(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECE: Duration = Duration::from_millis(20);

    /// Feeds a live source of `buffers` buffers, each `pieces` pieces long and `lag` late; returns when each piece leaves.
    fn live(pacing: &mut Pacing, start: Duration, buffers: u32, pieces: u32, lag: Duration) -> Vec<Duration> {
        let mut leaves = Vec::new();
        let mut free = start;
        for buffer in 0..buffers {
            let first = start + PIECE * pieces * buffer;
            for piece in 0..pieces {
                let now = free.max(first + PIECE * pieces + lag);
                let time = first + PIECE * piece;
                let delay = pacing.piece(time, now);
                free = now.max(time + Duration::from_millis(delay.unsigned_abs()));
                leaves.push(free);
            }
        }
        leaves
    }

    fn gaps(leaves: &[Duration]) -> Vec<Duration> {
        leaves.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    #[test]
    fn long_buffers_leave_evenly() {
        let leaves = live(&mut Pacing::new(true), Duration::ZERO, 40, 6, Duration::ZERO);
        assert!(gaps(&leaves).iter().all(|gap| *gap == PIECE), "{:?}", gaps(&leaves));
        assert_eq!(leaves[0], PIECE * 6, "the first piece waits for nothing");
    }

    #[test]
    fn a_file_is_sent_in_real_time_from_where_the_pipeline_is() {
        let mut pacing = Pacing::new(false);
        let mut now = Duration::from_secs(30);
        for piece in 0..500 {
            let time = PIECE * piece;
            let delay = pacing.piece(time, now);
            now = now.max(time + Duration::from_millis(delay.unsigned_abs()));
        }
        assert_eq!(now, Duration::from_secs(30) + PIECE * 499);
    }

    #[test]
    fn longer_buffers_raise_the_delay_at_once() {
        let mut pacing = Pacing::new(true);
        live(&mut pacing, Duration::ZERO, 100, 1, Duration::ZERO);
        assert_eq!(pacing.delay_ms, 20);
        let leaves = live(&mut pacing, Duration::from_secs(2), 20, 6, Duration::ZERO);
        assert_eq!(pacing.delay_ms, 120);
        assert!(gaps(&leaves).iter().all(|gap| *gap == PIECE));
    }

    #[test]
    fn a_hiccup_of_a_live_source_is_worked_off() {
        let mut pacing = Pacing::new(true);
        live(&mut pacing, Duration::ZERO, 50, 1, Duration::ZERO);
        pacing.piece(Duration::from_secs(1), Duration::from_millis(1500));
        assert_eq!(pacing.delay_ms, 500);
        live(&mut pacing, Duration::from_secs(2), 6000, 1, Duration::ZERO);
        assert!(pacing.delay_ms <= 20 + SLACK_MS, "{}", pacing.delay_ms);
    }
}
