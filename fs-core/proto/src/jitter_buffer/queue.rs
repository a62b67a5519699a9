//! Packets in the order of their sequence numbers, and what else keeps its place among them.

use std::collections::VecDeque;

/// A packet with its place.
#[derive(Debug)]
pub(super) struct Queued<T> {
    /// Without wraps.
    pub(super) sequence: u64,
    pub(super) timestamp: u32,
    /// The playout time, without latency and offset.
    pub(super) time_ns: u64,
    /// When it was put in.
    pub(super) came_ns: u64,
    pub(super) packet: T,
}

#[derive(Debug)]
pub(super) enum Entry<T> {
    Packet(Queued<T>),
    Other(T),
}

/// Cheap at both ends: packets mostly come in order.
#[derive(Debug)]
pub(super) struct Queue<T> {
    entries: VecDeque<Entry<T>>,
    packets: usize,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        Self { entries: VecDeque::new(), packets: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn packets(&self) -> usize {
        self.packets
    }

    pub(super) fn front(&self) -> Option<&Entry<T>> {
        self.entries.front()
    }

    pub(super) fn pop_front(&mut self) -> Option<Entry<T>> {
        let entry = self.entries.pop_front()?;
        if let Entry::Packet(_) = entry {
            self.packets -= 1;
        }
        Some(entry)
    }

    pub(super) fn first_packet(&self) -> Option<&Queued<T>> {
        self.entries.iter().find_map(packet)
    }

    pub(super) fn last_packet(&self) -> Option<&Queued<T>> {
        self.entries.iter().rev().find_map(packet)
    }

    /// Where a packet goes: before the first one with a higher number, behind all others. None if it is there already.
    pub(super) fn place(&self, sequence: u64) -> Option<usize> {
        let mut place = self.entries.len();
        for (i, entry) in self.entries.iter().enumerate().rev() {
            match packet(entry) {
                Some(queued) if queued.sequence > sequence => place = i,
                Some(queued) if queued.sequence == sequence => return None,
                Some(_) => break,
                None => {}
            }
        }
        Some(place)
    }

    pub(super) fn insert(&mut self, place: usize, queued: Queued<T>) {
        self.packets += 1;
        if place >= self.entries.len() {
            self.entries.push_back(Entry::Packet(queued));
        } else {
            self.entries.insert(place, Entry::Packet(queued));
        }
    }

    pub(super) fn append(&mut self, other: T) {
        self.entries.push_back(Entry::Other(other));
    }

    /// Only what is no packet stays, in order.
    pub(super) fn drop_packets(&mut self) {
        self.entries.retain(|entry| packet(entry).is_none());
        self.packets = 0;
    }
}

fn packet<T>(entry: &Entry<T>) -> Option<&Queued<T>> {
    match entry {
        Entry::Packet(queued) => Some(queued),
        Entry::Other(_) => None,
    }
}
