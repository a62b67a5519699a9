//! Stream transmitters: the part of a transmitter that serves one stream (`FsStreamTransmitter`).

use fs_proto::{Candidate, StreamState};
use glib::prelude::*;
use glib::translate::*;

use crate::boxed::CandidateValue;
use crate::class::class_of;
use crate::enums;
use crate::error::{self, Error};
use crate::ffi::FsStreamTransmitterClass;

pub(crate) mod call;
mod class;
mod imp;
mod known_source;
pub(crate) mod vfunc;

pub use class::fs_stream_transmitter_get_type;
pub use imp::{StreamTransmitterImpl, StreamTransmitterImplExt};

glib::wrapper! {
    /// A stream transmitter (`FsStreamTransmitter`, abstract); made by
    /// [`crate::TransmitterExt::new_stream_transmitter`].
    pub struct StreamTransmitter(Object<crate::ffi::FsStreamTransmitter, crate::ffi::FsStreamTransmitterClass>);

    match fn {
        type_ => || fs_stream_transmitter_get_type(),
    }
}

// SAFETY: reference counting, properties and signals of GObject are thread-safe, and implementations must be.
unsafe impl Send for StreamTransmitter {}
// SAFETY: as above.
unsafe impl Sync for StreamTransmitter {}

impl StreamTransmitter {
    pub(crate) fn class_ptr(&self) -> *const FsStreamTransmitterClass {
        // SAFETY: the wrapper holds a live stream transmitter.
        unsafe { class_of(self.as_ptr()) }
    }
}

/// What streams do with a stream transmitter.
pub trait StreamTransmitterExt: IsA<StreamTransmitter> + 'static {
    /// Adds candidates of the peer (`fs_stream_transmitter_add_remote_candidates`).
    fn add_remote_candidates(&self, candidates: &[Candidate]) -> Result<(), glib::Error> {
        let transmitter = self.upcast_ref::<StreamTransmitter>();
        call::add_remote_candidates(transmitter, transmitter.class_ptr(), candidates)
    }

    /// Sends to exactly these candidates (`fs_stream_transmitter_force_remote_candidates`).
    fn force_remote_candidates(&self, candidates: &[Candidate]) -> Result<(), glib::Error> {
        let transmitter = self.upcast_ref::<StreamTransmitter>();
        call::force_remote_candidates(transmitter, transmitter.class_ptr(), candidates)
    }

    /// Starts to look for local candidates (`fs_stream_transmitter_gather_local_candidates`).
    fn gather_local_candidates(&self) -> Result<(), glib::Error> {
        let transmitter = self.upcast_ref::<StreamTransmitter>();
        call::gather_local_candidates(transmitter, transmitter.class_ptr())
    }

    /// Stops everything (`fs_stream_transmitter_stop`); call it before the last reference goes.
    fn stop(&self) {
        let transmitter = self.upcast_ref::<StreamTransmitter>();
        call::stop(transmitter, transmitter.class_ptr());
    }

    /// Whether packets are sent (property `sending`).
    fn sending(&self) -> bool {
        self.property("sending")
    }

    /// Lets packets go out, or holds them back.
    fn set_sending(&self, sending: bool) {
        self.set_property("sending", sending);
    }

    /// Reports an asynchronous error (`fs_stream_transmitter_emit_error`); for implementations.
    fn emit_error(&self, code: Error, text: &str) {
        self.emit_by_name::<()>("error", &[&code, &text]);
    }

    /// Announces a local candidate; for implementations, as all `emit_*`.
    fn emit_new_local_candidate(&self, candidate: &Candidate) {
        self.emit_by_name::<()>("new-local-candidate", &[&CandidateValue(candidate.clone())]);
    }

    /// Announces that all local candidates are known.
    fn emit_local_candidates_prepared(&self) {
        self.emit_by_name::<()>("local-candidates-prepared", &[]);
    }

    /// Announces the pair of candidates now in use for a component.
    fn emit_new_active_candidate_pair(&self, local: &Candidate, remote: &Candidate) {
        let (local, remote) = (CandidateValue(local.clone()), CandidateValue(remote.clone()));
        self.emit_by_name::<()>("new-active-candidate-pair", &[&local, &remote]);
    }

    /// Tells that a packet came from the address of a remote candidate of this stream.
    fn emit_known_source_packet_received(&self, component: u32, buffer: &gst::Buffer) {
        known_source::emit(self.upcast_ref(), component, buffer);
    }

    /// Announces the state of a component.
    fn emit_state_changed(&self, component: u32, state: StreamState) {
        self.emit_by_name::<()>("state-changed", &[&component, &enums::StreamState::from(state)]);
    }

    /// Calls back for every asynchronous error: code and text.
    fn connect_error<F>(&self, callback: F) -> glib::SignalHandlerId
    where
        F: Fn(&StreamTransmitter, Error, &str) + Send + Sync + 'static,
    {
        self.connect("error", false, move |values| {
            let transmitter = values.first()?.get::<StreamTransmitter>().ok()?;
            let (code, text) = error::arguments(values.get(1..)?)?;
            callback(&transmitter, code, &text);
            None
        })
    }

    /// Calls back for every local candidate.
    fn connect_new_local_candidate<F>(&self, callback: F) -> glib::SignalHandlerId
    where
        F: Fn(&StreamTransmitter, &Candidate) + Send + Sync + 'static,
    {
        self.connect("new-local-candidate", false, move |values| {
            let transmitter = values.first()?.get::<StreamTransmitter>().ok()?;
            callback(&transmitter, &values.get(1)?.get::<CandidateValue>().ok()?.0);
            None
        })
    }

    /// Calls back when all local candidates are known.
    fn connect_local_candidates_prepared<F>(&self, callback: F) -> glib::SignalHandlerId
    where
        F: Fn(&StreamTransmitter) + Send + Sync + 'static,
    {
        self.connect("local-candidates-prepared", false, move |values| {
            callback(&values.first()?.get::<StreamTransmitter>().ok()?);
            None
        })
    }

    /// Calls back for every new pair in use: local, remote.
    fn connect_new_active_candidate_pair<F>(&self, callback: F) -> glib::SignalHandlerId
    where
        F: Fn(&StreamTransmitter, &Candidate, &Candidate) + Send + Sync + 'static,
    {
        self.connect("new-active-candidate-pair", false, move |values| {
            let transmitter = values.first()?.get::<StreamTransmitter>().ok()?;
            let local = values.get(1)?.get::<CandidateValue>().ok()?;
            let remote = values.get(2)?.get::<CandidateValue>().ok()?;
            callback(&transmitter, &local.0, &remote.0);
            None
        })
    }

    /// Calls back for every packet from a known source: component and packet.
    fn connect_known_source_packet_received<F>(&self, callback: F) -> glib::SignalHandlerId
    where
        F: Fn(&StreamTransmitter, u32, &gst::Buffer) + Send + Sync + 'static,
    {
        self.connect("known-source-packet-received", false, move |values| {
            let transmitter = values.first()?.get::<StreamTransmitter>().ok()?;
            let component = values.get(1)?.get::<u32>().ok()?;
            let pointer = values.get(2)?.get::<glib::Pointer>().ok()?;
            if pointer.is_null() {
                return None;
            }
            // SAFETY: the signal carries a buffer that the emitter holds during the emission.
            let buffer: Borrowed<gst::Buffer> =
                unsafe { from_glib_borrow(pointer.cast::<gst::ffi::GstBuffer>()) };
            callback(&transmitter, component, &buffer);
            None
        })
    }

    /// As [`Self::connect_known_source_packet_received`], for whoever owns the transmitter: without a signal's cost where the
    /// transmitter is in Rust and nobody else listens. The first that calls this has the advantage.
    fn listen_for_known_source<F>(&self, callback: F)
    where
        F: Fn(u32, &gst::Buffer) + Clone + Send + Sync + 'static,
    {
        known_source::listen(self.upcast_ref(), callback);
    }

    /// Calls back for every change of a component's state.
    fn connect_state_changed<F>(&self, callback: F) -> glib::SignalHandlerId
    where
        F: Fn(&StreamTransmitter, u32, StreamState) + Send + Sync + 'static,
    {
        self.connect("state-changed", false, move |values| {
            let transmitter = values.first()?.get::<StreamTransmitter>().ok()?;
            let component = values.get(1)?.get::<u32>().ok()?;
            let state = values.get(2)?.get::<enums::StreamState>().ok()?;
            callback(&transmitter, component, state.into());
            None
        })
    }
}

impl<O: IsA<StreamTransmitter> + 'static> StreamTransmitterExt for O {}
