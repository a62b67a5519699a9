//! Codec negotiation: from what we can do and want, and what the peers said, to one agreed list per session.
//!
//! [`negotiate`] is a function of its [`Inputs`]; the caller keeps the [`Outcome`] and hands it in as
//! `previous` next time. An error leaves nothing changed, because nothing is changed in place.
//!
//! ```text
//!   capabilities + preferences ──local──▶ our list ──remote, per stream──▶ common list ──finish──▶ Outcome
//! ```
//!
//! * No remote list: the result is our offer (RFC 3264 section 5).
//! * One remote list: its order, payload types and parameters win (RFC 3264 section 6.1).
//! * Several: the list can only shrink, and payload types stay.
//!
//! A payload type never changes its meaning within a session: what was offered once is kept, hidden, for
//! decoding (`recv_only`), and automatic choice avoids it.
//!
//! Per-codec parameter rules live in `rules/`, one file per codec; the table in `rules/mod.rs` finds them.

mod association;
mod capability;
mod feedback;
mod finish;
mod hdrext;
pub mod limits;
mod local;
mod payload_type;
mod rejection;
mod remote;
mod rules;

pub use association::{Association, Associations, RECV_PROFILE, RESERVE_PT, SEND_PROFILE};
pub use capability::LocalCapability;
pub use finish::codecs_need_resend;
pub use local::{ValidPreferences, validate_preferences};
pub use rejection::{Difference, Reason, Rejected};

use crate::codec::Codec;
use crate::error::NegotiationError;
use crate::hdrext::RtpHeaderExtension;
use crate::media::MediaType;

/// What one peer said about one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoteCodecs {
    /// The caller's name for the stream.
    pub stream: u64,
    /// The peer's codecs, best first.
    pub codecs: Vec<Codec>,
    /// The peer's header extensions, directions seen from our side; `None` if nobody ever set them.
    pub header_extensions: Option<Vec<RtpHeaderExtension>>,
}

impl RemoteCodecs {
    /// A stream with codecs and no word about header extensions.
    pub fn new(stream: u64, codecs: Vec<Codec>) -> Self {
        Self { stream, codecs, header_extensions: None }
    }
}

/// Everything a negotiation depends on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Inputs<'a> {
    /// The session's kind of media.
    pub media_type: MediaType,
    /// What discovery found, best first.
    pub capabilities: &'a [LocalCapability],
    /// What the application wants, best first; as [`validate_preferences`] returned them.
    pub preferences: &'a [Codec],
    /// The outcome now in force.
    pub previous: Option<&'a Outcome>,
    /// Every stream that has remote codecs, in the order the streams were made.
    pub remotes: &'a [RemoteCodecs],
    /// The header extensions the application wants, best first.
    pub header_extensions: &'a [RtpHeaderExtension],
}

/// What was agreed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The session's list.
    pub associations: Associations,
    /// The list as each stream with remote codecs sees it, in the order of the inputs.
    pub streams: Vec<NegotiatedStream>,
    /// The session's header extensions.
    pub header_extensions: Vec<RtpHeaderExtension>,
    /// What was left out on the way, and why.
    pub rejected: Vec<Rejected>,
    /// The list differs from the previous one: tell the application (`farstream-codecs-changed`).
    pub changed: bool,
}

impl Outcome {
    /// The codecs agreed with one stream (`negotiated-codecs`); `None` if it has no remote codecs.
    pub fn stream(&self, stream: u64) -> Option<&[Codec]> {
        self.streams.iter().find(|s| s.stream == stream).map(|s| s.codecs.as_slice())
    }
}

/// The agreed list as one stream sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NegotiatedStream {
    /// The caller's name for the stream.
    pub stream: u64,
    /// The session's codecs with this peer's stream descriptions, which its packets are decoded with
    /// (`negotiated-codecs`).
    pub codecs: Vec<Codec>,
}

/// Runs the whole negotiation. Without remote codecs the outcome is our offer.
///
/// # Errors
/// [`NegotiationError::InvalidCodec`] if a remote list can't be used at all,
/// [`NegotiationError::ExtensionsTooLarge`] if that goes for a list of header extensions,
/// [`NegotiationError::NoCodecsLeft`] if preferences and allowed caps leave nothing to send,
/// [`NegotiationError::NothingInCommon`] if a remote list leaves nothing to send.
pub fn negotiate(inputs: &Inputs<'_>) -> Result<Outcome, NegotiationError> {
    limits::check_extensions(inputs.header_extensions)?;
    for remote in inputs.remotes {
        remote::check(inputs.media_type, remote)?;
    }
    let mut rejected = Vec::new();
    let ours = local::create(inputs, &mut rejected)?;
    let agreed = remote::intersect(ours, inputs.remotes, &mut rejected)?;
    finish::finish(inputs, agreed, rejected)
}
