//! Shorter ways for packets: past elements and pads that would only hand them on.
//!
//! A pad on the way costs more than most elements' work on a packet of sound. Where all that a packet passes next has
//! nothing to do, it is given to the first pad that has. Everything else goes the ordinary way: events and queries,
//! buffer lists, and packets as long as something is different from usual (events to be repeated, a format to be agreed
//! anew, a probe, a block, an element that converts).

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
        lead(ghost.upcast_ref(), move |_| behind(inner.upcast_ref(), UNUSUAL));
    } else {
        // The inner pad's parent is the ghost pad, which owns it.
        lead(inner.upcast_ref(), |parent| behind(parent?.downcast_ref::<gst::Pad>()?, UNUSUAL));
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
        lead(&first.sink, move |parent| {
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
            && is_unwatched(&self.sink)
            && (self.filters || self.converter.is_passthrough());
        usual.then(|| behind(&self.source, UNUSUAL | TO_AGREE))?
    }
}

/// Packets that arrive at a sink pad go where `way` says, or, where it says nothing, as before. Only for pads whose
/// function has no data of its own, as those of all elements in C.
fn lead(sink: &gst::Pad, way: impl Fn(Option<&gst::Object>) -> Option<gst::Pad> + Send + Sync + 'static) {
    let place = sink.as_ptr();
    // SAFETY: the pad is alive, and who makes pads sets their functions before anybody else sees them.
    let (usual, data) = unsafe { ((*place).chainfunc, (*place).chaindata) };
    let Some(usual) = usual.filter(|_| data.is_null()) else { return };
    let chain = move |pad: &gst::Pad, parent: Option<&gst::Object>, packet: gst::Buffer| -> Flow {
        if let Some(next) = way(parent) {
            return next.chain(packet);
        }
        let parent = parent.map_or(std::ptr::null_mut(), |parent| parent.as_ptr());
        // SAFETY: it is this pad's own function, called with what this pad's function is called with; it takes the packet.
        unsafe { try_from_glib(usual(pad.as_ptr(), parent, packet.into_glib_ptr())) }
    };
    // SAFETY: no data is on its way, so nobody runs the function that is replaced.
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
        let next = Option::<gst::Pad>::from_glib_none(peer);
        glib::ffi::g_mutex_unlock(&raw mut (*pad).object.lock);
        next
    }
}

/// Whether no probe stands on a pad.
fn is_unwatched(pad: &gst::Pad) -> bool {
    // SAFETY: the pad is alive, and its lock guards the number.
    unsafe {
        let pad = pad.as_ptr();
        glib::ffi::g_mutex_lock(&raw mut (*pad).object.lock);
        let unwatched = (*pad).num_probes == 0;
        glib::ffi::g_mutex_unlock(&raw mut (*pad).object.lock);
        unwatched
    }
}

#[cfg(test)]
mod tests;
