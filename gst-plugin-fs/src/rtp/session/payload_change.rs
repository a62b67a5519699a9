//! A source that goes on with another payload type: the new one gets a pad, the pad of the old one goes.
//!
//! rtpbin keeps what it made for the old payload type, and so do we, except for the application's pad. When the source
//! returns to it, it gets a new pad.

use std::time::{Duration, Instant};

use glib::subclass::prelude::*;
use gst::prelude::*;

use super::imp;
use super::state::State;
use super::timer::Task;
use crate::debug::CONFERENCE as CAT;
use crate::rtp::substream::{OutputPad, Parts, SubstreamKey};

/// A source that goes to and fro faster than that speaks two codecs at once, and keeps both pads.
const SETTLED: Duration = Duration::from_millis(150);

impl State {
    /// Notes that an SSRC sends that payload type now. False if that only comes along with its media.
    fn supersede(&mut self, (ssrc, pt): SubstreamKey, now: Instant) -> bool {
        let Some(current) = self.substreams.get_mut(&(ssrc, pt)) else { return false };
        current.superseded = None;
        if !current.is_media() {
            return false;
        }
        let mut resting = Vec::new();
        for (key, other) in self.substreams.range_mut((ssrc, 0)..=(ssrc, u8::MAX)) {
            if key.1 != pt && other.is_media() {
                other.superseded.get_or_insert(now);
                resting.push(*key);
            }
        }
        for key in resting {
            self.timers.add(now + SETTLED, Task::RestIfSuperseded(key));
        }
        true
    }

    /// Takes the pad of a substream that has been superseded for long enough.
    fn take_superseded_pad(&mut self, key: SubstreamKey, now: Instant) -> Option<(Parts, gst::GhostPad)> {
        let substream = self.substreams.get_mut(&key)?;
        let due = substream.superseded? + SETTLED;
        if due > now {
            self.timers.add(due, Task::RestIfSuperseded(key));
            return None;
        }
        match std::mem::replace(&mut substream.pad, OutputPad::Leaving) {
            OutputPad::Present(pad) => Some((substream.parts.clone(), pad)),
            other => {
                substream.pad = other;
                None
            }
        }
    }
}

impl imp::Session {
    /// Learns from rtpbin's demultiplexer when the payload type changes.
    pub(super) fn watch_payload_type(&self, pad: &gst::Pad, ssrc: u32) {
        let target = pad.downcast_ref::<gst::GhostPad>().and_then(|ghost| ghost.target());
        let Some(demuxer) = target.and_then(|target| target.parent_element()) else { return };
        let known = self.state().demuxers.insert(ssrc, demuxer.downgrade());
        if known.and_then(|known| known.upgrade()).as_ref() == Some(&demuxer) {
            return;
        }
        let weak = self.obj().downgrade();
        demuxer.connect("payload-type-change", false, move |values| {
            let pt = u8::try_from(values.get(1)?.get::<u32>().ok()?).ok()?;
            weak.upgrade()?.imp().payload_type_changed((ssrc, pt));
            None
        });
    }

    /// Runs in the thread that is about to push the first packet of that payload type.
    fn payload_type_changed(&self, key: SubstreamKey) {
        let media = self.state().supersede(key, Instant::now());
        if media {
            gst::debug!(CAT, "session {}: SSRC {:08x} goes on with payload type {}", self.id(), key.0, key.1);
            self.arm_timer();
        }
        self.attach(key);
    }

    /// Removes the pad of a payload type that another one took over from.
    pub(super) fn rest_if_superseded(&self, key: SubstreamKey) {
        let taken = self.state().take_superseded_pad(key, Instant::now());
        let Some((parts, pad)) = taken else { return };
        gst::info!(CAT, "session {}: pad {} ends, another took over", self.id(), pad.name());
        parts.remove_output_pad(&pad);
        let stream = {
            let mut state = self.state();
            let Some(substream) = state.substreams.get_mut(&key) else { return };
            substream.pad = OutputPad::Absent;
            let stream = substream.stream;
            stream.and_then(|id| state.stream_object(id))
        };
        if let Some(stream) = stream {
            stream.notify("current-recv-codecs");
        }
        // It may have come back meanwhile.
        self.attach(key);
    }
}
