//! Element `fsvideoanyrate`: passes video through unchanged, whatever frame rates its two sides name.
//!
//! Encoders insist on frame rates that a camera's caps don't promise (a variable rate is `0/1`). This element takes the
//! rate out of the negotiation: where both sides can agree on it they do, where they can't each keeps its own.

mod imp;

use glib::prelude::*;

glib::wrapper! {
    /// The element.
    pub struct VideoAnyRate(ObjectSubclass<imp::VideoAnyRate>)
        @extends gst_base::BaseTransform, gst::Element, gst::Object;
}

/// Registers the element with a plugin, or, without one, with the process.
///
/// # Errors
/// When GStreamer refuses the element.
pub fn register(plugin: Option<&gst::Plugin>) -> Result<(), glib::BoolError> {
    gst::Element::register(plugin, "fsvideoanyrate", gst::Rank::MARGINAL, VideoAnyRate::static_type())
}
