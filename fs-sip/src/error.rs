//! Errors of the pure layers, sorted by fault.
//!
//! [`ParseError`] says what a peer (or a caller) wrote wrongly and where;
//! [`ParseError::status_code`] is the only place that turns it into a SIP
//! status.

use std::fmt;

use crate::limits;

/// Something that does not follow the SIP grammar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    what: &'static str,
    found: String,
    offset: usize,
    status: u16,
}

impl ParseError {
    /// `what` was expected or broken, `found` is what stood there (cut to a
    /// short excerpt), `offset` its byte position in the parsed text.
    #[must_use]
    pub fn new(what: &'static str, found: impl AsRef<[u8]>, offset: usize) -> Self {
        Self { what, found: excerpt(found.as_ref()), offset, status: 400 }
    }

    /// The same fault, answered with another status than 400.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// What was wrong, in words.
    #[must_use]
    pub fn what(&self) -> &'static str {
        self.what
    }

    /// The beginning of the text that was found there.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.found
    }

    /// Byte offset in the text given to the parser.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The SIP status that answers a request with this fault.
    #[must_use]
    pub fn status_code(&self) -> u16 {
        self.status
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}: {:?}", self.what, self.offset, self.found)
    }
}

impl std::error::Error for ParseError {}

/// A printable beginning of `bytes`, at most [`limits::EXCERPT`] bytes of it.
fn excerpt(bytes: &[u8]) -> String {
    let end = bytes.len().min(limits::EXCERPT);
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}
