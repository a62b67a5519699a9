//! A stream's place in an agent, and what is done there.

use std::net::IpAddr;
use std::sync::Arc;

use glib::subclass::prelude::*;

use super::agent::Agent;
use super::candidate::{Compatibility, Plain, Remote};
use super::settings::Settings;
use super::tls::Forwarder;
use super::{NiceTransmitter, relay};

/// A stream's place in an agent.
pub(super) struct Link {
    pub(super) transmitter: NiceTransmitter,
    pub(super) agent: Arc<Agent>,
    pub(super) id: u32,
    /// Which of the stream's links, one after the other.
    pub(super) generation: u32,
    pub(super) components: u32,
    pub(super) compatibility: Compatibility,
    pub(super) trickle: bool,
    /// Ways to TURN servers behind TLS.
    pub(super) forwarders: Vec<Forwarder>,
    /// This host's addresses that were told.
    pub(super) hosts: Vec<IpAddr>,
}

impl Link {
    pub(super) fn equip(&mut self, settings: &Settings, relays: &[relay::Relay]) -> Result<(), glib::Error> {
        let relays = self.reach(relays)?;
        if let Some((min, max)) = settings.port_range() {
            self.agent.set_port_range(self.id, self.components, min, max);
        }
        self.agent.set_tos(self.id, self.transmitter.imp().tos());
        for component in 1..=self.components {
            for server in relay::of_component(&relays, component) {
                self.agent.add_relay(self.id, component, server)?;
            }
        }
        Ok(())
    }

    /// The candidates that are told.
    pub(super) fn all_local(&self) -> impl Iterator<Item = Plain> {
        let all = (1..=self.components).flat_map(|c| self.agent.local_candidates(self.id, c));
        all.filter(|plain| !plain.is_peer_reflexive())
    }

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

    pub(super) fn add(&self, remote: &Remote) -> Result<(), glib::Error> {
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

    pub(super) fn force(&self, remote: &[Plain]) -> Result<(), glib::Error> {
        remote.iter().try_for_each(|plain| self.agent.force_remote(self.id, plain))
    }

    /// Leaves the agent. What receives from it must have ended.
    pub(super) fn close(self) {
        self.agent.remove_stream(self.id);
    }
}
