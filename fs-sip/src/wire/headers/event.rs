//! Event (RFC 6665 section 8.2.1).

use std::fmt;

use super::{TypedHeader, name};
use crate::error::ParseError;
use crate::wire::{Params, is_token};

/// Which package of events, and, where a dialog has several subscriptions,
/// which of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventType {
    /// `presence`, `message-summary`, `presence.winfo` …
    pub package: String,
    /// `id` and others.
    pub params: Params,
}

impl EventType {
    /// Do both name the same subscription? Packages are compared byte by
    /// byte, of the parameters only `id` counts (RFC 6665 section 8.2.1).
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.package == other.package && self.params.raw("id") == other.params.raw("id")
    }
}

impl TypedHeader for EventType {
    const NAME: &'static str = name::EVENT;

    fn parse_value(text: &str) -> Result<Self, ParseError> {
        let end = text.find(';').unwrap_or(text.len());
        let package = text[..end].trim();
        if !is_token(package) {
            return Err(ParseError::new("event package is not a token", text, 0));
        }
        Ok(Self { package: package.to_owned(), params: Params::parse_header(&text[end..])? })
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.package, self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str) -> EventType {
        EventType::parse_value(text).expect(text)
    }

    #[test]
    fn the_id_counts_and_the_package_is_a_token() {
        assert!(event("presence").matches(&event("presence;foo=1")));
        assert!(event("refer;id=7").matches(&event("refer ; id=7")));
        assert!(!event("refer;id=7").matches(&event("refer")));
        assert!(!event("presence").matches(&event("presence.winfo")));
        for text in ["", ";id=1", "two words", "a,b"] {
            assert!(EventType::parse_value(text).is_err(), "{text}");
        }
    }
}
