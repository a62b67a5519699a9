//! `fsrawconference` end to end: two conferences in one process over rawudp on 127.0.0.1.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use std::time::{Duration, Instant};

use fs_core::messages::Parsed;
use fs_core::prelude::*;
use fs_core::{Error, StreamTransmitter};
use fs_proto::{Codec, MediaType, StreamDirection};
use gst::prelude::*;

use support::loopback;
use support::media::MediaSide;

const EAR: &str = "fakesink name=end sync=false async=false";
const NARROW: &str =
    "audio/x-raw, format=(string)S16LE, layout=(string)interleaved, rate=(int)8000, channels=(int)1";
const WIDE: &str =
    "audio/x-raw, format=(string)S16LE, layout=(string)interleaved, rate=(int)16000, channels=(int)1";
const BYTES: &str = "application/octet-stream";

fn codec(media: MediaType, caps: &str) -> Codec {
    Codec::new(Codec::ID_ANY, caps, media, 0)
}

fn speaker(wave: &str) -> MediaSide {
    let source = format!(
        "audiotestsrc is-live=true samplesperbuffer=960 wave={wave} ! \
         capsfilter caps=\"audio/x-raw,format=F32LE,rate=48000,channels=1\""
    );
    MediaSide::new("fsrawconference", MediaType::Audio, &source, EAR)
}

fn bytes() -> MediaSide {
    let source = format!("appsrc name=bytes is-live=true format=time do-timestamp=true caps={BYTES}");
    MediaSide::new("fsrawconference", MediaType::Application, &source, EAR)
}

fn connect(a: &MediaSide, b: &MediaSide) {
    let (of_a, of_b) = (a.open(1), b.open(1));
    a.stream.force_remote_candidates(&of_b).unwrap();
    b.stream.force_remote_candidates(&of_a).unwrap();
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + support::PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "{what} does not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn caps_of(side: &MediaSide) -> Option<gst::Caps> {
    side.stream.iterate_src_pads().first()?.current_caps()
}

#[test]
fn sound_goes_both_ways_in_the_formats_asked_for() {
    let (a, b) = (speaker("sine"), speaker("silence"));
    a.play();
    b.play();
    connect(&a, &b);
    // a gets wide sound and sends narrow; b the other way round.
    let (narrow, wide) = (codec(MediaType::Audio, NARROW), codec(MediaType::Audio, WIDE));
    a.stream.set_remote_codecs(&[wide.clone(), narrow.clone()]).unwrap();
    b.stream.set_remote_codecs(&[narrow.clone(), wide.clone()]).unwrap();
    a.wait(20);
    b.wait(20);
    // The first buffers are those of a resampler that fills.
    let settled = |side: &MediaSide| side.got.all().split_off(5);
    assert!(settled(&b).iter().all(|buffer| buffer.len() == 320), "20 ms at 8000 Hz");
    assert!(settled(&a).iter().all(|buffer| buffer.len() == 640 && buffer.iter().all(|byte| *byte == 0)));
    let loud = |buffer: &Vec<u8>| {
        buffer.chunks_exact(2).any(|s| i16::from_le_bytes([s[0], s[1]]).unsigned_abs() > 8000)
    };
    assert!(settled(&b).iter().all(loud));
    assert_eq!(caps_of(&b), Some(NARROW.parse().unwrap()));
    assert_eq!(caps_of(&a), Some(WIDE.parse().unwrap()));
    assert_eq!(a.session.current_send_codec(), Some(narrow.clone()), "what is sent, not what is received");
    assert_eq!(a.session.codecs(), [wide.clone(), narrow.clone()]);
    assert_eq!(a.session.codecs_without_config(), a.stream.remote_codecs());
    assert_eq!(b.stream.current_recv_codecs(), std::slice::from_ref(&narrow));
    let mut wanted = vec!["send", "pair", "recv"];
    while !wanted.is_empty() {
        let seen = match a.next_message() {
            Parsed::SendCodecChanged { codec, secondary_codecs, .. } => {
                assert_eq!(codec, narrow);
                assert!(secondary_codecs.is_empty());
                "send"
            }
            Parsed::NewActiveCandidatePair { .. } => "pair",
            Parsed::RecvCodecsChanged { codecs, .. } => {
                assert_eq!(codecs, std::slice::from_ref(&wide));
                "recv"
            }
            Parsed::CodecsChanged { .. } => panic!("raw sessions have no such message"),
            _ => "",
        };
        wanted.retain(|w| *w != seen);
    }
    // It is counted: 20 ms a buffer.
    let stats = |object: &glib::Object| object.property::<gst::Structure>("stats");
    let number = |stats: &gst::Structure, field: &str| stats.get::<u64>(field).unwrap();
    let (sent, received) = (stats(a.session.upcast_ref()), stats(b.stream.upcast_ref()));
    assert!(number(&sent, "packets-sent") >= 20 && number(&received, "packets-received") >= 20);
    assert!(number(&received, "bytes-received") >= 15 * 320, "{received}");
    assert_eq!(received.get::<&str>("codec"), Ok(NARROW));
    let all = stats(b.conference.upcast_ref()).get::<gst::Structure>("session-1").unwrap();
    assert!(all.has_field("stream-1") && number(&all, "packets-received") >= 20, "{all}");
    let proxy = a.conference.dynamic_cast_ref::<gst::ChildProxy>().unwrap();
    assert!(proxy.child_by_name("audioresample").is_some(), "inner elements by their factory");
    // Another format in the middle of the call.
    b.stream.set_remote_codecs(std::slice::from_ref(&wide)).unwrap();
    a.stream.set_remote_codecs(std::slice::from_ref(&wide)).unwrap();
    wait_until("the wide format", || caps_of(&b) == Some(WIDE.parse().unwrap()));
    b.got.clear();
    wait_until("wide sound", || b.got.all().last().is_some_and(|buffer| buffer.len() == 640));
    for side in [&a, &b] {
        let complaints = side.complaints.lock().unwrap();
        assert!(complaints.is_empty(), "{complaints:?}");
    }
    a.end();
    b.end();
}

#[test]
fn application_sessions_carry_bytes() {
    let (a, b) = (bytes(), bytes());
    a.play();
    b.play();
    connect(&a, &b);
    let anything = [codec(MediaType::Application, BYTES)];
    a.stream.set_remote_codecs(&anything).unwrap();
    b.stream.set_remote_codecs(&anything).unwrap();
    let mut sent = Vec::new();
    for n in 0..20u32 {
        let message = n.to_be_bytes().repeat(1 + n as usize);
        let source = a.source.downcast_ref::<gst::Bin>().unwrap().by_name("bytes").unwrap();
        let buffer = gst::Buffer::from_slice(message.clone());
        assert_eq!(source.emit_by_name::<gst::FlowReturn>("push-buffer", &[&buffer]), gst::FlowReturn::Ok);
        sent.push(message);
        std::thread::sleep(Duration::from_millis(2));
    }
    b.wait(20);
    assert_eq!(b.got.all(), sent, "each message as it was");
    a.end();
    b.end();
}

#[test]
fn directions_open_and_close() {
    let (a, b) = (speaker("sine"), speaker("sine"));
    a.play();
    b.play();
    connect(&a, &b);
    for side in [&a, &b] {
        side.stream.set_remote_codecs(&[codec(MediaType::Audio, NARROW)]).unwrap();
    }
    for side in [&a, &b] {
        side.wait(5);
    }
    a.stream.set_direction(StreamDirection::RECV);
    let quiet = |side: &MediaSide| {
        wait_until("silence", || {
            let before = side.got.len();
            std::thread::sleep(Duration::from_millis(200));
            side.got.len() == before
        });
    };
    quiet(&b);
    a.got.clear();
    a.wait(5);
    a.stream.set_direction(StreamDirection::SEND);
    quiet(&a);
    b.got.clear();
    b.wait(5);
    a.end();
    b.end();
}

#[test]
fn what_a_raw_session_cannot_do_it_says() {
    let side = speaker("silence");
    let session = &side.session;
    let pcmu = codec(MediaType::Audio, "PCMU");
    for error in [
        session.set_send_codec(&pcmu).unwrap_err(),
        session.set_codec_preferences(&[pcmu]).unwrap_err(),
        session.set_allowed_caps(Some(&gst::Caps::new_any()), None).unwrap_err(),
        session.set_encryption_parameters(None).unwrap_err(),
    ] {
        assert!(error.matches(Error::NotImplemented), "{error:?}");
    }
    assert!(!session.start_telephony_event(1, 10) && !session.stop_telephony_event());
    assert_eq!(session.stream_transmitter_type("nosuch"), glib::Type::UNIT);
    assert!(session.stream_transmitter_type("rawudp").is_a(StreamTransmitter::static_type()));
    assert!(session.codecs().is_empty() && session.current_send_codec().is_none());
    for bad in [vec![], vec![codec(MediaType::Audio, "")], vec![codec(MediaType::Audio, "audio/x-raw"); 3]] {
        let error = side.stream.set_remote_codecs(&bad).unwrap_err();
        assert!(error.matches(Error::InvalidArguments), "{error:?}");
    }
    let error = session.new_stream(&side.participant, StreamDirection::BOTH).unwrap_err();
    assert!(error.matches(Error::AlreadyExists), "{error:?}");
    side.open(1);
    let error = side.stream.set_transmitter("rawudp", &loopback()).unwrap_err();
    assert!(error.matches(Error::AlreadyExists), "{error:?}");
    assert!(side.stream.property::<Option<StreamTransmitter>>("stream-transmitter").is_some());
    let stranger = gst::ElementFactory::make("fsrtpconference").build().unwrap();
    let stranger = stranger.downcast::<fs_core::Conference>().unwrap().new_participant().unwrap();
    side.stream.destroy();
    let error = side.session.new_stream(&stranger, StreamDirection::BOTH).unwrap_err();
    assert!(error.matches(Error::InvalidArguments), "{error:?}");
    // The place is free again.
    let again = side.session.new_stream(&side.participant, StreamDirection::BOTH).unwrap();
    assert!(again.set_transmitter("nosuch", &[]).is_err());
    again.set_transmitter("rawudp", &loopback()[..0]).unwrap();
    again.destroy();
    side.end();
}

#[test]
fn nothing_is_left_behind() {
    let (a, b) = (speaker("sine"), speaker("sine"));
    a.play();
    b.play();
    connect(&a, &b);
    for side in [&a, &b] {
        side.stream.set_remote_codecs(&[codec(MediaType::Audio, NARROW)]).unwrap();
    }
    for side in [&a, &b] {
        side.wait(5);
        assert_eq!(side.stream.iterate_src_pads()[0].name(), "src_1");
        assert_eq!(side.session.sink_pad().name(), "sink_1");
    }
    let names = ["send_valve_1", "send_tee_1", "send_capsfilter_1"];
    assert!(names.iter().all(|name| a.conference.by_name(name).is_some()));
    a.source.set_locked_state(true);
    let _ = a.source.set_state(gst::State::Null);
    // The session takes its stream along, while data comes.
    a.session.destroy();
    assert!(a.stream.iterate_src_pads().is_empty());
    assert_eq!(a.conference.num_pads(), 0);
    assert!(a.conference.children().is_empty(), "{:?}", a.conference.children());
    assert!(a.stream.set_remote_codecs(&[]).unwrap_err().matches(Error::Disposed));
    let weak = (a.conference.downgrade(), a.session.downgrade(), a.stream.downgrade());
    a.pipeline.set_state(gst::State::Null).unwrap();
    drop(a);
    wait_until("the end of all objects", || {
        weak.0.upgrade().is_none() && weak.1.upgrade().is_none() && weak.2.upgrade().is_none()
    });
    b.end();
}

#[test]
fn the_element_is_described() {
    support::init();
    let factory = gst::ElementFactory::find("fsrawconference").unwrap();
    assert_eq!(factory.rank(), gst::Rank::NONE);
    assert_eq!(factory.create().build().unwrap().type_().name(), "FsRawConference");
    let names: Vec<_> =
        factory.static_pad_templates().iter().map(|t| t.name_template().to_string()).collect();
    assert_eq!(names, ["sink_%d", "src_%d"]);
}
