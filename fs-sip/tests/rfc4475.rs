//! The torture test messages of RFC 4475, written from its descriptions and
//! named by its sections, through the whole core. Where the RFC leaves a
//! choice, the choice stands beside the message.

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

#[test]
fn s3_1_1_1_a_short_tortuous_invite() {
    let r = request(WSINV);
    assert_eq!(r.uri.to_string(), "sip:vivekg@chair-dnrc.example.com;unknownparam");
    let to = r.to().expect("To");
    assert_eq!((to.display_name.as_deref(), to.tag()), (None, Some("1918181833n")));
    let from = r.from().expect("From");
    assert_eq!((from.display_name.as_deref(), from.tag()), (Some(r#"J Rosen \""#), Some("98asjd8")));
    assert_eq!(r.cseq().expect("CSeq").number, 9);
    assert_eq!(r.headers.text(name::MAX_FORWARDS).as_deref(), Some("0068"));
    let vias: Vec<Via> = r.headers.typed_all().expect("Vias");
    let shown: Vec<String> =
        vias.iter().map(|v| format!("{} {} {:?}", v.transport, v.host, v.branch())).collect();
    assert_eq!(
        shown,
        [
            "UDP 192.0.2.2 None",
            "TCP spindle.example.com Some(\"z9hG4bK9ikj8\")",
            "UDP 192.168.255.111 Some(\"z9hG4bK30239\")"
        ]
    );
    let contact = r.headers.typed::<Contact>().expect("Contact").expect("there");
    let contact = contact.address().expect("an address");
    assert_eq!(contact.display_name.as_deref(), Some("Quoted string \"\""));
    assert_eq!(contact.params.raw("q"), Some("0.33"));
    assert_eq!(contact.params.raw("newparam"), Some("newvalue"));
    assert_eq!(
        r.headers.text("NewFangledHeader").as_deref(),
        Some("newfangled value continued newfangled value")
    );
    assert_eq!(r.headers.text("UnknownHeaderWithUnusualValue").as_deref(), Some(";;,,;;,;"));
    assert_eq!(r.headers.text(name::SUBJECT).as_deref(), Some(""));
    assert_eq!(r.body.len(), 13);
}

#[test]
fn s3_1_1_2_wide_range_of_valid_characters() {
    let r = request(
        "!interesting-Method0123456789_*+`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*\
         :&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0
Via: SIP/2.0/UDP host1.example.com;branch=z9hG4bK-.!%66*_+`'~
To: \"BEL:\\\u{7} NUL:\\\0 DEL:\\\u{7f}\" <sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com>
From: token1~` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%=\"работающий\";tag=_token~1'+`*%!-.
Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{
CSeq: 139122385 !interesting-Method0123456789_*+`.%indeed'~
Max-Forwards: 255
extensionHeader-!.%*+_`'~:\u{fecb}\u{fee3}
Content-Length: 0

",
    );
    assert_eq!(r.method.as_str(), "!interesting-Method0123456789_*+`.%indeed'~");
    assert_eq!(r.from().expect("From").params.value("fromParam''~+*_!.-%").as_deref(), Some("работающий"));
    assert_eq!(r.to().expect("To").display_name.as_deref(), Some("BEL:\u{7} NUL:\0 DEL:\u{7f}"));
    assert!(r.call_id().expect("Call-ID").starts_with("intmeth.word%ZK"));
    assert_eq!(r.headers.text("extensionHeader-!.%*+_`'~").as_deref(), Some("\u{fecb}\u{fee3}"));
}

#[test]
fn s3_1_1_3_and_4_escapes() {
    let r = request(
        "INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0
To: sip:%75se%72@example.com
From: <sip:I%20have%20spaces@example.net>;tag=938
Max-Forwards: 87
i: esc01.239409asdfakjkn23onasd0-3234
CSeq: 234234 INVITE
Via: SIP/2.0/UDP host5.example.net;branch=z9hG4bKkdjuw
C: application/sdp
Contact: <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>
Content-Length: 0

",
    );
    assert_eq!(r.uri.user().as_deref(), Some("sips:user@example.com"));
    assert_eq!(r.to().expect("To").uri.user().as_deref(), Some("user"));
    assert_eq!(r.from().expect("From").uri.user().as_deref(), Some("I have spaces"));
    let text = String::from_utf8_lossy(&r.encode()).into_owned();
    assert!(text.contains("n%61me=v%61lue%25%34%31") && !text.contains("%25253"), "nothing is escaped twice");
    let r = request(
        "REGISTER sip:example.com SIP/2.0
To: sip:null-%00-null@example.com
From: sip:null-%00-null@example.com;tag=839923423
Max-Forwards: 70
Call-ID: escnull.39203ndfvkjdasfkq3w4otrq0adsfdfnavd
CSeq: 14398234 REGISTER
Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bKkdjuw
Contact: <sip:%00@host5.example.com>
Contact: <sip:%00%00@host5.example.com>
L:0

",
    );
    assert_eq!(r.to().expect("To").uri.user().as_deref(), Some("null-\0-null"));
    assert_eq!(r.headers.typed_all::<Contact>().map(|c| c.len()), Ok(2));
}

#[test]
fn s3_1_1_5_to_8() {
    let r = request(
        "RE%47IST%45R sip:registrar.example.com SIP/2.0
To: \"%Z%45\" <sip:resource@example.com>
From: \"%Z%45\" <sip:resource@example.com>;tag=f232jadfj23
Call-ID: esc02.asdfnqwo34rq23i34jrjasdcnl23nrlknsdf
Via: SIP/2.0/TCP host.example.com;branch=z9hG4bK209%fzsnel234
CSeq: 29344 RE%47IST%45R
Max-Forwards: 70
Contact: <sip:alias1@host1.example.com>
C%6Fntact: <sip:alias2@host2.example.com>
Contact: <sip:alias3@host3.example.com>
l: 0

",
    );
    assert_eq!(r.method.as_str(), "RE%47IST%45R", "not REGISTER");
    assert_eq!(r.headers.all(name::CONTACT).count(), 2);
    let r = request(
        "OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: caller<sip:caller@example.com>;tag=323
Max-Forwards: 70
Call-ID: lwsdisp.1234abcd@funky.example.com
CSeq: 60 OPTIONS
Via: SIP/2.0/UDP funky.example.com;branch=z9hG4bKkdjuw
l: 0

",
    );
    assert_eq!(r.from().expect("From").display_name.as_deref(), Some("caller"));
    let long = "verylong".repeat(40);
    let r = request(&format!(
        "INVITE sip:user@example.com SIP/2.0
To: \"I have a user name of {long}\"<sip:user@example.com:6000;unknownparam1={long};longparam{long}=shortvalue>
F: sip:{long}@example.net;tag=12982{long}424;unknownheaderparam{long}={long}
Call-ID: longreq.one{long}callid
CSeq: 3882340 INVITE
Unknown-{long}-Header: unknown-{long}-value; unknown-{long}-parameter-name = unknown-{long}-value
Via: SIP/2.0/TCP sip33.example.com
v: SIP/2.0/TCP sip32.example.com, SIP/2.0/TCP sip31.example.com;branch={long}
Max-Forwards: 70
Contact: <sip:{long}@host5.example.net>
Content-Type: application/sdp
l: 5

v=0
"
    ));
    assert_eq!(r.headers.all(name::VIA).count(), 3);
    let first = "REGISTER sip:example.com SIP/2.0
To: sip:j.user@example.com
From: sip:j.user@example.com;tag=43251j3j324
Max-Forwards: 8
I: dblreq.0ha0isndaksdj99sdfafnl3lk233412
Contact: sip:j.user@host.example.com
CSeq: 8 REGISTER
Via: SIP/2.0/UDP 192.0.2.125;branch=z9hG4bKkdjuw23492
Content-Length: 0

";
    assert_eq!(request(&format!("{first}\n{WSINV}")).body, b"", "the second message is not body");
}

#[test]
fn s3_1_1_9_to_13() {
    let r = request(
        "OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0
To: sip:j_user@example.com
From: sip:caller@example.org;tag=33242
Max-Forwards: 3
Call-ID: semiuri.0ha0isndaksdj
CSeq: 8 OPTIONS
Accept: application/sdp, application/pkcs7-mime,
        multipart/mixed, multipart/signed,
        message/sip, message/sipfrag
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKkdjuw
l: 0

",
    );
    assert_eq!(r.uri.user().as_deref(), Some("user;par=u@example.net"));
    let r = request(
        "OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: <sip:caller@example.com>;tag=323
Max-Forwards: 70
Call-ID:  transports.kijh4akdnaqjkwendsasfdj
Accept: application/sdp
CSeq: 60 OPTIONS
Via: SIP/2.0/UDP t1.example.com;branch=z9hG4bKkdjuw
Via: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKklasjdhf
Via: SIP/2.0/TLS t3.example.com;branch=z9hG4bK2980unddj
Via: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKasd0f3en
Via: SIP/2.0/TCP t5.example.com;branch=z9hG4bK0a9idfnee
l: 0

",
    );
    let transports: Vec<Via> = r.headers.typed_all().expect("Vias");
    assert_eq!(transports[3].transport, "UNKNOWN");
    let r = response(
        "SIP/2.0 200 = 2**3 * 5**2 но сто девяносто девять - простое
Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923
Call-ID: unreason.1234ksdfak3j2erwedfsASdf
CSeq: 35 INVITE
From: sip:user@example.com;tag=11141343
To: sip:user@example.edu;tag=2229
Content-Length: 0

",
    );
    assert_eq!(r.reason, "= 2**3 * 5**2 но сто девяносто девять - простое");
    let r = response(
        "SIP/2.0 100 \nVia: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe
Call-ID: noreason.asndj203insdf99223ndf
CSeq: 35 INVITE
From: <sip:user@example.com>;tag=39ansfi3
To: <sip:user@example.edu>;tag=902jndnke3
Content-Length: 0
Contact: <sip:user@host105.example.com>

",
    );
    assert_eq!((r.status, r.reason.as_str()), (100, ""));
}

#[test]
fn s3_1_1_11_multipart_bodies_are_byte_exact() {
    let body = b"--7a9cbec02ceef655\r\nContent-Type: text/plain\r\n\r\nHello\r\n--7a9cbec02ceef655\r\nContent-Type: \
                 application/octet-stream\r\n\r\n\x30\x82\x01\x00\xff\r\n\r\n\x00\n\r--7a9cbec02ceef655--\r\n";
    let mut data = crlf(&format!(
        "MESSAGE sip:kumiko@example.org SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK-d87543-4dade06d0bdb11ee-1--d87543-;rport
Max-Forwards: 70
Route: <sip:127.0.0.1:5080>
To: <sip:kumiko@example.org>
From: <sip:fluffy@example.com>;tag=2fb0dcc9
Call-ID: 3d9485ad0c49859b@Zmx1ZmZ5LW1hYy0xNi5sb2NhbA..
CSeq: 1 MESSAGE
Content-Type: multipart/mixed;boundary=7a9cbec02ceef655
Content-Length: {}

",
        body.len()
    ));
    data.extend_from_slice(body);
    let Ok(Datagram::Message(message)) = parse_datagram(&data) else { panic!("refused") };
    let Message::Request(r) = *message else { panic!("a response") };
    assert_eq!(r.body, body);
    assert!(r.encode().ends_with(body));
}

/// A request that is right; the invalid ones differ in one place.
fn invite(changes: &[(&str, &str)]) -> String {
    let mut text = "INVITE sip:user@example.com SIP/2.0
Max-Forwards: 55
To: sip:j.user@example.com
From: sip:caller@example.net;tag=134161461246
Call-ID: x.0ha0isndaksdjasdf3234nas
CSeq: 8 INVITE
Via: SIP/2.0/UDP 192.0.2.15;branch=z9hG4bKkdjuw
Contact: <sip:joe@example.org>

"
    .to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    text
}

#[test]
fn s3_1_2_invalid_messages() {
    let sdp = "\nContent-Type: application/sdp\nContent-Length: ";
    refused("3.1.2.1 extra separators", &invite(&[("192.0.2.15;", "192.0.2.15;;,;,,;")]), 400);
    refused("3.1.2.1 in Contact", &invite(&[("joe@example.org>", "joe@example.org>;;;;")]), 400);
    refused("3.1.2.2 length too large", &invite(&[("\n\n", &format!("{sdp}9999\n\nv=0\n"))]), 400);
    refused("3.1.2.3 length negative", &invite(&[("\n\n", &format!("{sdp}-999\n\nv=0\n"))]), 400);
    refused(
        "3.1.2.4 request scalar values out of range",
        &invite(&[("CSeq: 8", "CSeq: 36893488147419103232"), ("55", "300")]),
        400,
    );
    dropped(
        "3.1.2.5 response scalar values out of range",
        "SIP/2.0 503 Service Unavailable
Via: SIP/2.0/TCP host129.example.com;branch=z9hG4bKzzxdiwo34sw;received=192.0.2.129
To: <sip:user@example.com>
From: <sip:other@example.net>;tag=2easdjfejw
CSeq: 9292394834772304023312 OPTIONS
Call-ID: scalarlg.noase0of0234hn2qofoaf0232aewf2394r
Retry-After: 949302838503028349304023988
Warning: 1812 overture \"In Progress\"
Content-Length: 0

",
    );
    refused(
        "3.1.2.6 open quote",
        &invite(&[("sip:j.user@", "\"Mr. J. User <sip:j.user@"), ("com\nFrom", "com>\nFrom")]),
        400,
    );
    refused(
        "3.1.2.7 Request-URI in <>",
        &invite(&[("sip:user@example.com SIP", "<sip:user@example.com> SIP")]),
        400,
    );
    refused("3.1.2.8 LWS in the Request-URI", &invite(&[("com SIP", "com; lr SIP")]), 400);
    refused("3.1.2.9 several SP in the Request-Line", &invite(&[("INVITE sip", "INVITE  sip")]), 400);
    refused("3.1.2.10 SP at its end", &invite(&[("SIP/2.0\n", "SIP/2.0 \n")]), 400);
    // The RFC lets an element cut the header part off; refusing is the choice.
    refused(
        "3.1.2.11 headers in the Request-URI",
        &invite(&[("com SIP", "com?Route=%3Csip:example.com%3E SIP")]),
        400,
    );
    // The RFC allows ignoring a Date in another zone; that is the choice.
    offered("3.1.2.12 Date not in GMT", &invite(&[("Max-", "Date: Fri, 01 Jan 2010 16:00:00 EST\nMax-")]));
    refused(
        "3.1.2.13 Contact without <>",
        &invite(&[("<sip:joe@example.org>", "sip:user@example.com?Route=%3Csip:sip.example.com%3E")]),
        400,
    );
    refused(
        "3.1.2.14 spaces in addr-spec",
        &invite(&[("sip:j.user@example.com", "\"Watson, Thomas\" < t.watson@example.org >")]),
        400,
    );
    refused(
        "3.1.2.15 display name needs quotes",
        &invite(&[("sip:caller@example.net", "Bell, Alexander <sip:a.g.bell@example.com>")]),
        400,
    );
    refused("3.1.2.16 version", &invite(&[("SIP/2.0", "SIP/7.0")]), 505);
    refused("3.1.2.17 method mismatch", &invite(&[("8 INVITE", "8 OPTIONS")]), 400);
    // 501 would be as good; the mismatch is the more certain fault.
    refused("3.1.2.18 unknown method mismatch", &invite(&[("INVITE sip", "NEWMETHOD sip")]), 400);
    dropped(
        "3.1.2.19 overlarge response code",
        "SIP/2.0 4294967301 better not break the receiver
Via: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe
Call-ID: bigcode.asdof3uj203asdnf3429uasdhfas3ehjasdfas9i
CSeq: 353494 INVITE
From: <sip:user@example.com>;tag=39ansfi3
To: <sip:user@example.edu>;tag=902jndnke3
Content-Length: 0

",
    );
}

#[test]
fn s3_2_transaction_layer() {
    offered("3.2.1 branch without anything behind the cookie", &invite(&[("z9hG4bKkdjuw", "z9hG4bK")]));
}

#[test]
fn s3_3_application_layer() {
    refused(
        "3.3.1 missing headers",
        "INVITE sip:user@example.com SIP/2.0
CSeq: 193942 INVITE
Via: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf
Content-Length: 0

",
        400,
    );
    refused(
        "3.3.2 unknown scheme",
        &invite(&[("sip:user@example.com SIP", "nobodyKnowsThisScheme:totallyopaquecontent SIP")]),
        416,
    );
    refused(
        "3.3.3 known, but odd scheme",
        &invite(&[("sip:user@example.com SIP", "soap.beep://192.0.2.103:3002 SIP")]),
        416,
    );
    let other = [
        ("sip:j.user@example.com", "isbn:2983792873"),
        ("sip:caller@example.net", "<http://www.example.com>"),
    ];
    offered("3.3.4 unknown schemes in From and To", &invite(&other));
    refused(
        "3.3.5 Require and Proxy-Require",
        &invite(&[(
            "Max-",
            "Require: nothingSupportsThis, nothingSupportsThisEither\nProxy-Require: noProxiesSupportThis\nMax-",
        )]),
        420,
    );
    refused(
        "3.3.6 unknown type",
        &invite(&[("\n\n", "\nContent-Type: application/unknownformat\nContent-Length: 5\n\nhello")]),
        415,
    );
    let authorization = "Authorization: NoOneKnowsThisScheme opaque-data=here\nMax-";
    offered("3.3.7 unknown authorization scheme", &invite(&[("Max-", authorization)]));
    refused("3.3.8 several values where one may stand", &invite(&[("CSeq", "CSeq: 5 INVITE\nCSeq")]), 400);
    refused(
        "3.3.9 several Content-Length",
        &invite(&[("\n\n", "\nContent-Length: 5\nContent-Length: 5\n\nhello")]),
        400,
    );
    let broadcast = "SIP/2.0 200 OK
Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923
Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23
Call-ID: bcast.0384840201234ksdfak3j2erwedfsASdf
CSeq: 35 INVITE
From: sip:user@example.com;tag=11141343
To: sip:user@example.edu;tag=2229
Content-Length: 0

";
    assert_eq!(judged(broadcast), (vec![], vec![]), "3.3.10 a response with a foreign second Via");
    offered("3.3.11 Max-Forwards of zero is good for an endpoint", &invite(&[("55", "0")]));
    let params = request(
        "REGISTER sip:example.com SIP/2.0
Via: SIP/2.0/UDP saturn.example.com:5060;branch=z9hG4bKkdjuw
Max-Forwards: 70
From: sip:watson@example.com;tag=DkfVgjkrtMwaerKKpe
To: sip:watson@example.com
Call-ID: cparam01.70710@saturn.example.com
CSeq: 2 REGISTER
Contact: sip:+19725552222@gw1.example.net;unknownparam
Contact: <sip:+19725552222@gw1.example.net;unknownparam>
l: 0

",
    );
    let contacts: Vec<Contact> = params.headers.typed_all().expect("Contacts");
    let [bare, bracketed] = [0, 1].map(|i| contacts[i].address().expect("an address"));
    assert!(bare.params.contains("unknownparam") && !bare.uri.params().contains("unknownparam"), "3.3.12");
    assert!(
        !bracketed.params.contains("unknownparam") && bracketed.uri.params().contains("unknownparam"),
        "3.3.13"
    );
    let escaped = "<sip:user@example.com?Route=%3Csip:sip.example.com%3E>";
    let regescrt = request(&invite(&[("<sip:joe@example.org>", escaped)]));
    let contact = regescrt.headers.typed::<Contact>().expect("Contact").expect("there");
    assert_eq!(
        contact.address().and_then(|a| a.uri.headers()),
        Some("Route=%3Csip:sip.example.com%3E"),
        "3.3.14"
    );
    refused("3.3.15 unacceptable Accept", &invite(&[("Max-", "Accept: text/nobodyKnowsThis\nMax-")]), 406);
}

/// Without tags, without a cookie in the branch, without Max-Forwards.
#[test]
fn s3_4_backward_compatibility() {
    let text = "INVITE sip:UserB@example.com SIP/2.0
Via: SIP/2.0/UDP iftgw.example.com
From: <sip:+13035551111@ift.client.example.net;user=phone>
Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>
To: sip:+16505552222@ss1.example.net;user=phone
Call-ID: inv2543.1717@ift.client.example.com
CSeq: 56 INVITE
Contact: <sip:UserB@host.example.net>
Content-Type: application/sdp

v=0
";
    let Event::Incoming { from, .. } = offered("3.4.1", text) else { panic!("no call") };
    assert_eq!(from.tag(), None);
    assert_eq!(request(text).headers.typed_all::<Supported>().map(|s| s.len()), Ok(0));
    assert_eq!(request(text).headers.typed::<CSeq>().map(|c| c.map(|c| c.number)), Ok(Some(56)));
}
