//! Past what lets packets through: an open valve, a tee with one branch.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use glib::translate::*;
use gst::prelude::*;

use super::{Flow, Link, UNUSUAL, lead};

const CLOSED: u8 = 0;
/// Open, but nothing has gone through it since: the valve repeats events then and marks the gap.
const OPENED: u8 = 1;
const OPEN: u8 = 2;

/// Shortens the way through a valve while it is open. No data may be on its way, and nobody may wait for its source pad to
/// be idle.
pub fn past_valve(valve: &gst::Element) {
    let [Some(sink), Some(source)] = ["sink", "src"].map(|name| valve.static_pad(name)) else { return };
    let now = |valve: &gst::Element| if valve.property::<bool>("drop") { CLOSED } else { OPENED };
    let state = Arc::new(AtomicU8::new(now(valve)));
    let changed = state.clone();
    valve.connect_notify(Some("drop"), move |valve, _| changed.store(now(valve), Ordering::Release));
    let link = Link::new(UNUSUAL);
    lead(&sink, move |_, packet| {
        if state.load(Ordering::Acquire) == OPEN {
            return link.take(&source, packet);
        }
        // It may have been closed again meanwhile, and stays so.
        let _ = state.compare_exchange(OPENED, OPEN, Ordering::AcqRel, Ordering::Relaxed);
        ControlFlow::Continue(packet)
    });
}

/// Shortens the way through a tee that need not be linked, while it has one branch. No data may be on its way, and nobody may
/// wait for a branch to be idle.
pub fn past_tee(tee: &gst::Element) {
    let Some(sink) = tee.static_pad("sink") else { return };
    let (link, branch) = (Link::new(UNUSUAL), Mutex::default());
    lead(&sink, move |parent, packet| {
        // As in `Link::take`.
        let Ok(mut branch) = branch.try_lock() else { return ControlFlow::Continue(packet) };
        if let Some(tee) = parent.and_then(|parent| parent.downcast_ref()) {
            follow_only_source(tee, &mut branch);
        }
        let Some(branch) = branch.as_ref() else { return ControlFlow::Continue(packet) };
        match link.take(branch, packet) {
            ControlFlow::Break(flow) => ControlFlow::Break(excuse(flow, branch)),
            usual => usual,
        }
    });
}

/// What a tee makes of its only branch's answer: a branch that leads nowhere, or was taken away meanwhile, is no error.
fn excuse(flow: Flow, branch: &gst::Pad) -> Flow {
    match flow {
        Err(gst::FlowError::NotLinked) => Ok(gst::FlowSuccess::Ok),
        Err(_) if branch.pad_flags().contains(gst::PadFlags::FLUSHING) => Ok(gst::FlowSuccess::Ok),
        flow => flow,
    }
}

/// Keeps the source pad of an element that has just one.
fn follow_only_source(element: &gst::Element, kept: &mut Option<gst::Pad>) {
    let element = element.as_ptr();
    // SAFETY: the element is alive; its lock guards its list of pads, each of which is a pad while it is in there. The
    // reference is taken before the lock is given back.
    let found = unsafe {
        glib::ffi::g_mutex_lock(&raw mut (*element).object.lock);
        let first = (*element).srcpads;
        let pad = if (*element).numsrcpads == 1 && !first.is_null() {
            (*first).data.cast()
        } else {
            std::ptr::null_mut()
        };
        let known = kept.as_ref().map_or(std::ptr::null_mut(), |kept| kept.as_ptr());
        let found = (pad != known).then(|| Option::<gst::Pad>::from_glib_none(pad));
        glib::ffi::g_mutex_unlock(&raw mut (*element).object.lock);
        found
    };
    if let Some(found) = found {
        *kept = found;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{End, beginning};
    use super::*;

    const CAPS: &str = "application/x-test";

    fn element(factory: &str) -> gst::Element {
        gst::init().unwrap();
        gst::ElementFactory::make(factory).build().unwrap()
    }

    fn buffer() -> gst::Buffer {
        gst::Buffer::from_slice([1u8; 4])
    }

    #[test]
    fn a_valve_is_passed_while_it_is_open() {
        let valve = element("valve");
        past_valve(&valve);
        valve.set_state(gst::State::Playing).unwrap();
        let (source, end) = (valve.static_pad("src").unwrap(), End::new());
        source.link(&end.pad).unwrap();
        let entry = beginning(&valve.static_pad("sink").unwrap(), CAPS);
        let push = || _ = entry.push(buffer());
        push();
        assert!(end.is_reached_past(&source, push) && end.count() == 2);
        valve.set_property("drop", true);
        push();
        assert_eq!(end.count(), 2, "closed");
        valve.set_property("drop", false);
        assert!(!end.is_reached_past(&source, push), "the valve marks the gap");
        assert!(end.came.lock().unwrap()[2].flags().contains(gst::BufferFlags::DISCONT));
        assert!(end.is_reached_past(&source, push) && end.count() == 4);
        valve.set_state(gst::State::Null).unwrap();
    }

    #[test]
    fn a_tee_is_passed_while_it_has_one_branch() {
        let tee = element("tee");
        tee.set_property("allow-not-linked", true);
        past_tee(&tee);
        tee.set_state(gst::State::Playing).unwrap();
        let entry = beginning(&tee.static_pad("sink").unwrap(), CAPS);
        assert_eq!(entry.push(buffer()), Ok(gst::FlowSuccess::Ok), "no branch is no error");
        let branch = || {
            let (pad, end) = (tee.request_pad_simple("src_%u").unwrap(), End::new());
            pad.link(&end.pad).unwrap();
            (pad, end)
        };
        let (source, end) = branch();
        let push = || _ = entry.push(buffer());
        push();
        assert!(end.is_reached_past(&source, push) && end.count() == 2);
        let (second, other) = branch();
        assert!(!end.is_reached_past(&source, push));
        push();
        assert_eq!((end.count(), other.count()), (4, 1), "a refusal ends the round of a tee");
        tee.release_request_pad(&source);
        push();
        assert!(other.is_reached_past(&second, push) && other.count() == 3, "the other one is alone now");
        second.unlink(&other.pad).unwrap();
        assert_eq!(entry.push(buffer()), Ok(gst::FlowSuccess::Ok));
        tee.set_state(gst::State::Null).unwrap();
    }
}
