//! Sections 3.1.2 to 3.4: what is invalid, and what layers above the parser must see.

use super::*;

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
