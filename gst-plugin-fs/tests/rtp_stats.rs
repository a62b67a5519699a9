//! What a GStreamer user asks a running call: statistics, inner elements, latency, a graph.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use fs_core::prelude::*;
use fs_proto::{Codec, StreamDirection};
use gst::prelude::*;

use support::peer::{Peer, listening, rtcp, wait_until};
use support::{Side, audio};

const LOW: f64 = 440.0;
const HIGH: f64 = 660.0;

fn stats(object: &impl IsA<glib::Object>) -> gst::Structure {
    object.property::<gst::Structure>("stats")
}

/// Two sides in a call with one codec.
fn call(codec: &Codec) -> (Side, Side) {
    let (a, b) = (Side::new("a", LOW, StreamDirection::BOTH), Side::new("b", HIGH, StreamDirection::BOTH));
    for side in [&a, &b] {
        let mut preferences = vec![codec.clone()];
        for other in side.session.codecs_without_config() {
            if !codec.is_encoding(&other.encoding_name) {
                preferences.push(Codec { id: Codec::ID_DISABLE, ..other });
            }
        }
        side.session.set_codec_preferences(&preferences).unwrap();
    }
    let (of_a, of_b) = (a.open(), b.open());
    b.stream.set_remote_codecs(&a.session.codecs_without_config()).unwrap();
    a.stream.set_remote_codecs(&b.session.codecs_without_config()).unwrap();
    a.stream.force_remote_candidates(&of_b).unwrap();
    b.stream.force_remote_candidates(&of_a).unwrap();
    a.heard.wait_for_tone(HIGH);
    b.heard.wait_for_tone(LOW);
    (a, b)
}

#[test]
fn a_call_is_counted() {
    let (a, b) = call(&audio(0, "PCMU", 8000));
    // Reports go both ways after about 5 s at most; round-trip time needs two.
    wait_until("a round-trip time", || stats(&a.stream).get::<f64>("round-trip-time").is_ok());
    // GStreamer reckons a source's bit rate over two seconds, and the first report may come before.
    wait_until("a bit rate", || stats(&a.stream).get::<u64>("bitrate-received").is_ok_and(|rate| rate > 0));
    let of_session = stats(&a.session);
    assert_eq!(of_session.name(), "application/x-farstream-session-stats");
    assert_eq!(of_session.get::<u32>("id"), Ok(1));
    assert_eq!(of_session.get::<&str>("kind"), Ok("audio"));
    assert_eq!(of_session.get::<u32>("ssrc").unwrap(), a.session.property::<u32>("ssrc"));
    let codec = of_session.get::<gst::Structure>("codec").unwrap();
    assert_eq!(codec.get::<&str>("mime-type"), Ok("audio/PCMU"));
    assert_eq!((codec.get::<u32>("payload-type"), codec.get::<u32>("clock-rate")), (Ok(0), Ok(8000)));
    let sent = of_session.get::<u64>("packets-sent").unwrap();
    assert!(sent > 50, "{of_session}");
    assert_eq!(of_session.get::<u64>("bytes-sent"), Ok(sent * 160), "20 ms of PCMU a packet");

    let of_stream = stats(&a.stream);
    let received = of_stream.get::<u64>("packets-received").unwrap();
    assert!(received > 50, "{of_stream}");
    assert_eq!(of_stream.get::<u64>("bytes-received"), Ok(received * 160));
    assert_eq!(of_stream.get::<i64>("packets-lost"), Ok(0));
    let emitted = of_stream.get::<u64>("jitter-buffer-emitted-count").unwrap();
    assert!(emitted > 0 && emitted <= received, "{of_stream}");
    assert!(of_stream.get::<u32>("jitter-buffer-fill").unwrap() <= 200, "latency is 100 ms: {of_stream}");
    assert!(of_stream.get::<f64>("jitter").unwrap() < 0.5);
    assert!(of_stream.get::<f64>("round-trip-time").unwrap() < 0.5);
    assert_eq!(of_stream.get::<f64>("remote-fraction-lost"), Ok(0.0));
    let bitrate = of_stream.get::<u64>("bitrate-received").unwrap();
    assert!((40_000..=120_000).contains(&bitrate), "PCMU has 64 kbit/s: {of_stream}");
    assert!(of_stream.get::<gst::Structure>("codec").unwrap().get::<&str>("mime-type") == Ok("audio/PCMU"));
    // The transmitter counts what reports and headers add.
    let transmitter = of_stream.get::<gst::Structure>("transmitter").unwrap();
    let components = transmitter.get::<gst::Array>("components").unwrap();
    let media = components[0].get::<gst::Structure>().unwrap();
    assert!(media.get::<u64>("packets-received").unwrap() >= received, "{media}");
    assert!(media.get::<u64>("bytes-sent").unwrap() > sent * 160, "{media}");
    // The one source in it, and the stream in the session's, and that in the conference's.
    let ssrc = b.session.property::<u32>("ssrc");
    let source = of_stream.get::<gst::Structure>(format!("ssrc-{ssrc}")).unwrap();
    assert_eq!(source.get::<u64>("packets-received"), Ok(received));
    let of_conference = stats(&a.conference);
    let inner = of_conference.get::<gst::Structure>("session-1").unwrap();
    let inner = inner.get::<gst::Structure>("stream-1").unwrap();
    assert!(inner.get::<u64>("packets-received").unwrap() >= received);
    assert!(of_conference.get::<u64>("packets-sent").unwrap() >= sent);
    assert!(a.session.find_property("stats").unwrap().flags() == glib::ParamFlags::READABLE);
    let base = fs_core::Session::static_type();
    let class = glib::Class::<glib::Object>::from_type(base).unwrap();
    assert!(class.find_property("stats").is_none(), "it lives on our types only");
    a.end();
    b.end();
}

#[test]
fn losses_and_sources_that_left_stay_counted() {
    let (side, to, control) = listening(-1);
    side.conference.set_property("latency", 600u32);
    let peer = Peer::new();
    side.stream.force_remote_candidates(&[peer.candidate(1), peer.candidate(2)]).unwrap();
    let send = |ssrc: u32, sequences: &[u16]| {
        for sequence in sequences {
            peer.socket.send_to(&support::peer::rtp(0, *sequence, ssrc), to).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    };
    send(0x51, &[0, 1, 2, 3, 4, 7, 8, 9]);
    wait_until("eight packets", || stats(&side.stream).get::<u64>("packets-received") == Ok(8));
    assert_eq!(stats(&side.stream).get::<i64>("packets-lost"), Ok(2));
    // What came after the gap waits for what is missing: from packet 4 to packet 9 are 100 ms.
    wait_until("a fill", || stats(&side.stream).get::<u32>("jitter-buffer-fill") == Ok(100));
    peer.socket.send_to(&rtcp(0x51, "x", true), control).unwrap();
    wait_until("the end of it", || side.stream.iterate_src_pads().is_empty());
    assert_eq!(stats(&side.stream).get::<u64>("packets-received"), Ok(8));
    send(0x52, &[0, 1, 2, 3, 4]);
    wait_until("all of both", || stats(&side.stream).get::<u64>("packets-received") == Ok(13));
    let sum = stats(&side.session);
    assert_eq!(sum.get::<i64>("packets-lost"), Ok(2), "{sum}");
    assert!(sum.get::<gst::Structure>("stream-1").unwrap().has_field("ssrc-82"));
    side.end();
}

#[test]
fn inner_elements_are_children() {
    let (a, b) = call(&audio(Codec::ID_ANY, "OPUS", 48000));
    let proxy = a.conference.dynamic_cast_ref::<gst::ChildProxy>().unwrap();
    let rtpbin = proxy.child_by_name("rtpbin").expect("by its factory");
    assert_eq!(rtpbin.type_().name(), "GstRtpBin");
    proxy.set_child_property("rtpbin::latency", 60u32);
    assert_eq!(a.conference.property::<u32>("latency"), 60);
    proxy.set_child_property("opusenc::complexity", 3i32);
    assert_eq!(proxy.child_property::<i32>("opusenc::complexity"), 3);
    let decoder = proxy.child_by_name("opusdec").expect("deep inside a bin");
    assert_eq!(decoder.downcast::<gst::Element>().unwrap().factory().unwrap().name(), "opusdec");
    assert!(!proxy.child_by_name("valve_send_1").unwrap().property::<bool>("drop"));
    assert!(proxy.child_by_name("nosuch").is_none());
    let count = proxy.children_count();
    assert_eq!(count as usize, a.conference.children().len());
    assert!(proxy.child_by_index(0).is_some() && proxy.child_by_index(count).is_none());
    a.end();
    b.end();
}

#[test]
fn latency_is_answered() {
    let (a, b) = call(&audio(0, "PCMU", 8000));
    let pad = a.stream.iterate_src_pads().remove(0);
    let mut query = gst::query::Latency::new();
    assert!(pad.query(&mut query), "a pad answers");
    let (live, min, _) = query.result();
    assert!(live && min >= gst::ClockTime::from_mseconds(100), "{query:?}");
    let mut query = gst::query::Latency::new();
    assert!(a.conference.query(&mut query), "the element answers");
    let mut query = gst::query::Latency::new();
    assert!(a.pipeline.query(&mut query), "the pipeline answers");
    // Another latency is seen.
    a.conference.set_property("latency", 250u32);
    wait_until("the new latency", || {
        let mut query = gst::query::Latency::new();
        pad.query(&mut query) && query.result().1 >= gst::ClockTime::from_mseconds(250)
    });
    a.end();
    b.end();
}

/// What gst-inspect shows of each element and each class it gives out.
#[test]
fn every_element_describes_itself() {
    support::init();
    let ours = |pspec: &glib::ParamSpec| pspec.owner_type().name().starts_with("Fs");
    let told = |object: &glib::Object| {
        for pspec in object.list_properties().iter().filter(|pspec| ours(pspec)) {
            let text = pspec.blurb().unwrap_or_default();
            assert!(text.len() > 10 && text.contains(' '), "{}: '{text}'", pspec.name());
        }
    };
    for (name, klass) in [
        ("fsrtpconference", "Generic/Bin/RTP"),
        ("fsrawconference", "Generic/Bin"),
        ("fsvideoanyrate", "Filter"),
        ("fsrtpxdatapay", "Codec/Payloader/Network/RTP"),
        ("fsrtpxdatadepay", "Codec/Depayloader/Network/RTP"),
    ] {
        let factory = gst::ElementFactory::find(name).unwrap();
        assert_eq!(factory.klass(), klass);
        assert_eq!(factory.metadata("author"), Some("The Farstream authors"), "{name}");
        for key in ["long-name", "description"] {
            assert!(factory.metadata(key).is_some_and(|text| text.contains(' ')), "{name}: {key}");
        }
        assert!(factory.num_pad_templates() > 0, "{name}");
        told(factory.create().build().unwrap().upcast_ref());
    }
    let side = Side::new("a", LOW, StreamDirection::BOTH);
    told(side.session.upcast_ref());
    told(side.stream.upcast_ref());
    told(side.participant.upcast_ref());
    side.end();
}

/// In a graph each element of a session says what it is for and whose it is, and those of transmitters what they are.
#[test]
fn a_graph_names_what_it_shows() {
    let (a, b) = call(&audio(0, "PCMU", 8000));
    let names: Vec<String> = a.conference.children().iter().map(|child| child.name().to_string()).collect();
    let numbered = |name: &String| {
        name.starts_with("rtpbin")
            || name.starts_with("fs")
            || name.split('_').skip(1).any(|part| part.parse::<u32>().is_ok())
    };
    let strange: Vec<&String> = names.iter().filter(|name| !numbered(name)).collect();
    assert!(strange.is_empty(), "{strange:?} of {names:?}");
    let graph = a.conference.debug_to_dot_data(gst::DebugGraphDetails::all());
    for name in names.iter().map(String::as_str).chain(["mulawenc", "rtppcmupay", "rtppcmudepay"]) {
        assert!(graph.contains(name), "{name}");
    }
    a.end();
    b.end();
}
