//! Packet index: the 16-bit sequence number with the count of its roll-overs (RFC 3711 section 3.3.1).

/// The highest index seen of one SSRC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PacketIndex {
    /// How often the sequence number rolled over.
    pub roll_over: u32,
    /// The sequence number.
    pub sequence: u16,
}

impl PacketIndex {
    const HALF: i32 = 1 << 15;

    /// The first index of an SSRC.
    pub fn first(sequence: u16) -> Self {
        Self { roll_over: 0, sequence }
    }

    /// The index of a packet with that sequence number: the one nearest to this.
    pub fn guess(self, sequence: u16) -> Self {
        let (last, now) = (i32::from(self.sequence), i32::from(sequence));
        let roll_over = if last < Self::HALF && now - last > Self::HALF {
            self.roll_over.saturating_sub(1)
        } else if last >= Self::HALF && last - Self::HALF > now {
            self.roll_over.wrapping_add(1)
        } else {
            self.roll_over
        };
        Self { roll_over, sequence }
    }

    /// Sequence numbers to run through, from nothing, to reach this index: no step is so long that its
    /// direction is in doubt. The last one is this index itself.
    pub fn steps(self) -> impl Iterator<Item = u16> {
        const STEP: u64 = 1 << 14;
        let end = u64::from(self.roll_over) << 16 | u64::from(self.sequence);
        // `% 65536` keeps what fits.
        (0..end.div_ceil(STEP)).map(move |n| (n * STEP % 65536) as u16).chain([self.sequence])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(roll_over: u32, sequence: u16) -> PacketIndex {
        PacketIndex { roll_over, sequence }
    }

    #[test]
    fn the_nearest_index_is_guessed() {
        for (last, sequence, guessed) in [
            (index(0, 10), 11, index(0, 11)),
            (index(0, 10), 9, index(0, 9)),
            (index(0, 65535), 0, index(1, 0)),
            (index(0, 65000), 100, index(1, 100)),
            (index(1, 0), 65535, index(0, 65535)),
            (index(7, 100), 65000, index(6, 65000)),
            (index(7, 40000), 30000, index(7, 30000)),
            (index(0, 5), 65530, index(0, 65530)),
        ] {
            assert_eq!(last.guess(sequence), guessed, "{last:?} then {sequence}");
        }
    }

    #[test]
    fn steps_lead_there() {
        for end in [index(0, 0), index(0, 5), index(0, 16384), index(1, 0), index(3, 65535), index(9, 17)] {
            let mut steps = end.steps();
            let first = PacketIndex::first(steps.next().unwrap());
            assert_eq!(steps.fold(first, PacketIndex::guess), end);
        }
    }
}
