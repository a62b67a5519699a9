//! INVITE server transaction (RFC 3261 section 17.2.1, RFC 6026 section 8.5).
//!
//! ```text
//!                         |INVITE: Report to TU
//!   INVITE: Send/Trying   V          200 ms without answer: Trying
//!   +---------------->Proceeding------------------------+
//!   +-------------------|  | 1xx from TU: Send          |
//!                       |  +---------2xx from TU: Send--|------+
//!        300-699 from TU|                               |      |
//!                   Send|    INVITE, Timer G: Send      |      |
//!                       V    +-------+                  |      V
//!                    Completed<------+                  |   Accepted--+
//!             ACK|          |Timer H: TimedOut          |   |   ^     |2xx from TU: Send
//!                V          |                           |   |   +-----+ACK: Report
//!            Confirmed      |                           |   |Timer L
//!                |Timer I   V                           |   |
//!                +------>Terminated<--------------------+---+
//! ```

use std::time::{Duration, Instant};

use super::{Armed, Step, Timer, Timers};
use crate::limits;

/// States of the figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The INVITE is not finally answered.
    Proceeding,
    /// Answered with 2xx; the TU repeats it.
    Accepted,
    /// Answered with 300 to 699; repeated until the ACK comes.
    Completed,
    /// The ACK came; further ones are absorbed.
    Confirmed,
    /// Over.
    Terminated,
}

/// The state machine.
#[derive(Debug)]
pub struct ServerInvite {
    state: State,
    base: Timers,
    reliable: bool,
    interval: Duration,
    /// A response was handed over that a repeated INVITE can be answered with.
    answered: bool,
    armed: Armed,
}

impl ServerInvite {
    /// Starts in Proceeding; the caller gives the request to the TU.
    #[must_use]
    pub fn new(now: Instant, base: Timers, reliable: bool) -> Self {
        let mut armed = Armed::default();
        armed.start(Timer::Trying, now + limits::TRYING_AFTER);
        Self { state: State::Proceeding, base, reliable, interval: base.t1, answered: false, armed }
    }

    /// The current state.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Is nothing left to do but to absorb repetitions?
    #[must_use]
    pub fn only_absorbs(&self) -> bool {
        matches!(self.state, State::Accepted | State::Confirmed)
    }

    /// When [`Self::handle_timer`] wants to be called.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.armed.next()
    }

    /// The INVITE arrived again.
    pub fn handle_request(&mut self) -> &'static [Step] {
        match self.state {
            State::Proceeding if self.answered => &[Step::Send],
            State::Proceeding => {
                self.answered = true;
                self.armed.clear();
                &[Step::Trying]
            }
            State::Completed => &[Step::Send],
            State::Accepted | State::Confirmed | State::Terminated => &[],
        }
    }

    /// An ACK with the branch of the INVITE arrived.
    pub fn handle_ack(&mut self, now: Instant) -> &'static [Step] {
        match self.state {
            State::Completed => {
                self.enter(State::Confirmed);
                let wait = if self.reliable { Duration::ZERO } else { self.base.t4 };
                self.armed.start(Timer::I, now + wait);
                &[]
            }
            State::Accepted => &[Step::Report],
            _ => &[],
        }
    }

    /// The TU answers. A response that no longer fits is not sent.
    pub fn respond(&mut self, now: Instant, status: u16) -> &'static [Step] {
        match (self.state, status) {
            (State::Proceeding, 100..=199) => {
                self.answered = true;
                self.armed.clear();
                &[Step::Send]
            }
            (State::Proceeding, 200..=299) => {
                self.enter(State::Accepted);
                self.armed.start(Timer::L, now + self.base.patience());
                &[Step::Send]
            }
            (State::Proceeding, _) => {
                self.enter(State::Completed);
                if !self.reliable {
                    self.armed.start(Timer::G, now + self.interval);
                }
                self.armed.start(Timer::H, now + self.base.patience());
                &[Step::Send]
            }
            (State::Accepted, 200..=299) => &[Step::Send],
            _ => &[],
        }
    }

    /// Handles one due timer; call again while [`Self::next_deadline`] is due.
    pub fn handle_timer(&mut self, now: Instant) -> &'static [Step] {
        match self.armed.pop(now) {
            Some(Timer::Trying) => {
                self.answered = true;
                &[Step::Trying]
            }
            Some(Timer::G) => {
                self.interval = self.base.doubled(self.interval);
                self.armed.start(Timer::G, now + self.interval);
                &[Step::Send]
            }
            Some(Timer::H) => {
                self.enter(State::Terminated);
                &[Step::TimedOut, Step::End]
            }
            Some(Timer::I | Timer::L) => {
                self.enter(State::Terminated);
                &[Step::End]
            }
            _ => &[],
        }
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

    fn proceeding() -> (Instant, ServerInvite) {
        let now = Instant::now();
        (now, ServerInvite::new(now, Timers::default(), false))
    }

    #[test]
    fn a_slow_user_makes_the_transaction_answer_100() {
        let (now, mut fsm) = proceeding();
        assert_eq!(fsm.handle_timer(now + MS(199)), []);
        assert_eq!(fsm.handle_timer(now + MS(200)), [Step::Trying]);
        assert_eq!(fsm.next_deadline(), None);
        assert_eq!(fsm.handle_request(), [Step::Send], "the 100 again");
    }

    #[test]
    fn a_repeated_invite_gets_the_last_provisional_or_100() {
        let (now, mut fsm) = proceeding();
        assert_eq!(fsm.handle_request(), [Step::Trying]);
        assert_eq!(fsm.respond(now, 180), [Step::Send]);
        assert_eq!(fsm.handle_request(), [Step::Send]);
        assert_eq!(fsm.state(), State::Proceeding);
        assert_eq!(fsm.handle_ack(now), []);
    }

    #[test]
    fn a_quick_answer_makes_the_100_unnecessary() {
        let (now, mut fsm) = proceeding();
        fsm.respond(now, 180);
        assert_eq!(fsm.next_deadline(), None);
    }

    #[test]
    fn a_2xx_is_accepted_until_timer_l() {
        let (now, mut fsm) = proceeding();
        assert_eq!(fsm.respond(now, 200), [Step::Send]);
        assert_eq!(fsm.state(), State::Accepted);
        assert_eq!(fsm.handle_request(), [], "the user repeats the 2xx, not the transaction");
        assert_eq!(fsm.respond(now, 200), [Step::Send]);
        assert_eq!(fsm.respond(now, 486), []);
        assert_eq!(fsm.handle_ack(now), [Step::Report]);
        assert_eq!(fsm.next_deadline(), Some(now + MS(32000)));
        assert_eq!(fsm.handle_timer(now + MS(32000)), [Step::End]);
    }

    #[test]
    fn a_refusal_is_repeated_up_to_t2_until_timer_h() {
        let (now, mut fsm) = proceeding();
        assert_eq!(fsm.respond(now, 486), [Step::Send]);
        assert_eq!(fsm.respond(now, 200), [], "too late");
        assert_eq!(fsm.handle_request(), [Step::Send]);
        let mut sent = Vec::new();
        let steps = loop {
            let at = fsm.next_deadline().expect("a timer runs until the end");
            match fsm.handle_timer(at) {
                [Step::Send] => sent.push((at - now).as_millis()),
                steps => break steps,
            }
        };
        assert_eq!(sent[..5], [500, 1500, 3500, 7500, 11500]);
        assert_eq!(steps, [Step::TimedOut, Step::End]);
    }

    #[test]
    fn the_ack_to_a_refusal_confirms_until_timer_i() {
        let (now, mut fsm) = proceeding();
        fsm.respond(now, 486);
        assert_eq!(fsm.handle_ack(now), []);
        assert_eq!(fsm.state(), State::Confirmed);
        assert_eq!(fsm.handle_ack(now), []);
        assert_eq!(fsm.handle_request(), []);
        assert_eq!(fsm.next_deadline(), Some(now + MS(5000)));
        assert_eq!(fsm.handle_timer(now + MS(5000)), [Step::End]);
        assert_eq!(fsm.state(), State::Terminated);
    }
}
