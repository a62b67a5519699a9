//! The end of a call: refusal, CANCEL, BYE, and what goes wrong.

use std::time::{Duration, Instant};

use super::{Actor, PATIENCE};
use crate::endpoint::{AckFate, Command, FailureCause, TerminationReason};
use crate::event::{Originator, SessionEvent};
use crate::session::problem::Problem;
use crate::session::state::{SessionState, Trigger};
use crate::wire::headers::Reason;
use crate::wire::{Method, TypedHeader, default_reason};

impl Actor {
    pub(super) async fn hangup(&mut self) {
        match self.state {
            SessionState::Incoming => self.reject(603, None, Vec::new(), "user request").await,
            SessionState::Connected | SessionState::Renegotiating => {
                self.emit(SessionEvent::WillEnd { originator: Originator::Local });
                let (originator, end_reason) = (Originator::Local, "user request".to_owned());
                self.end(SessionEvent::DidEnd { originator, end_reason }, Vec::new()).await;
            }
            SessionState::Connecting | SessionState::Accepting => {
                let event = self.failure(Originator::Local, 487, "Session Cancelled", "user request");
                self.end(event, Vec::new()).await;
            }
            SessionState::Null | SessionState::Terminating | SessionState::Terminated => {}
        }
    }

    /// Nobody has answered our call in time.
    pub(super) async fn unanswered(&mut self) {
        self.answer_by = None;
        if self.state != SessionState::Connecting {
            return;
        }
        let event = self.failure(Originator::Local, 408, default_reason(408), "timeout");
        let reason = Reason::sip(408, "no answer");
        self.end(event, vec![(Reason::NAME.to_owned(), reason.to_string())]).await;
    }

    /// Ends a session that can't go on, and tells the peer why (RFC 3326).
    pub(super) async fn give_up(&mut self, problem: Problem) {
        let headers = problem.reason_header();
        if self.state.is_connected() {
            self.emit(SessionEvent::WillEnd { originator: problem.originator });
            let event = SessionEvent::DidEnd { originator: problem.originator, end_reason: problem.text };
            self.end(event, headers).await;
        } else {
            let why = format!("media stream failed: {}", problem.text);
            let event = self.failure(problem.originator, problem.status, "", &why);
            self.end(event, headers).await;
        }
    }

    /// Stops media at once and asks the endpoint for CANCEL or BYE; the last event waits for its result.
    pub(super) async fn end(&mut self, last: SessionEvent, headers: Vec<(String, String)>) {
        if !self.step(Trigger::End) {
            return;
        }
        self.streams.silence().await;
        self.last_words = Some(last);
        self.send(Command::Hangup { id: self.id, headers });
    }

    pub(super) async fn reject(
        &mut self,
        status: u16,
        reason: Option<String>,
        headers: Vec<(String, String)>,
        why: &str,
    ) {
        let said = reason.clone().unwrap_or_default();
        self.send(Command::Reject { id: self.id, status, reason, headers });
        let event = self.failure(Originator::Local, status, &said, why);
        if !self.reports_transactions {
            return self.finish(event).await;
        }
        // What became of the ACK is told first.
        self.step(Trigger::End);
        self.streams.silence().await;
        self.last_words = Some(event);
        self.deadline = Some(Instant::now() + PATIENCE);
    }

    pub(super) async fn failed(
        &mut self,
        status: u16,
        reason: &str,
        cause: FailureCause,
        (seconds, warning): (Option<u32>, Option<String>),
    ) {
        let event = match (self.last_words.take(), cause) {
            (Some(event), _) => event,
            (None, FailureCause::Peer) => {
                let mut why = reason.to_owned();
                if let Some(warning) = warning {
                    why = format!("{why} ({warning})");
                }
                if matches!(status, 488 | 606) {
                    why = format!("{why}; we offered: {}", self.streams.offered());
                }
                let mut event = self.failure(Originator::Remote, status, reason, &why);
                if let SessionEvent::DidFail { retry_after, .. } = &mut event {
                    *retry_after = seconds.map(|s| Duration::from_secs(s.into()));
                }
                event
            }
            (None, FailureCause::Timeout) => self.failure(Originator::Local, status, reason, "timeout"),
            (None, FailureCause::Transport) => self.failure(Originator::Local, status, reason, reason),
            (None, FailureCause::Cancelled) => {
                self.failure(Originator::Local, status, reason, "user request")
            }
        };
        self.finish(event).await;
    }

    pub(super) async fn terminated(&mut self, by_peer: bool, reason: TerminationReason) {
        if let Some(event) = self.last_words.take() {
            return self.finish(event).await;
        }
        let originator = if by_peer { Originator::Remote } else { Originator::Local };
        let end_reason = match reason {
            TerminationReason::Bye(reason) => words(reason.as_deref()),
            TerminationReason::NoAck => "missing ACK".to_owned(),
            TerminationReason::Timeout => "timeout".to_owned(),
            TerminationReason::DialogGone(status) => format!("the peer no longer knows the call ({status})"),
            TerminationReason::Transport => "the peer can't be reached any more".to_owned(),
            TerminationReason::Expired => "timeout".to_owned(),
        };
        if self.state.is_connected() {
            self.emit(SessionEvent::WillEnd { originator });
            self.finish(SessionEvent::DidEnd { originator, end_reason }).await;
        } else {
            self.finish(self.failure(originator, 0, "", &end_reason)).await;
        }
    }

    /// The fate of a transaction of ours or theirs.
    pub(super) async fn processed(&mut self, method: Method, ours: bool, code: u16, ack: AckFate) {
        let originator = if ours { Originator::Local } else { Originator::Remote };
        let refused = self.deadline.is_some() && !ours && method == Method::Invite;
        self.emit(SessionEvent::DidProcessTransaction { originator, method, code, ack });
        if refused && let Some(event) = self.last_words.take() {
            self.finish(event).await;
        }
    }

    pub(super) async fn finish(&mut self, event: SessionEvent) {
        if !self.step(Trigger::Over) {
            return;
        }
        for end in self.streams.close().await {
            self.emit_stream(end);
        }
        self.emit(event);
    }
}

/// A Reason header in words; without one, somebody just wanted it.
pub(super) fn words(reason: Option<&str>) -> String {
    let Some(text) = reason else { return "user request".to_owned() };
    Reason::parse_value(text).map_or_else(|_| text.to_owned(), |reason| reason.words())
}
