//! The C functions, called as a C program calls them. Runs with the feature `capi` (a workspace build has it).

#![cfg(feature = "capi")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
// SAFETY: every call below passes what the C headers ask for, or on purpose the NULL they check.
#![allow(clippy::undocumented_unsafe_blocks, reason = "see the line above")]

#[path = "classes/bare.rs"]
mod bare;

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_ulong};
use std::ptr::null_mut;

use fs_core::ffi::*;
use fs_core::{Error, Session, Stream, enums, messages};
use fs_proto::{Candidate, CandidateType, Codec, MediaType, StreamState};
use glib::ffi::{GKeyFile, GList, GTRUE, gboolean};
use glib::prelude::*;
use glib::translate::*;
use gst::ffi::{GstElement, GstMessage};

unsafe extern "C" {
    fn fs_codec_new(id: c_int, name: *const c_char, media: c_uint, rate: c_uint) -> *mut FsCodec;
    fn fs_codec_destroy(codec: *mut FsCodec);
    fn fs_codec_to_string(codec: *const FsCodec) -> *mut c_char;
    fn fs_codec_are_equal(one: *const FsCodec, two: *const FsCodec) -> gboolean;
    fn fs_codec_copy(codec: *const FsCodec) -> *mut FsCodec;
    fn fs_codec_add_optional_parameter(codec: *mut FsCodec, name: *const c_char, value: *const c_char);
    fn fs_codec_get_optional_parameter(
        codec: *mut FsCodec,
        name: *const c_char,
        value: *const c_char,
    ) -> *mut FsCodecParameter;
    fn fs_codec_remove_optional_parameter(codec: *mut FsCodec, parameter: *mut FsCodecParameter);
    fn fs_codec_add_feedback_parameter(
        codec: *mut FsCodec,
        type_: *const c_char,
        subtype: *const c_char,
        extra: *const c_char,
    );
    fn fs_codec_get_feedback_parameter(
        codec: *mut FsCodec,
        type_: *const c_char,
        subtype: *const c_char,
        extra: *const c_char,
    ) -> *mut FsFeedbackParameter;
    fn fs_codec_remove_feedback_parameter(codec: *mut FsCodec, item: *mut GList);
    fn fs_codec_list_are_equal(one: *mut GList, two: *mut GList) -> gboolean;
    fn fs_codec_list_from_keyfile(file: *const c_char, error: *mut *mut GError) -> *mut GList;
    fn fs_feedback_parameter_copy(parameter: *const FsFeedbackParameter) -> *mut FsFeedbackParameter;
    fn fs_feedback_parameter_free(parameter: *mut FsFeedbackParameter);
    fn fs_parse_error(
        object: *mut GObject,
        message: *mut GstMessage,
        code: *mut c_uint,
        text: *mut *const c_char,
    ) -> gboolean;
    fn fs_session_parse_codecs_changed(session: *mut FsSession, message: *mut GstMessage) -> gboolean;
    fn fs_session_parse_send_codec_changed(
        session: *mut FsSession,
        message: *mut GstMessage,
        codec: *mut *mut FsCodec,
        secondary: *mut *mut GList,
    ) -> gboolean;
    fn fs_session_parse_telephony_event_started(
        session: *mut FsSession,
        message: *mut GstMessage,
        method: *mut c_uint,
        event: *mut c_uint,
        volume: *mut u8,
    ) -> gboolean;
    fn fs_session_parse_telephony_event_stopped(
        session: *mut FsSession,
        message: *mut GstMessage,
        method: *mut c_uint,
    ) -> gboolean;
    fn fs_session_set_send_codec(
        session: *mut FsSession,
        codec: *mut FsCodec,
        error: *mut *mut GError,
    ) -> gboolean;
    fn fs_stream_parse_new_active_candidate_pair(
        stream: *mut FsStream,
        message: *mut GstMessage,
        local: *mut *mut FsCandidate,
        remote: *mut *mut FsCandidate,
    ) -> gboolean;
    fn fs_stream_parse_component_state_changed(
        stream: *mut FsStream,
        message: *mut GstMessage,
        component: *mut c_uint,
        state: *mut c_uint,
    ) -> gboolean;
    fn fs_transmitter_new(
        name: *const c_char,
        components: c_uint,
        tos: c_uint,
        error: *mut *mut GError,
    ) -> *mut FsTransmitter;
    fn fs_utils_get_default_codec_preferences(element: *mut GstElement) -> *mut GList;
    fn fs_utils_get_default_element_properties(element: *mut GstElement) -> *mut GKeyFile;
    fn fs_utils_set_bitrate(element: *mut GstElement, bits: i64);
    fn fs_element_added_notifier_new() -> *mut FsElementAddedNotifier;
    fn fs_element_added_notifier_set_default_properties(
        notifier: *mut FsElementAddedNotifier,
        element: *mut GstElement,
    ) -> c_ulong;
    fn fs_element_added_notifier_set_properties_from_file(
        notifier: *mut FsElementAddedNotifier,
        file: *const c_char,
        error: *mut *mut GError,
    ) -> gboolean;
}

/// Takes an error out of its C form.
fn taken(error: *mut GError) -> glib::Error {
    assert!(!error.is_null(), "no error was set");
    unsafe { from_glib_full(error) }
}

/// Criticals are what some calls here are about, so they must not end the process.
fn init() {
    glib::log_set_always_fatal(glib::LogLevels::LEVEL_ERROR);
    gst::init().unwrap();
}

#[test]
fn a_codec_is_built_compared_and_taken_apart() {
    unsafe {
        let codec = fs_codec_new(97, c"SPEEX".as_ptr(), 0, 16000);
        assert_eq!((*codec).minimum_reporting_interval, u32::MAX);
        fs_codec_add_optional_parameter(codec, c"vbr".as_ptr(), c"on".as_ptr());
        fs_codec_add_optional_parameter(codec, c"Mode".as_ptr(), c"3".as_ptr());
        fs_codec_add_feedback_parameter(codec, c"nack".as_ptr(), c"pli".as_ptr(), c"".as_ptr());
        let copy = fs_codec_copy(codec);
        assert_eq!(fs_codec_are_equal(codec, copy), GTRUE);
        let text = fs_codec_to_string(codec);
        let expected = c"97: audio SPEEX clock:16000 channels:0 vbr=on Mode=3 nack/pli=";
        assert_eq!(CStr::from_ptr(text), expected);
        glib::ffi::g_free(text.cast());
        let find = |value: *const c_char| fs_codec_get_optional_parameter(codec, c"MODE".as_ptr(), value);
        assert_eq!(CStr::from_ptr((*find(null_mut())).value), c"3");
        assert!(find(c"4".as_ptr()).is_null());
        fs_codec_remove_optional_parameter(codec, find(c"3".as_ptr()));
        fs_codec_remove_optional_parameter(codec, null_mut());
        assert!(find(null_mut()).is_null());
        assert_ne!(fs_codec_are_equal(codec, copy), GTRUE);
        let feedback = fs_codec_get_feedback_parameter(codec, null_mut(), c"PLI".as_ptr(), null_mut());
        let twin = fs_feedback_parameter_copy(feedback);
        assert_eq!(CStr::from_ptr((*twin).type_), c"nack");
        fs_feedback_parameter_free(twin);
        fs_codec_remove_feedback_parameter(codec, (*codec).feedback_params);
        assert!((*codec).feedback_params.is_null());
        fs_codec_destroy(codec);
        fs_codec_destroy(copy);
        assert_eq!(fs_codec_are_equal(null_mut(), null_mut()), GTRUE);
        assert_eq!(fs_codec_list_are_equal(null_mut(), null_mut()), GTRUE);
        let nothing = fs_codec_to_string(null_mut());
        assert_eq!(CStr::from_ptr(nothing), c"(NULL)");
        glib::ffi::g_free(nothing.cast());
    }
}

#[test]
fn null_and_false_come_with_an_error() {
    init();
    unsafe {
        let mut error = null_mut();
        assert!(fs_codec_list_from_keyfile(c"/nonexistent".as_ptr(), &mut error).is_null());
        assert!(taken(error).matches(glib::FileError::Noent));
        for _ in 0..2 {
            let mut error = null_mut();
            assert!(fs_transmitter_new(c"nonsense".as_ptr(), 2, 0, &mut error).is_null());
            let error = taken(error);
            assert!(error.matches(Error::Construction) && error.message().contains("nonsense"), "{error}");
        }
        assert!(fs_transmitter_new(c"nonsense".as_ptr(), 2, 0, null_mut()).is_null());
        let mut error = null_mut();
        assert!(fs_transmitter_new(null_mut(), 2, 0, &mut error).is_null());
        assert!(taken(error).matches(Error::InvalidArguments));
        let mut error = null_mut();
        assert_ne!(fs_session_set_send_codec(null_mut(), null_mut(), &mut error), GTRUE);
        assert!(taken(error).matches(Error::InvalidArguments));
    }
}

#[test]
fn messages_of_sessions() {
    init();
    let session: Session = glib::Object::new::<bare::Session>().upcast();
    let other: Session = glib::Object::new::<bare::Session>().upcast();
    let (codec, second) = (
        Codec::new(96, "OPUS", MediaType::Audio, 48000),
        Codec::new(101, "telephone-event", MediaType::Audio, 8000),
    );
    let method = enums::DtmfMethod::Sound;
    let message = |structure| gst::message::Element::new(structure);
    let sent = message(messages::send_codec_changed(&session, &codec, &[second]));
    let changed = message(messages::codecs_changed(&session));
    let started = message(messages::telephony_event_started(&session, method, 12, 9));
    let stopped = message(messages::telephony_event_stopped(&session, method));
    let (raw, stranger): (*mut FsSession, *mut FsSession) = (session.as_ptr(), other.as_ptr());
    unsafe {
        let (mut first, mut list) = (null_mut(), null_mut());
        assert_eq!(fs_session_parse_send_codec_changed(raw, sent.as_mut_ptr(), &mut first, &mut list), GTRUE);
        assert_eq!(CStr::from_ptr((*first).encoding_name), c"OPUS");
        assert_eq!((*(*list).data.cast::<FsCodec>()).id, 101);
        assert_eq!(
            fs_session_parse_send_codec_changed(raw, sent.as_mut_ptr(), null_mut(), null_mut()),
            GTRUE
        );
        assert_eq!(fs_session_parse_codecs_changed(raw, changed.as_mut_ptr()), GTRUE);
        assert_ne!(fs_session_parse_codecs_changed(stranger, changed.as_mut_ptr()), GTRUE);
        assert_ne!(fs_session_parse_codecs_changed(raw, sent.as_mut_ptr()), GTRUE);
        let (mut how, mut what, mut loud) = (0, 0, 0);
        let pointer = started.as_mut_ptr();
        assert_eq!(
            fs_session_parse_telephony_event_started(raw, pointer, &mut how, &mut what, &mut loud),
            GTRUE
        );
        assert_eq!((how, what, loud), (2, 12, 9));
        assert_eq!(fs_session_parse_telephony_event_stopped(raw, stopped.as_mut_ptr(), &mut how), GTRUE);
        assert_ne!(fs_session_parse_telephony_event_stopped(raw, pointer, null_mut()), GTRUE);
    }
}

#[test]
fn messages_of_streams() {
    init();
    let stream: Stream = glib::Object::new::<bare::Stream>().upcast();
    let raw: *mut FsStream = stream.as_ptr();
    let (local, remote) = (
        Candidate::new("L", 1, CandidateType::Host, "192.0.2.1", 1),
        Candidate::new("R", 1, CandidateType::Host, "192.0.2.2", 2),
    );
    let pair = gst::message::Element::new(messages::new_active_candidate_pair(&stream, &local, &remote));
    let state = messages::component_state_changed(&stream, 2, StreamState::Connected);
    let state = gst::message::Element::new(state);
    let error = messages::error(stream.upcast_ref(), Error::Network, "no route");
    let error = gst::message::Element::new(error);
    unsafe {
        let (mut ours, mut theirs) = (null_mut(), null_mut());
        assert_eq!(
            fs_stream_parse_new_active_candidate_pair(raw, pair.as_mut_ptr(), &mut ours, &mut theirs),
            GTRUE
        );
        assert_eq!(((*ours).port, (*theirs).port), (1, 2));
        let (mut component, mut what) = (0, 0);
        let pointer = state.as_mut_ptr();
        assert_eq!(fs_stream_parse_component_state_changed(raw, pointer, &mut component, &mut what), GTRUE);
        assert_eq!((component, what), (2, StreamState::Connected as u32));
        let (mut code, mut text) = (0, std::ptr::null());
        assert_eq!(fs_parse_error(raw.cast(), error.as_mut_ptr(), &mut code, &mut text), GTRUE);
        assert_eq!((code, CStr::from_ptr(text)), (101, c"no route"));
        assert_ne!(fs_parse_error(raw.cast(), pointer, &mut code, &mut text), GTRUE);
    }
}

#[test]
fn defaults_and_the_notifier() {
    init();
    let element = gst::ElementFactory::make("identity").build().unwrap();
    let raw: *mut GstElement = element.as_ptr();
    let file = std::env::temp_dir().join(format!("fs-core-capi-{}", std::process::id()));
    std::fs::write(&file, "[identity]\nsilent=false\n").unwrap();
    let path = CString::new(file.to_str().unwrap()).unwrap();
    unsafe {
        assert!(fs_utils_get_default_codec_preferences(raw).is_null());
        assert!(fs_utils_get_default_element_properties(raw).is_null());
        // A critical, and nothing else: identity has no bit rate.
        fs_utils_set_bitrate(raw, 64_000);
        let notifier = fs_element_added_notifier_new();
        assert_eq!(fs_element_added_notifier_set_default_properties(notifier, raw), 0);
        let mut error = null_mut();
        let missing = c"/nonexistent".as_ptr();
        assert_ne!(fs_element_added_notifier_set_properties_from_file(notifier, missing, &mut error), GTRUE);
        assert!(taken(error).matches(glib::FileError::Noent));
        let loaded = fs_element_added_notifier_set_properties_from_file(notifier, path.as_ptr(), null_mut());
        assert_eq!(loaded, GTRUE);
        glib::gobject_ffi::g_object_unref(notifier.cast());
    }
    std::fs::remove_file(file).unwrap();
}
