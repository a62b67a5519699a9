//! Rate control and key frames on request between two conferences, over a wire that is slow and loses packets.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use fs_core::RtpHeaderExtensionList;
use fs_core::prelude::*;
use fs_proto::tfrc::{Feedback, Stamp};
use fs_proto::{Candidate, Codec, FeedbackParameter, MediaType, RtpHeaderExtension, StreamDirection};
use gst::prelude::*;
use gst_rtp::RTPBuffer;

use support::PATIENCE;
use support::media::MediaSide;
use support::wire::Wire;

const RTT_SENDTS: &str = "urn:ietf:params:rtp-hdrext:rtt-sendts";

fn side() -> MediaSide {
    let source = "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=320,height=240,framerate=15/1 ! identity";
    MediaSide::new("fsrtpconference", MediaType::Video, source, "fakesink name=end sync=false async=false")
}

fn codec(name: &str, feedback: &[(&str, &str)]) -> Codec {
    let mut codec = Codec::new(Codec::ID_ANY, name, MediaType::Video, 90000);
    for (kind, subtype) in feedback {
        codec.feedback_params.push(FeedbackParameter {
            kind: (*kind).into(),
            subtype: (*subtype).into(),
            extra_params: String::new(),
        });
    }
    codec.minimum_reporting_interval = Some(200);
    codec
}

fn address(candidates: &[Candidate], component: u32) -> SocketAddr {
    let found = candidates.iter().find(|c| c.component_id == component).unwrap();
    SocketAddr::new(found.ip.parse().unwrap(), found.port)
}

/// The codecs of a side once all of them describe their streams.
fn described(side: &MediaSide) -> Vec<Codec> {
    let end = Instant::now() + PATIENCE;
    while side.session.codecs().is_empty() {
        assert!(Instant::now() < end, "{:?}", side.session.codecs_without_config());
        std::thread::sleep(Duration::from_millis(5));
    }
    side.session.codecs()
}

/// A running call; the wires carry RTP and RTCP.
fn call(
    codec: &Codec,
    extensions: &[RtpHeaderExtension],
    delay: Duration,
) -> (MediaSide, MediaSide, [Wire; 2]) {
    call_without_reports(codec, extensions, delay, 0)
}

/// A running call in which that many of a thousand reports of the first side are lost.
fn call_without_reports(
    codec: &Codec,
    extensions: &[RtpHeaderExtension],
    delay: Duration,
    lost: u32,
) -> (MediaSide, MediaSide, [Wire; 2]) {
    let (a, b) = (side(), side());
    for each in [&a, &b] {
        each.prefer(codec);
        let list = RtpHeaderExtensionList(extensions.to_vec());
        each.session.set_property("rtp-header-extension-preferences", list);
        each.play();
    }
    let (of_a, of_b) = (a.open(2), b.open(2));
    let wires = [1, 2].map(|c| Wire::slow(address(&of_a, c), address(&of_b, c), delay));
    wires[1].lose(lost);
    let (codecs_a, codecs_b) = (described(&a), described(&b));
    for (each, codecs) in [(&b, codecs_a), (&a, codecs_b)] {
        each.stream.set_property("rtp-header-extensions", RtpHeaderExtensionList(extensions.to_vec()));
        each.stream.set_remote_codecs(&codecs).unwrap();
        let candidates = [wires[0].candidate(1), wires[1].candidate(2)];
        each.stream.force_remote_candidates(&candidates).unwrap();
    }
    (a, b, wires)
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "{what} does not happen");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The element of that factory in the conference of a side.
fn find(side: &MediaSide, factory: &str) -> Option<gst::Element> {
    let bin = side.conference.upcast_ref::<gst::Bin>();
    bin.iterate_recurse().into_iter().flatten().find(|e| e.factory().is_some_and(|f| f.name() == factory))
}

fn bitrate(side: &MediaSide) -> u32 {
    side.session.property("send-bitrate")
}

#[test]
fn losses_bring_the_encoders_bit_rate_down() {
    let extensions =
        [3, 20].map(|id| RtpHeaderExtension { id, direction: StreamDirection::BOTH, uri: RTT_SENDTS.into() });
    for extension in extensions {
        let wanted = codec("VP8", &[("nack", "pli"), ("tfrc", "")]);
        let (a, b, wires) = call(&wanted, std::slice::from_ref(&extension), Duration::from_millis(30));
        wait_until("a bit rate", || bitrate(&a) > 150_000);
        wait_until("a bit rate the other way", || bitrate(&b) > 150_000);
        let good = bitrate(&a);
        let encoder = find(&a, "vp8enc").unwrap();
        // The encoder counts in kilobits inside.
        let follows =
            || u32::try_from(encoder.property::<i32>("target-bitrate")).unwrap() / 1000 == bitrate(&a) / 1000;
        wait_until("the encoder's bit rate", follows);
        wires[0].lose(250);
        wait_until("less bit rate", || bitrate(&a) < good / 3);
        wait_until("the encoder's lower bit rate", follows);
        assert!(bitrate(&b) > 100_000, "the other way is as good as before: {}", bitrate(&b));
        println!("id {}: {good} bit/s, then {} bit/s", extension.id, bitrate(&a));
        wires[0].lose(0);
        let pictures = b.got.len();
        wait_until("more pictures", || b.got.len() > pictures + 10);
        a.end();
        b.end();
    }
}

fn ssrc(side: &MediaSide) -> u32 {
    side.session.property("ssrc")
}

/// The rate control's reports in compound packets (RFC 4585 section 6.1, format 2): from whom, about whom, and what.
fn reports(compounds: &[Vec<u8>]) -> Vec<(u32, u32, Feedback)> {
    let mut found = Vec::new();
    for mut rest in compounds.iter().map(Vec::as_slice) {
        while let [first, kind, high, low, ..] = *rest {
            let (packet, next) = rest.split_at(4 * (usize::from(u16::from_be_bytes([high, low])) + 1));
            if (first & 0x1f, kind) == (2, 205) {
                let number = |at: usize| u32::from_be_bytes(packet[at..at + 4].try_into().unwrap());
                found.push((number(4), number(8), Feedback::from_bytes(&packet[12..]).unwrap()));
            }
            rest = next;
        }
    }
    found
}

#[test]
fn packets_are_stamped_and_reported_on_the_wire() {
    let extension = RtpHeaderExtension { id: 3, direction: StreamDirection::BOTH, uri: RTT_SENDTS.into() };
    let wanted = codec("VP8", &[("nack", "pli"), ("tfrc", "")]);
    let (a, b, wires) = call(&wanted, &[extension], Duration::from_millis(30));
    wait_until("a bit rate", || bitrate(&a) > 150_000 && bitrate(&b) > 150_000);
    let mut said = Vec::new();
    wait_until("reports both ways", || {
        said.extend(reports(&wires[1].taken_from_a()));
        let counts = |(from, about, told): &(u32, u32, Feedback)| {
            (*from, *about) == (ssrc(&a), ssrc(&b)) && told.receive_byte_rate > 1000
        };
        said.iter().any(counts)
    });
    let mut stamps = Vec::new();
    wait_until("stamps with the round-trip time", || {
        for packet in wires[0].taken_from_a() {
            let length = packet.len();
            let buffer = gst::Buffer::from_slice(packet);
            let packet = RTPBuffer::from_buffer_readable(&buffer).unwrap();
            let stamp = packet.extension_onebyte_header(3, 0).unwrap_or_else(|| panic!("{length} octets"));
            stamps.push(Stamp::from_bytes(stamp).unwrap());
        }
        stamps.last().is_some_and(|stamp| !stamp.rtt.is_zero())
    });
    // The wire alone takes as long.
    assert!(stamps.last().unwrap().rtt >= Duration::from_millis(60), "{stamps:?}");
    let of_b = |said: &mut Vec<_>| said.extend(reports(&wires[1].taken_from_b()));
    let mut told = Vec::new();
    of_b(&mut told);
    assert!(told.iter().all(|(from, about, _)| (*from, *about) == (ssrc(&b), ssrc(&a))), "{told:?}");
    assert!(!told.is_empty());
    wires[0].lose(250);
    wait_until("losses in the reports", || {
        told.clear();
        of_b(&mut told);
        told.iter().any(|(_, _, feedback)| feedback.loss_event_rate > 0.02)
    });
    a.end();
    b.end();
}

#[test]
fn without_reports_the_configured_bit_rate_stands() {
    const CONFIGURED: u32 = 200_000;
    let extension = RtpHeaderExtension { id: 3, direction: StreamDirection::BOTH, uri: RTT_SENDTS.into() };
    let wanted = codec("VP8", &[("nack", "pli"), ("tfrc", "")]);
    let (a, b, wires) = call_without_reports(&wanted, &[extension], Duration::ZERO, 1000);
    b.session.set_property("send-bitrate", CONFIGURED);
    wait_until("rate control of the other side", || bitrate(&a) > 150_000);
    a.wait(a.got.len() + 120);
    let encoder = find(&b, "vp8enc").unwrap();
    assert_eq!((bitrate(&b), encoder.property::<i32>("target-bitrate")), (CONFIGURED, CONFIGURED as i32));
    wires[1].lose(0);
    wait_until("rate control after the first report", || bitrate(&b) != CONFIGURED && bitrate(&b) > 150_000);
    a.end();
    b.end();
}

#[test]
fn without_its_header_extension_there_is_no_rate_control() {
    let wanted = codec("VP8", &[("nack", "pli"), ("tfrc", "")]);
    let (a, b, wires) = call(&wanted, &[], Duration::ZERO);
    b.wait(10);
    assert!(a.session.codecs()[0].feedback_params.iter().all(|p| p.kind != "tfrc"));
    assert_eq!(bitrate(&a), 0);
    assert!(find(&a, "fsrtppacketmodder").is_none());
    let packets = wires[0].taken_from_a();
    let extended = packets.iter().find(|p| p[0] & 0x10 != 0);
    assert!(packets.len() > 5 && extended.is_none(), "{:02x?}", extended.map(|p| &p[..32]));
    a.end();
    b.end();
}

/// Requests for key frames that reach a side, PLI 1 and FIR 4, and the key frames its encoder makes.
struct Keys {
    asked: Receiver<u32>,
    made: Receiver<()>,
}

fn keys(side: &MediaSide, encoder: &str) -> Keys {
    let (sender, asked) = channel();
    let internal = side.session.property::<glib::Object>("internal-session");
    internal.connect("on-feedback-rtcp", false, move |values| {
        if values[1].get::<u32>().unwrap() == 206 {
            let _ = sender.send(values[2].get::<u32>().unwrap());
        }
        None
    });
    let (sender, made) = channel();
    let encoder = find(side, encoder).unwrap();
    encoder.static_pad("src").unwrap().add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if !info.buffer().unwrap().flags().contains(gst::BufferFlags::DELTA_UNIT) {
            let _ = sender.send(());
        }
        gst::PadProbeReturn::Ok
    });
    Keys { asked, made }
}

fn a_loss_is_answered_with_a_key_frame(name: &str, encoder: &str) {
    support::init();
    assert!(gst::ElementFactory::find(encoder).is_some(), "{encoder} is missing; ./run installs it");
    let (a, b, wires) = call(&codec(name, &[("nack", "pli")]), &[], Duration::ZERO);
    b.wait(30);
    let keys = keys(&a, encoder);
    while keys.made.try_recv().is_ok() || keys.asked.try_recv().is_ok() {}
    wires[0].drop_next(3);
    assert_eq!(keys.asked.recv_timeout(PATIENCE).expect("PLI comes"), 1);
    keys.made.recv_timeout(PATIENCE).expect("a key frame comes");
    let pictures = b.got.len();
    wait_until("pictures after the loss", || b.got.len() > pictures + 5);
    a.end();
    b.end();
}

#[test]
fn after_a_loss_vp8_is_asked_for_a_key_frame() {
    a_loss_is_answered_with_a_key_frame("VP8", "vp8enc");
}

#[test]
fn after_a_loss_vp9_is_asked_for_a_key_frame() {
    a_loss_is_answered_with_a_key_frame("VP9", "vp9enc");
}

#[test]
fn after_a_loss_h264_is_asked_for_a_key_frame() {
    a_loss_is_answered_with_a_key_frame("H264", "openh264enc");
}

#[test]
fn after_a_loss_h265_is_asked_for_a_key_frame() {
    a_loss_is_answered_with_a_key_frame("H265", "x265enc");
}

#[test]
fn a_full_intra_request_goes_both_ways() {
    let (a, b, _wires) = call(&codec("VP8", &[("nack", "pli"), ("ccm", "fir")]), &[], Duration::ZERO);
    a.wait(15);
    b.wait(15);
    for (asks, sends) in [(&a, &b), (&b, &a)] {
        let keys = keys(sends, "vp8enc");
        while keys.made.try_recv().is_ok() || keys.asked.try_recv().is_ok() {}
        let decoder = find(asks, "vp8dec").unwrap();
        let request =
            gst::Structure::builder("GstForceKeyUnit").field("all-headers", true).field("count", 1u32);
        let event = gst::event::CustomUpstream::new(request.build());
        assert!(decoder.static_pad("sink").unwrap().push_event(event));
        assert_eq!(keys.asked.recv_timeout(PATIENCE).expect("FIR comes"), 4);
        keys.made.recv_timeout(PATIENCE).expect("a key frame comes");
        let encoder = find(sends, "vp8enc").unwrap();
        wait_until("no key frames but on request", || {
            encoder.property::<i32>("keyframe-max-dist") == i32::MAX
        });
    }
    a.end();
    b.end();
}

#[test]
fn the_bit_rate_that_an_application_sets_reaches_each_encoder() {
    support::init();
    for (name, encoder, property, value) in [
        ("VP8", "vp8enc", "target-bitrate", 96_000),
        ("VP9", "vp9enc", "target-bitrate", 96_000),
        ("H264", "openh264enc", "bitrate", 96_000),
        ("H265", "x265enc", "bitrate", 96),
        ("THEORA", "theoraenc", "bitrate", 96),
    ] {
        assert!(gst::ElementFactory::find(encoder).is_some(), "{encoder} is missing; ./run installs it");
        let (a, b, _wires) = call(&codec(name, &[]), &[], Duration::ZERO);
        b.wait(3);
        a.session.set_property("send-bitrate", 96_000u32);
        let encoder = find(&a, encoder).unwrap();
        let set = encoder.property_value(property).transform::<i64>().unwrap().get::<i64>().unwrap();
        assert_eq!(set, value, "{name}");
        a.end();
        b.end();
    }
}
