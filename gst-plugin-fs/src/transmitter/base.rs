//! The properties that all transmitters have, and those that the streams of all have: declared, kept and read here.

use fs_core::{CandidateList, StreamTransmitter, Transmitter};
use fs_proto::Candidate;
use glib::prelude::*;

/// Sets a place to a value that GObject has checked.
pub(super) fn take<'a, T: glib::value::FromValue<'a>>(place: &mut T, value: &'a glib::Value) {
    if let Ok(new) = value.get() {
        *place = new;
    }
}

/// What a transmitter was told by its properties.
#[derive(Debug)]
pub(super) struct TransmitterSettings {
    /// How many components there are.
    pub(super) components: u32,
    /// The type of service of packets.
    pub(super) tos: u32,
    /// Whether packets received get the time of their arrival.
    pub(super) do_timestamp: bool,
    /// See [`super::inlet::shared_thread`].
    pub(super) shared_thread: bool,
}

impl Default for TransmitterSettings {
    fn default() -> Self {
        Self { components: 1, tos: 0, do_timestamp: true, shared_thread: false }
    }
}

impl TransmitterSettings {
    /// The properties of the base class.
    pub(super) fn properties() -> Vec<glib::ParamSpec> {
        ["gst-src", "gst-sink", "components", "tos", "do-timestamp"]
            .map(glib::ParamSpecOverride::for_class::<Transmitter>)
            .into()
    }

    /// The value of a property that is kept here, else the default.
    pub(super) fn get(&self, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "components" => self.components.to_value(),
            "tos" => self.tos.to_value(),
            "do-timestamp" => self.do_timestamp.to_value(),
            "shared-thread" => self.shared_thread.to_value(),
            _ => pspec.default_value().clone(),
        }
    }

    /// Sets a property that is kept here.
    pub(super) fn set(&mut self, name: &str, value: &glib::Value) {
        match name {
            "components" => take(&mut self.components, value),
            "tos" => take(&mut self.tos, value),
            "do-timestamp" => take(&mut self.do_timestamp, value),
            "shared-thread" => take(&mut self.shared_thread, value),
            _ => {}
        }
    }
}

/// What every stream was told by its properties.
#[derive(Clone, Debug)]
pub(super) struct StreamSettings {
    /// Whether media are sent; control packets are in any case.
    pub(super) sending: bool,
    /// Addresses of ours that are wished for.
    pub(super) preferred: Vec<Candidate>,
    /// Whether the stream is told of packets that can only be its peer's.
    pub(super) associate_on_source: bool,
}

impl Default for StreamSettings {
    fn default() -> Self {
        Self { sending: true, preferred: Vec::new(), associate_on_source: true }
    }
}

impl StreamSettings {
    /// The properties of the base class.
    pub(super) fn properties() -> Vec<glib::ParamSpec> {
        ["sending", "preferred-local-candidates", "associate-on-source"]
            .map(glib::ParamSpecOverride::for_class::<StreamTransmitter>)
            .into()
    }

    /// The value of a property that is kept here.
    pub(super) fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "sending" => self.sending.to_value(),
            "preferred-local-candidates" => CandidateList(self.preferred.clone()).to_value(),
            "associate-on-source" => self.associate_on_source.to_value(),
            _ => return None,
        })
    }

    /// Sets a property that is kept here. No list is an empty one.
    pub(super) fn set(&mut self, name: &str, value: &glib::Value) {
        match name {
            "sending" => take(&mut self.sending, value),
            "preferred-local-candidates" => {
                self.preferred = value.get::<CandidateList>().map(|list| list.0).unwrap_or_default();
            }
            "associate-on-source" => take(&mut self.associate_on_source, value),
            _ => {}
        }
    }
}
