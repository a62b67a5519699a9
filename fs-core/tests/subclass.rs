//! Classes written in Rust: they override, chain up, and are called through the C virtual functions.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod classes;

use std::sync::{Arc, Mutex};

use classes::{bare, talking};
use fs_core::prelude::*;
use fs_core::*;
use fs_proto::{Candidate, CandidateType, Codec, MediaType, StreamDirection, StreamState};
use glib::prelude::*;
use gst::prelude::*;

fn conference() -> Conference {
    gst::init().unwrap();
    glib::Object::new::<talking::Conference>().upcast()
}

fn pcmu() -> Codec {
    Codec::new(0, "PCMU", MediaType::Audio, 8000).with_param("ptime", "20")
}

fn stream() -> (Conference, Session, Stream) {
    let conference = conference();
    let session = conference.new_session(MediaType::Video).unwrap();
    let participant = conference.new_participant().unwrap();
    let stream = session.new_stream(&participant, StreamDirection::SEND).unwrap();
    assert_eq!(stream.participant().unwrap(), participant);
    (conference, session, stream)
}

#[test]
fn sessions_get_values_and_answer() {
    let (conference, session, stream) = stream();
    assert_eq!(session.media_type(), MediaType::Video);
    assert_eq!(session.property::<Conference>("conference"), conference);
    assert_eq!(stream.session().unwrap(), session);
    assert_eq!(stream.direction(), StreamDirection::SEND);
    stream.set_direction(StreamDirection::BOTH);
    assert_eq!(stream.direction(), StreamDirection::BOTH);
    session.set_send_codec(&pcmu()).unwrap();
    assert_eq!(session.current_send_codec().unwrap(), pcmu());
    session.set_codec_preferences(&[pcmu(), pcmu()]).unwrap();
    assert_eq!(session.codecs(), [pcmu(), pcmu()]);
    assert!(session.start_telephony_event(5, 8) && !session.start_telephony_event(99, 8));
    assert!(session.stop_telephony_event());
    assert_eq!(session.list_transmitters(), ["one", "two"]);
    assert_eq!(session.codecs_need_resend(&[], &[pcmu()]), [pcmu()]);
    assert_eq!(session.stream_transmitter_type("two"), bare::StreamTransmitter::static_type());
    assert_eq!(session.stream_transmitter_type("three"), glib::Type::INVALID);
    let caps = gst::Caps::builder("audio/x-raw").build();
    session.set_allowed_caps(Some(&caps), None).unwrap();
    let error = session.set_allowed_caps(None, Some(&caps)).unwrap_err();
    assert_eq!((code_of(&error), error.message()), (Error::NoCodecsLeft, "sink None"));
    session.set_encryption_parameters(None).unwrap();
    let parameters = gst::Structure::builder("FarstreamSRTP").field("key", 1i32).build();
    let error = session.set_encryption_parameters(Some(&parameters)).unwrap_err();
    assert_eq!(error.message(), "FarstreamSRTP");
}

#[test]
fn streams_get_lists_and_parameters() {
    let (_conference, _session, stream) = stream();
    let candidate = Candidate::new("L1", 1, CandidateType::Host, "192.0.2.1", 5000);
    stream.add_remote_candidates(std::slice::from_ref(&candidate)).unwrap();
    let error = stream.force_remote_candidates(&[candidate.clone(), candidate.clone()]).unwrap_err();
    assert_eq!((code_of(&error), error.message()), (Error::Network, "2 candidates"));
    stream.set_remote_codecs(&[pcmu()]).unwrap();
    assert_eq!(stream.remote_codecs(), [pcmu()]);
    stream.add_id(77);
    let parameters = [("port".to_owned(), 4000u32.to_value()), ("name".to_owned(), "x".to_value())];
    stream.set_transmitter("rawudp", &parameters).unwrap();
    let error = stream.set_decryption_parameters(None).unwrap_err();
    assert_eq!(code_of(&error), Error::Disposed);
    let log = talking::log(&stream);
    assert_eq!(log, ["add 192.0.2.1", "force 2", "codecs 1", "id 77", "transmitter rawudp port=4000 name=x"]);
}

#[test]
fn what_is_not_overridden_is_not_implemented() {
    gst::init().unwrap();
    let session: Session = glib::Object::new::<bare::Session>().upcast();
    let answers = [
        session.set_send_codec(&pcmu()),
        session.set_codec_preferences(&[]),
        session.set_allowed_caps(Some(&gst::Caps::new_any()), None),
        session.set_encryption_parameters(None),
    ];
    for answer in answers {
        let error = answer.unwrap_err();
        assert!(error.matches(Error::NotImplemented), "{error}");
        assert!(error.message().contains("TestBareSession"), "{error}");
    }
    session.set_allowed_caps(None, None).unwrap();
    assert!(!session.start_telephony_event(1, 1) && !session.stop_telephony_event());
    assert!(session.list_transmitters().is_empty() && session.codecs_need_resend(&[], &[]).is_empty());
    assert_eq!(session.stream_transmitter_type("x"), glib::Type::INVALID);

    let stream: Stream = glib::Object::new::<bare::Stream>().upcast();
    assert!(stream.add_remote_candidates(&[]).unwrap_err().matches(Error::NotImplemented));
    assert!(stream.force_remote_candidates(&[]).unwrap_err().matches(Error::NotImplemented));
    assert!(stream.set_remote_codecs(&[]).unwrap_err().matches(Error::NotImplemented));
    assert!(stream.set_transmitter("x", &[]).unwrap_err().matches(Error::NotImplemented));
    assert!(stream.set_decryption_parameters(None).unwrap_err().matches(Error::NotImplemented));
    stream.add_id(1);

    let transmitter: StreamTransmitter = glib::Object::new::<bare::StreamTransmitter>().upcast();
    assert!(transmitter.add_remote_candidates(&[]).unwrap_err().matches(Error::NotImplemented));
    transmitter.gather_local_candidates().unwrap();
    transmitter.stop();
}

#[test]
fn a_bare_subclass_has_readable_properties() {
    gst::init().unwrap();
    let session: Session = glib::Object::new::<bare::Session>().upcast();
    assert!(session.codecs().is_empty() && session.current_send_codec().is_none());
    assert_eq!((session.id(), session.media_type()), (0, MediaType::Audio));
    session.set_property("tos", 5u32);
    let stream: Stream = glib::Object::new::<bare::Stream>().upcast();
    assert_eq!(stream.direction(), StreamDirection::NONE);
    assert!(stream.session().is_none() && stream.iterate_src_pads().is_empty());
    let transmitter: StreamTransmitter = glib::Object::new::<bare::StreamTransmitter>().upcast();
    assert!(transmitter.sending(), "the default of the property");
}

#[test]
fn a_panic_is_an_internal_error() {
    let conference = conference();
    let error = conference.new_session(MediaType::Application).unwrap_err();
    assert!(error.matches(Error::Internal), "{error}");
    assert!(error.message().contains("no data here"), "{error}");
}

#[test]
fn errors_go_from_stream_to_session_to_bus() {
    let (conference, session, stream) = stream();
    let bus = gst::Bus::new();
    conference.set_bus(Some(&bus));
    let heard = Arc::new(Mutex::new(Vec::new()));
    let sink = heard.clone();
    session.connect_error(move |_, source, code, text| {
        sink.lock().unwrap().push((source.type_().name(), code, text.to_owned()));
    });
    stream.emit_error(Error::ConnectionFailed, "gone");
    session.emit_error(Error::Internal, "broken");
    assert_eq!(
        *heard.lock().unwrap(),
        [
            ("TestStream", Error::ConnectionFailed, "gone".to_owned()),
            ("TestSession", Error::Internal, "broken".to_owned())
        ]
    );
    let message = bus.pop().unwrap();
    assert_eq!(message.src().unwrap(), conference.upcast_ref::<gst::Object>());
    let expected = messages::Parsed::Error {
        src_object: stream.clone().upcast(),
        code: Error::ConnectionFailed,
        text: "gone".to_owned(),
    };
    assert_eq!(messages::parse(&message), Some(expected));
    let Some(messages::Parsed::Error { src_object, .. }) = messages::parse(&bus.pop().unwrap()) else {
        panic!("no second error message");
    };
    assert_eq!(src_object, session.upcast::<glib::Object>());
}

#[test]
fn source_pads_come_and_go_with_the_conference() {
    let (conference, _session, stream) = stream();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let sink = heard.clone();
    stream.connect_src_pad_added(move |stream, pad, codec| {
        assert!(stream.iterate_src_pads().contains(pad), "already in the list");
        sink.lock().unwrap().push((pad.name().to_string(), codec.clone()));
    });
    let pads: Vec<gst::Pad> = ["one", "two"]
        .iter()
        .map(|name| gst::Pad::builder(gst::PadDirection::Src).name(*name).build())
        .collect();
    for pad in &pads {
        conference.add_pad(pad).unwrap();
        stream.emit_src_pad_added(pad, &pcmu());
    }
    assert_eq!(*heard.lock().unwrap(), [("one".to_owned(), pcmu()), ("two".to_owned(), pcmu())]);
    assert_eq!(stream.iterate_src_pads(), [pads[1].clone(), pads[0].clone()]);
    conference.remove_pad(&pads[0]).unwrap();
    assert_eq!(stream.iterate_src_pads(), [pads[1].clone()]);
    let weak = stream.downgrade();
    drop(stream);
    assert!(weak.upgrade().is_none(), "nothing else holds the stream");
    conference.remove_pad(&pads[1]).unwrap();
}

#[test]
fn destroy_disposes_and_keeps_references() {
    let (_conference, session, stream) = stream();
    StreamExt::destroy(&stream);
    assert!(stream.session().is_none());
    SessionExt::destroy(&session);
    let error = stream.set_transmitter_checked("two", &[("a", 1u32.to_value())]).unwrap_err();
    assert!(error.matches(Error::Disposed), "{error}");
}

#[test]
fn checked_parameters_are_converted() {
    let (_conference, _session, stream) = stream();
    let set = |name: &str, value: glib::Value| stream.set_transmitter_checked("two", &[(name, value)]);
    let error = set("nonsense", 1u32.to_value()).unwrap_err();
    assert!(error.matches(Error::InvalidArguments) && error.message().contains("'nonsense'"), "{error}");
    let error = set("sending", CodecList::default().to_value()).unwrap_err();
    assert!(error.message().contains("gboolean") && error.message().contains("FsCodecGList"), "{error}");
    let error = stream.set_transmitter_checked("three", &[("sending", true.to_value())]).unwrap_err();
    assert!(error.message().contains("'three'"), "{error}");
    set("sending", 1u32.to_value()).unwrap();
    stream.set_transmitter_checked("one", &[]).unwrap();
    assert_eq!(talking::log(&stream), ["transmitter two sending=TRUE", "transmitter one"]);
}

#[test]
fn stream_transmitters_signal() {
    gst::init().unwrap();
    let transmitter: StreamTransmitter = glib::Object::new::<bare::StreamTransmitter>().upcast();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let say = |text: String, to: &Arc<Mutex<Vec<String>>>| to.lock().unwrap().push(text);
    let to = heard.clone();
    transmitter.connect_new_local_candidate(move |_, c| say(format!("candidate {}", c.port), &to));
    let to = heard.clone();
    transmitter.connect_local_candidates_prepared(move |_| say("prepared".into(), &to));
    let to = heard.clone();
    transmitter
        .connect_new_active_candidate_pair(move |_, l, r| say(format!("pair {} {}", l.port, r.port), &to));
    let to = heard.clone();
    transmitter
        .connect_known_source_packet_received(move |_, c, b| say(format!("packet {c} {}", b.size()), &to));
    let to = heard.clone();
    transmitter.connect_state_changed(move |_, c, s| say(format!("state {c} {s:?}"), &to));
    let to = heard.clone();
    transmitter.connect_error(move |_, code, text| say(format!("{code:?} {text}"), &to));
    let (one, two) = (
        Candidate::new("", 1, CandidateType::Host, "", 1),
        Candidate::new("", 1, CandidateType::Host, "", 2),
    );
    transmitter.emit_new_local_candidate(&one);
    transmitter.emit_local_candidates_prepared();
    transmitter.emit_new_active_candidate_pair(&one, &two);
    transmitter.emit_known_source_packet_received(1, &gst::Buffer::with_size(12).unwrap());
    transmitter.emit_state_changed(2, StreamState::Ready);
    transmitter.emit_error(Error::Network, "no route");
    assert_eq!(
        *heard.lock().unwrap(),
        ["candidate 1", "prepared", "pair 1 2", "packet 1 12", "state 2 Ready", "Network no route"]
    );
}

#[test]
fn the_owner_hears_of_each_packet_once() {
    gst::init().unwrap();
    let transmitter: StreamTransmitter = glib::Object::new::<bare::StreamTransmitter>().upcast();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let to = heard.clone();
    transmitter.listen_for_known_source(move |c, b| to.lock().unwrap().push(("owner", c, b.size())));
    let packet = gst::Buffer::with_size(12).unwrap();
    let pointer: glib::Pointer = packet.as_mut_ptr().cast();
    let signal = || {
        transmitter.emit_by_name::<()>("known-source-packet-received", &[&1u32, &pointer]);
        std::mem::take(&mut *heard.lock().unwrap())
    };
    assert_eq!(signal(), [("owner", 1, 12)], "from a transmitter in C");
    transmitter.emit_known_source_packet_received(2, &packet);
    assert_eq!(std::mem::take(&mut *heard.lock().unwrap()), [("owner", 2, 12)]);
    assert_eq!(signal(), [], "it was called straight away, so the signal has no handler any more");
    let to = heard.clone();
    transmitter.connect_known_source_packet_received(move |_, c, b| {
        to.lock().unwrap().push(("other", c, b.size()));
    });
    transmitter.emit_known_source_packet_received(1, &packet);
    assert_eq!(*heard.lock().unwrap(), [("owner", 1, 12), ("other", 1, 12)]);
}

#[test]
fn the_data_lock_locks() {
    let conference = conference();
    let participant = conference.new_participant().unwrap();
    drop(participant.data_lock());
    let locked = participant.data_lock();
    let other = participant.clone();
    let thread = std::thread::spawn(move || drop(other.data_lock()));
    assert!(!thread.is_finished());
    drop(locked);
    thread.join().unwrap();
}
