//! Codec preferences, header extensions and element properties from key files.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use fs_core::{ElementAddedNotifier, defaults, keyfile};
use fs_proto::{Codec, MediaType, StreamDirection};
use gst::prelude::*;

/// A file that is gone when the test ends.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("fs-core-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn codecs_in_order_with_all_keys() {
    let file = File::new(
        "codecs",
        "[audio/OPUS:first]\nClock-Rate=48000\nchannels=2\ntrr-int=7\nuseinbandfec=1\n\
         feedback:nack/pli=x\nfeedback:ccm=\n\n[Video/H264]\nid=-7\n\n[audio/telephone-event]\nid=101\n\
         clock-rate=many\n\n[text/T140]\n\n[audio/]\n\n[audio/:x]\n\n[nonsense]\na=b\n",
    );
    let codecs = keyfile::codecs(&file.0).unwrap();
    let names: Vec<&str> = codecs.iter().map(|c| c.encoding_name.as_str()).collect();
    assert_eq!(names, ["OPUS", "H264", "telephone-event"]);
    assert_eq!(
        codecs[0].to_string(),
        "-1: audio OPUS clock:48000 channels:2 trr-int=7 useinbandfec=1 nack/pli=x ccm/="
    );
    assert_eq!((codecs[1].media_type, codecs[1].id), (MediaType::Video, Codec::ID_DISABLE));
    assert_eq!((codecs[2].id, codecs[2].clock_rate, codecs[2].minimum_reporting_interval), (101, 0, None));
}

#[test]
fn errors_are_those_of_glib() {
    let error = keyfile::codecs("/nonexistent/codecs").unwrap_err();
    assert!(error.matches(glib::FileError::Noent), "{error}");
    let broken = File::new("broken", "no group\n");
    let error = keyfile::codecs(&broken.0).unwrap_err();
    assert_eq!(error.domain().as_str(), "g-key-file-error-quark", "{error}");
    let empty = File::new("empty", "");
    assert_eq!(keyfile::codecs(&empty.0).unwrap(), []);
}

#[test]
fn header_extensions_of_one_kind_of_media() {
    let file = File::new(
        "hdrext",
        "[rtp-hdrext:audio:a]\nid=1\nuri=urn:a\n\n[rtp-hdrext:audio:b]\nid=4096\nuri=urn:b\ndirection=receive\n\n\
         [rtp-hdrext:video:c]\nid=3\nuri=urn:c\ndirection=none\n\n[rtp-hdrext:audio:noid]\nuri=urn:d\n\n\
         [rtp-hdrext:audio:nouri]\nid=5\n\n[audio/OPUS]\nid=96\n",
    );
    let audio = keyfile::header_extensions(&file.0, MediaType::Audio).unwrap();
    assert_eq!(audio.len(), 2);
    assert_eq!((audio[0].id, audio[0].uri.as_str(), audio[0].direction), (1, "urn:a", StreamDirection::BOTH));
    assert_eq!((audio[1].id, audio[1].direction), (4096, StreamDirection::RECV));
    let video = keyfile::header_extensions(&file.0, MediaType::Video).unwrap();
    assert_eq!((video.len(), video[0].direction), (1, StreamDirection::NONE));
}

fn identity(name: &str) -> gst::Element {
    gst::ElementFactory::make("identity").name(name).build().unwrap()
}

fn collect(notifier: &ElementAddedNotifier) -> Arc<Mutex<Vec<String>>> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = seen.clone();
    notifier.connect_element_added(move |_, bin, element| {
        sink.lock().unwrap().push(format!("{}/{}", bin.name(), element.name()));
    });
    seen
}

fn take(seen: &Mutex<Vec<String>>) -> Vec<String> {
    std::mem::take(&mut seen.lock().unwrap())
}

#[test]
fn the_notifier_sees_what_is_there_and_what_comes() {
    gst::init().unwrap();
    let (outer, inner) = (gst::Bin::with_name("outer"), gst::Bin::with_name("inner"));
    inner.add(&identity("a")).unwrap();
    outer.add(&inner).unwrap();
    outer.add(&identity("b")).unwrap();
    let notifier = ElementAddedNotifier::new();
    let seen = collect(&notifier);
    notifier.add(&outer);
    assert_eq!(take(&seen), ["outer/b", "inner/a", "outer/inner"]);
    inner.add(&identity("c")).unwrap();
    assert_eq!(take(&seen), ["inner/c"]);
    outer.remove(&inner).unwrap();
    inner.add(&identity("d")).unwrap();
    assert!(take(&seen).is_empty(), "a bin that left is not watched");
    assert!(notifier.remove(&outer) && !notifier.remove(&outer));
    outer.add(&identity("e")).unwrap();
    assert!(take(&seen).is_empty());
}

#[test]
fn the_notifier_keeps_bins_and_leaves_no_handlers() {
    gst::init().unwrap();
    let notifier = ElementAddedNotifier::new();
    let bin = gst::Bin::with_name("kept");
    let weak = bin.downgrade();
    notifier.add(&bin);
    drop(bin);
    assert!(weak.upgrade().is_some());
    drop(notifier);
    assert!(weak.upgrade().is_none(), "the notifier's reference went with it");
}

#[test]
fn properties_by_factory_or_by_name() {
    gst::init().unwrap();
    let file = File::new(
        "properties",
        "[identity]\nsleep-time=250\nsilent=nonsense\nno-such-property=1\n\n[special]\nsleep-time=9\n\n\
         [queue]\nmax-size-time=5000000\n",
    );
    let bin = gst::Bin::new();
    let before = identity("before");
    bin.add(&before).unwrap();
    let notifier = ElementAddedNotifier::new();
    notifier.add(&bin);
    notifier.set_properties_from_file(&file.0).unwrap();
    assert_eq!(before.property::<u32>("sleep-time"), 250);
    let inner = gst::Bin::new();
    let queue = gst::ElementFactory::make("queue").name("special").build().unwrap();
    inner.add(&queue).unwrap();
    bin.add(&inner).unwrap();
    assert_eq!(queue.property::<u64>("max-size-time"), 5_000_000, "the factory goes before the name");
    assert!(notifier.set_properties_from_file("/nonexistent").is_err());
    assert!(notifier.set_default_properties(&identity("x")).is_none());
}

#[test]
fn bit_rates_are_clamped_and_scaled() {
    gst::init().unwrap();
    assert!(!defaults::set_bitrate(&identity("no-bitrate"), 64_000));
    // (factory, what is asked in bit/s, what the property then is)
    for (factory, asked, expected) in [
        ("opusenc", 32_000, 32_000),
        ("opusenc", 1, 4_000),
        ("x264enc", 512_000, 512),
        ("opusenc", i64::MAX, 650_000),
    ] {
        let Ok(encoder) = gst::ElementFactory::make(factory).build() else {
            eprintln!("{factory} is not installed");
            continue;
        };
        assert!(defaults::set_bitrate(&encoder, asked));
        let value = encoder.property_value("bitrate").transform::<i64>().unwrap().get::<i64>().unwrap();
        assert_eq!(value, expected, "{factory} {asked}");
    }
}
