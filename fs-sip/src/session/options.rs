//! What the calls of an application carry, and how.

use std::net::SocketAddr;

use fs_proto::{Codec, MediaType, RtpHeaderExtension, StreamDirection};

use crate::media::{IceSettings, MediaSettings, SessionId, Transmitter};
use crate::sdp::SrtpPolicy;

/// Pictures in calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoOptions {
    /// The codecs to use, best first, each with the parameters and the feedback that are wanted of it; the others stay off.
    /// Empty = all that the media engine has, in its order.
    pub codecs: Vec<Codec>,
    /// Which ways they may flow, seen from us. Default both.
    pub direction: StreamDirection,
    /// How much we take, in bit/s, as `b=AS` and `b=TIAS`; `None` = nothing is said.
    pub bandwidth: Option<u32>,
    /// RTP header extensions of video streams to negotiate (RFC 8285).
    pub header_extensions: Vec<RtpHeaderExtension>,
}

impl Default for VideoOptions {
    fn default() -> Self {
        let (codecs, header_extensions) = (Vec::new(), Vec::new());
        Self { codecs, direction: StreamDirection::BOTH, bandwidth: None, header_extensions }
    }
}

/// How digits reach the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DigitWay {
    /// As telephony events (RFC 4733), or by INFO (`application/dtmf-relay`) where the peer takes none.
    #[default]
    Any,
    /// As telephony events, or not at all.
    Events,
    /// By INFO.
    Info,
}

/// What calls carry, and how.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MediaOptions {
    /// The audio codecs to use, best first, each with the parameters (`ptime` among them) and the feedback that are wanted of
    /// it; the others stay off. Empty = all that the media engine has, in its order.
    pub codecs: Vec<Codec>,
    /// How much sound we take, in bit/s, as `b=AS` and `b=TIAS`; `None` = nothing is said.
    pub bandwidth: Option<u32>,
    /// RTP header extensions of audio streams to negotiate (RFC 8285).
    pub header_extensions: Vec<RtpHeaderExtension>,
    /// Pictures; `None` = video m-lines are refused.
    pub video: Option<VideoOptions>,
    /// Whether media is encrypted (SDES, RFC 4568). The keys stand in the session descriptions: without TLS for the
    /// signalling, who can read that can read the media.
    pub srtp: SrtpPolicy,
    /// ICE (RFC 8445); `None` = plain UDP. Peers without ICE are called all the same.
    pub ice: Option<IceOptions>,
    /// How digits are sent. Both ways are taken.
    pub digits: DigitWay,
    /// Ask the application ([`SessionEvent::NewProposal`](crate::SessionEvent::NewProposal)) when the peer wants to add a
    /// stream to a standing call? Default no: it is added where these settings have such a stream, else refused.
    pub ask_for_streams: bool,
}

/// Settings of ICE.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IceOptions {
    /// The STUN server, if one is to be asked.
    pub stun: Option<SocketAddr>,
}

impl MediaOptions {
    /// The kinds of media that are taken.
    pub(crate) fn kinds(&self) -> Vec<MediaType> {
        let video = self.video.as_ref().map(|_| MediaType::Video);
        [MediaType::Audio].into_iter().chain(video).collect()
    }

    /// Which ways a kind may flow, seen from us.
    pub(crate) fn wanted(&self, kind: MediaType) -> StreamDirection {
        match (kind, &self.video) {
            (MediaType::Video, Some(video)) => video.direction,
            _ => StreamDirection::BOTH,
        }
    }

    pub(crate) fn bandwidth(&self, kind: MediaType) -> Option<u32> {
        match (kind, &self.video) {
            (MediaType::Video, Some(video)) => video.bandwidth,
            _ => self.bandwidth,
        }
    }

    /// What a stream is opened with; `ice` says whether the peer can do it.
    pub(crate) fn settings(
        &self,
        session: SessionId,
        kind: MediaType,
        local_ip: Option<std::net::IpAddr>,
        ice: Option<Controlling>,
    ) -> MediaSettings {
        let (codecs, header_extensions) = match (kind, &self.video) {
            (MediaType::Video, Some(video)) => (video.codecs.clone(), video.header_extensions.clone()),
            _ => (self.codecs.clone(), self.header_extensions.clone()),
        };
        let transmitter = match (&self.ice, ice) {
            (Some(options), Some(Controlling(controlling))) => {
                Transmitter::Nice(IceSettings { controlling, stun: options.stun })
            }
            _ => Transmitter::RawUdp,
        };
        MediaSettings { session, kind, local_ip, codecs, transmitter, header_extensions }
    }
}

/// Our role in ICE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Controlling(pub(crate) bool);
