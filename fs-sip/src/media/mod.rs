//! The media engine behind a session, as a trait: the sessions know nothing of GStreamer.
//!
//! [`farstream`] is the engine that drives a Farstream conference; [`fake`] serves the tests.

pub mod fake;
#[cfg(feature = "farstream")]
pub mod farstream;
#[cfg(feature = "farstream")]
mod preferences;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use fs_proto::{
    Candidate, Codec, MediaType, RtpHeaderExtension, SrtpParameters, StreamDirection, StreamState,
};
use tokio::sync::mpsc;

/// Names one session to the media engine, so that the application can tell its pads apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u64);

/// How packets reach the peer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Transmitter {
    /// Plain UDP, between the addresses in the session descriptions.
    #[default]
    RawUdp,
    /// ICE (RFC 8445).
    Nice(IceSettings),
}

/// Settings of ICE.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IceSettings {
    /// Whether we choose the pair: the side that offers first does (RFC 8445 section 6.1.1). Sessions set it.
    pub controlling: bool,
    /// The STUN server, if one is to be asked.
    pub stun: Option<SocketAddr>,
}

/// What a stream is opened with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaSettings {
    /// The session it belongs to.
    pub session: SessionId,
    /// What kind of media it carries. The streams of a session are of different kinds.
    pub kind: MediaType,
    /// The address to receive on; `None` = all addresses of this host.
    pub local_ip: Option<IpAddr>,
    /// The codecs to use, best first; the others stay off. Empty = all, in the engine's order.
    pub codecs: Vec<Codec>,
    /// How packets reach the peer.
    pub transmitter: Transmitter,
    /// The RTP header extensions to negotiate.
    pub header_extensions: Vec<RtpHeaderExtension>,
}

/// A media engine. Its calls may block for a short time; sessions call it off the network task.
pub trait Backend: Send + Sync {
    /// Opens one stream and begins to gather local candidates; they come as events.
    ///
    /// # Errors
    /// When an element is missing, no codec is left or no port can be bound.
    fn open(&self, settings: &MediaSettings, events: MediaEvents) -> Result<Box<dyn Media>, MediaError>;
}

/// The media of one m-line. Dropping it closes it.
pub trait Media: Send {
    /// Our codecs as they belong in an offer, or, after [`Media::set_remote_codecs`], in an answer.
    ///
    /// # Errors
    /// When the engine has lost them.
    fn codecs(&mut self) -> Result<Vec<Codec>, MediaError>;

    /// Tells what the peer can take.
    ///
    /// # Errors
    /// [`Fault::Negotiation`] when nothing is in common; what was agreed before stands.
    fn set_remote_codecs(&mut self, codecs: &[Codec]) -> Result<(), MediaError>;

    /// Our RTP header extensions as they belong in an offer, or, after the peer's are known, in an answer.
    fn header_extensions(&mut self) -> Vec<RtpHeaderExtension>;

    /// Tells the peer's RTP header extensions, with directions as we see them.
    fn set_remote_header_extensions(&mut self, extensions: &[RtpHeaderExtension]);

    /// Whether RTCP can share the port of RTP (RFC 5761), both ways.
    fn can_mux_rtcp(&mut self) -> bool;

    /// Says whether RTCP is to be sent where RTP goes.
    fn set_rtcp_mux(&mut self, mux: bool);

    /// Tells where the peer wants its packets. Candidates with credentials are checked by ICE, others are used as they
    /// are.
    ///
    /// # Errors
    /// When the engine can't send there.
    fn set_remote_candidates(&mut self, candidates: &[Candidate]) -> Result<(), MediaError>;

    /// Restarts ICE (RFC 8445 section 9): local candidates are told again, with new credentials, and those of the peer
    /// are forgotten.
    ///
    /// # Errors
    /// When the engine can't do ICE.
    fn restart_ice(&mut self) -> Result<(), MediaError>;

    /// Encrypts and decrypts from now on with these parameters, ours first, and takes nothing else; `None` does without.
    ///
    /// # Errors
    /// When the engine can't do that.
    fn set_encryption(&mut self, keys: Option<(&SrtpParameters, &SrtpParameters)>) -> Result<(), MediaError>;

    /// Limits what is sent, in bit/s; 0 = the engine's own choice.
    fn set_bandwidth(&mut self, bits: u32);

    /// Says which ways media flows from now on, seen from us.
    fn set_direction(&mut self, direction: StreamDirection);

    /// Begins to send the telephony event of a digit (RFC 4733), code 0 to 15. False when that is not possible.
    fn start_digit(&mut self, event: u8) -> bool;

    /// Ends it.
    fn stop_digit(&mut self);

    /// The figures so far.
    fn statistics(&mut self) -> MediaStatistics;

    /// Ends the stream and frees its ports. Nothing comes out of it afterwards.
    fn close(&mut self);
}

/// What a stream reports.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum MediaEvent {
    /// A local address is ready.
    LocalCandidate(Candidate),
    /// All local addresses are ready.
    LocalCandidatesPrepared,
    /// The network changed: these local addresses, all there are, replace those told before, and the peer is due an offer
    /// with them. What it answers belongs to them.
    LocalCandidatesReplaced(Vec<Candidate>),
    /// The negotiated list changed.
    CodecsChanged,
    /// The codec we send with.
    SendCodecChanged(Codec),
    /// The codecs we receive.
    RecvCodecsChanged(Vec<Codec>),
    /// A source of decoded media appeared.
    SourceAdded(Codec),
    /// The peer sends a telephony event (RFC 4733); code 0 to 15 for the keys.
    DigitReceived(u8),
    /// ICE uses this pair for a component.
    ActivePair {
        /// Our candidate.
        local: Candidate,
        /// The peer's.
        remote: Candidate,
    },
    /// The state of one component, which ICE has found out.
    ComponentState {
        /// 1 = RTP, 2 = RTCP.
        component: u32,
        /// What it is now.
        state: StreamState,
    },
    /// An error that did not come from a call; `fatal` when the stream can't go on.
    Failed {
        /// What happened.
        error: MediaError,
        /// Whether the stream is lost.
        fatal: bool,
    },
}

/// Where a stream sends its events; never blocks, may be used from any thread.
#[derive(Debug, Clone)]
pub struct MediaEvents(mpsc::UnboundedSender<MediaEvent>);

impl MediaEvents {
    /// A channel for the events of one stream.
    #[must_use]
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<MediaEvent>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Reports something; without effect when nobody listens any more.
    pub fn send(&self, event: MediaEvent) {
        // The session may be over already; then nobody needs to know.
        let _ = self.0.send(event);
    }
}

/// Whose fault a [`MediaError`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// An element is missing or does not start.
    Construction,
    /// No port, no address, no route.
    Network,
    /// The peer's codecs and ours have nothing in common.
    Negotiation,
    /// The wanted codecs leave nothing.
    NoCodecs,
    /// The call did not fit.
    Misuse,
    /// Anything else.
    Internal,
}

/// An error of the media engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaError {
    /// Whose fault.
    pub fault: Fault,
    /// What happened, with what was offered and what we had.
    pub text: String,
}

impl MediaError {
    /// An error of that kind.
    #[must_use]
    pub fn new(fault: Fault, text: impl Into<String>) -> Self {
        Self { fault, text: text.into() }
    }

    /// The SIP status that answers a request which ran into it.
    #[must_use]
    pub fn status_code(&self) -> u16 {
        match self.fault {
            Fault::Negotiation => 488,
            _ => 500,
        }
    }
}

impl fmt::Display for MediaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for MediaError {}

/// What a stream has sent and received.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MediaStatistics {
    /// RTP packets sent.
    pub packets_sent: u64,
    /// RTP packets received.
    pub packets_received: u64,
    /// RTP packets that should have come and did not (RFC 3550 appendix A.3); negative with duplicates.
    pub packets_lost: i64,
    /// Interarrival jitter (RFC 3550 section 6.4.1) at the last report.
    pub jitter: Duration,
}
