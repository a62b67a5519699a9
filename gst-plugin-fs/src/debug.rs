//! Debug categories, under the names that `GST_DEBUG` recipes for Farstream use.

use once_cell::sync::Lazy;

fn category(name: &str, description: &str) -> gst::DebugCategory {
    gst::DebugCategory::new(name, gst::DebugColorFlags::empty(), Some(description))
}

/// `fsrtpconference`: the conference, its sessions, streams and substreams.
pub static CONFERENCE: Lazy<gst::DebugCategory> =
    Lazy::new(|| category("fsrtpconference", "Farstream RTP conference"));
/// `fsrtpconference_disco`: codec discovery and codec bins.
pub static DISCOVERY: Lazy<gst::DebugCategory> =
    Lazy::new(|| category("fsrtpconference_disco", "Farstream RTP codec discovery"));
/// `fsrtpconference_nego`: codec negotiation.
pub static NEGOTIATION: Lazy<gst::DebugCategory> =
    Lazy::new(|| category("fsrtpconference_nego", "Farstream RTP codec negotiation"));
/// `fsrtpconference_tfrc`: TCP-friendly rate control.
pub static TFRC: Lazy<gst::DebugCategory> =
    Lazy::new(|| category("fsrtpconference_tfrc", "Farstream RTP rate control"));
/// `fsrtpbitrateadapter`: the element that fits video to the send bit rate.
pub static BITRATE_ADAPTER: Lazy<gst::DebugCategory> =
    Lazy::new(|| category("fsrtpbitrateadapter", "Farstream bit rate adapter"));

/// Registers every category, so that `GST_DEBUG_LIST`-like tools see them before first use.
pub fn init() {
    for each in [&CONFERENCE, &DISCOVERY, &NEGOTIATION, &TFRC, &BITRATE_ADAPTER] {
        Lazy::force(each);
    }
}
