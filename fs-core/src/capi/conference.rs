//! `farstream/fs-conference.h`.

use std::ffi::c_char;

use glib::error::ErrorDomain;
use glib::ffi::{GError, GFALSE, GQuark, GTRUE, gboolean};
use glib::gobject_ffi::{G_TYPE_OBJECT, GObject};
use glib::translate::*;
use gst::ffi::GstMessage;

use super::fields::{Fields, is_message, store};
use super::{check, critical, is_a};
use crate::class::{class_of, guard};
use crate::conference::{Conference, call, fs_conference_get_type};
use crate::enums::fs_error_get_type;
use crate::error::Error;
use crate::ffi::{FsConference, FsConferenceClass, FsError, FsMediaType, FsParticipant, FsSession};
use crate::session::Session;

#[unsafe(no_mangle)]
pub extern "C" fn fs_error_quark() -> GQuark {
    Error::domain().into_glib()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_conference_new_session(
    conference: *mut FsConference,
    media_type: FsMediaType,
    error: *mut *mut GError,
) -> *mut FsSession {
    let null = std::ptr::null_mut();
    // SAFETY: the caller passes a live instance or NULL.
    let is_conference = unsafe { is_a(conference, fs_conference_get_type()) };
    check!(c"fs_conference_new_session", is_conference, error => null);
    guard("fs_conference_new_session", null, || {
        // SAFETY: a conference, whose class begins with ours; the answer goes to the caller.
        unsafe {
            let class = class_of::<_, FsConferenceClass>(conference);
            if (*class).new_session.is_none() {
                critical(c"fs_conference_new_session", "klass->new_session");
            }
            let session = call::new_session_raw(class, conference, media_type, error);
            if !session.is_null() {
                let wrapper: Borrowed<Session> = from_glib_borrow(session);
                let conference: Borrowed<Conference> = from_glib_borrow(conference);
                conference.post_errors_of(&wrapper);
            }
            session
        }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_conference_new_participant(
    conference: *mut FsConference,
    error: *mut *mut GError,
) -> *mut FsParticipant {
    let null = std::ptr::null_mut();
    // SAFETY: the caller passes a live instance or NULL.
    let is_conference = unsafe { is_a(conference, fs_conference_get_type()) };
    check!(c"fs_conference_new_participant", is_conference, error => null);
    // SAFETY: a conference, whose class begins with ours.
    unsafe {
        let class = class_of::<_, FsConferenceClass>(conference);
        if (*class).new_participant.is_none() {
            critical(c"fs_conference_new_participant", "klass->new_participant");
        }
        call::new_participant_raw(class, conference, error)
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_parse_error(
    object: *mut GObject,
    message: *mut GstMessage,
    error: *mut FsError,
    error_msg: *mut *const c_char,
) -> gboolean {
    // SAFETY: the caller passes a live instance or NULL.
    let is_object = unsafe { is_a(object, G_TYPE_OBJECT) };
    check!(c"fs_parse_error", is_object => GFALSE);
    check!(c"fs_parse_error", is_message(message) => GFALSE);
    // SAFETY: a valid message; the answers' places are NULL or valid.
    let parsed = unsafe { Fields::of(message, c"farstream-error") }
        .filter(|fields| fields.is_about(c"src-object", object))
        .and_then(|fields| {
            Some((fields.enumeration(c"error-no", fs_error_get_type())?, fields.text(c"error-msg")?))
        });
    let Some((code, text)) = parsed else { return GFALSE };
    // SAFETY: see above.
    unsafe {
        store(error, code);
        store(error_msg, text);
    }
    GTRUE
}
