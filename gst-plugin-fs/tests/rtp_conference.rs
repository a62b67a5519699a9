//! `fsrtpconference` end to end: two conferences in one process over rawudp on 127.0.0.1.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use std::time::{Duration, Instant};

use fs_core::Error;
use fs_core::messages::Parsed;
use fs_core::prelude::*;
use fs_proto::{Codec, MediaType, StreamDirection};
use gst::prelude::*;

use support::peer::wait_until;
use support::{Side, audio, loopback};

const LOW: f64 = 440.0;
const HIGH: f64 = 660.0;

/// Offers from `a` to `b` and back, and lets media flow; `wanted` limits what `a` prefers. When the second
/// `force_remote_candidates` returned.
fn connect(a: &Side, b: &Side, wanted: &[Codec]) -> Instant {
    if !wanted.is_empty() {
        let mut preferences = wanted.to_vec();
        for codec in a.session.codecs_without_config() {
            if !wanted.iter().any(|w| w.is_encoding(&codec.encoding_name)) {
                preferences.push(Codec { id: Codec::ID_DISABLE, ..codec });
            }
        }
        a.session.set_codec_preferences(&preferences).unwrap();
    }
    let (of_a, of_b) = (a.open(), b.open());
    b.stream.set_remote_codecs(&a.session.codecs_without_config()).unwrap();
    a.stream.set_remote_codecs(&b.session.codecs_without_config()).unwrap();
    a.stream.force_remote_candidates(&of_b).unwrap();
    b.stream.force_remote_candidates(&of_a).unwrap();
    Instant::now()
}

fn pair(direction: StreamDirection) -> (Side, Side) {
    (Side::new("a", LOW, direction), Side::new("b", HIGH, direction))
}

fn call_with(codec: &Codec) {
    let (a, b) = pair(StreamDirection::BOTH);
    let start = connect(&a, &b, std::slice::from_ref(codec));
    a.heard.wait_for_tone(HIGH);
    b.heard.wait_for_tone(LOW);
    for side in [&a, &b] {
        let first = side.heard.first().unwrap().saturating_duration_since(start);
        println!("{}: first sample {:.1} ms after the second force_remote_candidates", codec, ms(first));
        let sent = side.session.current_send_codec().expect("it sends");
        assert!(sent.is_encoding(&codec.encoding_name), "{sent}");
        let received = side.stream.current_recv_codecs();
        assert_eq!(received.len(), 1, "{received:?}");
        assert!(received[0].is_encoding(&codec.encoding_name));
        assert_eq!(side.stream.iterate_src_pads().len(), 1);
    }
    a.end();
    b.end();
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[test]
fn pcmu_both_ways() {
    call_with(&audio(0, "PCMU", 8000));
}

#[test]
fn pcma_both_ways() {
    call_with(&audio(8, "PCMA", 8000));
}

#[test]
fn opus_both_ways() {
    call_with(&audio(Codec::ID_ANY, "OPUS", 48000));
}

#[test]
fn the_element_is_described_as_in_c() {
    support::init();
    let factory = gst::ElementFactory::find("fsrtpconference").unwrap();
    assert_eq!(factory.metadata("long-name"), Some("Farstream RTP Conference"));
    assert_eq!(factory.klass(), "Generic/Bin/RTP");
    let conference = factory.create().build().unwrap();
    assert_eq!(conference.type_().name(), "FsRtpConference");
    assert_eq!(conference.property::<u32>("latency"), 100);
    conference.set_property("latency", 40u32);
    let bin = conference.downcast_ref::<gst::Bin>().unwrap();
    let rtpbin = bin.children().into_iter().find(|c| c.factory().is_some_and(|f| f.name() == "rtpbin"));
    assert_eq!(rtpbin.unwrap().property::<u32>("latency"), 40);
}

#[test]
fn a_session_has_its_named_children_and_none_for_srtp() {
    let side = Side::new("a", LOW, StreamDirection::BOTH);
    for name in [
        "valve_send_1",
        "send_rtp_capsfilter_1",
        "send_rtp_muxer_1",
        "send_rtp_tee_1",
        "send_rtcp_tee_1",
        "recv_rtp_funnel_1",
        "recv_rtcp_funnel_1",
    ] {
        assert!(side.conference.by_name(name).is_some(), "{name}");
    }
    assert!(side.conference.by_name("srtpenc_1").is_none());
    assert_eq!(side.session.sink_pad().name(), "sink_1");
    assert_eq!(side.session.property::<i32>("no-rtcp-timeout"), 7000);
    assert!(side.session.property::<Option<glib::Object>>("internal-session").is_some());
    let second = side.conference.new_session(MediaType::Audio).unwrap();
    assert_eq!(second.id(), 2);
    second.destroy();
    assert!(side.conference.by_name("valve_send_2").is_none());
    assert!(side.conference.static_pad("sink_2").is_none());
    side.end();
}

#[test]
fn messages_tell_the_course_of_a_call() {
    let (a, b) = pair(StreamDirection::BOTH);
    a.wait_for(|m| matches!(m, Parsed::CodecsChanged { .. }).then_some(()));
    connect(&a, &b, &[]);
    let mut wanted = vec!["prepared", "send", "pair", "recv"];
    while !wanted.is_empty() {
        let seen = match a.next_message() {
            Parsed::LocalCandidatesPrepared { .. } => "prepared",
            Parsed::SendCodecChanged { codec, session, secondary_codecs } => {
                assert_eq!(session, a.session);
                let rates: Vec<u32> = secondary_codecs.iter().map(|c| c.clock_rate).collect();
                assert_eq!(rates, [codec.clock_rate], "telephone events go with it: {secondary_codecs:?}");
                assert!(secondary_codecs[0].is_encoding("telephone-event"));
                assert_eq!(a.session.current_send_codec(), Some(codec));
                "send"
            }
            Parsed::NewActiveCandidatePair { stream, .. } => {
                assert_eq!(stream, a.stream);
                "pair"
            }
            Parsed::RecvCodecsChanged { stream, codecs } => {
                assert_eq!(stream, a.stream);
                assert!(!codecs.is_empty());
                "recv"
            }
            _ => "",
        };
        wanted.retain(|w| *w != seen);
    }
    a.end();
    b.end();
}

#[test]
fn direction_opens_and_closes_each_way() {
    let (a, b) = pair(StreamDirection::BOTH);
    connect(&a, &b, &[]);
    a.heard.wait_for_tone(HIGH);
    b.heard.wait_for_tone(LOW);
    a.stream.set_direction(StreamDirection::RECV);
    quiet(&b);
    a.heard.clear();
    a.heard.wait_for_tone(HIGH);
    a.stream.set_direction(StreamDirection::SEND);
    quiet(&a);
    b.heard.clear();
    b.heard.wait_for_tone(LOW);
    a.stream.set_direction(StreamDirection::BOTH);
    a.heard.clear();
    a.heard.wait_for_tone(HIGH);
    a.end();
    b.end();
}

/// Waits until nothing is heard for 300 ms.
fn quiet(side: &Side) {
    let end = Instant::now() + support::PATIENCE;
    loop {
        let before = side.heard.len();
        std::thread::sleep(Duration::from_millis(300));
        if side.heard.len() == before {
            return;
        }
        assert!(Instant::now() < end, "it does not become quiet");
    }
}

#[test]
fn a_second_transmitter_is_refused() {
    let side = Side::new("a", LOW, StreamDirection::BOTH);
    side.open();
    let error = side.stream.set_transmitter("rawudp", &loopback()).unwrap_err();
    assert!(error.matches(Error::AlreadyExists), "{error:?}");
    let candidate = fs_proto::Candidate::default();
    let other = side.session.new_stream(&side.participant, StreamDirection::BOTH).unwrap();
    let error = other.force_remote_candidates(&[candidate]).unwrap_err();
    assert!(error.matches(Error::Disposed), "{error:?}");
    let error = other.set_transmitter("nosuch", &[]).unwrap_err();
    assert!(error.matches(Error::Construction), "{error:?}");
    assert!(error.message().contains("nosuch"), "{error}");
    assert!(side.session.list_transmitters().contains(&"rawudp".to_owned()));
    assert_eq!(side.session.stream_transmitter_type("nosuch"), glib::Type::INVALID);
    other.destroy();
    side.end();
}

#[test]
fn nothing_in_common_names_both_sides_and_changes_nothing() {
    let (a, b) = pair(StreamDirection::BOTH);
    let before = a.session.codecs_without_config();
    let error = a.stream.set_remote_codecs(&[audio(96, "NOSUCH", 16000)]).unwrap_err();
    assert!(error.matches(Error::NegotiationFailed), "{error:?}");
    assert!(error.message().contains("NOSUCH") && error.message().contains("PCMU"), "{error}");
    assert_eq!(a.session.codecs_without_config(), before);
    assert!(a.stream.remote_codecs().is_empty());
    for bad in
        [vec![], vec![audio(128, "PCMU", 8000)], vec![audio(-1, "PCMU", 8000)], vec![audio(0, "", 8000)]]
    {
        let error = a.stream.set_remote_codecs(&bad).unwrap_err();
        assert!(error.matches(Error::InvalidArguments), "{bad:?}: {error:?}");
    }
    connect(&a, &b, &[]);
    a.heard.wait_for_tone(HIGH);
    a.end();
    b.end();
}

#[test]
fn refused_preferences_leave_the_old_ones() {
    let side = Side::new("a", LOW, StreamDirection::BOTH);
    let preferred = vec![audio(0, "PCMU", 8000)];
    side.session.set_codec_preferences(&preferred).unwrap();
    let before = side.session.codecs_without_config();
    assert!(before[0].is_encoding("PCMU"));
    let disable_all: Vec<Codec> =
        before.iter().map(|c| Codec { id: Codec::ID_DISABLE, ..c.clone() }).collect();
    let error = side.session.set_codec_preferences(&disable_all).unwrap_err();
    assert!(error.matches(Error::NoCodecsLeft), "{error:?}");
    assert_eq!(side.session.codec_preferences(), preferred);
    assert_eq!(side.session.codecs_without_config(), before);
    let none = gst::Caps::builder("text/x-nothing").build();
    let error = side.session.set_allowed_caps(Some(&none), None).unwrap_err();
    assert!(error.matches(Error::NoCodecsLeft), "{error:?}");
    assert_eq!(side.session.codecs_without_config(), before);
    side.end();
}

#[test]
fn the_send_codec_changes_while_media_flows() {
    let (a, b) = pair(StreamDirection::BOTH);
    connect(&a, &b, &[audio(0, "PCMU", 8000), audio(8, "PCMA", 8000)]);
    b.heard.wait_for_tone(LOW);
    let error = a.session.set_send_codec(&audio(99, "NOSUCH", 8000)).unwrap_err();
    assert!(error.matches(Error::InvalidArguments), "{error:?}");
    let pcma = a.session.codecs_without_config().into_iter().find(|c| c.is_encoding("PCMA")).unwrap();
    a.session.set_send_codec(&pcma).unwrap();
    a.wait_for(|m| match m {
        Parsed::SendCodecChanged { codec, .. } => codec.is_encoding("PCMA").then_some(()),
        _ => None,
    });
    b.wait_for(|m| match m {
        Parsed::RecvCodecsChanged { codecs, .. } => codecs[0].is_encoding("PCMA").then_some(()),
        _ => None,
    });
    b.heard.clear();
    b.heard.wait_for_tone(LOW);
    a.end();
    b.end();
}

#[test]
fn destroyed_while_media_flows() {
    let (a, b) = pair(StreamDirection::BOTH);
    connect(&a, &b, &[]);
    a.heard.wait_for_tone(HIGH);
    // The session takes its stream along; the source runs on into an unlinked pad.
    let sink = a.session.sink_pad();
    let upstream = sink.peer().unwrap();
    let (sender, blocked) = std::sync::mpsc::channel();
    upstream.add_probe(gst::PadProbeType::BLOCK_DOWNSTREAM, move |_, _| {
        let _ = sender.send(());
        gst::PadProbeReturn::Ok
    });
    blocked.recv_timeout(support::PATIENCE).expect("the source is blocked");
    upstream.unlink(&sink).unwrap();
    a.session.destroy();
    for error in [
        a.stream.set_remote_codecs(&[audio(0, "PCMU", 8000)]).unwrap_err(),
        a.session.new_stream(&a.participant, StreamDirection::BOTH).unwrap_err(),
        a.session.set_send_codec(&audio(0, "PCMU", 8000)).unwrap_err(),
    ] {
        assert!(error.matches(Error::Disposed), "{error:?}");
    }
    assert!(a.stream.remote_codecs().is_empty());
    assert_eq!(a.conference.num_pads(), 0);
    assert!(a.stream.iterate_src_pads().is_empty());
    assert_eq!(a.conference.children().len(), 1, "only rtpbin is left: {:?}", a.conference.children());
    a.pipeline.set_state(gst::State::Null).unwrap();
    // The other way round: first NULL, then destroy.
    b.pipeline.set_state(gst::State::Null).unwrap();
    b.stream.destroy();
    b.session.destroy();
    assert_eq!(b.conference.children().len(), 1);
}

/// Whether media goes to the encoder.
fn encodes(side: &Side) -> bool {
    !side.conference.by_name("valve_send_1").unwrap().property::<bool>("drop")
}

#[test]
fn whoever_sends_counts_once_and_only_with_a_transmitter() {
    let side = Side::new("a", LOW, StreamDirection::NONE);
    side.session.set_codec_preferences(&[audio(0, "PCMU", 8000)]).unwrap();
    for direction in [StreamDirection::SEND, StreamDirection::NONE, StreamDirection::SEND] {
        side.stream.set_direction(direction);
        assert!(!encodes(&side), "{direction:?} without a transmitter");
    }
    let never = side.session.new_stream(&side.participant, StreamDirection::SEND).unwrap();
    side.stream.set_transmitter("rawudp", &loopback()).unwrap();
    side.stream.set_remote_codecs(&[audio(0, "PCMU", 8000)]).unwrap();
    wait_until("sound for the encoder", || encodes(&side));
    side.stream.set_direction(StreamDirection::RECV);
    assert!(!encodes(&side), "one direction is one change, whenever it came");
    never.destroy();
    drop(never);
    assert!(!encodes(&side), "nobody is left to send to");
    side.stream.set_direction(StreamDirection::BOTH);
    assert!(encodes(&side), "and one that never sent takes nothing away");
    side.end();
}

#[test]
fn refused_transmitters_leave_no_elements_behind() {
    let side = Side::new("a", LOW, StreamDirection::BOTH);
    let inside = || {
        let all = side.conference.iterate_recurse().into_iter().flatten();
        all.map(|element| element.name().to_string()).collect::<std::collections::BTreeSet<_>>()
    };
    let refuse = |transmitter: &str| {
        let wrong = [("no-such-parameter".to_owned(), 1i32.to_value())];
        side.stream.set_transmitter(transmitter, &wrong).unwrap_err();
    };
    let before = inside();
    refuse("nosuch");
    assert_eq!(inside(), before);
    for transmitter in ["rawudp", "nice", "multicast", "shm"] {
        // What all streams of the session share stays for the next one.
        refuse(transmitter);
        let shared = inside();
        refuse(transmitter);
        assert_eq!(inside(), shared, "after {transmitter} was refused again");
    }
    side.stream.set_transmitter("rawudp", &loopback()).unwrap();
    side.end();
}

#[test]
fn setters_keep_no_session() {
    let side = Side::new("a", LOW, StreamDirection::BOTH);
    let before = (side.session.ref_count(), side.stream.ref_count());
    for _ in 0..10 {
        for name in ["send-rtcp-mux", "require-encryption"] {
            side.stream.set_property(name, true);
            side.stream.set_property(name, false);
        }
    }
    // Other threads hold one for a moment.
    wait_until("no more references", || (side.session.ref_count(), side.stream.ref_count()) == before);
    side.end();
}

#[test]
fn nothing_leaks() {
    let (a, b) = pair(StreamDirection::BOTH);
    connect(&a, &b, &[]);
    a.heard.wait_for_tone(HIGH);
    let weak_session = a.session.downgrade();
    let weak_stream = a.stream.downgrade();
    let weak_conference = a.conference.downgrade();
    let weak_participant = a.participant.downgrade();
    a.source.set_locked_state(true);
    let _ = a.source.set_state(gst::State::Null);
    let Side { pipeline, conference, session, participant, stream, source, messages, .. } = a;
    stream.destroy();
    session.destroy();
    pipeline.set_state(gst::State::Null).unwrap();
    drop((messages, stream, session, participant, conference, source, pipeline));
    let end = Instant::now() + support::PATIENCE;
    while [
        weak_session.upgrade().is_some(),
        weak_stream.upgrade().is_some(),
        weak_conference.upgrade().is_some(),
        weak_participant.upgrade().is_some(),
    ]
    .contains(&true)
    {
        assert!(Instant::now() < end, "something keeps an object alive");
        std::thread::sleep(Duration::from_millis(20));
    }
    b.end();
}

#[test]
fn a_source_that_starts_again_with_another_ssrc_replaces_its_pad() {
    let (a, b) = pair(StreamDirection::BOTH);
    connect(&a, &b, &[audio(0, "PCMU", 8000)]);
    b.heard.wait_for_tone(LOW);
    let first = b.pads.lock().unwrap()[0].0.clone();
    assert!(b.conference.static_pad(&first).is_some());
    a.session.set_property("ssrc", 0x1234_5678u32);
    let end = Instant::now() + support::PATIENCE;
    while b.conference.static_pad(&first).is_some() || b.pads.lock().unwrap().len() < 2 {
        assert!(Instant::now() < end, "pads: {:?}", b.pads.lock().unwrap());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(b.stream.iterate_src_pads().len(), 1);
    b.heard.clear();
    b.heard.wait_for_tone(LOW);
    a.end();
    b.end();
}

#[test]
fn a_paused_sink_does_not_keep_a_stream_from_ending() {
    let (a, b) = pair(StreamDirection::BOTH);
    connect(&a, &b, &[]);
    a.heard.wait_for_tone(HIGH);
    // Without a pipeline that pauses with it, the sink holds the next buffer for ever.
    let name = a.pads.lock().unwrap()[0].0.clone();
    let ear = a.conference.static_pad(&name).unwrap().peer().unwrap().parent_element().unwrap();
    ear.set_locked_state(true);
    ear.set_state(gst::State::Paused).unwrap();
    quiet(&a);
    a.stream.destroy();
    assert!(a.conference.static_pad(&name).is_none());
    ear.set_state(gst::State::Null).unwrap();
    a.end();
    b.end();
}

#[test]
fn sessions_of_other_media_negotiate_or_say_why_not() {
    let side = Side::new("a", LOW, StreamDirection::BOTH);
    for media in [MediaType::Video, MediaType::Application] {
        match side.conference.new_session(media) {
            Ok(session) => {
                let codecs = session.codecs_without_config();
                assert!(!codecs.is_empty());
                assert!(codecs.iter().all(|c| c.media_type == media), "{codecs:?}");
                println!("{media}: {codecs:?}");
                let stream = session.new_stream(&side.participant, StreamDirection::BOTH).unwrap();
                stream.set_transmitter("rawudp", &loopback()).unwrap();
                stream.set_remote_codecs(&codecs[..1]).unwrap();
                assert!(session.current_send_codec().unwrap().is_encoding(&codecs[0].encoding_name));
                session.destroy();
            }
            Err(error) => assert!(error.matches(Error::NoCodecs), "{error:?}"),
        }
    }
    side.end();
}
