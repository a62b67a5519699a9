//! Messages of the elements inside the conference.

use glib::subclass::prelude::*;

use super::imp;

impl imp::Conference {
    /// Takes the answers of the sources of telephony events, which nobody else needs; true if it was one.
    pub(super) fn is_event_answer(&self, message: &gst::MessageRef) -> bool {
        let gst::MessageView::Element(element) = message.view() else { return false };
        let Some(structure) = element.structure() else { return false };
        let dropped = match structure.name().as_str() {
            "dtmf-event-processed" => false,
            "dtmf-event-dropped" => true,
            _ => return false,
        };
        if let (Some(source), Ok(start)) = (message.src(), structure.get::<bool>("start")) {
            self.sessions().iter().for_each(|session| session.imp().event_answered(source, start, dropped));
        }
        true
    }
}
