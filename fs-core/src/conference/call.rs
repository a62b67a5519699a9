//! Calls of the virtual functions of `FsConference`, in their C form and with Rust values.

use glib::ffi::GError;
use glib::prelude::*;

use super::Conference;
use crate::class::{answer_object, object_result, refuse};
use crate::enums::MediaType;
use crate::ffi::{FsConference, FsConferenceClass, FsMediaType, FsParticipant, FsSession};
use crate::participant::Participant;
use crate::session::Session;

type Class = *const FsConferenceClass;

/// `new_session` in C form; missing: NULL, NOT_IMPLEMENTED.
pub(crate) unsafe fn new_session_raw(
    class: Class,
    conference: *mut FsConference,
    media_type: FsMediaType,
    error: *mut *mut GError,
) -> *mut FsSession {
    // SAFETY: the caller vouches for class, instance and error place.
    unsafe {
        match (*class).new_session {
            Some(f) => answer_object("new_session", f(conference, media_type, error), error),
            None => refuse(conference, "new_session", error, std::ptr::null_mut()),
        }
    }
}

/// `new_participant` in C form; missing: NULL, NOT_IMPLEMENTED.
pub(crate) unsafe fn new_participant_raw(
    class: Class,
    conference: *mut FsConference,
    error: *mut *mut GError,
) -> *mut FsParticipant {
    // SAFETY: the caller vouches for class, instance and error place.
    unsafe {
        match (*class).new_participant {
            Some(f) => answer_object("new_participant", f(conference, error), error),
            None => refuse(conference, "new_participant", error, std::ptr::null_mut()),
        }
    }
}

pub(crate) fn new_session(
    conference: &Conference,
    class: Class,
    media_type: fs_proto::MediaType,
) -> Result<Session, glib::Error> {
    let mut error = std::ptr::null_mut();
    // SAFETY: the conference lives; the answer is ours.
    unsafe {
        let media_type = MediaType::from(media_type) as u32;
        let session = new_session_raw(class, conference.as_ptr(), media_type, &mut error);
        object_result("new_session", session, error)
    }
}

pub(crate) fn new_participant(conference: &Conference, class: Class) -> Result<Participant, glib::Error> {
    let mut error = std::ptr::null_mut();
    // SAFETY: the conference lives; the answer is ours.
    unsafe {
        let participant = new_participant_raw(class, conference.as_ptr(), &mut error);
        object_result("new_participant", participant, error)
    }
}
