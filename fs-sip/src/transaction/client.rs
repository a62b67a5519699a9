//! Non-INVITE client transaction (RFC 3261 section 17.1.2).
//!
//! ```text
//!                    |request from TU: Send
//!    Timer E: Send   V
//!    +---------->Trying----------Timer F, transport error--+
//!    +-------------| |---200-699: Report----+              |
//!               1xx|                        |              |
//!            Report|                        |              |
//!                  V                        V              |
//!    +---------->Proceeding--200-699:-->Completed          |
//!    +-------------| |        Report        |Timer K       |
//!    Timer E: Send   |                      V              |
//!    1xx: Report     +-----Timer F----->Terminated<--------+
//! ```

use std::time::{Duration, Instant};

use super::{Armed, Step, Timer, Timers};

/// States of the figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No answer yet.
    Trying,
    /// A provisional answer came.
    Proceeding,
    /// The final answer came.
    Completed,
    /// Over.
    Terminated,
}

/// The state machine.
#[derive(Debug)]
pub struct Client {
    state: State,
    base: Timers,
    reliable: bool,
    interval: Duration,
    armed: Armed,
}

impl Client {
    /// Starts in Trying; the caller sends the request.
    #[must_use]
    pub fn new(now: Instant, base: Timers, reliable: bool) -> Self {
        let mut armed = Armed::default();
        if !reliable {
            armed.start(Timer::E, now + base.t1);
        }
        armed.start(Timer::F, now + base.patience());
        Self { state: State::Trying, base, reliable, interval: base.t1, armed }
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

    /// A response arrived.
    pub fn handle_response(&mut self, now: Instant, status: u16) -> &'static [Step] {
        match (self.state, status) {
            (State::Trying | State::Proceeding, 100..=199) => {
                self.state = State::Proceeding;
                &[Step::Report]
            }
            (State::Trying | State::Proceeding, _) => {
                self.enter(State::Completed);
                let wait = if self.reliable { Duration::ZERO } else { self.base.t4 };
                self.armed.start(Timer::K, now + wait);
                &[Step::Report]
            }
            _ => &[],
        }
    }

    /// Gives up then, unless the final answer comes before.
    pub fn limit(&mut self, at: Instant) {
        if matches!(self.state, State::Trying | State::Proceeding) {
            self.armed.start(Timer::F, at);
        }
    }

    /// Handles one due timer; call again while [`Self::next_deadline`] is due.
    pub fn handle_timer(&mut self, now: Instant) -> &'static [Step] {
        match self.armed.pop(now) {
            Some(Timer::E) => {
                let proceeding = self.state == State::Proceeding;
                self.interval = if proceeding { self.base.t2 } else { self.base.doubled(self.interval) };
                self.armed.start(Timer::E, now + self.interval);
                &[Step::Send]
            }
            Some(Timer::F) => {
                self.enter(State::Terminated);
                &[Step::TimedOut, Step::End]
            }
            Some(Timer::K) => {
                self.enter(State::Terminated);
                &[Step::End]
            }
            _ => &[],
        }
    }

    /// The request can't reach the peer.
    pub fn handle_transport_error(&mut self) -> &'static [Step] {
        if self.state != State::Trying {
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

    #[test]
    fn its_time_can_be_cut_short() {
        for reliable in [false, true] {
            let start = Instant::now();
            let mut fsm = Client::new(start, Timers::default(), reliable);
            let end = start + Duration::from_secs(5);
            fsm.limit(end);
            while let Some(at) = fsm.next_deadline() {
                assert!(at <= end);
                fsm.handle_timer(at);
            }
            assert_eq!(fsm.state(), State::Terminated);
            fsm.limit(end);
            assert_eq!(fsm.next_deadline(), None, "what is over stays so");
        }
    }

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn sends_until_end(start: Instant, fsm: &mut Client) -> (Vec<u128>, u128) {
        let mut sent = Vec::new();
        loop {
            let at = fsm.next_deadline().expect("a timer runs until the end");
            match fsm.handle_timer(at) {
                [Step::Send] => sent.push((at - start).as_millis()),
                steps => {
                    assert_eq!(steps, [Step::TimedOut, Step::End]);
                    return (sent, (at - start).as_millis());
                }
            }
        }
    }

    #[test]
    fn trying_repeats_up_to_t2_and_gives_up_after_64_t1() {
        let now = Instant::now();
        let mut fsm = Client::new(now, Timers::default(), false);
        let (sent, end) = sends_until_end(now, &mut fsm);
        assert_eq!(sent, [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]);
        assert_eq!(end, 32000);
        assert_eq!(fsm.state(), State::Terminated);
    }

    #[test]
    fn proceeding_repeats_every_t2() {
        let now = Instant::now();
        let mut fsm = Client::new(now, Timers::default(), false);
        assert_eq!(fsm.handle_response(now, 100), [Step::Report]);
        assert_eq!(fsm.state(), State::Proceeding);
        assert_eq!(fsm.handle_response(now, 183), [Step::Report]);
        let (sent, end) = sends_until_end(now, &mut fsm);
        assert_eq!(sent[..3], [500, 4500, 8500]);
        assert_eq!(end, 32000);
    }

    #[test]
    fn a_final_response_completes_until_timer_k() {
        for provisional in [false, true] {
            let now = Instant::now();
            let mut fsm = Client::new(now, Timers::default(), false);
            if provisional {
                fsm.handle_response(now, 100);
            }
            assert_eq!(fsm.handle_response(now, 404), [Step::Report]);
            assert_eq!(fsm.state(), State::Completed);
            assert_eq!(fsm.handle_response(now, 404), []);
            assert_eq!(fsm.handle_transport_error(), []);
            assert_eq!(fsm.next_deadline(), Some(now + MS(5000)));
            assert_eq!(fsm.handle_timer(now + MS(5000)), [Step::End]);
        }
    }

    #[test]
    fn trying_on_transport_error_ends() {
        let mut fsm = Client::new(Instant::now(), Timers::default(), false);
        assert_eq!(fsm.handle_transport_error(), [Step::Undeliverable, Step::End]);
    }

    #[test]
    fn reliable_transports_do_not_repeat_and_end_at_once() {
        let now = Instant::now();
        let mut fsm = Client::new(now, Timers::default(), true);
        assert_eq!(fsm.next_deadline(), Some(now + MS(32000)));
        fsm.handle_response(now, 200);
        assert_eq!(fsm.next_deadline(), Some(now));
    }
}
