//! Require, Supported (option tags) and Accept (media ranges).

use std::fmt;

use super::{Headers, TypedHeader, name};
use crate::error::ParseError;
use crate::wire::params::{is_space, is_token};

macro_rules! option_tag {
    ($(#[$doc:meta])* $type:ident, $name:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $type(pub String);

        impl TypedHeader for $type {
            const NAME: &'static str = $name;

            fn parse_value(text: &str) -> Result<Self, ParseError> {
                // An empty list is legal and means no tag at all.
                if !text.is_empty() && !is_token(text) {
                    return Err(ParseError::new("option tag is not a token", text, 0));
                }
                Ok(Self(text.to_owned()))
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

option_tag!(
    /// One option tag the receiver must understand (RFC 3261 section 20.32);
    /// empty for an empty header.
    Require,
    name::REQUIRE
);
option_tag!(
    /// One option tag the sender understands (RFC 3261 section 20.37); empty
    /// for an empty header.
    Supported,
    name::SUPPORTED
);

/// Does this header (Supported, Require) hold the option tag?
#[must_use]
pub fn has_option(headers: &Headers, name: &str, tag: &str) -> bool {
    headers.all(name).any(|h| h.value().eq_ignore_ascii_case(tag.as_bytes()))
}

/// One media range of Accept (RFC 3261 section 20.1), parameters cut off; empty
/// for an empty header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accept(pub String);

impl Accept {
    /// Does this range cover a type such as `application/sdp`?
    #[must_use]
    pub fn covers(&self, media_type: &str) -> bool {
        let (Some((kind, subtype)), Some((k, s))) = (self.0.split_once('/'), media_type.split_once('/'))
        else {
            return false;
        };
        (kind == "*" || kind.eq_ignore_ascii_case(k)) && (subtype == "*" || subtype.eq_ignore_ascii_case(s))
    }
}

impl TypedHeader for Accept {
    const NAME: &'static str = name::ACCEPT;

    fn parse_value(text: &str) -> Result<Self, ParseError> {
        let range = text.split(';').next().unwrap_or_default().trim_matches(is_space);
        Ok(Self(range.to_owned()))
    }
}

impl fmt::Display for Accept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
