//! Messages over every real way: TCP and TLS beside UDP, both families of
//! addresses, connections shared and broken, certificates refused.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fs_sip::endpoint::{
    BindError, Body, Command, Endpoint, EndpointConfig, Event, FailureCause, InviteId, Listen,
};
use fs_sip::transport::{Identity, Protocol, Refusal, RefusalWatch, TlsSettings, Trust};
use fs_sip::wire::{Datagram, Frame, Framer, Message, NameAddr, Response, Uri, parse_datagram};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedReceiver;

const LIMIT: Duration = Duration::from_secs(20);

struct Side {
    endpoint: Endpoint,
    events: UnboundedReceiver<Event>,
}

impl Side {
    async fn new(config: EndpointConfig) -> Self {
        let (endpoint, events) = Endpoint::bind(config).await.expect("ports on loopback");
        Self { endpoint, events }
    }

    async fn plain() -> Self {
        Self::new(EndpointConfig::default()).await
    }

    fn address(&self, protocol: Protocol) -> SocketAddr {
        let found = self.endpoint.listening().iter().find(|l| l.protocol == protocol);
        found.expect("a listener").address
    }

    fn uri(&self, protocol: Protocol) -> String {
        format!("sip:bob@{};transport={}", self.address(protocol), protocol.parameter())
    }

    fn call(&self, target: &str, body: &str) -> InviteId {
        let id = self.endpoint.new_invite_id();
        self.endpoint.send(Command::Invite {
            id,
            target: Uri::parse(target).expect("URI"),
            from: NameAddr::parse("<sip:alice@example.org>").expect("address"),
            to: None,
            headers: Vec::new(),
            body: Some(Body::sdp(body)),
        });
        id
    }

    async fn next(&mut self) -> Event {
        tokio::time::timeout(LIMIT, self.events.recv()).await.expect("in time").expect("it lives")
    }

    async fn called(&mut self) -> (InviteId, Vec<(String, String)>) {
        match self.next().await {
            Event::Incoming { id, headers, .. } => (id, headers),
            other => panic!("no call: {other:?}"),
        }
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
    headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str()).expect("the header is there")
}

/// A whole call; gives back the headers of the INVITE.
async fn whole_call(caller: &mut Side, callee: &mut Side, target: &str) -> Vec<(String, String)> {
    let ours = caller.call(target, "v=0\r\n");
    let (theirs, headers) = callee.called().await;
    callee.endpoint.send(Command::Accept { id: theirs, body: Some(Body::sdp("v=0\r\n")) });
    assert!(matches!(caller.next().await, Event::Established { id, .. } if id == ours));
    assert!(matches!(callee.next().await, Event::Confirmed { id, .. } if id == theirs));
    callee.endpoint.send(Command::Hangup { id: theirs, headers: Vec::new() });
    assert!(matches!(caller.next().await, Event::Terminated { by_peer: true, .. }));
    assert!(matches!(callee.next().await, Event::Terminated { by_peer: false, .. }));
    headers
}

#[tokio::test]
async fn a_call_over_tcp_says_so_in_via_and_contact() {
    let (mut a, mut b) = (Side::plain().await, Side::plain().await);
    let target = b.uri(Protocol::Tcp);
    let headers = whole_call(&mut a, &mut b, &target).await;
    assert!(header(&headers, "Via").starts_with("SIP/2.0/TCP 127.0.0.1:"));
    assert!(header(&headers, "Contact").contains("transport=tcp"));
    assert!(
        header(&headers, "Contact").contains(&a.address(Protocol::Tcp).to_string()),
        "the listener, not the port of the connection"
    );
    whole_call(&mut a, &mut b, &target).await;
}

#[tokio::test]
async fn udp_and_tcp_share_the_port() {
    let a = Side::plain().await;
    assert_eq!(a.address(Protocol::Udp), a.address(Protocol::Tcp));
    assert_eq!(a.endpoint.local_addr(), a.address(Protocol::Udp));
}

#[tokio::test]
async fn both_families_at_once() {
    let address = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    let listen = [Protocol::Udp, Protocol::Tcp].map(|protocol| Listen { protocol, address }).to_vec();
    let config = EndpointConfig { listen, ..EndpointConfig::default() };
    let (mut a, mut b) = (Side::new(config.clone()).await, Side::new(config).await);
    for listening in b.endpoint.listening().to_vec() {
        let target = format!("sip:b@{};transport={}", listening.address, listening.protocol.parameter());
        let headers = whole_call(&mut a, &mut b, &target).await;
        let ip = if listening.address.is_ipv4() { "127.0.0.1" } else { "[::1]" };
        assert!(header(&headers, "Contact").contains(ip), "{target}");
    }
}

#[tokio::test]
async fn a_large_request_goes_by_tcp_and_a_small_one_by_udp() {
    let (mut a, mut b) = (Side::plain().await, Side::plain().await);
    let target = format!("sip:bob@{}", b.endpoint.local_addr());
    for (body, way) in [("v=0\r\n".to_owned(), "SIP/2.0/UDP"), ("a=x\r\n".repeat(300), "SIP/2.0/TCP")] {
        a.call(&target, &body);
        let (id, headers) = b.called().await;
        assert!(header(&headers, "Via").starts_with(way), "{way}");
        b.endpoint.send(Command::Reject { id, status: 486, reason: None, headers: Vec::new() });
        assert!(matches!(a.next().await, Event::Failed { status: 486, .. }));
    }
}

#[tokio::test]
async fn a_large_request_still_reaches_a_peer_without_tcp() {
    let a = Side::plain().await;
    let mut b = Side::new(EndpointConfig { tcp: false, ..EndpointConfig::default() }).await;
    a.call(&format!("sip:bob@{}", b.endpoint.local_addr()), &"a=x\r\n".repeat(300));
    let (_, headers) = b.called().await;
    assert!(header(&headers, "Via").starts_with("SIP/2.0/UDP"));
}

#[tokio::test]
async fn the_switch_for_large_requests_can_be_off() {
    let a = Side::new(EndpointConfig { large_request: None, ..EndpointConfig::default() }).await;
    let mut b = Side::plain().await;
    a.call(&format!("sip:bob@{}", b.endpoint.local_addr()), &"a=x\r\n".repeat(300));
    let (_, headers) = b.called().await;
    assert!(header(&headers, "Via").starts_with("SIP/2.0/UDP"));
}

#[tokio::test]
async fn nobody_listens() {
    let mut a = Side::plain().await;
    let gone =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("port").local_addr().expect("address");
    a.call(&format!("sip:x@{gone};transport=tcp"), "v=0\r\n");
    let Event::Failed { cause: FailureCause::Transport, reason, .. } = a.next().await else {
        panic!("no end")
    };
    assert!(reason.contains(&gone.to_string()), "{reason}");
}

async fn websocket_listener() -> Side {
    let listen = Listen { protocol: Protocol::Ws, address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)) };
    Side::new(EndpointConfig { listen: vec![listen], ..EndpointConfig::default() }).await
}

#[tokio::test]
async fn a_call_over_websocket_goes_both_ways_on_one_connection() {
    let (mut a, mut b) = (Side::plain().await, websocket_listener().await);
    let target = b.uri(Protocol::Ws);
    let headers = whole_call(&mut a, &mut b, &target).await;
    assert!(header(&headers, "Via").starts_with("SIP/2.0/WS 127.0.0.1:"));
    let contact = NameAddr::parse(header(&headers, "Contact")).expect("contact");
    assert_eq!(contact.uri.params().raw("transport"), Some("ws"));
    // Nobody listens at the contact: it stands for the connection.
    let back = contact.uri.to_string();
    whole_call(&mut b, &mut a, &back).await;
}

/// Opens a WebSocket connection by hand and gives back the answer's head.
async fn handshake(to: SocketAddr, subprotocol: &str) -> (TcpStream, String) {
    let mut socket = TcpStream::connect(to).await.expect("connected");
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {to}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{subprotocol}\r\n"
    );
    socket.write_all(request.as_bytes()).await.expect("written");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = tokio::time::timeout(LIMIT, socket.read_u8()).await.expect("in time");
        match byte {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    (socket, String::from_utf8(head).expect("text"))
}

/// A frame with the mask 0 (RFC 6455 section 5.2).
fn frame(opcode: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("short");
    let mut frame = vec![0x80 | opcode, 0x80 | 126];
    frame.extend(length.to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(data);
    frame
}

#[tokio::test]
async fn websocket_frames_that_are_fine_and_that_are_not() {
    let mut b = websocket_listener().await;
    let address = b.address(Protocol::Ws);
    let (_, refused) = handshake(address, "Sec-WebSocket-Protocol: chat\r\n").await;
    assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
    let (_, refused) = handshake(address, "").await;
    assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
    let (mut socket, taken) = handshake(address, "Sec-WebSocket-Protocol: chat, sip\r\n").await;
    assert!(taken.starts_with("HTTP/1.1 101 "), "{taken}");
    assert!(taken.to_ascii_lowercase().contains("sec-websocket-protocol: sip\r\n"), "{taken}");
    let text = |n: u32| String::from_utf8(options(n, "")).expect("text").replace("/TCP", "/WS");
    let without_length = text(1).replace("Content-Length: 0\r\n", "");
    // As text, as binary, an empty keep-alive, a ping.
    let four = [
        frame(1, without_length.as_bytes()),
        frame(2, text(2).as_bytes()),
        frame(1, b"\r\n\r\n"),
        frame(9, b"pi"),
    ];
    socket.write_all(&four.concat()).await.expect("written");
    let mut answers = Vec::new();
    while !(answers.windows(4).any(|w| w == b"\x8a\x02pi")
        && answers.windows(4).any(|w| w == b"\x81\x02\r\n")
        && answers.windows(11).filter(|w| w == b"SIP/2.0 200").count() == 2)
    {
        let mut buffer = [0; 4096];
        let read =
            tokio::time::timeout(LIMIT, socket.read(&mut buffer)).await.expect("in time").expect("read");
        assert!(read > 0, "closed early: {}", String::from_utf8_lossy(&answers));
        answers.extend(&buffer[..read]);
    }
    // Not UTF-8 in a text frame: that connection is broken, no other.
    let (mut other, _) = handshake(address, "Sec-WebSocket-Protocol: sip\r\n").await;
    other.write_all(&frame(1, b"\xff\xfe")).await.expect("written");
    assert!(matches!(b.next().await, Event::Malformed { .. }));
    socket.write_all(&frame(1, text(4).as_bytes())).await.expect("written");
    let mut buffer = [0; 4096];
    let read = tokio::time::timeout(LIMIT, socket.read(&mut buffer)).await.expect("in time").expect("read");
    assert!(read > 0, "the first connection goes on");
}

#[tokio::test]
async fn a_call_goes_on_over_new_connections_when_addresses_have_changed() {
    for protocol in [Protocol::Tcp, Protocol::Ws] {
        let (mut a, mut b) = (Side::plain().await, websocket_listener().await);
        let ours = a.call(&b.uri(protocol), "v=0\r\n");
        let (theirs, _) = b.called().await;
        b.endpoint.send(Command::Accept { id: theirs, body: Some(Body::sdp("v=0\r\n")) });
        assert!(matches!(a.next().await, Event::Established { .. }));
        assert!(matches!(b.next().await, Event::Confirmed { .. }));
        a.endpoint.send(Command::NetworkChanged);
        a.endpoint.send(Command::Hangup { id: ours, headers: Vec::new() });
        assert!(matches!(b.next().await, Event::Terminated { by_peer: true, .. }), "{protocol}");
        assert!(matches!(a.next().await, Event::Terminated { by_peer: false, .. }), "{protocol}");
    }
}

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

fn options(n: u32, body: &str) -> Vec<u8> {
    format!(
        "OPTIONS sip:x@h SIP/2.0\nVia: SIP/2.0/TCP h.example;branch=z9hG4bKt{n}\nFrom: <sip:p@h>;tag=1\n\
         To: <sip:x@h>\nCall-ID: c{n}\nCSeq: 1 OPTIONS\nContent-Length: {}\n\n",
        body.len()
    )
    .replace('\n', "\r\n")
    .into_bytes()
    .into_iter()
    .chain(body.bytes())
    .collect()
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

/// A private authority and what it signs.
struct Authority {
    certificate: rcgen::Certificate,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

impl Authority {
    fn new() -> Self {
        Self::named("ours")
    }

    fn named(name: &str) -> Self {
        let mut params = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = rcgen::KeyPair::generate().expect("key");
        let certificate = params.self_signed(&key).expect("certificate");
        Self { certificate, issuer: rcgen::Issuer::new(params, key) }
    }

    fn trust(&self) -> Trust {
        Trust::Authorities(self.certificate.pem().into_bytes())
    }

    fn identity(&self, name: &str) -> Identity {
        let params = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        let key = rcgen::KeyPair::generate().expect("key");
        let certificate = params.signed_by(&key, &self.issuer).expect("certificate");
        Identity::from_pem(certificate.pem(), key.serialize_pem())
    }
}

fn tls_config(tls: TlsSettings) -> EndpointConfig {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listen = match tls.identity {
        Some(_) => [Protocol::Tls, Protocol::Wss].map(|protocol| Listen { protocol, address }).to_vec(),
        None => Vec::new(),
    };
    EndpointConfig { tls, listen, ..EndpointConfig::default() }
}

/// A server with a certificate for `name`, signed by `signer`.
async fn server(signer: &Authority, name: &str) -> Side {
    let tls = TlsSettings {
        trust: signer.trust(),
        identity: Some(signer.identity(name)),
        ..TlsSettings::default()
    };
    Side::new(tls_config(tls)).await
}

type Seen = Arc<Mutex<Vec<Refusal>>>;

async fn client(trust: Trust, identity: Option<Identity>) -> (Side, Seen) {
    let seen = Seen::default();
    let writer = Arc::clone(&seen);
    let watch = RefusalWatch::new(move |refusal| writer.lock().expect("lock").push(refusal.clone()));
    let tls = TlsSettings { trust, identity, refusals: Some(watch), ..TlsSettings::default() };
    (Side::new(tls_config(tls)).await, seen)
}

#[tokio::test]
async fn calls_over_tls_with_an_authority_of_our_own() {
    let authority = Authority::new();
    let mut b = server(&authority, "127.0.0.1").await;
    let (mut a, seen) = client(authority.trust(), Some(authority.identity("127.0.0.1"))).await;
    for target in [b.uri(Protocol::Tls), format!("sips:bob@{}", b.address(Protocol::Tls))] {
        let headers = whole_call(&mut a, &mut b, &target).await;
        assert!(header(&headers, "Via").starts_with("SIP/2.0/TLS"));
    }
    let target = b.uri(Protocol::Wss);
    let headers = whole_call(&mut a, &mut b, &target).await;
    assert!(header(&headers, "Via").starts_with("SIP/2.0/WSS"));
    assert_eq!(*seen.lock().expect("lock"), []);
}

#[tokio::test]
async fn a_certificate_of_a_stranger_or_for_another_name_is_refused_and_seen() {
    let (ours, stranger) = (Authority::new(), Authority::named("stranger"));
    let cases = [
        (server(&stranger, "127.0.0.1").await, "UnknownIssuer"),
        (server(&ours, "other.example").await, "not valid for name"),
    ];
    for (b, why) in cases {
        let (mut a, seen) = client(ours.trust(), None).await;
        a.call(&b.uri(Protocol::Tls), "v=0\r\n");
        let Event::Failed { cause: FailureCause::Transport, reason, .. } = a.next().await else {
            panic!("no end")
        };
        assert!(reason.contains("certificate"), "{reason}");
        let seen = seen.lock().expect("lock");
        let [refusal] = &seen[..] else { panic!("seen once: {seen:?}") };
        assert_eq!(refusal.name.as_deref(), Some("127.0.0.1"));
        assert!(refusal.reason.contains(why), "{}", refusal.reason);
        assert_eq!(refusal.chain.len(), 1);
    }
}

#[tokio::test]
async fn the_name_in_the_uri_is_what_the_certificate_must_bear() {
    let authority = Authority::new();
    let mut b = server(&authority, "localhost").await;
    let (mut a, _) = client(authority.trust(), Some(authority.identity("localhost"))).await;
    let target = format!("sip:bob@localhost:{};transport=tls", b.address(Protocol::Tls).port());
    a.call(&target, "v=0\r\n");
    let (id, _) = b.called().await;
    b.endpoint.send(Command::Reject { id, status: 486, reason: None, headers: Vec::new() });
    assert!(matches!(a.next().await, Event::Failed { status: 486, .. }));
}

#[tokio::test]
async fn clients_must_show_a_certificate_where_it_is_required() {
    let (authority, stranger) = (Authority::new(), Authority::named("stranger"));
    let seen = Seen::default();
    let writer = Arc::clone(&seen);
    let tls = TlsSettings {
        trust: authority.trust(),
        identity: Some(authority.identity("127.0.0.1")),
        require_client_certificate: true,
        refusals: Some(RefusalWatch::new(move |r| writer.lock().expect("lock").push(r.clone()))),
    };
    let mut b = Side::new(tls_config(tls)).await;
    let (known, _) = client(authority.trust(), Some(authority.identity("127.0.0.1"))).await;
    known.call(&b.uri(Protocol::Tls), "v=0\r\n");
    b.called().await;
    for identity in [None, Some(stranger.identity("127.0.0.1"))] {
        let (mut unknown, _) = client(authority.trust(), identity).await;
        unknown.call(&b.uri(Protocol::Tls), "v=0\r\n");
        assert!(matches!(unknown.next().await, Event::Failed { cause: FailureCause::Transport, .. }));
    }
    let seen = seen.lock().expect("lock");
    let [refusal] = &seen[..] else { panic!("the stranger's is seen: {seen:?}") };
    assert_eq!(refusal.name, None);
    assert!(refusal.reason.contains("UnknownIssuer"), "{}", refusal.reason);
}

#[tokio::test]
async fn a_tls_listener_without_certificate_says_what_is_missing() {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listen = vec![Listen { protocol: Protocol::Tls, address }];
    let error: BindError = Endpoint::bind(EndpointConfig { listen, ..EndpointConfig::default() })
        .await
        .expect_err("no certificate");
    let text = error.to_string();
    assert!(text.contains("TLS") && text.contains("certificate"), "{text}");
}

#[test]
fn a_private_key_is_never_printed() {
    let identity = Identity::from_pem("chain", "-----BEGIN SECRET-----");
    let config = EndpointConfig {
        tls: TlsSettings { identity: Some(identity), ..TlsSettings::default() },
        ..EndpointConfig::default()
    };
    assert!(!format!("{config:?}").contains("SECRET"));
}
