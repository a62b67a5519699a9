//! Element `fsrawconference`: media as it is, without RTP, over any transmitter with one component.
//!
//! | Module | What it holds |
//! |---|---|
//! | [`conference`] | the element |
//! | [`session`] | `FsRawSession`: one kind of media, one stream |
//! | [`stream`] | `FsRawStream`: what is received and sent |
//! | [`participant`] | `FsRawParticipant` |
//!
//! A codec of a raw session is named by its caps: `encoding_name` is a fixed caps string. The first remote codec is what
//! the peer sends, the second what it wants to get; if there is only one, it is both. Buffers travel as they are, so a
//! transmitter that carries datagrams takes no more than a datagram holds.

pub mod conference;
pub mod participant;
pub mod session;
pub mod stream;

use glib::prelude::*;
use once_cell::sync::Lazy;

static CAT: Lazy<gst::DebugCategory> = Lazy::new(|| {
    gst::DebugCategory::new(
        "fsrawconference",
        gst::DebugColorFlags::empty(),
        Some("Farstream raw conference"),
    )
});

/// Registers the element with a plugin, or, without one, with the process.
///
/// # Errors
/// When GStreamer refuses the element.
pub fn register(plugin: Option<&gst::Plugin>) -> Result<(), glib::BoolError> {
    Lazy::force(&CAT);
    gst::Element::register(plugin, "fsrawconference", gst::Rank::NONE, conference::Conference::static_type())
}

/// The answer of everything that was destroyed.
fn disposed() -> glib::Error {
    glib::Error::new(fs_core::Error::Disposed, "called after the object was destroyed")
}
