//! What calls can do beyond the plain ones: digits by INFO, reasons (RFC 3326), identities and privacy (RFC 3325, RFC 3323),
//! Retry-After, sips, messages, how long an answer may take.

#![allow(clippy::unwrap_used)]

#[path = "support/sides.rs"]
mod sides;

use std::time::{Duration, Instant};

use fs_sip::endpoint::{
    Body, Command, EndpointConfig, EndpointCore, Event, Input, InviteId, Output, RequestId,
};
use fs_sip::media::fake::{FakeBackend, FakeCall};
use fs_sip::session::DigitWay;
use fs_sip::transport::{Local, Peer as Address, Protocol};
use fs_sip::wire::{Message, Method, NameAddr, parse_datagram};
use fs_sip::{
    ApplicationConfig, CallOptions, MediaOptions, Originator, Refusal, Session, SessionEvent, StreamEvent,
};
use sides::{Peer, Side, end_of, sdp, started, until};

/// An application in a standing call with a bare endpoint that called it.
async fn called_by_peer(side: &mut Side) -> (Session, Peer, InviteId) {
    let mut peer = Peer::new().await;
    let id = peer.call(&side.uri(), Some(sdp("m=audio 4000 RTP/AVP 0\r\n")));
    let mut callee = side.called().await;
    callee.accept();
    peer.established().await;
    until(&mut callee, started).await;
    (callee, peer, id)
}

fn digit(event: &SessionEvent) -> Option<char> {
    match event {
        SessionEvent::Stream(StreamEvent::GotDtmf { digit }) => Some(*digit),
        _ => None,
    }
}

#[tokio::test]
async fn digits_come_in_by_info() {
    let mut side = Side::new(FakeBackend::g711()).await;
    let (mut callee, mut peer, id) = called_by_peer(&mut side).await;
    for (content_type, data, expected) in [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", Some('5')),
        ("application/dtmf", "#", Some('#')),
        ("application/dtmf-relay", "Signal=flash\r\n", None),
        ("application/dtmf-relay", "Signal=*\r\n", Some('*')),
    ] {
        peer.endpoint
            .send(Command::Info { id, body: Body { content_type: content_type.into(), data: data.into() } });
        assert_eq!(info_result(&mut peer).await, 200);
        if expected.is_some() {
            let event = until(&mut callee, |e| digit(e).is_some()).await.pop().unwrap();
            assert_eq!(digit(&event), expected);
        }
    }
    peer.endpoint
        .send(Command::Info { id, body: Body { content_type: "text/plain".into(), data: b"5".to_vec() } });
    assert_eq!(info_result(&mut peer).await, 415);
}

async fn info_result(peer: &mut Peer) -> u16 {
    peer.until(|event| match event {
        Event::InfoResult { status, .. } => Some(*status),
        _ => None,
    })
    .await
}

async fn informed(peer: &mut Peer) -> String {
    peer.until(|event| match event {
        Event::Info { body, .. } => {
            assert_eq!(body.content_type, "application/dtmf-relay");
            Some(String::from_utf8(body.data.clone()).unwrap())
        }
        _ => None,
    })
    .await
}

#[tokio::test]
async fn digits_go_out_by_info_where_they_must() {
    for way in [DigitWay::Any, DigitWay::Info, DigitWay::Events] {
        let media = MediaOptions { digits: way, ..MediaOptions::default() };
        let config = ApplicationConfig { media, ..ApplicationConfig::default() };
        let mut side = Side::with(FakeBackend::g711(), config).await;
        let (mut callee, mut peer, id) = called_by_peer(&mut side).await;
        if way == DigitWay::Any {
            side.fake.refuse_digits();
        }
        callee.send_digits("4#").unwrap();
        if way == DigitWay::Events {
            // In the stream.
            while side.fake.calls().iter().filter(|c| **c == FakeCall::DigitEnd).count() < 2 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        } else {
            assert!(informed(&mut peer).await.starts_with("Signal=4\r\nDuration=160"));
            assert!(informed(&mut peer).await.starts_with("Signal=#\r\n"));
            let in_stream = side.fake.calls().iter().any(|c| matches!(c, FakeCall::Digit(_)));
            assert!(!in_stream, "{way:?}");
        }
        peer.endpoint.send(Command::Hangup { id, headers: Vec::new() });
        end_of(&mut callee).await;
    }
}

#[tokio::test]
async fn reasons_are_told_in_words() {
    let mut side = Side::new(FakeBackend::g711()).await;
    for (value, words) in [
        ("SIP;cause=200;text=\"Call completed elsewhere\"", "Call completed elsewhere"),
        ("SIP;cause=486", "Busy Here"),
        ("nonsense;;", "nonsense;;"),
    ] {
        let headers = vec![("Reason".to_owned(), value.to_owned())];
        let (mut callee, peer, id) = called_by_peer(&mut side).await;
        peer.endpoint.send(Command::Hangup { id, headers: headers.clone() });
        let SessionEvent::DidEnd { end_reason, .. } = end_of(&mut callee).await else { panic!() };
        assert_eq!(end_reason, words);
        // The same for a call that is taken back.
        let mut peer = Peer::new().await;
        let id = peer.call(&side.uri(), Some(sdp("m=audio 4000 RTP/AVP 0\r\n")));
        let mut callee = side.called().await;
        callee.ring();
        peer.until(|e| matches!(e, Event::Progress { .. }).then_some(())).await;
        peer.endpoint.send(Command::Hangup { id, headers });
        let SessionEvent::DidFail { failure_reason, .. } = end_of(&mut callee).await else { panic!() };
        assert_eq!(failure_reason, words);
    }
}

#[tokio::test]
async fn a_busy_peer_says_when_to_try_again() {
    let side = Side::new(FakeBackend::g711()).await;
    let mut peer = Peer::new().await;
    for (headers, expected) in [
        (
            vec![("Retry-After".to_owned(), "120 (lunch);duration=60".to_owned())],
            Some(Duration::from_secs(120)),
        ),
        (Vec::new(), None),
    ] {
        let mut caller = side.application.call(&peer.uri()).await.unwrap();
        let (id, _) = peer.called().await;
        peer.endpoint.send(Command::Reject { id, status: 486, reason: None, headers });
        let SessionEvent::DidFail { retry_after, .. } = end_of(&mut caller).await else { panic!() };
        assert_eq!(retry_after, expected);
    }
}

#[tokio::test]
async fn an_anonymous_call_tells_its_network_alone() {
    let config = ApplicationConfig {
        identity: Some(NameAddr::parse("\"Alice\" <sip:alice@example.org>").unwrap()),
        ..ApplicationConfig::default()
    };
    let side = Side::with(FakeBackend::g711(), config).await;
    let mut peer = Peer::new().await;
    let options = CallOptions { anonymous: true, ..CallOptions::default() };
    let _call = side.application.call_with(&peer.uri(), options).await.unwrap();
    let (from, headers) = peer
        .until(|event| match event {
            Event::Incoming { from, headers, .. } => Some((from.clone(), headers.clone())),
            _ => None,
        })
        .await;
    let of = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    assert_eq!(from.uri.to_string(), "sip:anonymous@anonymous.invalid");
    assert_eq!(from.display_name.as_deref(), Some("Anonymous"));
    assert_eq!(of("Privacy"), Some("id"));
    assert_eq!(of("P-Preferred-Identity"), Some("\"Alice\" <sip:alice@example.org>"));
    let elsewhere = ["From", "Contact", "User-Agent"].map(|n| of(n).unwrap_or_default().to_lowercase());
    assert!(!elsewhere.concat().contains("alice@"), "{elsewhere:?}");
}

#[tokio::test]
async fn what_the_network_says_of_a_caller_is_told() {
    let mut side = Side::new(FakeBackend::g711()).await;
    let peer = Peer::new().await;
    let id = peer.endpoint.new_invite_id();
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    peer.endpoint.send(Command::Invite {
        id,
        target: NameAddr::parse(&side.uri()).unwrap().uri,
        from: NameAddr::parse("sip:anonymous@anonymous.invalid").unwrap(),
        to: None,
        headers: vec![
            header("P-Asserted-Identity", "\"Bob\" <sip:bob@example.org>"),
            header("P-Asserted-Identity", "<tel:+123>"),
            header("Privacy", "id;critical"),
        ],
        body: Some(sdp("m=audio 4000 RTP/AVP 0\r\n")),
    });
    let called = side.called().await;
    let identities: Vec<_> = called.info().asserted_identity().iter().map(|i| i.uri.to_string()).collect();
    assert_eq!(identities, ["sip:bob@example.org", "tel:+123"]);
    assert!(called.info().privacy().unwrap().asks_for("id"));
}

/// RFC 6157 section 4.2.
#[tokio::test]
async fn addresses_of_a_family_that_we_have_not_are_refused() {
    let mut side = Side::new(FakeBackend::g711()).await;
    let mut peer = Peer::new().await;
    let ours =
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
    let other = ours.replace("IP4 127.0.0.1", "IP6 ::1");
    peer.call(&side.uri(), Some(Body::sdp(other.clone())));
    let mut callee = side.called().await;
    callee.accept();
    assert_eq!(peer.refused().await, 488);
    let SessionEvent::DidFail { code, failure_reason, .. } = end_of(&mut callee).await else { panic!() };
    assert_eq!((code, failure_reason.as_str()), (488, "the audio stream has IPv6, we have IPv4"));
    // In a call, only the change is refused.
    let (_callee, mut peer, id) = called_by_peer(&mut side).await;
    peer.endpoint.send(Command::Reinvite { id, body: Some(Body::sdp(other.clone())) });
    let status = |event: &Event| match event {
        Event::ReinviteResult { status, .. } => Some(*status),
        _ => None,
    };
    assert_eq!(peer.until(status).await, 488);
    peer.endpoint.send(Command::Reinvite { id, body: Some(Body::sdp(ours)) });
    assert_eq!(peer.until(status).await, 200);
    // In an answer, there is no call.
    let mut peer = Peer::new().await;
    let mut caller = side.application.call(&peer.uri()).await.unwrap();
    let (id, _) = peer.called().await;
    peer.endpoint.send(Command::Accept { id, body: Some(Body::sdp(other)) });
    let end = end_of(&mut caller).await;
    assert!(matches!(end, SessionEvent::DidFail { code: 488, .. }), "{end:?}");
}

/// What an endpoint that accepts all answers to an INVITE that came over this way: status, reason and Contact.
fn answer(protocol: Protocol, uri: &str, contact: &str) -> (u16, String, String) {
    let mut core = EndpointCore::new(EndpointConfig::default(), [0; 32]);
    let data = format!(
        "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/{} 192.0.2.2;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
         From: <sip:y@h>;tag=1\r\nTo: <{uri}>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContact: <{contact}>\r\n\r\n",
        protocol.token()
    );
    let source = Address { protocol, ..Address::udp("192.0.2.2:5061".parse().unwrap()) };
    let local = Local { protocol, ..Local::udp("192.0.2.1:5061".parse().unwrap()) };
    core.handle(Instant::now(), Input::Message { data: data.as_bytes(), source, local });
    let mut last = (0, String::new(), String::new());
    while let Some(output) = core.poll_output() {
        match output {
            Output::Event(Event::Incoming { id, .. }) => {
                core.handle(Instant::now(), Input::Command(Command::Accept { id, body: None }));
            }
            Output::Transmit(transmit) => {
                let Ok(fs_sip::wire::Datagram::Message(message)) = parse_datagram(&transmit.data) else {
                    panic!()
                };
                let Message::Response(response) = *message else { panic!() };
                let contact = response.headers.text("Contact").unwrap_or_default().into_owned();
                last = (response.status, response.reason, contact);
            }
            _ => {}
        }
    }
    last
}

#[test]
fn sips_is_taken_over_tls_alone() {
    for protocol in [Protocol::Udp, Protocol::Tcp, Protocol::Ws] {
        let (status, reason, _) = answer(protocol, "sips:x@h", "sips:y@192.0.2.2");
        assert_eq!((status, reason.contains("TLS")), (400, true), "{protocol:?}");
    }
    let (status, reason, _) = answer(Protocol::Tls, "sips:x@h", "sip:y@192.0.2.2");
    assert_eq!((status, reason.contains("sips: Contact")), (400, true), "{reason}");
    // Their sips: asks for a sips: Contact in the answer.
    let (status, _, contact) = answer(Protocol::Tls, "sips:x@h", "sips:y@192.0.2.2");
    assert_eq!((status, contact.starts_with("<sips:")), (200, true), "{contact}");
    let (status, _, contact) = answer(Protocol::Udp, "sip:x@h", "sip:y@192.0.2.2");
    assert_eq!((status, contact.starts_with("<sip:")), (200, true), "{contact}");
}

#[tokio::test]
async fn an_info_outside_calls_reaches_nobody() {
    let side = Side::new(FakeBackend::g711()).await;
    let mut peer = Peer::new().await;
    let target = NameAddr::parse(&side.uri()).unwrap().uri;
    let from = NameAddr::parse(&peer.uri()).unwrap();
    let (id, headers) = (RequestId(1), Vec::new());
    peer.endpoint.send(Command::Request {
        id,
        method: Method::Info,
        target,
        from,
        to: None,
        headers,
        body: None,
    });
    let status = peer
        .until(|event| match event {
            Event::Answered { status, .. } => Some(*status),
            _ => None,
        })
        .await;
    assert_eq!(status, 481);
}

#[tokio::test]
async fn a_refusal_of_ours_says_when_to_try_again() {
    let mut side = Side::new(FakeBackend::g711()).await;
    let mut peer = Peer::new().await;
    let headers =
        vec![("Warning".to_owned(), "399 here \"at lunch\"".to_owned()), ("Via".into(), "x".into())];
    let refusal = Refusal {
        status: 480,
        reason: Some("At lunch".into()),
        retry_after: Some(Duration::from_millis(90_500)),
        headers,
    };
    for (refusal, expected) in [
        (refusal, (480, "At lunch", Some(90))),
        (Refusal::default(), (603, "Decline", None)),
        (Refusal { status: 200, ..Refusal::default() }, (603, "Decline", None)),
    ] {
        peer.call(&side.uri(), Some(sdp("m=audio 4000 RTP/AVP 0\r\n")));
        let call = side.called().await;
        call.reject_with(refusal);
        let (status, reason, retry_after) = peer
            .until(|event| match event {
                Event::Failed { status, reason, retry_after, .. } => {
                    Some((*status, reason.clone(), *retry_after))
                }
                _ => None,
            })
            .await;
        assert_eq!((status, reason.as_str(), retry_after), expected);
    }
}

#[tokio::test]
async fn messages_go_both_ways_inside_a_call() {
    let (a, mut b) = (Side::new(FakeBackend::g711()).await, Side::new(FakeBackend::g711()).await);
    let (mut caller, mut callee) = sides::connected(&a, &mut b).await;
    for text in ["one", "two", "three"] {
        caller.send_message("text/plain;charset=utf-8", text.as_bytes());
    }
    for text in ["one", "two", "three"] {
        let seen = until(&mut callee, |e| matches!(e, SessionEvent::GotMessage { .. })).await;
        let Some(SessionEvent::GotMessage { content_type, data, headers }) = seen.last() else { panic!() };
        assert_eq!((content_type.as_str(), data.as_slice()), ("text/plain;charset=utf-8", text.as_bytes()));
        assert!(headers.iter().any(|(name, value)| name == "CSeq" && value.ends_with("MESSAGE")));
        let sent = |e: &SessionEvent| matches!(e, SessionEvent::DidSendMessage { code: 200, .. });
        until(&mut caller, sent).await;
    }
    callee.send_message("text/plain", b"back");
    until(&mut caller, |e| matches!(e, SessionEvent::GotMessage { data, .. } if data == b"back")).await;
}

#[tokio::test]
async fn a_message_that_the_peer_does_not_take_is_told() {
    let side = Side::new(FakeBackend::g711()).await;
    let config = EndpointConfig { call_messages: false, ..EndpointConfig::default() };
    let mut peer = Peer::with(config).await;
    let mut caller = side.application.call(&peer.uri()).await.unwrap();
    let (id, _) = peer.called().await;
    caller.send_message("text/plain", b"too early: it is not sent");
    peer.endpoint.send(Command::Accept { id, body: Some(sdp("m=audio 4000 RTP/AVP 0\r\n")) });
    until(&mut caller, started).await;
    caller.send_message("text/plain", b"hello");
    let seen = until(&mut caller, |e| matches!(e, SessionEvent::DidSendMessage { .. })).await;
    assert!(matches!(seen.last(), Some(SessionEvent::DidSendMessage { code: 405, .. })), "{seen:?}");
    caller.hangup();
    let SessionEvent::DidEnd { .. } = end_of(&mut caller).await else { panic!("the call went on") };
}

/// `sip.invite_timeout`; the callee is told too (Expires, RFC 3261 section 13.2.1).
#[tokio::test]
async fn a_call_that_nobody_answers_in_time_is_given_up() {
    let side = Side::new(FakeBackend::g711()).await;
    let mut peer = Peer::new().await;
    let options = CallOptions { invite_timeout: Some(Duration::from_millis(700)), ..CallOptions::default() };
    let mut caller = side.application.call_with(&peer.uri(), options).await.unwrap();
    let (id, expires) = peer
        .until(|event| match event {
            Event::Incoming { id, headers, .. } => {
                Some((*id, headers.iter().find(|(n, _)| n == "Expires").map(|(_, v)| v.clone())))
            }
            _ => None,
        })
        .await;
    assert_eq!(expires.as_deref(), Some("1"));
    peer.endpoint.send(Command::Provisional { id, status: 180, reason: None, body: None });
    let SessionEvent::DidFail { originator, code, failure_reason, .. } = end_of(&mut caller).await else {
        panic!("it was answered")
    };
    assert_eq!((originator, code, failure_reason.as_str()), (Originator::Local, 408, "timeout"));
    let reason = peer
        .until(|event| match event {
            Event::Cancelled { reason, .. } => Some(reason.clone()),
            _ => None,
        })
        .await;
    assert_eq!(reason.as_deref(), Some("SIP;cause=408;text=\"no answer\""));
}

/// The way an address asks for is its own, with brackets around it or without.
#[tokio::test]
async fn an_address_is_called_by_the_way_it_asks_for() {
    let side = Side::new(FakeBackend::g711()).await;
    let mut peer = Peer::new().await;
    for target in [format!("{};transport=tcp", peer.uri()), format!("Bob <{};transport=tcp>", peer.uri())] {
        let _call = side.application.call(&target).await.unwrap();
        let via = peer
            .until(|event| match event {
                Event::Incoming { headers, .. } => {
                    headers.iter().find(|(name, _)| name == "Via").map(|(_, via)| via.clone())
                }
                _ => None,
            })
            .await;
        assert!(via.starts_with("SIP/2.0/TCP"), "{target}: {via}");
    }
}
