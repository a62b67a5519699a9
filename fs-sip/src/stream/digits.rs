//! Digits that wait to be sent as telephony events (RFC 4733), one after the other. Pure: it is told the time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use fs_proto::DtmfEvent;

use crate::limits;

/// How long a digit lasts. 40 ms are the least that receivers must take (ITU-T Q.24); some need more.
pub const TONE: Duration = Duration::from_millis(160);
/// How long the pause behind it lasts.
pub const PAUSE: Duration = Duration::from_millis(100);

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Begin this event.
    Start(u8),
    /// End it.
    Stop,
}

/// A character that is no key of a telephone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotADigit(pub char);

impl std::fmt::Display for NotADigit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "not a DTMF digit: {:?}; there are 0 to 9, *, #, A to D", self.0)
    }
}

impl std::error::Error for NotADigit {}

/// The digits of one stream.
#[derive(Debug, Default)]
pub struct Digits {
    waiting: VecDeque<u8>,
    sounding: bool,
    next: Option<Instant>,
}

impl Digits {
    /// Reads digits; spaces, `-` and `.` between them are skipped, as people write numbers.
    ///
    /// # Errors
    /// The first character that is none.
    pub fn parse(text: &str) -> Result<Vec<u8>, NotADigit> {
        let written = text.chars().filter(|c| !matches!(c, ' ' | '-' | '.'));
        written.map(|c| DtmfEvent::from_digit(c).map(DtmfEvent::number).ok_or(NotADigit(c))).collect()
    }

    /// Queues digits; beyond [`limits::MAX_DIGITS`] that wait they are dropped.
    pub fn push(&mut self, now: Instant, events: &[u8]) {
        let room = limits::MAX_DIGITS.saturating_sub(self.waiting.len());
        self.waiting.extend(events.iter().take(room));
        if !self.waiting.is_empty() {
            self.next.get_or_insert(now);
        }
    }

    /// When [`Digits::step`] has something to say.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.next
    }

    /// What is to be done now, if it is time.
    pub fn step(&mut self, now: Instant) -> Option<Step> {
        if self.next.is_none_or(|at| at > now) {
            return None;
        }
        if std::mem::take(&mut self.sounding) {
            self.next = Some(now + PAUSE);
            return Some(Step::Stop);
        }
        let event = self.waiting.pop_front();
        self.sounding = event.is_some();
        self.next = event.map(|_| now + TONE);
        event.map(Step::Start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_after_the_other_with_pauses() {
        let (mut digits, start) = (Digits::default(), Instant::now());
        digits.push(start, &Digits::parse("1#").unwrap());
        let mut steps = Vec::new();
        while let Some(at) = digits.due() {
            assert_eq!(digits.step(at - Duration::from_nanos(1)), None, "too early");
            if let Some(step) = digits.step(at) {
                steps.push((at - start, step));
            }
        }
        let round = TONE + PAUSE;
        let expected = [
            (Duration::ZERO, Step::Start(1)),
            (TONE, Step::Stop),
            (round, Step::Start(11)),
            (round + TONE, Step::Stop),
        ];
        assert_eq!(steps, expected);
    }

    #[test]
    fn digits_that_come_late_keep_the_pause() {
        let (mut digits, start) = (Digits::default(), Instant::now());
        digits.push(start, &[1]);
        assert_eq!(digits.step(start), Some(Step::Start(1)));
        digits.push(start, &[2]);
        assert_eq!(digits.step(start), None);
        assert_eq!(digits.step(start + TONE), Some(Step::Stop));
        assert_eq!(digits.due(), Some(start + TONE + PAUSE));
    }

    #[test]
    fn people_write_numbers_in_groups() {
        assert_eq!(Digits::parse("0 1-2.a*#").unwrap(), [0, 1, 2, 12, 10, 11]);
        assert_eq!(Digits::parse("12x"), Err(NotADigit('x')));
    }

    #[test]
    fn the_queue_is_bounded() {
        let mut digits = Digits::default();
        digits.push(Instant::now(), &[1; 10_000]);
        assert_eq!(digits.waiting.len(), limits::MAX_DIGITS);
    }
}
