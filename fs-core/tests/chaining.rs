//! All 24 methods overridden in Rust, twice: each is called through the C virtual functions, says so, and chains up to a class
//! that answers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod classes;

use std::sync::{Arc, Mutex};

use classes::over::told;
use classes::{keeping, over, talking};
use fs_core::prelude::*;
use fs_core::*;
use fs_proto::{Candidate, CandidateType, Codec, MediaType, StreamDirection};
use glib::prelude::*;

fn pcmu() -> Codec {
    Codec::new(0, "PCMU", MediaType::Audio, 8000)
}

fn candidate() -> Candidate {
    Candidate::new("1", 1, CandidateType::Host, "192.0.2.1", 5000)
}

fn keys() -> gst::Structure {
    gst::Structure::new_empty("Keys")
}

fn participant() -> Participant {
    gst::init().unwrap();
    glib::Object::new::<classes::bare::Participant>().upcast()
}

#[test]
fn conferences() {
    gst::init().unwrap();
    let conference: Conference = glib::Object::new::<over::Conference>().upcast();
    assert!(conference.new_session(MediaType::Video).unwrap().is::<talking::Session>());
    conference.new_participant().unwrap();
    // The panic of a parent is an error for the caller.
    assert!(conference.new_session(MediaType::Application).unwrap_err().matches(Error::Internal));
    assert_eq!(told(), ["new_session", "new_participant", "new_session"]);
}

#[test]
fn sessions() {
    gst::init().unwrap();
    let session: Session = glib::Object::new::<over::Session>().upcast();
    assert!(session.new_stream(&participant(), StreamDirection::BOTH).unwrap().is::<talking::Stream>());
    assert!(session.start_telephony_event(15, 8) && !session.start_telephony_event(16, 8));
    assert!(session.stop_telephony_event());
    session.set_send_codec(&pcmu()).unwrap();
    session.set_codec_preferences(&[pcmu()]).unwrap();
    assert_eq!(session.list_transmitters(), ["one", "two"]);
    assert!(session.stream_transmitter_type("two").is_valid());
    assert_eq!(session.codecs_need_resend(&[], &[pcmu()]), [pcmu()]);
    session.set_allowed_caps(Some(&gst::Caps::new_any()), None).unwrap();
    assert_eq!(session.set_encryption_parameters(Some(&keys())).unwrap_err().message(), "Keys");
    let all = [
        "new_stream",
        "start_telephony_event",
        "start_telephony_event",
        "stop_telephony_event",
        "set_send_codec",
        "set_codec_preferences",
        "list_transmitters",
        "get_stream_transmitter_type",
        "codecs_need_resend",
        "set_allowed_caps",
        "set_encryption_parameters",
    ];
    assert_eq!(told(), all);
    assert_eq!((session.current_send_codec().unwrap(), session.codecs()), (pcmu(), vec![pcmu()]));
}

#[test]
fn streams() {
    gst::init().unwrap();
    let stream: over::Stream = glib::Object::new();
    stream.add_remote_candidates(&[candidate()]).unwrap();
    assert_eq!(stream.force_remote_candidates(&[]).unwrap_err().message(), "0 candidates");
    stream.set_remote_codecs(&[pcmu()]).unwrap();
    stream.add_id(5);
    stream.set_transmitter("two", &[("port".to_owned(), 5000u32.to_value())]).unwrap();
    assert_eq!(stream.set_decryption_parameters(Some(&keys())).unwrap_err().message(), "gone");
    let all = [
        "add_remote_candidates",
        "force_remote_candidates",
        "set_remote_codecs",
        "add_id",
        "set_transmitter",
        "set_decryption_parameters",
    ];
    assert_eq!(told(), all);
    let log = talking::log(stream.upcast_ref());
    assert_eq!(log, ["add 192.0.2.1", "force 0", "codecs 1", "id 5", "transmitter two port=5000"]);
}

#[test]
fn transmitters() {
    let (participant, nothing) = (participant(), []);
    plugin::register_static("over", "transmitter", over::Transmitter::static_type());
    let transmitter = Transmitter::new("over", 2, 46).unwrap();
    assert_eq!((transmitter.property::<u32>("components"), transmitter.tos()), (2, 46));
    transmitter.set_tos(8);
    assert_eq!(transmitter.tos(), 8);
    assert_eq!(transmitter.stream_transmitter_type(), talking::StreamTransmitter::static_type());
    let error = transmitter.new_stream_transmitter(None, &nothing).unwrap_err();
    assert_eq!((code_of(&error), error.message()), (Error::InvalidArguments, "to whom?"));
    let preferred = CandidateList(vec![candidate()]).to_value();
    let parameters =
        [("sending".to_owned(), false.to_value()), ("preferred-local-candidates".to_owned(), preferred)];
    let end = transmitter.new_stream_transmitter(Some(&participant), &parameters).unwrap();
    assert!(!end.sending());
    assert_eq!(end.property::<CandidateList>("preferred-local-candidates").0, [candidate()]);
    let all = ["get_stream_transmitter_type", "new_stream_transmitter", "new_stream_transmitter"];
    assert_eq!(told(), all);

    let error = Transmitter::new("over", 99, 0).unwrap_err();
    assert_eq!((code_of(&error), error.message()), (Error::Network, "99 are too many"));
}

#[test]
fn stream_transmitters() {
    gst::init().unwrap();
    let preferred = CandidateList(vec![candidate()]);
    let end: StreamTransmitter = glib::Object::builder::<over::StreamTransmitter>()
        .property("preferred-local-candidates", preferred)
        .build()
        .upcast();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (local, pair) = (heard.clone(), heard.clone());
    end.connect_new_local_candidate(move |_, c| local.lock().unwrap().push(format!("local {}", c.ip)));
    end.connect_new_active_candidate_pair(move |_, _, r| pair.lock().unwrap().push(format!("to {}", r.ip)));
    end.gather_local_candidates().unwrap();
    end.force_remote_candidates(&[candidate()]).unwrap();
    assert_eq!(end.add_remote_candidates(&[candidate()]).unwrap_err().message(), "1 added");
    end.stop();
    assert!(end.property::<CandidateList>("preferred-local-candidates").0.is_empty());
    assert_eq!(*heard.lock().unwrap(), ["local 192.0.2.1", "to 192.0.2.1"]);
    assert_eq!(
        told(),
        ["gather_local_candidates", "force_remote_candidates", "add_remote_candidates", "stop"]
    );
}

/// Some value other than the default.
fn sample(spec: &glib::ParamSpec) -> glib::Value {
    let type_ = spec.value_type();
    match type_.name() {
        "gboolean" => (!spec.default_value().get::<bool>().unwrap()).to_value(),
        "guint" => (spec.default_value().get::<u32>().unwrap() + 3).to_value(),
        "FsMediaType" => enums::MediaType::Video.to_value(),
        "FsStreamDirection" => enums::StreamDirection::from(StreamDirection::RECV).to_value(),
        "FsCodec" => CodecValue(pcmu()).to_value(),
        "FsCodecGList" => CodecList(vec![pcmu()]).to_value(),
        "FsCandidateList" => CandidateList(vec![candidate()]).to_value(),
        "GstCaps" => gst::Caps::new_any().to_value(),
        "GstStructure" => keys().to_value(),
        "FsConference" => glib::Object::new::<talking::Conference>().to_value(),
        "FsSession" => glib::Object::new::<keeping::Session>().to_value(),
        "FsParticipant" => participant().to_value(),
        "GstPad" => gst::Pad::new(gst::PadDirection::Src).to_value(),
        "GstElement" => gst::Bin::new().to_value(),
        other => panic!("no sample for {other}"),
    }
}

/// What a value holds, so that two copies can be compared.
fn contents(value: &glib::Value) -> String {
    match value.type_().name() {
        "FsCodec" => format!("{:?}", value.get::<CodecValue>().unwrap()),
        "FsCodecGList" => format!("{:?}", value.get::<CodecList>().unwrap()),
        "FsCandidateList" => format!("{:?}", value.get::<CandidateList>().unwrap()),
        "GstCaps" => value.get::<gst::Caps>().unwrap().to_string(),
        "GstStructure" => value.get::<gst::Structure>().unwrap().to_string(),
        _ if value.is_type(glib::Type::OBJECT) => {
            format!("{:?}", value.get::<glib::Object>().unwrap().as_ptr())
        }
        _ => format!("{value:?}"),
    }
}

/// Sets every property (at construction, later, or from inside as it allows) and reads it; gives their number.
fn try_properties<T: keeping::Keeps>() -> usize {
    let specs = keeping::specs(T::static_type().parent().unwrap());
    for spec in &specs {
        let wanted = sample(spec);
        let flags = spec.flags();
        let object: T = if flags.contains(glib::ParamFlags::CONSTRUCT_ONLY) {
            glib::Object::builder().property(spec.name(), &wanted).build()
        } else {
            glib::Object::new()
        };
        if !flags.contains(glib::ParamFlags::WRITABLE) {
            object.keep(spec.name(), &wanted);
        } else if !flags.contains(glib::ParamFlags::CONSTRUCT_ONLY) {
            object.set_property_from_value(spec.name(), &wanted);
        }
        assert!(object.keeps(spec.name()), "{spec:?} reached the subclass");
        assert_eq!(contents(&object.property_value(spec.name())), contents(&wanted), "{spec:?}");
    }
    specs.len()
}

#[test]
fn all_properties() {
    gst::init().unwrap();
    let count = try_properties::<keeping::Session>()
        + try_properties::<keeping::Stream>()
        + try_properties::<keeping::Transmitter>()
        + try_properties::<keeping::StreamTransmitter>();
    assert_eq!(count, 28);
}
