//! The application's front door (SIP SIMPLE: `SIPApplication` and `SessionManager`): one endpoint, one media
//! engine, and the sessions between them.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot};

use crate::endpoint::{BindError, Body, Command, Endpoint, EndpointConfig, Event, InviteId};
use crate::error::ParseError;
use crate::event::SessionEvent;
use crate::media::{Backend, SessionId};
use crate::registration::{RegistrationEvent, RegistrationId, RegistrationSettings};
use crate::session::offer_answer::OfferAnswer;
use crate::session::{Actor, Input, MediaOptions, Outgoing, Session, Start, StreamSetup, Streams, warning};
use crate::wire::{NameAddr, Uri};

/// Settings of an [`Application`].
#[derive(Debug, Clone, Default)]
pub struct ApplicationConfig {
    /// The endpoint: where to listen, and what to call ourselves.
    pub endpoint: EndpointConfig,
    /// Who we are, as From of our calls; `None` = `sip:` and the address we listen on.
    pub identity: Option<NameAddr>,
    /// What calls carry, and how.
    pub media: MediaOptions,
    /// A proxy that our calls go through (an `lr` is added); `None` = straight to whom we call.
    pub outbound_proxy: Option<Uri>,
}

/// A call could not be begun.
#[derive(Debug)]
#[non_exhaustive]
pub enum InviteError {
    /// The address is none.
    Address(ParseError),
    /// The address is no `sip:` URI.
    Scheme(String),
    /// The application has ended.
    Stopped,
}

impl fmt::Display for InviteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => write!(f, "can't call: {error}"),
            Self::Scheme(uri) => write!(f, "can't call {uri}: only sip: addresses can be called"),
            Self::Stopped => f.write_str("can't call: the application has ended"),
        }
    }
}

impl std::error::Error for InviteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Address(error) => Some(error),
            Self::Scheme(_) | Self::Stopped => None,
        }
    }
}

/// What the handle asks of the router task.
enum Request {
    /// A new outgoing session, and where its events go.
    Call(mpsc::UnboundedSender<Input>, oneshot::Sender<InviteId>),
    /// A registration begins; where its events go.
    Register(RegistrationId, Box<RegistrationSettings>, mpsc::UnboundedSender<RegistrationEvent>),
    /// End everything.
    Shutdown(oneshot::Sender<()>),
}

/// A running SIP application: it can call and be called.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use fs_sip::media::fake::FakeBackend;
/// use fs_sip::{Application, ApplicationConfig};
///
/// let backend = Arc::new(FakeBackend::g711());
/// let (application, mut incoming) = Application::start(ApplicationConfig::default(), backend).await?;
/// let mut call = application.call("sip:bob@127.0.0.1:5070").await?;
/// while let Some(event) = call.next_event().await {
///     println!("{event:?}");
/// }
/// # let _ = incoming.recv().await;
/// application.shutdown().await;
/// # Ok(()) }
/// ```
pub struct Application {
    local: SocketAddr,
    identity: NameAddr,
    media: MediaOptions,
    outbound_proxy: Option<Uri>,
    name: String,
    backend: Arc<dyn Backend>,
    registrations: AtomicU64,
    requests: mpsc::UnboundedSender<Request>,
    commands: mpsc::UnboundedSender<Command>,
}

impl Application {
    /// Binds the endpoint and starts its tasks on the current tokio runtime. Calls that come in are handed out by
    /// the receiver; one that is dropped there is refused with 603.
    ///
    /// # Errors
    /// When the address can't be bound; the text names it.
    pub async fn start(
        config: ApplicationConfig,
        backend: Arc<dyn Backend>,
    ) -> Result<(Self, mpsc::UnboundedReceiver<Session>), BindError> {
        let ApplicationConfig { mut endpoint, identity, media, outbound_proxy } = config;
        if endpoint.contact_user.is_empty() {
            let user = identity.as_ref().and_then(|i| i.uri.user());
            endpoint.contact_user = user.unwrap_or_default().into_owned();
        }
        let (name, user) = (endpoint.user_agent.clone(), endpoint.contact_user.clone());
        let (endpoint, events) = Endpoint::bind(endpoint).await?;
        let local = endpoint.local_addr();
        let identity = identity.unwrap_or_else(|| {
            let user = (!user.is_empty()).then_some(user.as_str());
            NameAddr::new(Uri::sip(user, local.ip(), Some(local.port())))
        });
        let (requests, request_queue) = mpsc::unbounded_channel();
        let (commands, command_queue) = mpsc::unbounded_channel();
        let (calls, incoming) = mpsc::unbounded_channel();
        let router = Router {
            sessions: HashMap::new(),
            registrations: HashMap::new(),
            calls,
            commands: commands.clone(),
            backend: Arc::clone(&backend),
            local,
            media: media.clone(),
            name: name.clone(),
        };
        tokio::spawn(router.run(endpoint, events, request_queue, command_queue));
        let application = Self {
            local,
            identity,
            media,
            outbound_proxy,
            name,
            backend,
            registrations: AtomicU64::new(0),
            requests,
            commands,
        };
        Ok((application, incoming))
    }

    /// The address we listen on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Who we are in our calls.
    #[must_use]
    pub fn identity(&self) -> &NameAddr {
        &self.identity
    }

    /// Calls somebody; `target` is a `sip:` URI, with or without display name. What becomes of the call is told by
    /// the session's events.
    ///
    /// # Errors
    /// When `target` is no address that can be called.
    pub async fn call(&self, target: &str) -> Result<Session, InviteError> {
        let to = NameAddr::parse(target).map_err(InviteError::Address)?;
        if !to.uri.is_sip() {
            return Err(InviteError::Scheme(to.uri.to_string()));
        }
        let (inbox, queue) = mpsc::unbounded_channel();
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request::Call(inbox.clone(), reply)).map_err(|_| InviteError::Stopped)?;
        let id = answer.await.map_err(|_| InviteError::Stopped)?;
        let (events, receiver) = mpsc::unbounded_channel();
        let local_ip = media_ip(self.local.ip(), destination(&to.uri).await);
        let exchange = exchange(&self.media, &self.name);
        let (session, backend, options) = (SessionId(id.0), Arc::clone(&self.backend), self.media.clone());
        let setup = StreamSetup { session, backend, local_ip, options };
        let actor = Actor::new(id, self.commands.clone(), Streams::new(setup, exchange), queue, events);
        let (target, from) = (to.uri.clone(), self.identity.clone());
        let start = Outgoing { target, from, to: to.clone(), headers: self.route() };
        tokio::spawn(actor.run(Start::Outgoing(Box::new(start))));
        Ok(Session::new(SessionId(id.0), to, inbox, receiver))
    }

    /// The way of our calls: through the proxy, if there is one.
    fn route(&self) -> Vec<(String, String)> {
        let Some(mut proxy) = self.outbound_proxy.clone() else { return Vec::new() };
        if let Some(params) = proxy.params_mut() {
            params.set("lr", None);
        }
        vec![("Route".to_owned(), NameAddr::new(proxy).to_string())]
    }

    /// Registers, so that we can be called at the address of record, and keeps the registration alive until
    /// [`Application::shutdown`]. What becomes of it is told by the receiver, which may be dropped.
    pub fn register(&self, settings: RegistrationSettings) -> mpsc::UnboundedReceiver<RegistrationEvent> {
        let id = RegistrationId(self.registrations.fetch_add(1, Ordering::Relaxed));
        let (sender, events) = mpsc::unbounded_channel();
        // Fails only when the application has ended; the receiver then is closed.
        let _ = self.requests.send(Request::Register(id, Box::new(settings), sender));
        events
    }

    /// Ends all calls, waits for the peers' answers (bounded) and stops.
    pub async fn shutdown(self) {
        let (reply, answer) = oneshot::channel();
        if self.requests.send(Request::Shutdown(reply)).is_ok() {
            // An error means that the router has ended by itself.
            let _ = answer.await;
        }
    }
}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application").field("local", &self.local).finish_non_exhaustive()
    }
}

/// The task between the endpoint and the sessions.
struct Router {
    sessions: HashMap<InviteId, mpsc::UnboundedSender<Input>>,
    registrations: HashMap<RegistrationId, mpsc::UnboundedSender<RegistrationEvent>>,
    calls: mpsc::UnboundedSender<Session>,
    commands: mpsc::UnboundedSender<Command>,
    backend: Arc<dyn Backend>,
    local: SocketAddr,
    media: MediaOptions,
    name: String,
}

impl Router {
    async fn run(
        mut self,
        endpoint: Endpoint,
        mut events: mpsc::UnboundedReceiver<Event>,
        mut requests: mpsc::UnboundedReceiver<Request>,
        mut commands: mpsc::UnboundedReceiver<Command>,
    ) {
        let done = loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.route(event),
                    None => break None,
                },
                Some(command) = commands.recv() => endpoint.send(command),
                request = requests.recv() => match request {
                    Some(Request::Call(inbox, reply)) => {
                        let id = endpoint.new_invite_id();
                        if reply.send(id).is_ok() {
                            self.sessions.insert(id, inbox);
                        }
                    }
                    Some(Request::Register(id, settings, events)) => {
                        self.registrations.insert(id, events);
                        endpoint.send(Command::Register { id, settings: *settings });
                    }
                    Some(Request::Shutdown(reply)) => break Some(reply),
                    // The handle was dropped: the sessions' own commands keep the endpoint busy no longer.
                    None => break None,
                },
            }
        };
        // What the sessions have asked for up to now goes out before the goodbye.
        while let Ok(command) = commands.try_recv() {
            endpoint.send(command);
        }
        let shutdown = endpoint.shutdown();
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Some(event) = events.recv() => self.route(event),
            }
        }
        while let Ok(event) = events.try_recv() {
            self.route(event);
        }
        if let Some(done) = done {
            // The application may not wait for it.
            let _ = done.send(());
        }
    }

    fn route(&mut self, event: Event) {
        let id = match &event {
            Event::Incoming { .. } => return self.incoming(event),
            Event::Registration { .. } => return self.registration(event),
            Event::Malformed { source, what } => {
                tracing::warn!(target: "fs::sip", %source, "malformed message: {what}");
                return;
            }
            _ => match event.session() {
                Some(id) => id,
                // Registrations and the like are kept by who asks the endpoint for them.
                None => return,
            },
        };
        let last = matches!(event, Event::Failed { .. } | Event::Cancelled { .. } | Event::Terminated { .. });
        let gone =
            self.sessions.get(&id).is_none_or(|inbox| inbox.send(Input::Sip(Box::new(event))).is_err());
        if last || gone {
            self.sessions.remove(&id);
        }
    }

    fn registration(&mut self, event: Event) {
        let Event::Registration { id, event } = event else { return };
        let gone = self.registrations.get(&id).is_none_or(|events| events.send(event).is_err());
        if gone {
            self.registrations.remove(&id);
        }
    }

    fn incoming(&mut self, event: Event) {
        let Event::Incoming { id, from, body, source, .. } = event else { return };
        let mut exchange = exchange(&self.media, &self.name);
        let offer = match body.map(|Body { content_type, data }| exchange.remote_offer(&content_type, &data))
        {
            None => None,
            Some(Ok(offer)) => Some(offer),
            Some(Err(error)) => {
                tracing::warn!(target: "fs::sip", %source, "call refused: {error}");
                let headers = warning(error.warning_code(), &error.to_string());
                self.command(Command::Reject { id, status: error.status_code(), reason: None, headers });
                return;
            }
        };
        // Sessions that the application refused end without an event of the endpoint.
        self.sessions.retain(|_, inbox| !inbox.is_closed());
        let (inbox, queue) = mpsc::unbounded_channel();
        let (events, receiver) = mpsc::unbounded_channel::<SessionEvent>();
        let local_ip = media_ip(self.local.ip(), Some(source));
        let (session, backend, options) = (SessionId(id.0), Arc::clone(&self.backend), self.media.clone());
        let setup = StreamSetup { session, backend, local_ip, options };
        let actor = Actor::new(id, self.commands.clone(), Streams::new(setup, exchange), queue, events);
        self.sessions.insert(id, inbox.clone());
        tokio::spawn(actor.run(Start::Incoming { offer }));
        // A session that nobody takes is dropped here, and so refused.
        let _ = self.calls.send(Session::new(SessionId(id.0), from, inbox, receiver));
    }

    fn command(&self, command: Command) {
        // The queue lives as long as this task.
        let _ = self.commands.send(command);
    }
}

/// The negotiator of a new session.
fn exchange(media: &MediaOptions, name: &str) -> OfferAnswer {
    OfferAnswer::with_media(random(), name, media.kinds(), media.srtp)
}

/// The address to receive media on: the one we listen on, or the one that faces the peer.
fn media_ip(listening: IpAddr, peer: Option<SocketAddr>) -> Option<IpAddr> {
    if listening.is_unspecified() { peer.and_then(route_to) } else { Some(listening) }
}

/// Our address on the way to a peer. Nothing is sent.
#[must_use]
pub fn route_to(peer: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = if peer.is_ipv4() { [0, 0, 0, 0].into() } else { [0u16; 8].into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    // Port 0 can't be connected to; any other will do.
    socket.connect((peer.ip(), peer.port().max(1))).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

async fn destination(uri: &Uri) -> Option<SocketAddr> {
    let host = uri.host()?.to_string();
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    tokio::net::lookup_host((host, uri.port().unwrap_or(5060))).await.ok()?.next()
}

/// A number that hardly comes twice: the keys of the standard hasher are random.
fn random() -> u64 {
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
