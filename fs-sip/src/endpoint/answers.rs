//! Headers and responses as this endpoint writes them.

use std::sync::LazyLock;

use super::command::Body;
use super::core::EndpointCore;
use crate::transport::Local;
use crate::wire::headers::{ContentType, name};
use crate::wire::{Headers, Request, Response, is_token, multipart};

/// The methods this endpoint answers.
const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, PRACK, UPDATE, REFER, INFO";

/// The same as a header value.
static SUPPORTED_TEXT: LazyLock<String> = LazyLock::new(|| SUPPORTED.join(", "));

/// The option tags it understands.
pub(super) const SUPPORTED: &[&str] = &["100rel", "norefersub", "replaces", "timer"];

/// Headers the endpoint writes itself: an application can't give them.
const OWN: [&str; 10] = [
    name::VIA,
    name::FROM,
    name::TO,
    name::CALL_ID,
    name::CSEQ,
    name::MAX_FORWARDS,
    name::RECORD_ROUTE,
    name::CONTENT_LENGTH,
    name::CONTENT_TYPE,
    name::ALLOW,
];

/// Adds the application's headers, as far as they are its to give.
pub(super) fn add_headers(headers: &mut Headers, list: &[(String, String)]) {
    if list.is_empty() {
        return;
    }
    for (name, value) in own_headers_removed(list) {
        headers.push(&name, value);
    }
}

/// The application's headers without those that are the endpoint's.
pub(super) fn own_headers_removed(list: &[(String, String)]) -> Vec<(String, String)> {
    let mut kept = Headers::new();
    for (name, value) in list.iter().filter(|(name, _)| is_token(name)) {
        kept.push(name, value.as_bytes());
    }
    for own in OWN {
        kept.remove(own);
    }
    kept.iter().map(|h| (h.name().to_owned(), h.text().into_owned())).collect()
}

/// Puts a body into a message.
pub(super) fn set_body(headers: &mut Headers, to: &mut Vec<u8>, body: Option<Body>) {
    if let Some(body) = body {
        headers.push(name::CONTENT_TYPE, body.content_type);
        *to = body.data;
    }
}

/// The body of a message; none where it is empty.
pub(crate) fn body_of(headers: &Headers, data: &[u8]) -> Option<Body> {
    let content_type = headers.text(name::CONTENT_TYPE).unwrap_or_default().into_owned();
    (!data.is_empty()).then(|| Body { content_type, data: data.to_vec() })
}

/// What a message says about the session: of a body of several parts (RFC 5621) the description in it, else all of it.
pub(super) fn description_of(headers: &Headers, data: &[u8]) -> Option<Body> {
    let whole = body_of(headers, data)?;
    let parts = several(headers).and_then(|content_type| multipart::parts(&content_type, data));
    let described = parts.and_then(|parts| parts.into_iter().find(|part| part.is(SDP)));
    Some(described.map_or(whole, |part| Body::sdp(part.body)))
}

/// Has a body of several parts a description, and nothing that must be known and is not?
pub(super) fn is_described(headers: &Headers, data: &[u8]) -> bool {
    let parts = several(headers).and_then(|content_type| multipart::parts(&content_type, data));
    parts.is_some_and(|parts| {
        parts.iter().any(|part| part.is(SDP)) && parts.iter().all(|part| part.is(SDP) || !part.is_required())
    })
}

const SDP: &str = "application/sdp";

/// The type of a body of several parts.
fn several(headers: &Headers) -> Option<ContentType> {
    let is_several = |text: &[u8]| text.get(..10).is_some_and(|t| t.eq_ignore_ascii_case(b"multipart/"));
    headers.get(name::CONTENT_TYPE).filter(|text| is_several(text))?;
    headers.typed().ok().flatten()
}

impl EndpointCore {
    /// A response to any request. Where the request is outside a dialog,
    /// `tag` completes To.
    pub(super) fn response(&self, request: &Request, status: u16, tag: &str) -> Response {
        let mut response = Response::to_request(request, status, if status == 100 { "" } else { tag });
        if !self.config.user_agent.is_empty() {
            response.headers.push(name::SERVER, self.config.user_agent.as_bytes());
        }
        response
    }

    /// A provisional or successful response to an INVITE (RFC 3261 section
    /// 12.1.1): it makes or refreshes a dialog.
    pub(super) fn dialog_response(
        &self,
        request: &Request,
        status: u16,
        tag: &str,
        local: Local,
        body: Option<Body>,
    ) -> Response {
        let mut response = self.response(request, status, tag);
        response.headers.copy_from(&request.headers, name::RECORD_ROUTE);
        response.headers.push(name::CONTACT, self.contact_of_response(request, local));
        self.add_abilities(&mut response.headers, true);
        set_body(&mut response.headers, &mut response.body, body);
        response
    }

    /// Allow and Supported; `inside` a call, more may be allowed.
    pub(super) fn add_abilities(&self, headers: &mut Headers, inside: bool) {
        headers.push(name::ALLOW, self.allow(inside));
        headers.push(name::SUPPORTED, SUPPORTED_TEXT.as_bytes());
        if !self.config.events.is_empty() {
            headers.push(name::ALLOW_EVENTS, self.config.events.join(", "));
        }
    }

    /// The methods this endpoint answers, inside a call or outside.
    pub(super) fn allow(&self, inside: bool) -> String {
        let mut text = ALLOW.to_owned();
        let messages = if inside { self.config.call_messages } else { self.config.messages };
        if messages {
            text.push_str(", MESSAGE");
        }
        if !self.config.events.is_empty() {
            text.push_str(", SUBSCRIBE");
        }
        for method in self.config.requests.iter().filter(|m| self.is_answered_above(m)) {
            if !ALLOW.split(", ").any(|known| known == method.as_str()) {
                text.push_str(", ");
                text.push_str(method.as_str());
            }
        }
        text
    }

    pub(super) fn push_user_agent(&self, headers: &mut Headers) {
        if !self.config.user_agent.is_empty() {
            headers.push(name::USER_AGENT, self.config.user_agent.as_bytes());
        }
    }

    /// A tag for To or From.
    pub(super) fn new_tag(&mut self) -> String {
        self.random.token(2)
    }
}
