//! The task of one session: it feeds what the endpoint, the media stream and the application say to the pure
//! state machine and the offer/answer negotiator, and carries out what follows.

use fs_proto::MediaType;
use tokio::sync::mpsc;

use super::SessionCommand;
use super::problem::Problem;
use super::state::{SessionState, Trigger};
use super::streams::{Streams, told};
use crate::endpoint::{Body, Command, Event, FailureCause, InviteId, TerminationReason};
use crate::event::{Originator, SessionEvent, StreamEvent};
use crate::media::MediaEvent;
use crate::sdp::RemoteMedia;
use crate::stream::rtp::News;
use crate::wire::{NameAddr, Uri};

/// What comes into a session's inbox.
#[derive(Debug)]
pub(crate) enum Input {
    /// From the application.
    Command(SessionCommand),
    /// From the endpoint.
    Sip(Box<Event>),
}

/// How a session begins.
#[derive(Debug)]
pub(crate) enum Start {
    /// We call.
    Outgoing(Box<Outgoing>),
    /// We are called; the peer's streams, unless it wants the offer from us.
    Incoming { offer: Option<Vec<RemoteMedia>> },
}

/// Whom we call, and as whom.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) target: Uri,
    pub(crate) from: NameAddr,
    pub(crate) to: NameAddr,
    /// Further headers, such as Route.
    pub(crate) headers: Vec<(String, String)>,
}

/// The task of one session.
pub(crate) struct Actor {
    pub(crate) id: InviteId,
    pub(crate) endpoint: mpsc::UnboundedSender<Command>,
    pub(crate) streams: Streams,
    pub(crate) inbox: mpsc::UnboundedReceiver<Input>,
    pub(crate) events: mpsc::UnboundedSender<SessionEvent>,
    state: SessionState,
    /// The peer's offer that [`SessionCommand::Accept`] will answer.
    offer: Option<Vec<RemoteMedia>>,
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
            state: SessionState::Null,
            offer: None,
            hold_wish: false,
            hold_is_out: false,
            last_words: None,
        }
    }

    /// Runs the session to its end.
    pub(crate) async fn run(mut self, start: Start) {
        match start {
            Start::Outgoing(outgoing) => self.call(*outgoing).await,
            Start::Incoming { offer } => {
                self.offer = offer;
                self.step(Trigger::Invited);
            }
        }
        while self.state != SessionState::Terminated {
            tokio::select! {
                biased;
                Some(input) = self.inbox.recv() => match input {
                    Input::Sip(event) => self.on_sip(*event).await,
                    Input::Command(command) => self.on_command(command).await,
                },
                (kind, news) = self.streams.next_news() => match news {
                    News::Media(event) => self.on_media(kind, event).await,
                    News::DigitDue => self.streams.step_digits().await,
                },
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
        SessionEvent::DidFail { originator, code, reason: reason.to_owned(), failure_reason: why.to_owned() }
    }

    async fn on_command(&mut self, command: SessionCommand) {
        match command {
            SessionCommand::Ring if self.state == SessionState::Incoming => {
                self.send(Command::Provisional { id: self.id, status: 180, reason: None, body: None });
            }
            SessionCommand::Accept if self.state == SessionState::Incoming => self.accept().await,
            SessionCommand::Reject { status, reason } if self.state == SessionState::Incoming => {
                self.reject(status, reason, Vec::new(), "user request").await;
            }
            SessionCommand::Hangup => self.hangup().await,
            SessionCommand::Hold(wish) => {
                self.hold_wish = wish;
                self.follow_wishes().await;
            }
            SessionCommand::Digits(events) if self.state.is_connected() => self.streams.send_digits(&events),
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
                    self.early_media(body).await;
                }
            }
            Event::EarlyAnswer { body, .. } if self.state == SessionState::Connecting => {
                self.early_media(body).await;
            }
            Event::Established { body, .. } if self.state == SessionState::Connecting => {
                self.established(body).await
            }
            Event::Confirmed { body, .. } if self.state == SessionState::Accepting => {
                self.confirmed(body).await
            }
            Event::Failed { status, reason, cause, .. } => self.failed(status, &reason, cause).await,
            Event::Cancelled { .. } => {
                let event = self.failure(Originator::Remote, 487, "Session Cancelled", "user request");
                self.finish(event).await;
            }
            Event::Reinvite { body, .. } => self.reinvited(body).await,
            Event::ReinviteConfirmed { body, .. } => self.reinvite_confirmed(body).await,
            Event::ReinviteResult { status, reason, body, .. } => {
                self.renegotiated(status, &reason, body).await
            }
            Event::Terminated { by_peer, reason, .. } => self.terminated(by_peer, reason).await,
            // Transfers are not for this session.
            Event::Refer { id, .. } => self.send(Command::AnswerRefer { id, status: 603, reason: None }),
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

    async fn call(&mut self, outgoing: Outgoing) {
        self.step(Trigger::Connect);
        let offer = match self.streams.open_all().await {
            Ok(()) => self.streams.make_offer().await,
            Err(problem) => Err(problem),
        };
        match offer {
            Ok(body) => {
                self.emit(SessionEvent::NewOutgoing);
                let (id, body) = (self.id, Some(body));
                let Outgoing { target, from, to, headers } = outgoing;
                self.send(Command::Invite { id, target, from, to: Some(to), headers, body });
            }
            Err(problem) => {
                let why = format!("media stream did not initialize: {}", problem.text);
                self.finish(self.failure(Originator::Local, 0, "", &why)).await;
            }
        }
    }

    /// The peer is heard before it answers: an announcement, or its own ringing tone.
    async fn early_media(&mut self, body: Body) {
        if let Some(events) = self.streams.take_early_answer(body).await {
            self.tell_flow(events);
        }
    }

    async fn established(&mut self, body: Option<Body>) {
        self.emit(SessionEvent::WillStart);
        match self.streams.take_final_answer(body).await {
            Ok(events) => {
                self.tell_flow(events);
                self.step(Trigger::Accepted);
                self.emit(SessionEvent::DidStart);
                self.follow_wishes().await;
            }
            Err(problem) => self.give_up(problem).await,
        }
    }

    async fn accept(&mut self) {
        let mut offer = self.offer.take();
        let answer = match &mut offer {
            Some(remote) => self.streams.make_answer(remote).await,
            None => match self.streams.open_all().await {
                Ok(()) => self.streams.make_offer().await,
                Err(problem) => Err(problem),
            },
        };
        let body = match answer {
            Ok(body) => body,
            Err(problem) => {
                let headers = problem.warning_header();
                return self.reject(problem.status, None, headers, &problem.text).await;
            }
        };
        self.step(Trigger::Accept);
        self.send(Command::Accept { id: self.id, body: Some(body) });
        self.emit(SessionEvent::WillStart);
        if let Some(remote) = offer {
            // The peer may send as soon as it has our answer, so media does not wait for the ACK.
            if let Err(problem) = self.flow(&remote).await {
                self.give_up(problem).await;
            }
        }
    }

    async fn confirmed(&mut self, body: Option<Body>) {
        if self.streams.exchange.is_open()
            && let Err(problem) = self.take_answer(body, "ACK").await
        {
            return self.give_up(problem).await;
        }
        self.step(Trigger::Confirmed);
        self.emit(SessionEvent::DidStart);
        self.follow_wishes().await;
    }

    async fn reinvited(&mut self, body: Option<Body>) {
        let id = self.id;
        let answer = match &body {
            Some(body) => match self.streams.exchange.remote_offer(&body.content_type, &body.data) {
                Ok(mut remote) => {
                    self.streams.make_answer(&mut remote).await.map(|answer| (answer, Some(remote)))
                }
                Err(error) => Err(error.into()),
            },
            None => self.streams.make_offer().await.map(|offer| (offer, None)),
        };
        match answer {
            Ok((answer, remote)) => {
                self.send(Command::AnswerReinvite { id, status: 200, reason: None, body: Some(answer) });
                if let Some(remote) = remote
                    && let Err(problem) = self.flow(&remote).await
                {
                    self.give_up(problem).await;
                }
            }
            Err(problem) => {
                tracing::info!(target: "fs::sip::session", id = id.0, "re-INVITE refused: {}", problem.text);
                if problem.status != 491 {
                    self.streams.exchange.roll_back();
                }
                self.send(Command::AnswerReinvite { id, status: problem.status, reason: None, body: None });
            }
        }
    }

    async fn reinvite_confirmed(&mut self, body: Option<Body>) {
        if self.streams.exchange.is_open()
            && self.state != SessionState::Renegotiating
            && let Err(problem) = self.take_answer(body, "ACK").await
        {
            self.give_up(problem).await;
        }
        self.follow_wishes().await;
    }

    /// Sends the re-INVITE for a hold or its end, or for what ICE has found, as soon as the session allows it.
    async fn follow_wishes(&mut self) {
        let hold = self.hold_wish != self.streams.is_holding();
        let wanted = hold || self.streams.wants_ice_update();
        if self.state != SessionState::Connected || !wanted || self.streams.exchange.is_open() {
            return;
        }
        self.hold_is_out = hold;
        self.streams.set_holding(self.hold_wish);
        match self.streams.make_offer().await {
            Ok(body) => {
                self.step(Trigger::Renegotiate);
                self.send(Command::Reinvite { id: self.id, body: Some(body) });
            }
            Err(problem) => return self.give_up(problem).await,
        }
        self.streams.apply_hold().await;
    }

    async fn renegotiated(&mut self, status: u16, reason: &str, body: Option<Body>) {
        self.step(Trigger::Renegotiated);
        if (200..300).contains(&status) {
            if let Err(problem) = self.take_answer(body, "200 answer").await {
                return self.give_up(problem).await;
            }
        } else {
            tracing::info!(target: "fs::sip::session", id = self.id.0, "re-INVITE was refused: {status} {reason}");
            self.streams.exchange.roll_back();
        }
        if std::mem::take(&mut self.hold_is_out) {
            // Our own side changed in any case; a refusal only means that the peer was not told.
            let on_hold = self.streams.is_holding();
            self.emit(SessionEvent::DidChangeHoldState { originator: Originator::Local, on_hold });
        }
        self.follow_wishes().await;
    }

    async fn hangup(&mut self) {
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

    /// Ends a session that can't go on, and tells the peer why (RFC 3326).
    async fn give_up(&mut self, problem: Problem) {
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
    async fn end(&mut self, last: SessionEvent, headers: Vec<(String, String)>) {
        if !self.step(Trigger::End) {
            return;
        }
        self.streams.silence().await;
        self.last_words = Some(last);
        self.send(Command::Hangup { id: self.id, headers });
    }

    async fn reject(
        &mut self,
        status: u16,
        reason: Option<String>,
        headers: Vec<(String, String)>,
        why: &str,
    ) {
        let said = reason.clone().unwrap_or_default();
        self.send(Command::Reject { id: self.id, status, reason, headers });
        self.finish(self.failure(Originator::Local, status, &said, why)).await;
    }

    async fn failed(&mut self, status: u16, reason: &str, cause: FailureCause) {
        let event = match (self.last_words.take(), cause) {
            (Some(event), _) => event,
            (None, FailureCause::Peer) => {
                let why = match status {
                    488 | 606 => format!("{reason}; we offered: {}", self.streams.offered()),
                    _ => reason.to_owned(),
                };
                self.failure(Originator::Remote, status, reason, &why)
            }
            (None, FailureCause::Timeout) => self.failure(Originator::Local, status, reason, "timeout"),
            (None, FailureCause::Transport) => self.failure(Originator::Local, status, reason, reason),
            (None, FailureCause::Cancelled) => {
                self.failure(Originator::Local, status, reason, "user request")
            }
        };
        self.finish(event).await;
    }

    async fn terminated(&mut self, by_peer: bool, reason: TerminationReason) {
        if let Some(event) = self.last_words.take() {
            return self.finish(event).await;
        }
        let originator = if by_peer { Originator::Remote } else { Originator::Local };
        let end_reason = match reason {
            TerminationReason::Bye(Some(text)) => text,
            TerminationReason::Bye(None) => "user request".to_owned(),
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

    async fn finish(&mut self, event: SessionEvent) {
        if !self.step(Trigger::Over) {
            return;
        }
        for end in self.streams.close().await {
            self.emit_stream(end);
        }
        self.emit(event);
    }
}
