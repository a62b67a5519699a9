//! Dialogs made from messages, and the requests made from dialogs.

use super::*;
use crate::wire::{Datagram, Message, parse_datagram};

fn message(text: &str) -> Message {
    match parse_datagram(text.replace('\n', "\r\n").as_bytes()) {
        Ok(Datagram::Message(message)) => *message,
        other => panic!("no message: {other:?}"),
    }
}

fn request(text: &str) -> Request {
    match message(text) {
        Message::Request(request) => request,
        Message::Response(_) => panic!("not a request"),
    }
}

fn response(text: &str) -> Response {
    match message(text) {
        Message::Response(response) => response,
        Message::Request(_) => panic!("not a response"),
    }
}

const INVITE: &str = "INVITE sip:bob@b.example SIP/2.0
Via: SIP/2.0/UDP a.example;branch=z9hG4bK1
Record-Route: <sip:p1.example;lr>, <sip:p2.example;lr>
From: <sip:alice@a.example>;tag=at
To: <sip:bob@b.example>
Call-ID: c1
CSeq: 7 INVITE
Contact: <sip:alice@192.0.2.1:5062>

";

const OK: &str = "SIP/2.0 200 OK
Via: SIP/2.0/UDP a.example;branch=z9hG4bK1
Record-Route: <sip:p1.example;lr>
Record-Route: <sip:p2.example>
From: <sip:alice@a.example>;tag=at
To: <sip:bob@b.example>;tag=bt
Call-ID: c1
CSeq: 7 INVITE
Contact: <sip:bob@192.0.2.2>

";

fn routes(request: &Request) -> Vec<String> {
    request.headers.all(name::ROUTE).map(|h| h.text().into_owned()).collect()
}

#[test]
fn the_callee_keeps_the_order_of_the_proxies() {
    let mut dialog = Dialog::from_request(&request(INVITE), "bt", 100).expect("dialog");
    let bye = dialog.new_request(Method::Bye);
    assert_eq!(bye.uri.to_string(), "sip:alice@192.0.2.1:5062");
    assert_eq!(routes(&bye), ["<sip:p1.example;lr>", "<sip:p2.example;lr>"]);
    assert_eq!(bye.cseq().expect("CSeq").to_string(), "101 BYE");
    assert_eq!(bye.from().expect("From").tag(), Some("bt"));
    assert_eq!(bye.to().expect("To").tag(), Some("at"));
}

#[test]
fn the_caller_reverses_them_and_a_strict_router_takes_the_request_uri() {
    let mut dialog = Dialog::from_response(&request(INVITE), &response(OK)).expect("dialog");
    let bye = dialog.new_request(Method::Bye);
    assert_eq!(bye.uri.to_string(), "sip:p2.example");
    assert_eq!(routes(&bye), ["<sip:p1.example;lr>", "<sip:bob@192.0.2.2>"]);
    assert_eq!(bye.cseq().expect("CSeq").number, 8);
    assert_eq!(dialog.new_ack(7).cseq().expect("CSeq").to_string(), "7 ACK");
}

#[test]
fn an_answer_without_tag_makes_no_dialog() {
    let untagged = response(&OK.replace(";tag=bt", ""));
    assert!(Dialog::from_response(&request(INVITE), &untagged).is_err());
}

#[test]
fn the_target_follows_the_contact() {
    let mut dialog = Dialog::from_response(&request(INVITE), &response(OK)).expect("dialog");
    dialog.refresh_target(&response(&OK.replace("192.0.2.2", "192.0.2.3")).headers);
    assert_eq!(dialog.remote_target().to_string(), "sip:bob@192.0.2.3");
    dialog.refresh_target(&Headers::new());
    assert_eq!(dialog.remote_target().to_string(), "sip:bob@192.0.2.3");
}

#[test]
fn requests_out_of_order_are_told() {
    let mut dialog = Dialog::from_request(&request(INVITE), "bt", 100).expect("dialog");
    let with = |n: u32| request(&INVITE.replace("CSeq: 7", &format!("CSeq: {n}")));
    assert_eq!(dialog.check_order(&with(10)), Ok(()));
    assert_eq!(dialog.check_order(&with(10)), Err(OutOfOrder { got: 10, seen: 10 }));
    assert_eq!(dialog.check_order(&with(5)), Err(OutOfOrder { got: 5, seen: 10 }));
    assert_eq!(dialog.check_order(&with(11)), Ok(()));
}
