//! Peers that send too much, too slowly or half: each has its limit and its
//! counter, and everybody else is served on.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use fs_sip::endpoint::{Command, Endpoint, EndpointConfig, EndpointCore, Event, Input, Output, Statistics};
use fs_sip::limits;
use fs_sip::registration::{RegistrationId, RegistrationSettings};
use fs_sip::transport::{Local, Peer};
use fs_sip::wire::auth::{Credentials, Secret};
use fs_sip::wire::headers::name;
use fs_sip::wire::{Datagram, Message, NameAddr, Request, Response, Uri, parse_datagram};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const HERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 5060);
const THERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)), 5060);

fn invite(n: usize) -> Vec<u8> {
    format!(
        "INVITE sip:x@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK{n}\r\nFrom: <sip:y@h>;tag={n}\r\n\
         To: <sip:x@h>\r\nCall-ID: c{n}\r\nCSeq: 1 INVITE\r\nContact: <sip:y@192.0.2.2>\r\nContent-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

/// What the core says to a datagram: statuses and events.
fn give(core: &mut EndpointCore, now: Instant, data: &[u8]) -> (Vec<Response>, Vec<Event>) {
    core.handle(now, Input::Message { data, source: Peer::udp(THERE), local: Local::udp(HERE) });
    let (mut responses, mut events) = (Vec::new(), Vec::new());
    while let Some(output) = core.poll_output() {
        match output {
            Output::Transmit(transmit) => {
                let Ok(Datagram::Message(message)) = parse_datagram(&transmit.data) else {
                    panic!("a message")
                };
                let Message::Response(response) = *message else { panic!("a response") };
                responses.push(response);
            }
            Output::Event(event) => events.push(event),
            _ => {}
        }
    }
    (responses, events)
}

#[test]
fn half_open_calls_have_a_limit() {
    const MOST: usize = 500;
    let config = EndpointConfig { max_server_transactions: MOST, ..EndpointConfig::default() };
    let mut core = EndpointCore::new(config, [1; 32]);
    let now = Instant::now();
    for n in 0..MOST {
        let (_, events) = give(&mut core, now, &invite(n));
        assert!(matches!(events[..], [Event::Incoming { .. }]), "{n}: {events:?}");
    }
    for n in MOST..3 * MOST {
        let (responses, events) = give(&mut core, now, &invite(n));
        assert_eq!((responses[0].status, responses.len(), events.len()), (503, 1, 0), "{n}");
        assert!(responses[0].headers.get(name::RETRY_AFTER).is_some());
    }
    let Statistics { overload, server_transactions, sessions, .. } = core.statistics();
    assert_eq!((overload, server_transactions, sessions), (2 * MOST as u64, MOST, MOST));
    // Those that are known are served on: CANCEL needs a transaction, an ended one gives its place.
    for event in (0..MOST).map(|n| fs_sip::endpoint::InviteId(3 + 2 * n as u64)) {
        core.handle(now, Input::Command(Command::Hangup { id: event, headers: Vec::new() }));
    }
    while core.poll_output().is_some() {}
    assert_eq!(core.sessions(), 0);
    let later = now + Duration::from_secs(40);
    core.handle(later, Input::Timeout);
    assert_eq!(core.statistics().server_transactions, 0);
    let (_, events) = give(&mut core, later, &invite(9 * MOST));
    assert!(matches!(events[..], [Event::Incoming { .. }]), "{events:?}");
}

#[test]
fn broken_messages_are_counted_and_a_few_told() {
    let mut core = EndpointCore::new(EndpointConfig::default(), [1; 32]);
    let (now, mut told) = (Instant::now(), 0);
    for second in 0..3 {
        for n in 0..2000 {
            let at = now + Duration::from_secs(second);
            let broken = String::from_utf8(invite(n)).expect("text").replace("CSeq: 1", "CSeq: x");
            let source = Peer::udp(THERE);
            core.handle(at, Input::Message { data: broken.as_bytes(), source, local: Local::udp(HERE) });
            told +=
                std::iter::from_fn(|| core.poll_output()).filter(|o| matches!(o, Output::Event(_))).count();
        }
    }
    assert_eq!(core.statistics().malformed, 6000);
    assert_eq!(told, 3 * limits::MAX_MALFORMED_EVENTS as usize);
    assert_eq!(core.statistics().server_transactions, 0, "nothing is kept of them");
}

/// What the core asks the peer, whom it finds at once; and what it tells.
fn asked(core: &mut EndpointCore, now: Instant) -> (Vec<Request>, Vec<Event>) {
    let (mut requests, mut events) = (Vec::new(), Vec::new());
    while let Some(output) = core.poll_output() {
        match output {
            Output::Resolve(token, _) => {
                let (peer, local) = (Peer::udp(THERE), Local::udp(HERE));
                let resolution = fs_sip::endpoint::Resolution { peer, local, rest: Vec::new() };
                core.handle(now, Input::Resolved(token, Ok(resolution)));
            }
            Output::Transmit(transmit) => {
                let Ok(Datagram::Message(message)) = parse_datagram(&transmit.data) else { panic!("SIP") };
                let Message::Request(request) = *message else { panic!("a request") };
                requests.push(request);
            }
            Output::Event(event) => events.push(event),
            _ => {}
        }
    }
    (requests, events)
}

/// A callee that answers one INVITE in ever new dialogs.
#[test]
fn branches_without_end() {
    let mut core = EndpointCore::new(EndpointConfig::default(), [1; 32]);
    let now = Instant::now();
    let id = fs_sip::endpoint::InviteId(2);
    let target = Uri::sip(Some("x"), THERE.ip(), None);
    let from = NameAddr::new(Uri::sip(Some("me"), HERE.ip(), None));
    let headers = Vec::new();
    core.handle(now, Input::Command(Command::Invite { id, target, from, to: None, headers, body: None }));
    let mut invite = None;
    let mut sent = [0, 0];
    for n in 0..1000 {
        for request in asked(&mut core, now).0 {
            match request.method.as_str() {
                "ACK" => sent[0] += 1,
                "BYE" => sent[1] += 1,
                _ => invite = Some(request),
            }
        }
        let mut answer = Response::to_request(invite.as_ref().expect("an INVITE"), 200, &format!("t{n}"));
        answer.headers.push(name::CONTACT, "<sip:x@192.0.2.2>");
        let data = answer.encode();
        core.handle(now, Input::Message { data: &data, source: Peer::udp(THERE), local: Local::udp(HERE) });
    }
    assert_eq!(sent, [limits::MAX_ANSWERED_BRANCHES, limits::MAX_ANSWERED_BRANCHES - 1]);
    let Statistics { stray_responses, sessions, .. } = core.statistics();
    assert_eq!((stray_responses, sessions), (1000 - limits::MAX_ANSWERED_BRANCHES as u64, 1));
}

/// A server that asks in ever new realms, with ever new nonces.
#[test]
fn challenges_without_end() {
    let credentials =
        vec![Credentials { realm: None, username: "me".into(), password: Secret::new("secret") }];
    let mut core = EndpointCore::new(EndpointConfig { credentials, ..EndpointConfig::default() }, [1; 32]);
    let now = Instant::now();
    let settings = RegistrationSettings::new(NameAddr::new(Uri::sip(Some("me"), THERE.ip(), None)));
    core.handle(now, Input::Command(Command::Register { id: RegistrationId(1), settings }));
    let (mut requests, mut largest, mut failed) = (0, 0, false);
    loop {
        let (mut asked, events) = asked(&mut core, now);
        failed |= events.iter().any(|event| matches!(event, Event::Registration { .. }));
        let Some(request) = asked.pop() else { break };
        requests += 1;
        largest = largest.max(request.headers.all(name::AUTHORIZATION).count());
        assert!(requests < 50, "it gives up");
        let mut answer = Response::to_request(&request, 401, "s");
        for n in 0..400 {
            let challenge = format!("Digest realm=\"r{requests}-{n}\", nonce=\"n{requests}\", stale=true");
            answer.headers.push(name::WWW_AUTHENTICATE, challenge);
        }
        let data = answer.encode();
        core.handle(now, Input::Message { data: &data, source: Peer::udp(THERE), local: Local::udp(HERE) });
    }
    assert!(failed, "the application is told");
    assert!(requests <= 1 + usize::from(limits::MAX_AUTH_RETRIES), "{requests}");
    assert!((1..=limits::MAX_REALMS).contains(&largest), "{largest}");
}

async fn endpoint() -> (Endpoint, tokio::sync::mpsc::UnboundedReceiver<Event>) {
    Endpoint::bind(EndpointConfig::default()).await.expect("a port on loopback")
}

/// The clock jumps while nobody does anything.
#[tokio::test(start_paused = true)]
async fn half_a_message_and_a_slow_one_close_their_connection() {
    let (endpoint, mut events) = endpoint().await;
    let whole = String::from_utf8(invite(1)).expect("text").replace("UDP", "TCP");
    let (mut half, mut slow) = (
        TcpStream::connect(endpoint.local_addr()).await.expect("connected"),
        TcpStream::connect(endpoint.local_addr()).await.expect("connected"),
    );
    let start = tokio::time::Instant::now();
    half.write_all(&whole.as_bytes()[..100]).await.expect("written");
    let mut buffer = [0; 16];
    // One byte every three seconds keeps no connection open.
    let mut sent = 0;
    let trickle = async {
        for byte in whole.as_bytes() {
            if slow.write_all(&[*byte]).await.is_err() {
                break;
            }
            sent += 1;
            let wait = tokio::time::timeout(Duration::from_secs(3), slow.read(&mut buffer)).await;
            if matches!(wait, Ok(Ok(0) | Err(_))) {
                break;
            }
        }
    };
    trickle.await;
    assert!(sent < 20, "{sent} bytes in {:?}", start.elapsed());
    assert_eq!(half.read(&mut [0; 16]).await.expect("closed"), 0);
    for _ in 0..2 {
        assert!(matches!(events.recv().await, Some(Event::Malformed { .. })));
    }
    let now = endpoint.statistics().await.expect("it lives");
    assert_eq!((now.malformed, now.connections, now.server_transactions), (2, 0, 0));
}

#[tokio::test]
async fn too_many_connections() {
    let (endpoint, _events) = endpoint().await;
    let more = 20;
    let most = limits::MAX_CONNECTIONS;
    let mut open = Vec::new();
    for _ in 0..most + more {
        open.push(TcpStream::connect(endpoint.local_addr()).await.expect("files enough: ulimit -n 10000"));
        // The queue of the listener is short.
        if open.len() % 64 == 0 {
            while endpoint.statistics().await.expect("it lives").connections < open.len().min(most) {
                tokio::task::yield_now().await;
            }
        }
    }
    let now = loop {
        let now = endpoint.statistics().await.expect("it lives");
        if now.connections_refused == more as u64 {
            break now;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(now.connections, most);
    let mut last = open.pop().expect("one");
    assert_eq!(last.read(&mut [0; 16]).await.unwrap_or_default(), 0, "closed at once");
    open[0].write_all(b"\r\n\r\n").await.expect("written");
    let mut pong = [0; 2];
    open[0].read_exact(&mut pong).await.expect("those that are open are served");
    assert_eq!(&pong, b"\r\n");
}

/// RFC 5626 section 4.4.1: a ping comes after 80 to 100 % of what Flow-Timer says.
#[tokio::test(start_paused = true)]
async fn flow_timer_sets_the_pace_of_pings() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let at = listener.local_addr().expect("address");
    let (endpoint, _events) = endpoint().await;
    let identity = NameAddr::parse("<sip:me@127.0.0.1>").expect("address");
    let settings = RegistrationSettings {
        registrar: Some(Uri::parse(&format!("sip:{at};transport=tcp")).expect("URI")),
        instance: Some("urn:uuid:00000000-0000-1000-8000-000a95a0e128".into()),
        reg_id: Some(1),
        ..RegistrationSettings::new(identity)
    };
    endpoint.send(Command::Register { id: RegistrationId(1), settings });
    let (mut socket, _) = listener.accept().await.expect("a connection");
    let mut data = Vec::new();
    while !data.ends_with(b"\r\n\r\n") {
        data.push(socket.read_u8().await.expect("a request"));
    }
    let Ok(Datagram::Message(message)) = parse_datagram(&data) else { panic!("a message") };
    let Message::Request(register) = *message else { panic!("a request") };
    let mut answer = Response::to_request(&register, 200, "r");
    answer.headers.copy_from(&register.headers, name::CONTACT);
    for (name, value) in [("Require", "outbound"), ("Expires", "600"), ("Flow-Timer", "20")] {
        answer.headers.push(name, value);
    }
    socket.write_all(&answer.encode()).await.expect("written");
    let mut last = None;
    for _ in 0..3 {
        let mut ping = [0; 4];
        socket.read_exact(&mut ping).await.expect("a ping");
        assert_eq!(&ping, b"\r\n\r\n");
        let now = tokio::time::Instant::now();
        if let Some(last) = last.replace(now) {
            let pause = (now - last).as_secs_f64();
            assert!((16.0..=20.1).contains(&pause), "{pause} s");
        }
        socket.write_all(b"\r\n").await.expect("a pong");
    }
}
