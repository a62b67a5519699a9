//! Settings of an endpoint.

use std::net::{Ipv4Addr, SocketAddr};

use crate::transaction::Timers;

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
