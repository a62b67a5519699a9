//! Our own packets, which the group gives back to us: heard again they would be a second sender with our SSRC, and the
//! session would change its SSRC again and again (RFC 3550 section 8.2).

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;

use super::lock;

/// How many packets are remembered: what may be under way through this host's stack.
const REMEMBERED: usize = 256;

/// Longest part of a packet that is compared: the headers of RTP and RTCP, which no two packets of a session share.
const COMPARED: usize = 64;

/// The packets of RTP or RTCP that were sent last.
pub(super) struct Echo(Mutex<Ring>);

struct Ring {
    sent: [Option<u64>; REMEMBERED],
    next: usize,
}

impl Default for Echo {
    fn default() -> Self {
        Self(Mutex::new(Ring { sent: [None; REMEMBERED], next: 0 }))
    }
}

impl Echo {
    /// Remembers a packet that is being sent.
    pub(super) fn sent(&self, packet: &gst::BufferRef) {
        let Some(mark) = mark(packet) else { return };
        let mut ring = lock(&self.0);
        let place = ring.next;
        ring.sent[place] = Some(mark);
        ring.next = (place + 1) % REMEMBERED;
    }

    /// Whether a packet is one of ours; each is recognised once.
    pub(super) fn is_own(&self, packet: &gst::BufferRef) -> bool {
        let Some(mark) = mark(packet) else { return false };
        let mut ring = lock(&self.0);
        let found = ring.sent.iter_mut().find(|sent| **sent == Some(mark));
        found.map(Option::take).is_some()
    }
}

/// What tells packets apart; `None` for what is neither RTP nor RTCP.
fn mark(packet: &gst::BufferRef) -> Option<u64> {
    let mut head = [0u8; COMPARED];
    let length = packet.size().min(COMPARED);
    let head = head.get_mut(..length)?;
    packet.copy_to_slice(0, head).ok()?;
    if length < 8 || head[0] >> 6 != 2 {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    (packet.size(), head).hash(&mut hasher);
    Some(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rtp(sequence: u8) -> gst::Buffer {
        gst::init().unwrap();
        gst::Buffer::from_slice([0x80, 0, 0, sequence, 0, 0, 0, 0, 1, 2, 3, 4, 9, 9])
    }

    #[test]
    fn own_packets_are_recognised_once() {
        let echo = Echo::default();
        assert!(!echo.is_own(&rtp(1)));
        echo.sent(&rtp(1));
        echo.sent(&rtp(2));
        assert!(!echo.is_own(&rtp(3)));
        assert!(echo.is_own(&rtp(2)));
        assert!(!echo.is_own(&rtp(2)), "the same packet again comes from somebody else");
        assert!(echo.is_own(&rtp(1)));
    }

    #[test]
    fn other_packets_pass() {
        gst::init().unwrap();
        let echo = Echo::default();
        for bytes in [&[0u8; 20][..], &[0x80, 0, 0], &[]] {
            let packet = gst::Buffer::from_slice(bytes.to_vec());
            echo.sent(&packet);
            assert!(!echo.is_own(&packet), "{bytes:?}");
        }
    }
}
