//! Requests and responses. The only file that names `rsip`, whose enums serve
//! as vocabulary for callers; bytes never pass through it.

use super::headers;
use super::headers::{CSeq, Headers, name};
use super::method::Method;
use super::name_addr::NameAddr;
use super::status::default_reason;
use super::uri::Uri;
use super::via::Via;
use crate::error::ParseError;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The Request-URI.
    pub uri: Uri,
    /// All headers but Content-Length, which is made from the body.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// 100 to 699.
    pub status: u16,
    /// Reason phrase; bytes that are no UTF-8 are replaced.
    pub reason: String,
    /// All headers but Content-Length, which is made from the body.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
}

/// A message that passed the checks of [`parse_datagram`](super::parse_datagram).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

impl Request {
    /// A request without headers and body.
    #[must_use]
    pub fn new(method: Method, uri: Uri) -> Self {
        Self { method, uri, headers: Headers::with_capacity(12), body: Vec::new() }
    }

    /// The method in rsip's words; none for methods it does not know.
    #[must_use]
    pub fn rsip_method(&self) -> Option<rsip::Method> {
        Some(match &self.method {
            Method::Invite => rsip::Method::Invite,
            Method::Ack => rsip::Method::Ack,
            Method::Bye => rsip::Method::Bye,
            Method::Cancel => rsip::Method::Cancel,
            Method::Options => rsip::Method::Options,
            Method::Register => rsip::Method::Register,
            Method::Subscribe => rsip::Method::Subscribe,
            Method::Notify => rsip::Method::Notify,
            Method::Publish => rsip::Method::Publish,
            Method::Refer => rsip::Method::Refer,
            Method::Message => rsip::Method::Message,
            Method::Info => rsip::Method::Info,
            Method::Update => rsip::Method::Update,
            Method::Prack => rsip::Method::PRack,
            Method::Other(_) => return None,
        })
    }
}

impl Response {
    /// A response to `request` with the headers every response copies
    /// (RFC 3261 section 8.2.6.2). `to_tag` is added where To has none.
    #[must_use]
    pub fn to_request(request: &Request, status: u16, to_tag: &str) -> Self {
        let mut response = Self::from_headers(&request.headers, status);
        if !to_tag.is_empty() && request.to_tag().is_none() {
            response.add_to_tag(to_tag);
        }
        response
    }

    /// The same, from whatever headers could be read.
    pub(crate) fn from_headers(from: &Headers, status: u16) -> Self {
        let mut headers = Headers::with_capacity(10);
        for name in [name::VIA, name::FROM, name::TO, name::CALL_ID, name::CSEQ] {
            headers.copy_from(from, name);
        }
        if status == 100 {
            headers.copy_from(from, name::TIMESTAMP);
        }
        Self { status, reason: default_reason(status).to_owned(), headers, body: Vec::new() }
    }

    /// Adds a tag to To where it has none; the rest of To stays byte for byte.
    pub(crate) fn set_to_tag(&mut self, tag: &str) {
        let Some(to) = self.headers.get(name::TO) else { return };
        let parsed = NameAddr::parse(&String::from_utf8_lossy(to));
        if !tag.is_empty() && parsed.is_ok_and(|to| to.tag().is_none()) {
            self.add_to_tag(tag);
        }
    }

    fn add_to_tag(&mut self, tag: &str) {
        let Some(to) = self.headers.get(name::TO) else { return };
        self.headers.set_first(name::TO, [to, b";tag=", tag.as_bytes()].concat());
    }

    /// The status in rsip's words.
    #[must_use]
    pub fn rsip_status(&self) -> rsip::StatusCode {
        rsip::StatusCode::from(self.status)
    }

    /// Is it a 1xx?
    #[must_use]
    pub fn is_provisional(&self) -> bool {
        self.status < 200
    }

    /// Is it a 2xx?
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// The fields that requests and responses share.
macro_rules! shared_fields {
    ($type:ty) => {
        impl $type {
            /// Topmost Via.
            ///
            /// # Errors
            /// When there is none or it is broken.
            pub fn top_via(&self) -> Result<Via, ParseError> {
                self.headers.typed::<Via>()?.ok_or_else(|| missing(name::VIA))
            }

            /// Who sends it, for proofs and routes: the identity that is meant for
            /// the network alone, else From.
            #[must_use]
            pub fn identity(&self) -> Option<Uri> {
                let preferred = self.headers.typed::<headers::PreferredIdentity>().ok().flatten();
                preferred.map(|p| p.0).or_else(|| self.from().ok()).map(|identity| identity.uri)
            }

            /// From.
            ///
            /// # Errors
            /// When it is missing or broken.
            pub fn from(&self) -> Result<NameAddr, ParseError> {
                let from = self.headers.typed::<headers::From>()?;
                from.map(|h| h.0).ok_or_else(|| missing(name::FROM))
            }

            /// To.
            ///
            /// # Errors
            /// When it is missing or broken.
            pub fn to(&self) -> Result<NameAddr, ParseError> {
                let to = self.headers.typed::<headers::To>()?;
                to.map(|h| h.0).ok_or_else(|| missing(name::TO))
            }

            /// The tag of From, of a message that was read before.
            #[must_use]
            pub fn from_tag(&self) -> Option<&str> {
                self.headers.parameter(name::FROM, "tag").filter(|tag| !tag.is_empty())
            }

            /// The tag of To, of a message that was read before.
            #[must_use]
            pub fn to_tag(&self) -> Option<&str> {
                self.headers.parameter(name::TO, "tag").filter(|tag| !tag.is_empty())
            }

            /// CSeq.
            ///
            /// # Errors
            /// When it is missing or broken.
            pub fn cseq(&self) -> Result<CSeq, ParseError> {
                self.headers.typed::<CSeq>()?.ok_or_else(|| missing(name::CSEQ))
            }

            /// Call-ID.
            ///
            /// # Errors
            /// When it is missing.
            pub fn call_id(&self) -> Result<String, ParseError> {
                let value = self.headers.text(name::CALL_ID);
                value.map(|v| v.into_owned()).ok_or_else(|| missing(name::CALL_ID))
            }
        }
    };
}
shared_fields!(Request);
shared_fields!(Response);

/// A mandatory header is not there.
pub(crate) fn missing(name: &'static str) -> ParseError {
    ParseError::new("mandatory header is missing", name, 0)
}
