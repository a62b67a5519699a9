//! AV1 (RTP Payload Format For AV1, version 1.0, section 7): each side says what it can receive, and no value is a reason
//! to refuse the codec, because a sender may always use less.

use super::param::{Number, Rule};
use super::{CodecRule, Kinds, ParamRule};
use crate::media::MediaType;

pub(super) static RULE: CodecRule = CodecRule::new(
    MediaType::Video,
    "AV1",
    &[
        ParamRule::new("profile", Kinds::SEND, Rule::Minimum(Number::within(0..=2))),
        ParamRule::new("level-idx", Kinds::SEND, Rule::Minimum(Number::within(0..=31))),
        ParamRule::new("tier", Kinds::SEND, Rule::Minimum(Number::within(0..=1))),
    ],
);
