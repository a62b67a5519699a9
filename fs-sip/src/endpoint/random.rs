//! The random source of tags, branches and Call-IDs: ChaCha20 (RFC 8439)
//! as a generator, since RFC 3261 section 19.3 wants them cryptographically
//! random and tests want them reproducible.

/// A generator that a 32-byte seed determines.
#[derive(Clone)]
pub struct Random {
    key: [u32; 8],
    counter: u64,
    block: [u32; 16],
    used: usize,
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random")
    }
}

impl Random {
    /// Starts from a seed; take it from the system, or fixed in tests.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        let mut key = [0; 8];
        for (word, bytes) in key.iter_mut().zip(seed.as_chunks::<4>().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        Self { key, counter: 0, block: [0; 16], used: 16 }
    }

    /// 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.used == self.block.len() {
            self.block = chacha20_block(&self.key, self.counter);
            self.counter += 1;
            self.used = 0;
        }
        let word = self.block[self.used];
        self.used += 1;
        word
    }

    /// Random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next_u32().to_le_bytes()[0])
    }

    /// A number below `limit`, which must not be 0; the small bias does not
    /// matter for what it is used for (waiting times).
    pub fn below(&mut self, limit: u32) -> u32 {
        self.next_u32() % limit.max(1)
    }

    /// A token of `words` times 32 bits in hexadecimal digits.
    pub fn token(&mut self, words: usize) -> String {
        let mut token = String::with_capacity(8 * words);
        for _ in 0..words {
            let word = self.next_u32();
            token.extend(
                (0..8).rev().map(|n| char::from(b"0123456789abcdef"[(word >> (4 * n)) as usize & 15])),
            );
        }
        token
    }
}

fn chacha20_block(key: &[u32; 8], counter: u64) -> [u32; 16] {
    let mut start = [0u32; 16];
    start[..4].copy_from_slice(&[0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574]);
    start[4..12].copy_from_slice(key);
    start[12] = counter as u32;
    start[13] = (counter >> 32) as u32;
    let mut s = start;
    for _ in 0..10 {
        for (a, b, c, d) in [
            (0, 4, 8, 12),
            (1, 5, 9, 13),
            (2, 6, 10, 14),
            (3, 7, 11, 15),
            (0, 5, 10, 15),
            (1, 6, 11, 12),
            (2, 7, 8, 13),
            (3, 4, 9, 14),
        ] {
            s[a] = s[a].wrapping_add(s[b]);
            s[d] = (s[d] ^ s[a]).rotate_left(16);
            s[c] = s[c].wrapping_add(s[d]);
            s[b] = (s[b] ^ s[c]).rotate_left(12);
            s[a] = s[a].wrapping_add(s[b]);
            s[d] = (s[d] ^ s[a]).rotate_left(8);
            s[c] = s[c].wrapping_add(s[d]);
            s[b] = (s[b] ^ s[c]).rotate_left(7);
        }
    }
    for (word, first) in s.iter_mut().zip(start) {
        *word = word.wrapping_add(first);
    }
    s
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_block_of_rfc_8439_a_1() {
        let mut random = Random::new([0; 32]);
        assert_eq!(random.next_u32().to_le_bytes(), [0x76, 0xb8, 0xe0, 0xad]);
        let rest: Vec<u32> = (0..15).map(|_| random.next_u32()).collect();
        assert_eq!(rest[14].to_le_bytes(), [0xb2, 0xee, 0x65, 0x86]);
        assert_eq!(random.next_u32().to_le_bytes(), [0x9f, 0x07, 0xe7, 0xbe], "second block");
    }

    #[test]
    fn same_seed_same_tokens() {
        let (mut a, mut b) = (Random::new([7; 32]), Random::new([7; 32]));
        assert_eq!(a.token(4), b.token(4));
        assert_eq!(a.token(2).len(), 16);
        assert_ne!(a.token(1), b.token(2)[8..]);
    }
}
