//! Opus (RFC 7587 section 7.1).
//!
//! What a side wants to receive is its own affair and not echoed. `minptime`, which browsers send, is a lower
//! bound on packet times: the larger one satisfies both.

use super::param::{Number, Rule};
use super::{CodecRule, Kinds, ParamRule};
use crate::media::MediaType;

const STREAM: Kinds = Kinds::CONFIG.with(Kinds::RECV);

pub(super) static RULE: CodecRule = CodecRule::new(
    MediaType::Audio,
    "OPUS",
    &[
        ParamRule::new("sprop-maxcapturerate", STREAM, Rule::Copy),
        ParamRule::new("sprop-stereo", STREAM, Rule::Copy),
        ParamRule::new("maxplaybackrate", Kinds::AVOID, Rule::Copy),
        ParamRule::new("maxaveragebitrate", Kinds::AVOID, Rule::Copy),
        ParamRule::new("stereo", Kinds::AVOID, Rule::Copy),
        ParamRule::new("cbr", Kinds::AVOID, Rule::Copy),
        ParamRule::new("useinbandfec", Kinds::AVOID, Rule::Copy),
        ParamRule::new("usedtx", Kinds::AVOID, Rule::Copy),
        ParamRule::new("minptime", Kinds::SEND, Rule::Maximum(Number::within(1..=120))),
    ],
);
