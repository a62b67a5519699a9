//! `a=candidate` lines (RFC 8839 section 5.1; TCP: RFC 6544 section 4.5).

use crate::error::CandidateError;

use super::{Candidate, CandidateType, NetworkProtocol};

/// Reads the value of an `a=candidate` line; `a=` and `candidate:` may stand before it. Extensions other than
/// `tcptype` are skipped. Addresses may be names (RFC 8839 section 5.1), which are not looked up here.
///
/// # Errors
/// [`CandidateError`] names the field that is missing or makes no sense.
///
/// ```
/// let line = "a=candidate:1 1 UDP 2130706431 192.0.2.1 5004 typ host";
/// let candidate = fs_proto::candidate::sdp::parse(line)?;
/// assert_eq!((candidate.ip.as_str(), candidate.port), ("192.0.2.1", 5004));
/// assert_eq!(format!("a=candidate:{}", fs_proto::candidate::sdp::encode(&candidate)?), line);
/// # Ok::<(), fs_proto::error::CandidateError>(())
/// ```
pub fn parse(line: &str) -> Result<Candidate, CandidateError> {
    let line = line.trim();
    let line = line.strip_prefix("a=").unwrap_or(line);
    let line = line.strip_prefix("candidate:").unwrap_or(line);
    let mut words = line.split_ascii_whitespace();
    let mut next = |field| words.next().ok_or(CandidateError { field, value: None });
    let foundation = next("foundation")?;
    if !is_foundation(foundation) {
        return Err(bad("foundation", foundation));
    }
    let component = next("component")?;
    let component_id = number(component).filter(|n| (1..=256).contains(n));
    let component_id = component_id.ok_or_else(|| bad("component", component))?;
    let transport = next("transport")?;
    let priority = next("priority")?;
    let priority = number(priority).ok_or_else(|| bad("priority", priority))?;
    let ip = next("address")?;
    if !is_word(ip) {
        return Err(bad("address", ip));
    }
    let port = read_port(next("port")?)?;
    let typ = next("typ")?;
    if !typ.eq_ignore_ascii_case("typ") {
        return Err(bad("typ", typ));
    }
    let kind = read_kind(next("type")?)?;
    let mut candidate = Candidate { component_id, priority, ..Candidate::new(foundation, 0, kind, ip, port) };
    let mut tcp_type = None;
    while let Some(name) = words.next() {
        let value = words.next().ok_or_else(|| bad("extension", name))?;
        match name.to_ascii_lowercase().as_str() {
            "raddr" if is_word(value) => value.clone_into(&mut candidate.base_ip),
            "raddr" => return Err(bad("raddr", value)),
            "rport" => candidate.base_port = read_port(value)?,
            "tcptype" => tcp_type = Some(value),
            _ => {}
        }
    }
    if candidate.base_ip.is_empty() {
        // A port alone says nothing.
        candidate.base_port = 0;
    }
    candidate.proto = read_transport(transport, tcp_type)?;
    Ok(candidate)
}

/// Writes the value of an `a=candidate` line, what stands after `a=candidate:`.
///
/// # Errors
/// [`CandidateError`] names a field that can't be written, for example an address with a space in it or the
/// type of a multicast group.
pub fn encode(candidate: &Candidate) -> Result<String, CandidateError> {
    if !is_foundation(&candidate.foundation) {
        return Err(bad("foundation", &candidate.foundation));
    }
    if !(1..=256).contains(&candidate.component_id) {
        return Err(bad("component", &candidate.component_id.to_string()));
    }
    if !is_word(&candidate.ip) {
        return Err(bad("address", &candidate.ip));
    }
    let transport = if candidate.proto == NetworkProtocol::Udp { "UDP" } else { "TCP" };
    let mut line = format!(
        "{} {} {transport} {} {} {} typ {}",
        candidate.foundation,
        candidate.component_id,
        candidate.priority,
        candidate.ip,
        candidate.port,
        kind_name(candidate.kind).ok_or_else(|| bad("type", "multicast"))?,
    );
    if !candidate.base_ip.is_empty() {
        if !is_word(&candidate.base_ip) {
            return Err(bad("raddr", &candidate.base_ip));
        }
        line.push_str(&format!(" raddr {} rport {}", candidate.base_ip, candidate.base_port));
    }
    if let Some(name) = tcp_type_name(candidate.proto) {
        line.push_str(&format!(" tcptype {name}"));
    }
    Ok(line)
}

fn bad(field: &'static str, value: &str) -> CandidateError {
    CandidateError { field, value: Some(value.to_owned()) }
}

/// 1 to 32 characters, letters, digits, `+` and `/`.
fn is_foundation(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

fn number(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn read_port(text: &str) -> Result<u16, CandidateError> {
    number(text).and_then(|n| u16::try_from(n).ok()).ok_or_else(|| bad("port", text))
}

fn kind_name(kind: CandidateType) -> Option<&'static str> {
    Some(match kind {
        CandidateType::Host => "host",
        CandidateType::Srflx => "srflx",
        CandidateType::Prflx => "prflx",
        CandidateType::Relay => "relay",
        CandidateType::Multicast => return None,
    })
}

fn read_kind(text: &str) -> Result<CandidateType, CandidateError> {
    use CandidateType::{Host, Prflx, Relay, Srflx};
    let named = |kind: &CandidateType| kind_name(*kind).is_some_and(|name| name.eq_ignore_ascii_case(text));
    [Host, Srflx, Prflx, Relay].into_iter().find(named).ok_or_else(|| bad("type", text))
}

fn tcp_type_name(proto: NetworkProtocol) -> Option<&'static str> {
    Some(match proto {
        NetworkProtocol::Udp => return None,
        NetworkProtocol::TcpPassive => "passive",
        NetworkProtocol::TcpActive => "active",
        NetworkProtocol::TcpSo => "so",
    })
}

fn read_transport(transport: &str, tcp_type: Option<&str>) -> Result<NetworkProtocol, CandidateError> {
    use NetworkProtocol::{TcpActive, TcpPassive, TcpSo, Udp};
    if transport.eq_ignore_ascii_case("udp") {
        return Ok(Udp);
    }
    if !transport.eq_ignore_ascii_case("tcp") {
        return Err(bad("transport", transport));
    }
    let Some(text) = tcp_type else { return Err(CandidateError { field: "tcptype", value: None }) };
    let named = |proto: &NetworkProtocol| tcp_type_name(*proto).is_some_and(|n| n.eq_ignore_ascii_case(text));
    [TcpPassive, TcpActive, TcpSo].into_iter().find(named).ok_or_else(|| bad("tcptype", text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_survive_a_round_trip() {
        for line in [
            "1 1 UDP 2130706431 203.0.113.141 8998 typ host",
            "2 2 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998",
            "a+/9 1 UDP 1 fe80::6676:baff:fe9c:ee4a 8998 typ relay raddr 2001:db8::1 rport 5001",
            "3 1 TCP 2128609279 10.0.1.1 9 typ host tcptype active",
            "4 1 TCP 2124414975 10.0.1.1 8998 typ prflx raddr 10.0.1.1 rport 8998 tcptype passive",
            "5 256 TCP 2120220671 10.0.1.1 8999 typ host tcptype so",
            "6 1 UDP 0 4d2e.local 0 typ host",
        ] {
            let candidate = parse(line).unwrap();
            assert_eq!(encode(&candidate).unwrap(), line);
        }
    }

    #[test]
    fn what_browsers_add_is_skipped() {
        let line = "a=candidate:842163049 1 udp 1677729535 192.0.2.9 3478 typ srflx raddr 0.0.0.0 rport 0 \
                    generation 0 ufrag 4ZcD network-cost 999";
        let candidate = parse(line).unwrap();
        assert_eq!(candidate.kind, CandidateType::Srflx);
        assert_eq!((candidate.base_ip.as_str(), candidate.base_port), ("0.0.0.0", 0));
        assert_eq!(candidate.username, "");
    }

    #[test]
    fn errors_name_the_field() {
        for (line, field) in [
            ("", "foundation"),
            ("f-1 1 UDP 1 h 1 typ host", "foundation"),
            ("1", "component"),
            ("1 0 UDP 1 h 1 typ host", "component"),
            ("1 257 UDP 1 h 1 typ host", "component"),
            ("1 1 SCTP 1 h 1 typ host", "transport"),
            ("1 1 UDP -1 h 1 typ host", "priority"),
            ("1 1 UDP 4294967296 h 1 typ host", "priority"),
            ("1 1 UDP 1", "address"),
            ("1 1 UDP 1 h 65536 typ host", "port"),
            ("1 1 UDP 1 h +1 typ host", "port"),
            ("1 1 UDP 1 h 1 host", "typ"),
            ("1 1 UDP 1 h 1 typ", "type"),
            ("1 1 UDP 1 h 1 typ multicast", "type"),
            ("1 1 UDP 1 h 1 typ host raddr", "extension"),
            ("1 1 UDP 1 h 1 typ host rport x", "port"),
            ("1 1 TCP 1 h 1 typ host", "tcptype"),
            ("1 1 TCP 1 h 1 typ host tcptype x", "tcptype"),
        ] {
            assert_eq!(parse(line).unwrap_err().field, field, "{line}");
        }
    }

    #[test]
    fn what_no_line_can_say_is_refused() {
        let good = Candidate::new("L1", 1, CandidateType::Host, "192.0.2.1", 5004);
        assert_eq!(encode(&good).unwrap(), "L1 1 UDP 0 192.0.2.1 5004 typ host");
        let refused = |change: fn(&mut Candidate)| {
            let mut candidate = good.clone();
            change(&mut candidate);
            encode(&candidate).unwrap_err().field
        };
        assert_eq!(refused(|c| c.foundation.clear()), "foundation");
        assert_eq!(refused(|c| c.foundation = "1".repeat(33)), "foundation");
        assert_eq!(refused(|c| c.component_id = 0), "component");
        assert_eq!(refused(|c| c.ip = "/tmp/a b".to_owned()), "address");
        assert_eq!(refused(|c| c.ip = "h\r\na=x".to_owned()), "address");
        assert_eq!(refused(|c| c.base_ip = " ".to_owned()), "raddr");
        assert_eq!(refused(|c| c.kind = CandidateType::Multicast), "type");
    }
}
