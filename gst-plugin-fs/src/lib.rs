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

/// Plugin file `libfsrawconference.so`.
#[allow(missing_docs)] // what the macro makes is for GStreamer's loader
pub mod fsrawconference {
    fn init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
        crate::register_builtin_transmitters();
        crate::raw::register(Some(plugin))
    }

    gst::plugin_define!(
        fsrawconference,
        "Farstream raw conference",
        init,
        env!("CARGO_PKG_VERSION"),
        "MPL",
        "farstream",
        "Farstream",
        "https://www.freedesktop.org/wiki/Software/Farstream/"
    );
}

/// Plugin file `libfsrtpconference.so`.
#[allow(missing_docs)] // what the macro makes is for GStreamer's loader
pub mod fsrtpconference {
    fn init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
        crate::register_builtin_transmitters();
        crate::rtp::register(Some(plugin))
    }

    gst::plugin_define!(
        fsrtpconference,
        "Farstream RTP conference",
        init,
        env!("CARGO_PKG_VERSION"),
        "MPL",
        "farstream",
        "Farstream",
        "https://www.freedesktop.org/wiki/Software/Farstream/"
    );
}

/// Plugin file `libfsrtpxdata.so`.
#[allow(missing_docs)] // what the macro makes is for GStreamer's loader
pub mod fsrtpxdata {
    fn init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
        crate::rtpxdata::register(Some(plugin))
    }

    gst::plugin_define!(
        fsrtpxdata,
        "Farstream X-DATA over RTP",
        init,
        env!("CARGO_PKG_VERSION"),
        "MPL",
        "farstream",
        "Farstream",
        "https://www.freedesktop.org/wiki/Software/Farstream/"
    );
}

/// Plugin file `libfsvideoanyrate.so`.
#[allow(missing_docs)] // what the macro makes is for GStreamer's loader
pub mod fsvideoanyrate {
    fn init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
        crate::videoanyrate::register(Some(plugin))
    }

    gst::plugin_define!(
        fsvideoanyrate,
        "Farstream video with any frame rate",
        init,
        env!("CARGO_PKG_VERSION"),
        "MPL",
        "farstream",
        "Farstream",
        "https://www.freedesktop.org/wiki/Software/Farstream/"
    );
}

/// Plugin file `libfssip.so`.
#[allow(missing_docs)] // what the macro makes is for GStreamer's loader
pub mod fssip {
    fn init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
        crate::register_builtin_transmitters();
        crate::sip::register(Some(plugin))
    }

    gst::plugin_define!(
        fssip,
        "Calls by SIP",
        init,
        env!("CARGO_PKG_VERSION"),
        "MPL",
        "farstream",
        "Farstream",
        "https://www.freedesktop.org/wiki/Software/Farstream/"
    );
}

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
