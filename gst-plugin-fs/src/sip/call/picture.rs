//! The video paths inside `fssipcall`.
//!
//! ```text
//! video_sink (ghost) ─▶ clocksync ─▶ valve ─▶ conference sink
//! conference src pads ─▶ input-selector ─▶ identity ─▶ video_src
//! ```
//!
//! The valve drops until there is a call with pictures; the conference converts. The selector shows the newest source, so
//! the pad stays the same whatever sources the peer uses. Pictures may change their size while the call stands.

use std::sync::{Mutex, MutexGuard, PoisonError};

use gst::prelude::*;

use super::SipCall;
use super::imp::CAT;

/// Caps announced on a `video_src` that never had any media, so that what is behind it can finish its file.
const EMPTY_CAPS: &str = "video/x-raw,format=I420,width=320,height=240,framerate=15/1";

/// The elements behind `video_sink`.
#[derive(Debug, Clone)]
struct Input {
    first: gst::Element,
    valve: gst::Element,
}

#[derive(Debug, Default)]
struct Paths {
    input: Option<Input>,
    /// The conference's sink pad, while a stream is open.
    conference: Option<gst::Pad>,
    /// Selector and what follows it.
    output: Option<(gst::Element, gst::Element)>,
    video_src: Option<gst::GhostPad>,
    /// The selector's pads in use.
    sources: Vec<gst::Pad>,
    ended: bool,
}

/// The video paths of one element.
#[derive(Debug)]
pub struct Picture {
    bin: glib::WeakRef<SipCall>,
    paths: Mutex<Paths>,
}

impl Picture {
    /// Nothing is built before it is needed.
    pub fn new(bin: &SipCall) -> Self {
        Self { bin: bin.downgrade(), paths: Mutex::default() }
    }

    /// The pad behind `video_sink`; `None` when an element is missing.
    pub fn sink_target(&self) -> Option<gst::Pad> {
        let bin = self.bin.upgrade()?;
        let input = self.lock().input.clone();
        let input = match input {
            Some(input) => input,
            None => {
                self.build_input(&bin).inspect_err(|error| gst::error!(CAT, obj = bin, "{error}")).ok()?
            }
        };
        input.first.static_pad("sink")
    }

    /// Whether pictures are sent.
    pub fn is_requested(&self) -> bool {
        self.lock().input.is_some()
    }

    /// Drops the own pictures from now on.
    pub fn mute(&self) {
        if let Some(input) = &self.lock().input {
            input.valve.set_property("drop", true);
        }
    }

    /// A stream is open: our pictures go there.
    pub fn opened(&self, sink: &gst::Pad) {
        let input = {
            let mut paths = self.lock();
            paths.conference = Some(sink.clone());
            paths.input.clone()
        };
        let Some(valve) = input.map(|input| input.valve) else { return };
        let linked = valve.static_pad("src").is_some_and(|pad| !pad.is_linked() && pad.link(sink).is_ok());
        valve.set_property("drop", !linked);
    }

    /// Takes a source of the peer.
    pub fn source_added(&self, source: &gst::Pad) {
        if let (Err(error), Some(bin)) = (self.take_source(source), self.bin.upgrade()) {
            gst::warning!(CAT, obj = bin, "the peer's pictures are not seen: {error}");
        }
    }

    /// The stream is about to be closed.
    pub fn closing(&self) {
        self.mute();
        let (valve, conference, selector, sources) = {
            let mut paths = self.lock();
            let valve = paths.input.as_ref().map(|input| input.valve.clone());
            let selector = paths.output.as_ref().map(|(selector, _)| selector.clone());
            (valve, paths.conference.take(), selector, std::mem::take(&mut paths.sources))
        };
        if let (Some(pad), Some(sink)) = (valve.and_then(|valve| valve.static_pad("src")), conference) {
            // Fails only when it was never linked.
            let _ = pad.unlink(&sink);
        }
        let Some(selector) = selector else { return };
        for input in sources {
            if let Some(source) = input.peer() {
                // Fails only when the conference was faster.
                let _ = source.unlink(&input);
            }
            selector.release_request_pad(&input);
        }
    }

    /// Ends `video_src`; where none came and `expected`, creates it first, so that what waits for it can finish. May block
    /// for as long as the elements behind it take.
    pub fn finish(&self, expected: bool) {
        let (pad, last) = {
            let mut paths = self.lock();
            if std::mem::replace(&mut paths.ended, true) {
                return;
            }
            (paths.video_src.clone(), paths.output.as_ref().and_then(|(_, last)| last.static_pad("sink")))
        };
        match (pad, last) {
            (Some(_), Some(last)) => {
                last.send_event(gst::event::Eos::new());
            }
            _ if expected => self.finish_empty(),
            _ => {}
        }
    }

    /// Forgets the sources and `video_src`, on the way down to READY.
    pub fn reset(&self) {
        self.mute();
        let (pad, output) = {
            let mut paths = self.lock();
            let input = paths.input.take();
            let old = std::mem::replace(&mut *paths, Paths { input, ..Paths::default() });
            (old.video_src, old.output)
        };
        let Some(bin) = self.bin.upgrade() else { return };
        if let Some(pad) = pad {
            // Both can only fail when the application has taken the pad away itself.
            let _ = pad.set_active(false);
            let _ = bin.remove_pad(&pad);
        }
        for element in output.into_iter().flat_map(|(selector, last)| [selector, last]) {
            let _ = element.set_state(gst::State::Null);
            let _ = bin.remove(&element);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Paths> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn build_input(&self, bin: &SipCall) -> Result<Input, glib::BoolError> {
        let first = gst::ElementFactory::make("clocksync").name("video_pacer").build()?;
        let valve = gst::ElementFactory::make("valve").name("video_valve").property("drop", true).build()?;
        bin.add_many([&first, &valve])?;
        first.link(&valve)?;
        for element in [&valve, &first] {
            element.sync_state_with_parent()?;
        }
        let input = Input { first, valve };
        self.lock().input = Some(input.clone());
        Ok(input)
    }

    /// Builds the output on first use and takes the new source.
    fn take_source(&self, source: &gst::Pad) -> Result<(), glib::BoolError> {
        let bin = self.bin.upgrade().ok_or_else(|| glib::bool_error!("the element is gone"))?;
        let mut paths = self.lock();
        if paths.ended {
            return Err(glib::bool_error!("the call is over"));
        }
        if paths.output.is_none() {
            let (selector, last, pad) = build_output(&bin)?;
            paths.output = Some((selector, last));
            paths.video_src = Some(pad.clone());
            drop(paths);
            // Announcing the pad runs the application's handlers, so the lock must not be held.
            bin.add_pad(&pad)?;
            paths = self.lock();
        }
        let Some(selector) = paths.output.as_ref().map(|(selector, _)| selector.clone()) else {
            return Ok(());
        };
        let input = selector
            .request_pad_simple("sink_%u")
            .ok_or_else(|| glib::bool_error!("input-selector gives no pad"))?;
        paths.sources.push(input.clone());
        drop(paths);
        source
            .link(&input)
            .map_err(|error| glib::bool_error!("can't link {}: {:?}", source.name(), error))?;
        selector.set_property("active-pad", &input);
        gst::debug!(CAT, obj = bin, "showing {}", source.name());
        Ok(())
    }

    fn finish_empty(&self) {
        let Some(bin) = self.bin.upgrade() else { return };
        let Some(pad) = ghost(&bin, None) else { return };
        self.lock().video_src = Some(pad.clone());
        if bin.add_pad(&pad).is_err() {
            return;
        }
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        let stream = format!("fssipcall/{}/video", bin.name());
        pad.push_event(gst::event::StreamStart::new(&stream));
        if let Ok(caps) = EMPTY_CAPS.parse::<gst::Caps>() {
            pad.push_event(gst::event::Caps::new(&caps));
        }
        pad.push_event(gst::event::Segment::new(&segment));
        pad.push_event(gst::event::Eos::new());
    }
}

fn ghost(bin: &SipCall, target: Option<&gst::Pad>) -> Option<gst::GhostPad> {
    let template = bin.pad_template("video_src")?;
    let builder = gst::GhostPad::builder_from_template(&template).name("video_src");
    let pad = match target {
        Some(target) => builder.with_target(target).ok()?.build(),
        None => builder.build(),
    };
    pad.set_active(true).ok()?;
    Some(pad)
}

type Output = (gst::Element, gst::Element, gst::GhostPad);

fn build_output(bin: &SipCall) -> Result<Output, glib::BoolError> {
    let selector = gst::ElementFactory::make("input-selector").property("sync-streams", false).build()?;
    let last = gst::ElementFactory::make("identity").property("silent", true).build()?;
    bin.add_many([&selector, &last])?;
    selector.link(&last)?;
    let src = last.static_pad("src").ok_or_else(|| glib::bool_error!("identity has no src pad"))?;
    let pad = ghost(bin, Some(&src)).ok_or_else(|| glib::bool_error!("video_src can't be made"))?;
    // A video_src that nobody uses must not stop the call.
    let weak = pad.downgrade();
    src.add_probe(gst::PadProbeType::BUFFER, move |_, _| match weak.upgrade() {
        Some(pad) if pad.is_linked() => gst::PadProbeReturn::Ok,
        _ => gst::PadProbeReturn::Handled,
    });
    for element in [&last, &selector] {
        element.sync_state_with_parent()?;
    }
    Ok((selector, last, pad))
}
