//! UDP (RFC 3261 section 18), with the network's complaints: on Linux the
//! error queue of the socket tells which peer is not listening.

use std::collections::HashMap;
use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr};

use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::limits;

/// The largest UDP payload.
const MAX_DATAGRAM: usize = 65_535;

/// How many peers' view of our address is remembered.
const MAX_ROUTES: usize = 1024;

/// What came from the network.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A datagram.
    Datagram {
        /// Its bytes.
        data: &'a [u8],
        /// Who sent it.
        source: SocketAddr,
    },
    /// Nobody listens at this address, or there is no way to it.
    Unreachable(SocketAddr),
}

/// One bound socket.
#[derive(Debug)]
pub struct UdpTransport {
    socket: UdpSocket,
    local: SocketAddr,
    buffer: Box<[u8]>,
    routes: HashMap<IpAddr, SocketAddr>,
}

impl UdpTransport {
    /// Binds a socket; port 0 takes one from the system.
    ///
    /// # Errors
    /// When the address can't be bound.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(address).await?;
        let local = socket.local_addr()?;
        // Without it, calls to nobody end by timeout instead of at once.
        if let Err(error) = report_errors(&socket, local.is_ipv4()) {
            tracing::debug!(target: "fs::sip::transport", %error, "no error queue");
        }
        // With less, a burst is lost that a busy machine lets wait.
        if let Err(error) = SockRef::from(&socket).set_recv_buffer_size(limits::RECEIVE_BUFFER) {
            tracing::debug!(target: "fs::sip::transport", %error, "small receive buffer");
        }
        let buffer = vec![0; MAX_DATAGRAM].into_boxed_slice();
        Ok(Self { socket, local, buffer, routes: HashMap::new() })
    }

    /// The bound address.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Our address as a peer sees it: the bound one, or, where all interfaces
    /// are bound, the one on the way to the peer.
    pub fn local_for(&mut self, remote: SocketAddr) -> SocketAddr {
        if !self.local.ip().is_unspecified() {
            return self.local;
        }
        if let Some(known) = self.routes.get(&remote.ip()) {
            return *known;
        }
        let ip = local_ip(remote.ip()).unwrap_or_else(|| self.local.ip());
        let local = SocketAddr::new(ip, self.local.port());
        if self.routes.len() >= MAX_ROUTES {
            self.routes.clear();
        }
        self.routes.insert(remote.ip(), local);
        local
    }

    /// Forgets which address of ours leads where.
    pub(super) fn forget_routes(&mut self) {
        self.routes.clear();
    }

    /// Sends one datagram.
    ///
    /// # Errors
    /// When the system refuses it. An error that belongs to an earlier
    /// datagram is not reported here.
    pub async fn send(&self, data: &[u8], remote: SocketAddr) -> io::Result<()> {
        match self.socket.send_to(data, remote).await {
            Err(error) if is_unreachable(&error) => self.socket.send_to(data, remote).await.map(|_| ()),
            result => result.map(|_| ()),
        }
    }

    /// Waits until [`Self::take`] may find something. Nothing is lost when the
    /// wait is dropped.
    ///
    /// # Errors
    /// When the socket is broken.
    pub async fn ready(&self) -> io::Result<()> {
        self.socket.ready(Interest::READABLE | Interest::ERROR).await.map(|_| ())
    }

    /// Takes what has come; none where that was nothing of interest.
    ///
    /// # Errors
    /// When the socket is broken.
    pub fn take(&mut self) -> io::Result<Option<Incoming<'_>>> {
        if let Some(remote) = self.unreachable_peer() {
            return Ok(Some(Incoming::Unreachable(remote)));
        }
        match self.socket.try_recv_from(&mut self.buffer) {
            Ok((length, source)) => Ok(Some(Incoming::Datagram { data: &self.buffer[..length], source })),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            // The error of an earlier datagram; the queue has its address.
            Err(error) if is_unreachable(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes one entry off the error queue: the address its datagram was for.
    fn unreachable_peer(&self) -> Option<SocketAddr> {
        // A datagram over the path's MTU lands in the queue as well; it has
        // been, or will be, sent in fragments.
        let mut too_long = false;
        let mut sent = [MaybeUninit::uninit(); 64];
        let taken = self.socket.try_io(Interest::ERROR, || {
            let socket = SockRef::from(&self.socket);
            too_long = matches!(socket.take_error(), Ok(Some(e)) if e.raw_os_error() == Some(libc::EMSGSIZE));
            socket.recv_from_with_flags(&mut sent, libc::MSG_ERRQUEUE)
        });
        taken.ok().filter(|_| !too_long).and_then(|(_, address)| address.as_socket())
    }
}

/// Our address on the way to a peer, as the system routes. Nothing is sent.
pub(super) fn local_ip(remote: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = if remote.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
    let socket = std::net::UdpSocket::bind((any, 0)).ok()?;
    // Any port but 0 can be connected to.
    socket.connect((remote, 9)).ok()?;
    socket.local_addr().ok().map(|a| a.ip())
}

fn is_unreachable(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable
    ) || error.raw_os_error() == Some(libc::EMSGSIZE)
}

/// Switches the error queue on.
fn report_errors(socket: &UdpSocket, ipv4: bool) -> io::Result<()> {
    use std::os::fd::AsRawFd;

    let (level, option) =
        if ipv4 { (libc::IPPROTO_IP, libc::IP_RECVERR) } else { (libc::IPPROTO_IPV6, libc::IPV6_RECVERR) };
    let on: libc::c_int = 1;
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the descriptor is open as long as `socket` lives, and the kernel
    // reads `length` bytes from `on`, which outlives the call.
    let result =
        unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const on).cast(), length) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    async fn bound() -> UdpTransport {
        UdpTransport::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("bind")
    }

    #[derive(Debug, PartialEq, Eq)]
    enum Got {
        Datagram(Vec<u8>, SocketAddr),
        Unreachable(SocketAddr),
    }

    async fn receive(transport: &mut UdpTransport) -> Got {
        for _ in 0..10 {
            let waited = tokio::time::timeout(Duration::from_secs(10), transport.ready()).await;
            waited.expect("something comes").expect("socket works");
            if let Some(incoming) = transport.take().expect("socket works") {
                // The borrow checker can't return a borrow from inside a loop.
                return match incoming {
                    Incoming::Datagram { data, source } => Got::Datagram(data.to_vec(), source),
                    Incoming::Unreachable(remote) => Got::Unreachable(remote),
                };
            }
        }
        panic!("nothing comes");
    }

    #[tokio::test]
    async fn datagrams_come_and_go() {
        let (a, mut b) = (bound().await, bound().await);
        a.send(b"hello", b.local_addr()).await.expect("sent");
        let source = a.local_addr();
        assert_eq!(receive(&mut b).await, Got::Datagram(b"hello".to_vec(), source));
    }

    #[tokio::test]
    async fn a_peer_that_is_gone_is_named() {
        let mut a = bound().await;
        let gone = bound().await.local_addr();
        a.send(b"anybody?", gone).await.expect("sent");
        assert_eq!(receive(&mut a).await, Got::Unreachable(gone));
        let b = bound().await;
        b.send(b"still works", a.local_addr()).await.expect("sent");
        let source = b.local_addr();
        assert_eq!(receive(&mut a).await, Got::Datagram(b"still works".to_vec(), source));
    }

    #[tokio::test]
    async fn all_interfaces_bound_means_the_address_on_the_way() {
        let mut any = UdpTransport::bind(SocketAddr::from(([0, 0, 0, 0], 0))).await.expect("bind");
        let local = any.local_for(SocketAddr::from(([127, 0, 0, 1], 9)));
        assert_eq!(local, SocketAddr::from(([127, 0, 0, 1], any.local_addr().port())));
    }
}
