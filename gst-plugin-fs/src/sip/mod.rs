//! Elements over the SIP middleware: the only part of the plugin that uses `fs-sip`.

pub mod call;

/// Registers the elements of this folder with a plugin, or, without one, with the process.
///
/// # Errors
/// When GStreamer refuses an element.
pub fn register(plugin: Option<&gst::Plugin>) -> Result<(), glib::BoolError> {
    call::register(plugin)
}
