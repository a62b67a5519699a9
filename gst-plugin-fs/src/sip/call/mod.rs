//! Element `fssipcall`: one SIP call as a bin.
//!
//! Raw audio goes into the request pad `audio_sink` and comes out of the sometimes pad `audio_src`, which appears
//! when the first media of the peer is about to be heard and stays the same for the whole call, whatever sources
//! (SSRCs) the peer uses. Gaps in what the peer sends are filled with silence.
//!
//! | Property | Type | Default | Meaning |
//! |---|---|---|---|
//! | `local-uri` | string | empty | who we are and where we listen; empty takes a port from the system, and reads back what was taken |
//! | `uri` | string | empty | whom to call when the pipeline plays; empty waits for a call |
//! | `auto-accept` | boolean | false | accept the call that comes; otherwise ring until `accept` |
//! | `state` | `FsSipCallState` | null | read-only |
//! | `codecs` | string | `opus,G722,PCMU,PCMA` | codecs to use, best first: `NAME`, `NAME/RATE` or `NAME/RATE/CHANNELS`; the others stay off |
//!
//! Action signals: `accept ()`, `reject (uint status)`, `hangup ()`.
//!
//! # Messages
//!
//! Each change of the call posts an element message:
//!
//! | Structure | Fields |
//! |---|---|
//! | `fssip-call-state` | `state` (`FsSipCallState`), `status` (uint, 0 = none), `reason` (string), `peer` (string) |
//! | `fssip-call-codec` | `codec` (string such as `PCMU/8000`), `codecs` (string, all that were agreed) |
//! | `fssip-call-media` | `codec` (string): media of the peer is about to be heard |
//! | `fssip-call-hold` | `originator` (`local` or `remote`), `on-hold` (boolean) |
//!
//! # Ends
//!
//! The peer's BYE, the end of the own sound (EOS on `audio_sink`, or an EOS event sent to the element) and
//! `hangup` all end with EOS on every `audio_src` and an EOS message of the element, after the BYE or CANCEL was
//! answered or 2 s have passed. A refused or failed call posts ERROR with the SIP status and the reason, both in
//! its text and in its details (`status`, `reason`). A change to READY or below hangs up as well.
//!
//! # Threads and locks
//!
//! Signalling runs on one tokio runtime per process. `imp.rs` has one lock, held for no call that leaves the
//! element; `sound.rs` has one of its own, never taken together with it.

mod imp;
mod pacing;
mod runtime;
mod sound;
mod state;
mod worker;

use gst::prelude::*;

pub use state::CallState;

glib::wrapper! {
    /// The element `fssipcall`.
    pub struct SipCall(ObjectSubclass<imp::SipCall>) @extends gst::Bin, gst::Element, gst::Object;
}

/// Registers the element.
///
/// # Errors
/// When GStreamer refuses it.
pub fn register(plugin: Option<&gst::Plugin>) -> Result<(), glib::BoolError> {
    gst::Element::register(plugin, "fssipcall", gst::Rank::NONE, SipCall::static_type())
}
