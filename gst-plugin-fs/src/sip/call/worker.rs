//! The task of one element: it carries requests of the element to the call and events of the call to the element.

use std::sync::Arc;
use std::time::Duration;

use fs_proto::Codec;
use fs_sip::registration::RegistrationEvent;
use fs_sip::sdp::codecs::label;
use fs_sip::{Application, Originator, Session, SessionEvent, StreamEvent};
use gst::prelude::*;
use tokio::sync::mpsc::{Receiver, UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use super::configure::configure;
use super::imp::CAT;
use super::paths::MediaPaths;
use super::settings::Settings;
use super::state::CallState;
use super::{SipCall, runtime};

/// How long the answer to our BYE or CANCEL is awaited.
const HANGUP_LIMIT: Duration = Duration::from_secs(2);
/// How long the endpoint may take for its last words.
const STOP_LIMIT: Duration = Duration::from_secs(1);
/// How long starting the endpoint may take.
const START_LIMIT: Duration = Duration::from_secs(10);

/// What the element asks for.
#[derive(Debug)]
pub enum Request {
    /// The pipeline plays: call, if there is somebody to call.
    Play,
    /// Accept the call that came.
    Accept,
    /// Refuse the call that came, with this status.
    Reject(u16),
    /// Hold the peer, or resume.
    Hold(bool),
    /// Send these digits.
    Digits(String),
    /// End the call, or the waiting for one.
    Hangup,
    /// End everything, then answer.
    Shutdown(std::sync::mpsc::Sender<()>),
}

/// A running worker, seen from the element.
#[derive(Debug)]
pub struct Handle {
    requests: UnboundedSender<Request>,
    /// Who we are, with the way to us where it is neither UDP nor TCP.
    pub local_uri: String,
}

impl Handle {
    /// Asks for something; without effect once the worker has ended.
    pub fn send(&self, request: Request) {
        // An ended worker has told the element why.
        let _ = self.requests.send(request);
    }

    /// Hangs up, stops, and waits for it.
    pub fn shutdown(self) {
        let (done, wait) = std::sync::mpsc::channel();
        self.send(Request::Shutdown(done));
        // The worker keeps its own limits; a little more than their sum never strikes first.
        let _ = wait.recv_timeout(HANGUP_LIMIT + 2 * STOP_LIMIT);
    }
}

struct Worker {
    element: glib::WeakRef<SipCall>,
    paths: Arc<MediaPaths>,
    application: Application,
    incoming: Receiver<Session>,
    requests: UnboundedReceiver<Request>,
    registration: Option<UnboundedReceiver<RegistrationEvent>>,
    uri: String,
    auto_accept: bool,
    session: Option<Session>,
    state: CallState,
    peer: String,
    /// The application wants an end; no further call is taken.
    hung_up: Option<Instant>,
    over: bool,
}

/// Binds the endpoint and starts the task.
///
/// # Errors
/// A sentence that says what was wrong with the settings or with the network.
pub fn start(
    element: &SipCall,
    paths: &Arc<MediaPaths>,
    backend: Arc<dyn fs_sip::media::Backend>,
    settings: &Settings,
) -> Result<Handle, String> {
    let runtime = runtime::handle().map_err(|error| format!("the SIP runtime does not start: {error}"))?;
    let wanted = settings.clone();
    let started = runtime::wait_for(&runtime, START_LIMIT, async move {
        let made = configure(&wanted).await?;
        let (application, incoming) =
            Application::start(made.application, backend).await.map_err(|error| error.to_string())?;
        let registration = made.registration.map(|settings| application.register(settings));
        Ok::<_, String>((application, incoming, registration, made.target, made.reached_by))
    });
    let (application, incoming, registration, uri, reached_by) =
        started.ok_or_else(|| format!("the SIP endpoint did not start in {} s", START_LIMIT.as_secs()))??;
    let mut local_uri = application.identity().uri.clone();
    if let (Some(protocol), Some(params)) = (reached_by, local_uri.params_mut()) {
        params.set("transport", Some(protocol.parameter()));
    }
    let (sender, requests) = unbounded_channel();
    let worker = Worker {
        element: element.downgrade(),
        paths: Arc::clone(paths),
        application,
        incoming,
        requests,
        registration,
        uri,
        auto_accept: settings.auto_accept,
        session: None,
        state: CallState::Null,
        peer: String::new(),
        hung_up: None,
        over: false,
    };
    runtime.spawn(worker.run());
    Ok(Handle { requests: sender, local_uri: local_uri.to_string() })
}

impl Worker {
    async fn run(mut self) {
        if self.uri.is_empty() {
            self.set_state(CallState::Waiting, 0, "");
        }
        loop {
            let deadline = self.hung_up.map(|since| since + HANGUP_LIMIT).filter(|_| !self.over);
            tokio::select! {
                request = self.requests.recv() => match request {
                    Some(Request::Play) => self.play().await,
                    Some(Request::Accept) => self.with_incoming(|session| session.accept()),
                    Some(Request::Reject(status)) => self.with_incoming(|session| session.reject(status, None)),
                    Some(Request::Hold(true)) => self.with_session(|session| session.hold()),
                    Some(Request::Hold(false)) => self.with_session(|session| session.unhold()),
                    Some(Request::Digits(digits)) => self.send_digits(&digits),
                    Some(Request::Hangup) => self.hangup(),
                    Some(Request::Shutdown(done)) => {
                        self.shutdown().await;
                        // The element may have given up waiting.
                        let _ = done.send(());
                        return;
                    }
                    None => return self.shutdown().await,
                },
                Some(session) = self.incoming.recv() => self.called(session),
                event = next_event(&mut self.session) => self.on_event(event),
                Some(event) = registration_event(&mut self.registration) => self.on_registration(event),
                () = until(deadline) => self.end(CallState::Ended, 0, "the peer did not answer our goodbye"),
            }
        }
    }

    async fn play(&mut self) {
        if self.uri.is_empty() || self.state != CallState::Null {
            return;
        }
        self.peer.clone_from(&self.uri);
        self.set_state(CallState::Calling, 0, "");
        match self.application.call(&self.uri).await {
            Ok(session) => self.session = Some(session),
            Err(error) => self.fail(0, &error.to_string()),
        }
    }

    fn called(&mut self, session: Session) {
        if self.session.is_some() || self.state != CallState::Waiting {
            session.reject(486, None);
            return;
        }
        self.peer = session.remote().uri.to_string();
        self.set_state(CallState::Incoming, 0, "");
        if self.auto_accept {
            session.accept();
        } else {
            session.ring();
        }
        self.session = Some(session);
    }

    fn with_incoming(&self, act: impl FnOnce(&Session)) {
        if let (CallState::Incoming, Some(session)) = (self.state, &self.session) {
            act(session);
        }
    }

    fn with_session(&self, act: impl FnOnce(&Session)) {
        if let Some(session) = self.session.as_ref().filter(|_| self.hung_up.is_none()) {
            act(session);
        }
    }

    fn send_digits(&self, digits: &str) {
        self.with_session(|session| {
            if let (Err(error), Some(element)) = (session.send_digits(digits), self.element.upgrade()) {
                gst::warning!(CAT, obj = element, "send-dtmf: {error}");
            }
        });
    }

    fn on_registration(&mut self, event: RegistrationEvent) {
        let (state, status, reason, expires) = match event {
            RegistrationEvent::Registered { expires, .. } => ("registered", 200, String::new(), expires),
            RegistrationEvent::Failed { status, reason, .. } => ("failed", status, reason, 0),
            RegistrationEvent::Ended => ("ended", 200, String::new(), 0),
            RegistrationEvent::NotEnded { status, reason } => ("failed", status, reason, 0),
            // Steps on the way, for traces.
            RegistrationEvent::Asking { .. } | RegistrationEvent::Answered { .. } => return,
        };
        let message = gst::Structure::builder("fssip-call-registration")
            .field("state", state)
            .field("status", u32::from(status))
            .field("reason", reason.as_str())
            .field("expires", expires);
        self.post(message.build());
        // What a server answers so will be the same next time; anything else is tried again.
        let refused = state == "failed" && matches!(status, 400..=407 | 410..=479 | 482..=499 | 600..=699);
        if refused && self.session.is_none() && self.hung_up.is_none() {
            self.fail_with(&format!("The registration failed: {status} {reason}"), status, &reason);
        }
    }

    fn hangup(&mut self) {
        if self.over || self.hung_up.is_some() {
            return;
        }
        self.paths.mute();
        match &self.session {
            Some(session) => {
                session.hangup();
                self.hung_up = Some(Instant::now());
                self.set_state(CallState::Ending, 0, "");
            }
            None => self.end(CallState::Ended, 0, ""),
        }
    }

    fn on_event(&mut self, event: Option<SessionEvent>) {
        match event {
            Some(SessionEvent::GotRingIndication) => self.set_state(CallState::Ringing, 180, ""),
            Some(SessionEvent::DidStart) => self.set_state(CallState::Established, 200, ""),
            Some(SessionEvent::Stream(event)) => self.on_stream_event(event),
            Some(SessionEvent::DidChangeHoldState { originator, on_hold }) => {
                let hold = gst::Structure::builder("fssip-call-hold")
                    .field("originator", originator.to_string())
                    .field("on-hold", on_hold);
                self.post(hold.build());
            }
            Some(SessionEvent::DidFail { code, reason, failure_reason, .. }) => {
                // The longer text says more: what was offered, for example.
                let text = if failure_reason.starts_with(&reason) { failure_reason } else { reason };
                self.session = None;
                if self.hung_up.is_some() {
                    self.end(CallState::Ended, code, &text);
                } else if self.uri.is_empty() {
                    self.set_state(CallState::Waiting, code, &text);
                } else {
                    self.fail(code, &text);
                }
            }
            Some(SessionEvent::DidEnd { originator, end_reason }) => {
                self.session = None;
                if originator == Originator::Local && self.hung_up.is_none() {
                    self.fail(0, &end_reason);
                } else {
                    self.end(CallState::Ended, 0, &end_reason);
                }
            }
            Some(_) => {}
            None => {
                self.session = None;
                self.fail(0, "the session broke off");
            }
        }
    }

    fn on_stream_event(&self, event: StreamEvent) {
        match event {
            StreamEvent::CodecsAgreed(codecs) => {
                let names: Vec<String> = codecs.iter().map(name).collect();
                let message = gst::Structure::builder("fssip-call-codec")
                    .field("codec", names.first().map_or("", String::as_str))
                    .field("codecs", names.join(", "));
                self.post(message.build());
            }
            StreamEvent::DidStart { codec, kind } => {
                let message = gst::Structure::builder("fssip-call-media")
                    .field("media", kind.as_str())
                    .field("codec", name(&codec));
                self.post(message.build());
            }
            StreamEvent::DidEnableEncryption { kind, cipher } => {
                let message = gst::Structure::builder("fssip-call-encrypted")
                    .field("media", kind.as_str())
                    .field("cipher", cipher);
                self.post(message.build());
            }
            StreamEvent::GotDtmf { digit } => {
                self.post(
                    gst::Structure::builder("fssip-call-dtmf").field("digit", digit.to_string()).build(),
                );
            }
            StreamEvent::IceDidSucceed | StreamEvent::IceDidFail => {
                let connected = event == StreamEvent::IceDidSucceed;
                self.post(gst::Structure::builder("fssip-call-ice").field("connected", connected).build());
            }
            StreamEvent::DidFail { reason } => {
                if let Some(element) = self.element.upgrade() {
                    gst::warning!(CAT, obj = element, "media: {reason}");
                }
            }
            _ => {}
        }
    }

    /// The call was refused or broke: an ERROR message, which ends the pipeline.
    fn fail(&mut self, status: u16, reason: &str) {
        let code = if status == 0 { String::new() } else { format!("{status} ") };
        self.fail_with(&format!("The call to {} failed: {code}{reason}", self.peer), status, reason);
    }

    fn fail_with(&mut self, text: &str, status: u16, reason: &str) {
        self.over = true;
        self.set_state(CallState::Failed, status, reason);
        let Some(element) = self.element.upgrade() else { return };
        let details = gst::Structure::builder("fssip-call-error")
            .field("status", u32::from(status))
            .field("reason", reason)
            .field("peer", self.peer.as_str())
            .build();
        let error = match status {
            401 | 403 | 407 => gst::ResourceError::NotAuthorized,
            404 | 410 | 604 => gst::ResourceError::NotFound,
            486 | 600 => gst::ResourceError::Busy,
            _ => gst::ResourceError::Failed,
        };
        let message = gst::message::Error::builder(error, text).details(details).src(&element).build();
        // Fails only while the element is being disposed of.
        let _ = element.post_message(message);
    }

    /// The call is over, or will never come: EOS behind every source pad, and for the element itself.
    fn end(&mut self, state: CallState, status: u16, reason: &str) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        self.session = None;
        self.set_state(state, status, reason);
        let Some(element) = self.element.upgrade() else { return };
        let paths = Arc::clone(&self.paths);
        // What is behind the pad may block, so this is no work for the network's threads.
        element.call_async(move |element| {
            paths.finish();
            // Fails only while the element is being disposed of.
            let _ = element.post_message(gst::message::Eos::builder().src(element).build());
        });
    }

    async fn shutdown(mut self) {
        if let Some(mut session) = self.session.take() {
            session.hangup();
            if self.state.is_live() {
                self.set_state(CallState::Ending, 0, "");
            }
            let over = async { while session.next_event().await.is_some_and(|event| !event.is_last()) {} };
            // Bounded: a peer that is gone must not hold up the pipeline.
            let _ = tokio::time::timeout(HANGUP_LIMIT, over).await;
            self.set_state(CallState::Ended, 0, "");
        }
        // Bounded for the same reason.
        let _ = tokio::time::timeout(STOP_LIMIT, self.application.shutdown()).await;
    }

    fn set_state(&mut self, state: CallState, status: u16, reason: &str) {
        self.state = state;
        let Some(element) = self.element.upgrade() else { return };
        gst::info!(CAT, obj = element, "{state:?} {status} {reason}");
        element.set_call_state(state);
        let message = gst::Structure::builder("fssip-call-state")
            .field("state", state)
            .field("status", u32::from(status))
            .field("reason", reason)
            .field("peer", self.peer.as_str());
        self.post(message.build());
    }

    fn post(&self, structure: gst::Structure) {
        if let Some(element) = self.element.upgrade() {
            // Fails only while the element is being disposed of.
            let _ = element.post_message(gst::message::Element::builder(structure).src(&element).build());
        }
    }
}

/// A codec as messages name it: `PCMU/8000`, `OPUS/48000/2`.
fn name(codec: &Codec) -> String {
    label(codec).to_uppercase()
}

async fn registration_event(
    registration: &mut Option<UnboundedReceiver<RegistrationEvent>>,
) -> Option<RegistrationEvent> {
    match registration {
        Some(registration) => registration.recv().await,
        None => std::future::pending().await,
    }
}

async fn next_event(session: &mut Option<Session>) -> Option<SessionEvent> {
    match session {
        Some(session) => session.next_event().await,
        None => std::future::pending().await,
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
