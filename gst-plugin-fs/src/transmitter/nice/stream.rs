//! `FsNiceStreamTransmitter`: one stream's candidates and the states of its components.

use std::sync::{Mutex, OnceLock};

use fs_core::prelude::*;
use fs_core::{Participant, StreamTransmitter};
use fs_proto::{Candidate, StreamState};
use glib::prelude::*;
use glib::subclass::prelude::*;
use gst::prelude::*;

use super::agent::{self, News};
use super::candidate::{self, Plain, invalid};
use super::link::Link;
use super::path::Path;
use super::settings::{self, Key, Settings};
use super::state::{State, Waiting};
use super::transmitter::agent_for;
use super::{NiceTransmitter, lock, relay};
use crate::transmitter::{counters, network};

/// Private part of [`super::NiceStreamTransmitter`].
#[derive(Default)]
pub struct NiceStreamTransmitter {
    pub(super) settings: Mutex<Settings>,
    pub(super) state: Mutex<State>,
    participant: glib::WeakRef<Participant>,
}

impl NiceStreamTransmitter {
    /// Adds the stream to the participant's agent; called once, after construction.
    pub(super) fn open(
        &self,
        transmitter: &NiceTransmitter,
        participant: &Participant,
    ) -> Result<(), glib::Error> {
        let settings = lock(&self.settings).clone();
        let key = settings.key()?;
        self.participant.set(Some(participant));
        let link = self.new_link(transmitter, participant, &settings, &key, 0)?;
        let mut paths = Vec::new();
        if let Err(error) = self.open_paths(&link, &settings, &mut paths) {
            close(&link.transmitter, &paths);
            link.close();
            return Err(error);
        }
        link.agent.events().listen(&self.obj());
        let mut state = lock(&self.state);
        state.was_ready = vec![false; link.components as usize];
        state.pairs = vec![None; link.components as usize];
        state.round_trips = vec![None; link.components as usize];
        state.paths = paths;
        state.link = Some(link);
        Ok(())
    }

    /// A place in an agent for such streams.
    fn new_link(
        &self,
        transmitter: &NiceTransmitter,
        participant: &Participant,
        settings: &Settings,
        key: &Key,
        generation: u32,
    ) -> Result<Link, glib::Error> {
        let components = transmitter.imp().components();
        let relays = relay::read(&settings.relays, components)?;
        let agent = agent_for(participant, key)?;
        let id = agent.add_stream(components, &self.obj(), generation)?;
        let mut link = Link {
            transmitter: transmitter.clone(),
            agent,
            id,
            generation,
            components,
            compatibility: key.compatibility,
            trickle: key.trickle,
            forwarders: Vec::new(),
            hosts: Vec::new(),
        };
        match link.equip(settings, &relays) {
            Ok(()) => Ok(link),
            Err(error) => {
                link.close();
                Err(error)
            }
        }
    }

    /// Another place, for the same peer in another network.
    pub(super) fn another_link(
        &self,
        transmitter: &NiceTransmitter,
        settings: &Settings,
        key: &Key,
    ) -> Result<Link, glib::Error> {
        let participant = self.participant.upgrade().ok_or_else(stopped)?;
        let generation = lock(&self.state).newest().map_or(0, |link| link.generation.wrapping_add(1));
        self.new_link(transmitter, &participant, settings, key, generation)
    }

    fn open_paths(&self, link: &Link, settings: &Settings, paths: &mut Vec<Path>) -> Result<(), glib::Error> {
        let imp = link.transmitter.imp();
        let (elements, home, obj) = (imp.elements()?, imp.home()?, self.obj());
        for component in 1..=link.components {
            let path = Path::open(
                &link.agent,
                (link.id, &obj),
                component,
                (elements, &home),
                settings.base.associate_on_source,
            )?;
            path.set_sending(settings.base.sending);
            path.set_mux(settings.send_component_mux);
            paths.push(path);
        }
        Ok(())
    }

    /// The stream's agent, while it has one.
    #[cfg(test)]
    pub(super) fn agent(&self) -> Option<glib::Object> {
        lock(&self.state).newest().map(|link| link.agent.object().clone())
    }

    /// Which components the packets of each one go over.
    #[cfg(test)]
    pub(super) fn sends_by(&self) -> Vec<u32> {
        lock(&self.state).paths.iter().map(Path::sends_by).collect()
    }

    /// Sets the type of service of packets sent from now on.
    pub(super) fn set_tos(&self, tos: u32) {
        let state = lock(&self.state);
        for link in state.link.iter().chain(&state.next) {
            link.agent.set_tos(link.id, tos);
        }
    }

    /// News of the agent, on its event loop's thread. Of a link that is being replaced nobody wants to hear.
    pub(super) fn hear(&self, generation: u32, news: News) {
        if lock(&self.state).newest().is_none_or(|link| link.generation != generation) {
            return;
        }
        match news {
            News::Local(plain) => self.tell_local(plain),
            News::Gathered => self.finish_gathering(),
            News::State(component, state) => self.tell_state(component, state),
            News::Pair(component, local, remote) => self.tell_pair(component, &local, &remote),
            News::Restarted => self.tell_again(),
        }
    }

    fn tell_local(&self, plain: Plain) {
        if plain.is_peer_reflexive() {
            return;
        }
        let local = {
            let mut state = lock(&self.state);
            let Some(link) = state.newest() else { return };
            if !state.gathered && !link.trickle {
                return state.held.push(plain);
            }
            plain.to_proto(&link.agent.local_credentials(link.id))
        };
        self.obj().emit_new_local_candidate(&local);
    }

    /// Tells what was held back, then uses what waited.
    fn finish_gathering(&self) {
        let (locals, all) = {
            let mut state = lock(&self.state);
            if state.gathered {
                return;
            }
            state.gathered = true;
            let held = std::mem::take(&mut state.held);
            let State { link, next, .. } = &mut *state;
            let again = next.is_some();
            let Some(link) = next.as_mut().or(link.as_mut()) else { return };
            let own = link.agent.local_credentials(link.id);
            let all: Vec<Plain> = link.all_local().collect();
            link.hosts = all.iter().filter(|plain| plain.is_host()).map(|plain| plain.address.ip()).collect();
            let told = |all: &[Plain]| in_order(all.iter().map(|plain| plain.to_proto(&own)).collect());
            (told(&held), again.then(|| told(&all)))
        };
        let obj = self.obj();
        locals.iter().for_each(|local| obj.emit_new_local_candidate(local));
        obj.emit_local_candidates_prepared();
        if let Some(all) = all {
            network::ask_for_offer(&*obj, all);
        }
        let mut failed = Vec::new();
        {
            let mut state = lock(&self.state);
            for waiting in std::mem::take(&mut state.waiting) {
                let Some(link) = state.newest() else { return };
                let used = match &waiting {
                    Waiting::Add(remote) => link.add(remote),
                    Waiting::Force(remote) => link.force(remote),
                };
                failed.extend(used.err());
            }
        }
        for error in failed {
            let code = error.kind::<fs_core::Error>().unwrap_or(fs_core::Error::Internal);
            obj.emit_error(code, error.message());
        }
    }

    /// After a restart: all local candidates, with the new credentials.
    fn tell_again(&self) {
        let locals = {
            let state = lock(&self.state);
            let Some(link) = state.newest().filter(|_| state.gathered) else { return };
            let own = link.agent.local_credentials(link.id);
            in_order(link.all_local().map(|plain| plain.to_proto(&own)).collect())
        };
        let obj = self.obj();
        locals.iter().for_each(|local| obj.emit_new_local_candidate(local));
        obj.emit_local_candidates_prepared();
    }

    fn tell_state(&self, component: u32, nice: u32) {
        let Some(now) = stream_state(nice) else { return };
        let (input, replaced) = {
            let mut state = lock(&self.state);
            let index = component as usize - 1;
            let Some(was_ready) = state.was_ready.get_mut(index) else { return };
            *was_ready |= now == StreamState::Ready;
            if now == StreamState::Failed && !*was_ready {
                return;
            }
            let replaced = if component == 1 && now == StreamState::Ready { state.promote() } else { None };
            let path = state.paths.get(index).filter(|_| now >= StreamState::Connected);
            (path.and_then(Path::input), replaced)
        };
        if let Some(old) = replaced {
            old.close();
        }
        if now == StreamState::Ready {
            self.measure(component);
        }
        self.obj().emit_state_changed(component, now);
        if let Some(input) = input {
            let request = gst::Structure::builder("GstForceKeyUnit").field("all-headers", true).build();
            // Nobody upstream may care, as with audio.
            let _ = input.push_event(gst::event::CustomUpstream::new(request));
        }
    }

    fn tell_pair(&self, component: u32, local: &Plain, remote: &Plain) {
        let (local, remote) = {
            let mut state = lock(&self.state);
            let Some(link) = state.newest() else { return };
            let own = link.agent.local_credentials(link.id);
            let theirs = state.remote.clone().unwrap_or_default();
            let pair = (local.to_proto(&own), remote.to_proto(&theirs));
            let index = component as usize - 1;
            if let Some(place) = state.pairs.get_mut(index) {
                *place = Some(pair.clone());
            }
            if let Some(place) = state.round_trips.get_mut(index) {
                *place = None;
            }
            pair
        };
        gst::debug!(
            super::CAT,
            "component {component}: {}:{} to {}:{}",
            local.ip,
            local.port,
            remote.ip,
            remote.port
        );
        self.obj().emit_new_active_candidate_pair(&local, &remote);
    }

    fn stats(&self) -> gst::Structure {
        let state = lock(&self.state);
        let components = (1u32..).zip(state.paths.iter().zip(&state.pairs)).zip(&state.round_trips);
        counters::stats(components.map(|((component, (path, pair)), round_trip)| {
            let pair = pair.as_ref().map(|(local, remote)| (local, remote));
            path.counters.describe(component, pair, *round_trip)
        }))
    }

    fn restart(&self, state: &mut State) -> Result<(), glib::Error> {
        let link = state.newest().ok_or_else(stopped)?;
        // After a change of the network that has been done already.
        let is_new = state.next.is_some() && state.remote.is_none() && !state.forced;
        if state.gathered && !is_new {
            link.agent.restart(link.id)?;
            link.agent.post(link.id, News::Restarted);
        }
        state.waiting.clear();
        state.remote = None;
        state.forced = false;
        Ok(())
    }

    fn close(&self) {
        let (links, paths) = {
            let mut state = lock(&self.state);
            let links: Vec<Link> = state.link.take().into_iter().chain(state.next.take()).collect();
            (links, std::mem::take(&mut state.paths))
        };
        if let Some(link) = links.first() {
            close(&link.transmitter, &paths);
        }
        links.into_iter().for_each(Link::close);
    }

    fn set_runtime(&self, name: &str, value: bool) {
        if name == "debug" {
            return agent::set_debug(value);
        }
        let state = lock(&self.state);
        let Some(link) = state.newest() else { return };
        match name {
            "sending" => state.paths.iter().for_each(|path| path.set_sending(value)),
            "send-component-mux" => state.paths.iter().for_each(|path| path.set_mux(value)),
            "controlling-mode" | "ice-udp" | "ice-tcp" => link.agent.object().set_property(name, value),
            _ => {}
        }
    }
}

/// Ends receiving and sending.
fn close(transmitter: &NiceTransmitter, paths: &[Path]) {
    if let Ok(elements) = transmitter.imp().elements() {
        paths.iter().for_each(|path| path.close(elements));
    }
}

/// IPv4 before IPv6; of IPv4 the last found first, as clients of the C library expect.
fn in_order(found: Vec<Candidate>) -> Vec<Candidate> {
    let (six, mut four): (Vec<_>, Vec<_>) = found.into_iter().partition(|c| c.ip.contains(':'));
    four.reverse();
    four.extend(six);
    four
}

/// libnice's component states.
fn stream_state(nice: u32) -> Option<StreamState> {
    use StreamState::{Connected, Connecting, Disconnected, Failed, Gathering, Ready};
    [Disconnected, Gathering, Connecting, Connected, Ready, Failed].get(nice as usize).copied()
}

pub(super) fn stopped() -> glib::Error {
    glib::Error::new(fs_core::Error::Disposed, "this nice stream transmitter was stopped")
}

#[glib::object_subclass]
impl ObjectSubclass for NiceStreamTransmitter {
    const NAME: &'static str = "FsNiceStreamTransmitter";
    const ALLOW_NAME_CONFLICT: bool = true;
    type Type = super::NiceStreamTransmitter;
    type ParentType = StreamTransmitter;
}

impl ObjectImpl for NiceStreamTransmitter {
    fn signals() -> &'static [glib::subclass::Signal] {
        static SIGNALS: OnceLock<Vec<glib::subclass::Signal>> = OnceLock::new();
        SIGNALS.get_or_init(network::signals)
    }

    fn properties() -> &'static [glib::ParamSpec] {
        settings::property_list()
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let name = pspec.name();
        if name == "stats" {
            return self.stats().to_value();
        }
        if let Some(link) = lock(&self.state).newest() {
            match name {
                "stream-id" => return link.id.to_value(),
                "controlling-mode" | "ice-udp" | "ice-tcp" => {
                    return link.agent.object().property_value(name);
                }
                _ => {}
            }
        }
        lock(&self.settings).get(name).unwrap_or_else(|| pspec.default_value().clone())
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        lock(&self.settings).set(pspec.name(), value);
        if let Ok(flag) = value.get() {
            self.set_runtime(pspec.name(), flag);
        }
    }

    fn dispose(&self) {
        self.close();
    }
}

impl StreamTransmitterImpl for NiceStreamTransmitter {
    /// An empty list restarts ICE.
    fn add_remote_candidates(&self, candidates: &[Candidate]) -> Result<(), glib::Error> {
        let mut state = lock(&self.state);
        if candidates.is_empty() {
            return self.restart(&mut state);
        }
        let link = state.newest().ok_or_else(stopped)?;
        if state.forced {
            return Err(invalid(
                "remote candidates were forced: restart with an empty list before others are added",
            ));
        }
        let remote = candidate::remote(candidates, link.components, link.compatibility, link.trickle)?;
        let credentials = remote.credentials.clone();
        if state.gathered || link.trickle {
            link.add(&remote)?;
        } else {
            state.waiting.push(Waiting::Add(remote));
        }
        if credentials.is_some() {
            state.remote = credentials;
        }
        Ok(())
    }

    fn force_remote_candidates(&self, candidates: &[Candidate]) -> Result<(), glib::Error> {
        let mut state = lock(&self.state);
        let link = state.newest().ok_or_else(stopped)?;
        let remote = candidate::forced(candidates, link.components, link.compatibility)?;
        if state.gathered {
            link.force(&remote)?;
        } else {
            state.waiting.push(Waiting::Force(remote));
        }
        state.forced = true;
        let replaced = if state.gathered { state.promote() } else { None };
        drop(state);
        replaced.into_iter().for_each(Link::close);
        Ok(())
    }

    fn gather_local_candidates(&self) -> Result<(), glib::Error> {
        let (agent, id) = {
            let mut state = lock(&self.state);
            let link = state.newest().ok_or_else(stopped)?;
            let of = (link.agent.clone(), link.id);
            if std::mem::replace(&mut state.gathering, true) {
                return Ok(());
            }
            of
        };
        if agent.gather(id) {
            return Ok(());
        }
        lock(&self.state).gathering = false;
        Err(glib::Error::new(
            fs_core::Error::Network,
            "transmitter nice finds no local candidate: no interface with an address that may be used is up, or no \
             port from min-port to max-port is free",
        ))
    }

    fn stop(&self) {
        self.close();
    }
}
