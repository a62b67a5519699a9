//! Requests of the peer: what every UAS must check (RFC 3261 section 8.2),
//! in its order, and who then handles them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::answers::{SUPPORTED, is_described};
use super::core::{Call, EndpointCore};
use super::event::Event;
use super::refer::is_of_refer;
use crate::dialog::DialogId;
use crate::limits;
use crate::transaction::{Received, ServerId, Transmit};
use crate::transport::{Local, Peer};
use crate::wire::headers::{Accept, Contact, ContentType, Require, name};
use crate::wire::{Host, Malformed, Method, Request, Response, Scheme, TypedHeader, Via, default_reason};

/// Where a request came from and how we are seen from there.
#[derive(Debug, Clone)]
pub(super) struct Path {
    pub source: Peer,
    pub local: Local,
}

impl EndpointCore {
    pub(super) fn on_request(&mut self, now: Instant, mut request: Request, source: Peer, local: Local) {
        // Both were read when the message was parsed.
        let Ok(mut via) = request.top_via() else { return };
        via.note_source(source.remote);
        request.headers.set_first(name::VIA, via.to_string());
        let target = response_peer(&via, &source);
        let received = if self.table.servers() < self.config.max_server_transactions {
            self.table.receive_request(now, request, target.clone())
        } else {
            self.table.receive_known(now, request, target.clone())
        };
        match received {
            Ok(Received::New(server, request)) => {
                self.on_new_request(now, server, request, Path { source, local });
            }
            Ok(Received::Merged(server, request)) => self.refuse(now, server, &request, 482),
            Ok(Received::Ack(request)) => self.on_ack(now, &request),
            Ok(Received::Absorbed) => {}
            Ok(Received::Overload(request)) => {
                self.seen.overload += 1;
                let mut response = self.response(&request, 503, "");
                response.headers.push(name::RETRY_AFTER, "10");
                self.transmit(Transmit { peer: target, data: response.encode() });
            }
            Err(error) => self.note_malformed(now, source.remote, error.to_string()),
        }
    }

    /// Answers a broken request where that is possible (RFC 3261 section 16.3
    /// item 1, RFC 4475).
    pub(super) fn on_malformed(&mut self, now: Instant, malformed: Malformed, source: &Peer) {
        let what = malformed.error.to_string();
        tracing::debug!(target: "fs::sip::wire", %source, what, "malformed message");
        if let Some(headers) = malformed.answerable {
            let status = malformed.error.status_code();
            let mut response = Response::from_headers(&headers, status);
            response.reason = format!("{} ({})", default_reason(status), malformed.error.what());
            let mut target = source.clone();
            if let Ok(Some(mut via)) = headers.typed::<Via>() {
                via.note_source(source.remote);
                target = response_peer(&via, source);
                response.headers.set_first(name::VIA, via.to_string());
            }
            let tag = self.new_tag();
            response.set_to_tag(&tag);
            self.transmit(Transmit { peer: target, data: response.encode() });
        }
        self.note_malformed(now, source.remote, what);
    }

    /// Counts what was no correct SIP, and tells it, unless there is a flood of it.
    pub(super) fn note_malformed(&mut self, now: Instant, source: SocketAddr, what: String) {
        self.seen.malformed += 1;
        let (since, told) = self.malformed_told;
        let same = since.is_some_and(|since| now.saturating_duration_since(since) < Duration::from_secs(1));
        if same && told >= limits::MAX_MALFORMED_EVENTS {
            return;
        }
        self.malformed_told = if same { (since, told + 1) } else { (Some(now), 1) };
        self.event(Event::Malformed { source, what });
    }

    fn on_new_request(&mut self, now: Instant, server: ServerId, request: Request, path: Path) {
        if request.method == Method::Cancel {
            return self.on_cancel(now, server, &request);
        }
        if let Some(response) = self.general_refusal(&request) {
            return self.respond(now, server, &response);
        }
        // RFC 3261 section 26.2.2: such a request goes over TLS all the way.
        if *request.uri.scheme() == Scheme::Sips && !path.source.protocol.is_secure() {
            let tag = self.new_tag();
            let mut response = self.response(&request, 400, &tag);
            response.reason = "Bad Request (sips: needs TLS)".to_owned();
            return self.respond(now, server, &response);
        }
        if self.config.detect_loops && self.table.is_loop(&request) {
            return self.refuse(now, server, &request, 482);
        }
        match DialogId::of_request(&request) {
            Ok(None) => match request.method {
                Method::Invite => self.on_invite(now, server, request, path),
                Method::Message if self.config.messages => self.on_text(now, server, &request, &path),
                Method::Subscribe => self.on_subscribe(now, server, request, path),
                _ if self.is_answered_above(&request.method) => self.on_asked(now, server, request, &path),
                Method::Options => self.on_options(now, server, &request),
                _ => self.refuse(now, server, &request, 481),
            },
            Ok(Some(dialog)) if self.is_of_subscription(now, server, &request, &dialog) => {}
            Ok(Some(dialog)) => self.on_request_inside(now, server, request, &dialog, path),
            Err(_) => self.refuse(now, server, &request, 400),
        }
    }

    /// Method, Request-URI, Require (RFC 3261 sections 8.2.1 to 8.2.2.3).
    fn general_refusal(&mut self, request: &Request) -> Option<Response> {
        let answered = match request.method {
            Method::Invite | Method::Bye | Method::Options | Method::Notify => true,
            Method::Prack | Method::Update | Method::Refer | Method::Info => true,
            Method::Message if is_inside(request) => self.config.call_messages,
            Method::Message => self.config.messages,
            Method::Subscribe => !self.config.events.is_empty() || is_of_refer(request),
            _ => self.is_answered_above(&request.method),
        };
        if !answered {
            let status = if request.method.is_known() { 405 } else { 501 };
            let tag = self.new_tag();
            let mut response = self.response(request, status, &tag);
            response.headers.push(name::ALLOW, self.allow(is_inside(request)));
            return Some(response);
        }
        if let Scheme::Other(scheme) = request.uri.scheme()
            && scheme != "tel"
        {
            let tag = self.new_tag();
            return Some(self.response(request, 416, &tag));
        }
        request.headers.get(name::REQUIRE)?;
        let tag = self.new_tag();
        let required: Vec<String> =
            request.headers.all(name::REQUIRE).map(|h| h.text().into_owned()).collect();
        if required.iter().any(|tag| Require::parse_value(tag).is_err()) {
            return Some(self.response(request, 400, &tag));
        }
        let unknown = |t: &String| !t.is_empty() && !SUPPORTED.iter().any(|s| s.eq_ignore_ascii_case(t));
        let unknown: Vec<String> = required.into_iter().filter(unknown).collect();
        if !unknown.is_empty() {
            let mut response = self.response(request, 420, &tag);
            response.headers.push(name::UNSUPPORTED, unknown.join(", "));
            return Some(response);
        }
        None
    }

    /// What an INVITE may carry: encoding, type (RFC 3261 section 8.2.3), and
    /// what it accepts in return.
    pub(super) fn body_refusal(&self, request: &Request, tag: &str) -> Option<Response> {
        let encoded =
            |h: &crate::wire::Header| !h.value().is_empty() && !h.value().eq_ignore_ascii_case(b"identity");
        if !request.body.is_empty() && request.headers.all(name::CONTENT_ENCODING).any(encoded) {
            let mut response = self.response(request, 415, tag);
            response.headers.push(name::ACCEPT_ENCODING, "identity");
            return Some(response);
        }
        let known = |t: &ContentType| self.config.accept.iter().any(|a| t.is(a));
        let status = match request.headers.typed::<ContentType>() {
            _ if request.body.is_empty() => None,
            Ok(Some(content_type)) if known(&content_type) => None,
            Ok(Some(_)) if is_described(&request.headers, &request.body) => None,
            Ok(Some(_)) => Some(415),
            Ok(None) | Err(_) => Some(400),
        };
        if let Some(status) = status {
            let mut response = self.response(request, status, tag);
            response.headers.push(name::ACCEPT, self.config.accept.join(", "));
            return Some(response);
        }
        let accepted: Vec<Accept> = request.headers.typed_all().unwrap_or_default();
        let fits = |a: &Accept| self.config.accept.iter().any(|t| a.covers(t));
        if !accepted.is_empty() && !accepted.iter().any(fits) {
            return Some(self.response(request, 406, tag));
        }
        None
    }

    /// An INVITE carries exactly one Contact with a SIP URI (RFC 3261 section
    /// 8.1.1.8).
    pub(super) fn contact_refusal(&self, request: &Request, tag: &str) -> Option<Response> {
        let contacts = request.headers.typed_all::<Contact>().unwrap_or_default();
        // RFC 3261 section 8.1.1.8.
        let secure = *request.uri.scheme() == Scheme::Sips;
        let what = match &contacts[..] {
            [Contact::Address(address)] if address.uri.is_sip() => {
                if !secure || *address.uri.scheme() == Scheme::Sips {
                    return None;
                }
                "a sips: Contact"
            }
            _ => "one Contact with a SIP URI",
        };
        let mut response = self.response(request, 400, tag);
        response.reason = format!("Bad Request (INVITE needs {what})");
        Some(response)
    }

    pub(super) fn on_options(&mut self, now: Instant, server: ServerId, request: &Request) {
        let tag = self.new_tag();
        let mut response = self.response(request, 200, &tag);
        response.headers.push(name::ACCEPT, self.config.accept.join(", "));
        response.headers.push(name::ACCEPT_ENCODING, "identity");
        self.add_abilities(&mut response.headers, is_inside(request));
        self.respond(now, server, &response);
    }

    /// NOTIFY and SUBSCRIBE inside the dialog of a subscription.
    fn is_of_subscription(
        &mut self,
        now: Instant,
        server: ServerId,
        request: &Request,
        dialog: &DialogId,
    ) -> bool {
        match request.method {
            Method::Notify => self.on_notify(now, server, request),
            Method::Subscribe => self.on_resubscribe(now, server, request, dialog),
            _ => false,
        }
    }

    fn on_request_inside(
        &mut self,
        now: Instant,
        server: ServerId,
        request: Request,
        dialog: &DialogId,
        path: Path,
    ) {
        let Some(id) = self.dialogs.get(dialog).copied() else {
            return self.refuse(now, server, &request, 481);
        };
        let order = match self.calls.get_mut(&id) {
            Some(Call::Session(session)) => session.leg.dialog.check_order(&request),
            Some(Call::Incoming(incoming)) => incoming.leg.dialog.check_order(&request),
            Some(Call::Outgoing(outgoing)) => {
                let early = outgoing.early.iter_mut().find(|leg| leg.dialog.id() == dialog);
                early.map_or(Ok(()), |leg| leg.dialog.check_order(&request))
            }
            None => return self.refuse(now, server, &request, 481),
        };
        if let Err(error) = order {
            tracing::debug!(target: "fs::sip::dialog", %error, "request out of order");
            return self.refuse(now, server, &request, 500);
        }
        self.their_requests.insert(server, id);
        let of_refer = is_of_refer(&request);
        match request.method {
            Method::Options => self.on_options(now, server, &request),
            Method::Bye => self.on_bye(now, server, &request, id),
            Method::Invite => self.on_reinvite(now, server, request, id, path),
            Method::Prack => self.on_prack(now, server, request, id),
            Method::Update => self.on_update(now, server, request, id, &dialog.remote_tag),
            Method::Refer => self.on_refer(now, server, request, id),
            Method::Info => self.on_info(now, server, &request, id),
            Method::Message => self.on_call_text(now, server, &request, id, &path),
            Method::Notify if of_refer => self.on_refer_notify(now, server, &request, id),
            Method::Subscribe if of_refer => self.on_refer_subscribe(now, server, &request, id),
            Method::Notify => self.refuse(now, server, &request, 481),
            Method::Subscribe => self.refuse(now, server, &request, 489),
            _ => self.refuse(now, server, &request, 405),
        }
    }

    /// Answers with a status and nothing more.
    pub(super) fn refuse(&mut self, now: Instant, server: ServerId, request: &Request, status: u16) {
        let tag = self.new_tag();
        let response = self.response(request, status, &tag);
        self.respond(now, server, &response);
    }
}

/// Does the request belong to a dialog?
fn is_inside(request: &Request) -> bool {
    request.to().is_ok_and(|to| to.tag().is_some())
}

/// Where a response goes: over a stream back on its connection, and only where
/// that is gone to the address of the Via (RFC 3261 section 18.2.2). `note_source` has put an address into the
/// Via, so a name can only come from `maddr`; the source is the better choice
/// then, as there is no DNS in this layer.
fn response_peer(via: &Via, source: &Peer) -> Peer {
    let mut peer = source.clone();
    if source.protocol.is_reliable() {
        // The port it came from is good for its own connection only.
        peer.remote.set_port(via.port.unwrap_or_else(|| source.protocol.default_port()));
    } else if let (Host::Ip(ip), port) = via.response_target() {
        peer.remote = SocketAddr::new(ip, port);
    }
    peer
}
