//! Whose packet is it? Remote addresses of all streams of a transmitter.

use std::net::SocketAddr;
use std::sync::{PoisonError, RwLock};

use super::RawUdpStreamTransmitter;

/// One stream's remote address on one component.
struct Known {
    component: u32,
    /// Our port that this peer was told.
    local_port: u16,
    address: SocketAddr,
    stream: glib::WeakRef<RawUdpStreamTransmitter>,
    associate: bool,
}

/// The table of all streams, read for every packet.
#[derive(Default)]
pub(super) struct Sources(RwLock<Vec<Known>>);

impl Sources {
    /// Notes where a stream's peer sends from. `associate`: whether that stream wants to be told.
    pub(super) fn add(
        &self,
        component: u32,
        local_port: u16,
        address: SocketAddr,
        stream: &RawUdpStreamTransmitter,
        associate: bool,
    ) {
        use glib::prelude::ObjectExt;
        let known = Known { component, local_port, address, stream: stream.downgrade(), associate };
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(known);
    }

    /// Forgets what [`Sources::add`] noted.
    pub(super) fn remove(
        &self,
        component: u32,
        local_port: u16,
        address: SocketAddr,
        stream: &RawUdpStreamTransmitter,
    ) {
        let same = |k: &Known| {
            (k.component, k.local_port, k.address) == (component, local_port, address)
                && k.stream.upgrade().is_none_or(|s| s == *stream)
        };
        self.0.write().unwrap_or_else(PoisonError::into_inner).retain(|k| !same(k));
    }

    /// The stream that alone has this remote address on this component, if it wants to be told.
    pub(super) fn stream(
        &self,
        component: u32,
        local_port: u16,
        address: SocketAddr,
    ) -> Option<RawUdpStreamTransmitter> {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut matching = table.iter().filter(|k| k.component == component && k.address == address);
        let first = matching.next()?;
        if matching.next().is_some() || !first.associate || first.local_port != local_port {
            return None;
        }
        first.stream.upgrade()
    }
}
