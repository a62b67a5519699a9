//! `FsRawUdpTransmitter`: the bins of a session and the sockets of all its streams.

use std::sync::{Arc, Mutex, OnceLock};

use fs_core::prelude::*;
use fs_core::{Participant, StreamTransmitter, Transmitter};
use glib::prelude::*;
use glib::subclass::prelude::*;

use super::binding::{self, Slot};
use super::candidates::Preference;
use super::port::Port;
use super::source::Sources;
use super::{RawUdpStreamTransmitter, lock};
use crate::transmitter::component::Bins;
use crate::transmitter::parameters;

/// A port with the number of streams that use it.
struct Shared {
    port: Arc<Port>,
    users: usize,
}

struct Settings {
    components: u32,
    tos: u32,
    do_timestamp: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { components: 1, tos: 0, do_timestamp: true }
    }
}

/// Private part of [`super::RawUdpTransmitter`].
#[derive(Default)]
pub struct RawUdpTransmitter {
    settings: Mutex<Settings>,
    bins: OnceLock<Bins>,
    sources: Arc<Sources>,
    ports: Mutex<Vec<Shared>>,
}

impl RawUdpTransmitter {
    /// How many components there are.
    pub(super) fn components(&self) -> u32 {
        lock(&self.settings).components
    }

    /// The remote addresses of all streams.
    pub(super) fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Opens one port for each component, or shares those that another stream has for the same wish.
    ///
    /// # Errors
    /// `NETWORK` when nothing can be bound, `CONSTRUCTION` when elements are missing.
    pub(super) fn open_ports(&self, preferences: &[Preference]) -> Result<Vec<Arc<Port>>, glib::Error> {
        let (do_timestamp, tos) = {
            let settings = lock(&self.settings);
            (settings.do_timestamp, settings.tos)
        };
        let bins = self.bins()?;
        let mut ports = lock(&self.ports);
        let slots = binding::find(preferences, |component, asked, number| {
            let fits =
                |s: &&Shared| s.port.serves(component, asked) && number.is_none_or(|n| s.port.number() == n);
            let shared = ports.iter().find(fits)?;
            Some((shared.port.clone(), shared.port.number()))
        })?;
        let mut opened = Vec::new();
        for ((slot, preference), component) in slots.into_iter().zip(preferences).zip(1u32..) {
            let port = match slot {
                Slot::Open(port) => port,
                Slot::New(socket) => {
                    match Port::open(component, *preference, socket, bins, &self.sources, do_timestamp) {
                        Ok(port) => {
                            port.set_tos(tos);
                            Arc::new(port)
                        }
                        Err(error) => {
                            drop(ports);
                            self.close_ports(opened);
                            return Err(error);
                        }
                    }
                }
            };
            match ports.iter_mut().find(|s| Arc::ptr_eq(&s.port, &port)) {
                Some(shared) => shared.users += 1,
                None => ports.push(Shared { port: port.clone(), users: 1 }),
            }
            opened.push(port);
        }
        Ok(opened)
    }

    /// Gives ports back; those that no stream uses any more are closed.
    pub(super) fn close_ports(&self, closing: Vec<Arc<Port>>) {
        let mut unused = Vec::new();
        {
            let mut ports = lock(&self.ports);
            for port in closing {
                let Some(i) = ports.iter().position(|s| Arc::ptr_eq(&s.port, &port)) else { continue };
                ports[i].users -= 1;
                if ports[i].users == 0 {
                    unused.push(ports.remove(i).port);
                }
            }
        }
        if let Some(bins) = self.bins.get() {
            unused.iter().for_each(|port| port.close(bins));
        }
    }

    fn bins(&self) -> Result<&Bins, glib::Error> {
        self.bins.get().ok_or_else(|| {
            glib::Error::new(fs_core::Error::Construction, "the rawudp transmitter was not fully constructed")
        })
    }
}

#[glib::object_subclass]
impl ObjectSubclass for RawUdpTransmitter {
    const NAME: &'static str = "FsRawUdpTransmitter";
    const ALLOW_NAME_CONFLICT: bool = true;
    type Type = super::RawUdpTransmitter;
    type ParentType = Transmitter;
}

impl ObjectImpl for RawUdpTransmitter {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: OnceLock<Vec<glib::ParamSpec>> = OnceLock::new();
        PROPERTIES.get_or_init(|| {
            ["gst-src", "gst-sink", "components", "tos", "do-timestamp"]
                .map(glib::ParamSpecOverride::for_class::<Transmitter>)
                .into()
        })
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let bin = |pick: fn(&Bins) -> &gst::Bin| {
            self.bins.get().map(pick).cloned().map(|b| b.upcast::<gst::Element>()).to_value()
        };
        match pspec.name() {
            "gst-src" => bin(|b| &b.src),
            "gst-sink" => bin(|b| &b.sink),
            "components" => lock(&self.settings).components.to_value(),
            "tos" => lock(&self.settings).tos.to_value(),
            "do-timestamp" => lock(&self.settings).do_timestamp.to_value(),
            _ => pspec.default_value().clone(),
        }
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        match (pspec.name(), value.get::<u32>(), value.get::<bool>()) {
            ("components", Ok(components), _) => lock(&self.settings).components = components,
            ("tos", Ok(tos), _) => {
                lock(&self.settings).tos = tos;
                lock(&self.ports).iter().for_each(|shared| shared.port.set_tos(tos));
            }
            ("do-timestamp", _, Ok(do_timestamp)) => lock(&self.settings).do_timestamp = do_timestamp,
            _ => {}
        }
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

    fn dispose(&self) {
        let ports = std::mem::take(&mut *lock(&self.ports));
        if let Some(bins) = self.bins.get() {
            ports.iter().for_each(|shared| shared.port.close(bins));
        }
    }
}

impl TransmitterImpl for RawUdpTransmitter {
    fn new_stream_transmitter(
        &self,
        _participant: Option<&Participant>,
        parameters: &[(String, glib::Value)],
    ) -> Result<StreamTransmitter, glib::Error> {
        let stream: RawUdpStreamTransmitter = parameters::construct("rawudp", parameters)?;
        stream.open(&self.obj())?;
        Ok(stream.upcast())
    }

    fn stream_transmitter_type(&self) -> glib::Type {
        RawUdpStreamTransmitter::static_type()
    }
}
