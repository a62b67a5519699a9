//! `FsRtpStream`: one peer's end of a session.

pub(in crate::rtp) mod imp;
mod signals;

use fs_core::enums;
use fs_proto::StreamDirection;
use glib::subclass::prelude::*;

use super::participant::Participant;
use super::session::Session;
use super::session::ssrc_map::StreamId;

glib::wrapper! {
    /// A stream of an RTP session; made by [`fs_core::prelude::SessionExt::new_stream`].
    pub struct Stream(ObjectSubclass<imp::Stream>) @extends fs_core::Stream;
}

impl Stream {
    pub(super) fn new(session: &Session, participant: &Participant, direction: StreamDirection) -> Self {
        glib::Object::builder()
            .property("session", session)
            .property("participant", participant)
            .property("direction", enums::StreamDirection::from(direction))
            .build()
    }

    /// Tells the stream its name within the session, once the session knows it.
    pub(super) fn set_id(&self, id: StreamId) {
        self.imp().set_id(id);
    }
}
