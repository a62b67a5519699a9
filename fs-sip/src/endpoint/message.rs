//! Messages of others, outside calls and inside them (RFC 3428), and what a
//! call says without changing itself: MESSAGE and INFO of ours.

use std::time::Instant;

use super::answers::{body_of, set_body};
use super::command::{Body, InviteId};
use super::core::{EndpointCore, Purpose};
use super::event::Event;
use super::requests::Path;
use crate::limits;
use crate::transaction::ServerId;
use crate::wire::headers::name;
use crate::wire::{Method, Request};

impl EndpointCore {
    /// Answers a MESSAGE and hands it on; one without a body, or without its
    /// type, gets 400.
    pub(super) fn on_text(&mut self, now: Instant, server: ServerId, request: &Request, path: &Path) {
        let Some(body) = self.text_of(now, server, request, path) else { return };
        // Both were read when the message was parsed.
        let (Ok(from), Ok(to)) = (request.from(), request.to()) else { return };
        let event = Event::Message {
            from,
            to,
            request_uri: request.uri.clone(),
            body,
            source: path.source.remote,
            headers: headers_of(request),
        };
        self.event(event);
    }

    /// The same inside a call.
    pub(super) fn on_call_text(
        &mut self,
        now: Instant,
        server: ServerId,
        request: &Request,
        id: InviteId,
        path: &Path,
    ) {
        if let Some(body) = self.text_of(now, server, request, path) {
            self.event(Event::CallMessage { id, body, headers: headers_of(request) });
        }
    }

    /// The body of a MESSAGE, which is answered: 200, or 400 where there is
    /// none.
    fn text_of(&mut self, now: Instant, server: ServerId, request: &Request, path: &Path) -> Option<Body> {
        let body = body_of(&request.headers, &request.body).filter(|b| !b.content_type.is_empty());
        if body.is_some() {
            self.refuse(now, server, request, 200);
            return body;
        }
        let tag = self.new_tag();
        let mut response = self.response(request, 400, &tag);
        let text = if request.body.is_empty() { "a MESSAGE needs a body" } else { "Content-Type is missing" };
        response.headers.push(name::WARNING, format!("399 {} \"{text}\"", path.local.address.ip()));
        self.respond(now, server, &response);
        None
    }

    /// Sends what changes nothing in the call; only where it stands.
    pub(super) fn single(&mut self, id: InviteId, method: Method, body: Body) {
        let Some(session) = self.session(id).filter(|s| !s.is_leaving()) else { return };
        let mut request = session.leg.dialog.new_request(method.clone());
        self.push_user_agent(&mut request.headers);
        set_body(&mut request.headers, &mut request.body, Some(body));
        self.send(request, Purpose::Single(id, method));
    }

    /// It is answered, or never will be.
    pub(super) fn single_done(
        &mut self,
        now: Instant,
        id: InviteId,
        method: &Method,
        status: u16,
        reason: &str,
    ) {
        if status < 200 {
            return;
        }
        if self.session(id).is_some() {
            self.event(match method {
                Method::Message => Event::CallMessageResult { id, status, reason: reason.to_owned() },
                _ => Event::InfoResult { id, status },
            });
        }
        if matches!(status, 408 | 481) {
            self.dialog_gone(now, id, status);
        }
    }
}

fn headers_of(request: &Request) -> Vec<(String, String)> {
    let headers = request.headers.iter().take(limits::MAX_EVENT_HEADERS);
    headers.map(|h| (h.name().to_owned(), h.text().into_owned())).collect()
}
