//! Codec descriptions (`FsCodec`, `FsCodecParameter`, `FsFeedbackParameter`).

use std::fmt;

use crate::media::MediaType;

/// One `name=value` of an SDP `a=fmtp` line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CodecParameter {
    /// Parameter name; compared without case. Empty for a bare value such as the event list of telephone-event.
    pub name: String,
    /// Parameter value.
    pub value: String,
}

/// One `a=rtcp-fb` capability (RFC 4585 section 4.2), as type, subtype and extra parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FeedbackParameter {
    /// Feedback type, for example `nack`.
    pub kind: String,
    /// Feedback subtype, for example `pli`; empty when there is none.
    pub subtype: String,
    /// Whatever follows; empty when there is nothing.
    pub extra_params: String,
}

/// A codec as it stands in an offer, an answer or a preference list (`FsCodec`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Codec {
    /// RTP payload type 0 to 127, or [`Codec::ID_ANY`] or [`Codec::ID_DISABLE`] in preferences.
    pub id: i32,
    /// RTP encoding name; compared without case; empty stands for the C library's NULL.
    pub encoding_name: String,
    /// Kind of media.
    pub media_type: MediaType,
    /// RTP clock rate in Hz; 0 = unspecified.
    pub clock_rate: u32,
    /// Channel count; 0 = unspecified.
    pub channels: u32,
    /// Minimum RTCP reporting interval in ms (`trr-int`, RFC 4585); `None` = unset (`G_MAXUINT` in C).
    pub minimum_reporting_interval: Option<u32>,
    /// Format parameters, ordered; duplicates are allowed.
    pub optional_params: Vec<CodecParameter>,
    /// Feedback parameters, ordered.
    pub feedback_params: Vec<FeedbackParameter>,
}

impl Codec {
    /// Payload type of a preference that leaves the choice to the session (`FS_CODEC_ID_ANY`).
    pub const ID_ANY: i32 = -1;
    /// Payload type of a preference that removes a codec (`FS_CODEC_ID_DISABLE`).
    pub const ID_DISABLE: i32 = -2;

    /// A codec without parameters (`fs_codec_new`). `clock_rate` is in Hz, 0 = unspecified.
    pub fn new(id: i32, encoding_name: &str, media_type: MediaType, clock_rate: u32) -> Self {
        Self { id, encoding_name: encoding_name.to_owned(), media_type, clock_rate, ..Self::default() }
    }

    /// Appends a format parameter and returns the codec.
    pub fn with_param(mut self, name: &str, value: &str) -> Self {
        self.optional_params.push(CodecParameter { name: name.to_owned(), value: value.to_owned() });
        self
    }

    /// Sets the channel count and returns the codec.
    pub fn with_channels(mut self, channels: u32) -> Self {
        self.channels = channels;
        self
    }

    /// The first format parameter of that name, ignoring case.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.optional_params.iter().find(|p| p.name.eq_ignore_ascii_case(name)).map(|p| p.value.as_str())
    }

    /// Whether the encoding names are equal, ignoring case.
    pub fn is_encoding(&self, name: &str) -> bool {
        self.encoding_name.eq_ignore_ascii_case(name)
    }

    /// Equality as the C library defines it (`fs_codec_are_equal`): names ignore case, parameters are sets
    /// (containment both ways, values case-sensitive), an empty encoding name equals nothing.
    pub fn matches(&self, other: &Self) -> bool {
        !self.encoding_name.is_empty()
            && self.is_encoding(&other.encoding_name)
            && self.id == other.id
            && self.media_type == other.media_type
            && self.clock_rate == other.clock_rate
            && self.channels == other.channels
            && self.minimum_reporting_interval == other.minimum_reporting_interval
            && same_set(&self.optional_params, &other.optional_params, |a, b| {
                a.name.eq_ignore_ascii_case(&b.name) && a.value == b.value
            })
            && same_set(&self.feedback_params, &other.feedback_params, |a, b| {
                a.kind.eq_ignore_ascii_case(&b.kind)
                    && a.subtype.eq_ignore_ascii_case(&b.subtype)
                    && a.extra_params == b.extra_params
            })
    }
}

/// Containment both ways; how often an entry occurs does not count.
fn same_set<T>(a: &[T], b: &[T], eq: impl Fn(&T, &T) -> bool) -> bool {
    let within = |x: &[T], y: &[T]| x.iter().all(|i| y.iter().any(|j| eq(i, j)));
    within(a, b) && within(b, a)
}

/// The layout of `fs_codec_to_string`: `ID: media NAME clock:R channels:C`, then `trr-int`, parameters, feedback.
impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} {} clock:{} channels:{}",
            self.id, self.media_type, self.encoding_name, self.clock_rate, self.channels
        )?;
        if let Some(interval) = self.minimum_reporting_interval {
            write!(f, " trr-int={interval}")?;
        }
        for p in &self.optional_params {
            write!(f, " {}={}", p.name, p.value)?;
        }
        for p in &self.feedback_params {
            write!(f, " {}/{}={}", p.kind, p.subtype, p.extra_params)?;
        }
        Ok(())
    }
}
