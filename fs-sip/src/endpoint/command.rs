//! What the application asks of the endpoint.

use crate::registration::{RegistrationId, RegistrationSettings};
use crate::wire::auth::Credentials;
use crate::wire::{NameAddr, Uri};

/// Names one INVITE session, ours or theirs, for its whole life.
///
/// Numbers given out by [`Endpoint::new_invite_id`](super::Endpoint::new_invite_id)
/// are even, those of incoming calls odd, so they never meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InviteId(pub u64);

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
