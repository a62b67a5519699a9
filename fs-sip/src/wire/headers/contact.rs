//! Contact (RFC 3261 section 20.10).

use std::fmt;

use super::{TypedHeader, name};
use crate::error::ParseError;
use crate::wire::NameAddr;

/// One Contact value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contact {
    /// `*`: all bindings, in a REGISTER that removes them.
    Any,
    /// An address.
    Address(NameAddr),
}

impl Contact {
    /// The address, unless it is `*`.
    #[must_use]
    pub fn address(&self) -> Option<&NameAddr> {
        match self {
            Self::Any => None,
            Self::Address(address) => Some(address),
        }
    }
}

impl TypedHeader for Contact {
    const NAME: &'static str = name::CONTACT;

    fn parse_value(text: &str) -> Result<Self, ParseError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        NameAddr::parse(text).map(Self::Address)
    }
}

impl fmt::Display for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Address(address) => address.fmt(f),
        }
    }
}
