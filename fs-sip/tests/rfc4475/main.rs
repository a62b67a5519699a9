//! The torture test messages of RFC 4475, written from its descriptions and
//! named by its sections, through the whole core. Where the RFC leaves a
//! choice, the choice stands beside the message.

mod invalid;
mod valid;

#[path = "../support/mod.rs"]
mod support;

use std::time::Instant;

use fs_sip::endpoint::{EndpointConfig, EndpointCore, Event, Input, Output};
use fs_sip::transport::{Local, Peer};
use fs_sip::wire::headers::{CSeq, Contact, Supported, name};
use fs_sip::wire::{Datagram, Message, Request, Response, Via, parse_datagram};
use support::address;

fn crlf(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

fn read(text: &str) -> Message {
    match parse_datagram(&crlf(text)) {
        Ok(Datagram::Message(message)) => *message,
        other => panic!("refused: {other:?}\n{text}"),
    }
}

fn request(text: &str) -> Request {
    match read(text) {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a response"),
    }
}

fn response(text: &str) -> Response {
    match read(text) {
        Message::Response(response) => response,
        Message::Request(_) => panic!("a request"),
    }
}

/// What the endpoint does with a message: events, and statuses it sends.
fn judged(text: &str) -> (Vec<Event>, Vec<u16>) {
    let mut core = EndpointCore::new(EndpointConfig::default(), [1; 32]);
    let (source, local) = (Peer::udp(address(9)), Local::udp(address(1)));
    core.handle(Instant::now(), Input::Message { data: &crlf(text), source, local });
    let (mut events, mut statuses) = (Vec::new(), Vec::new());
    while let Some(output) = core.poll_output() {
        match output {
            Output::Event(event) => events.push(event),
            Output::Transmit(t) => {
                let line = String::from_utf8_lossy(&t.data).into_owned();
                statuses.push(line[8..11].parse().expect("a response"));
            }
            Output::Resolve(..) | Output::Reach(..) | Output::KeepAlive(..) | Output::Reconnect => {
                panic!("no request of ours is due")
            }
        }
    }
    (events, statuses)
}

/// Refused at once with this status.
fn refused(section: &str, text: &str, status: u16) {
    let (_, statuses) = judged(text);
    assert_eq!(statuses, [status], "{section}\n{text}");
}

/// Not answered, but counted.
fn dropped(section: &str, text: &str) {
    let (events, statuses) = judged(text);
    assert!(matches!(&events[..], [Event::Malformed { .. }]), "{section}: {events:?}");
    assert_eq!(statuses, [] as [u16; 0], "{section}");
}

/// An INVITE that reaches the application.
fn offered(section: &str, text: &str) -> Event {
    let (mut events, statuses) = judged(text);
    assert_eq!((events.len(), statuses.len()), (1, 0), "{section}: {events:?} {statuses:?}");
    events.remove(0)
}

const WSINV: &str = r#"INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0
TO :
 sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n
from   : "J Rosen \\\""       <sip:jdrosen@example.com>
  ;
  tag = 98asjd8
MaX-fOrWaRdS: 0068
Call-ID: wsinv.ndaksdj@192.0.2.1
Content-Length   : 13
cseq: 0009
  INVITE
Via  : SIP  /   2.0
 /UDP
    192.0.2.2;branch=390skdjuw
s :
NewFangledHeader:   newfangled value
 continued newfangled value
UnknownHeaderWithUnusualValue: ;;,,;;,;
Content-Type: application/sdp
Route:
 <sip:services.example.com;lr;unknownwith=value;unknown-no-value>
v:  SIP  / 2.0  / TCP     spindle.example.com   ;
  branch  =   z9hG4bK9ikj8  ,
 SIP  /    2.0   / UDP  192.168.255.111   ; branch=
 z9hG4bK30239
m:"Quoted string \"\"" <sip:jdrosen@example.com> ; newparam =
      newvalue ;
  secondparam ; q = 0.33

v=0
o=mhandley
"#;
