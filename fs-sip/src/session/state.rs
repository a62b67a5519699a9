//! The states of a session and what moves it from one to the next.
//!
//! ```text
//!            Connect            Accepted (2xx)
//!   Null ──────────▶ Connecting ─────────────▶ Connected ◀─┐ Renegotiated
//!     │                  │ Failed                │ │       │
//!     │ Invited          ▼                 Renegotiate   Renegotiating
//!     ▼              Terminated ◀── Ended ──┐    │ └───────▶┘
//!   Incoming ──Accept──▶ Accepting ─Confirmed┼───┘
//!     │ Failed (reject, CANCEL)    │ Failed  │
//!     └──────────────▶ Terminated ◀┘   Terminating ◀── End (from any live state)
//! ```
//!
//! The names are those of SIP SIMPLE's `Session.state`; `Renegotiating` stands for its `sending_proposal`.

use std::fmt;

/// The state of a session (SIP SIMPLE: `Session.state`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SessionState {
    /// Nothing has begun.
    #[default]
    Null,
    /// We called and wait for the final answer.
    Connecting,
    /// Somebody called; the application has not decided yet.
    Incoming,
    /// The application accepted; the peer's ACK has not come yet.
    Accepting,
    /// The call stands.
    Connected,
    /// The call stands and our re-INVITE is out.
    Renegotiating,
    /// We ended it and wait for the peer's confirmation.
    Terminating,
    /// Over.
    Terminated,
}

impl SessionState {
    /// Its name in SIP SIMPLE.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Connecting => "connecting",
            Self::Incoming => "incoming",
            Self::Accepting => "accepting",
            Self::Connected => "connected",
            Self::Renegotiating => "sending_proposal",
            Self::Terminating => "terminating",
            Self::Terminated => "terminated",
        }
    }

    /// Whether media may flow.
    #[must_use]
    pub fn is_connected(self) -> bool {
        matches!(self, Self::Connected | Self::Renegotiating)
    }

    /// The state after `trigger`.
    ///
    /// # Errors
    /// [`IllegalState`] when the trigger does not fit; the state stays as it was.
    pub fn next(self, trigger: Trigger) -> Result<Self, IllegalState> {
        use SessionState as S;
        match (self, trigger) {
            (S::Null, Trigger::Connect) => Ok(S::Connecting),
            (S::Null, Trigger::Invited) => Ok(S::Incoming),
            (S::Connecting, Trigger::Accepted) | (S::Accepting, Trigger::Confirmed) => Ok(S::Connected),
            (S::Incoming, Trigger::Accept) => Ok(S::Accepting),
            (S::Connected, Trigger::Renegotiate) => Ok(S::Renegotiating),
            (S::Renegotiating, Trigger::Renegotiated) => Ok(S::Connected),
            (S::Null | S::Terminating | S::Terminated, Trigger::End) | (S::Terminated, _) => {
                Err(IllegalState { state: self, trigger })
            }
            (_, Trigger::End) => Ok(S::Terminating),
            (_, Trigger::Over) => Ok(S::Terminated),
            _ => Err(IllegalState { state: self, trigger }),
        }
    }
}

impl fmt::Display for SessionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What happens to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// The application calls.
    Connect,
    /// An INVITE came.
    Invited,
    /// Our INVITE got its 2xx.
    Accepted,
    /// The application accepts.
    Accept,
    /// The ACK to our 2xx came.
    Confirmed,
    /// Our re-INVITE goes out.
    Renegotiate,
    /// Our re-INVITE is through, whatever its result.
    Renegotiated,
    /// The application ends the session, or it can't go on.
    End,
    /// The signalling is over: refused, cancelled, BYE, timeout.
    Over,
}

/// A call or an event that the state of the session does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IllegalState {
    /// The state of the session.
    pub state: SessionState,
    /// What was tried.
    pub trigger: Trigger,
}

impl fmt::Display for IllegalState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not possible while the session is {}", self.trigger, self.state)
    }
}

impl std::error::Error for IllegalState {}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [SessionState; 8] = [
        SessionState::Null,
        SessionState::Connecting,
        SessionState::Incoming,
        SessionState::Accepting,
        SessionState::Connected,
        SessionState::Renegotiating,
        SessionState::Terminating,
        SessionState::Terminated,
    ];

    fn walk(triggers: &[Trigger]) -> SessionState {
        triggers.iter().fold(SessionState::Null, |state, trigger| state.next(*trigger).unwrap())
    }

    #[test]
    fn every_arrow_of_the_diagram() {
        use Trigger::*;
        assert_eq!(walk(&[Connect, Accepted]), SessionState::Connected);
        assert_eq!(walk(&[Connect, Over]), SessionState::Terminated);
        assert_eq!(walk(&[Invited, Accept, Confirmed]), SessionState::Connected);
        assert_eq!(walk(&[Invited, Over]), SessionState::Terminated);
        assert_eq!(walk(&[Invited, Accept, Over]), SessionState::Terminated);
        assert_eq!(walk(&[Connect, Accepted, Renegotiate]), SessionState::Renegotiating);
        assert_eq!(walk(&[Connect, Accepted, Renegotiate, Renegotiated]), SessionState::Connected);
        for live in [&[Connect][..], &[Invited], &[Invited, Accept], &[Connect, Accepted]] {
            let ending = walk(live).next(End).unwrap();
            assert_eq!(ending, SessionState::Terminating);
            assert_eq!(ending.next(Over), Ok(SessionState::Terminated));
        }
    }

    #[test]
    fn what_does_not_fit_changes_nothing() {
        assert!(SessionState::Connected.next(Trigger::Accept).is_err());
        assert!(SessionState::Terminating.next(Trigger::End).is_err());
        assert!(SessionState::Connecting.next(Trigger::Renegotiate).is_err());
        let error = SessionState::Null.next(Trigger::End).unwrap_err();
        assert_eq!(error.to_string(), "End is not possible while the session is null");
    }

    #[test]
    fn nothing_leaves_the_last_state() {
        for trigger in [Trigger::Connect, Trigger::Accept, Trigger::End, Trigger::Over] {
            assert!(SessionState::Terminated.next(trigger).is_err());
        }
        for state in STATES {
            assert!(state.next(Trigger::Over).is_ok() || state == SessionState::Terminated);
        }
    }
}
