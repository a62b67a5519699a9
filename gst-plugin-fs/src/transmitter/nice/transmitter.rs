//! `FsNiceTransmitter`: the elements of a session; the agents of its participants.

use std::sync::{Arc, Mutex, OnceLock, Weak};

use fs_core::prelude::*;
use fs_core::{Participant, StreamTransmitter, Transmitter};
use glib::prelude::*;
use glib::subclass::prelude::*;

use super::agent::Agent;
use super::candidate::invalid;
use super::event_loop::EventLoop;
use super::settings::Key;
use super::{NiceStreamTransmitter, ffi, lock};
use crate::transmitter::base::TransmitterSettings;
use crate::transmitter::component::SinkBin;
use crate::transmitter::inlet::{self, Inlet};
use crate::transmitter::parameters;

/// The elements of all streams.
pub(super) struct Elements {
    pub(super) inlet: Inlet,
    pub(super) sinks: SinkBin,
}

/// Private part of [`super::NiceTransmitter`].
#[derive(Default)]
pub struct NiceTransmitter {
    settings: Mutex<TransmitterSettings>,
    elements: OnceLock<Elements>,
    /// The loop in which packets are received, while there are streams.
    home: Mutex<Weak<EventLoop>>,
    streams: Mutex<Vec<glib::WeakRef<NiceStreamTransmitter>>>,
}

impl NiceTransmitter {
    /// How many components there are.
    pub(super) fn components(&self) -> u32 {
        lock(&self.settings).components
    }

    /// The type of service of packets.
    pub(super) fn tos(&self) -> u32 {
        lock(&self.settings).tos
    }

    /// The elements.
    ///
    /// # Errors
    /// `CONSTRUCTION` when construction failed.
    pub(super) fn elements(&self) -> Result<&Elements, glib::Error> {
        self.elements.get().ok_or_else(|| {
            glib::Error::new(fs_core::Error::Construction, "the nice transmitter was not fully constructed")
        })
    }

    fn build(&self) -> Result<Elements, glib::Error> {
        ffi::api()?;
        let inlet = Inlet::new(self.components());
        inlet.set_do_timestamp(lock(&self.settings).do_timestamp);
        Ok(Elements { inlet, sinks: SinkBin::new(self.components())? })
    }

    /// The loop in which packets are received: the one of all agents, or one of its own where what takes the packets may
    /// block.
    ///
    /// # Errors
    /// Those of [`EventLoop::start`].
    pub(super) fn home(&self) -> Result<Arc<EventLoop>, glib::Error> {
        let mut home = lock(&self.home);
        if let Some(running) = home.upgrade() {
            return Ok(running);
        }
        let shared = lock(&self.settings).shared_thread;
        let started = if shared { EventLoop::shared() } else { EventLoop::start() }?;
        *home = Arc::downgrade(&started);
        Ok(started)
    }

    fn apply_tos(&self) {
        let tos = self.tos();
        let streams: Vec<_> = lock(&self.streams).iter().filter_map(glib::WeakRef::upgrade).collect();
        streams.iter().for_each(|stream| stream.imp().set_tos(tos));
    }
}

/// Agents of a participant, kept with it under a key of this copy of the library.
type Kept = Vec<(Key, Weak<Agent>)>;

/// The participant's agent of that kind, made if there is none.
///
/// # Errors
/// Those of [`Agent::new`].
pub(super) fn agent_for(participant: &Participant, key: &Key) -> Result<Arc<Agent>, glib::Error> {
    static QUARK: OnceLock<glib::Quark> = OnceLock::new();
    let quark =
        *QUARK.get_or_init(|| glib::Quark::from_str(format!("fs-nice-agents-{:p}", &raw const QUARK)));
    let _locked = participant.data_lock();
    // SAFETY: data under our key is of this type, and only touched with the participant's data locked.
    let kept = unsafe {
        let there = participant.qdata::<Kept>(quark);
        if there.is_none() {
            participant.set_qdata(quark, Kept::new());
        }
        participant.qdata::<Kept>(quark).map(|mut kept| kept.as_mut())
    };
    let Some(kept) = kept else { return Agent::new(key) };
    kept.retain(|(_, agent)| agent.strong_count() > 0);
    if let Some(agent) = kept.iter().find(|(k, _)| k == key).and_then(|(_, agent)| agent.upgrade()) {
        return Ok(agent);
    }
    let agent = Agent::new(key)?;
    kept.push((key.clone(), Arc::downgrade(&agent)));
    Ok(agent)
}

#[glib::object_subclass]
impl ObjectSubclass for NiceTransmitter {
    const NAME: &'static str = "FsNiceTransmitter";
    const ALLOW_NAME_CONFLICT: bool = true;
    type Type = super::NiceTransmitter;
    type ParentType = Transmitter;
}

impl ObjectImpl for NiceTransmitter {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: OnceLock<Vec<glib::ParamSpec>> = OnceLock::new();
        PROPERTIES.get_or_init(|| {
            let mut list = TransmitterSettings::properties();
            list.push(inlet::shared_thread());
            list
        })
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let elements = self.elements.get();
        match pspec.name() {
            "gst-src" => elements.map(|e| e.inlet.clone().upcast::<gst::Element>()).to_value(),
            "gst-sink" => elements.map(|e| e.sinks.bin.clone().upcast::<gst::Element>()).to_value(),
            _ => lock(&self.settings).get(pspec),
        }
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        lock(&self.settings).set(pspec.name(), value);
        match (pspec.name(), self.elements.get()) {
            ("tos", _) => self.apply_tos(),
            ("do-timestamp", Some(elements)) => {
                elements.inlet.set_do_timestamp(lock(&self.settings).do_timestamp);
            }
            _ => {}
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        match self.build() {
            Ok(elements) => {
                // Runs once for each object.
                let _ = self.elements.set(elements);
            }
            Err(error) => self.set_construction_error(error),
        }
    }
}

impl TransmitterImpl for NiceTransmitter {
    fn new_stream_transmitter(
        &self,
        participant: Option<&Participant>,
        parameters: &[(String, glib::Value)],
    ) -> Result<StreamTransmitter, glib::Error> {
        let participant = participant.ok_or_else(|| invalid("transmitter nice needs a participant"))?;
        let stream: NiceStreamTransmitter = parameters::construct("nice", parameters)?;
        stream.imp().open(&self.obj(), participant)?;
        let mut streams = lock(&self.streams);
        streams.retain(|other| other.upgrade().is_some());
        streams.push(stream.downgrade());
        Ok(stream.upcast())
    }

    fn stream_transmitter_type(&self) -> glib::Type {
        NiceStreamTransmitter::static_type()
    }
}
