//! Parameter lists: `;name=value;flag` of URIs and headers.

use std::borrow::Cow;
use std::fmt;

use crate::error::ParseError;

/// Parameters in their order, values as written (quotes and escapes kept).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Params(Vec<(String, Option<String>)>);

impl Params {
    /// No parameters.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) const fn empty() -> Self {
        Self(Vec::new())
    }

    /// Reads header parameters: `text` is empty or begins with `;`, white
    /// space is allowed around `;` and `=`, a value is a token, a host or a
    /// quoted string.
    ///
    /// # Errors
    /// On an empty name, an unbalanced quote or a byte no value may hold.
    pub fn parse_header(text: &str) -> Result<Self, ParseError> {
        let mut list = Vec::new();
        let mut rest = text.trim_matches(is_space);
        while !rest.is_empty() {
            let at = text.len() - rest.len();
            rest = match rest.strip_prefix(';') {
                Some(rest) => rest.trim_start_matches(is_space),
                None => return Err(ParseError::new("expected ';' before a parameter", rest, at)),
            };
            let name_end = rest.find(|c: char| c == ';' || c == '=' || is_space(c)).unwrap_or(rest.len());
            let (name, after) = rest.split_at(name_end);
            if !is_token(name) {
                return Err(ParseError::new("parameter name is not a token", rest, at));
            }
            rest = after.trim_start_matches(is_space);
            let mut value = None;
            if let Some(after) = rest.strip_prefix('=') {
                let after = after.trim_start_matches(is_space);
                let end = header_value_end(after)
                    .ok_or_else(|| ParseError::new("parameter value is broken", after, at))?;
                value = Some(after[..end].to_owned());
                rest = after[end..].trim_start_matches(is_space);
            }
            list.push((name.to_owned(), value));
        }
        Ok(Self(list))
    }

    /// Reads URI parameters (no white space, no quotes).
    ///
    /// # Errors
    /// On an empty name or a byte that must be escaped.
    pub fn parse_uri(text: &str) -> Result<Self, ParseError> {
        let mut list = Vec::new();
        let Some(inner) = text.strip_prefix(';') else {
            return if text.is_empty() { Ok(Self(list)) } else { Err(expected_semicolon(text)) };
        };
        for part in inner.split(';') {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (part, None),
            };
            if name.is_empty() || !is_uri_param(name) || !value.is_none_or(is_uri_param) {
                return Err(ParseError::new("URI parameter is broken", part, 0));
            }
            list.push((name.to_owned(), value.map(str::to_owned)));
        }
        Ok(Self(list))
    }

    /// Is there a parameter of this name (in any case)?
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    /// The value as written; `Some("")` for a parameter without a value.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.position(name).map(|i| self.0[i].1.as_deref().unwrap_or_default())
    }

    /// The value without quotes.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<Cow<'_, str>> {
        self.raw(name).map(unquote)
    }

    /// Sets or replaces a parameter. `value` must be a token, a host or an
    /// already quoted string.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let value = value.map(str::to_owned);
        match self.position(name) {
            Some(i) => self.0[i].1 = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Removes a parameter.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }

    /// All parameters in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v.as_deref()))
    }

    /// Are there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|(n, _)| match n.contains('%') {
            true => unescape(n).eq_ignore_ascii_case(name),
            false => n.eq_ignore_ascii_case(name),
        })
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.0 {
            match value {
                Some(value) => write!(f, ";{name}={value}")?,
                None => write!(f, ";{name}")?,
            }
        }
        Ok(())
    }
}

/// Linear white space of one unfolded line.
pub(crate) fn is_space(c: char) -> bool {
    c == ' ' || c == '\t'
}

/// `token` of RFC 3261 section 25.1.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

pub(crate) fn is_token_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric()
        || matches!(b, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

/// End of a quoted string that starts `text` (behind the closing quote).
pub(crate) fn quoted_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    debug_assert_eq!(bytes.first(), Some(&b'"'));
    let mut i = 1;
    while i < bytes.len() {
        match bytes[i] {
            b'"' => return Some(i + 1),
            b'\\' => i += 2,
            _ => i += 1,
        }
    }
    None
}

/// Takes the quotes and backslashes off a quoted string; other text is
/// returned as it is.
pub(crate) fn unquote(text: &str) -> Cow<'_, str> {
    let Some(inner) = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) else {
        return Cow::Borrowed(text);
    };
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    Cow::Owned(out)
}

/// Puts `text` into quotes, escaping what must be.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\r' | '\n' => out.push(' '),
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

fn header_value_end(text: &str) -> Option<usize> {
    if text.starts_with('"') {
        return quoted_end(text);
    }
    let ok = |c: char| {
        c.is_ascii() && is_token_byte(c as u8)
            || matches!(
                c,
                '[' | ']' | ':' | '/' | '@' | '$' | '&' | '?' | '#' | '|' | '(' | ')' | '{' | '}' | '^' | '='
            )
    };
    let end = text.find(|c: char| c == ';' || is_space(c)).unwrap_or(text.len());
    (end > 0 && text[..end].chars().all(ok)).then_some(end)
}

fn is_uri_param(text: &str) -> bool {
    escapes_are_whole(text)
        && text.bytes().all(|b| {
            b.is_ascii_alphanumeric()
                || matches!(b, b'[' | b']' | b'/' | b':' | b'&' | b'+' | b'$' | b'%' | b'-' | b'_' | b'.')
                || matches!(b, b'!' | b'~' | b'*' | b'\'' | b'(' | b')' | b'=' | b'`')
        })
}

/// Is every `%` followed by two hexadecimal digits?
pub(crate) fn escapes_are_whole(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes
        .iter()
        .enumerate()
        .filter(|(_, b)| **b == b'%')
        .all(|(i, _)| bytes.get(i + 1..i + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)))
}

/// Decodes `%` escapes; a `%` without two digits stays.
pub(crate) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = bytes.get(i + 1..i + 3).and_then(|h| std::str::from_utf8(h).ok());
        match (bytes[i], hex.and_then(|h| u8::from_str_radix(h, 16).ok())) {
            (b'%', Some(value)) => {
                out.push(value);
                i += 3;
            }
            (b, _) => {
                out.push(b);
                i += 1;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

fn expected_semicolon(text: &str) -> ParseError {
    ParseError::new("expected ';' before a URI parameter", text, 0)
}
