//! A source that can do otherwise follows, one that can't goes on.

use std::sync::mpsc::channel;
use std::time::Duration;

use gst::prelude::*;

use super::BitrateAdapter;

/// Pictures of `source` through an adapter; the size of each.
fn sizes(source: &str) -> (gst::Pipeline, BitrateAdapter, std::sync::mpsc::Receiver<(i32, i32)>) {
    gst::init().unwrap();
    let pipeline = gst::Pipeline::new();
    let source = gst::parse::bin_from_description(source, true).unwrap();
    let adapter = BitrateAdapter::new("adapter");
    adapter.set_property("interval", 50_000_000u64);
    let sink = gst::ElementFactory::make("fakesink").property("sync", false).build().unwrap();
    pipeline.add(&source).unwrap();
    pipeline.add_many([adapter.upcast_ref::<gst::Element>(), &sink]).unwrap();
    gst::Element::link_many([source.upcast_ref(), adapter.upcast_ref(), &sink]).unwrap();
    let (sender, receiver) = channel();
    sink.static_pad("sink").unwrap().add_probe(gst::PadProbeType::BUFFER, move |pad, _| {
        let caps = pad.current_caps().unwrap();
        let s = caps.structure(0).unwrap();
        let _ = sender.send((s.get("width").unwrap(), s.get("height").unwrap()));
        gst::PadProbeReturn::Ok
    });
    (pipeline, adapter, receiver)
}

fn wait_for(receiver: &std::sync::mpsc::Receiver<(i32, i32)>, wanted: (i32, i32)) {
    let end = std::time::Instant::now() + Duration::from_secs(20);
    let mut last = (0, 0);
    while last != wanted {
        assert!(std::time::Instant::now() < end, "{last:?} instead of {wanted:?}");
        last = receiver.recv_timeout(Duration::from_secs(20)).unwrap();
    }
}

#[test]
fn a_source_that_can_follows_the_bit_rate() {
    let source = "videotestsrc is-live=true ! video/x-raw,framerate=30/1,width=1280,height=720 ! videoscale";
    let (pipeline, adapter, seen) = sizes(source);
    pipeline.set_state(gst::State::Playing).unwrap();
    wait_for(&seen, (1280, 720));
    adapter.set_bitrate(64_000);
    wait_for(&seen, (320, 240));
    // The first value counts for some time, a second one only then.
    for _ in 0..5 {
        adapter.set_bitrate(300_000);
        std::thread::sleep(Duration::from_millis(60));
    }
    wait_for(&seen, (640, 480));
    pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn a_source_that_can_not_goes_on() {
    let source = "videotestsrc is-live=true ! video/x-raw,framerate=30/1,width=800,height=600 ! identity";
    let (pipeline, adapter, seen) = sizes(source);
    adapter.set_bitrate(10_000);
    pipeline.set_state(gst::State::Playing).unwrap();
    wait_for(&seen, (800, 600));
    adapter.set_bitrate(11_000);
    for _ in 0..5 {
        assert_eq!(seen.recv_timeout(Duration::from_secs(20)).unwrap(), (800, 600));
    }
    pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn what_is_no_raw_video_passes() {
    let (pipeline, adapter, seen) =
        sizes("videotestsrc num-buffers=3 ! video/x-raw,width=64,height=48 ! jpegenc");
    adapter.set_bitrate(10_000);
    pipeline.set_state(gst::State::Playing).unwrap();
    wait_for(&seen, (64, 48));
    pipeline.set_state(gst::State::Null).unwrap();
}
