//! Name-addr and addr-spec with header parameters: the form of From, To,
//! Contact, Route and others (RFC 3261 section 20.10).

use std::fmt;
use std::str::FromStr;

use super::params::{Params, is_space, is_token_byte, quote, quoted_end, unquote};
use super::uri::Uri;
use crate::error::ParseError;

/// `"Display name" <uri>;parameters`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NameAddr {
    /// The display name without its quotes, if one is given.
    pub display_name: Option<String>,
    /// The address.
    pub uri: Uri,
    /// Header parameters, such as `tag`.
    pub params: Params,
}

impl NameAddr {
    /// An address without display name and parameters.
    #[must_use]
    pub fn new(uri: Uri) -> Self {
        Self { display_name: None, uri, params: Params::new() }
    }

    /// Reads one value (no comma-separated list).
    ///
    /// # Errors
    /// When quotes or brackets are unbalanced or the URI is broken.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let trimmed = text.trim_matches(is_space);
        let (display_name, rest) = split_display_name(trimmed)?;
        let Some(bracketed) = rest.strip_prefix('<') else {
            return Self::parse_addr_spec(trimmed);
        };
        let end = bracketed.find('>').ok_or_else(|| ParseError::new("'<' without '>'", rest, 0))?;
        let uri = Uri::parse(&bracketed[..end])?;
        let params = Params::parse_header(&bracketed[end + 1..])?;
        Ok(Self { display_name, uri, params })
    }

    /// The `tag` parameter.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.params.raw("tag").filter(|tag| !tag.is_empty())
    }

    /// The same address with this tag.
    #[must_use]
    pub fn with_tag(mut self, tag: &str) -> Self {
        self.params.set("tag", Some(tag));
        self
    }

    /// Without brackets everything behind the first `;` belongs to the
    /// header, and `?` and `,` are not allowed (RFC 3261 section 20).
    fn parse_addr_spec(text: &str) -> Result<Self, ParseError> {
        let at = text.find('@').unwrap_or(0);
        let semicolon = text[at..].find(';').map_or(text.len(), |i| at + i);
        // A ';' in front of the '@' can only be part of the user where
        // brackets are missing: the grammar forbids it, so it ends the URI.
        let semicolon = text.find(';').map_or(semicolon, |i| i.min(semicolon));
        let (uri, params) = text.split_at(semicolon);
        if let Some(bad) = uri.find(['?', ',']) {
            return Err(ParseError::new("URI with '?' or ',' needs '<' and '>'", uri, bad));
        }
        let uri = Uri::parse(uri.trim_end_matches(is_space))?;
        Ok(Self { display_name: None, uri, params: Params::parse_header(params)? })
    }
}

impl FromStr for NameAddr {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

impl From<Uri> for NameAddr {
    fn from(uri: Uri) -> Self {
        Self::new(uri)
    }
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.display_name {
            write!(f, "{} ", quote(name))?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

/// Takes the display name off, when one is there: a quoted string or tokens
/// up to `<`.
fn split_display_name(text: &str) -> Result<(Option<String>, &str), ParseError> {
    if text.starts_with('"') {
        let end = quoted_end(text).ok_or_else(|| ParseError::new("unbalanced quotes", text, 0))?;
        let rest = text[end..].trim_start_matches(is_space);
        if !rest.starts_with('<') {
            return Err(ParseError::new("expected '<' behind the display name", rest, end));
        }
        return Ok((Some(unquote(&text[..end]).into_owned()), rest));
    }
    let Some(open) = text.find('<') else { return Ok((None, text)) };
    let name = text[..open].trim_end_matches(is_space);
    let token_or_space = |b: u8| is_token_byte(b) || b == b' ' || b == b'\t' || b >= 0x80;
    if !name.bytes().all(token_or_space) {
        return Err(ParseError::new("display name needs quotes", name, 0));
    }
    let name = (!name.is_empty()).then(|| name.to_owned());
    Ok((name, &text[open..]))
}
