//! `FsRawStream`: what is received from a peer and sent to it.

pub(in crate::raw) mod imp;

use fs_core::enums;
use fs_proto::StreamDirection;

use super::conference::Conference;
use super::participant::Participant;
use super::session::Session;

glib::wrapper! {
    /// The stream of a raw session; made by [`fs_core::prelude::SessionExt::new_stream`].
    pub struct Stream(ObjectSubclass<imp::Stream>) @extends fs_core::Stream;
}

impl Stream {
    pub(super) fn new(
        conference: &Conference,
        session: &Session,
        participant: &Participant,
        direction: StreamDirection,
    ) -> Self {
        glib::Object::builder()
            .property("conference", conference)
            .property("session", session)
            .property("participant", participant)
            .property("direction", enums::StreamDirection::from(direction))
            .build()
    }
}
