//! The sound paths inside `fssipcall`.
//!
//! ```text
//! audio_sink (ghost) ─▶ audiobuffersplit ─▶ clocksync ─▶ valve (gate) ─▶ conference sink
//! conference src pads ─▶ output ─▶ audioconvert ─▶ audioresample ─▶ capsfilter ─▶ audiorate ─▶ audio_src
//! ```
//!
//! The valve drops until there is a call. The source keeps the format it began with, whatever codec is agreed later: the
//! conference converts, and sources that change their rate while they run may jump in time.
//!
//! Whatever the size of the source's buffers, the conference gets 20 ms at a time, each at its time: a burst of packets
//! would outrun the peer's jitter buffer, and a file would be sent as fast as it can be read. The valve comes last, so
//! that a file does not run through before the peer has answered.
//!
//! The output is the newest source; the first caps that come out are pinned by the capsfilter, so a later
//! source with another rate is converted; audiorate fills gaps with silence.

use std::sync::{Mutex, PoisonError};

use gst::prelude::*;

use super::SipCall;
use super::gate::Gate;
use super::output::{Kind, Output};
use super::pacing::Pacing;

/// Sound that comes out.
const SOUND: Kind = Kind {
    pad: "audio_src",
    empty_caps: "audio/x-raw,format=S16LE,layout=interleaved,rate=8000,channels=1",
    elements: out_of_the_call,
};

/// How far the sound may lead or lag its timestamps before audiorate drops or fills. A peer that sends in bursts makes
/// the jitter buffer move its estimate by the length of a burst within the first seconds; that is no gap.
const TOLERANCE: gst::ClockTime = gst::ClockTime::from_mseconds(150);

/// The sound paths of one element.
#[derive(Debug)]
pub struct Sound {
    entry: gst::Element,
    /// Where our own sound goes.
    pub gate: Gate,
    /// Where the peer's sound comes out.
    pub output: Output,
}

impl Sound {
    /// Builds what is there from the start: splitter, pacer and valve.
    ///
    /// # Errors
    /// Names the missing element.
    pub fn new(bin: &SipCall) -> Result<Self, glib::BoolError> {
        let entry = gst::ElementFactory::make("audiobuffersplit")
            .name("audio_split")
            .property("output-buffer-duration", gst::Fraction::new(1, 50))
            .build()?;
        let pacer = gst::ElementFactory::make("clocksync").name("audio_pacer").build()?;
        pace(&pacer);
        let gate = Gate::new("audio_valve")?;
        let chain = [&entry, &pacer, gate.element()];
        bin.add_many(chain)?;
        gst::Element::link_many(chain)?;
        keep_own_format(&entry);
        Ok(Self { entry, gate, output: Output::new(bin, &SOUND) })
    }

    /// The pad behind `audio_sink`.
    pub fn sink_target(&self) -> Option<gst::Pad> {
        self.entry.static_pad("sink")
    }
}

/// What the peer's sound passes on its way to `audio_src`.
fn out_of_the_call() -> Result<Vec<gst::Element>, glib::BoolError> {
    let make = |factory: &str| gst::ElementFactory::make(factory).build();
    let filter = make("capsfilter")?;
    pin_first_caps(&filter);
    let rate = gst::ElementFactory::make("audiorate")
        .property("skip-to-first", true)
        .property("tolerance", TOLERANCE.nseconds())
        .build()?;
    Ok(vec![make("audioconvert")?, make("audioresample")?, filter, rate])
}

/// Has the pacer hold each piece back until its time.
fn pace(pacer: &gst::Element) {
    let Some(pad) = pacer.static_pad("sink") else { return };
    let (pacing, element) = (Mutex::new(None), pacer.downgrade());
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let (Some(element), Some(time)) = (element.upgrade(), info.buffer().and_then(|buffer| buffer.pts()))
        else {
            return gst::PadProbeReturn::Ok;
        };
        let segment = pad.sticky_event::<gst::event::Segment>(0).map(|event| event.segment().clone());
        let segment = segment.and_then(|segment| segment.downcast::<gst::ClockTime>().ok());
        let time = segment.and_then(|segment| segment.to_running_time(time));
        if let (Some(time), Some(now)) = (time, element.current_running_time()) {
            let mut pacing = pacing.lock().unwrap_or_else(PoisonError::into_inner);
            let pacing = pacing.get_or_insert_with(|| Pacing::new(is_live(pad)));
            let delay_ms = pacing.piece(time.into(), now.into());
            element.set_property("ts-offset", delay_ms * 1_000_000);
        }
        gst::PadProbeReturn::Ok
    });
}

fn is_live(pad: &gst::Pad) -> bool {
    let mut query = gst::query::Latency::new();
    pad.peer_query(&mut query) && query.result().0
}

/// Lets our own sound stay in the format it began with: the conference converts it anyway. Asked to choose again when
/// the call comes to stand, audiotestsrc would take the codec's rate, count its old samples at it, and be silent until
/// that time has come.
fn keep_own_format(entry: &gst::Element) {
    let Some(pad) = entry.static_pad("sink") else { return };
    pad.add_probe(gst::PadProbeType::EVENT_UPSTREAM, |pad, info| {
        let again = info.event().is_some_and(|event| event.type_() == gst::EventType::Reconfigure);
        if again && pad.has_current_caps() { gst::PadProbeReturn::Handled } else { gst::PadProbeReturn::Ok }
    });
}

/// Keeps the first caps that pass for the rest of the call.
fn pin_first_caps(filter: &gst::Element) {
    let Some(pad) = filter.static_pad("src") else { return };
    let filter = filter.downgrade();
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        let Some(gst::EventView::Caps(caps)) = info.event().map(|event| event.view()) else {
            return gst::PadProbeReturn::Ok;
        };
        if let Some(filter) = filter.upgrade() {
            filter.set_property("caps", caps.caps_owned());
        }
        gst::PadProbeReturn::Remove
    });
}
