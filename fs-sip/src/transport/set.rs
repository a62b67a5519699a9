//! All sockets and connections of one endpoint: where a message for a peer
//! leaves, and what comes in by any way.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::protocol::{ConnectionId, Local, Peer, Protocol};
use super::table::{Line, Link, way};
use super::tls::Tls;
use super::udp::{Incoming, UdpTransport, local_ip};
use crate::limits;

/// What tasks of connections and listeners say.
pub(super) enum Arrival {
    Message { data: Vec<u8>, source: Peer, local: Local },
    Broken { peer: Peer, what: String },
    Closed(Peer),
    Accepted(Protocol, Link),
    Dialled(Peer, Result<Link, String>),
}

/// What an endpoint must know.
pub(crate) enum News<T> {
    Message {
        data: Vec<u8>,
        source: Peer,
        local: Local,
    },
    /// Nobody listens there, or a connection to there broke.
    Unreachable(Peer),
    /// A stream that could not be read on.
    Broken {
        peer: Peer,
        what: String,
    },
    /// The end of [`Transports::reach`].
    Reached(T, Result<(Peer, Local, Vec<Peer>), String>),
}

/// A connection that works.
struct Open {
    peer: Peer,
    local: Local,
    /// How often it shows that it lives.
    pulse: watch::Sender<Duration>,
    outgoing: mpsc::Sender<Vec<u8>>,
}

/// A way to somewhere that is sought.
struct Search<T> {
    token: T,
    current: Peer,
    rest: VecDeque<Peer>,
    failures: Vec<String>,
}

/// All sockets and connections.
pub(crate) struct Transports<T> {
    udp: Vec<UdpTransport>,
    /// Where connections are taken.
    listening: Vec<Local>,
    listeners: JoinSet<()>,
    connections: HashMap<ConnectionId, Open>,
    last_id: u64,
    /// Connections of others that were closed at once.
    refused: u64,
    /// Messages for connections that are being opened.
    queued: HashMap<Peer, Vec<Vec<u8>>>,
    searches: Vec<Search<T>>,
    news: VecDeque<News<T>>,
    arrivals: mpsc::Receiver<Arrival>,
    sender: mpsc::Sender<Arrival>,
    tls: Arc<Tls>,
}

impl<T: Copy> Transports<T> {
    /// No sockets yet.
    pub(crate) fn new(tls: Tls) -> Self {
        let (sender, arrivals) = mpsc::channel(limits::MAX_READ_AHEAD);
        Self {
            udp: Vec::new(),
            listening: Vec::new(),
            listeners: JoinSet::new(),
            connections: HashMap::new(),
            last_id: 0,
            refused: 0,
            queued: HashMap::new(),
            searches: Vec::new(),
            news: VecDeque::new(),
            arrivals,
            sender,
            tls: Arc::new(tls),
        }
    }

    /// Listens; port 0 takes one from the system. Gives back the address.
    pub(crate) async fn listen(&mut self, protocol: Protocol, address: SocketAddr) -> io::Result<SocketAddr> {
        let Some(way) = way(protocol) else {
            let socket = UdpTransport::bind(address).await?;
            let local = socket.local_addr();
            self.udp.push(socket);
            return Ok(local);
        };
        if protocol.is_secure() {
            self.tls.server().map_err(io::Error::other)?;
        }
        let listener = TcpListener::bind(address).await?;
        let local = listener.local_addr()?;
        self.listening.push(Local { protocol, address: local });
        let (arrivals, tls) = (self.sender.clone(), Arc::clone(&self.tls));
        self.listeners.spawn(async move {
            loop {
                let Ok((socket, _)) = listener.accept().await else {
                    // Out of file descriptors, mostly: others must end first.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                };
                tokio::spawn(greet(protocol, (way.greet)(socket, Arc::clone(&tls)), arrivals.clone()));
            }
        });
        Ok(local)
    }

    /// Listens with UDP and TCP on one port.
    pub(crate) async fn listen_both(
        &mut self,
        address: SocketAddr,
    ) -> Result<SocketAddr, (Protocol, io::Error)> {
        let mut attempts = if address.port() == 0 { 16 } else { 1 };
        loop {
            let local = self.listen(Protocol::Udp, address).await.map_err(|error| (Protocol::Udp, error))?;
            attempts -= 1;
            match self.listen(Protocol::Tcp, local).await {
                Ok(_) => return Ok(local),
                // The port that the system chose is taken for TCP.
                Err(_) if attempts > 0 => drop(self.udp.pop()),
                Err(error) => return Err((Protocol::Tcp, error)),
            }
        }
    }

    /// Number of open connections.
    pub(crate) fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Connections of others that were closed at once, because there were too many.
    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }

    /// Everything we listen on.
    pub(crate) fn listening(&self) -> Vec<Local> {
        let udp = self.udp.iter().map(|s| Local::udp(s.local_addr()));
        udp.chain(self.listening.iter().copied()).collect()
    }

    /// Is there a socket that can reach this family of addresses at all?
    pub(crate) fn reaches(&self, ipv4: bool) -> bool {
        let udp = self.udp.iter().map(|s| s.local_addr());
        udp.chain(self.listening.iter().map(|l| l.address)).any(|a| a.is_ipv4() == ipv4)
    }

    /// Sends a message, over the peer's connection where it has one.
    pub(crate) async fn send(&mut self, peer: &Peer, data: Vec<u8>) {
        if peer.protocol == Protocol::Udp {
            let result = match self.socket_for(peer.remote.ip()) {
                Some(socket) => socket.send(&data, peer.remote).await,
                None => Err(io::ErrorKind::AddrNotAvailable.into()),
            };
            if let Err(error) = result {
                tracing::warn!(target: "fs::sip::transport", %peer, %error, "datagram not sent");
                self.news.push_back(News::Unreachable(peer.clone()));
            }
            return;
        }
        let Some(id) = self.connection_to(peer) else {
            let place = Peer { connection: None, ..peer.clone() };
            self.dial(&place);
            let queue = self.queued.entry(place).or_default();
            if queue.len() < limits::MAX_QUEUED_MESSAGES {
                queue.push(data);
            }
            return;
        };
        let sent = self.connections.get(&id).is_some_and(|c| c.outgoing.try_send(data).is_ok());
        if !sent {
            tracing::warn!(target: "fs::sip::transport", %peer, "connection given up: the peer does not read");
            self.connections.remove(&id);
            self.news.push_back(News::Unreachable(peer.clone()));
        }
    }

    /// Closes all connections, and forgets which address of ours leads where.
    pub(crate) fn reconnect(&mut self) {
        // The end of its queue ends a connection.
        self.connections.clear();
        self.udp.iter_mut().for_each(UdpTransport::forget_routes);
    }

    /// Keeps the connection to this peer alive so often.
    pub(crate) fn keep_alive(&mut self, peer: &Peer, every: Duration) {
        let open = self.connection_to(peer).and_then(|id| self.connections.get(&id));
        if let Some(open) = open {
            open.pulse.send_replace(every.max(limits::SHORTEST_KEEP_ALIVE));
        }
    }

    /// Finds the first of these peers that can be reached;
    /// [`News::Reached`] tells the end.
    pub(crate) fn reach(&mut self, token: T, candidates: impl IntoIterator<Item = Peer>) {
        self.try_next(token, candidates.into_iter().collect(), Vec::new());
    }

    fn try_next(&mut self, token: T, mut rest: VecDeque<Peer>, mut failures: Vec<String>) {
        while let Some(peer) = rest.pop_front() {
            if peer.protocol == Protocol::Udp {
                if let Some(socket) = self.socket_for(peer.remote.ip()) {
                    let local = Local::udp(socket.local_for(peer.remote));
                    return self.news.push_back(News::Reached(token, Ok((peer, local, rest.into()))));
                }
                failures.push(format!("no UDP socket for {}", peer.remote));
            } else if let Some(id) = self.connection_to(&peer) {
                return self.reached(token, id, rest);
            } else if way(peer.protocol).is_some() {
                self.dial(&peer);
                self.searches.push(Search { token, current: peer, rest, failures });
                return;
            }
        }
        let why = if failures.is_empty() { "no address".to_owned() } else { failures.join("; ") };
        self.news.push_back(News::Reached(token, Err(why)));
    }

    fn reached(&mut self, token: T, id: ConnectionId, rest: VecDeque<Peer>) {
        if let Some(open) = self.connections.get(&id) {
            let found = (open.peer.clone(), open.local, rest.into());
            self.news.push_back(News::Reached(token, Ok(found)));
        }
    }

    /// The connection that is asked for, or another one to the same place.
    fn connection_to(&self, peer: &Peer) -> Option<ConnectionId> {
        if let Some(id) = peer.connection
            && self.connections.contains_key(&id)
        {
            return Some(id);
        }
        // In URIs `ws` stands for the secure way as well (RFC 7118 section 5.2).
        let secure = |c: &Open| {
            (peer.protocol, c.peer.protocol) == (Protocol::Ws, Protocol::Wss) && c.peer.remote == peer.remote
        };
        let fits = |c: &Open| c.peer.same_place(peer) || secure(c);
        self.connections.iter().filter(|(_, c)| fits(c)).map(|(id, _)| *id).max()
    }

    /// Begins to open a connection, unless one is being opened.
    fn dial(&mut self, place: &Peer) {
        let pending = self.queued.contains_key(place) || self.searches.iter().any(|s| s.current == *place);
        let Some(way) = way(place.protocol).filter(|_| !pending) else { return };
        let work = (way.dial)(place.remote, place.name.clone(), Arc::clone(&self.tls));
        let (place, arrivals) = (place.clone(), self.sender.clone());
        tokio::spawn(async move {
            let result = match timeout(limits::CONNECT_TIME, work).await {
                Ok(Ok(link)) => Ok(link),
                Ok(Err(error)) => Err(format!("{place}: {error}")),
                Err(_) => Err(format!("{place}: no connection within {} s", limits::CONNECT_TIME.as_secs())),
            };
            // The endpoint may have ended meanwhile.
            let _ = arrivals.send(Arrival::Dialled(place, result)).await;
        });
    }

    fn on_dialled(&mut self, place: Peer, result: Result<Link, String>) {
        let queued = self.queued.remove(&place).unwrap_or_default();
        let (ours, others) = std::mem::take(&mut self.searches).into_iter().partition(|s| s.current == place);
        self.searches = others;
        let ours: Vec<Search<T>> = ours;
        match result {
            Ok(link) => {
                let id = self.register(place, link, true);
                for data in queued {
                    // It is new, so there is room; were it gone, its end will be told.
                    let _ = self.connections.get(&id).map(|c| c.outgoing.try_send(data));
                }
                for search in ours {
                    self.reached(search.token, id, search.rest);
                }
            }
            Err(text) => {
                tracing::debug!(target: "fs::sip::transport", text, "no connection");
                if !queued.is_empty() {
                    self.news.push_back(News::Unreachable(place));
                }
                for Search { token, rest, mut failures, .. } in ours {
                    failures.push(text.clone());
                    self.try_next(token, rest, failures);
                }
            }
        }
    }

    fn register(&mut self, peer: Peer, link: Link, ours: bool) -> ConnectionId {
        self.last_id += 1;
        let id = ConnectionId(self.last_id);
        let peer = Peer { connection: Some(id), ..peer };
        let local = self.local_of(peer.protocol, link.local);
        let (outgoing, queue) = mpsc::channel(limits::MAX_QUEUED_MESSAGES);
        let arrivals = self.sender.clone();
        let (pulse, beat) = watch::channel(limits::KEEP_ALIVE);
        let line = Line { peer: peer.clone(), local, ours, pulse: beat, outgoing: queue, arrivals };
        tokio::spawn((link.run)(line));
        self.connections.insert(id, Open { peer, local, pulse, outgoing });
        id
    }

    /// Where peers can open a connection to us: the listener, or, where there
    /// is none, the connection itself.
    fn local_of(&self, protocol: Protocol, ours: SocketAddr) -> Local {
        let fits = |l: &&Local| {
            let ip = l.address.ip();
            l.protocol == protocol
                && ip.is_ipv4() == ours.is_ipv4()
                && (ip.is_unspecified() || ip == ours.ip())
        };
        let port = self.listening.iter().find(fits).map_or(ours.port(), |l| l.address.port());
        Local { protocol, address: SocketAddr::new(ours.ip(), port) }
    }

    fn socket_for(&mut self, ip: IpAddr) -> Option<&mut UdpTransport> {
        if self.udp.len() == 1 {
            return self.udp.first_mut().filter(|s| s.local_addr().is_ipv4() == ip.is_ipv4());
        }
        let family: Vec<(usize, IpAddr)> = self.udp.iter().map(|s| s.local_addr().ip()).enumerate().collect();
        let family: Vec<_> = family.into_iter().filter(|(_, b)| b.is_ipv4() == ip.is_ipv4()).collect();
        let index = match &family[..] {
            [] => None,
            [(only, _)] => Some(*only),
            several => {
                let local = local_ip(ip);
                let exact = several.iter().find(|(_, b)| Some(*b) == local);
                let any = || several.iter().find(|(_, b)| b.is_unspecified());
                exact.or_else(any).or(several.first()).map(|(i, _)| *i)
            }
        };
        self.udp.get_mut(index?)
    }

    /// News that are there already.
    pub(crate) fn next_ready(&mut self) -> Option<News<T>> {
        loop {
            if let Some(news) = self.news.pop_front() {
                return Some(news);
            }
            if let Ok(arrival) = self.arrivals.try_recv() {
                self.on_arrival(arrival);
                continue;
            }
            // A broken socket is told by `next`.
            return (0..self.udp.len()).find_map(|index| self.take_from(index).ok().flatten());
        }
    }

    fn take_from(&mut self, index: usize) -> io::Result<Option<News<T>>> {
        let Some(socket) = self.udp.get_mut(index) else { return Ok(None) };
        let bound = socket.local_addr().ip().is_unspecified();
        Ok(match socket.take()? {
            Some(Incoming::Datagram { data, source }) => {
                let data = data.to_vec();
                let local = if bound { socket.local_for(source) } else { socket.local_addr() };
                let (source, local) = (Peer::udp(source), Local::udp(local));
                Some(News::Message { data, source, local })
            }
            Some(Incoming::Unreachable(remote)) => Some(News::Unreachable(Peer::udp(remote))),
            None => None,
        })
    }

    /// Waits for news. Nothing is lost when the wait is dropped.
    pub(crate) async fn next(&mut self) -> io::Result<News<T>> {
        loop {
            if let Some(news) = self.news.pop_front() {
                return Ok(news);
            }
            tokio::select! {
                // Never ends, as this set has a sender itself.
                Some(arrival) = self.arrivals.recv() => self.on_arrival(arrival),
                ready = any_ready(&self.udp) => {
                    if let Some(news) = self.take_from(ready?)? {
                        return Ok(news);
                    }
                }
            }
        }
    }

    fn on_arrival(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Message { data, source, local } => {
                self.news.push_back(News::Message { data, source, local });
            }
            Arrival::Broken { peer, what } => self.news.push_back(News::Broken { peer, what }),
            Arrival::Closed(peer) => {
                let known = peer.connection.and_then(|id| self.connections.remove(&id));
                if known.is_some() {
                    self.news.push_back(News::Unreachable(peer));
                }
            }
            Arrival::Accepted(protocol, link) => {
                if self.connections.len() < limits::MAX_CONNECTIONS {
                    let peer = Peer::new(protocol, link.remote);
                    self.register(peer, link, false);
                } else {
                    self.refused += 1;
                    tracing::warn!(target: "fs::sip::transport", remote = %link.remote,
                        "connection refused: {} are open", limits::MAX_CONNECTIONS);
                }
            }
            Arrival::Dialled(place, result) => self.on_dialled(place, result),
        }
    }
}

async fn greet(protocol: Protocol, work: super::table::Task<io::Result<Link>>, to: mpsc::Sender<Arrival>) {
    match timeout(limits::CONNECT_TIME, work).await {
        Ok(Ok(link)) => {
            // The endpoint may have ended meanwhile.
            let _ = to.send(Arrival::Accepted(protocol, link)).await;
        }
        Ok(Err(error)) => tracing::debug!(target: "fs::sip::transport", %protocol, %error, "not taken"),
        Err(_) => tracing::debug!(target: "fs::sip::transport", %protocol, "handshake too slow"),
    }
}

/// Waits until one of the sockets has something.
async fn any_ready(sockets: &[UdpTransport]) -> io::Result<usize> {
    if let [only] = sockets {
        return only.ready().await.map(|()| 0);
    }
    type Wait<'a> = Pin<Box<dyn Future<Output = io::Result<()>> + Send + 'a>>;
    let mut waits: Vec<Wait<'_>> = sockets.iter().map(|s| Box::pin(s.ready()) as Wait<'_>).collect();
    poll_fn(|context| {
        for (index, wait) in waits.iter_mut().enumerate() {
            if let Poll::Ready(result) = wait.as_mut().poll(context) {
                return Poll::Ready(result.map(|()| index));
            }
        }
        Poll::Pending
    })
    .await
}
