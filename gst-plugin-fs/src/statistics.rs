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
