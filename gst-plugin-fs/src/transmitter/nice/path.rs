//! The elements of one component of a stream: `nicesrc` receives, `nicesink` sends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fs_core::prelude::*;
use gst::prelude::*;

use super::NiceStreamTransmitter;
use super::agent::Agent;
use crate::transmitter::component::Bins;
use crate::transmitter::counters::Counters;

/// The component that carries all when components are multiplexed.
const FIRST: u32 = 1;

/// A component's elements in the transmitter's bins.
pub(super) struct Path {
    component: u32,
    source: gst::Element,
    sink: gst::Element,
    sending: Arc<AtomicBool>,
    /// What went through.
    pub(super) counters: Counters,
}

impl Path {
    /// Puts the elements into the bins. Packets received are told to `stream` if it `associates` them.
    ///
    /// # Errors
    /// `CONSTRUCTION` when an element is missing.
    pub(super) fn open(
        agent: &Agent,
        stream: (u32, &NiceStreamTransmitter),
        component: u32,
        bins: &Bins,
        do_timestamp: bool,
        associates: bool,
    ) -> Result<Self, glib::Error> {
        let (id, listener) = stream;
        let (source, sink) = (element("nicesrc")?, element("nicesink")?);
        for element in [&source, &sink] {
            element.set_property("agent", agent.object());
            element.set_property("stream", id);
            element.set_property("component", component);
        }
        source.set_property("do-timestamp", do_timestamp);
        sink.set_property("sync", false);
        sink.set_property("async", false);
        let path = Self {
            component,
            source,
            sink,
            sending: Arc::new(AtomicBool::new(true)),
            counters: Counters::default(),
        };
        path.watch(listener, associates);
        let added =
            bins.add_sink(component, &path.sink).and_then(|()| bins.add_source(component, &path.source));
        if let Err(error) = added {
            path.close(bins);
            return Err(error);
        }
        Ok(path)
    }

    fn watch(&self, listener: &NiceStreamTransmitter, associates: bool) {
        if let Some(pad) = self.sink.static_pad("sink") {
            let sending = self.sending.clone();
            let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
            pad.add_probe(kinds, move |_, _| {
                if sending.load(Ordering::Relaxed) {
                    gst::PadProbeReturn::Ok
                } else {
                    gst::PadProbeReturn::Handled
                }
            });
        }
        if let Some(pad) = self.sink.static_pad("sink") {
            self.counters.count_sent(&pad);
        }
        let Some(pad) = self.source.static_pad("src") else { return };
        self.counters.count_received(&pad);
        if associates {
            let (component, weak) = (self.component, listener.downgrade());
            pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
                if let Some(buffer) = info.buffer()
                    && let Some(stream) = weak.upgrade()
                {
                    stream.emit_known_source_packet_received(component, buffer);
                }
                gst::PadProbeReturn::Ok
            });
        }
    }

    /// Whether packets are sent; `sending` governs the first component only, control packets go on.
    pub(super) fn set_sending(&self, sending: bool) {
        self.sending.store(sending || self.component != FIRST, Ordering::Relaxed);
    }

    /// Whether packets go over the first component.
    pub(super) fn set_mux(&self, mux: bool) {
        self.sink.set_property("component", if mux { FIRST } else { self.component });
    }

    /// Where packets to send come in.
    pub(super) fn input(&self) -> Option<gst::Pad> {
        self.sink.static_pad("sink")
    }

    /// Removes the elements and ends the receiving thread.
    pub(super) fn close(&self, bins: &Bins) {
        bins.remove_source(self.component, &self.source);
        bins.remove_sink(self.component, &self.sink);
    }
}

/// Makes an element of libnice's plugin.
///
/// # Errors
/// `CONSTRUCTION`, naming it and the package.
pub(super) fn element(factory: &str) -> Result<gst::Element, glib::Error> {
    gst::ElementFactory::make(factory).build().map_err(|_| {
        glib::Error::new(
            fs_core::Error::Construction,
            &format!("transmitter nice needs the element {factory} (Debian package gstreamer1.0-nice)"),
        )
    })
}
