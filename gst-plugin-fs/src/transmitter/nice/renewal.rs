//! Another network in a call: a second place in an agent, whose candidates the application exchanges, takes over once the
//! peer is reached from there. Until then packets keep their path, which may still work.

use std::net::IpAddr;

use glib::subclass::prelude::*;

use super::link::Link;
use super::stream::NiceStreamTransmitter;
use super::{CAT, lock};
use crate::transmitter::network;

impl NiceStreamTransmitter {
    /// Addresses of this host came or went; called in the thread of the agents, with nothing locked.
    pub(super) fn network_changed(&self, now: &[IpAddr]) {
        let transmitter = {
            let state = lock(&self.state);
            let link = state.newest().filter(|link| network::is_another(&link.hosts, now));
            link.map(|link| link.transmitter.clone())
        };
        let Some(transmitter) = transmitter else { return };
        let settings = lock(&self.settings).clone();
        let key = settings.key().map(|mut key| {
            // Preferred addresses that are gone leave the choice to libnice.
            key.local.retain(|ip| now.contains(ip));
            key
        });
        let opened = key.and_then(|key| self.another_link(&transmitter, &settings, &key));
        let link = match opened {
            Ok(link) => link,
            Err(e) => return gst::warning!(CAT, "the network changed, but {e}"),
        };
        gst::info!(CAT, "the network changed: gathering again");
        if let Err(e) = self.receive_too(&link) {
            link.close();
            return gst::warning!(CAT, "the network changed, but {e}");
        }
        let (agent, id) = (link.agent.clone(), link.id);
        let given_up = {
            let mut state = lock(&self.state);
            let given_up = state.begin_again(link);
            if let Some(old) = &given_up {
                state.paths.iter().for_each(|path| path.forget(&old.agent, old.id));
            }
            given_up
        };
        given_up.into_iter().for_each(Link::close);
        if !agent.gather(id) {
            gst::warning!(CAT, "the network changed, but there is no candidate yet");
        }
    }

    fn receive_too(&self, link: &Link) -> Result<(), glib::Error> {
        let imp = link.transmitter.imp();
        let (elements, home) = (imp.elements()?, imp.home()?);
        for path in &lock(&self.state).paths {
            path.receive_too((&link.agent, link.id), (elements, &home));
        }
        Ok(())
    }
}
