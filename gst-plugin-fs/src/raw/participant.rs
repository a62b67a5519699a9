//! `FsRawParticipant`: a peer of a raw conference, of whom nothing is known.

use glib::subclass::prelude::*;

mod imp {
    use super::*;

    #[derive(Default)]
    pub struct Participant;

    #[glib::object_subclass]
    impl ObjectSubclass for Participant {
        const NAME: &'static str = "FsRawParticipant";
        type Type = super::Participant;
        type ParentType = fs_core::Participant;
    }

    impl ObjectImpl for Participant {}
    impl fs_core::prelude::ParticipantImpl for Participant {}
}

glib::wrapper! {
    /// A peer.
    pub struct Participant(ObjectSubclass<imp::Participant>) @extends fs_core::Participant;
}
