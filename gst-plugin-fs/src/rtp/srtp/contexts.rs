//! How far each SSRC of one direction has come. A new key goes on from there (RFC 3711 section 3.3.1: the
//! roll-over counter is kept; section 3.4: so is the index of RTCP), and a new SSRC begins at 0.

use fs_proto::srtp::PacketIndex;

/// How many SSRCs are remembered; the one that was silent longest goes first.
const MAX_CONTEXTS: usize = 64;

/// How far one SSRC has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// Whose it is.
    pub ssrc: u32,
    /// The highest index of RTP; `None` before the first packet.
    pub rtp: Option<PacketIndex>,
    /// How many RTCP packets were seen.
    pub rtcp: u32,
    last_used: u64,
}

/// What is known of every SSRC.
#[derive(Clone, Debug, Default)]
pub struct Contexts {
    known: Vec<Context>,
    uses: u64,
}

impl Contexts {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Context> {
        self.known.iter()
    }

    /// What is known of an SSRC.
    pub fn get(&self, ssrc: u32) -> Option<&Context> {
        self.known.iter().find(|context| context.ssrc == ssrc)
    }

    /// The one used last.
    pub fn latest(&self) -> Option<&Context> {
        self.known.iter().max_by_key(|context| context.last_used)
    }

    /// The index of a packet that follows what was seen of its SSRC.
    pub fn guess(&self, ssrc: u32, sequence: u16) -> PacketIndex {
        let last = self.get(ssrc).and_then(|context| context.rtp);
        last.map_or(PacketIndex::first(sequence), |last| last.guess(sequence))
    }

    /// An RTP packet was protected, or found genuine. The SSRC that was forgotten for it, if one had to be.
    pub fn saw_rtp(&mut self, ssrc: u32, sequence: u16) -> Option<u32> {
        let index = self.guess(ssrc, sequence);
        let (context, forgotten) = self.entry(ssrc);
        context.rtp = context.rtp.max(Some(index));
        forgotten
    }

    /// The same for an RTCP packet.
    pub fn saw_rtcp(&mut self, ssrc: u32) -> Option<u32> {
        let (context, forgotten) = self.entry(ssrc);
        context.rtcp = context.rtcp.saturating_add(1);
        forgotten
    }

    fn entry(&mut self, ssrc: u32) -> (&mut Context, Option<u32>) {
        self.uses += 1;
        let mut forgotten = None;
        let at = match self.known.iter().position(|context| context.ssrc == ssrc) {
            Some(at) => at,
            None => {
                if self.known.len() >= MAX_CONTEXTS {
                    let oldest = self.known.iter().enumerate().min_by_key(|(_, context)| context.last_used);
                    forgotten = oldest.map(|(at, _)| at).map(|at| self.known.swap_remove(at).ssrc);
                }
                self.known.push(Context { ssrc, rtp: None, rtcp: 0, last_used: 0 });
                self.known.len() - 1
            }
        };
        let context = &mut self.known[at];
        context.last_used = self.uses;
        (context, forgotten)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roll_overs_are_counted_for_each_ssrc() {
        let mut contexts = Contexts::default();
        for sequence in [65534, 65535, 0, 65533, 1] {
            contexts.saw_rtp(7, sequence);
        }
        contexts.saw_rtp(8, 3);
        let index = |ssrc| contexts.get(ssrc).and_then(|context| context.rtp).unwrap();
        assert_eq!(index(7), PacketIndex { roll_over: 1, sequence: 1 });
        assert_eq!(index(8), PacketIndex { roll_over: 0, sequence: 3 });
        assert_eq!(contexts.latest().map(|context| context.ssrc), Some(8));
        assert_eq!(contexts.guess(7, 65530), PacketIndex { roll_over: 0, sequence: 65530 });
    }

    #[test]
    fn a_flood_of_ssrcs_drops_the_silent_ones() {
        let mut contexts = Contexts::default();
        for ssrc in 0..10_000 {
            contexts.saw_rtp(ssrc, 1);
            contexts.saw_rtp(0, 1);
        }
        assert_eq!(contexts.iter().count(), MAX_CONTEXTS);
        assert!(contexts.get(0).is_some() && contexts.get(9_999).is_some() && contexts.get(5).is_none());
    }
}
