//! REFER inside a dialog (RFC 3515) with the subscription it makes, or none
//! (`Refer-Sub: false`, RFC 4488); one at a time in each direction.
//!
//! ```text
//!  ours:   REFER --2xx: ReferResult--> watching --NOTIFY: ReferProgress--+
//!            |>= 300: ReferResult         |  ^---------------------------+
//!            V                            | terminated, 90 s: last ReferProgress
//!          gone <-------------------------+
//!
//!  theirs: Refer --AnswerRefer 2xx: 202, NOTIFY 100--> told --NotifyRefer: NOTIFY--+
//!            |AnswerRefer >= 300                        |  ^-----------------------+
//!            V                                          | final status, 90 s: NOTIFY terminated
//!          gone <---------------------------------------+
//! ```

use std::time::Instant;

use super::answers::{add_headers, body_of};
use super::command::{InviteId, ReferTarget};
use super::core::{EndpointCore, Purpose, Wait};
use super::event::Event;
use crate::limits;
use crate::transaction::ServerId;
use crate::wire::headers::{ReferTo, ReferredBy, Replaces, has_option, name};
use crate::wire::{Method, NameAddr, Params, Request, Response, default_reason};

/// The option tag of a REFER without subscription.
pub(super) const OPTION: &str = "norefersub";

/// Our REFER whose progress we hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReferOut {
    /// Its CSeq number: the id of the subscription.
    cseq: u32,
    /// It is accepted.
    accepted: bool,
}

/// Their REFER whose progress we tell.
#[derive(Debug)]
pub(super) struct ReferIn {
    cseq: u32,
    /// Not answered yet.
    pub(super) request: Option<(ServerId, Request)>,
    subscribed: bool,
    /// What the peer was told last.
    told: (u16, String),
}

/// Ours.
impl EndpointCore {
    pub(super) fn refer(
        &mut self,
        now: Instant,
        id: InviteId,
        target: &ReferTarget,
        subscribe: bool,
        headers: &[(String, String)],
    ) {
        let Some(refer_to) = self.refer_to(target) else {
            return self.refer_result(id, 481, default_reason(481), false);
        };
        let Some(session) = self.session(id).filter(|s| !s.is_leaving()) else { return };
        if session.refer_out.is_some() {
            return self.refer_result(id, 491, default_reason(491), false);
        }
        let referred_by = session.leg.dialog.local().clone();
        let mut request = session.leg.dialog.new_request(Method::Refer);
        let cseq = request.cseq().map(|c| c.number).unwrap_or_default();
        session.refer_out = Some(ReferOut { cseq, accepted: false });
        request.headers.push(name::REFER_TO, refer_to);
        let mut referred_by = NameAddr { params: Params::new(), ..referred_by };
        referred_by.display_name = None;
        request.headers.push_typed(&ReferredBy(referred_by));
        if !subscribe {
            request.headers.push(name::REFER_SUB, "false");
            request.headers.push(name::REQUIRE, OPTION);
        }
        self.add_abilities(&mut request.headers, true);
        self.push_user_agent(&mut request.headers);
        add_headers(&mut request.headers, headers);
        self.waits.set((id, Wait::ReferOut), Some(now + limits::REFER_TIME));
        self.send(request, Purpose::Refer(id));
    }

    /// The value of Refer-To: for another session of ours the peer's target
    /// with the Replaces that takes that session over.
    fn refer_to(&mut self, target: &ReferTarget) -> Option<String> {
        match target {
            ReferTarget::Address(address) => Some(address.to_string()),
            ReferTarget::Session(other) => {
                let dialog = &self.session(*other)?.leg.dialog;
                let names = dialog.id();
                let replaces = Replaces {
                    call_id: names.call_id.clone(),
                    to_tag: names.remote_tag.clone(),
                    from_tag: names.local_tag.clone(),
                    early_only: false,
                };
                let uri = dialog.remote_target().to_request_uri();
                Some(format!("<{uri}?Replaces={}>", escape_header(&replaces.to_string())))
            }
        }
    }

    pub(super) fn on_refer_response(&mut self, id: InviteId, response: &Response) {
        if response.is_provisional() {
            return;
        }
        let refused = response.headers.text(name::REFER_SUB).is_some_and(|t| is_false(&t));
        let Some(out) = self.session(id).and_then(|s| s.refer_out.as_mut()) else { return };
        out.accepted = response.is_success();
        if !response.is_success() || refused {
            self.end_refer_out(id);
        }
        let subscribed = response.is_success() && !refused;
        self.refer_result(id, response.status, &response.reason, subscribed);
    }

    pub(super) fn refer_failed(&mut self, id: InviteId, status: u16, reason: &str) {
        if self.session(id).is_some_and(|s| s.refer_out.is_some()) {
            self.end_refer_out(id);
            self.refer_result(id, status, reason, false);
        }
    }

    /// No NOTIFY has ended it.
    pub(super) fn refer_out_due(&mut self, id: InviteId) {
        let Some(out) = self.session(id).and_then(|s| s.refer_out.take()) else { return };
        if out.accepted {
            let reason = default_reason(408).to_owned();
            self.event(Event::ReferProgress { id, status: 408, reason, last: true });
        } else {
            self.refer_result(id, 408, default_reason(408), false);
        }
    }

    fn end_refer_out(&mut self, id: InviteId) {
        self.waits.set((id, Wait::ReferOut), None);
        if let Some(session) = self.session(id) {
            session.refer_out = None;
        }
    }

    fn refer_result(&mut self, id: InviteId, status: u16, reason: &str, subscribed: bool) {
        self.event(Event::ReferResult { id, status, reason: reason.to_owned(), subscribed });
    }

    /// A NOTIFY for the package `refer`; it may come before the 2xx to the
    /// REFER (RFC 3515 section 2.4.4).
    pub(super) fn on_refer_notify(
        &mut self,
        now: Instant,
        server: ServerId,
        request: &Request,
        id: InviteId,
    ) {
        let out = self.session(id).and_then(|s| s.refer_out);
        let wanted = subscription_id(request);
        let Some(out) = out.filter(|out| wanted.is_none_or(|id| id == out.cseq)) else {
            return self.refuse(now, server, request, 481);
        };
        let state = request.headers.text(name::SUBSCRIPTION_STATE).map(|t| t.into_owned());
        let Some(state) = state else { return self.refuse(now, server, request, 400) };
        self.refuse(now, server, request, 200);
        let last = state.split(';').next().is_some_and(|s| s.trim().eq_ignore_ascii_case("terminated"));
        let body = body_of(&request.headers, &request.body);
        let told = body.and_then(|body| status_of_fragment(&body.data));
        if let Some(session) = self.session(id) {
            session.refer_out = (!last).then_some(ReferOut { accepted: true, ..out });
        }
        self.waits.set((id, Wait::ReferOut), (!last).then(|| now + limits::REFER_TIME));
        match told {
            Some((status, reason)) => self.event(Event::ReferProgress { id, status, reason, last }),
            None if last => {
                let reason = state.chars().take(200).collect();
                self.event(Event::ReferProgress { id, status: 0, reason, last });
            }
            None => {}
        }
    }
}

/// Theirs.
impl EndpointCore {
    pub(super) fn on_refer(&mut self, now: Instant, server: ServerId, request: Request, id: InviteId) {
        let Some(session) = self.session(id) else { return self.refuse(now, server, &request, 481) };
        if session.is_leaving() {
            return self.refuse(now, server, &request, 481);
        }
        if session.refer_in.is_some() {
            return self.refuse(now, server, &request, 480);
        }
        let several = request.headers.all(name::REFER_TO).count() != 1;
        let refer_to = request.headers.typed::<ReferTo>().ok().flatten();
        let Some(ReferTo(refer_to)) = refer_to.filter(|_| !several) else {
            return self.refuse(now, server, &request, 400);
        };
        let referred_by = request.headers.typed::<ReferredBy>().ok().flatten().map(|r| r.0);
        let unwanted = request.headers.text(name::REFER_SUB).is_some_and(|t| is_false(&t));
        let cseq = request.cseq().map(|c| c.number).unwrap_or_default();
        session.refer_in = Some(ReferIn {
            cseq,
            request: Some((server, request)),
            subscribed: !unwanted,
            told: (100, default_reason(100).to_owned()),
        });
        self.event(Event::Refer { id, refer_to, referred_by, subscribed: !unwanted });
    }

    pub(super) fn answer_refer(&mut self, now: Instant, id: InviteId, status: u16, reason: Option<String>) {
        if !(200..700).contains(&status) {
            return;
        }
        let Some(refer) = self.session(id).and_then(|s| s.refer_in.as_mut()) else { return };
        let Some((server, request)) = refer.request.take() else { return };
        let subscribed = refer.subscribed;
        let status = if status < 300 { 202 } else { status };
        let local = self.local_of(id);
        let mut response = self.response(&request, status, "");
        if let Some(reason) = reason {
            response.reason = reason;
        }
        if let Some(local) = local.filter(|_| status < 300) {
            response.headers.push(name::CONTACT, self.contact_of_response(&request, local));
        }
        if status < 300 && !subscribed {
            response.headers.push(name::REFER_SUB, "false");
            if has_option(&request.headers, name::SUPPORTED, OPTION) {
                response.headers.push(name::SUPPORTED, OPTION);
            }
        }
        self.respond(now, server, &response);
        if status < 300 && subscribed {
            self.waits.set((id, Wait::ReferIn), Some(now + limits::REFER_TIME));
            self.send_refer_notify(now, id, "");
        } else {
            self.end_refer_in(id);
        }
    }

    /// Tells the peer how far its REFER has come.
    pub(super) fn notify_refer(&mut self, now: Instant, id: InviteId, status: u16, reason: Option<String>) {
        if !(100..700).contains(&status) {
            return;
        }
        let Some(refer) = self.session(id).and_then(|s| s.refer_in.as_mut()) else { return };
        if refer.request.is_some() {
            return;
        }
        refer.told = (status, reason.unwrap_or_else(|| default_reason(status).to_owned()));
        self.send_refer_notify(now, id, if status < 200 { "" } else { "noresource" });
    }

    pub(super) fn refer_in_due(&mut self, now: Instant, id: InviteId) {
        self.send_refer_notify(now, id, "timeout");
    }

    /// A SUBSCRIBE inside the dialog for the package `refer`: refreshes the
    /// subscription or ends it (RFC 3515 section 2.4.4, RFC 6665 section
    /// 4.2.1).
    pub(super) fn on_refer_subscribe(
        &mut self,
        now: Instant,
        server: ServerId,
        request: &Request,
        id: InviteId,
    ) {
        let wanted = subscription_id(request);
        let refer = self.session(id).and_then(|s| s.refer_in.as_ref());
        let known = refer.is_some_and(|r| r.request.is_none() && wanted.is_none_or(|id| id == r.cseq));
        if !known {
            return self.refuse(now, server, request, 481);
        }
        let asked = request.headers.text(name::EXPIRES).and_then(|t| t.trim().parse::<u64>().ok());
        let longest = limits::REFER_TIME.as_secs();
        let granted = asked.unwrap_or(longest).min(longest);
        let mut response = self.response(request, 200, "");
        response.headers.push(name::EXPIRES, granted.to_string());
        if let Some(local) = self.local_of(id) {
            response.headers.push(name::CONTACT, self.contact_of_response(request, local));
        }
        self.respond(now, server, &response);
        let until = now + std::time::Duration::from_secs(granted);
        self.waits.set((id, Wait::ReferIn), Some(until));
        self.send_refer_notify(now, id, if granted == 0 { "timeout" } else { "" });
    }

    /// `end` is the reason for the end of the subscription; empty while it
    /// lives.
    fn send_refer_notify(&mut self, now: Instant, id: InviteId, end: &str) {
        let until = self.waits.get(&(id, Wait::ReferIn));
        let Some(session) = self.session(id) else { return };
        let Some(refer) = &session.refer_in else { return };
        let (subscribed, (status, reason), cseq) = (refer.subscribed, refer.told.clone(), refer.cseq);
        if subscribed && !session.is_leaving() {
            let mut request = session.leg.dialog.new_request(Method::Notify);
            let h = &mut request.headers;
            h.push(name::EVENT, format!("refer;id={cseq}"));
            let left = until.map_or(0, |until| until.saturating_duration_since(now).as_secs());
            h.push(
                name::SUBSCRIPTION_STATE,
                match end {
                    "" => format!("active;expires={left}"),
                    reason => format!("terminated;reason={reason}"),
                },
            );
            h.push(name::CONTENT_TYPE, "message/sipfrag;version=2.0");
            request.body = format!("SIP/2.0 {status} {reason}\r\n").into_bytes();
            self.push_user_agent(&mut request.headers);
            self.send(request, Purpose::ReferNotify(id));
        }
        if !end.is_empty() {
            self.end_refer_in(id);
        }
    }

    /// The peer does not know the subscription any more.
    pub(super) fn end_refer_in(&mut self, id: InviteId) {
        self.waits.set((id, Wait::ReferIn), None);
        if let Some(session) = self.session(id) {
            session.refer_in = None;
        }
    }
}

/// Is this a SUBSCRIBE or NOTIFY for the progress of a REFER?
pub(super) fn is_of_refer(request: &Request) -> bool {
    let event = request.headers.text(name::EVENT);
    event.is_some_and(|e| e.split(';').next().is_some_and(|p| p.trim().eq_ignore_ascii_case("refer")))
}

/// The `id` of the Event header.
fn subscription_id(request: &Request) -> Option<u32> {
    let event = request.headers.text(name::EVENT)?;
    let params = event.find(';').and_then(|at| Params::parse_header(&event[at..]).ok())?;
    params.raw("id")?.parse().ok()
}

/// Status and reason of a `message/sipfrag` that begins with a status line
/// (RFC 3420).
fn status_of_fragment(body: &[u8]) -> Option<(u16, String)> {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().next()?.trim_end();
    let rest = line.get(..8).filter(|v| v.eq_ignore_ascii_case("SIP/2.0 ")).map(|_| &line[8..])?;
    let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let status = status.parse().ok().filter(|s| (100..700).contains(s))?;
    Some((status, reason.chars().take(200).collect()))
}

fn is_false(text: &str) -> bool {
    text.split(';').next().is_some_and(|v| v.trim().eq_ignore_ascii_case("false"))
}

/// What may not stand in the header part of a URI as it is (RFC 3261 section
/// 25.1, `hvalue`).
fn escape_header(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'!' | b'~' | b'*' => {
                out.push(byte.into());
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_of_a_fragment() {
        type Row = (&'static [u8], Option<(u16, &'static str)>);
        let table: [Row; 7] = [
            (b"SIP/2.0 200 OK\r\n", Some((200, "OK"))),
            (b"SIP/2.0 100 Trying\r\nContact: <sip:x>\r\n", Some((100, "Trying"))),
            (b"sip/2.0 603", Some((603, ""))),
            (b"SIP/2.0 999 x", None),
            (b"INVITE sip:x SIP/2.0\r\n", None),
            (b"\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff", None),
            (b"", None),
        ];
        for (body, expected) in table {
            assert_eq!(status_of_fragment(body), expected.map(|(s, r)| (s, r.to_owned())));
        }
    }

    #[test]
    fn what_a_header_in_a_uri_may_not_hold() {
        assert_eq!(escape_header("a@b;to-tag=1"), "a%40b%3Bto-tag%3D1");
    }
}
