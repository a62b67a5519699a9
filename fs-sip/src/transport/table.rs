//! The ways over connections: one line each.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};

use super::protocol::{Local, Peer, Protocol};
use super::set::Arrival;
use super::tls::Tls;
use super::{tcp, tls, ws};

/// A future that can go to another thread.
pub(super) type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What a connection at work is given.
pub(super) struct Line {
    /// The other side, with this connection's id.
    pub peer: Peer,
    /// How we are seen from there.
    pub local: Local,
    /// We opened it.
    pub ours: bool,
    /// How often to show that it lives.
    pub pulse: watch::Receiver<Duration>,
    /// Messages to write; its end asks for the end of the connection.
    pub outgoing: mpsc::Receiver<Vec<u8>>,
    /// Where messages that came go.
    pub arrivals: mpsc::Sender<Arrival>,
}

/// A connection that is ready, and what it does until it ends.
pub(super) struct Link {
    /// Our end.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
    /// Its work.
    pub run: Box<dyn FnOnce(Line) -> Task<()> + Send>,
}

type Dial = fn(SocketAddr, Option<Arc<str>>, Arc<Tls>) -> Task<io::Result<Link>>;
type Greet = fn(TcpStream, Arc<Tls>) -> Task<io::Result<Link>>;

/// One way.
pub(super) struct Way {
    protocol: Protocol,
    /// Opens a connection.
    pub dial: Dial,
    /// Takes one that a peer has opened.
    pub greet: Greet,
}

const WAYS: &[Way] = &[
    Way { protocol: Protocol::Tcp, dial: tcp::dial, greet: tcp::greet },
    Way { protocol: Protocol::Tls, dial: tls::dial, greet: tls::greet },
    Way { protocol: Protocol::Ws, dial: ws::dial, greet: ws::greet },
    Way { protocol: Protocol::Wss, dial: ws::dial_secure, greet: ws::greet_secure },
];

/// The way of a protocol that has connections.
pub(super) fn way(protocol: Protocol) -> Option<&'static Way> {
    WAYS.iter().find(|w| w.protocol == protocol)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reliable_protocol_has_its_line() {
        for protocol in Protocol::all() {
            assert_eq!(way(protocol).is_some(), protocol.is_reliable(), "{protocol}");
        }
    }
}
