//! Section 3.1.1: what is valid.

use super::*;

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
