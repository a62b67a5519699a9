//! Messages of the elements inside the conference.

use std::thread;

use gst::subclass::prelude::*;

use super::imp;

impl imp::Conference {
    /// Looks at a message on its way up. False if it ends here.
    pub(super) fn watch(&self, message: &gst::MessageRef) -> bool {
        match message.view() {
            gst::MessageView::StreamStatus(status) => {
                // Posted by the thread in question.
                match status.get().0 {
                    gst::StreamStatusType::Enter => self.thread_entered(thread::current().id()),
                    gst::StreamStatusType::Leave => self.thread_left(thread::current().id()),
                    _ => {}
                }
                true
            }
            gst::MessageView::Element(element) => {
                if let Some(structure) = element.structure()
                    && structure.has_name("application/x-rtp-source-sdes")
                {
                    self.source_described(structure);
                }
                true
            }
            _ => true,
        }
    }

    /// RTCP told who an SSRC is (RFC 3550 section 6.5).
    fn source_described(&self, structure: &gst::StructureRef) {
        let (Ok(session), Ok(ssrc)) = (structure.get::<u32>("session"), structure.get::<u32>("ssrc")) else {
            return;
        };
        let Ok(cname) = structure.get::<&str>("cname") else { return };
        if let Some(session) = self.session(session) {
            session.imp().source_described(ssrc, cname);
        }
    }
}
