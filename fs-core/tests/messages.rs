//! Every message can be read back, and what is not one of ours is refused.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "classes/bare.rs"]
mod bare;

use fs_core::messages::{self, Parsed, RejectedCodec};
use fs_core::{Error, Session, Stream, enums};
use fs_proto::negotiation::{Reason, Rejected};
use fs_proto::{Candidate, CandidateType, Codec, MediaType, StreamState};
use glib::prelude::*;

fn session() -> Session {
    gst::init().unwrap();
    glib::Object::new::<bare::Session>().upcast()
}

fn stream() -> Stream {
    gst::init().unwrap();
    glib::Object::new::<bare::Stream>().upcast()
}

#[track_caller]
fn check(structure: gst::Structure, name: &str, fields: &[(&str, &str)], expected: &Parsed) {
    assert_eq!(structure.name(), name);
    let found: Vec<(&str, &str)> =
        structure.iter().map(|(field, value)| (field.as_str(), value.type_().name())).collect();
    assert_eq!(found, fields);
    let message = gst::message::Element::new(structure.clone());
    assert_eq!(messages::parse(&message).as_ref(), Some(expected));
    for (field, _) in fields {
        let mut broken = structure.clone();
        broken.remove_field(*field);
        assert_eq!(messages::parse_structure(&broken), None, "{name} without {field}");
        broken.set(*field, "text of the wrong type");
        if (name, *field) != ("farstream-error", "error-msg") {
            assert_eq!(messages::parse_structure(&broken), None, "{name} with a wrong {field}");
        }
    }
}

#[test]
fn session_messages() {
    let session = session();
    let codec = Codec::new(96, "OPUS", MediaType::Audio, 48000).with_param("a", "b");
    let dtmf = Codec::new(101, "telephone-event", MediaType::Audio, 8000);
    check(
        messages::send_codec_changed(&session, &codec, std::slice::from_ref(&dtmf)),
        "farstream-send-codec-changed",
        &[("session", "FsSession"), ("codec", "FsCodec"), ("secondary-codecs", "FsCodecGList")],
        &Parsed::SendCodecChanged { session: session.clone(), codec, secondary_codecs: vec![dtmf] },
    );
    check(
        messages::codecs_changed(&session),
        "farstream-codecs-changed",
        &[("session", "FsSession")],
        &Parsed::CodecsChanged { session: session.clone() },
    );
    for stream in [None, Some(stream())] {
        let rejected = |codec: &Codec, why| Rejected { stream: None, codec: codec.clone(), why };
        let (vp8, g729) =
            (Codec::new(97, "VP8", MediaType::Video, 90000), Codec::new(18, "G729", MediaType::Audio, 8000));
        let (name, ours, theirs) = ("max-fs".to_owned(), Some("1".to_owned()), None);
        let list = [
            rejected(&vp8, Reason::Parameter { name, ours, theirs }),
            rejected(&g729, Reason::UnknownEncoding),
        ];
        let told = |codec: &Codec, parameter: &str, ours: &str, reason: &str| RejectedCodec {
            codec: codec.clone(),
            parameter: parameter.to_owned(),
            ours: ours.to_owned(),
            theirs: String::new(),
            reason: reason.to_owned(),
        };
        let (first, second) =
            ("97 VP8/90000: max-fs: ours 1, theirs absent", "18 G729/8000: we have no such codec");
        check(
            messages::codecs_rejected(&session, stream.as_ref(), &list),
            "farstream-codecs-rejected",
            &[
                ("session", "FsSession"),
                ("stream", "FsStream"),
                ("codecs", "FsCodecGList"),
                ("parameters", "GStrv"),
                ("ours", "GStrv"),
                ("theirs", "GStrv"),
                ("reasons", "GStrv"),
            ],
            &Parsed::CodecsRejected {
                session: session.clone(),
                stream,
                rejected: vec![told(&vp8, "max-fs", "1", first), told(&g729, "", "", second)],
            },
        );
    }
    let (method, event) = (enums::DtmfMethod::Sound, 11);
    check(
        messages::telephony_event_started(&session, method, event, 8),
        "farstream-telephony-event-started",
        &[
            ("session", "FsSession"),
            ("method", "FsDTMFMethod"),
            ("event", "FsDTMFEvent"),
            ("volume", "guchar"),
        ],
        &Parsed::TelephonyEventStarted { session: session.clone(), method, event, volume: 8 },
    );
    check(
        messages::telephony_event_stopped(&session, method),
        "farstream-telephony-event-stopped",
        &[("session", "FsSession"), ("method", "FsDTMFMethod")],
        &Parsed::TelephonyEventStopped { session: session.clone(), method },
    );
}

#[test]
fn stream_messages() {
    let stream = stream();
    let local = Candidate::new("L1", 1, CandidateType::Host, "192.0.2.1", 5000);
    let remote = Candidate::new("R1", 1, CandidateType::Host, "192.0.2.2", 6000);
    check(
        messages::new_local_candidate(&stream, &local),
        "farstream-new-local-candidate",
        &[("stream", "FsStream"), ("candidate", "FsCandidate")],
        &Parsed::NewLocalCandidate { stream: stream.clone(), candidate: local.clone() },
    );
    check(
        messages::local_candidates_prepared(&stream),
        "farstream-local-candidates-prepared",
        &[("stream", "FsStream")],
        &Parsed::LocalCandidatesPrepared { stream: stream.clone() },
    );
    check(
        messages::new_active_candidate_pair(&stream, &local, &remote),
        "farstream-new-active-candidate-pair",
        &[("stream", "FsStream"), ("local-candidate", "FsCandidate"), ("remote-candidate", "FsCandidate")],
        &Parsed::NewActiveCandidatePair { stream: stream.clone(), local, remote },
    );
    let candidates = vec![Candidate::new("L1", 2, CandidateType::Host, "192.0.2.3", 5002)];
    check(
        messages::negotiation_needed(&stream, &candidates),
        "farstream-negotiation-needed",
        &[("stream", "FsStream"), ("candidates", "FsCandidateList")],
        &Parsed::NegotiationNeeded { stream: stream.clone(), candidates },
    );
    let codecs = vec![Codec::new(0, "PCMU", MediaType::Audio, 8000)];
    check(
        messages::recv_codecs_changed(&stream, &codecs),
        "farstream-recv-codecs-changed",
        &[("stream", "FsStream"), ("codecs", "FsCodecGList")],
        &Parsed::RecvCodecsChanged { stream: stream.clone(), codecs },
    );
    check(
        messages::component_state_changed(&stream, 2, StreamState::Ready),
        "farstream-component-state-changed",
        &[("stream", "FsStream"), ("component", "guint"), ("state", "FsStreamState")],
        &Parsed::ComponentStateChanged { stream: stream.clone(), component: 2, state: StreamState::Ready },
    );
}

#[test]
fn messages_about_received_events() {
    let (session, stream) = (session(), stream());
    check(
        messages::telephony_event_received(&session, &stream, 66, 10, u32::MAX),
        "farstream-telephony-event-received",
        &[
            ("session", "FsSession"),
            ("stream", "FsStream"),
            ("event", "guint"),
            ("volume", "guint"),
            ("ssrc", "guint"),
        ],
        &Parsed::TelephonyEventReceived {
            session: session.clone(),
            stream: stream.clone(),
            event: 66,
            volume: 10,
            ssrc: u32::MAX,
        },
    );
    check(
        messages::telephony_event_received_ended(&session, &stream, 66, 7, 9000),
        "farstream-telephony-event-received-ended",
        &[
            ("session", "FsSession"),
            ("stream", "FsStream"),
            ("event", "guint"),
            ("ssrc", "guint"),
            ("duration", "guint"),
        ],
        &Parsed::TelephonyEventReceivedEnded {
            session: session.clone(),
            stream: stream.clone(),
            event: 66,
            ssrc: 7,
            duration: 9000,
        },
    );
    let mut strange = messages::telephony_event_received_ended(&session, &stream, 66, 7, 9000);
    strange.set("event", 256u32);
    assert_eq!(messages::parse_structure(&strange), None, "no event has such a code");
}

#[test]
fn events_without_a_name_keep_their_code() {
    let structure = messages::telephony_event_started(&session(), enums::DtmfMethod::RtpRfc4733, 66, 8);
    let parsed = messages::parse_structure(&structure);
    assert!(matches!(parsed, Some(Parsed::TelephonyEventStarted { event: 66, .. })), "{parsed:?}");
}

#[test]
fn error_messages() {
    let stream = stream();
    check(
        messages::error(stream.upcast_ref(), Error::Network, "no route"),
        "farstream-error",
        &[("src-object", "GObject"), ("error-no", "FsError"), ("error-msg", "gchararray")],
        &Parsed::Error {
            src_object: stream.clone().upcast(),
            code: Error::Network,
            text: "no route".to_owned(),
        },
    );
}

#[test]
fn other_messages_are_refused() {
    let session = session();
    let foreign = gst::Structure::builder("farstream-unheard-of").field("session", &session).build();
    assert_eq!(messages::parse(&gst::message::Element::new(foreign)), None);
    let application = gst::message::Application::new(messages::codecs_changed(&session));
    assert_eq!(messages::parse(&application), None);
    assert_eq!(messages::parse(&gst::message::Eos::new()), None);
}
