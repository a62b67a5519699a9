//! What stands in the clear in every packet, encrypted or not: SSRC and sequence number.

/// RTP or RTCP, each with its own keys and policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// RTP.
    Rtp,
    /// RTCP.
    Rtcp,
}

impl Kind {
    /// The beginning of the names of the srtp elements' pads.
    pub fn pad_prefix(self) -> &'static str {
        match self {
            Self::Rtp => "rtp",
            Self::Rtcp => "rtcp",
        }
    }
}

/// The part of a packet's header that says whose context it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// RTP or RTCP; told by the payload type where both share a port (RFC 5761 section 4).
    pub kind: Kind,
    /// Who sent it.
    pub ssrc: u32,
    /// Sequence number; 0 for RTCP.
    pub sequence: u16,
}

impl Header {
    /// Reads a packet that came on the path of that kind; `None` if it is none.
    pub fn read(kind: Kind, buffer: &gst::BufferRef) -> Option<Self> {
        let mut head = [0u8; 12];
        let length = buffer.size().min(head.len());
        buffer.copy_to_slice(0, head.get_mut(..length)?).ok()?;
        if length < 8 || head[0] >> 6 != 2 {
            return None;
        }
        let word = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        if kind == Kind::Rtcp || (192..=223).contains(&head[1]) {
            return Some(Self { kind: Kind::Rtcp, ssrc: word(4), sequence: 0 });
        }
        let sequence = u16::from_be_bytes([head[2], head[3]]);
        (length == head.len()).then(|| Self { kind, ssrc: word(8), sequence })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: Kind, bytes: &[u8]) -> Option<Header> {
        gst::init().expect("GStreamer works");
        Header::read(kind, &gst::Buffer::from_slice(bytes.to_vec()))
    }

    #[test]
    fn packets_are_told_apart() {
        let rtp = [0x80, 96, 1, 2, 0, 0, 0, 0, 9, 8, 7, 6, 5];
        let header = Header { kind: Kind::Rtp, ssrc: 0x0908_0706, sequence: 0x0102 };
        assert_eq!(read(Kind::Rtp, &rtp), Some(header));
        let rtcp = [0x80, 201, 0, 1, 9, 8, 7, 6];
        let header = Header { kind: Kind::Rtcp, ssrc: 0x0908_0706, sequence: 0 };
        assert_eq!(read(Kind::Rtcp, &rtcp), Some(header));
        assert_eq!(read(Kind::Rtp, &rtcp), Some(header));
    }

    #[test]
    fn what_is_no_packet_is_known() {
        for bytes in [&[][..], &[0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[0; 20], &[0x80, 201, 0, 1]] {
            assert_eq!(read(Kind::Rtp, bytes), None, "{bytes:?}");
        }
    }
}
