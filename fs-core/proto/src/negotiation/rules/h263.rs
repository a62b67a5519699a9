//! H.263+ and H.263++ (RFC 4629 section 8).

use super::param::{Number, Refused, Rule, Sides};
use super::{CodecRule, Kinds, ParamRule};
use crate::codec::Codec;
use crate::media::MediaType;
use crate::negotiation::Reason;

/// A frame interval that a side without it does not restrict.
const fn small(name: &'static str) -> ParamRule {
    ParamRule::new(name, Kinds::SEND, Rule::Maximum(Number::within(1..=32)))
}

/// A frame interval of a picture size that both must handle.
const fn large(name: &'static str) -> ParamRule {
    ParamRule::new(name, Kinds::SEND, Rule::BothMaximum(Number::within(1..=32)))
}

const fn option(name: &'static str) -> ParamRule {
    ParamRule::new(name, Kinds::SEND, Rule::EqualOrIgnore)
}

pub(super) static RULE_1998: CodecRule = CodecRule::new(
    MediaType::Video,
    "H263-1998",
    &[
        small("sqcif"),
        small("qcif"),
        large("cif"),
        large("cif4"),
        large("cif16"),
        ParamRule::new("custom", Kinds::SEND, Rule::Special(custom, None)),
        ParamRule::new("cpcf", Kinds::SEND, Rule::Special(clock_frequency, None)),
        ParamRule::new("p", Kinds::SEND, Rule::List),
        ParamRule::new("bpp", Kinds::SEND, Rule::Minimum(Number::within(1..=65536))),
        option("f"),
        option("i"),
        option("j"),
        option("t"),
        option("k"),
        option("n"),
        option("par"),
        option("hrd"),
        option("interlace"),
    ],
);

pub(super) static RULE_2000: CodecRule = CodecRule {
    gate: Some(profile_or_options),
    ..CodecRule::new(
        MediaType::Video,
        "H263-2000",
        &[
            ParamRule::new("profile", Kinds::BOTH, Rule::EqualOrReject(Some("0"))),
            ParamRule::new("level", Kinds::SEND, Rule::Minimum(Number::within(0..=100).or(0))),
        ],
    )
};

/// H.263++ speaks in profile and level, which belong together, or else in the options of H.263+.
fn profile_or_options(local: &Codec, remote: &Codec) -> Result<Option<&'static CodecRule>, Reason> {
    let lone_profile = |c: &Codec| c.param("profile").is_some() && c.param("level").is_none();
    if lone_profile(local) || lone_profile(remote) {
        let value = |c: &Codec| c.param("level").map(str::to_owned);
        return Err(Reason::Parameter {
            name: "level".to_owned(),
            ours: value(local),
            theirs: value(remote),
        });
    }
    let speaks = |c: &Codec| c.param("profile").is_some() || c.param("level").is_some();
    Ok((!speaks(local) && !speaks(remote)).then_some(&RULE_1998))
}

fn numbers<const N: usize>(text: &str) -> Option<[u32; N]> {
    let list: Option<Vec<u32>> = text.split(',').map(|part| part.trim().parse().ok()).collect();
    list?.try_into().ok()
}

fn join(list: &[u32]) -> String {
    list.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

/// `width,height,interval`, once per size: sizes both have, with the longer interval.
fn custom(sides: &Sides<'_>) -> Result<Vec<String>, Refused> {
    let read = |list: &[&str]| -> Vec<[u32; 3]> { list.iter().filter_map(|t| numbers(t)).collect() };
    let ours = read(&sides.local);
    let shared = read(&sides.remote).into_iter().filter_map(|[x, y, mpi]| {
        let [.., own] = ours.iter().find(|o| o[..2] == [x, y])?;
        Some(join(&[x, y, mpi.max(*own)]))
    });
    Ok(shared.collect())
}

/// Custom picture clock: same divisor and factor on both sides, then the longer interval per picture size.
fn clock_frequency(sides: &Sides<'_>) -> Result<Vec<String>, Refused> {
    let (local, remote) = sides.pair();
    let shared = local.and_then(numbers::<8>).zip(remote.and_then(numbers::<8>)).and_then(|(l, r)| {
        let longer = || l.iter().zip(&r).map(|(a, b)| *a.max(b)).collect::<Vec<_>>();
        (l[..2] == r[..2]).then(|| join(&longer()))
    });
    Ok(shared.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn custom_sizes_match_one_by_one() {
        let sides = Sides {
            local: vec!["320,240,2", "640,480,4"],
            remote: vec!["640,480,3", "100,100,1", "320,240,5", "broken", "1,2,3,4"],
        };
        assert_eq!(custom(&sides).unwrap(), ["640,480,4", "320,240,5"]);
    }

    #[test]
    fn picture_clocks_need_the_same_base() {
        let agree = |l, r| clock_frequency(&Sides { local: vec![l], remote: vec![r] }).unwrap();
        assert_eq!(agree("36,1000,1,2,3,4,5,6", "36,1000,6,5,4,3,2,1"), ["36,1000,6,5,4,4,5,6"]);
        assert!(agree("36,1000,1,2,3,4,5,6", "37,1000,1,2,3,4,5,6").is_empty());
        assert!(agree("36,1000,1,2,3,4,5", "36,1000,1,2,3,4,5,6").is_empty());
    }
}
