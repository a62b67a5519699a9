//! Which threads move the data of a conference: in those, nothing of it can be stopped.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};

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

    /// Whether the caller runs in one of them.
    pub(crate) fn has_caller(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&thread::current().id())
    }
}
