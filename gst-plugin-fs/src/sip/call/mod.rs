//! Element `fssipcall`: one SIP call as a bin.
//!
//! Raw audio goes into the request pad `audio_sink` and comes out of the sometimes pad `audio_src`, which appears
//! when the first media of the peer is about to be heard and stays the same for the whole call, whatever sources
//! (SSRCs) the peer uses. Gaps in what the peer sends are filled with silence. Raw video does the same through
//! `video_sink` and `video_src`: a requested `video_sink` makes the call one with pictures both ways, the property
//! `video` alone one where they are only taken.
//!
//! | Property | Type | Default | Meaning |
//! |---|---|---|---|
//! | `local-uri` | string | empty | who we are and, without registrar or proxy, where we listen; empty or port 0 takes one from the system, and reads back what was taken, with the way there where that is neither UDP nor TCP |
//! | `uri` | string | empty | whom to call when the pipeline plays; empty waits for a call |
//! | `auto-accept` | boolean | false | accept the call that comes; otherwise ring until `accept` |
//! | `state` | `FsSipCallState` | null | read-only |
//! | `codecs` | string | `opus,G722,PCMU,PCMA` | audio codecs to use, best first: `NAME`, `NAME/RATE` or `NAME/RATE/CHANNELS`; the others stay off |
//! | `video` | boolean | false | offer and accept pictures even if none are sent |
//! | `video-codecs` | string | `VP8,H264` | video codecs to use, best first |
//! | `register` | boolean | false | register `local-uri` while the element is started |
//! | `registrar` | string | empty | where to register; empty is the host of `local-uri` |
//! | `proxy` | string | empty | a proxy that all requests go through |
//! | `auth-user`, `password` | string | empty | for challenges; without `auth-user` it is the user of `local-uri`. `password` is write-only |
//! | `transport` | string | empty | `udp`, `tcp`, `tls`, `ws`, `wss`: how requests travel where the URI does not say |
//! | `ca-file` | string | empty | PEM file of the authorities to trust with TLS; empty trusts the system's |
//! | `certificate`, `private-key` | string | empty | PEM files with our certificate and its key (empty: in the same file): with `tls` or `wss` we listen at `local-uri` then |
//! | `transmitter` | string | `rawudp` | `nice` does ICE with peers that have it |
//! | `stun-server` | string | empty | STUN server for `nice`, `HOST[:PORT]` |
//! | `srtp` | `FsSipSrtp` | none | `optional` offers encryption on `RTP/AVP`, `mandatory` insists on it with `RTP/SAVP` |
//!
//! Action signals: `accept ()`, `reject (uint status)`, `hangup ()`, `hold ()`, `unhold ()`, `send-dtmf (string digits)`.
//!
//! # Messages
//!
//! Each change of the call posts an element message:
//!
//! | Structure | Fields |
//! |---|---|
//! | `fssip-call-state` | `state` (`FsSipCallState`), `status` (uint, 0 = none), `reason` (string), `peer` (string) |
//! | `fssip-call-codec` | `codec` (string such as `PCMU/8000`), `codecs` (string, all that were agreed) |
//! | `fssip-call-media` | `media` (`audio` or `video`), `codec` (string): media of the peer is about to be heard or seen |
//! | `fssip-call-encrypted` | `media` (`audio` or `video`), `cipher` (string such as `AES_CM_128_HMAC_SHA1_80`) |
//! | `fssip-call-dtmf` | `digit` (string): the peer pressed a key |
//! | `fssip-call-ice` | `connected` (boolean): whether ICE has found a way |
//! | `fssip-call-registration` | `state` (`registered`, `failed`, `ended`), `status` (uint), `reason` (string), `expires` (uint, s) |
//! | `fssip-call-hold` | `originator` (`local` or `remote`), `on-hold` (boolean) |
//!
//! # Ends
//!
//! The peer's BYE, the end of the own sound (EOS on `audio_sink`, or an EOS event sent to the element) and
//! `hangup` all end with EOS on every `audio_src` and an EOS message of the element, after the BYE or CANCEL was
//! answered or 2 s have passed. A refused or failed call posts ERROR with the SIP status and the reason, both in
//! its text and in its details (`status`, `reason`), and so does a registration that is refused. A change to READY or below hangs up as well.
//!
//! # Threads and locks
//!
//! Signalling runs on one tokio runtime per process. `imp.rs` has one lock, held for no call that leaves the
//! element; `output.rs` and `gate.rs` have one each, never taken together with it.

mod configure;
mod gate;
mod imp;
mod output;
mod pacing;
mod paths;
mod picture;
mod runtime;
mod settings;
mod sound;
mod state;
mod worker;

use gst::prelude::*;

pub use settings::Srtp;
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
