//! `FsRawUdpStreamTransmitter`: one stream's local and remote candidates.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use fs_core::StreamTransmitter;
use fs_core::prelude::*;
use fs_proto::{Candidate, CandidateType};
use glib::prelude::*;
use glib::subclass::prelude::*;

use super::candidates::{self, Preference, Remote};
use super::gather::Gathering;
use super::outlet::Destination;
use super::port::Port;
use super::settings::{self, Settings};
use super::source::Known;
use super::{RawUdpTransmitter, interfaces, lock, network};
use crate::transmitter::counters::{self, Counters};
use crate::transmitter::network;

/// The foundations of host candidates: they differ by base (RFC 8445 section 5.1.1.3), that is by address family.
const FOUNDATIONS: [&str; 2] = ["L1", "L2"];

/// One component in use.
pub(super) struct Component {
    pub(super) port: Arc<Port>,
    /// This host's addresses.
    pub(super) hosts: Vec<Candidate>,
    /// The one that is part of the pair: what the peer was told first.
    pub(super) local: Candidate,
    pub(super) remote: Option<Remote>,
    /// The remote address among those of all streams.
    known: Option<Arc<Known>>,
    /// Where its packets go.
    destination: Option<Arc<Destination>>,
    counters: Counters,
    /// From this socket to the STUN server and back.
    pub(super) stun_round_trip: Option<Duration>,
}

impl Component {
    pub(super) fn new(number: u32, port: Arc<Port>, ips: &[IpAddr]) -> Self {
        let reached = ips.iter().filter(|ip| port.reaches(**ip)).zip(FOUNDATIONS);
        let host = |(ip, foundation): (&IpAddr, &str)| {
            Candidate::new(foundation, number, CandidateType::Host, &ip.to_string(), port.number())
        };
        let hosts: Vec<Candidate> = reached.map(host).collect();
        Self {
            local: hosts.first().cloned().unwrap_or_default(),
            hosts,
            remote: None,
            known: None,
            destination: None,
            counters: Counters::default(),
            stun_round_trip: None,
            port,
        }
    }

    /// Goes on where `old` ended, maybe on another port. The old port is given back if it is used no more.
    pub(super) fn resume(
        &mut self,
        old: Self,
        transmitter: &RawUdpTransmitter,
        moves: bool,
    ) -> Option<Arc<Port>> {
        let number = self.local.component_id;
        self.remote = old.remote;
        self.counters = old.counters;
        if !moves {
            self.known = old.known;
            self.destination = old.destination;
            return None;
        }
        if let Some(known) = old.known {
            let sources = transmitter.imp().sources();
            sources.remove(&known);
            let known = Arc::new(known.at(self.port.number()));
            sources.add(&known);
            self.known = Some(known);
        }
        if let (Some(destination), Ok(outlet)) = (old.destination, transmitter.imp().outlet()) {
            outlet.remove(number, &destination);
        }
        Some(old.port)
    }

    /// The component's part of `stats`.
    fn stats(&self) -> gst::Structure {
        let pair = self.remote.as_ref().map(|remote| (&self.local, &remote.candidate));
        self.counters.describe(self.local.component_id, pair, self.stun_round_trip)
    }

    fn address(&self) -> Option<SocketAddr> {
        self.remote.as_ref().and_then(|remote| remote.destination)
    }
}

/// `components` is empty before `open` and after `stop`.
#[derive(Default)]
pub(super) struct State {
    pub(super) transmitter: Option<RawUdpTransmitter>,
    pub(super) components: Vec<Component>,
    pub(super) gathering: Gathering,
}

/// Private part of [`super::RawUdpStreamTransmitter`].
#[derive(Default)]
pub struct RawUdpStreamTransmitter {
    pub(super) settings: Mutex<Settings>,
    pub(super) state: Mutex<State>,
}

impl RawUdpStreamTransmitter {
    /// Binds the sockets; called once, after construction.
    pub(super) fn open(&self, transmitter: &RawUdpTransmitter) -> Result<(), glib::Error> {
        let settings = lock(&self.settings).clone();
        let imp = transmitter.imp();
        let preferences = candidates::preferences(&settings.base.preferred, imp.components())?;
        // Parameters are refused before anything is bound.
        let (range, _, _) = (settings.ports()?, settings.stun_servers()?, settings.gateway()?);
        let ips: Vec<Vec<IpAddr>> = preferences.iter().map(candidate_ips).collect::<Result<_, _>>()?;
        let ports = imp.open_ports(&preferences, &range, settings.buffers)?;
        let mut state = lock(&self.state);
        state.transmitter = Some(transmitter.clone());
        let numbered = (1u32..).zip(ports.into_iter().zip(ips));
        state.components = numbered.map(|(number, (port, ips))| Component::new(number, port, &ips)).collect();
        Ok(())
    }

    /// Puts a remote candidate to use; with `latch` the address of the peer's first packet will take its place. Gives the new
    /// pair if it is another one than before.
    fn point(
        &self,
        transmitter: &RawUdpTransmitter,
        component: &mut Component,
        remote: Remote,
        latch: bool,
    ) -> Option<(Candidate, Candidate)> {
        if component.remote.as_ref() == Some(&remote) {
            return None;
        }
        let sources = transmitter.imp().sources();
        if let Some(known) = component.known.take() {
            sources.remove(&known);
        }
        if let Some(address) = remote.destination {
            let known = Arc::new(Known {
                component: component.local.component_id,
                local_port: component.port.number(),
                address,
                stream: self.obj().downgrade(),
                associate: lock(&self.settings).base.associate_on_source,
                counters: component.counters.clone(),
                latch: latch.into(),
            });
            sources.add(&known);
            component.known = Some(known);
        }
        let pair = (component.local.clone(), remote.candidate.clone());
        component.remote = Some(remote);
        Some(pair)
    }

    /// Makes the packets of each component go where they should. `sending` governs the first component only:
    /// control packets go on. With `send-component-mux` they go the way of the first (RFC 5761).
    pub(super) fn route(&self, state: &mut State) {
        let Some(transmitter) = &state.transmitter else { return };
        let Ok(outlet) = transmitter.imp().outlet() else { return };
        let (sending, mux) = {
            let settings = lock(&self.settings);
            (settings.base.sending, settings.send_component_mux)
        };
        let first = state.components.first().map(|c| (c.port.clone(), c.address()));
        for component in &mut state.components {
            let number = component.local.component_id;
            let (port, address) = match &first {
                Some((port, address)) if mux && number > 1 => (port.clone(), *address),
                _ => (component.port.clone(), component.address().filter(|_| sending || number > 1)),
            };
            let same = component.destination.as_ref().map(|d| d.key()) == address.map(|a| (port.number(), a));
            if same {
                continue;
            }
            if let Some(old) = component.destination.take() {
                outlet.remove(number, &old);
            }
            component.destination = address.map(|a| Destination::new(port.socket(), a, &component.counters));
            if let Some(new) = &component.destination {
                outlet.add(number, new);
            }
        }
    }

    /// The first packet for the component since its remote candidate was forced came from elsewhere: there is a NAT in the
    /// way, and packets go back through it (symmetric RTP, RFC 4961).
    pub(super) fn latch(&self, number: u32, from: SocketAddr) {
        let (transmitter, pair) = {
            let mut state = lock(&self.state);
            let Some(transmitter) = state.transmitter.clone() else { return };
            let Some(component) = state.components.iter_mut().find(|c| c.local.component_id == number) else {
                return;
            };
            let candidate =
                Candidate::new("P1", number, CandidateType::Prflx, &from.ip().to_string(), from.port());
            let remote = Remote { candidate, destination: Some(from) };
            let pair = self.point(&transmitter, component, remote, false);
            self.route(&mut state);
            (transmitter, pair.filter(|_| state.gathering.told))
        };
        ask_for_key_frame(&transmitter, &[number]);
        if let Some((local, remote)) = pair {
            self.obj().emit_new_active_candidate_pair(&local, &remote);
        }
    }

    fn stats(&self) -> gst::Structure {
        counters::stats(lock(&self.state).components.iter().map(Component::stats))
    }

    fn set_sending(&self, sending: bool) {
        let transmitter = {
            let mut state = lock(&self.state);
            if std::mem::replace(&mut lock(&self.settings).base.sending, sending) == sending {
                return;
            }
            self.route(&mut state);
            let sends = state.components.first().is_some_and(|c| c.destination.is_some());
            state.transmitter.clone().filter(|_| sends)
        };
        if let Some(transmitter) = transmitter {
            ask_for_key_frame(&transmitter, &[1]);
        }
    }

    fn set_send_component_mux(&self, mux: bool) {
        let mut state = lock(&self.state);
        lock(&self.settings).send_component_mux = mux;
        self.route(&mut state);
    }

    fn close(&self) {
        let (transmitter, mut components) = {
            let mut state = lock(&self.state);
            state.gathering = Gathering::default();
            (state.transmitter.take(), std::mem::take(&mut state.components))
        };
        let Some(transmitter) = transmitter else { return };
        for component in &mut components {
            if let Some(known) = component.known.take() {
                transmitter.imp().sources().remove(&known);
            }
            if let (Some(old), Ok(outlet)) = (component.destination.take(), transmitter.imp().outlet()) {
                outlet.remove(component.local.component_id, &old);
            }
        }
        transmitter.imp().close_ports(components.into_iter().map(|c| c.port).collect());
    }
}

/// Somebody new gets the packets of these components. Call it with no lock held.
fn ask_for_key_frame(transmitter: &RawUdpTransmitter, components: &[u32]) {
    if let Ok(outlet) = transmitter.imp().outlet() {
        components.iter().for_each(|number| outlet.ask_for_key_frame(*number));
    }
}

/// The addresses to tell the peer: the one asked for, else this host's.
pub(super) fn candidate_ips(preference: &Preference) -> Result<Vec<IpAddr>, glib::Error> {
    let ips = preference.ip.map_or_else(interfaces::host_addresses, |ip| vec![ip]);
    if ips.is_empty() {
        return Err(network("this host has no IP address: no interface is up"));
    }
    Ok(ips)
}

/// The remote candidates to use: where a component has several, the first with a route counts.
fn reachable(
    components: &[Component],
    remotes: Vec<(usize, Remote)>,
) -> Result<Vec<(usize, Remote)>, glib::Error> {
    for (index, remote) in &remotes {
        check_family(&components[*index], remote)?;
    }
    let mut kept: Vec<(usize, Remote)> = Vec::new();
    let mut refused: Vec<(usize, glib::Error)> = Vec::new();
    for (index, remote) in remotes {
        match check_route(&components[index], &remote) {
            Ok(()) if kept.iter().any(|(known, _)| *known == index) => {}
            Ok(()) => kept.push((index, remote)),
            Err(error) => refused.push((index, error)),
        }
    }
    let lost = |(index, _): &(usize, glib::Error)| !kept.iter().any(|(known, _)| known == index);
    match refused.into_iter().find(lost) {
        Some((_, error)) => Err(error),
        None => Ok(kept),
    }
}

fn check_family(component: &Component, remote: &Remote) -> Result<(), glib::Error> {
    match remote.destination {
        Some(address) if !component.port.reaches(address.ip()) => Err(candidates::invalid(&format!(
            "the remote candidate {address} for component {} is of another address family than the local candidate {}",
            component.local.component_id, component.local.ip
        ))),
        _ => Ok(()),
    }
}

fn check_route(component: &Component, remote: &Remote) -> Result<(), glib::Error> {
    let Some(address) = remote.destination else { return Ok(()) };
    component.port.socket().check_route(address).map_err(|e| {
        let (number, local) = (component.local.component_id, &component.local.ip);
        network(&format!(
            "the remote candidate {address} for component {number} cannot be reached from {local}: {e}"
        ))
    })
}

pub(super) fn stopped() -> glib::Error {
    glib::Error::new(fs_core::Error::Disposed, "this rawudp stream transmitter was stopped")
}

#[glib::object_subclass]
impl ObjectSubclass for RawUdpStreamTransmitter {
    const NAME: &'static str = "FsRawUdpStreamTransmitter";
    const ALLOW_NAME_CONFLICT: bool = true;
    type Type = super::RawUdpStreamTransmitter;
    type ParentType = StreamTransmitter;
}

impl ObjectImpl for RawUdpStreamTransmitter {
    fn signals() -> &'static [glib::subclass::Signal] {
        static SIGNALS: OnceLock<Vec<glib::subclass::Signal>> = OnceLock::new();
        SIGNALS.get_or_init(network::signals)
    }

    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: OnceLock<Vec<glib::ParamSpec>> = OnceLock::new();
        PROPERTIES.get_or_init(settings::properties)
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "stats" => self.stats().to_value(),
            name => lock(&self.settings).get(name).unwrap_or_else(|| pspec.default_value().clone()),
        }
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        match (pspec.name(), value.get::<bool>()) {
            ("sending", Ok(sending)) => self.set_sending(sending),
            ("send-component-mux", Ok(mux)) => self.set_send_component_mux(mux),
            (name, _) => lock(&self.settings).set(name, value),
        }
    }

    fn dispose(&self) {
        self.close();
    }
}

impl StreamTransmitterImpl for RawUdpStreamTransmitter {
    fn add_remote_candidates(&self, _candidates: &[Candidate]) -> Result<(), glib::Error> {
        Err(glib::Error::new(
            fs_core::Error::NotImplemented,
            "rawudp negotiates no candidates: use force_remote_candidates",
        ))
    }

    fn force_remote_candidates(&self, candidates: &[Candidate]) -> Result<(), glib::Error> {
        let (mut pairs, mut components) = (Vec::new(), Vec::new());
        let transmitter = {
            let mut state = lock(&self.state);
            let transmitter = state.transmitter.clone().ok_or_else(stopped)?;
            let remotes = candidates::remotes(candidates, transmitter.imp().components())?;
            let remotes = reachable(&state.components, remotes)?;
            let (told, latch) = (state.gathering.told, lock(&self.settings).symmetric_rtp);
            for (index, remote) in remotes {
                let component = &mut state.components[index];
                let Some(pair) = self.point(&transmitter, component, remote, latch) else { continue };
                components.push(component.local.component_id);
                if told {
                    pairs.push(pair);
                }
            }
            self.route(&mut state);
            transmitter
        };
        ask_for_key_frame(&transmitter, &components);
        for (local, remote) in pairs {
            self.obj().emit_new_active_candidate_pair(&local, &remote);
        }
        Ok(())
    }

    fn gather_local_candidates(&self) -> Result<(), glib::Error> {
        self.gather()
    }

    fn stop(&self) {
        self.close();
    }
}
