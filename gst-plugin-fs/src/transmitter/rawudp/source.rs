//! Whose packet is it? Remote addresses of all streams of a transmitter.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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

/// The table of all streams.
#[derive(Default)]
pub(super) struct Sources {
    table: RwLock<Vec<Arc<Known>>>,
    /// Counts the changes, so that what was found in the table can be used until the next.
    changes: AtomicU64,
}

/// Whose the last packet of a socket was; the next is his too, most of the time.
#[derive(Default)]
pub(super) struct Recent {
    known: Option<Arc<Known>>,
    address: Option<SocketAddr>,
    changes: u64,
}

impl Sources {
    /// Notes where a stream's peer sends from.
    pub(super) fn add(&self, known: &Arc<Known>) {
        self.change(|table| table.push(known.clone()));
    }

    /// Forgets what [`Sources::add`] noted.
    pub(super) fn remove(&self, known: &Arc<Known>) {
        self.change(|table| table.retain(|k| !Arc::ptr_eq(k, known)));
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Arc<Known>>)) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut table);
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// Counts a packet and says whose it is.
    pub(super) fn received(
        &self,
        recent: &mut Recent,
        component: u32,
        local_port: u16,
        address: SocketAddr,
        bytes: usize,
    ) -> Sender {
        let changes = self.changes.load(Ordering::Acquire);
        if recent.changes != changes || recent.address != Some(address) {
            *recent = Recent::default();
        }
        if recent.known.is_none() {
            match self.find(component, local_port, address) {
                Ok(known) => *recent = Recent { known: Some(known), address: Some(address), changes },
                Err(sender) => return sender,
            }
        }
        let Some(known) = &recent.known else { return Sender::Unknown };
        known.counters.add_received(bytes);
        match known.associate.then(|| known.stream.upgrade()).flatten() {
            Some(stream) => Sender::Known(stream),
            None => Sender::Unknown,
        }
    }

    /// The one who certainly sends from there.
    fn find(&self, component: u32, local_port: u16, address: SocketAddr) -> Result<Arc<Known>, Sender> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        let of_component = || table.iter().filter(|k| k.component == component);
        let same = |k: &&Arc<Known>| k.address.port() == address.port() && k.address.ip() == address.ip();
        let mut matching = of_component().filter(same);
        let Some(first) = matching.next() else {
            let mut waiting = of_component().filter(|k| k.local_port == local_port);
            return match (waiting.next(), waiting.next()) {
                (Some(only), None) if only.latch.swap(false, Ordering::Relaxed) => {
                    Err(Sender::First(only.stream.clone()))
                }
                _ => Err(Sender::Unknown),
            };
        };
        if matching.next().is_some() || first.local_port != local_port {
            return Err(Sender::Unknown);
        }
        first.latch.store(false, Ordering::Relaxed);
        Ok(first.clone())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn known(address: SocketAddr, counters: &Counters) -> Arc<Known> {
        let (stream, counters) = (glib::WeakRef::default(), counters.clone());
        let latch = AtomicBool::new(false);
        Arc::new(Known { component: 1, local_port: 9, address, stream, associate: false, counters, latch })
    }

    fn bytes(counters: &Counters) -> u64 {
        counters.describe(1, None, None).get("bytes-received").unwrap()
    }

    #[test]
    fn what_is_remembered_of_a_sender_ends_with_the_next_change() {
        gst::init().unwrap();
        let address = SocketAddr::from(([192, 0, 2, 1], 5000));
        let [first, second] = [(); 2].map(|()| Counters::default());
        let (sources, mut recent) = (Sources::default(), Recent::default());
        let mut received = |sources: &Sources, from| _ = sources.received(&mut recent, 1, 9, from, 100);
        received(&sources, address);
        let one = known(address, &first);
        sources.add(&one);
        received(&sources, address);
        received(&sources, address);
        assert_eq!(bytes(&first), 200, "known from the next packet on");
        received(&sources, SocketAddr::from(([192, 0, 2, 1], 5001)));
        assert_eq!(bytes(&first), 200, "another port is somebody else");
        received(&sources, address);
        let two = known(address, &second);
        sources.add(&two);
        received(&sources, address);
        assert_eq!([&first, &second].map(bytes), [300, 0], "whose it is cannot be told");
        sources.remove(&one);
        received(&sources, address);
        assert_eq!([&first, &second].map(bytes), [300, 100]);
    }
}
