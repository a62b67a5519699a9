//! A socket of ours: `shmsink` hands the packets of a component to whoever connects to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fs_core::prelude::*;
use fs_proto::StreamState;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::{CAT, ShmStreamTransmitter, network};
use crate::transmitter::component::{Bins, element};
use crate::transmitter::counters::Counters;

/// Permissions of socket and memory: read and write for this user.
const PRIVATE: u32 = 0o600;

/// Private part of [`SocketBin`].
#[derive(Default)]
pub struct SocketBinImp {
    stopping: AtomicBool,
}

glib::wrapper! {
    /// A bin for `shmsink`, whose thread takes every stop for an error (up to GStreamer 1.22 at least: "Failed waiting on fd
    /// activity", EBUSY): an application that ends its pipeline must not be told of one.
    pub struct SocketBin(ObjectSubclass<SocketBinImp>)
        @extends gst::Bin, gst::Element, gst::Object,
        @implements gst::ChildProxy;
}

#[glib::object_subclass]
impl ObjectSubclass for SocketBinImp {
    const NAME: &'static str = "FsShmWriterBin";
    const ALLOW_NAME_CONFLICT: bool = true;
    type Type = SocketBin;
    type ParentType = gst::Bin;
}

impl ObjectImpl for SocketBinImp {}
impl GstObjectImpl for SocketBinImp {}

impl ElementImpl for SocketBinImp {
    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        self.stopping.store(transition == gst::StateChange::ReadyToNull, Ordering::Release);
        self.parent_change_state(transition)
    }
}

impl BinImpl for SocketBinImp {
    fn handle_message(&self, message: gst::Message) {
        if let gst::MessageView::Error(error) = message.view()
            && self.stopping.load(Ordering::Acquire)
        {
            gst::debug!(CAT, "while stopping: {} {:?}", error.error(), error.debug());
            return;
        }
        self.parent_handle_message(message);
    }
}

/// A listening socket with its element in the transmitter's bin.
pub(super) struct Writer {
    pub(super) component: u32,
    /// What was asked for.
    pub(super) asked: String,
    /// Where the socket is: behind a path that was taken comes a number.
    pub(super) path: String,
    sending: Arc<AtomicBool>,
    bin: SocketBin,
    input: gst::GhostPad,
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
        let (bin, input) = wrap(&sink).map_err(|e| {
            glib::Error::new(fs_core::Error::Construction, &format!("shmsink cannot be used: {e}"))
        })?;
        let sends = sending.clone();
        let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
        input.add_probe(kinds, move |_, _| {
            if sends.load(Ordering::Relaxed) { gst::PadProbeReturn::Ok } else { gst::PadProbeReturn::Handled }
        });
        counters.count_sent(input.upcast_ref());
        let weak = stream.downgrade();
        sink.connect("client-connected", false, move |_| {
            if let Some(stream) = weak.upgrade() {
                stream.emit_state_changed(component, StreamState::Ready);
            }
            None
        });
        // It listens from READY on, whatever the pipeline does.
        if bin.set_state(gst::State::Ready).is_err() {
            return Err(network(&format!("cannot make the socket '{path}' for component {component}")));
        }
        let real = sink.property::<Option<String>>("socket-path").unwrap_or_else(|| path.to_owned());
        let writer = Self { component, asked: path.to_owned(), path: real, sending, bin, input };
        if let Err(error) = bins.add_sink(component, writer.bin.upcast_ref()) {
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
    pub(super) fn key_frame_pad(&self) -> gst::Pad {
        self.input.clone().upcast()
    }

    /// Removes the element; the socket's file goes with it.
    pub(super) fn close(&self, bins: &Bins) {
        bins.remove_sink(self.component, self.bin.upcast_ref());
    }
}

fn wrap(sink: &gst::Element) -> Result<(SocketBin, gst::GhostPad), glib::BoolError> {
    let bin: SocketBin = glib::Object::new();
    bin.add(sink)?;
    let target = sink.static_pad("sink").ok_or_else(|| glib::bool_error!("it has no pad sink"))?;
    let input = gst::GhostPad::builder_with_target(&target)?.name("sink").build();
    bin.add_pad(&input)?;
    Ok((bin, input))
}
