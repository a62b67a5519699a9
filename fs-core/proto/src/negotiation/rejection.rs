//! Why a codec was left out: returned with every outcome, so that logs and tests can name the reason.

use std::fmt;

use crate::codec::Codec;
use crate::media::MediaType;

use super::limits;

/// A codec that was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The stream whose remote list held the codec; `None` for preferences and capabilities of our own.
    pub stream: Option<u64>,
    /// The codec as it was offered, or as we would have offered it.
    pub codec: Codec,
    /// The reason.
    pub why: Reason,
}

/// Reasons to leave a codec out. `ours` is our value, `theirs` the peer's (or, for a preference, the wish).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// We have no codec of that name and media type.
    UnknownEncoding,
    /// Media types differ.
    MediaType {
        /// Our media type.
        ours: MediaType,
        /// The other one.
        theirs: MediaType,
    },
    /// Clock rates differ, in Hz.
    ClockRate {
        /// Our clock rate.
        ours: u32,
        /// The other one.
        theirs: u32,
    },
    /// Channel counts differ.
    Channels {
        /// Our channel count.
        ours: u32,
        /// The other one.
        theirs: u32,
    },
    /// A format parameter that must agree does not, or its value makes no sense; `None` = absent.
    Parameter {
        /// Name of the parameter.
        name: String,
        /// Our value.
        ours: Option<String>,
        /// The other value.
        theirs: Option<String>,
    },
    /// Another codec of the same list already has this payload type.
    DuplicatePayloadType,
    /// Another codec of the same list already stands for ours: a repeated preference, or a second codec of a
    /// peer for one payload type, which is fixed because there are several streams.
    AlreadyMatched,
    /// The payload type is neither within 0 to 127 nor one of the special values.
    PayloadType,
    /// All payload types from 96 to 127 are taken.
    NoPayloadTypeLeft,
    /// Neither the preference nor a capability knows the clock rate.
    NoClockRate,
    /// The allowed caps exclude it.
    CapsNotAllowed,
    /// We can't receive it, so it can't be offered.
    NotReceivable,
    /// A preference disabled it.
    Disabled,
    /// A bin description that the preference brings can't be used.
    Profile {
        /// What is wrong with it.
        text: String,
    },
    /// Telephone events need another codec with the same clock rate (RFC 4733 section 2.1).
    NoCodecWithClockRate {
        /// The clock rate in Hz.
        clock_rate: u32,
    },
}

fn value(v: Option<&String>) -> String {
    v.map_or_else(|| "absent".to_owned(), |text| limits::quote(text))
}

/// What two codecs differ in, as a name and the values of both sides; `None` = absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// A format parameter, or `media-type`, `clock-rate` or `channels`.
    pub name: String,
    /// Our value.
    pub ours: Option<String>,
    /// The other value.
    pub theirs: Option<String>,
}

impl Reason {
    /// Where the reason is that two values differ: which ones.
    pub fn difference(&self) -> Option<Difference> {
        let pair = |name: &str, ours: String, theirs: String| {
            Some(Difference { name: name.to_owned(), ours: Some(ours), theirs: Some(theirs) })
        };
        match self {
            Self::MediaType { ours, theirs } => pair("media-type", ours.to_string(), theirs.to_string()),
            Self::ClockRate { ours, theirs } => pair("clock-rate", ours.to_string(), theirs.to_string()),
            Self::Channels { ours, theirs } => pair("channels", ours.to_string(), theirs.to_string()),
            Self::Parameter { name, ours, theirs } => {
                Some(Difference { name: name.clone(), ours: ours.clone(), theirs: theirs.clone() })
            }
            _ => None,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownEncoding => f.write_str("we have no such codec"),
            Self::MediaType { ours, theirs } => write!(f, "media type: ours {ours}, theirs {theirs}"),
            Self::ClockRate { ours, theirs } => write!(f, "clock rate: ours {ours}, theirs {theirs}"),
            Self::Channels { ours, theirs } => write!(f, "channels: ours {ours}, theirs {theirs}"),
            Self::Parameter { name, ours, theirs } => {
                let (ours, theirs) = (value(ours.as_ref()), value(theirs.as_ref()));
                write!(f, "{}: ours {ours}, theirs {theirs}", limits::quote(name))
            }
            Self::DuplicatePayloadType => f.write_str("its payload type occurs twice in the list"),
            Self::AlreadyMatched => f.write_str("another codec of the list already stands for ours"),
            Self::PayloadType => f.write_str("its payload type is not within 0 to 127"),
            Self::NoPayloadTypeLeft => f.write_str("all payload types from 96 to 127 are taken"),
            Self::NoClockRate => f.write_str("its clock rate is not known"),
            Self::CapsNotAllowed => f.write_str("the allowed caps exclude it"),
            Self::NotReceivable => f.write_str("we can't receive it"),
            Self::Disabled => f.write_str("a preference disables it"),
            Self::Profile { text } => f.write_str(text),
            Self::NoCodecWithClockRate { clock_rate } => write!(f, "no other codec runs at {clock_rate} Hz"),
        }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = limits::quote(&self.codec.encoding_name);
        write!(f, "{} {name}/{}: {}", self.codec.id, self.codec.clock_rate, self.why)
    }
}
