//! RTP header extensions of one m-line (`a=extmap`, RFC 8285 section 5) and its bandwidth (`b=`, RFC 8866 section 5.8).

use fs_proto::{RtpHeaderExtension, StreamDirection};

use crate::limits;

/// Octets that IPv4, UDP and RTP headers add to a packet: `b=AS` counts them (RFC 3890 section 1.1.1).
const PACKET_OVERHEAD: u32 = 20 + 8 + 12;
/// Packets a second that are assumed for that.
const PACKETS: u32 = 50;

/// Reads `a=extmap` lines, with directions as the peer sees them; those that can't be used are left out. Lines of the
/// session hold for every m-line.
#[must_use]
pub fn read(session: &sdp_types::Session, media: &sdp_types::Media) -> Vec<RtpHeaderExtension> {
    let own = media.get_attribute_values("extmap");
    let common = session.get_attribute_values("extmap");
    own.chain(common).flatten().take(limits::MAX_EXTENSIONS).filter_map(extension).collect()
}

/// Writes `a=extmap` lines, with directions as we see them. Identifiers must fit the wire.
pub fn write(media: &mut sdp_types::Media, extensions: &[RtpHeaderExtension]) {
    for RtpHeaderExtension { id, direction, uri } in extensions {
        if !(1..=255).contains(id) || uri.is_empty() || !uri.bytes().all(|b| b.is_ascii_graphic()) {
            continue;
        }
        let way = if *direction == StreamDirection::BOTH {
            String::new()
        } else {
            format!("/{}", direction.sdp_name())
        };
        media.add_attribute_with_value("extmap", format!("{id}{way} {uri}"));
    }
}

/// How much the peer takes in the m-line, in bit/s of RTP payload: the least of `b=TIAS` and `b=AS`, of the m-line, else
/// of the session. `None` = no limit is given. 0 means that it takes nothing.
#[must_use]
pub fn bandwidth(session: &sdp_types::Session, media: &sdp_types::Media) -> Option<u32> {
    limit(&media.bandwidths).or_else(|| limit(&session.bandwidths))
}

/// Writes how much we take, in bit/s.
pub fn write_bandwidth(media: &mut sdp_types::Media, bits: u32) {
    let gross = u64::from(bits) + u64::from(PACKET_OVERHEAD * 8 * PACKETS);
    media.bandwidths = [("AS", gross.div_ceil(1000)), ("TIAS", u64::from(bits))]
        .map(|(kind, bandwidth)| sdp_types::Bandwidth { bwtype: kind.to_owned(), bandwidth })
        .into();
}

fn limit(lines: &[sdp_types::Bandwidth]) -> Option<u32> {
    let bits = |line: &sdp_types::Bandwidth| match line.bwtype.as_str() {
        kind if kind.eq_ignore_ascii_case("TIAS") => Some(line.bandwidth),
        kind if kind.eq_ignore_ascii_case("AS") => {
            let gross = line.bandwidth.saturating_mul(1000);
            // Small limits are meant for few packets a second; half of them is left in any case.
            Some(gross.saturating_sub(u64::from(PACKET_OVERHEAD * 8 * PACKETS)).max(gross / 2))
        }
        _ => None,
    };
    lines.iter().filter_map(bits).min().map(|bits| u32::try_from(bits).unwrap_or(u32::MAX))
}

/// `ID[/direction] URI [attributes]`.
fn extension(value: &str) -> Option<RtpHeaderExtension> {
    let mut words = value.split_ascii_whitespace();
    let (id, uri) = (words.next()?, words.next()?);
    let (id, way) = id.split_once('/').map_or((id, None), |(id, way)| (id, Some(way)));
    let known = [StreamDirection::BOTH, StreamDirection::SEND, StreamDirection::RECV, StreamDirection::NONE];
    let direction = match way {
        None => StreamDirection::BOTH,
        Some(way) => known.into_iter().find(|d| d.sdp_name() == way)?,
    };
    // Numbers from 4096 let an answerer choose among alternatives (RFC 8285 section 6).
    let id: u32 = id.parse().ok().filter(|id| (1..=255).contains(id) || (4096..=4351).contains(id))?;
    Some(RtpHeaderExtension { id, direction, uri: uri.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(head: &str, lines: &str) -> sdp_types::Session {
        let text = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\n{head}t=0 0\r\nm=audio 4000 RTP/AVP 0\r\n{lines}"
        );
        super::super::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn extensions_round_trip() {
        let session = session(
            "",
            "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level vad=on\r\na=extmap:2/sendonly urn:x\r\n\
             a=extmap:0 urn:zero\r\na=extmap:300 urn:high\r\na=extmap:3/sideways urn:y\r\na=extmap:4\r\n\
             a=extmap:4096 urn:choose\r\n",
        );
        let read = read(&session, &session.medias[0]);
        let shown: Vec<_> = read.iter().map(|e| (e.id, e.direction, e.uri.as_str())).collect();
        assert_eq!(
            shown,
            [
                (1, StreamDirection::BOTH, "urn:ietf:params:rtp-hdrext:ssrc-audio-level"),
                (2, StreamDirection::SEND, "urn:x"),
                (4096, StreamDirection::BOTH, "urn:choose")
            ]
        );
        let mut media =
            sdp_types::Media::new(sdp_types::MediaType::Audio, 1, sdp_types::TransportProto::RtpAvp, "0");
        write(&mut media, &read);
        let lines: Vec<_> = media.get_attribute_values("extmap").flatten().collect();
        assert_eq!(lines, ["1 urn:ietf:params:rtp-hdrext:ssrc-audio-level", "2/sendonly urn:x"]);
    }

    #[test]
    fn the_least_limit_counts() {
        for (head, lines, bits) in [
            ("", "", None),
            ("b=AS:64\r\n", "", Some(48_000)),
            ("b=AS:64\r\n", "b=AS:32\r\n", Some(16_000)),
            ("", "b=TIAS:50000\r\nb=AS:500\r\n", Some(50_000)),
            ("", "b=RS:800\r\nb=X-YZ:5\r\n", None),
            ("", "b=AS:0\r\n", Some(0)),
            ("", "b=AS:18446744073709551\r\n", Some(u32::MAX)),
        ] {
            let session = session(head, lines);
            assert_eq!(bandwidth(&session, &session.medias[0]), bits, "{head}{lines}");
        }
        let mut media =
            sdp_types::Media::new(sdp_types::MediaType::Audio, 1, sdp_types::TransportProto::RtpAvp, "0");
        write_bandwidth(&mut media, 48_000);
        let shown: Vec<_> = media.bandwidths.iter().map(|b| (b.bwtype.as_str(), b.bandwidth)).collect();
        assert_eq!(shown, [("AS", 64), ("TIAS", 48_000)]);
    }
}
