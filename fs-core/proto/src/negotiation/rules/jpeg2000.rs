//! JPEG 2000 (RFC 5371 section 6.1).

use super::param::{Number, Rule};
use super::{CodecRule, Kinds, ParamRule};
use crate::media::MediaType;

pub(super) static RULE: CodecRule = CodecRule::new(
    MediaType::Video,
    "JPEG2000",
    &[
        ParamRule::new("sampling", Kinds::BOTH.with(Kinds::MANDATORY), Rule::EqualOrReject(None)),
        ParamRule::new("interlace", Kinds::SEND, Rule::EqualOrIgnore),
        ParamRule::new("width", Kinds::SEND, Rule::Minimum(Number::ANY)),
        ParamRule::new("height", Kinds::SEND, Rule::Minimum(Number::ANY)),
    ],
);
