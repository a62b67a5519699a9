//! From a domain to its servers (RFC 3263), and to the next server when one
//! fails: with a DNS server of our own, and in virtual time.

#[path = "support/dns.rs"]
mod dns;
mod support;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use dns::{DnsServer, Record};
use fs_sip::endpoint::{Command, Endpoint, EndpointConfig, Event, FailureCause, InviteId};
use fs_sip::registration::{RegistrationEvent, RegistrationId, RegistrationSettings};
use fs_sip::resolver::Dns;
use fs_sip::subscription::{SubscriptionId, SubscriptionSettings};
use fs_sip::transport::memory::Weather;
use fs_sip::wire::headers::EventType;
use fs_sip::wire::{Message, NameAddr, Params, Response, Uri};
use support::{World, address, sdp, uri};
use tokio::sync::mpsc::UnboundedReceiver;

const LIMIT: Duration = Duration::from_secs(20);

fn call(w: &mut World, target: &str) -> InviteId {
    let id = InviteId(500);
    let target = Uri::parse(target).expect("URI");
    let from = NameAddr::new(uri(1));
    w.command(1, Command::Invite { id, target, from, to: None, headers: Vec::new(), body: sdp("offer") });
    id
}

#[test]
fn a_silent_server_is_followed_by_the_next() {
    let mut w = World::new(2, Weather::default(), 1);
    w.names.insert("two.example".into(), vec![address(8), address(2)]);
    let id = call(&mut w, "sip:x@two.example");
    let Event::Incoming { id: theirs, .. } = w.next_event(2) else { panic!("no call") };
    assert_eq!(w.elapsed().as_secs(), 32, "64*T1 for the first");
    w.accept(2, theirs, sdp("answer"));
    assert!(matches!(w.next_event(1), Event::Established { id: got, .. } if got == id));
    let tried = w.raw_requests(8);
    let branches: Vec<_> = tried
        .iter()
        .map(|(_, r)| r.top_via().expect("Via").params.raw("branch").map(str::to_owned))
        .collect();
    assert!(branches.windows(2).all(|b| b[0] == b[1]), "one transaction");
}

/// A registrar that is silent is not waited for as long as there is another one.
#[test]
fn a_silent_registrar_is_followed_sooner() {
    let mut w = World::new(1, Weather::default(), 1);
    w.names.insert("two.example".into(), vec![address(8), address(9)]);
    let identity = NameAddr::parse("<sip:alice@two.example>").expect("address");
    let (id, settings) = (RegistrationId(1), RegistrationSettings::new(identity.clone()));
    w.command(1, Command::Register { id, settings });
    w.run_secs(11);
    let (at, register) = w.raw_requests(9).pop().expect("the second is asked");
    assert_eq!(at / 1000, 10);
    assert!(w.raw_requests(8).len() > 3, "the first was asked before");
    w.send(9, 1, &Message::Response(Response::to_request(&register, 200, "t")));
    let Event::Registration { event: RegistrationEvent::Registered { .. }, .. } = w.next_event(1) else {
        panic!("not registered")
    };
    let event = EventType { package: "presence".to_owned(), params: Params::new() };
    let target = Uri::parse("sip:bob@two.example").expect("URI");
    let settings = Box::new(SubscriptionSettings::new(identity, target, event));
    let before = w.elapsed();
    w.command(1, Command::Subscribe { id: SubscriptionId(1), settings });
    w.run_secs(6);
    let (at, last) = w.raw_requests(9).pop().expect("the second is asked");
    assert_eq!((last.method.as_str(), (at - before.as_millis()) / 1000), ("SUBSCRIBE", 5));
}

#[test]
fn a_server_that_is_out_of_service_is_followed_at_once() {
    let mut w = World::new(2, Weather::default(), 1);
    w.names.insert("two.example".into(), vec![address(8), address(2)]);
    call(&mut w, "sip:x@two.example");
    w.run_for(Duration::from_millis(50));
    let (_, invite) = w.raw_requests(8).remove(0);
    w.send(8, 1, &Message::Response(Response::to_request(&invite, 503, "t")));
    assert!(matches!(w.next_event(2), Event::Incoming { .. }));
    assert!(w.elapsed() < Duration::from_secs(1));
}

#[test]
fn the_last_server_decides() {
    let mut w = World::new(1, Weather::default(), 1);
    w.names.insert("two.example".into(), vec![address(8), address(9)]);
    let id = call(&mut w, "sip:x@two.example");
    let event = w.next_event(1);
    assert!(
        matches!(event, Event::Failed { id: got, status: 408, cause: FailureCause::Timeout, .. } if got == id)
    );
    assert_eq!(w.elapsed(), Duration::from_secs(64));
    w.run_secs(60);
    assert_eq!((w.transactions(1), w.sessions(1)), (0, 0));
}

#[test]
fn hanging_up_ends_the_search() {
    let mut w = World::new(2, Weather::default(), 1);
    w.names.insert("two.example".into(), vec![address(8), address(2)]);
    let id = call(&mut w, "sip:x@two.example");
    w.run_secs(5);
    w.hang_up(1, id);
    assert!(matches!(w.next_event(1), Event::Failed { status: 487, .. }));
    w.run_secs(60);
    assert_eq!(w.events(2), [], "the second is never asked");
}

struct Side {
    endpoint: Endpoint,
    events: UnboundedReceiver<Event>,
}

impl Side {
    async fn new(config: EndpointConfig) -> Self {
        let (endpoint, events) = Endpoint::bind(config).await.expect("a port");
        Self { endpoint, events }
    }

    fn port(&self) -> u16 {
        self.endpoint.local_addr().port()
    }

    fn call(&self, target: &str) {
        self.endpoint.send(Command::Invite {
            id: self.endpoint.new_invite_id(),
            target: Uri::parse(target).expect("URI"),
            from: NameAddr::parse("<sip:a@example.org>").expect("address"),
            to: None,
            headers: Vec::new(),
            body: sdp("offer"),
        });
    }

    async fn next(&mut self) -> Event {
        tokio::time::timeout(LIMIT, self.events.recv()).await.expect("in time").expect("it lives")
    }

    async fn via(&mut self) -> String {
        match self.next().await {
            Event::Incoming { headers, .. } => {
                headers.into_iter().find(|(n, _)| n == "Via").map(|(_, v)| v).expect("Via")
            }
            other => panic!("no call: {other:?}"),
        }
    }
}

/// A port where nobody listens.
fn dead_port() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    socket.local_addr().expect("its address").port()
}

async fn caller(server: &DnsServer) -> Side {
    let dns = Dns::Servers(vec![server.address]);
    Side::new(EndpointConfig { dns, ..EndpointConfig::default() }).await
}

const HERE: Record = Record::A(Ipv4Addr::LOCALHOST);

#[tokio::test]
async fn naptr_and_srv_lead_to_the_server_by_the_way_they_name() {
    let mut b = Side::new(EndpointConfig::default()).await;
    let server = DnsServer::start(vec![
        ("fs.test", Record::Naptr(20, "SIP+D2U", "_sip._udp.fs.test")),
        ("fs.test", Record::Naptr(10, "SIP+D2T", "_sip._tcp.fs.test")),
        ("_sip._tcp.fs.test", Record::Srv(0, 1, b.port(), "host.fs.test")),
        ("_sip._udp.fs.test", Record::Srv(0, 1, dead_port(), "host.fs.test")),
        ("host.fs.test", HERE),
    ])
    .await;
    let a = caller(&server).await;
    a.call("sip:bob@fs.test");
    assert!(b.via().await.starts_with("SIP/2.0/TCP"));
}

#[tokio::test]
async fn a_server_where_nobody_listens_is_followed_by_the_next() {
    for way in ["_sip._udp", "_sip._tcp"] {
        let mut b = Side::new(EndpointConfig::default()).await;
        let name: &'static str = if way == "_sip._udp" { "_sip._udp.fs.test" } else { "_sip._tcp.fs.test" };
        let server = DnsServer::start(vec![
            (name, Record::Srv(1, 1, b.port(), "host.fs.test")),
            (name, Record::Srv(0, 1, dead_port(), "host.fs.test")),
            ("host.fs.test", HERE),
        ])
        .await;
        let a = caller(&server).await;
        a.call("sip:bob@fs.test");
        assert!(b.via().await.contains("branch"), "{way}");
    }
}

#[tokio::test]
async fn without_records_the_host_itself_and_without_that_a_failure_that_names_it() {
    let mut b = Side::new(EndpointConfig::default()).await;
    let server = DnsServer::start(vec![("fs.test", HERE)]).await;
    let mut a = caller(&server).await;
    a.call(&format!("sip:bob@fs.test:{}", b.port()));
    assert!(b.via().await.starts_with("SIP/2.0/UDP"));
    a.call("sip:bob@nowhere.fs.test");
    let Event::Failed { status: 503, reason, cause: FailureCause::Transport, .. } = a.next().await else {
        panic!("no end")
    };
    assert!(reason.contains("nowhere.fs.test"), "{reason}");
}

#[tokio::test]
async fn a_dns_server_that_is_dead_is_told() {
    let dns = Dns::Servers(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, dead_port()))]);
    let mut a = Side::new(EndpointConfig { dns, ..EndpointConfig::default() }).await;
    a.call("sip:bob@fs.test:5060");
    let Event::Failed { status: 503, reason, .. } = a.next().await else { panic!("no end") };
    assert!(reason.contains("fs.test"), "{reason}");
}
