//! What can go wrong in the pure rules, sorted by whose fault it is.

use std::fmt;

use crate::codec::Codec;
use crate::negotiation::{Rejected, limits};

/// Why a negotiation left everything as it was.
///
/// The text of each variant names what was offered and what we had.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NegotiationError {
    /// A codec list that no session can use: the fault of the caller, or of the peer whose list the caller
    /// passed on (`FS_ERROR_INVALID_ARGUMENTS`).
    InvalidCodec {
        /// The codec in question.
        codec: Codec,
        /// What is wrong with it.
        why: InvalidCodec,
    },
    /// A list of header extensions beyond [`crate::negotiation::limits`] (`FS_ERROR_INVALID_ARGUMENTS`).
    ExtensionsTooLarge {
        /// How many there are.
        count: usize,
        /// How long their names are together, in octets.
        octets: usize,
    },
    /// Preferences or allowed caps removed every codec that could be sent (`FS_ERROR_NO_CODECS_LEFT`).
    NoCodecsLeft {
        /// What was removed, and why.
        rejected: Vec<Rejected>,
    },
    /// Nothing that we can send is left in common with a peer (`FS_ERROR_NEGOTIATION_FAILED`).
    NothingInCommon {
        /// The stream whose codecs left nothing.
        stream: u64,
        /// What that peer offered.
        offered: Vec<Codec>,
        /// What we had before looking at that offer.
        had: Vec<Codec>,
        /// The reason for each refusal.
        rejected: Vec<Rejected>,
    },
}

/// What makes a codec unusable before any comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidCodec {
    /// The encoding name is empty.
    NoEncodingName,
    /// The payload type is not within 0 to 127 (RFC 3550 section 5.1 gives it 7 bits).
    PayloadType,
    /// The media type differs from the session's.
    MediaType,
    /// The list holds nothing.
    EmptyList,
    /// The list has more than [`MAX_CODECS`](limits::MAX_CODECS) codecs.
    TooManyCodecs {
        /// How many it has.
        count: usize,
    },
    /// The codec has more than [`MAX_PARAMETERS`](limits::MAX_PARAMETERS) parameters.
    TooManyParameters {
        /// How many it has.
        count: usize,
    },
    /// The list has more than [`MAX_TEXT_OCTETS`](limits::MAX_TEXT_OCTETS) of text.
    TooLong,
}

/// A candidate that an `a=candidate` line can't express, or a line that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandidateError {
    /// The field in question, as RFC 8839 section 5.1 calls it.
    pub field: &'static str,
    /// What stood there; `None` = nothing.
    pub value: Option<String>,
}

impl fmt::Display for CandidateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "candidate: '{}' is no {}", value.escape_debug(), self.field),
            None => write!(f, "candidate: no {}", self.field),
        }
    }
}

impl std::error::Error for CandidateError {}

impl fmt::Display for InvalidCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEncodingName => f.write_str("it has no encoding name"),
            Self::PayloadType => f.write_str("its payload type is not within 0 to 127"),
            Self::MediaType => f.write_str("its media type is not the session's"),
            Self::EmptyList => f.write_str("the list is empty"),
            Self::TooManyCodecs { count } => {
                write!(f, "the list has {count} codecs, more than {}", limits::MAX_CODECS)
            }
            Self::TooManyParameters { count } => {
                write!(f, "it has {count} parameters, more than {}", limits::MAX_PARAMETERS)
            }
            Self::TooLong => {
                write!(f, "up to it the list has more than {} octets of text", limits::MAX_TEXT_OCTETS)
            }
        }
    }
}

impl fmt::Display for NegotiationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidCodec { why: InvalidCodec::EmptyList, .. } => f.write_str("the codec list is empty"),
            Self::InvalidCodec { codec, why } => {
                write!(f, "codec '{}' can't be used: {why}", limits::quote(&codec.to_string()))
            }
            Self::ExtensionsTooLarge { count, octets } => write!(
                f,
                "{count} header extensions with {octets} octets of names are too many: at most {} and {}",
                limits::MAX_EXTENSIONS,
                limits::MAX_TEXT_OCTETS
            ),
            Self::NoCodecsLeft { rejected } => {
                f.write_str("no codec that can be sent is left")?;
                reasons(f, rejected)
            }
            Self::NothingInCommon { stream, offered, had, rejected } => {
                write!(f, "no codec that can be sent in common with stream {stream}: offered ")?;
                list(f, offered)?;
                f.write_str("; we had ")?;
                list(f, had)?;
                reasons(f, rejected)
            }
        }
    }
}

impl std::error::Error for NegotiationError {}

fn list(f: &mut fmt::Formatter<'_>, codecs: &[Codec]) -> fmt::Result {
    if codecs.is_empty() {
        return f.write_str("nothing");
    }
    for (n, codec) in codecs.iter().take(limits::MAX_NAMED).enumerate() {
        let comma = if n == 0 { "" } else { ", " };
        write!(f, "{comma}{} {}/{}", codec.id, limits::quote(&codec.encoding_name), codec.clock_rate)?;
        if codec.channels > 0 {
            write!(f, "/{}", codec.channels)?;
        }
    }
    rest(f, codecs.len())
}

/// Counts what is not named.
fn rest(f: &mut fmt::Formatter<'_>, count: usize) -> fmt::Result {
    match count.checked_sub(limits::MAX_NAMED) {
        None | Some(0) => Ok(()),
        Some(more) => write!(f, " and {more} more"),
    }
}

fn reasons(f: &mut fmt::Formatter<'_>, rejected: &[Rejected]) -> fmt::Result {
    for (n, entry) in rejected.iter().take(limits::MAX_NAMED).enumerate() {
        let joint = if n == 0 { " (" } else { "; " };
        write!(f, "{joint}{entry}")?;
    }
    rest(f, rejected.len())?;
    if rejected.is_empty() { Ok(()) } else { f.write_str(")") }
}
