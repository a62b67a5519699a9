//! Privacy (RFC 3323 section 4.2, RFC 3325 section 9.3).

use std::fmt;

use super::{TypedHeader, name};
use crate::error::ParseError;
use crate::wire::is_token;

/// What a caller does not want to be told on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Privacy(
    /// `header`, `session`, `user`, `id`, `none`, `critical`, in small letters.
    pub Vec<String>,
);

impl Privacy {
    /// Is this asked for?
    #[must_use]
    pub fn asks_for(&self, what: &str) -> bool {
        self.0.iter().any(|value| value.eq_ignore_ascii_case(what))
    }
}

impl TypedHeader for Privacy {
    const NAME: &'static str = name::PRIVACY;

    fn parse_value(text: &str) -> Result<Self, ParseError> {
        let values: Vec<String> = text.split(';').map(|v| v.trim().to_ascii_lowercase()).collect();
        match values.iter().all(|value| is_token(value)) {
            true => Ok(Self(values)),
            false => Err(ParseError::new("Privacy is no list of words", text, 0)),
        }
    }
}

impl fmt::Display for Privacy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(";"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_any_case() {
        let privacy = Privacy::parse_value("ID; user ;critical").expect("privacy");
        assert_eq!(privacy.to_string(), "id;user;critical");
        assert!(privacy.asks_for("id") && !privacy.asks_for("none"));
        for wrong in ["", "id;", "a b"] {
            assert!(Privacy::parse_value(wrong).is_err(), "{wrong}");
        }
    }
}
