//! Our own session description: origin with its version, and refused m-lines; and the search for the peer's m-lines.

use std::net::IpAddr;

use fs_proto::MediaType;

use super::security::SrtpPolicy;
use super::{RemoteMedia, SdpError};

/// The identity of our descriptions over the life of a session (RFC 3264 sections 5 and 8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalDescription {
    username: String,
    session_id: u64,
    version: u64,
    name: String,
    last: Option<sdp_types::Session>,
}

impl LocalDescription {
    /// `session_id` is any number that is unlikely to come twice, such as a random one; it is also the first
    /// version. `name` is the session name; empty becomes `-`.
    #[must_use]
    pub fn new(session_id: u64, name: &str) -> Self {
        // RFC 8866 section 5.2: the number has to fit the signed 64-bit integers of other implementations.
        let session_id = session_id >> 2;
        let name = if name.is_empty() { "-" } else { name };
        Self { username: "-".to_owned(), session_id, version: session_id, name: name.to_owned(), last: None }
    }

    /// The description with these m-lines. The version rises by one when, and only when, something differs from
    /// the last description (RFC 3264 section 8).
    pub fn build(&mut self, address: IpAddr, medias: Vec<sdp_types::Media>) -> sdp_types::Session {
        let mut session = self.with_version(self.version, address, &medias);
        if self.last.as_ref().is_some_and(|last| *last != session) {
            self.version += 1;
            session = self.with_version(self.version, address, &medias);
        }
        self.last = Some(session.clone());
        session
    }

    /// The last description built.
    #[must_use]
    pub fn last(&self) -> Option<&sdp_types::Session> {
        self.last.as_ref()
    }

    fn with_version(&self, version: u64, address: IpAddr, medias: &[sdp_types::Media]) -> sdp_types::Session {
        let mut origin = sdp_types::Origin::with_ip_addr(self.session_id, version, address);
        origin.set_username(&self.username);
        let mut session = sdp_types::Session::new(origin, &self.name);
        session.set_connection(sdp_types::Connection::from_ip_addr(address));
        session.add_time(sdp_types::Time::new(0, 0));
        session.add_medias(medias.iter().cloned());
        session
    }
}

/// The m-line that refuses one of an offer: same media, transport and formats, port 0 (RFC 3264 section 6).
#[must_use]
pub fn refuse(offered: &sdp_types::Media) -> sdp_types::Media {
    let mut refused = offered.clone();
    refused.port = 0;
    refused.num_ports = None;
    refused.media_title = None;
    refused.connections.clear();
    refused.bandwidths.clear();
    refused.key = None;
    refused.attributes.clear();
    refused
}

/// Finds the m-line of a kind to use, and reads it: the one used before if it still serves, else the first that does.
///
/// # Errors
/// Malformed where such an m-line breaks the grammar; unacceptable when none of them can be used. The text says what was
/// offered.
pub fn find(
    session: &sdp_types::Session,
    kind: MediaType,
    before: Option<usize>,
    policy: SrtpPolicy,
) -> Result<RemoteMedia, SdpError> {
    let of_kind = |index: &usize| {
        let media = session.medias.get(*index);
        media.is_some_and(|m| m.media.eq_ignore_ascii_case(kind.as_str()) && m.port != 0)
    };
    let mut refusal = None;
    for index in before.into_iter().chain(0..session.medias.len()).filter(of_kind) {
        let read = RemoteMedia::read(session, index).and_then(|media| media.check(policy).map(|()| media));
        match read {
            Ok(media) => return Ok(media),
            Err(error @ SdpError::Malformed { .. }) => return Err(error),
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    Err(refusal.unwrap_or_else(|| {
        let shown = |m: &sdp_types::Media| format!("m={} {} {}", m.media, m.port, m.proto);
        let offered: Vec<String> = session.medias.iter().take(8).map(shown).collect();
        let offered = if offered.is_empty() { "no m-line".to_owned() } else { offered.join(", ") };
        SdpError::unacceptable(304, format!("{offered} was offered, usable is m={kind} over RTP"))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn audio(port: u16) -> sdp_types::Media {
        sdp_types::Media::new(sdp_types::MediaType::Audio, port, sdp_types::TransportProto::RtpAvp, "0")
    }

    fn find_audio(session: &sdp_types::Session, before: Option<usize>) -> Result<usize, SdpError> {
        find(session, MediaType::Audio, before, SrtpPolicy::Disabled).map(|media| media.index)
    }

    fn parse(lines: &str) -> sdp_types::Session {
        let text =
            format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n{lines}");
        super::super::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn version_rises_only_with_a_change() {
        let mut local = LocalDescription::new(400, "x");
        assert_eq!(local.build(LOCAL, vec![audio(1)]).origin.sess_version, 100);
        assert_eq!(local.build(LOCAL, vec![audio(1)]).origin.sess_version, 100);
        assert_eq!(local.build(LOCAL, vec![audio(2)]).origin.sess_version, 101);
        let last = local.build(LOCAL, vec![audio(2)]);
        assert_eq!((last.origin.sess_version, last.origin.sess_id.as_str()), (101, "100"));
    }

    #[test]
    fn refused_lines_keep_media_transport_and_formats() {
        let offer = parse("m=video 4000/2 RTP/SAVP 96 97\r\nb=AS:64\r\na=rtpmap:96 VP8/90000\r\n");
        let refused = refuse(&offer.medias[0]);
        assert_eq!((refused.port, refused.fmt.as_str(), refused.proto.as_str()), (0, "96 97", "RTP/SAVP"));
        assert!(
            refused.attributes.is_empty() && refused.bandwidths.is_empty() && refused.num_ports.is_none()
        );
    }

    #[test]
    fn the_audio_line_is_found_and_kept() {
        let offer = parse(
            "m=video 1 RTP/AVP 96\r\nm=audio 0 RTP/AVP 0\r\nm=audio 3 RTP/AVP 0\r\nm=audio 4 RTP/AVP 0\r\n",
        );
        assert_eq!(find_audio(&offer, None), Ok(2));
        assert_eq!(find_audio(&offer, Some(3)), Ok(3));
        assert_eq!(find_audio(&offer, Some(1)), Ok(2));
        let best_effort = parse("m=audio 4000 RTP/SAVP 0\r\nm=audio 4002 RTP/AVP 0\r\n");
        assert_eq!(find_audio(&best_effort, None), Ok(1));
    }

    #[test]
    fn without_audio_the_error_names_the_offer() {
        let error = find_audio(&parse("m=video 1 RTP/AVP 96\r\n"), None).unwrap_err();
        assert_eq!((error.status_code(), error.warning_code()), (488, Some(304)));
        assert!(error.to_string().contains("m=video"), "{error}");
        assert_eq!(
            find_audio(&parse("m=audio 1 RTP/SAVP 0\r\n"), None).unwrap_err().warning_code(),
            Some(302)
        );
    }
}
