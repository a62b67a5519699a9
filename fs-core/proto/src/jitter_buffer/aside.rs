//! Packets too far from the expected one: strays, or a sender that began anew (RFC 3550 appendix A.1).

use super::Header;

/// So many consecutive packets of one format are a sender that began anew.
const RESTART_PACKETS: usize = 5;

/// A packet that is not sorted in.
#[derive(Debug)]
pub(super) struct Arrived<T> {
    pub(super) header: Header,
    pub(super) arrival_ns: u64,
    pub(super) packet: T,
}

/// Packets that wait for others like them, in order.
#[derive(Debug)]
pub(super) struct Aside<T>(Vec<Arrived<T>>);

impl<T> Aside<T> {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Gives them back once there are enough; a stray one drops them all, itself as well.
    pub(super) fn put(&mut self, arrived: Arrived<T>) -> Option<Vec<Arrived<T>>> {
        let Header { sequence_number, payload_type, .. } = arrived.header;
        let newer =
            |other: &Arrived<T>| other.header.sequence_number.wrapping_sub(sequence_number).cast_signed() > 0;
        let place = self.0.iter().position(newer).unwrap_or(self.0.len());
        self.0.insert(place, arrived);
        let first = self.0.first()?.header.sequence_number;
        let consecutive = self.0.iter().zip(0u16..).all(|(other, i)| {
            other.header.sequence_number == first.wrapping_add(i) && other.header.payload_type == payload_type
        });
        if !consecutive {
            self.0.clear();
        }
        (self.0.len() >= RESTART_PACKETS).then(|| std::mem::take(&mut self.0))
    }
}
