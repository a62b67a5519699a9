//! What happens before a call stands: early media both ways, offers in provisional answers (RFC 3262), UPDATE (RFC 3311),
//! offers from the callee, 3xx, and the fate of transactions.

#![allow(clippy::unwrap_used)]

#[path = "support/sides.rs"]
mod sides;

use fs_proto::StreamDirection;
use fs_sip::endpoint::{AckFate, Command, EndpointConfig, Event, FailureCause};
use fs_sip::media::fake::{FakeBackend, FakeCall};
use fs_sip::wire::{Method, NameAddr};
use fs_sip::{ApplicationConfig, CallOptions, Originator, SessionEvent, StreamEvent};
use sides::{Peer, Side, end_of, last_direction, sdp, started, until, within};

fn reliable() -> EndpointConfig {
    EndpointConfig { reliable_provisional: true, ..EndpointConfig::default() }
}

async fn side(endpoint: EndpointConfig) -> Side {
    Side::with(FakeBackend::g711(), ApplicationConfig { endpoint, ..ApplicationConfig::default() }).await
}

fn agreed(event: &SessionEvent) -> bool {
    matches!(event, SessionEvent::Stream(StreamEvent::CodecsAgreed(_)))
}

/// The ports that the media engine was told to send to, in their order.
fn ports(fake: &FakeBackend) -> Vec<u16> {
    let first = |call: FakeCall| match call {
        FakeCall::RemoteCandidates(list) => list.first().map(|c| c.port),
        _ => None,
    };
    fake.calls().into_iter().filter_map(first).collect()
}

#[tokio::test]
async fn the_callee_is_heard_before_it_accepts() {
    for config in [EndpointConfig::default(), reliable()] {
        let (a, mut b) = (side(config.clone()).await, side(config).await);
        let mut caller = a.application.call(&b.uri()).await.unwrap();
        let mut callee = b.called().await;
        callee.early_media();
        callee.early_media();
        let before = until(&mut caller, agreed).await;
        assert!(!before.iter().any(started));
        assert_eq!(last_direction(&a.fake), Some(StreamDirection::BOTH));
        assert_eq!(last_direction(&b.fake), Some(StreamDirection::BOTH));
        callee.accept();
        until(&mut caller, started).await;
        until(&mut callee, started).await;
        assert_eq!(ports(&a.fake).len(), 1, "the 200 said nothing new");
        callee.hangup();
        end_of(&mut caller).await;
    }
}

#[tokio::test]
async fn an_update_before_the_answer_reaches_the_media() {
    let mut b = side(reliable()).await;
    let mut peer = Peer::new().await;
    let id = peer.call(&b.uri(), Some(sdp("m=audio 4000 RTP/AVP 0\r\n")));
    let mut callee = b.called().await;
    callee.early_media();
    peer.until(|e| matches!(e, Event::EarlyAnswer { .. }).then_some(())).await;
    let body = Some(sdp("m=audio 4100 RTP/AVP 0\r\na=sendonly\r\n"));
    peer.endpoint.send(Command::Update { id, branch: None, body });
    let (status, answer) = peer
        .until(|event| match event {
            Event::ReinviteResult { status, body, .. } => Some((*status, body.clone())),
            _ => None,
        })
        .await;
    let answer = String::from_utf8(answer.unwrap().data).unwrap();
    assert_eq!(status, 200);
    assert!(answer.contains("a=recvonly"), "{answer}");
    let held = SessionEvent::DidChangeHoldState { originator: Originator::Remote, on_hold: true };
    until(&mut callee, |event| *event == held).await;
    assert_eq!(ports(&b.fake), [4000, 4100]);
    callee.accept();
    until(&mut callee, started).await;
    assert_eq!(last_direction(&b.fake), Some(StreamDirection::RECV));
}

#[tokio::test]
async fn the_callee_makes_the_offer_where_the_caller_wants_that() {
    let (a, mut b) = (side(EndpointConfig::default()).await, side(EndpointConfig::default()).await);
    let options = CallOptions { late_offer: true, subject: Some("lunch".into()), ..CallOptions::default() };
    let mut caller = a.application.call_with(&b.uri(), options).await.unwrap();
    let mut callee = b.called().await;
    assert!(callee.info().offered.is_empty());
    assert_eq!(callee.info().subject(), Some("lunch"));
    callee.accept();
    until(&mut caller, started).await;
    until(&mut callee, started).await;
    assert_eq!((ports(&a.fake).len(), ports(&b.fake).len()), (1, 1));
    assert_eq!(last_direction(&a.fake), Some(StreamDirection::BOTH));
    caller.hold();
    until(&mut callee, |e| matches!(e, SessionEvent::DidChangeHoldState { .. })).await;
}

#[tokio::test]
async fn an_offer_in_a_provisional_answer_is_answered_in_its_prack() {
    let (a, mut b) = (side(reliable()).await, side(reliable()).await);
    let options = CallOptions { late_offer: true, ..CallOptions::default() };
    let mut caller = a.application.call_with(&b.uri(), options).await.unwrap();
    let mut callee = b.called().await;
    callee.early_media();
    until(&mut caller, agreed).await;
    until(&mut callee, agreed).await;
    callee.accept();
    until(&mut caller, started).await;
    until(&mut callee, started).await;
    assert_eq!((ports(&a.fake).len(), ports(&b.fake).len()), (1, 1));
}

#[tokio::test]
async fn no_offer_at_all_ends_the_call() {
    let a = side(EndpointConfig::default()).await;
    let mut peer = Peer::new().await;
    let options = CallOptions { late_offer: true, ..CallOptions::default() };
    let mut caller = a.application.call_with(&peer.uri(), options).await.unwrap();
    let (id, body) = peer.called().await;
    assert_eq!(body, None);
    peer.endpoint.send(Command::Accept { id, body: None });
    let end = end_of(&mut caller).await;
    let SessionEvent::DidFail { failure_reason, .. } = end else { panic!("{end:?}") };
    assert!(failure_reason.contains("no session description"), "{failure_reason}");
}

#[tokio::test]
async fn a_redirection_is_told_and_followed_where_that_is_wanted() {
    let mut c = Peer::new().await;
    let address = NameAddr::parse(&format!("<{}>", c.uri())).unwrap();
    for follow in [false, true] {
        let config = EndpointConfig { follow_redirects: follow, ..EndpointConfig::default() };
        let (a, mut b) = (side(config).await, side(EndpointConfig::default()).await);
        let mut caller = a.application.call(&b.uri()).await.unwrap();
        b.called().await.redirect(std::slice::from_ref(&address));
        let told = until(&mut caller, |e| matches!(e, SessionEvent::Redirected { .. })).await.pop();
        assert_eq!(told, Some(SessionEvent::Redirected { code: 302, identities: vec![address.clone()] }));
        if follow {
            let (id, _) = c.called().await;
            c.endpoint.send(Command::Accept { id, body: Some(sdp("m=audio 4000 RTP/AVP 0\r\n")) });
            until(&mut caller, started).await;
        } else {
            let end = end_of(&mut caller).await;
            assert!(matches!(end, SessionEvent::DidFail { code: 302, .. }), "{end:?}");
        }
    }
}

#[tokio::test]
async fn the_fate_of_transactions_is_told_where_that_is_wanted() {
    let config = EndpointConfig { report_transactions: true, ..EndpointConfig::default() };
    let (a, mut b) = (side(config.clone()).await, side(config).await);
    let mut caller = a.application.call(&b.uri()).await.unwrap();
    let mut callee = b.called().await;
    callee.reject(486, None);
    let of_invite = |events: Vec<SessionEvent>| {
        let told = events.into_iter().find(|e| matches!(e, SessionEvent::DidProcessTransaction { .. }));
        told.expect("it is told before the last event")
    };
    let told = |originator, ack| SessionEvent::DidProcessTransaction {
        originator,
        method: Method::Invite,
        code: 486,
        ack,
    };
    let events = until(&mut caller, SessionEvent::is_last).await;
    assert_eq!(of_invite(events), told(Originator::Local, AckFate::None));
    let events = until(&mut callee, SessionEvent::is_last).await;
    assert_eq!(of_invite(events), told(Originator::Remote, AckFate::Received));
}

#[tokio::test]
async fn early_media_that_can_not_be_opened_refuses_the_call() {
    let mut b = side(EndpointConfig::default()).await;
    let mut peer = Peer::new().await;
    peer.call(&b.uri(), Some(sdp("m=audio 4000 RTP/AVP 3\r\n")));
    let callee = within(b.incoming.recv()).await.unwrap();
    callee.early_media();
    let (status, cause) = peer
        .until(|event| match event {
            Event::Failed { status, cause, .. } => Some((*status, *cause)),
            _ => None,
        })
        .await;
    assert_eq!((status, cause), (488, FailureCause::Peer));
}
