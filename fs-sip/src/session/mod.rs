//! Sessions (SIP SIMPLE: `Session`): a call with its streams.
//!
//! [`state`], [`offer_answer`] and [`hold`] are pure; the `actor` is the task that runs them for one session, and
//! [`Session`] is the application's end of it.

mod actor;
pub mod hold;
mod info;
pub mod offer_answer;
pub mod options;
mod problem;
pub mod state;
mod streams;
mod transfer;

use std::sync::Arc;
use std::time::Duration;

use fs_proto::MediaType;
use tokio::sync::{mpsc, oneshot};

use crate::endpoint::Body;
use crate::event::SessionEvent;
use crate::media::{MediaStatistics, SessionId};
use crate::stream::digits::{Digits, NotADigit};
use crate::wire::NameAddr;
use crate::wire::headers::{RetryAfter, name};

pub(crate) use actor::{Actor, Input, Outgoing, Start, TransferNews, VideoWish, until};
pub use info::CallInfo;
pub use options::{DigitWay, IceOptions, MediaOptions, VideoOptions};
pub(crate) use problem::warning;
pub use state::{IllegalState, SessionState};
pub(crate) use streams::{StreamSetup, Streams};
pub use transfer::Transfer;
pub(crate) use transfer::Wanted;

/// How an incoming call is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// A status from 300 to 699; other values become 603, the default.
    pub status: u16,
    /// The reason phrase; none = the standard one.
    pub reason: Option<String>,
    /// When the caller may try again; none = nothing is said.
    pub retry_after: Option<Duration>,
    /// Further headers (Warning, Reason …).
    pub headers: Vec<(String, String)>,
}

impl Default for Refusal {
    fn default() -> Self {
        Self { status: 603, reason: None, retry_after: None, headers: Vec::new() }
    }
}

/// What the application asks of a session.
#[derive(Debug)]
pub(crate) enum SessionCommand {
    Ring,
    EarlyMedia,
    Accept,
    Reject { status: u16, reason: Option<String>, headers: Vec<(String, String)> },
    Hangup,
    Hold(bool),
    Digits(Vec<u8>),
    Message(Body),
    Video(VideoWish),
    CancelProposal,
    AcceptProposal(VideoOptions),
    RejectProposal { status: u16, reason: Option<String> },
    Transfer(Transfer),
    AcceptTransfer(oneshot::Sender<Option<Wanted>>),
    RejectTransfer { status: u16, reason: Option<String> },
    Statistics(MediaType, oneshot::Sender<MediaStatistics>),
}

/// A call, seen from the application.
///
/// Dropping it hangs up. Calls that do not fit the state of the session (the peer may have been faster) have no
/// effect.
#[derive(Debug)]
pub struct Session {
    control: SessionControl,
    events: mpsc::UnboundedReceiver<SessionEvent>,
}

impl Session {
    pub(crate) fn new(
        id: SessionId,
        info: CallInfo,
        inbox: mpsc::UnboundedSender<Input>,
        events: mpsc::UnboundedReceiver<SessionEvent>,
    ) -> Self {
        Self { control: SessionControl { id, inbox, info: Arc::new(info) }, events }
    }

    /// The name under which the media engine knows the session.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.control.id
    }

    /// The peer: To of our call, From of theirs (`Session.remote_identity`).
    #[must_use]
    pub fn remote(&self) -> &NameAddr {
        &self.control.info.remote
    }

    /// What is known of the call from its first message.
    #[must_use]
    pub fn info(&self) -> &CallInfo {
        &self.control.info
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

    /// Lets the caller hear us before we accept: an announcement, or a ringing tone of our own (183 with our
    /// description). Once a call; where the caller wants the offer from us and can't take it reliably, it only gets the
    /// 183.
    pub fn early_media(&self) {
        self.control.early_media();
    }

    /// Accepts an incoming call.
    pub fn accept(&self) {
        self.control.accept();
    }

    /// Refuses an incoming call with a status from 300 to 699; other values become 603.
    pub fn reject(&self, status: u16, reason: Option<&str>) {
        self.control.reject(status, reason);
    }

    /// Refuses an incoming call as [`Session::reject`] does, and says when to try again (Retry-After, in whole seconds; RFC
    /// 3261 knows it for 404, 413, 480, 486, 500, 503, 600 and 603) or what else the caller shall know. Headers that are the
    /// endpoint's own are left out.
    pub fn reject_with(&self, refusal: Refusal) {
        self.control.reject_with(refusal);
    }

    /// Sends an incoming call to other addresses (302).
    pub fn redirect(&self, to: &[NameAddr]) {
        self.control.redirect(to);
    }

    /// Asks the peer to call somebody else (`transfer`). One at a time; how it goes is told by the events
    /// `Transfer…`. When the new call stands, this one ends.
    pub fn transfer(&self, transfer: Transfer) {
        self.control.transfer(transfer);
    }

    /// Refuses what the peer has asked for with [`SessionEvent::TransferNewIncoming`], with a status from 300 to 699;
    /// other values become 603.
    pub fn reject_transfer(&self, status: u16, reason: Option<&str>) {
        self.control.reject_transfer(status, reason);
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

    /// Adds pictures to a standing call (`add_stream`): the peer is asked in a new offer, and what becomes of it is told by
    /// [`SessionEvent::ProposalAccepted`], [`SessionEvent::ProposalRejected`] or [`SessionEvent::HadProposalFailure`].
    /// While another offer is under way it waits for that one's end; of several wishes the last counts.
    pub fn add_video(&self, video: VideoOptions) {
        self.control.add_video(video);
    }

    /// Takes the pictures out of the call (`remove_stream`): the stream is closed at once, and the peer told.
    pub fn remove_video(&self) {
        self.control.remove_video();
    }

    /// Takes back what we have proposed, or the change of a hold that the peer has not answered yet (`cancel_proposal`); then
    /// [`SessionEvent::ProposalRejected`] comes with 487. Where the peer's answer is faster, that counts.
    pub fn cancel_proposal(&self) {
        self.control.cancel_proposal();
    }

    /// Takes the stream that the peer proposes with [`SessionEvent::NewProposal`] (`accept_proposal`).
    pub fn accept_proposal(&self, video: VideoOptions) {
        self.control.accept_proposal(video);
    }

    /// Refuses it, with a status from 300 to 699; other values become 603. SIP SIMPLE's default is 488. The call goes on as
    /// it was.
    pub fn reject_proposal(&self, status: u16, reason: Option<&str>) {
        self.control.reject_proposal(status, reason);
    }

    /// Sends digits, one after the other (`AudioStream.send_dtmf`), in the way that [`MediaOptions::digits`] says. `0` to `9`, `*`, `#`
    /// and `A` to `D` are digits; spaces, `-` and `.` are skipped. Nothing is sent while the call does not stand.
    ///
    /// # Errors
    /// The first character that is no digit; then nothing is sent.
    pub fn send_digits(&self, digits: &str) -> Result<(), NotADigit> {
        self.control.send_digits(digits)
    }

    /// Sends a message inside the call (MESSAGE, RFC 3428), for example `text/plain`; one after the other, what became of each
    /// is told by [`SessionEvent::DidSendMessage`]. Nothing is sent while the call does not stand.
    pub fn send_message(&self, content_type: &str, data: &[u8]) {
        self.control.send_message(content_type, data);
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
    info: Arc<CallInfo>,
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

    /// See [`Session::info`].
    #[must_use]
    pub fn info(&self) -> &CallInfo {
        &self.info
    }

    /// See [`Session::early_media`].
    pub fn early_media(&self) {
        self.send(SessionCommand::EarlyMedia);
    }

    /// See [`Session::accept`].
    pub fn accept(&self) {
        self.send(SessionCommand::Accept);
    }

    /// See [`Session::reject`].
    pub fn reject(&self, status: u16, reason: Option<&str>) {
        self.refuse(status, reason, Vec::new());
    }

    /// See [`Session::reject_with`].
    pub fn reject_with(&self, refusal: Refusal) {
        let Refusal { status, reason, retry_after, mut headers } = refusal;
        let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        if let Some(time) = retry_after {
            let value = RetryAfter { seconds: seconds(time), duration: None };
            headers.push((name::RETRY_AFTER.to_owned(), value.to_string()));
        }
        self.refuse(status, reason.as_deref(), headers);
    }

    /// See [`Session::redirect`].
    pub fn redirect(&self, to: &[NameAddr]) {
        let contact = |address: &NameAddr| (name::CONTACT.to_owned(), address.to_string());
        self.refuse(302, None, to.iter().map(contact).collect());
    }

    fn refuse(&self, status: u16, reason: Option<&str>, headers: Vec<(String, String)>) {
        let (status, reason) = (refusal(status), reason.map(str::to_owned));
        self.send(SessionCommand::Reject { status, reason, headers });
    }

    /// See [`Session::transfer`].
    pub fn transfer(&self, transfer: Transfer) {
        self.send(SessionCommand::Transfer(transfer));
    }

    /// See [`Session::reject_transfer`].
    pub fn reject_transfer(&self, status: u16, reason: Option<&str>) {
        let (status, reason) = (refusal(status), reason.map(str::to_owned));
        self.send(SessionCommand::RejectTransfer { status, reason });
    }

    /// What the peer has asked for, which is accepted thereby; and where to tell how the call goes.
    pub(crate) async fn accept_transfer(&self) -> Option<(Wanted, mpsc::UnboundedSender<Input>)> {
        let (reply, answer) = oneshot::channel();
        self.send(SessionCommand::AcceptTransfer(reply));
        Some((answer.await.ok()??, self.inbox.clone()))
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

    /// See [`Session::add_video`].
    pub fn add_video(&self, video: VideoOptions) {
        self.send(SessionCommand::Video(VideoWish::Add(video)));
    }

    /// See [`Session::remove_video`].
    pub fn remove_video(&self) {
        self.send(SessionCommand::Video(VideoWish::Remove));
    }

    /// See [`Session::cancel_proposal`].
    pub fn cancel_proposal(&self) {
        self.send(SessionCommand::CancelProposal);
    }

    /// See [`Session::accept_proposal`].
    pub fn accept_proposal(&self, video: VideoOptions) {
        self.send(SessionCommand::AcceptProposal(video));
    }

    /// See [`Session::reject_proposal`].
    pub fn reject_proposal(&self, status: u16, reason: Option<&str>) {
        let (status, reason) = (refusal(status), reason.map(str::to_owned));
        self.send(SessionCommand::RejectProposal { status, reason });
    }

    /// See [`Session::send_digits`].
    ///
    /// # Errors
    /// The first character that is no digit.
    pub fn send_digits(&self, digits: &str) -> Result<(), NotADigit> {
        self.send(SessionCommand::Digits(Digits::parse(digits)?));
        Ok(())
    }

    /// See [`Session::send_message`].
    pub fn send_message(&self, content_type: &str, data: &[u8]) {
        let body = Body { content_type: content_type.to_owned(), data: data.to_vec() };
        self.send(SessionCommand::Message(body));
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

/// A status that refuses.
fn refusal(status: u16) -> u16 {
    if (300..700).contains(&status) { status } else { 603 }
}
