//! Shorter ways for packets: past elements and pads that would only hand them on.
//!
//! A pad on the way costs more than most elements' work on a packet of sound. Where all that a packet passes next has
//! nothing to do, it is given to the first pad that has. Everything else goes the ordinary way: events and queries,
//! buffer lists, and packets as long as something is different from usual (events to be repeated, a format to be agreed
//! anew, a probe, a block, an element that converts).
//!
//! | file | past what |
//! |---|---|
//! | `demultiplexer.rs` | rtpbin's storage and demultiplexer of SSRCs |
//! | `entrance.rs` | the funnel before rtpbin, with what watches packets there |
//! | `tee.rs` | tees with one branch |
//!
//! Nobody may wait for a pad in the middle of a shorter way to be idle: it always is.
//!
//! What stands in the thread of a jitter buffer, [`through`] and [`past`], keeps nothing over the call to the next pad that
//! would have to be dropped: where an application in Python ends, the thread may end in its callback by `pthread_exit`, and
//! Rust ends the process when that unwinds a function which has something to clean up.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, Ordering};

use glib::translate::*;
use gst::prelude::*;
use gst_base::prelude::*;

/// What makes a source pad unusual.
const UNUSUAL: u32 = gst::ffi::GST_PAD_FLAG_BLOCKED
    | gst::ffi::GST_PAD_FLAG_BLOCKING
    | gst::ffi::GST_PAD_FLAG_FLUSHING
    | gst::ffi::GST_PAD_FLAG_EOS
    | gst::ffi::GST_PAD_FLAG_PENDING_EVENTS;

/// Its element has to agree on a format first. Pads that only pass on keep this mark for ever.
const TO_AGREE: u32 = gst::ffi::GST_PAD_FLAG_NEED_RECONFIGURE;

/// Elements that hand on what they need not convert, the very same buffer.
const CONVERTERS: [&str; 2] = ["audioconvert", "audioresample"];

/// What changes formats only, never buffers.
const FILTER: &str = "capsfilter";

type Flow = Result<gst::FlowSuccess, gst::FlowError>;

/// Shortens the way through a ghost pad of either direction, which must not carry data yet. Nobody may wait for the
/// ghost pad of a source, or the inner one of a sink, to be idle.
pub fn through(ghost: &gst::GhostPad) {
    let Some(inner) = ghost.internal() else { return };
    if ghost.direction() == gst::PadDirection::Sink {
        lead_past(ghost.upcast_ref(), move |_| behind(inner.upcast_ref(), UNUSUAL));
    } else {
        // The inner pad's parent is the ghost pad, which owns it.
        lead_past(inner.upcast_ref(), |parent| behind(parent?.downcast_ref::<gst::Pad>()?, UNUSUAL));
    }
}

/// Shortens the way past each row of converters among elements that are linked in this order. No data may be on its way.
pub fn past(elements: &[gst::Element]) {
    for row in
        elements.chunk_by(|a, b| is_converter(a) && is_converter(b)).filter(|row| is_converter(&row[0]))
    {
        let steps: Option<Vec<Step>> = row.iter().map(Step::over).collect();
        let Some((first, rest)) = steps.as_deref().and_then(<[Step]>::split_first) else { continue };
        // The first element owns the pad that the way begins at, so the way must not own the element.
        let (source, filters, rest) = (first.source.clone(), first.filters, rest.to_vec());
        lead_past(&first.sink, move |parent| {
            let idle = filters || parent?.downcast_ref::<gst_base::BaseTransform>()?.is_passthrough();
            let next = idle.then(|| behind(&source, UNUSUAL | TO_AGREE))??;
            rest.iter().try_fold(next, |next, step| step.take(&next))
        });
    }
}

fn is_converter(element: &gst::Element) -> bool {
    element
        .factory()
        .is_some_and(|factory| CONVERTERS.contains(&factory.name().as_str()) || is_filter(element))
}

fn is_filter(element: &gst::Element) -> bool {
    element.factory().is_some_and(|factory| factory.name() == FILTER)
}

/// One converter of a row.
#[derive(Clone)]
struct Step {
    sink: gst::Pad,
    converter: gst_base::BaseTransform,
    filters: bool,
    source: gst::Pad,
}

impl Step {
    fn over(element: &gst::Element) -> Option<Self> {
        let converter = element.downcast_ref::<gst_base::BaseTransform>()?.clone();
        let (sink, source) = (element.static_pad("sink")?, element.static_pad("src")?);
        Some(Self { sink, converter, filters: is_filter(element), source })
    }

    /// The pad behind this converter, if it would hand on what comes from before.
    fn take(&self, next: &gst::Pad) -> Option<gst::Pad> {
        let usual = *next == self.sink
            && probes(&self.sink) == 0
            && (self.filters || self.converter.is_passthrough());
        usual.then(|| behind(&self.source, UNUSUAL | TO_AGREE))?
    }
}

/// Packets that arrive at a sink pad go where `way` says, or, where it says nothing, as before.
fn lead_past(
    sink: &gst::Pad,
    way: impl Fn(Option<&gst::Object>) -> Option<gst::Pad> + Send + Sync + 'static,
) {
    lead(sink, move |parent, packet| match way(parent) {
        Some(next) => ControlFlow::Break(next.chain(packet)),
        None => ControlFlow::Continue(packet),
    });
}

/// Packets that arrive at a sink pad are first given to `way`, which says what became of them, or gives them back to go
/// on as before. Only for pads whose function has no data of its own, as those of all elements in C, and while nobody else
/// pushes into the pad.
pub fn lead(
    sink: &gst::Pad,
    way: impl Fn(Option<&gst::Object>, gst::Buffer) -> ControlFlow<Flow, gst::Buffer> + Send + Sync + 'static,
) {
    let place = sink.as_ptr();
    // SAFETY: the pad is alive, and who makes pads sets their functions before anybody else sees them.
    let (usual, data) = unsafe { ((*place).chainfunc, (*place).chaindata) };
    let Some(usual) = usual.filter(|_| data.is_null()) else { return };
    let chain = move |pad: &gst::Pad, parent: Option<&gst::Object>, packet: gst::Buffer| -> Flow {
        let packet = match way(parent, packet) {
            ControlFlow::Break(flow) => return flow,
            ControlFlow::Continue(packet) => packet,
        };
        let parent = parent.map_or(std::ptr::null_mut(), |parent| parent.as_ptr());
        // SAFETY: it is this pad's own function, called with what this pad's function is called with; it takes the packet.
        unsafe { try_from_glib(usual(pad.as_ptr(), parent, packet.into_glib_ptr())) }
    };
    // SAFETY: nobody else is about to run the function that is replaced.
    unsafe { sink.set_chain_function(chain) }
}

/// The pad that a source pad is linked to, if packets may go there without it.
fn behind(source: &gst::Pad, unusual: u32) -> Option<gst::Pad> {
    let pad = source.as_ptr();
    // SAFETY: the pad is alive; what is read and the peer are guarded by its lock, which the pad's own functions take
    // for them too. The reference to the peer is taken before the lock is given back.
    unsafe {
        glib::ffi::g_mutex_lock(&raw mut (*pad).object.lock);
        let usual = (*pad).num_probes == 0 && (*pad).object.flags & unusual == 0;
        let peer = if usual { (*pad).peer } else { std::ptr::null_mut() };
        // A pad that is linked floats no more: sinking it again would cost as much as the reference.
        let next = (!peer.is_null()).then(|| {
            glib::gobject_ffi::g_object_ref(peer.cast());
            gst::Pad::from_glib_full(peer)
        });
        glib::ffi::g_mutex_unlock(&raw mut (*pad).object.lock);
        next
    }
}

/// What a source pad is linked to, kept so that packets need neither its lock nor a reference.
#[derive(Debug)]
struct Link {
    unusual: u32,
    next: Mutex<Option<gst::Pad>>,
}

impl Link {
    /// For pads that are usual without these flags.
    fn new(unusual: u32) -> Self {
        Self { unusual, next: Mutex::default() }
    }

    /// Takes a packet past a source pad, always the same one or seldom another, if that pad is usual.
    fn take(&self, source: &gst::Pad, packet: gst::Buffer) -> ControlFlow<Flow, gst::Buffer> {
        // One packet at a time is on its way here. Another one comes only from behind, and goes the ordinary way.
        let Ok(mut next) = self.next.try_lock() else { return ControlFlow::Continue(packet) };
        let peer = peer(source, self.unusual, 0);
        if peer.is_null() {
            *next = None;
            return ControlFlow::Continue(packet);
        }
        if next.as_ref().is_none_or(|next| next.as_ptr() != peer) {
            *next = source.peer();
        }
        match &*next {
            Some(next) => ControlFlow::Break(next.chain(packet)),
            None => ControlFlow::Continue(packet),
        }
    }
}

/// The pad that a source pad is linked to, if the latter has none of these flags and so many probes; else null. Only to be
/// compared with pads that somebody holds.
fn peer(source: &gst::Pad, unusual: u32, probes: i32) -> *mut gst::ffi::GstPad {
    let pad = source.as_ptr();
    // SAFETY: the pad is alive. Each of the three is one aligned word, which others change under the pad's lock: what is
    // read was true a moment ago, which is all that the lock would give too.
    unsafe {
        let flags = AtomicU32::from_ptr(&raw mut (*pad).object.flags).load(Ordering::Relaxed);
        let number = AtomicI32::from_ptr(&raw mut (*pad).num_probes).load(Ordering::Relaxed);
        if flags & unusual != 0 || number != probes {
            return std::ptr::null_mut();
        }
        AtomicPtr::from_ptr(&raw mut (*pad).peer).load(Ordering::Acquire)
    }
}

/// How many probes stand on a pad.
fn probes(pad: &gst::Pad) -> i32 {
    // SAFETY: as in `peer`.
    unsafe { AtomicI32::from_ptr(&raw mut (*pad.as_ptr()).num_probes).load(Ordering::Relaxed) }
}

pub mod demultiplexer;
pub mod entrance;
pub mod tee;

#[cfg(test)]
mod tests;
