//! Reason (RFC 3326): why a request was sent.

use std::fmt;

use super::{TypedHeader, name};
use crate::error::ParseError;
use crate::wire::{Params, default_reason, is_token};

/// Why a BYE or CANCEL was sent, or (RFC 6432) why a call was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// `SIP`, `Q.850` or another.
    pub protocol: String,
    /// A status of SIP, or the cause of that protocol.
    pub cause: Option<u16>,
    /// In words.
    pub text: Option<String>,
}

impl Reason {
    /// A reason of SIP.
    #[must_use]
    pub fn sip(cause: u16, text: impl Into<String>) -> Self {
        Self { protocol: "SIP".to_owned(), cause: Some(cause), text: Some(text.into()) }
    }

    /// The reason in words: its own, or those of its status.
    #[must_use]
    pub fn words(&self) -> String {
        let known = self.cause.filter(|_| self.protocol.eq_ignore_ascii_case("SIP")).map(default_reason);
        match (&self.text, known) {
            (Some(text), _) => text.clone(),
            (None, Some(known)) if !known.is_empty() => known.to_owned(),
            (None, _) => self.to_string(),
        }
    }
}

impl TypedHeader for Reason {
    const NAME: &'static str = name::REASON;

    fn parse_value(text: &str) -> Result<Self, ParseError> {
        let end = text.find(';').unwrap_or(text.len());
        let protocol = text[..end].trim();
        if !is_token(protocol) {
            return Err(ParseError::new("Reason begins with no protocol", text, 0));
        }
        let params = Params::parse_header(&text[end..])?;
        let cause = match params.raw("cause").map(str::parse) {
            None => None,
            Some(Ok(cause)) => Some(cause),
            Some(Err(_)) => return Err(ParseError::new("cause is not a number", text, 0)),
        };
        let text = params.value("text").map(|text| text.into_owned());
        Ok(Self { protocol: protocol.to_owned(), cause, text })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.protocol)?;
        if let Some(cause) = self.cause {
            write!(f, ";cause={cause}")?;
        }
        let Some(text) = &self.text else { return Ok(()) };
        f.write_str(";text=\"")?;
        for c in text.chars().filter(|c| !c.is_control()) {
            if matches!(c, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        f.write_str("\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for text in [
            "SIP;cause=200;text=\"Call completed elsewhere\"",
            "Q.850;cause=16;text=\"Terminated\"",
            "SIP;cause=580",
            "preemption",
        ] {
            assert_eq!(Reason::parse_value(text).expect("a reason").to_string(), text);
        }
        let odd = Reason::sip(500, "a \"b\" \\ c\r\nX: y");
        let read = Reason::parse_value(&odd.to_string()).expect("a reason");
        assert_eq!(read.text.as_deref(), Some("a \"b\" \\ cX: y"));
    }

    #[test]
    fn words_are_its_own_or_those_of_the_status() {
        let words = |text: &str| Reason::parse_value(text).expect("a reason").words();
        assert_eq!(words("SIP;cause=200;text=\"elsewhere\""), "elsewhere");
        assert_eq!(words("SIP;cause=486"), "Busy Here");
        assert_eq!(words("Q.850;cause=16"), "Q.850;cause=16");
        for wrong in ["", ";cause=1", "SIP;cause=x", "a b;cause=1"] {
            assert!(Reason::parse_value(wrong).is_err(), "{wrong}");
        }
    }
}
