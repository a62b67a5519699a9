//! Transfers between applications on loopback (RFC 3515, RFC 5589, RFC 4488), and what a peer may get wrong about them.

#![allow(clippy::unwrap_used)]

#[path = "support/sides.rs"]
mod sides;

use fs_sip::endpoint::{Command, Event, InviteId, ReferTarget};
use fs_sip::media::fake::FakeBackend;
use fs_sip::wire::NameAddr;
use fs_sip::{InviteError, SessionEvent, Transfer};
use sides::{Peer, Side, connected, end_of, sdp, started, until, within};

async fn side() -> Side {
    Side::new(FakeBackend::g711()).await
}

fn asked(event: &SessionEvent) -> bool {
    matches!(event, SessionEvent::TransferNewIncoming { .. })
}

/// The events of a transfer among those that came.
fn of_transfer(events: &[SessionEvent]) -> Vec<String> {
    let told = |event: &SessionEvent| match event {
        SessionEvent::TransferNewOutgoing => Some("new".to_owned()),
        SessionEvent::TransferDidStart => Some("start".to_owned()),
        SessionEvent::TransferGotProgress { code, .. } => Some(code.to_string()),
        SessionEvent::TransferDidEnd => Some("end".to_owned()),
        SessionEvent::TransferDidFail { code, .. } => Some(format!("fail {code}")),
        _ => None,
    };
    events.iter().filter_map(told).collect()
}

#[tokio::test]
async fn a_blind_transfer_moves_the_peer_and_ends_the_call() {
    let (a, mut b, mut c) = (side().await, side().await, side().await);
    let (mut caller, mut callee) = connected(&a, &mut b).await;
    caller.transfer(Transfer::to(&c.uri()).unwrap());
    let told = until(&mut callee, asked).await.pop().unwrap();
    let SessionEvent::TransferNewIncoming { destination, referred_by } = told else { panic!() };
    assert_eq!(destination.uri.to_string(), c.uri());
    assert!(referred_by.unwrap().uri.same_user(&a.application.identity().uri));

    let mut new = within(b.application.accept_transfer(&callee.control())).await.unwrap();
    let mut third = c.called().await;
    assert_eq!(third.info().referred_by().unwrap().uri, a.application.identity().uri);
    third.ring();
    until(&mut new, |e| matches!(e, SessionEvent::GotRingIndication)).await;
    third.accept();
    until(&mut new, started).await;
    until(&mut third, started).await;

    let events = until(&mut caller, SessionEvent::is_last).await;
    assert_eq!(of_transfer(&events), ["new", "start", "100", "180", "200", "end"]);
    let events = until(&mut callee, SessionEvent::is_last).await;
    assert_eq!(of_transfer(&events), ["start", "180", "end"]);
    assert!(matches!(events.last(), Some(SessionEvent::DidEnd { .. })), "{events:?}");
    new.hangup();
    end_of(&mut third).await;
}

#[tokio::test]
async fn an_attended_transfer_takes_the_place_of_a_call() {
    let (a, mut b, mut c) = (side().await, side().await, side().await);
    let (mut first, mut callee) = connected(&a, &mut b).await;
    let (mut consultation, mut third) = connected(&a, &mut c).await;
    first.hold();
    first.transfer(Transfer::to_peer_of(&consultation.control()));
    until(&mut callee, asked).await;
    let mut new = within(b.application.accept_transfer(&callee.control())).await.unwrap();
    let mut replacing = c.called().await;
    assert_eq!(replacing.info().replaces, Some(third.id()));
    replacing.accept();
    until(&mut new, started).await;
    until(&mut replacing, started).await;
    // Both calls of the transferor end, and the one that was replaced.
    for call in [&mut first, &mut consultation, &mut callee, &mut third] {
        let end = end_of(call).await;
        assert!(matches!(end, SessionEvent::DidEnd { .. }), "{end:?}");
    }
    new.hangup();
    end_of(&mut replacing).await;
}

#[tokio::test]
async fn a_transfer_that_fails_leaves_the_call() {
    let (a, mut b, mut c) = (side().await, side().await, side().await);
    let (mut caller, mut callee) = connected(&a, &mut b).await;
    // Refused by the application.
    caller.transfer(Transfer::to(&c.uri()).unwrap());
    until(&mut callee, asked).await;
    callee.reject_transfer(486, None);
    let failed = |e: &SessionEvent| matches!(e, SessionEvent::TransferDidFail { .. });
    assert_eq!(of_transfer(&until(&mut caller, failed).await), ["new", "fail 486"]);
    assert_eq!(of_transfer(&until(&mut callee, failed).await), ["fail 486"]);
    let nothing = b.application.accept_transfer(&callee.control()).await;
    assert!(matches!(nothing, Err(InviteError::NoTransfer)), "{nothing:?}");
    // Refused by whom it leads to.
    caller.transfer(Transfer::to(&c.uri()).unwrap());
    until(&mut callee, asked).await;
    let mut new = within(b.application.accept_transfer(&callee.control())).await.unwrap();
    c.called().await.reject(404, None);
    end_of(&mut new).await;
    assert_eq!(of_transfer(&until(&mut caller, failed).await), ["new", "start", "100", "404", "fail 404"]);
    assert_eq!(of_transfer(&until(&mut callee, failed).await), ["start", "fail 404"]);
    // Both calls still stand.
    caller.hold();
    let held = |e: &SessionEvent| matches!(e, SessionEvent::DidChangeHoldState { .. });
    until(&mut callee, held).await;
}

#[tokio::test]
async fn a_transfer_without_subscription_ends_at_its_answer() {
    let (a, mut b, c) = (side().await, side().await, side().await);
    let (mut caller, mut callee) = connected(&a, &mut b).await;
    caller.transfer(Transfer::to(&c.uri()).unwrap().unwatched());
    until(&mut callee, asked).await;
    within(b.application.accept_transfer(&callee.control())).await.unwrap();
    let ended = |e: &SessionEvent| matches!(e, SessionEvent::TransferDidEnd);
    assert_eq!(of_transfer(&until(&mut caller, ended).await), ["new", "start", "end"]);
    assert!(caller.statistics().await.packets_sent > 0, "the call goes on");
}

#[tokio::test]
async fn what_can_not_be_followed_is_refused_without_the_application() {
    let mut b = side().await;
    let mut peer = Peer::new().await;
    let id = peer.call(&b.uri(), Some(sdp("m=audio 4000 RTP/AVP 0\r\n")));
    let mut callee = b.called().await;
    callee.accept();
    peer.established().await;
    until(&mut callee, started).await;
    for (target, status) in
        [("<mailto:c@h>", 416), ("<sip:c@h;method=BYE>", 603), ("<sip:c@h?Replaces=nonsense>", 400)]
    {
        assert_eq!(refer(&mut peer, id, target).await, status, "{target}");
    }
    assert!(matches!(b.application.accept_transfer(&callee.control()).await, Err(InviteError::NoTransfer)));
    // The call ends while the application has not decided.
    peer.endpoint.send(Command::Refer {
        id,
        target: ReferTarget::Address(NameAddr::parse("sip:c@127.0.0.1:9").unwrap()),
        subscribe: true,
        headers: Vec::new(),
    });
    until(&mut callee, asked).await;
    peer.endpoint.send(Command::Hangup { id, headers: Vec::new() });
    end_of(&mut callee).await;
    assert!(matches!(b.application.accept_transfer(&callee.control()).await, Err(InviteError::NoTransfer)));
}

async fn refer(peer: &mut Peer, id: InviteId, target: &str) -> u16 {
    let target = ReferTarget::Address(NameAddr::parse(target).unwrap());
    peer.endpoint.send(Command::Refer { id, target, subscribe: true, headers: Vec::new() });
    peer.until(|event| match event {
        Event::ReferResult { status, .. } => Some(*status),
        _ => None,
    })
    .await
}
