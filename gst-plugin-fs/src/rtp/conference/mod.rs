//! `FsRtpConference`, the element `fsrtpconference`.

mod bus;
pub(in crate::rtp) mod imp;

use glib::subclass::prelude::*;

glib::wrapper! {
    /// The RTP conference element.
    ///
    /// Property `latency` (ms, default 100) is how long the jitter buffers hold packets; `sdes` is what RTCP says
    /// about us. Pads: `sink_N` takes what session N sends, `src_N_SSRC_PT` gives what it receives.
    pub struct Conference(ObjectSubclass<imp::Conference>)
        @extends fs_core::Conference, gst::Bin, gst::Element, gst::Object,
        @implements gst::ChildProxy;
}

impl Conference {
    /// rtpbin, if it is installed.
    pub(super) fn rtpbin(&self) -> Option<gst::Element> {
        self.imp().rtpbin()
    }

    /// How long jitter buffers hold packets, in ms.
    pub(super) fn latency(&self) -> u32 {
        self.imp().latency()
    }

    /// Whether the caller runs in a thread that moves this conference's data.
    pub(super) fn is_streaming_thread(&self) -> bool {
        self.imp().is_streaming_thread()
    }
}
