//! Whose SSRC is it, and what happens when it leaves.
//!
//! A source is given to a stream by `add_id`, by the address its packets come from, by the CNAME in its RTCP,
//! or, when none of these speaks up in time, because there is only one stream. When it says BYE, times out, or
//! another source takes over on its stream, its pads are removed.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use glib::subclass::prelude::*;
use gst::prelude::*;

use super::graph::Graph;
use super::imp;
use super::ssrc_map::StreamId;
use super::timer::Task;
use crate::debug::CONFERENCE as CAT;
use crate::rtp::participant::Participant;
use crate::rtp::stream::Stream;
use crate::rtp::substream::SubstreamKey;

/// How often an SSRC that was taken over from is looked at.
const QUIET_CHECK: Duration = Duration::from_millis(150);
/// What a jitter buffer may hold beyond its latency.
const PLAY_OUT: Duration = Duration::from_millis(50);

impl imp::Session {
    /// `fs_stream_add_id`.
    pub(crate) fn name_ssrc(&self, stream: StreamId, ssrc: u32) {
        if let Some(graph) = self.graph() {
            graph.gate.invite(ssrc);
        }
        let taken = self.state().ssrcs.name(ssrc, stream);
        self.crypto().owners_changed();
        if !taken {
            gst::warning!(CAT, "session {}: SSRC {ssrc:08x} already belongs to another stream", self.id());
        }
        self.attach_ssrc(ssrc);
    }

    /// A packet with that SSRC came from the address of exactly one peer.
    pub(crate) fn known_source(&self, stream: StreamId, ssrc: u32) {
        self.guess(stream, ssrc, "its address");
    }

    /// RTCP told who an SSRC is, its CNAME above all (RFC 3550 section 6.5.1).
    pub(crate) fn source_described(&self, ssrc: u32) {
        let streams: Vec<(StreamId, Stream)> = {
            let state = self.state();
            let waiting = state.substreams.iter().any(|(key, s)| key.0 == ssrc && s.stream.is_none());
            if !waiting {
                return;
            }
            state.streams.iter().filter_map(|s| Some((s.id, s.object.upgrade()?))).collect()
        };
        let sdes = self.source(ssrc).map(|source| source.property::<Option<gst::Structure>>("sdes"));
        let Some(sdes) = sdes.flatten() else { return };
        let Ok(cname) = sdes.get::<&str>("cname") else { return };
        let of_cname = |stream: &Stream| {
            let participant = stream.imp().participant().and_then(|p| p.downcast::<Participant>().ok());
            participant.and_then(|p| p.cname()).is_some_and(|known| known == cname)
        };
        if let Some((id, _)) = streams.iter().find(|(_, stream)| of_cname(stream)) {
            self.guess(*id, ssrc, "its CNAME");
        }
    }

    /// Nothing told in time whose SSRC it is: with one stream there is no doubt.
    pub(super) fn give_to_only_stream(&self, ssrc: u32) {
        let only = {
            let state = self.state();
            match state.streams.as_slice() {
                [only] if state.ssrcs.get(ssrc).is_none() && state.has_substreams(ssrc) => Some(only.id),
                _ => None,
            }
        };
        if let Some(id) = only {
            self.guess(id, ssrc, "being the only stream");
        }
    }

    fn guess(&self, stream: StreamId, ssrc: u32, why: &str) {
        self.drop_vain_guesses();
        {
            let mut state = self.state();
            if state.stream(stream).is_none() || !state.ssrcs.guess(ssrc, stream) {
                return;
            }
            gst::debug!(CAT, "session {}: SSRC {ssrc:08x} is stream {stream}'s by {why}", self.id());
            let due = Instant::now() + QUIET_CHECK;
            for other in state.ssrcs.other_guesses(stream, ssrc) {
                if state.has_substreams(other) {
                    state.timers.add(due, Task::RemoveIfQuiet { ssrc: other, packets: None });
                }
            }
        }
        self.crypto().owners_changed();
        self.arm_timer();
        self.attach_ssrc(ssrc);
    }

    /// A flood must not use up what may be guessed: SSRCs that rtpbin never had a pad for go.
    fn drop_vain_guesses(&self) {
        let streams: Vec<Stream> = {
            let mut state = self.state();
            if !state.ssrcs.is_full() {
                return;
            }
            let speaking: HashSet<u32> = state.substreams.keys().map(|key| key.0).collect();
            state.ssrcs.drop_guesses(|ssrc| speaking.contains(&ssrc));
            state.streams.iter().filter_map(|s| s.object.upgrade()).collect()
        };
        streams.iter().for_each(|stream| stream.imp().forget_last_known());
    }

    fn attach_ssrc(&self, ssrc: u32) {
        let keys = self.state().claim_substreams(ssrc);
        if !keys.is_empty() {
            self.refresh_receive();
        }
    }

    /// A new substream without a stream waits for RTCP, or not at all (`no-rtcp-timeout`).
    pub(super) fn wait_for_stream(&self, (ssrc, pt): SubstreamKey) {
        let wait = {
            let state = self.state();
            let unclaimed = state.substreams.get(&(ssrc, pt)).is_some_and(|s| s.stream.is_none());
            u64::try_from(state.no_rtcp_timeout).ok().filter(|_| unclaimed)
        };
        match wait {
            None => {}
            Some(0) => self.give_to_only_stream(ssrc),
            Some(wait) => {
                let due = Instant::now() + Duration::from_millis(wait);
                self.state().timers.add(due, Task::OnlyStream { ssrc });
                self.arm_timer();
            }
        }
    }

    /// The source said BYE: its pads go as soon as its last packets are played.
    pub(crate) fn source_said_bye(&self, ssrc: u32) {
        let latency = self.conference().map_or(0, |c| c.latency());
        self.source_left(ssrc, Duration::from_millis(latency.into()) + PLAY_OUT);
    }

    /// Nothing came from the source for so long that it counts as gone.
    pub(crate) fn source_timed_out(&self, ssrc: u32) {
        if let Some(graph) = self.graph() {
            graph.gate.forget(ssrc);
        }
        self.source_left(ssrc, Duration::ZERO);
    }

    fn source_left(&self, ssrc: u32, after: Duration) {
        self.keep_counters(ssrc);
        self.rate_control().forget(ssrc);
        let stream = {
            let mut state = self.state();
            let stream = state.ssrcs.gone(ssrc).and_then(|id| state.stream_object(id));
            if state.has_substreams(ssrc) {
                state.timers.add(Instant::now() + after, Task::Remove { ssrc });
            }
            stream
        };
        self.crypto().owners_changed();
        if let Some(stream) = stream {
            stream.imp().forget_last_known();
        }
        self.arm_timer();
    }

    /// An SSRC that was taken over from goes when it is silent; two that both speak may stay.
    pub(super) fn remove_if_quiet(&self, ssrc: u32, before: Option<u64>) {
        if !self.state().has_substreams(ssrc) {
            return;
        }
        let packets = self.packets_received(ssrc);
        if packets.is_none() || packets == before {
            self.source_left(ssrc, Duration::ZERO);
        } else {
            let task = Task::RemoveIfQuiet { ssrc, packets };
            self.state().timers.add(Instant::now() + QUIET_CHECK, task);
        }
    }

    fn packets_received(&self, ssrc: u32) -> Option<u64> {
        self.source(ssrc)?.property::<gst::Structure>("stats").get::<u64>("packets-received").ok()
    }

    /// rtpbin's `RTPSource`.
    pub(super) fn source(&self, ssrc: u32) -> Option<glib::Object> {
        self.internal_session()?.emit_by_name("get-source-by-ssrc", &[&ssrc])
    }

    /// Has the gate make room by letting silent sources go.
    pub(super) fn watch_gate(&self, graph: &Graph) {
        let weak = self.obj().downgrade();
        graph.gate.on_dismissal(move |ssrc| {
            let Some(session) = weak.upgrade().filter(|session| session.imp().source(ssrc).is_some()) else {
                return false;
            };
            session.imp().state().timers.add(Instant::now(), Task::Dismiss { ssrc });
            session.imp().arm_timer();
            true
        });
    }

    /// Makes rtpbin forget a source as if it had said goodbye.
    pub(super) fn dismiss(&self, ssrc: u32) {
        if let Some(graph) = self.graph() {
            graph.say_goodbye(ssrc);
        }
    }

    /// Makes rtpbin forget an SSRC, which removes its pads.
    pub(super) fn clear_ssrc(&self, ssrc: u32) {
        if let Some(rtpbin) = self.conference().and_then(|c| c.rtpbin()) {
            rtpbin.emit_by_name::<()>("clear-ssrc", &[&self.id(), &ssrc]);
        }
    }
}
