//! The debug category of the library.

use std::sync::LazyLock;

/// `fsconference`: everything the base classes and the plugin loader have to say.
pub static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("fsconference", gst::DebugColorFlags::empty(), Some("Farstream base classes"))
});
