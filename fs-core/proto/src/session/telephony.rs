//! The queue of telephony events that a session sends.
//!
//! The application asks for starts and stops; an element that makes packets or tones carries them out and reports
//! back. Requests are carried out in their order, one event at a time:
//!
//! ```text
//!            start requested           the source began               stop, or another start, requested
//!   ┌──────┐ Effect::Begin  ┌────────┐ Effect::Started ┌─────────┐ Effect::End       ┌────────┐
//!   │ Idle ├───────────────▶│Starting├────────────────▶│ Playing ├──────────────────▶│Stopping│
//!   └──────┘                └───┬────┘                 └────┬────┘                   └───┬────┘
//!     ▲  ▲                      │ refused: waits            │ lost                       │ the source ended
//!     │  └──────────────────────┘ for retry                 │ Effect::Stopped            │ Effect::Stopped
//!     └─────────────────────────────────────────────────────┴────────────────────────────┘
//!                              Effect::Rest when nothing is left to begin
//! ```
//!
//! * A request stays in the queue until it is carried out. A start right after a start that has not begun is
//!   refused, and so is a stop right after a stop: no request is ever lost silently.
//! * A start while an event plays ends that event first; then it begins.
//! * A stop for which nothing plays does nothing but wait for the next start, before which it is dropped.

use std::collections::VecDeque;

use crate::dtmf::DtmfMethod;

/// An event that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tone {
    /// The event code, 0 to 255 (RFC 4733 section 3).
    pub event: u8,
    /// 0 to 63 in -dBm0.
    pub volume: u8,
}

/// What the session has to do, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Have a source begin; answer with [`Telephony::began`] or [`Telephony::refused`].
    Begin(Tone),
    /// Have the source end; answer with [`Telephony::ended`].
    End,
    /// Tell the application that an event is being sent.
    Started(Tone, DtmfMethod),
    /// Tell the application that the event ended.
    Stopped(DtmfMethod),
    /// Nothing plays and nothing can begin: the source may go.
    Rest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    Start(Tone),
    Stop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
enum Phase {
    /// Nothing plays.
    #[default]
    Idle,
    /// The start at the head of the queue was refused and waits for [`Telephony::retry`].
    Waiting,
    /// The start at the head of the queue is being carried out.
    Starting,
    /// An event plays.
    Playing(DtmfMethod),
    /// The event is being ended.
    Stopping(DtmfMethod),
}

/// The queue of one session.
#[derive(Clone, Debug, Default)]
pub struct Telephony {
    requests: VecDeque<Request>,
    phase: Phase,
    effects: VecDeque<Effect>,
}

impl Telephony {
    /// Asks for an event. False if the newest request that was not carried out is a start, too.
    pub fn start(&mut self, event: u8, volume: u8) -> bool {
        if matches!(self.requests.back(), Some(Request::Start(_))) {
            return false;
        }
        self.requests.push_back(Request::Start(Tone { event, volume }));
        self.advance();
        true
    }

    /// Asks for the end of the event. False if the newest request that was not carried out is a stop, too.
    pub fn stop(&mut self) -> bool {
        if self.requests.back() == Some(&Request::Stop) {
            return false;
        }
        self.requests.push_back(Request::Stop);
        self.advance();
        true
    }

    /// The source sends the event it was told to begin.
    pub fn began(&mut self, method: DtmfMethod) {
        if self.phase != Phase::Starting {
            return;
        }
        self.phase = Phase::Playing(method);
        if let Some(Request::Start(tone)) = self.requests.pop_front() {
            self.effects.push_back(Effect::Started(tone, method));
        }
        self.advance();
    }

    /// No source can begin the event now: it waits for [`Self::retry`].
    pub fn refused(&mut self) {
        if self.phase == Phase::Starting {
            self.phase = Phase::Waiting;
            self.effects.push_back(Effect::Rest);
        }
    }

    /// The source ended the event, or had none to end.
    pub fn ended(&mut self) {
        match self.phase {
            Phase::Stopping(method) => {
                if self.requests.front() == Some(&Request::Stop) {
                    self.requests.pop_front();
                }
                self.over(method);
            }
            _ => self.lost(),
        }
    }

    /// The source is gone, with whatever it was sending.
    pub fn lost(&mut self) {
        match self.phase {
            Phase::Idle | Phase::Waiting => {}
            Phase::Starting => self.refused(),
            Phase::Stopping(_) => self.ended(),
            Phase::Playing(method) => self.over(method),
        }
    }

    /// Another way to send may be there now: tries again what was refused.
    pub fn retry(&mut self) {
        if self.phase == Phase::Waiting {
            self.phase = Phase::Idle;
            self.advance();
        }
    }

    /// Forgets every request and effect, at the end of the session.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The next thing to do.
    pub fn next_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Whether there is something to do.
    pub fn has_effects(&self) -> bool {
        !self.effects.is_empty()
    }

    fn over(&mut self, method: DtmfMethod) {
        self.phase = Phase::Idle;
        self.effects.push_back(Effect::Stopped(method));
        self.advance();
        if self.phase == Phase::Idle {
            self.effects.push_back(Effect::Rest);
        }
    }

    /// Begins or ends what is next, if the source is free for it.
    fn advance(&mut self) {
        match self.phase {
            Phase::Idle => {
                if self.requests.front() == Some(&Request::Stop) && self.requests.len() > 1 {
                    self.requests.pop_front();
                }
                if let Some(Request::Start(tone)) = self.requests.front() {
                    self.phase = Phase::Starting;
                    self.effects.push_back(Effect::Begin(*tone));
                }
            }
            Phase::Playing(method) if !self.requests.is_empty() => {
                self.phase = Phase::Stopping(method);
                self.effects.push_back(Effect::End);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DtmfMethod::RtpRfc4733 as RTP;

    fn drain(queue: &mut Telephony) -> Vec<Effect> {
        std::iter::from_fn(|| queue.next_effect()).collect()
    }

    fn tone(event: u8) -> Tone {
        Tone { event, volume: 8 }
    }

    #[test]
    fn one_event_from_key_down_to_key_up() {
        let mut queue = Telephony::default();
        assert!(queue.start(5, 8));
        assert_eq!(drain(&mut queue), [Effect::Begin(tone(5))]);
        queue.began(RTP);
        assert_eq!(drain(&mut queue), [Effect::Started(tone(5), RTP)]);
        assert!(queue.stop());
        assert_eq!(drain(&mut queue), [Effect::End]);
        queue.ended();
        assert_eq!(drain(&mut queue), [Effect::Stopped(RTP), Effect::Rest]);
    }

    #[test]
    fn a_request_right_after_its_like_is_refused_until_the_first_is_carried_out() {
        let mut queue = Telephony::default();
        assert!(queue.stop(), "an empty queue takes a stop");
        assert!(!queue.stop());
        assert!(queue.start(1, 8));
        assert!(!queue.start(2, 8));
        assert_eq!(drain(&mut queue), [Effect::Begin(tone(1))], "the stop had nothing to stop");
        assert!(queue.stop());
        assert!(!queue.stop());
        assert!(queue.start(2, 8), "a start may follow the stop that waits");
        queue.began(RTP);
        assert_eq!(drain(&mut queue), [Effect::Started(tone(1), RTP), Effect::End]);
    }

    #[test]
    fn a_start_while_an_event_plays_ends_it_first() {
        let mut queue = Telephony::default();
        queue.start(1, 8);
        queue.began(RTP);
        drain(&mut queue);
        assert!(queue.start(2, 8));
        assert_eq!(drain(&mut queue), [Effect::End]);
        assert!(!queue.start(3, 8), "the second start waits");
        assert!(queue.stop());
        queue.ended();
        assert_eq!(drain(&mut queue), [Effect::Stopped(RTP), Effect::Begin(tone(2))]);
        queue.began(RTP);
        assert_eq!(drain(&mut queue), [Effect::Started(tone(2), RTP), Effect::End]);
        queue.ended();
        assert_eq!(drain(&mut queue), [Effect::Stopped(RTP), Effect::Rest]);
    }

    #[test]
    fn what_nobody_can_send_waits_for_a_way() {
        let mut queue = Telephony::default();
        queue.start(7, 8);
        drain(&mut queue);
        queue.refused();
        assert_eq!(drain(&mut queue), [Effect::Rest]);
        assert!(!queue.start(8, 8));
        assert!(queue.stop());
        assert_eq!(drain(&mut queue), []);
        queue.retry();
        assert_eq!(drain(&mut queue), [Effect::Begin(tone(7))]);
        queue.began(DtmfMethod::Sound);
        assert_eq!(drain(&mut queue), [Effect::Started(tone(7), DtmfMethod::Sound), Effect::End]);
    }

    #[test]
    fn a_source_that_goes_takes_its_event_along() {
        let mut queue = Telephony::default();
        queue.start(7, 8);
        queue.began(RTP);
        drain(&mut queue);
        queue.lost();
        assert_eq!(drain(&mut queue), [Effect::Stopped(RTP), Effect::Rest]);
        assert!(queue.stop(), "the late stop is no error");
        assert!(queue.start(8, 8));
        assert_eq!(drain(&mut queue), [Effect::Begin(tone(8))]);
        queue.lost();
        queue.retry();
        assert_eq!(drain(&mut queue), [Effect::Rest, Effect::Begin(tone(8))]);
    }

    #[test]
    fn reports_nobody_waits_for_change_nothing() {
        let mut queue = Telephony::default();
        queue.began(RTP);
        queue.ended();
        queue.refused();
        queue.retry();
        queue.lost();
        assert!(!queue.has_effects());
        queue.start(1, 8);
        queue.clear();
        assert!(!queue.has_effects());
    }
}
