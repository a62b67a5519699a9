//! Transport addresses (`FsCandidate`) and the states of the components they belong to.

pub mod sdp;

/// Where a candidate's address comes from (RFC 8445 section 4; `FsCandidateType`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum CandidateType {
    /// An address of this host.
    #[default]
    Host = 0,
    /// Server-reflexive: seen by a STUN server.
    Srflx = 1,
    /// Peer-reflexive: seen by the peer.
    Prflx = 2,
    /// Relayed by a TURN server.
    Relay = 3,
    /// A multicast group.
    Multicast = 4,
}

/// Transport of a candidate (`FsNetworkProtocol`; TCP kinds as in RFC 6544).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum NetworkProtocol {
    /// UDP.
    #[default]
    Udp = 0,
    /// TCP, waiting for a connection (C has the second name `FS_NETWORK_PROTOCOL_TCP` for it).
    TcpPassive = 1,
    /// TCP, opening the connection.
    TcpActive = 2,
    /// TCP, simultaneous open.
    TcpSo = 3,
}

/// Component of a stream (`FsComponentType`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum ComponentType {
    /// No component.
    #[default]
    None = 0,
    /// Media packets.
    Rtp = 1,
    /// Control packets.
    Rtcp = 2,
}

/// State of one component of a stream, in rising order (`FsStreamState`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum StreamState {
    /// Connectivity was lost or never came.
    Failed = 0,
    /// Nothing has begun.
    #[default]
    Disconnected = 1,
    /// Local candidates are being gathered.
    Gathering = 2,
    /// Connectivity is being checked.
    Connecting = 3,
    /// A working pair exists.
    Connected = 4,
    /// The final pair is chosen.
    Ready = 5,
}

/// One transport address of one component (`FsCandidate`). Empty strings stand for the C library's NULL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Candidate {
    /// Free text that groups related candidates (RFC 8445 section 5.1.1.3).
    pub foundation: String,
    /// 1 = RTP, 2 = RTCP.
    pub component_id: u32,
    /// Address; for the shm transmitter the path of the sender's socket.
    pub ip: String,
    /// Port.
    pub port: u16,
    /// Address this candidate is derived from; empty for host candidates.
    pub base_ip: String,
    /// Port belonging to `base_ip`.
    pub base_port: u16,
    /// Transport.
    pub proto: NetworkProtocol,
    /// Priority (RFC 8445 section 5.1.2).
    pub priority: u32,
    /// Where the address comes from.
    pub kind: CandidateType,
    /// ICE user name fragment.
    pub username: String,
    /// ICE password.
    pub password: String,
    /// Time to live in hops; multicast only, otherwise 0.
    pub ttl: u32,
}

impl Candidate {
    /// A candidate with everything else zero (`fs_candidate_new`).
    pub fn new(foundation: &str, component_id: u32, kind: CandidateType, ip: &str, port: u16) -> Self {
        Self {
            foundation: foundation.to_owned(),
            component_id,
            kind,
            ip: ip.to_owned(),
            port,
            ..Self::default()
        }
    }
}
