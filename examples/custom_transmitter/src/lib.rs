//! A transmitter written outside of the library, in Rust: `unixgram` carries packets over UNIX datagram sockets.
//!
//! The file `libunixgram-transmitter.so` in a folder of `FS_PLUGIN_PATH` is all it takes; a program in any language then
//! uses it by name:
//!
//! ```text
//! stream.set_transmitter("unixgram", &[])?;                 // Rust
//! stream.set_transmitter_ht("unixgram", {})                 # Python
//! fs_stream_set_transmitter (stream, "unixgram", NULL, 0, &error);   /* C */
//! ```
//!
//! The crate takes `fs-core` as an ordinary Rust library, without the feature `capi`, so the file has no C symbol but its
//! entry, [`fs_init_plugin`]. The abstract classes are those of the `libfarstream-0.2.so.5` that loads the file: `fs-core`
//! adopts the types it finds in the process. The file therefore works on Debian's library too.

mod port;
mod stream;
mod transmitter;

use fs_core::ffi::FsPlugin;
use glib::prelude::*;
use glib::translate::*;

glib::wrapper! {
    /// The transmitter of one session.
    pub struct UnixGramTransmitter(ObjectSubclass<transmitter::UnixGramTransmitter>) @extends fs_core::Transmitter;
}

glib::wrapper! {
    /// The part of it that serves one stream.
    pub struct UnixGramStreamTransmitter(ObjectSubclass<stream::UnixGramStreamTransmitter>)
        @extends fs_core::StreamTransmitter;
}

/// Entry of the plugin: tells the loader which type it provides.
///
/// # Safety
/// Called by the plugin loader, with its `FsPlugin`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_init_plugin(plugin: *mut FsPlugin) {
    // GStreamer is initialised long since; this copy of its bindings wants to be told. Without it there is no type, and
    // the loader says so.
    if gst::init().is_ok() {
        // SAFETY: the loader hands in its live plugin object and reads the field when we return.
        unsafe { (*plugin).type_ = UnixGramTransmitter::static_type().into_glib() };
    }
}

/// Locks, also when a thread panicked while it held the lock: the values are replaced as a whole.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn construction(text: &str) -> glib::Error {
    glib::Error::new(fs_core::Error::Construction, text)
}
