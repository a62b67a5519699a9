//! The transmitter `nice`: ICE (RFC 8445, RFC 6544 for TCP) with STUN and TURN, done by libnice.
//!
//! libnice is loaded when the first transmitter is made, so that the library works without it for those who need no
//! ICE. The streams to one participant share an agent where their parameters allow it; all agents of the process share
//! one thread (`event_loop`), which also brings their news to the streams, in order and with nothing locked, and their packets,
//! unless what takes them may block. UPnP is off.
//!
//! Local candidates are held until all are known and then told with IPv4 first, because clients written for the C
//! library take the first one as the default of their offer. With the parameter `trickle` they are told as they come,
//! and remote ones are used as they come; an empty remote candidate then is the end of remote candidates.
//! An empty list is an ICE restart: local candidates are told again, with the new credentials.
//!
//! | File | What it holds |
//! |---|---|
//! | `transmitter` | `FsNiceTransmitter`: the elements; agents kept with participants |
//! | `stream` | `FsNiceStreamTransmitter`: one stream's candidates and states |
//! | `settings` | its parameters |
//! | `path` | one component between agent and elements |
//! | `link` | a stream's place in an agent |
//! | `renewal` | another network in a call |
//! | `round_trip`, `check` | how long a check takes |
//! | `agent`, `event_loop` | libnice agents and the thread they share |
//! | `candidate`, `relay` | conversion of candidates and TURN servers, checks |
//! | `tls` | the way to TURN servers behind TLS |
//! | `ffi` | libnice's functions, loaded at run time |
//!
//! Locks, in the order in which they are taken: a participant's data, a stream's state, an agent's list of streams,
//! libnice's own. Signals are emitted with none of them held.

mod agent;
mod candidate;
mod check;
mod event_loop;
mod fd_source;
mod ffi;
mod link;
mod native;
mod path;
mod relay;
mod renewal;
mod round_trip;
mod settings;
mod state;
mod stream;
mod tls;
mod transmitter;

use std::sync::LazyLock;

use glib::subclass::prelude::*;

use crate::transmitter::lock;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "fsnicetransmitter",
        gst::DebugColorFlags::empty(),
        Some("Farstream ICE transmitter"),
    )
});

glib::wrapper! {
    /// The ICE transmitter of one session (`FsNiceTransmitter`); made by `fs_core::Transmitter::new`.
    pub struct NiceTransmitter(ObjectSubclass<transmitter::NiceTransmitter>)
        @extends fs_core::Transmitter;
}

glib::wrapper! {
    /// The part of a [`NiceTransmitter`] that serves one stream (`FsNiceStreamTransmitter`).
    ///
    /// Beyond the properties of the C library it has `trickle` and `consent-freshness` (RFC 7675), both false and
    /// construct-only, and `stats`.
    pub struct NiceStreamTransmitter(ObjectSubclass<stream::NiceStreamTransmitter>)
        @extends fs_core::StreamTransmitter;
}

impl NiceStreamTransmitter {
    fn hear(&self, generation: u32, news: agent::News) {
        self.imp().hear(generation, news);
    }

    fn network_changed(&self, now: &[std::net::IpAddr]) {
        self.imp().network_changed(now);
    }
}

#[cfg(test)]
mod tests;
