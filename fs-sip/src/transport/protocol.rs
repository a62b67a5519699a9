//! The names of the ways: pure vocabulary, no socket.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// A way for messages to travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// Datagrams (RFC 3261 section 18).
    Udp,
    /// A byte stream (RFC 3261 section 18).
    Tcp,
    /// A byte stream inside TLS (RFC 3261 section 26.2, RFC 5922).
    Tls,
    /// WebSocket (RFC 7118).
    Ws,
    /// WebSocket inside TLS (RFC 7118).
    Wss,
}

/// What is fixed about a protocol.
struct Facts {
    protocol: Protocol,
    /// In Via.
    token: &'static str,
    /// In `;transport=`.
    parameter: &'static str,
    reliable: bool,
    secure: bool,
    port: u16,
    /// The service of its NAPTR records (RFC 3263 section 4.1, RFC 7118).
    service: &'static str,
    /// What the names of its SRV records begin with.
    srv: &'static str,
    /// Are SRV records asked for without a NAPTR record that names them?
    unasked: bool,
}

/// One line for each, in the order of the enum.
const FACTS: [Facts; 5] = [
    Facts {
        protocol: Protocol::Udp,
        token: "UDP",
        parameter: "udp",
        reliable: false,
        secure: false,
        port: 5060,
        service: "SIP+D2U",
        srv: "_sip._udp",
        unasked: true,
    },
    Facts {
        protocol: Protocol::Tcp,
        token: "TCP",
        parameter: "tcp",
        reliable: true,
        secure: false,
        port: 5060,
        service: "SIP+D2T",
        srv: "_sip._tcp",
        unasked: true,
    },
    Facts {
        protocol: Protocol::Tls,
        token: "TLS",
        parameter: "tls",
        reliable: true,
        secure: true,
        port: 5061,
        service: "SIPS+D2T",
        srv: "_sips._tcp",
        unasked: true,
    },
    Facts {
        protocol: Protocol::Ws,
        token: "WS",
        parameter: "ws",
        reliable: true,
        secure: false,
        port: 80,
        service: "SIP+D2W",
        srv: "_sip._ws",
        unasked: false,
    },
    Facts {
        protocol: Protocol::Wss,
        token: "WSS",
        parameter: "wss",
        reliable: true,
        secure: true,
        port: 443,
        service: "SIPS+D2W",
        srv: "_sips._ws",
        unasked: false,
    },
];

impl Protocol {
    /// All there are.
    pub fn all() -> impl Iterator<Item = Self> {
        FACTS.iter().map(|f| f.protocol)
    }

    fn facts(self) -> &'static Facts {
        &FACTS[self as usize]
    }

    /// The word in Via.
    #[must_use]
    pub fn token(self) -> &'static str {
        self.facts().token
    }

    /// The value of the URI parameter `transport`.
    #[must_use]
    pub fn parameter(self) -> &'static str {
        self.facts().parameter
    }

    /// The protocol that a URI asks for, in any case.
    #[must_use]
    pub fn of_parameter(text: &str) -> Option<Self> {
        FACTS.iter().find(|f| f.parameter.eq_ignore_ascii_case(text)).map(|f| f.protocol)
    }

    /// The protocol that a NAPTR record names.
    pub(crate) fn of_service(service: &str) -> Option<Self> {
        FACTS.iter().find(|f| f.service.eq_ignore_ascii_case(service)).map(|f| f.protocol)
    }

    /// What the names of its SRV records begin with.
    pub(crate) fn srv(self) -> &'static str {
        self.facts().srv
    }

    /// May its SRV records be asked for though no NAPTR record names them?
    pub(crate) fn is_found_unasked(self) -> bool {
        self.facts().unasked
    }

    /// Does it repeat and order by itself?
    #[must_use]
    pub fn is_reliable(self) -> bool {
        self.facts().reliable
    }

    /// Is it encrypted?
    #[must_use]
    pub fn is_secure(self) -> bool {
        self.facts().secure
    }

    /// The port where none is given.
    #[must_use]
    pub fn default_port(self) -> u16 {
        self.facts().port
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.token())
    }
}

/// Names one connection for its whole life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// Whom a message goes to or came from, and by which way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Peer {
    /// The way.
    pub protocol: Protocol,
    /// The address.
    pub remote: SocketAddr,
    /// The name that a certificate must bear, where the way has one.
    pub name: Option<Arc<str>>,
    /// The connection to prefer; where it is closed, another is opened.
    pub connection: Option<ConnectionId>,
}

impl Peer {
    /// A peer without connection.
    #[must_use]
    pub fn new(protocol: Protocol, remote: SocketAddr) -> Self {
        Self { protocol, remote, name: None, connection: None }
    }

    /// A peer reached by datagrams.
    #[must_use]
    pub fn udp(remote: SocketAddr) -> Self {
        Self::new(Protocol::Udp, remote)
    }

    /// Do both name the same other side, whatever the connection?
    #[must_use]
    pub fn same_place(&self, other: &Self) -> bool {
        self.protocol == other.protocol && self.remote == other.remote && self.name == other.name
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.protocol.parameter(), self.remote)
    }
}

/// How we are seen from a peer: what Via and Contact say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Local {
    /// The way to us.
    pub protocol: Protocol,
    /// Our address.
    pub address: SocketAddr,
}

impl Local {
    /// Our address for datagrams.
    #[must_use]
    pub fn udp(address: SocketAddr) -> Self {
        Self { protocol: Protocol::Udp, address }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_protocol_finds_its_own_line() {
        for protocol in Protocol::all() {
            assert_eq!(protocol.facts().protocol, protocol);
            assert_eq!(Protocol::of_parameter(&protocol.token().to_lowercase()), Some(protocol));
        }
        assert_eq!(Protocol::of_parameter("carrier-pigeon"), None);
    }
}
