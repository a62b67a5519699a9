//! Settings of an endpoint.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::dialog::session_timer::SessionTimerSettings;
use crate::limits;
use crate::resolver::Dns;
use crate::transaction::Timers;
use crate::transport::{Protocol, TlsSettings};
use crate::wire::Method;
use crate::wire::auth::Credentials;

/// One more address to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// The way.
    pub protocol: Protocol,
    /// The address; port 0 takes one from the system.
    pub address: SocketAddr,
}

/// Settings of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointConfig {
    /// Address to listen on with UDP and, as RFC 3261 section 18.2.1 asks, on
    /// the same port with TCP; port 0 takes one from the system. Default
    /// `127.0.0.1:0`.
    pub bind: SocketAddr,
    /// Listen on `bind` with TCP as well? Default yes. Without it there is no
    /// way but UDP, unless `listen` has one.
    pub tcp: bool,
    /// Further listeners: TLS, the other family of addresses …
    pub listen: Vec<Listen>,
    /// Whom to ask where the servers of a domain are.
    pub dns: Dns,
    /// Certificates and trust.
    pub tls: TlsSettings,
    /// A request of at least so many bytes tries TCP first where its target
    /// would be reached over UDP, and UDP when there is no connection (RFC 3261
    /// section 18.1.1); none = never. Default 1300.
    pub large_request: Option<usize>,
    /// Value of User-Agent and Server.
    pub user_agent: String,
    /// User part of our Contact URI; may be empty.
    pub contact_user: String,
    /// Host and port for Via and Contact, where they differ from what is
    /// bound (behind a NAT, for example).
    pub advertised: Option<SocketAddr>,
    /// Take our address from the answers to REGISTER (RFC 3581) into the
    /// Contact, where a NAT shows others another one than ours? Default yes;
    /// `advertised` goes before it.
    pub learn_address: bool,
    /// Types of body an INVITE may carry; anything else gets 415.
    pub accept: Vec<String>,
    /// Take MESSAGE outside calls ([`Event::Message`](super::Event::Message))?
    /// Default no: they get 405.
    pub messages: bool,
    /// Take MESSAGE inside calls
    /// ([`Event::CallMessage`](super::Event::CallMessage))? Default yes; else
    /// they get 405.
    pub call_messages: bool,
    /// Event packages that others may subscribe to
    /// ([`Event::IncomingSubscription`](super::Event::IncomingSubscription));
    /// SUBSCRIBE for others gets 489, and with an empty list, the default, 405.
    pub events: Vec<String>,
    /// Methods whose requests outside calls the application answers
    /// ([`Event::Request`](super::Event::Request)): PUBLISH, OPTIONS, INFO,
    /// REGISTER, names of its own. Default none: OPTIONS get 200, NOTIFY and
    /// REFER 481, others 405 or 501. INVITE, ACK, CANCEL, BYE, PRACK, UPDATE,
    /// SUBSCRIBE and MESSAGE are never among them.
    pub requests: Vec<Method>,
    /// What answers the challenges of servers and proxies;
    /// [`Command::Credentials`](super::Command::Credentials) replaces them.
    pub credentials: Vec<Credentials>,
    /// Server transactions at once, each of which lives for 32 s and more;
    /// beyond it new requests get 503. Default
    /// [`limits::MAX_SERVER_TRANSACTIONS`].
    pub max_server_transactions: usize,
    /// Base timers.
    pub timers: Timers,
    /// Session timers (RFC 4028).
    pub session_timer: SessionTimerSettings,
    /// Send provisional answers reliably (RFC 3262) to every caller that can
    /// take them? Default no: only to those that require it.
    pub reliable_provisional: bool,
    /// How long an INVITE of ours waits for the next answer after a provisional
    /// one; then it is cancelled, and has failed with 408. `None` = for ever.
    /// Default [`limits::SILENCE`], 190 s.
    pub silence: Option<Duration>,
    /// Call the addresses of a 3xx answer by ourselves? Default no: the
    /// application is told.
    pub follow_redirects: bool,
    /// Refuse requests of ours that come back to us with 482 (RFC 3261 section
    /// 16.3 item 4)? Default yes.
    pub detect_loops: bool,
    /// Tell the fate of every transaction of a session with
    /// [`Event::Processed`](super::Event::Processed)? Default no.
    pub report_transactions: bool,
}

impl Default for EndpointConfig {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tcp: true,
            listen: Vec::new(),
            dns: Dns::default(),
            tls: TlsSettings::default(),
            large_request: Some(1300),
            user_agent: concat!("fs-sip/", env!("CARGO_PKG_VERSION")).to_owned(),
            contact_user: String::new(),
            advertised: None,
            learn_address: true,
            accept: vec!["application/sdp".to_owned()],
            messages: false,
            call_messages: true,
            events: Vec::new(),
            requests: Vec::new(),
            credentials: Vec::new(),
            max_server_transactions: limits::MAX_SERVER_TRANSACTIONS,
            timers: Timers::default(),
            session_timer: SessionTimerSettings::default(),
            reliable_provisional: false,
            silence: Some(limits::SILENCE),
            follow_redirects: false,
            detect_loops: true,
            report_transactions: false,
        }
    }
}
