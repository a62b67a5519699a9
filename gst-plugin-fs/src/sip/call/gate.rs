//! The last element of our own media before the conference: a valve that drops until there is a stream to take it.

use std::sync::{Mutex, PoisonError};

use gst::prelude::*;

/// A valve, and the conference's pad behind it.
#[derive(Debug)]
pub struct Gate {
    valve: gst::Element,
    /// The conference's sink pad, while a stream is open.
    conference: Mutex<Option<gst::Pad>>,
}

impl Gate {
    /// A valve that drops; it belongs into the bin, behind the elements of its kind.
    ///
    /// # Errors
    /// When there is no such element.
    pub fn new(name: &str) -> Result<Self, glib::BoolError> {
        let valve = gst::ElementFactory::make("valve").name(name).property("drop", true).build()?;
        Ok(Self { valve, conference: Mutex::default() })
    }

    /// The element.
    pub fn element(&self) -> &gst::Element {
        &self.valve
    }

    /// Drops from now on.
    pub fn mute(&self) {
        self.valve.set_property("drop", true);
    }

    /// A stream is open: our media goes there.
    pub fn open(&self, sink: &gst::Pad) {
        *self.conference.lock().unwrap_or_else(PoisonError::into_inner) = Some(sink.clone());
        let src = self.valve.static_pad("src");
        let linked = src.is_some_and(|pad| !pad.is_linked() && pad.link(sink).is_ok());
        self.valve.set_property("drop", !linked);
    }

    /// The stream is about to be closed.
    pub fn close(&self) {
        self.mute();
        let conference = self.conference.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(sink), Some(pad)) = (conference, self.valve.static_pad("src")) {
            // Fails only when it was never linked.
            let _ = pad.unlink(&sink);
        }
    }
}
