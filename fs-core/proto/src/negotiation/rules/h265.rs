//! H.265 (RFC 7798 section 7).
//!
//! Profile space, profile, tier and transmission mode are the format itself and mean the same in both directions (section
//! 7.2.2); levels and limits are what a receiver can take; the parameter sets may come in the stream as well, so nothing
//! waits for them.

use super::param::{Number, Rule};
use super::{CodecRule, Kinds, ParamRule};
use crate::media::MediaType;

/// A part of the format, with the value that is meant where it is not named.
const fn format(name: &'static str, default: &'static str) -> ParamRule {
    ParamRule::new(name, Kinds::BOTH, Rule::EqualOrReject(Some(default)))
}

/// What a receiver can take.
const fn limit(name: &'static str) -> ParamRule {
    ParamRule::new(name, Kinds::SEND, Rule::Minimum(Number::ANY))
}

/// What describes the sender's stream.
const fn stream(name: &'static str) -> ParamRule {
    ParamRule::new(name, Kinds::CONFIG, Rule::Copy)
}

const fn option(name: &'static str) -> ParamRule {
    ParamRule::new(name, Kinds::SEND, Rule::EqualOrIgnore)
}

pub(super) static RULE: CodecRule = CodecRule::new(
    MediaType::Video,
    "H265",
    &[
        format("profile-space", "0"),
        format("profile-id", "1"),
        format("tier-flag", "0"),
        format("tx-mode", "SRST"),
        option("profile-compatibility-indicator"),
        option("interop-constraints"),
        limit("level-id"),
        limit("max-recv-level-id"),
        limit("max-lsr"),
        limit("max-lps"),
        limit("max-cpb"),
        limit("max-dpb"),
        limit("max-br"),
        limit("max-tr"),
        limit("max-tc"),
        limit("max-fps"),
        limit("depack-buf-cap"),
        option("dec-parallel-cap"),
        option("include-dph"),
        option("recv-sub-layer-id"),
        stream("sprop-vps"),
        stream("sprop-sps"),
        stream("sprop-pps"),
        stream("sprop-sei"),
        stream("sprop-sub-layer-id"),
        stream("sprop-max-don-diff"),
        stream("sprop-depack-buf-nalus"),
        stream("sprop-depack-buf-bytes"),
        stream("sprop-segmentation-id"),
        stream("sprop-spatial-segmentation-idc"),
    ],
);
