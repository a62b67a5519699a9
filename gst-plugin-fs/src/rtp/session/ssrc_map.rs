//! Which stream a received SSRC belongs to.
//!
//! Mappings are first come, first served: a known SSRC keeps its stream until the stream goes, or, if nobody
//! named the SSRC explicitly, until its source says BYE or falls silent. Pure: no locks, no GStreamer.

use std::collections::HashMap;

/// The session's own name for a stream.
pub type StreamId = u64;

/// How many SSRCs may be mapped without anybody having named them: a bound on what a peer can make us keep.
const MAX_AUTOMATIC: usize = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mapping {
    stream: StreamId,
    named: bool,
}

/// SSRC to stream.
#[derive(Debug, Default)]
pub struct SsrcMap(HashMap<u32, Mapping>);

impl SsrcMap {
    /// The stream of an SSRC.
    pub fn get(&self, ssrc: u32) -> Option<StreamId> {
        self.0.get(&ssrc).map(|m| m.stream)
    }

    /// All SSRCs with their streams.
    pub fn iter(&self) -> impl Iterator<Item = (u32, StreamId)> + '_ {
        self.0.iter().map(|(ssrc, mapping)| (*ssrc, mapping.stream))
    }

    /// The application named the SSRC (`fs_stream_add_id`): permanent. False if it belongs to another stream.
    pub fn name(&mut self, ssrc: u32, stream: StreamId) -> bool {
        let entry = self.0.entry(ssrc).or_insert(Mapping { stream, named: true });
        if entry.stream == stream {
            entry.named = true;
        }
        entry.stream == stream
    }

    /// Whether no more can be guessed.
    pub fn is_full(&self) -> bool {
        self.0.values().filter(|m| !m.named).count() >= MAX_AUTOMATIC
    }

    /// Makes room: what was guessed and came to nothing goes.
    pub fn drop_guesses(&mut self, came_to_something: impl Fn(u32) -> bool) {
        self.0.retain(|ssrc, m| m.named || came_to_something(*ssrc));
    }

    /// Source address, CNAME or being the only stream gave the SSRC to a stream. True if that is news.
    pub fn guess(&mut self, ssrc: u32, stream: StreamId) -> bool {
        if self.0.contains_key(&ssrc) || self.is_full() {
            return false;
        }
        self.0.insert(ssrc, Mapping { stream, named: false });
        true
    }

    /// The source left: forgets a guessed mapping. The stream it had.
    pub fn gone(&mut self, ssrc: u32) -> Option<StreamId> {
        let mapping = *self.0.get(&ssrc)?;
        if !mapping.named {
            self.0.remove(&ssrc);
        }
        Some(mapping.stream)
    }

    /// Other SSRCs that were guessed to be of that stream.
    pub fn other_guesses(&self, stream: StreamId, ssrc: u32) -> Vec<u32> {
        self.0
            .iter()
            .filter(|&(&other, m)| m.stream == stream && !m.named && other != ssrc)
            .map(|(&other, _)| other)
            .collect()
    }

    /// The stream is gone, and with it all its mappings.
    pub fn remove_stream(&mut self, stream: StreamId) {
        self.0.retain(|_, m| m.stream != stream);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_come_first_served() {
        let mut map = SsrcMap::default();
        assert!(map.guess(7, 1));
        assert!(!map.guess(7, 2));
        assert!(!map.name(7, 2));
        assert_eq!(map.get(7), Some(1));
        assert!(map.name(7, 1));
    }

    #[test]
    fn only_guesses_end_with_the_source() {
        let mut map = SsrcMap::default();
        map.name(1, 10);
        map.guess(2, 10);
        map.guess(3, 10);
        assert_eq!(map.other_guesses(10, 3), [2]);
        assert_eq!(map.gone(1), Some(10));
        assert_eq!(map.gone(2), Some(10));
        assert_eq!(map.gone(99), None);
        assert_eq!((map.get(1), map.get(2)), (Some(10), None));
    }

    #[test]
    fn a_stream_takes_its_mappings_along() {
        let mut map = SsrcMap::default();
        map.name(1, 10);
        map.guess(2, 10);
        map.guess(3, 11);
        map.remove_stream(10);
        assert_eq!((map.get(1), map.get(2), map.get(3)), (None, None, Some(11)));
    }

    #[test]
    fn guesses_are_bounded() {
        let mut map = SsrcMap::default();
        let taken = (0..1000).filter(|&ssrc| map.guess(ssrc, 1)).count();
        assert_eq!(taken, MAX_AUTOMATIC);
        assert!(map.name(5000, 1) && map.is_full());
        map.drop_guesses(|ssrc| ssrc == 7);
        assert_eq!([map.get(7), map.get(8), map.get(5000)], [Some(1), None, Some(1)]);
        assert!(map.guess(2000, 1));
    }
}
