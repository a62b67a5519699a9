//! Which threads move the data of a conference: in those, nothing of it can be stopped.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};

thread_local! {
    static FEEDS_ANY: Cell<bool> = const { Cell::new(false) };
}

/// Threads that announced themselves, by a message that each of them posts itself.
#[derive(Debug, Default)]
pub(crate) struct StreamingThreads(Mutex<HashSet<ThreadId>>);

impl StreamingThreads {
    /// Looks at a message of an element on its way up.
    pub(crate) fn watch(&self, message: &gst::MessageRef) {
        let gst::MessageView::StreamStatus(status) = message.view() else { return };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match status.get().0 {
            gst::StreamStatusType::Enter => known.insert(thread::current().id()),
            gst::StreamStatusType::Leave => known.remove(&thread::current().id()),
            _ => false,
        };
    }

    /// Whether the caller runs in one of them, or in one that serves every conference of the process.
    pub(crate) fn has_caller(&self) -> bool {
        FEEDS_ANY.get()
            || self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&thread::current().id())
    }
}

/// The calling thread pushes into conferences for as long as it lives, without a message of its own in each.
pub(crate) fn feed_any() {
    FEEDS_ANY.set(true);
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
    fn a_thread_that_feeds_any_conference_is_known_to_each() {
        let threads = StreamingThreads::default();
        assert!(!threads.has_caller());
        thread::scope(|scope| {
            scope.spawn(|| {
                feed_any();
                assert!(threads.has_caller());
            });
        });
        assert!(!threads.has_caller());
    }
}
