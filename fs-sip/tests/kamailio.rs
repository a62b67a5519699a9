//! Registrations and calls through kamailio, a registrar and proxy of others,
//! over UDP, TCP, TLS, WebSocket and secure WebSocket. Debian packages kamailio,
//! kamailio-tls-modules and kamailio-websocket-modules; `./run check` installs
//! them.

#[path = "support/dns.rs"]
mod dns;
#[path = "support/kamailio.rs"]
mod support;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use dns::{DnsServer, Record};
use fs_sip::account::{AccountEvent, AccountNotification, AccountSettings, Accounts};
use fs_sip::endpoint::{Body, Command, Endpoint, EndpointConfig, Event, InviteId, Timers};
use fs_sip::registration::{RegistrationEvent, RegistrationSettings};
use fs_sip::resolver::Dns;
use fs_sip::settings::FileStorage;
use fs_sip::transport::Protocol;
use fs_sip::wire::auth::Secret;
use fs_sip::wire::{Datagram, Message, NameAddr, Response, Uri, parse_datagram};
use support::{ID, Kamailio};
use tokio::net::UdpSocket;

#[tokio::test(flavor = "multi_thread")]
async fn wrong_and_right_passwords_over_every_transport() {
    for algorithm in ["MD5", "SHA-256"] {
        let kamailio = Kamailio::start(algorithm).await;
        for protocol in Protocol::all() {
            let mut stranger = kamailio.phone("mallory", "wrong").await;
            stranger.register(kamailio.proxy(protocol), 600);
            let event = stranger.registration().await;
            assert!(
                matches!(event, RegistrationEvent::Failed { status: 401, .. }),
                "{algorithm} {protocol}: {event:?}"
            );
            let mut phone = kamailio.registered("alice", protocol).await;
            phone.endpoint.send(Command::Unregister { id: ID });
            assert_eq!(phone.registration().await, RegistrationEvent::Ended, "{algorithm} {protocol}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_tells_everything_but_the_proof() {
    let kamailio = Kamailio::start("MD5").await;
    let mut phone = kamailio.phone("alice", "secret").await;
    let mut trace = phone.endpoint.trace();
    phone.register(kamailio.proxy(Protocol::Tcp), 600);
    assert!(matches!(phone.registration().await, RegistrationEvent::Registered { .. }));
    let mut lines = Vec::new();
    while let Ok(traced) = trace.try_recv() {
        let text = String::from_utf8(traced.data).expect("text");
        if let Some(proof) = text.lines().find(|l| l.starts_with("Authorization:")) {
            assert!(proof.contains("username=\"alice\"") && proof.contains("response=\"...\""), "{proof}");
        }
        lines.push((traced.received, text.lines().next().unwrap_or_default().to_owned()));
    }
    let way =
        |line: &str| lines.iter().filter(|(_, l)| l.starts_with(line)).map(|(r, _)| *r).collect::<Vec<_>>();
    assert_eq!(way("REGISTER "), [false, false], "{lines:?}");
    assert_eq!(way("SIP/2.0 "), [true, true], "{lines:?}");
    let seen = phone.endpoint.statistics().await.expect("it runs");
    assert_eq!((seen.requests_sent, seen.messages_sent, seen.messages_received), (2, 2, 2));
    assert_eq!((seen.registrations, seen.sessions, seen.malformed), (1, 0, 0));
    assert!(seen.bytes_sent > 500 && seen.bytes_received > 500, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_brief_an_interval_is_made_longer() {
    let kamailio = Kamailio::start("MD5").await;
    let mut phone = kamailio.phone("alice", "secret").await;
    phone.register(kamailio.proxy(Protocol::Udp), 30);
    let event = phone.registration().await;
    assert!(matches!(event, RegistrationEvent::Registered { expires: 60, .. }), "{event:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_through_it_over_every_pair_of_transports() {
    let kamailio = Kamailio::start("MD5").await;
    for theirs in Protocol::all() {
        let mut bob = kamailio.registered("bob", theirs).await;
        for ours in Protocol::all() {
            let mut alice = kamailio.phone("alice", "secret").await;
            let id = alice.call("bob", &kamailio.proxy(ours));
            let called = bob.called().await;
            bob.accept(called);
            let event = alice.outcome().await;
            assert!(
                matches!(event, Event::Established { id: got, .. } if got == id),
                "{ours} to {theirs}: {event:?}"
            );
            let event = bob.next().await;
            assert!(matches!(event, Event::Confirmed { .. }), "{ours} to {theirs}: {event:?}");
            bob.hang_up(called);
            let event = alice.outcome().await;
            assert!(
                matches!(event, Event::Terminated { by_peer: true, .. }),
                "{ours} to {theirs}: {event:?}"
            );
            let event = bob.next().await;
            assert!(
                matches!(event, Event::Terminated { by_peer: false, .. }),
                "{ours} to {theirs}: {event:?}"
            );
        }
        bob.endpoint.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_to_two_contacts_ends_with_one_call() {
    let kamailio = Kamailio::start("MD5").await;
    let mut first = kamailio.registered("bob", Protocol::Udp).await;
    let mut second = kamailio.registered("bob", Protocol::Tcp).await;
    let mut alice = kamailio.phone("alice", "secret").await;
    let id = alice.call("bob", &kamailio.proxy(Protocol::Udp));
    let (one, other) = (first.called().await, second.called().await);
    for (phone, call) in [(&first, one), (&second, other)] {
        phone.endpoint.send(Command::Provisional { id: call, status: 180, reason: None, body: None });
        // A proxy does not cancel a branch of which it has heard nothing yet (RFC 3261 section 9.1).
        let event = alice.next().await;
        assert!(matches!(event, Event::Progress { status: 180, .. }), "{event:?}");
    }
    second.accept(other);
    let event = alice.outcome().await;
    assert!(matches!(event, Event::Established { id: got, .. } if got == id), "{event:?}");
    assert!(matches!(first.next().await, Event::Cancelled { id, .. } if id == one));
    assert!(matches!(second.next().await, Event::Confirmed { .. }));
    alice.hang_up(id);
    assert!(matches!(second.next().await, Event::Terminated { by_peer: true, .. }));
    assert!(matches!(alice.outcome().await, Event::Terminated { by_peer: false, .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_of_that_name() {
    let kamailio = Kamailio::start("MD5").await;
    let mut alice = kamailio.phone("alice", "secret").await;
    alice.call("nobody", &kamailio.proxy(Protocol::Tcp));
    assert!(matches!(alice.outcome().await, Event::Failed { status: 404, .. }));
}

/// A server that is out of service, or silent.
async fn bad_server(status: Option<u16>) -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let port = socket.local_addr().expect("its address").port();
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let Ok(Datagram::Message(message)) = parse_datagram(&buffer[..length]) else { continue };
            if let (Message::Request(request), Some(status)) = (*message, status) {
                // The caller may be gone.
                let _ = socket.send_to(&Response::to_request(&request, status, "x").encode(), from).await;
            }
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_server_takes_over_from_silent_refusing_and_dead_ones() {
    let (first, second) = (Kamailio::start("MD5").await, Kamailio::start("MD5").await);
    let (silent, refusing) = (bad_server(None).await, bad_server(Some(503)).await);
    let server = DnsServer::start(vec![
        ("_sip._udp.fs.test", Record::Srv(0, 1, silent, "host.fs.test")),
        ("_sip._udp.fs.test", Record::Srv(1, 1, refusing, "host.fs.test")),
        ("_sip._udp.fs.test", Record::Srv(2, 1, first.plain, "host.fs.test")),
        ("_sip._udp.fs.test", Record::Srv(3, 1, second.plain, "host.fs.test")),
        ("host.fs.test", Record::A(Ipv4Addr::LOCALHOST)),
    ])
    .await;
    let at_domain = |user: &str| NameAddr::parse(&format!("<sip:{user}@fs.test>")).expect("address");
    // A silent server is given up after 64*T1.
    let timers = Timers { t1: Duration::from_millis(20), ..Timers::default() };
    let config =
        EndpointConfig { dns: Dns::Servers(vec![server.address]), timers, ..EndpointConfig::default() };
    let mut alice = second.any_phone("alice", "secret", config).await;
    let registered_at = async |alice: &mut support::Phone| {
        let settings =
            RegistrationSettings { tell_all: true, ..RegistrationSettings::new(at_domain("alice")) };
        alice.endpoint.send(Command::Register { id: ID, settings });
        let mut port = None;
        loop {
            match alice.registration().await {
                RegistrationEvent::Answered { registrar, .. } => port = registrar.map(|r| r.remote.port()),
                RegistrationEvent::Registered { .. } => return port,
                RegistrationEvent::Asking { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    };
    assert_eq!(registered_at(&mut alice).await, Some(first.plain));
    drop(first);
    assert_eq!(registered_at(&mut alice).await, Some(second.plain));
    // So does a call.
    let mut bob = second.registered("bob", Protocol::Tcp).await;
    let id = alice.endpoint.new_invite_id();
    alice.endpoint.send(Command::Invite {
        id,
        target: at_domain("bob").uri,
        from: at_domain("alice"),
        to: None,
        headers: Vec::new(),
        body: Some(Body::sdp("v=0\r\n")),
    });
    let called = bob.called().await;
    bob.accept(called);
    let event = alice.outcome().await;
    assert!(matches!(event, Event::Established { id: got, .. } if got == id), "{event:?}");
    assert!(matches!(bob.outcome().await, Event::Confirmed { .. }));
    alice.hang_up(id);
    assert!(matches!(bob.outcome().await, Event::Terminated { by_peer: true, .. }));
}

/// Accounts that are kept in a file register, call by their proxy, and leave.
#[tokio::test(flavor = "multi_thread")]
async fn accounts_in_a_file_register_at_kamailio() {
    let kamailio = Kamailio::start("MD5").await;
    let folder = std::env::temp_dir().join(format!("fs-sip-accounts-{}", std::process::id()));
    let proxy = kamailio.proxy(Protocol::Tcp);
    let with = |password: &str| AccountSettings {
        enabled: true,
        password: Secret::new(password),
        outbound_proxy: Some(proxy.clone()),
        ..AccountSettings::default()
    };
    let (right, wrong) = ("alice@fs.invalid", "mallory@fs.invalid");
    for round in 0..2 {
        let (endpoint, events) = Endpoint::bind(EndpointConfig::default()).await.expect("a port");
        let storage = Arc::new(FileStorage::new(&folder));
        let (accounts, mut streams) = Accounts::start(endpoint, events, storage).expect("started");
        if round == 0 {
            accounts.add(right, with("secret")).await.expect("added");
            accounts.add(wrong, with("guess")).await.expect("added");
        }
        let (mut good, mut bad) = (false, false);
        while !(good && bad) {
            let event = tokio::time::timeout(support::LIMIT, streams.accounts.recv()).await.expect("in time");
            match event.expect("it runs") {
                AccountEvent::Account {
                    account,
                    notification: AccountNotification::RegistrationDidSucceed { registrar, .. },
                } => {
                    assert_eq!(account, right);
                    assert_eq!(registrar.map(|r| r.protocol), Some(Protocol::Tcp));
                    good = true;
                }
                AccountEvent::Account {
                    account,
                    notification: AccountNotification::RegistrationDidFail { error, .. },
                } => {
                    assert_eq!((account.as_str(), error.as_str()), (wrong, "Authentication failed"));
                    bad = true;
                }
                _ => {}
            }
        }
        assert_eq!(accounts.list().await.expect("it runs"), [right, wrong]);
        assert_eq!(accounts.default_account().await.expect("it runs").as_deref(), Some(right));
        let from = accounts.identity(right).await.expect("an identity");
        let invite = Command::Invite {
            id: InviteId(2),
            target: Uri::parse("sip:nobody@fs.invalid").expect("URI"),
            from,
            to: None,
            headers: Vec::new(),
            body: None,
        };
        accounts.send(invite);
        let event = tokio::time::timeout(support::LIMIT, streams.endpoint.recv()).await.expect("in time");
        // By the proxy of the account, with its proof.
        assert!(matches!(event, Some(Event::Failed { status: 404, .. })), "{event:?}");
        accounts.stop().await.expect("it runs");
        loop {
            let event = tokio::time::timeout(support::LIMIT, streams.accounts.recv()).await.expect("in time");
            if event == Some(AccountEvent::DidEnd) {
                break;
            }
        }
    }
    std::fs::remove_dir_all(&folder).expect("removed");
}
