//! WebSocket and secure WebSocket (RFC 7118): one message a frame, and the
//! subprotocol `sip` on both sides.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config, client_async_with_config};

use super::set::Arrival;
use super::table::{Line, Link, Task};
use super::tls::{self, Tls};
use crate::limits;

/// The header that names subprotocols (RFC 6455), and ours (RFC 7118 section 4).
const SUBPROTOCOL: &str = "Sec-WebSocket-Protocol";
const SIP: &str = "sip";

/// Opens a connection.
pub(super) fn dial(remote: SocketAddr, _: Option<Arc<str>>, _: Arc<Tls>) -> Task<io::Result<Link>> {
    Box::pin(async move {
        let socket = TcpStream::connect(remote).await?;
        socket.set_nodelay(true)?;
        let local = socket.local_addr()?;
        ask(socket, "ws", remote, &remote.to_string(), local).await
    })
}

/// Opens a connection inside TLS.
pub(super) fn dial_secure(
    remote: SocketAddr,
    name: Option<Arc<str>>,
    tls: Arc<Tls>,
) -> Task<io::Result<Link>> {
    Box::pin(async move {
        let host = match &name {
            Some(name) => format!("{name}:{}", remote.port()),
            None => remote.to_string(),
        };
        let stream = tls::connect(remote, name, &tls).await?;
        let local = stream.get_ref().0.local_addr()?;
        ask(stream, "wss", remote, &host, local).await
    })
}

/// Takes a connection.
pub(super) fn greet(socket: TcpStream, _: Arc<Tls>) -> Task<io::Result<Link>> {
    Box::pin(async move {
        socket.set_nodelay(true)?;
        let (local, remote) = (socket.local_addr()?, socket.peer_addr()?);
        answer(socket, local, remote).await
    })
}

/// Takes a connection inside TLS.
pub(super) fn greet_secure(socket: TcpStream, tls: Arc<Tls>) -> Task<io::Result<Link>> {
    Box::pin(async move {
        let (local, remote) = (socket.local_addr()?, socket.peer_addr()?);
        answer(tls::accept(socket, &tls).await?, local, remote).await
    })
}

async fn ask<S>(
    stream: S,
    scheme: &str,
    remote: SocketAddr,
    host: &str,
    local: SocketAddr,
) -> io::Result<Link>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut request = format!("{scheme}://{host}/").into_client_request().map_err(io::Error::other)?;
    request.headers_mut().insert(SUBPROTOCOL, HeaderValue::from_static(SIP));
    let (counted, read) = Counted::new(stream);
    let opened = client_async_with_config(request, counted, Some(config())).await;
    let (socket, response) = opened.map_err(io::Error::other)?;
    if !names_sip(response.headers().get(SUBPROTOCOL)) {
        return Err(io::Error::other("the server does not speak SIP over WebSocket"));
    }
    Ok(link(socket, read, local, remote))
}

#[allow(clippy::result_large_err, reason = "the signature is the WebSocket crate's")]
async fn answer<S>(stream: S, local: SocketAddr, remote: SocketAddr) -> io::Result<Link>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let choose = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        if names_sip(request.headers().get(SUBPROTOCOL)) {
            response.headers_mut().insert(SUBPROTOCOL, HeaderValue::from_static(SIP));
            return Ok(response);
        }
        let mut refusal = ErrorResponse::new(Some("only the subprotocol sip is spoken here\n".to_owned()));
        *refusal.status_mut() = StatusCode::BAD_REQUEST;
        Err(refusal)
    };
    let (counted, read) = Counted::new(stream);
    let socket = accept_hdr_async_with_config(counted, choose, Some(config())).await;
    Ok(link(socket.map_err(io::Error::other)?, read, local, remote))
}

fn names_sip(value: Option<&HeaderValue>) -> bool {
    let text = value.and_then(|v| v.to_str().ok()).unwrap_or_default();
    text.split(',').any(|word| word.trim().eq_ignore_ascii_case(SIP))
}

fn config() -> WebSocketConfig {
    let longest = limits::MAX_HEAD + limits::MAX_BODY;
    WebSocketConfig::default().max_message_size(Some(longest)).max_frame_size(Some(longest))
}

fn link<S>(
    socket: WebSocketStream<Counted<S>>,
    read: Arc<AtomicU64>,
    local: SocketAddr,
    remote: SocketAddr,
) -> Link
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    Link { local, remote, run: Box::new(move |line| Box::pin(run(socket, read, line))) }
}

/// Runs until either side ends it, then says so.
async fn run<S>(socket: WebSocketStream<Counted<S>>, read: Arc<AtomicU64>, line: Line)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Line { peer, local, ours, pulse: every, outgoing, arrivals } = line;
    let (writer, reader) = socket.split();
    // A few: a peer that pings without end is answered as fast as it reads.
    let (answers, answer_queue) = mpsc::channel(4);
    let owed = AtomicBool::new(false);
    let source = Source { peer: &peer, local, ours, arrivals: &arrivals, answers, owed: &owed, read: &read };
    let why = tokio::select! {
        why = read_all(reader, source) => why,
        why = write_all(writer, outgoing, answer_queue, every, ours, &owed) => why,
    };
    tracing::debug!(target: "fs::sip::transport", %peer, why, "connection over");
    // The endpoint may have ended before.
    let _ = arrivals.send(Arrival::Closed(peer)).await;
}

struct Source<'a> {
    peer: &'a super::Peer,
    local: super::Local,
    ours: bool,
    arrivals: &'a mpsc::Sender<Arrival>,
    answers: mpsc::Sender<Message>,
    /// Our last ping has no answer yet.
    owed: &'a AtomicBool,
    /// Bytes read so far.
    read: &'a AtomicU64,
}

async fn read_all<S>(mut reader: SplitStream<WebSocketStream<S>>, source: Source<'_>) -> &'static str
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut quiet_since = Instant::now();
    let mut complete = source.read.load(Ordering::Relaxed);
    loop {
        // Between two looks, a peer may send half of something, or nothing.
        let message = match timeout(limits::HALF_MESSAGE_TIME, reader.next()).await {
            Err(_) if source.read.load(Ordering::Relaxed) != complete => {
                return source.broken("half a message, and then nothing").await;
            }
            Err(_) if !source.ours && quiet_since.elapsed() >= limits::IDLE_TIME => return "idle",
            Err(_) => continue,
            Ok(None) => return "closed by the peer",
            Ok(Some(Err(error))) => return source.fault(&error).await,
            Ok(Some(Ok(message))) => message,
        };
        quiet_since = Instant::now();
        complete = source.read.load(Ordering::Relaxed);
        let data = match message {
            Message::Text(text) => text.as_bytes().to_vec(),
            Message::Binary(data) => data.to_vec(),
            Message::Pong(_) => {
                source.owed.store(false, Ordering::Relaxed);
                continue;
            }
            Message::Close(_) => return "closed by the peer",
            // The answer to a ping is made, and sent by the next look.
            Message::Ping(_) | Message::Frame(_) => continue,
        };
        if data == b"\r\n\r\n" {
            // The keep-alive of RFC 5626, which some send here as well.
            let _ = source.answers.try_send(Message::text("\r\n"));
        } else if data.iter().any(|b| !matches!(b, b'\r' | b'\n')) {
            let arrival = Arrival::Message { data, source: source.peer.clone(), local: source.local };
            if source.arrivals.send(arrival).await.is_err() {
                return "the endpoint has ended";
            }
        }
    }
}

impl Source<'_> {
    async fn fault(&self, error: &Error) -> &'static str {
        match error {
            Error::ConnectionClosed | Error::AlreadyClosed | Error::Io(_) => "read error",
            error => self.broken(&error.to_string()).await,
        }
    }

    async fn broken(&self, what: &str) -> &'static str {
        let arrival = Arrival::Broken { peer: self.peer.clone(), what: what.to_owned() };
        // The endpoint may have ended before.
        let _ = self.arrivals.send(arrival).await;
        "stream broken"
    }
}

async fn write_all<S>(
    mut writer: SplitSink<WebSocketStream<S>, Message>,
    mut outgoing: mpsc::Receiver<Vec<u8>>,
    mut answers: mpsc::Receiver<Message>,
    mut every: watch::Receiver<Duration>,
    ours: bool,
    owed: &AtomicBool,
) -> &'static str
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut last_beat = Instant::now();
    loop {
        let next_beat = last_beat + *every.borrow_and_update();
        let message = tokio::select! {
            message = outgoing.recv() => match message {
                // A text frame must be UTF-8 (RFC 7118 section 5.1).
                Some(data) => match String::from_utf8(data) {
                    Ok(text) => Message::text(text),
                    Err(error) => Message::binary(error.into_bytes()),
                },
                None => {
                    // The peer may be gone already.
                    let _ = timeout(limits::PONG_TIME, writer.close()).await;
                    return "closed by us";
                }
            },
            Some(message) = answers.recv() => message,
            Ok(()) = every.changed() => continue,
            () = tokio::time::sleep_until(next_beat), if ours => {
                last_beat = Instant::now();
                owed.store(true, Ordering::Relaxed);
                Message::Ping(Default::default())
            }
            () = tokio::time::sleep(limits::PONG_TIME), if owed.load(Ordering::Relaxed) => {
                if owed.load(Ordering::Relaxed) {
                    return "keep-alive not answered";
                }
                continue;
            }
        };
        match timeout(limits::HALF_MESSAGE_TIME, writer.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return "write error",
            Err(_) => return "the peer does not read",
        }
    }
}

/// A stream that counts what was read from it: between whole messages, a
/// change means that half of one is there.
struct Counted<S> {
    inner: S,
    read: Arc<AtomicU64>,
}

impl<S> Counted<S> {
    fn new(inner: S) -> (Self, Arc<AtomicU64>) {
        let read = Arc::new(AtomicU64::new(0));
        (Self { inner, read: Arc::clone(&read) }, read)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(context, buffer);
        let length = u64::try_from(buffer.filled().len() - before).unwrap_or(u64::MAX);
        self.read.fetch_add(length, Ordering::Relaxed);
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
