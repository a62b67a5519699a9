//! What sessions and streams tell the application. The variants carry SIP SIMPLE's notification names; each doc
//! gives the old one.

use std::fmt;
use std::time::Duration;

use fs_proto::{Codec, MediaType};

use crate::endpoint::AckFate;
use crate::media::MediaStatistics;
use crate::wire::{Method, NameAddr};

/// Which side something came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Originator {
    /// This side.
    Local,
    /// The peer.
    Remote,
}

impl fmt::Display for Originator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Remote => "remote",
        })
    }
}

/// Something happened to a session.
///
/// Order: any number of ring and provisional events, then either [`SessionEvent::DidFail`] or
/// [`SessionEvent::WillStart`] followed by [`SessionEvent::DidStart`] or [`SessionEvent::DidFail`]. A started
/// session ends with [`SessionEvent::WillEnd`] and [`SessionEvent::DidEnd`]. Exactly one of `DidFail` and `DidEnd`
/// comes, and nothing after it.
#[allow(clippy::large_enum_variant, reason = "an event is moved a few times and never stored in bulk")]
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SessionEvent {
    /// Our INVITE is on its way (`SIPSessionNewOutgoing`).
    NewOutgoing,
    /// The peer rings (`SIPSessionGotRingIndication`); the provisional answer follows.
    GotRingIndication,
    /// A provisional answer came (`SIPSessionGotProvisionalResponse`).
    GotProvisionalResponse {
        /// 101 to 199.
        code: u16,
        /// The peer's words.
        reason: String,
    },
    /// The call was accepted; media is being started (`SIPSessionWillStart`).
    WillStart,
    /// The call stands (`SIPSessionDidStart`).
    DidStart,
    /// The call never came to stand (`SIPSessionDidFail`).
    DidFail {
        /// Who ended it.
        originator: Originator,
        /// The SIP status; 0 where none was involved.
        code: u16,
        /// Its reason phrase.
        reason: String,
        /// Why, in words.
        failure_reason: String,
        /// When the peer wants to be asked again (Retry-After).
        retry_after: Option<Duration>,
    },
    /// A standing call begins to end (`SIPSessionWillEnd`).
    WillEnd {
        /// Who ends it.
        originator: Originator,
    },
    /// A standing call has ended (`SIPSessionDidEnd`).
    DidEnd {
        /// Who ended it.
        originator: Originator,
        /// Why, in words.
        end_reason: String,
    },
    /// The call is sent to other addresses (3xx). Where the endpoint follows redirections it goes on there; else
    /// [`SessionEvent::DidFail`] comes next.
    Redirected {
        /// 300 to 399.
        code: u16,
        /// Whom to call instead, best first.
        identities: Vec<NameAddr>,
    },
    /// A transaction of the call is over (`SIPSessionDidProcessTransaction`); only with
    /// [`EndpointConfig::report_transactions`](crate::endpoint::EndpointConfig::report_transactions). Comes before what
    /// it leads to.
    DidProcessTransaction {
        /// Whose request it was.
        originator: Originator,
        /// Its method.
        method: Method,
        /// The final status; 408 and 503 stand for none.
        code: u16,
        /// What became of the ACK to our answer.
        ack: AckFate,
    },
    /// The peer asks us to call somebody else (`SIPSessionTransferNewIncoming`): follow with
    /// [`Application::accept_transfer`](crate::Application::accept_transfer), or refuse with
    /// [`Session::reject_transfer`](crate::Session::reject_transfer).
    TransferNewIncoming {
        /// Whom.
        destination: NameAddr,
        /// Who asks, where that is told.
        referred_by: Option<NameAddr>,
    },
    /// We ask the peer to call somebody else (`SIPSessionTransferNewOutgoing`).
    TransferNewOutgoing,
    /// It was accepted (`SIPSessionTransferDidStart`).
    TransferDidStart,
    /// How far the new call has come (`SIPSessionTransferGotProgress`).
    TransferGotProgress {
        /// Its status.
        code: u16,
        /// Its reason phrase.
        reason: String,
    },
    /// The new call stands (`SIPSessionTransferDidEnd`), or nothing more will be heard of it; this one ends in the
    /// first case.
    TransferDidEnd,
    /// The transfer was refused or the new call failed (`SIPSessionTransferDidFail`); this call goes on.
    TransferDidFail {
        /// Its status.
        code: u16,
        /// Its reason phrase.
        reason: String,
    },
    /// The peer sends a message inside the call (RFC 3428); it is answered with 200 already. Only with
    /// [`EndpointConfig::call_messages`](crate::endpoint::EndpointConfig::call_messages), the default.
    GotMessage {
        /// Its type, for example `text/plain`.
        content_type: String,
        /// Its bytes.
        data: Vec<u8>,
        /// All headers in their order, long names.
        headers: Vec<(String, String)>,
    },
    /// The end of the first message of ours ([`Session::send_message`](crate::Session::send_message)) that had none yet.
    DidSendMessage {
        /// The final status, 2xx where the peer has it; 408 and 503 stand for none, 0 for one that was not sent.
        code: u16,
        /// Its reason phrase, or ours.
        reason: String,
    },
    /// Somebody holds or resumes (`SIPSessionDidChangeHoldState`).
    DidChangeHoldState {
        /// Whose hold changed.
        originator: Originator,
        /// Held now?
        on_hold: bool,
    },
    /// Somebody wants to add streams to the standing call (`SIPSessionNewProposal`). Where it is the peer, answer with
    /// [`Session::accept_proposal`](crate::Session::accept_proposal) or
    /// [`Session::reject_proposal`](crate::Session::reject_proposal) within 30 s; it is asked only with
    /// [`MediaOptions::ask_for_streams`](crate::MediaOptions::ask_for_streams).
    NewProposal {
        /// Who.
        originator: Originator,
        /// The kinds of the streams.
        proposed: Vec<MediaType>,
    },
    /// A proposal was accepted (`SIPSessionProposalAccepted`); [`SessionEvent::DidRenegotiateStreams`] follows where a
    /// stream was added.
    ProposalAccepted {
        /// Who had made it.
        originator: Originator,
        /// The kinds of the streams that are taken; none where the other side refused each by itself.
        accepted: Vec<MediaType>,
        /// The kinds of the streams that were proposed.
        proposed: Vec<MediaType>,
    },
    /// A proposal was refused, or taken back by the peer with 487 (`SIPSessionProposalRejected`); the call goes on as it
    /// was.
    ProposalRejected {
        /// Who had made it.
        originator: Originator,
        /// The SIP status.
        code: u16,
        /// Its reason phrase.
        reason: String,
        /// The kinds of the streams.
        proposed: Vec<MediaType>,
    },
    /// A proposal could not be carried out (`SIPSessionHadProposalFailure`); the call goes on as it was.
    HadProposalFailure {
        /// Who had made it.
        originator: Originator,
        /// Why, in words.
        failure_reason: String,
        /// The kinds of the streams.
        proposed: Vec<MediaType>,
    },
    /// Streams have come or gone (`SIPSessionDidRenegotiateStreams`).
    DidRenegotiateStreams {
        /// Whose offer it was.
        originator: Originator,
        /// The kinds of those that have come.
        added: Vec<MediaType>,
        /// The kinds of those that have gone.
        removed: Vec<MediaType>,
    },
    /// Something happened to one of the session's streams.
    Stream(StreamEvent),
}

impl SessionEvent {
    /// Whether this is the last event of its session.
    #[must_use]
    pub fn is_last(&self) -> bool {
        matches!(self, Self::DidFail { .. } | Self::DidEnd { .. })
    }
}

/// Something happened to a stream.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum StreamEvent {
    /// Both sides agreed on these codecs of one stream, best first.
    CodecsAgreed(Vec<Codec>),
    /// We now send with this codec.
    SendCodecChanged(Codec),
    /// The peer now sends with these codecs.
    RecvCodecsChanged(Vec<Codec>),
    /// The first media of a source came and is about to be heard (`MediaStreamDidStart`).
    DidStart {
        /// What kind of media.
        kind: MediaType,
        /// What it is coded with.
        codec: Codec,
    },
    /// The peer pressed a key (`AudioStreamGotDTMF`).
    GotDtmf {
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        digit: char,
    },
    /// From now on a stream is encrypted (`RTPStreamDidEnableEncryption`).
    DidEnableEncryption {
        /// Which stream.
        kind: MediaType,
        /// The crypto suite as RFC 4568 names it, for example `AES_CM_128_HMAC_SHA1_80`.
        cipher: &'static str,
    },
    /// ICE has found a pair for each component (`RTPStreamICENegotiationDidSucceed`).
    IceDidSucceed,
    /// ICE has found none for a component (`RTPStreamICENegotiationDidFail`).
    IceDidFail,
    /// Something went wrong (`MediaStreamDidFail`); the session ends where it can't go on.
    DidFail {
        /// What.
        reason: String,
    },
    /// The stream is closed (`MediaStreamDidEnd`); its last figures.
    DidEnd {
        /// What kind of media.
        kind: MediaType,
        /// Packets and jitter over its whole life.
        statistics: MediaStatistics,
    },
}
