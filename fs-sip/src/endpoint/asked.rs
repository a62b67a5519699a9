//! Requests of others outside calls that the application answers: PUBLISH (RFC 3903), OPTIONS (RFC 3261 section 11), and
//! whatever else the settings name.
//!
//! ```text
//!  request: Request        AnswerRequest: its status
//!  ----------------> asked ------------------------> gone
//!                      | nobody answers: 480
//!                      V
//!                     gone
//! ```

use std::time::Instant;

use super::answers::{add_headers, body_of, set_body};
use super::command::{AskedId, Body};
use super::core::EndpointCore;
use super::event::Event;
use super::outside::OutsideId;
use super::requests::Path;
use crate::limits;
use crate::transaction::ServerId;
use crate::wire::headers::name;
use crate::wire::{Method, Request};

impl EndpointCore {
    /// Does the application answer requests of this method?
    pub(super) fn is_answered_above(&self, method: &Method) -> bool {
        // They belong to calls and subscriptions, or have a setting of their own.
        let never = matches!(
            method,
            Method::Invite
                | Method::Ack
                | Method::Cancel
                | Method::Bye
                | Method::Prack
                | Method::Update
                | Method::Subscribe
                | Method::Message
        );
        !never && self.config.requests.contains(method)
    }

    /// Hands a request on.
    pub(super) fn on_asked(&mut self, now: Instant, server: ServerId, request: Request, path: &Path) {
        if self.outside.asked.len() >= limits::MAX_ASKED {
            return self.refuse(now, server, &request, 503);
        }
        // Both were read when the message was parsed.
        let (Ok(from), Ok(to)) = (request.from(), request.to()) else { return };
        self.outside.last_asked += 1;
        let id = AskedId(self.outside.last_asked);
        let headers = request.headers.iter().take(limits::MAX_EVENT_HEADERS);
        let event = Event::Request {
            id,
            method: request.method.clone(),
            from,
            to,
            request_uri: request.uri.clone(),
            body: body_of(&request.headers, &request.body),
            source: path.source.remote,
            headers: headers.map(|h| (h.name().to_owned(), h.text().into_owned())).collect(),
        };
        self.outside.asked.insert(id, (server, request));
        self.outside.waits.set(OutsideId::Asked(id), Some(now + limits::ASK_TIME));
        self.event(event);
    }

    pub(super) fn answer_request(
        &mut self,
        now: Instant,
        id: AskedId,
        (status, reason): (u16, Option<String>),
        headers: &[(String, String)],
        body: Option<Body>,
    ) {
        let Some((server, request)) = self.outside.asked.remove(&id) else { return };
        self.outside.forget(OutsideId::Asked(id));
        let status = if (200..700).contains(&status) { status } else { 500 };
        let tag = self.new_tag();
        let mut response = self.response(&request, status, &tag);
        response.reason = reason.unwrap_or(response.reason);
        if request.method == Method::Options && status < 300 {
            response.headers.push(name::ACCEPT, self.config.accept.join(", "));
            self.add_abilities(&mut response.headers, false);
        }
        add_headers(&mut response.headers, headers);
        set_body(&mut response.headers, &mut response.body, body);
        self.respond(now, server, &response);
    }

    /// Nobody has answered.
    pub(super) fn asked_in_vain(&mut self, now: Instant, id: AskedId) {
        self.answer_request(now, id, (480, None), &[], None);
    }
}
