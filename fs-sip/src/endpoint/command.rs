//! What the application asks of the endpoint.

use crate::publication::{PublicationId, PublicationSettings};
use crate::registration::{RegistrationId, RegistrationSettings};
use crate::subscription::{NotifierId, SubscriptionId, SubscriptionSettings};
use crate::wire::auth::Credentials;
use crate::wire::{Host, Method, NameAddr, Uri};

/// Names one INVITE session, ours or theirs, for its whole life.
///
/// Numbers given out by [`Endpoint::new_invite_id`](super::Endpoint::new_invite_id)
/// are even, those of incoming calls odd, so they never meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InviteId(pub u64);

/// Names one request outside a call; the application chooses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// Names one request of somebody else that the application answers; the endpoint chooses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AskedId(pub u64);

/// A message body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// Value of the Content-Type header.
    pub content_type: String,
    /// The bytes.
    pub data: Vec<u8>,
}

impl Body {
    /// An `application/sdp` body.
    #[must_use]
    pub fn sdp(text: impl Into<Vec<u8>>) -> Self {
        Self { content_type: "application/sdp".to_owned(), data: text.into() }
    }
}

/// Whom a REFER names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReferTarget {
    /// This address.
    Address(NameAddr),
    /// The peer of another established session of ours, which the new call
    /// takes over (attended transfer, RFC 5589 section 7).
    Session(InviteId),
}

/// A request of the application. A command that does not fit the state of its
/// session (the peer may have been faster) has no effect on the wire.
#[allow(clippy::large_enum_variant, reason = "a command is moved a few times and never stored in bulk")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Calls somebody. Without `body` the peer is asked for the offer: it comes
    /// in [`Event::Established`](super::Event::Established), and
    /// [`Command::AckBody`] must carry the answer.
    Invite {
        /// From [`Endpoint::new_invite_id`](super::Endpoint::new_invite_id).
        id: InviteId,
        /// The Request-URI.
        target: Uri,
        /// Who calls; a `tag` in it is replaced.
        from: NameAddr,
        /// The To header; the target where none is given.
        to: Option<NameAddr>,
        /// Further headers of the INVITE.
        headers: Vec<(String, String)>,
        /// The offer.
        body: Option<Body>,
    },
    /// Answers an incoming INVITE with a provisional status (101 to 199).
    Provisional {
        /// The incoming session.
        id: InviteId,
        /// 180, 183 …
        status: u16,
        /// Reason phrase; the standard one where none is given.
        reason: Option<String>,
        /// Early media, unreliable.
        body: Option<Body>,
    },
    /// Accepts an incoming INVITE with 200.
    Accept {
        /// The incoming session.
        id: InviteId,
        /// The answer; or the offer, when the INVITE had none.
        body: Option<Body>,
    },
    /// Refuses an incoming INVITE with a status from 300 to 699.
    Reject {
        /// The incoming session.
        id: InviteId,
        /// The status.
        status: u16,
        /// Reason phrase; the standard one where none is given.
        reason: Option<String>,
        /// Further headers of the response (Contact of a 302, Retry-After …).
        headers: Vec<(String, String)>,
    },
    /// Sends a re-INVITE; without `body` the peer is asked for the offer.
    Reinvite {
        /// An established session.
        id: InviteId,
        /// The offer.
        body: Option<Body>,
    },
    /// Takes the re-INVITE back that is under way (CANCEL): it ends with status
    /// 487, or with its answer where that is faster.
    CancelReinvite {
        /// An established session.
        id: InviteId,
    },
    /// Answers [`Event::Reinvite`](super::Event::Reinvite).
    AnswerReinvite {
        /// The session.
        id: InviteId,
        /// A final status.
        status: u16,
        /// Reason phrase; the standard one where none is given.
        reason: Option<String>,
        /// Answer, or offer when the re-INVITE had none.
        body: Option<Body>,
    },
    /// The answer to an offer that came in a 2xx; the ACK waits for it.
    AckBody {
        /// The session.
        id: InviteId,
        /// The answer.
        body: Body,
    },
    /// Sends an UPDATE (RFC 3311), in an early dialog too; without `body` it
    /// only refreshes. It ends with
    /// [`Event::ReinviteResult`](super::Event::ReinviteResult).
    Update {
        /// The session.
        id: InviteId,
        /// Which branch of a forked call of ours, by the tag of
        /// [`Event::EarlyAnswer`](super::Event::EarlyAnswer); none for the
        /// one that answered last, or the only one.
        branch: Option<String>,
        /// The offer.
        body: Option<Body>,
    },
    /// Answers [`Event::EarlyOffer`](super::Event::EarlyOffer); the PRACK waits
    /// for it.
    AnswerEarly {
        /// The session.
        id: InviteId,
        /// The branch of the event.
        branch: String,
        /// The answer.
        body: Body,
    },
    /// Asks the peer to call somebody else (REFER, RFC 3515); one at a time.
    Refer {
        /// An established session.
        id: InviteId,
        /// Whom.
        target: ReferTarget,
        /// Hear of its progress? Without it, the peer must know `norefersub`.
        subscribe: bool,
        /// Further headers.
        headers: Vec<(String, String)>,
    },
    /// Answers [`Event::Refer`](super::Event::Refer); a 2xx becomes 202.
    AnswerRefer {
        /// The session.
        id: InviteId,
        /// A final status.
        status: u16,
        /// Reason phrase; the standard one where none is given.
        reason: Option<String>,
    },
    /// Tells the peer how far the call has come that its REFER asked for; a
    /// final status is the last.
    NotifyRefer {
        /// The session.
        id: InviteId,
        /// What that call was answered with.
        status: u16,
        /// Reason phrase; the standard one where none is given.
        reason: Option<String>,
    },
    /// Sends an INFO with a digit of the old kind (`application/dtmf-relay`);
    /// ends with [`Event::InfoResult`](super::Event::InfoResult).
    Info {
        /// An established session.
        id: InviteId,
        /// The digit.
        body: Body,
    },
    /// Sends a message inside a call (RFC 3428 section 8); ends with
    /// [`Event::CallMessageResult`](super::Event::CallMessageResult).
    CallMessage {
        /// An established session.
        id: InviteId,
        /// The message.
        body: Body,
    },
    /// Registers, and keeps the registration alive.
    Register {
        /// Any name; one that is in use is replaced.
        id: RegistrationId,
        /// What to register where.
        settings: RegistrationSettings,
    },
    /// Takes a registration back.
    Unregister {
        /// Its name.
        id: RegistrationId,
    },
    /// Our address may have changed: all registrations are made anew at once.
    RefreshRegistrations,
    /// The addresses of this machine have changed. Connections are opened anew,
    /// registrations, publications and subscriptions are made anew from the
    /// address that leads there now, and the peers of calls are told the new
    /// Contact (by UPDATE, or by a re-INVITE with the last description; media at
    /// another address need a [`Command::Reinvite`] of the application). Sockets
    /// bound to one address stay bound to it: listen on `0.0.0.0` or `::` where
    /// addresses may change.
    NetworkChanged,
    /// Sends a single request outside any call: MESSAGE, OPTIONS or another
    /// that opens no dialog. [`Event::Answered`](super::Event::Answered) tells
    /// its end.
    Request {
        /// Any name that is not in use.
        id: RequestId,
        /// The method.
        method: Method,
        /// The Request-URI.
        target: Uri,
        /// Who sends it; a `tag` in it is replaced.
        from: NameAddr,
        /// The To header; the target where none is given.
        to: Option<NameAddr>,
        /// Further headers.
        headers: Vec<(String, String)>,
        /// The body.
        body: Option<Body>,
    },
    /// Answers [`Event::Request`](super::Event::Request).
    AnswerRequest {
        /// Its name.
        id: AskedId,
        /// A final status; others become 500.
        status: u16,
        /// Reason phrase; the standard one where none is given.
        reason: Option<String>,
        /// Further headers (SIP-ETag, Expires …).
        headers: Vec<(String, String)>,
        /// The body.
        body: Option<Body>,
    },
    /// Publishes state, or publishes it anew where the same is published
    /// already, and keeps it alive.
    Publish {
        /// Any name.
        id: PublicationId,
        /// What to publish where; other settings than before begin anew.
        settings: PublicationSettings,
        /// The state.
        body: Body,
    },
    /// Takes a publication back.
    Unpublish {
        /// Its name.
        id: PublicationId,
    },
    /// Subscribes, and keeps the subscription alive.
    Subscribe {
        /// Any name; one that is in use is replaced.
        id: SubscriptionId,
        /// What to subscribe to.
        settings: Box<SubscriptionSettings>,
    },
    /// Takes a subscription back.
    Unsubscribe {
        /// Its name.
        id: SubscriptionId,
    },
    /// Answers [`Event::IncomingSubscription`](super::Event::IncomingSubscription).
    AnswerSubscription {
        /// Its name.
        id: NotifierId,
        /// 200 or a status from 300 to 699.
        status: u16,
        /// Is the subscriber told the state (`active`), or does somebody have
        /// to allow it first (`pending`)?
        active: bool,
        /// The state, for the NOTIFY that follows at once.
        body: Option<Body>,
    },
    /// Tells a subscriber the state.
    Notify {
        /// The subscription.
        id: NotifierId,
        /// `active`, or still `pending`.
        active: bool,
        /// The state.
        body: Option<Body>,
    },
    /// Ends a subscription of somebody else.
    EndSubscription {
        /// Its name.
        id: NotifierId,
        /// `deactivated`, `probation`, `rejected`, `timeout`, `giveup`,
        /// `noresource` or `invariant` (RFC 6665 section 4.1.3).
        reason: String,
        /// The last state.
        body: Option<Body>,
    },
    /// What proves who one identity is, to whomever asks for it; it goes
    /// before what proves all others. None takes it back.
    IdentityCredentials {
        /// The address in From.
        identity: Uri,
        /// Name and password.
        credentials: Option<Credentials>,
    },
    /// Whom the certificate of the servers of a host is for, where that is not
    /// the host itself (RFC 5922 section 4). None takes it back.
    CertificateName {
        /// What the route or the Request-URI names.
        host: Host,
        /// The name to check the certificate against.
        name: Option<Host>,
    },
    /// Replaces what answers the challenges of servers and proxies.
    Credentials(Vec<Credentials>),
    /// Ends a session in whatever way its state asks: CANCEL while our INVITE
    /// is pending, 603 for an incoming INVITE, BYE once established.
    Hangup {
        /// The session.
        id: InviteId,
        /// Further headers of the CANCEL, 603 or BYE (Reason …).
        headers: Vec<(String, String)>,
    },
}
