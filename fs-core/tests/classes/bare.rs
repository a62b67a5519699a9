//! Subclasses that override nothing.

use fs_core::prelude::*;
use glib::subclass::prelude::*;

macro_rules! bare {
    ($imp:ident, $wrapper:ident, $parent:ty, $name:literal, $impl_trait:ident) => {
        mod $imp {
            use super::*;

            #[derive(Default)]
            pub struct Imp;

            #[glib::object_subclass]
            impl ObjectSubclass for Imp {
                const NAME: &'static str = $name;
                type Type = super::$wrapper;
                type ParentType = $parent;
            }

            impl ObjectImpl for Imp {}
            impl $impl_trait for Imp {}
        }

        glib::wrapper! {
            pub struct $wrapper(ObjectSubclass<$imp::Imp>) @extends $parent;
        }
    };
}

bare!(session, Session, fs_core::Session, "TestBareSession", SessionImpl);
bare!(stream, Stream, fs_core::Stream, "TestBareStream", StreamImpl);
bare!(participant, Participant, fs_core::Participant, "TestBareParticipant", ParticipantImpl);
bare!(
    stream_transmitter,
    StreamTransmitter,
    fs_core::StreamTransmitter,
    "TestBareStreamTransmitter",
    StreamTransmitterImpl
);
