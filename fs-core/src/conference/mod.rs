//! Conferences: the element that holds sessions and participants (`FsConference`).

use fs_proto::MediaType;
use glib::prelude::*;
use gst::prelude::*;

use crate::class::class_of;
use crate::ffi::FsConferenceClass;
use crate::messages;
use crate::participant::Participant;
use crate::session::{Session, SessionExt};

pub(crate) mod call;
mod class;
mod imp;

pub use class::fs_conference_get_type;
pub use imp::{ConferenceImpl, ConferenceImplExt};

glib::wrapper! {
    /// A conference (`FsConference`, abstract): a bin made like any element, for example `fsrtpconference`.
    pub struct Conference(Object<crate::ffi::FsConference, crate::ffi::FsConferenceClass>)
        @extends gst::Bin, gst::Element, gst::Object, @implements gst::ChildProxy;

    match fn {
        type_ => || fs_conference_get_type(),
    }
}

// SAFETY: as for every GStreamer element.
unsafe impl Send for Conference {}
// SAFETY: as above.
unsafe impl Sync for Conference {}

impl Conference {
    pub(crate) fn class_ptr(&self) -> *const FsConferenceClass {
        // SAFETY: the wrapper holds a live conference.
        unsafe { class_of(self.as_ptr()) }
    }

    /// Posts the session's errors as `farstream-error` messages.
    pub(crate) fn post_errors_of(&self, session: &Session) {
        let conference = self.downgrade();
        session.connect_error(move |_, source, code, text| {
            if let Some(conference) = conference.upgrade() {
                let structure = messages::error(source, code, text);
                let message = gst::message::Element::builder(structure).src(&conference).build();
                // Fails only while the element has no bus; then nobody wants to know.
                let _ = conference.post_message(message);
            }
        });
    }
}

/// What applications do with a conference.
pub trait ConferenceExt: IsA<Conference> + 'static {
    /// Makes a session (`fs_conference_new_session`). Its errors come as `farstream-error` messages on the bus.
    fn new_session(&self, media_type: MediaType) -> Result<Session, glib::Error> {
        let conference = self.upcast_ref::<Conference>();
        let session = call::new_session(conference, conference.class_ptr(), media_type)?;
        conference.post_errors_of(&session);
        Ok(session)
    }

    /// Makes a participant (`fs_conference_new_participant`).
    fn new_participant(&self) -> Result<Participant, glib::Error> {
        let conference = self.upcast_ref::<Conference>();
        call::new_participant(conference, conference.class_ptr())
    }
}

impl<O: IsA<Conference> + 'static> ConferenceExt for O {}
