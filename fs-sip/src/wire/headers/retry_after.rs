//! Retry-After (RFC 3261 section 20.33).

use std::fmt;

use super::{TypedHeader, name};
use crate::error::ParseError;
use crate::wire::Params;

/// When to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryAfter {
    /// In so many seconds.
    pub seconds: u32,
    /// For how many seconds it will then go well.
    pub duration: Option<u32>,
}

impl TypedHeader for RetryAfter {
    const NAME: &'static str = name::RETRY_AFTER;

    fn parse_value(text: &str) -> Result<Self, ParseError> {
        let wrong = || ParseError::new("Retry-After is no number of seconds", text, 0);
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let seconds = text[..digits].parse().map_err(|_| wrong())?;
        let rest = text[digits..].trim_start();
        // What stands in brackets is for people.
        let rest = match rest.strip_prefix('(') {
            Some(comment) => comment.rsplit_once(')').ok_or_else(wrong)?.1.trim_start(),
            None => rest,
        };
        let params = Params::parse_header(rest)?;
        let duration = params.raw("duration").and_then(|d| d.parse().ok());
        Ok(Self { seconds, duration })
    }
}

impl fmt::Display for RetryAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.seconds)?;
        self.duration.map_or(Ok(()), |duration| write!(f, ";duration={duration}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc() {
        for (text, seconds, duration) in [
            ("18000;duration=3600", 18000, Some(3600)),
            ("120 (I'm in a (long) meeting)", 120, None),
            ("0", 0, None),
        ] {
            assert_eq!(RetryAfter::parse_value(text), Ok(RetryAfter { seconds, duration }), "{text}");
        }
        for wrong in ["", "soon", "-1", "99999999999", "1 (", "1 x"] {
            assert!(RetryAfter::parse_value(wrong).is_err(), "{wrong}");
        }
    }
}
