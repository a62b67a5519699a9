//! What we do with the answers of a peer, over real UDP sockets: a caller's
//! half of the probes, and a registrar's challenges.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use fs_sip::endpoint::{Body, Command, Endpoint, EndpointConfig, Event, FailureCause, Timers};
use fs_sip::registration::{RegistrationEvent, RegistrationId, RegistrationSettings};
use fs_sip::wire::auth::{Credentials, Secret};
use fs_sip::wire::headers::{RAck, name};
use fs_sip::wire::{Datagram, Message, Method, NameAddr, Request, Uri, parse_datagram};
use tokio::net::UdpSocket;
use tokio::sync::mpsc::UnboundedReceiver;

const LIMIT: Duration = Duration::from_secs(20);

/// A peer that says what it is told to, and an endpoint beside it.
struct Bench {
    socket: UdpSocket,
    endpoint: Endpoint,
    events: UnboundedReceiver<Event>,
    from: Option<SocketAddr>,
    /// The bytes that came last.
    last: Vec<u8>,
}

impl Bench {
    async fn new(config: EndpointConfig) -> Self {
        let (endpoint, events) = Endpoint::bind(config).await.expect("endpoint");
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("socket");
        Self { socket, endpoint, events, from: None, last: Vec::new() }
    }

    fn peer(&self) -> Uri {
        let at = self.socket.local_addr().expect("address");
        Uri::sip(Some("peer"), at.ip(), Some(at.port()))
    }

    fn call(&self) {
        self.endpoint.send(Command::Invite {
            id: self.endpoint.new_invite_id(),
            target: self.peer(),
            from: NameAddr::parse("<sip:me@127.0.0.1>").expect("address"),
            to: None,
            headers: Vec::new(),
            body: Some(Body::sdp("v=0\r\n")),
        });
    }

    async fn request(&mut self) -> Request {
        let mut buffer = vec![0; 65_535];
        let wait = tokio::time::timeout(LIMIT, self.socket.recv_from(&mut buffer));
        let (length, from) = wait.await.expect("a request comes").expect("received");
        self.from = Some(from);
        self.last = buffer[..length].to_vec();
        match parse_datagram(&buffer[..length]) {
            Ok(Datagram::Message(message)) => match *message {
                Message::Request(request) => request,
                Message::Response(response) => panic!("a response: {response:?}"),
            },
            other => panic!("no message: {other:?}"),
        }
    }

    /// The next request of this method; others are repetitions.
    async fn wait_for(&mut self, method: Method) -> Request {
        loop {
            let request = self.request().await;
            if request.method == method {
                return request;
            }
        }
    }

    /// Answers; `tag` goes into To, `more` are header lines.
    async fn answer(&self, request: &Request, line: &str, tag: &str, more: &str) {
        let mut text = format!("SIP/2.0 {line}\r\n");
        for name in [name::VIA, name::FROM, name::TO, name::CALL_ID, name::CSEQ] {
            for header in request.headers.all(name) {
                let tag = if name == name::TO { format!(";tag={tag}") } else { String::new() };
                text += &format!("{name}: {}{tag}\r\n", header.text());
            }
        }
        text += &format!("Contact: <{}>\r\n{}\r\n", self.peer(), more.replace('\n', "\r\n"));
        self.socket.send_to(text.as_bytes(), self.from.expect("asked")).await.expect("sent");
    }

    async fn next(&mut self) -> Event {
        tokio::time::timeout(LIMIT, self.events.recv()).await.expect("in time").expect("it lives")
    }

    async fn established(&mut self) {
        loop {
            match self.next().await {
                Event::Progress { .. } => {}
                Event::Established { .. } => return,
                other => panic!("unexpected: {other:?}"),
            }
        }
    }
}

/// T1 is 50 ms here; a busy machine may leave a repetition out.
#[tokio::test]
async fn silence() {
    let ms = Duration::from_millis;
    let timers = Timers { t1: ms(50), t2: ms(400), t4: ms(500) };
    let mut b = Bench::new(EndpointConfig { timers, ..EndpointConfig::default() }).await;
    b.call();
    b.request().await;
    let mut count = 1;
    let event = loop {
        tokio::select! {
            event = b.events.recv() => break event,
            _ = b.socket.readable() => {
                let mut buffer = vec![0; 65_535];
                if let Ok((length, _)) = b.socket.try_recv_from(&mut buffer) {
                    assert_eq!(buffer[..length], b.last, "the same once more");
                    count += 1;
                }
            }
        }
    };
    let cause = FailureCause::Timeout;
    assert!(matches!(event, Some(Event::Failed { status: 408, cause: c, .. }) if c == cause), "{event:?}");
    assert!((4..=7).contains(&count), "{count}");
}

#[tokio::test]
async fn every_200_gets_an_ack() {
    let mut b = Bench::new(EndpointConfig::default()).await;
    b.call();
    let invite = b.request().await;
    let mut acks = Vec::new();
    for _ in 0..3 {
        b.answer(&invite, "200 OK", "t", "").await;
        acks.push(b.wait_for(Method::Ack).await);
    }
    b.established().await;
    assert!(acks.iter().all(|a| *a == acks[0]));
    assert_eq!(acks[0].cseq().expect("CSeq").number, invite.cseq().expect("CSeq").number);
    assert_ne!(acks[0].top_via().expect("Via").branch(), invite.top_via().expect("Via").branch());
}

#[tokio::test]
async fn a_second_branch_gets_ack_and_bye() {
    let mut b = Bench::new(EndpointConfig::default()).await;
    b.call();
    let invite = b.request().await;
    let tag = |r: &Request| r.to().expect("To").tag().map(str::to_owned);
    b.answer(&invite, "200 OK", "one", "").await;
    assert_eq!(tag(&b.wait_for(Method::Ack).await).as_deref(), Some("one"));
    b.answer(&invite, "200 OK", "two", "").await;
    assert_eq!(tag(&b.wait_for(Method::Ack).await).as_deref(), Some("two"));
    let bye = b.wait_for(Method::Bye).await;
    assert_eq!(tag(&bye).as_deref(), Some("two"));
    b.answer(&bye, "200 OK", "", "").await;
    b.established().await;
}

#[tokio::test]
async fn a_reliable_provisional_answer_gets_its_prack() {
    let mut b = Bench::new(EndpointConfig::default()).await;
    b.call();
    let invite = b.request().await;
    b.answer(&invite, "183 Session Progress", "t", "Require: 100rel\nRSeq: 4711\n").await;
    let prack = b.wait_for(Method::Prack).await;
    let rack = prack.headers.typed::<RAck>().expect("RAck").expect("it is there");
    let number = invite.cseq().expect("CSeq").number;
    assert_eq!(rack.to_string(), format!("4711 {number} INVITE"));
}

#[tokio::test]
async fn every_refusal_gets_an_ack() {
    let mut b = Bench::new(EndpointConfig::default()).await;
    b.call();
    let invite = b.request().await;
    for _ in 0..2 {
        b.answer(&invite, "486 Busy Here", "t", "").await;
        let ack = b.wait_for(Method::Ack).await;
        assert_eq!(ack.top_via().expect("Via"), invite.top_via().expect("Via"));
    }
    assert!(matches!(b.next().await, Event::Failed { status: 486, .. }));
}

#[tokio::test]
async fn an_answer_with_compact_names_and_folded_lines() {
    let mut b = Bench::new(EndpointConfig::default()).await;
    b.call();
    let invite = b.request().await;
    let text = |name: &str| invite.headers.text(name).expect("it is there").into_owned();
    let answer = format!(
        "SIP/2.0 200 OK\r\nv :\r\n {}\r\nf: {}\r\nt\t: {}\r\n\t;tag=t\r\ni: {}\r\ncseq:  {}\r\nm: <{}>\r\nl: 0\r\n\r\n",
        text(name::VIA),
        text(name::FROM),
        text(name::TO),
        text(name::CALL_ID),
        text(name::CSEQ),
        b.peer()
    );
    b.socket.send_to(answer.as_bytes(), b.from.expect("asked")).await.expect("sent");
    assert_eq!(b.wait_for(Method::Ack).await.to().expect("To").tag(), Some("t"));
    b.established().await;
}

/// Each of these challenges is answered, in the algorithm that is named here.
#[tokio::test]
async fn challenges_of_a_registrar() {
    let www = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"";
    let cases = [
        ("401 Unauthorized", format!("{www}, algorithm=MD5, qop=\"auth\"\n"), "algorithm=MD5"),
        ("401 Unauthorized", format!("{www}, qop=\"auth\"\n"), "qop=auth"),
        ("401 Unauthorized", format!("{www}\n"), "response="),
        ("401 Unauthorized", format!("{www}, qop=\"auth,auth-int\"\n"), "qop=auth"),
        ("401 Unauthorized", format!("{www}, qop=\"auth-int\"\n"), "qop=auth-int"),
        ("401 Unauthorized", format!("{www}, algorithm=SHA-256, qop=\"auth\"\n"), "algorithm=SHA-256"),
        (
            "401 Unauthorized",
            format!("{www}, algorithm=SHA-512-256, qop=\"auth\"\n"),
            "algorithm=SHA-512-256",
        ),
        (
            "401 Unauthorized",
            format!("{www}, algorithm=SHA-256-sess, qop=\"auth\"\n"),
            "algorithm=SHA-256-sess",
        ),
        (
            "401 Unauthorized",
            format!("{www}, algorithm=SHA-256\n{www}, algorithm=MD5\n"),
            "algorithm=SHA-256",
        ),
        (
            "401 Unauthorized",
            format!("{www}, algorithm=ODD, qop=\"auth\"\n{www}, algorithm=MD5, qop=\"auth\"\n"),
            "algorithm=MD5",
        ),
        (
            "401 Unauthorized",
            format!("{}\n", www.replace("\"r\"", "\"a \\\"b\\\"\"")),
            "realm=\"a \\\"b\\\"\"",
        ),
        ("407 Proxy", format!("{}\n", www.replace("WWW", "Proxy")), "response="),
    ];
    for (line, challenge, wanted) in cases {
        let credentials =
            vec![Credentials { realm: None, username: "me".to_owned(), password: Secret::new("x") }];
        let mut b = Bench::new(EndpointConfig { credentials, ..EndpointConfig::default() }).await;
        let settings = RegistrationSettings::new(NameAddr::new(b.peer()));
        b.endpoint.send(Command::Register { id: RegistrationId(1), settings });
        let first = b.wait_for(Method::Register).await;
        b.answer(&first, line, "r", &challenge).await;
        let second = loop {
            let request = b.wait_for(Method::Register).await;
            if request.cseq() != first.cseq() {
                break request;
            }
        };
        let header = if line.starts_with("407") { name::PROXY_AUTHORIZATION } else { name::AUTHORIZATION };
        let answer = second.headers.text(header).expect("an answer").into_owned();
        assert!(answer.contains(wanted), "{challenge}: {answer}");
        b.answer(&second, "200 OK", "r", "Expires: 600\n").await;
        let event = b.next().await;
        assert!(
            matches!(&event, Event::Registration { event: RegistrationEvent::Registered { .. }, .. }),
            "{event:?}"
        );
    }
}
