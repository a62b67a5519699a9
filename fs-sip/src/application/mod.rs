//! The application's front door (SIP SIMPLE: `SIPApplication` and `SessionManager`): one endpoint, one media
//! engine, and the sessions between them.

mod call;
mod router;
mod stun;

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::account::{AccountError, AccountEvent, AccountManager, Accounts};
use crate::endpoint::{
    BindError, Command, Endpoint, EndpointConfig, Event, Statistics, Stopped, Traced, system_seed,
};
use crate::error::ParseError;
use crate::limits;
use crate::media::Backend;
use crate::registration::{RegistrationEvent, RegistrationId, RegistrationSettings};
use crate::session::{MediaOptions, Session};
use crate::settings::{MemoryStorage, Storage};
use crate::transport::{Local, Protocol};
use crate::wire::{NameAddr, Scheme, Uri};

pub use crate::transport::{LocalAddresses, SystemAddresses, route_to};
pub use call::CallOptions;
use call::Desk;
use router::{Inlets, Request, Router};
use stun::StunServers;

/// Settings of an [`Application`].
#[derive(Clone, Default)]
pub struct ApplicationConfig {
    /// The endpoint: where to listen, and what to call ourselves.
    pub endpoint: EndpointConfig,
    /// Who we are, as From of our calls where no account is named; `None` = the default account, and where there is
    /// none, `sip:` and the address we listen on. Port 0 becomes the one that was taken for the `transport` in it (none =
    /// UDP), which itself is not told to others: it has no place in From (RFC 3261 section 19.1.1).
    pub identity: Option<NameAddr>,
    /// The host of that address where we listen on all of them; `None` = one that leads to the rest of the world.
    pub host: Option<IpAddr>,
    /// What calls carry, and how.
    pub media: MediaOptions,
    /// How long a peer that we call may take to answer (`sip.invite_timeout`, 90 s there), where the call has no limit of its own;
    /// then the call is cancelled and fails with 408. `None` = as long as it says that it rings, see
    /// [`EndpointConfig::silence`].
    pub invite_timeout: Option<Duration>,
    /// A proxy that our calls go through (an `lr` is added); `None` = straight to whom we call.
    pub outbound_proxy: Option<Uri>,
    /// Where the accounts are kept; those that are enabled are registered at once. `None` = in memory, so that there are
    /// none at first.
    pub storage: Option<Arc<dyn Storage>>,
    /// Where everything goes that belongs to no call: what the accounts tell, and what [`EndpointConfig::messages`],
    /// [`EndpointConfig::events`] and [`EndpointConfig::requests`] let in. `None` = nobody listens, and nothing is let in:
    /// it gets the status that its RFC has for that. While the channel is full, requests of others get 480, and what only
    /// tells something is lost with a line in the log.
    pub events: Option<mpsc::Sender<ApplicationEvent>>,
    /// Who tells which addresses this machine has; `None` = the system. They are asked every 2 s while we listen on all
    /// addresses; on a change all registrations are made anew, and calls go on from the new address.
    pub addresses: Option<Arc<dyn LocalAddresses>>,
}

impl fmt::Debug for ApplicationConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApplicationConfig")
            .field("endpoint", &self.endpoint)
            .field("identity", &self.identity)
            .field("media", &self.media)
            .field("outbound_proxy", &self.outbound_proxy)
            .finish_non_exhaustive()
    }
}

/// What the application is told outside calls.
#[allow(clippy::large_enum_variant, reason = "an event is moved a few times and never stored in bulk")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApplicationEvent {
    /// What the accounts tell.
    Account(AccountEvent),
    /// The addresses of this machine have changed (`NetworkConditionsDidChange`): registrations and calls follow.
    NetworkChanged {
        /// Those that lead to the rest of the world now, one a family.
        addresses: Vec<IpAddr>,
    },
    /// A message, a subscription of ours or of others, a publication, an answer to a request of ours, or a request of
    /// others; see [`Event`]. Answers are given with [`Application::send`].
    Endpoint(Event),
}

/// An application could not be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// An address can't be listened on.
    Bind(BindError),
    /// The accounts can't be loaded.
    Accounts(AccountError),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(error) => error.fmt(f),
            Self::Accounts(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bind(error) => Some(error),
            Self::Accounts(error) => Some(error),
        }
    }
}

/// A call could not be begun.
#[derive(Debug)]
#[non_exhaustive]
pub enum InviteError {
    /// The address is none.
    Address(ParseError),
    /// The address is neither a `sip:` URI nor a telephone number.
    Scheme(String),
    /// A telephone number, and there is neither an account nor an outbound proxy that would know the way to it.
    NoWay(String),
    /// The peer of that call has not asked for a transfer, or does no longer wait for one.
    NoTransfer,
    /// The account can't be used.
    Account(AccountError),
    /// The application has ended.
    Stopped,
}

impl fmt::Display for InviteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => write!(f, "can't call: {error}"),
            Self::Scheme(uri) => write!(f, "can't call {uri}: only sip: and tel: addresses can be called"),
            Self::NoWay(uri) => {
                write!(f, "can't call {uri}: a telephone number needs an account or an outbound proxy")
            }
            Self::NoTransfer => f.write_str("nobody has asked for a transfer"),
            Self::Account(error) => write!(f, "can't call: {error}"),
            Self::Stopped => f.write_str("can't call: the application has ended"),
        }
    }
}

impl std::error::Error for InviteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Address(error) => Some(error),
            Self::Account(error) => Some(error),
            Self::Scheme(_) | Self::NoWay(_) | Self::NoTransfer | Self::Stopped => None,
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
    accounts: Accounts,
    registrations: AtomicU64,
    requests: mpsc::UnboundedSender<Request>,
}

impl Application {
    /// Binds the endpoint and starts its tasks on the current tokio runtime; enabled accounts begin to register. Calls
    /// that come in are handed out by the receiver; one that is dropped there is refused with 603, and while 64 wait there,
    /// more get 486. Calls for none of the accounts get 404, unless there is an identity without account, or no account at
    /// all.
    ///
    /// # Errors
    /// When an address can't be bound, the text names it; or when the accounts can't be read.
    pub async fn start(
        config: ApplicationConfig,
        backend: Arc<dyn Backend>,
    ) -> Result<(Self, mpsc::Receiver<Session>), StartError> {
        let ApplicationConfig {
            mut endpoint,
            identity: own,
            host,
            media,
            invite_timeout,
            outbound_proxy,
            storage,
            events,
            addresses,
        } = config;
        if endpoint.contact_user.is_empty() {
            let user = own.as_ref().and_then(|i| i.uri.user());
            endpoint.contact_user = user.unwrap_or_default().into_owned();
        }
        if events.is_none() {
            endpoint.messages = false;
            endpoint.events.clear();
            endpoint.requests.clear();
        }
        let storage = storage.unwrap_or_else(|| Arc::new(MemoryStorage::default()));
        let manager = AccountManager::load(storage, system_seed()).map_err(StartError::Accounts)?;
        let (name, user) = (endpoint.user_agent.clone(), endpoint.contact_user.clone());
        let stun = StunServers::new(endpoint.dns.clone());
        let (reliable, reports_transactions) = (endpoint.reliable_provisional, endpoint.report_transactions);
        let (endpoint, sip) = Endpoint::bind(endpoint).await.map_err(StartError::Bind)?;
        let local = endpoint.local_addr();
        let addresses = addresses.unwrap_or_else(|| Arc::new(SystemAddresses));
        let is_own = own.is_some();
        let identity = own.map(|own| placed(own, endpoint.listening())).unwrap_or_else(|| {
            let user = (!user.is_empty()).then_some(user.as_str());
            let outside = || addresses.outside().into_iter().find(|ip| ip.is_ipv4() == local.is_ipv4());
            let host = Some(local.ip()).filter(|ip| !ip.is_unspecified()).or(host).or_else(outside);
            NameAddr::new(Uri::sip(user, host.unwrap_or(local.ip()), Some(local.port())))
        });
        let (requests, request_queue) = mpsc::unbounded_channel();
        let (commands, command_queue) = mpsc::unbounded_channel();
        let (work, work_queue) = mpsc::unbounded_channel();
        let (calls, incoming) = mpsc::channel(limits::MAX_WAITING_CALLS);
        let accounts = Accounts::run_by(work, commands.clone());
        let look = Arc::default();
        let desk = Desk {
            backend,
            local,
            media,
            name,
            commands,
            reports_transactions,
            invite_timeout,
            addresses,
            look,
        };
        let router = Router {
            sessions: HashMap::new(),
            registrations: HashMap::new(),
            calls,
            desk: desk.clone(),
            reliable,
            manager,
            told: events,
            own: is_own,
            identity: identity.clone(),
            outbound_proxy,
            stun,
        };
        let inlets =
            Inlets { events: sip, requests: request_queue, commands: command_queue, work: work_queue };
        tokio::spawn(router.run(endpoint, inlets));
        let registrations = AtomicU64::new(0);
        Ok((Self { desk, identity, accounts, registrations, requests }, incoming))
    }

    /// The accounts: make, change, enable them; they register by themselves.
    #[must_use]
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Gives the endpoint a command about something that is no call: a MESSAGE, a subscription, a publication, an answer to
    /// a request of others. Names (`RequestId`, `SubscriptionId`, `PublicationId`) are the application's to choose, below
    /// 2^40.
    pub fn send(&self, command: Command) {
        // Nobody is left to do anything about it once the application has ended.
        let _ = self.desk.commands.send(command);
    }

    /// Figures of this moment: transactions, retransmissions, dialogs, messages, bytes.
    ///
    /// # Errors
    /// When the application has ended.
    pub async fn statistics(&self) -> Result<Statistics, Stopped> {
        self.ask(Request::Statistics).await
    }

    /// Begins to tell every message that comes and goes, without the secrets in it; see [`Endpoint::trace`].
    ///
    /// # Errors
    /// When the application has ended.
    pub async fn trace(&self) -> Result<mpsc::Receiver<Traced>, Stopped> {
        self.ask(Request::Trace).await
    }

    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(question(reply)).map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)
    }

    /// The address we listen on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.desk.local
    }

    /// Who we are in calls without account.
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

/// An identity with the port that was taken, and without the way to it.
fn placed(mut identity: NameAddr, listening: &[Local]) -> NameAddr {
    let named = identity.uri.params().value("transport");
    let way = named.and_then(|name| Protocol::of_parameter(&name)).unwrap_or(Protocol::Udp);
    if let Some(params) = identity.uri.params_mut() {
        params.remove("transport");
    }
    let taken = listening.iter().find(|local| local.protocol == way).or(listening.first());
    if let (Some(0), Some(host), Some(port)) =
        (identity.uri.port(), identity.uri.host(), taken.map(|local| local.address.port()))
    {
        let uri = Uri::sip(identity.uri.user().as_deref(), host.clone(), Some(port));
        identity.uri = if *identity.uri.scheme() == Scheme::Sips { uri.to_sips() } else { uri };
    }
    identity
}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application").field("local", &self.desk.local).finish_non_exhaustive()
    }
}
