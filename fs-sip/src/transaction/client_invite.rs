//! INVITE client transaction (RFC 3261 section 17.1.1, RFC 6026 section 8.4).
//!
//! ```text
//!                     |INVITE from TU: Send
//!     Timer A: Send   V
//!     +---------->Calling------------Timer B, transport error---+
//!     +--------------| | \-------------------2xx: Report-----+  |
//!                 1xx| +--300-699: Ack, Report-------+       |  |
//!              Report|                               |       |  |
//!                    V                               |       |  |
//!        1xx: +-->Proceeding----300-699: Ack, Report-+       |  |
//!      Report +------|  +--------------------2xx: Report-----+  |
//!                                                    |       |  |
//!        300-699: +--------------------------->Completed     |  |
//!            Ack  +------------------------------|   |       |  |
//!                                       Timer D  |           V  |
//!                                                |  2xx: +->Accepted
//!                                                | Report+----|Timer M
//!                                                V            V
//!                                             Terminated<-----+-...
//! ```
//! `TimedOut` goes up at Timer B, `Undeliverable` at a transport error.

use std::time::{Duration, Instant};

use super::{Armed, Step, Timer, Timers};
use crate::limits;

/// States of the figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No answer yet.
    Calling,
    /// A provisional answer came.
    Proceeding,
    /// A 2xx came; more may follow from other branches.
    Accepted,
    /// A 300 to 699 came and was acknowledged.
    Completed,
    /// Over.
    Terminated,
}

/// The state machine.
#[derive(Debug)]
pub struct ClientInvite {
    state: State,
    base: Timers,
    reliable: bool,
    interval: Duration,
    armed: Armed,
}

impl ClientInvite {
    /// Starts in Calling; the caller sends the request.
    #[must_use]
    pub fn new(now: Instant, base: Timers, reliable: bool) -> Self {
        let mut armed = Armed::default();
        if !reliable {
            armed.start(Timer::A, now + base.t1);
        }
        armed.start(Timer::B, now + base.patience());
        Self { state: State::Calling, base, reliable, interval: base.t1, armed }
    }

    /// The current state.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Is nothing left to do but to absorb repetitions?
    #[must_use]
    pub fn only_absorbs(&self) -> bool {
        matches!(self.state, State::Completed | State::Accepted)
    }

    /// When [`Self::handle_timer`] wants to be called.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.armed.next()
    }

    /// A response arrived.
    pub fn handle_response(&mut self, now: Instant, status: u16) -> &'static [Step] {
        match (self.state, status) {
            (State::Calling | State::Proceeding, 100..=199) => {
                self.enter(State::Proceeding);
                &[Step::Report]
            }
            (State::Calling | State::Proceeding, 200..=299) => {
                self.enter(State::Accepted);
                self.armed.start(Timer::M, now + self.base.patience());
                &[Step::Report]
            }
            (State::Calling | State::Proceeding, _) => {
                self.enter(State::Completed);
                let wait = if self.reliable { Duration::ZERO } else { limits::TIMER_D };
                self.armed.start(Timer::D, now + wait);
                &[Step::Ack, Step::Report]
            }
            (State::Accepted, 200..=299) => &[Step::Report],
            (State::Completed, 300..) => &[Step::Ack],
            _ => &[],
        }
    }

    /// Gives up then, unless something more than what has come comes before.
    /// Only Proceeding has no end of its own.
    pub fn limit(&mut self, at: Instant) {
        if self.state == State::Proceeding {
            self.armed.start(Timer::B, at);
        }
    }

    /// Handles one due timer; call again while [`Self::next_deadline`] is due.
    pub fn handle_timer(&mut self, now: Instant) -> &'static [Step] {
        match self.armed.pop(now) {
            Some(Timer::A) => {
                self.interval *= 2;
                self.armed.start(Timer::A, now + self.interval);
                &[Step::Send]
            }
            Some(Timer::B) => {
                self.enter(State::Terminated);
                &[Step::TimedOut, Step::End]
            }
            Some(Timer::D | Timer::M) => {
                self.enter(State::Terminated);
                &[Step::End]
            }
            _ => &[],
        }
    }

    /// The request can't reach the peer. Only Calling cares: afterwards the
    /// peer has shown that it is there.
    pub fn handle_transport_error(&mut self) -> &'static [Step] {
        if self.state != State::Calling {
            return &[];
        }
        self.enter(State::Terminated);
        &[Step::Undeliverable, Step::End]
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.armed.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn calling() -> (Instant, ClientInvite) {
        let now = Instant::now();
        (now, ClientInvite::new(now, Timers::default(), false))
    }

    #[test]
    fn calling_repeats_at_doubling_intervals_and_gives_up_after_64_t1() {
        let (start, mut fsm) = calling();
        let mut sent = Vec::new();
        let end = loop {
            let at = fsm.next_deadline().expect("a timer runs until the end");
            match fsm.handle_timer(at) {
                [Step::Send] => sent.push((at - start).as_millis()),
                steps => break (at - start, steps),
            }
        };
        assert_eq!(sent, [500, 1500, 3500, 7500, 15500, 31500]);
        assert_eq!(end, (MS(32000), &[Step::TimedOut, Step::End][..]));
        assert_eq!(fsm.state(), State::Terminated);
        assert_eq!(fsm.next_deadline(), None);
    }

    #[test]
    fn reliable_transports_do_not_repeat() {
        let now = Instant::now();
        let fsm = ClientInvite::new(now, Timers::default(), true);
        assert_eq!(fsm.next_deadline(), Some(now + MS(32000)));
    }

    #[test]
    fn calling_on_1xx_proceeds_without_timers() {
        let (now, mut fsm) = calling();
        assert_eq!(fsm.handle_response(now, 180), [Step::Report]);
        assert_eq!((fsm.state(), fsm.next_deadline()), (State::Proceeding, None));
        assert_eq!(fsm.handle_response(now, 183), [Step::Report]);
        assert_eq!(fsm.handle_transport_error(), []);
        assert_eq!(fsm.state(), State::Proceeding);
    }

    #[test]
    fn proceeding_can_be_limited() {
        let (now, mut fsm) = calling();
        fsm.limit(now + MS(1));
        assert_eq!(fsm.next_deadline(), Some(now + MS(500)), "Calling has its own end");
        fsm.handle_response(now, 100);
        fsm.limit(now + MS(1000));
        fsm.handle_response(now, 180);
        assert_eq!(fsm.next_deadline(), None, "a sign of life");
        fsm.limit(now + MS(1000));
        assert_eq!(fsm.handle_timer(now + MS(1000)), [Step::TimedOut, Step::End]);
        assert_eq!(fsm.state(), State::Terminated);
    }

    #[test]
    fn calling_and_proceeding_on_2xx_are_accepted_until_timer_m() {
        for provisional in [false, true] {
            let (now, mut fsm) = calling();
            if provisional {
                fsm.handle_response(now, 100);
            }
            assert_eq!(fsm.handle_response(now, 200), [Step::Report]);
            assert_eq!(fsm.state(), State::Accepted);
            assert_eq!(fsm.handle_response(now, 200), [Step::Report], "another branch or a repetition");
            assert_eq!(fsm.handle_response(now, 180), []);
            assert_eq!(fsm.handle_response(now, 486), []);
            assert_eq!(fsm.next_deadline(), Some(now + MS(32000)));
            assert_eq!(fsm.handle_timer(now + MS(32000)), [Step::End]);
            assert_eq!(fsm.state(), State::Terminated);
        }
    }

    #[test]
    fn calling_and_proceeding_on_failure_are_completed_until_timer_d() {
        for provisional in [false, true] {
            let (now, mut fsm) = calling();
            if provisional {
                fsm.handle_response(now, 100);
            }
            assert_eq!(fsm.handle_response(now, 486), [Step::Ack, Step::Report]);
            assert_eq!(fsm.state(), State::Completed);
            assert_eq!(fsm.handle_response(now, 486), [Step::Ack]);
            assert_eq!(fsm.handle_response(now, 200), []);
            assert_eq!(fsm.handle_timer(now + limits::TIMER_D), [Step::End]);
        }
    }

    #[test]
    fn calling_on_transport_error_ends() {
        let (_, mut fsm) = calling();
        assert_eq!(fsm.handle_transport_error(), [Step::Undeliverable, Step::End]);
        assert_eq!(fsm.state(), State::Terminated);
    }

    #[test]
    fn a_timer_that_is_not_due_does_nothing() {
        let (now, mut fsm) = calling();
        assert_eq!(fsm.handle_timer(now + MS(499)), []);
        assert_eq!(fsm.next_deadline(), Some(now + MS(500)));
    }
}
