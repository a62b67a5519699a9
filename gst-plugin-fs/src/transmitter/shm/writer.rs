//! A socket of ours: `shmsink` hands the packets of a component to whoever connects to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fs_core::prelude::*;
use fs_proto::StreamState;
use gst::prelude::*;

use super::{CAT, ShmStreamTransmitter, network};
use crate::transmitter::component::{Bins, element};
use crate::transmitter::counters::Counters;

/// Permissions of socket and memory: read and write for this user.
const PRIVATE: u32 = 0o600;

/// A listening socket with its element in the transmitter's bin.
pub(super) struct Writer {
    pub(super) component: u32,
    /// What was asked for.
    pub(super) asked: String,
    /// Where the socket is: behind a path that was taken comes a number.
    pub(super) path: String,
    sending: Arc<AtomicBool>,
    sink: gst::Element,
}

impl Writer {
    /// Makes the socket and listens.
    ///
    /// # Errors
    /// `NETWORK` when the socket cannot be made, `CONSTRUCTION` when the element is missing.
    pub(super) fn open(
        component: u32,
        path: &str,
        bins: &Bins,
        stream: &ShmStreamTransmitter,
        counters: &Counters,
    ) -> Result<Self, glib::Error> {
        let sink = element("shmsink")?;
        sink.set_property("socket-path", path);
        sink.set_property("perms", PRIVATE);
        sink.set_property("wait-for-connection", false);
        sink.set_property("sync", false);
        sink.set_property("async", false);
        let sending = Arc::new(AtomicBool::new(true));
        if let Some(pad) = sink.static_pad("sink") {
            let sending = sending.clone();
            let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
            pad.add_probe(kinds, move |_, _| {
                if sending.load(Ordering::Relaxed) {
                    gst::PadProbeReturn::Ok
                } else {
                    gst::PadProbeReturn::Handled
                }
            });
            counters.count_sent(&pad);
        }
        let weak = stream.downgrade();
        sink.connect("client-connected", false, move |_| {
            if let Some(stream) = weak.upgrade() {
                stream.emit_state_changed(component, StreamState::Ready);
            }
            None
        });
        // It listens from READY on, whatever the pipeline does.
        if sink.set_state(gst::State::Ready).is_err() {
            return Err(network(&format!("cannot make the socket '{path}' for component {component}")));
        }
        let real = sink.property::<Option<String>>("socket-path").unwrap_or_else(|| path.to_owned());
        let writer = Self { component, asked: path.to_owned(), path: real, sending, sink };
        if let Err(error) = bins.add_sink(component, &writer.sink) {
            writer.close(bins);
            return Err(error);
        }
        gst::debug!(CAT, "component {component} listens on {}", writer.path);
        Ok(writer)
    }

    /// Whether packets are handed out.
    pub(super) fn set_sending(&self, sending: bool) {
        self.sending.store(sending, Ordering::Relaxed);
    }

    /// Asks the encoder for a key frame. Call it with no lock held: the event goes through the application's elements.
    pub(super) fn key_frame_pad(&self) -> Option<gst::Pad> {
        self.sink.static_pad("sink")
    }

    /// Removes the element; the socket's file goes with it.
    pub(super) fn close(&self, bins: &Bins) {
        bins.remove_sink(self.component, &self.sink);
    }
}
