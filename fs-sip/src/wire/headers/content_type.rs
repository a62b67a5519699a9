//! Content-Type (RFC 3261 section 20.15).

use std::fmt;

use super::{TypedHeader, name};
use crate::error::ParseError;
use crate::wire::params::{Params, is_space, is_token};

/// `type/subtype;parameters`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentType {
    /// `application`, `multipart` …, as written.
    pub kind: String,
    /// `sdp`, `mixed` …, as written.
    pub subtype: String,
    /// `charset`, `boundary` …
    pub params: Params,
}

impl ContentType {
    /// Is it this type (in any case, parameters aside)?
    #[must_use]
    pub fn is(&self, media_type: &str) -> bool {
        media_type.split_once('/').is_some_and(|(kind, subtype)| {
            self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
        })
    }
}

impl TypedHeader for ContentType {
    const NAME: &'static str = name::CONTENT_TYPE;

    fn parse_value(text: &str) -> Result<Self, ParseError> {
        let end = text.find(';').unwrap_or(text.len());
        let broken = || ParseError::new("media type is not type/subtype", text, 0);
        let (kind, subtype) = text[..end].split_once('/').ok_or_else(broken)?;
        let (kind, subtype) = (kind.trim_matches(is_space), subtype.trim_matches(is_space));
        if !is_token(kind) || !is_token(subtype) {
            return Err(broken());
        }
        let params = Params::parse_header(&text[end..])?;
        Ok(Self { kind: kind.to_owned(), subtype: subtype.to_owned(), params })
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}{}", self.kind, self.subtype, self.params)
    }
}
