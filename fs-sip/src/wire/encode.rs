//! The serialiser: byte-exact values, CRLF, Content-Length always last and
//! always right.

use std::borrow::Cow;
use std::fmt;
use std::io::Write;

use super::headers::{Headers, name};
use super::message::{Message, Request, Response};

impl Request {
    /// The bytes for the wire.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(format_args!("{} {} SIP/2.0", self.method, self.uri), &self.headers, &self.body)
    }
}

impl Response {
    /// The bytes for the wire.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let reason = match self.reason.contains(['\r', '\n']) {
            true => Cow::Owned(self.reason.replace(['\r', '\n'], " ")),
            false => Cow::Borrowed(&self.reason),
        };
        encode(format_args!("SIP/2.0 {} {reason}", self.status), &self.headers, &self.body)
    }
}

impl Message {
    /// The bytes for the wire.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Request(request) => request.encode(),
            Self::Response(response) => response.encode(),
        }
    }
}

fn encode(start: fmt::Arguments<'_>, headers: &Headers, body: &[u8]) -> Vec<u8> {
    let head: usize = headers.iter().map(|h| h.name().len() + h.value().len() + 4).sum();
    // Mostly enough for the start line; a long one makes it grow.
    let mut out = Vec::with_capacity(96 + head + body.len() + 32);
    // Writing into memory does not fail.
    let _ = write!(out, "{start}\r\n");
    for header in headers.iter().filter(|h| h.name() != name::CONTENT_LENGTH) {
        out.extend_from_slice(header.name().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(header.value());
        out.extend_from_slice(b"\r\n");
    }
    let _ = write!(out, "Content-Length: {}\r\n\r\n", body.len());
    out.extend_from_slice(body);
    out
}
