//! What went through a component: packets and bytes in both directions, for the property `stats` of stream transmitters.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fs_core::CandidateValue;
use fs_proto::Candidate;
use gst::prelude::*;

/// Packets and bytes of one direction.
#[derive(Debug, Default)]
struct Count {
    packets: AtomicU64,
    bytes: AtomicU64,
}

impl Count {
    fn add_one(&self, bytes: usize) {
        self.packets.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn add(&self, info: &gst::PadProbeInfo<'_>) {
        let (packets, bytes) = match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => (1, buffer.size()),
            Some(gst::PadProbeData::BufferList(list)) => (list.len(), list.iter().map(|b| b.size()).sum()),
            _ => return,
        };
        // A usize fits in 64 bits on every machine GStreamer runs on.
        self.packets.fetch_add(packets as u64, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// Counts of one component's elements. Cheap to clone; clones count together.
#[derive(Clone, Debug, Default)]
pub(super) struct Counters(Arc<(Count, Count)>);

impl Counters {
    /// One more packet was sent.
    pub(super) fn add_sent(&self, bytes: usize) {
        self.0.0.add_one(bytes);
    }

    /// One more packet was received.
    pub(super) fn add_received(&self, bytes: usize) {
        self.0.1.add_one(bytes);
    }

    /// Counts what passes a pad as sent. Probes that were added to the pad before may drop packets first.
    pub(super) fn count_sent(&self, pad: &gst::Pad) {
        self.watch(pad, |(sent, _), info| sent.add(info));
    }

    /// Counts what passes a pad as received.
    pub(super) fn count_received(&self, pad: &gst::Pad) {
        self.watch(pad, |(_, received), info| received.add(info));
    }

    fn watch(&self, pad: &gst::Pad, count: fn(&(Count, Count), &gst::PadProbeInfo<'_>)) {
        let counts = self.0.clone();
        pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, info| {
            count(&counts, info);
            gst::PadProbeReturn::Ok
        });
    }

    /// The component's part of `stats`: `component` (uint); `packets-sent`, `bytes-sent`, `packets-received`,
    /// `bytes-received` (uint64, without headers of IP and UDP); `local-candidate` and `remote-candidate` (`FsCandidate`)
    /// where a pair is in use; `round-trip-time` (double, seconds) of the last check, where it is known.
    pub(super) fn describe(
        &self,
        component: u32,
        pair: Option<(&Candidate, &Candidate)>,
        round_trip: Option<Duration>,
    ) -> gst::Structure {
        let (sent, received) = &*self.0;
        let mut structure = gst::Structure::builder("component")
            .field("component", component)
            .field("packets-sent", sent.packets.load(Ordering::Relaxed))
            .field("bytes-sent", sent.bytes.load(Ordering::Relaxed))
            .field("packets-received", received.packets.load(Ordering::Relaxed))
            .field("bytes-received", received.bytes.load(Ordering::Relaxed))
            .build();
        if let Some((local, remote)) = pair {
            structure.set("local-candidate", CandidateValue(local.clone()));
            structure.set("remote-candidate", CandidateValue(remote.clone()));
        }
        if let Some(time) = round_trip {
            structure.set("round-trip-time", time.as_secs_f64());
        }
        structure
    }
}

/// The value of `stats`: a structure whose field `components` is a `GstValueArray` with one structure for each component.
pub(super) fn stats(components: impl IntoIterator<Item = gst::Structure>) -> gst::Structure {
    gst::Structure::builder("transmitter-stats").field("components", gst::Array::new(components)).build()
}

/// The property `stats`.
pub(super) fn property() -> glib::ParamSpec {
    glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
        .nick("Statistics")
        .blurb("Packets, bytes and the pair of candidates of each component (field components, an array)")
        .read_only()
        .build()
}

#[cfg(test)]
mod tests {
    use fs_proto::CandidateType;

    use super::*;

    #[test]
    fn single_buffers_and_lists_are_counted() {
        gst::init().unwrap();
        let (from, to) = (gst::Pad::new(gst::PadDirection::Src), gst::Pad::builder(gst::PadDirection::Sink));
        let to = to.chain_function(|_, _, _| Ok(gst::FlowSuccess::Ok));
        let to = to.chain_list_function(|_, _, _| Ok(gst::FlowSuccess::Ok)).build();
        let counters = Counters::default();
        counters.count_sent(&to);
        counters.count_received(&from);
        [&from, &to].into_iter().for_each(|pad| pad.set_active(true).unwrap());
        from.link(&to).unwrap();
        from.push_event(gst::event::StreamStart::new("s"));
        from.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
        from.push(gst::Buffer::from_slice([0u8; 10])).unwrap();
        let mut list = gst::BufferList::new();
        list.get_mut().unwrap().add(gst::Buffer::from_slice([0u8; 20]));
        list.get_mut().unwrap().add(gst::Buffer::from_slice([0u8; 30]));
        from.push_list(list).unwrap();
        let candidate = Candidate::new("1", 2, CandidateType::Host, "192.0.2.1", 9);
        let told = counters.describe(2, Some((&candidate, &candidate)), Some(Duration::from_millis(250)));
        for direction in ["sent", "received"] {
            assert_eq!(told.get::<u64>(format!("packets-{direction}")), Ok(3));
            assert_eq!(told.get::<u64>(format!("bytes-{direction}")), Ok(60));
        }
        assert_eq!(told.get::<CandidateValue>("remote-candidate").unwrap().0, candidate);
        assert_eq!(told.get::<f64>("round-trip-time"), Ok(0.25));
        let all = stats([told]);
        assert_eq!(all.get::<gst::Array>("components").unwrap().len(), 1);
    }
}
