//! Past a tee with one branch.

use std::ops::ControlFlow;

use glib::translate::*;
use gst::prelude::*;

use super::{Flow, UNUSUAL, behind, lead};

/// Shortens the way through a tee that need not be linked, while it has one branch. No data may be on its way, and nobody may
/// wait for a branch to be idle.
pub fn past(tee: &gst::Element) {
    let Some(sink) = tee.static_pad("sink") else { return };
    lead(&sink, |parent, packet| {
        let branch = parent.and_then(|parent| only_source(parent.downcast_ref()?));
        match branch.as_ref().and_then(|branch| Some((branch, behind(branch, UNUSUAL)?))) {
            Some((branch, next)) => ControlFlow::Break(excuse(next.chain(packet), branch)),
            None => ControlFlow::Continue(packet),
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

/// The source pad of an element that has just one.
fn only_source(element: &gst::Element) -> Option<gst::Pad> {
    let element = element.as_ptr();
    // SAFETY: the element is alive; its lock guards its list of pads, each of which is a pad while it is in there. The
    // reference is taken before the lock is given back.
    unsafe {
        glib::ffi::g_mutex_lock(&raw mut (*element).object.lock);
        let first = (*element).srcpads;
        let pad = if (*element).numsrcpads == 1 && !first.is_null() {
            (*first).data.cast()
        } else {
            std::ptr::null_mut()
        };
        let pad = Option::<gst::Pad>::from_glib_none(pad);
        glib::ffi::g_mutex_unlock(&raw mut (*element).object.lock);
        pad
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{End, beginning};
    use super::*;

    const CAPS: &str = "application/x-test";

    fn buffer() -> gst::Buffer {
        gst::Buffer::from_slice([1u8; 4])
    }

    #[test]
    fn a_tee_is_passed_while_it_has_one_branch() {
        gst::init().unwrap();
        let tee = gst::ElementFactory::make("tee").build().unwrap();
        tee.set_property("allow-not-linked", true);
        past(&tee);
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
