//! The task of one element: it carries requests of the element to the call and events of the call to the element.

use std::sync::Arc;
use std::time::Duration;

use fs_proto::Codec;
use fs_sip::endpoint::EndpointConfig;
use fs_sip::sdp::codecs::{label, preferences};
use fs_sip::wire::NameAddr;
use fs_sip::{Application, ApplicationConfig, MediaOptions, Originator, Session, SessionEvent, StreamEvent};
use gst::prelude::*;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use super::imp::CAT;
use super::sound::Sound;
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
    /// End the call, or the waiting for one.
    Hangup,
    /// End everything, then answer.
    Shutdown(std::sync::mpsc::Sender<()>),
}

/// What the element was set to.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Who we are and where we listen.
    pub local_uri: String,
    /// Whom to call.
    pub uri: String,
    /// Whether to accept by ourselves.
    pub auto_accept: bool,
    /// Codec names, best first.
    pub codecs: String,
}

/// A running worker, seen from the element.
#[derive(Debug)]
pub struct Handle {
    requests: UnboundedSender<Request>,
    /// The address we listen on, as a URI.
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
    sound: Arc<Sound>,
    application: Application,
    incoming: UnboundedReceiver<Session>,
    requests: UnboundedReceiver<Request>,
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
    sound: &Arc<Sound>,
    backend: Arc<dyn fs_sip::media::Backend>,
    settings: &Settings,
) -> Result<Handle, String> {
    let codecs = preferences(&settings.codecs).map_err(|error| format!("property codecs: {error}"))?;
    let runtime = runtime::handle().map_err(|error| format!("the SIP runtime does not start: {error}"))?;
    let (local_uri, uri) = (settings.local_uri.clone(), settings.uri.clone());
    let started = runtime::wait_for(&runtime, START_LIMIT, async move {
        let config = configure(&local_uri, &uri, codecs).await?;
        Application::start(config, backend).await.map_err(|error| error.to_string())
    });
    let (application, incoming) =
        started.ok_or_else(|| format!("the SIP endpoint did not start in {} s", START_LIMIT.as_secs()))??;
    let local_uri = application.identity().uri.to_string();
    let (sender, requests) = unbounded_channel();
    let worker = Worker {
        element: element.downgrade(),
        sound: Arc::clone(sound),
        application,
        incoming,
        requests,
        uri: settings.uri.clone(),
        auto_accept: settings.auto_accept,
        session: None,
        state: CallState::Null,
        peer: String::new(),
        hung_up: None,
        over: false,
    };
    runtime.spawn(worker.run());
    Ok(Handle { requests: sender, local_uri })
}

/// Where to listen: what `local-uri` says, else the address that faces the peer, with a port of the system.
async fn configure(local_uri: &str, uri: &str, codecs: Vec<Codec>) -> Result<ApplicationConfig, String> {
    let mut endpoint = EndpointConfig::default();
    let mut identity = None;
    if local_uri.is_empty() {
        let host = match NameAddr::parse(uri) {
            Ok(peer) => peer.uri.host().map(|h| (h.to_string(), peer.uri.port().unwrap_or(5060))),
            Err(error) if !uri.is_empty() => return Err(format!("property uri: {error}")),
            Err(_) => None,
        };
        // Without a peer: the address that faces the default route. TEST-NET-2 is never reached, only routed.
        let (host, port) = host.unwrap_or_else(|| ("198.51.100.1".to_owned(), 9));
        let peer = tokio::net::lookup_host((host, port)).await.ok().and_then(|mut found| found.next());
        if let Some(ip) = peer.and_then(fs_sip::application::route_to) {
            endpoint.bind = (ip, 0).into();
        }
    } else {
        let own = NameAddr::parse(local_uri).map_err(|error| format!("property local-uri: {error}"))?;
        let host = own.uri.host().filter(|_| own.uri.is_sip());
        let host =
            host.ok_or_else(|| format!("property local-uri: {local_uri} is no sip: address"))?.to_string();
        let port = own.uri.port().unwrap_or(5060);
        let mut found = tokio::net::lookup_host((host.trim_matches(['[', ']']).to_owned(), port))
            .await
            .map_err(|error| format!("property local-uri: host {host}: {error}"))?;
        endpoint.bind =
            found.next().ok_or_else(|| format!("property local-uri: host {host} has no address"))?;
        // Port 0 means "any": the identity is then made from what was taken.
        if port != 0 {
            identity = Some(own);
        } else if let Some(user) = own.uri.user() {
            endpoint.contact_user = user.into_owned();
        }
    }
    let media = MediaOptions { codecs, ..MediaOptions::default() };
    Ok(ApplicationConfig { endpoint, identity, media })
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

    fn hangup(&mut self) {
        if self.over || self.hung_up.is_some() {
            return;
        }
        self.sound.mute();
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
            StreamEvent::DidStart { codec, .. } => {
                self.post(gst::Structure::builder("fssip-call-media").field("codec", name(&codec)).build());
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
        self.over = true;
        self.set_state(CallState::Failed, status, reason);
        let Some(element) = self.element.upgrade() else { return };
        let code = if status == 0 { String::new() } else { format!("{status} ") };
        let text = format!("The call to {} failed: {code}{reason}", self.peer);
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
        let message =
            gst::message::Error::builder(error, text.as_str()).details(details).src(&element).build();
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
        let sound = Arc::clone(&self.sound);
        // What is behind the pad may block, so this is no work for the network's threads.
        element.call_async(move |element| {
            sound.finish();
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
