//! `FsMulticastStreamTransmitter`: the groups of one stream.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock};

use fs_core::StreamTransmitter;
use fs_core::prelude::*;
use fs_proto::Candidate;
use glib::prelude::*;
use glib::subclass::prelude::*;

use super::group::Group;
use super::membership::Membership;
use super::{MulticastTransmitter, candidates, lock};
use crate::transmitter::base::StreamSettings;
use crate::transmitter::counters;

/// What the application set at construction, and whether to send.
#[derive(Clone, Default)]
struct Settings {
    base: StreamSettings,
    source_filter: Vec<String>,
}

/// A component's group and the candidate it came from.
struct Joined {
    group: Arc<Group>,
    remote: Candidate,
}

/// One component.
struct Component {
    local: Candidate,
    joined: Option<Joined>,
}

/// `components` is empty before `open` and after `stop`.
#[derive(Default)]
struct State {
    transmitter: Option<MulticastTransmitter>,
    sources: Vec<IpAddr>,
    components: Vec<Component>,
}

/// Private part of [`super::MulticastStreamTransmitter`].
#[derive(Default)]
pub struct MulticastStreamTransmitter {
    settings: Mutex<Settings>,
    state: Mutex<State>,
}

impl MulticastStreamTransmitter {
    /// Checks the parameters; called once, after construction.
    pub(super) fn open(&self, transmitter: &MulticastTransmitter) -> Result<(), glib::Error> {
        let settings = lock(&self.settings).clone();
        let locals = candidates::locals(&settings.base.preferred, transmitter.imp().components())?;
        let sources = candidates::sources(&settings.source_filter)?;
        let mut state = lock(&self.state);
        state.transmitter = Some(transmitter.clone());
        state.sources = sources;
        state.components = locals.into_iter().map(|local| Component { local, joined: None }).collect();
        Ok(())
    }

    /// Whether the stream wants to be told of packets that can only be its peers'.
    pub(super) fn associates(&self) -> bool {
        lock(&self.settings).base.associate_on_source
    }

    /// Changes a component's group. The new group is joined before the old one is left. Gives the new pair, and the
    /// group if it needs a key frame.
    #[allow(clippy::type_complexity)] // two things that are told after the lock is gone
    fn change(
        &self,
        state: &mut State,
        index: usize,
        (group, remote): (SocketAddr, Candidate),
    ) -> Result<Option<(Candidate, Candidate, Option<Arc<Group>>)>, glib::Error> {
        let transmitter = state.transmitter.clone().ok_or_else(stopped)?;
        let component = &mut state.components[index];
        if component.joined.as_ref().is_some_and(|joined| joined.remote == remote) {
            return Ok(None);
        }
        let interface = match component.local.ip.as_str() {
            "" => None,
            text => Some(candidates::address("a preferred local candidate", text)?),
        };
        let interface = interface.filter(|ip| !ip.is_unspecified());
        let membership = Membership { group, interface, sources: state.sources.clone() };
        let number = component.local.component_id;
        let joined = transmitter.imp().join(number, membership, remote.ttl)?;
        joined.add_user(&self.obj());
        let new = Joined { group: joined, remote: remote.clone() };
        let sends = sends(&lock(&self.settings), number);
        let first = sends && transmitter.imp().set_sending(&new.group, true);
        let key_frame = first.then(|| new.group.clone());
        if let Some(old) = component.joined.replace(new) {
            self.leave(&transmitter, &old, sends);
        }
        Ok(Some((component.local.clone(), remote, key_frame)))
    }

    /// `sending` governs the first component only: control packets go on.
    fn set_sending(&self, sending: bool) {
        let group = {
            let state = lock(&self.state);
            if std::mem::replace(&mut lock(&self.settings).base.sending, sending) == sending {
                return;
            }
            let Some(transmitter) = &state.transmitter else { return };
            let Some(joined) = state.components.first().and_then(|first| first.joined.as_ref()) else {
                return;
            };
            transmitter.imp().set_sending(&joined.group, sending).then(|| joined.group.clone())
        };
        if let Some(group) = group {
            group.ask_for_key_frame();
        }
    }

    fn close(&self) {
        let (transmitter, components) = {
            let mut state = lock(&self.state);
            (state.transmitter.take(), std::mem::take(&mut state.components))
        };
        let Some(transmitter) = transmitter else { return };
        for component in components {
            if let Some(joined) = component.joined {
                let sends = sends(&lock(&self.settings), component.local.component_id);
                self.leave(&transmitter, &joined, sends);
            }
        }
    }

    fn leave(&self, transmitter: &MulticastTransmitter, joined: &Joined, sends: bool) {
        joined.group.remove_user(&self.obj());
        if sends {
            transmitter.imp().set_sending(&joined.group, false);
        }
        transmitter.imp().leave(&joined.group, joined.remote.ttl);
    }

    fn stats(&self) -> gst::Structure {
        let state = lock(&self.state);
        counters::stats(state.components.iter().filter_map(|component| {
            let joined = component.joined.as_ref()?;
            let pair = Some((&component.local, &joined.remote));
            Some(joined.group.counters.describe(component.local.component_id, pair, None))
        }))
    }
}

fn sends(settings: &Settings, component: u32) -> bool {
    settings.base.sending || component != 1
}

fn stopped() -> glib::Error {
    glib::Error::new(fs_core::Error::Disposed, "this multicast stream transmitter was stopped")
}

#[glib::object_subclass]
impl ObjectSubclass for MulticastStreamTransmitter {
    const NAME: &'static str = "FsMulticastStreamTransmitter";
    const ALLOW_NAME_CONFLICT: bool = true;
    type Type = super::MulticastStreamTransmitter;
    type ParentType = StreamTransmitter;
}

impl ObjectImpl for MulticastStreamTransmitter {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: OnceLock<Vec<glib::ParamSpec>> = OnceLock::new();
        PROPERTIES.get_or_init(|| {
            let mut list = StreamSettings::properties();
            list.push(
                glib::ParamSpecBoxed::builder::<Vec<String>>("source-filter")
                    .nick("Source filter")
                    .blurb("Addresses whose packets are received (RFC 4607); none: everybody's")
                    .construct_only()
                    .build(),
            );
            list.push(counters::property());
            list
        })
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let settings = lock(&self.settings).clone();
        match pspec.name() {
            "stats" => self.stats().to_value(),
            "source-filter" => settings.source_filter.to_value(),
            name => settings.base.get(name).unwrap_or_else(|| pspec.default_value().clone()),
        }
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        match (pspec.name(), value.get::<bool>()) {
            ("sending", Ok(sending)) => self.set_sending(sending),
            // A NULL is an empty list.
            ("source-filter", _) => {
                lock(&self.settings).source_filter = value.get::<Vec<String>>().unwrap_or_default();
            }
            (name, _) => lock(&self.settings).base.set(name, value),
        }
    }

    fn dispose(&self) {
        self.close();
    }
}

impl StreamTransmitterImpl for MulticastStreamTransmitter {
    fn add_remote_candidates(&self, _candidates: &[Candidate]) -> Result<(), glib::Error> {
        Err(glib::Error::new(
            fs_core::Error::NotImplemented,
            "multicast negotiates no candidates: use force_remote_candidates",
        ))
    }

    /// All candidates are checked before the first group is joined.
    fn force_remote_candidates(&self, candidates: &[Candidate]) -> Result<(), glib::Error> {
        let (mut changed, mut failed) = (Vec::new(), Ok(()));
        {
            let mut state = lock(&self.state);
            let components = state.transmitter.as_ref().ok_or_else(stopped)?.imp().components();
            for (index, group, remote) in candidates::remotes(candidates, components)? {
                match self.change(&mut state, index, (group, remote)) {
                    Ok(pair) => changed.extend(pair),
                    Err(error) => {
                        failed = Err(error);
                        break;
                    }
                }
            }
        }
        for (local, remote, key_frame) in changed {
            self.obj().emit_new_active_candidate_pair(&local, &remote);
            if let Some(group) = key_frame {
                group.ask_for_key_frame();
            }
        }
        failed
    }

    /// There are none.
    fn gather_local_candidates(&self) -> Result<(), glib::Error> {
        Ok(())
    }

    fn stop(&self) {
        self.close();
    }
}
