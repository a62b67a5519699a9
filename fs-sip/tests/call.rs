//! Whole calls between two applications on loopback, over the fake media engine; and calls from a bare endpoint
//! that says what no application of ours would say.

#![allow(clippy::unwrap_used)]

#[path = "support/sides.rs"]
mod sides;

use std::sync::Arc;

use fs_proto::{Codec, MediaType, StreamDirection};
use fs_sip::endpoint::{Body, Command, EndpointConfig, Event, TerminationReason};
use fs_sip::media::fake::{FakeBackend, FakeCall};
use fs_sip::media::{Fault, MediaError, MediaEvent};
use fs_sip::{Application, ApplicationConfig, Originator, SessionEvent, StreamEvent};
use sides::{Peer, Side, connected, end_of, last_direction, sdp, started, until, within};

fn pcma_only() -> FakeBackend {
    FakeBackend::new(vec![Codec::new(8, "PCMA", MediaType::Audio, 8000)])
}

#[tokio::test]
async fn a_call_rings_starts_and_ends() {
    let (a, mut b) = (Side::new(FakeBackend::g711()).await, Side::new(FakeBackend::g711()).await);
    let mut caller = a.application.call(&b.uri()).await.unwrap();
    let mut callee = b.called().await;
    callee.ring();
    let ringing = until(&mut caller, |e| matches!(e, SessionEvent::GotProvisionalResponse { .. })).await;
    assert_eq!(ringing[0], SessionEvent::NewOutgoing);
    assert_eq!(ringing[1], SessionEvent::GotRingIndication);
    callee.accept();
    let events = until(&mut caller, started).await;
    assert_eq!(events[0], SessionEvent::WillStart);
    let agreed = events.iter().find_map(|e| match e {
        SessionEvent::Stream(StreamEvent::CodecsAgreed(codecs)) => Some(codecs.clone()),
        _ => None,
    });
    assert_eq!(agreed.unwrap()[0].encoding_name, "PCMU");
    until(&mut callee, started).await;
    assert_eq!(last_direction(&a.fake), Some(StreamDirection::BOTH));
    assert_eq!(last_direction(&b.fake), Some(StreamDirection::BOTH));
    assert_eq!(caller.statistics().await.packets_sent, 1);

    caller.hangup();
    let end = |originator| SessionEvent::DidEnd { originator, end_reason: "user request".into() };
    assert_eq!(end_of(&mut caller).await, end(Originator::Local));
    assert_eq!(end_of(&mut callee).await, end(Originator::Remote));
    assert!(caller.next_event().await.is_none(), "nothing comes after the last event");
    assert_eq!(a.fake.calls().last(), Some(&FakeCall::Close));
    assert_eq!(b.fake.calls().last(), Some(&FakeCall::Close));
}

#[tokio::test]
async fn the_callee_may_hang_up_and_both_may_call_again() {
    let (a, mut b) = (Side::new(FakeBackend::g711()).await, Side::new(FakeBackend::g711()).await);
    for _ in 0..2 {
        let (mut caller, mut callee) = connected(&a, &mut b).await;
        callee.hangup();
        end_of(&mut callee).await;
        let end = end_of(&mut caller).await;
        assert!(matches!(end, SessionEvent::DidEnd { originator: Originator::Remote, .. }), "{end:?}");
    }
}

#[tokio::test]
async fn a_refusal_carries_status_and_reason() {
    let (a, mut b) = (Side::new(FakeBackend::g711()).await, Side::new(FakeBackend::g711()).await);
    let mut caller = a.application.call(&b.uri()).await.unwrap();
    let mut callee = b.called().await;
    callee.reject(486, Some("In a meeting"));
    let SessionEvent::DidFail { originator, code, reason, .. } = end_of(&mut caller).await else { panic!() };
    assert_eq!((originator, code, reason.as_str()), (Originator::Remote, 486, "In a meeting"));
    let SessionEvent::DidFail { originator, code, .. } = end_of(&mut callee).await else { panic!() };
    assert_eq!((originator, code), (Originator::Local, 486));
}

#[tokio::test]
async fn a_dropped_call_is_refused() {
    let (a, mut b) = (Side::new(FakeBackend::g711()).await, Side::new(FakeBackend::g711()).await);
    let mut caller = a.application.call(&b.uri()).await.unwrap();
    drop(b.called().await);
    let end = end_of(&mut caller).await;
    assert!(matches!(end, SessionEvent::DidFail { code: 603, .. }), "{end:?}");
}

#[tokio::test]
async fn a_call_is_cancelled_while_it_rings() {
    let (a, mut b) = (Side::new(FakeBackend::g711()).await, Side::new(FakeBackend::g711()).await);
    let mut caller = a.application.call(&b.uri()).await.unwrap();
    let mut callee = b.called().await;
    callee.ring();
    until(&mut caller, |e| matches!(e, SessionEvent::GotRingIndication)).await;
    caller.hangup();
    let SessionEvent::DidFail { originator, code, .. } = end_of(&mut caller).await else { panic!() };
    assert_eq!((originator, code), (Originator::Local, 487));
    let SessionEvent::DidFail { originator, code, .. } = end_of(&mut callee).await else { panic!() };
    assert_eq!((originator, code), (Originator::Remote, 487));
}

#[tokio::test]
async fn nothing_in_common_is_488_and_the_next_call_works() {
    let (a, mut b) = (Side::new(FakeBackend::g711()).await, Side::new(pcma_only()).await);
    let pcmu = FakeBackend::new(vec![Codec::new(0, "PCMU", MediaType::Audio, 8000)]);
    let c = Side::new(pcmu).await;
    let mut caller = c.application.call(&b.uri()).await.unwrap();
    let mut callee = b.called().await;
    callee.accept();
    let end = end_of(&mut caller).await;
    assert!(
        matches!(end, SessionEvent::DidFail { originator: Originator::Remote, code: 488, .. }),
        "{end:?}"
    );
    let SessionEvent::DidFail { failure_reason, .. } = end_of(&mut callee).await else { panic!() };
    assert_eq!(failure_reason, "offered: PCMU/8000; we have: PCMA/8000");
    connected(&a, &mut b).await;
}

#[tokio::test]
async fn hold_and_resume_reach_the_peer() {
    let (a, mut b) = (Side::new(FakeBackend::g711()).await, Side::new(FakeBackend::g711()).await);
    let (mut caller, mut callee) = connected(&a, &mut b).await;
    for (on_hold, ours, theirs) in [
        (true, StreamDirection::SEND, StreamDirection::RECV),
        (false, StreamDirection::BOTH, StreamDirection::BOTH),
    ] {
        if on_hold {
            caller.hold()
        } else {
            caller.unhold()
        }
        let change = |originator| SessionEvent::DidChangeHoldState { originator, on_hold };
        until(&mut caller, |e| *e == change(Originator::Local)).await;
        until(&mut callee, |e| *e == change(Originator::Remote)).await;
        assert_eq!((last_direction(&a.fake), last_direction(&b.fake)), (Some(ours), Some(theirs)));
    }
    callee.hangup();
    end_of(&mut caller).await;
}

#[tokio::test]
async fn a_broken_engine_fails_the_call_on_either_side() {
    let (a, mut b) = (Side::new(FakeBackend::g711()).await, Side::new(FakeBackend::g711()).await);
    a.fake.fail_next_open(MediaError::new(Fault::Network, "no port is free"));
    let mut caller = a.application.call(&b.uri()).await.unwrap();
    let SessionEvent::DidFail { failure_reason, .. } = end_of(&mut caller).await else { panic!() };
    assert!(failure_reason.contains("no port is free"), "{failure_reason}");

    b.fake.fail_next_open(MediaError::new(Fault::Construction, "element x is missing"));
    let mut caller = a.application.call(&b.uri()).await.unwrap();
    b.called().await.accept();
    let end = end_of(&mut caller).await;
    assert!(matches!(end, SessionEvent::DidFail { code: 500, .. }), "{end:?}");

    let (mut caller, mut callee) = connected(&a, &mut b).await;
    let error = MediaError::new(Fault::Internal, "the encoder broke");
    let opened = a.fake.calls().iter().filter(|c| matches!(c, FakeCall::Open(_))).count();
    a.fake.report(opened - 1, MediaEvent::Failed { error, fatal: true });
    let end = end_of(&mut caller).await;
    assert!(
        matches!(&end, SessionEvent::DidEnd { end_reason, .. } if end_reason == "the encoder broke"),
        "{end:?}"
    );
    let SessionEvent::DidEnd { end_reason, .. } = end_of(&mut callee).await else { panic!() };
    assert!(end_reason.contains("the encoder broke"), "the BYE says why: {end_reason}");
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let a = Side::new(FakeBackend::g711()).await;
    let bind = a.application.local_addr();
    let endpoint = EndpointConfig { bind, ..EndpointConfig::default() };
    let config = ApplicationConfig { endpoint, ..ApplicationConfig::default() };
    let error = Application::start(config, Arc::new(FakeBackend::g711())).await.unwrap_err();
    assert!(error.to_string().contains(&bind.to_string()), "{error}");
}

#[tokio::test]
async fn addresses_that_can_not_be_called() {
    let a = Side::new(FakeBackend::g711()).await;
    for uri in ["", "bob", "mailto:bob@example.org", "sip:"] {
        assert!(a.application.call(uri).await.is_err(), "{uri}");
    }
}

#[tokio::test]
async fn shutdown_hangs_up() {
    let (a, mut b) = (Side::new(FakeBackend::g711()).await, Side::new(FakeBackend::g711()).await);
    let (mut caller, mut callee) = connected(&a, &mut b).await;
    within(a.application.shutdown()).await;
    end_of(&mut caller).await;
    end_of(&mut callee).await;
}

#[tokio::test]
async fn bad_offers_get_their_status_and_no_session() {
    let mut b = Side::new(FakeBackend::g711()).await;
    let mut peer = Peer::new().await;
    for (body, status) in [
        (Body::sdp("hello world"), 400),
        (sdp("m=audio 4000 RTP/AVP 300\r\n"), 400),
        (Body::sdp("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"), 400),
        (sdp(""), 488),
        (sdp("m=audio 4000 RTP/SAVP 0\r\n"), 488),
        (sdp("m=audio 4000 RTP/AVP 99\r\n"), 488),
        (Body { content_type: "text/plain".into(), data: b"hello".to_vec() }, 415),
    ] {
        peer.call(&b.uri(), Some(body.clone()));
        assert_eq!(peer.refused().await, status, "{body:?}");
    }
    assert!(b.incoming.try_recv().is_err(), "no session was made");
}

#[tokio::test]
async fn a_late_offer_is_answered_in_the_ack() {
    let mut b = Side::new(FakeBackend::g711()).await;
    let mut peer = Peer::new().await;
    let id = peer.call(&b.uri(), None);
    let mut callee = b.called().await;
    callee.accept();
    let offer = peer.established().await;
    assert!(offer.contains("m=audio") && offer.contains("a=rtpmap:8 PCMA/8000"), "{offer}");
    peer.endpoint.send(Command::AckBody { id, body: sdp("m=audio 4000 RTP/AVP 8\r\n") });
    until(&mut callee, started).await;
    let sent = b.fake.calls().into_iter().any(
        |call| matches!(call, FakeCall::RemoteCandidates(list) if list[0].port == 4000 && list[1].port == 4001),
    );
    assert!(sent, "{:?}", b.fake.calls());
}

#[tokio::test]
async fn every_kind_of_hold_is_answered() {
    let mut b = Side::new(FakeBackend::g711()).await;
    let mut peer = Peer::new().await;
    let id = peer.call(&b.uri(), Some(sdp("m=audio 4000 RTP/AVP 0\r\nm=video 4002 RTP/AVP 96\r\n")));
    let mut callee = b.called().await;
    callee.accept();
    let answer = peer.established().await;
    assert!(answer.contains("m=video 0 RTP/AVP 96"), "{answer}");
    until(&mut callee, started).await;
    for (lines, answered, held) in [
        ("m=audio 4000 RTP/AVP 0\r\na=sendonly\r\nm=video 0 RTP/AVP 96\r\n", "a=recvonly", true),
        ("m=audio 4000 RTP/AVP 0\r\na=sendrecv\r\nm=video 0 RTP/AVP 96\r\n", "a=sendrecv", false),
        ("m=audio 4000 RTP/AVP 0\r\na=inactive\r\nm=video 0 RTP/AVP 96\r\n", "a=inactive", true),
        ("m=audio 4000 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\n", "a=sendrecv", false),
        ("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\nm=video 0 RTP/AVP 96\r\n", "a=recvonly", true),
    ] {
        let (status, answer) = peer.reinvited(id, lines).await;
        assert_eq!(status, 200, "{lines}");
        assert!(answer.contains(answered) && answer.contains("m=video 0"), "{lines} {answer}");
        let change = SessionEvent::DidChangeHoldState { originator: Originator::Remote, on_hold: held };
        until(&mut callee, |event| *event == change).await;
    }
}

#[tokio::test]
async fn a_bad_reinvite_leaves_the_call() {
    let mut b = Side::new(FakeBackend::g711()).await;
    let mut peer = Peer::new().await;
    let id = peer.call(&b.uri(), Some(sdp("m=audio 4000 RTP/AVP 0\r\n")));
    let mut callee = b.called().await;
    callee.accept();
    peer.established().await;
    until(&mut callee, started).await;
    assert_eq!(peer.reinvited(id, "").await.0, 400);
    assert_eq!(peer.reinvited(id, "m=audio 4000 RTP/AVP 3\r\n").await.0, 488);
    assert_eq!(peer.reinvited(id, "m=audio 5000 RTP/AVP 0\r\n").await.0, 200);
    peer.endpoint.send(Command::Hangup { id, headers: Vec::new() });
    end_of(&mut callee).await;
}

#[tokio::test]
async fn an_answer_that_does_not_fit_ends_the_call_with_a_bye() {
    let a = Side::new(FakeBackend::g711()).await;
    let mut peer = Peer::new().await;
    let mut caller = a.application.call(&format!("sip:x@{}", peer.endpoint.local_addr())).await.unwrap();
    let id = peer
        .until(|event| match event {
            Event::Incoming { id, .. } => Some(*id),
            _ => None,
        })
        .await;
    peer.endpoint.send(Command::Accept { id, body: Some(sdp("m=audio 0 RTP/AVP 0\r\n")) });
    let reason = peer
        .until(|event| match event {
            Event::Terminated { reason: TerminationReason::Bye(reason), .. } => Some(reason.clone()),
            _ => None,
        })
        .await;
    assert!(reason.is_some_and(|r| r.contains("refused the audio stream")));
    let end = end_of(&mut caller).await;
    assert!(matches!(end, SessionEvent::DidFail { code: 488, .. }), "{end:?}");
}
