//! What a peer's mistakes get for an answer, over real UDP sockets. What
//! takes time is probed in virtual time instead (simulated.rs).

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use fs_sip::endpoint::{Body, Command, Endpoint, EndpointConfig, Event, FailureCause, Timers};
use fs_sip::wire::{Datagram, Message, Method, NameAddr, Response, Uri, headers::name, parse_datagram};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// An endpoint that rings and accepts, and a raw socket beside it.
struct Bench {
    socket: UdpSocket,
    us: SocketAddr,
    answerer: JoinHandle<()>,
    next_branch: u32,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.answerer.abort();
    }
}

impl Bench {
    async fn new() -> Self {
        Self::with(EndpointConfig::default(), true).await
    }

    /// One that accepts, or just rings.
    async fn with(config: EndpointConfig, accepts: bool) -> Self {
        let (endpoint, mut events) = Endpoint::bind(config).await.expect("endpoint");
        let us = endpoint.local_addr();
        let answerer = tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                if let Event::Incoming { id, .. } = event {
                    endpoint.send(match accepts {
                        true => Command::Accept { id, body: Some(Body::sdp("v=0\r\n")) },
                        false => Command::Provisional { id, status: 180, reason: None, body: None },
                    });
                }
            }
        });
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("socket");
        Self { socket, us, answerer, next_branch: 0 }
    }

    async fn send(&self, data: &[u8]) {
        self.socket.send_to(data, self.us).await.expect("sent");
    }

    /// The next response to the last request that is not 100 (refused INVITEs
    /// get no ACK here, so older ones are repeated); none where nothing comes.
    async fn response(&self) -> Option<Response> {
        let mut buffer = vec![0; 65_535];
        loop {
            let wait = Duration::from_millis(1500);
            let received = tokio::time::timeout(wait, self.socket.recv_from(&mut buffer)).await;
            let (length, _) = received.ok()?.ok()?;
            if let Ok(Datagram::Message(message)) = parse_datagram(&buffer[..length])
                && let Message::Response(response) = *message
                && response.status != 100
                && response.call_id() == Ok(format!("call{}", self.next_branch))
            {
                return Some(response);
            }
        }
    }

    async fn ask(&mut self, text: &str) -> Option<Response> {
        self.ask_bytes(&text.replace('\n', "\r\n").into_bytes()).await
    }

    async fn ask_bytes(&mut self, data: &[u8]) -> Option<Response> {
        self.send(data).await;
        self.response().await
    }

    async fn status(&mut self, text: &str) -> Option<u16> {
        self.ask(text).await.map(|r| r.status)
    }

    /// A request that is right in every way, with its own Call-ID; tests
    /// replace parts of it.
    fn request(&mut self, method: &str) -> String {
        self.next_branch += 1;
        let n = self.next_branch;
        let us = self.us;
        let me = self.socket.local_addr().expect("address");
        format!(
            "{method} sip:x@{us} SIP/2.0\nVia: SIP/2.0/UDP {me};branch=z9hG4bKp{n}\nMax-Forwards: 70\n\
             From: <sip:p@{me}>;tag=pt\nTo: <sip:x@{us}>\nCall-ID: call{n}\nCSeq: 1 {method}\n\
             Contact: <sip:p@{me}>\n\n"
        )
    }

    /// The next message, whatever it is.
    async fn message(&self) -> Message {
        let mut buffer = vec![0; 65_535];
        let wait = tokio::time::timeout(Duration::from_secs(20), self.socket.recv_from(&mut buffer));
        let (length, _) = wait.await.expect("in time").expect("received");
        match parse_datagram(&buffer[..length]) {
            Ok(Datagram::Message(message)) => *message,
            other => panic!("no message: {other:?}"),
        }
    }

    /// Still answers?
    async fn alive(&mut self) -> bool {
        while self.response().await.is_some() {}
        let options = self.request("OPTIONS");
        self.status(&options).await == Some(200)
    }
}

#[tokio::test]
async fn shapes_of_a_message() {
    let mut b = Bench::new().await;
    let options = b.request("OPTIONS");
    assert_eq!(b.status(&options).await, Some(200), "plain");
    let compact = b.request("OPTIONS").replace("Via", "v").replace("From", "f").replace("To:", "t:");
    assert_eq!(
        b.status(&compact.replace("Call-ID", "i").replace("Contact", "m")).await,
        Some(200),
        "compact"
    );
    let folded = b
        .request("OPTIONS")
        .replace(";tag=pt", "\n ;tag=pt")
        .replace("Max-Forwards: 70", "Max-Forwards:\n\t70");
    assert_eq!(b.status(&folded).await, Some(200), "folded");
    let spaced = b.request("OPTIONS").replace("Call-ID:", "Call-ID  :");
    assert_eq!(b.status(&spaced).await, Some(200), "space before the colon");
    let tel = b
        .request("OPTIONS")
        .replace("OPTIONS sip:x@", "OPTIONS tel:+1555;x=")
        .replace("<sip:p@", "<tel:+1666;y=");
    assert_eq!(b.status(&tel.replace("x=127.0.0.1:", "x=")).await, Some(200), "tel:");
    let mut latin = b.request("OPTIONS").trim_end().replace('\n', "\r\n").into_bytes();
    latin.extend_from_slice(b"\r\nSubject: caf\xe9\r\n\r\n");
    assert_eq!(b.ask_bytes(&latin).await.map(|r| r.status), Some(200), "latin-1");
    let led = format!("\n\n{}", b.request("OPTIONS"));
    assert_eq!(b.status(&led).await, Some(200), "line ends in front");
}

#[tokio::test]
async fn options_tells_what_we_can() {
    let mut b = Bench::new().await;
    let options = b.request("OPTIONS");
    let response = b.ask(&options).await.expect("answered");
    for header in [name::ALLOW, name::ACCEPT, name::SUPPORTED, name::SERVER] {
        assert!(response.headers.get(header).is_some(), "{header}");
    }
    assert!(response.to().expect("To").tag().is_some());
}

#[tokio::test]
async fn mistakes_and_their_statuses() {
    let mut b = Bench::new().await;
    let cases: &[(&str, &str, &str, &str, Option<u16>)] = &[
        ("required extension", "INVITE", "Contact", "Require: nosuchext\nContact", Some(420)),
        ("unknown method", "FROB", "", "", Some(501)),
        ("known, not allowed", "REGISTER", "", "", Some(405)),
        ("CSeq method", "OPTIONS", "1 OPTIONS", "1 INVITE", Some(400)),
        ("version", "OPTIONS", "SIP/2.0\nVia", "SIP/7.0\nVia", Some(505)),
        ("unknown scheme", "OPTIONS", "OPTIONS sip:x@", "OPTIONS frob:", Some(416)),
        ("no Contact", "INVITE", "Contact", "X-Contact", Some(400)),
        ("two Contacts", "INVITE", "Contact", "Contact: <sip:q@h>\nContact", Some(400)),
        ("body too short", "OPTIONS", "\n\n", "\nContent-Length: 9\n\n", Some(400)),
        ("strange body", "INVITE", "\n\n", "\nContent-Type: text/x-odd\n\nhello", Some(415)),
        (
            "packed body",
            "INVITE",
            "\n\n",
            "\nContent-Type: application/sdp\nContent-Encoding: gzip\n\nx",
            Some(415),
        ),
        ("wants no SDP", "INVITE", "Contact", "Accept: text/x-odd\nContact", Some(406)),
        ("unknown dialog", "BYE", "\nCall-ID", ";tag=none\nCall-ID", Some(481)),
        ("unknown dialog", "INVITE", "\nCall-ID", ";tag=none\nCall-ID", Some(481)),
        ("no dialog", "BYE", "", "", Some(481)),
        ("nothing to cancel", "CANCEL", "", "", Some(481)),
        ("stray ACK", "ACK", "", "", None),
        ("broken ACK", "ACK", "1 ACK", "x ACK", None),
        (
            "session timer too short",
            "INVITE",
            "Contact",
            "Supported: timer\nSession-Expires: 10\nContact",
            Some(422),
        ),
        ("PRACK for nothing", "PRACK", "", "", Some(481)),
        ("UPDATE for nothing", "UPDATE", "\nCall-ID", ";tag=none\nCall-ID", Some(481)),
        ("replaces nothing", "INVITE", "Contact", "Replaces: x;to-tag=1;from-tag=2\nContact", Some(481)),
        ("last hop", "OPTIONS", "Max-Forwards: 70", "Max-Forwards: 0", Some(200)),
        ("hops", "OPTIONS", "Max-Forwards: 70", "Max-Forwards: 300", Some(400)),
        ("length 2^64-1", "OPTIONS", "\n\n", "\nContent-Length: 18446744073709551615\n\n", Some(400)),
        ("length 2^64", "OPTIONS", "\n\n", "\nContent-Length: 18446744073709551616\n\n", Some(400)),
    ];
    for (what, method, from, to, want) in cases {
        let text = b.request(method).replacen(from, to, 1);
        assert_eq!(b.status(&text).await, *want, "{what}:\n{text}");
    }
    assert!(b.alive().await);
}

#[tokio::test]
async fn what_refusals_must_say() {
    let mut b = Bench::new().await;
    let bad = b.request("INVITE").replace("Contact", "Require: nosuchext, other\nContact");
    let response = b.ask(&bad).await.expect("answered");
    assert_eq!(response.headers.all(name::UNSUPPORTED).count(), 2);
    let odd = b.request("INVITE").replace("\n\n", "\nContent-Type: text/x-odd\n\nhello");
    let response = b.ask(&odd).await.expect("answered");
    assert_eq!(response.headers.get(name::ACCEPT), Some(&b"application/sdp"[..]));
    let frob = b.request("FROB");
    assert!(b.ask(&frob).await.expect("answered").headers.get(name::ALLOW).is_some());
}

#[tokio::test]
async fn one_call_is_one_call() {
    let mut b = Bench::new().await;
    let invite = b.request("INVITE");
    let first = b.ask(&invite).await.expect("answered");
    assert_eq!(first.status, 200);
    assert!(first.headers.get(name::CONTACT).is_some());
    let tag = first.to().expect("To").tag().expect("tag").to_owned();
    for _ in 0..2 {
        b.send(invite.replace('\n', "\r\n").as_bytes()).await;
    }
    let merged = invite.replace("branch=z9hG4bKp", "branch=z9hG4bKother");
    let mut statuses = vec![b.status(&merged).await];
    while let Some(response) = b.response().await {
        if response.status == 200 {
            assert_eq!(response.to().expect("To").tag(), Some(tag.as_str()), "the same dialog");
        }
        statuses.push(Some(response.status));
        if statuses.len() > 4 {
            break;
        }
    }
    assert!(statuses.contains(&Some(482)), "{statuses:?}");
}

/// A request inside the dialog of the last INVITE.
fn inside(invite: &str, tag: &str, method: &str, cseq: u32) -> String {
    let text = invite
        .replace("1 INVITE", &format!("{cseq} {method}"))
        .replace("INVITE sip:", &format!("{method} sip:"));
    let text = text.replace("branch=z9hG4bKp", &format!("branch=z9hG4bK{method}{cseq}"));
    text.replace("\nCall-ID", &format!(";tag={tag}\nCall-ID"))
}

#[tokio::test]
async fn a_number_that_goes_back_inside_a_dialog() {
    let mut b = Bench::new().await;
    let invite = b.request("INVITE");
    let tag = b.ask(&invite).await.expect("answered").to().expect("To").tag().expect("tag").to_owned();
    b.send(inside(&invite, &tag, "ACK", 1).replace('\n', "\r\n").as_bytes()).await;
    for (method, cseq, status) in [("OPTIONS", 10, 200), ("OPTIONS", 5, 500), ("BYE", 11, 200)] {
        let response = loop {
            let response = b.ask(&inside(&invite, &tag, method, cseq)).await.expect("answered");
            if response.cseq().expect("CSeq").number == cseq {
                break response;
            }
        };
        assert_eq!(response.status, status, "{method} {cseq}");
    }
}

#[tokio::test]
async fn a_cancel_while_it_rings() {
    let mut b = Bench::with(EndpointConfig::default(), false).await;
    let invite = b.request("INVITE");
    assert_eq!(b.status(&invite).await, Some(180));
    let cancel = invite.replace("INVITE", "CANCEL");
    let mut answers = [b.ask(&cancel).await.expect("answered"), b.response().await.expect("answered")];
    answers.sort_by_key(|a| a.status);
    let of = |a: &Response| (a.status, a.cseq().expect("CSeq").method);
    assert_eq!([of(&answers[0]), of(&answers[1])], [(200, Method::Cancel), (487, Method::Invite)]);
    assert_eq!(answers[0].to(), answers[1].to(), "one tag");
}

/// The 200 is repeated until 64*T1, then the call ended (RFC 3261 section
/// 13.3.1.4). T1 is 50 ms here; a busy machine may leave a repetition out.
#[tokio::test]
async fn an_answer_that_is_never_acknowledged() {
    let ms = Duration::from_millis;
    let timers = Timers { t1: ms(50), t2: ms(400), t4: ms(500) };
    let mut b = Bench::with(EndpointConfig { timers, ..EndpointConfig::default() }, true).await;
    let invite = b.request("INVITE");
    let first = b.ask(&invite).await.expect("answered");
    let mut count = 1;
    let bye = loop {
        match b.message().await {
            Message::Request(request) => break request,
            Message::Response(response) => assert_eq!(response, first, "the same once more"),
        }
        count += 1;
    };
    assert_eq!(bye.method, Method::Bye);
    assert!((6..=11).contains(&count), "{count}");
}

#[tokio::test]
async fn responses_go_where_the_request_came_from() {
    let mut b = Bench::new().await;
    let me = b.socket.local_addr().expect("address");
    let hidden = b
        .request("OPTIONS")
        .replace(&format!("UDP {me};"), "UDP 192.0.2.77:5099;rport;")
        .replace("received", "x");
    let response = b.ask(&hidden).await.expect("rport brings it here");
    let via = response.top_via().expect("Via");
    assert_eq!(via.params.raw("received"), Some("127.0.0.1"));
    assert_eq!(via.params.raw("rport"), Some(me.port().to_string().as_str()));
}

#[tokio::test]
async fn junk_does_no_harm() {
    let mut b = Bench::new().await;
    for junk in
        [&b"\0"[..], b"\r\n", b"SIP", b"INVITE", b"INVITE sip:x SIP/2.0", b"\xff\xfe\xfd", &[b'A'; 60_000]]
    {
        b.send(junk).await;
    }
    let deep = format!("OPTIONS sip:x SIP/2.0\r\nVia: {}\r\n\r\n", "\"<".repeat(20_000));
    b.send(deep.as_bytes()).await;
    assert!(b.alive().await);
}

#[tokio::test]
async fn calling_where_nobody_listens_fails_at_once() {
    let (endpoint, mut events) = Endpoint::bind(EndpointConfig::default()).await.expect("endpoint");
    let gone = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("socket");
    let port = gone.local_addr().expect("address").port();
    drop(gone);
    let id = endpoint.new_invite_id();
    let start = Instant::now();
    endpoint.send(Command::Invite {
        id,
        target: Uri::sip(Some("x"), gone_ip(), Some(port)),
        from: NameAddr::new(Uri::sip(Some("me"), gone_ip(), None)),
        to: None,
        headers: vec![],
        body: None,
    });
    let event = tokio::time::timeout(Duration::from_secs(20), events.recv()).await.expect("in time");
    assert!(
        matches!(event, Some(Event::Failed { id: i, status: 503, cause: FailureCause::Transport, .. }) if i == id),
        "{event:?} after {:?}",
        start.elapsed()
    );
}

fn gone_ip() -> std::net::IpAddr {
    Ipv4Addr::LOCALHOST.into()
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let taken = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("socket");
    let bind = taken.local_addr().expect("address");
    let error =
        Endpoint::bind(EndpointConfig { bind, ..EndpointConfig::default() }).await.expect_err("taken");
    assert!(error.to_string().contains(&bind.to_string()), "{error}");
    assert_eq!(error.address(), bind);
}

/// Calls `host` and expects the answer.
async fn call_and_hang_up(bind: SocketAddr, host: &str) {
    let config = EndpointConfig { bind, ..EndpointConfig::default() };
    let (caller, mut caller_events) = Endpoint::bind(config.clone()).await.expect("endpoint");
    let (callee, mut callee_events) = Endpoint::bind(config).await.expect("endpoint");
    let target = Uri::parse(&format!("sip:x@{host}:{}", callee.local_addr().port())).expect("URI");
    let from = NameAddr::new(Uri::sip(Some("me"), gone_ip(), None));
    let id = caller.new_invite_id();
    caller.send(Command::Invite { id, target, from, to: None, headers: vec![], body: None });
    let event = callee_events.recv().await;
    let Some(Event::Incoming { id: theirs, .. }) = event else { panic!("no call: {event:?}") };
    callee.send(Command::Accept { id: theirs, body: None });
    let event = caller_events.recv().await;
    assert!(matches!(event, Some(Event::Established { .. })), "{event:?}");
    caller.send(Command::Hangup { id, headers: vec![] });
    let event = caller_events.recv().await;
    assert!(matches!(event, Some(Event::Terminated { by_peer: false, .. })), "{event:?}");
}

#[tokio::test]
async fn names_and_ipv6_addresses_are_called() {
    call_and_hang_up(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), "localhost").await;
    let v6 = SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, 0));
    drop(UdpSocket::bind(v6).await.expect("this machine has an IPv6 loopback: ip -6 addr show dev lo"));
    call_and_hang_up(v6, "[::1]").await;
}

#[tokio::test]
async fn shutdown_says_goodbye() {
    let (caller, mut caller_events) = Endpoint::bind(EndpointConfig::default()).await.expect("endpoint");
    let (callee, mut callee_events) = Endpoint::bind(EndpointConfig::default()).await.expect("endpoint");
    let target = Uri::sip(Some("x"), gone_ip(), Some(callee.local_addr().port()));
    let from = NameAddr::new(Uri::sip(Some("me"), gone_ip(), None));
    let id = caller.new_invite_id();
    caller.send(Command::Invite {
        id,
        target,
        from,
        to: None,
        headers: vec![],
        body: Some(Body::sdp("v=0\r\n")),
    });
    let Some(Event::Incoming { id: theirs, .. }) = callee_events.recv().await else { panic!("no call") };
    callee.send(Command::Accept { id: theirs, body: Some(Body::sdp("v=0\r\n")) });
    let Some(Event::Established { .. }) = caller_events.recv().await else { panic!("no answer") };
    let Some(Event::Confirmed { .. }) = callee_events.recv().await else { panic!("no ACK") };
    caller.shutdown().await;
    let event = callee_events.recv().await;
    assert!(matches!(event, Some(Event::Terminated { by_peer: true, .. })), "{event:?}");
    callee.shutdown().await;
}
