//! ICE in session descriptions (RFC 8839): credentials, candidates, default destinations, `a=remote-candidates`.
//!
//! Candidates carry the credentials of their stream, as the media engine wants them.

use std::net::IpAddr;

use fs_proto::candidate::sdp as candidate_sdp;
use fs_proto::{Candidate, CandidateType, ComponentType, NetworkProtocol};

use super::SdpError;
use crate::limits;

/// What the peer says about ICE in one m-line.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RemoteIce {
    /// User name fragment.
    pub username: String,
    /// Password.
    pub password: String,
    /// The candidates that can be used, with the credentials in each.
    pub candidates: Vec<Candidate>,
    /// The peer only answers checks (RFC 8445 section 2.5).
    pub lite: bool,
}

impl std::fmt::Debug for RemoteIce {
    /// Without the password, which each candidate holds, too.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = self.candidates.len();
        write!(f, "RemoteIce({}, {count} candidates{})", self.username, if self.lite { ", lite" } else { "" })
    }
}

/// What we say about ICE in one m-line.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct LocalIce {
    /// Our candidates; the first holds the credentials of all.
    pub candidates: Vec<Candidate>,
    /// The peer's candidates of the pairs in use, in offers after ICE has finished.
    pub remote: Vec<Candidate>,
}

impl std::fmt::Debug for LocalIce {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LocalIce({} candidates)", self.candidates.len())
    }
}

/// Reads what an m-line says about ICE. `None` when it says nothing that can be used, or when the default destination
/// is no candidate, because something on the way has changed it (RFC 8839 section 5.4): then media goes to the default.
///
/// # Errors
/// Malformed where credentials are shorter or longer than RFC 8839 section 5.4 allows.
pub fn read(
    session: &sdp_types::Session,
    media: &sdp_types::Media,
    defaults: &[Candidate],
) -> Result<Option<RemoteIce>, SdpError> {
    let text = |name: &str| {
        let value = media.get_first_attribute_value(name).or_else(|| session.get_first_attribute_value(name));
        value.flatten().map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned)
    };
    let (Some(username), Some(password)) = (text("ice-ufrag"), text("ice-pwd")) else { return Ok(None) };
    if !(4..=256).contains(&username.len()) || !(22..=256).contains(&password.len()) {
        return Err(SdpError::malformed(format!(
            "a=ice-ufrag has {} characters and a=ice-pwd {}; 4 and 22 to 256 are allowed",
            username.len(),
            password.len()
        )));
    }
    let candidates: Vec<Candidate> = media
        .get_attribute_values("candidate")
        .flatten()
        .take(limits::MAX_ICE_CANDIDATES)
        .filter_map(|line| candidate_sdp::parse(line).ok())
        .filter(is_usable)
        .map(|candidate| Candidate { username: username.clone(), password: password.clone(), ..candidate })
        .collect();
    let is_candidate = |default: &Candidate| {
        candidates.iter().any(|c| {
            (c.component_id, c.port) == (default.component_id, default.port) && same_ip(&c.ip, &default.ip)
        })
    };
    let rtp = defaults.iter().find(|c| c.component_id == ComponentType::Rtp as u32);
    if candidates.is_empty() || rtp.is_some_and(|default| !is_candidate(default)) {
        return Ok(None);
    }
    let lite = session.has_attribute("ice-lite");
    Ok(Some(RemoteIce { username, password, candidates, lite }))
}

/// Writes credentials, candidates and, after ICE, `a=remote-candidates`.
pub fn write(media: &mut sdp_types::Media, ice: &LocalIce) {
    let Some(first) = ice.candidates.first() else { return };
    media.add_attribute_with_value("ice-ufrag", &first.username);
    media.add_attribute_with_value("ice-pwd", &first.password);
    for line in ice.candidates.iter().filter_map(|c| candidate_sdp::encode(c).ok()) {
        media.add_attribute_with_value("candidate", line);
    }
    if !ice.remote.is_empty() {
        let list: Vec<String> =
            ice.remote.iter().map(|c| format!("{} {} {}", c.component_id, c.ip, c.port)).collect();
        media.add_attribute_with_value("remote-candidates", list.join(" "));
    }
}

/// The default destinations among our candidates, one a component (RFC 8445 section 5.1.4): relayed before
/// server-reflexive before host, IPv4 before IPv6, UDP only.
#[must_use]
pub fn defaults(candidates: &[Candidate]) -> Vec<Candidate> {
    let rank = |candidate: &&Candidate| {
        let kind = match candidate.kind {
            CandidateType::Relay => 0,
            CandidateType::Srflx => 1,
            _ => 2,
        };
        (kind, candidate.ip.contains(':'))
    };
    [ComponentType::Rtp, ComponentType::Rtcp]
        .into_iter()
        .filter_map(|component| {
            let its = candidates.iter().filter(|c| c.component_id == component as u32);
            its.filter(|c| c.proto == NetworkProtocol::Udp).min_by_key(rank).cloned()
        })
        .collect()
}

/// Names are not looked up; a candidate without a port or an address can't be reached.
fn is_usable(candidate: &Candidate) -> bool {
    let components = [ComponentType::Rtp as u32, ComponentType::Rtcp as u32];
    let has_port = candidate.port != 0 || candidate.proto == NetworkProtocol::TcpActive;
    components.contains(&candidate.component_id) && has_port && candidate.ip.parse::<IpAddr>().is_ok()
}

fn same_ip(a: &str, b: &str) -> bool {
    a == b || matches!((a.parse::<IpAddr>(), b.parse::<IpAddr>()), (Ok(a), Ok(b)) if a == b)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIALS: &str = "a=ice-ufrag:F7gI\r\na=ice-pwd:x9cml/YzichV2+XlhiMu8g\r\n";
    const HOST: &str = "a=candidate:1 1 UDP 2130706431 192.0.2.1 4000 typ host\r\n";

    fn read_text(head: &str, lines: &str) -> Result<Option<RemoteIce>, SdpError> {
        let text = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{head}m=audio 4000 RTP/AVP 0\r\n{lines}"
        );
        let session = super::super::parse(text.as_bytes()).unwrap();
        let defaults = super::super::candidates::read(&session, &session.medias[0]).unwrap().candidates;
        read(&session, &session.medias[0], &defaults)
    }

    #[test]
    fn credentials_may_stand_at_either_level() {
        for (head, lines) in
            [(CREDENTIALS, HOST.to_owned()), ("a=ice-lite\r\n", format!("{CREDENTIALS}{HOST}"))]
        {
            let ice = read_text(head, &lines).unwrap().unwrap();
            assert_eq!((ice.username.as_str(), ice.lite), ("F7gI", head.contains("lite")));
            assert_eq!((ice.candidates.len(), ice.candidates[0].username.as_str()), (1, "F7gI"));
            assert!(!format!("{ice:?}").contains("x9cml"), "the password is shown");
        }
    }

    #[test]
    fn what_cannot_be_used_is_left_out() {
        let more = "a=candidate:2 1 UDP 1 host.local 4000 typ host\r\na=candidate:junk\r\n\
             a=candidate:3 3 UDP 1 192.0.2.1 4000 typ host\r\na=candidate:4 1 UDP 1 192.0.2.1 0 typ host\r\n";
        let ice = read_text(CREDENTIALS, &format!("{HOST}{more}")).unwrap().unwrap();
        assert_eq!(ice.candidates.len(), 1);
        assert_eq!(read_text("", HOST), Ok(None), "no credentials");
        assert_eq!(read_text(CREDENTIALS, ""), Ok(None), "no candidate");
        let elsewhere = "a=candidate:1 1 UDP 1 192.0.2.7 4000 typ host\r\n";
        assert_eq!(read_text(CREDENTIALS, elsewhere), Ok(None), "the default destination is no candidate");
        let short = "a=ice-ufrag:F7\r\na=ice-pwd:x9cml/YzichV2+XlhiMu8g\r\n";
        assert_eq!(read_text(short, HOST).unwrap_err().status_code(), 400);
    }

    #[test]
    fn a_flood_of_candidates_is_bounded() {
        let lines = HOST.repeat(10_000);
        assert_eq!(
            read_text(CREDENTIALS, &lines).unwrap().unwrap().candidates.len(),
            limits::MAX_ICE_CANDIDATES
        );
    }

    #[test]
    fn written_as_read() {
        let candidates: Vec<Candidate> = [1, 2]
            .map(|n| Candidate {
                username: "F7gI".into(),
                password: "x9cml/YzichV2+XlhiMu8g".into(),
                priority: 9,
                ..Candidate::new("1", n, CandidateType::Host, "192.0.2.1", 3999 + n as u16)
            })
            .into();
        let mut media =
            sdp_types::Media::new(sdp_types::MediaType::Audio, 4000, sdp_types::TransportProto::RtpAvp, "0");
        write(&mut media, &LocalIce { candidates: candidates.clone(), remote: candidates.clone() });
        assert_eq!(
            media.get_first_attribute_value("remote-candidates"),
            Some(Some("1 192.0.2.1 4000 2 192.0.2.1 4001"))
        );
        let origin = sdp_types::Origin::with_ip_addr("1", 1, std::net::Ipv4Addr::LOCALHOST);
        let ice = read(&sdp_types::Session::new(origin, "-"), &media, &candidates[..1]).unwrap().unwrap();
        assert_eq!(ice.candidates, candidates);
    }

    #[test]
    fn the_default_is_what_works_for_most() {
        let candidate = |kind, ip: &str| Candidate::new("1", 1, kind, ip, 1);
        let all = [
            candidate(CandidateType::Host, "2001:db8::1"),
            candidate(CandidateType::Host, "192.0.2.1"),
            candidate(CandidateType::Srflx, "198.51.100.1"),
            Candidate {
                proto: NetworkProtocol::TcpPassive,
                ..candidate(CandidateType::Relay, "198.51.100.2")
            },
        ];
        assert_eq!(defaults(&all)[0].ip, "198.51.100.1");
        assert_eq!(defaults(&all[..2])[0].ip, "192.0.2.1");
        assert_eq!(defaults(&all[..2]).len(), 1);
    }
}
