//! How many sources rtpbin gets to know. It keeps each SSRC that a packet names until nothing has come from it for long, and
//! the interval between our reports grows with their number (RFC 3550 section 6.3), so strangers could make it as long as
//! they like. What goes beyond the bound is dropped before rtpbin sees it, until others have left.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gst::prelude::*;

use crate::debug::CONFERENCE as CAT;

/// Sources of one session: those that speak, and those that only report.
pub const MAX_SOURCES: usize = 256;

const NOBODY: u64 = u64::MAX;

/// Types of RTCP packets that bring SSRCs along (RFC 3550 section 6).
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const DESCRIPTION: u8 = 202;

/// The sources of one session that may pass.
#[derive(Debug)]
pub struct Gate {
    /// Who passed last, so that most packets need no lock.
    last: AtomicU64,
    known: Mutex<HashSet<u32>>,
    complained: AtomicBool,
}

impl Default for Gate {
    fn default() -> Self {
        Self { last: AtomicU64::new(NOBODY), known: Mutex::default(), complained: AtomicBool::new(false) }
    }
}

impl Gate {
    /// Watches what enters rtpbin.
    pub fn guard(self: &Arc<Self>, rtp: Option<&gst::Pad>, rtcp: Option<&gst::Pad>) {
        for (pad, judge) in
            [(rtp, Self::passes_rtp as fn(&Self, &gst::BufferRef) -> bool), (rtcp, Self::passes_rtcp)]
        {
            let Some(pad) = pad else { continue };
            let gate = self.clone();
            let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
            pad.add_probe(mask, move |_, info| {
                match &info.data {
                    Some(gst::PadProbeData::Buffer(packet)) if !judge(&gate, packet) => info.data = None,
                    Some(gst::PadProbeData::BufferList(packets))
                        if !packets.iter().all(|p| judge(&gate, p)) =>
                    {
                        let left: gst::BufferList =
                            packets.iter_owned().filter(|p| judge(&gate, p)).collect();
                        info.data = (!left.is_empty()).then_some(gst::PadProbeData::BufferList(left));
                    }
                    _ => {}
                }
                if info.data.is_some() { gst::PadProbeReturn::Ok } else { gst::PadProbeReturn::Handled }
            });
        }
    }

    /// The application named the source: it passes whatever the number of others.
    pub fn invite(&self, ssrc: u32) {
        self.known().insert(ssrc);
    }

    /// rtpbin has forgotten the source.
    pub fn forget(&self, ssrc: u32) {
        self.known().remove(&ssrc);
        self.last.store(NOBODY, Ordering::Relaxed);
    }

    fn known(&self) -> MutexGuard<'_, HashSet<u32>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admits(&self, ssrc: u32) -> bool {
        if self.last.load(Ordering::Relaxed) == u64::from(ssrc) {
            return true;
        }
        let mut known = self.known();
        let admitted = known.contains(&ssrc) || known.len() < MAX_SOURCES && known.insert(ssrc);
        if admitted {
            self.last.store(ssrc.into(), Ordering::Relaxed);
        } else if !self.complained.swap(true, Ordering::Relaxed) {
            gst::warning!(
                CAT,
                "more than {MAX_SOURCES} sources: packets of SSRC {ssrc:08x} and of others are dropped"
            );
        }
        admitted
    }

    /// What is too short for RTP is for rtpbin to drop.
    fn passes_rtp(&self, packet: &gst::BufferRef) -> bool {
        let mut head = [0; 12];
        let read = packet.size() >= head.len() && packet.copy_to_slice(0, &mut head).is_ok();
        !read || self.admits(number(&head, 8).unwrap_or_default())
    }

    fn passes_rtcp(&self, packet: &gst::BufferRef) -> bool {
        let Ok(map) = packet.map_readable() else { return false };
        brought(&map).into_iter().all(|ssrc| self.admits(ssrc))
    }
}

fn number(octets: &[u8], at: usize) -> Option<u32> {
    octets.get(at..)?.first_chunk().copied().map(u32::from_be_bytes)
}

/// The SSRCs that a compound packet makes known.
fn brought(mut compound: &[u8]) -> Vec<u32> {
    let mut found = Vec::new();
    while let [first, kind, high, low, ..] = *compound {
        let length = 4 * (usize::from(u16::from_be_bytes([high, low])) + 1);
        let Some((packet, rest)) = compound.split_at_checked(length) else { break };
        match kind {
            SENDER_REPORT | RECEIVER_REPORT => found.extend(number(packet, 4)),
            DESCRIPTION => described(&packet[4..], first & 0x1f, &mut found),
            _ => {}
        }
        compound = rest;
    }
    found
}

/// The SSRCs of the chunks of a source description (RFC 3550 section 6.5).
fn described(mut chunks: &[u8], count: u8, found: &mut Vec<u32>) {
    for _ in 0..count {
        let Some(ssrc) = number(chunks, 0) else { return };
        found.push(ssrc);
        let mut at = 4;
        while chunks.get(at).is_some_and(|item| *item != 0) {
            let Some(&length) = chunks.get(at + 1) else { return };
            at += 2 + usize::from(length);
        }
        // At least one octet of zeros, up to the next word.
        let Some(rest) = chunks.get((at + 1).next_multiple_of(4)..) else { return };
        chunks = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(gate: &Gate) -> usize {
        (0..10_000).filter(|ssrc| gate.admits(*ssrc)).count()
    }

    #[test]
    fn the_number_of_sources_is_bounded_and_places_become_free() {
        let gate = Gate::default();
        assert_eq!(admitted(&gate), MAX_SOURCES);
        assert!(gate.admits(3) && !gate.admits(20_000));
        gate.invite(20_000);
        assert!(gate.admits(20_000), "the application knows it");
        gate.forget(20_000);
        gate.forget(3);
        assert!(gate.admits(20_001) && !gate.admits(3));
    }

    #[test]
    fn each_source_of_a_compound_packet_counts() {
        let report = [0x80, 201, 0, 1, 0, 0, 0, 1];
        let two = [0x82, 202, 0, 5, 0, 0, 0, 2, 1, 2, b'a', b'b', 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0];
        let bye = [0x81, 203, 0, 1, 0, 0, 0, 4];
        assert_eq!(brought(&[&report[..], &two, &bye].concat()), [1, 2, 3]);
        assert_eq!(brought(&[0x80, 200, 0, 1, 0, 0, 0, 9]), [9]);
    }

    #[test]
    fn broken_packets_end_where_they_break() {
        let chunk = [0x9f, 202, 0, 2, 0, 0, 0, 2, 1, 200, b'a', b'b'];
        assert_eq!(brought(&chunk), [2], "an item longer than the packet");
        assert_eq!(brought(&[0x80, 201, 0, 0]), [0; 0]);
        assert_eq!(brought(&[0x80, 201, 0xff, 0xff, 0, 0, 0, 1]), [0; 0]);
        for length in 0..chunk.len() {
            assert!(brought(&chunk[..length]).is_empty());
        }
    }
}
