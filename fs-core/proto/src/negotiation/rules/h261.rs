//! H.261 (RFC 4587 section 6.1): frame intervals per picture size.

use super::param::{Number, Rule};
use super::{CodecRule, Kinds, ParamRule};
use crate::media::MediaType;

pub(super) static RULE: CodecRule = CodecRule::new(
    MediaType::Video,
    "H261",
    &[
        ParamRule::new("qcif", Kinds::SEND, Rule::Maximum(Number::within(1..=4))),
        ParamRule::new("cif", Kinds::SEND, Rule::BothMaximum(Number::within(1..=4))),
        ParamRule::new("d", Kinds::SEND, Rule::EqualOrIgnore),
    ],
);
