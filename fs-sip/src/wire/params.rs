//! Parameter lists: `;name=value;flag` of URIs and headers.

use std::borrow::Cow;
use std::fmt;

use crate::error::ParseError;

/// Parameters in their order, values as written (quotes and escapes kept).
/// One text holds them all: `;name=value;flag`, without white space between.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Params(String);

impl Params {
    /// No parameters.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) const fn empty() -> Self {
        Self(String::new())
    }

    /// Reads header parameters: `text` is empty or begins with `;`, white
    /// space is allowed around `;` and `=`, a value is a token, a host or a
    /// quoted string.
    ///
    /// # Errors
    /// On an empty name, an unbalanced quote or a byte no value may hold.
    pub fn parse_header(text: &str) -> Result<Self, ParseError> {
        let mut rest = text.trim_matches(is_space);
        let mut list = String::with_capacity(rest.len());
        while !rest.is_empty() {
            let at = text.len() - rest.len();
            rest = match rest.strip_prefix(';') {
                Some(rest) => rest.trim_start_matches(is_space),
                None => return Err(ParseError::new("expected ';' before a parameter", rest, at)),
            };
            let name_end = rest.bytes().position(|b| matches!(b, b';' | b'=' | b' ' | b'\t'));
            let (name, after) = rest.split_at(name_end.unwrap_or(rest.len()));
            if !is_token(name) {
                return Err(ParseError::new("parameter name is not a token", rest, at));
            }
            list.push(';');
            list.push_str(name);
            rest = after.trim_start_matches(is_space);
            if let Some(after) = rest.strip_prefix('=') {
                let after = after.trim_start_matches(is_space);
                let end = header_value_end(after)
                    .ok_or_else(|| ParseError::new("parameter value is broken", after, at))?;
                list.push('=');
                list.push_str(&after[..end]);
                rest = after[end..].trim_start_matches(is_space);
            }
        }
        Ok(Self(list))
    }

    /// Reads URI parameters (no white space, no quotes).
    ///
    /// # Errors
    /// On an empty name or a byte that must be escaped.
    pub fn parse_uri(text: &str) -> Result<Self, ParseError> {
        let Some(inner) = text.strip_prefix(';') else {
            return if text.is_empty() { Ok(Self::new()) } else { Err(expected_semicolon(text)) };
        };
        for part in inner.split(';') {
            let (name, value) = split_param(part);
            if name.is_empty() || !is_uri_param(name) || !value.is_none_or(is_uri_param) {
                return Err(ParseError::new("URI parameter is broken", part, 0));
            }
        }
        Ok(Self(text.to_owned()))
    }

    /// Is there a parameter of this name (in any case)?
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// The value as written; `Some("")` for a parameter without a value.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.iter().find(|(n, _)| is_named(n, name)).map(|(_, value)| value.unwrap_or_default())
    }

    /// The value without quotes.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<Cow<'_, str>> {
        self.raw(name).map(unquote)
    }

    /// Sets or replaces a parameter. `value` must be a token, a host or an
    /// already quoted string.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let mut list = String::with_capacity(self.0.len() + name.len() + value.map_or(0, str::len) + 2);
        let mut found = false;
        for (old, kept) in self.iter() {
            let here = !found && is_named(old, name);
            found |= here;
            push_param(&mut list, old, if here { value } else { kept });
        }
        if !found {
            push_param(&mut list, name, value);
        }
        self.0 = list;
    }

    /// Removes a parameter.
    pub fn remove(&mut self, name: &str) {
        if self.iter().any(|(n, _)| n.eq_ignore_ascii_case(name)) {
            let mut list = String::with_capacity(self.0.len());
            for (kept, value) in self.iter().filter(|(n, _)| !n.eq_ignore_ascii_case(name)) {
                push_param(&mut list, kept, value);
            }
            self.0 = list;
        }
    }

    /// All parameters in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let mut rest = self.0.as_str();
        std::iter::from_fn(move || {
            let inner = rest.strip_prefix(';')?;
            let end = param_end(inner);
            rest = &inner[end..];
            Some(split_param(&inner[..end]))
        })
    }

    /// Are there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn split_param(text: &str) -> (&str, Option<&str>) {
    match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    }
}

fn push_param(list: &mut String, name: &str, value: Option<&str>) {
    list.push(';');
    list.push_str(name);
    if let Some(value) = value {
        list.push('=');
        list.push_str(value);
    }
}

/// Is this the name, in any case and however it is escaped?
fn is_named(written: &str, name: &str) -> bool {
    match written.contains('%') {
        true => unescape(written).eq_ignore_ascii_case(name),
        false => written.eq_ignore_ascii_case(name),
    }
}

/// The end of one parameter: the next `;` that stands in no quotes.
fn param_end(text: &str) -> usize {
    let (bytes, mut quoted, mut i) = (text.as_bytes(), false, 0);
    while let Some(b) = bytes.get(i) {
        match b {
            b'"' => quoted = !quoted,
            b'\\' if quoted => i += 1,
            b';' if !quoted => return i,
            _ => {}
        }
        i += 1;
    }
    text.len()
}

/// One parameter of a header value that was read before, without reading all
/// of it again: those of name-addr and Via stand behind the first `;` outside
/// quotes and brackets. `Some("")` for a parameter without a value.
pub(crate) fn glance<'a>(value: &'a [u8], name: &str) -> Option<&'a str> {
    let (mut quoted, mut bracket, mut i) = (false, false, 0);
    let start = loop {
        match value.get(i)? {
            b'\\' if quoted => i += 1,
            b'"' if !bracket => quoted = !quoted,
            b'<' if !quoted => bracket = true,
            b'>' if !quoted => bracket = false,
            b';' if !quoted && !bracket => break i,
            _ => {}
        }
        i += 1;
    };
    let mut rest = std::str::from_utf8(&value[start..]).ok()?;
    while let Some(inner) = rest.strip_prefix(';') {
        let end = param_end(inner);
        let (written, value) = split_param(&inner[..end]);
        if is_named(written.trim_matches(is_space), name) {
            return Some(value.unwrap_or_default().trim_matches(is_space));
        }
        rest = &inner[end..];
    }
    None
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
    let ok = |b: &u8| {
        is_token_byte(*b)
            || matches!(
                b,
                b'[' | b']'
                    | b':'
                    | b'/'
                    | b'@'
                    | b'$'
                    | b'&'
                    | b'?'
                    | b'#'
                    | b'|'
                    | b'('
                    | b')'
                    | b'{'
                    | b'}'
                    | b'^'
                    | b'='
            )
    };
    let bytes = text.as_bytes();
    let end = bytes.iter().position(|b| matches!(b, b';' | b' ' | b'\t')).unwrap_or(bytes.len());
    (end > 0 && bytes[..end].iter().all(ok)).then_some(end)
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
    if !bytes.contains(&b'%') {
        return true;
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glance_sees_what_reading_sees() {
        for (value, tag) in [
            ("<sip:a@h>;tag=1", Some("1")),
            ("\"a;tag=2 \\\" <\" <sip:a;tag=3@h;tag=4?x=1>;x=\";tag=6\" ; TAG = 7;tag=8", Some("7")),
            ("sip:a@h;x;t%61g=1", Some("1")),
            ("sip:a@h;tag", Some("")),
            ("<sip:a@h>", None),
            ("<sip:a@h;tag=1>;x", None),
        ] {
            assert_eq!(glance(value.as_bytes(), "tag"), tag, "{value}");
            let read = crate::wire::NameAddr::parse(value).expect(value);
            assert_eq!(read.params.raw("tag"), tag, "{value}");
        }
    }

    #[test]
    fn parameters_change_in_their_place() {
        let mut params = Params::parse_header(";a=1 ; b ; c = \";a=2\"").expect("parameters");
        assert_eq!(params.to_string(), ";a=1;b;c=\";a=2\"");
        params.set("B", Some("x"));
        params.set("d", None);
        assert_eq!(params.to_string(), ";a=1;b=x;c=\";a=2\";d");
        params.remove("A");
        assert_eq!(
            params.iter().collect::<Vec<_>>(),
            [("b", Some("x")), ("c", Some("\";a=2\"")), ("d", None)]
        );
        assert_eq!(params.value("c").as_deref(), Some(";a=2"));
    }
}
