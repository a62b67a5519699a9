//! AMR and AMR-WB (RFC 4867 sections 8.1 to 8.3).
//!
//! How frames are packed must be the same in both directions (section 8.3.1); modes are those that both allow; the rest
//! limits what a receiver gets.

use super::param::{Number, Refused, Rule, Sides};
use super::{CodecRule, Kinds, ParamRule};
use crate::media::MediaType;

/// A part of the packing, off where it is not named.
const fn packing(name: &'static str) -> ParamRule {
    ParamRule::new(name, Kinds::BOTH, Rule::EqualOrReject(Some("0")))
}

const PARAMS: &[ParamRule] = &[
    packing("octet-align"),
    packing("crc"),
    packing("robust-sorting"),
    packing("interleaving"),
    ParamRule::new("mode-set", Kinds::SEND, Rule::Special(mode_set, None)),
    ParamRule::new("mode-change-period", Kinds::SEND, Rule::Maximum(Number::within(1..=2))),
    ParamRule::new("mode-change-capability", Kinds::SEND, Rule::Minimum(Number::within(1..=2))),
    ParamRule::new("mode-change-neighbor", Kinds::SEND, Rule::Maximum(Number::within(0..=1))),
    ParamRule::new("max-red", Kinds::SEND, Rule::Minimum(Number::within(0..=65535))),
];

pub(super) static NARROW: CodecRule = CodecRule::new(MediaType::Audio, "AMR", PARAMS);

pub(super) static WIDE: CodecRule = CodecRule::new(MediaType::Audio, "AMR-WB", PARAMS);

/// The modes that both allow; without one in common there is nothing to send. A side without the parameter allows all.
fn mode_set(sides: &Sides<'_>) -> Result<Vec<String>, Refused> {
    let shared = match sides.pair() {
        (Some(local), Some(remote)) => super::param::common(local, remote).ok_or(Refused)?,
        (Some(only), None) | (None, Some(only)) => only.to_owned(),
        (None, None) => return Ok(Vec::new()),
    };
    Ok(vec![shared])
}
