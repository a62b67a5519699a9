//! Replaces (RFC 3891 section 6.1).

use std::fmt;

use super::{TypedHeader, name};
use crate::error::ParseError;
use crate::wire::params::{Params, is_space};

/// The dialog that a new call takes the place of, as its owner names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaces {
    /// Call-ID.
    pub call_id: String,
    /// The tag of who receives this header.
    pub to_tag: String,
    /// The tag of the other side.
    pub from_tag: String,
    /// Only if it is not answered yet.
    pub early_only: bool,
}

impl TypedHeader for Replaces {
    const NAME: &'static str = name::REPLACES;

    fn parse_value(text: &str) -> Result<Self, ParseError> {
        let end = text.find(';').unwrap_or(text.len());
        let call_id = text[..end].trim_matches(is_space);
        let params = Params::parse_header(&text[end..])?;
        let tag = |name| params.raw(name).filter(|t| !t.is_empty()).map(str::to_owned);
        let (Some(to_tag), Some(from_tag)) = (tag("to-tag"), tag("from-tag")) else {
            return Err(ParseError::new("Replaces needs one to-tag and one from-tag", text, 0));
        };
        let twice = |name: &str| params.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).count() > 1;
        if call_id.is_empty() || call_id.contains(is_space) || twice("to-tag") || twice("from-tag") {
            return Err(ParseError::new("Replaces does not name one dialog", text, 0));
        }
        let early_only = params.contains("early-only");
        Ok(Self { call_id: call_id.to_owned(), to_tag, from_tag, early_only })
    }
}

impl fmt::Display for Replaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};to-tag={};from-tag={}", self.call_id, self.to_tag, self.from_tag)?;
        if self.early_only { f.write_str(";early-only") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_section_6_1() {
        let one =
            Replaces::parse_value("98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff").expect("read");
        assert_eq!(
            (one.to_tag.as_str(), one.from_tag.as_str(), one.early_only),
            ("ff87ff", "r33th4x0r", false)
        );
        let two =
            Replaces::parse_value("12adf2f34456gs5;to-tag=12345;from-tag=54321;early-only").expect("read");
        assert!(two.early_only);
        assert_eq!(Replaces::parse_value(&two.to_string()), Ok(two));
        for broken in [
            "",
            "a;to-tag=1",
            ";to-tag=1;from-tag=2",
            "a;to-tag=1;to-tag=3;from-tag=2",
            "a b;to-tag=1;from-tag=2",
        ] {
            assert!(Replaces::parse_value(broken).is_err(), "{broken}");
        }
    }
}
