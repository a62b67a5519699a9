//! `FsMulticastTransmitter`: the bins of a session and the groups of all its streams.

use std::sync::{Arc, Mutex, OnceLock};

use fs_core::prelude::*;
use fs_core::{Participant, StreamTransmitter, Transmitter};
use glib::prelude::*;
use glib::subclass::prelude::*;

use super::group::Group;
use super::membership::Membership;
use super::{MulticastStreamTransmitter, lock};
use crate::transmitter::base::TransmitterSettings;
use crate::transmitter::component::Bins;
use crate::transmitter::parameters;

/// A group with what its users ask for.
struct Shared {
    group: Arc<Group>,
    /// The TTL of each user; the highest counts.
    ttls: Vec<u32>,
    /// How many users send.
    senders: usize,
}

impl Shared {
    fn ttl(&self) -> u32 {
        self.ttls.iter().copied().max().unwrap_or(1)
    }
}

/// Private part of [`super::MulticastTransmitter`].
#[derive(Default)]
pub struct MulticastTransmitter {
    settings: Mutex<TransmitterSettings>,
    bins: OnceLock<Bins>,
    groups: Mutex<Vec<Shared>>,
}

impl MulticastTransmitter {
    /// How many components there are.
    pub(super) fn components(&self) -> u32 {
        lock(&self.settings).components
    }

    /// Joins a group for one more user, who does not send yet.
    ///
    /// # Errors
    /// Those of [`Group::open`].
    pub(super) fn join(
        &self,
        component: u32,
        membership: Membership,
        ttl: u32,
    ) -> Result<Arc<Group>, glib::Error> {
        let (tos, do_timestamp) = {
            let settings = lock(&self.settings);
            (settings.tos, settings.do_timestamp)
        };
        let bins = self.bins.get().ok_or_else(|| {
            glib::Error::new(
                fs_core::Error::Construction,
                "the multicast transmitter was not fully constructed",
            )
        })?;
        let mut groups = lock(&self.groups);
        let same = |s: &&mut Shared| s.group.component == component && s.group.membership == membership;
        if let Some(shared) = groups.iter_mut().find(same) {
            let before = shared.ttl();
            shared.ttls.push(ttl);
            if shared.ttl() != before {
                shared.group.set_ttl(shared.ttl());
            }
            return Ok(shared.group.clone());
        }
        let group = Arc::new(Group::open(component, membership, bins, (ttl, tos), do_timestamp)?);
        groups.push(Shared { group: group.clone(), ttls: vec![ttl], senders: 0 });
        Ok(group)
    }

    /// One user, who does not send any more, leaves; the last one closes the socket.
    pub(super) fn leave(&self, group: &Arc<Group>, ttl: u32) {
        let unused = {
            let mut groups = lock(&self.groups);
            let Some(i) = groups.iter().position(|s| Arc::ptr_eq(&s.group, group)) else { return };
            let shared = &mut groups[i];
            let before = shared.ttl();
            if let Some(own) = shared.ttls.iter().position(|t| *t == ttl) {
                shared.ttls.swap_remove(own);
            }
            if shared.ttls.is_empty() {
                Some(groups.swap_remove(i).group)
            } else {
                if shared.ttl() != before {
                    shared.group.set_ttl(shared.ttl());
                }
                None
            }
        };
        if let (Some(group), Some(bins)) = (unused, self.bins.get()) {
            group.close(bins);
        }
    }

    /// One user begins or ends to send; true if it is the first one.
    pub(super) fn set_sending(&self, group: &Arc<Group>, sending: bool) -> bool {
        let mut groups = lock(&self.groups);
        let Some(shared) = groups.iter_mut().find(|s| Arc::ptr_eq(&s.group, group)) else { return false };
        let before = shared.senders;
        shared.senders = if sending { before + 1 } else { before.saturating_sub(1) };
        match (before, shared.senders) {
            (0, 1) => {
                group.start_sending();
                true
            }
            (1, 0) => {
                group.stop_sending();
                false
            }
            _ => false,
        }
    }
}

#[glib::object_subclass]
impl ObjectSubclass for MulticastTransmitter {
    const NAME: &'static str = "FsMulticastTransmitter";
    const ALLOW_NAME_CONFLICT: bool = true;
    type Type = super::MulticastTransmitter;
    type ParentType = Transmitter;
}

impl ObjectImpl for MulticastTransmitter {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: OnceLock<Vec<glib::ParamSpec>> = OnceLock::new();
        PROPERTIES.get_or_init(TransmitterSettings::properties)
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let bin = |pick: fn(&Bins) -> &gst::Bin| {
            self.bins.get().map(pick).cloned().map(|b| b.upcast::<gst::Element>()).to_value()
        };
        match pspec.name() {
            "gst-src" => bin(|b| &b.src),
            "gst-sink" => bin(|b| &b.sink),
            _ => lock(&self.settings).get(pspec),
        }
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        lock(&self.settings).set(pspec.name(), value);
        if pspec.name() == "tos" {
            let tos = lock(&self.settings).tos;
            lock(&self.groups).iter().for_each(|shared| shared.group.set_tos(tos));
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
        let groups = std::mem::take(&mut *lock(&self.groups));
        if let Some(bins) = self.bins.get() {
            groups.iter().for_each(|shared| shared.group.close(bins));
        }
    }
}

impl TransmitterImpl for MulticastTransmitter {
    fn new_stream_transmitter(
        &self,
        _participant: Option<&Participant>,
        parameters: &[(String, glib::Value)],
    ) -> Result<StreamTransmitter, glib::Error> {
        let stream: MulticastStreamTransmitter = parameters::construct("multicast", parameters)?;
        stream.open(&self.obj())?;
        Ok(stream.upcast())
    }

    fn stream_transmitter_type(&self) -> glib::Type {
        MulticastStreamTransmitter::static_type()
    }
}
