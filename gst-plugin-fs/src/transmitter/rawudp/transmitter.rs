//! `FsRawUdpTransmitter`: the bins of a session and the sockets of all its streams.

use std::sync::{Arc, Mutex, OnceLock, Weak};

use fs_core::prelude::*;
use fs_core::{Participant, StreamTransmitter, Transmitter};
use glib::prelude::*;
use glib::subclass::prelude::*;

use super::binding::{self, Ports, Slot, Wish};
use super::candidates::Preference;
use super::io::{Loop, Registration};
use super::outlet::Outlet;
use super::port::Port;
use super::renewal::Watcher;
use super::socket::BufferSizes;
use super::source::Sources;
use super::{CAT, RawUdpStreamTransmitter, lock};
use crate::transmitter::base::TransmitterSettings;
use crate::transmitter::inlet::{self, Inlet};
use crate::transmitter::parameters;

/// A port with the number of streams that use it.
struct Shared {
    port: Arc<Port>,
    users: usize,
}

/// The elements of all streams.
struct Elements {
    inlet: Inlet,
    outlet: Outlet,
}

/// Private part of [`super::RawUdpTransmitter`].
#[derive(Default)]
pub struct RawUdpTransmitter {
    settings: Mutex<TransmitterSettings>,
    elements: OnceLock<Elements>,
    sources: Arc<Sources>,
    ports: Mutex<Vec<Shared>>,
    /// The loop that the sockets are in, while there are any.
    home: Mutex<Weak<Loop>>,
    streams: Mutex<Vec<glib::WeakRef<RawUdpStreamTransmitter>>>,
    /// Hears of changes of the network while there are ports.
    watch: Mutex<Option<Arc<Registration>>>,
}

impl RawUdpTransmitter {
    /// How many components there are.
    pub(super) fn components(&self) -> u32 {
        lock(&self.settings).components
    }

    /// The remote addresses of all streams.
    pub(super) fn sources(&self) -> &Arc<Sources> {
        &self.sources
    }

    /// The element that sends.
    ///
    /// # Errors
    /// `CONSTRUCTION` when the transmitter was not fully constructed.
    pub(super) fn outlet(&self) -> Result<&Outlet, glib::Error> {
        self.elements().map(|elements| &elements.outlet)
    }

    /// The streams there are.
    pub(super) fn streams(&self) -> Vec<RawUdpStreamTransmitter> {
        lock(&self.streams).iter().filter_map(glib::WeakRef::upgrade).collect()
    }

    /// Opens one port for each component, or shares those that another stream has for the same wish.
    ///
    /// # Errors
    /// `NETWORK` when nothing can be bound, `INTERNAL` when the system has no thread or no descriptor left.
    pub(super) fn open_ports(
        &self,
        preferences: &[Preference],
        range: &Ports,
        sizes: BufferSizes,
    ) -> Result<Vec<Arc<Port>>, glib::Error> {
        let tos = lock(&self.settings).tos;
        let inlet = &self.elements()?.inlet;
        let home = self.home()?;
        let wish = |preference: &Preference| Wish { preference: *preference, ports: range.clone() };
        let mut ports = lock(&self.ports);
        let slots = binding::find(preferences, range, |component, asked, number| {
            let asked = wish(asked);
            let fits =
                |s: &&Shared| s.port.serves(component, &asked) && number.is_none_or(|n| s.port.number() == n);
            let shared = ports.iter().find(fits)?;
            Some((shared.port.clone(), shared.port.number()))
        })?;
        let mut opened = Vec::new();
        for ((slot, preference), component) in slots.into_iter().zip(preferences).zip(1u32..) {
            let port = match slot {
                Slot::Open(port) => port,
                Slot::New(socket) => {
                    if let Err(e) = socket.set_buffer_sizes(sizes) {
                        gst::warning!(CAT, "cannot set the buffers of port {}: {e}", socket.port());
                    }
                    let port = Port::open(component, wish(preference), socket, &home, inlet, &self.sources);
                    port.set_tos(tos);
                    Arc::new(port)
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

    fn home(&self) -> Result<Arc<Loop>, glib::Error> {
        let mut home = lock(&self.home);
        if let Some(running) = home.upgrade() {
            return Ok(running);
        }
        let started = if lock(&self.settings).shared_thread { Loop::shared() } else { Loop::start() };
        let started = started.map_err(|e| {
            let text = format!("cannot start the thread that waits for UDP sockets: {e}");
            glib::Error::new(fs_core::Error::Internal, &text)
        })?;
        *home = Arc::downgrade(&started);
        Ok(started)
    }

    /// Gives ports back; those that no stream uses any more are closed.
    pub(super) fn close_ports(&self, closing: Vec<Arc<Port>>) {
        let (mut unused, mut watch) = (Vec::new(), None);
        {
            let mut ports = lock(&self.ports);
            for port in closing {
                let Some(i) = ports.iter().position(|s| Arc::ptr_eq(&s.port, &port)) else { continue };
                ports[i].users -= 1;
                if ports[i].users == 0 {
                    unused.push(ports.remove(i).port);
                }
            }
            if ports.is_empty() {
                watch = lock(&self.watch).take();
            }
        }
        unused.iter().for_each(|port| port.close());
        drop(watch);
    }

    #[cfg(test)]
    pub(super) fn sockets(&self) -> Vec<Arc<super::socket::Socket>> {
        lock(&self.ports).iter().map(|shared| shared.port.socket().clone()).collect()
    }

    fn elements(&self) -> Result<&Elements, glib::Error> {
        self.elements.get().ok_or_else(|| {
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
            let mut list = TransmitterSettings::properties();
            list.push(inlet::shared_thread());
            list
        })
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let elements = self.elements.get();
        match pspec.name() {
            "gst-src" => elements.map(|e| e.inlet.clone().upcast::<gst::Element>()).to_value(),
            "gst-sink" => elements.map(|e| e.outlet.clone().upcast::<gst::Element>()).to_value(),
            _ => lock(&self.settings).get(pspec),
        }
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        lock(&self.settings).set(pspec.name(), value);
        match (pspec.name(), self.elements.get()) {
            ("tos", _) => {
                let tos = lock(&self.settings).tos;
                lock(&self.ports).iter().for_each(|shared| shared.port.set_tos(tos));
            }
            ("do-timestamp", Some(elements)) => {
                elements.inlet.set_do_timestamp(lock(&self.settings).do_timestamp);
            }
            _ => {}
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        let inlet = Inlet::new(self.components());
        inlet.set_do_timestamp(lock(&self.settings).do_timestamp);
        let outlet = Outlet::new(self.components());
        // Runs once for each object.
        let _ = self.elements.set(Elements { inlet, outlet });
    }

    fn dispose(&self) {
        let ports = std::mem::take(&mut *lock(&self.ports));
        ports.iter().for_each(|shared| shared.port.close());
        drop(lock(&self.watch).take());
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
        {
            let mut streams = lock(&self.streams);
            streams.retain(|other| other.upgrade().is_some());
            streams.push(stream.downgrade());
        }
        let mut watch = lock(&self.watch);
        if watch.is_none() {
            *watch = Watcher::start(&self.home()?, &self.obj());
        }
        Ok(stream.upcast())
    }

    fn stream_transmitter_type(&self) -> glib::Type {
        RawUdpStreamTransmitter::static_type()
    }
}
