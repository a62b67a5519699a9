//! VP9 (RFC 9628 section 6): the profile is part of the format, 0 if not named; the rest are receive limits.

use super::param::{Number, Rule};
use super::{CodecRule, Kinds, ParamRule};
use crate::media::MediaType;

pub(super) static RULE: CodecRule = CodecRule::new(
    MediaType::Video,
    "VP9",
    &[
        ParamRule::new("profile-id", Kinds::BOTH, Rule::EqualOrReject(Some("0"))),
        ParamRule::new("max-fr", Kinds::SEND, Rule::Minimum(Number::ANY)),
        ParamRule::new("max-fs", Kinds::SEND, Rule::Minimum(Number::ANY)),
    ],
);
