//! RTCP that comes with RTP on the first component (RFC 5761): told apart by its type, it goes where RTCP goes.
//!
//! Nothing has to be switched on: who gets RTCP there takes it, whether or not that was agreed. What is sent on the first
//! component is up to the transmitter, see the stream's property `send-rtcp-mux`.

use std::sync::{Mutex, PoisonError};

use gst::prelude::*;

use crate::debug::CONFERENCE as CAT;

/// Types of RTCP packets, so the payload types 64 to 95 with a marker (RFC 5761 section 4).
const TYPES: std::ops::RangeInclusive<u8> = 192..=223;

/// Takes RTCP out of what leaves `rtp` and gives it to `rtcp`, both funnels.
pub fn separate(rtp: &gst::Element, rtcp: &gst::Element) {
    let Some(pad) = rtp.static_pad("src") else { return };
    let side = SideEntrance { funnel: rtcp.downgrade(), pad: Mutex::default() };
    let mask =
        gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST | gst::PadProbeType::EVENT_DOWNSTREAM;
    pad.add_probe(mask, move |pad, info| match &info.data {
        Some(gst::PadProbeData::Buffer(packet)) if is_rtcp(packet) => {
            if let Some(gst::PadProbeData::Buffer(packet)) = info.data.take() {
                side.push(pad, packet);
            }
            gst::PadProbeReturn::Handled
        }
        Some(gst::PadProbeData::BufferList(packets)) if packets.iter().any(is_rtcp) => {
            let (control, media): (Vec<gst::Buffer>, Vec<gst::Buffer>) =
                packets.iter_owned().partition(|packet| is_rtcp(packet));
            control.into_iter().for_each(|packet| side.push(pad, packet));
            let media: gst::BufferList = media.into_iter().collect();
            info.data = (!media.is_empty()).then_some(gst::PadProbeData::BufferList(media));
            if info.data.is_some() { gst::PadProbeReturn::Ok } else { gst::PadProbeReturn::Handled }
        }
        Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::Eos => {
            side.end();
            gst::PadProbeReturn::Ok
        }
        _ => gst::PadProbeReturn::Ok,
    });
}

/// A pad of the funnel for RTCP that nothing is linked to; made when it is needed first.
struct SideEntrance {
    funnel: glib::WeakRef<gst::Element>,
    pad: Mutex<Option<gst::Pad>>,
}

impl SideEntrance {
    fn push(&self, from: &gst::Pad, packet: gst::Buffer) {
        let Some(pad) = self.pad() else { return };
        if pad.sticky_event::<gst::event::StreamStart>(0).is_none() {
            // Caps come before a segment; where RTCP has come without caps so far, it goes on without.
            let caps = (!self.has_segment()).then(|| gst::Caps::new_empty_simple("application/x-rtcp"));
            let segment =
                from.sticky_event::<gst::event::Segment>(0).map(|segment| segment.event().to_owned());
            let plain = || gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new());
            let start = gst::event::StreamStart::new("rtcp-mux");
            let caps = caps.map(|caps| gst::event::Caps::new(&caps));
            for event in [Some(start), caps, Some(segment.unwrap_or_else(plain))].into_iter().flatten() {
                pad.send_event(event);
            }
        }
        if let Err(why) = pad.chain(packet) {
            gst::debug!(CAT, obj = pad, "RTCP of the first component goes nowhere: {why}");
        }
    }

    fn has_segment(&self) -> bool {
        let out = self.funnel.upgrade().and_then(|funnel| funnel.static_pad("src"));
        out.is_some_and(|out| out.sticky_event::<gst::event::Segment>(0).is_some())
    }

    fn pad(&self) -> Option<gst::Pad> {
        let mut pad = self.pad.lock().unwrap_or_else(PoisonError::into_inner);
        if pad.is_none() {
            *pad = self.funnel.upgrade().and_then(|funnel| funnel.request_pad_simple("sink_%u"));
        }
        pad.clone()
    }

    fn end(&self) {
        let pad = self.pad.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(pad) = pad {
            pad.send_event(gst::event::Eos::new());
        }
    }
}

/// Whether a packet is RTCP: its type says so, and its length is one that RTCP may have there. That spares most RTP with
/// those payload types, which are not to be used.
pub fn is_rtcp(packet: &gst::BufferRef) -> bool {
    let mut head = [0; 4];
    // Copying from a shorter packet panics.
    let read = packet.size() >= head.len() && packet.copy_to_slice(0, &mut head).is_ok();
    read && begins_rtcp(head, packet.size())
}

/// As [`is_rtcp`], of the bytes.
pub fn are_rtcp(packet: &[u8]) -> bool {
    packet.first_chunk().is_some_and(|head| begins_rtcp(*head, packet.len()))
}

fn begins_rtcp(head: [u8; 4], size: usize) -> bool {
    let words = usize::from(u16::from_be_bytes([head[2], head[3]])) + 1;
    head[0] >> 6 == 2 && TYPES.contains(&head[1]) && words * 4 <= size
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(bytes: &[u8]) -> bool {
        gst::init().expect("GStreamer works");
        let judged = is_rtcp(&gst::Buffer::from_slice(bytes.to_vec()));
        assert_eq!(judged, are_rtcp(bytes));
        judged
    }

    #[test]
    fn rtcp_is_known_by_type_and_length() {
        assert!(judge(&[0x80, 201, 0, 1, 1, 2, 3, 4]));
        assert!(judge(&[0x81, 203, 0, 1, 1, 2, 3, 4, 9, 9, 9, 9]));
        assert!(!judge(&[0x80, 201, 0, 2, 1, 2, 3, 4]), "longer than the packet");
        assert!(!judge(&[0x80, 0x80, 0, 1, 1, 2, 3, 4]), "PCMU with a marker");
        assert!(!judge(&[0x80, 0xe0, 0, 1, 1, 2, 3, 4]), "payload type 96 with a marker");
        assert!(!judge(&[0x40, 201, 0, 1, 1, 2, 3, 4]), "another version");
        assert!(!judge(&[0x80, 201, 0]));
        assert!(!judge(&[]));
    }
}
