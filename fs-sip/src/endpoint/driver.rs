//! The one tokio task of an endpoint: socket, timers, mailbox. Everything it
//! learns goes into the core, everything the core wants is carried out, then
//! it waits again.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Read};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, Sleep};

use super::command::{Command, InviteId};
use super::config::{EndpointConfig, Listen};
use super::core::{EndpointCore, Input, Output, Resolution, ResolveToken};
use super::event::Event;
use super::random::Random;
use super::resolve::{self, Families};
use super::trace::{Statistics, Traced};
use crate::limits;
use crate::resolver::dns::Resolver;
use crate::transaction::Transmit;
use crate::transport::set::{News, Transports};
use crate::transport::tls::Tls;
use crate::transport::{Local, Peer, Protocol};
use crate::wire::redacted;

/// An address could not be bound.
#[derive(Debug)]
pub struct BindError {
    protocol: Protocol,
    address: SocketAddr,
    source: io::Error,
}

impl BindError {
    /// The address that was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen for SIP on {} ({}): {}", self.address, self.protocol, self.source)
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// The endpoint has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the SIP endpoint has ended")
    }
}

impl std::error::Error for Stopped {}

/// Handle of a running endpoint. Dropping it ends the endpoint at once;
/// [`Endpoint::shutdown`] says goodbye first.
///
/// ```
/// use fs_sip::endpoint::{Command, Endpoint, EndpointConfig, Event};
/// use fs_sip::wire::{NameAddr, Uri};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (alice, mut alice_events) = Endpoint::bind(EndpointConfig::default()).await?;
/// let (bob, mut bob_events) = Endpoint::bind(EndpointConfig::default()).await?;
/// let at = bob.local_addr();
/// alice.send(Command::Invite {
///     id: alice.new_invite_id(),
///     target: Uri::sip(Some("bob"), at.ip(), Some(at.port())),
///     from: NameAddr::new("sip:alice@example.org".parse()?),
///     to: None,
///     headers: Vec::new(),
///     body: None,
/// });
/// let Some(Event::Incoming { id, .. }) = bob_events.recv().await else { panic!("no call") };
/// bob.send(Command::Reject { id, status: 486, reason: None, headers: Vec::new() });
/// let Some(Event::Failed { status, .. }) = alice_events.recv().await else { panic!("no refusal") };
/// assert_eq!(status, 486);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Endpoint {
    local: SocketAddr,
    listening: Vec<Local>,
    next_id: AtomicU64,
    mailbox: mpsc::UnboundedSender<Mail>,
}

#[allow(clippy::large_enum_variant, reason = "a command is moved a few times and never stored in bulk")]
#[derive(Debug)]
enum Mail {
    Command(Command),
    Statistics(oneshot::Sender<Statistics>),
    Trace(mpsc::Sender<Traced>),
    Shutdown(oneshot::Sender<()>),
}

impl Endpoint {
    /// Binds the socket and starts the driver task on the current runtime.
    ///
    /// # Errors
    /// When the address can't be bound.
    pub async fn bind(config: EndpointConfig) -> Result<(Self, mpsc::UnboundedReceiver<Event>), BindError> {
        let mut transports = Transports::new(Tls::new(config.tls.clone()));
        let address = config.bind;
        let bound = match config.tcp {
            true => transports.listen_both(address).await,
            false => {
                transports.listen(Protocol::Udp, address).await.map_err(|source| (Protocol::Udp, source))
            }
        };
        let local = bound.map_err(|(protocol, source)| BindError { protocol, address, source })?;
        for Listen { protocol, address } in config.listen.iter().copied() {
            let fault = |source| BindError { protocol, address, source };
            transports.listen(protocol, address).await.map_err(fault)?;
        }
        let listening = transports.listening();
        let (mailbox, mail) = mpsc::unbounded_channel();
        let (event_sender, events) = mpsc::unbounded_channel();
        let (answer_sender, answers) = mpsc::unbounded_channel();
        let resolver = Arc::new(Resolver::new(config.dns.clone()));
        let core = EndpointCore::new(config, system_seed());
        let driver = Driver {
            core,
            transports,
            resolver,
            mail,
            events: event_sender,
            answers,
            answer_sender,
            closing: None,
            traffic: Statistics::default(),
            trace: None,
            alarm: Box::pin(tokio::time::sleep(Duration::ZERO)),
            armed: None,
            busiest: 0,
            owes_memory: false,
        };
        tokio::spawn(driver.run());
        Ok((Self { local, listening, next_id: AtomicU64::new(2), mailbox }, events))
    }

    /// The address that [`EndpointConfig::bind`] has become.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// All addresses we listen on.
    #[must_use]
    pub fn listening(&self) -> &[Local] {
        &self.listening
    }

    /// A name for a new outgoing session.
    #[must_use]
    pub fn new_invite_id(&self) -> InviteId {
        InviteId(self.next_id.fetch_add(2, Ordering::Relaxed))
    }

    /// Gives the endpoint a command; never blocks.
    pub fn send(&self, command: Command) {
        // A closed channel means that the driver has ended: nobody is left
        // to do anything about the command.
        let _ = self.mailbox.send(Mail::Command(command));
    }

    /// Figures of this moment.
    ///
    /// # Errors
    /// When the endpoint has ended.
    pub async fn statistics(&self) -> Result<Statistics, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.mailbox.send(Mail::Statistics(reply)).map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)
    }

    /// Begins to tell every message that comes and goes, without the secrets
    /// in it. Who reads so slowly that [`limits::MAX_TRACED`] pile up misses
    /// some; a new trace ends the one before.
    #[must_use]
    pub fn trace(&self) -> mpsc::Receiver<Traced> {
        let (sender, receiver) = mpsc::channel(limits::MAX_TRACED);
        // An endpoint that has ended has nothing to tell.
        let _ = self.mailbox.send(Mail::Trace(sender));
        receiver
    }

    /// Ends all sessions (BYE, CANCEL, 603), waits for the answers, at most
    /// [`limits::SHUTDOWN_GRACE`], and stops.
    pub async fn shutdown(self) {
        let (done, wait) = oneshot::channel();
        if self.mailbox.send(Mail::Shutdown(done)).is_ok() {
            // An error means that the driver has ended, which is what we want.
            let _ = wait.await;
        }
    }
}

struct Driver {
    core: EndpointCore,
    transports: Transports<ResolveToken>,
    resolver: Arc<Resolver>,
    mail: mpsc::UnboundedReceiver<Mail>,
    events: mpsc::UnboundedSender<Event>,
    answers: mpsc::UnboundedReceiver<(ResolveToken, Result<Vec<Peer>, String>)>,
    answer_sender: mpsc::UnboundedSender<(ResolveToken, Result<Vec<Peer>, String>)>,
    closing: Option<(Instant, oneshot::Sender<()>)>,
    /// Messages and bytes.
    traffic: Statistics,
    trace: Option<mpsc::Sender<Traced>>,
    /// Goes off at `armed`, where that is set.
    alarm: Pin<Box<Sleep>>,
    armed: Option<Instant>,
    /// Most transactions at once since memory was given back.
    busiest: usize,
    /// Some transactions had not ended when memory was given back.
    owes_memory: bool,
}

impl Driver {
    /// The canonical loop: carry out, wait, take in.
    async fn run(mut self) {
        loop {
            self.carry_out().await;
            // What is there already is taken without going to sleep between.
            for _ in 0..limits::BATCH {
                if !self.take_ready() {
                    break;
                }
                self.carry_out().await;
            }
            if self.closing.as_ref().is_some_and(|(end, _)| {
                self.core.sessions() + self.core.registrations() == 0 || Instant::now() >= *end
            }) {
                break;
            }
            if !self.take_in().await {
                break;
            }
        }
        if let Some((_, done)) = self.closing.take() {
            // Nobody waits any more: just as good.
            let _ = done.send(());
        }
    }

    async fn carry_out(&mut self) {
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Transmit(Transmit { peer, data }) => {
                    self.traffic.messages_sent += 1;
                    self.traffic.bytes_sent += data.len() as u64;
                    self.trace(false, &peer, &data);
                    self.transports.send(&peer, data).await;
                }
                Output::Reach(token, peers) => self.transports.reach(token, peers),
                Output::Reconnect => self.transports.reconnect(),
                Output::KeepAlive(peer, every) => self.transports.keep_alive(&peer, every),
                Output::Event(event) => {
                    // The application may have stopped listening.
                    let _ = self.events.send(event);
                }
                Output::Resolve(token, hop) => {
                    let families = Families {
                        ipv4: self.transports.reaches(true),
                        ipv6: self.transports.reaches(false),
                    };
                    if let Some(answer) = resolve::literal(&hop, families) {
                        self.on_addresses(token, answer);
                        continue;
                    }
                    let answers = self.answer_sender.clone();
                    let resolver = Arc::clone(&self.resolver);
                    let random = Random::new(system_seed());
                    tokio::spawn(async move {
                        // The driver may have ended meanwhile.
                        let found = resolve::lookup(hop, families, resolver, random).await;
                        let _ = answers.send((token, found));
                    });
                }
            }
        }
    }

    /// Takes one thing that is there already; `false` where there is none.
    fn take_ready(&mut self) -> bool {
        if let Ok(mail) = self.mail.try_recv() {
            self.on_mail(mail);
            return true;
        }
        match self.transports.next_ready() {
            Some(news) => {
                self.on_news(news);
                true
            }
            None => false,
        }
    }

    /// Waits for one thing to happen; `false` when the handle is gone.
    async fn take_in(&mut self) -> bool {
        let deadline = self.core.next_deadline().map(Instant::from_std);
        let end = self.closing.as_ref().map(|(end, _)| *end);
        let wake = [deadline, end].into_iter().flatten().min();
        if wake != self.armed {
            self.armed = wake;
            // A timer is moved only where it must: that costs more than a message.
            if let Some(wake) = wake {
                self.alarm.as_mut().reset(wake);
            }
        }
        tokio::select! {
            mail = self.mail.recv() => match mail {
                Some(mail) => self.on_mail(mail),
                None => return false,
            },
            Some((token, answer)) = self.answers.recv() => self.on_addresses(token, answer),
            () = self.alarm.as_mut(), if wake.is_some() => {
                self.armed = None;
                self.busiest = self.busiest.max(self.core.transactions());
                self.core.handle(now(), Input::Timeout);
                self.give_back();
            }
            news = self.transports.next() => match news {
                Ok(news) => self.on_news(news),
                Err(error) => {
                    tracing::error!(target: "fs::sip::transport", %error, "socket broken");
                    return false;
                }
            },
        }
        true
    }

    /// After a busy time the memory that was freed lies in small pieces between
    /// what is in use; the system gets it back when there is time.
    fn give_back(&mut self) {
        let now = self.core.transactions();
        let quiet = self.busiest >= limits::BUSY && now <= self.busiest / 16;
        let over = self.owes_memory && now == 0;
        if !(quiet || over) {
            return;
        }
        self.busiest = now;
        self.owes_memory = now > 0;
        #[cfg(target_env = "gnu")]
        // SAFETY: it takes no pointers and may be called at any time from any
        // thread.
        unsafe {
            libc::malloc_trim(0);
        }
    }

    fn on_mail(&mut self, mail: Mail) {
        match mail {
            Mail::Command(command) => self.core.handle(now(), Input::Command(command)),
            Mail::Statistics(reply) => {
                // Who asked may have gone.
                let _ = reply.send(self.statistics());
            }
            Mail::Trace(sender) => self.trace = Some(sender),
            Mail::Shutdown(done) => {
                self.core.hang_up_all(now());
                self.closing = Some((Instant::now() + limits::SHUTDOWN_GRACE, done));
            }
        }
    }

    fn on_news(&mut self, news: News<ResolveToken>) {
        match news {
            News::Message { data, source, local } => self.on_message(&data, source, local),
            News::Unreachable(peer) => self.core.handle(now(), Input::Unreachable(peer)),
            News::Reached(token, result) => {
                let resolution = result.map(|(peer, local, rest)| Resolution { peer, local, rest });
                self.core.handle(now(), Input::Resolved(token, resolution));
            }
            News::Broken { peer, what } => self.core.handle(now(), Input::Broken(peer, what)),
        }
    }

    /// A panic would be a bug of ours; it may cost this message, not the
    /// endpoint.
    fn on_message(&mut self, data: &[u8], source: Peer, local: Local) {
        let remote = source.remote;
        self.traffic.messages_received += 1;
        self.traffic.bytes_received += data.len() as u64;
        self.trace(true, &source, data);
        let core = &mut self.core;
        let guarded =
            catch_unwind(AssertUnwindSafe(|| core.handle(now(), Input::Message { data, source, local })));
        if guarded.is_err() {
            tracing::error!(target: "fs::sip::wire", %remote, "panic while handling a message");
            let what = "internal error while handling a message".to_owned();
            let _ = self.events.send(Event::Malformed { source: remote, what });
        }
    }

    fn statistics(&self) -> Statistics {
        Statistics {
            messages_sent: self.traffic.messages_sent,
            messages_received: self.traffic.messages_received,
            bytes_sent: self.traffic.bytes_sent,
            bytes_received: self.traffic.bytes_received,
            connections: self.transports.connections(),
            connections_refused: self.transports.refused(),
            ..self.core.statistics()
        }
    }

    fn trace(&mut self, received: bool, peer: &Peer, data: &[u8]) {
        let Some(trace) = &self.trace else { return };
        if trace.is_closed() {
            self.trace = None;
            return;
        }
        let traced = Traced { at: SystemTime::now(), received, peer: peer.clone(), data: redacted(data) };
        // Full: who reads so slowly misses some.
        let _ = trace.try_send(traced);
    }

    fn on_addresses(&mut self, token: ResolveToken, answer: Result<Vec<Peer>, String>) {
        match answer {
            Ok(peers) => self.transports.reach(token, peers),
            Err(text) => self.core.handle(now(), Input::Resolved(token, Err(text))),
        }
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// 32 bytes from the system's random source; where that can't be read, from
/// the keys std draws from it.
pub(crate) fn system_seed() -> [u8; 32] {
    let mut seed = [0; 32];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut seed));
    if read.is_err() {
        for (i, word) in seed.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let mut hasher = RandomState::new().build_hasher();
            hasher.write_usize(i);
            *word = hasher.finish().to_le_bytes();
        }
    }
    seed
}
