//! Messages out of bytes, with the checks that need no state: start line,
//! mandatory and duplicate headers, CSeq, Content-Length, addresses.

use super::headers;
use super::headers::{CSeq, Contact, Headers, MaxForwards, RecordRoute, Route, TypedHeader, name};
use super::lexer::lex;
use super::message::{Message, Request, Response, missing};
use super::method::Method;
use super::uri::Uri;
use super::via::Via;
use crate::error::ParseError;
use crate::limits;

/// What a datagram can hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Datagram {
    /// A message.
    Message(Box<Message>),
    /// Nothing but line ends or NUL bytes: somebody keeps a NAT binding open.
    KeepAlive,
}

/// A message that breaks the grammar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// What is wrong.
    pub error: ParseError,
    /// What could be read of the headers, when it is a request that may be
    /// answered: it is no ACK and its Via and CSeq are there.
    pub answerable: Option<Headers>,
}

/// Reads one datagram. Bytes behind Content-Length are ignored (RFC 3261
/// section 18.3).
///
/// # Errors
/// When it holds no correct SIP message.
pub fn parse_datagram(data: &[u8]) -> Result<Datagram, Malformed> {
    parse(data, |length, rest| (length > rest as u64).then_some(400))
}

/// Reads one message of a stream, as the [`Framer`](super::Framer) cuts it: a body beyond [`limits::MAX_BODY`] is left out,
/// and gets 513.
///
/// # Errors
/// When it holds no correct SIP message.
pub fn parse_frame(data: &[u8]) -> Result<Datagram, Malformed> {
    parse(data, |length, rest| {
        let status = if length > limits::MAX_BODY as u64 { 513 } else { 400 };
        (length > rest as u64).then_some(status)
    })
}

/// Which status a body gets that is shorter than Content-Length, if it is.
type Shortness = fn(length: u64, rest: usize) -> Option<u16>;

fn parse(data: &[u8], short: Shortness) -> Result<Datagram, Malformed> {
    let start = data.iter().position(|b| !matches!(b, b'\r' | b'\n'));
    let Some(start) = start.filter(|_| data.iter().any(|b| *b != 0)) else {
        return Ok(Datagram::KeepAlive);
    };
    parse_message(&data[start..], short).map(|m| Datagram::Message(Box::new(m)))
}

fn parse_message(data: &[u8], short: Shortness) -> Result<Message, Malformed> {
    let mut lexed = lex(data);
    let drop = |error| Malformed { error, answerable: None };
    if lexed.start_line.get(..4).is_some_and(|s| s.eq_ignore_ascii_case(b"SIP/")) {
        let (status, reason) = parse_status_line(lexed.start_line).map_err(drop)?;
        lexed.fault.map_or(Ok(()), Err).map_err(drop)?;
        let body = body(&mut lexed.headers, lexed.body, short).map_err(drop)?;
        check_headers(&lexed.headers).map_err(drop)?;
        return Ok(Message::Response(Response { status, reason, headers: lexed.headers, body }));
    }
    let request_line = parse_request_line(lexed.start_line);
    let checked = request_line.and_then(|(method, uri)| {
        lexed.fault.take().map_or(Ok(()), Err)?;
        let body = body(&mut lexed.headers, lexed.body, short)?;
        let cseq = check_headers(&lexed.headers)?;
        check_request(&method, &cseq, &lexed.headers)?;
        Ok((method, uri, body))
    });
    match checked {
        Ok((method, uri, body)) => {
            Ok(Message::Request(Request { method, uri, headers: lexed.headers, body }))
        }
        Err(error) => {
            let h = lexed.headers;
            let ack = lexed.start_line.starts_with(b"ACK ");
            let looks_like_sip = is_request_line(lexed.start_line);
            let may = looks_like_sip && !ack && h.get(name::VIA).is_some() && h.get(name::CSEQ).is_some();
            Err(Malformed { error, answerable: may.then_some(h) })
        }
    }
}

/// Does the line end like a request line, so that an answer reaches somebody
/// who speaks SIP?
fn is_request_line(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    line.rsplit(|b| *b == b' ')
        .next()
        .is_some_and(|v| v.get(..4).is_some_and(|v| v.eq_ignore_ascii_case(b"SIP/")))
}

fn parse_request_line(line: &[u8]) -> Result<(Method, Uri), ParseError> {
    let broken = |what| ParseError::new(what, line, 0);
    let text = std::str::from_utf8(line).map_err(|_| broken("request line is no UTF-8"))?;
    let mut parts = text.split(' ');
    let (Some(method), Some(uri), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(broken("request line is not method, URI and version divided by one space each"));
    };
    check_version(version)?;
    let (method, length) = (Method::parse(method)?, uri.len());
    let uri = Uri::parse(uri)?;
    if length > limits::MAX_URI {
        return Err(broken("Request-URI is too long").with_status(414));
    }
    if uri.headers().is_some() {
        return Err(broken("Request-URI with header part"));
    }
    Ok((method, uri))
}

fn check_version(version: &str) -> Result<(), ParseError> {
    if version.eq_ignore_ascii_case("SIP/2.0") {
        return Ok(());
    }
    let error = ParseError::new("version is not SIP/2.0", version, 0);
    let number = version.get(..4).filter(|p| p.eq_ignore_ascii_case("SIP/")).map(|_| &version[4..]);
    let is_version = number.and_then(|n| n.split_once('.')).is_some_and(|(major, minor)| {
        [major, minor].iter().all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    });
    Err(if is_version { error.with_status(505) } else { error })
}

fn parse_status_line(line: &[u8]) -> Result<(u16, String), ParseError> {
    let text = String::from_utf8_lossy(line);
    let broken = |what| ParseError::new(what, line, 0);
    let (version, rest) = text.split_once(' ').ok_or_else(|| broken("status line without status"))?;
    check_version(version)?;
    let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let digits = code.len() == 3 && code.bytes().all(|b| b.is_ascii_digit());
    match code.parse::<u16>() {
        Ok(status) if digits && (100..700).contains(&status) => Ok((status, reason.to_owned())),
        _ => Err(broken("status is not from 100 to 699")),
    }
}

/// Takes Content-Length off the headers and cuts the body.
fn body(headers: &mut Headers, rest: &[u8], short: Shortness) -> Result<Vec<u8>, ParseError> {
    let mut lengths = headers.all(name::CONTENT_LENGTH).map(|h| h.value().to_vec());
    let (first, second) = (lengths.next(), lengths.next());
    drop(lengths);
    let Some(value) = first else { return Ok(rest.to_vec()) };
    if second.is_some() {
        return Err(ParseError::new("Content-Length stands twice", value, 0));
    }
    let length = content_length(&value)?;
    if let Some(status) = short(length, rest.len()) {
        let text = format!("{length} > {}", rest.len());
        return Err(ParseError::new("body is shorter than Content-Length", text, 0).with_status(status));
    }
    let body = usize::try_from(length).map_or(rest, |length| &rest[..length.min(rest.len())]);
    let body = body.to_vec();
    headers.remove(name::CONTENT_LENGTH);
    Ok(body)
}

/// Reads a Content-Length value with checked arithmetic.
pub(crate) fn content_length(value: &[u8]) -> Result<u64, ParseError> {
    let bad = || ParseError::new("Content-Length is not a number", value, 0);
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(bad());
    }
    std::str::from_utf8(value).ok().and_then(|v| v.parse().ok()).ok_or_else(bad)
}

/// The headers every message has, each once (RFC 3261 section 8.1.1).
fn check_headers(headers: &Headers) -> Result<CSeq, ParseError> {
    for single in [name::FROM, name::TO, name::CALL_ID, name::CSEQ, name::MAX_FORWARDS, name::CONTENT_TYPE] {
        if headers.all(single).nth(1).is_some() {
            return Err(ParseError::new("header may stand only once", single, 0));
        }
    }
    headers.typed::<Via>()?.ok_or_else(|| missing(name::VIA))?;
    headers.typed::<headers::From>()?.ok_or_else(|| missing(name::FROM))?;
    headers.typed::<headers::To>()?.ok_or_else(|| missing(name::TO))?;
    let call_id = headers.get(name::CALL_ID).ok_or_else(|| missing(name::CALL_ID))?;
    if call_id.is_empty() || call_id.iter().any(|b| b.is_ascii_whitespace()) {
        return Err(ParseError::new("Call-ID is not one word", call_id, 0));
    }
    headers.typed::<CSeq>()?.ok_or_else(|| missing(name::CSEQ))
}

fn check_request(method: &Method, cseq: &CSeq, headers: &Headers) -> Result<(), ParseError> {
    if cseq.method != *method {
        return Err(ParseError::new("CSeq method is not the method of the request", cseq.method.as_str(), 0));
    }
    headers.typed::<MaxForwards>()?;
    check_each::<Contact>(headers)?;
    check_each::<Route>(headers)?;
    check_each::<RecordRoute>(headers)?;
    Ok(())
}

fn check_each<T: TypedHeader>(headers: &Headers) -> Result<(), ParseError> {
    headers.all(T::NAME).try_for_each(|h| T::parse_value(&h.text()).map(|_| ()))
}
