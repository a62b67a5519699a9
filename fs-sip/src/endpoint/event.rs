//! What the endpoint tells the application.

use std::net::SocketAddr;

use super::command::{AskedId, Body, InviteId, RequestId};
use crate::publication::{PublicationEvent, PublicationId};
use crate::registration::{RegistrationEvent, RegistrationId};
use crate::subscription::{NotifierEvent, NotifierId, SubscriptionEvent, SubscriptionId};
use crate::wire::headers::EventType;
use crate::wire::{Method, NameAddr, Uri};

/// Why our INVITE failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureCause {
    /// The peer answered with this status.
    Peer,
    /// No answer within 64*T1, or nothing more after a provisional one
    /// ([`EndpointConfig::silence`](super::EndpointConfig::silence)); status 408.
    Timeout,
    /// It could not be sent: unknown host, no route, nobody listens there
    /// (status 503).
    Transport,
    /// We hung up first (status 487).
    Cancelled,
}

/// Why an established session ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TerminationReason {
    /// A BYE, theirs or ours; with the value of its Reason header, if any.
    Bye(Option<String>),
    /// The ACK to our 2xx, or the answer for the ACK to theirs, never came.
    NoAck,
    /// Our BYE was not answered within 64*T1.
    Timeout,
    /// A request inside the dialog was answered with this status (408, 481).
    DialogGone(u16),
    /// A request inside the dialog could not be sent.
    Transport,
    /// Nobody refreshed the session in time (RFC 4028 section 10).
    Expired,
}

/// What became of the ACK to our final answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AckFate {
    /// It came.
    Received,
    /// It did not come within 64*T1.
    Missing,
    /// Nobody can tell: the session was over before.
    Unknown,
    /// There is none: not an INVITE, or ours.
    None,
}

/// A notification. Every session ends with exactly one of
/// [`Event::Failed`] (ours, never established), [`Event::Cancelled`] (theirs,
/// never accepted) and [`Event::Terminated`] (established); one that we
/// refused ends with our [`Command::Reject`](super::Command::Reject).
#[allow(clippy::large_enum_variant, reason = "an event is moved a few times and never stored in bulk")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Somebody calls.
    Incoming {
        /// Name of the new session.
        id: InviteId,
        /// The From header.
        from: NameAddr,
        /// The To header.
        to: NameAddr,
        /// The Request-URI.
        request_uri: Uri,
        /// The offer; without it, our 200 must carry one.
        body: Option<Body>,
        /// Where it came from.
        source: SocketAddr,
        /// All headers in their order, long names; bytes that are no UTF-8
        /// are replaced.
        headers: Vec<(String, String)>,
        /// The session whose place it wants to take (RFC 3891). It is ended
        /// when the new one is accepted.
        replaces: Option<InviteId>,
    },
    /// A provisional answer (101 to 199) to our INVITE; forked branches may
    /// each send their own.
    Progress {
        /// The session.
        id: InviteId,
        /// 180, 183 …
        status: u16,
        /// Its reason phrase.
        reason: String,
        /// Early media.
        body: Option<Body>,
    },
    /// Our INVITE got its first 2xx. The ACK is already sent, unless the INVITE
    /// had no body and the 2xx has one: then it waits for
    /// [`Command::AckBody`](super::Command::AckBody).
    Established {
        /// The session.
        id: InviteId,
        /// The peer's tag: which branch of a forked call it was.
        branch: String,
        /// The status, normally 200.
        status: u16,
        /// The answer or the offer.
        body: Option<Body>,
    },
    /// The ACK to our 200 came.
    Confirmed {
        /// The session.
        id: InviteId,
        /// The answer, when our 200 carried the offer.
        body: Option<Body>,
    },
    /// A description came reliably before the final answer, and answers an
    /// offer of ours: in a provisional response of a branch, or in the PRACK
    /// to ours. The body of [`Event::Established`] repeats that of its branch.
    EarlyAnswer {
        /// The session.
        id: InviteId,
        /// The peer's tag: each branch of a forked call has its own.
        branch: String,
        /// The answer.
        body: Body,
    },
    /// A branch offers in a reliable provisional response, since our INVITE
    /// had no offer; answer with
    /// [`Command::AnswerEarly`](super::Command::AnswerEarly).
    EarlyOffer {
        /// The session.
        id: InviteId,
        /// The peer's tag.
        branch: String,
        /// The offer.
        body: Body,
    },
    /// Our INVITE was answered with 3xx. [`Event::Failed`] follows, unless the
    /// settings say to call the new addresses.
    Redirected {
        /// The session.
        id: InviteId,
        /// 300 to 399.
        status: u16,
        /// Whom to call instead, best first.
        contacts: Vec<NameAddr>,
    },
    /// Our INVITE failed.
    Failed {
        /// The session.
        id: InviteId,
        /// The status; where the peer sent none, the one that fits.
        status: u16,
        /// The peer's reason phrase, or ours.
        reason: String,
        /// Whose doing it was.
        cause: FailureCause,
        /// In how many seconds the peer wants to be asked again (Retry-After).
        retry_after: Option<u32>,
        /// What the peer says is wrong (the text of its first Warning), 300
        /// characters at most.
        warning: Option<String>,
    },
    /// Their INVITE was cancelled before we accepted it, its time was over
    /// (Expires), or they never acknowledged our reliable provisional answer.
    Cancelled {
        /// The session.
        id: InviteId,
        /// The value of the Reason header of the CANCEL, if any; ours where the
        /// time was over.
        reason: Option<String>,
    },
    /// The peer sent a re-INVITE, or an offer in an UPDATE or a PRACK (RFC 3311,
    /// RFC 3262), before the call stands too; answer with
    /// [`Command::AnswerReinvite`](super::Command::AnswerReinvite).
    Reinvite {
        /// The session.
        id: InviteId,
        /// The offer; without it, our 200 must carry one.
        body: Option<Body>,
    },
    /// The ACK to our 200 for their re-INVITE came.
    ReinviteConfirmed {
        /// The session.
        id: InviteId,
        /// The answer, when our 200 carried the offer.
        body: Option<Body>,
    },
    /// Their re-INVITE was cancelled before it was answered; the session goes
    /// on as it was.
    ReinviteCancelled {
        /// The session.
        id: InviteId,
    },
    /// The end of our re-INVITE or UPDATE. 491 comes only when the retry of RFC 3261
    /// section 14.1 was overtaken by the peer's own re-INVITE.
    ReinviteResult {
        /// The session.
        id: InviteId,
        /// The final status.
        status: u16,
        /// Its reason phrase.
        reason: String,
        /// Answer, or offer when our re-INVITE had none.
        body: Option<Body>,
    },
    /// The peer asks us to call somebody (RFC 3515); answer with
    /// [`Command::AnswerRefer`](super::Command::AnswerRefer), then tell the
    /// progress with [`Command::NotifyRefer`](super::Command::NotifyRefer).
    Refer {
        /// The session.
        id: InviteId,
        /// Whom; a Replaces in its URI is meant for the INVITE.
        refer_to: NameAddr,
        /// Who asks.
        referred_by: Option<NameAddr>,
        /// Does the peer want to hear of the progress?
        subscribed: bool,
    },
    /// Our REFER is answered.
    ReferResult {
        /// The session.
        id: InviteId,
        /// The final status.
        status: u16,
        /// Its reason phrase.
        reason: String,
        /// Will [`Event::ReferProgress`] follow?
        subscribed: bool,
    },
    /// How far the peer has come with our REFER.
    ReferProgress {
        /// The session.
        id: InviteId,
        /// What its call was answered with; 408 where nothing is heard for
        /// 90 s, 0 where the subscription ended without a word.
        status: u16,
        /// The reason phrase.
        reason: String,
        /// Nothing more follows.
        last: bool,
    },
    /// An INFO with a digit of the old kind came; it is answered already.
    Info {
        /// The session.
        id: InviteId,
        /// `application/dtmf-relay` or `application/dtmf`.
        body: Body,
    },
    /// The end of our INFO.
    InfoResult {
        /// The session.
        id: InviteId,
        /// The final status; 408 and 503 stand for none.
        status: u16,
    },
    /// The peer of a call sends a message inside it (RFC 3428); it is answered
    /// with 200 already.
    CallMessage {
        /// The session.
        id: InviteId,
        /// The message.
        body: Body,
        /// All headers in their order.
        headers: Vec<(String, String)>,
    },
    /// The end of [`Command::CallMessage`](super::Command::CallMessage).
    CallMessageResult {
        /// The session.
        id: InviteId,
        /// The final status; 408 and 503 stand for none.
        status: u16,
        /// Its reason phrase, or ours.
        reason: String,
    },
    /// A transaction of a session is over (`SIPSessionDidProcessTransaction`);
    /// only with
    /// [`EndpointConfig::report_transactions`](super::EndpointConfig::report_transactions).
    /// Comes before the event that it leads to; for an INVITE of theirs when
    /// the fate of its ACK is known, which may be after the end of a session
    /// that was refused.
    Processed {
        /// The session.
        id: InviteId,
        /// Its method.
        method: Method,
        /// Was the request ours?
        ours: bool,
        /// The final status; 408 and 503 stand for none.
        status: u16,
        /// What became of the ACK to our answer.
        ack: AckFate,
    },
    /// An established session ended; comes exactly once. For our own BYE it
    /// comes after the answer or the timeout.
    Terminated {
        /// The session.
        id: InviteId,
        /// Did the peer end it?
        by_peer: bool,
        /// Why.
        reason: TerminationReason,
    },
    /// What has become of a registration.
    Registration {
        /// Its name.
        id: RegistrationId,
        /// What.
        event: RegistrationEvent,
    },
    /// The end of [`Command::Request`](super::Command::Request).
    Answered {
        /// Its name.
        id: RequestId,
        /// The final status; where there was no answer, the one that fits.
        status: u16,
        /// Its reason phrase, or ours.
        reason: String,
        /// Whose doing it was.
        cause: FailureCause,
        /// The headers of the answer.
        headers: Vec<(String, String)>,
        /// Its body.
        body: Option<Body>,
    },
    /// Somebody sends a message (RFC 3428); it is answered with 200 already.
    Message {
        /// The From header.
        from: NameAddr,
        /// The To header.
        to: NameAddr,
        /// The Request-URI.
        request_uri: Uri,
        /// The message.
        body: Body,
        /// Where it came from.
        source: SocketAddr,
        /// All headers in their order.
        headers: Vec<(String, String)>,
    },
    /// Somebody sends a request of one of
    /// [`EndpointConfig::requests`](super::EndpointConfig::requests) outside any
    /// call; answer with [`Command::AnswerRequest`](super::Command::AnswerRequest)
    /// within 20 s, else it gets 480.
    Request {
        /// Its name.
        id: AskedId,
        /// The method.
        method: Method,
        /// The From header.
        from: NameAddr,
        /// The To header.
        to: NameAddr,
        /// The Request-URI.
        request_uri: Uri,
        /// The body.
        body: Option<Body>,
        /// Where it came from.
        source: SocketAddr,
        /// All headers in their order.
        headers: Vec<(String, String)>,
    },
    /// What has become of a publication.
    Publication {
        /// Its name.
        id: PublicationId,
        /// What.
        event: PublicationEvent,
    },
    /// What has become of a subscription of ours.
    Subscription {
        /// Its name.
        id: SubscriptionId,
        /// What.
        event: SubscriptionEvent,
    },
    /// Somebody wants to subscribe; answer with
    /// [`Command::AnswerSubscription`](super::Command::AnswerSubscription).
    IncomingSubscription {
        /// Name of the new subscription.
        id: NotifierId,
        /// To what.
        event: EventType,
        /// The From header.
        from: NameAddr,
        /// The To header.
        to: NameAddr,
        /// The Request-URI.
        request_uri: Uri,
        /// For how many seconds; 0 asks once.
        expires: u32,
        /// The types of body that are understood; empty = the package's own.
        accept: Vec<String>,
        /// A filter.
        body: Option<Body>,
        /// Where it came from.
        source: SocketAddr,
        /// All headers in their order.
        headers: Vec<(String, String)>,
    },
    /// What has become of a subscription of somebody else.
    Notifier {
        /// Its name.
        id: NotifierId,
        /// What.
        event: NotifierEvent,
    },
    /// Something arrived that is no SIP message; it got its 400 where that
    /// was possible. For logs; of a flood
    /// [`limits::MAX_MALFORMED_EVENTS`](crate::limits::MAX_MALFORMED_EVENTS) a
    /// second are told, and all counted in
    /// [`Statistics::malformed`](super::Statistics).
    Malformed {
        /// Who sent it.
        source: SocketAddr,
        /// What was wrong.
        what: String,
    },
}

impl Event {
    /// The session it is about; none for what concerns the whole endpoint.
    #[must_use]
    pub fn session(&self) -> Option<InviteId> {
        match self {
            Self::Incoming { id, .. }
            | Self::Progress { id, .. }
            | Self::Established { id, .. }
            | Self::Confirmed { id, .. }
            | Self::EarlyAnswer { id, .. }
            | Self::EarlyOffer { id, .. }
            | Self::Redirected { id, .. }
            | Self::Failed { id, .. }
            | Self::Cancelled { id, .. }
            | Self::Reinvite { id, .. }
            | Self::ReinviteConfirmed { id, .. }
            | Self::ReinviteCancelled { id }
            | Self::ReinviteResult { id, .. }
            | Self::Refer { id, .. }
            | Self::ReferResult { id, .. }
            | Self::ReferProgress { id, .. }
            | Self::Info { id, .. }
            | Self::InfoResult { id, .. }
            | Self::CallMessage { id, .. }
            | Self::CallMessageResult { id, .. }
            | Self::Processed { id, .. }
            | Self::Terminated { id, .. } => Some(*id),
            Self::Registration { .. }
            | Self::Answered { .. }
            | Self::Message { .. }
            | Self::Request { .. }
            | Self::Publication { .. }
            | Self::Subscription { .. }
            | Self::IncomingSubscription { .. }
            | Self::Notifier { .. }
            | Self::Malformed { .. } => None,
        }
    }
}
