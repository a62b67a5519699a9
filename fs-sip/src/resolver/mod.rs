//! Where the servers of a domain are (RFC 3263): [`rfc3263`] decides what to
//! ask and what to make of it, `dns` asks.

pub(crate) mod dns;
pub mod rfc3263;

use std::net::SocketAddr;

/// Whom to ask about names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Dns {
    /// As the system is set up (`/etc/resolv.conf`, `/etc/hosts`).
    #[default]
    System,
    /// These servers, and nobody else.
    Servers(Vec<SocketAddr>),
}
