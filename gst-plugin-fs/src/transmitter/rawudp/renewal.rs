//! Another network in a call: candidates, and sockets where the old ones are bound to an address that is gone.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use glib::prelude::*;
use glib::subclass::prelude::*;

use super::gather::Gathering;
use super::io::{Handler, Loop, Reason, Registration};
use super::pace::Found;
use super::port::Port;
use super::settings::Settings;
use super::socket::Batch;
use super::stream::{Component, RawUdpStreamTransmitter, State, candidate_ips};
use super::{CAT, RawUdpTransmitter, candidates, lock};
use crate::transmitter::network::{self, QUIET, Watch};

impl RawUdpStreamTransmitter {
    /// Addresses of this host came or went; called in the thread of the loop, with nothing locked.
    pub(super) fn network_changed(&self, now: &[IpAddr]) {
        let settings = lock(&self.settings).clone();
        let (transmitter, unused) = {
            let mut state = lock(&self.state);
            let Some(transmitter) = state.transmitter.clone() else { return };
            let hosts = state.components.iter().flat_map(|c| &c.hosts);
            let told: Vec<IpAddr> = hosts.filter_map(|c| c.ip.parse().ok()).collect();
            if !network::is_another(&told, now) {
                return;
            }
            let unused = match self.renew(&transmitter, &mut state, &settings, now) {
                Ok(unused) => unused,
                Err(e) => return gst::warning!(CAT, "the network changed, but {e}"),
            };
            state.gathering = Gathering::again();
            self.route(&mut state);
            (transmitter, unused)
        };
        gst::info!(CAT, "the network changed: gathering again");
        transmitter.imp().close_ports(unused);
        if let Err(e) = self.gather() {
            gst::warning!(CAT, "the network changed, but {e}");
        }
    }

    /// Gives the components their new addresses; answers with the ports that are used no more.
    fn renew(
        &self,
        transmitter: &RawUdpTransmitter,
        state: &mut State,
        settings: &Settings,
        now: &[IpAddr],
    ) -> Result<Vec<Arc<Port>>, glib::Error> {
        let imp = transmitter.imp();
        let mut preferences = candidates::preferences(&settings.base.preferred, imp.components())?;
        let mut moves = false;
        for preference in &mut preferences {
            if preference.ip.is_some_and(|ip| !now.contains(&ip)) {
                preference.ip = None;
                moves = true;
            }
        }
        let ips: Vec<Vec<IpAddr>> = preferences.iter().map(candidate_ips).collect::<Result<_, _>>()?;
        let ports = if moves {
            imp.open_ports(&preferences, &settings.ports()?, settings.buffers)?
        } else {
            state.components.iter().map(|c| c.port.clone()).collect()
        };
        let mut unused = Vec::new();
        for (component, (port, ips)) in state.components.iter_mut().zip(ports.into_iter().zip(ips)) {
            let number = component.local.component_id;
            let old = std::mem::replace(component, Component::new(number, port, &ips));
            component.resume(old, transmitter, moves).into_iter().for_each(|port| unused.push(port));
        }
        Ok(unused)
    }
}

impl RawUdpTransmitter {
    fn network_changed(&self) {
        let now = network::addresses();
        self.imp().streams().iter().for_each(|stream| stream.imp().network_changed(&now));
    }
}

/// Hears of addresses in the thread of a transmitter's loop.
pub(super) struct Watcher {
    watch: Watch,
    transmitter: glib::WeakRef<RawUdpTransmitter>,
    registration: OnceLock<Weak<Registration>>,
}

impl Watcher {
    /// Watches for a transmitter for as long as the registration lives; `None` where the system does not tell.
    pub(super) fn start(home: &Arc<Loop>, transmitter: &RawUdpTransmitter) -> Option<Arc<Registration>> {
        let watch = match Watch::open() {
            Ok(watch) => watch,
            Err(e) => {
                gst::warning!(CAT, "changes of the network are not noticed: {e}");
                return None;
            }
        };
        let transmitter = transmitter.downgrade();
        let watcher = Arc::new(Self { watch, transmitter, registration: OnceLock::new() });
        let registration = Arc::new(home.register(&watcher.watch, watcher.clone()));
        // This is the only place that sets it.
        watcher.registration.set(Arc::downgrade(&registration)).unwrap_or_default();
        registration.read(Reason::Answer, true);
        Some(registration)
    }
}

impl Handler for Watcher {
    fn readable(&self, _batch: &mut Batch) -> Found {
        self.watch.drain();
        if let Some(registration) = self.registration.get().and_then(Weak::upgrade) {
            registration.wake_at(Instant::now() + QUIET);
        }
        Found::default()
    }

    fn due(&self, _now: Instant) -> Option<Instant> {
        if let Some(transmitter) = self.transmitter.upgrade() {
            transmitter.network_changed();
        }
        None
    }
}
