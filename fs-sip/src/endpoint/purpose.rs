//! What requests of ours are for, and what sessions wait for.

use std::time::Duration;

use super::command::InviteId;
use super::outside::OutsideId;
use crate::limits;
use crate::registration::RegistrationId;
use crate::transaction::ClientId;
use crate::wire::Method;

/// What a request of ours is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Opens the session.
    Invite(InviteId),
    /// Changes it.
    Reinvite(InviteId),
    /// Ends it.
    Bye(InviteId),
    /// Ends a dialog that no session stands for (a second branch of a fork).
    ForkBye,
    /// Acknowledges a 2xx of this transaction with this To tag.
    Ack(ClientId, String),
    /// Registers.
    Register(RegistrationId),
    /// Anything else that opens no session.
    Outside(OutsideId),
    /// Acknowledges a reliable provisional response of this branch.
    Prack(InviteId, String),
    /// Offers or refreshes in the dialog with this tag of the peer.
    Update(InviteId, String),
    /// Asks the peer to call somebody.
    Refer(InviteId),
    /// Tells the peer how far its REFER has come.
    ReferNotify(InviteId),
    /// Says something inside a call that changes nothing in it: INFO, MESSAGE.
    Single(InviteId, Method),
}

impl Purpose {
    /// How long one server may be silent while there is another one to ask (SIP SIMPLE's times for registrations and
    /// subscriptions); none = as long as any.
    pub(super) fn patience(&self) -> Option<Duration> {
        match self {
            Self::Register(_) => Some(limits::REGISTER_PATIENCE),
            Self::Outside(OutsideId::Publication(_) | OutsideId::Subscription(_)) => {
                Some(limits::SUBSCRIBE_PATIENCE)
            }
            _ => None,
        }
    }

    /// The session whose transaction it is, and its method.
    pub(super) fn session(&self) -> Option<(InviteId, Method)> {
        match self {
            Self::Invite(id) | Self::Reinvite(id) => Some((*id, Method::Invite)),
            Self::Bye(id) => Some((*id, Method::Bye)),
            Self::Prack(id, _) => Some((*id, Method::Prack)),
            Self::Update(id, _) => Some((*id, Method::Update)),
            Self::Refer(id) => Some((*id, Method::Refer)),
            Self::ReferNotify(id) => Some((*id, Method::Notify)),
            Self::Single(id, method) => Some((*id, method.clone())),
            Self::ForkBye | Self::Ack(..) | Self::Register(_) | Self::Outside(_) => None,
        }
    }
}

/// Does a request of this method carry a Contact (RFC 3261 section 20, RFC
/// 3311, RFC 6665)?
pub(super) fn makes_contact(method: &Method) -> bool {
    matches!(method, Method::Invite | Method::Update | Method::Refer | Method::Notify | Method::Subscribe)
}

/// What a session waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Wait {
    /// Time to repeat our 2xx.
    RepeatAccept,
    /// The ACK to our 2xx did not come.
    AckGiveUp,
    /// The application gave no answer for the ACK.
    AckBodyGiveUp,
    /// The final answer to a cancelled INVITE did not come.
    CancelGiveUp,
    /// The peer has said nothing more since its last provisional answer.
    Silence,
    /// Their invitation is no longer good (Expires).
    Expires,
    /// Try the re-INVITE again after 491.
    Glare,
    /// Repeat the provisional answer (RFC 3261 section 13.3.1.1: every minute).
    RepeatProvisional,
    /// The PRACK to our reliable provisional answer.
    Prack,
    /// Try the UPDATE again after 491.
    UpdateGlare,
    /// Refresh the session (RFC 4028).
    Refresh,
    /// Nobody has refreshed the session.
    Expire,
    /// Our REFER is over.
    ReferOut,
    /// Their REFER is over.
    ReferIn,
}

impl Wait {
    /// All of them.
    pub(super) const ALL: [Self; 14] = [
        Self::RepeatAccept,
        Self::AckGiveUp,
        Self::AckBodyGiveUp,
        Self::CancelGiveUp,
        Self::Silence,
        Self::Expires,
        Self::Glare,
        Self::RepeatProvisional,
        Self::Prack,
        Self::UpdateGlare,
        Self::Refresh,
        Self::Expire,
        Self::ReferOut,
        Self::ReferIn,
    ];
}
