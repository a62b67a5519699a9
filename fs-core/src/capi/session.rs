//! `farstream/fs-session.h`.

use std::ffi::{c_char, c_int};

use glib::ffi::{GError, GFALSE, GList, GTRUE, GType, gboolean};
use glib::gobject_ffi::{self, G_TYPE_INVALID};
use glib::translate::*;
use gst::ffi::{GstCaps, GstMessage, GstStructure};

use super::fields::{Fields, is_message, store};
use super::{check, critical, is_a, rtp};
use crate::boxed::codec::{fs_codec_get_type, fs_codec_list_get_type};
use crate::class::{class_of, guard};
use crate::enums::{fs_dtmf_event_get_type, fs_dtmf_method_get_type};
use crate::ffi::{
    FsCodec, FsDTMFEvent, FsDTMFMethod, FsParticipant, FsSession, FsSessionClass, FsStream, FsStreamDirection,
};
use crate::participant::fs_participant_get_type;
use crate::session::{Session, fs_session_get_type, vfunc};
use crate::stream::Stream;

/// Whether this is a session.
fn is_session(session: *mut FsSession) -> bool {
    // SAFETY: the C caller passes a live instance or NULL.
    unsafe { is_a(session, fs_session_get_type()) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_session_new_stream(
    session: *mut FsSession,
    participant: *mut FsParticipant,
    direction: FsStreamDirection,
    error: *mut *mut GError,
) -> *mut FsStream {
    let null = std::ptr::null_mut();
    check!(c"fs_session_new_stream", is_session(session), error => null);
    // SAFETY: the caller passes a live instance or NULL, which each kind of session judges for itself.
    let fits = participant.is_null() || unsafe { is_a(participant, fs_participant_get_type()) };
    check!(c"fs_session_new_stream", fits, error => null);
    guard("fs_session_new_stream", null, || {
        // SAFETY: a session, whose class begins with ours; the answer goes to the caller.
        unsafe {
            let class = class_of::<_, FsSessionClass>(session);
            if (*class).new_stream.is_none() {
                critical(c"fs_session_new_stream", "klass->new_stream");
            }
            let stream = vfunc::new_stream(class, session, participant, direction, error);
            if !stream.is_null() {
                let wrapper: Borrowed<Stream> = from_glib_borrow(stream);
                let session: Borrowed<Session> = from_glib_borrow(session);
                session.forward_errors_of(&wrapper);
            }
            stream
        }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_session_start_telephony_event(
    session: *mut FsSession,
    event: u8,
    volume: u8,
) -> gboolean {
    check!(c"fs_session_start_telephony_event", is_session(session) => GFALSE);
    // SAFETY: a session, whose class begins with ours.
    unsafe {
        let class = class_of::<_, FsSessionClass>(session);
        if (*class).start_telephony_event.is_none() {
            gst::warning!(crate::debug::CAT, "this kind of session has no telephony events");
        }
        vfunc::start_telephony_event(class, session, event, volume)
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_session_stop_telephony_event(session: *mut FsSession) -> gboolean {
    check!(c"fs_session_stop_telephony_event", is_session(session) => GFALSE);
    // SAFETY: a session, whose class begins with ours.
    unsafe { vfunc::stop_telephony_event(class_of(session), session) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_session_set_send_codec(
    session: *mut FsSession,
    send_codec: *mut FsCodec,
    error: *mut *mut GError,
) -> gboolean {
    check!(c"fs_session_set_send_codec", is_session(session), error => GFALSE);
    // SAFETY: a session, whose class begins with ours, and a codec or NULL.
    unsafe { vfunc::set_send_codec(class_of(session), session, send_codec, error) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_session_set_codec_preferences(
    session: *mut FsSession,
    codec_preferences: *mut GList,
    error: *mut *mut GError,
) -> gboolean {
    check!(c"fs_session_set_codec_preferences", is_session(session), error => GFALSE);
    // SAFETY: a session, whose class begins with ours, and a list of codecs.
    unsafe { vfunc::set_codec_preferences(class_of(session), session, codec_preferences, error) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_session_list_transmitters(session: *mut FsSession) -> *mut *mut c_char {
    check!(c"fs_session_list_transmitters", is_session(session) => std::ptr::null_mut());
    // SAFETY: a session, whose class begins with ours.
    unsafe { vfunc::list_transmitters(class_of(session), session) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_session_get_stream_transmitter_type(
    session: *mut FsSession,
    transmitter: *const c_char,
) -> GType {
    check!(c"fs_session_get_stream_transmitter_type", is_session(session) => G_TYPE_INVALID);
    check!(c"fs_session_get_stream_transmitter_type", !transmitter.is_null() => G_TYPE_INVALID);
    // SAFETY: a session, whose class begins with ours, and a NUL-terminated name.
    unsafe { vfunc::stream_transmitter_type(class_of(session), session, transmitter) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_session_codecs_need_resend(
    session: *mut FsSession,
    old_codecs: *mut GList,
    new_codecs: *mut GList,
) -> *mut GList {
    check!(c"fs_session_codecs_need_resend", is_session(session) => std::ptr::null_mut());
    // SAFETY: a session, whose class begins with ours, and lists of codecs.
    unsafe { vfunc::codecs_need_resend(class_of(session), session, old_codecs, new_codecs) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_session_set_allowed_caps(
    session: *mut FsSession,
    sink_caps: *mut GstCaps,
    src_caps: *mut GstCaps,
    error: *mut *mut GError,
) -> gboolean {
    check!(c"fs_session_set_allowed_caps", is_session(session), error => GFALSE);
    // SAFETY: a session, whose class begins with ours, and caps or NULL.
    unsafe { vfunc::set_allowed_caps(class_of(session), session, sink_caps, src_caps, error) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_session_set_encryption_parameters(
    session: *mut FsSession,
    parameters: *mut GstStructure,
    error: *mut *mut GError,
) -> gboolean {
    check!(c"fs_session_set_encryption_parameters", is_session(session), error => GFALSE);
    // SAFETY: a session, whose class begins with ours, and a structure or NULL.
    unsafe { vfunc::set_encryption_parameters(class_of(session), session, parameters, error) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_session_emit_error(
    session: *mut FsSession,
    error_no: c_int,
    error_msg: *const c_char,
) {
    check!(c"fs_session_emit_error", is_session(session));
    // SAFETY: the arguments have the types of the signal.
    unsafe {
        gobject_ffi::g_signal_emit_by_name(session.cast(), c"error".as_ptr(), session, error_no, error_msg)
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_session_get_rtp_header_extensions(session: *mut FsSession) -> *mut GList {
    let null = std::ptr::null_mut();
    check!(c"fs_session_get_rtp_header_extensions", is_session(session) => null);
    // SAFETY: a live object.
    unsafe {
        rtp::extensions("fs_session_get_rtp_header_extensions", session.cast(), "rtp-header-extensions")
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_session_set_rtp_header_extension_preferences(
    session: *mut FsSession,
    preferences: *mut GList,
    error: *mut *mut GError,
) -> gboolean {
    check!(c"fs_session_set_rtp_header_extension_preferences", is_session(session), error => GFALSE);
    let what = "fs_session_set_rtp_header_extension_preferences";
    let property = ("conference", "rtp-header-extension-preferences");
    // SAFETY: a live object, a list of header extensions, and the caller's error place.
    unsafe { rtp::set_extensions(what, session.cast(), property, preferences, error) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_session_destroy(session: *mut FsSession) {
    check!(c"fs_session_destroy", is_session(session));
    // SAFETY: a live object.
    unsafe { gobject_ffi::g_object_run_dispose(session.cast()) }
}

/// The fields of a message of that name about this session.
unsafe fn about(session: *mut FsSession, message: *mut GstMessage, name: &std::ffi::CStr) -> Option<Fields> {
    // SAFETY: a valid message.
    unsafe { Fields::of(message, name) }.filter(|fields| fields.is_about(c"session", session))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_session_parse_send_codec_changed(
    session: *mut FsSession,
    message: *mut GstMessage,
    codec: *mut *mut FsCodec,
    secondary_codecs: *mut *mut GList,
) -> gboolean {
    check!(c"fs_session_parse_send_codec_changed", is_session(session) => GFALSE);
    check!(c"fs_session_parse_send_codec_changed", is_message(message) => GFALSE);
    // SAFETY: a valid message; the places are NULL or valid.
    unsafe {
        let parsed = about(session, message, c"farstream-send-codec-changed").and_then(|fields| {
            let first = fields.boxed(c"codec", fs_codec_get_type())?;
            Some((first, fields.boxed(c"secondary-codecs", fs_codec_list_get_type())?))
        });
        let Some((first, second)) = parsed else { return GFALSE };
        store(codec, first);
        store(secondary_codecs, second);
    }
    GTRUE
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_session_parse_codecs_changed(
    session: *mut FsSession,
    message: *mut GstMessage,
) -> gboolean {
    check!(c"fs_session_parse_codecs_changed", is_session(session) => GFALSE);
    check!(c"fs_session_parse_codecs_changed", is_message(message) => GFALSE);
    // SAFETY: a valid message.
    unsafe { about(session, message, c"farstream-codecs-changed") }.map_or(GFALSE, |_| GTRUE)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_session_parse_telephony_event_started(
    session: *mut FsSession,
    message: *mut GstMessage,
    method: *mut FsDTMFMethod,
    event: *mut FsDTMFEvent,
    volume: *mut u8,
) -> gboolean {
    check!(c"fs_session_parse_telephony_event_started", is_session(session) => GFALSE);
    check!(c"fs_session_parse_telephony_event_started", is_message(message) => GFALSE);
    // SAFETY: a valid message; the places are NULL or valid.
    unsafe {
        let parsed = about(session, message, c"farstream-telephony-event-started").and_then(|fields| {
            let how = fields.enumeration(c"method", fs_dtmf_method_get_type())?;
            let what = fields.enumeration(c"event", fs_dtmf_event_get_type())?;
            Some((how, what, fields.byte(c"volume")?))
        });
        let Some((how, what, loud)) = parsed else { return GFALSE };
        store(method, how);
        store(event, what);
        store(volume, loud);
    }
    GTRUE
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_session_parse_telephony_event_stopped(
    session: *mut FsSession,
    message: *mut GstMessage,
    method: *mut FsDTMFMethod,
) -> gboolean {
    check!(c"fs_session_parse_telephony_event_stopped", is_session(session) => GFALSE);
    check!(c"fs_session_parse_telephony_event_stopped", is_message(message) => GFALSE);
    // SAFETY: a valid message; the place is NULL or valid.
    unsafe {
        let parsed = about(session, message, c"farstream-telephony-event-stopped")
            .and_then(|fields| fields.enumeration(c"method", fs_dtmf_method_get_type()));
        let Some(how) = parsed else { return GFALSE };
        store(method, how);
    }
    GTRUE
}
