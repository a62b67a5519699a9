//! Past the funnel between the transmitters and rtpbin, and past the probes there, whose work is done on the way.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use gst::prelude::*;

use super::{Link, UNUSUAL, lead, peer, probes};

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes into rtpbin.
    Enters,
    /// It is nothing that rtpbin should see.
    Dropped,
    /// The ordinary way has something to do.
    Unusual,
}

/// Probes of ours on the funnel's source pad, and on rtpbin's pad.
const PROBES: i32 = 1;

/// What says what becomes of packets, instead of the probes.
type Judge = dyn Fn(&gst::BufferRef) -> Verdict + Send + Sync;

/// The way of packets from a funnel, with one probe behind it, to a ghost pad, with one probe too.
#[derive(Clone)]
pub struct Entrance {
    funnel: gst::Pad,
    ghost: gst::Pad,
    inner: gst::Pad,
    judge: Arc<Judge>,
    /// Tells the funnel's sinks apart.
    sinks: Arc<AtomicU32>,
    /// Where the last packet that the funnel saw came in: the funnel repeats events when that changes.
    last: Arc<AtomicU32>,
}

impl std::fmt::Debug for Entrance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entrance").field("ghost", &self.ghost.name()).finish_non_exhaustive()
    }
}

impl Entrance {
    /// A way from the funnel's source pad through the ghost pad that it is linked to. `judge` does what the probes do.
    pub fn new(
        funnel: &gst::Pad,
        ghost: &gst::GhostPad,
        judge: impl Fn(&gst::BufferRef) -> Verdict + Send + Sync + 'static,
    ) -> Option<Self> {
        Some(Self {
            funnel: funnel.clone(),
            inner: ghost.internal()?.upcast(),
            ghost: ghost.clone().upcast(),
            judge: Arc::new(judge),
            sinks: Arc::default(),
            last: Arc::default(),
        })
    }

    /// Shortens the way of what comes in at a sink of the funnel, before any data does.
    pub fn lead(&self, sink: &gst::Pad) {
        let (way, link) = (self.clone(), Link::new(UNUSUAL));
        let number = self.sinks.fetch_add(1, Ordering::Relaxed) + 1;
        lead(sink, move |_, packet| {
            if way.last.load(Ordering::Relaxed) != number {
                way.last.store(number, Ordering::Relaxed);
                return ControlFlow::Continue(packet);
            }
            if !way.is_usual() {
                return ControlFlow::Continue(packet);
            }
            match (way.judge)(&packet) {
                Verdict::Enters => link.take(&way.inner, packet),
                Verdict::Dropped => ControlFlow::Break(Ok(gst::FlowSuccess::Ok)),
                Verdict::Unusual => ControlFlow::Continue(packet),
            }
        });
    }

    /// Whether packets may go past both pads.
    fn is_usual(&self) -> bool {
        peer(&self.funnel, UNUSUAL, PROBES) == self.ghost.as_ptr() && probes(&self.ghost) == PROBES
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::super::tests::{End, beginning};
    use super::*;

    #[test]
    fn a_lone_sender_goes_past_the_funnel_and_is_judged_once() {
        gst::init().unwrap();
        let (bin, funnel) = (gst::Bin::new(), gst::ElementFactory::make("funnel").build().unwrap());
        let inside = gst::ElementFactory::make("identity").build().unwrap();
        bin.add(&inside).unwrap();
        let ghost = gst::GhostPad::with_target(&inside.static_pad("sink").unwrap()).unwrap();
        bin.add_pad(&ghost).unwrap();
        let (last, end) = (inside.static_pad("src").unwrap(), End::new());
        last.link(&end.pad).unwrap();
        let source = funnel.static_pad("src").unwrap();
        source.link(&ghost).unwrap();
        let judged = Arc::new(Mutex::new(Vec::new()));
        let judge = |byte| match byte {
            0 => Verdict::Dropped,
            1 => Verdict::Enters,
            _ => Verdict::Unusual,
        };
        let told = judged.clone();
        let entrance = Entrance::new(&source, &ghost, move |packet| {
            let byte = packet.map_readable().unwrap()[0];
            told.lock().unwrap().push(byte);
            judge(byte)
        });
        let entrance = entrance.unwrap();
        let funnelled = Arc::<AtomicU32>::default();
        for pad in [&source, ghost.upcast_ref()] {
            let funnelled = funnelled.clone();
            pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
                funnelled.fetch_add(1, Ordering::Relaxed);
                gst::PadProbeReturn::Ok
            });
        }
        let sinks = [(); 2].map(|()| funnel.request_pad_simple("sink_%u").unwrap());
        sinks.iter().for_each(|sink| entrance.lead(sink));
        inside.set_state(gst::State::Playing).unwrap();
        bin.set_state(gst::State::Playing).unwrap();
        funnel.set_state(gst::State::Playing).unwrap();
        let [one, other] = sinks.each_ref().map(|sink| beginning(sink, "application/x-rtp"));
        // Who pushes, what, and what has passed probes, been judged and arrived then.
        for (row, (from, byte, probed, known, arrived)) in [
            (&one, 1, 2, 0, 1),
            (&one, 1, 2, 1, 2),
            (&one, 0, 2, 2, 2),
            (&one, 2, 4, 3, 3),
            (&other, 1, 6, 3, 4),
            (&other, 1, 6, 4, 5),
            (&one, 1, 8, 4, 6),
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(from.push(gst::Buffer::from_slice([byte; 4])), Ok(gst::FlowSuccess::Ok), "row {row}");
            let found = (funnelled.load(Ordering::Relaxed), judged.lock().unwrap().len(), end.count());
            assert_eq!(found, (probed, known, arrived), "row {row}");
        }
        // Somebody else watches too: everything goes the ordinary way.
        source.add_probe(gst::PadProbeType::BUFFER, |_, _| gst::PadProbeReturn::Ok);
        assert_eq!(one.push(gst::Buffer::from_slice([1u8; 4])), Ok(gst::FlowSuccess::Ok));
        assert_eq!((funnelled.load(Ordering::Relaxed), judged.lock().unwrap().len()), (10, 4));
        for element in [&funnel, bin.upcast_ref()] {
            element.set_state(gst::State::Null).unwrap();
        }
    }
}
