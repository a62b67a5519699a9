//! Pictures between two conferences: what is seen is what was sent.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use fs_core::prelude::*;
use fs_proto::{Codec, MediaType};
use gst::prelude::*;

use support::media::MediaSide;

const WIDTH: usize = 320;
const HEIGHT: usize = 240;

fn picture() -> String {
    format!("video/x-raw,format=I420,width={WIDTH},height={HEIGHT}")
}

fn side(pattern: &str) -> MediaSide {
    let source = format!(
        "videotestsrc is-live=true pattern={pattern} ! capsfilter name=size caps=\"{},framerate=15/1\"",
        picture()
    );
    let sink =
        format!("videoconvert ! videoscale ! {} ! fakesink name=end sync=false async=false", picture());
    MediaSide::new("fsrtpconference", MediaType::Video, &source, &sink)
}

/// The luminance of what the source shows.
fn original(pattern: &str) -> Vec<u8> {
    let text = format!(
        "videotestsrc num-buffers=1 pattern={pattern} ! {},framerate=15/1 ! fakesink name=end",
        picture()
    );
    let pipeline = gst::parse::launch(&text).unwrap().downcast::<gst::Pipeline>().unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    let end = pipeline.by_name("end").unwrap().static_pad("sink").unwrap();
    end.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let _ = sender.send(info.buffer().unwrap().map_readable().unwrap()[..WIDTH * HEIGHT].to_vec());
        gst::PadProbeReturn::Ok
    });
    pipeline.set_state(gst::State::Playing).unwrap();
    let frame = receiver.recv_timeout(support::PATIENCE).unwrap();
    pipeline.set_state(gst::State::Null).unwrap();
    frame
}

/// Peak signal-to-noise ratio of the luminance, in dB.
fn psnr(seen: &[u8], wanted: &[u8]) -> f64 {
    let squares: f64 = seen.iter().zip(wanted).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
    10.0 * (255.0 * 255.0 / (squares / wanted.len() as f64).max(1e-9)).log10()
}

fn connect(a: &MediaSide, b: &MediaSide) {
    let (of_a, of_b) = (a.open(2), b.open(2));
    b.stream.set_remote_codecs(&described(a)).unwrap();
    a.stream.set_remote_codecs(&described(b)).unwrap();
    a.stream.force_remote_candidates(&of_b).unwrap();
    b.stream.force_remote_candidates(&of_a).unwrap();
}

/// The codecs of a side once all of them describe their streams.
fn described(side: &MediaSide) -> Vec<Codec> {
    let end = std::time::Instant::now() + support::PATIENCE;
    while side.session.codecs().is_empty() {
        assert!(std::time::Instant::now() < end, "{:?}", side.session.codecs_without_config());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    side.session.codecs()
}

fn installed(name: &str) -> bool {
    support::init();
    let found = gst_plugin_fs::rtp::discovery::blueprints(MediaType::Video).unwrap();
    found.iter().any(|b| b.codec.is_encoding(name) && b.can_send() && b.can_recv())
}

fn seen(side: &MediaSide, pattern: &str, codec: &str) {
    side.wait(20);
    let frames = side.got.all();
    let quality = psnr(&frames[frames.len() - 1][..WIDTH * HEIGHT], &original(pattern));
    println!("{codec}: {quality:.1} dB after {} frames", frames.len());
    assert!(quality >= 30.0, "{codec}: {quality:.1} dB");
}

fn call_with(name: &str) {
    call_of(&Codec::new(Codec::ID_ANY, name, MediaType::Video, 90000));
}

fn call_of(codec: &Codec) {
    let name = &codec.encoding_name;
    assert!(installed(name), "{name} has no elements; ./run installs them");
    let (a, b) = (side("smpte75"), side("pinwheel"));
    for each in [&a, &b] {
        each.prefer(codec);
        each.play();
    }
    connect(&a, &b);
    seen(&b, "smpte75", name);
    seen(&a, "pinwheel", name);
    for each in [&a, &b] {
        assert!(each.session.current_send_codec().unwrap().is_encoding(name));
    }
    a.end();
    b.end();
}

#[test]
fn vp8_both_ways() {
    call_with("VP8");
}

#[test]
fn vp9_both_ways() {
    call_with("VP9");
}

#[test]
fn h264_both_ways() {
    call_with("H264");
}

#[test]
fn h265_both_ways() {
    call_with("H265");
}

#[test]
fn theora_both_ways() {
    call_with("THEORA");
}

#[test]
fn jpeg_both_ways() {
    call_with("JPEG");
}

/// What a depayloader can't find in the packets, the application says (RFC 4175 section 6.1).
#[test]
fn raw_video_both_ways() {
    let codec = Codec::new(Codec::ID_ANY, "RAW", MediaType::Video, 90000)
        .with_param("sampling", "YCbCr-4:2:0")
        .with_param("depth", "8")
        .with_param("width", &WIDTH.to_string())
        .with_param("height", &HEIGHT.to_string())
        .with_param("colorimetry", "BT601-5");
    call_of(&codec);
}

/// RFC 5371 section 6.1: the sampling belongs to the format, so the application says it.
#[test]
fn jpeg_2000_both_ways() {
    let codec = Codec::new(Codec::ID_ANY, "JPEG2000", MediaType::Video, 90000);
    call_of(&codec.with_param("sampling", "YCbCr-4:2:0"));
}

/// Whoever installs another codec learns that it is untested.
#[test]
fn every_codec_has_its_test() {
    support::init();
    let raw = gst::Caps::new_empty_simple("video/x-raw");
    let tested = ["VP8", "VP9", "H264", "H265", "THEORA", "JPEG", "RAW", "JPEG2000"];
    let found = gst_plugin_fs::rtp::discovery::blueprints(MediaType::Video).unwrap();
    let untested: Vec<&str> = found
        .iter()
        .filter(|b| b.can_send() && b.can_recv() && b.codec.clock_rate > 0)
        .filter(|b| b.input_caps.can_intersect(&raw) && b.output_caps.can_intersect(&raw))
        .map(|b| b.codec.encoding_name.as_str())
        .filter(|name| !tested.contains(name))
        .collect();
    assert!(untested.is_empty(), "{untested:?}");
}

#[test]
fn h264_is_described_before_anybody_asks() {
    let a = side("smpte75");
    a.prefer(&Codec::new(Codec::ID_ANY, "H264", MediaType::Video, 90000));
    assert!(a.session.codecs().is_empty(), "nothing is known without caps");
    a.play();
    let first = described(&a);
    let sets = first[0].param("sprop-parameter-sets").unwrap();
    assert_eq!(sets.split(',').count(), 2, "a sequence and a picture parameter set: {sets}");
    assert!(a.session.codecs_without_config()[0].param("sprop-parameter-sets").is_none());
    assert_eq!(a.session.current_send_codec(), None, "nobody listens, so nothing was sent");
    a.end();
}

#[test]
fn streams_are_described_before_anybody_asks() {
    assert!(installed("THEORA"), "./run installs its elements");
    let a = side("smpte75");
    a.prefer(&Codec::new(Codec::ID_ANY, "THEORA", MediaType::Video, 90000));
    assert!(a.session.codecs().is_empty(), "nothing is known without caps");
    assert!(a.session.codecs_without_config()[0].param("configuration").is_none());
    a.play();
    let first = described(&a);
    assert!(first[0].param("configuration").is_some_and(|c| c.len() > 1000), "{first:?}");
    // Another size has another description.
    let filter = a.source.downcast_ref::<gst::Bin>().unwrap().by_name("size").unwrap();
    let smaller: gst::Caps = "video/x-raw,format=I420,width=160,height=120,framerate=15/1".parse().unwrap();
    filter.set_property("caps", smaller);
    let second = loop {
        a.wait_for_codecs_changed();
        let codecs = described(&a);
        if codecs != first {
            break codecs;
        }
    };
    assert_eq!(a.session.codecs_need_resend(&first, &second), second);
    assert!(a.session.codecs_need_resend(&second, &second).is_empty());
    a.end();
}
