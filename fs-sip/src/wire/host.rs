//! Host of a URI or a Via: a name or an address (RFC 3261 section 25.1).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::error::ParseError;

/// A host as SIP writes it; an IPv6 address stands in brackets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A DNS name, in the letters it was written with.
    Name(String),
    /// An address literal.
    Ip(IpAddr),
}

impl Host {
    /// Reads a host without port. An IPv6 address needs its brackets.
    ///
    /// # Errors
    /// When `text` is neither a host name nor an address.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').unwrap_or_default();
            return inner
                .parse::<Ipv6Addr>()
                .map(|ip| Self::Ip(ip.into()))
                .map_err(|_| ParseError::new("not an IPv6 address in brackets", text, 0));
        }
        if text.ends_with(|c: char| c.is_ascii_digit())
            && let Ok(ip) = text.parse::<Ipv4Addr>()
        {
            return Ok(Self::Ip(ip.into()));
        }
        let name_byte = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
        if text.is_empty() || text.len() > 255 || !text.bytes().all(name_byte) {
            return Err(ParseError::new("not a host name", text, 0));
        }
        Ok(Self::Name(text.to_owned()))
    }

    /// Splits `host[:port]`.
    ///
    /// # Errors
    /// When the host or the port number is wrong.
    pub fn parse_with_port(text: &str) -> Result<(Self, Option<u16>), ParseError> {
        let split = match text.rfind(']') {
            Some(end) => end + 1,
            None => text.find(':').unwrap_or(text.len()),
        };
        let (host, rest) = text.split_at(split);
        let host = Self::parse(host)?;
        if rest.is_empty() {
            return Ok((host, None));
        }
        let digits = rest.strip_prefix(':').unwrap_or_default();
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ParseError::new("port is not a number", text, split));
        }
        match digits.parse::<u16>() {
            Ok(port) => Ok((host, Some(port))),
            Err(_) => Err(ParseError::new("port number above 65535", text, split)),
        }
    }

    /// The address, when the host is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(ip) => Some(*ip),
            Self::Name(_) => None,
        }
    }

    /// Are these the same host? Names compare without case.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(a), Self::Name(b)) => a.eq_ignore_ascii_case(b),
            (Self::Ip(a), Self::Ip(b)) => a == b,
            _ => false,
        }
    }
}

impl From<IpAddr> for Host {
    fn from(ip: IpAddr) -> Self {
        Self::Ip(ip)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(ip)) => write!(f, "{ip}"),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}
