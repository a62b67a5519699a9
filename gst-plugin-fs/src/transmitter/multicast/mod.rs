//! The transmitter `multicast`: packets to and from a group of receivers (any-source RFC 1112, source-specific RFC 4607),
//! over IPv4 or IPv6.
//!
//! There are no local candidates. The application forces one remote candidate of type multicast for each component:
//! group, port and TTL. We listen to the group and send to it. A preferred local candidate with an address chooses the
//! interface. Streams of one session that use the same group share a socket, whose TTL is the highest that any of
//! them asks for. Our own RTP and RTCP packets, which come back from the group, are not received.
//!
//! | File | What it holds |
//! |---|---|
//! | `transmitter` | `FsMulticastTransmitter`: the bins, the groups of all streams |
//! | `stream` | `FsMulticastStreamTransmitter`: one stream's groups |
//! | `group` | a socket in a group with its elements |
//! | `echo` | our own packets, recognised |
//! | `membership` | options of the socket |
//! | `candidates` | checks on what an application hands in |
//!
//! Locks, in the order in which they are taken: a stream's state, the transmitter's groups. Signals are emitted with none
//! of them held.

mod candidates;
mod echo;
mod group;
mod membership;
mod stream;
mod transmitter;

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use glib::subclass::prelude::*;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "fsmulticasttransmitter",
        gst::DebugColorFlags::empty(),
        Some("Farstream multicast transmitter"),
    )
});

glib::wrapper! {
    /// The multicast transmitter of one session (`FsMulticastTransmitter`); made by `fs_core::Transmitter::new`.
    pub struct MulticastTransmitter(ObjectSubclass<transmitter::MulticastTransmitter>)
        @extends fs_core::Transmitter;
}

glib::wrapper! {
    /// The part of a [`MulticastTransmitter`] that serves one stream (`FsMulticastStreamTransmitter`).
    ///
    /// Beyond the properties of the base class it has `source-filter` (strings, none, construct-only): the addresses
    /// whose packets are received (RFC 4570, `incl`); none means all. `stats` is as with the other transmitters.
    pub struct MulticastStreamTransmitter(ObjectSubclass<stream::MulticastStreamTransmitter>)
        @extends fs_core::StreamTransmitter;
}

impl MulticastStreamTransmitter {
    fn open(&self, transmitter: &MulticastTransmitter) -> Result<(), glib::Error> {
        self.imp().open(transmitter)
    }

    fn associates(&self) -> bool {
        self.imp().associates()
    }
}

/// What a panic elsewhere left behind is consistent: each change of the guarded data is one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
