//! The property `stats` of conferences, sessions and streams.

use glib::prelude::*;

/// Its description.
pub(crate) fn property() -> glib::ParamSpec {
    glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
        .nick("Statistics")
        .blurb("What was sent and received so far, under the W3C's names")
        .read_only()
        .build()
}

/// Adds `stats` of a stream transmitter as the field `transmitter`, if it has them.
pub(crate) fn add_transmitter(structure: &mut gst::StructureRef, end: &fs_core::StreamTransmitter) {
    let stats = end.find_property("stats").and_then(|_| end.property::<Option<gst::Structure>>("stats"));
    if let Some(stats) = stats {
        structure.set("transmitter", stats);
    }
}
