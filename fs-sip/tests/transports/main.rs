//! Messages over every real way: TCP and TLS beside UDP, both families of
//! addresses, connections shared and broken, certificates refused.

mod streams;
mod tls;
mod websocket;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fs_sip::endpoint::{
    BindError, Body, Command, Endpoint, EndpointConfig, Event, FailureCause, InviteId, Listen,
};
use fs_sip::transport::{Identity, Protocol, Refusal, RefusalWatch, TlsSettings, Trust};
use fs_sip::wire::{Datagram, Frame, Framer, Host, Message, NameAddr, Response, Uri, parse_datagram};
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

async fn websocket_listener() -> Side {
    let listen = Listen { protocol: Protocol::Ws, address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)) };
    Side::new(EndpointConfig { listen: vec![listen], ..EndpointConfig::default() }).await
}
