//! Encoders whose library gets itself ready when it is used first, and can't do that in two threads at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use glib::translate::*;
use gst::prelude::*;

/// x265 3.5 fills the table of its functions without a lock, so that an encoder which begins at the same time in another
/// session calls one that is not there yet.
const UNGUARDED: [&str; 1] = ["x265enc"];

/// Lets the first user pass alone, and all others after it.
struct Gate {
    ready: AtomicBool,
    first: Mutex<()>,
}

static GATE: Gate = Gate::new();

impl Gate {
    const fn new() -> Self {
        Self { ready: AtomicBool::new(false), first: Mutex::new(()) }
    }

    fn pass<T>(&self, begin: impl FnOnce() -> T) -> T {
        if self.ready.load(Ordering::Acquire) {
            return begin();
        }
        let _alone = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let result = begin();
        self.ready.store(true, Ordering::Release);
        result
    }
}

/// Has encoders of that kind begin one after the other; others are left alone. No data may be on its way.
pub(super) fn guard(element: &gst::Element) {
    let unguarded = element.factory().is_some_and(|factory| UNGUARDED.contains(&factory.name().as_str()));
    if let Some(sink) = element.static_pad("sink").filter(|_| unguarded) {
        one_by_one(&sink, &GATE);
    }
}

/// Encoders open their library when they learn the format, so formats pass the gate.
fn one_by_one(sink: &gst::Pad, gate: &'static Gate) {
    let place = sink.as_ptr();
    // SAFETY: the pad is alive, and who makes pads sets their functions before anybody else sees them.
    let (usual, data) = unsafe { ((*place).eventfunc, (*place).eventdata) };
    let Some(usual) = usual.filter(|_| data.is_null()) else { return };
    let take = move |pad: &gst::Pad, parent: Option<&gst::Object>, event: gst::Event| -> bool {
        let is_format = event.type_() == gst::EventType::Caps;
        let parent = parent.map_or(std::ptr::null_mut(), |parent| parent.as_ptr());
        // SAFETY: it is this pad's own function, called with what this pad's function is called with; it takes the event.
        let go = || unsafe { from_glib(usual(pad.as_ptr(), parent, event.into_glib_ptr())) };
        if is_format { gate.pass(go) } else { go() }
    };
    // SAFETY: no data is on its way, so nobody runs the function that is replaced.
    unsafe { sink.set_event_function(take) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use super::*;

    #[test]
    fn no_format_passes_beside_the_first() {
        static GATE: Gate = Gate::new();
        gst::init().unwrap();
        let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let pad = || {
            let identity = gst::ElementFactory::make("identity").build().unwrap();
            let (inside, most) = (inside.clone(), most.clone());
            let source = identity.static_pad("src").unwrap();
            source.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
                let is_format = info.event().is_some_and(|event| event.type_() == gst::EventType::Caps);
                if is_format && !GATE.ready.load(Ordering::SeqCst) {
                    most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(30));
                    inside.fetch_sub(1, Ordering::SeqCst);
                }
                gst::PadProbeReturn::Ok
            });
            let sink = identity.static_pad("sink").unwrap();
            one_by_one(&sink, &GATE);
            identity.set_state(gst::State::Playing).unwrap();
            (identity, sink)
        };
        let pads: Vec<_> = (0..4).map(|_| pad()).collect();
        std::thread::scope(|threads| {
            for (_, sink) in &pads {
                threads.spawn(|| {
                    sink.send_event(gst::event::StreamStart::new("test"));
                    let caps = gst::Caps::new_empty_simple("video/x-test");
                    sink.send_event(gst::event::Caps::new(&caps));
                });
            }
        });
        assert!(GATE.ready.load(Ordering::SeqCst), "formats get through");
        assert_eq!(most.load(Ordering::SeqCst), 1);
        for (identity, _) in &pads {
            identity.set_state(gst::State::Null).unwrap();
        }
    }

    #[test]
    fn an_encoder_still_learns_its_format() {
        gst::init().unwrap();
        let line = "videotestsrc num-buffers=3 ! video/x-raw,width=64,height=64 ! x265enc name=e ! fakesink name=end";
        let pipeline = gst::parse::launch(line).unwrap().downcast::<gst::Bin>().unwrap();
        guard(&pipeline.by_name("e").unwrap());
        pipeline.set_state(gst::State::Playing).unwrap();
        let ends = [gst::MessageType::Eos, gst::MessageType::Error];
        let message = pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(60), &ends);
        assert_eq!(message.map(|m| m.type_()), Some(gst::MessageType::Eos));
        pipeline.set_state(gst::State::Null).unwrap();
        assert!(GATE.ready.load(Ordering::SeqCst));
    }
}
