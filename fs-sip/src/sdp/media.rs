//! One m-line: what the peer says in it, and what we say in ours.

use std::net::IpAddr;

use fs_proto::{Candidate, Codec, StreamDirection};

use super::{SdpError, candidates, codecs};

/// Transports of an m-line that carry plain RTP; an answer repeats the one that was offered.
const PLAIN_RTP: [&str; 2] = ["RTP/AVP", "RTP/AVPF"];

/// What the peer says in one m-line that we can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteMedia {
    /// Place among the m-lines, from 0.
    pub index: usize,
    /// Transport as it was written, for example `RTP/AVP`.
    pub proto: String,
    /// Codecs, in the peer's order.
    pub codecs: Vec<Codec>,
    /// Where the peer wants its packets; empty while it holds with the address `0.0.0.0`.
    pub candidates: Vec<Candidate>,
    /// Which ways media may flow, seen from the peer.
    pub direction: StreamDirection,
}

/// What we say in one m-line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocalMedia {
    /// Codecs, best first.
    pub codecs: Vec<Codec>,
    /// Our addresses, one a component.
    pub candidates: Vec<Candidate>,
    /// Which ways media may flow, seen from us.
    pub direction: StreamDirection,
}

impl RemoteMedia {
    /// Reads the m-line `index` of a session.
    ///
    /// # Errors
    /// Malformed where the grammar is broken; unacceptable where the transport is another than plain RTP, the
    /// address is none we can send to, or no format is described.
    pub fn read(session: &sdp_types::Session, index: usize) -> Result<Self, SdpError> {
        let media = session.medias.get(index).ok_or_else(|| {
            SdpError::malformed(format!("m-line {index} is missing, there are {}", session.medias.len()))
        })?;
        if !is_plain_rtp(&media.proto) {
            let shown: String = media.proto.chars().take(64).collect();
            return Err(SdpError::unacceptable(
                302,
                format!(
                    "transport {shown} was offered for m={}, usable are {}",
                    media.media,
                    PLAIN_RTP.join(", ")
                ),
            ));
        }
        let address = candidates::read(session, media)?;
        let formats = codecs::read(media)?;
        if formats.codecs.is_empty() {
            let offered =
                if formats.skipped.is_empty() { "none".to_owned() } else { formats.skipped.join(", ") };
            return Err(SdpError::unacceptable(
                305,
                format!("no format of m={} is described: {offered}", media.media),
            ));
        }
        let mut direction = direction(session, media);
        if address.unspecified {
            direction.recv = false;
        }
        Ok(Self {
            index,
            proto: media.proto.clone(),
            codecs: formats.codecs,
            candidates: address.candidates,
            direction,
        })
    }
}

impl LocalMedia {
    /// The m-line for an audio stream, and the address in it. `proto` is what the peer offered, or `RTP/AVP`.
    ///
    /// # Errors
    /// When there is no RTP candidate or no codec: such an m-line would be empty.
    pub fn write(&self, proto: &str) -> Result<(sdp_types::Media, IpAddr), SdpError> {
        let kind = sdp_types::MediaType::Audio;
        let mut media = sdp_types::Media::new(kind, 0, sdp_types::TransportProto::from(proto), "");
        let ip = candidates::write(&mut media, &self.candidates)?;
        codecs::write(&mut media, &self.codecs);
        if media.fmt.is_empty() {
            return Err(SdpError::unacceptable(305, "no local codec is left to offer"));
        }
        media.add_attribute_from_str(self.direction.sdp_name());
        Ok((media, ip))
    }
}

/// Whether an m-line's transport is RTP without encryption.
#[must_use]
pub fn is_plain_rtp(proto: &str) -> bool {
    PLAIN_RTP.iter().any(|known| known.eq_ignore_ascii_case(proto))
}

/// The direction attribute of the m-line, else of the session, else both ways (RFC 8866 section 6.7).
fn direction(session: &sdp_types::Session, media: &sdp_types::Media) -> StreamDirection {
    let known = [StreamDirection::BOTH, StreamDirection::SEND, StreamDirection::RECV, StreamDirection::NONE];
    known
        .into_iter()
        .find(|d| media.has_attribute(d.sdp_name()))
        .or_else(|| known.into_iter().find(|d| session.has_attribute(d.sdp_name())))
        .unwrap_or(StreamDirection::BOTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(lines: &str) -> Result<RemoteMedia, SdpError> {
        let text =
            format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n{lines}");
        RemoteMedia::read(&super::super::parse(text.as_bytes()).unwrap(), 0)
    }

    #[test]
    fn direction_of_the_session_is_the_default() {
        let media = read_text("a=sendonly\r\nm=audio 4000 RTP/AVP 0\r\n").unwrap();
        assert_eq!(media.direction, StreamDirection::SEND);
        let media = read_text("a=sendonly\r\nm=audio 4000 RTP/AVP 0\r\na=inactive\r\n").unwrap();
        assert_eq!(media.direction, StreamDirection::NONE);
        assert_eq!(read_text("m=audio 4000 RTP/AVP 0\r\n").unwrap().direction, StreamDirection::BOTH);
    }

    #[test]
    fn zero_address_takes_away_receiving() {
        let media = read_text("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n").unwrap();
        assert_eq!(media.direction, StreamDirection::SEND);
    }

    #[test]
    fn other_transports_and_empty_lists_are_unacceptable() {
        let error = read_text("m=audio 4000 RTP/SAVP 0\r\n").unwrap_err();
        assert_eq!((error.status_code(), error.warning_code()), (488, Some(302)));
        let error = read_text("m=audio 4000 RTP/AVP 96\r\n").unwrap_err();
        assert_eq!((error.status_code(), error.warning_code()), (488, Some(305)));
        assert!(error.to_string().contains("96"), "{error}");
    }
}
