//! AMR and AMR-WB (RFC 4867 sections 8.1 to 8.3).
//!
//! How frames are packed must be the same in both directions (section 8.3.1); a check sum, sorting or interleaving means
//! octet-aligned frames, whether or not that is said (section 8.1). Modes are those that both allow; the rest limits what
//! a receiver gets.

use super::param::{Number, Refused, Rule, Sides};
use super::{CodecRule, Kinds, ParamRule, Reason};
use crate::codec::Codec;
use crate::media::MediaType;

const ALIGNED: &str = "octet-align";
/// What only octet-aligned frames can have.
const NEED_ALIGNED: [&str; 3] = ["crc", "robust-sorting", "interleaving"];

/// A part of the packing, off where it is not named.
const fn packing(name: &'static str) -> ParamRule {
    ParamRule::new(name, Kinds::BOTH, Rule::EqualOrReject(Some("0")))
}

const PARAMS: &[ParamRule] = &[
    // Whether they agree is looked at by `same_packing`: one side may say it and the other mean it.
    ParamRule::new(ALIGNED, Kinds::BOTH, Rule::Copy),
    packing("crc"),
    packing("robust-sorting"),
    packing("interleaving"),
    ParamRule::new("mode-set", Kinds::SEND, Rule::Special(mode_set, None)),
    ParamRule::new("mode-change-period", Kinds::SEND, Rule::Maximum(Number::within(1..=2))),
    ParamRule::new("mode-change-capability", Kinds::SEND, Rule::Minimum(Number::within(1..=2))),
    ParamRule::new("mode-change-neighbor", Kinds::SEND, Rule::Maximum(Number::within(0..=1))),
    ParamRule::new("max-red", Kinds::SEND, Rule::Minimum(Number::within(0..=65535))),
];

pub(super) static NARROW: CodecRule = rules("AMR");

pub(super) static WIDE: CodecRule = rules("AMR-WB");

const fn rules(encoding_name: &'static str) -> CodecRule {
    CodecRule { media: MediaType::Audio, encoding_name, params: PARAMS, gate: Some(same_packing) }
}

/// Refuses octet-aligned frames on one side and bandwidth-efficient ones on the other.
fn same_packing(local: &Codec, remote: &Codec) -> Result<Option<&'static CodecRule>, Reason> {
    let is_aligned = |codec: &Codec| {
        let is_on = |name| codec.param(name).is_some_and(|value| value.trim() != "0");
        is_on(ALIGNED) || NEED_ALIGNED.into_iter().any(is_on)
    };
    if is_aligned(local) == is_aligned(remote) {
        return Ok(None);
    }
    let said = |codec: &Codec| codec.param(ALIGNED).map(str::to_owned);
    Err(Reason::Parameter { name: ALIGNED.to_owned(), ours: said(local), theirs: said(remote) })
}

/// The modes that both allow; without one in common there is nothing to send. A side without the parameter allows all.
fn mode_set(sides: &Sides<'_>) -> Result<Vec<String>, Refused> {
    let shared = match sides.pair() {
        (Some(local), Some(remote)) => super::param::common(local, remote).ok_or(Refused)?,
        (Some(only), None) | (None, Some(only)) => only.to_owned(),
        (None, None) => return Ok(Vec::new()),
    };
    Ok(vec![shared])
}
