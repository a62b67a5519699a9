//! `FsRawConference`, the element `fsrawconference`.

mod imp;

use glib::subclass::prelude::*;

glib::wrapper! {
    /// The raw conference element. Pads: `sink_N` takes what session N sends, `src_N` gives what it receives.
    pub struct Conference(ObjectSubclass<imp::Conference>)
        @extends fs_core::Conference, gst::Bin, gst::Element, gst::Object,
        @implements gst::ChildProxy;
}

impl Conference {
    /// Whether the caller runs in a thread that moves this conference's data.
    pub(super) fn is_streaming_thread(&self) -> bool {
        self.imp().is_streaming_thread()
    }
}
