//! Local candidates: those of this host are known at once, those that others have to tell are waited for, but not long.
//!
//! STUN servers and gateways are asked only on request. What they tell comes before the addresses of this host, because a
//! client that takes one candidate a component takes the first. Who does not answer in [`STUN_PATIENCE`] or
//! [`GATEWAY_PATIENCE`] holds nothing up: this host's addresses are told then and the gathering is over; an answer that
//! comes later is told as one more candidate.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fs_core::prelude::*;
use fs_proto::{Candidate, CandidateType};
use glib::subclass::prelude::*;

use super::mapping::{Mapper, Request, Told};
use super::port::Port;
use super::stream::{RawUdpStreamTransmitter, State, stopped};
use super::{CAT, lock, stun};
use crate::transmitter::network;

/// Two requests and their answers, were they a second on their way.
const STUN_PATIENCE: Duration = Duration::from_millis(1500);
/// A gateway is near, and answers at once when it is asked by itself; what is searched in a group may take longer and then
/// comes as one more candidate. If it was found but is slow to map, it has until `upnp-discovery-timeout`.
const GATEWAY_PATIENCE: Duration = Duration::from_millis(300);

/// Where the gathering stands.
#[derive(Default)]
pub(super) struct Gathering {
    begun: bool,
    /// The candidates of this host are being told, or were.
    telling: bool,
    /// All of them were told. Pairs are told from now on, so that nobody sends before it is known whereto: a handler may
    /// force one remote candidate for each local one.
    pub(super) told: bool,
    /// Questions without answer.
    open: usize,
    /// Until when this host's candidates wait for the others.
    hold: Option<Instant>,
    /// What others told; the better ones first.
    outside: Vec<Candidate>,
    mapper: Option<Mapper>,
    /// The peer was told others before.
    again: bool,
}

impl Gathering {
    /// Another gathering in a call.
    pub(super) fn again() -> Self {
        Self { again: true, ..Self::default() }
    }
}

impl RawUdpStreamTransmitter {
    /// Tells the local candidates, once, and then the pairs of remote candidates that came before.
    pub(super) fn gather(&self) -> Result<(), glib::Error> {
        let settings = lock(&self.settings).clone();
        let (servers, gateway) = (settings.stun_servers()?, settings.gateway()?);
        let now = Instant::now();
        let (ports, sockets) = {
            let mut state = lock(&self.state);
            if state.transmitter.is_none() {
                return Err(stopped());
            }
            if std::mem::replace(&mut state.gathering.begun, true) {
                return Ok(());
            }
            let ports: Vec<Arc<Port>> = state.components.iter().map(|c| c.port.clone()).collect();
            let stun = if servers.is_empty() { 0 } else { ports.len() };
            let gateways = usize::from(settings.upnp_discovery);
            state.gathering.open = stun + gateways;
            let patience = [(stun, STUN_PATIENCE.min(settings.stun_timeout())), (gateways, GATEWAY_PATIENCE)];
            let longest = patience.iter().filter(|(open, _)| *open > 0).map(|(_, wait)| *wait).max();
            state.gathering.hold = longest.map(|wait| now + wait);
            let socket = |c: &Candidate| Some(SocketAddr::new(c.ip.parse().ok()?, c.port));
            let sockets =
                state.components.iter().filter_map(|c| Some((c.local.component_id, socket(&c.local)?)));
            (ports, sockets.collect())
        };
        if !servers.is_empty() {
            for (number, port) in (1u32..).zip(&ports) {
                self.ask(number, port, &servers, settings.stun_timeout());
            }
        }
        if settings.upnp_mapping || settings.upnp_discovery {
            let (life, patience) = settings.mapping_times();
            self.map(Request { sockets, life, patience, gateway });
        }
        let hold = lock(&self.state).gathering.hold;
        if let (Some(hold), Some(first)) = (hold, ports.first()) {
            self.proceed_at(first, hold);
        }
        self.proceed();
        Ok(())
    }

    fn proceed_at(&self, port: &Port, when: Instant) {
        let weak = self.obj().downgrade();
        port.call_at(when, move || {
            if let Some(stream) = weak.upgrade() {
                stream.imp().proceed();
            }
        });
    }

    fn ask(&self, number: u32, port: &Port, servers: &[SocketAddr], patience: Duration) {
        let servers: Vec<SocketAddr> = servers.iter().copied().filter(|s| port.reaches(s.ip())).collect();
        let weak = self.obj().downgrade();
        port.ask(&servers, patience, move |answer| {
            if let Some(stream) = weak.upgrade() {
                stream.imp().answered(number, answer);
            }
        });
    }

    fn answered(&self, number: u32, answer: Option<stun::Answer>) {
        {
            let mut state = lock(&self.state);
            state.gathering.open = state.gathering.open.saturating_sub(1);
            let component = state.components.iter_mut().find(|c| c.local.component_id == number);
            match (component, &answer) {
                (Some(component), Some(answer)) => {
                    gst::debug!(CAT, "component {number}: {} sees {}", answer.server, answer.mapped);
                    component.stun_round_trip = answer.round_trip;
                }
                _ => gst::warning!(CAT, "component {number}: no STUN server answers"),
            }
        }
        match answer {
            Some(answer) => self.add_outside(number, CandidateType::Srflx, "S1", answer.mapped),
            None => self.proceed(),
        }
    }

    fn map(&self, request: Request) {
        let weak = self.obj().downgrade();
        let start = Instant::now();
        let patience = request.patience;
        let started = Mapper::start(request, move |told| {
            if let Some(stream) = weak.upgrade() {
                stream.imp().mapping(told, start + patience);
            }
        });
        match started {
            Ok(mapper) => lock(&self.state).gathering.mapper = Some(mapper),
            Err(e) => {
                gst::warning!(CAT, "no thread to ask a gateway: {e}");
                self.mapping(Told::Done, start);
            }
        }
    }

    /// A gateway, or who looks for it, has something to say.
    fn mapping(&self, told: Told, end: Instant) {
        let discovery = lock(&self.settings).upnp_discovery;
        match told {
            _ if !discovery => {}
            Told::Gateway => {
                let port = {
                    let mut state = lock(&self.state);
                    state.gathering.hold = state.gathering.hold.max(Some(end));
                    state.components.first().map(|c| c.port.clone())
                };
                if let Some(port) = port {
                    self.proceed_at(&port, end);
                }
            }
            Told::Mapped(number, outside) => self.add_outside(number, CandidateType::Host, "M1", outside),
            Told::Done => {
                {
                    let mut state = lock(&self.state);
                    state.gathering.open = state.gathering.open.saturating_sub(1);
                }
                self.proceed();
            }
        }
    }

    /// Adds an address under which the component is reached from outside.
    fn add_outside(&self, number: u32, kind: CandidateType, foundation: &str, outside: SocketAddr) {
        let late = {
            let mut state = lock(&self.state);
            let Some(component) = state.components.iter().find(|c| c.local.component_id == number) else {
                return;
            };
            let same_family =
                |c: &&Candidate| c.ip.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv4() == outside.is_ipv4());
            let Some(base) = component.hosts.iter().find(same_family) else { return };
            let candidate = Candidate {
                base_ip: base.ip.clone(),
                base_port: base.port,
                ..Candidate::new(foundation, number, kind, &outside.ip().to_string(), outside.port())
            };
            let same = |c: &Candidate| (&c.ip, c.port) == (&candidate.ip, candidate.port);
            let known = component.hosts.iter().any(same)
                || state.gathering.outside.iter().any(|c| c.component_id == number && same(c));
            if !known {
                // What a STUN server saw is what the peer sees; that goes before what a gateway says.
                let at = if kind == CandidateType::Srflx { 0 } else { state.gathering.outside.len() };
                state.gathering.outside.insert(at, candidate.clone());
            }
            (state.gathering.telling && !known).then_some(candidate)
        };
        match late {
            Some(candidate) => self.obj().emit_new_local_candidate(&candidate),
            None => self.proceed(),
        }
    }

    /// Tells the candidates if all are there or have waited long enough.
    pub(super) fn proceed(&self) {
        let (locals, again) = {
            let mut state = lock(&self.state);
            let waited = state.gathering.hold.is_none_or(|hold| hold <= Instant::now());
            let ready = state.gathering.begun && (state.gathering.open == 0 || waited);
            if state.gathering.telling || !ready || state.transmitter.is_none() {
                return;
            }
            state.gathering.telling = true;
            (sorted(&mut state), state.gathering.again)
        };
        let obj = self.obj();
        locals.iter().for_each(|local| obj.emit_new_local_candidate(local));
        obj.emit_local_candidates_prepared();
        let pairs: Vec<_> = {
            let mut state = lock(&self.state);
            state.gathering.told = true;
            let pair = |c: &super::stream::Component| {
                c.remote.as_ref().map(|remote| (c.local.clone(), remote.candidate.clone()))
            };
            state.components.iter().filter_map(pair).collect()
        };
        pairs.iter().for_each(|(local, remote)| obj.emit_new_active_candidate_pair(local, remote));
        if again {
            network::ask_for_offer(&*obj, locals);
        }
    }
}

/// All candidates, component by component, the best one of each first; it becomes the component's own.
fn sorted(state: &mut State) -> Vec<Candidate> {
    let mut all = Vec::new();
    for component in &mut state.components {
        let number = component.local.component_id;
        let outside = state.gathering.outside.iter().filter(|c| c.component_id == number);
        let of_component: Vec<Candidate> = outside.chain(&component.hosts).cloned().collect();
        if let Some(best) = of_component.first() {
            component.local = best.clone();
        }
        all.extend(of_component);
    }
    all
}
