//! Conferences written in Rust: the trait, chaining up, and the C functions that lead to it.

use glib::ffi::GError;
use glib::prelude::*;
use glib::subclass::prelude::*;
use glib::translate::*;
use gst::subclass::prelude::*;

use super::{Conference, call};
use crate::class::{guard_result, parent_class};
use crate::enums::MediaType;
use crate::error::Error;
use crate::ffi::{FsConference, FsConferenceClass, FsMediaType, FsParticipant, FsSession};
use crate::participant::Participant;
use crate::session::Session;

/// Virtual functions of a conference. What is not overridden chains up; the base class answers NOT_IMPLEMENTED.
pub trait ConferenceImpl: BinImpl + ObjectSubclass<Type: IsA<Conference>> {
    /// Makes a session for one kind of media.
    fn new_session(&self, media_type: fs_proto::MediaType) -> Result<Session, glib::Error> {
        self.parent_new_session(media_type)
    }

    /// Makes a participant.
    fn new_participant(&self) -> Result<Participant, glib::Error> {
        self.parent_new_participant()
    }
}

/// Chaining up from a [`ConferenceImpl`].
pub trait ConferenceImplExt: ConferenceImpl {
    /// The parent's `new_session`.
    fn parent_new_session(&self, media_type: fs_proto::MediaType) -> Result<Session, glib::Error> {
        call::new_session(self.obj().upcast_ref(), parent_class::<Self, _>(), media_type)
    }

    /// The parent's `new_participant`.
    fn parent_new_participant(&self) -> Result<Participant, glib::Error> {
        call::new_participant(self.obj().upcast_ref(), parent_class::<Self, _>())
    }
}

impl<T: ConferenceImpl> ConferenceImplExt for T {}

// SAFETY: every function put into the class takes exactly the instances of the subclass.
unsafe impl<T: ConferenceImpl> IsSubclassable<T> for Conference {
    fn class_init(class: &mut glib::Class<Self>) {
        Self::parent_class_init::<T>(class);
        let class: &mut FsConferenceClass = class.as_mut();
        class.new_session = Some(new_session::<T>);
        class.new_participant = Some(new_participant::<T>);
    }
}

unsafe fn imp<'a, T: ConferenceImpl>(conference: *mut FsConference) -> &'a T {
    // SAFETY: the class holds these functions for instances of `T` only.
    unsafe { (*conference.cast::<T::Instance>()).imp() }
}

unsafe extern "C" fn new_session<T: ConferenceImpl>(
    conference: *mut FsConference,
    media_type: FsMediaType,
    error: *mut *mut GError,
) -> *mut FsSession {
    // SAFETY: the caller passes a conference of this class and an error place, and owns the answer.
    unsafe {
        guard_result("new_session", error, || {
            let Some(media_type) = MediaType::from_c(media_type) else {
                let text = format!("there is no media type {media_type}, only 0 (audio) to 2 (application)");
                return Err(glib::Error::new(Error::InvalidArguments, &text));
            };
            imp::<T>(conference).new_session(media_type.into())
        })
        .map_or(std::ptr::null_mut(), IntoGlibPtr::into_glib_ptr)
    }
}

unsafe extern "C" fn new_participant<T: ConferenceImpl>(
    conference: *mut FsConference,
    error: *mut *mut GError,
) -> *mut FsParticipant {
    // SAFETY: the caller passes a conference of this class and an error place, and owns the answer.
    unsafe {
        guard_result("new_participant", error, || imp::<T>(conference).new_participant())
            .map_or(std::ptr::null_mut(), IntoGlibPtr::into_glib_ptr)
    }
}
