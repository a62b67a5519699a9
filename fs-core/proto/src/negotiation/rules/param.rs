//! The kinds of rules that parameters follow.

use std::ops::RangeInclusive;

/// The values of one parameter on both sides, already masked. Most rules look at the first of each.
#[derive(Debug)]
pub(super) struct Sides<'a> {
    pub local: Vec<&'a str>,
    pub remote: Vec<&'a str>,
}

impl<'a> Sides<'a> {
    pub fn pair(&self) -> (Option<&'a str>, Option<&'a str>) {
        (self.local.first().copied(), self.remote.first().copied())
    }
}

/// The parameter refuses the whole codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused;

type Verdict = Result<Vec<String>, Refused>;

/// What becomes of two values. An empty list drops the parameter.
#[derive(Debug)]
pub(super) enum Rule {
    /// The smaller number; one side only: that one, or against the default.
    Minimum(Number),
    /// The larger number; one side only: that one.
    Maximum(Number),
    /// The larger number; one side only: dropped.
    BothMaximum(Number),
    /// Kept if equal; otherwise, or on one side only, dropped.
    EqualOrIgnore,
    /// Refused if different. One side only: as if the other had the default; without default refused.
    EqualOrReject(Option<&'static str>),
    /// Equal: kept. Otherwise whatever is not the default, the remote's first.
    EqualOrNotDefault(&'static str),
    /// Intersection of two comma-separated lists, in the remote's order.
    List,
    /// The remote's value, else ours.
    Copy,
    /// Anything else; the second entry is another name of the parameter.
    Special(fn(&Sides<'_>) -> Verdict, Option<&'static str>),
}

/// Bounds of a numeric parameter.
#[derive(Debug)]
pub(super) struct Number {
    range: RangeInclusive<u32>,
    /// What a side without the parameter means.
    default: Option<u32>,
    /// The parameter only counts if that one was agreed too.
    needs: Option<&'static str>,
}

impl Number {
    pub const ANY: Self = Self::within(0..=u32::MAX);

    pub const fn within(range: RangeInclusive<u32>) -> Self {
        Self { range, default: None, needs: None }
    }

    pub const fn or(self, default: u32) -> Self {
        Self { default: Some(default), ..self }
    }

    pub const fn only_with(self, needs: &'static str) -> Self {
        Self { needs: Some(needs), ..self }
    }

    /// `Err` if there is a value out of range.
    fn read(&self, value: Option<&str>) -> Result<Option<u32>, Refused> {
        let Some(text) = value else { return Ok(None) };
        let number = text.trim().parse().ok().filter(|n| self.range.contains(n));
        number.map(Some).ok_or(Refused)
    }

    /// The value that only one side has, where it is no number and nothing bounds it: kept as it is, for others to read.
    fn lone_text<'a>(&self, sides: &Sides<'a>) -> Option<&'a str> {
        let (local, remote) = sides.pair();
        let text = local.xor(remote).filter(|_| self.default.is_none() && self.range == (0..=u32::MAX))?;
        text.trim().parse::<u32>().is_err().then_some(text)
    }

    /// Both numbers; `None` if the remote's is out of range. Ours counts as absent then.
    fn pair(&self, sides: &Sides<'_>) -> Option<(Option<u32>, Option<u32>)> {
        let (local, remote) = sides.pair();
        let remote = self.read(remote).ok()?;
        let local = self.read(local).unwrap_or(None);
        Some((local, remote))
    }
}

impl Rule {
    /// Another parameter without which this one does not count.
    pub fn needs(&self) -> Option<&'static str> {
        match self {
            Self::Minimum(n) | Self::Maximum(n) | Self::BothMaximum(n) => n.needs,
            _ => None,
        }
    }

    pub fn also_named(&self, name: &str) -> bool {
        matches!(self, Self::Special(_, Some(other)) if other.eq_ignore_ascii_case(name))
    }

    pub fn apply(&self, sides: &Sides<'_>) -> Verdict {
        let (local, remote) = sides.pair();
        let text = |v: Option<&str>| v.map(str::to_owned).into_iter().collect::<Vec<_>>();
        let number = |v: Option<u32>| v.map(|n| n.to_string()).into_iter().collect::<Vec<_>>();
        Ok(match self {
            Self::Minimum(bounds) | Self::Maximum(bounds) if bounds.lone_text(sides).is_some() => {
                text(bounds.lone_text(sides))
            }
            Self::Minimum(bounds) => number(bounds.pair(sides).and_then(|(l, r)| {
                let (l, r) = (l.or(bounds.default), r.or(bounds.default));
                l.into_iter().chain(r).min()
            })),
            Self::Maximum(bounds) => number(bounds.pair(sides).and_then(|(l, r)| l.max(r))),
            Self::BothMaximum(bounds) => number(bounds.pair(sides).and_then(|(l, r)| Some(l?.max(r?)))),
            Self::EqualOrIgnore => text(remote.filter(|_| local == remote)),
            Self::EqualOrReject(default) => {
                let (l, r) = (local.or(*default), remote.or(*default));
                if l.is_none() || l != r {
                    return Err(Refused);
                }
                text(remote.or(local))
            }
            Self::EqualOrNotDefault(default) => {
                let telling = |v: &&str| !v.eq_ignore_ascii_case(default);
                if local.is_some() && local == remote {
                    text(remote)
                } else {
                    text(remote.filter(telling).or(local.filter(telling)))
                }
            }
            Self::List => text(local.zip(remote).and_then(|(l, r)| common(l, r)).as_deref()),
            Self::Copy => text(remote.or(local)),
            Self::Special(function, _) => return function(sides),
        })
    }
}

/// What two comma-separated lists share; `None` if nothing.
pub(super) fn common(local: &str, remote: &str) -> Option<String> {
    let ours: Vec<&str> = local.split(',').map(str::trim).collect();
    let shared: Vec<&str> = remote.split(',').map(str::trim).filter(|v| ours.contains(v)).collect();
    (!shared.is_empty()).then(|| shared.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(rule: &Rule, local: Option<&'static str>, remote: Option<&'static str>) -> Verdict {
        rule.apply(&Sides { local: local.into_iter().collect(), remote: remote.into_iter().collect() })
    }

    fn one(value: &str) -> Verdict {
        Ok(vec![value.to_owned()])
    }

    const NOTHING: Verdict = Ok(Vec::new());

    #[test]
    fn minimum() {
        let rule = Rule::Minimum(Number::within(1..=50));
        assert_eq!(apply(&rule, Some("10"), Some("20")), one("10"));
        assert_eq!(apply(&rule, Some("10"), None), one("10"));
        assert_eq!(apply(&rule, None, Some("20")), one("20"));
        assert_eq!(apply(&rule, Some("99"), Some("20")), one("20"), "ours out of range counts as absent");
        assert_eq!(apply(&rule, Some("10"), Some("99")), NOTHING, "theirs out of range drops it");
        assert_eq!(apply(&rule, Some("10"), Some("x")), NOTHING);
        assert_eq!(apply(&rule, None, Some("x")), NOTHING, "no number within the bounds");
        let rule = Rule::Minimum(Number::ANY);
        assert_eq!(apply(&rule, None, Some("!234")), one("!234"), "without bounds one side's value stays");
        assert_eq!(apply(&rule, Some("!234"), None), one("!234"));
        assert_eq!(apply(&rule, Some("10"), Some("!234")), NOTHING);
        let rule = Rule::Minimum(Number::within(0..=50).or(0));
        assert_eq!(apply(&rule, Some("10"), None), one("0"));
    }

    #[test]
    fn maximum() {
        let rule = Rule::Maximum(Number::ANY);
        assert_eq!(apply(&rule, Some("10"), Some("20")), one("20"));
        assert_eq!(apply(&rule, Some("10"), None), one("10"));
        let rule = Rule::BothMaximum(Number::ANY);
        assert_eq!(apply(&rule, Some("10"), Some("20")), one("20"));
        assert_eq!(apply(&rule, Some("10"), None), NOTHING);
        assert_eq!(apply(&rule, None, Some("4294967296")), NOTHING, "too large for any device");
    }

    #[test]
    fn equality() {
        assert_eq!(apply(&Rule::EqualOrIgnore, Some("a"), Some("a")), one("a"));
        assert_eq!(apply(&Rule::EqualOrIgnore, Some("a"), Some("A")), NOTHING);
        assert_eq!(apply(&Rule::EqualOrIgnore, Some("a"), None), NOTHING);
        let rule = Rule::EqualOrReject(None);
        assert_eq!(apply(&rule, Some("a"), Some("a")), one("a"));
        assert_eq!(apply(&rule, Some("a"), Some("b")), Err(Refused));
        assert_eq!(apply(&rule, Some("a"), None), Err(Refused));
        let rule = Rule::EqualOrReject(Some("0"));
        assert_eq!(apply(&rule, None, Some("0")), one("0"));
        assert_eq!(apply(&rule, None, Some("1")), Err(Refused));
        assert_eq!(apply(&rule, Some("1"), None), Err(Refused));
        let rule = Rule::EqualOrNotDefault("yes");
        assert_eq!(apply(&rule, Some("yes"), Some("yes")), one("yes"));
        assert_eq!(apply(&rule, Some("yes"), Some("no")), one("no"));
        assert_eq!(apply(&rule, None, Some("yes")), NOTHING);
    }

    #[test]
    fn lists_and_copies() {
        assert_eq!(apply(&Rule::List, Some("1,2,3"), Some("3,2,4")), one("3,2"));
        assert_eq!(apply(&Rule::List, Some("1"), Some("2")), NOTHING);
        assert_eq!(apply(&Rule::List, Some("1"), None), NOTHING);
        assert_eq!(apply(&Rule::Copy, Some("l"), Some("r")), one("r"));
        assert_eq!(apply(&Rule::Copy, Some("l"), None), one("l"));
    }
}
