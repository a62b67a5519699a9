//! Key frames on request: PLI (RFC 4585 section 6.3.1) and FIR (RFC 5104 section 4.3.1).
//!
//! rtpbin turns requests that come into events for the encoder, and events of our decoders into requests. What is left:
//! decoders and depayloaders must ask when something is lost, and once a peer asks for key frames the encoder needs not
//! send any by itself, which saves the bits of all that nobody needs.

use fs_proto::{Codec, MediaType};
use glib::subclass::prelude::*;
use gst::prelude::*;

use super::session::graph::InternalSession;
use super::session::imp;
use crate::debug::CONFERENCE as CAT;

/// RTCP packet type of payload-specific feedback.
const PAYLOAD_FEEDBACK: u32 = 206;
/// Picture loss indication.
const PLI: u32 = 1;
/// Full intra request.
const FIR: u32 = 4;

/// How encoders are told to send no key frames by themselves.
const PERIODIC: [(&str, &str, i64); 10] = [
    ("x264enc", "key-int-max", i32::MAX as i64),
    ("x265enc", "key-int-max", i32::MAX as i64),
    ("vp8enc", "keyframe-max-dist", i32::MAX as i64),
    ("vp9enc", "keyframe-max-dist", i32::MAX as i64),
    ("av1enc", "keyframe-max-dist", i32::MAX as i64),
    ("theoraenc", "keyframe-force", 32_768),
    ("theoraenc", "keyframe-freq", 32_768),
    ("dsph263enc", "keyframe-interval", 600),
    ("dsph264enc", "keyframe-interval", 600),
    ("dsphdh264enc", "keyframe-interval", 0),
];

/// What depayloaders and decoders must be told so that they ask for a key frame after a loss.
const ASKING: [&str; 2] = ["request-keyframe", "automatic-request-sync-points"];

/// Lets an element of a receive bin ask for key frames. Depayloaders that can't do it by themselves get help.
pub(super) fn ask_after_losses(element: &gst::Element, codec: &Codec) {
    if codec.media_type != MediaType::Video {
        return;
    }
    let mut able = false;
    for name in ASKING {
        if element.find_property(name).is_some_and(|spec| spec.value_type() == glib::Type::BOOL) {
            element.set_property(name, true);
            able = true;
        }
    }
    let depayloads = element.factory().is_some_and(|f| f.has_type(gst::ElementFactoryType::DEPAYLOADER));
    if depayloads && !able {
        ask_at_gaps(element);
    }
}

/// What comes after a lost packet is marked; then the sender is asked.
fn ask_at_gaps(depayloader: &gst::Element) {
    let (Some(src), Some(sink)) = (depayloader.static_pad("src"), depayloader.static_pad("sink")) else {
        return;
    };
    let sink = sink.downgrade();
    let marked = |buffer: &gst::BufferRef| buffer.flags().contains(gst::BufferFlags::DISCONT);
    src.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, info| {
        let lost = match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => marked(buffer),
            Some(gst::PadProbeData::BufferList(list)) => list.iter().any(marked),
            _ => false,
        };
        if let Some(sink) = sink.upgrade().filter(|_| lost) {
            let request = gst::Structure::builder("GstForceKeyUnit").field("all-headers", false);
            sink.push_event(gst::event::CustomUpstream::new(request.field("count", 0u32).build()));
        }
        gst::PadProbeReturn::Ok
    });
}

/// Whether a peer can ask for key frames of this codec.
pub(super) fn can_be_asked(codec: &Codec) -> bool {
    let is = |kind: &str, subtype: &str| {
        codec
            .feedback_params
            .iter()
            .any(|p| p.kind.eq_ignore_ascii_case(kind) && p.subtype.eq_ignore_ascii_case(subtype))
    };
    is("nack", "pli") || is("ccm", "fir")
}

/// Lets the encoders of a send bin wait for requests.
fn stop_periodic(bin: &gst::Bin) {
    for element in bin.iterate_recurse().into_iter().flatten() {
        let factory = element.factory().map(|f| f.name().to_string()).unwrap_or_default();
        for (_, property, value) in PERIODIC.iter().filter(|(name, ..)| *name == factory) {
            let Some(spec) = element.find_property(property) else { continue };
            if let Ok(value) = value.to_value().transform_with_type(spec.value_type()) {
                gst::debug!(CAT, "{}: no key frames but on request", element.name());
                element.set_property_from_value(property, &value);
            }
        }
    }
}

/// Whether feedback asks this SSRC for a key frame.
fn asks_for(kind: u32, format: u32, media: u32, fci: &[u8], ours: u32) -> bool {
    match (kind, format) {
        (PAYLOAD_FEEDBACK, PLI) => media == ours,
        (PAYLOAD_FEEDBACK, FIR) => fci.chunks_exact(8).any(|entry| entry[..4] == ours.to_be_bytes()),
        _ => false,
    }
}

impl imp::Session {
    /// Listens to requests for key frames.
    pub(super) fn watch_key_requests(&self, internal: &InternalSession) {
        let weak = self.obj().downgrade();
        internal.on_feedback(move |internal, kind, format, _, media, fci| {
            if kind != PAYLOAD_FEEDBACK {
                return;
            }
            let ours = internal.property::<u32>("internal-ssrc");
            if asks_for(kind, format, media, fci, ours)
                && let Some(session) = weak.upgrade()
            {
                session.imp().key_unit_requested();
            }
        });
    }

    /// A peer asked: it will ask again when it needs another.
    fn key_unit_requested(&self) {
        let bin = {
            let mut state = self.state();
            let Some(current) = state.send.current.as_mut() else { return };
            let first = !std::mem::replace(&mut current.keys_on_request, true);
            let can = can_be_asked(&current.association.codec);
            (first && can).then(|| current.bin.clone())
        };
        if let Some(bin) = bin {
            stop_periodic(&bin);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pli_names_us_in_its_head_and_fir_in_an_entry() {
        let entries = [[0, 0, 0, 9, 1, 0, 0, 0], [0, 0, 0, 7, 2, 0, 0, 0]].concat();
        assert!(asks_for(206, PLI, 7, &[], 7));
        assert!(!asks_for(206, PLI, 8, &[], 7));
        assert!(asks_for(206, FIR, 0, &entries, 7));
        assert!(!asks_for(206, FIR, 0, &entries[..8], 7));
        assert!(!asks_for(206, FIR, 0, &entries[8..15], 7), "half an entry is none");
        assert!(!asks_for(205, PLI, 7, &[], 7));
        assert!(!asks_for(206, 15, 7, &[], 7));
    }

    #[test]
    fn encoders_stop_their_periodic_key_frames() {
        gst::init().unwrap();
        let mut found = 0;
        for (factory, property, value) in PERIODIC {
            let Ok(encoder) = gst::ElementFactory::make(factory).build() else { continue };
            let bin = gst::Bin::new();
            bin.add(&encoder).unwrap();
            stop_periodic(&bin);
            let set = encoder.property_value(property).transform::<i64>().unwrap().get::<i64>().unwrap();
            assert_eq!(set, value, "{factory} {property}");
            found += 1;
        }
        assert!(found >= 3, "at least VP8, VP9 and Theora are tested");
    }
}
