//! G.729: comfort noise of annex B unless one side refuses it (RFC 4856 section 2.1.9).

use super::param::Rule;
use super::{CodecRule, Kinds, ParamRule};
use crate::media::MediaType;

pub(super) static RULE: CodecRule = CodecRule::new(
    MediaType::Audio,
    "G729",
    &[ParamRule::new("annexb", Kinds::SEND, Rule::EqualOrNotDefault("yes"))],
);
