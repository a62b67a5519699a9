//! The transmitter `rawudp`: RTP and RTCP over plain UDP sockets, one candidate per component.
//!
//! Each component has one socket, which receives and sends (`port`). Streams of one session that ask for the same address
//! and port share it. Nothing is negotiated here: the application exchanges the local candidates and hands in
//! the peer's with `force_remote_candidates`; there are no connectivity checks, so no `state-changed` either.
//!
//! | File | What it holds |
//! |---|---|
//! | `transmitter` | `FsRawUdpTransmitter`: the bins, the sockets of all streams |
//! | `stream` | `FsRawUdpStreamTransmitter`: one stream's candidates |
//! | `port` | a socket with its source and sink elements |
//! | `binding` | the search for free ports |
//! | `source` | whose packet is it, by its source address |
//! | `candidates` | checks on candidates handed in |
//! | `interfaces` | this host's addresses |
//!
//! Locks, in the order in which they are taken: a stream's state, the transmitter's ports, the table of sources.
//! Signals are emitted with none of them held.

mod binding;
mod candidates;
mod interfaces;
mod port;
mod source;
mod stream;
mod transmitter;

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use glib::subclass::prelude::*;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "fsrawudptransmitter",
        gst::DebugColorFlags::empty(),
        Some("Farstream raw UDP transmitter"),
    )
});

glib::wrapper! {
    /// The raw UDP transmitter of one session (`FsRawUdpTransmitter`); made by `fs_core::Transmitter::new`.
    pub struct RawUdpTransmitter(ObjectSubclass<transmitter::RawUdpTransmitter>)
        @extends fs_core::Transmitter;
}

glib::wrapper! {
    /// The part of a [`RawUdpTransmitter`] that serves one stream (`FsRawUdpStreamTransmitter`).
    ///
    /// Properties beyond those of the base class, all construct-only: `stun-ip` (string, none), `stun-port` (3478),
    /// `stun-timeout` (30 s), `upnp-mapping` and `upnp-discovery` (false; the C library has true and waits for
    /// it), `upnp-mapping-timeout` (600 s), `upnp-discovery-timeout` (2 s).
    pub struct RawUdpStreamTransmitter(ObjectSubclass<stream::RawUdpStreamTransmitter>)
        @extends fs_core::StreamTransmitter;
}

impl RawUdpStreamTransmitter {
    fn open(&self, transmitter: &RawUdpTransmitter) -> Result<(), glib::Error> {
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

#[cfg(test)]
mod tests;
