//! Elements `fsrtpxdatapay` and `fsrtpxdatadepay`: arbitrary bytes as RTP, in the form of Microsoft Lync's `X-DATA`.
//!
//! A buffer becomes as many packets as it needs, with the same timestamp; the last one carries the marker. Each packet becomes
//! a buffer again: whoever needs the limits of a message puts them into the data.

mod depay;
mod pay;

use glib::prelude::*;

/// Clock rate of `X-DATA`, in Hz.
const CLOCK_RATE: u32 = 90_000;

glib::wrapper! {
    /// Bytes to RTP.
    pub struct Payloader(ObjectSubclass<pay::Payloader>)
        @extends gst_rtp::RTPBasePayload, gst::Element, gst::Object;
}

glib::wrapper! {
    /// RTP to bytes.
    pub struct Depayloader(ObjectSubclass<depay::Depayloader>)
        @extends gst_rtp::RTPBaseDepayload, gst::Element, gst::Object;
}

/// Registers the elements with a plugin, or, without one, with the process.
///
/// # Errors
/// When GStreamer refuses an element.
pub fn register(plugin: Option<&gst::Plugin>) -> Result<(), glib::BoolError> {
    gst::Element::register(plugin, "fsrtpxdatapay", gst::Rank::SECONDARY, Payloader::static_type())?;
    gst::Element::register(plugin, "fsrtpxdatadepay", gst::Rank::SECONDARY, Depayloader::static_type())
}

/// The two always-pads; media on the `bytes` side, RTP with the given fields on the other.
fn templates(bytes: &str, bytes_side: gst::PadDirection, rtp: gst::Caps) -> Vec<gst::PadTemplate> {
    let (rtp_name, rtp_side) = match bytes_side {
        gst::PadDirection::Sink => ("src", gst::PadDirection::Src),
        _ => ("sink", gst::PadDirection::Sink),
    };
    let media = gst::Caps::builder("application/octet-stream").build();
    [(rtp_name, rtp_side, rtp), (bytes, bytes_side, media)]
        .into_iter()
        .filter_map(|(name, side, caps)| {
            gst::PadTemplate::new(name, side, gst::PadPresence::Always, &caps).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests;
