//! What a call carries: encryption, digits, pictures, ICE, header extensions and limits, between two applications and
//! from a peer that says what no application of ours would say. The media engine is the fake one, which notes what it
//! is told.

#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fs_proto::srtp::{CryptoAttribute, CryptoSuite};
use fs_proto::{Codec, MediaType, RtpHeaderExtension, SrtpParameters, StreamDirection};
use fs_sip::endpoint::{Body, Command, Endpoint, EndpointConfig, Event, InviteId};
use fs_sip::media::Transmitter;
use fs_sip::media::fake::{FakeBackend, FakeCall};
use fs_sip::sdp::SrtpPolicy;
use fs_sip::session::{IceOptions, VideoOptions};
use fs_sip::wire::NameAddr;
use fs_sip::{Application, ApplicationConfig, MediaOptions, Session, SessionEvent, StreamEvent};
use tokio::sync::mpsc::{Receiver, UnboundedReceiver};

const LIMIT: Duration = Duration::from_secs(20);

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.expect("it happens in time")
}

fn engine() -> FakeBackend {
    FakeBackend::new(vec![
        Codec::new(0, "PCMU", MediaType::Audio, 8000),
        Codec::new(101, "telephone-event", MediaType::Audio, 8000),
        Codec::new(96, "VP8", MediaType::Video, 90000),
    ])
}

struct Side {
    application: Application,
    incoming: Receiver<Session>,
    fake: FakeBackend,
}

impl Side {
    async fn new(media: MediaOptions) -> Self {
        let fake = engine();
        let config = ApplicationConfig { media, ..ApplicationConfig::default() };
        let (application, incoming) = Application::start(config, Arc::new(fake.clone())).await.unwrap();
        Self { application, incoming, fake }
    }

    fn uri(&self) -> String {
        format!("sip:bob@{}", self.application.local_addr())
    }

    fn find<T>(&self, wanted: impl Fn(&FakeCall) -> Option<T>) -> Option<T> {
        self.fake.calls().iter().rev().find_map(wanted)
    }

    fn encryption(&self) -> Option<(SrtpParameters, SrtpParameters)> {
        self.find(|call| match call {
            FakeCall::Encryption(keys) => Some(keys.clone()),
            _ => None,
        })
        .flatten()
    }

    fn kinds(&self) -> Vec<MediaType> {
        let open = |call: &FakeCall| match call {
            FakeCall::Open(settings) => Some(settings.kind),
            _ => None,
        };
        self.fake.calls().iter().filter_map(open).collect()
    }
}

async fn until(session: &mut Session, wanted: impl Fn(&SessionEvent) -> bool) -> SessionEvent {
    loop {
        let event = within(session.next_event()).await.expect("the session goes on");
        if wanted(&event) {
            return event;
        }
        assert!(!event.is_last(), "the session ended: {event:?}");
    }
}

async fn started(session: &mut Session) {
    until(session, |event| matches!(event, SessionEvent::DidStart)).await;
}

async fn call(a: &Side, b: &mut Side) -> (Session, Session) {
    let mut caller = a.application.call(&b.uri()).await.unwrap();
    let mut callee = within(b.incoming.recv()).await.unwrap();
    callee.accept();
    started(&mut caller).await;
    started(&mut callee).await;
    (caller, callee)
}

fn srtp(srtp: SrtpPolicy) -> MediaOptions {
    MediaOptions { srtp, ..MediaOptions::default() }
}

#[tokio::test]
async fn encryption_comes_about_where_both_sides_can() {
    use SrtpPolicy::{Disabled, Mandatory, Optional};
    for (caller, callee, encrypted) in [
        (Optional, Optional, true),
        (Mandatory, Optional, true),
        (Optional, Mandatory, true),
        (Mandatory, Mandatory, true),
        (Optional, Disabled, false),
        (Disabled, Optional, false),
    ] {
        let (a, mut b) = (Side::new(srtp(caller)).await, Side::new(srtp(callee)).await);
        call(&a, &mut b).await;
        let (at_a, at_b) = (a.encryption(), b.encryption());
        assert_eq!(at_a.is_some(), encrypted, "{caller:?} calls {callee:?}");
        let turned = at_b.map(|(ours, theirs)| (theirs, ours));
        assert_eq!(at_a, turned, "{caller:?} calls {callee:?}: each side decrypts what the other encrypts");
        if let Some((ours, theirs)) = at_a {
            assert_eq!((ours.rtp, ours.validate()), (CryptoSuite::AesGcm256.rtp(), Ok(())));
            assert_ne!(ours.keys, theirs.keys);
        }
    }
    for (caller, callee) in [(Mandatory, Disabled), (Disabled, Mandatory)] {
        let (a, mut b) = (Side::new(srtp(caller)).await, Side::new(srtp(callee)).await);
        let mut session = a.application.call(&b.uri()).await.unwrap();
        let event = until(&mut session, SessionEvent::is_last).await;
        assert!(matches!(event, SessionEvent::DidFail { code: 488, .. }), "{event:?}");
        assert!(b.incoming.try_recv().is_err(), "no session was made");
    }
}

#[tokio::test]
async fn a_hold_changes_no_key() {
    let (a, mut b) =
        (Side::new(srtp(SrtpPolicy::Mandatory)).await, Side::new(srtp(SrtpPolicy::Optional)).await);
    let (caller, mut callee) = call(&a, &mut b).await;
    for on_hold in [true, false] {
        if on_hold {
            caller.hold()
        } else {
            caller.unhold()
        }
        let changed = |event: &SessionEvent| matches!(event, SessionEvent::DidChangeHoldState { on_hold: now, .. } if *now == on_hold);
        until(&mut callee, changed).await;
    }
    for side in [&a, &b] {
        let told = side.fake.calls().iter().filter(|c| matches!(c, FakeCall::Encryption(_))).count();
        assert_eq!(told, 1, "the engine is told once");
    }
}

#[tokio::test]
async fn digits_go_out_one_by_one_and_come_in() {
    let (a, mut b) = (Side::new(MediaOptions::default()).await, Side::new(MediaOptions::default()).await);
    let (caller, mut callee) = call(&a, &mut b).await;
    assert_eq!(
        caller.send_digits("1x").unwrap_err().to_string(),
        "not a DTMF digit: 'x'; there are 0 to 9, *, #, A to D"
    );
    caller.send_digits("1#").unwrap();
    let digits = || -> Vec<FakeCall> {
        let is_digit = |c: &FakeCall| matches!(c, FakeCall::Digit(_) | FakeCall::DigitEnd);
        a.fake.calls().into_iter().filter(is_digit).collect()
    };
    within(async {
        while digits().len() < 4 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let expected = [FakeCall::Digit(1), FakeCall::DigitEnd, FakeCall::Digit(11), FakeCall::DigitEnd];
    assert_eq!(digits(), expected);
    b.fake.report(0, fs_sip::media::MediaEvent::DigitReceived(10));
    let star = |event: &SessionEvent| *event == SessionEvent::Stream(StreamEvent::GotDtmf { digit: '*' });
    until(&mut callee, star).await;
}

fn video() -> MediaOptions {
    MediaOptions { video: Some(VideoOptions::default()), ..MediaOptions::default() }
}

#[tokio::test]
async fn pictures_flow_where_both_sides_want_them() {
    for (caller, callee, kinds) in [
        (video(), video(), vec![MediaType::Audio, MediaType::Video]),
        (video(), MediaOptions::default(), vec![MediaType::Audio]),
        (MediaOptions::default(), video(), vec![MediaType::Audio]),
    ] {
        let (a, mut b) = (Side::new(caller).await, Side::new(callee).await);
        let (mut caller, _callee) = call(&a, &mut b).await;
        assert_eq!(b.kinds(), kinds);
        let flowing =
            a.fake.calls().iter().filter(|c| **c == FakeCall::Direction(StreamDirection::BOTH)).count();
        assert_eq!(flowing, kinds.len());
        caller.hangup();
        until(&mut caller, SessionEvent::is_last).await;
        let closed = a.fake.calls().iter().filter(|c| **c == FakeCall::Close).count();
        assert_eq!(closed, a.kinds().len(), "every stream is closed");
    }
}

#[tokio::test]
async fn pictures_may_flow_one_way() {
    let recv = VideoOptions { direction: StreamDirection::RECV, ..VideoOptions::default() };
    let a = Side::new(MediaOptions { video: Some(recv), ..MediaOptions::default() }).await;
    let mut b = Side::new(video()).await;
    let _sessions = call(&a, &mut b).await;
    assert!(a.fake.calls().contains(&FakeCall::Direction(StreamDirection::RECV)));
    assert!(b.fake.calls().contains(&FakeCall::Direction(StreamDirection::SEND)));
}

#[tokio::test]
async fn extensions_limits_and_shared_ports_reach_the_engines() {
    let level = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
    let extension = RtpHeaderExtension { id: 1, direction: StreamDirection::BOTH, uri: level.into() };
    let options = MediaOptions {
        header_extensions: vec![extension.clone()],
        bandwidth: Some(48_000),
        ..MediaOptions::default()
    };
    let (a, mut b) = (Side::new(options.clone()).await, Side::new(options).await);
    let _sessions = call(&a, &mut b).await;
    for side in [&a, &b] {
        let calls = side.fake.calls();
        assert!(calls.contains(&FakeCall::RemoteHeaderExtensions(vec![extension.clone()])), "{calls:?}");
        assert!(calls.contains(&FakeCall::Bandwidth(48_000)), "{calls:?}");
        assert!(calls.contains(&FakeCall::RtcpMux(true)), "{calls:?}");
        let rtcp = side.find(|call| match call {
            FakeCall::RemoteCandidates(list) => Some((list[0].port, list[1].port)),
            _ => None,
        });
        assert!(rtcp.is_some_and(|(rtp, rtcp)| rtp == rtcp), "RTCP goes where RTP goes: {rtcp:?}");
    }
}

fn ice() -> MediaOptions {
    MediaOptions { ice: Some(IceOptions::default()), ..MediaOptions::default() }
}

fn succeeded(event: &SessionEvent) -> bool {
    *event == SessionEvent::Stream(StreamEvent::IceDidSucceed)
}

#[tokio::test]
async fn ice_runs_where_both_sides_can() {
    let (a, mut b) = (Side::new(ice()).await, Side::new(ice()).await);
    let mut caller = a.application.call(&b.uri()).await.unwrap();
    let mut callee = within(b.incoming.recv()).await.unwrap();
    callee.accept();
    until(&mut caller, succeeded).await;
    until(&mut callee, succeeded).await;
    let controlling = |side: &Side| {
        side.find(|call| match call {
            FakeCall::Open(settings) => match &settings.transmitter {
                Transmitter::Nice(ice) => Some(ice.controlling),
                Transmitter::RawUdp => None,
            },
            _ => None,
        })
    };
    assert_eq!((controlling(&a), controlling(&b)), (Some(true), Some(false)), "who offers chooses");
    // A peer without ICE is called all the same, and a caller without it is answered without.
    let mut plain = Side::new(MediaOptions::default()).await;
    call(&a, &mut plain).await;
    let a = plain;
    let _sessions = call(&a, &mut b).await;
    let last = b.find(|call| match call {
        FakeCall::Open(settings) => Some(settings.transmitter.clone()),
        _ => None,
    });
    assert_eq!(last, Some(Transmitter::RawUdp));
}

/// A peer that makes its own session descriptions.
struct Peer {
    endpoint: Endpoint,
    events: UnboundedReceiver<Event>,
}

fn text(body: &Option<Body>) -> String {
    body.as_ref().map(|body| String::from_utf8(body.data.clone()).unwrap()).unwrap_or_default()
}

impl Peer {
    async fn new() -> Self {
        let (endpoint, events) = Endpoint::bind(EndpointConfig::default()).await.unwrap();
        Self { endpoint, events }
    }

    async fn next<T>(&mut self, wanted: impl Fn(&Event) -> Option<T>) -> T {
        loop {
            let event = within(self.events.recv()).await.expect("the endpoint lives");
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
    }

    /// Calls with an offer; the answer.
    async fn call(&mut self, to: SocketAddr, lines: &str) -> (InviteId, String) {
        let id = self.endpoint.new_invite_id();
        let address = |user: &str, at: SocketAddr| NameAddr::parse(&format!("sip:{user}@{at}")).unwrap();
        let (target, from) = (address("bob", to).uri, address("peer", self.endpoint.local_addr()));
        let body = Some(sdp(lines));
        self.endpoint.send(Command::Invite { id, target, from, to: None, headers: Vec::new(), body });
        let answer = self.next(|event| match event {
            Event::Established { body, .. } => Some(text(body)),
            Event::Failed { status, .. } => Some(status.to_string()),
            _ => None,
        });
        (id, answer.await)
    }

    async fn reinvite(&mut self, id: InviteId, lines: &str) -> String {
        self.endpoint.send(Command::Reinvite { id, body: Some(sdp(lines)) });
        self.next(|event| match event {
            Event::ReinviteResult { body, .. } => Some(text(body)),
            _ => None,
        })
        .await
    }
}

fn sdp(lines: &str) -> Body {
    Body::sdp(format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n{lines}"))
}

const KEY: &str = "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:4";

async fn answering(media: MediaOptions) -> (Side, tokio::task::JoinHandle<()>) {
    let mut side = Side::new(media).await;
    let (_, nobody) = tokio::sync::mpsc::channel(1);
    let mut incoming = std::mem::replace(&mut side.incoming, nobody);
    let task = tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Some(session) = incoming.recv().await {
            session.accept();
            kept.push(session);
        }
    });
    (side, task)
}

#[tokio::test]
async fn each_suite_is_answered_with_its_tag() {
    let (side, _task) = answering(srtp(SrtpPolicy::Optional)).await;
    let mut peer = Peer::new().await;
    for suite in CryptoSuite::ALL {
        let key =
            fs_proto::srtp::MasterKey { key: vec![9; suite.rtp().cipher.key_length()], mki: Vec::new() };
        let line = CryptoAttribute { tag: 7, suite, keys: vec![key] };
        let offer = format!(
            "m=audio 4000 RTP/SAVP 0\r\na=crypto:3 F8_128_HMAC_SHA1_80 {KEY}\r\na=crypto:{}\r\n",
            line.encode().unwrap()
        );
        let (_, answer) = peer.call(side.application.local_addr(), &offer).await;
        assert!(answer.contains("m=audio") && answer.contains("RTP/SAVP 0"), "{answer}");
        assert!(answer.contains(&format!("a=crypto:7 {} inline:", suite.name())), "{answer}");
        assert_eq!(answer.matches("a=crypto").count(), 1, "{answer}");
        // The engine is told once the answer is on its way.
        within(async {
            while side.encryption().is_none_or(|(ours, _)| ours.rtp != suite.rtp()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        assert_eq!(side.encryption().unwrap().1.keys, line.keys);
    }
    let (_, refused) = peer
        .call(
            side.application.local_addr(),
            &format!("m=audio 4000 RTP/SAVP 0\r\na=crypto:3 F8_128_HMAC_SHA1_80 {KEY}\r\n"),
        )
        .await;
    assert_eq!(refused, "488");
}

#[tokio::test]
async fn unknown_lines_are_answered_with_port_0() {
    let (side, _task) = answering(video()).await;
    let mut peer = Peer::new().await;
    let offer = "m=text 4000 RTP/AVP 98\r\na=rtpmap:98 t140/1000\r\nm=audio 4002 RTP/AVP 0\r\na=rtcp-mux\r\n\
        m=application 9 UDP/BFCP *\r\nm=video 4004 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\nm=image 5 udptl t38\r\n\
        m=video 4006 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n";
    let (_, answer) = peer.call(side.application.local_addr(), offer).await;
    let ports: Vec<bool> = answer
        .lines()
        .filter_map(|line| line.strip_prefix("m="))
        .map(|line| line.split(' ').nth(1) != Some("0"))
        .collect();
    assert_eq!(ports, [false, true, false, true, false, false], "{answer}");
    assert!(answer.contains("a=rtcp-mux"), "{answer}");
}

const CREDENTIALS: &str = "a=ice-ufrag:F7gI\r\na=ice-pwd:x9cml/YzichV2+XlhiMu8g\r\n";
const CANDIDATES: &str = "a=candidate:1 1 UDP 2130706431 127.0.0.1 4000 typ host\r\n\
    a=candidate:2 1 UDP 1694498815 198.51.100.7 4000 typ srflx raddr 127.0.0.1 rport 4000\r\n\
    a=candidate:1 2 UDP 2130706430 127.0.0.1 4001 typ host\r\n";

#[tokio::test]
async fn an_ice_restart_of_the_peer_is_answered_with_new_credentials() {
    let (side, _task) = answering(ice()).await;
    let mut peer = Peer::new().await;
    let offer = format!("m=audio 4000 RTP/AVP 0\r\n{CREDENTIALS}{CANDIDATES}");
    let (id, first) = peer.call(side.application.local_addr(), &offer).await;
    let line = |answer: &str, name: &str| -> String {
        answer.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned()
    };
    assert!(first.contains("a=candidate:") && !line(&first, "a=ice-pwd:").is_empty(), "{first}");
    let same = peer.reinvite(id, &format!("{offer}a=remote-candidates:1 127.0.0.1 4000\r\n")).await;
    assert_eq!(line(&same, "a=ice-ufrag:"), line(&first, "a=ice-ufrag:"), "nothing restarts by itself");
    let again = peer.reinvite(id, &offer.replace("F7gI", "9uB6")).await;
    assert_ne!(line(&again, "a=ice-ufrag:"), line(&first, "a=ice-ufrag:"));
    assert_ne!(line(&again, "a=ice-ufrag:"), "", "{again}");
    assert!(side.fake.calls().contains(&FakeCall::RestartIce));
}

#[tokio::test]
async fn a_pair_that_the_peer_does_not_know_is_told_in_a_new_offer() {
    let a = Side::new(ice()).await;
    let mut peer = Peer::new().await;
    let to = format!("sip:x@{}", peer.endpoint.local_addr());
    let _session = a.application.call(&to).await.unwrap();
    let incoming = peer.next(|event| match event {
        Event::Incoming { id, body, .. } => Some((*id, text(body))),
        _ => None,
    });
    let (id, offer) = incoming.await;
    assert!(offer.contains("a=ice-ufrag:") && !offer.contains("a=remote-candidates"), "{offer}");
    // The fake engine takes the first candidate; the default destination is the second.
    let candidates = "a=candidate:1 1 UDP 2130706431 127.0.0.9 4000 typ host\r\n\
        a=candidate:2 1 UDP 2130706430 127.0.0.1 4000 typ host\r\n";
    let answer = sdp(&format!("m=audio 4000 RTP/AVP 0\r\na=rtcp-mux\r\n{CREDENTIALS}{candidates}"));
    peer.endpoint.send(Command::Accept { id, body: Some(answer.clone()) });
    let told = peer.next(|event| match event {
        Event::Reinvite { id, body } => Some((*id, text(body))),
        _ => None,
    });
    let (id, offer) = told.await;
    assert!(offer.contains("a=remote-candidates:1 127.0.0.9 4000"), "{offer}");
    peer.endpoint.send(Command::AnswerReinvite { id, status: 200, reason: None, body: Some(answer) });
}

#[tokio::test]
async fn early_media_flows_before_the_answer() {
    for same in [true, false] {
        let a = Side::new(MediaOptions::default()).await;
        let mut peer = Peer::new().await;
        let mut caller = a.application.call(&format!("sip:x@{}", peer.endpoint.local_addr())).await.unwrap();
        let incoming = |event: &Event| match event {
            Event::Incoming { id, .. } => Some(*id),
            _ => None,
        };
        let id = peer.next(incoming).await;
        let early = Some(sdp("m=audio 4000 RTP/AVP 0\r\n"));
        peer.endpoint.send(Command::Provisional { id, status: 183, reason: None, body: early.clone() });
        let agreed = |event: &SessionEvent| {
            assert_ne!(*event, SessionEvent::WillStart, "the call has not been answered");
            matches!(event, SessionEvent::Stream(StreamEvent::CodecsAgreed(_)))
        };
        until(&mut caller, agreed).await;
        assert!(a.fake.calls().contains(&FakeCall::Direction(StreamDirection::BOTH)));
        let other = Some(sdp("m=audio 5000 RTP/AVP 0\r\n"));
        let answer = if same { early } else { other };
        peer.endpoint.send(Command::Accept { id, body: answer });
        started(&mut caller).await;
        let ports: Vec<u16> = (a.fake.calls().iter())
            .filter_map(|call| match call {
                FakeCall::RemoteCandidates(list) => Some(list[0].port),
                _ => None,
            })
            .collect();
        assert_eq!(ports, if same { vec![4000] } else { vec![4000, 5000] });
    }
}
