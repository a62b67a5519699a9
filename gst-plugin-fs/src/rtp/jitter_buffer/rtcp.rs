//! What a sender report says of time (RFC 3550 sections 6.4.1 and 6.5), for rtpbin to play sources of one peer together.

const SENDER_REPORT: u8 = 200;
const DESCRIPTION: u8 = 202;
const CNAME: u8 = 1;
/// Parts of a compound packet that are looked at, at most.
const MOST_PARTS: usize = 32;

/// From a sender report and the description with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub ssrc: u32,
    /// Since 1900.
    pub ntp_ns: u64,
    pub timestamp: u32,
    /// Empty where it is not said.
    pub cname: String,
}

impl Report {
    /// The first sender report of a compound packet; `None` if there is none.
    pub fn parse(mut packet: &[u8]) -> Option<Self> {
        let mut report: Option<Self> = None;
        for _ in 0..MOST_PARTS {
            let Some((header, _)) = packet.split_first_chunk::<4>() else { break };
            let length = (usize::from(u16::from_be_bytes([header[2], header[3]])) + 1) * 4;
            let Some((part, rest)) = packet.split_at_checked(length).filter(|_| header[0] >> 6 == 2) else {
                break;
            };
            match (header[1], &mut report) {
                (SENDER_REPORT, None) => report = Self::of(part),
                (DESCRIPTION, Some(report)) => {
                    if let Some(cname) = cname(&part[4..], header[0] & 0x1f, report.ssrc) {
                        report.cname = cname;
                        break;
                    }
                }
                _ => {}
            }
            packet = rest;
        }
        report
    }

    fn of(part: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_be_bytes(*part.get(at..)?.first_chunk()?));
        let (ssrc, seconds, fraction, timestamp) = (word(4)?, word(8)?, word(12)?, word(16)?);
        let below_ns = (u64::from(fraction) * 1_000_000_000) >> 32;
        let ntp_ns = u64::from(seconds) * 1_000_000_000 + below_ns;
        Some(Self { ssrc, ntp_ns, timestamp, cname: String::new() })
    }
}

/// The CNAME of a source among so many chunks of a description.
fn cname(mut chunks: &[u8], count: u8, wanted: u32) -> Option<String> {
    for _ in 0..count {
        let (ssrc, mut items) = chunks.split_first_chunk::<4>()?;
        let start = chunks.len();
        loop {
            let (&kind, rest) = items.split_first()?;
            if kind == 0 {
                items = rest;
                break;
            }
            let (&length, rest) = rest.split_first()?;
            let (text, rest) = rest.split_at_checked(usize::from(length))?;
            if kind == CNAME && u32::from_be_bytes(*ssrc) == wanted {
                return Some(String::from_utf8_lossy(text).into_owned());
            }
            items = rest;
        }
        // Chunks begin at multiples of four bytes.
        let used = (start - items.len()).next_multiple_of(4);
        chunks = chunks.get(used..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sender report and a description with another source's chunk before the sender's.
    fn compound() -> Vec<u8> {
        let mut packet = vec![0x80, 200, 0, 6];
        for word in [7u32, 10, 0x8000_0000, 160, 1, 160] {
            packet.extend(word.to_be_bytes());
        }
        packet.extend([0x82, 202, 0, 6]);
        packet.extend([0, 0, 0, 9, 1, 1, b'x', 0]);
        packet.extend([0, 0, 0, 7, 2, 1, b'n', 1, 5, b'a', b'@', b'b', b'.', b'c', 0, 0]);
        packet
    }

    #[test]
    fn the_report_and_the_name_of_its_sender_are_found() {
        let report = Report::parse(&compound()).expect("there is one");
        assert_eq!(
            report,
            Report { ssrc: 7, ntp_ns: 10_500_000_000, timestamp: 160, cname: "a@b.c".to_owned() }
        );
    }

    #[test]
    fn short_and_false_packets_say_nothing_and_never_panic() {
        let whole = compound();
        for end in 0..whole.len() {
            let report = Report::parse(&whole[..end]);
            assert_eq!(report.is_some(), end >= 28, "{end}");
        }
        assert_eq!(Report::parse(&[0x80, 201, 0, 1, 0, 0, 0, 7]), None, "a receiver report");
        assert_eq!(Report::parse(&[0x80, 200, 0, 0]), None);
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut broken = whole.clone();
                broken[at] = value;
                let _ = Report::parse(&broken);
            }
        }
    }
}
