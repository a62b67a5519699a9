//! A connection to the peer's socket: `shmsrc` in a bin that keeps the end of the connection to itself.

use std::os::unix::fs::FileTypeExt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use fs_core::prelude::*;
use fs_proto::StreamState;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::{CAT, ShmStreamTransmitter, lock, network};
use crate::transmitter::component::{Bins, element};
use crate::transmitter::counters::Counters;

/// What is called when the connection breaks.
type Broken = Box<dyn Fn() + Send>;

/// Private part of [`QuietBin`].
#[derive(Default)]
pub struct QuietBinImp {
    broken: Mutex<Option<Broken>>,
}

glib::wrapper! {
    /// A bin whose elements' errors are no errors of the pipeline: a peer that ends must not end the call.
    pub struct QuietBin(ObjectSubclass<QuietBinImp>)
        @extends gst::Bin, gst::Element, gst::Object,
        @implements gst::ChildProxy;
}

#[glib::object_subclass]
impl ObjectSubclass for QuietBinImp {
    const NAME: &'static str = "FsShmReaderBin";
    const ALLOW_NAME_CONFLICT: bool = true;
    type Type = QuietBin;
    type ParentType = gst::Bin;
}

impl ObjectImpl for QuietBinImp {}
impl GstObjectImpl for QuietBinImp {}
impl ElementImpl for QuietBinImp {}

impl BinImpl for QuietBinImp {
    fn handle_message(&self, message: gst::Message) {
        if let gst::MessageView::Error(error) = message.view() {
            gst::info!(CAT, "{}: {:?}", error.error(), error.debug());
            if let Some(broken) = &*lock(&self.broken) {
                broken();
            }
            return;
        }
        self.parent_handle_message(message);
    }
}

/// A connected socket with its element in the transmitter's bin.
pub(super) struct Reader {
    component: u32,
    pub(super) path: String,
    broken: Arc<AtomicBool>,
    bin: QuietBin,
}

impl Reader {
    /// Connects; packets come out of the component's source pad from now on, or from when the pipeline runs.
    ///
    /// # Errors
    /// `NETWORK` when nobody listens there, `CONSTRUCTION` when the element is missing.
    pub(super) fn open(
        component: u32,
        path: &str,
        bins: &Bins,
        stream: &ShmStreamTransmitter,
        counters: &Counters,
        do_timestamp: bool,
    ) -> Result<Self, glib::Error> {
        let no_socket = |why: &str| {
            network(&format!("cannot connect to the socket '{path}' for component {component}: {why}"))
        };
        let file = std::fs::metadata(path).map_err(|e| no_socket(&e.to_string()))?;
        if !file.file_type().is_socket() {
            return Err(no_socket("it is no socket"));
        }
        let source = element("shmsrc")?;
        source.set_property("socket-path", path);
        source.set_property("do-timestamp", do_timestamp);
        source.set_property("is-live", true);
        let bin: QuietBin = glib::Object::new();
        let pad = wrap(&bin, &source).map_err(|e| {
            glib::Error::new(fs_core::Error::Construction, &format!("shmsrc cannot be used: {e}"))
        })?;
        watch(&pad, component, stream, counters);
        let reader = Self { component, path: path.to_owned(), broken: Arc::default(), bin };
        if bins.add_source(component, reader.bin.upcast_ref()).is_err() {
            reader.close(bins);
            return Err(no_socket("nobody listens"));
        }
        reader.report(stream);
        gst::debug!(CAT, "component {component} reads from {path}");
        Ok(reader)
    }

    /// From now on the end of the connection is the component's failure.
    fn report(&self, stream: &ShmStreamTransmitter) {
        let (component, weak, broken) = (self.component, stream.downgrade(), self.broken.clone());
        let report: Broken = Box::new(move || {
            if !broken.swap(true, Ordering::AcqRel)
                && let Some(stream) = weak.upgrade()
            {
                stream.emit_state_changed(component, StreamState::Failed);
            }
        });
        *lock(&self.bin.imp().broken) = Some(report);
    }

    /// Whether the connection to that socket stands.
    pub(super) fn serves(&self, path: &str) -> bool {
        self.path == path && !self.broken.load(Ordering::Acquire)
    }

    /// Removes the element and ends its thread.
    pub(super) fn close(&self, bins: &Bins) {
        *lock(&self.bin.imp().broken) = None;
        bins.remove_source(self.component, self.bin.upcast_ref());
    }
}

fn wrap(bin: &QuietBin, source: &gst::Element) -> Result<gst::GhostPad, glib::BoolError> {
    bin.add(source)?;
    let target = source.static_pad("src").ok_or_else(|| glib::bool_error!("shmsrc has no pad src"))?;
    let ghost = gst::GhostPad::builder_with_target(&target)?.name("src").build();
    bin.add_pad(&ghost)?;
    Ok(ghost)
}

/// Counts packets, tells the stream of each, and keeps back the end of stream that comes with a broken connection: the
/// component may be connected again.
fn watch(pad: &gst::GhostPad, component: u32, stream: &ShmStreamTransmitter, counters: &Counters) {
    counters.count_received(pad.upcast_ref());
    let weak = stream.downgrade();
    let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    pad.add_probe(kinds, move |_, info| match &info.data {
        Some(gst::PadProbeData::Buffer(buffer)) => {
            if let Some(stream) = weak.upgrade() {
                stream.emit_known_source_packet_received(component, buffer);
            }
            gst::PadProbeReturn::Ok
        }
        Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::Eos => {
            gst::PadProbeReturn::Handled
        }
        _ => gst::PadProbeReturn::Ok,
    });
}
