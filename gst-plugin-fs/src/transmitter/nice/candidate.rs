//! Candidates between `fs_proto::Candidate` and libnice, and what may stand in those an application hands in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use fs_proto::{Candidate, CandidateType, NetworkProtocol};

use super::ffi::{Address, MAX_FOUNDATION};

/// Longest user name fragment and password (RFC 8839 section 5.4).
const MAX_CREDENTIAL: usize = 256;
/// What stands for the port of a candidate that only connects (RFC 6544 section 4.5).
const DISCARD: u16 = 9;

/// A candidate as libnice has it, with strings of our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plain {
    pub(super) kind: u32,
    pub(super) transport: u32,
    pub(super) address: SocketAddr,
    /// Where a candidate that is not a host's comes from.
    pub(super) base: Option<SocketAddr>,
    pub(super) priority: u32,
    pub(super) component: u32,
    pub(super) foundation: String,
    /// Empty where the stream's are meant.
    pub(super) username: String,
    /// Empty where the stream's are meant.
    pub(super) password: String,
}

/// User name fragment and password.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) username: String,
    pub(super) password: String,
}

/// Compatibility modes, which differ in where credentials stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Compatibility(pub(super) u32);

impl Compatibility {
    const RFC5245: Self = Self(0);
    const GOOGLE: Self = Self(1);
    const MSN: Self = Self(2);
    const OC2007: Self = Self(4);

    /// Whether a TURN server behind libnice's own TLS, an old dialect, is what this mode's servers speak.
    pub(super) fn has_old_tls(self) -> bool {
        self != Self::RFC5245
    }

    /// Whether each candidate has credentials of its own.
    pub(super) fn has_own_credentials(self) -> bool {
        [Self::GOOGLE, Self::MSN, Self::OC2007].contains(&self)
    }

    fn needs_password(self) -> bool {
        self != Self::GOOGLE
    }
}

/// Remote candidates that may be handed to libnice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Remote {
    pub(super) candidates: Vec<Plain>,
    /// The credentials of all. In modes where each has its own they are those of the first: libnice (0.1.21) answers the peer's
    /// checks for ever, and begins none of its own, as long as it knows none of the stream.
    pub(super) credentials: Option<Credentials>,
    /// No more will come: the list held an empty candidate.
    pub(super) last: bool,
}

impl Plain {
    /// Whether checks discovered it; such candidates are not told to the peer (RFC 8445 section 7.2.5.3.1).
    pub(super) fn is_host(&self) -> bool {
        self.kind == 0
    }

    /// Whether it came of a check.
    pub(super) fn is_peer_reflexive(&self) -> bool {
        self.kind == 2
    }

    /// The candidate for an application; `stream` fills in the credentials.
    pub(super) fn to_proto(&self, stream: &Credentials) -> Candidate {
        let kind = match self.kind {
            1 => CandidateType::Srflx,
            2 => CandidateType::Prflx,
            3 => CandidateType::Relay,
            _ => CandidateType::Host,
        };
        let proto = match self.transport {
            1 => NetworkProtocol::TcpActive,
            2 => NetworkProtocol::TcpPassive,
            3 => NetworkProtocol::TcpSo,
            _ => NetworkProtocol::Udp,
        };
        let no_port = proto == NetworkProtocol::TcpActive && self.address.port() == 0;
        let port = if no_port { DISCARD } else { self.address.port() };
        let base = self.base.filter(|_| kind != CandidateType::Host);
        let or = |own: &String, other: &String| if own.is_empty() { other.clone() } else { own.clone() };
        Candidate {
            base_ip: base.map(|b| b.ip().to_string()).unwrap_or_default(),
            base_port: base.map(|b| b.port()).unwrap_or_default(),
            proto,
            priority: self.priority,
            username: or(&self.username, &stream.username),
            password: or(&self.password, &stream.password),
            ..Candidate::new(&self.foundation, self.component, kind, &self.address.ip().to_string(), port)
        }
    }

    fn from_proto(candidate: &Candidate, compatibility: Compatibility) -> Result<Self, glib::Error> {
        let kind = match candidate.kind {
            CandidateType::Host => 0,
            CandidateType::Srflx => 1,
            CandidateType::Prflx => 2,
            CandidateType::Relay => 3,
            CandidateType::Multicast => {
                return Err(refused(candidate, "has type multicast, which ICE does not know"));
            }
        };
        let transport = match candidate.proto {
            NetworkProtocol::Udp => 0,
            NetworkProtocol::TcpActive => 1,
            NetworkProtocol::TcpPassive => 2,
            NetworkProtocol::TcpSo => 3,
        };
        if candidate.port == 0 && candidate.proto != NetworkProtocol::TcpActive {
            return Err(refused(candidate, "has port 0"));
        }
        if candidate.foundation.len() > MAX_FOUNDATION {
            let why = format!("has a foundation of more than {MAX_FOUNDATION} characters");
            return Err(refused(candidate, &why));
        }
        let own = compatibility.has_own_credentials();
        let credential = |text: &String| if own { text.clone() } else { String::new() };
        Ok(Self {
            kind,
            transport,
            address: SocketAddr::new(address(candidate, "address", &candidate.ip)?, candidate.port),
            base: base(candidate)?,
            priority: candidate.priority,
            component: candidate.component_id,
            foundation: candidate.foundation.clone(),
            username: credential(&candidate.username),
            password: credential(&candidate.password),
        })
    }
}

/// Reads the remote candidates of one list. In `trickle` mode an empty candidate (no address, port 0) is the end of
/// candidates.
///
/// # Errors
/// `INVALID_ARGUMENTS`, naming the candidate and the field that cannot be used. Names are not looked up.
pub(super) fn remote(
    list: &[Candidate],
    components: u32,
    compatibility: Compatibility,
    trickle: bool,
) -> Result<Remote, glib::Error> {
    let mut read = Remote::default();
    for candidate in list {
        if trickle && candidate.ip.is_empty() && candidate.port == 0 {
            read.last = true;
            continue;
        }
        check_component(candidate, components)?;
        check_credentials(candidate, compatibility)?;
        let own = Credentials { username: candidate.username.clone(), password: candidate.password.clone() };
        match &read.credentials {
            Some(first) if *first != own && !compatibility.has_own_credentials() => {
                return Err(refused(
                    candidate,
                    "has another username or password than the first of its list",
                ));
            }
            Some(_) => {}
            None => read.credentials = Some(own),
        }
        // Nothing can be sent there, and it is no reason to lose the others: the C library took it too.
        if candidate.port == 0 && candidate.proto != NetworkProtocol::TcpActive {
            continue;
        }
        read.candidates.push(Plain::from_proto(candidate, compatibility)?);
    }
    Ok(read)
}

/// Reads candidates to be used without checks, at most one for each component.
///
/// # Errors
/// `INVALID_ARGUMENTS`, naming the candidate and the field that cannot be used.
pub(super) fn forced(
    list: &[Candidate],
    components: u32,
    compatibility: Compatibility,
) -> Result<Vec<Plain>, glib::Error> {
    let mut read: Vec<Plain> = Vec::new();
    for candidate in list {
        check_component(candidate, components)?;
        if read.iter().any(|other| other.component == candidate.component_id) {
            return Err(refused(candidate, "is the second for its component, and only one can be forced"));
        }
        read.push(Plain::from_proto(candidate, compatibility)?);
    }
    Ok(read)
}

/// The local addresses that `preferred-local-candidates` restricts us to, sorted.
///
/// # Errors
/// `INVALID_ARGUMENTS` when a candidate is more than an address.
pub(super) fn preferred(list: &[Candidate]) -> Result<Vec<IpAddr>, glib::Error> {
    let mut all = Vec::new();
    for candidate in list {
        let wrong = |why: &str| {
            invalid(&format!(
                "parameter 'preferred-local-candidates': the candidate with address '{}' {why}",
                candidate.ip
            ))
        };
        if candidate.kind != CandidateType::Host {
            return Err(wrong(&format!("has type {:?}, but only Host can be preferred", candidate.kind)));
        }
        if candidate.component_id != 0 {
            return Err(wrong(&format!("has component {}, but must be for all (0)", candidate.component_id)));
        }
        if candidate.port != 0 {
            return Err(wrong(&format!(
                "has port {}; ports are chosen by parameters min-port and max-port",
                candidate.port
            )));
        }
        all.push(candidate.ip.parse::<IpAddr>().map_err(|_| wrong("has no numeric IP address"))?);
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

fn check_component(candidate: &Candidate, components: u32) -> Result<(), glib::Error> {
    if (1..=components).contains(&candidate.component_id) {
        return Ok(());
    }
    let why = format!("has component {}, but there are only 1 to {components}", candidate.component_id);
    Err(refused(candidate, &why))
}

fn check_credentials(candidate: &Candidate, compatibility: Compatibility) -> Result<(), glib::Error> {
    for (name, text, needed) in [
        ("username", &candidate.username, true),
        ("password", &candidate.password, compatibility.needs_password()),
    ] {
        if needed && text.is_empty() {
            return Err(refused(candidate, &format!("has no {name}")));
        }
        if text.len() > MAX_CREDENTIAL || text.contains('\0') {
            // The text is a secret and stays out of the message.
            let why = format!("has a {name} of {} bytes, more than {MAX_CREDENTIAL} or with NUL", text.len());
            return Err(refused(candidate, &why));
        }
    }
    Ok(())
}

fn base(candidate: &Candidate) -> Result<Option<SocketAddr>, glib::Error> {
    if candidate.base_ip.is_empty() {
        return Ok(None);
    }
    let ip = address(candidate, "base address", &candidate.base_ip)?;
    Ok(Some(SocketAddr::new(ip, candidate.base_port)))
}

fn address(candidate: &Candidate, field: &str, text: &str) -> Result<IpAddr, glib::Error> {
    if text.is_empty() {
        return Err(refused(candidate, &format!("has no {field}")));
    }
    text.parse::<IpAddr>().map_err(|_| {
        let hint = if text.to_ascii_lowercase().ends_with(".local") {
            "; look mDNS names up before, or drop the candidate"
        } else {
            ""
        };
        refused(candidate, &format!("has the {field} '{text}', which is no numeric IP address{hint}"))
    })
}

fn refused(candidate: &Candidate, why: &str) -> glib::Error {
    invalid(&format!(
        "the remote candidate '{}' for component {} at '{}' port {} {why}",
        candidate.foundation, candidate.component_id, candidate.ip, candidate.port
    ))
}

/// An `INVALID_ARGUMENTS`; the text may quote what an application gave, NULs included.
pub(super) fn invalid(text: &str) -> glib::Error {
    glib::Error::new(fs_core::Error::InvalidArguments, &text.replace('\0', "\u{fffd}"))
}

/// The family of a system's socket address, which is in its first two bytes.
fn family(value: i32) -> [u8; 2] {
    libc::sa_family_t::try_from(value).unwrap_or_default().to_ne_bytes()
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        let mut bytes = [0; size_of::<libc::sockaddr_in6>()];
        bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
        match address {
            SocketAddr::V4(v4) => {
                bytes[..2].copy_from_slice(&family(libc::AF_INET));
                bytes[4..8].copy_from_slice(&v4.ip().octets());
            }
            SocketAddr::V6(v6) => {
                bytes[..2].copy_from_slice(&family(libc::AF_INET6));
                bytes[8..24].copy_from_slice(&v6.ip().octets());
                bytes[24..28].copy_from_slice(&v6.scope_id().to_ne_bytes());
            }
        }
        Self { bytes }
    }
}

impl Address {
    /// No address.
    pub(super) const NONE: Self = Self { bytes: [0; size_of::<libc::sockaddr_in6>()] };

    /// The address, if it is set.
    pub(super) fn get(&self) -> Option<SocketAddr> {
        let b = &self.bytes;
        let port = u16::from_be_bytes([b[2], b[3]]);
        if b[..2] == family(libc::AF_INET) {
            return Some(SocketAddr::new(Ipv4Addr::new(b[4], b[5], b[6], b[7]).into(), port));
        }
        if b[..2] != family(libc::AF_INET6) {
            return None;
        }
        let ip: [u8; 16] = b[8..24].try_into().ok()?;
        let scope = u32::from_ne_bytes(b[24..28].try_into().ok()?);
        Some(SocketAddrV6::new(Ipv6Addr::from(ip), port, 0, scope).into())
    }
}

#[cfg(test)]
#[path = "candidate_tests.rs"]
mod tests;
