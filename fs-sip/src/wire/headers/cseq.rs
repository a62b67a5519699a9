//! CSeq (RFC 3261 section 20.16).

use std::fmt;

use super::{TypedHeader, name};
use crate::error::ParseError;
use crate::limits;
use crate::wire::Method;
use crate::wire::params::is_space;

/// Sequence number and method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CSeq {
    /// At most [`limits::MAX_CSEQ`].
    pub number: u32,
    /// The method of the request, or of the request that is answered.
    pub method: Method,
}

impl TypedHeader for CSeq {
    const NAME: &'static str = name::CSEQ;

    fn parse_value(text: &str) -> Result<Self, ParseError> {
        let (digits, method) = text
            .split_once(is_space)
            .ok_or_else(|| ParseError::new("CSeq is not number and method", text, 0))?;
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ParseError::new("CSeq number is not a number", text, 0));
        }
        let number = digits.parse().ok().filter(|n| *n <= limits::MAX_CSEQ);
        let number = number.ok_or_else(|| ParseError::new("CSeq number is not below 2^31", text, 0))?;
        Ok(Self { number, method: Method::parse(method.trim_start_matches(is_space))? })
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}
