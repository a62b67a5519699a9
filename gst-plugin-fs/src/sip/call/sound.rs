//! The sound paths inside `fssipcall`.
//!
//! ```text
//! audio_sink (ghost) ─▶ audiobuffersplit ─▶ clocksync ─▶ valve ─▶ conference sink
//! conference src pads ─▶ input-selector ─▶ audioconvert ─▶ audioresample ─▶ capsfilter ─▶ audiorate ─▶ audio_src
//! ```
//!
//! The valve drops until there is a call. The source keeps the format it began with, whatever codec is agreed later: the
//! conference converts, and sources that change their rate while they run may jump in time.
//!
//! Whatever the size of the source's buffers, the conference gets 20 ms at a time, each at its time: a burst of packets
//! would outrun the peer's jitter buffer, and a file would be sent as fast as it can be read. The valve comes last, so
//! that a file does not run through before the peer has answered.
//!
//! The selector listens to the newest source; the first caps that come out are pinned by the capsfilter, so a later
//! source with another rate is converted; audiorate fills gaps with silence.

use std::sync::{Mutex, MutexGuard, PoisonError};

use gst::prelude::*;

use super::SipCall;
use super::imp::CAT;
use super::pacing::Pacing;

/// Caps announced on an `audio_src` that never had any media, so that what is behind it can finish its file.
const SILENT_CAPS: &str = "audio/x-raw,format=S16LE,layout=interleaved,rate=8000,channels=1";

/// How far the sound may lead or lag its timestamps before audiorate drops or fills. A peer that sends in bursts makes
/// the jitter buffer move its estimate by the length of a burst within the first seconds; that is no gap.
const TOLERANCE: gst::ClockTime = gst::ClockTime::from_mseconds(150);

/// The elements behind `audio_src`.
#[derive(Debug)]
struct Output {
    selector: gst::Element,
    first: gst::Element,
}

#[derive(Debug, Default)]
struct Paths {
    /// The conference's sink pad, while a stream is open.
    conference: Option<gst::Pad>,
    output: Option<Output>,
    audio_src: Option<gst::GhostPad>,
    /// The selector's pads in use.
    inputs: Vec<gst::Pad>,
    /// Whether the session whose pads we take is ended.
    ended: bool,
}

/// The sound paths of one element.
#[derive(Debug)]
pub struct Sound {
    bin: glib::WeakRef<SipCall>,
    entry: gst::Element,
    valve: gst::Element,
    paths: Mutex<Paths>,
}

impl Sound {
    /// Builds what is there from the start: splitter, pacer and valve.
    ///
    /// # Errors
    /// Names the missing element.
    pub fn new(bin: &SipCall) -> Result<Self, glib::BoolError> {
        let split = gst::ElementFactory::make("audiobuffersplit")
            .name("audio_split")
            .property("output-buffer-duration", gst::Fraction::new(1, 50))
            .build()?;
        let pacer = gst::ElementFactory::make("clocksync").name("audio_pacer").build()?;
        pace(&pacer);
        let valve = gst::ElementFactory::make("valve").name("audio_valve").property("drop", true).build()?;
        let chain = [&split, &pacer, &valve];
        bin.add_many(chain)?;
        gst::Element::link_many(chain)?;
        keep_own_format(&split);
        Ok(Self { bin: bin.downgrade(), entry: split, valve, paths: Mutex::default() })
    }

    /// The pad behind `audio_sink`.
    pub fn sink_target(&self) -> Option<gst::Pad> {
        self.entry.static_pad("sink")
    }

    /// Drops the own sound from now on.
    pub fn mute(&self) {
        self.valve.set_property("drop", true);
    }

    /// Ends `audio_src`; creates it first where no media ever came, so that what waits for it can finish. May block
    /// for as long as the elements behind it take.
    pub fn finish(&self) {
        let (pad, first) = {
            let mut paths = self.lock();
            if std::mem::replace(&mut paths.ended, true) {
                return;
            }
            (paths.audio_src.clone(), paths.output.as_ref().and_then(|o| o.first.static_pad("sink")))
        };
        match (pad, first) {
            (Some(_), Some(first)) => {
                first.send_event(gst::event::Eos::new());
            }
            _ => self.finish_silent(),
        }
    }

    /// Forgets the sources and `audio_src`, on the way down to READY.
    pub fn reset(&self) {
        let paths = std::mem::take(&mut *self.lock());
        self.mute();
        let Some(bin) = self.bin.upgrade() else { return };
        if let Some(pad) = paths.audio_src {
            // Both can only fail when the application has taken the pad away itself.
            let _ = pad.set_active(false);
            let _ = bin.remove_pad(&pad);
        }
        if let Some(output) = paths.output {
            let mut element = Some(output.selector);
            while let Some(current) = element {
                element = current
                    .static_pad("src")
                    .and_then(|pad| pad.peer())
                    .and_then(|peer| peer.parent_element())
                    .filter(|next| next.parent().as_ref() == Some(bin.upcast_ref()));
                let _ = current.set_state(gst::State::Null);
                let _ = bin.remove(&current);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Paths> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish_silent(&self) {
        let Some(bin) = self.bin.upgrade() else { return };
        let Some(pad) = ghost(&bin, None) else { return };
        self.lock().audio_src = Some(pad.clone());
        if bin.add_pad(&pad).is_err() {
            return;
        }
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        let stream = format!("fssipcall/{}/audio", bin.name());
        pad.push_event(gst::event::StreamStart::new(&stream));
        if let Ok(caps) = SILENT_CAPS.parse::<gst::Caps>() {
            pad.push_event(gst::event::Caps::new(&caps));
        }
        pad.push_event(gst::event::Segment::new(&segment));
        pad.push_event(gst::event::Eos::new());
    }

    /// Builds the output on first use and takes the new source.
    fn take_source(&self, source: &gst::Pad) -> Result<(), glib::BoolError> {
        let bin = self.bin.upgrade().ok_or_else(|| glib::bool_error!("the element is gone"))?;
        let mut paths = self.lock();
        if paths.ended {
            return Err(glib::bool_error!("the call is over"));
        }
        if paths.output.is_none() {
            let (output, pad) = build_output(&bin)?;
            paths.output = Some(output);
            paths.audio_src = Some(pad.clone());
            drop(paths);
            // Announcing the pad runs the application's handlers, so the lock must not be held.
            bin.add_pad(&pad)?;
            paths = self.lock();
        }
        let Some(selector) = paths.output.as_ref().map(|o| o.selector.clone()) else { return Ok(()) };
        let input = selector
            .request_pad_simple("sink_%u")
            .ok_or_else(|| glib::bool_error!("input-selector gives no pad"))?;
        paths.inputs.push(input.clone());
        drop(paths);
        source
            .link(&input)
            .map_err(|error| glib::bool_error!("can't link {}: {:?}", source.name(), error))?;
        selector.set_property("active-pad", &input);
        gst::debug!(CAT, obj = bin, "listening to {}", source.name());
        Ok(())
    }
}

impl Sound {
    /// A stream is open: our sound goes there.
    pub fn opened(&self, sink: &gst::Pad) {
        self.lock().conference = Some(sink.clone());
        let linked =
            self.valve.static_pad("src").is_some_and(|pad| !pad.is_linked() && pad.link(sink).is_ok());
        self.valve.set_property("drop", !linked);
    }

    /// Takes a source of the peer.
    pub fn source_added(&self, pad: &gst::Pad) {
        if let (Err(error), Some(bin)) = (self.take_source(pad), self.bin.upgrade()) {
            gst::warning!(CAT, obj = bin, "the peer's sound is not heard: {error}");
        }
    }

    /// The stream is about to be closed.
    pub fn closing(&self) {
        self.mute();
        let (conference, output, inputs) = {
            let mut paths = self.lock();
            let selector = paths.output.as_ref().map(|o| o.selector.clone());
            (paths.conference.take(), selector, std::mem::take(&mut paths.inputs))
        };
        if let (Some(sink), Some(pad)) = (conference, self.valve.static_pad("src")) {
            // Fails only when it was never linked.
            let _ = pad.unlink(&sink);
        }
        if let Some(selector) = output {
            for input in inputs {
                if let Some(source) = input.peer() {
                    let _ = source.unlink(&input);
                }
                selector.release_request_pad(&input);
            }
        }
    }
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

fn ghost(bin: &SipCall, target: Option<&gst::Pad>) -> Option<gst::GhostPad> {
    let template = bin.pad_template("audio_src")?;
    let builder = gst::GhostPad::builder_from_template(&template).name("audio_src");
    let pad = match target {
        Some(target) => builder.with_target(target).ok()?.build(),
        None => builder.build(),
    };
    pad.set_active(true).ok()?;
    Some(pad)
}

fn build_output(bin: &SipCall) -> Result<(Output, gst::GhostPad), glib::BoolError> {
    let make = |factory: &str| gst::ElementFactory::make(factory).build();
    let selector = gst::ElementFactory::make("input-selector").property("sync-streams", false).build()?;
    let (convert, resample, filter) = (make("audioconvert")?, make("audioresample")?, make("capsfilter")?);
    let rate = gst::ElementFactory::make("audiorate")
        .property("skip-to-first", true)
        .property("tolerance", TOLERANCE.nseconds())
        .build()?;
    let chain = [&selector, &convert, &resample, &filter, &rate];
    bin.add_many(chain)?;
    gst::Element::link_many(chain)?;
    let src = rate.static_pad("src").ok_or_else(|| glib::bool_error!("audiorate has no src pad"))?;
    let pad = ghost(bin, Some(&src)).ok_or_else(|| glib::bool_error!("audio_src can't be made"))?;
    pin_first_caps(&filter);
    drop_while_unlinked(&src, &pad);
    for element in chain.into_iter().rev() {
        element.sync_state_with_parent()?;
    }
    Ok((Output { selector, first: convert }, pad))
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

/// An `audio_src` that nobody uses must not stop the call.
fn drop_while_unlinked(src: &gst::Pad, ghost: &gst::GhostPad) {
    let ghost = ghost.downgrade();
    src.add_probe(gst::PadProbeType::BUFFER, move |_, _| match ghost.upgrade() {
        Some(ghost) if ghost.is_linked() => gst::PadProbeReturn::Ok,
        _ => gst::PadProbeReturn::Handled,
    });
}
