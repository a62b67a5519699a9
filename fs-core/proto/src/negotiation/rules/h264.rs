//! H.264 (RFC 6184 section 8).

use super::param::{Number, Refused, Rule, Sides};
use super::{CodecRule, Kinds, ParamRule};
use crate::media::MediaType;

const LEVEL: &str = "profile-level-id";

/// A limit beyond the level: counts only where a level was agreed.
const fn limit(name: &'static str) -> ParamRule {
    ParamRule::new(name, Kinds::SEND, Rule::Minimum(Number::ANY.only_with(LEVEL)))
}

pub(super) static RULE: CodecRule = CodecRule::new(
    MediaType::Video,
    "H264",
    &[
        ParamRule::new(LEVEL, Kinds::SEND, Rule::Special(profile_level_id, None)),
        limit("max-mbps"),
        limit("max-fs"),
        limit("max-cpb"),
        limit("max-dpb"),
        limit("max-br"),
        ParamRule::new("level-asymmetry-allowed", Kinds::SEND, Rule::Minimum(Number::within(0..=1))),
        ParamRule::new("redundant-pic-cap", Kinds::SEND, Rule::EqualOrIgnore),
        ParamRule::new("parameter-add", Kinds::SEND, Rule::EqualOrIgnore),
        ParamRule::new("packetization-mode", Kinds::SEND, Rule::EqualOrIgnore),
        ParamRule::new("deint-buf-cap", Kinds::SEND, Rule::Minimum(Number::ANY)),
        ParamRule::new("max-rcmd-nalu-size", Kinds::SEND, Rule::Minimum(Number::ANY)),
        ParamRule::new("sprop-parameter-sets", Kinds::CONFIG.with(Kinds::MANDATORY), Rule::Copy),
        ParamRule::new("sprop-interleaving-depth", Kinds::CONFIG, Rule::Copy),
        ParamRule::new("sprop-deint-buf-req", Kinds::CONFIG, Rule::Copy),
        ParamRule::new("sprop-init-buf-time", Kinds::CONFIG, Rule::Copy),
        ParamRule::new("sprop-max-don-diff", Kinds::CONFIG, Rule::Copy),
    ],
);

/// Same profile: the constraints of both and the lower level. Anything else drops the parameter.
fn profile_level_id(sides: &Sides<'_>) -> Result<Vec<String>, Refused> {
    let (local, remote) = sides.pair();
    let shared = local.and_then(read).zip(remote.and_then(read)).and_then(|(l, r)| {
        (l[0] == r[0]).then(|| format!("{:02X}{:02X}{:02X}", l[0], l[1] | r[1], l[2].min(r[2])))
    });
    Ok(shared.into_iter().collect())
}

/// Profile, constraint flags and level.
fn read(text: &str) -> Option<[u8; 3]> {
    if text.len() != 6 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let [_, profile, flags, level] = u32::from_str_radix(text, 16).ok()?.to_be_bytes();
    Some([profile, flags, level])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agree(local: &str, remote: &str) -> Vec<String> {
        profile_level_id(&Sides { local: vec![local], remote: vec![remote] }).unwrap()
    }

    #[test]
    fn the_lower_level_of_one_profile() {
        assert_eq!(agree("42e01f", "42C00D"), ["42E00D"]);
        assert_eq!(agree("640028", "64001F"), ["64001F"]);
        assert!(agree("42E01F", "640028").is_empty());
    }

    #[test]
    fn unreadable_values_drop_it() {
        for text in ["", "42E01", "42E01F0", "42E01G", "+2E01F", "42É1F"] {
            assert!(agree("42E01F", text).is_empty(), "{text}");
        }
    }
}
