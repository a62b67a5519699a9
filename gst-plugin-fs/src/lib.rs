//! Farstream's GStreamer plugins: the elements and the built-in transmitters.
//!
//! Rust programs call [`plugin_register_static`] once and need no installed file. For everybody else the shared
//! library holds this code, and small plugin files, which are only names, lead GStreamer to the descriptors made
//! by the modules here: one module per plugin file.

mod children;
pub mod debug;
pub mod raw;
pub mod rtp;
pub mod rtpxdata;
pub mod sip;
mod statistics;
mod streaming_threads;
pub mod transmitter;
pub mod videoanyrate;

/// The module of one plugin file: its descriptor, which registers the elements of a module of this crate.
macro_rules! plugin_file {
    ($name:ident, $elements:ident, $description:literal) => {
        #[doc = concat!("Plugin file `lib", stringify!($name), ".so`.")]
        #[allow(missing_docs)] // what the macro makes is for GStreamer's loader
        pub mod $name {
            fn init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
                crate::register_builtin_transmitters();
                crate::$elements::register(Some(plugin))
            }

            gst::plugin_define!(
                $name,
                $description,
                init,
                env!("CARGO_PKG_VERSION"),
                "MPL",
                "farstream",
                "Farstream",
                "https://www.freedesktop.org/wiki/Software/Farstream/"
            );
        }
    };
}

plugin_file!(fsrawconference, raw, "Farstream raw conference");
plugin_file!(fsrtpconference, rtp, "Farstream RTP conference");
plugin_file!(fsrtpxdata, rtpxdata, "Farstream X-DATA over RTP");
plugin_file!(fsvideoanyrate, videoanyrate, "Farstream video with any frame rate");
plugin_file!(fssip, sip, "Calls by SIP");

/// Registers every element and the built-in transmitters with the running process. Call it after `gst::init`.
///
/// # Errors
/// GStreamer refused a plugin.
pub fn plugin_register_static() -> Result<(), glib::BoolError> {
    register_builtin_transmitters();
    fsrawconference::plugin_desc::plugin_register_static()?;
    fsrtpconference::plugin_desc::plugin_register_static()?;
    fsrtpxdata::plugin_desc::plugin_register_static()?;
    fsvideoanyrate::plugin_desc::plugin_register_static()?;
    fssip::plugin_desc::plugin_register_static()
}

/// Makes the transmitters of this crate known to `fs-core`, which looks for them after `FS_PLUGIN_PATH`.
pub fn register_builtin_transmitters() {
    transmitter::register();
}
