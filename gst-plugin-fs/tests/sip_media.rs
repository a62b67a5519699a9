//! What the conference can do reaches calls: an application over the real media engine, and a bare endpoint that reads its
//! descriptions and its packets.

#![allow(clippy::unwrap_used)]

use std::net::UdpSocket;
use std::sync::{Arc, Once};
use std::time::Duration;

use fs_proto::{Codec, FeedbackParameter, MediaType, RtpHeaderExtension, StreamDirection};
use fs_sip::endpoint::{Body, Command, Endpoint, EndpointConfig, Event, InviteId};
use fs_sip::media::SessionId;
use fs_sip::media::farstream::{FarstreamBackend, PadHandler};
use fs_sip::sdp::SrtpPolicy;
use fs_sip::session::VideoOptions;
use fs_sip::{Application, ApplicationConfig, MediaOptions, Session, SessionEvent};
use gst::prelude::*;
use tokio::sync::mpsc::{Receiver, UnboundedReceiver};

const LIMIT: Duration = Duration::from_secs(30);
const LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
const RTT: &str = "urn:ietf:params:rtp-hdrext:rtt-sendts";
const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";

/// Every stream sends a tone or a test picture; what comes is thrown away.
struct Pads(gst::Pipeline);

impl Pads {
    fn place(&self, line: &str) -> gst::Bin {
        let bin = gst::parse::bin_from_description(line, true).unwrap();
        self.0.add(&bin).unwrap();
        bin
    }
}

impl PadHandler for Pads {
    fn opened(&self, _session: SessionId, kind: MediaType, sink: &gst::Pad) {
        let source = self.place(match kind {
            MediaType::Video => "videotestsrc is-live=true ! capsfilter caps=video/x-raw,width=160,height=120,framerate=10/1",
            _ => "audiotestsrc is-live=true samplesperbuffer=160 ! capsfilter caps=audio/x-raw,rate=8000,channels=1",
        });
        source.static_pad("src").unwrap().link(sink).unwrap();
        source.sync_state_with_parent().unwrap();
    }

    fn source_added(&self, _session: SessionId, _kind: MediaType, pad: &gst::Pad, _codec: &Codec) {
        let end = self.place("fakesink async=false sync=false");
        end.sync_state_with_parent().unwrap();
        pad.link(&end.static_pad("sink").unwrap()).unwrap();
    }

    fn closing(&self, _session: SessionId, _kind: MediaType) {}
}

struct Side {
    pipeline: gst::Pipeline,
    application: Application,
    incoming: Receiver<Session>,
}

impl Side {
    async fn new(media: MediaOptions) -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            gst::init().unwrap();
            gst_plugin_fs::plugin_register_static().unwrap();
        });
        let pipeline = gst::Pipeline::new();
        let backend = FarstreamBackend::new(pipeline.upcast_ref(), Arc::new(Pads(pipeline.clone())));
        pipeline.set_state(gst::State::Playing).unwrap();
        let config = ApplicationConfig { media, ..ApplicationConfig::default() };
        let (application, incoming) = Application::start(config, Arc::new(backend)).await.unwrap();
        Self { pipeline, application, incoming }
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.expect("it happens in time")
}

async fn until(session: &mut Session, wanted: impl Fn(&SessionEvent) -> bool) {
    loop {
        let event = within(session.next_event()).await.expect("the session goes on");
        if wanted(&event) {
            return;
        }
        assert!(!event.is_last(), "the session ended: {event:?}");
    }
}

/// A peer that makes its own session descriptions.
struct Peer {
    endpoint: Endpoint,
    events: UnboundedReceiver<Event>,
}

impl Peer {
    async fn new() -> Self {
        let (endpoint, events) = Endpoint::bind(EndpointConfig::default()).await.unwrap();
        Self { endpoint, events }
    }

    fn uri(&self) -> String {
        format!("sip:peer@{}", self.endpoint.local_addr())
    }

    async fn next<T>(&mut self, wanted: impl Fn(&Event) -> Option<T>) -> T {
        loop {
            let event = within(self.events.recv()).await.expect("the endpoint lives");
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
    }

    /// The call that comes, and its offer.
    async fn called(&mut self) -> (InviteId, String) {
        self.next(|event| match event {
            Event::Incoming { id, body: Some(body), .. } => {
                Some((*id, String::from_utf8(body.data.clone()).unwrap()))
            }
            _ => None,
        })
        .await
    }

    fn answer(&self, id: InviteId, lines: &str) {
        self.endpoint.send(Command::Accept { id, body: Some(sdp(lines)) });
    }
}

fn sdp(lines: &str) -> Body {
    Body::sdp(format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n{lines}"))
}

/// The m-line of a kind with its attributes.
fn section<'a>(offer: &'a str, kind: &str) -> &'a str {
    let start = offer.find(&format!("m={kind} ")).unwrap_or_else(|| panic!("no m={kind} in {offer}"));
    let end = offer[start + 2..].find("\r\nm=").map_or(offer.len(), |end| start + 2 + end);
    &offer[start..end]
}

/// The payload type of an encoding in an m-line.
fn payload_type(section: &str, encoding: &str) -> u8 {
    let line = section.lines().find(|line| line.starts_with("a=rtpmap:") && line.contains(encoding));
    let line = line.unwrap_or_else(|| panic!("no {encoding} in {section}"));
    line["a=rtpmap:".len()..].split(' ').next().unwrap().parse().unwrap()
}

fn extension(uri: &str) -> Vec<RtpHeaderExtension> {
    vec![RtpHeaderExtension { id: 3, direction: StreamDirection::BOTH, uri: uri.into() }]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_says_all_that_the_conference_can() {
    let video = VideoOptions {
        bandwidth: Some(512_000),
        header_extensions: extension(MID),
        ..VideoOptions::default()
    };
    let side = Side::new(MediaOptions {
        bandwidth: Some(64_000),
        header_extensions: extension(LEVEL),
        video: Some(video),
        srtp: SrtpPolicy::Optional,
        ..MediaOptions::default()
    })
    .await;
    let mut peer = Peer::new().await;
    let _session = side.application.call(&peer.uri()).await.unwrap();
    let (_, offer) = peer.called().await;
    let (audio, video) = (section(&offer, "audio"), section(&offer, "video"));
    let digits = payload_type(audio, "telephone-event/8000");
    for part in [
        "RTP/AVP ",
        "opus/48000/2",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        &format!("a=fmtp:{digits} 0-15"),
        "b=AS:80",
        "b=TIAS:64000",
        &format!("a=extmap:3 {LEVEL}"),
        "a=rtcp-mux",
        "AES_CM_128_HMAC_SHA1_80 inline:",
        "AES_CM_128_HMAC_SHA1_32 inline:",
        "AES_256_CM_HMAC_SHA1_80 inline:",
        "AEAD_AES_128_GCM inline:",
        "AEAD_AES_256_GCM inline:",
    ] {
        assert!(audio.contains(part), "{part} is missing in {audio}");
    }
    let vp8 = payload_type(video, "VP8/90000");
    for part in [
        "RTP/AVP ",
        "VP9/90000",
        "H264/90000",
        "b=TIAS:512000",
        &format!("a=extmap:3 {MID}"),
        &format!("a=rtcp-fb:{vp8} nack pli"),
        &format!("a=rtcp-fb:{vp8} ccm fir"),
        "a=rtcp-mux",
        "a=crypto:",
    ] {
        assert!(video.contains(part), "{part} is missing in {video}");
    }
}

/// A socket that RTP of one stream comes to.
fn ear() -> (UdpSocket, u16) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}

/// The payload of the next packet of a payload type; none if none comes.
fn payload(socket: &UdpSocket, payload_type: u8) -> Option<Vec<u8>> {
    let mut packet = [0; 2048];
    loop {
        let length = socket.recv(&mut packet).ok()?;
        if length > 12 && packet[1] & 0x7f == payload_type {
            return Some(packet[12..length].to_vec());
        }
    }
}

/// The same off the runtime's threads.
async fn read(socket: UdpSocket, payload_type: u8) -> (UdpSocket, Option<Vec<u8>>) {
    let task = tokio::task::spawn_blocking(move || {
        let first = payload(&socket, payload_type);
        (socket, first)
    });
    task.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_packet_time_that_a_peer_wants_is_kept() {
    let mut side = Side::new(MediaOptions::default()).await;
    let mut peer = Peer::new().await;
    for (wanted, octets) in [("", 160), ("a=ptime:40\r\n", 320), ("a=maxptime:10\r\n", 80)] {
        let (socket, port) = ear();
        // As an offer, and as an answer.
        let id = peer.endpoint.new_invite_id();
        let target = fs_sip::wire::NameAddr::parse(&format!("sip:bob@{}", side.application.local_addr()));
        let from = fs_sip::wire::NameAddr::parse(&peer.uri()).unwrap();
        let body = Some(sdp(&format!("m=audio {port} RTP/AVP 0\r\n{wanted}")));
        let (to, headers) = (None, Vec::new());
        peer.endpoint.send(Command::Invite { id, target: target.unwrap().uri, from, to, headers, body });
        let callee = within(side.incoming.recv()).await.unwrap();
        callee.accept();
        let (socket, first) = read(socket, 0).await;
        assert_eq!(first.map(|first| first.len()), Some(octets), "offered {wanted:?}");
        drop(callee);
        let _session = side.application.call(&peer.uri()).await.unwrap();
        let (id, _) = peer.called().await;
        peer.answer(id, &format!("m=audio {port} RTP/AVP 8\r\n{wanted}"));
        let (_, first) = read(socket, 8).await;
        assert_eq!(first.map(|first| first.len()), Some(octets), "answered {wanted:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wanted_of_a_codec_is_offered() {
    let feedback = |kind: &str, subtype: &str| FeedbackParameter {
        kind: kind.into(),
        subtype: subtype.into(),
        extra_params: String::new(),
    };
    let mut vp8 = Codec::new(Codec::ID_ANY, "VP8", MediaType::Video, 90000);
    vp8.feedback_params = vec![feedback("nack", "pli"), feedback("tfrc", "")];
    let pcmu = Codec::new(Codec::ID_ANY, "PCMU", MediaType::Audio, 8000).with_param("ptime", "30");
    let side = Side::new(MediaOptions {
        codecs: vec![pcmu],
        video: Some(VideoOptions {
            codecs: vec![vp8],
            header_extensions: extension(RTT),
            ..VideoOptions::default()
        }),
        ..MediaOptions::default()
    })
    .await;
    let mut peer = Peer::new().await;
    let _session = side.application.call(&peer.uri()).await.unwrap();
    let (_, offer) = peer.called().await;
    assert!(section(&offer, "audio").contains("a=ptime:30"), "{offer}");
    let video = section(&offer, "video");
    let vp8 = payload_type(video, "VP8/90000");
    for part in [&format!("a=rtcp-fb:{vp8} tfrc"), &format!("a=rtcp-fb:{vp8} nack pli"), RTT] {
        assert!(video.contains(part), "{part} is missing in {video}");
    }
    assert!(!video.contains("VP9"), "{video}");
}

/// Codecs of conversations, each alone in a call: what is agreed is what is sent. More are there than every machine has.
const CODECS: [&str; 12] = [
    "PCMU/8000",
    "PCMA/8000",
    "GSM/8000",
    "SIREN/16000",
    "L16/44100/2",
    "opus/48000/2",
    "G722/8000",
    "JPEG/90000",
    "H264/90000",
    "H265/90000",
    "VP8/90000",
    "VP9/90000",
];

#[tokio::test(flavor = "multi_thread")]
async fn each_codec_of_the_engine_reaches_the_peer() {
    let media = MediaOptions { video: Some(VideoOptions::default()), ..MediaOptions::default() };
    let side = Side::new(media).await;
    let mut peer = Peer::new().await;
    let mut sent = Vec::new();
    for name in CODECS {
        let kind = if name.ends_with("/90000") { "video" } else { "audio" };
        let (socket, port) = ear();
        let mut session = side.application.call(&peer.uri()).await.unwrap();
        let (id, offer) = peer.called().await;
        let own = section(&offer, kind);
        if !own.contains(&format!(" {name}")) {
            peer.endpoint.send(Command::Reject { id, status: 486, reason: None, headers: Vec::new() });
            continue;
        }
        let number = payload_type(own, &format!(" {name}"));
        let of_it = |line: &&str| {
            ["rtpmap", "fmtp", "rtcp-fb"].iter().any(|a| line.starts_with(&format!("a={a}:{number} ")))
        };
        let described: Vec<&str> = own.lines().filter(of_it).collect();
        let taken = format!("m={kind} {port} RTP/AVP {number}\r\n{}\r\n", described.join("\r\n"));
        peer.answer(
            id,
            &match kind {
                "audio" => format!("{taken}m=video 0 RTP/AVP 96\r\n"),
                _ => format!("m=audio 9 RTP/AVP 0\r\na=inactive\r\n{taken}"),
            },
        );
        until(&mut session, |event| matches!(event, SessionEvent::DidStart)).await;
        let (_, first) = read(socket, number).await;
        assert!(first.is_some_and(|first| !first.is_empty()), "{name} is not sent");
        sent.push(name);
    }
    for name in ["PCMU/8000", "PCMA/8000", "opus/48000/2", "VP8/90000"] {
        assert!(sent.contains(&name), "{name} was not sent: {sent:?}");
    }
}
