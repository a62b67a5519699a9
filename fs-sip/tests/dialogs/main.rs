//! What dialogs can do beyond a plain call, in virtual time.

mod early;
mod fates;
mod forks;
mod inside;
mod referrals;
mod timers;
mod updates;

#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;

use fs_sip::endpoint::{Body, Command, EndpointConfig, Event, InviteId, SessionTimerSettings};
use fs_sip::transport::memory::Weather;
use fs_sip::wire::headers::name;
use fs_sip::wire::{Message, Method, Request, Response};
use support::{World, established, sdp, uri};

fn configured(count: usize, change: impl Fn(&mut EndpointConfig)) -> World {
    let mut config = EndpointConfig::default();
    change(&mut config);
    World::with(vec![config; count], Weather::default(), 1)
}

fn reliable(count: usize) -> World {
    configured(count, |c| c.reliable_provisional = true)
}

fn body(text: &str) -> Body {
    sdp(text).expect("a body")
}

fn incoming(w: &mut World, n: u8) -> InviteId {
    match w.next_event(n) {
        Event::Incoming { id, .. } => id,
        other => panic!("no call: {other:?}"),
    }
}

fn progress(w: &mut World, n: u8) -> u16 {
    match w.next_event(n) {
        Event::Progress { status, .. } => status,
        other => panic!("no progress: {other:?}"),
    }
}

fn provisional(w: &mut World, n: u8, id: InviteId, status: u16, body: Option<Body>) {
    w.command(n, Command::Provisional { id, status, reason: None, body });
}

fn answer_offer(w: &mut World, n: u8, id: InviteId, status: u16, body: Option<Body>) {
    w.command(n, Command::AnswerReinvite { id, status, reason: None, body });
}

fn result(w: &mut World, n: u8) -> (u16, Option<Body>) {
    match w.next_event(n) {
        Event::ReinviteResult { status, body, .. } => (status, body),
        other => panic!("no result: {other:?}"),
    }
}

/// Everything ends and nothing stays behind.
fn ends(w: &mut World, n: u8, id: InviteId, parties: &[u8]) {
    w.hang_up(n, id);
    w.run_secs(80);
    for party in parties {
        assert_eq!((w.sessions(*party), w.transactions(*party)), (0, 0), "{party}: {:?}", w.events(*party));
    }
}

fn invite_text(more: &str) -> String {
    format!(
        "INVITE sip:user@10.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKa\nFrom: <sip:p@10.0.0.9>;tag=pt\n\
         To: <sip:user@10.0.0.1>\nCall-ID: c1\nCSeq: 1 INVITE\nContact: <sip:p@10.0.0.9>\n{more}\
         Content-Type: application/sdp\nContent-Length: 5\n\nv=0\n"
    )
}

/// The To of our last response to the scripted peer 9.
fn our_to(w: &World) -> String {
    let (_, response) = w.raw_responses(9).pop().expect("a response");
    response.headers.text(name::TO).expect("To").into_owned()
}

fn inside(method: &str, cseq: u32, to: &str, more: &str) -> String {
    format!(
        "{method} sip:user@10.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKi{cseq}{method}\n\
         From: <sip:p@10.0.0.9>;tag=pt\nTo: {to}\nCall-ID: c1\nCSeq: {cseq} {method}\nContact: <sip:p@10.0.0.9>\n{more}\n"
    )
}

/// The status that answers a request of the scripted peer.
fn ask(w: &mut World, text: &str) -> u16 {
    let before = w.raw_statuses(9).len();
    w.send_text(9, 1, text);
    w.run_for(Duration::from_millis(30));
    w.raw_statuses(9).get(before).copied().expect("answered")
}

fn timed(expires: Option<u32>, min_se: u32) -> impl Fn(&mut EndpointConfig) {
    move |config| config.session_timer = SessionTimerSettings { expires, min_se }
}

fn fork_answer(invite: &Request, status: u16, tag: &str, rseq: Option<u32>) -> Message {
    let mut response = Response::to_request(invite, status, tag);
    response.headers.push(name::CONTACT, format!("<sip:{tag}@10.0.0.9>"));
    response.headers.push(name::ALLOW, "INVITE, UPDATE, PRACK");
    if let Some(rseq) = rseq {
        response.headers.push(name::REQUIRE, "100rel");
        response.headers.push(name::RSEQ, rseq.to_string());
    }
    response.headers.push(name::CONTENT_TYPE, "application/sdp");
    response.body = format!("v=0\r\ns={tag}\r\n").into_bytes();
    Message::Response(response)
}

/// A request of the callee with this tag.
fn of_callee(invite: &Request, method: Method, tag: &str) -> Request {
    let mut request = Request::new(method.clone(), uri(1));
    let h = &mut request.headers;
    h.push(name::VIA, format!("SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bK{tag}{method}"));
    h.push(name::MAX_FORWARDS, "70");
    h.push(name::FROM, format!("<sip:x@10.0.0.9>;tag={tag}"));
    h.push(name::TO, invite.headers.text(name::FROM).expect("From").as_ref());
    h.push(name::CALL_ID, invite.call_id().expect("Call-ID"));
    h.push(name::CSEQ, format!("1 {method}"));
    request
}
