//! One m-line: what the peer says in it, and what we say in ours.

use std::net::IpAddr;

use fs_proto::srtp::CryptoAttribute;
use fs_proto::{Candidate, Codec, ComponentType, MediaType, RtpHeaderExtension, StreamDirection};

use super::ice::{LocalIce, RemoteIce};
use super::security::{SECURE_RTP, SrtpPolicy, crypto_lines, is_secure_rtp};
use super::{SdpError, candidates, codecs, extensions, ice, security};

/// Transports of an m-line that carry plain RTP; an answer repeats the one that was offered.
const PLAIN_RTP: [&str; 2] = ["RTP/AVP", "RTP/AVPF"];

/// What the peer says in one m-line that we can use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoteMedia {
    /// Place among the m-lines, from 0.
    pub index: usize,
    /// Kind of media.
    pub kind: MediaType,
    /// Transport as it was written, for example `RTP/AVP`.
    pub proto: String,
    /// Codecs, in the peer's order.
    pub codecs: Vec<Codec>,
    /// Where the peer wants its packets; empty while it holds with the address `0.0.0.0`. With `a=rtcp-mux`, RTCP goes
    /// where RTP goes.
    pub candidates: Vec<Candidate>,
    /// Which ways media may flow, seen from the peer.
    pub direction: StreamDirection,
    /// ICE, if the peer can.
    pub ice: Option<RemoteIce>,
    /// The `a=crypto` lines that we can use.
    pub crypto: Vec<CryptoAttribute>,
    /// Whether RTCP may share the port of RTP (RFC 5761).
    pub rtcp_mux: bool,
    /// RTP header extensions, with directions as the peer sees them.
    pub header_extensions: Vec<RtpHeaderExtension>,
    /// How much the peer takes, in bit/s; `None` = no limit.
    pub bandwidth: Option<u32>,
}

/// What we say in one m-line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocalMedia {
    /// Kind of media.
    pub kind: MediaType,
    /// Codecs, best first.
    pub codecs: Vec<Codec>,
    /// Our addresses, one a component: with ICE, the default destinations.
    pub candidates: Vec<Candidate>,
    /// Which ways media may flow, seen from us.
    pub direction: StreamDirection,
    /// Whether a new m-line of ours insists on encryption; one that exists keeps its transport.
    pub secure: bool,
    /// ICE, where it is used.
    pub ice: Option<LocalIce>,
    /// Our `a=crypto` lines: all in an offer, the chosen one in an answer.
    pub crypto: Vec<CryptoAttribute>,
    /// Whether RTCP may share the port of RTP.
    pub rtcp_mux: bool,
    /// RTP header extensions, with directions as we see them.
    pub header_extensions: Vec<RtpHeaderExtension>,
    /// How much we take, in bit/s; `None` = nothing is said.
    pub bandwidth: Option<u32>,
}

impl RemoteMedia {
    /// Reads the m-line `index` of a session.
    ///
    /// # Errors
    /// Malformed where the grammar is broken; unacceptable where the transport is another than RTP, needs keys and has
    /// none that we can use, the address is none we can send to, or no format is described.
    pub fn read(session: &sdp_types::Session, index: usize) -> Result<Self, SdpError> {
        let media = session.medias.get(index).ok_or_else(|| {
            SdpError::malformed(format!("m-line {index} is missing, there are {}", session.medias.len()))
        })?;
        let crypto = read_transport(media)?;
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
        let ice = ice::read(session, media, &address.candidates)?;
        let bandwidth = extensions::bandwidth(session, media);
        let mut direction = direction(session, media);
        // RFC 3264 section 5: no bandwidth is no media, as the address 0.0.0.0 is.
        if address.unspecified || bandwidth == Some(0) {
            direction.recv = false;
        }
        let rtcp_mux = media.has_attribute("rtcp-mux");
        let mut candidates = address.candidates;
        if rtcp_mux {
            share_port(&mut candidates);
        }
        Ok(Self {
            index,
            kind: MediaType::from_name(&media.media).unwrap_or(MediaType::Application),
            proto: media.proto.clone(),
            codecs: formats.codecs,
            candidates,
            direction,
            ice,
            crypto,
            rtcp_mux,
            header_extensions: extensions::read(session, media),
            bandwidth,
        })
    }

    /// Checks that the m-line is encrypted as we want it.
    ///
    /// # Errors
    /// Unacceptable, saying who insists on what.
    pub fn check(&self, policy: SrtpPolicy) -> Result<(), SdpError> {
        let text = match policy {
            SrtpPolicy::Disabled if is_secure_rtp(&self.proto) => "encryption is switched off here",
            SrtpPolicy::Mandatory if self.crypto.is_empty() => "only encrypted media is taken here",
            _ => return Ok(()),
        };
        Err(SdpError::unacceptable(302, format!("m={} {} was offered; {text}", self.kind, self.proto)))
    }
}

impl LocalMedia {
    /// The m-line for a stream, and the address in it. `proto` is the transport of the m-line so far; without one, it is
    /// `RTP/AVP` or, where encryption is a must, `RTP/SAVP`.
    ///
    /// # Errors
    /// When there is no RTP candidate or no codec: such an m-line would be empty.
    pub fn write(&self, proto: Option<&str>) -> Result<(sdp_types::Media, IpAddr), SdpError> {
        let kind = match self.kind {
            MediaType::Audio => sdp_types::MediaType::Audio,
            MediaType::Video => sdp_types::MediaType::Video,
            MediaType::Application => sdp_types::MediaType::Application,
        };
        let usual = if self.secure { SECURE_RTP[0] } else { PLAIN_RTP[0] };
        let proto = sdp_types::TransportProto::from(proto.unwrap_or(usual));
        let mut media = sdp_types::Media::new(kind, 0, proto, "");
        let ip = candidates::write(&mut media, &self.candidates)?;
        codecs::write(&mut media, &self.codecs);
        if media.fmt.is_empty() {
            return Err(SdpError::unacceptable(305, "no local codec is left to offer"));
        }
        if let Some(bits) = self.bandwidth {
            extensions::write_bandwidth(&mut media, bits);
        }
        extensions::write(&mut media, &self.header_extensions);
        if self.rtcp_mux {
            media.add_attribute_from_str("rtcp-mux");
        }
        security::write(&mut media, &self.crypto);
        if let Some(local) = &self.ice {
            ice::write(&mut media, local);
        }
        media.add_attribute_from_str(self.direction.sdp_name());
        Ok((media, ip))
    }
}

/// Whether an m-line's transport is RTP.
#[must_use]
pub fn is_rtp(proto: &str) -> bool {
    PLAIN_RTP.iter().chain(&SECURE_RTP).any(|known| known.eq_ignore_ascii_case(proto))
}

/// The keys of an m-line whose transport is RTP.
fn read_transport(media: &sdp_types::Media) -> Result<Vec<CryptoAttribute>, SdpError> {
    if !is_rtp(&media.proto) {
        let shown: String = media.proto.chars().take(64).collect();
        let usable: Vec<&str> = PLAIN_RTP.into_iter().chain(SECURE_RTP).collect();
        return Err(SdpError::unacceptable(
            302,
            format!("transport {shown} was offered for m={}, usable are {}", media.media, usable.join(", ")),
        ));
    }
    let (crypto, skipped) = crypto_lines(media);
    if is_secure_rtp(&media.proto) && crypto.is_empty() {
        let skipped = if skipped.is_empty() { "there is none".to_owned() } else { skipped.join(", ") };
        let text = format!("m={} {} needs an a=crypto that we can use: {skipped}", media.media, media.proto);
        return Err(SdpError::unacceptable(302, text.chars().take(300).collect::<String>()));
    }
    Ok(crypto)
}

/// RTCP goes where RTP goes.
fn share_port(candidates: &mut [Candidate]) {
    let Some((ip, port)) = candidates.first().map(|rtp| (rtp.ip.clone(), rtp.port)) else { return };
    for rtcp in candidates.iter_mut().filter(|c| c.component_id == ComponentType::Rtcp as u32) {
        rtcp.ip.clone_from(&ip);
        rtcp.port = port;
    }
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

    #[test]
    fn encryption_follows_the_policy() {
        const KEY: &str =
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n";
        for (proto, key, allowed) in [
            ("RTP/AVP", "", [true, true, false]),
            ("RTP/AVP", KEY, [true, true, true]),
            ("RTP/SAVP", KEY, [false, true, true]),
            ("RTP/SAVPF", KEY, [false, true, true]),
        ] {
            let media = read_text(&format!("m=audio 4000 {proto} 0\r\n{key}")).unwrap();
            let policies = [SrtpPolicy::Disabled, SrtpPolicy::Optional, SrtpPolicy::Mandatory];
            assert_eq!(policies.map(|policy| media.check(policy).is_ok()), allowed, "{proto} {key}");
        }
    }

    #[test]
    fn rtcp_shares_the_port_only_if_both_say_so() {
        let media = read_text("m=audio 4000 RTP/AVP 0\r\na=rtcp:4007\r\na=rtcp-mux\r\n").unwrap();
        assert_eq!((media.rtcp_mux, media.candidates[1].port), (true, 4000));
        let media = read_text("m=audio 4000 RTP/AVP 0\r\na=rtcp:4007\r\n").unwrap();
        assert_eq!((media.rtcp_mux, media.candidates[1].port), (false, 4007));
    }

    #[test]
    fn no_bandwidth_is_no_media() {
        let media = read_text("m=audio 4000 RTP/AVP 0\r\nb=AS:0\r\n").unwrap();
        assert_eq!(media.direction, StreamDirection::SEND);
    }
}
