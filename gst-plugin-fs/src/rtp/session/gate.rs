//! How many sources rtpbin gets to know. It keeps each SSRC that a packet names until nothing has come from it for long, and
//! the interval between our reports grows with their number (RFC 3550 section 6.3), so strangers could make it as long as
//! they like. What goes beyond the bound is dropped before rtpbin sees it.
//!
//! A full house does not stay so: whoever has been silent for a while, once somebody new wants to come in, has to go. rtpbin
//! is told that he said goodbye, and forgets him within the time that it gives everybody who does.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use gst::prelude::*;

use crate::debug::CONFERENCE as CAT;

/// Sources of one session: those that speak, and those that only report.
pub const MAX_SOURCES: usize = 256;
/// Those of them that speak: each has a jitter buffer in rtpbin.
pub const MAX_SPEAKERS: usize = 64;
/// Those that had to go and that rtpbin has not forgotten yet.
const MAX_LEAVING: usize = 256;

/// Who sent one packet only may go after that time: it takes a flood no longer to be over.
const STRANGER_MAY_GO: Duration = Duration::from_secs(2);
/// Others may go later: who is mute still reports every few seconds (RFC 3550 section 6.2).
const SILENT_MAY_GO: Duration = Duration::from_secs(15);

const NOBODY: u64 = u64::MAX;

/// Types of RTCP packets that bring SSRCs along (RFC 3550 section 6).
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const DESCRIPTION: u8 = 202;

/// What is known of a source.
#[derive(Clone, Copy, Debug)]
struct Source {
    /// When a packet came last. That of [`Gate::last`] is older.
    heard: Instant,
    /// More than one came.
    proven: bool,
    /// RTP came.
    speaks: bool,
    /// The application named it.
    invited: bool,
}

impl Source {
    fn may_go(&self, now: Instant) -> bool {
        let silent = now.saturating_duration_since(self.heard);
        !self.invited && silent >= if self.proven { SILENT_MAY_GO } else { STRANGER_MAY_GO }
    }
}

#[derive(Debug, Default)]
struct House {
    known: HashMap<u32, Source>,
    leaving: HashSet<u32>,
}

/// Somebody may come in.
struct Admission {
    /// Not for the first time.
    proven: bool,
    /// Who has to go for that.
    instead_of: Option<u32>,
}

impl House {
    /// A packet came; none if there is no room.
    fn admit(&mut self, ssrc: u32, speaks: bool, now: Instant) -> Option<Admission> {
        let known = self.known.get(&ssrc).copied();
        let begins = speaks && !known.is_some_and(|source| source.speaks);
        let invited = known.is_some_and(|source| source.invited);
        let mute = begins && !invited && self.speakers() >= MAX_SPEAKERS;
        let instead_of = match mute || known.is_none() && self.known.len() >= MAX_SOURCES {
            true => Some(self.dismiss(mute, now)?),
            false => None,
        };
        let proven = known.is_some();
        let speaks = speaks || known.is_some_and(|source| source.speaks);
        self.known.insert(ssrc, Source { heard: now, proven, speaks, invited });
        Some(Admission { proven, instead_of })
    }

    fn speakers(&self) -> usize {
        self.known.values().filter(|source| source.speaks).count()
    }

    /// Somebody who may go, strangers first, then who has been silent for longest.
    fn dismiss(&mut self, speaker: bool, now: Instant) -> Option<u32> {
        if self.leaving.len() >= MAX_LEAVING {
            return None;
        }
        let may_go =
            self.known.iter().filter(|(_, source)| source.may_go(now) && (source.speaks || !speaker));
        let ssrc = may_go.min_by_key(|(_, source)| (source.proven, source.heard)).map(|(ssrc, _)| *ssrc)?;
        self.known.remove(&ssrc);
        self.leaving.insert(ssrc);
        Some(ssrc)
    }
}

/// Tells rtpbin that a source is gone; false if rtpbin does not know it.
type Dismiss = dyn Fn(u32) -> bool + Send + Sync;

/// The sources of one session that may pass.
#[derive(Default)]
pub struct Gate {
    /// Who spoke last, so that most packets need no lock.
    last: LastSpeaker,
    house: Mutex<House>,
    dismiss: OnceLock<Box<Dismiss>>,
    complained: AtomicBool,
}

#[derive(Debug)]
struct LastSpeaker(AtomicU64);

impl Default for LastSpeaker {
    fn default() -> Self {
        Self(AtomicU64::new(NOBODY))
    }
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").field("house", &self.house).finish_non_exhaustive()
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

    /// What tells rtpbin of who has to go; none of the gate's locks is held when it is called.
    pub fn on_dismissal(&self, dismiss: impl Fn(u32) -> bool + Send + Sync + 'static) {
        // It is told once, when the session is made.
        let _ = self.dismiss.set(Box::new(dismiss));
    }

    /// The application named the source: it passes whatever the number of others.
    pub fn invite(&self, ssrc: u32) {
        let now = Instant::now();
        let stranger = Source { heard: now, proven: false, speaks: false, invited: true };
        self.house().known.entry(ssrc).or_insert(stranger).invited = true;
    }

    /// rtpbin has forgotten the source.
    pub fn forget(&self, ssrc: u32) {
        let mut house = self.house();
        house.known.remove(&ssrc);
        house.leaving.remove(&ssrc);
        self.last.0.store(NOBODY, Ordering::Relaxed);
    }

    fn house(&self) -> MutexGuard<'_, House> {
        self.house.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admits(&self, ssrc: u32, speaks: bool, now: impl FnOnce() -> Instant) -> bool {
        let last = self.last.0.load(Ordering::Relaxed);
        if speaks && last == u64::from(ssrc) {
            return true;
        }
        let now = now();
        let admission = {
            let mut house = self.house();
            if let Some(source) = u32::try_from(last).ok().and_then(|last| house.known.get_mut(&last)) {
                source.heard = now;
            }
            let admission = house.admit(ssrc, speaks, now);
            // The first packet alone proves nothing, so the second must get here too.
            if speaks && admission.as_ref().is_some_and(|admission| admission.proven) {
                self.last.0.store(ssrc.into(), Ordering::Relaxed);
            }
            admission
        };
        match admission {
            Some(Admission { instead_of, .. }) => instead_of.into_iter().for_each(|gone| self.tell(gone)),
            None if !self.complained.swap(true, Ordering::Relaxed) => gst::warning!(
                CAT,
                "more than {MAX_SOURCES} sources or {MAX_SPEAKERS} that speak: packets of SSRC {ssrc:08x} and of others are dropped"
            ),
            None => {}
        }
        admission.is_some()
    }

    fn tell(&self, gone: u32) {
        gst::debug!(CAT, "SSRC {gone:08x} is silent and makes room for another");
        if !self.dismiss.get().is_some_and(|dismiss| dismiss(gone)) {
            self.house().leaving.remove(&gone);
        }
    }

    /// Whether an RTP packet may enter rtpbin. What is too short for RTP is for rtpbin to drop.
    pub fn passes_rtp(&self, packet: &gst::BufferRef) -> bool {
        let mut head = [0; 12];
        let read = packet.size() >= head.len() && packet.copy_to_slice(0, &mut head).is_ok();
        !read || self.admits(number(&head, 8).unwrap_or_default(), true, Instant::now)
    }

    fn passes_rtcp(&self, packet: &gst::BufferRef) -> bool {
        let Ok(map) = packet.map_readable() else { return false };
        brought(&map).into_iter().all(|ssrc| self.admits(ssrc, false, Instant::now))
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
    // One packet names its sender several times, and proves him once.
    found.sort_unstable();
    found.dedup();
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

    fn admitted(gate: &Gate, speaks: bool, now: Instant) -> usize {
        (0..10_000).filter(|ssrc| gate.admits(*ssrc, speaks, || now)).count()
    }

    #[test]
    fn the_number_of_sources_is_bounded_and_places_become_free() {
        let (gate, now) = (Gate::default(), Instant::now());
        assert_eq!(admitted(&gate, false, now), MAX_SOURCES);
        assert!(gate.admits(3, false, || now) && !gate.admits(20_000, false, || now));
        gate.invite(20_000);
        assert!(gate.admits(20_000, true, || now), "the application knows it");
        gate.forget(20_000);
        gate.forget(3);
        assert!(gate.admits(20_001, false, || now) && !gate.admits(3, false, || now));
    }

    #[test]
    fn who_only_reports_leaves_room_for_who_speaks() {
        let (gate, now) = (Gate::default(), Instant::now());
        assert_eq!(admitted(&gate, true, now), MAX_SPEAKERS);
        assert!(!gate.admits(20_000, true, || now) && gate.admits(20_000, false, || now));
        assert!(!gate.admits(20_000, true, || now), "it does not speak by reporting first");
        gate.invite(20_000);
        assert!(gate.admits(20_000, true, || now));
    }

    #[test]
    fn a_flood_that_is_over_makes_room() {
        let (gate, start) = (Gate::default(), Instant::now());
        let gone = Arc::new(Mutex::new(Vec::new()));
        let to = gone.clone();
        gate.on_dismissal(move |ssrc| {
            to.lock().unwrap().push(ssrc);
            true
        });
        let at = |seconds| start + Duration::from_secs(seconds);
        let speaks = |ssrc, seconds| gate.admits(ssrc, true, || at(seconds));
        assert!(speaks(50_000, 0) && speaks(50_000, 0), "who was there before");
        assert_eq!(admitted(&gate, true, start), MAX_SPEAKERS - 1);
        assert!(speaks(50_000, 1) && !speaks(60_000, 1), "all of them may still speak");
        assert!(speaks(60_000, 2) && speaks(60_000, 2), "one who spoke once goes");
        let first = gone.lock().unwrap().clone();
        assert!(matches!(first[..], [0..10_000]), "{first:?}");
        assert!(speaks(50_000, 14), "until now the other one may have spoken");
        let newcomers = (70_000..80_000).filter(|ssrc| speaks(*ssrc, 17)).count();
        let gone = gone.lock().unwrap();
        assert_eq!(newcomers, MAX_SPEAKERS - 2, "{gone:?}");
        assert!(!gone.contains(&50_000) && !gone.contains(&60_000), "who spoke a moment ago stays");
    }

    #[test]
    fn no_more_may_be_leaving_than_rtpbin_forgets() {
        let (gate, start) = (Gate::default(), Instant::now());
        gate.on_dismissal(|ssrc| ssrc % 2 == 0);
        let mut admitted = 0;
        for round in 0..100 {
            let now = start + round * Duration::from_secs(60);
            admitted += (0..1000).filter(|n| gate.admits(round * 1000 + n, false, || now)).count();
        }
        // Those that rtpbin knows, with as many that it does not know.
        assert!((2 * MAX_LEAVING..=2 * MAX_LEAVING + 2 * MAX_SOURCES).contains(&admitted), "{admitted}");
        let leaving = gate.house().leaving.clone();
        assert_eq!(leaving.len(), MAX_LEAVING);
        leaving.iter().for_each(|ssrc| gate.forget(*ssrc));
        assert!(gate.admits(1, false, || start + 200 * Duration::from_secs(60)));
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
