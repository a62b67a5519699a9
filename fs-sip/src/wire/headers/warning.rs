//! Warning (RFC 3261 section 20.43).

use std::fmt;

use super::{TypedHeader, name};
use crate::error::ParseError;
use crate::wire::params::{quote, quoted_end, unquote};

/// What somebody says about a response of its own, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// What it is about: 300 to 399.
    pub code: u16,
    /// Who says it: a host, or a name that it calls itself.
    pub agent: String,
    /// What it says.
    pub text: String,
}

impl TypedHeader for Warning {
    const NAME: &'static str = name::WARNING;

    fn parse_value(text: &str) -> Result<Self, ParseError> {
        let wrong = || ParseError::new("Warning is not code, agent and quoted text", text, 0);
        let (code, rest) = text.trim().split_once(' ').ok_or_else(wrong)?;
        let code = code.parse().ok().filter(|code| (100..1000).contains(code)).ok_or_else(wrong)?;
        let (agent, rest) = rest.trim_start().split_once(' ').ok_or_else(wrong)?;
        let quoted = rest.trim();
        if !quoted.starts_with('"') || quoted_end(quoted) != Some(quoted.len()) {
            return Err(wrong());
        }
        Ok(Self { code, agent: agent.to_owned(), text: unquote(quoted).into_owned() })
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.code, self.agent, quote(&self.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc() {
        for (line, code, agent, text) in [
            (
                "307 isi.edu \"Session parameter 'foo' not understood\"",
                307,
                "isi.edu",
                "Session parameter 'foo' not understood",
            ),
            (
                "301 isi.edu \"Incompatible network address type 'E.164'\"",
                301,
                "isi.edu",
                "Incompatible network address type 'E.164'",
            ),
            ("399 192.0.2.1:5060  \"a \\\"b\\\\c\"", 399, "192.0.2.1:5060", "a \"b\\c"),
        ] {
            let warning = Warning::parse_value(line).expect("a warning");
            assert_eq!((warning.code, warning.agent.as_str(), warning.text.as_str()), (code, agent, text));
            assert_eq!(Warning::parse_value(&warning.to_string()), Ok(warning));
        }
        for wrong in [
            "",
            "307",
            "307 x",
            "x y \"z\"",
            "307 x z",
            "307 x \"z",
            "307 x \"z\"\"",
            "307 x \"z\\\"",
            "7 x \"\"",
        ] {
            assert!(Warning::parse_value(wrong).is_err(), "{wrong}");
        }
    }
}
