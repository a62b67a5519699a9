//! A machine whose address changes while it is registered and calls, with real sockets: the system says which address leads
//! where. Each test runs itself once more in a network of its own, where it may change addresses.

#![allow(clippy::unwrap_used)]

#[path = "support/sides.rs"]
mod sides;

use std::process::Command as Process;

use fs_sip::account::AccountSettings;
use fs_sip::endpoint::{AskedId, Command, EndpointConfig, Event, InviteId};
use fs_sip::media::fake::FakeBackend;
use fs_sip::settings::{Group, MemoryStorage, Storage, Value};
use fs_sip::transport::Protocol;
use fs_sip::wire::{Method, Uri};
use fs_sip::{ApplicationConfig, SessionEvent, StreamEvent};
use sides::{Peer, Side, sdp, started, until};

const OLD: &str = "10.1.0.2";
const NEW: &str = "10.2.0.2";
const SERVER: &str = "10.9.0.1";

/// The way to the server and to everywhere else begins at this address.
fn lead_from(address: &str) -> String {
    format!(
        "ip address add {address}/24 dev lo && ip route replace local {SERVER} dev lo table local src {address} \
         && ip route replace default dev lo src {address}"
    )
}

/// Runs the test of this name in a network of its own; `true` where that has happened, `false` inside it.
fn moved_into_a_network_of_its_own(name: &str) -> bool {
    const INSIDE: &str = "FS_SIP_OWN_NETWORK";
    if std::env::var_os(INSIDE).is_some() {
        return false;
    }
    let script = format!(
        "ip link set lo up && ip address add {SERVER}/32 dev lo && {} && exec \"$0\" --exact {name} --nocapture",
        lead_from(OLD)
    );
    // SAFETY: it only asks who we are.
    let root = unsafe { libc::geteuid() } == 0;
    let map = (!root).then_some("--map-root-user");
    let status = Process::new("unshare")
        .args(["--net"].into_iter().chain(map))
        .args(["sh", "-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env(INSIDE, "1")
        .status()
        .expect("unshare is there (Debian package util-linux)");
    assert!(status.success(), "the test in its own network failed: {status}");
    true
}

fn shell(script: &str) {
    let status = Process::new("sh").args(["-c", script]).status().unwrap();
    assert!(status.success(), "{script}");
}

/// Contact of a message of ours.
fn contact(headers: &[(String, String)]) -> String {
    headers.iter().find(|(name, _)| name == "Contact").map(|(_, value)| value.clone()).unwrap()
}

/// The next REGISTER; it is granted.
async fn registered(server: &mut Peer) -> String {
    let (id, contact): (AskedId, String) = server
        .until(|event| match event {
            Event::Request { id, method: Method::Register, headers, .. } => Some((*id, contact(headers))),
            _ => None,
        })
        .await;
    let headers = vec![("Contact".to_owned(), format!("{contact};expires=600"))];
    server.endpoint.send(Command::AnswerRequest { id, status: 200, reason: None, headers, body: None });
    contact
}

async fn change_address_in_a_call(way: Protocol) {
    let server = EndpointConfig {
        bind: format!("{SERVER}:0").parse().unwrap(),
        requests: vec![Method::Register],
        ..EndpointConfig::default()
    };
    let mut server = Peer::with(server).await;
    let at = format!("{};transport={}", server.endpoint.local_addr(), way.parameter());
    let settings = AccountSettings {
        enabled: true,
        outbound_proxy: Some(Uri::parse(&format!("sip:{at}")).unwrap()),
        ..AccountSettings::default()
    };
    let mut group = Group::new();
    settings.write(&mut group);
    let mut tree = Group::new();
    tree.set(&["Accounts", "alice@example.org"], Value::Group(group));
    let storage = MemoryStorage::default();
    storage.save(&tree).unwrap();
    let config = ApplicationConfig {
        endpoint: EndpointConfig { bind: "0.0.0.0:0".parse().unwrap(), ..EndpointConfig::default() },
        storage: Some(std::sync::Arc::new(storage)),
        ..ApplicationConfig::default()
    };
    let side = Side::with(FakeBackend::g711(), config).await;
    assert!(registered(&mut server).await.contains(OLD));

    let mut call = side.application.call(&format!("sip:bob@{at}")).await.unwrap();
    let (id, first): (InviteId, String) = server
        .until(|event| match event {
            Event::Incoming { id, headers, .. } => Some((*id, contact(headers))),
            _ => None,
        })
        .await;
    assert!(first.contains(OLD), "{first}");
    let body = Some(sdp("m=audio 4000 RTP/AVP 0\r\n"));
    server.endpoint.send(Command::Accept { id, body: body.clone() });
    until(&mut call, started).await;

    shell(&format!("{} && ip address del {OLD}/24 dev lo", lead_from(NEW)));

    // The registration and the call come from there, in any order.
    let (mut registration, mut offer) = (None, None);
    while registration.is_none() || offer.is_none() {
        let event = server
            .until(|event| {
                matches!(event, Event::Request { .. } | Event::Reinvite { .. }).then(|| event.clone())
            })
            .await;
        match event {
            Event::Request { id, headers, .. } => {
                let contact = contact(&headers);
                let granted = vec![("Contact".to_owned(), format!("{contact};expires=600"))];
                let answer =
                    Command::AnswerRequest { id, status: 200, reason: None, headers: granted, body: None };
                server.endpoint.send(answer);
                registration = Some(contact).filter(|c| c.contains(NEW));
            }
            Event::Reinvite { id, body: theirs } => {
                let body = body.clone();
                server.endpoint.send(Command::AnswerReinvite { id, status: 200, reason: None, body });
                let theirs = String::from_utf8(theirs.unwrap().data).unwrap();
                offer = Some(theirs).filter(|text| text.contains(&format!("c=IN IP4 {NEW}")));
            }
            _ => {}
        }
    }
    let agreed = |e: &SessionEvent| matches!(e, SessionEvent::Stream(StreamEvent::CodecsAgreed(_)));
    until(&mut call, agreed).await;

    // What the server sends in the call goes to the new address, over a new connection where there was one.
    let text = fs_sip::endpoint::Body { content_type: "text/plain".into(), data: b"still there?".to_vec() };
    server.endpoint.send(Command::CallMessage { id, body: text });
    until(&mut call, |e| matches!(e, SessionEvent::GotMessage { data, .. } if data == b"still there?")).await;
    let answered = |event: &Event| match event {
        Event::CallMessageResult { status, .. } => Some(*status),
        _ => None,
    };
    assert_eq!(server.until(answered).await, 200);
    // A new call reaches the contact that is registered now.
    let target = registration.unwrap();
    server.call(target.split(['<', '>']).nth(1).unwrap_or(&target), body.clone());
    let mut side = side;
    let second = side.called().await;
    second.accept();
    server.established().await;
    server.endpoint.send(Command::Hangup { id, headers: Vec::new() });
    let SessionEvent::DidEnd { .. } = sides::end_of(&mut call).await else { panic!("it never stood") };
}

#[tokio::test]
async fn registration_and_call_follow_over_udp() {
    if !moved_into_a_network_of_its_own("registration_and_call_follow_over_udp") {
        change_address_in_a_call(Protocol::Udp).await;
    }
}

#[tokio::test]
async fn registration_and_call_follow_over_tcp() {
    if !moved_into_a_network_of_its_own("registration_and_call_follow_over_tcp") {
        change_address_in_a_call(Protocol::Tcp).await;
    }
}
