//! Many deadlines, one question: which is next?

use std::collections::BTreeSet;
use std::hash::Hash;
use std::time::Instant;

use super::ids::IdMap;

/// At most one deadline for each key, which is a number of our own.
#[derive(Debug)]
pub struct Deadlines<K> {
    order: BTreeSet<(Instant, K)>,
    by_key: IdMap<K, Instant>,
}

impl<K: Copy + Ord + Hash> Deadlines<K> {
    /// None at all.
    #[must_use]
    pub fn new() -> Self {
        Self { order: BTreeSet::new(), by_key: IdMap::default() }
    }

    /// Sets, moves or (with `None`) removes the deadline of `key`.
    pub fn set(&mut self, key: K, at: Option<Instant>) {
        let before = match at {
            Some(at) => self.by_key.insert(key, at),
            None => self.by_key.remove(&key),
        };
        if let Some(before) = before {
            self.order.remove(&(before, key));
        }
        if let Some(at) = at {
            self.order.insert((at, key));
        }
    }

    /// The deadline of `key`.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<Instant> {
        self.by_key.get(key).copied()
    }

    /// The earliest deadline.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Takes the earliest key that is due.
    pub fn pop(&mut self, now: Instant) -> Option<K> {
        let (at, key) = *self.order.first()?;
        if at > now {
            return None;
        }
        self.set(key, None);
        Some(key)
    }
}

impl<K: Copy + Ord + Hash> Default for Deadlines<K> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_earliest_comes_first_and_moves_with_its_key() {
        let now = Instant::now();
        let at = |s| now + Duration::from_secs(s);
        let mut d = Deadlines::new();
        d.set('a', Some(at(3)));
        d.set('b', Some(at(2)));
        d.set('a', Some(at(1)));
        d.set('c', Some(at(1)));
        d.set('c', None);
        assert_eq!(d.next(), Some(at(1)));
        assert_eq!(d.pop(now), None);
        assert_eq!(d.pop(at(9)), Some('a'));
        assert_eq!(d.pop(at(9)), Some('b'));
        assert_eq!((d.pop(at(9)), d.next()), (None, None));
    }
}
