//! Messages of the elements inside the conference.

use std::thread;

use super::imp;

impl imp::Conference {
    /// Looks at a message on its way up. Threads that move data announce themselves, by a message that each of
    /// them posts itself: that is how those are known in which nothing can be destroyed.
    pub(super) fn watch(&self, message: &gst::MessageRef) {
        if let gst::MessageView::StreamStatus(status) = message.view() {
            match status.get().0 {
                gst::StreamStatusType::Enter => self.thread_entered(thread::current().id()),
                gst::StreamStatusType::Leave => self.thread_left(thread::current().id()),
                _ => {}
            }
        }
    }
}
