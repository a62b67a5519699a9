//! Bytes → lines → headers: unfolding, compact names, comma lists.
//!
//! Lines end with CRLF; a lone LF is taken as well, since tools that people
//! debug with write it.

use super::headers::{Headers, name};
use super::params::is_token;
use crate::error::ParseError;
use crate::limits;

/// A message cut into its parts, nothing checked yet but the header names.
#[derive(Debug)]
pub(crate) struct Lexed<'a> {
    pub start_line: &'a [u8],
    pub headers: Headers,
    pub body: &'a [u8],
    /// The first thing wrong with the headers; those before it are there.
    pub fault: Option<ParseError>,
}

/// Cuts a message whose first byte is the first of the start line.
pub(crate) fn lex(data: &[u8]) -> Lexed<'_> {
    let mut lines = Lines { data, at: 0 };
    let start_line = lines.next_line().unwrap_or_default();
    let (headers, fault) = lex_headers(&mut lines);
    Lexed { start_line, headers, body: &data[lines.at..], fault }
}

/// Cuts a part of a body into its headers, which may be none, and its bytes; `None` where they are broken.
pub(crate) fn lex_part(data: &[u8]) -> Option<(Headers, &[u8])> {
    let mut lines = Lines { data, at: 0 };
    let (headers, fault) = lex_headers(&mut lines);
    fault.is_none().then(|| (headers, &data[lines.at..]))
}

fn lex_headers(lines: &mut Lines<'_>) -> (Headers, Option<ParseError>) {
    let mut headers = Headers::with_capacity(12);
    let mut fault = None;
    loop {
        let at = lines.at;
        match lines.next_logical() {
            None => {
                fault = fault.or_else(|| Some(ParseError::new("no empty line behind the headers", "", at)));
                break;
            }
            Some(line) if line.is_empty() => break,
            Some(line) => {
                if fault.is_none() {
                    fault = push_line(&mut headers, &line, at).err();
                }
            }
        }
    }
    (headers, fault)
}

fn push_line(headers: &mut Headers, line: &[u8], at: usize) -> Result<(), ParseError> {
    let broken = |what| ParseError::new(what, line, at);
    let colon = line.iter().position(|b| *b == b':').ok_or_else(|| broken("header without ':'"))?;
    let header = std::str::from_utf8(line[..colon].trim_ascii_end()).unwrap_or_default();
    if !is_token(header) {
        return Err(broken("header name is not a token"));
    }
    let value = line[colon + 1..].trim_ascii();
    if value.contains(&b'\r') {
        return Err(broken("carriage return inside a header"));
    }
    let (long, is_list) = name::canonical_form(header);
    if !is_list {
        headers.push_read(long, value);
    } else {
        for part in split_list(value) {
            headers.push_read(long.clone(), part);
            if headers.len() > limits::MAX_HEADERS {
                break;
            }
        }
    }
    if headers.len() > limits::MAX_HEADERS {
        headers.truncate(limits::MAX_HEADERS);
        return Err(broken("too many headers").with_status(513));
    }
    Ok(())
}

/// Splits at commas that stand outside quotes and angle brackets. Unbalanced
/// text is not divided further; its typed header will refuse it.
pub(crate) fn split_list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = list_value_end(text);
        rest = end.map(|end| &text[end + 1..]);
        Some(text[..end.unwrap_or(text.len())].trim_ascii())
    })
}

fn list_value_end(text: &[u8]) -> Option<usize> {
    let (mut quoted, mut bracket, mut i) = (false, false, 0);
    while i < text.len() {
        match text[i] {
            b'\\' if quoted => i += 1,
            b'"' if !bracket => quoted = !quoted,
            b'<' if !quoted => bracket = true,
            b'>' if !quoted => bracket = false,
            b',' if !quoted && !bracket => return Some(i),
            _ => {}
        }
        i += 1;
    }
    None
}

struct Lines<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    /// The next line without its end; `None` when no line end is left.
    fn next_line(&mut self) -> Option<&'a [u8]> {
        let rest = &self.data[self.at..];
        let Some(end) = rest.iter().position(|b| *b == b'\n') else {
            self.at = self.data.len();
            return None;
        };
        self.at += end + 1;
        Some(rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]))
    }

    /// The next line with its continuation lines, each joined by one space.
    fn next_logical(&mut self) -> Option<std::borrow::Cow<'a, [u8]>> {
        let first = self.next_line()?;
        if first.is_empty() || !self.continues() {
            return Some(first.into());
        }
        let mut joined = first.to_vec();
        while self.continues() {
            let Some(more) = self.next_line() else { break };
            joined.truncate(joined.trim_ascii_end().len());
            joined.push(b' ');
            joined.extend_from_slice(more.trim_ascii_start());
        }
        Some(joined.into())
    }

    fn continues(&self) -> bool {
        matches!(self.data.get(self.at), Some(b' ' | b'\t'))
    }
}
