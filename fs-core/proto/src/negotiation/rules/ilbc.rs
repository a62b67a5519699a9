//! iLBC: frame size of 20 or 30 ms (RFC 3952 section 5).

use super::param::{Refused, Rule, Sides};
use super::{CodecRule, Kinds, ParamRule};
use crate::media::MediaType;

pub(super) static RULE: CodecRule = CodecRule::new(
    MediaType::Audio,
    "ILBC",
    &[ParamRule::new("mode", Kinds::BOTH, Rule::Special(mode, None))],
);

/// 20 ms only if both want it. A side that says nothing means 30, which needs no word.
fn mode(sides: &Sides<'_>) -> Result<Vec<String>, Refused> {
    let (local, remote) = sides.pair();
    let known = |v: Option<&str>| v.is_none_or(|v| v == "20" || v == "30");
    if !known(local) || !known(remote) {
        return Err(Refused);
    }
    Ok(match (local, remote) {
        (Some("20"), Some("20")) => vec!["20".to_owned()],
        (Some(_), Some(_)) => vec!["30".to_owned()],
        _ => Vec::new(),
    })
}
