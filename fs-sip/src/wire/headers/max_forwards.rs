//! Max-Forwards (RFC 3261 section 20.22).

use std::fmt;

use super::{TypedHeader, name};
use crate::error::ParseError;

/// How many proxies may still forward the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxForwards(pub u8);

impl TypedHeader for MaxForwards {
    const NAME: &'static str = name::MAX_FORWARDS;

    fn parse_value(text: &str) -> Result<Self, ParseError> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let value = text.parse().ok().filter(|_| digits);
        value.map(Self).ok_or_else(|| ParseError::new("Max-Forwards is not from 0 to 255", text, 0))
    }
}

impl fmt::Display for MaxForwards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
