//! Codec tests that are not about one header alone.

use super::headers::{CSeq, Contact, ContentType, MaxForwards, name};
use super::*;
use crate::error::ParseError;
use crate::limits;

fn crlf(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

fn request(text: &str) -> Request {
    match parse_datagram(&crlf(text)) {
        Ok(Datagram::Message(message)) => match *message {
            Message::Request(request) => request,
            Message::Response(_) => panic!("a response"),
        },
        other => panic!("no request: {other:?}"),
    }
}

fn refused(text: &str) -> Malformed {
    parse_datagram(&crlf(text)).expect_err("must be refused")
}

const OPTIONS: &str = "OPTIONS sip:b@b.example SIP/2.0
Via: SIP/2.0/UDP a.example;branch=z9hG4bK1
From: <sip:a@a.example>;tag=1
To: <sip:b@b.example>
Call-ID: c
CSeq: 1 OPTIONS
";

#[test]
fn compact_folded_and_spaced_headers_are_the_long_ones() {
    let r = request(
        "OPTIONS sip:b@b.example SIP/2.0
v: SIP/2.0/UDP a.example;branch=z9hG4bK1,
  SIP / 2.0 / TCP b.example : 5070 ;branch=z9hG4bK2
f \t: <sip:a@a.example>
 ;tag=1
t:<sip:b@b.example>
i: c
cseq: 1
\tOPTIONS
k: timer, 100rel
l: 0

",
    );
    let vias: Vec<Via> = r.headers.typed_all().expect("Vias");
    assert_eq!(vias.len(), 2);
    assert_eq!((vias[1].transport.as_str(), vias[1].port), ("TCP", Some(5070)));
    assert_eq!(r.from().expect("From").tag(), Some("1"));
    assert_eq!(r.call_id().expect("Call-ID"), "c");
    let supported: Vec<_> = r.headers.all(name::SUPPORTED).map(|h| h.text().into_owned()).collect();
    assert_eq!(supported, ["timer", "100rel"]);
    assert_eq!(r.headers.get(name::CONTENT_LENGTH), None, "made from the body when written");
}

#[test]
fn bytes_that_are_no_utf8_stay() {
    let mut data = crlf(&format!("{OPTIONS}Subject: caf"));
    data.extend_from_slice(b"\xe9\r\nX-Odd: \x00\x07\xff\r\nContent-Length: 3\r\n\r\n\xff\x00\n");
    let Ok(Datagram::Message(message)) = parse_datagram(&data) else { panic!("no message") };
    let again = parse_datagram(&message.encode()).expect("reads what it wrote");
    assert_eq!(again, Datagram::Message(message.clone()));
    let Message::Request(r) = *message else { panic!("no request") };
    assert_eq!(r.headers.get(name::SUBJECT), Some(&b"caf\xe9"[..]));
    assert_eq!(r.headers.get("x-odd"), Some(&b"\x00\x07\xff"[..]));
    assert_eq!(r.body, b"\xff\x00\n");
}

#[test]
fn unknown_methods_and_headers_are_kept() {
    let r = request(&OPTIONS.replace("OPTIONS", "FROB").replace("Call-ID", "X-New: 1, 2\nCall-ID").add_end());
    assert_eq!(r.method, Method::Other("FROB".into()));
    assert_eq!(r.headers.get("X-New"), Some(&b"1, 2"[..]));
    assert!(String::from_utf8_lossy(&r.encode()).starts_with("FROB sip:b@b.example SIP/2.0\r\n"));
}

trait AddEnd {
    fn add_end(&self) -> String;
}

impl AddEnd for str {
    fn add_end(&self) -> String {
        format!("{self}\n")
    }
}

#[test]
fn content_length_rules_the_body() {
    let with = |length: &str, body: &str| format!("{OPTIONS}Content-Length: {length}\n\n{body}");
    assert_eq!(request(&with("3", "abcdef")).body, b"abc");
    assert_eq!(request(&format!("{OPTIONS}\nabc")).body, b"abc", "without it, all is body");
    for wrong in ["18446744073709551615", "18446744073709551616", "4", "-1", "+1", "1 2", ""] {
        let malformed = refused(&with(wrong, "abc"));
        assert_eq!(malformed.error.status_code(), 400, "{wrong}");
        assert!(malformed.answerable.is_some(), "{wrong}");
    }
    assert!(parse_datagram(&crlf(&with("3\nl: 3", "abc"))).is_err(), "twice");
}

#[test]
fn what_a_request_must_have() {
    for missing in ["Via", "From", "To", "Call-ID", "CSeq"] {
        let text: String =
            OPTIONS.lines().filter(|l| !l.starts_with(missing)).map(|l| format!("{l}\n")).collect();
        let malformed = refused(&text.add_end());
        assert!(malformed.error.found().contains(missing), "{malformed:?}");
        assert_eq!(malformed.answerable.is_some(), !matches!(missing, "Via" | "CSeq"), "{missing}");
    }
    for twice in [
        "From: <sip:a@a>",
        "To: <sip:a@a>",
        "Call-ID: d",
        "CSeq: 2 OPTIONS",
        "Max-Forwards: 1\nMax-Forwards: 2",
    ] {
        assert!(parse_datagram(&crlf(&format!("{OPTIONS}{twice}\n\n"))).is_err(), "{twice}");
    }
    assert_eq!(refused(&OPTIONS.replace("1 OPTIONS", "1 INVITE").add_end()).error.status_code(), 400);
    assert_eq!(
        refused(&OPTIONS.replace("b@b.example SIP/2.0", "b SIP/7.0").add_end()).error.status_code(),
        505
    );
    assert_eq!(
        refused(&OPTIONS.replace("b@b.example SIP/2.0", "b HTTP/1.1").add_end()).error.status_code(),
        400
    );
    assert!(refused(OPTIONS).error.what().contains("empty line"));
}

#[test]
fn limits_hold() {
    let many = format!("{OPTIONS}{}\n", "X: y\n".repeat(limits::MAX_HEADERS));
    assert_eq!(refused(&many).error.status_code(), 513);
    let commas = format!("{OPTIONS}Supported: {}\n\n", "a,".repeat(20_000));
    assert_eq!(refused(&commas).error.status_code(), 513);
    let long =
        OPTIONS.replace("sip:b@b.example SIP", &format!("sip:{}@b.example SIP", "b".repeat(limits::MAX_URI)));
    assert_eq!(refused(&long.add_end()).error.status_code(), 414);
}

#[test]
fn an_ack_is_never_answered() {
    let ack = OPTIONS.replace("OPTIONS sip", "ACK sip").replace("1 OPTIONS", "x ACK").add_end();
    assert_eq!(refused(&ack).answerable, None);
}

#[test]
fn keep_alives_are_no_messages() {
    for data in [&b""[..], b"\r\n", b"\r\n\r\n", b"\0\0\0\0"] {
        assert_eq!(parse_datagram(data), Ok(Datagram::KeepAlive));
    }
    let mut led = b"\r\n\r\n".to_vec();
    led.extend(crlf(&OPTIONS.add_end()));
    assert!(matches!(parse_datagram(&led), Ok(Datagram::Message(_))));
}

#[test]
fn uris_come_back_as_they_were() {
    for text in [
        "sip:alice@atlanta.example",
        "sip:alice:secretword@atlanta.example;transport=tcp",
        "sips:alice@atlanta.example?subject=project%20x&priority=urgent",
        "sip:+1-212-555-1212:1234@gateway.example;user=phone",
        "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
        "sip:user;par=u%40example.net@example.com",
        "sip:null-%00-null@example.com",
        "sip:[2001:db8::1]:5070;lr",
        "sip:a@192.0.2.4:5060;maddr=239.255.255.1;ttl=15",
        "tel:+358-555-1234567;postd=pp22",
        "urn:service:sos",
        "soap.beep://192.0.2.103:3002",
    ] {
        let uri = Uri::parse(text).expect(text);
        assert_eq!(uri.to_string(), text);
    }
}

#[test]
fn broken_uris_are_refused() {
    for text in [
        "",
        "sip",
        "sip:",
        "sip:@h",
        "sip:a@",
        "sip:a b@h",
        "sip:a@h:",
        "sip:a@h:65536",
        "sip:a@h:x",
        "sip:a@[::1",
        "sip:a@2001:db8::1",
        "sip:a@h;",
        "sip:a@h;=x",
        "sip:a%4@h",
        "sip:a@h?",
        "<sip:a@h>",
        "1sip:a@h",
        "tel:",
        "urn:a b",
        "sip:a@b@c",
        "sip:a@h;x=\u{e9}",
    ] {
        assert!(Uri::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn parts_of_a_uri() {
    let uri =
        Uri::parse("SIP:sips%3Auser%40example.com:pw@Example.NET:5070;%6C%72;n%61me=v%61lue%25%34%31?a=b")
            .expect("URI");
    assert_eq!(*uri.scheme(), Scheme::Sip);
    assert_eq!(uri.user().as_deref(), Some("sips:user@example.com"));
    assert_eq!(uri.host().map(ToString::to_string).as_deref(), Some("Example.NET"));
    assert_eq!(uri.port(), Some(5070));
    assert!(uri.params().contains("lr"));
    assert_eq!(uri.params().raw("NAME"), Some("v%61lue%25%34%31"));
    assert_eq!(uri.headers(), Some("a=b"));
    assert_eq!(uri.to_request_uri().headers(), None);
    assert_eq!(Uri::sip(Some("a b@c"), Host::Name("h".into()), None).to_string(), "sip:a%20b%40c@h");
}

/// RFC 3261 section 19.1.4, its examples.
#[test]
fn comparing_uris() {
    let same = |a: &str, b: &str| Uri::parse(a).expect(a).matches(&Uri::parse(b).expect(b));
    assert!(same("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"));
    assert!(same("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"));
    assert!(same("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"));
    for (a, b) in [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:a@h", "sips:a@h"),
    ] {
        assert!(!same(a, b), "{a} {b}");
    }
}

#[test]
fn name_addrs() {
    let parse = |t: &str| NameAddr::parse(t).expect(t);
    let quoted = parse(r#""J Rosen \\\"" <sip:jdrosen@example.com> ; tag = 98asjd8 ;x="a;b,<c>""#);
    assert_eq!(quoted.display_name.as_deref(), Some(r#"J Rosen \""#));
    assert_eq!(quoted.tag(), Some("98asjd8"));
    assert_eq!(quoted.params.value("x").as_deref(), Some("a;b,<c>"));
    assert_eq!(parse(&quoted.to_string()), quoted);
    assert_eq!(parse("caller<sip:a@h>;tag=323").display_name.as_deref(), Some("caller"));
    assert_eq!(parse("token1~` token2'+_ token3*%!.- <sip:mundane@h>").uri.to_string(), "sip:mundane@h");
    let bare = parse("sip:a@h;tag=5");
    assert_eq!((bare.tag(), bare.uri.params().is_empty()), (Some("5"), true));
    let instance = parse(r#"<sip:a@h>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>""#);
    assert!(instance.params.value("+sip.instance").is_some_and(|v| v.starts_with("<urn:uuid:")));
    for wrong in [
        r#""Mr. J. User <sip:j.user@example.com>"#,
        r#""Watson, Thomas" < t.watson@example.org >"#,
        "Bell, Alexander <sip:a@h>",
        "sip:user@example.com?Route=%3Csip:sip.example.com%3E",
        "<sip:a@h",
        "<sip:a@h>;;",
        "<sip:a@h>;=x",
        "",
    ] {
        assert!(NameAddr::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn vias() {
    let parse = |t: &str| <Via as TypedHeader>::parse_value(t);
    let via = parse("SIP  / 2.0\t/ UDP [2001:db8::9]:6050 ;branch=z9hG4bKx;rport").expect("Via");
    assert_eq!((via.branch(), via.port), (Some("z9hG4bKx"), Some(6050)));
    assert_eq!(via.to_string(), "SIP/2.0/UDP [2001:db8::9]:6050;branch=z9hG4bKx;rport");
    assert_eq!(
        parse("SIP/2.0/UDP h;branch=z9hG4bK").expect("Via").branch(),
        None,
        "nothing behind the cookie"
    );
    assert_eq!(parse("SIP/2.0/UDP h;branch=abc").expect("Via").branch(), None);
    assert_eq!(parse("SIP/2.0/UNKNOWN h ; branch=z9hG4bKx").expect("Via").transport, "UNKNOWN");
    for wrong in
        ["SIP/2.0/UDP 192.0.2.15;;,;,,", "SIP/2.0/UDP", "SIP/3.0/UDP h", "HTTP/2.0/UDP h", "SIP/2.0/UDP a b"]
    {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}

/// RFC 3261 section 18.2 and RFC 3581 section 4.
#[test]
fn where_responses_go() {
    let target = |text: &str, source: &str| {
        let mut via = <Via as TypedHeader>::parse_value(text).expect(text);
        via.note_source(source.parse().expect("address"));
        let (host, port) = via.response_target();
        (via.to_string(), format!("{host}:{port}"))
    };
    let (via, to) = target("SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK1", "192.0.2.1:6000");
    assert_eq!((via.contains("received"), to.as_str()), (false, "192.0.2.1:5070"));
    let (via, to) = target("SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1;rport", "192.0.2.1:6000");
    assert!(via.ends_with(";rport=6000;received=192.0.2.1"), "{via}");
    assert_eq!(to, "192.0.2.1:6000");
    let (via, to) = target("SIP/2.0/UDP a.example;branch=z9hG4bK1", "192.0.2.1:6000");
    assert!(via.ends_with(";received=192.0.2.1"), "{via}");
    assert_eq!(to, "192.0.2.1:5060");
    let (_, to) = target("SIP/2.0/UDP [2001:db8::1];rport", "[2001:db8::2]:7");
    assert_eq!(to, "[2001:db8::2]:7");
    let (_, to) = target("SIP/2.0/UDP 192.0.2.1;maddr=239.1.1.1", "192.0.2.1:6000");
    assert_eq!(to, "239.1.1.1:5060");
    let (via, _) = target("SIP/2.0/UDP 192.0.2.1;received=198.51.100.66", "192.0.2.1:6000");
    assert!(!via.contains("198.51.100.66"), "a forged received does not survive: {via}");
}

#[test]
fn small_headers() {
    fn parse<T: TypedHeader>(text: &str) -> Result<T, ParseError> {
        T::parse_value(text)
    }
    assert_eq!(parse::<CSeq>("0009 INVITE").map(|c| c.to_string()), Ok("9 INVITE".into()));
    assert!(parse::<CSeq>("2147483647 ACK").is_ok());
    for wrong in
        ["", "1", "x INVITE", "-1 INVITE", "2147483648 INVITE", "36893488147419103232 REGISTER", "1 IN VITE"]
    {
        assert!(parse::<CSeq>(wrong).is_err(), "{wrong}");
    }
    assert_eq!(parse::<MaxForwards>("0"), Ok(MaxForwards(0)));
    for wrong in ["256", "-1", "", "1a", "+1"] {
        assert!(parse::<MaxForwards>(wrong).is_err(), "{wrong}");
    }
    assert_eq!(parse::<Contact>("*"), Ok(Contact::Any));
    let content_type = parse::<ContentType>("multipart / mixed ; boundary=\"a;b\"").expect("type");
    assert!(content_type.is("Multipart/Mixed"));
    assert_eq!(content_type.params.value("boundary").as_deref(), Some("a;b"));
    assert!(parse::<ContentType>("sdp").is_err());
}

#[test]
fn a_header_value_cannot_become_two() {
    let mut r = Request::new(Method::Options, Uri::parse("sip:a@h").expect("URI"));
    r.headers.push("Subject", "x\r\nEvil: yes");
    let text = String::from_utf8(r.encode()).expect("text");
    assert!(!text.contains("\nEvil"), "{text}");
}

#[test]
fn order_of_headers_survives_a_replacement() {
    let mut h = Headers::new();
    for (name, value) in [("X-A", "1"), ("X-B", "2"), ("x-a", "3")] {
        h.push(name, value);
    }
    h.set_first("X-A", "9");
    h.set_first("X-C", "4");
    h.push_front("X-D", "0");
    let all: Vec<_> = h.iter().map(|h| format!("{}{}", h.name(), h.text())).collect();
    assert_eq!(all, ["X-D0", "X-A9", "X-B2", "x-a3", "X-C4"]);
}

#[test]
fn a_stream_is_cut_at_content_length_wherever_it_breaks() {
    let message = |body: &str| crlf(&format!("{OPTIONS}l: {}\n\n{body}", body.len()));
    let (first, second) = (message("abc"), message(""));
    let stream: Vec<u8> =
        [b"\r\n\r\n".to_vec(), first.clone(), second.clone(), b"\r\n\r\n".to_vec()].concat();
    for size in 1..stream.len() {
        let mut framer = Framer::new();
        let mut frames = Vec::new();
        for chunk in stream.chunks(size) {
            framer.push(chunk);
            while let Some(frame) = framer.next_frame().expect("well formed") {
                frames.push(frame);
            }
        }
        let messages: Vec<_> = frames.iter().filter(|f| matches!(f, Frame::Message(_))).collect();
        assert_eq!(messages, [&Frame::Message(first.clone()), &Frame::Message(second.clone())], "{size}");
        let pings = frames.iter().filter(|f| matches!(f, Frame::Ping | Frame::Pong)).count();
        assert!((2..=4).contains(&pings), "{size}: {frames:?}");
    }
}

#[test]
fn a_body_that_is_too_long_is_left_out_and_answered_with_513() {
    let next = "OPTIONS sip:b@h SIP/2.0\nl: 0\n\n";
    for length in [limits::MAX_BODY + 1, 3 * limits::MAX_BODY] {
        let mut framer = Framer::new();
        framer.push(&crlf(&format!("{OPTIONS}l: {length}\n\n")));
        let Ok(Some(Frame::Message(head))) = framer.next_frame() else { panic!("a head") };
        assert_eq!(parse_frame(&head).unwrap_err().error.status_code(), 513);
        assert!(parse_frame(&head).unwrap_err().answerable.is_some());
        let mut left = length;
        while left > 0 {
            let piece = left.min(100_000);
            framer.push(&vec![b'x'; piece]);
            assert!(!framer.is_empty(), "a body is under way");
            assert_eq!(framer.next_frame(), Ok(None));
            left -= piece;
        }
        assert!(framer.is_empty());
        framer.push(&crlf(next));
        assert_eq!(framer.next_frame(), Ok(Some(Frame::Message(crlf(next)))));
    }
    let mut endless = Framer::new();
    endless.push(&crlf(&format!("{OPTIONS}l: 18446744073709551615\n\n")));
    assert!(matches!(endless.next_frame(), Ok(Some(Frame::Message(_)))));
    endless.push(&[b'x'; 1000]);
    assert_eq!(endless.next_frame(), Ok(None));
}

#[test]
fn streams_that_cannot_be_cut_are_given_up() {
    let end = |text: String| {
        let mut framer = Framer::new();
        framer.push(&crlf(&text));
        framer.next_frame()
    };
    assert_eq!(end(format!("{OPTIONS}\n")), Err(FrameError::NoLength));
    assert_eq!(end(format!("{OPTIONS}l: 99999999999999999999999\n\n")), Err(FrameError::NoLength));
    assert_eq!(end("x".repeat(limits::MAX_HEAD + 1)), Err(FrameError::HeadTooLong));
    assert_eq!(end("x".repeat(100)), Ok(None));
}

#[test]
fn responses_copy_what_they_must() {
    let r = request(&format!("{OPTIONS}Timestamp: 54\nVia: SIP/2.0/UDP p.example\n\n"));
    let response = Response::to_request(&r, 200, "t1");
    assert_eq!(response.headers.all(name::VIA).count(), 2);
    assert_eq!(response.headers.get(name::TO), Some(&b"<sip:b@b.example>;tag=t1"[..]));
    assert_eq!(response.reason, "OK");
    assert_eq!(Response::to_request(&r, 100, "").headers.get(name::TIMESTAMP), Some(&b"54"[..]));
    assert_eq!(default_reason(486), "Busy Here");
    assert_eq!(default_reason(499), "Request Failure");
    assert_eq!(response.rsip_status().code(), 200);
    assert_eq!(r.rsip_method(), Some(rsip::Method::Options));
}
