//! Where the peer's media of one kind comes out: at one pad for the whole call, whatever sources (SSRCs) the peer uses.
//!
//! ```text
//! conference src pads ─▶ input-selector ─▶ elements of the kind ─▶ source pad (ghost)
//! ```
//!
//! The selector takes the newest source. Everything is built when the first one comes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use gst::prelude::*;

use super::SipCall;
use super::imp::CAT;

/// What is particular to a kind of media.
#[derive(Debug)]
pub struct Kind {
    /// The name of the source pad and of its template.
    pub pad: &'static str,
    /// Caps announced on a pad that never had any media, so that what is behind it can finish its file.
    pub empty_caps: &'static str,
    /// Makes the elements behind the selector, in their order; at least one.
    pub elements: fn() -> Result<Vec<gst::Element>, glib::BoolError>,
}

#[derive(Debug, Default)]
struct State {
    /// The selector and what follows it.
    chain: Vec<gst::Element>,
    pad: Option<gst::GhostPad>,
    /// The selector's pads in use.
    inputs: Vec<gst::Pad>,
    /// Whether the session whose pads we take is ended.
    ended: bool,
}

/// The source side of one kind of media.
#[derive(Debug)]
pub struct Output {
    bin: glib::WeakRef<SipCall>,
    kind: &'static Kind,
    state: Mutex<State>,
}

impl Output {
    /// Nothing is built yet.
    pub fn new(bin: &SipCall, kind: &'static Kind) -> Self {
        Self { bin: bin.downgrade(), kind, state: Mutex::default() }
    }

    /// Takes a source of the peer in place of the one before. What goes wrong is logged.
    pub fn take(&self, source: &gst::Pad) {
        if let (Err(error), Some(bin)) = (self.try_take(source), self.bin.upgrade()) {
            gst::warning!(CAT, obj = bin, "the peer's {} does not come out: {error}", source.name());
        }
    }

    fn try_take(&self, source: &gst::Pad) -> Result<(), glib::BoolError> {
        let bin = self.bin.upgrade().ok_or_else(|| glib::bool_error!("the element is gone"))?;
        let mut state = self.lock();
        if state.ended {
            return Err(glib::bool_error!("the call is over"));
        }
        if state.chain.is_empty() {
            let (chain, pad) = self.build(&bin)?;
            state.chain = chain;
            state.pad = Some(pad.clone());
            drop(state);
            // Announcing the pad runs the application's handlers, so the lock must not be held.
            bin.add_pad(&pad)?;
            state = self.lock();
        }
        let Some(selector) = state.chain.first().cloned() else { return Ok(()) };
        let input = selector
            .request_pad_simple("sink_%u")
            .ok_or_else(|| glib::bool_error!("input-selector gives no pad"))?;
        state.inputs.push(input.clone());
        drop(state);
        source
            .link(&input)
            .map_err(|error| glib::bool_error!("can't link {}: {:?}", source.name(), error))?;
        selector.set_property("active-pad", &input);
        gst::debug!(CAT, obj = bin, "{} is {} now", self.kind.pad, source.name());
        Ok(())
    }

    /// The stream is about to be closed: lets go of its sources.
    pub fn release(&self) {
        let (selector, inputs) = {
            let mut state = self.lock();
            (state.chain.first().cloned(), std::mem::take(&mut state.inputs))
        };
        let Some(selector) = selector else { return };
        for input in inputs {
            if let Some(source) = input.peer() {
                // Fails only when the conference was faster.
                let _ = source.unlink(&input);
            }
            selector.release_request_pad(&input);
        }
    }

    /// Ends the pad; where no media ever came and somebody may wait for it, creates it first. May block for as long as the
    /// elements behind it take.
    pub fn finish(&self, expected: bool) {
        let first = {
            let mut state = self.lock();
            if std::mem::replace(&mut state.ended, true) {
                return;
            }
            state.chain.get(1).and_then(|first| first.static_pad("sink"))
        };
        match first {
            Some(first) => {
                // Nobody is left to hear of it where it is not taken.
                let _ = first.send_event(gst::event::Eos::new());
            }
            None if expected => self.finish_empty(),
            None => {}
        }
    }

    /// Forgets everything, on the way down to READY.
    pub fn reset(&self) {
        let state = std::mem::take(&mut *self.lock());
        let Some(bin) = self.bin.upgrade() else { return };
        if let Some(pad) = state.pad {
            // Both can only fail when the application has taken the pad away itself.
            let _ = pad.set_active(false);
            let _ = bin.remove_pad(&pad);
        }
        for element in state.chain {
            // Both can only fail while the element is being disposed of.
            let _ = element.set_state(gst::State::Null);
            let _ = bin.remove(&element);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn build(&self, bin: &SipCall) -> Result<(Vec<gst::Element>, gst::GhostPad), glib::BoolError> {
        let mut chain =
            vec![gst::ElementFactory::make("input-selector").property("sync-streams", false).build()?];
        chain.extend((self.kind.elements)()?);
        bin.add_many(&chain)?;
        gst::Element::link_many(&chain)?;
        let src = chain.last().and_then(|last| last.static_pad("src"));
        let src = src.ok_or_else(|| glib::bool_error!("the last element has no src pad"))?;
        let pad = self.ghost(bin, Some(&src));
        let pad = pad.ok_or_else(|| glib::bool_error!("{} can't be made", self.kind.pad))?;
        drop_while_unlinked(&src, &pad);
        for element in chain.iter().rev() {
            element.sync_state_with_parent()?;
        }
        Ok((chain, pad))
    }

    fn ghost(&self, bin: &SipCall, target: Option<&gst::Pad>) -> Option<gst::GhostPad> {
        let template = bin.pad_template(self.kind.pad)?;
        let builder = gst::GhostPad::builder_from_template(&template).name(self.kind.pad);
        let pad = match target {
            Some(target) => builder.with_target(target).ok()?.build(),
            None => builder.build(),
        };
        pad.set_active(true).ok()?;
        Some(pad)
    }

    fn finish_empty(&self) {
        let Some(bin) = self.bin.upgrade() else { return };
        let Some(pad) = self.ghost(&bin, None) else { return };
        self.lock().pad = Some(pad.clone());
        if bin.add_pad(&pad).is_err() {
            return;
        }
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        let stream = format!("fssipcall/{}/{}", bin.name(), self.kind.pad);
        pad.push_event(gst::event::StreamStart::new(&stream));
        if let Ok(caps) = self.kind.empty_caps.parse::<gst::Caps>() {
            pad.push_event(gst::event::Caps::new(&caps));
        }
        pad.push_event(gst::event::Segment::new(&segment));
        pad.push_event(gst::event::Eos::new());
    }
}

/// A source pad that nobody uses must not stop the call.
fn drop_while_unlinked(src: &gst::Pad, ghost: &gst::GhostPad) {
    let ghost = ghost.downgrade();
    src.add_probe(gst::PadProbeType::BUFFER, move |_, _| match ghost.upgrade() {
        Some(ghost) if ghost.is_linked() => gst::PadProbeReturn::Ok,
        _ => gst::PadProbeReturn::Handled,
    });
}
