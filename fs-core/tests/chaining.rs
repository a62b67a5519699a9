//! All 24 methods overridden in Rust, twice: each is called through the C virtual functions, says so, and chains up to a class
//! that answers.

#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "a test fails by panicking; not everything of the classes is used"
)]

mod classes;

use std::sync::{Arc, Mutex};

use classes::over::told;
use classes::{over, talking};
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
