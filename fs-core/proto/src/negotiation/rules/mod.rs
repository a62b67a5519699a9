//! How format parameters of two codecs become one: a table of rules per codec.
//!
//! A new codec's rules are one file here and one line in [`RULES`]. A parameter without a rule must be equal
//! on both sides when both have it, and is kept when one has it.

mod amr;
mod any_codec;
mod av1;
mod g729;
mod h261;
mod h263;
mod h264;
mod h265;
mod ilbc;
mod jpeg2000;
mod opus;
mod param;
mod speex;
mod telephone_event;
mod vp8;
mod vp9;
mod xiph;

use crate::codec::{Codec, CodecParameter};
use crate::media::MediaType;

use super::Reason;
use param::{Rule, Sides};

/// The codecs with rules of their own.
static RULES: &[&CodecRule] = &[
    &ilbc::RULE,
    &g729::RULE,
    &opus::RULE,
    &speex::RULE,
    &amr::NARROW,
    &amr::WIDE,
    &telephone_event::RULE,
    &xiph::VORBIS,
    &h261::RULE,
    &h263::RULE_1998,
    &h263::RULE_2000,
    &h264::RULE,
    &h265::RULE,
    &av1::RULE,
    &jpeg2000::RULE,
    &vp8::RULE,
    &vp9::RULE,
    &xiph::THEORA,
];

/// What a parameter says, as a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kinds(u8);

impl Kinds {
    /// Nothing that could be agreed on: always dropped.
    pub const NONE: Self = Self(0);
    /// What its sender is able to receive: constrains what the peer sends.
    pub const SEND: Self = Self(1);
    /// What its sender is going to send.
    pub const RECV: Self = Self(2);
    /// Both of them: the parameter means the same in both directions.
    pub const BOTH: Self = Self(3);
    /// Describes the sender's stream.
    pub const CONFIG: Self = Self(4);
    /// Nothing works without it.
    pub const MANDATORY: Self = Self(8);
    /// Constrains what the peer sends, but is not to be echoed in an answer.
    pub const AVOID: Self = Self(16);
    /// Everything.
    pub const ALL: Self = Self(31);

    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl std::ops::BitOr for Kinds {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.with(other)
    }
}

/// Which kinds of parameters count on each side of one comparison.
#[derive(Clone, Copy, Debug)]
pub(super) struct Masks {
    pub local: Kinds,
    pub remote: Kinds,
}

/// The rule of one parameter.
#[derive(Debug)]
struct ParamRule {
    name: &'static str,
    kinds: Kinds,
    rule: Rule,
}

/// Judges two codecs, local and remote, as a whole.
type Gate = fn(&Codec, &Codec) -> Result<Option<&'static CodecRule>, Reason>;

/// The rules of one codec.
#[derive(Debug)]
struct CodecRule {
    media: MediaType,
    encoding_name: &'static str,
    params: &'static [ParamRule],
    /// Looks at both codecs as a whole: refuses them, or names another codec whose rules to use.
    gate: Option<Gate>,
}

impl CodecRule {
    const fn new(media: MediaType, encoding_name: &'static str, params: &'static [ParamRule]) -> Self {
        Self { media, encoding_name, params, gate: None }
    }
}

fn codec_rule(codec: &Codec) -> Option<&'static CodecRule> {
    RULES.iter().copied().find(|r| r.media == codec.media_type && codec.is_encoding(r.encoding_name))
}

fn param_rule(table: Option<&'static CodecRule>, name: &str) -> Option<&'static ParamRule> {
    let own = table.map_or(&[][..], |t| t.params);
    own.iter()
        .find(|r| r.name.eq_ignore_ascii_case(name) || r.rule.also_named(name))
        .or_else(|| any_codec::PARAMS.iter().find(|r| r.name.eq_ignore_ascii_case(name)))
}

/// Makes one codec of two that mean the same format, or tells what keeps them apart. Payload type, feedback
/// and reporting interval are the remote's; the caller replaces them as needed.
pub(super) fn negotiate(local: &Codec, remote: &Codec, masks: Masks) -> Result<Codec, Reason> {
    check_format(local, remote)?;
    check_mandatory(local, remote)?;
    merge(local, remote, masks)
}

/// [`negotiate`] once the formats are known to be the same.
fn merge(local: &Codec, remote: &Codec, masks: Masks) -> Result<Codec, Reason> {
    let mut table = codec_rule(remote);
    if let Some(gate) = table.and_then(|t| t.gate) {
        table = gate(local, remote)?.or(table);
    }
    let mut result = Codec { optional_params: Vec::new(), ..remote.clone() };
    if result.clock_rate == 0 {
        result.clock_rate = local.clock_rate;
    }
    if result.channels == 0 {
        result.channels = local.channels;
    }
    let both = Both { local, remote, masks, table };
    for parameter in &remote.optional_params {
        both.take(parameter, true, &mut result)?;
    }
    for parameter in &local.optional_params {
        both.take(parameter, false, &mut result)?;
    }
    Ok(result)
}

/// Whether a wish fits what we have: like [`negotiate`], but a parameter that only one of them names fits.
pub(super) fn fits(capability: &Codec, wish: &Codec) -> Result<(), Reason> {
    let shared = |codec: &Codec, other: &Codec| {
        let mut codec = codec.clone();
        codec.optional_params.retain(|p| other.param(&p.name).is_some());
        codec
    };
    let masks = Masks { local: Kinds::ALL, remote: Kinds::ALL };
    check_format(capability, wish)?;
    merge(&shared(capability, wish), &shared(wish, capability), masks).map(|_| ())
}

/// Media type, name, clock rate and channels; what one side leaves open fits.
fn check_format(local: &Codec, remote: &Codec) -> Result<(), Reason> {
    if local.media_type != remote.media_type {
        return Err(Reason::MediaType { ours: local.media_type, theirs: remote.media_type });
    }
    if local.encoding_name.is_empty() || !local.is_encoding(&remote.encoding_name) {
        return Err(Reason::UnknownEncoding);
    }
    let differ = |a: u32, b: u32| a != 0 && b != 0 && a != b;
    if differ(local.clock_rate, remote.clock_rate) {
        return Err(Reason::ClockRate { ours: local.clock_rate, theirs: remote.clock_rate });
    }
    if differ(local.channels, remote.channels) {
        return Err(Reason::Channels { ours: local.channels, theirs: remote.channels });
    }
    Ok(())
}

/// Refuses codecs that both lack what belongs to the format; what describes a stream may come later.
fn check_mandatory(local: &Codec, remote: &Codec) -> Result<(), Reason> {
    let mut rules = codec_rule(remote).map_or(&[][..], |t| t.params).iter();
    let lacks = |rule: &&ParamRule| {
        let belongs = rule.kinds.contains(Kinds::MANDATORY.with(Kinds::BOTH));
        belongs && local.param(rule.name).is_none() && remote.param(rule.name).is_none()
    };
    match rules.find(lacks) {
        Some(rule) => Err(Reason::Parameter { name: rule.name.to_owned(), ours: None, theirs: None }),
        None => Ok(()),
    }
}

/// Two codecs being compared.
struct Both<'a> {
    local: &'a Codec,
    remote: &'a Codec,
    masks: Masks,
    table: Option<&'static CodecRule>,
}

impl Both<'_> {
    /// Adds what becomes of one parameter of one side. Each name is dealt with once: where both sides have
    /// it, at its place in the remote's list.
    fn take(&self, parameter: &CodecParameter, from_remote: bool, result: &mut Codec) -> Result<(), Reason> {
        let Some(rule) = param_rule(self.table, &parameter.name) else {
            return self.take_unknown(parameter, from_remote, result);
        };
        let seen = self.values(rule, self.remote).next().is_some();
        let first = |codec: &Codec| {
            let named = |p: &&CodecParameter| rule.matches(&p.name);
            codec.optional_params.iter().find(named).is_some_and(|p| std::ptr::eq(p, parameter))
        };
        let is_turn = if from_remote { first(self.remote) } else { !seen && first(self.local) };
        if is_turn {
            for value in self.apply(rule)? {
                result.optional_params.push(CodecParameter { name: rule.name.to_owned(), value });
            }
        }
        Ok(())
    }

    /// A parameter nobody knows constrains the peer's sending: equal, or on one side only.
    fn take_unknown(
        &self,
        parameter: &CodecParameter,
        from_remote: bool,
        result: &mut Codec,
    ) -> Result<(), Reason> {
        let here = self.masks.local.meets(Kinds::SEND);
        let there = self.masks.remote.meets(Kinds::SEND);
        let named = |codec: &Codec| codec.param(&parameter.name).map(str::to_owned);
        let local = named(self.local).filter(|_| here);
        let remote = named(self.remote).filter(|_| there);
        let mut value = parameter.value.clone();
        let keep = if from_remote {
            let agrees = |p: &&CodecParameter| {
                p.name.eq_ignore_ascii_case(&parameter.name) && p.value.eq_ignore_ascii_case(&parameter.value)
            };
            match self.local.optional_params.iter().find(agrees) {
                // Our spelling is kept: it is one we can parse.
                Some(ours) if here => ours.value.clone_into(&mut value),
                _ if local.is_some() && there => {
                    let name = parameter.name.clone();
                    return Err(Reason::Parameter { name, ours: local, theirs: Some(value) });
                }
                _ => {}
            }
            there
        } else {
            here && remote.is_none()
        };
        if keep {
            result.optional_params.push(CodecParameter { name: parameter.name.clone(), value });
        }
        Ok(())
    }

    fn values<'c>(&self, rule: &'static ParamRule, codec: &'c Codec) -> impl Iterator<Item = &'c str> {
        codec.optional_params.iter().filter(move |p| rule.matches(&p.name)).map(|p| p.value.as_str())
    }

    /// The values that a rule makes of both sides' values.
    fn apply(&self, rule: &'static ParamRule) -> Result<Vec<String>, Reason> {
        let Masks { local, remote } = self.masks;
        if !rule.kinds.meets(local) && !rule.kinds.meets(remote) {
            return Ok(Vec::new());
        }
        let mutual = rule.kinds.contains(Kinds::BOTH);
        let side = |codec, mask| -> Vec<&str> {
            let counts = mutual || rule.kinds.meets(mask);
            self.values(rule, codec).filter(|_| counts).collect()
        };
        let sides = Sides { local: side(self.local, local), remote: side(self.remote, remote) };
        if sides.local.is_empty() && sides.remote.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(needed) = rule.rule.needs() {
            let needed = self.table.and_then(|t| t.params.iter().find(|p| p.name == needed));
            if needed.map(|n| self.apply(n)).transpose()?.is_none_or(|v| v.is_empty()) {
                return Ok(Vec::new());
            }
        }
        rule.rule.apply(&sides).map_err(|_| Reason::Parameter {
            name: rule.name.to_owned(),
            ours: sides.local.first().map(|v| (*v).to_owned()),
            theirs: sides.remote.first().map(|v| (*v).to_owned()),
        })
    }
}

impl ParamRule {
    const fn new(name: &'static str, kinds: Kinds, rule: Rule) -> Self {
        Self { name, kinds, rule }
    }

    fn matches(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name) || self.rule.also_named(name)
    }
}

/// Whether that parameter describes a stream of that codec.
pub(super) fn is_config(codec: &Codec, name: &str) -> bool {
    param_rule(codec_rule(codec), name).is_some_and(|r| r.kinds.meets(Kinds::CONFIG))
}

/// The codec without stream description.
pub(super) fn without_config(codec: &Codec) -> Codec {
    let mut result = codec.clone();
    result.optional_params.retain(|p| !is_config(codec, &p.name));
    result
}

/// Whether a stream description without which nobody can decode is missing.
pub(super) fn lacks_config(codec: &Codec) -> bool {
    let rules = codec_rule(codec).map_or(&[][..], |t| t.params).iter();
    let mut mandatory = rules.filter(|r| r.kinds.contains(Kinds::CONFIG.with(Kinds::MANDATORY)));
    mandatory.any(|r| codec.param(r.name).is_none())
}

/// Sets a parameter, replacing one of that name.
pub(super) fn set_param(codec: &mut Codec, name: &str, value: &str) {
    match codec.optional_params.iter_mut().find(|p| p.name.eq_ignore_ascii_case(name)) {
        Some(parameter) => value.clone_into(&mut parameter.value),
        None => {
            codec.optional_params.push(CodecParameter { name: name.to_owned(), value: value.to_owned() });
        }
    }
}

#[cfg(test)]
mod tests;
