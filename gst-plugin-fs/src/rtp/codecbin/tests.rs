//! Every discovered audio codec carries a tone from a send bin to a receive bin.

use std::sync::{Arc, Mutex};

use fs_proto::MediaType;

use super::*;
use crate::rtp::discovery::blueprints;
use crate::rtp::discovery::caps::codec_to_caps;

/// What came out of `audiotestsrc ! send bin ! RTP caps ! receive bin`.
#[derive(Default)]
struct Heard {
    packets: Vec<(u8, usize)>,
    samples: usize,
    loud: usize,
    messages: Vec<String>,
}

fn blueprint(name: &str, id: Option<i32>) -> Blueprint {
    gst::init().unwrap();
    let all = blueprints(MediaType::Audio).unwrap();
    all.iter().find(|b| b.codec.is_encoding(name) && id.is_none_or(|id| b.codec.id == id)).cloned().unwrap()
}

/// Runs 40 buffers of 25 ms of a loud tone through both bins.
fn run(blueprint: &Blueprint, codec: &Codec) -> Heard {
    let heard = Arc::new(Mutex::new(Heard::default()));
    let pipeline = gst::Pipeline::new();
    let source = gst::ElementFactory::make("audiotestsrc")
        .property("num-buffers", 40)
        .property("samplesperbuffer", 1200)
        .property("freq", 440.0)
        .build()
        .unwrap();
    let input = gst::ElementFactory::make("capsfilter")
        .property("caps", "audio/x-raw,rate=48000,channels=1".parse::<gst::Caps>().unwrap())
        .build()
        .unwrap();
    let send = build_send(blueprint, codec, "send").unwrap();
    let rtp = gst::ElementFactory::make("capsfilter").property("caps", codec_to_caps(codec)).build().unwrap();
    let recv = build_recv(blueprint, codec, "recv").unwrap();
    let convert = gst::ElementFactory::make("audioconvert").build().unwrap();
    let output = gst::ElementFactory::make("capsfilter")
        .property("caps", "audio/x-raw,format=S16LE,channels=1".parse::<gst::Caps>().unwrap())
        .build()
        .unwrap();
    let sink = gst::ElementFactory::make("fakesink").property("sync", false).build().unwrap();
    let all = [&source, &input, send.upcast_ref(), &rtp, recv.upcast_ref(), &convert, &output, &sink];
    pipeline.add_many(all).unwrap();
    gst::Element::link_many(all).unwrap();
    watch(&rtp, &heard, |heard, data| heard.packets.push((data[1] & 0x7f, data.len() - 12)));
    watch(&output, &heard, |heard, data| {
        for sample in data.chunks_exact(2) {
            heard.samples += 1;
            heard.loud += usize::from(i16::from_le_bytes([sample[0], sample[1]]).unsigned_abs() > 8000);
        }
    });
    pipeline.set_state(gst::State::Playing).unwrap();
    let bus = pipeline.bus().unwrap();
    let wanted = [gst::MessageType::Eos, gst::MessageType::Error, gst::MessageType::Warning];
    while let Some(message) = bus.timed_pop_filtered(gst::ClockTime::from_seconds(20), &wanted) {
        match message.view() {
            gst::MessageView::Eos(_) => break,
            gst::MessageView::Error(e) => {
                heard.lock().unwrap().messages.push(format!("{} {:?}", e.error(), e.debug()));
                break;
            }
            gst::MessageView::Warning(w) => {
                heard.lock().unwrap().messages.push(format!("{} {:?}", w.error(), w.debug()));
            }
            _ => {}
        }
    }
    pipeline.set_state(gst::State::Null).unwrap();
    std::mem::take(&mut *heard.lock().unwrap())
}

fn watch(
    element: &gst::Element,
    heard: &Arc<Mutex<Heard>>,
    note: impl Fn(&mut Heard, &[u8]) + Send + Sync + 'static,
) {
    let heard = heard.clone();
    let types = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    element.static_pad("src").unwrap().add_probe(types, move |_, info| {
        let mut heard = heard.lock().unwrap();
        match &info.data {
            Some(gst::PadProbeData::Buffer(b)) => note(&mut heard, &b.map_readable().unwrap()),
            Some(gst::PadProbeData::BufferList(l)) => {
                l.iter().for_each(|b| note(&mut heard, &b.map_readable().unwrap()));
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

fn with_pt(blueprint: &Blueprint) -> Codec {
    let mut codec = blueprint.codec.clone();
    if codec.id < 0 {
        codec.id = 97;
    }
    codec
}

#[test]
fn every_raw_audio_codec_with_a_known_rate_carries_a_tone() {
    gst::init().unwrap();
    let raw: gst::Caps = "audio/x-raw".parse().unwrap();
    let mut carried = Vec::new();
    for b in blueprints(MediaType::Audio).unwrap().iter() {
        if !b.input_caps.can_intersect(&raw) || !b.output_caps.can_intersect(&raw) || b.codec.clock_rate == 0
        {
            continue;
        }
        let codec = with_pt(b);
        let heard = run(b, &codec);
        assert!(heard.messages.is_empty(), "{codec}: {:?}", heard.messages);
        assert!(
            heard.packets.iter().all(|(pt, _)| i32::from(*pt) == codec.id),
            "{codec}: {:?}",
            heard.packets
        );
        assert!(
            heard.loud * 2 > heard.samples && heard.samples > 3000,
            "{codec}: {} of {} samples are loud",
            heard.loud,
            heard.samples
        );
        carried.push(codec.encoding_name);
    }
    for name in ["OPUS", "PCMU", "PCMA"] {
        assert!(carried.iter().any(|c| c == name), "{name} is among {carried:?}");
    }
}

#[test]
fn a_codec_with_several_rates_takes_the_one_asked_for() {
    for (name, rate, channels) in
        [("SPEEX", 8000, 1), ("SPEEX", 16000, 1), ("L16", 16000, 1), ("L16", 48000, 2)]
    {
        let b = blueprint(name, Some(Codec::ID_ANY));
        let mut codec = with_pt(&b).with_channels(channels);
        codec.clock_rate = rate;
        let heard = run(&b, &codec);
        assert!(heard.messages.is_empty(), "{codec}: {:?}", heard.messages);
        assert!(
            heard.loud * 2 > heard.samples,
            "{codec}: {} of {} samples are loud",
            heard.loud,
            heard.samples
        );
        let seconds = heard.samples as f64 / f64::from(rate);
        assert!((0.8..1.2).contains(&seconds), "{codec}: {seconds} s at that rate");
    }
}

#[test]
fn sample_based_packets_hold_the_negotiated_time() {
    for (parameters, length) in
        [(&[][..], 160), (&[("ptime", "30")], 240), (&[("ptime", "10")], 80), (&[("maxptime", "10")], 80)]
    {
        let b = blueprint("PCMU", None);
        let codec = parameters.iter().fold(b.codec.clone(), |c, (n, v)| c.with_param(n, v));
        let heard = run(&b, &codec);
        let (last, full) = heard.packets.split_last().unwrap();
        assert!(full.iter().all(|(_, l)| *l == length), "{codec}: {:?}", heard.packets);
        assert!(last.1 <= length);
    }
}

#[test]
fn a_missing_element_is_named() {
    gst::init().unwrap();
    let mut b = blueprint("PCMU", None);
    let codec = b.codec.clone();
    b.send[0] = vec!["no-such-element".into(), "audioconvert".into()];
    assert!(build_send(&b, &codec, "send").is_ok(), "the second alternative serves");
    b.send[0] = vec!["no-such-element".into()];
    let error = build_send(&b, &codec, "send").unwrap_err();
    assert!(error.matches(fs_core::Error::Construction));
    assert!(error.message().contains("no-such-element") && error.message().contains("PCMU"), "{error}");
    b.send.clear();
    assert!(build_send(&b, &codec, "send").unwrap_err().matches(fs_core::Error::Construction));
}
