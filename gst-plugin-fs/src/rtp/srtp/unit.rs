//! One `srtpenc` or `srtpdec`, used like a function: a packet in, a packet out.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use fs_core::Error;
use fs_proto::srtp::{Auth, Cipher, Policy, SrtpParameters};
use gst::prelude::*;

use super::header::Kind;
use crate::rtp::element;

/// What the element pushed out last.
type Caught = Arc<Mutex<Option<gst::Buffer>>>;

/// A running srtp element between two pads of ours. Its user makes sure that one thread at a time is in it.
#[derive(Debug)]
pub struct Unit {
    element: gst::Element,
    feed: gst::Pad,
    catch: gst::Pad,
    caught: Caught,
    /// The roll-over counter to begin with, for the next context `srtpdec` makes.
    roll_over: Arc<AtomicU32>,
}

impl Unit {
    /// An encoder for one kind of packets.
    ///
    /// # Errors
    /// `FS_ERROR_CONSTRUCTION` without `srtpenc`, `FS_ERROR_INVALID_ARGUMENTS` for what it does not know.
    pub fn encoder(parameters: &SrtpParameters, kind: Kind) -> Result<Self, glib::Error> {
        let encoder = element::make("srtpenc", None)?;
        let (rtp, rtcp) = policies(parameters, kind);
        for (name, nick) in [
            ("rtp-cipher", rtp.cipher.nick()),
            ("rtp-auth", rtp.auth.nick()),
            ("rtcp-cipher", rtcp.cipher.nick()),
            ("rtcp-auth", rtcp.auth.nick()),
        ] {
            set_choice(&encoder, name, nick)?;
        }
        if let Some(key) = parameters.keys.first() {
            encoder.set_property("key", gst::Buffer::from_slice(key.key.clone()));
            if !key.mki.is_empty() {
                encoder.set_property("mki", gst::Buffer::from_slice(key.mki.clone()));
            }
        }
        encoder.set_property("replay-window-size", parameters.replay_window);
        let sink = element::request_pad(&encoder, &format!("{}_sink_0", kind.pad_prefix()))?;
        let src = element::static_pad(&encoder, &format!("{}_src_0", kind.pad_prefix()))?;
        Self::run(encoder, &sink, &src, kind, Arc::default())
    }

    /// A decoder for one kind of packets.
    ///
    /// # Errors
    /// `FS_ERROR_CONSTRUCTION` without `srtpdec`.
    pub fn decoder(parameters: &SrtpParameters, kind: Kind) -> Result<Self, glib::Error> {
        let decoder = element::make("srtpdec", None)?;
        decoder.set_property("replay-window-size", parameters.replay_window);
        let caps = key_caps(parameters, kind);
        let roll_over = Arc::new(AtomicU32::new(0));
        let begin = roll_over.clone();
        // It holds its object lock meanwhile, so nothing of it may be touched here.
        decoder.connect("request-key", false, move |_| {
            let mut caps = caps.clone();
            if let Some(structure) = caps.make_mut().structure_mut(0) {
                structure.set("roc", begin.load(Ordering::Relaxed));
            }
            Some(caps.to_value())
        });
        let pad = |end: &str| element::static_pad(&decoder, &format!("{}_{end}", kind.pad_prefix()));
        let (sink, src) = (pad("sink")?, pad("src")?);
        Self::run(decoder, &sink, &src, kind, roll_over)
    }

    fn run(
        element: gst::Element,
        sink: &gst::Pad,
        src: &gst::Pad,
        kind: Kind,
        roll_over: Arc<AtomicU32>,
    ) -> Result<Self, glib::Error> {
        let caught = Caught::default();
        let slot = caught.clone();
        let feed = gst::Pad::builder(gst::PadDirection::Src).name("feed").build();
        let catch = gst::Pad::builder(gst::PadDirection::Sink)
            .name("catch")
            .chain_function(move |_, _, buffer| {
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(buffer);
                Ok(gst::FlowSuccess::Ok)
            })
            .event_function(|_, _, _| true)
            .build();
        let unit = Self { element, feed, catch, caught, roll_over };
        element::link(&unit.feed, sink)?;
        element::link(src, &unit.catch)?;
        unit.catch.set_active(true).and_then(|()| unit.feed.set_active(true)).map_err(broken)?;
        unit.element.set_state(gst::State::Playing).map_err(|_| {
            element::construction(format!("element '{}' does not start", unit.element.name()))
        })?;
        let caps = gst::Caps::new_empty_simple(format!("application/x-{}", wire_name(&unit.element, kind)));
        unit.feed.push_event(gst::event::StreamStart::new("srtp"));
        unit.feed.push_event(gst::event::Caps::new(&caps));
        unit.feed.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
        Ok(unit)
    }

    /// The packet that becomes of a packet; `None` if it was refused.
    pub fn process(&self, mut packet: gst::Buffer) -> Option<gst::Buffer> {
        // srtpdec before GStreamer 1.26 loses a buffer that has another owner.
        packet.make_mut();
        let taken = || self.caught.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken();
        self.feed.push(packet).ok()?;
        taken()
    }

    /// The roll-over counter that the next context of a decoder begins with.
    pub fn begin_with(&self, roll_over: u32) {
        self.roll_over.store(roll_over, Ordering::Relaxed);
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        // Going to NULL fails only for broken elements; nothing is left to be done for them.
        let _ = self.element.set_state(gst::State::Null);
        for pad in [&self.feed, &self.catch] {
            let _ = pad.set_active(false);
        }
        if let Some(sink) = self.feed.peer() {
            let _ = self.feed.unlink(&sink);
        }
        if let Some(src) = self.catch.peer() {
            let _ = src.unlink(&self.catch);
        }
    }
}

fn broken(_: glib::BoolError) -> glib::Error {
    element::construction("the pads around an srtp element can't be used")
}

fn wire_name(element: &gst::Element, kind: Kind) -> &'static str {
    let decodes = element.find_property("key").is_none();
    match (decodes, kind) {
        (true, Kind::Rtp) => "srtp",
        (true, Kind::Rtcp) => "srtcp",
        (false, Kind::Rtp) => "rtp",
        (false, Kind::Rtcp) => "rtcp",
    }
}

fn set_choice(element: &gst::Element, property: &str, nick: &str) -> Result<(), glib::Error> {
    let spec = element.find_property(property).and_then(|spec| spec.downcast::<glib::ParamSpecEnum>().ok());
    let value = spec.and_then(|spec| spec.enum_class().to_value_by_nick(nick));
    match value {
        Some(value) => element.set_property_from_value(property, &value),
        None => {
            let text = format!("the installed 'srtpenc' has no {property} '{nick}'");
            return Err(glib::Error::new(Error::InvalidArguments, &text));
        }
    }
    Ok(())
}

/// What to tell an element of ours that sees one kind only. libsrtp refuses null ciphers even for the kind that
/// never comes, and cuts the master key to what the ciphers need, nothing for the null cipher; so where the
/// other kind has no cipher it gets one that needs the key at its full length.
fn policies(parameters: &SrtpParameters, kind: Kind) -> (Policy, Policy) {
    let (own, other) = match kind {
        Kind::Rtp => (parameters.rtp, parameters.rtcp),
        Kind::Rtcp => (parameters.rtcp, parameters.rtp),
    };
    let other = match (other.cipher, own.cipher) {
        (Cipher::Null, Cipher::Null) => Policy { cipher: Cipher::AesCm128, auth: Auth::HmacSha1Tag80 },
        (Cipher::Null, _) => {
            let auth = if own.cipher.is_aead() { Auth::Null } else { Auth::HmacSha1Tag80 };
            Policy { cipher: own.cipher, auth }
        }
        // srtpdec refuses unauthenticated RTCP.
        (cipher, _) if !other.authenticates() => Policy { cipher, auth: Auth::HmacSha1Tag80 },
        _ => other,
    };
    match kind {
        Kind::Rtp => (own, other),
        Kind::Rtcp => (other, own),
    }
}

fn key_caps(parameters: &SrtpParameters, kind: Kind) -> gst::Caps {
    let (rtp, rtcp) = policies(parameters, kind);
    let mut caps = gst::Caps::builder("application/x-srtp")
        .field("srtp-cipher", rtp.cipher.nick())
        .field("srtp-auth", rtp.auth.nick())
        .field("srtcp-cipher", rtcp.cipher.nick())
        .field("srtcp-auth", rtcp.auth.nick());
    for (n, key) in parameters.keys.iter().enumerate() {
        let number = if n == 0 { String::new() } else { (n + 1).to_string() };
        caps = caps.field(format!("srtp-key{number}"), gst::Buffer::from_slice(key.key.clone()));
        if !key.mki.is_empty() {
            caps = caps.field(format!("mki{number}"), gst::Buffer::from_slice(key.mki.clone()));
        }
    }
    caps.build()
}
