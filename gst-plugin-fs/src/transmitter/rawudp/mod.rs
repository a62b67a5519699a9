//! The transmitter `rawudp`: RTP and RTCP over plain UDP sockets, one candidate per component.
//!
//! Each component has one socket, which receives and sends (`port`). Streams of one session that ask for the same address
//! and port share it. One thread waits for the sockets of all sessions of RTP in the process (`io`). Nothing is negotiated
//! here: the application exchanges the local candidates and hands in the peer's with `force_remote_candidates`; there are no
//! connectivity checks, so no `state-changed` either.
//!
//! | File | What it holds |
//! |---|---|
//! | `transmitter` | `FsRawUdpTransmitter`: the elements, the sockets of all streams |
//! | `outlet` | the element that takes packets; `inlet` beside this folder gives them |
//! | `stream` | `FsRawUdpStreamTransmitter`: one stream's candidates |
//! | `settings` | its parameters |
//! | `gather` | which local candidates are told, and when |
//! | `port` | a socket in use |
//! | `renewal` | another network in a call |
//! | `io` | the socket loop |
//! | `socket` | options, and many packets with one call |
//! | `binding` | the search for free ports |
//! | `stun` | STUN binding requests, pure |
//! | `mapping` | forwarded ports: PCP, NAT-PMP, UPnP |
//! | `source` | whose packet is it, by its source address |
//! | `candidates` | checks on candidates handed in |
//! | `interfaces` | this host's addresses |
//!
//! Locks, in the order in which they are taken: a stream's state, the transmitter's ports, the table of sources.
//! Signals are emitted with none of them held.

mod binding;
mod candidates;
mod gather;
mod interfaces;
mod io;
mod mapping;
mod outlet;
mod pace;
mod patients;
mod port;
mod renewal;
mod settings;
mod socket;
mod source;
mod stream;
pub(super) mod stun;
mod transmitter;

use std::sync::LazyLock;

use glib::subclass::prelude::*;

use crate::transmitter::lock;

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
    /// Properties beyond those of the base class, construct-only unless noted: `stun-ip` (string, none), `stun-port` (3478),
    /// `stun-servers` (more servers, with commas between), `stun-timeout` (30 s), `upnp-mapping` and `upnp-discovery`
    /// (false; the C library has true and waits for it), `upnp-mapping-timeout` (600 s), `upnp-discovery-timeout` (2 s),
    /// `mapping-gateway` (who is asked by PCP and NAT-PMP), `min-port` and `max-port` (0: no bound), `send-buffer-size` and
    /// `receive-buffer-size` (bytes, 0: the system's), `symmetric-rtp` (false), `send-component-mux` (false, may be changed),
    /// `stats` (read-only).
    pub struct RawUdpStreamTransmitter(ObjectSubclass<stream::RawUdpStreamTransmitter>)
        @extends fs_core::StreamTransmitter;
}

impl RawUdpStreamTransmitter {
    fn open(&self, transmitter: &RawUdpTransmitter) -> Result<(), glib::Error> {
        self.imp().open(transmitter)
    }
}

/// Numbers that nobody can guess.
pub(super) fn random(bytes: &mut [u8]) {
    // SAFETY: the place has the size that is told.
    let got = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    // Up to 256 bytes it never fails once the system has started (getrandom(2)).
    debug_assert_eq!(usize::try_from(got), Ok(bytes.len()));
}

fn network(text: &str) -> glib::Error {
    glib::Error::new(fs_core::Error::Network, text)
}

#[cfg(test)]
mod tests;
