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
        "videotestsrc is-live=true pattern={pattern} ! capsfilter caps=\"{},framerate=15/1\"",
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
    b.stream.set_remote_codecs(&a.session.codecs_without_config()).unwrap();
    a.stream.set_remote_codecs(&b.session.codecs_without_config()).unwrap();
    a.stream.force_remote_candidates(&of_b).unwrap();
    b.stream.force_remote_candidates(&of_a).unwrap();
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
    if !installed(name) {
        println!("{name}: no elements, nothing to test");
        return;
    }
    let (a, b) = (side("smpte75"), side("pinwheel"));
    for each in [&a, &b] {
        each.prefer(&Codec::new(Codec::ID_ANY, name, MediaType::Video, 90000));
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
fn jpeg_both_ways() {
    call_with("JPEG");
}
