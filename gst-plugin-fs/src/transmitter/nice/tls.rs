//! TURN over TLS (RFC 8656 section 2.1, `turns` of RFC 7065): libnice speaks TCP to a port of ours on the loopback
//! interface, and what comes there goes on to the server through TLS, whose certificate is checked.
//!
//! libnice's own TLS is an old dialect of Microsoft and Google. Forwarding takes place on the thread that all agents share.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_rustls::TlsConnector;
use futures_rustls::client::TlsStream;
use futures_rustls::rustls::crypto::ring;
use futures_rustls::rustls::pki_types::pem::PemObject;
use futures_rustls::rustls::pki_types::{CertificateDer, ServerName};
use futures_rustls::rustls::{ClientConfig, version};
use futures_util::future::{AbortHandle, Abortable, select};
use futures_util::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, sink};
use gio::prelude::*;

use super::CAT;
use super::candidate::invalid;
use super::event_loop::{self, EventLoop};
use super::relay::Relay;

/// A TCP connection that is waited for on the shared thread.
type Stream = gio::IOStreamAsyncReadWrite<gio::SocketConnection>;

/// How long connecting and the handshake may take. libnice gives up on a server earlier.
const PATIENCE: Duration = Duration::from_secs(20);

/// Most connections through one forwarder: one for each local address of each component and restart.
const MAX_CONNECTIONS: usize = 64;

/// A port on the loopback interface that leads to a server; closed when dropped. Connections end with their peers.
pub(super) struct Forwarder {
    /// Where libnice is to connect to.
    pub(super) local: SocketAddr,
    accepting: AbortHandle,
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Where a forwarder leads to.
#[derive(Clone)]
struct Server {
    host: String,
    port: u16,
    /// The name that the certificate must have.
    name: ServerName<'static>,
    connector: TlsConnector,
}

impl Forwarder {
    /// Opens the port, on the loopback address of that family.
    ///
    /// # Errors
    /// `INVALID_ARGUMENTS`, naming a field of the server's entry that cannot be used; `NETWORK` without loopback
    /// interface.
    pub(super) fn open(events: &EventLoop, relay: &Relay, ipv6: bool) -> Result<Self, glib::Error> {
        let name = relay.server_name.as_ref().unwrap_or(&relay.ip);
        let wrong = |field: &str, why: &str| {
            invalid(&format!("parameter 'relay-info': field '{field}' of the server '{}': {why}", relay.ip))
        };
        let server = Server {
            host: relay.ip.clone(),
            port: relay.port,
            name: ServerName::try_from(name.clone()).map_err(|e| wrong("server-name", &e.to_string()))?,
            connector: TlsConnector::from(Arc::new(
                config(relay.ca_file.as_deref()).map_err(|why| wrong("ca-file", &why))?,
            )),
        };
        let loopback = if ipv6 { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() };
        let network = |e: std::io::Error| {
            let text = format!("cannot open a port on the loopback interface for TURN over TLS: {e}");
            glib::Error::new(fs_core::Error::Network, &text)
        };
        let listener = TcpListener::bind(SocketAddr::new(loopback, 0)).map_err(network)?;
        let local = listener.local_addr().map_err(network)?;
        let (accepting, registration) = AbortHandle::new_pair();
        events.post(move || {
            let accept = Abortable::new(accept(listener.into(), server), registration);
            event_loop::begin(glib::Priority::DEFAULT, async move {
                // Aborted when the forwarder goes.
                if let Ok(Err(e)) = accept.await {
                    gst::warning!(CAT, "TURN over TLS: no more connections are accepted: {e}");
                }
            });
        });
        Ok(Self { local, accepting })
    }
}

/// The client's side of TLS: authorities of the system and of a file.
fn config(ca_file: Option<&str>) -> Result<ClientConfig, String> {
    let mut extra = Vec::new();
    if let Some(path) = ca_file {
        let unusable = |e: String| format!("'{path}' holds no certificates that can be read: {e}");
        for certificate in CertificateDer::pem_file_iter(path).map_err(|e| unusable(e.to_string()))? {
            extra.push(certificate.map_err(|e| unusable(e.to_string()))?);
        }
        if extra.is_empty() {
            return Err(unusable("it is empty".to_owned()));
        }
    }
    let provider = Arc::new(ring::default_provider());
    let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(extra, provider.clone())
        .map_err(|e| format!("the system's authorities: {e}"))?;
    Ok(ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .map_err(|e| e.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

async fn accept(listener: OwnedFd, server: Server) -> Result<(), glib::Error> {
    let port = gio::SocketListener::new();
    port.add_socket(&gio::Socket::from_fd(listener)?, None::<&glib::Object>)?;
    let alive = Rc::new(());
    loop {
        let (near, _) = port.accept_future().await?;
        if Rc::strong_count(&alive) > MAX_CONNECTIONS {
            gst::warning!(CAT, "TURN over TLS: more than {MAX_CONNECTIONS} connections");
            continue;
        }
        let (server, alive) = (server.clone(), alive.clone());
        event_loop::begin(glib::Priority::DEFAULT, async move {
            let _alive = alive;
            if let Err(e) = forward(near, &server).await {
                gst::warning!(CAT, "TURN over TLS to {} port {}: {e}", server.host, server.port);
            }
        });
    }
}

/// Carries bytes both ways until either side ends.
async fn forward(near: gio::SocketConnection, server: &Server) -> std::io::Result<()> {
    let set = near.socket().set_option(libc::IPPROTO_TCP, libc::TCP_NODELAY, 1);
    set.map_err(std::io::Error::other)?;
    let (mut from_near, mut to_near) = whole(near)?.split();
    let connected = glib::future_with_timeout(PATIENCE, connect(server)).await;
    let far = match connected.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into())) {
        Ok(far) => far,
        Err(e) => {
            gst::warning!(CAT, "TURN over TLS to {} port {} is not possible: {e}", server.host, server.port);
            return refuse(&mut from_near, &mut to_near).await;
        }
    };
    let (mut from_far, mut to_far) = far.split();
    let out = async {
        let ended = copy(&mut from_near, &mut to_far).await;
        // The server may be gone already.
        let _ = to_far.close().await;
        ended
    };
    let back = copy(&mut from_far, &mut to_near);
    let (out, back) = (std::pin::pin!(out), std::pin::pin!(back));
    select(out, back).await.factor_first().0.map(|_| ())
}

/// Connects to the server and checks its certificate.
async fn connect(server: &Server) -> std::io::Result<TlsStream<Stream>> {
    let client = gio::SocketClient::new();
    client.set_enable_proxy(false);
    let far = client.connect_to_host_future(&server.host, server.port).await;
    let far = far.map_err(std::io::Error::other)?;
    // Media must not wait for more of it.
    let set = far.socket().set_option(libc::IPPROTO_TCP, libc::TCP_NODELAY, 1);
    set.map_err(std::io::Error::other)?;
    server.connector.connect(server.name.clone(), whole(far)?).await
}

/// Answers the first request with an error (RFC 8489 section 14.8), so that libnice waits for this server no longer. libnice ends
/// the connection: if it broke first, libnice (0.1.21) would forget the request and never say that gathering is done.
async fn refuse(
    from_near: &mut (impl AsyncRead + Unpin),
    to_near: &mut (impl AsyncWrite + Unpin),
) -> std::io::Result<()> {
    let mut head = [0; STUN_HEADER];
    from_near.read_exact(&mut head).await?;
    to_near.write_all(&bad_request(head)).await?;
    copy(from_near, &mut sink()).await.map(drop)
}

/// Octets of the header of a STUN message.
const STUN_HEADER: usize = 20;

/// The error response 400 to the request with that header: the only one that libnice takes without a message integrity and
/// does not answer with credentials.
fn bad_request(request: [u8; STUN_HEADER]) -> Vec<u8> {
    /// Attribute ERROR-CODE with class 4, number 0 and no reason.
    const ERROR_400: [u8; 8] = [0, 9, 0, 4, 0, 0, 4, 0];
    /// Class "error response" in the type.
    const ERROR_CLASS: [u8; 2] = [0x01, 0x10];
    let mut answer = request.to_vec();
    answer[0] |= ERROR_CLASS[0];
    answer[1] |= ERROR_CLASS[1];
    answer[2..4].copy_from_slice(&[0, 8]);
    answer.extend(ERROR_400);
    answer
}

/// A connection for reading and writing without blocking.
fn whole(connection: gio::SocketConnection) -> std::io::Result<Stream> {
    connection
        .into_async_read_write()
        .map_err(|_| std::io::Error::other("a connection of the system cannot be waited for"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_answered_with_its_own_transaction() {
        let mut allocate = [0x42; STUN_HEADER];
        allocate[..4].copy_from_slice(&[0x00, 0x03, 0x00, 0x08]);
        let answer = bad_request(allocate);
        assert_eq!(answer[..4], [0x01, 0x13, 0x00, 0x08]);
        assert_eq!(answer[4..20], [0x42; 16]);
        assert_eq!(answer[20..], [0, 9, 0, 4, 0, 0, 4, 0]);
    }
}
