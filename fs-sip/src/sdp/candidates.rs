//! Transport addresses of one m-line ⇄ candidates: `c=`, the port of `m=` and `a=rtcp` (RFC 3605).
//!
//! Component 1 is RTP, component 2 RTCP; without `a=rtcp` it uses the next port. ICE is read in [`super::ice`].

use std::net::IpAddr;

use fs_proto::{Candidate, CandidateType, ComponentType};

use super::SdpError;

/// Where the peer wants its packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The RTP and, if there is one, the RTCP address.
    pub candidates: Vec<Candidate>,
    /// The address was `0.0.0.0` (or `::`): the hold of RFC 2543, still seen; there are no candidates then.
    pub unspecified: bool,
}

/// Reads the address of an m-line; a `c=` of the m-line wins over that of the session.
///
/// # Errors
/// When there is no `c=` (malformed), or it holds no literal unicast IP address (unacceptable).
pub fn read(session: &sdp_types::Session, media: &sdp_types::Media) -> Result<Address, SdpError> {
    let connection = media
        .connections
        .first()
        .or(session.connection.as_ref())
        .ok_or_else(|| SdpError::malformed(format!("no c= line for m={}", media.media)))?;
    let ip = literal(&connection.connection_address)?;
    if ip.is_unspecified() {
        return Ok(Address { candidates: Vec::new(), unspecified: true });
    }
    let mut candidates = vec![host(ComponentType::Rtp, ip, media.port)];
    if let Some((ip, port)) = rtcp(media, ip)? {
        candidates.push(host(ComponentType::Rtcp, ip, port));
    }
    Ok(Address { candidates, unspecified: false })
}

/// Writes the addresses of our components into an m-line.
///
/// # Errors
/// When there is no RTP candidate with an IP address, the media can't be described.
pub fn write(media: &mut sdp_types::Media, candidates: &[Candidate]) -> Result<IpAddr, SdpError> {
    let find = |component: ComponentType| {
        candidates
            .iter()
            .find(|c| c.component_id == component as u32)
            .and_then(|c| c.ip.parse::<IpAddr>().ok().map(|ip| (ip, c.port)))
    };
    let (ip, port) = find(ComponentType::Rtp)
        .ok_or_else(|| SdpError::unacceptable(301, "no local address for RTP was gathered"))?;
    media.port = port;
    media.connections = vec![sdp_types::Connection::from_ip_addr(ip)];
    if let Some((rtcp_ip, rtcp_port)) = find(ComponentType::Rtcp) {
        if rtcp_ip != ip {
            media.add_attribute_with_value("rtcp", sdp_types::Rtcp::with_ip_addr(rtcp_port, rtcp_ip));
        } else if port.checked_add(1) != Some(rtcp_port) {
            media.add_attribute_with_value("rtcp", rtcp_port);
        }
    }
    Ok(ip)
}

fn host(component: ComponentType, ip: IpAddr, port: u16) -> Candidate {
    Candidate::new("1", component as u32, CandidateType::Host, &ip.to_string(), port)
}

fn rtcp(media: &sdp_types::Media, ip: IpAddr) -> Result<Option<(IpAddr, u16)>, SdpError> {
    let Some(value) = media.get_first_attribute_value("rtcp") else {
        return Ok(media.port.checked_add(1).map(|port| (ip, port)));
    };
    let rtcp: sdp_types::Rtcp = value
        .unwrap_or_default()
        .trim()
        .parse()
        .map_err(|error| SdpError::malformed(format!("a=rtcp: {error}")))?;
    let ip = rtcp.connection_address.as_deref().map_or(Ok(ip), literal)?;
    Ok((rtcp.port != 0 && !ip.is_unspecified()).then_some((ip, rtcp.port)))
}

fn literal(text: &str) -> Result<IpAddr, SdpError> {
    // A time to live behind a multicast address is not part of it.
    let address = text.split('/').next().unwrap_or_default().trim();
    let ip: IpAddr = address.parse().map_err(|_| {
        let shown: String = address.chars().take(64).collect();
        SdpError::unacceptable(
            301,
            format!("address {shown:?} was offered, only literal IP addresses are usable"),
        )
    })?;
    if ip.is_multicast() {
        return Err(SdpError::unacceptable(
            306,
            format!("multicast address {ip} was offered, only unicast is usable"),
        ));
    }
    Ok(ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(lines: &str) -> Result<Address, SdpError> {
        let text = format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n{lines}");
        let session = super::super::parse(text.as_bytes()).unwrap();
        read(&session, &session.medias[0])
    }

    fn ports(address: &Address) -> Vec<(u32, String, u16)> {
        address.candidates.iter().map(|c| (c.component_id, c.ip.clone(), c.port)).collect()
    }

    #[test]
    fn rtcp_is_the_next_port_unless_said_otherwise() {
        let address = read_text("c=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\n").unwrap();
        assert_eq!(ports(&address), [(1, "192.0.2.1".into(), 4000), (2, "192.0.2.1".into(), 4001)]);
        let address = read_text("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\na=rtcp:5000\r\n").unwrap();
        assert_eq!(ports(&address)[1], (2, "192.0.2.1".into(), 5000));
        let address =
            read_text("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\na=rtcp:5000 IN IP4 192.0.2.9\r\n")
                .unwrap();
        assert_eq!(ports(&address)[1], (2, "192.0.2.9".into(), 5000));
        let address = read_text("m=audio 65535 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\n").unwrap();
        assert_eq!(address.candidates.len(), 1);
    }

    #[test]
    fn zero_address_is_the_old_hold() {
        let address = read_text("c=IN IP4 0.0.0.0\r\nm=audio 4000 RTP/AVP 0\r\n").unwrap();
        assert!(address.unspecified && address.candidates.is_empty());
    }

    #[test]
    fn faults_are_told_apart() {
        assert_eq!(read_text("m=audio 4000 RTP/AVP 0\r\n").unwrap_err().status_code(), 400);
        assert_eq!(
            read_text("c=IN IP4 example.org\r\nm=audio 4000 RTP/AVP 0\r\n").unwrap_err().warning_code(),
            Some(301)
        );
        assert_eq!(
            read_text("c=IN IP4 224.2.1.1/127\r\nm=audio 4000 RTP/AVP 0\r\n").unwrap_err().warning_code(),
            Some(306)
        );
        assert_eq!(
            read_text("c=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\na=rtcp:x\r\n")
                .unwrap_err()
                .status_code(),
            400
        );
    }

    #[test]
    fn written_as_read() {
        let mut media =
            sdp_types::Media::new(sdp_types::MediaType::Audio, 0, sdp_types::TransportProto::RtpAvp, "0");
        let candidates = [
            Candidate::new("L1", 1, CandidateType::Host, "127.0.0.1", 7078),
            Candidate::new("L1", 2, CandidateType::Host, "127.0.0.1", 7080),
        ];
        write(&mut media, &candidates).unwrap();
        assert_eq!((media.port, media.get_first_attribute_value("rtcp")), (7078, Some(Some("7080"))));
        let session = sdp_types::Session::new(
            sdp_types::Origin::with_ip_addr("1", 1, std::net::Ipv4Addr::LOCALHOST),
            "-",
        );
        let address = read(&session, &media).unwrap();
        assert_eq!(ports(&address), [(1, "127.0.0.1".into(), 7078), (2, "127.0.0.1".into(), 7080)]);
        assert!(write(&mut media, &[]).is_err());
    }
}
