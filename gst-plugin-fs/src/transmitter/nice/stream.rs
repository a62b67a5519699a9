//! `FsNiceStreamTransmitter`: one stream's candidates and the states of its components.

use std::sync::{Arc, Mutex};

use fs_core::prelude::*;
use fs_core::{Participant, StreamTransmitter};
use fs_proto::{Candidate, StreamState};
use glib::prelude::*;
use glib::subclass::prelude::*;
use gst::prelude::*;

use super::agent::{self, Agent, News};
use super::candidate::{self, Compatibility, Credentials, Plain, Remote, invalid};
use super::path::Path;
use super::settings::{self, Settings};
use super::tls::Forwarder;
use super::transmitter::agent_for;
use super::{NiceTransmitter, lock, relay};
use crate::transmitter::counters;

/// A stream's place in its agent, from `open` to `stop`.
struct Link {
    transmitter: NiceTransmitter,
    agent: Arc<Agent>,
    id: u32,
    components: u32,
    compatibility: Compatibility,
    trickle: bool,
    paths: Vec<Path>,
    /// Ways to TURN servers behind TLS.
    forwarders: Vec<Forwarder>,
}

/// Remote candidates that came before gathering ended.
enum Waiting {
    Add(Remote),
    Force(Vec<Plain>),
}

#[derive(Default)]
struct State {
    link: Option<Link>,
    gathering: bool,
    gathered: bool,
    /// Local candidates that were not told yet, as they came.
    held: Vec<Plain>,
    waiting: Vec<Waiting>,
    /// The peer's credentials since the last restart.
    remote: Option<Credentials>,
    forced: bool,
    /// Per component: the pair in use.
    pairs: Vec<Option<(Candidate, Candidate)>>,
    /// Per component: whether it was ready once. Until then a failure may be one of checks that came too early.
    was_ready: Vec<bool>,
}

/// Private part of [`super::NiceStreamTransmitter`].
#[derive(Default)]
pub struct NiceStreamTransmitter {
    settings: Mutex<Settings>,
    state: Mutex<State>,
}

impl NiceStreamTransmitter {
    /// Adds the stream to the participant's agent; called once, after construction.
    pub(super) fn open(
        &self,
        transmitter: &NiceTransmitter,
        participant: &Participant,
    ) -> Result<(), glib::Error> {
        let settings = lock(&self.settings).clone();
        let imp = transmitter.imp();
        let components = imp.components();
        let key = settings.key()?;
        let relays = relay::read(&settings.relays, components)?;
        let agent = agent_for(participant, &key)?;
        let id = agent.add_stream(components, &self.obj())?;
        let mut link = Link {
            transmitter: transmitter.clone(),
            agent,
            id,
            components,
            compatibility: key.compatibility,
            trickle: key.trickle,
            paths: Vec::new(),
            forwarders: Vec::new(),
        };
        if let Err(error) = self.equip(&mut link, &settings, &relays) {
            link.close();
            return Err(error);
        }
        let mut state = lock(&self.state);
        state.was_ready = vec![false; components as usize];
        state.pairs = vec![None; components as usize];
        state.link = Some(link);
        Ok(())
    }

    fn equip(
        &self,
        link: &mut Link,
        settings: &Settings,
        relays: &[relay::Relay],
    ) -> Result<(), glib::Error> {
        let relays = link.reach(relays)?;
        let imp = link.transmitter.imp();
        if let Some((min, max)) = settings.port_range() {
            link.agent.set_port_range(link.id, link.components, min, max);
        }
        link.agent.set_tos(link.id, imp.tos());
        let (elements, home, obj) = (imp.elements()?, imp.home()?, self.obj());
        for component in 1..=link.components {
            for server in relay::of_component(&relays, component) {
                link.agent.add_relay(link.id, component, server)?;
            }
            let path = Path::open(
                &link.agent,
                (link.id, &obj),
                component,
                (elements, &home),
                settings.associate_on_source,
            )?;
            path.set_sending(settings.sending);
            path.set_mux(settings.send_component_mux);
            link.paths.push(path);
        }
        Ok(())
    }

    /// The stream's agent, while it has one.
    #[cfg(test)]
    pub(super) fn agent(&self) -> Option<glib::Object> {
        lock(&self.state).link.as_ref().map(|link| link.agent.object().clone())
    }

    /// Which components the packets of each one go over.
    #[cfg(test)]
    pub(super) fn sends_by(&self) -> Vec<u32> {
        lock(&self.state).link.iter().flat_map(|link| &link.paths).map(Path::sends_by).collect()
    }

    /// Sets the type of service of packets sent from now on.
    pub(super) fn set_tos(&self, tos: u32) {
        if let Some(link) = &lock(&self.state).link {
            link.agent.set_tos(link.id, tos);
        }
    }

    /// News of the agent, on its event loop's thread.
    pub(super) fn hear(&self, news: News) {
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
            let Some(link) = &state.link else { return };
            if !state.gathered && !link.trickle {
                return state.held.push(plain);
            }
            plain.to_proto(&link.agent.local_credentials(link.id))
        };
        self.obj().emit_new_local_candidate(&local);
    }

    /// Tells what was held back, then uses what waited.
    fn finish_gathering(&self) {
        let locals = {
            let mut state = lock(&self.state);
            if state.gathered {
                return;
            }
            state.gathered = true;
            let held = std::mem::take(&mut state.held);
            let Some(link) = &state.link else { return };
            let own = link.agent.local_credentials(link.id);
            in_order(held.iter().map(|plain| plain.to_proto(&own)).collect())
        };
        let obj = self.obj();
        locals.iter().for_each(|local| obj.emit_new_local_candidate(local));
        obj.emit_local_candidates_prepared();
        let mut failed = Vec::new();
        {
            let mut state = lock(&self.state);
            for waiting in std::mem::take(&mut state.waiting) {
                let Some(link) = &state.link else { return };
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
            let Some(link) = state.link.as_ref().filter(|_| state.gathered) else { return };
            let own = link.agent.local_credentials(link.id);
            let all = (1..=link.components).flat_map(|c| link.agent.local_candidates(link.id, c));
            in_order(
                all.filter(|plain| !plain.is_peer_reflexive()).map(|plain| plain.to_proto(&own)).collect(),
            )
        };
        let obj = self.obj();
        locals.iter().for_each(|local| obj.emit_new_local_candidate(local));
        obj.emit_local_candidates_prepared();
    }

    fn tell_state(&self, component: u32, nice: u32) {
        let Some(now) = stream_state(nice) else { return };
        let input = {
            let mut state = lock(&self.state);
            let index = component as usize - 1;
            let Some(was_ready) = state.was_ready.get_mut(index) else { return };
            *was_ready |= now == StreamState::Ready;
            if now == StreamState::Failed && !*was_ready {
                return;
            }
            let path = state.link.as_ref().and_then(|link| link.paths.get(index));
            path.filter(|_| now >= StreamState::Connected).and_then(Path::input)
        };
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
            let Some(link) = &state.link else { return };
            let own = link.agent.local_credentials(link.id);
            let theirs = state.remote.clone().unwrap_or_default();
            let pair = (local.to_proto(&own), remote.to_proto(&theirs));
            if let Some(place) = state.pairs.get_mut(component as usize - 1) {
                *place = Some(pair.clone());
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
        let paths = state.link.iter().flat_map(|link| &link.paths);
        counters::stats((1u32..).zip(paths.zip(&state.pairs)).map(|(component, (path, pair))| {
            path.counters.describe(component, pair.as_ref().map(|(local, remote)| (local, remote)))
        }))
    }

    fn restart(&self, state: &mut State) -> Result<(), glib::Error> {
        let link = state.link.as_ref().ok_or_else(stopped)?;
        state.waiting.clear();
        state.remote = None;
        state.forced = false;
        if state.gathered {
            link.agent.restart(link.id)?;
            link.agent.post(link.id, News::Restarted);
        }
        Ok(())
    }

    fn close(&self) {
        let link = lock(&self.state).link.take();
        if let Some(link) = link {
            link.close();
        }
    }

    fn set_runtime(&self, name: &str, value: bool) {
        if name == "debug" {
            return agent::set_debug(value);
        }
        let state = lock(&self.state);
        let Some(link) = &state.link else { return };
        match name {
            "sending" => link.paths.iter().for_each(|path| path.set_sending(value)),
            "send-component-mux" => link.paths.iter().for_each(|path| path.set_mux(value)),
            "controlling-mode" | "ice-udp" | "ice-tcp" => link.agent.object().set_property(name, value),
            _ => {}
        }
    }
}

impl Link {
    /// The servers as libnice is to be told of them: those behind TLS are reached through ports of ours.
    fn reach(&mut self, relays: &[relay::Relay]) -> Result<Vec<relay::Relay>, glib::Error> {
        let mut reached = Vec::new();
        for server in relays {
            if server.kind != relay::Kind::Tls || self.compatibility.has_old_tls() {
                reached.push(server.clone());
                continue;
            }
            for ipv6 in server.families() {
                let forwarder = Forwarder::open(self.agent.events(), server, ipv6)?;
                reached.push(server.at(forwarder.local));
                self.forwarders.push(forwarder);
            }
        }
        Ok(reached)
    }

    fn add(&self, remote: &Remote) -> Result<(), glib::Error> {
        if let Some(credentials) = &remote.credentials {
            self.agent.set_remote_credentials(self.id, credentials);
        }
        for component in 1..=self.components {
            let mut its = remote.candidates.iter().filter(|c| c.component == component).peekable();
            if its.peek().is_some() {
                self.agent.add_remote(self.id, component, its)?;
            }
        }
        if remote.last {
            self.agent.remote_gathered(self.id);
        }
        Ok(())
    }

    fn force(&self, remote: &[Plain]) -> Result<(), glib::Error> {
        remote.iter().try_for_each(|plain| self.agent.force_remote(self.id, plain))
    }

    /// Ends receiving before libnice forgets the stream.
    fn close(self) {
        if let Ok(elements) = self.transmitter.imp().elements() {
            self.paths.iter().for_each(|path| path.close(elements));
        }
        self.agent.remove_stream(self.id);
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

fn stopped() -> glib::Error {
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
    fn properties() -> &'static [glib::ParamSpec] {
        settings::property_list()
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let name = pspec.name();
        if name == "stats" {
            return self.stats().to_value();
        }
        if let Some(link) = &lock(&self.state).link {
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
        let link = state.link.as_ref().ok_or_else(stopped)?;
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
        let link = state.link.as_ref().ok_or_else(stopped)?;
        let remote = candidate::forced(candidates, link.components, link.compatibility)?;
        if state.gathered {
            link.force(&remote)?;
        } else {
            state.waiting.push(Waiting::Force(remote));
        }
        state.forced = true;
        Ok(())
    }

    fn gather_local_candidates(&self) -> Result<(), glib::Error> {
        let (agent, id) = {
            let mut state = lock(&self.state);
            let link = state.link.as_ref().ok_or_else(stopped)?;
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
