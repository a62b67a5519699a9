//! `stats` of the session and its streams, put together from rtpbin's sources and jitter buffers.

use std::collections::{BTreeMap, BTreeSet};

use fs_proto::Codec;
use gst::prelude::*;

use super::imp;
use super::ssrc_map::StreamId;
use super::state::State;
use crate::rtp::field_name::{self, Origin};
use crate::rtp::stats::gauge::Gauge;
use crate::rtp::stats::{self, Counters, Received, Sent};
use crate::rtp::substream::Substream;
use crate::statistics;

/// How many SSRCs that left are remembered one by one: a bound on what peers can make us keep.
const MAX_LEFT: usize = 256;

/// What remains of sources; behind the session's lock.
#[derive(Debug, Default)]
pub struct Statistics {
    gauges: BTreeMap<u32, Gauge>,
    /// What a source had counted when it left, and on which stream.
    left: BTreeMap<u32, (Option<StreamId>, Counters)>,
    /// Those of them that had to be forgotten, together.
    forgotten: Counters,
}

impl Statistics {
    fn watch(&mut self, ssrc: u32, gauge: Gauge) {
        self.gauges.retain(|_, known| known.is_alive());
        self.gauges.insert(ssrc, gauge);
    }

    fn note_left(&mut self, ssrc: u32, stream: Option<StreamId>, counters: Counters) {
        self.left.insert(ssrc, (stream, counters));
        if self.left.len() > MAX_LEFT
            && let Some((_, (_, oldest))) = self.left.pop_first()
        {
            let mut all = Received { counters: self.forgotten, ..Received::default() };
            all.add(&Received { counters: oldest, ..Received::default() });
            self.forgotten = all.counters;
        }
    }
}

/// One SSRC of which something was heard.
struct Heard {
    ssrc: u32,
    stream: Option<StreamId>,
    codec: Option<Codec>,
    gauge: Option<Gauge>,
    before: Option<Counters>,
}

impl State {
    fn heard(&self) -> Vec<Heard> {
        let mut ssrcs: BTreeSet<u32> = self.substreams.keys().map(|key| key.0).collect();
        ssrcs.extend(self.ssrcs.iter().map(|(ssrc, _)| ssrc));
        ssrcs.extend(self.statistics.left.keys());
        ssrcs.into_iter().map(|ssrc| self.heard_of(ssrc)).collect()
    }

    fn heard_of(&self, ssrc: u32) -> Heard {
        let mut substreams = self.substreams.range((ssrc, 0)..=(ssrc, u8::MAX)).map(|(_, s)| s);
        let left = self.statistics.left.get(&ssrc);
        let stream = substreams.clone().find_map(|s| s.stream).or_else(|| self.ssrcs.get(ssrc));
        let media = |s: &&Substream| s.codec.as_ref().is_some_and(|c| !c.is_encoding("telephone-event"));
        let codec = substreams.clone().filter(media).find_map(|s| s.codec.clone());
        Heard {
            ssrc,
            stream: stream.or_else(|| left.and_then(|(stream, _)| *stream)),
            codec: codec.or_else(|| substreams.find_map(|s| s.codec.clone())),
            gauge: self.statistics.gauges.get(&ssrc).filter(|g| g.is_alive()).cloned(),
            before: left.map(|(_, counters)| *counters),
        }
    }
}

impl imp::Session {
    /// rtpbin made a jitter buffer.
    pub(in crate::rtp) fn watch_jitter_buffer(&self, ssrc: u32, buffer: &gst::Element) {
        let gauge = Gauge::new(buffer);
        self.state().statistics.watch(ssrc, gauge);
    }

    /// A source leaves: what it counted is kept.
    pub(super) fn keep_counters(&self, ssrc: u32) {
        let (heard, send_rate) = {
            let state = self.state();
            (state.heard_of(ssrc), state.send_rate())
        };
        let received = self.received(&heard, send_rate);
        if received.counters != Counters::default() {
            self.state().statistics.note_left(ssrc, heard.stream, received.counters);
        }
    }

    fn received(&self, heard: &Heard, send_rate: Option<u32>) -> Received {
        let stats = self.source(heard.ssrc).and_then(|s| s.property::<Option<gst::Structure>>("stats"));
        // Our own SSRC may come back to us, or a peer may take it.
        let stats = stats.filter(|s| !s.get::<bool>("internal").unwrap_or_default());
        let mut received = stats.map(|s| Received::of_source(&s, send_rate)).unwrap_or_default();
        if let Some(gauge) = &heard.gauge {
            let counters = &mut received.counters;
            [counters.emitted, counters.discarded, counters.duplicated] = gauge.counts();
            received.fill = heard.codec.as_ref().map(|codec| gauge.fill(codec.clock_rate));
        }
        received.counters = received.counters.since(heard.before.as_ref());
        received
    }

    fn all_received(&self) -> Vec<(Heard, Received)> {
        let (heard, send_rate) = {
            let state = self.state();
            (state.heard(), state.send_rate())
        };
        heard
            .into_iter()
            .map(|heard| {
                let received = self.received(&heard, send_rate);
                (heard, received)
            })
            .collect()
    }

    /// What was sent so far.
    pub(in crate::rtp) fn sent(&self) -> Sent {
        let ours = self.internal_session().map(|internal| internal.property::<u32>("internal-ssrc"));
        let source = [self.sent_ssrc(), ours.unwrap_or_default()].into_iter().find_map(|s| self.source(s));
        let stats = source.and_then(|source| source.property::<Option<gst::Structure>>("stats"));
        stats.map(|stats| Sent::of_source(&stats)).unwrap_or_default()
    }

    /// `stats` of the session; what it received is added to `sum`.
    pub(in crate::rtp) fn statistics(&self, sum: &mut Received) -> gst::Structure {
        let mut structure = gst::Structure::new_empty("application/x-farstream-session-stats");
        structure.set("id", self.id());
        structure.set("kind", self.media_type().as_str());
        structure.set("ssrc", self.sent_ssrc());
        self.sent().write(&mut structure);
        let (codec, bitrate, forgotten, streams) = {
            let state = self.state();
            let codec = state.send.current.as_ref().map(|current| current.association.codec.clone());
            let streams: Vec<StreamId> = state.streams.iter().map(|stream| stream.id).collect();
            (codec, state.send.bitrate, state.statistics.forgotten, streams)
        };
        if bitrate > 0 {
            structure.set("target-bitrate", u64::from(bitrate));
        }
        if let Some(codec) = codec {
            structure.set("codec", stats::of_codec(&codec));
        }
        let received = self.all_received();
        let mut all = Received { counters: forgotten, ..Received::default() };
        received.iter().for_each(|(_, received)| all.add(received));
        all.write(&mut structure);
        all.write_requests(&mut structure);
        for id in streams {
            structure.set(format!("stream-{id}"), self.of_stream(id, &received));
        }
        sum.add(&all);
        structure
    }

    /// `stats` of a stream.
    pub(in crate::rtp) fn stream_statistics(&self, id: StreamId) -> gst::Structure {
        self.of_stream(id, &self.all_received())
    }

    /// What a stream received, and what its end of the transmitter tells.
    fn of_stream(&self, id: StreamId, received: &[(Heard, Received)]) -> gst::Structure {
        let mut structure = of_stream(id, received);
        if let Ok(end) = self.stream_end(id) {
            statistics::add_transmitter(&mut structure, &end);
        }
        structure
    }
}

fn of_stream(id: StreamId, received: &[(Heard, Received)]) -> gst::Structure {
    let mut structure = gst::Structure::new_empty("application/x-farstream-stream-stats");
    let mut sum = Received::default();
    let of_stream = received.iter().filter(|(heard, _)| heard.stream == Some(id));
    of_stream.clone().for_each(|(_, received)| sum.add(received));
    sum.write(&mut structure);
    if let Some(codec) = of_stream.clone().find_map(|(heard, _)| heard.codec.as_ref()) {
        structure.set("codec", stats::of_codec(codec));
    }
    for (heard, received) in of_stream {
        let mut source = gst::Structure::new_empty("application/x-farstream-source-stats");
        source.set("ssrc", heard.ssrc);
        received.write(&mut source);
        if let Some(codec) = &heard.codec {
            source.set("codec", stats::of_codec(codec));
        }
        let name = format!("ssrc-{}", heard.ssrc);
        if field_name::is_allowed(&name, Origin::Source) {
            structure.set(name, source);
        }
    }
    structure
}
