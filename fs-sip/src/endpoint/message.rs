//! Messages of others outside calls (RFC 3428).

use std::time::Instant;

use super::answers::body_of;
use super::core::EndpointCore;
use super::event::Event;
use super::requests::Path;
use crate::limits;
use crate::transaction::ServerId;
use crate::wire::Request;
use crate::wire::headers::name;

impl EndpointCore {
    /// Answers a MESSAGE and hands it on; one without a body, or without its
    /// type, gets 400.
    pub(super) fn on_text(&mut self, now: Instant, server: ServerId, request: &Request, path: &Path) {
        let body = body_of(&request.headers, &request.body).filter(|b| !b.content_type.is_empty());
        let Some(body) = body else {
            let tag = self.new_tag();
            let mut response = self.response(request, 400, &tag);
            let text =
                if request.body.is_empty() { "a MESSAGE needs a body" } else { "Content-Type is missing" };
            response.headers.push(name::WARNING, format!("399 {} \"{text}\"", path.local.address.ip()));
            return self.respond(now, server, &response);
        };
        // Both were read when the message was parsed.
        let (Ok(from), Ok(to)) = (request.from(), request.to()) else { return };
        self.refuse(now, server, request, 200);
        let headers = request.headers.iter().take(limits::MAX_EVENT_HEADERS);
        let event = Event::Message {
            from,
            to,
            request_uri: request.uri.clone(),
            body,
            source: path.source.remote,
            headers: headers.map(|h| (h.name().to_owned(), h.text().into_owned())).collect(),
        };
        self.event(event);
    }
}
