//! A machine that gets another address in the middle of a call: registrations and calls follow it.

#![allow(clippy::unwrap_used)]

#[path = "support/sides.rs"]
mod sides;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use fs_proto::{Candidate, CandidateType};
use fs_sip::endpoint::{Command, EndpointConfig, Event, InviteId};
use fs_sip::media::MediaEvent;
use fs_sip::media::fake::{FakeBackend, FakeCall};
use fs_sip::session::IceOptions;
use fs_sip::transport::LocalAddresses;
use fs_sip::{ApplicationConfig, ApplicationEvent, MediaOptions, SessionEvent, StreamEvent, limits};
use sides::{Peer, Side, last_direction, sdp, started, until, within};
use tokio::sync::mpsc::{Receiver, channel};

/// A machine with one address, which may become another one.
#[derive(Debug)]
struct OneAddress(Mutex<IpAddr>);

impl OneAddress {
    fn now(&self) -> IpAddr {
        *self.0.lock().unwrap()
    }
}

impl LocalAddresses for OneAddress {
    fn outside(&self) -> Vec<IpAddr> {
        vec![self.now()]
    }

    fn towards(&self, _peer: SocketAddr) -> Option<IpAddr> {
        Some(self.now())
    }

    fn has(&self, ip: IpAddr) -> bool {
        ip == self.now()
    }
}

/// An application on that machine, and what it is told.
async fn on(machine: &Arc<OneAddress>, media: MediaOptions) -> (Side, Receiver<ApplicationEvent>) {
    let (sender, events) = channel(64);
    let endpoint = EndpointConfig { bind: "0.0.0.0:0".parse().unwrap(), ..EndpointConfig::default() };
    let config = ApplicationConfig {
        endpoint,
        media,
        events: Some(sender),
        addresses: Some(machine.clone()),
        ..ApplicationConfig::default()
    };
    (Side::with(FakeBackend::g711(), config).await, events)
}

/// Where the engine was told to open streams.
fn opened(side: &Side) -> Vec<IpAddr> {
    let ip = |call| match call {
        FakeCall::Open(settings) => settings.local_ip,
        _ => None,
    };
    side.fake.calls().into_iter().filter_map(ip).collect()
}

/// Answers the re-INVITE that comes next, and gives its offer.
async fn answer_reinvite(peer: &mut Peer, id: InviteId, answer: &str) -> String {
    let reinvite = |event: &Event| match event {
        Event::Reinvite { body, .. } => Some(body.clone().expect("an offer")),
        _ => None,
    };
    let offer = peer.until(reinvite).await;
    peer.endpoint.send(Command::AnswerReinvite { id, status: 200, reason: None, body: Some(sdp(answer)) });
    String::from_utf8(offer.data).unwrap()
}

/// The engine tells of these candidates in place of the old ones.
fn replace(side: &Side, ip: &str, username: &str) {
    let password = if username.is_empty() { "" } else { "a-password-of-22-letters" };
    let candidate = |component: u32| Candidate {
        username: username.into(),
        password: password.into(),
        ..Candidate::new("L1", component, CandidateType::Host, ip, 50_000 + component as u16)
    };
    side.fake.report(0, MediaEvent::LocalCandidatesReplaced(vec![candidate(1), candidate(2)]));
}

const PLAIN: &str = "m=audio 4000 RTP/AVP 0\r\n";

#[tokio::test]
async fn an_engine_that_follows_by_itself_keeps_its_streams() {
    let machine = Arc::new(OneAddress(Mutex::new(Ipv4Addr::LOCALHOST.into())));
    let (side, mut events) = on(&machine, MediaOptions::default()).await;
    let mut peer = Peer::new().await;
    let mut caller = side.application.call(&peer.uri()).await.unwrap();
    let (id, _) = peer.called().await;
    peer.endpoint.send(Command::Accept { id, body: Some(sdp(PLAIN)) });
    until(&mut caller, started).await;

    let new = IpAddr::from(Ipv4Addr::new(127, 0, 0, 2));
    *machine.0.lock().unwrap() = new;
    replace(&side, "127.0.0.2", "");
    // What only refreshes, with the old description, may come first.
    let moved = |offer: &str| offer.contains("c=IN IP4 127.0.0.2") && offer.contains("m=audio 50001 RTP/AVP");
    while !moved(&answer_reinvite(&mut peer, id, &PLAIN.replace("4000", "4002")).await) {}
    let changed = ApplicationEvent::NetworkChanged { addresses: vec![new] };
    while within(events.recv()).await != Some(changed.clone()) {}
    tokio::time::sleep(limits::ENGINE_TIME + limits::OFFER_AGAIN).await;
    assert_eq!(opened(&side), [IpAddr::from(Ipv4Addr::LOCALHOST)], "no stream is opened anew");
    let told = side.fake.calls().into_iter().rev().find_map(|call| match call {
        FakeCall::RemoteCandidates(candidates) => Some(candidates[0].port),
        _ => None,
    });
    assert_eq!(told, Some(4002));
    caller.hangup();
    let seen = until(&mut caller, SessionEvent::is_last).await;
    let ended = |e: &&SessionEvent| matches!(e, SessionEvent::Stream(StreamEvent::DidEnd { .. }));
    assert_eq!(seen.iter().filter(ended).count(), 1, "{seen:?}");
}

#[tokio::test]
async fn ice_begins_anew_with_what_the_peer_answers() {
    let machine = Arc::new(OneAddress(Mutex::new(Ipv4Addr::LOCALHOST.into())));
    let media = MediaOptions { ice: Some(IceOptions::default()), ..MediaOptions::default() };
    let (side, _events) = on(&machine, media).await;
    let mut peer = Peer::new().await;
    let mut caller = side.application.call(&peer.uri()).await.unwrap();
    let (id, _) = peer.called().await;
    let answer = "m=audio 4000 RTP/AVP 0\r\na=rtcp-mux\r\na=ice-ufrag:F7gI\r\na=ice-pwd:x9cml/YzichV2+XlhiMu8g\r\n\
                  a=candidate:1 1 UDP 2130706431 127.0.0.1 4000 typ host\r\n";
    peer.endpoint.send(Command::Accept { id, body: Some(sdp(answer)) });
    let succeeded = |e: &SessionEvent| matches!(e, SessionEvent::Stream(StreamEvent::IceDidSucceed));
    until(&mut caller, succeeded).await;

    replace(&side, "127.0.0.2", "newUser");
    let again = answer.replace("F7gI", "9uB6").replace("4000", "4004");
    let offer = answer_reinvite(&mut peer, id, &again).await;
    assert!(offer.contains("a=ice-ufrag:newUser") && offer.contains("127.0.0.2 50001 typ host"), "{offer}");
    assert!(!offer.contains("a=remote-candidates"), "no pair stands: {offer}");
    until(&mut caller, succeeded).await;
    let told = side.fake.calls().into_iter().rev().find_map(|call| match call {
        FakeCall::RemoteCandidates(candidates) => Some(candidates[0].clone()),
        _ => None,
    });
    assert_eq!(told.map(|c| (c.username, c.port)), Some(("9uB6".to_owned(), 4004)));
}

#[tokio::test]
async fn a_call_goes_on_from_the_new_address() {
    let machine = Arc::new(OneAddress(Mutex::new(Ipv4Addr::LOCALHOST.into())));
    let (side, mut events) = on(&machine, MediaOptions::default()).await;
    let mut peer = Peer::new().await;
    let mut caller = side.application.call(&peer.uri()).await.unwrap();
    let (id, offer) = peer.called().await;
    assert!(String::from_utf8(offer.unwrap().data).unwrap().contains("c=IN IP4 127.0.0.1"));
    peer.endpoint.send(Command::Accept { id, body: Some(sdp("m=audio 4000 RTP/AVP 0\r\n")) });
    until(&mut caller, started).await;

    let new = Ipv4Addr::new(127, 0, 0, 2);
    *machine.0.lock().unwrap() = new.into();
    // What only refreshes, with the old description, may come first.
    loop {
        let offer = peer
            .until(|event| match event {
                Event::Reinvite { body, .. } => Some(body.clone().expect("an offer")),
                _ => None,
            })
            .await;
        let body = Some(sdp("m=audio 4000 RTP/AVP 0\r\n"));
        peer.endpoint.send(Command::AnswerReinvite { id, status: 200, reason: None, body });
        if String::from_utf8(offer.data).unwrap().contains("c=IN IP4 127.0.0.2") {
            break;
        }
    }
    let agreed = |e: &SessionEvent| matches!(e, SessionEvent::Stream(StreamEvent::CodecsAgreed(_)));
    let seen = until(&mut caller, agreed).await;
    let ended = |e: &&SessionEvent| matches!(e, SessionEvent::Stream(StreamEvent::DidEnd { .. }));
    assert_eq!(seen.iter().filter(ended).count(), 1, "{seen:?}");
    assert_eq!(opened(&side), [IpAddr::from(Ipv4Addr::LOCALHOST), new.into()]);
    assert_eq!(last_direction(&side.fake), Some(fs_proto::StreamDirection::BOTH));
    loop {
        if within(events.recv()).await
            == Some(ApplicationEvent::NetworkChanged { addresses: vec![new.into()] })
        {
            break;
        }
    }
}
