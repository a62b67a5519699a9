//! Which threads move the data of a conference: in those, nothing of it can be stopped.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};

use glib::translate::*;
use gst::prelude::*;

thread_local! {
    static FEEDS_ANY: Cell<bool> = const { Cell::new(false) };
    /// The source pad that the thread pushes through now, of those threads that serve one after another.
    static PAD: Cell<*mut gst::ffi::GstPad> = const { Cell::new(std::ptr::null_mut()) };
}

/// Threads that announced themselves, by a message that each of them posts itself.
#[derive(Debug, Default)]
pub(crate) struct StreamingThreads(Mutex<HashSet<ThreadId>>);

impl StreamingThreads {
    /// Looks at a message of an element on its way up.
    pub(crate) fn watch(&self, message: &gst::MessageRef) {
        let gst::MessageView::StreamStatus(status) = message.view() else { return };
        let (change, owner) = status.get();
        let buffers = owner.factory().is_some_and(|factory| factory.name() == "rtpjitterbuffer");
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match change {
            gst::StreamStatusType::Enter => {
                known.insert(thread::current().id());
            }
            gst::StreamStatusType::Leave => {
                known.remove(&thread::current().id());
            }
            _ => return,
        }
        if buffers {
            give_way(change == gst::StreamStatusType::Enter);
        }
    }

    /// Whether the caller runs in one of those of `conference`, or in one that serves every conference of the process.
    pub(crate) fn has_caller(&self, conference: &impl IsA<gst::Object>) -> bool {
        FEEDS_ANY.get()
            || pushes_inside(conference.upcast_ref())
            || self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&thread::current().id())
    }
}

/// The calling thread pushes through that pad until it says so of another one, or of none (null). The pad must live so long.
pub(crate) fn push_through(pad: *mut gst::ffi::GstPad) {
    PAD.set(pad);
}

/// Whether the pad that this thread pushes through is inside a bin.
fn pushes_inside(bin: &gst::Object) -> bool {
    // SAFETY: it is a pad that lives as long as it stands there, or null.
    let pad: Option<gst::Object> = unsafe { from_glib_none(PAD.get().cast::<gst::ffi::GstObject>()) };
    pad.is_some_and(|pad| pad.has_as_ancestor(bin))
}

/// The calling thread pushes into conferences for as long as it lives, without a message of its own in each.
pub(crate) fn feed_any() {
    FEEDS_ANY.set(true);
}

/// Lets this thread wait for a processor when it wakes up, or no longer, rather than take it from whoever woke it.
///
/// Who wakes the thread of a jitter buffer holds its lock: a thread that takes the processor at once finds the lock taken,
/// gives the processor back and has to be woken again, for every packet. This is `SCHED_BATCH` of Linux; a policy that
/// somebody else chose is left alone, and where the system refuses, everything works as well.
pub(crate) fn give_way(wanted: bool) {
    let (from, to) =
        if wanted { (libc::SCHED_OTHER, libc::SCHED_BATCH) } else { (libc::SCHED_BATCH, libc::SCHED_OTHER) };
    let priority = libc::sched_param { sched_priority: 0 };
    // SAFETY: zero is the calling thread, and the parameters live during the call.
    unsafe {
        if libc::sched_getscheduler(0) == from {
            libc::sched_setscheduler(0, to, &raw const priority);
        }
    }
}

/// Says that a function was called in a streaming thread and had no effect. Like all criticals about wrong use it has no
/// log domain, which is where test programs look for it.
pub(crate) fn refuse(function: &str) {
    glib::g_critical!(None::<&str>, "{}() was called in a streaming thread of the conference", function);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_gives_way_and_stops_doing_so() {
        // SAFETY: the call takes no pointers.
        let policy = || unsafe { libc::sched_getscheduler(0) };
        let own = std::thread::spawn(move || {
            let before = policy();
            give_way(true);
            let between = policy();
            give_way(false);
            [before, between, policy()]
        });
        let [before, between, after] = own.join().expect("nothing panics");
        assert_eq!(before, after);
        assert!(before != libc::SCHED_OTHER || between == libc::SCHED_BATCH);
    }

    #[test]
    fn a_thread_that_feeds_any_conference_is_known_to_each() {
        gst::init().unwrap();
        let (threads, bin) = (StreamingThreads::default(), gst::Bin::new());
        assert!(!threads.has_caller(&bin));
        thread::scope(|scope| {
            scope.spawn(|| {
                feed_any();
                assert!(threads.has_caller(&bin));
            });
        });
        assert!(!threads.has_caller(&bin));
    }

    #[test]
    fn a_thread_that_serves_many_is_known_to_the_one_it_serves() {
        gst::init().unwrap();
        let threads = StreamingThreads::default();
        let [one, other] = [(); 2].map(|()| gst::Bin::new());
        let element = gst::ElementFactory::make("identity").build().unwrap();
        one.add(&element).unwrap();
        let pad = element.static_pad("src").unwrap();
        push_through(pad.as_ptr());
        assert!(threads.has_caller(&one) && !threads.has_caller(&other));
        push_through(std::ptr::null_mut());
        assert!(!threads.has_caller(&one));
    }
}
