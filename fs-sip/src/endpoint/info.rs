//! INFO inside a dialog (RFC 6086): digits of the old kind, without a package; no package is known here.

use std::time::Instant;

use super::answers::body_of;
use super::command::InviteId;
use super::core::EndpointCore;
use super::event::Event;
use crate::stream::dtmf_relay::{PLAIN, RELAY};
use crate::transaction::ServerId;
use crate::wire::Request;
use crate::wire::headers::{ContentType, name};

impl EndpointCore {
    pub(super) fn on_info(&mut self, now: Instant, server: ServerId, request: &Request, id: InviteId) {
        if request.headers.get(name::INFO_PACKAGE).is_some() {
            // RFC 6086 section 4.2.2; an empty Recv-Info says that there is none.
            let mut response = self.response(request, 469, "");
            response.headers.push(name::RECV_INFO, "");
            return self.respond(now, server, &response);
        }
        let content_type = request.headers.typed::<ContentType>().ok().flatten();
        let known = content_type.is_some_and(|t| t.is(RELAY) || t.is(PLAIN));
        match body_of(&request.headers, &request.body) {
            None => self.refuse(now, server, request, 200),
            Some(body) if known => {
                self.refuse(now, server, request, 200);
                self.event(Event::Info { id, body });
            }
            Some(_) => {
                let mut response = self.response(request, 415, "");
                response.headers.push(name::ACCEPT, format!("{RELAY}, {PLAIN}"));
                self.respond(now, server, &response);
            }
        }
    }
}
