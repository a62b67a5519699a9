//! The task of one session: it feeds what the endpoint, the media stream and the application say to the pure
//! state machine and the offer/answer negotiator, and carries out what follows.

use std::sync::Arc;

use fs_proto::StreamDirection;
use tokio::sync::mpsc;

use super::hold;
use super::offer_answer::{OfferAnswer, OfferAnswerError};
use super::state::{SessionState, Trigger};
use super::{SessionCommand, WANTED};
use crate::endpoint::{Body, Command, Event, FailureCause, InviteId, TerminationReason};
use crate::event::{Originator, SessionEvent, StreamEvent};
use crate::media::{Backend, MediaError, MediaEvent, MediaSettings};
use crate::sdp::codecs::summary;
use crate::sdp::{LocalMedia, RemoteMedia};
use crate::stream::AudioStream;
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
    /// We are called; the peer's audio, unless it wants the offer from us.
    Incoming { offer: Option<RemoteMedia> },
}

/// Whom we call, and as whom.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) target: Uri,
    pub(crate) from: NameAddr,
    pub(crate) to: NameAddr,
}

/// Why the session can't go on, for the peer and for the application.
#[derive(Debug, Clone)]
struct Problem {
    originator: Originator,
    status: u16,
    warning: Option<u16>,
    text: String,
}

impl From<MediaError> for Problem {
    fn from(error: MediaError) -> Self {
        let warning = (error.status_code() == 488).then_some(305);
        Self { originator: Originator::Local, status: error.status_code(), warning, text: error.text }
    }
}

impl From<OfferAnswerError> for Problem {
    fn from(error: OfferAnswerError) -> Self {
        Self {
            originator: Originator::Remote,
            status: error.status_code(),
            warning: error.warning_code(),
            text: error.to_string(),
        }
    }
}

impl Problem {
    fn missing_sdp(place: &str) -> Self {
        let text = format!("no session description came in the {place}");
        Self { originator: Originator::Remote, status: 400, warning: None, text }
    }
}

/// The task of one session.
pub(crate) struct Actor {
    pub(crate) id: InviteId,
    pub(crate) endpoint: mpsc::UnboundedSender<Command>,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) settings: MediaSettings,
    pub(crate) exchange: OfferAnswer,
    pub(crate) inbox: mpsc::UnboundedReceiver<Input>,
    pub(crate) events: mpsc::UnboundedSender<SessionEvent>,
    state: SessionState,
    stream: Option<AudioStream>,
    /// The peer's offer that [`SessionCommand::Accept`] will answer.
    offer: Option<RemoteMedia>,
    /// What our last line said.
    ours: StreamDirection,
    holding: bool,
    /// The hold the application wants, when it changed while a re-INVITE was out.
    hold_wish: bool,
    held: bool,
    /// The codecs of our last offer, for errors.
    offered: String,
    /// The last event, once it is known but the signalling is not over yet.
    last_words: Option<SessionEvent>,
}

impl Actor {
    pub(crate) fn new(
        id: InviteId,
        endpoint: mpsc::UnboundedSender<Command>,
        backend: Arc<dyn Backend>,
        settings: MediaSettings,
        exchange: OfferAnswer,
        inbox: mpsc::UnboundedReceiver<Input>,
        events: mpsc::UnboundedSender<SessionEvent>,
    ) -> Self {
        Self {
            id,
            endpoint,
            backend,
            settings,
            exchange,
            inbox,
            events,
            state: SessionState::Null,
            stream: None,
            offer: None,
            ours: StreamDirection::NONE,
            holding: false,
            hold_wish: false,
            held: false,
            offered: String::new(),
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
                event = media_event(&mut self.stream) => self.on_media(event).await,
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
                self.follow_hold_wish().await;
            }
            SessionCommand::Statistics(reply) => {
                let statistics = match &mut self.stream {
                    Some(stream) => stream.statistics().await,
                    None => Default::default(),
                };
                // Who asked may have gone.
                let _ = reply.send(statistics);
            }
            _ => {}
        }
    }

    async fn on_sip(&mut self, event: Event) {
        match event {
            Event::Progress { status, reason, .. } if self.state == SessionState::Connecting => {
                if status == 180 {
                    self.emit(SessionEvent::GotRingIndication);
                }
                self.emit(SessionEvent::GotProvisionalResponse { code: status, reason });
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
            _ => {}
        }
    }

    async fn on_media(&mut self, event: MediaEvent) {
        match event {
            MediaEvent::SendCodecChanged(codec) => self.emit_stream(StreamEvent::SendCodecChanged(codec)),
            MediaEvent::RecvCodecsChanged(codecs) => self.emit_stream(StreamEvent::RecvCodecsChanged(codecs)),
            MediaEvent::SourceAdded(codec) => self.emit_stream(StreamEvent::DidStart { codec }),
            MediaEvent::Failed { error, fatal } => {
                self.emit_stream(StreamEvent::DidFail { reason: error.text.clone() });
                if fatal {
                    self.give_up(error.into()).await;
                }
            }
            _ => {}
        }
    }

    fn emit_stream(&self, event: StreamEvent) {
        self.emit(SessionEvent::Stream(event));
    }

    async fn open_stream(&mut self) -> Result<(), Problem> {
        let stream = AudioStream::open(Arc::clone(&self.backend), self.settings.clone()).await?;
        self.stream = Some(stream);
        Ok(())
    }

    fn stream(&mut self) -> Result<&mut AudioStream, Problem> {
        let missing = || MediaError::new(crate::media::Fault::Internal, "the session has no stream");
        Ok(self.stream.as_mut().ok_or_else(missing)?)
    }

    async fn local(&mut self, direction: StreamDirection) -> Result<LocalMedia, Problem> {
        self.ours = direction;
        Ok(self.stream()?.local(direction).await?)
    }

    async fn make_offer(&mut self) -> Result<Body, Problem> {
        let local = self.local(hold::offered(WANTED, self.holding)).await?;
        self.offered = summary(&local.codecs);
        Ok(Body::sdp(self.exchange.offer(&local)?))
    }

    /// Takes the peer's codecs and makes the answer, without letting media flow yet.
    async fn make_answer(&mut self, remote: &RemoteMedia) -> Result<Body, Problem> {
        self.stream()?.negotiate(remote).await?;
        let local = self.local(hold::answered(remote.direction, WANTED, self.holding)).await?;
        Ok(Body::sdp(self.exchange.answer(&local)?))
    }

    /// Takes the peer's answer to our offer and lets media flow.
    async fn take_answer(&mut self, body: Option<Body>, place: &str) -> Result<(), Problem> {
        let Some(body) = body else {
            self.exchange.roll_back();
            return Err(Problem::missing_sdp(place));
        };
        let remote = self.exchange.remote_answer(&body.content_type, &body.data)?;
        self.stream()?
            .negotiate(&remote)
            .await
            .map_err(|error| Problem { originator: Originator::Remote, ..Problem::from(error) })?;
        self.flow(&remote).await
    }

    async fn flow(&mut self, remote: &RemoteMedia) -> Result<(), Problem> {
        let direction = hold::agreed(self.ours, remote.direction);
        let stream = self.stream()?;
        stream.flow(&remote.candidates, direction).await?;
        let codecs = stream.local(direction).await?.codecs;
        self.emit_stream(StreamEvent::CodecsAgreed(codecs));
        let held = hold::held_by(remote.direction, WANTED);
        if held != self.held {
            self.held = held;
            self.emit(SessionEvent::DidChangeHoldState { originator: Originator::Remote, on_hold: held });
        }
        Ok(())
    }

    async fn call(&mut self, outgoing: Outgoing) {
        self.step(Trigger::Connect);
        let offer = match self.open_stream().await {
            Ok(()) => self.make_offer().await,
            Err(problem) => Err(problem),
        };
        match offer {
            Ok(body) => {
                self.emit(SessionEvent::NewOutgoing);
                let (id, headers, body) = (self.id, Vec::new(), Some(body));
                let Outgoing { target, from, to } = outgoing;
                self.send(Command::Invite { id, target, from, to: Some(to), headers, body });
            }
            Err(problem) => {
                let why = format!("media stream did not initialize: {}", problem.text);
                self.finish(self.failure(Originator::Local, 0, "", &why)).await;
            }
        }
    }

    async fn established(&mut self, body: Option<Body>) {
        self.emit(SessionEvent::WillStart);
        match self.take_answer(body, "200 answer").await {
            Ok(()) => {
                self.step(Trigger::Accepted);
                self.emit(SessionEvent::DidStart);
                self.follow_hold_wish().await;
            }
            Err(problem) => self.give_up(problem).await,
        }
    }

    async fn accept(&mut self) {
        let offer = self.offer.take();
        let answer = match (self.open_stream().await, &offer) {
            (Ok(()), Some(remote)) => self.make_answer(remote).await,
            (Ok(()), None) => self.make_offer().await,
            (Err(problem), _) => Err(problem),
        };
        let body = match answer {
            Ok(body) => body,
            Err(problem) => {
                let headers = warning_header(&problem);
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
        if self.exchange.is_open()
            && let Err(problem) = self.take_answer(body, "ACK").await
        {
            return self.give_up(problem).await;
        }
        self.step(Trigger::Confirmed);
        self.emit(SessionEvent::DidStart);
        self.follow_hold_wish().await;
    }

    async fn reinvited(&mut self, body: Option<Body>) {
        let id = self.id;
        let answer = match &body {
            Some(body) => match self.exchange.remote_offer(&body.content_type, &body.data) {
                Ok(remote) => self.make_answer(&remote).await.map(|answer| (answer, Some(remote))),
                Err(error) => Err(error.into()),
            },
            None => self.make_offer().await.map(|offer| (offer, None)),
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
                    self.exchange.roll_back();
                }
                self.send(Command::AnswerReinvite { id, status: problem.status, reason: None, body: None });
            }
        }
    }

    async fn reinvite_confirmed(&mut self, body: Option<Body>) {
        if self.exchange.is_open()
            && self.state != SessionState::Renegotiating
            && let Err(problem) = self.take_answer(body, "ACK").await
        {
            self.give_up(problem).await;
        }
        self.follow_hold_wish().await;
    }

    /// Sends the re-INVITE for a hold or its end, as soon as the session allows it.
    async fn follow_hold_wish(&mut self) {
        if self.state != SessionState::Connected || self.hold_wish == self.holding || self.exchange.is_open()
        {
            return;
        }
        self.holding = self.hold_wish;
        match self.make_offer().await {
            Ok(body) => {
                self.step(Trigger::Renegotiate);
                self.send(Command::Reinvite { id: self.id, body: Some(body) });
            }
            Err(problem) => return self.give_up(problem).await,
        }
        let local = hold::offered(WANTED, self.holding);
        let remote = if self.held { StreamDirection::SEND } else { StreamDirection::BOTH };
        if let Some(stream) = &mut self.stream {
            // Our side of a hold takes effect at once; a broken engine reports itself.
            let _ = stream.set_direction(hold::agreed(local, remote)).await;
        }
    }

    async fn renegotiated(&mut self, status: u16, reason: &str, body: Option<Body>) {
        self.step(Trigger::Renegotiated);
        if (200..300).contains(&status) {
            if let Err(problem) = self.take_answer(body, "200 answer").await {
                return self.give_up(problem).await;
            }
        } else {
            tracing::info!(target: "fs::sip::session", id = self.id.0, "re-INVITE was refused: {status} {reason}");
            self.exchange.roll_back();
        }
        // Our own side changed in any case; a refusal only means that the peer was not told.
        self.emit(SessionEvent::DidChangeHoldState { originator: Originator::Local, on_hold: self.holding });
        self.follow_hold_wish().await;
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
        let text = quoted(&problem.text);
        let headers = vec![("Reason".to_owned(), format!("SIP;cause={};text={text}", problem.status))];
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
        if let Some(stream) = &mut self.stream {
            // A broken engine is closed with the session anyway.
            let _ = stream.set_direction(StreamDirection::NONE).await;
        }
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
                    488 | 606 => format!("{reason}; we offered: {}", self.offered),
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
        if let Some(stream) = self.stream.take() {
            let statistics = stream.close().await;
            self.emit_stream(StreamEvent::DidEnd { statistics });
        }
        self.emit(event);
    }
}

async fn media_event(stream: &mut Option<AudioStream>) -> MediaEvent {
    match stream {
        Some(stream) => stream.next_event().await,
        None => std::future::pending().await,
    }
}

fn warning_header(problem: &Problem) -> Vec<(String, String)> {
    warning(problem.warning, &problem.text)
}

/// A Warning header (RFC 3261 section 20.43) with our product as the agent.
pub(crate) fn warning(code: Option<u16>, text: &str) -> Vec<(String, String)> {
    code.map(|code| ("Warning".to_owned(), format!("{code} fs-sip {}", quoted(text)))).into_iter().collect()
}

/// A quoted string of bounded length, without anything that would end it or the line.
fn quoted(text: &str) -> String {
    let clean: String = text
        .chars()
        .filter(|c| !c.is_control())
        .map(|c| if c == '"' || c == '\\' { '\'' } else { c })
        .take(300)
        .collect();
    format!("\"{clean}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_can_not_break_headers() {
        assert_eq!(quoted("a\"b\\c\r\nX: y"), "\"a'b'cX: y\"");
        assert_eq!(warning(Some(305), "x"), [("Warning".to_owned(), "305 fs-sip \"x\"".to_owned())]);
        assert!(warning(None, "x").is_empty());
    }
}
