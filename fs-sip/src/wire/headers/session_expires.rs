//! Session-Expires and Min-SE (RFC 4028 sections 4 and 5).

use std::fmt;

use super::{TypedHeader, name};
use crate::error::ParseError;
use crate::wire::params::{Params, is_space};

/// Which side refreshes the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refresher {
    /// The one that sent the request.
    Uac,
    /// The one that answered it.
    Uas,
}

impl Refresher {
    fn as_str(self) -> &'static str {
        match self {
            Self::Uac => "uac",
            Self::Uas => "uas",
        }
    }
}

/// How long the session lives without a refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionExpires {
    /// Seconds.
    pub seconds: u32,
    /// Who refreshes, where that is said.
    pub refresher: Option<Refresher>,
}

impl TypedHeader for SessionExpires {
    const NAME: &'static str = name::SESSION_EXPIRES;

    fn parse_value(text: &str) -> Result<Self, ParseError> {
        let (seconds, params) = delta_seconds(text)?;
        let refresher = match params.raw("refresher") {
            Some(side) if side.eq_ignore_ascii_case("uac") => Some(Refresher::Uac),
            Some(side) if side.eq_ignore_ascii_case("uas") => Some(Refresher::Uas),
            _ => None,
        };
        Ok(Self { seconds, refresher })
    }
}

impl fmt::Display for SessionExpires {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.seconds.fmt(f)?;
        self.refresher.map_or(Ok(()), |side| write!(f, ";refresher={}", side.as_str()))
    }
}

/// The shortest Session-Expires that somebody on the way takes, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinSe(pub u32);

impl TypedHeader for MinSe {
    const NAME: &'static str = name::MIN_SE;

    fn parse_value(text: &str) -> Result<Self, ParseError> {
        Ok(Self(delta_seconds(text)?.0))
    }
}

impl fmt::Display for MinSe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Digits and parameters; numbers too large to count are cut to the largest.
fn delta_seconds(text: &str) -> Result<(u32, Params), ParseError> {
    let end = text.find(';').unwrap_or(text.len());
    let digits = text[..end].trim_matches(is_space);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ParseError::new("not a number of seconds", text, 0));
    }
    Ok((digits.parse().unwrap_or(u32::MAX), Params::parse_header(&text[end..])?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_refresher() {
        let table = [
            ("1800", 1800, None),
            ("90;refresher=UAC", 90, Some(Refresher::Uac)),
            ("90 ; refresher = uas;x", 90, Some(Refresher::Uas)),
            ("99999999999;refresher=me", u32::MAX, None),
        ];
        for (text, seconds, refresher) in table {
            assert_eq!(
                SessionExpires::parse_value(text),
                Ok(SessionExpires { seconds, refresher }),
                "{text}"
            );
        }
        assert_eq!(
            SessionExpires { seconds: 90, refresher: Some(Refresher::Uas) }.to_string(),
            "90;refresher=uas"
        );
        assert_eq!(MinSe::parse_value("120;x=y"), Ok(MinSe(120)));
        for broken in ["", "-1", "x", ";refresher=uac", "9 9"] {
            assert!(SessionExpires::parse_value(broken).is_err(), "{broken}");
        }
    }
}
