//! Via (RFC 3261 section 20.42) with `received` and `rport` (RFC 3581).

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::headers::{TypedHeader, name};
use super::host::Host;
use super::params::{Params, is_space, is_token};
use crate::error::ParseError;

/// One hop of the way a request has gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Via {
    /// `UDP`, `TCP` …, as written.
    pub transport: String,
    /// Host the sender gave itself.
    pub host: Host,
    /// Port the sender gave itself.
    pub port: Option<u16>,
    /// `branch`, `received`, `rport` …
    pub params: Params,
}

/// What every branch of RFC 3261 begins with (section 8.1.1.7).
pub(crate) const MAGIC_COOKIE: &str = "z9hG4bK";

impl Via {
    /// Our own Via for a request: asks for `rport`.
    #[must_use]
    pub fn new(transport: &str, sent_by: SocketAddr, branch: &str) -> Self {
        let mut params = Params::new();
        params.set("rport", None);
        params.set("branch", Some(branch));
        Self {
            transport: transport.to_owned(),
            host: sent_by.ip().into(),
            port: Some(sent_by.port()),
            params,
        }
    }

    /// The branch, when it has the form of RFC 3261: the cookie and something
    /// behind it. Older peers send others, or none.
    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        self.params.raw("branch").filter(|branch| is_branch(branch))
    }

    /// Notes where the request really came from (RFC 3261 section 18.2.1,
    /// RFC 3581 section 4).
    pub fn note_source(&mut self, source: SocketAddr) {
        let rport = self.params.contains("rport");
        if rport {
            self.params.set("rport", Some(&source.port().to_string()));
        }
        if rport || self.host.ip() != Some(source.ip()) {
            self.params.set("received", Some(&source.ip().to_string()));
        } else {
            self.params.remove("received");
        }
    }

    /// Where a response goes over UDP (RFC 3261 section 18.2.2, RFC 3581
    /// section 4); a host name where only DNS knows.
    #[must_use]
    pub fn response_target(&self) -> (Host, u16) {
        let default = self.port.unwrap_or(5060);
        if let Some(maddr) = self.params.value("maddr").and_then(|m| Host::parse(&m).ok()) {
            return (maddr, default);
        }
        let received = self.params.value("received");
        let received = received.and_then(|r| r.trim_matches(['[', ']']).parse::<IpAddr>().ok());
        let rport = self.params.raw("rport").and_then(|p| p.parse().ok());
        match received {
            Some(ip) => (ip.into(), rport.unwrap_or(default)),
            None => (self.host.clone(), default),
        }
    }
}

/// Has the branch the form of RFC 3261: the cookie and something behind it?
pub(crate) fn is_branch(text: &str) -> bool {
    let cookie = text.get(..MAGIC_COOKIE.len()).is_some_and(|c| c.eq_ignore_ascii_case(MAGIC_COOKIE));
    cookie && text.len() > MAGIC_COOKIE.len()
}

impl TypedHeader for Via {
    const NAME: &'static str = name::VIA;

    fn parse_value(text: &str) -> Result<Self, ParseError> {
        let broken = |what| ParseError::new(what, text, 0);
        let mut parts = text.splitn(3, '/');
        let protocol = parts.next().unwrap_or_default().trim_matches(is_space);
        let version = parts.next().unwrap_or_default().trim_matches(is_space);
        if !protocol.eq_ignore_ascii_case("SIP") || version != "2.0" {
            return Err(broken("Via is not of SIP/2.0"));
        }
        let rest = parts.next().unwrap_or_default().trim_start_matches(is_space);
        let (transport, rest) =
            rest.split_once(is_space).ok_or_else(|| broken("Via without transport and host"))?;
        if !is_token(transport) {
            return Err(broken("Via transport is not a token"));
        }
        let end = rest.find(';').unwrap_or(rest.len());
        let sent_by: String = rest[..end].chars().filter(|c| !is_space(*c)).collect();
        // White space may stand around the colon, but not inside a name.
        let words = rest[..end].split([' ', '\t', ':']).filter(|w| !w.is_empty()).count();
        let (host, port) = Host::parse_with_port(&sent_by)?;
        if !matches!(host, Host::Ip(IpAddr::V6(_))) && words > 1 + usize::from(port.is_some()) {
            return Err(broken("Via host is broken"));
        }
        let params = Params::parse_header(&rest[end..])?;
        Ok(Self { transport: transport.to_owned(), host, port, params })
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0/{} {}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)
    }
}
