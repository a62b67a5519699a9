//! Element `fsrtpconference`: audio, video and data over RTP.
//!
//! | Module | What it holds |
//! |---|---|
//! | [`conference`] | the element: owns `rtpbin`, makes sessions and participants |
//! | [`session`] | `FsRtpSession`: negotiation, the send path, received substreams |
//! | [`stream`] | `FsRtpStream`: one peer's end of a session |
//! | [`participant`] | `FsRtpParticipant`: a peer, known by its CNAME |
//! | [`discovery`] | which codecs the installed elements can do |
//! | [`codecbin`] | encoder and decoder bins |
//! | `srtp` | encryption by the srtp elements |
//! | `stats` | what the property `stats` tells |
//! | `jitter_buffer` | the jitter buffer of a source, in shared threads |
//! | `keyunit` | key frames on request |
//! | `tfrc`, `packet_modder` | TCP-friendly rate control |
//! | `bitrate_adapter` | pictures that fit the bit rate |
//! | `field_name` | a bound to the names that peers make up |
//! | `shortcut` | packets past elements that have nothing to do |
//! | `special` | telephony events, as packets and as tones |

mod bitrate_adapter;
pub mod codecbin;
pub mod conference;
pub mod discovery;
pub(crate) mod element;
mod field_name;
pub(crate) mod jitter_buffer;
mod keyunit;
mod packet_modder;
pub mod participant;
pub mod session;
mod shortcut;
mod special;
mod srtp;
mod stats;
pub mod stream;
mod substream;
mod tfrc;

use glib::prelude::*;

/// Registers the elements with a plugin, or with no plugin for static use.
///
/// # Errors
/// GStreamer refused the registration.
pub fn register(plugin: Option<&gst::Plugin>) -> Result<(), glib::BoolError> {
    crate::debug::init();
    let buffer = jitter_buffer::JitterBuffer::static_type();
    gst::Element::register(plugin, jitter_buffer::FACTORY, gst::Rank::NONE, buffer)?;
    gst::Element::register(plugin, "fsrtpconference", gst::Rank::NONE, conference::Conference::static_type())
}
