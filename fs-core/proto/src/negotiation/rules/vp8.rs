//! VP8: frame rate and frame size a side can receive (RFC 7741 section 6.1).

use super::param::{Number, Rule};
use super::{CodecRule, Kinds, ParamRule};
use crate::media::MediaType;

pub(super) static RULE: CodecRule = CodecRule::new(
    MediaType::Video,
    "VP8",
    &[
        ParamRule::new("max-fr", Kinds::SEND, Rule::Minimum(Number::ANY)),
        ParamRule::new("max-fs", Kinds::SEND, Rule::Minimum(Number::ANY)),
    ],
);
