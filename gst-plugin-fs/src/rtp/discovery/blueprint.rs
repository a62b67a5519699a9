//! A codec that the installed elements can carry, and how to build it.

use fs_proto::Codec;

/// One codec found by discovery: what to advertise, which caps go in and come out, which elements do the work.
///
/// A chain is a list of stages in the order of the data; a stage lists factory names, the best first, any of which
/// will do.
#[derive(Clone, Debug)]
pub struct Blueprint {
    /// The codec as it stands in an offer; its id is a static payload type or [`Codec::ID_ANY`], its clock rate 0 where
    /// the elements take several (then only a preference can bring it into an offer).
    pub codec: Codec,
    /// The RTP caps that payloader and depayloader have in common: one structure, perhaps with ranges.
    pub rtp_caps: gst::Caps,
    /// The encoded media between coder and payloader.
    pub media_caps: gst::Caps,
    /// What the send chain accepts at its sink; empty without a send chain.
    pub input_caps: gst::Caps,
    /// What the receive chain gives at its source; empty without a receive chain.
    pub output_caps: gst::Caps,
    /// Stages from raw media to RTP.
    pub send: Vec<Vec<String>>,
    /// Stages from RTP to raw media.
    pub recv: Vec<Vec<String>>,
}

impl Blueprint {
    /// Whether there are elements to send it.
    pub fn can_send(&self) -> bool {
        !self.send.is_empty()
    }

    /// Whether there are elements to receive it.
    pub fn can_recv(&self) -> bool {
        !self.recv.is_empty()
    }

    /// Tells GStreamer's leaks tracer that the caps are kept for the life of the process.
    pub(super) fn is_kept(&self) {
        for caps in [&self.rtp_caps, &self.media_caps, &self.input_caps, &self.output_caps] {
            let object = caps.as_ptr().cast_mut().cast::<gst::ffi::GstMiniObject>();
            // SAFETY: live caps. Nobody else changes the flags of caps that have been made; the tracer reads them.
            unsafe { (*object).flags |= gst::ffi::GST_MINI_OBJECT_FLAG_MAY_BE_LEAKED };
        }
    }
}

/// The channel count that an encoding's `a=rtpmap` must carry whatever the elements say.
///
/// RFC 7587 section 7: "The number of channels MUST be 2" for `opus`, even where only one is sent.
pub(super) fn required_channels(encoding_name: &str) -> Option<u32> {
    encoding_name.eq_ignore_ascii_case("OPUS").then_some(2)
}
