//! Whose packet is it? Remote addresses of all streams of a transmitter.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::RawUdpStreamTransmitter;
use crate::transmitter::counters::Counters;

/// One stream's remote address on one component.
pub(super) struct Known {
    /// Which component.
    pub(super) component: u32,
    /// Our port that this peer was told.
    pub(super) local_port: u16,
    /// Where the peer's packets come from.
    pub(super) address: SocketAddr,
    /// Whose peer it is.
    pub(super) stream: glib::WeakRef<RawUdpStreamTransmitter>,
    /// Whether that stream wants to be told.
    pub(super) associate: bool,
    /// Counts what came from there.
    pub(super) counters: Counters,
    /// Whether the first packet decides where the peer is.
    pub(super) latch: AtomicBool,
}

impl Known {
    /// The same address, reached from another port of ours.
    pub(super) fn at(&self, local_port: u16) -> Self {
        Self {
            component: self.component,
            local_port,
            address: self.address,
            stream: self.stream.clone(),
            associate: self.associate,
            counters: self.counters.clone(),
            latch: self.latch.load(Ordering::Relaxed).into(),
        }
    }
}

/// The table of all streams, read for every packet.
#[derive(Default)]
pub(super) struct Sources(RwLock<Vec<Arc<Known>>>);

impl Sources {
    /// Notes where a stream's peer sends from.
    pub(super) fn add(&self, known: &Arc<Known>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(known.clone());
    }

    /// Forgets what [`Sources::add`] noted.
    pub(super) fn remove(&self, known: &Arc<Known>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).retain(|k| !Arc::ptr_eq(k, known));
    }

    /// Counts a packet and says whose it is.
    pub(super) fn received(
        &self,
        component: u32,
        local_port: u16,
        address: SocketAddr,
        bytes: usize,
    ) -> Sender {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let of_component = || table.iter().filter(|k| k.component == component);
        let same = |k: &&Arc<Known>| k.address.port() == address.port() && k.address.ip() == address.ip();
        let mut matching = of_component().filter(same);
        let Some(first) = matching.next() else {
            let mut waiting = of_component().filter(|k| k.local_port == local_port);
            return match (waiting.next(), waiting.next()) {
                (Some(only), None) if only.latch.swap(false, Ordering::Relaxed) => {
                    Sender::First(only.stream.clone())
                }
                _ => Sender::Unknown,
            };
        };
        if matching.next().is_some() || first.local_port != local_port {
            return Sender::Unknown;
        }
        first.counters.add_received(bytes);
        first.latch.store(false, Ordering::Relaxed);
        match first.stream.upgrade() {
            Some(stream) if first.associate => Sender::Known(stream),
            _ => Sender::Unknown,
        }
    }
}

/// Who sent a packet.
pub(super) enum Sender {
    /// The peer of this stream alone, and the stream wants to be told.
    Known(RawUdpStreamTransmitter),
    /// Somebody else, before any packet came from where the peer should be; the stream goes by that.
    First(glib::WeakRef<RawUdpStreamTransmitter>),
    /// It cannot be told.
    Unknown,
}
