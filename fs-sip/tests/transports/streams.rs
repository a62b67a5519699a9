//! Streams: framing, pings, connections that break.

use super::*;

/// A raw peer on a TCP connection.
struct Raw {
    socket: TcpStream,
    framer: Framer,
}

impl Raw {
    async fn to(side: &Side) -> Self {
        let socket = TcpStream::connect(side.address(Protocol::Tcp)).await.expect("connected");
        // Each write is a segment.
        socket.set_nodelay(true).expect("possible");
        Self { socket, framer: Framer::new() }
    }

    async fn send(&mut self, data: &[u8]) {
        self.socket.write_all(data).await.expect("written");
    }

    /// None at the end of the stream.
    async fn frame(&mut self) -> Option<Frame> {
        let mut buffer = [0; 4096];
        loop {
            if let Some(frame) = self.framer.next_frame().expect("frames") {
                return Some(frame);
            }
            let read = tokio::time::timeout(LIMIT, self.socket.read(&mut buffer)).await.expect("in time");
            match read {
                Ok(0) | Err(_) => return None,
                Ok(length) => self.framer.push(&buffer[..length]),
            }
        }
    }

    async fn response(&mut self) -> Response {
        let Some(Frame::Message(data)) = self.frame().await else { panic!("no message") };
        match parse_datagram(&data) {
            Ok(Datagram::Message(message)) => match *message {
                Message::Response(response) => response,
                Message::Request(_) => panic!("a request"),
            },
            other => panic!("no message: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_stream_in_small_pieces_and_in_large_ones() {
    let b = Side::plain().await;
    let mut raw = Raw::to(&b).await;
    for piece in options(1, "").chunks(7) {
        raw.send(piece).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(raw.response().await.call_id().as_deref(), Ok("c1"), "small pieces");
    let both = [options(2, "body"), options(3, "")].concat();
    raw.send(&both).await;
    assert_eq!(raw.response().await.call_id().as_deref(), Ok("c2"), "a body, and one behind it");
    assert_eq!(raw.response().await.call_id().as_deref(), Ok("c3"));
}

#[tokio::test]
async fn a_ping_gets_a_pong() {
    let b = Side::plain().await;
    let mut raw = Raw::to(&b).await;
    raw.send(b"\r\n\r\n").await;
    assert_eq!(raw.frame().await, Some(Frame::Pong));
    raw.send(&options(1, "")).await;
    assert_eq!(raw.response().await.status, 200);
}

#[tokio::test]
async fn what_can_not_be_framed_closes_its_connection_only() {
    let mut b = Side::plain().await;
    let mut good = Raw::to(&b).await;
    let no_length = String::from_utf8(options(1, "")).expect("text").replace("Content-Length: 0\r\n", "");
    let huge = no_length.replace("CSeq", "Content-Length: 18446744073709551615\r\nCSeq");
    let cases = [vec![b'x'; 200 * 1024], b"A: b\r\n".repeat(60_000), no_length.into_bytes()];
    for data in cases {
        let mut raw = Raw::to(&b).await;
        // The other side may close before all of it is written.
        let _ = raw.socket.write_all(&data).await;
        assert_eq!(raw.frame().await, None, "closed");
        assert!(matches!(b.next().await, Event::Malformed { .. }), "counted");
    }
    // The end of this one is known, but far away: it is answered, and left out.
    let mut raw = Raw::to(&b).await;
    raw.send(huge.as_bytes()).await;
    assert_eq!(raw.response().await.status, 513);
    assert!(matches!(b.next().await, Event::Malformed { .. }), "counted");
    good.send(&options(9, "")).await;
    assert_eq!(good.response().await.status, 200, "others live on");
}

/// The connection of the request is gone when the answer is due: it goes to
/// the port of the Via (RFC 3261 section 18.2.2).
#[tokio::test]
async fn the_answer_finds_another_way_when_its_connection_is_gone() {
    let mut b = Side::plain().await;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("port");
    let port = listener.local_addr().expect("address").port();
    let mut raw = Raw::to(&b).await;
    let invite = String::from_utf8(options(1, "")).expect("text").replace("OPTIONS", "INVITE");
    let invite = invite.replace("h.example", &format!("127.0.0.1:{port}"));
    raw.send(invite.replace("CSeq", "Contact: <sip:p@127.0.0.1>\r\nCSeq").as_bytes()).await;
    let (id, _) = b.called().await;
    raw.socket.shutdown().await.expect("closed");
    while raw.frame().await.is_some() {}
    b.endpoint.send(Command::Reject { id, status: 486, reason: None, headers: Vec::new() });
    let (socket, _) = listener.accept().await.expect("a connection");
    let mut raw = Raw { socket, framer: Framer::new() };
    assert_eq!(raw.response().await.status, 486);
}

#[tokio::test]
async fn the_answer_takes_the_connection_of_the_request() {
    let b = Side::plain().await;
    // The Via names a place where nobody listens.
    let mut raw = Raw::to(&b).await;
    raw.send(&options(1, "")).await;
    let response = raw.response().await;
    let via = response.top_via().expect("Via");
    assert_eq!(via.params.value("received").as_deref(), Some("127.0.0.1"));
}

/// A peer whose connection breaks is called again over a new one.
#[tokio::test]
async fn a_broken_connection_is_opened_again() {
    let mut a = Side::plain().await;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("port");
    let target = format!("sip:x@{};transport=tcp", listener.local_addr().expect("address"));
    a.call(&target, "v=0\r\n");
    let (mut socket, _) = listener.accept().await.expect("a connection");
    let mut first = [0; 6];
    socket.read_exact(&mut first).await.expect("a request");
    assert_eq!(&first, b"INVITE");
    drop(socket);
    assert!(matches!(a.next().await, Event::Failed { cause: FailureCause::Transport, .. }));
    a.call(&target, "v=0\r\n");
    let (mut socket, _) = listener.accept().await.expect("another connection");
    socket.read_exact(&mut first).await.expect("a request");
}
