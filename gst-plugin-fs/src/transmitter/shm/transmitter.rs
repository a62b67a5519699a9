//! `FsShmTransmitter`: the bins of a session.

use std::sync::{Mutex, OnceLock};

use fs_core::prelude::*;
use fs_core::{Participant, StreamTransmitter, Transmitter};
use glib::prelude::*;
use glib::subclass::prelude::*;

use super::{ShmStreamTransmitter, lock};
use crate::transmitter::base::TransmitterSettings;
use crate::transmitter::component::Bins;
use crate::transmitter::parameters;

/// Private part of [`super::ShmTransmitter`].
#[derive(Default)]
pub struct ShmTransmitter {
    settings: Mutex<TransmitterSettings>,
    bins: OnceLock<Bins>,
}

impl ShmTransmitter {
    /// How many components there are.
    pub(super) fn components(&self) -> u32 {
        lock(&self.settings).components
    }

    /// Whether packets received get the time of their arrival.
    pub(super) fn do_timestamp(&self) -> bool {
        lock(&self.settings).do_timestamp
    }

    /// The bins.
    ///
    /// # Errors
    /// `CONSTRUCTION` when construction failed.
    pub(super) fn bins(&self) -> Result<&Bins, glib::Error> {
        self.bins.get().ok_or_else(|| {
            glib::Error::new(fs_core::Error::Construction, "the shm transmitter was not fully constructed")
        })
    }
}

#[glib::object_subclass]
impl ObjectSubclass for ShmTransmitter {
    const NAME: &'static str = "FsShmTransmitter";
    const ALLOW_NAME_CONFLICT: bool = true;
    type Type = super::ShmTransmitter;
    type ParentType = Transmitter;
}

impl ObjectImpl for ShmTransmitter {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: OnceLock<Vec<glib::ParamSpec>> = OnceLock::new();
        PROPERTIES.get_or_init(TransmitterSettings::properties)
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let bin = |pick: fn(&Bins) -> &gst::Bin| {
            self.bins.get().map(pick).cloned().map(|b| b.upcast::<gst::Element>()).to_value()
        };
        match pspec.name() {
            "gst-src" => bin(|b| &b.src),
            "gst-sink" => bin(|b| &b.sink),
            _ => lock(&self.settings).get(pspec),
        }
    }

    /// There is no network whose type of service `tos` could be.
    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        lock(&self.settings).set(pspec.name(), value);
    }

    fn constructed(&self) {
        self.parent_constructed();
        match Bins::new(self.components()) {
            Ok(bins) => {
                // Runs once for each object.
                let _ = self.bins.set(bins);
            }
            Err(error) => self.set_construction_error(error),
        }
    }
}

impl TransmitterImpl for ShmTransmitter {
    fn new_stream_transmitter(
        &self,
        _participant: Option<&Participant>,
        parameters: &[(String, glib::Value)],
    ) -> Result<StreamTransmitter, glib::Error> {
        let stream: ShmStreamTransmitter = parameters::construct("shm", parameters)?;
        stream.open(&self.obj())?;
        Ok(stream.upcast())
    }

    fn stream_transmitter_type(&self) -> glib::Type {
        ShmStreamTransmitter::static_type()
    }
}
