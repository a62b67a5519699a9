//! Maps of an endpoint that hold a hundred thousand entries after a busy
//! minute and none an hour later.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};

/// Capacity below which a map is not worth shrinking.
const SMALL: usize = 256;

/// A map that gives memory back when most of its entries have gone.
#[derive(Debug)]
pub struct Map<K, V, S = RandomState>(HashMap<K, V, S>);

/// A [`Map`] by numbers that we have given ourselves: nobody can choose them so
/// that they meet in one place, so the hash may be simple.
pub type IdMap<K, V> = Map<K, V, BuildHasherDefault<IdHasher>>;

impl<K, V, S: Default> Default for Map<K, V, S> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> Map<K, V, S> {
    /// Inserts, and gives back what was there before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.0.insert(key, value)
    }

    /// Takes an entry out.
    pub fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let value = self.0.remove(key)?;
        let capacity = self.0.capacity();
        if capacity > SMALL && self.0.len() < capacity / 8 {
            self.0.shrink_to(capacity / 4);
        }
        Some(value)
    }
}

impl<K, V, S> std::ops::Deref for Map<K, V, S> {
    type Target = HashMap<K, V, S>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<K, V, S> std::ops::DerefMut for Map<K, V, S> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

/// Mixes the words of a key by multiplication.
#[derive(Debug, Default, Clone, Copy)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        // The map takes its bits from both ends.
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|b| self.write_u64(u64::from(*b)));
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_isize(&mut self, word: isize) {
        self.write_u64(word as u64);
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_back() {
        let mut map: IdMap<u64, [u8; 64]> = IdMap::default();
        for n in 0..50_000 {
            map.insert(n, [0; 64]);
        }
        assert!(map.capacity() >= 50_000);
        for n in 0..49_990 {
            assert!(map.remove(&n).is_some(), "{n}");
        }
        assert_eq!(map.remove(&1), None);
        assert!(map.capacity() <= 4 * SMALL, "{}", map.capacity());
        assert!((49_990..50_000).all(|n| map.contains_key(&n)));
    }

    #[test]
    fn neighbours_do_not_meet() {
        let hash = |n: u64| BuildHasherDefault::<IdHasher>::default().hash_one(n);
        let mut low: Vec<u64> = (0..1000).map(|n| hash(2 * n) % 4096).collect();
        low.sort_unstable();
        low.dedup();
        assert!(low.len() > 700, "{}", low.len());
    }
}
