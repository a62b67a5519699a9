//! Settings of an endpoint.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::limits;

/// The base timers of RFC 3261 section 17; all others are made from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timers {
    /// Round-trip estimate, default 500 ms.
    pub t1: Duration,
    /// Longest retransmission interval, default 4 s.
    pub t2: Duration,
    /// Longest life of a message in the network, default 5 s.
    pub t4: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Self { t1: limits::T1, t2: limits::T2, t4: limits::T4 }
    }
}

/// Settings of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointConfig {
    /// Address to listen on; port 0 takes one from the system. Default
    /// `127.0.0.1:0`.
    pub bind: SocketAddr,
    /// Value of User-Agent and Server.
    pub user_agent: String,
    /// User part of our Contact URI; may be empty.
    pub contact_user: String,
    /// Host and port for Via and Contact, where they differ from what is
    /// bound (behind a NAT, for example).
    pub advertised: Option<SocketAddr>,
    /// Types of body an INVITE may carry; anything else gets 415.
    pub accept: Vec<String>,
    /// Base timers.
    pub timers: Timers,
}

impl Default for EndpointConfig {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            user_agent: concat!("fs-sip/", env!("CARGO_PKG_VERSION")).to_owned(),
            contact_user: String::new(),
            advertised: None,
            accept: vec!["application/sdp".to_owned()],
            timers: Timers::default(),
        }
    }
}
