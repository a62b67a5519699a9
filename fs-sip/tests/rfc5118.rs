//! The IPv6 torture messages of RFC 5118, written from its descriptions and
//! named by its sections.

use fs_sip::wire::headers::{Contact, name};
use fs_sip::wire::{Datagram, Host, Malformed, Message, Request, Response, Via, parse_datagram};

fn parse(text: &str) -> Result<Message, Malformed> {
    match parse_datagram(text.replace('\n', "\r\n").as_bytes())? {
        Datagram::Message(message) => Ok(*message),
        Datagram::KeepAlive => panic!("no message"),
    }
}

fn request(text: &str) -> Request {
    match parse(text) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}\n{text}"),
    }
}

fn response(text: &str) -> Response {
    match parse(text) {
        Ok(Message::Response(response)) => response,
        other => panic!("{other:?}\n{text}"),
    }
}

fn ip(text: &str) -> Host {
    Host::Ip(text.parse().expect("an address"))
}

fn register(uri: &str, via: &str) -> String {
    format!(
        "REGISTER {uri} SIP/2.0\nTo: sip:user@example.com\nFrom: sip:user@example.com;tag=81x2\nVia: {via}\n\
         Call-ID: SSG9559905523997077@hlau_4100\nMax-Forwards: 70\nContact: \"Caller\" <sip:caller@[2001:db8::1]>\n\
         CSeq: 98176 REGISTER\nContent-Length: 0\n\n"
    )
}

const VIA: &str = "SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111";

#[test]
fn s4_1_a_valid_message_with_a_reference() {
    let r = request(&register("sip:[2001:db8::10]", VIA));
    assert_eq!((r.uri.host(), r.uri.port()), (Some(&ip("2001:db8::10")), None));
    assert_eq!(r.top_via().expect("Via").host, ip("2001:db8::9:1"));
    let contact = r.headers.typed::<Contact>().expect("Contact").expect("there");
    assert_eq!(contact.address().expect("an address").uri.host(), Some(&ip("2001:db8::1")));
    let Ok(again) = parse_datagram(&r.encode()) else { panic!("does not read back") };
    assert_eq!(again, Datagram::Message(Box::new(Message::Request(r))));
}

#[test]
fn s4_2_an_address_without_brackets_is_refused_with_400() {
    let malformed = parse(&register("sip:2001:db8::10", VIA)).expect_err("no URI");
    assert_eq!(malformed.error.status_code(), 400);
    assert!(malformed.answerable.is_some());
}

#[test]
fn s4_3_and_4_a_port_inside_and_outside_the_brackets() {
    // Inside, 5070 is a part of the address; that is a valid one.
    let inside = request(&register("sip:[2001:db8::10:5070]", VIA));
    assert_eq!((inside.uri.host(), inside.uri.port()), (Some(&ip("2001:db8::10:5070")), None));
    let outside = request(&register("sip:[2001:db8::10]:5070", VIA));
    assert_eq!((outside.uri.host(), outside.uri.port()), (Some(&ip("2001:db8::10")), Some(5070)));
}

#[test]
fn s4_5_received_with_and_without_brackets() {
    for received in ["[2001:db8::9:255]", "2001:db8::9:255"] {
        let text = format!(
            "BYE sip:[2001:db8::10] SIP/2.0\nTo: sip:user@example.com;tag=bd76ya\n\
             From: <sip:user@example.com>;tag=81x2\nVia: SIP/2.0/UDP [2001:db8::9:1];received={received};branch=z9hG4bKas3-111\n\
             Call-ID: SSG9559905523997077@hlau_4100\nMax-Forwards: 70\nCSeq: 321 BYE\nContent-Length: 0\n\n"
        );
        let via = request(&text).top_via().expect("Via");
        assert_eq!(via.response_target(), (ip("2001:db8::9:255"), 5060), "{received}");
    }
}

fn ok_with(via: &str, body: &str) -> String {
    format!(
        "SIP/2.0 200 OK\n{via}To: <sip:user@example.com>;tag=9bd76ya\nFrom: <sip:user@example.com>;tag=81x2\n\
         Call-ID: SSG9559905523997077@hlau_4100\nContact: <sip:user@[2001:db8::1]>\nCSeq: 2 INVITE\n\
         Content-Type: application/sdp\nContent-Length: {}\n\n{body}",
        body.replace('\n', "\r\n").len()
    )
}

#[test]
fn s4_6_addresses_of_the_session_description_are_kept() {
    let body = "v=0\no=assistant 971731711378798081 0 IN IP6 2001:db8::20\ns=Live video feed\n\
                c=IN IP6 2001:db8::20\nt=3338481189 3370017201\nm=audio 6000 RTP/AVP 2\nm=video 6024 RTP/AVP 107\n";
    let r = response(&ok_with(&format!("Via: {VIA}\n"), body));
    let session = sdp_types::Session::parse(&r.body).expect("SDP");
    let connection = session.connection.expect("c=").connection_address;
    assert!(format!("{connection:?}").contains("2001:db8::20"), "{connection:?}");
    assert_eq!(session.medias.len(), 2);
}

#[test]
fn s4_7_many_families_in_the_vias() {
    let vias = "Via: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144\n\
                Via: SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200\n";
    let r = response(&ok_with(vias, ""));
    let all: Vec<Via> = r.headers.typed_all().expect("Vias");
    let hosts: Vec<(String, Option<u16>)> = all.iter().map(|v| (v.host.to_string(), v.port)).collect();
    assert_eq!(
        hosts,
        [
            ("[2001:db8::9:1]".into(), Some(6050)),
            ("192.0.2.1".into(), None),
            ("[2001:db8::9:255]".into(), None)
        ]
    );
    assert_eq!(all[2].params.raw("received"), Some("192.0.2.200"));
}

#[test]
fn s4_8_both_families_in_one_description() {
    let body = "v=0\no=bob 280744730 28977631 IN IP4 host.example.com\ns=\nt=0 0\nm=audio 22334 RTP/AVP 0\n\
                c=IN IP4 192.0.2.1\nm=video 6024 RTP/AVP 107\nc=IN IP6 2001:db8::1\n";
    let r = response(&ok_with(&format!("Via: {VIA}\n"), body));
    let session = sdp_types::Session::parse(&r.body).expect("SDP");
    let lines = session.medias.iter().flat_map(|m| &m.connections);
    let addresses: Vec<String> = lines.map(|c| format!("{:?}", c.connection_address)).collect();
    assert_eq!(addresses.len(), 2);
    assert!(addresses[0].contains("192.0.2.1") && addresses[1].contains("2001:db8::1"), "{addresses:?}");
}

#[test]
fn s4_9_ipv4_mapped_addresses() {
    let r =
        request(&register("sip:[::ffff:192.0.2.10]:19823", "SIP/2.0/UDP [::ffff:192.0.2.2];branch=z9hG4bKx"));
    assert_eq!((r.uri.host(), r.uri.port()), (Some(&ip("::ffff:192.0.2.10")), Some(19823)));
    assert_eq!(r.top_via().expect("Via").host, ip("::ffff:192.0.2.2"));
}

#[test]
fn s4_10_too_many_colons() {
    // ":::" is no address.
    let malformed = parse(&register("sip:user@[2001:db8:::192.0.2.1]", VIA)).expect_err("no address");
    assert_eq!(malformed.error.status_code(), 400);
    assert!(request(&register("sip:user@[2001:db8::192.0.2.1]", VIA)).headers.get(name::VIA).is_some());
}
