//! The serialiser: byte-exact values, CRLF, Content-Length always last and
//! always right.

use super::headers::{Headers, name};
use super::message::{Message, Request, Response};

impl Request {
    /// The bytes for the wire.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let start = format!("{} {} SIP/2.0", self.method, self.uri);
        encode(start.as_bytes(), &self.headers, &self.body)
    }
}

impl Response {
    /// The bytes for the wire.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let reason: String =
            self.reason.chars().map(|c| if matches!(c, '\r' | '\n') { ' ' } else { c }).collect();
        let start = format!("SIP/2.0 {} {reason}", self.status);
        encode(start.as_bytes(), &self.headers, &self.body)
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

fn encode(start: &[u8], headers: &Headers, body: &[u8]) -> Vec<u8> {
    let head: usize = headers.iter().map(|h| h.name().len() + h.value().len() + 4).sum();
    let mut out = Vec::with_capacity(start.len() + head + body.len() + 32);
    out.extend_from_slice(start);
    out.extend_from_slice(b"\r\n");
    for header in headers.iter().filter(|h| h.name() != name::CONTENT_LENGTH) {
        out.extend_from_slice(header.name().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(header.value());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
    out.extend_from_slice(body);
    out
}
