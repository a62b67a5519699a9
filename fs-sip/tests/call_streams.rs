//! Streams that come and go within a call: video m-lines that we or the peer add and remove, with and without asking.

#![allow(clippy::unwrap_used)]

#[path = "support/sides.rs"]
mod sides;

use std::time::Duration;

use fs_proto::{Codec, MediaType, StreamDirection};
use fs_sip::endpoint::{Body, Command, Event};
use fs_sip::media::fake::{FakeBackend, FakeCall};
use fs_sip::media::{Fault, MediaError};
use fs_sip::session::VideoOptions;
use fs_sip::{ApplicationConfig, MediaOptions, Originator, Session, SessionEvent, StreamEvent};
use sides::{Peer, Side, connected, end_of, sdp, started, until};

const AUDIO: &str = "m=audio 4000 RTP/AVP 0\r\n";
const VIDEO: &str = "m=video 4002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n";

fn engine() -> FakeBackend {
    FakeBackend::new(vec![
        Codec::new(0, "PCMU", MediaType::Audio, 8000),
        Codec::new(96, "VP8", MediaType::Video, 90000),
    ])
}

async fn side(media: MediaOptions) -> Side {
    Side::with(engine(), ApplicationConfig { media, ..ApplicationConfig::default() }).await
}

fn asking() -> MediaOptions {
    MediaOptions { ask_for_streams: true, ..MediaOptions::default() }
}

fn with_video() -> MediaOptions {
    MediaOptions { video: Some(VideoOptions::default()), ..MediaOptions::default() }
}

/// The events of proposals up to the one that is wanted.
async fn proposals(session: &mut Session, wanted: impl Fn(&SessionEvent) -> bool) -> Vec<SessionEvent> {
    let mut seen = until(session, wanted).await;
    seen.retain(|event| {
        matches!(
            event,
            SessionEvent::NewProposal { .. }
                | SessionEvent::ProposalAccepted { .. }
                | SessionEvent::ProposalRejected { .. }
                | SessionEvent::HadProposalFailure { .. }
                | SessionEvent::DidRenegotiateStreams { .. }
        )
    });
    seen
}

fn renegotiated(event: &SessionEvent) -> bool {
    matches!(event, SessionEvent::DidRenegotiateStreams { .. })
}

fn new(originator: Originator) -> SessionEvent {
    SessionEvent::NewProposal { originator, proposed: vec![MediaType::Video] }
}

fn accepted(originator: Originator) -> SessionEvent {
    let video = vec![MediaType::Video];
    SessionEvent::ProposalAccepted { originator, accepted: video.clone(), proposed: video }
}

fn rejected(originator: Originator, code: u16, reason: &str) -> SessionEvent {
    let (reason, proposed) = (reason.to_owned(), vec![MediaType::Video]);
    SessionEvent::ProposalRejected { originator, code, reason, proposed }
}

fn added(originator: Originator) -> SessionEvent {
    SessionEvent::DidRenegotiateStreams { originator, added: vec![MediaType::Video], removed: Vec::new() }
}

fn removed(originator: Originator) -> SessionEvent {
    SessionEvent::DidRenegotiateStreams { originator, added: Vec::new(), removed: vec![MediaType::Video] }
}

/// How many streams of a kind are open.
fn open(side: &Side) -> usize {
    let calls = side.fake.calls();
    let count = |wanted: fn(&FakeCall) -> bool| calls.iter().filter(|call| wanted(call)).count();
    count(|call| matches!(call, FakeCall::Open(_))) - count(|call| *call == FakeCall::Close)
}

#[tokio::test]
async fn pictures_come_and_go_between_two_applications() {
    use Originator::{Local, Remote};
    let (a, mut b) = (side(MediaOptions::default()).await, side(asking()).await);
    let (mut caller, mut callee) = connected(&a, &mut b).await;
    for _ in 0..2 {
        caller.add_video(VideoOptions::default());
        let asked = proposals(&mut callee, |event| matches!(event, SessionEvent::NewProposal { .. })).await;
        assert_eq!(asked, [new(Remote)]);
        assert_eq!(open(&b), 1, "nothing is opened before the application has decided");
        callee.accept_proposal(VideoOptions::default());
        assert_eq!(proposals(&mut callee, renegotiated).await, [accepted(Remote), added(Remote)]);
        assert_eq!(proposals(&mut caller, renegotiated).await, [new(Local), accepted(Local), added(Local)]);
        for side in [&a, &b] {
            assert_eq!((open(side), sides::last_direction(&side.fake)), (2, Some(StreamDirection::BOTH)));
        }
        caller.remove_video();
        assert_eq!(proposals(&mut caller, renegotiated).await, [removed(Local)]);
        assert_eq!(proposals(&mut callee, renegotiated).await, [removed(Remote)]);
        assert_eq!((open(&a), open(&b)), (1, 1));
    }
    // What was refused leaves nothing behind, and the call goes on.
    caller.add_video(VideoOptions::default());
    until(&mut callee, |event| matches!(event, SessionEvent::NewProposal { .. })).await;
    callee.reject_proposal(488, None);
    let over = |event: &SessionEvent| matches!(event, SessionEvent::ProposalRejected { .. });
    assert_eq!(proposals(&mut callee, over).await, [rejected(Remote, 488, "Not Acceptable Here")]);
    assert_eq!(proposals(&mut caller, over).await, [new(Local), rejected(Local, 488, "Not Acceptable Here")]);
    assert_eq!((open(&a), open(&b)), (1, 1));
    caller.hold();
    until(&mut callee, |event| matches!(event, SessionEvent::DidChangeHoldState { on_hold: true, .. })).await;
    caller.hangup();
    end_of(&mut callee).await;
}

#[tokio::test]
async fn without_asking_the_settings_decide() {
    use Originator::{Local, Remote};
    for (media, takes) in [(with_video(), true), (MediaOptions::default(), false)] {
        let (a, mut b) = (side(MediaOptions::default()).await, side(media).await);
        let (mut caller, mut callee) = connected(&a, &mut b).await;
        caller.add_video(VideoOptions::default());
        if takes {
            assert_eq!(proposals(&mut callee, renegotiated).await, [added(Remote)]);
            assert_eq!(
                proposals(&mut caller, renegotiated).await,
                [new(Local), accepted(Local), added(Local)]
            );
        } else {
            let over = |event: &SessionEvent| matches!(event, SessionEvent::ProposalAccepted { .. });
            let proposed = vec![MediaType::Video];
            let none = SessionEvent::ProposalAccepted { originator: Local, accepted: Vec::new(), proposed };
            assert_eq!(proposals(&mut caller, over).await, [new(Local), none]);
        }
        let streams = if takes { 2 } else { 1 };
        assert_eq!((open(&a), open(&b)), (streams, streams));
        callee.hangup();
        end_of(&mut caller).await;
    }
}

#[tokio::test]
async fn a_stream_that_can_not_be_opened_leaves_the_call() {
    let (a, mut b) = (side(MediaOptions::default()).await, side(with_video()).await);
    let (mut caller, _callee) = connected(&a, &mut b).await;
    a.fake.fail_next_open(MediaError::new(Fault::Network, "no port is left"));
    caller.add_video(VideoOptions::default());
    let failed = |event: &SessionEvent| matches!(event, SessionEvent::HadProposalFailure { .. });
    let failure = |why: &str| SessionEvent::HadProposalFailure {
        originator: Originator::Local,
        failure_reason: why.to_owned(),
        proposed: vec![MediaType::Video],
    };
    assert_eq!(proposals(&mut caller, failed).await, [failure("no port is left")]);
    caller.add_video(VideoOptions::default());
    until(&mut caller, renegotiated).await;
    caller.add_video(VideoOptions::default());
    assert_eq!(proposals(&mut caller, failed).await, [failure("there is a video stream already")]);
}

#[tokio::test]
async fn a_refused_stream_is_closed_and_offered_no_more() {
    let (a, mut b) = (side(with_video()).await, side(MediaOptions::default()).await);
    let mut caller = a.application.call(&b.uri()).await.unwrap();
    let mut callee = b.called().await;
    callee.accept();
    let seen = until(&mut caller, started).await;
    let ended = |event: &SessionEvent| {
        matches!(event, SessionEvent::Stream(StreamEvent::DidEnd { kind: MediaType::Video, .. }))
    };
    assert!(seen.iter().any(ended), "{seen:?}");
    assert!(!seen.iter().any(renegotiated), "the call began so: {seen:?}");
    until(&mut callee, started).await;
    assert_eq!(open(&a), 1);
}

fn text(body: &Option<Body>) -> String {
    body.as_ref().map(|body| String::from_utf8(body.data.clone()).unwrap()).unwrap_or_default()
}

/// Our offer to a peer in a standing call.
async fn offer_to(peer: &mut Peer) -> String {
    peer.until(|event| match event {
        Event::Reinvite { body, .. } => Some(text(body)),
        _ => None,
    })
    .await
}

/// The status of the peer's re-INVITE, and our answer.
async fn answer_to(peer: &mut Peer) -> (u16, String) {
    peer.until(|event| match event {
        Event::ReinviteResult { status, body, .. } => Some((*status, text(body))),
        _ => None,
    })
    .await
}

fn ports(description: &str) -> Vec<&str> {
    let lines = description.lines().filter_map(|line| line.strip_prefix("m="));
    lines.map(|line| line.split(' ').nth(1).unwrap()).collect()
}

#[tokio::test]
async fn the_m_line_of_a_removed_stream_stays_and_is_used_again() {
    let mut side = side(asking()).await;
    let mut peer = Peer::new().await;
    let id = peer.call(&side.uri(), Some(sdp(AUDIO)));
    let mut callee = side.called().await;
    callee.accept();
    peer.established().await;
    until(&mut callee, started).await;
    callee.add_video(VideoOptions { bandwidth: Some(200_000), ..VideoOptions::default() });
    let offer = offer_to(&mut peer).await;
    assert_eq!(ports(&offer).len(), 2, "{offer}");
    assert!(offer.contains("m=video") && offer.contains("b=TIAS:200000"), "{offer}");
    let answer = |body: Body| Command::AnswerReinvite { id, status: 200, reason: None, body: Some(body) };
    peer.endpoint.send(answer(sdp(&format!("{AUDIO}{VIDEO}"))));
    until(&mut callee, renegotiated).await;
    callee.remove_video();
    let offer = offer_to(&mut peer).await;
    assert_eq!((ports(&offer).len(), ports(&offer)[1]), (2, "0"), "{offer}");
    assert!(!offer.contains("TIAS") && !offer.contains("rtpmap:96"), "{offer}");
    peer.endpoint.send(answer(sdp(&format!("{AUDIO}m=video 0 RTP/AVP 96\r\n"))));
    until(&mut callee, renegotiated).await;
    callee.add_video(VideoOptions::default());
    let offer = offer_to(&mut peer).await;
    assert_eq!(ports(&offer).len(), 2, "{offer}");
    assert_ne!(ports(&offer)[1], "0", "{offer}");
    peer.endpoint.send(answer(sdp(&format!("{AUDIO}{VIDEO}"))));
    until(&mut callee, renegotiated).await;
    // The peer takes it away, too.
    let without = sdp(&format!("{AUDIO}m=video 0 RTP/AVP 96\r\n"));
    peer.endpoint.send(Command::Reinvite { id, body: Some(without) });
    let (status, answer) = answer_to(&mut peer).await;
    assert_eq!((status, ports(&answer)[1]), (200, "0"), "{answer}");
    assert_eq!(proposals(&mut callee, renegotiated).await, [removed(Originator::Remote)]);
    assert_eq!(open(&side), 1);
}

#[tokio::test]
async fn a_proposal_that_is_refused_or_taken_back_changes_nothing() {
    let mut side = side(asking()).await;
    let mut peer = Peer::new().await;
    let id = peer.call(&side.uri(), Some(sdp(AUDIO)));
    let mut callee = side.called().await;
    callee.accept();
    peer.established().await;
    until(&mut callee, started).await;
    let more = || Some(sdp(&format!("{AUDIO}{VIDEO}")));
    peer.endpoint.send(Command::Reinvite { id, body: more() });
    until(&mut callee, |event| matches!(event, SessionEvent::NewProposal { .. })).await;
    // What is wanted meanwhile waits.
    callee.hold();
    callee.reject_proposal(603, Some("not now"));
    assert_eq!(answer_to(&mut peer).await.0, 603);
    let over = |event: &SessionEvent| matches!(event, SessionEvent::ProposalRejected { .. });
    assert_eq!(proposals(&mut callee, over).await, [rejected(Originator::Remote, 603, "not now")]);
    assert_eq!(open(&side), 1);
    let held = offer_to(&mut peer).await;
    assert!(held.contains("a=sendonly") && ports(&held).len() == 1, "{held}");
    let answer = Some(sdp(AUDIO));
    peer.endpoint.send(Command::AnswerReinvite { id, status: 200, reason: None, body: answer });
    until(&mut callee, |event| matches!(event, SessionEvent::DidChangeHoldState { .. })).await;
    // The peer takes the next one back, and an answer that comes too late is none.
    peer.endpoint.send(Command::Reinvite { id, body: more() });
    until(&mut callee, |event| matches!(event, SessionEvent::NewProposal { .. })).await;
    peer.endpoint.send(Command::CancelReinvite { id });
    assert_eq!(answer_to(&mut peer).await.0, 487);
    assert_eq!(proposals(&mut callee, over).await, [rejected(Originator::Remote, 487, "Request Terminated")]);
    callee.accept_proposal(VideoOptions::default());
    peer.endpoint.send(Command::Reinvite { id, body: Some(sdp(AUDIO)) });
    let (status, answer) = answer_to(&mut peer).await;
    assert_eq!((status, ports(&answer).len()), (200, 1), "{answer}");
}

#[tokio::test]
async fn a_proposal_of_ours_can_be_taken_back() {
    use Originator::{Local, Remote};
    let (a, mut b) = (side(MediaOptions::default()).await, side(asking()).await);
    let (mut caller, mut callee) = connected(&a, &mut b).await;
    caller.cancel_proposal();
    caller.add_video(VideoOptions::default());
    until(&mut callee, |event| matches!(event, SessionEvent::NewProposal { .. })).await;
    caller.cancel_proposal();
    let over = |event: &SessionEvent| matches!(event, SessionEvent::ProposalRejected { .. });
    assert_eq!(proposals(&mut callee, over).await, [rejected(Remote, 487, "Request Terminated")]);
    assert_eq!(proposals(&mut caller, over).await, [new(Local), rejected(Local, 487, "Request Terminated")]);
    assert_eq!((open(&a), open(&b)), (1, 1));
    // The next one goes its way.
    caller.add_video(VideoOptions::default());
    until(&mut callee, |event| matches!(event, SessionEvent::NewProposal { .. })).await;
    callee.accept_proposal(VideoOptions::default());
    assert_eq!(proposals(&mut caller, renegotiated).await, [new(Local), accepted(Local), added(Local)]);
}

#[tokio::test]
async fn a_proposal_that_nobody_decides_is_refused() {
    use Originator::{Local, Remote};
    let (a, mut b) = (side(MediaOptions::default()).await, side(asking()).await);
    let (mut caller, mut callee) = connected(&a, &mut b).await;
    caller.add_video(VideoOptions::default());
    until(&mut callee, |event| matches!(event, SessionEvent::NewProposal { .. })).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(29)).await;
    tokio::time::resume();
    let early = tokio::time::timeout(Duration::from_millis(300), callee.next_event()).await;
    assert!(early.is_err(), "the application has 30 s: {early:?}");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(1)).await;
    tokio::time::resume();
    let over = |event: &SessionEvent| matches!(event, SessionEvent::ProposalRejected { .. });
    assert_eq!(proposals(&mut callee, over).await, [rejected(Remote, 488, "Not Acceptable Here")]);
    assert_eq!(proposals(&mut caller, over).await, [new(Local), rejected(Local, 488, "Not Acceptable Here")]);
    assert_eq!((open(&a), open(&b)), (1, 1));
}
