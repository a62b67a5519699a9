//! What the endpoint tells the application.

use std::net::SocketAddr;

use super::command::{Body, InviteId, RequestId};
use crate::publication::{PublicationEvent, PublicationId};
use crate::registration::{RegistrationEvent, RegistrationId};
use crate::subscription::{NotifierEvent, NotifierId, SubscriptionEvent, SubscriptionId};
use crate::wire::headers::EventType;
use crate::wire::{NameAddr, Uri};

/// Why our INVITE failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureCause {
    /// The peer answered with this status.
    Peer,
    /// No answer within 64*T1 (status 408).
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
    },
    /// Their INVITE was cancelled before we accepted it.
    Cancelled {
        /// The session.
        id: InviteId,
    },
    /// The peer sent a re-INVITE; answer with
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
    /// The end of our re-INVITE. 491 comes only when the retry of RFC 3261
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
    /// was possible. For logs and counters.
    Malformed {
        /// Who sent it.
        source: SocketAddr,
        /// What was wrong.
        what: String,
    },
}
