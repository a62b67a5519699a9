//! Non-INVITE server transaction (RFC 3261 section 17.2.2).
//!
//! ```text
//!                 |request: Report to TU
//!                 V
//!              Trying------200-699 from TU: Send---+
//!     1xx from TU| (a repeated request: nothing)   |
//!            Send|                                 |
//!                V                                 |
//!    +----->Proceeding--200-699 from TU: Send--+   |
//!    +---------|  1xx from TU, request: Send   |   |
//!                                              V   V
//!                      +------------------>Completed
//!                      +--request: Send-------|
//!                                             |Timer J
//!                                             V
//!                                         Terminated
//! ```

use std::time::{Duration, Instant};

use super::{Armed, Step, Timer, Timers};

/// States of the figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not answered.
    Trying,
    /// Provisionally answered.
    Proceeding,
    /// Finally answered.
    Completed,
    /// Over.
    Terminated,
}

/// The state machine.
#[derive(Debug)]
pub struct Server {
    state: State,
    base: Timers,
    reliable: bool,
    armed: Armed,
}

impl Server {
    /// Starts in Trying; the caller gives the request to the TU.
    #[must_use]
    pub fn new(base: Timers, reliable: bool) -> Self {
        Self { state: State::Trying, base, reliable, armed: Armed::default() }
    }

    /// The current state.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Is nothing left to do but to absorb repetitions?
    #[must_use]
    pub fn only_absorbs(&self) -> bool {
        self.state == State::Completed
    }

    /// When [`Self::handle_timer`] wants to be called.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.armed.next()
    }

    /// The request arrived again.
    pub fn handle_request(&mut self) -> &'static [Step] {
        match self.state {
            State::Proceeding | State::Completed => &[Step::Send],
            State::Trying | State::Terminated => &[],
        }
    }

    /// The TU answers. A response that no longer fits is not sent.
    pub fn respond(&mut self, now: Instant, status: u16) -> &'static [Step] {
        match (self.state, status) {
            (State::Trying | State::Proceeding, 100..=199) => {
                self.state = State::Proceeding;
                &[Step::Send]
            }
            (State::Trying | State::Proceeding, _) => {
                self.state = State::Completed;
                let wait = if self.reliable { Duration::ZERO } else { self.base.patience() };
                self.armed.start(Timer::J, now + wait);
                &[Step::Send]
            }
            _ => &[],
        }
    }

    /// Handles one due timer; call again while [`Self::next_deadline`] is due.
    pub fn handle_timer(&mut self, now: Instant) -> &'static [Step] {
        match self.armed.pop(now) {
            Some(Timer::J) => {
                self.state = State::Terminated;
                &[Step::End]
            }
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trying_absorbs_repetitions_silently() {
        let mut fsm = Server::new(Timers::default(), false);
        assert_eq!(fsm.handle_request(), []);
        assert_eq!((fsm.state(), fsm.next_deadline()), (State::Trying, None));
    }

    #[test]
    fn proceeding_repeats_its_provisional() {
        let now = Instant::now();
        let mut fsm = Server::new(Timers::default(), false);
        assert_eq!(fsm.respond(now, 100), [Step::Send]);
        assert_eq!(fsm.state(), State::Proceeding);
        assert_eq!(fsm.handle_request(), [Step::Send]);
        assert_eq!(fsm.respond(now, 183), [Step::Send]);
        assert_eq!(fsm.respond(now, 200), [Step::Send]);
        assert_eq!(fsm.state(), State::Completed);
    }

    #[test]
    fn completed_repeats_its_answer_until_timer_j() {
        let now = Instant::now();
        let mut fsm = Server::new(Timers::default(), false);
        assert_eq!(fsm.respond(now, 200), [Step::Send]);
        assert_eq!(fsm.handle_request(), [Step::Send]);
        assert_eq!(fsm.respond(now, 404), [], "there is one final answer");
        let j = now + Duration::from_secs(32);
        assert_eq!(fsm.next_deadline(), Some(j));
        assert_eq!(fsm.handle_timer(j), [Step::End]);
        assert_eq!(fsm.state(), State::Terminated);
    }

    #[test]
    fn reliable_transports_end_at_once() {
        let now = Instant::now();
        let mut fsm = Server::new(Timers::default(), true);
        fsm.respond(now, 200);
        assert_eq!(fsm.next_deadline(), Some(now));
    }
}
