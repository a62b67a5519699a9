//! Codecs, candidates and header extensions through `glib::Value` and the C structs.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use fs_core::*;
use fs_proto::{Candidate, CandidateType, Codec, FeedbackParameter, MediaType, NetworkProtocol};
use fs_proto::{RtpHeaderExtension, StreamDirection};
use glib::prelude::*;

fn opus() -> Codec {
    let mut codec = Codec::new(96, "OPUS", MediaType::Audio, 48000)
        .with_channels(2)
        .with_param("useinbandfec", "1")
        .with_param("", "bare");
    codec.minimum_reporting_interval = Some(5);
    codec.feedback_params.push(FeedbackParameter {
        kind: "nack".into(),
        subtype: "pli".into(),
        extra_params: String::new(),
    });
    codec
}

fn candidate() -> Candidate {
    let mut candidate = Candidate::new("L1", 1, CandidateType::Srflx, "192.0.2.1", 4000);
    candidate.base_ip = "198.51.100.7".into();
    candidate.base_port = 4002;
    candidate.proto = NetworkProtocol::TcpActive;
    candidate.priority = 0xdead_beef;
    candidate.username = "user".into();
    candidate.ttl = 12;
    candidate
}

#[test]
fn a_codec_survives_the_c_struct() {
    let value = CodecValue(opus()).to_value();
    assert_eq!(value.type_().name(), "FsCodec");
    // A copy of the value copies the struct with g_boxed_copy.
    let copy = value.clone();
    drop(value);
    assert_eq!(copy.get::<CodecValue>().unwrap().0, opus());
}

#[test]
fn no_codec_is_null() {
    let none = None::<CodecValue>.to_value();
    assert_eq!(none.type_().name(), "FsCodec");
    assert_eq!(none.get::<Option<CodecValue>>().unwrap(), None);
    assert!(none.get::<CodecValue>().is_err());
    let some = Some(CodecValue(opus())).to_value();
    assert_eq!(some.get::<Option<CodecValue>>().unwrap(), Some(CodecValue(opus())));
}

#[test]
fn the_empty_list_is_null() {
    let value = CodecList::default().to_value();
    assert_eq!(value.type_().name(), "FsCodecGList");
    // SAFETY: the value holds a boxed type.
    let pointer = unsafe {
        use glib::translate::ToGlibPtr;
        glib::gobject_ffi::g_value_get_boxed(value.to_glib_none().0)
    };
    assert!(pointer.is_null());
    assert_eq!(value.get::<CodecList>().unwrap(), CodecList::default());
}

#[test]
fn lists_keep_their_order() {
    let codecs = CodecList(vec![opus(), Codec::new(0, "PCMU", MediaType::Audio, 8000), opus()]);
    assert_eq!(codecs.to_value().clone().get::<CodecList>().unwrap(), codecs);
    let candidates = CandidateList(vec![candidate(), Candidate::default()]);
    assert_eq!(candidates.to_value().clone().get::<CandidateList>().unwrap(), candidates);
    let extensions = RtpHeaderExtensionList(vec![
        RtpHeaderExtension { id: 4096, direction: StreamDirection::SEND, uri: "urn:x".into() },
        RtpHeaderExtension { id: 1, direction: StreamDirection::NONE, uri: String::new() },
    ]);
    let value = extensions.to_value();
    assert_eq!(value.type_().name(), "FsRtpHeaderExtensionGList");
    assert_eq!(value.clone().get::<RtpHeaderExtensionList>().unwrap(), extensions);
}

#[test]
fn a_list_is_not_taken_for_another() {
    assert!(CodecList(vec![opus()]).to_value().get::<CandidateList>().is_err());
}

#[test]
fn a_candidate_survives_the_c_struct() {
    let value = CandidateValue(candidate()).to_value();
    assert_eq!(value.clone().get::<CandidateValue>().unwrap().0, candidate());
}

#[test]
fn parameters_have_types_of_their_own() {
    let parameter = fs_proto::CodecParameter { name: "a".into(), value: "b".into() };
    let value = CodecParameterValue(parameter.clone()).to_value();
    assert_eq!(value.type_().name(), "FsCodecParameter");
    assert_eq!(value.get::<CodecParameterValue>().unwrap().0, parameter);
    let feedback = opus().feedback_params.remove(0);
    let value = FeedbackParameterValue(feedback.clone()).to_value();
    assert_eq!(value.type_().name(), "FsFeedbackParameter");
    assert_eq!(value.clone().get::<FeedbackParameterValue>().unwrap().0, feedback);
}

#[test]
fn unknown_numbers_of_c_enums_are_read_as_something_harmless() {
    let mut raw = ffi::FsCodec {
        id: 3,
        encoding_name: std::ptr::null_mut(),
        media_type: 77,
        clock_rate: 0,
        channels: 0,
        minimum_reporting_interval: ffi::TRR_INT_UNSET,
        optional_params: std::ptr::null_mut(),
        feedback_params: std::ptr::null_mut(),
    };
    let mut value = glib::Value::for_value_type::<CodecValue>();
    // SAFETY: the value holds this boxed type and copies the struct.
    unsafe {
        use glib::translate::ToGlibPtrMut;
        glib::gobject_ffi::g_value_set_boxed(value.to_glib_none_mut().0, (&raw mut raw).cast());
    }
    let codec = value.get::<CodecValue>().unwrap().0;
    assert_eq!(codec.media_type, MediaType::Application);
    assert_eq!((codec.encoding_name.as_str(), codec.minimum_reporting_interval), ("", None));
}

#[test]
fn equality_is_that_of_the_c_library() {
    let one = opus();
    let mut two = opus();
    two.encoding_name = "opus".into();
    two.optional_params.reverse();
    two.optional_params[1].name = "UseInbandFec".into();
    assert!(one.matches(&two) && two.matches(&one));
    two.optional_params[1].value = "0".into();
    assert!(!one.matches(&two));
    let mut nameless = Codec::new(1, "", MediaType::Audio, 8000);
    assert!(!nameless.matches(&nameless.clone()));
    nameless.encoding_name = "X".into();
    assert!(nameless.matches(&nameless.clone()));
}

#[test]
fn a_codec_reads_as_in_the_c_library() {
    assert_eq!(
        opus().to_string(),
        "96: audio OPUS clock:48000 channels:2 trr-int=5 useinbandfec=1 =bare nack/pli="
    );
}
