//! Challenges and registrations in virtual time: the endpoint is 1, a scripted
//! server 9.

mod support;

use std::time::Duration;

use fs_sip::endpoint::{Body, Command, Event, FailureCause, InviteId, ReferTarget, TerminationReason};
use fs_sip::registration::{RegistrationEvent, RegistrationId, RegistrationSettings};
use fs_sip::transport::memory::Weather;
use fs_sip::wire::auth::{Challenge, Credentials, Proof, Secret};
use fs_sip::wire::headers::name;
use fs_sip::wire::{Message, Method, NameAddr, Request, Response, Uri};
use support::{World, sdp, uri};

const ID: RegistrationId = RegistrationId(1);

fn credentials(realm: Option<&str>, password: &str) -> Credentials {
    let realm = realm.map(str::to_owned);
    Credentials { realm, username: "alice".into(), password: Secret::new(password) }
}

/// A world whose endpoint knows the password "secret" for every realm.
fn world() -> World {
    let mut w = World::new(1, Weather::default(), 1);
    w.command(1, Command::Credentials(vec![credentials(None, "secret")]));
    w
}

fn settings() -> RegistrationSettings {
    RegistrationSettings { expires: 600, ..RegistrationSettings::new(NameAddr::new(uri(9))) }
}

fn register(w: &mut World, settings: RegistrationSettings) {
    w.command(1, Command::Register { id: ID, settings });
}

/// Waits for the next request of this method that the server has not seen.
fn next(w: &mut World, seen: &mut usize, method: &Method) -> Request {
    for _ in 0..200_000 {
        let all = w.raw_requests(9);
        let new = all.iter().enumerate().skip(*seen).find(|(_, (_, r))| r.method == *method);
        if let Some((index, (_, request))) = new {
            *seen = index + 1;
            return request.clone();
        }
        w.run_for(Duration::from_millis(10));
    }
    panic!("no {method}; there were {:?}", w.raw_requests(9).len());
}

fn reply(w: &mut World, request: &Request, status: u16, headers: &[(&str, &str)]) {
    let mut response = Response::to_request(request, status, "server");
    for (name, value) in headers {
        response.headers.push(name, *value);
    }
    w.send(9, 1, &Message::Response(response));
}

fn challenge(realm: &str, nonce: &str, more: &str) -> String {
    format!("Digest realm=\"{realm}\", nonce=\"{nonce}\"{more}")
}

fn parameter(answer: &str, name: &str) -> Option<String> {
    let start = answer.find(&format!("{name}="))? + name.len() + 1;
    let end = answer[start..].find(',').map_or(answer.len(), |i| start + i);
    Some(answer[start..end].trim_matches('"').to_owned())
}

/// Is this the answer that "secret" gives to this challenge?
fn is_right(request: &Request, header: &str, challenge: &str) -> bool {
    let Some(answer) = request.headers.text(header) else { return false };
    let challenge = Challenge::parse(challenge).expect("no fault").expect("known");
    let cnonce = parameter(&answer, "cnonce").unwrap_or_default();
    let count = parameter(&answer, "nc").map_or(1, |n| u32::from_str_radix(&n, 16).expect("hexadecimal"));
    let uri = request.uri.to_string();
    let proof =
        Proof { method: request.method.as_str(), uri: &uri, body: &request.body, count, cnonce: &cnonce };
    let expected = challenge.answer(&credentials(None, "secret"), &proof).expect("an answer");
    parameter(&expected, "response") == parameter(&answer, "response")
}

fn nonce_count(request: &Request, header: &str) -> Option<String> {
    parameter(&request.headers.text(header)?, "nc")
}

fn registration_event(w: &mut World) -> RegistrationEvent {
    match w.next_event(1) {
        Event::Registration { id: ID, event } => event,
        other => panic!("unexpected: {other:?}"),
    }
}

#[test]
fn a_registration_is_proved_and_kept_alive() {
    let mut w = world();
    register(&mut w, settings());
    let mut seen = 0;
    let first = next(&mut w, &mut seen, &Method::Register);
    assert_eq!(first.headers.text(name::AUTHORIZATION), None);
    assert_eq!(first.headers.text(name::CONTACT).as_deref(), Some("<sip:10.0.0.1:5060>"));
    let asked = challenge("r", "n1", ", qop=\"auth\", algorithm=SHA-256");
    let md5 = challenge("r", "n2", ", qop=\"auth\", algorithm=MD5");
    let unknown = challenge("r", "n0", ", algorithm=NEW");
    let all = [
        (name::WWW_AUTHENTICATE, &unknown[..]),
        (name::WWW_AUTHENTICATE, &asked),
        (name::WWW_AUTHENTICATE, &md5),
    ];
    reply(&mut w, &first, 401, &all);
    let second = next(&mut w, &mut seen, &Method::Register);
    assert!(is_right(&second, name::AUTHORIZATION, &asked), "the first that is known");
    assert_eq!(second.headers.all(name::AUTHORIZATION).count(), 1);
    assert_eq!(second.call_id(), first.call_id());
    assert_eq!(second.cseq().expect("CSeq").number, first.cseq().expect("CSeq").number + 1);
    assert_ne!(second.top_via().expect("Via").branch(), first.top_via().expect("Via").branch());
    assert_eq!(second.headers.all(name::CONTACT).count(), 1);
    let path = ("Path", "<sip:edge;lr>, <sip:core;lr>");
    reply(&mut w, &second, 200, &[("Contact", "<sip:10.0.0.1:5060>;expires=100"), path]);
    let RegistrationEvent::Registered { expires: 100, path, .. } = registration_event(&mut w) else {
        panic!("no")
    };
    assert_eq!(path.iter().map(|p| p.uri.to_string()).collect::<Vec<_>>(), ["sip:edge;lr", "sip:core;lr"]);
    let before = w.elapsed();
    let third = next(&mut w, &mut seen, &Method::Register);
    let waited = w.elapsed() - before;
    assert!((69..71).contains(&waited.as_secs()), "30 s are left: {waited:?}");
    assert!(is_right(&third, name::AUTHORIZATION, &asked), "without being asked");
    assert_eq!(nonce_count(&third, name::AUTHORIZATION).as_deref(), Some("00000002"));
    // The nonce is too old by now: a new one is no wrong password.
    let fresh = challenge("r", "n3", ", qop=\"auth\"");
    reply(&mut w, &third, 401, &[(name::WWW_AUTHENTICATE, &fresh)]);
    let fourth = next(&mut w, &mut seen, &Method::Register);
    assert!(is_right(&fourth, name::AUTHORIZATION, &fresh));
    assert_eq!(nonce_count(&fourth, name::AUTHORIZATION).as_deref(), Some("00000001"));
}

#[test]
fn a_wrong_password_is_told_and_tried_again_much_later() {
    let mut w = world();
    register(&mut w, settings());
    let mut seen = 0;
    for nonce in ["a", "b"] {
        let request = next(&mut w, &mut seen, &Method::Register);
        reply(&mut w, &request, 401, &[(name::WWW_AUTHENTICATE, &challenge("r", nonce, ""))]);
    }
    let RegistrationEvent::Failed { status: 401, retry_after, .. } = registration_event(&mut w) else {
        panic!("no")
    };
    assert!((60..=120).contains(&retry_after.as_secs()));
    let before = w.elapsed();
    let again = next(&mut w, &mut seen, &Method::Register);
    assert!(w.elapsed() - before >= retry_after - Duration::from_millis(50));
    reply(&mut w, &again, 200, &[]);
    assert!(matches!(registration_event(&mut w), RegistrationEvent::Registered { expires: 600, .. }));
}

#[test]
fn a_stale_nonce_is_replaced_but_not_for_ever() {
    let mut w = world();
    register(&mut w, settings());
    let mut seen = 0;
    let mut requests = 0;
    let failed = loop {
        let request = next(&mut w, &mut seen, &Method::Register);
        requests += 1;
        let asked = challenge("r", &format!("n{requests}"), ", stale=true, qop=\"auth\"");
        reply(&mut w, &request, 401, &[(name::WWW_AUTHENTICATE, &asked)]);
        w.run_for(Duration::from_millis(30));
        if let Some(Event::Registration { event, .. }) = w.new_events(1).pop() {
            break event;
        }
    };
    assert!(matches!(failed, RegistrationEvent::Failed { status: 401, .. }));
    assert_eq!(requests, 7, "the first and six more");
}

#[test]
fn no_credentials_for_the_realm() {
    let mut w = World::new(1, Weather::default(), 1);
    w.command(1, Command::Credentials(vec![credentials(Some("other"), "secret")]));
    register(&mut w, settings());
    let mut seen = 0;
    let request = next(&mut w, &mut seen, &Method::Register);
    reply(&mut w, &request, 401, &[(name::WWW_AUTHENTICATE, &challenge("r", "n", ""))]);
    assert!(matches!(registration_event(&mut w), RegistrationEvent::Failed { status: 401, .. }));
    assert_eq!(w.raw_requests(9).len(), 1);
}

#[test]
fn too_brief_an_interval() {
    let mut w = world();
    register(&mut w, settings());
    let mut seen = 0;
    let request = next(&mut w, &mut seen, &Method::Register);
    reply(&mut w, &request, 423, &[("Min-Expires", "1800")]);
    let request = next(&mut w, &mut seen, &Method::Register);
    assert_eq!(request.headers.text(name::EXPIRES).as_deref(), Some("1800"));
    reply(&mut w, &request, 200, &[("Expires", "1800")]);
    assert!(matches!(registration_event(&mut w), RegistrationEvent::Registered { expires: 1800, .. }));
}

#[test]
fn several_contacts_an_instance_and_a_proxy() {
    let mut w = world();
    let settings = RegistrationSettings {
        registrar: Some(Uri::parse("sip:example.org").expect("URI")),
        outbound_proxy: Some(uri(9)),
        instance: Some("urn:uuid:00000000-0000-1000-8000-000000000001".into()),
        contacts: vec![NameAddr::parse("<sip:alice@10.0.0.7>;q=0.1").expect("address")],
        ..settings()
    };
    register(&mut w, settings);
    let mut seen = 0;
    let request = next(&mut w, &mut seen, &Method::Register);
    assert_eq!(request.uri.to_string(), "sip:example.org");
    assert_eq!(request.headers.text(name::ROUTE).as_deref(), Some("<sip:user@10.0.0.9:5060;lr>"));
    let contacts: Vec<String> = request.headers.all(name::CONTACT).map(|c| c.text().into_owned()).collect();
    let instance = "+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000000000001>\"";
    assert_eq!(contacts, [format!("<sip:10.0.0.1:5060>;{instance}"), "<sip:alice@10.0.0.7>;q=0.1".into()]);
    reply(
        &mut w,
        &request,
        200,
        &[
            ("Contact", "<sip:10.0.0.1:5060>;expires=50"),
            ("Contact", "<sip:alice@10.0.0.7>;expires=60"),
            ("Service-Route", "<sip:p.example;lr>"),
        ],
    );
    let RegistrationEvent::Registered { expires: 50, contacts, service_route, .. } =
        registration_event(&mut w)
    else {
        panic!("no")
    };
    assert_eq!((contacts.len(), service_route.len()), (2, 1));
}

#[test]
fn taking_it_back() {
    let mut w = world();
    register(&mut w, settings());
    let mut seen = 0;
    let request = next(&mut w, &mut seen, &Method::Register);
    reply(&mut w, &request, 200, &[]);
    assert!(matches!(registration_event(&mut w), RegistrationEvent::Registered { .. }));
    w.command(1, Command::Unregister { id: ID });
    let request = next(&mut w, &mut seen, &Method::Register);
    assert_eq!(request.headers.text(name::EXPIRES).as_deref(), Some("0"));
    reply(&mut w, &request, 200, &[]);
    assert_eq!(registration_event(&mut w), RegistrationEvent::Ended);
    w.run_secs(2000);
    assert_eq!(w.raw_requests(9).len(), 2, "nothing more is sent");
}

#[test]
fn a_registrar_that_is_silent_is_asked_again() {
    let mut w = world();
    register(&mut w, settings());
    let RegistrationEvent::Failed { status: 408, retry_after, .. } = registration_event(&mut w) else {
        panic!("no")
    };
    assert_eq!(w.elapsed(), Duration::from_secs(32));
    assert!((15..=40).contains(&retry_after.as_secs()));
    let before = w.raw_requests(9).len();
    w.run_for(retry_after + Duration::from_secs(1));
    let after = w.raw_requests(9);
    assert!(after.len() > before);
    assert_eq!(after[before].1.call_id(), after[0].1.call_id(), "the same registration");
}

#[test]
fn a_change_of_address_registers_at_once() {
    let mut w = world();
    register(&mut w, settings());
    let mut seen = 0;
    let request = next(&mut w, &mut seen, &Method::Register);
    reply(&mut w, &request, 200, &[]);
    assert!(matches!(registration_event(&mut w), RegistrationEvent::Registered { .. }));
    let before = w.elapsed();
    w.command(1, Command::RefreshRegistrations);
    next(&mut w, &mut seen, &Method::Register);
    assert!(w.elapsed() - before < Duration::from_secs(1));
}

/// Two askers in a row, 407 then 401; ACK and BYE bear what is needed.
#[test]
fn a_call_through_a_proxy_to_a_server_that_both_ask() {
    let mut w = world();
    let id = w.invite(1, 9, sdp("offer"));
    let mut seen = 0;
    let proxy = challenge("proxy", "p1", ", qop=\"auth\"");
    let server = challenge("server", "s1", ", qop=\"auth-int\", opaque=\"o\"");
    let first = next(&mut w, &mut seen, &Method::Invite);
    reply(&mut w, &first, 407, &[(name::PROXY_AUTHENTICATE, &proxy)]);
    let second = next(&mut w, &mut seen, &Method::Invite);
    assert!(is_right(&second, name::PROXY_AUTHORIZATION, &proxy));
    reply(&mut w, &second, 401, &[(name::WWW_AUTHENTICATE, &server)]);
    let third = next(&mut w, &mut seen, &Method::Invite);
    assert!(is_right(&third, name::PROXY_AUTHORIZATION, &proxy), "still there");
    assert_eq!(nonce_count(&third, name::PROXY_AUTHORIZATION).as_deref(), Some("00000002"));
    assert!(is_right(&third, name::AUTHORIZATION, &server));
    assert_eq!((&third.body, third.call_id()), (&first.body, first.call_id()));
    assert_eq!(third.from().expect("From").tag(), first.from().expect("From").tag());
    assert_eq!(third.to().expect("To").tag(), None);
    reply(&mut w, &third, 200, &[("Contact", "<sip:user@10.0.0.9>")]);
    assert!(matches!(w.next_event(1), Event::Established { id: got, .. } if got == id));
    w.run_for(Duration::from_millis(100));
    let acks: Vec<Request> =
        w.raw_requests(9).into_iter().map(|(_, r)| r).filter(|r| r.method == Method::Ack).collect();
    let last = acks.last().expect("an ACK");
    assert_eq!(acks.len(), 3, "one for each refusal, one for the 200");
    assert_eq!(last.headers.text(name::AUTHORIZATION), third.headers.text(name::AUTHORIZATION));
    assert_eq!(last.cseq().expect("CSeq").number, third.cseq().expect("CSeq").number);
    w.hang_up(1, id);
    let bye = next(&mut w, &mut seen, &Method::Bye);
    assert!(is_right(&bye, name::PROXY_AUTHORIZATION, &proxy), "without being asked");
    assert_eq!(nonce_count(&bye, name::PROXY_AUTHORIZATION).as_deref(), Some("00000003"));
    // The proxy finds the nonce too old.
    let fresh = challenge("proxy", "p2", ", qop=\"auth\", stale=true");
    reply(&mut w, &bye, 407, &[(name::PROXY_AUTHENTICATE, &fresh)]);
    let again = next(&mut w, &mut seen, &Method::Bye);
    assert!(is_right(&again, name::PROXY_AUTHORIZATION, &fresh));
    assert_eq!(again.cseq().expect("CSeq").number, bye.cseq().expect("CSeq").number + 1);
    reply(&mut w, &again, 200, &[]);
    let end = w.next_event(1);
    let reason = TerminationReason::Bye(None);
    assert_eq!(end, Event::Terminated { id, by_peer: false, reason });
}

#[test]
fn a_challenged_re_invite() {
    let mut w = world();
    let id = w.invite(1, 9, sdp("offer"));
    let mut seen = 0;
    let first = next(&mut w, &mut seen, &Method::Invite);
    reply(&mut w, &first, 200, &[("Contact", "<sip:user@10.0.0.9>")]);
    assert!(matches!(w.next_event(1), Event::Established { .. }));
    w.command(1, Command::Reinvite { id, body: sdp("hold") });
    let asked = challenge("r", "n", ", qop=\"auth\"");
    let plain = next(&mut w, &mut seen, &Method::Invite);
    reply(&mut w, &plain, 401, &[(name::WWW_AUTHENTICATE, &asked)]);
    let signed = next(&mut w, &mut seen, &Method::Invite);
    assert!(is_right(&signed, name::AUTHORIZATION, &asked));
    assert_eq!(signed.headers.all(name::CONTACT).count(), 1);
    reply(&mut w, &signed, 200, &[("Contact", "<sip:user@10.0.0.9>")]);
    assert!(matches!(w.next_event(1), Event::ReinviteResult { status: 200, .. }));
}

#[test]
fn a_call_without_credentials_fails_with_the_challenge() {
    let mut w = World::new(1, Weather::default(), 1);
    let id = w.invite(1, 9, sdp("offer"));
    let mut seen = 0;
    let first = next(&mut w, &mut seen, &Method::Invite);
    reply(&mut w, &first, 407, &[(name::PROXY_AUTHENTICATE, &challenge("r", "n", ""))]);
    let event = w.next_event(1);
    assert!(
        matches!(event, Event::Failed { id: got, status: 407, cause: FailureCause::Peer, .. } if got == id)
    );
    w.run_secs(40);
    assert_eq!(w.transactions(1), 0);
}

#[test]
fn a_cancelled_call_is_not_tried_again() {
    let mut w = world();
    let id = w.invite(1, 9, sdp("offer"));
    let mut seen = 0;
    let first = next(&mut w, &mut seen, &Method::Invite);
    w.hang_up(1, id);
    reply(&mut w, &first, 401, &[(name::WWW_AUTHENTICATE, &challenge("r", "n", ""))]);
    let event = w.next_event(1);
    assert!(matches!(event, Event::Failed { status: 487 | 401, .. }), "{event:?}");
    w.run_secs(40);
    let invites = w.raw_requests(9).iter().filter(|(_, r)| r.method == Method::Invite).count();
    assert_eq!(invites, 1);
}

/// A standing call of ours with the server, and its INVITE.
fn standing(w: &mut World, seen: &mut usize) -> (InviteId, Request) {
    let id = w.invite(1, 9, sdp("offer"));
    let invite = next(w, seen, &Method::Invite);
    reply(w, &invite, 200, &[("Contact", "<sip:user@10.0.0.9>"), ("Allow", "UPDATE")]);
    assert!(matches!(w.next_event(1), Event::Established { .. }));
    (id, invite)
}

/// The next request of this method is asked for a proof, and comes again with it and a higher number.
fn asked_for_proof(w: &mut World, seen: &mut usize, method: &Method, status: u16) -> Request {
    let (ask, answer) = match status {
        401 => (name::WWW_AUTHENTICATE, name::AUTHORIZATION),
        _ => (name::PROXY_AUTHENTICATE, name::PROXY_AUTHORIZATION),
    };
    let asked = challenge("r", "n", ", qop=\"auth\"");
    let plain = next(w, seen, method);
    assert_eq!(plain.headers.text(answer), None);
    reply(w, &plain, status, &[(ask, &asked)]);
    let signed = next(w, seen, method);
    assert!(is_right(&signed, answer, &asked), "{method} {status}");
    let number = |r: &Request| r.cseq().expect("CSeq").number;
    assert!(number(&signed) > number(&plain));
    assert_eq!(signed.body, plain.body);
    signed
}

#[test]
fn every_request_inside_a_call_can_be_proved() {
    for status in [401, 407] {
        let mut w = world();
        let mut seen = 0;
        let (id, _) = standing(&mut w, &mut seen);
        w.command(1, Command::Update { id, branch: None, body: sdp("hold") });
        let update = asked_for_proof(&mut w, &mut seen, &Method::Update, status);
        reply(&mut w, &update, 200, &[("Contact", "<sip:user@10.0.0.9>")]);
        assert!(matches!(w.next_event(1), Event::ReinviteResult { status: 200, .. }));

        let mut w = world();
        let mut seen = 0;
        let (id, _) = standing(&mut w, &mut seen);
        let target = ReferTarget::Address(NameAddr::new(uri(8)));
        w.command(1, Command::Refer { id, target, subscribe: true, headers: Vec::new() });
        let refer = asked_for_proof(&mut w, &mut seen, &Method::Refer, status);
        assert!(refer.headers.get(name::REFER_TO).is_some());
        reply(&mut w, &refer, 202, &[("Contact", "<sip:user@10.0.0.9>")]);
        let event = w.next_event(1);
        assert!(matches!(event, Event::ReferResult { status: 202, subscribed: true, .. }), "{event:?}");

        let mut w = world();
        let mut seen = 0;
        let (id, _) = standing(&mut w, &mut seen);
        let body = Body { content_type: "application/dtmf-relay".into(), data: b"Signal=1".to_vec() };
        w.command(1, Command::Info { id, body });
        let info = asked_for_proof(&mut w, &mut seen, &Method::Info, status);
        reply(&mut w, &info, 200, &[]);
        assert_eq!(w.next_event(1), Event::InfoResult { id, status: 200 });

        w.hang_up(1, id);
        // What was proved once is proved ahead.
        let bye = next(&mut w, &mut seen, &Method::Bye);
        let answer = if status == 401 { name::AUTHORIZATION } else { name::PROXY_AUTHORIZATION };
        assert!(is_right(&bye, answer, &challenge("r", "n", ", qop=\"auth\"")), "{status}");
    }
}

#[test]
fn a_prack_can_be_proved() {
    for status in [401, 407] {
        let mut w = world();
        let mut seen = 0;
        w.invite(1, 9, sdp("offer"));
        let invite = next(&mut w, &mut seen, &Method::Invite);
        let reliable = [("Contact", "<sip:user@10.0.0.9>"), ("Require", "100rel"), ("RSeq", "5")];
        reply(&mut w, &invite, 180, &reliable);
        let prack = asked_for_proof(&mut w, &mut seen, &Method::Prack, status);
        let number = invite.cseq().expect("CSeq").number;
        assert_eq!(prack.headers.text(name::RACK).as_deref(), Some(&*format!("5 {number} INVITE")));
        reply(&mut w, &prack, 200, &[]);
        w.run_secs(40);
        let pracks = w.raw_requests(9).iter().filter(|(_, r)| r.method == Method::Prack).count();
        assert_eq!(pracks, 2, "once without, once with a proof");
    }
}

#[test]
fn the_progress_of_a_transfer_can_be_proved() {
    for status in [401, 407] {
        let mut w = world();
        let mut seen = 0;
        let (id, invite) = standing(&mut w, &mut seen);
        let mut refer = Request::new(Method::Refer, uri(1));
        let h = &mut refer.headers;
        h.push(name::VIA, "SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKrefer");
        h.push(name::MAX_FORWARDS, "70");
        h.push(name::FROM, format!("<{}>;tag=server", uri(9)));
        h.push(name::TO, invite.headers.text(name::FROM).expect("From").as_ref());
        h.push(name::CALL_ID, invite.call_id().expect("Call-ID"));
        h.push(name::CSEQ, "1 REFER");
        h.push(name::CONTACT, "<sip:user@10.0.0.9>");
        h.push(name::REFER_TO, "<sip:c@10.0.0.8>");
        w.send(9, 1, &Message::Request(refer));
        assert!(matches!(w.next_event(1), Event::Refer { .. }));
        w.command(1, Command::AnswerRefer { id, status: 202, reason: None });
        let notify = asked_for_proof(&mut w, &mut seen, &Method::Notify, status);
        reply(&mut w, &notify, 200, &[]);
        w.command(1, Command::NotifyRefer { id, status: 200, reason: None });
        let last = next(&mut w, &mut seen, &Method::Notify);
        assert!(last.body.starts_with(b"SIP/2.0 200"));
    }
}
