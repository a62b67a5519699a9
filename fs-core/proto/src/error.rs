//! What can go wrong in the pure rules, sorted by whose fault it is.

use std::fmt;

use crate::codec::Codec;
use crate::negotiation::Rejected;

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
        f.write_str(match self {
            Self::NoEncodingName => "it has no encoding name",
            Self::PayloadType => "its payload type is not within 0 to 127",
            Self::MediaType => "its media type is not the session's",
            Self::EmptyList => "the list is empty",
        })
    }
}

impl fmt::Display for NegotiationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidCodec { why: InvalidCodec::EmptyList, .. } => f.write_str("the codec list is empty"),
            Self::InvalidCodec { codec, why } => write!(f, "codec '{codec}' can't be used: {why}"),
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
    for (n, codec) in codecs.iter().enumerate() {
        let comma = if n == 0 { "" } else { ", " };
        write!(f, "{comma}{} {}/{}", codec.id, codec.encoding_name, codec.clock_rate)?;
        if codec.channels > 0 {
            write!(f, "/{}", codec.channels)?;
        }
    }
    Ok(())
}

fn reasons(f: &mut fmt::Formatter<'_>, rejected: &[Rejected]) -> fmt::Result {
    for (n, entry) in rejected.iter().enumerate() {
        let joint = if n == 0 { " (" } else { "; " };
        write!(f, "{joint}{entry}")?;
    }
    if rejected.is_empty() { Ok(()) } else { f.write_str(")") }
}
