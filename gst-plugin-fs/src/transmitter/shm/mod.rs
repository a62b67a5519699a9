//! The transmitter `shm`: packets to and from another process of this host through shared memory, by the elements
//! `shmsink` and `shmsrc`.
//!
//! Each component has a UNIX socket of ours, through which we hand out what we send, and is connected to the peer's
//! socket, from which it receives. Sockets and memory can be opened by this user only.
//!
//! With `create-local-candidates` the sockets are made in a new folder and told as local candidates, and the `ip` of a remote
//! candidate is the peer's socket. Without it the application chooses: the path of our socket is the `ip` of a preferred
//! local candidate or of a forced remote one, the path of the peer's is the `username` of the remote one.
//!
//! | File | What it holds |
//! |---|---|
//! | `transmitter` | `FsShmTransmitter`: the bins |
//! | `stream` | `FsShmStreamTransmitter`: one stream's sockets |
//! | `writer` | a socket of ours |
//! | `reader` | a connection to the peer's socket |
//!
//! Signals are emitted with a stream's state not locked.

mod reader;
mod stream;
mod transmitter;
mod writer;

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use glib::subclass::prelude::*;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "fsshmtransmitter",
        gst::DebugColorFlags::empty(),
        Some("Farstream shared memory transmitter"),
    )
});

glib::wrapper! {
    /// The shared memory transmitter of one session (`FsShmTransmitter`); made by `fs_core::Transmitter::new`.
    pub struct ShmTransmitter(ObjectSubclass<transmitter::ShmTransmitter>)
        @extends fs_core::Transmitter;
}

glib::wrapper! {
    /// The part of a [`ShmTransmitter`] that serves one stream (`FsShmStreamTransmitter`).
    ///
    /// Beyond the properties of the base class it has `create-local-candidates` (false, construct-only) and `stats`.
    pub struct ShmStreamTransmitter(ObjectSubclass<stream::ShmStreamTransmitter>)
        @extends fs_core::StreamTransmitter;
}

impl ShmStreamTransmitter {
    fn open(&self, transmitter: &ShmTransmitter) -> Result<(), glib::Error> {
        self.imp().open(transmitter)
    }
}

/// What a panic elsewhere left behind is consistent: each change of the guarded data is one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn network(text: &str) -> glib::Error {
    glib::Error::new(fs_core::Error::Network, text)
}

fn invalid(text: &str) -> glib::Error {
    // The text may quote what an application gave, NULs included.
    glib::Error::new(fs_core::Error::InvalidArguments, &text.replace('\0', "\u{fffd}"))
}

/// Longest path of a socket (`sun_path` with its NUL, unix(7)).
const MAX_PATH: usize = 107;

/// # Errors
/// `INVALID_ARGUMENTS` when a path cannot be a socket's.
fn check_path(path: &str) -> Result<(), glib::Error> {
    if path.len() > MAX_PATH || path.contains('\0') {
        return Err(invalid(&format!(
            "the path '{path}' of {} bytes is too long for a socket ({MAX_PATH} at most) or has a NUL",
            path.len()
        )));
    }
    Ok(())
}
