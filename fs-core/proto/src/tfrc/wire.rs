//! What stands in packets: the header extension `rtt-sendts` and the feedback of RTPFB format 2.

use std::time::Duration;

/// The `FMT` of our feedback in RTCP packets of type 205 (draft-ietf-avt-tfrc-profile-10 section 5).
pub const FEEDBACK_FORMAT: u8 = 2;

/// The sender's words in each packet, seven octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The sender's round-trip time, below 16.8 s; zero while it knows none.
    pub rtt: Duration,
    /// When the packet was sent, in microseconds of a clock of the sender's that wraps.
    pub time: u32,
}

impl Stamp {
    /// How many octets it takes.
    pub const LENGTH: usize = 7;

    /// As octets. A longer round-trip time than 24 bits hold is written as the longest.
    pub fn to_bytes(self) -> [u8; Self::LENGTH] {
        let rtt = u32::try_from(self.rtt.as_micros()).unwrap_or(u32::MAX).min(0x00ff_ffff).to_be_bytes();
        let time = self.time.to_be_bytes();
        [rtt[1], rtt[2], rtt[3], time[0], time[1], time[2], time[3]]
    }

    /// From octets; none if there are not exactly seven.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let &[a, b, c, d, e, f, g] = bytes else { return None };
        let rtt = Duration::from_micros(u32::from_be_bytes([0, a, b, c]).into());
        Some(Self { rtt, time: u32::from_be_bytes([d, e, f, g]) })
    }
}

/// The receiver's report, sixteen octets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Feedback {
    /// [`Stamp::time`] of the newest packet.
    pub time: u32,
    /// How long ago that packet came.
    pub delay: Duration,
    /// Bytes per second received since the last report.
    pub receive_byte_rate: u32,
    /// Loss events a packet, 0 to 1.
    pub loss_event_rate: f64,
}

impl Feedback {
    /// How many octets it takes.
    pub const LENGTH: usize = 16;

    /// As octets, the `FCI` of the RTCP packet.
    pub fn to_bytes(self) -> [u8; Self::LENGTH] {
        let delay = u32::try_from(self.delay.as_micros()).unwrap_or(u32::MAX);
        let loss = (self.loss_event_rate.clamp(0.0, 1.0) * f64::from(u32::MAX)) as u32;
        let mut bytes = [0; Self::LENGTH];
        for (place, word) in bytes.chunks_exact_mut(4).zip([self.time, delay, self.receive_byte_rate, loss]) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }

    /// From octets; none if there are not exactly sixteen.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::LENGTH] = bytes.try_into().ok()?;
        let word = |i: usize| u32::from_be_bytes([bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]]);
        Some(Self {
            time: word(0),
            delay: Duration::from_micros(word(4).into()),
            receive_byte_rate: word(8),
            loss_event_rate: f64::from(word(12)) / f64::from(u32::MAX),
        })
    }

    /// The whole RTCP packet (RFC 4585 section 6.1).
    pub fn to_rtcp(self, sender_ssrc: u32, media_ssrc: u32) -> [u8; 12 + Self::LENGTH] {
        let mut packet = [0; 12 + Self::LENGTH];
        packet[..4].copy_from_slice(&[0x80 | FEEDBACK_FORMAT, 205, 0, 6]);
        packet[4..8].copy_from_slice(&sender_ssrc.to_be_bytes());
        packet[8..12].copy_from_slice(&media_ssrc.to_be_bytes());
        packet[12..].copy_from_slice(&self.to_bytes());
        packet
    }
}

/// The number of 64 bits with these low bits that lies next to a known one.
pub(super) fn widen(low: u64, bits: u32, near: u64) -> u64 {
    let (cycle, half) = (1u64 << bits, 1u64 << (bits - 1));
    let same = (near & !(cycle - 1)) | low;
    if same > near && same - near > half && same >= cycle {
        same - cycle
    } else if near > same && near - same > half {
        same + cycle
    } else {
        same
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_has_24_and_32_bits() {
        let stamp = Stamp { rtt: Duration::from_micros(0x01_0203), time: 0x0405_0607 };
        assert_eq!(stamp.to_bytes(), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(Stamp::from_bytes(&stamp.to_bytes()), Some(stamp));
        assert_eq!(Stamp::from_bytes(&[0; 6]), None);
        let slow = Stamp { rtt: Duration::from_secs(60), time: 0 };
        assert_eq!(slow.to_bytes()[..3], [0xff; 3]);
    }

    #[test]
    fn feedback_is_an_rtcp_packet_of_seven_words() {
        let feedback = Feedback {
            time: 0x0102_0304,
            delay: Duration::from_micros(0x0506_0708),
            receive_byte_rate: 0x090a_0b0c,
            loss_event_rate: 0.5,
        };
        let packet = feedback.to_rtcp(0xaabb_ccdd, 0x1122_3344);
        assert_eq!(packet[..4], [0x82, 205, 0, 6]);
        assert_eq!(packet[4..12], [0xaa, 0xbb, 0xcc, 0xdd, 0x11, 0x22, 0x33, 0x44]);
        assert_eq!(packet[12..24], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        let back = Feedback::from_bytes(&packet[12..]).unwrap();
        assert!((back.loss_event_rate - 0.5).abs() < 1e-6);
        assert_eq!(Feedback { loss_event_rate: 0.5, ..back }, feedback);
        assert_eq!(Feedback::from_bytes(&packet), None);
    }

    #[test]
    fn numbers_are_widened_to_the_nearest() {
        assert_eq!(widen(5, 16, 65_530), 65_541);
        assert_eq!(widen(65_530, 16, 65_541), 65_530);
        assert_eq!(widen(7, 16, 3), 7);
        assert_eq!(widen(65_000, 16, 3), 65_000, "there is nothing below zero");
        assert_eq!(widen(0, 32, (7 << 32) + 0xffff_ffff), 8 << 32);
    }
}
