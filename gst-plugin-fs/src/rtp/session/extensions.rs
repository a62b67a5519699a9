//! Agreed RTP header extensions (RFC 8285: one-byte form up to id 14, two-byte form up to 255). What is received has them in
//! its caps as `extmap-ID`, from which depayloaders and jitter buffers take those they know; payloaders are given those
//! that GStreamer knows.

use fs_proto::{RtpHeaderExtension, StreamDirection};
use gst::prelude::*;
use gst_rtp::prelude::*;

/// What an id can be on the wire (RFC 8285 section 4.3).
const IDS: std::ops::RangeInclusive<u32> = 1..=255;

/// What can be used on the wire in one direction: each meaning once, in the order of the list.
fn usable(agreed: &[RtpHeaderExtension], used: impl Fn(StreamDirection) -> bool) -> Vec<&RtpHeaderExtension> {
    let mut found: Vec<&RtpHeaderExtension> = Vec::new();
    for extension in agreed.iter().filter(|e| IDS.contains(&e.id) && used(e.direction)) {
        if !found.iter().any(|known| known.uri == extension.uri) {
            found.push(extension);
        }
    }
    found
}

/// Gives the payloaders of a bin the extensions to send with, in place of others.
pub fn equip(bin: &gst::Bin, agreed: &[RtpHeaderExtension]) {
    let elements = bin.iterate_recurse().into_iter().flatten();
    for payloader in elements.filter_map(|e| e.downcast::<gst_rtp::RTPBasePayload>().ok()) {
        payloader.emit_by_name::<()>("clear-extensions", &[]);
        for extension in usable(agreed, |direction| direction.send) {
            if let Some(writer) = gst_rtp::RTPHeaderExtension::create_from_uri(&extension.uri) {
                writer.set_id(extension.id);
                payloader.emit_by_name::<()>("add-extension", &[&writer]);
            }
        }
    }
}

/// The caps of what is received with the extensions.
pub fn in_caps(mut caps: gst::Caps, agreed: &[RtpHeaderExtension]) -> gst::Caps {
    let caps_mut = caps.make_mut();
    for extension in usable(agreed, |direction| direction.recv) {
        let name = format!("extmap-{}", extension.id);
        caps_mut.iter_mut().for_each(|structure| structure.set(name.as_str(), extension.uri.as_str()));
    }
    caps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extension(id: u32, direction: StreamDirection) -> RtpHeaderExtension {
        RtpHeaderExtension { id, direction, uri: format!("urn:x:{id}") }
    }

    #[test]
    fn ids_and_directions_are_kept_to() {
        gst::init().expect("GStreamer works");
        let all = [
            extension(0, StreamDirection::BOTH),
            extension(1, StreamDirection::BOTH),
            extension(2, StreamDirection::SEND),
            extension(255, StreamDirection::RECV),
            RtpHeaderExtension { uri: "urn:x:1".to_owned(), ..extension(7, StreamDirection::BOTH) },
            extension(256, StreamDirection::BOTH),
            extension(u32::MAX, StreamDirection::BOTH),
        ];
        let caps = in_caps(gst::Caps::new_empty_simple("application/x-rtp"), &all);
        let structure = caps.structure(0).expect("there is one");
        assert_eq!(structure.get::<&str>("extmap-1"), Ok("urn:x:1"));
        assert_eq!(structure.get::<&str>("extmap-255"), Ok("urn:x:255"));
        assert_eq!(structure.n_fields(), 2, "{caps}");
    }
}
