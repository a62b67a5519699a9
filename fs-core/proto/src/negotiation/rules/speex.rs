//! Speex (RFC 5574 section 4.1): what a side would like to receive. Every decoder takes all of it, so no value is a reason to
//! refuse the codec; the peer's wish counts.

use super::param::Rule;
use super::{CodecRule, Kinds, ParamRule};
use crate::media::MediaType;

const fn wish(name: &'static str) -> ParamRule {
    ParamRule::new(name, Kinds::SEND, Rule::Copy)
}

pub(super) static RULE: CodecRule =
    CodecRule::new(MediaType::Audio, "SPEEX", &[wish("mode"), wish("vbr"), wish("cng"), wish("penh")]);
