//! The application's front door (SIP SIMPLE: `SIPApplication` and `SessionManager`): one endpoint, one media
//! engine, and the sessions between them.

mod call;
mod router;

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot};

use crate::endpoint::{BindError, Endpoint, EndpointConfig};
use crate::error::ParseError;
use crate::media::Backend;
use crate::registration::{RegistrationEvent, RegistrationId, RegistrationSettings};
use crate::session::{MediaOptions, Session};
use crate::wire::{NameAddr, Uri};

use call::Desk;
pub use call::{CallOptions, route_to};
use router::{Request, Router};

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
    /// The peer of that call has not asked for a transfer, or does no longer wait for one.
    NoTransfer,
    /// The application has ended.
    Stopped,
}

impl fmt::Display for InviteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => write!(f, "can't call: {error}"),
            Self::Scheme(uri) => write!(f, "can't call {uri}: only sip: addresses can be called"),
            Self::NoTransfer => f.write_str("nobody has asked for a transfer"),
            Self::Stopped => f.write_str("can't call: the application has ended"),
        }
    }
}

impl std::error::Error for InviteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Address(error) => Some(error),
            Self::Scheme(_) | Self::NoTransfer | Self::Stopped => None,
        }
    }
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
    desk: Desk,
    identity: NameAddr,
    outbound_proxy: Option<Uri>,
    registrations: AtomicU64,
    requests: mpsc::UnboundedSender<Request>,
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
        let (reliable, reports_transactions) = (endpoint.reliable_provisional, endpoint.report_transactions);
        let (endpoint, events) = Endpoint::bind(endpoint).await?;
        let local = endpoint.local_addr();
        let identity = identity.unwrap_or_else(|| {
            let user = (!user.is_empty()).then_some(user.as_str());
            NameAddr::new(Uri::sip(user, local.ip(), Some(local.port())))
        });
        let (requests, request_queue) = mpsc::unbounded_channel();
        let (commands, command_queue) = mpsc::unbounded_channel();
        let (calls, incoming) = mpsc::unbounded_channel();
        let desk = Desk { backend, local, media, name, commands, reports_transactions };
        let router = Router {
            sessions: HashMap::new(),
            registrations: HashMap::new(),
            calls,
            desk: desk.clone(),
            reliable,
        };
        tokio::spawn(router.run(endpoint, events, request_queue, command_queue));
        let registrations = AtomicU64::new(0);
        let application = Self { desk, identity, outbound_proxy, registrations, requests };
        Ok((application, incoming))
    }

    /// The address we listen on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.desk.local
    }

    /// Who we are in our calls.
    #[must_use]
    pub fn identity(&self) -> &NameAddr {
        &self.identity
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
        f.debug_struct("Application").field("local", &self.desk.local).finish_non_exhaustive()
    }
}
