//! Calls of the virtual functions of `FsSession` in their C form, with the answers for missing ones.
//!
//! The C interface calls these with what the application passed, the Rust interface with what it converted, and
//! chaining up calls them with the parent class.

use std::ffi::{c_char, c_uint};

use glib::ffi::{GError, GFALSE, GList, GTRUE, GType, gboolean};
use glib::gobject_ffi::G_TYPE_INVALID;
use gst::ffi::{GstCaps, GstStructure};

use crate::class::{answer_bool, answer_object, refuse};
use crate::ffi::{FsCodec, FsParticipant, FsSession, FsSessionClass, FsStream};

/// `new_stream`; missing: NULL.
pub(crate) unsafe fn new_stream(
    class: *const FsSessionClass,
    session: *mut FsSession,
    participant: *mut FsParticipant,
    direction: c_uint,
    error: *mut *mut GError,
) -> *mut FsStream {
    // SAFETY: the caller vouches for class, instance and arguments.
    unsafe {
        match (*class).new_stream {
            Some(f) => answer_object("new_stream", f(session, participant, direction, error), error),
            None => refuse(session, "new_stream", error, std::ptr::null_mut()),
        }
    }
}

/// `start_telephony_event`; missing: FALSE.
pub(crate) unsafe fn start_telephony_event(
    class: *const FsSessionClass,
    session: *mut FsSession,
    event: u8,
    volume: u8,
) -> gboolean {
    // SAFETY: the caller vouches for class and instance.
    unsafe { (*class).start_telephony_event.map_or(GFALSE, |f| f(session, event, volume)) }
}

/// `stop_telephony_event`; missing: FALSE.
pub(crate) unsafe fn stop_telephony_event(class: *const FsSessionClass, session: *mut FsSession) -> gboolean {
    // SAFETY: the caller vouches for class and instance.
    unsafe { (*class).stop_telephony_event.map_or(GFALSE, |f| f(session)) }
}

/// `set_send_codec`; missing: FALSE, NOT_IMPLEMENTED.
pub(crate) unsafe fn set_send_codec(
    class: *const FsSessionClass,
    session: *mut FsSession,
    codec: *mut FsCodec,
    error: *mut *mut GError,
) -> gboolean {
    // SAFETY: the caller vouches for class, instance and arguments.
    unsafe {
        match (*class).set_send_codec {
            Some(f) => answer_bool("set_send_codec", f(session, codec, error), error),
            None => refuse(session, "set_send_codec", error, GFALSE),
        }
    }
}

/// `set_codec_preferences`; missing: FALSE, NOT_IMPLEMENTED.
pub(crate) unsafe fn set_codec_preferences(
    class: *const FsSessionClass,
    session: *mut FsSession,
    preferences: *mut GList,
    error: *mut *mut GError,
) -> gboolean {
    // SAFETY: the caller vouches for class, instance and arguments.
    unsafe {
        match (*class).set_codec_preferences {
            Some(f) => answer_bool("set_codec_preferences", f(session, preferences, error), error),
            None => refuse(session, "set_codec_preferences", error, GFALSE),
        }
    }
}

/// `list_transmitters`; missing: NULL.
pub(crate) unsafe fn list_transmitters(
    class: *const FsSessionClass,
    session: *mut FsSession,
) -> *mut *mut c_char {
    // SAFETY: the caller vouches for class and instance.
    unsafe { (*class).list_transmitters.map_or(std::ptr::null_mut(), |f| f(session)) }
}

/// `get_stream_transmitter_type`; missing: no type.
pub(crate) unsafe fn stream_transmitter_type(
    class: *const FsSessionClass,
    session: *mut FsSession,
    transmitter: *const c_char,
) -> GType {
    // SAFETY: the caller vouches for class, instance and name.
    unsafe { (*class).get_stream_transmitter_type.map_or(G_TYPE_INVALID, |f| f(session, transmitter)) }
}

/// `codecs_need_resend`; missing: NULL.
pub(crate) unsafe fn codecs_need_resend(
    class: *const FsSessionClass,
    session: *mut FsSession,
    old: *mut GList,
    new: *mut GList,
) -> *mut GList {
    // SAFETY: the caller vouches for class, instance and lists.
    unsafe { (*class).codecs_need_resend.map_or(std::ptr::null_mut(), |f| f(session, old, new)) }
}

/// `set_allowed_caps`; without caps TRUE and no call; missing: FALSE, NOT_IMPLEMENTED.
pub(crate) unsafe fn set_allowed_caps(
    class: *const FsSessionClass,
    session: *mut FsSession,
    sink: *mut GstCaps,
    src: *mut GstCaps,
    error: *mut *mut GError,
) -> gboolean {
    if sink.is_null() && src.is_null() {
        return GTRUE;
    }
    // SAFETY: the caller vouches for class, instance and caps.
    unsafe {
        match (*class).set_allowed_caps {
            Some(f) => answer_bool("set_allowed_caps", f(session, sink, src, error), error),
            None => refuse(session, "set_allowed_caps", error, GFALSE),
        }
    }
}

/// `set_encryption_parameters`; missing: FALSE, NOT_IMPLEMENTED.
pub(crate) unsafe fn set_encryption_parameters(
    class: *const FsSessionClass,
    session: *mut FsSession,
    parameters: *mut GstStructure,
    error: *mut *mut GError,
) -> gboolean {
    // SAFETY: the caller vouches for class, instance and structure.
    unsafe {
        match (*class).set_encryption_parameters {
            Some(f) => answer_bool("set_encryption_parameters", f(session, parameters, error), error),
            None => refuse(session, "set_encryption_parameters", error, GFALSE),
        }
    }
}
