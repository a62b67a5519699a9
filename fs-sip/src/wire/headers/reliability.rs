//! RSeq and RAck (RFC 3262 section 7): reliable provisional responses.

use std::fmt;

use super::{TypedHeader, name};
use crate::error::ParseError;
use crate::wire::Method;
use crate::wire::params::is_space;

/// The number of a reliable provisional response; at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RSeq(pub u32);

impl TypedHeader for RSeq {
    const NAME: &'static str = name::RSEQ;

    fn parse_value(text: &str) -> Result<Self, ParseError> {
        response_number(text).map(Self)
    }
}

impl fmt::Display for RSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which provisional response a PRACK acknowledges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RAck {
    /// RSeq of the response.
    pub response: u32,
    /// CSeq number of the request that it answers.
    pub cseq: u32,
    /// The method of that request.
    pub method: Method,
}

impl TypedHeader for RAck {
    const NAME: &'static str = name::RACK;

    fn parse_value(text: &str) -> Result<Self, ParseError> {
        let mut parts = text.split(is_space).filter(|p| !p.is_empty());
        let (Some(response), Some(cseq), Some(method), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(ParseError::new("RAck is not two numbers and a method", text, 0));
        };
        Ok(Self { response: response_number(response)?, cseq: number(cseq)?, method: Method::parse(method)? })
    }
}

impl fmt::Display for RAck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.response, self.cseq, self.method)
    }
}

fn response_number(text: &str) -> Result<u32, ParseError> {
    number(text)
        .ok()
        .filter(|n| *n > 0)
        .ok_or_else(|| ParseError::new("response number is not 1 to 2^32-1", text, 0))
}

fn number(text: &str) -> Result<u32, ParseError> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = if digits { text.parse().ok() } else { None };
    number.ok_or_else(|| ParseError::new("not a number below 2^32", text, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_method() {
        let rack = RAck { response: 776_656, cseq: 1, method: Method::Invite };
        assert_eq!(RAck::parse_value("776656  1\tINVITE"), Ok(rack.clone()));
        assert_eq!(rack.to_string(), "776656 1 INVITE");
        for broken in ["", "1 1", "0 1 INVITE", "1 -1 INVITE", "1 1 INVITE x", "4294967296 1 INVITE"] {
            assert!(RAck::parse_value(broken).is_err(), "{broken}");
        }
        assert_eq!(RSeq::parse_value("4294967295"), Ok(RSeq(u32::MAX)));
        assert!(RSeq::parse_value("0").is_err() && RSeq::parse_value("1x").is_err());
    }
}
