//! A connection at work: bytes ⇄ messages, keep-alives (RFC 5626 section
//! 4.4.1), and the limits on peers that say half of something.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::set::Arrival;
use super::table::Line;
use crate::limits;
use crate::wire::{Frame, Framer};

/// Bytes read at once.
const READ: usize = 16 * 1024;

/// Runs until either side ends it, then says so.
pub(super) async fn run(io: impl AsyncRead + AsyncWrite + Send, line: Line) {
    let Line { peer, local, ours, pulse: every, outgoing, arrivals } = line;
    let (reader, writer) = tokio::io::split(io);
    // A few: a peer that pings without end is answered as fast as it reads.
    let (pongs, pong_queue) = mpsc::channel(4);
    let (alive, owed) = (AtomicBool::new(false), AtomicBool::new(false));
    let pulse = Pulse { ours, answered: &alive, owed: &owed };
    let sink = Sink { peer: &peer, local, arrivals: &arrivals, pongs, pulse: &pulse };
    let why = tokio::select! {
        why = read_all(reader, sink) => why,
        why = write_all(writer, outgoing, pong_queue, every, &pulse) => why,
    };
    tracing::debug!(target: "fs::sip::transport", %peer, why, "connection over");
    // The endpoint may have ended before.
    let _ = arrivals.send(Arrival::Closed(peer)).await;
}

/// What both halves know of the keep-alives.
struct Pulse<'a> {
    ours: bool,
    /// The peer has answered one.
    answered: &'a AtomicBool,
    /// The last one has no answer yet.
    owed: &'a AtomicBool,
}

struct Sink<'a> {
    peer: &'a super::Peer,
    local: super::Local,
    arrivals: &'a mpsc::Sender<Arrival>,
    pongs: mpsc::Sender<()>,
    pulse: &'a Pulse<'a>,
}

async fn read_all(mut reader: impl AsyncRead + Unpin, sink: Sink<'_>) -> &'static str {
    let mut framer = Framer::new();
    let mut buffer = vec![0; READ];
    // A message must be complete so long after its first byte, however many
    // small pieces it comes in.
    let mut half_since: Option<tokio::time::Instant> = None;
    loop {
        let patience = match half_since {
            Some(begun) => (begun + limits::HALF_MESSAGE_TIME).duration_since(tokio::time::Instant::now()),
            None if sink.pulse.ours => Duration::MAX,
            None => limits::IDLE_TIME,
        };
        let length = match timeout(patience, reader.read(&mut buffer)).await {
            Err(_) if half_since.is_some() => return sink.broken("half a message, and then nothing").await,
            Err(_) => return "idle",
            Ok(Ok(0)) => return "closed by the peer",
            Ok(Err(_)) => return "read error",
            Ok(Ok(length)) => length,
        };
        framer.push(&buffer[..length]);
        loop {
            match framer.next_frame() {
                Ok(Some(frame)) => {
                    half_since = None;
                    if !sink.take(frame).await {
                        return "the endpoint has ended";
                    }
                }
                Ok(None) => break,
                Err(error) => return sink.broken(&error.to_string()).await,
            }
        }
        if framer.is_empty() {
            half_since = None;
        } else {
            half_since = half_since.or_else(|| Some(tokio::time::Instant::now()));
        }
    }
}

impl Sink<'_> {
    async fn take(&self, frame: Frame) -> bool {
        match frame {
            Frame::Message(data) => {
                let arrival = Arrival::Message { data, source: self.peer.clone(), local: self.local };
                self.arrivals.send(arrival).await.is_ok()
            }
            Frame::Ping => {
                // Full means that answers enough are under way.
                let _ = self.pongs.try_send(());
                true
            }
            Frame::Pong => {
                self.pulse.owed.store(false, Ordering::Relaxed);
                self.pulse.answered.store(true, Ordering::Relaxed);
                true
            }
        }
    }

    async fn broken(&self, what: &str) -> &'static str {
        let arrival = Arrival::Broken { peer: self.peer.clone(), what: what.to_owned() };
        // The endpoint may have ended before.
        let _ = self.arrivals.send(arrival).await;
        "stream broken"
    }
}

async fn write_all(
    mut writer: impl AsyncWrite + Unpin,
    mut outgoing: mpsc::Receiver<Vec<u8>>,
    mut pongs: mpsc::Receiver<()>,
    mut every: watch::Receiver<Duration>,
    pulse: &Pulse<'_>,
) -> &'static str {
    let mut last_beat = tokio::time::Instant::now();
    loop {
        let next_beat = last_beat + *every.borrow_and_update();
        let data = tokio::select! {
            message = outgoing.recv() => match message {
                Some(data) => data,
                None => {
                    // The peer may be gone already.
                    let _ = timeout(limits::PONG_TIME, writer.shutdown()).await;
                    return "closed by us";
                }
            },
            Some(()) = pongs.recv() => b"\r\n".to_vec(),
            Ok(()) = every.changed() => continue,
            () = tokio::time::sleep_until(next_beat), if pulse.ours => {
                last_beat = tokio::time::Instant::now();
                pulse.owed.store(true, Ordering::Relaxed);
                b"\r\n\r\n".to_vec()
            }
            () = tokio::time::sleep(limits::PONG_TIME),
                if pulse.owed.load(Ordering::Relaxed) && pulse.answered.load(Ordering::Relaxed) =>
            {
                if pulse.owed.load(Ordering::Relaxed) {
                    return "keep-alive not answered";
                }
                continue;
            }
        };
        let write = async {
            writer.write_all(&data).await?;
            writer.flush().await
        };
        match timeout(limits::HALF_MESSAGE_TIME, write).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return "write error",
            Err(_) => return "the peer does not read",
        }
    }
}
