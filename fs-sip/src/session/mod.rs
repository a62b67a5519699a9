//! Sessions (SIP SIMPLE: `Session`): a call with its streams.
//!
//! [`state`], [`offer_answer`] and [`hold`] are pure; the `actor` is the task that runs them for one session, and
//! [`Session`] is the application's end of it.

mod actor;
pub mod hold;
pub mod offer_answer;
pub mod options;
mod problem;
pub mod state;
mod streams;

use fs_proto::MediaType;
use tokio::sync::{mpsc, oneshot};

use crate::event::SessionEvent;
use crate::media::{MediaStatistics, SessionId};
use crate::stream::digits::{Digits, NotADigit};
use crate::wire::NameAddr;

pub(crate) use actor::{Actor, Input, Outgoing, Start};
pub use options::{IceOptions, MediaOptions, VideoOptions};
pub(crate) use problem::warning;
pub use state::{IllegalState, SessionState};
pub(crate) use streams::{StreamSetup, Streams};

/// What the application asks of a session.
#[derive(Debug)]
pub(crate) enum SessionCommand {
    Ring,
    Accept,
    Reject { status: u16, reason: Option<String> },
    Hangup,
    Hold(bool),
    Digits(Vec<u8>),
    Statistics(MediaType, oneshot::Sender<MediaStatistics>),
}

/// A call, seen from the application.
///
/// Dropping it hangs up. Calls that do not fit the state of the session (the peer may have been faster) have no
/// effect.
#[derive(Debug)]
pub struct Session {
    control: SessionControl,
    remote: NameAddr,
    events: mpsc::UnboundedReceiver<SessionEvent>,
}

impl Session {
    pub(crate) fn new(
        id: SessionId,
        remote: NameAddr,
        inbox: mpsc::UnboundedSender<Input>,
        events: mpsc::UnboundedReceiver<SessionEvent>,
    ) -> Self {
        Self { control: SessionControl { id, inbox }, remote, events }
    }

    /// The name under which the media engine knows the session.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.control.id
    }

    /// The peer: To of our call, From of theirs (`Session.remote_identity`).
    #[must_use]
    pub fn remote(&self) -> &NameAddr {
        &self.remote
    }

    /// A handle that can be cloned and sent elsewhere; it does not keep the call alive.
    #[must_use]
    pub fn control(&self) -> SessionControl {
        self.control.clone()
    }

    /// The next event; `None` after the last one.
    pub async fn next_event(&mut self) -> Option<SessionEvent> {
        self.events.recv().await
    }

    /// Waits until the call stands, and returns what led to its end if it never did. Events that come meanwhile
    /// are dropped.
    ///
    /// # Errors
    /// The [`SessionEvent::DidFail`] (or, if the session's task is gone, `None`).
    pub async fn started(&mut self) -> Result<(), Option<SessionEvent>> {
        while let Some(event) = self.next_event().await {
            match event {
                SessionEvent::DidStart => return Ok(()),
                event if event.is_last() => return Err(Some(event)),
                _ => {}
            }
        }
        Err(None)
    }

    /// Tells the caller that we ring (180; `send_ring_indication`).
    pub fn ring(&self) {
        self.control.ring();
    }

    /// Accepts an incoming call.
    pub fn accept(&self) {
        self.control.accept();
    }

    /// Refuses an incoming call with a status from 300 to 699; other values become 603.
    pub fn reject(&self, status: u16, reason: Option<&str>) {
        self.control.reject(status, reason);
    }

    /// Ends the call in whatever way its state asks: CANCEL, refusal or BYE (`end`).
    pub fn hangup(&self) {
        self.control.hangup();
    }

    /// Holds the peer: we stop listening to it and tell it so.
    pub fn hold(&self) {
        self.control.hold();
    }

    /// Ends our hold.
    pub fn unhold(&self) {
        self.control.unhold();
    }

    /// Sends digits as telephony events (RFC 4733), one after the other (`AudioStream.send_dtmf`). `0` to `9`, `*`, `#`
    /// and `A` to `D` are digits; spaces, `-` and `.` are skipped. Nothing is sent while the call does not stand, or to a
    /// peer that takes no such events.
    ///
    /// # Errors
    /// The first character that is no digit; then nothing is sent.
    pub fn send_digits(&self, digits: &str) -> Result<(), NotADigit> {
        self.control.send_digits(digits)
    }

    /// The figures of the audio stream so far; zeros when there is none.
    pub async fn statistics(&self) -> MediaStatistics {
        self.control.statistics().await
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.control.hangup();
    }
}

/// A handle on a session for another task or thread.
#[derive(Debug, Clone)]
pub struct SessionControl {
    id: SessionId,
    inbox: mpsc::UnboundedSender<Input>,
}

impl SessionControl {
    /// The name under which the media engine knows the session.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// See [`Session::ring`].
    pub fn ring(&self) {
        self.send(SessionCommand::Ring);
    }

    /// See [`Session::accept`].
    pub fn accept(&self) {
        self.send(SessionCommand::Accept);
    }

    /// See [`Session::reject`].
    pub fn reject(&self, status: u16, reason: Option<&str>) {
        let status = if (300..700).contains(&status) { status } else { 603 };
        self.send(SessionCommand::Reject { status, reason: reason.map(str::to_owned) });
    }

    /// See [`Session::hangup`].
    pub fn hangup(&self) {
        self.send(SessionCommand::Hangup);
    }

    /// See [`Session::hold`].
    pub fn hold(&self) {
        self.send(SessionCommand::Hold(true));
    }

    /// See [`Session::unhold`].
    pub fn unhold(&self) {
        self.send(SessionCommand::Hold(false));
    }

    /// See [`Session::send_digits`].
    ///
    /// # Errors
    /// The first character that is no digit.
    pub fn send_digits(&self, digits: &str) -> Result<(), NotADigit> {
        self.send(SessionCommand::Digits(Digits::parse(digits)?));
        Ok(())
    }

    /// See [`Session::statistics`].
    pub async fn statistics(&self) -> MediaStatistics {
        self.statistics_of(MediaType::Audio).await
    }

    /// The figures of the stream of one kind of media so far; zeros when there is none.
    pub async fn statistics_of(&self, kind: MediaType) -> MediaStatistics {
        let (reply, answer) = oneshot::channel();
        self.send(SessionCommand::Statistics(kind, reply));
        answer.await.unwrap_or_default()
    }

    fn send(&self, command: SessionCommand) {
        // A closed inbox means that the session is over.
        let _ = self.inbox.send(Input::Command(command));
    }
}
