//! The task of one session: it feeds what the endpoint, the media stream and the application say to the pure
//! state machine and the offer/answer negotiator, and carries out what follows.
//!
//! | File | Holds |
//! |---|---|
//! | `setup` | from the first message to a standing call, early media among it |
//! | `renegotiation` | offers within the call: hold, ICE, what the peer wants |
//! | `proposals` | streams that come and go within the call |
//! | `transfer` | REFER, ours and theirs |
//! | `digits` | digits that go by INFO |
//! | `messages` | messages inside the call |
//! | `ending` | refusal, CANCEL, BYE and what goes wrong |

mod digits;
mod ending;
mod messages;
mod proposals;
mod renegotiation;
mod setup;
mod transfer;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fs_proto::{DtmfEvent, MediaType};
use tokio::sync::{Notify, mpsc};

use super::SessionCommand;
use super::offer_answer::OfferAnswer;
use super::problem::Problem;
use super::state::{SessionState, Trigger};
use super::streams::{Streams, told};
use super::transfer::Wanted;
use crate::endpoint::{Body, Command, Event, InviteId};
use crate::event::{Originator, SessionEvent, StreamEvent};
use crate::limits;
use crate::media::MediaEvent;
use crate::sdp::RemoteMedia;
use crate::stream::rtp::News;
use crate::wire::{NameAddr, Uri};

use proposals::Proposals;
pub(crate) use proposals::VideoWish;

/// What comes into a session's inbox.
#[derive(Debug)]
pub(crate) enum Input {
    /// From the application.
    Command(SessionCommand),
    /// From the endpoint.
    Sip(Box<Event>),
    /// From the call that was placed because the peer of this one has asked for it.
    Transfer(TransferNews),
    /// The addresses of this machine have changed.
    NetworkChanged,
}

/// How far a call has come that a peer has asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TransferNews {
    Progress(u16, String),
    Started,
    Failed(u16, String),
}

/// How a session begins.
#[derive(Debug)]
pub(crate) enum Start {
    /// We call.
    Outgoing(Box<Outgoing>),
    /// We are called; the peer's streams, unless it wants the offer from us.
    Incoming { offer: Option<Vec<RemoteMedia>>, reliable: bool },
}

/// Whom we call, and as whom.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) target: Uri,
    pub(crate) from: NameAddr,
    pub(crate) to: NameAddr,
    /// Further headers, such as Route.
    pub(crate) headers: Vec<(String, String)>,
    /// The peer makes the offer.
    pub(crate) late_offer: bool,
    /// How long it may take to answer.
    pub(crate) invite_timeout: Option<Duration>,
    /// The call whose peer has asked for this one.
    pub(crate) reports_to: Option<mpsc::UnboundedSender<Input>>,
}

/// How long the fate of the ACK to a refusal is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// What was described before the final answer.
#[derive(Debug, Clone, Default)]
enum Early {
    #[default]
    Nothing,
    /// Our answer to the offer of the INVITE, which the final answer repeats.
    Answered(Body),
    /// Our offer in a reliable provisional answer to an INVITE that had none.
    Offered,
    /// A branch has offered, and we have answered; the negotiator as it was before.
    OfferTaken { branch: String, before: Box<OfferAnswer> },
}

/// The task of one session.
pub(crate) struct Actor {
    pub(crate) id: InviteId,
    pub(crate) endpoint: mpsc::UnboundedSender<Command>,
    pub(crate) streams: Streams,
    pub(crate) inbox: mpsc::UnboundedReceiver<Input>,
    pub(crate) events: mpsc::UnboundedSender<SessionEvent>,
    /// The endpoint tells the fate of every transaction.
    pub(crate) reports_transactions: bool,
    /// Has the addresses of this machine looked at, so that the signalling follows the media.
    pub(crate) look: Arc<Notify>,
    state: SessionState,
    /// The peer's offer that [`SessionCommand::Accept`] will answer.
    offer: Option<Vec<RemoteMedia>>,
    /// Provisional answers reach the caller for certain, and so may carry an offer.
    reliable: bool,
    /// What we have said before the final answer.
    early: Early,
    /// Further branches that have offered, and how we have declined.
    declined: Vec<(String, OfferAnswer)>,
    /// Their transfer that waits for the application.
    asked: Option<Wanted>,
    /// Our transfer, or theirs, is under way.
    transferring: bool,
    /// The call whose peer has asked for this one.
    reports_to: Option<mpsc::UnboundedSender<Input>>,
    /// Digits that wait for the answer to the INFO before them.
    info: Option<VecDeque<DtmfEvent>>,
    /// Messages that wait for the answer to the one before them.
    messages: Option<VecDeque<Body>>,
    /// The address that is gone, and when streams that are still there have to be opened at another one.
    left: Option<(IpAddr, Instant)>,
    /// They have to be now.
    moved: bool,
    /// The peer has to be told which streams there are now, and where.
    offer_wish: bool,
    /// Whether the re-INVITE that is out tells it.
    offer_is_out: bool,
    /// Streams that are to come or go.
    proposals: Proposals,
    /// When an offer that was crossed by another one is made again.
    again: Option<Instant>,
    /// When a call of ours that is not answered is given up.
    answer_by: Option<Instant>,
    /// When the last event is told at the latest.
    deadline: Option<Instant>,
    /// The hold the application wants, when it changed while a re-INVITE was out.
    hold_wish: bool,
    /// Whether the re-INVITE that is out changes the hold.
    hold_is_out: bool,
    /// The last event, once it is known but the signalling is not over yet.
    last_words: Option<SessionEvent>,
}

impl Actor {
    pub(crate) fn new(
        id: InviteId,
        endpoint: mpsc::UnboundedSender<Command>,
        streams: Streams,
        inbox: mpsc::UnboundedReceiver<Input>,
        events: mpsc::UnboundedSender<SessionEvent>,
    ) -> Self {
        Self {
            id,
            endpoint,
            streams,
            inbox,
            events,
            reports_transactions: false,
            look: Arc::default(),
            state: SessionState::Null,
            offer: None,
            reliable: false,
            early: Early::Nothing,
            declined: Vec::new(),
            asked: None,
            transferring: false,
            reports_to: None,
            info: None,
            messages: None,
            left: None,
            moved: false,
            offer_wish: false,
            offer_is_out: false,
            proposals: Proposals::default(),
            again: None,
            answer_by: None,
            deadline: None,
            hold_wish: false,
            hold_is_out: false,
            last_words: None,
        }
    }

    /// Runs the session to its end.
    pub(crate) async fn run(mut self, start: Start) {
        match start {
            Start::Outgoing(outgoing) => self.call(*outgoing).await,
            Start::Incoming { offer, reliable } => {
                self.offer = offer;
                self.reliable = reliable;
                self.step(Trigger::Invited);
            }
        }
        while self.state != SessionState::Terminated {
            tokio::select! {
                biased;
                Some(input) = self.inbox.recv() => match input {
                    Input::Sip(event) => self.on_sip(*event).await,
                    Input::Command(command) => self.on_command(command).await,
                    Input::Transfer(news) => self.on_transfer_news(news).await,
                    Input::NetworkChanged => self.network_changed(),
                },
                (kind, news) = self.streams.next_news() => match news {
                    News::Media(event) => self.on_media(kind, event).await,
                    News::DigitDue => self.step_digits().await,
                },
                () = until(self.again) => {
                    self.again = None;
                    self.follow_wishes().await;
                }
                () = until(self.answer_by) => self.unanswered().await,
                () = until(self.left.map(|(_, at)| at)) => self.leave_address().await,
                () = until(self.proposals.until()) => self.reject_proposal(488, None).await,
                () = until(self.deadline) => {
                    if let Some(event) = self.last_words.take() {
                        self.finish(event).await;
                    }
                    self.deadline = None;
                }
                // Nobody is left who could tell us of an end.
                () = self.endpoint.closed() => {
                    let event = self.failure(Originator::Local, 500, "", "the endpoint has ended");
                    let event = self.last_words.take().unwrap_or(event);
                    self.finish(event).await;
                }
            }
        }
    }

    fn emit(&self, event: SessionEvent) {
        self.report(&event);
        // An application that dropped its end wants to know nothing more.
        let _ = self.events.send(event);
    }

    fn send(&self, command: Command) {
        // The endpoint may have ended; the inbox tells.
        let _ = self.endpoint.send(command);
    }

    /// Moves the state machine; whether it moved.
    fn step(&mut self, trigger: Trigger) -> bool {
        match self.state.next(trigger) {
            Ok(state) => {
                self.state = state;
                true
            }
            Err(error) => {
                tracing::debug!(target: "fs::sip::session", id = self.id.0, "{error}");
                false
            }
        }
    }

    fn failure(&self, originator: Originator, code: u16, reason: &str, why: &str) -> SessionEvent {
        let (reason, failure_reason) = (reason.to_owned(), why.to_owned());
        SessionEvent::DidFail { originator, code, reason, failure_reason, retry_after: None }
    }

    async fn on_command(&mut self, command: SessionCommand) {
        match command {
            SessionCommand::Ring if self.state == SessionState::Incoming => {
                self.provisional(180, None);
            }
            SessionCommand::EarlyMedia if self.state == SessionState::Incoming => self.early_media().await,
            SessionCommand::Accept if self.state == SessionState::Incoming => self.accept().await,
            SessionCommand::Reject { status, reason, headers } if self.state == SessionState::Incoming => {
                self.reject(status, reason, headers, "user request").await;
            }
            SessionCommand::Transfer(transfer) => self.transfer(transfer),
            SessionCommand::AcceptTransfer(reply) => self.accept_transfer(reply),
            SessionCommand::RejectTransfer { status, reason } => self.reject_transfer(status, reason),
            SessionCommand::Hangup => self.hangup().await,
            SessionCommand::Hold(wish) => {
                self.hold_wish = wish;
                self.follow_wishes().await;
            }
            SessionCommand::Video(wish) => self.wish_video(wish).await,
            SessionCommand::CancelProposal if self.state == SessionState::Renegotiating => {
                self.send(Command::CancelReinvite { id: self.id });
            }
            SessionCommand::AcceptProposal(video) => self.accept_proposal(video).await,
            SessionCommand::RejectProposal { status, reason } => {
                self.reject_proposal(status, reason).await;
            }
            SessionCommand::Digits(events) if self.state.is_connected() => self.streams.send_digits(&events),
            SessionCommand::Message(body) if self.state.is_connected() => self.send_message(body),
            SessionCommand::Statistics(kind, reply) => {
                // Who asked may have gone.
                let _ = reply.send(self.streams.statistics(kind).await);
            }
            _ => {}
        }
    }

    async fn on_sip(&mut self, event: Event) {
        match event {
            Event::Progress { status, reason, body, .. } if self.state == SessionState::Connecting => {
                if status == 180 {
                    self.emit(SessionEvent::GotRingIndication);
                }
                self.emit(SessionEvent::GotProvisionalResponse { code: status, reason });
                if let Some(body) = body {
                    self.hear_early(body).await;
                }
            }
            Event::EarlyAnswer { body, .. } => self.early_answered(body).await,
            Event::EarlyOffer { branch, body, .. } if self.state == SessionState::Connecting => {
                self.early_offered(branch, body).await;
            }
            Event::Redirected { status, contacts, .. } => {
                self.emit(SessionEvent::Redirected { code: status, identities: contacts });
            }
            Event::Processed { method, ours, status, ack, .. } => {
                self.processed(method, ours, status, ack).await;
            }
            Event::Established { branch, body, .. } if self.state == SessionState::Connecting => {
                self.established(&branch, body).await
            }
            Event::Confirmed { body, .. } if self.state == SessionState::Accepting => {
                self.confirmed(body).await
            }
            Event::Failed { status, reason, cause, retry_after, warning, .. } => {
                self.failed(status, &reason, cause, (retry_after, warning)).await;
            }
            Event::Info { body, .. } => self.informed(&body),
            Event::InfoResult { status, .. } => self.info_answered(status),
            Event::CallMessage { body: Body { content_type, data }, headers, .. } => {
                self.emit(SessionEvent::GotMessage { content_type, data, headers });
            }
            Event::CallMessageResult { status, reason, .. } => self.message_answered(status, reason),
            Event::Cancelled { reason, .. } => {
                let why = ending::words(reason.as_deref());
                let event = self.failure(Originator::Remote, 487, "Session Cancelled", &why);
                self.finish(event).await;
            }
            Event::Reinvite { body, .. } => self.reinvited(body).await,
            Event::ReinviteConfirmed { body, .. } => self.reinvite_confirmed(body).await,
            Event::ReinviteCancelled { .. } => self.proposal_over(487, None).await,
            Event::ReinviteResult { status, reason, body, .. } => {
                self.renegotiated(status, &reason, body).await
            }
            Event::Terminated { by_peer, reason, .. } => self.terminated(by_peer, reason).await,
            Event::Refer { refer_to, referred_by, .. } => self.referred(&refer_to, referred_by),
            Event::ReferResult { status, reason, subscribed, .. } => {
                self.transfer_answered(status, reason, subscribed);
            }
            Event::ReferProgress { status, reason, last, .. } => {
                self.transfer_progress(status, reason, last).await;
            }
            _ => {}
        }
    }

    async fn on_media(&mut self, kind: MediaType, event: MediaEvent) {
        match event {
            MediaEvent::Failed { error, fatal } => {
                self.emit_stream(StreamEvent::DidFail { reason: error.text.clone() });
                if fatal {
                    self.give_up(error.into()).await;
                }
            }
            MediaEvent::LocalCandidatesReplaced(_) => {
                self.offer_wish = true;
                self.look.notify_one();
                // The other streams have theirs replaced too, and one offer will do.
                self.again.get_or_insert_with(|| Instant::now() + limits::OFFER_TOGETHER);
            }
            MediaEvent::ActivePair { .. } | MediaEvent::ComponentState { .. } => {
                if let Some(news) = self.streams.ice_news() {
                    self.emit_stream(news);
                }
                self.follow_wishes().await;
            }
            event => told(kind, event).into_iter().for_each(|event| self.emit_stream(event)),
        }
    }

    fn emit_stream(&self, event: StreamEvent) {
        self.emit(SessionEvent::Stream(event));
    }

    /// Takes the peer's answer to our offer and lets media flow.
    async fn take_answer(&mut self, body: Option<Body>, place: &str) -> Result<(), Problem> {
        let events = self.streams.take_answer(body, place).await?;
        self.tell_flow(events);
        Ok(())
    }

    async fn flow(&mut self, remote: &[RemoteMedia]) -> Result<(), Problem> {
        let events = self.streams.flow(remote).await?;
        self.tell_flow(events);
        Ok(())
    }

    fn tell_flow(&mut self, events: Vec<StreamEvent>) {
        events.into_iter().for_each(|event| self.emit_stream(event));
        if let Some(on_hold) = self.streams.changed_hold() {
            self.emit(SessionEvent::DidChangeHoldState { originator: Originator::Remote, on_hold });
        }
    }
}

/// Waits for a moment, or for ever.
pub(crate) async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
