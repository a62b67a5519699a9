//! What a registration does for its identity, in virtual time: outbound and
//! keep-alives (RFC 5626), GRUU (RFC 5627), Service-Route (RFC 3608), and the
//! Contact learned from rport and received (RFC 3581). The endpoint is 1, the
//! scripted registrar 9.

mod support;

use std::time::Duration;

use fs_sip::endpoint::{Command, EndpointConfig, Event, InviteId, RequestId};
use fs_sip::registration::{Gruu, RegistrationEvent, RegistrationId, RegistrationSettings};
use fs_sip::transport::memory::Weather;
use fs_sip::wire::headers::{Contact, name};
use fs_sip::wire::{Headers, Message, Method, NameAddr, Request, Response, Uri};
use support::{World, address, sdp, uri};

const INSTANCE: &str = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";

fn world() -> World {
    World::new(1, Weather::default(), 1)
}

fn identity() -> NameAddr {
    NameAddr::parse("Alice <sip:alice@10.0.0.9>").expect("address")
}

fn settings() -> RegistrationSettings {
    RegistrationSettings { expires: 600, ..RegistrationSettings::new(identity()) }
}

fn register(w: &mut World, id: u64, settings: RegistrationSettings) {
    w.command(1, Command::Register { id: RegistrationId(id), settings });
}

/// Waits for the next request of this method.
fn next(w: &mut World, seen: &mut usize, method: &Method) -> Request {
    for _ in 0..100_000 {
        let all = w.raw_requests(9);
        let new = all.iter().enumerate().skip(*seen).find(|(_, (_, r))| r.method == *method);
        if let Some((index, (_, request))) = new {
            *seen = index + 1;
            return request.clone();
        }
        w.run_for(Duration::from_millis(10));
    }
    panic!("no {method}");
}

fn answer(w: &mut World, request: &Request, headers: &[(&str, &str)], via: Option<(&str, &str)>) {
    let mut response = Response::to_request(request, 200, "server");
    if let Some((received, rport)) = via {
        let mut top = response.top_via().expect("Via");
        top.params.set("received", Some(received));
        top.params.set("rport", Some(rport));
        response.headers.set_first(name::VIA, top.to_string());
    }
    for (name, value) in headers {
        response.headers.push(name, *value);
    }
    w.send(9, 1, &Message::Response(response));
}

fn contacts(headers: &Headers) -> Vec<NameAddr> {
    let all = headers.typed_all::<Contact>().expect("contacts");
    all.iter().filter_map(|c| c.address().cloned()).collect()
}

fn registered(w: &mut World) -> RegistrationEvent {
    loop {
        match w.next_event(1) {
            Event::Registration { event: event @ RegistrationEvent::Registered { .. }, .. } => return event,
            // The call that nobody answers.
            Event::Failed { .. } => {}
            other => panic!("unexpected: {other:?}"),
        }
    }
}

fn call(w: &mut World) -> InviteId {
    let id = InviteId(40);
    let target = Uri::parse("sip:bob@10.0.0.9").expect("URI");
    let from = identity();
    w.command(1, Command::Invite { id, target, from, to: None, headers: vec![], body: sdp("offer") });
    id
}

#[test]
fn the_contact_is_the_address_that_others_see() {
    let mut w = world();
    register(&mut w, 1, settings());
    let mut seen = 0;
    let first = next(&mut w, &mut seen, &Method::Register);
    assert_eq!(contacts(&first.headers)[0].uri.to_string(), "sip:10.0.0.1:5060");
    answer(&mut w, &first, &[("Expires", "600")], Some(("192.0.2.7", "4711")));
    registered(&mut w);
    let second = next(&mut w, &mut seen, &Method::Register);
    let given = contacts(&second.headers);
    assert_eq!(given[0].uri.to_string(), "sip:192.0.2.7:4711");
    assert_eq!(given[1].uri.to_string(), "sip:10.0.0.1:5060", "the old one is taken back");
    assert_eq!(given[1].params.raw("expires"), Some("0"));
    answer(&mut w, &second, &[("Expires", "600")], Some(("192.0.2.7", "4711")));
    registered(&mut w);
    call(&mut w);
    let invite = next(&mut w, &mut seen, &Method::Invite);
    assert_eq!(contacts(&invite.headers)[0].uri.to_string(), "sip:192.0.2.7:4711");
    // The NAT keeps the way open as long as something passes.
    w.run_secs(60);
    assert!(w.raw_requests(9).len() < 30);
    assert!(w.keep_alives(9) >= 2, "{}", w.keep_alives(9));
    let refresh = next(&mut w, &mut seen, &Method::Register);
    assert_eq!(contacts(&refresh.headers).len(), 1);
    // A NAT with another port each time is not followed for ever.
    let mut last = refresh;
    for port in ["1", "2", "3"] {
        answer(&mut w, &last, &[("Expires", "600")], Some(("192.0.2.7", port)));
        registered(&mut w);
        if port != "3" {
            last = next(&mut w, &mut seen, &Method::Register);
        }
    }
    let before = w.raw_requests(9).len();
    w.run_secs(10);
    assert_eq!(
        w.raw_requests(9).iter().skip(before).filter(|(_, r)| r.method == Method::Register).count(),
        0
    );
}

#[test]
fn what_others_see_can_be_left_alone() {
    for config in [
        EndpointConfig { learn_address: false, ..EndpointConfig::default() },
        EndpointConfig { advertised: Some(address(77)), ..EndpointConfig::default() },
    ] {
        let mut w = world();
        w.configure(1, config);
        register(&mut w, 1, settings());
        let first = next(&mut w, &mut 0, &Method::Register);
        answer(&mut w, &first, &[("Expires", "600")], Some(("192.0.2.7", "4711")));
        registered(&mut w);
        w.run_secs(60);
        assert_eq!((w.raw_requests(9).len(), w.keep_alives(9)), (1, 0));
    }
}

#[test]
fn the_service_route_is_the_way_of_all_other_requests() {
    let mut w = world();
    let proxy = Uri::parse("sip:10.0.0.9:5060").expect("URI");
    register(&mut w, 1, RegistrationSettings { outbound_proxy: Some(proxy), ..settings() });
    let mut seen = 0;
    let first = next(&mut w, &mut seen, &Method::Register);
    assert!(first.headers.all(name::SUPPORTED).any(|h| h.text() == "path"));
    answer(&mut w, &first, &[("Expires", "600")], None);
    let _ = registered(&mut w);
    let message = |w: &mut World, id| {
        let target = Uri::parse("sip:bob@elsewhere.example").expect("URI");
        let (id, method, from) = (RequestId(id), Method::Message, identity());
        w.command(1, Command::Request { id, method, target, from, to: None, headers: vec![], body: None });
    };
    message(&mut w, 1);
    let sent = next(&mut w, &mut seen, &Method::Message);
    assert_eq!(sent.headers.text(name::ROUTE).as_deref(), Some("<sip:10.0.0.9:5060;lr>"), "the proxy");
    answer(&mut w, &sent, &[], None);
    let refresh = next(&mut w, &mut seen, &Method::Register);
    let routes = [("Service-Route", "<sip:10.0.0.9;lr>, <sip:home.example;lr>"), ("Expires", "600")];
    answer(&mut w, &refresh, &routes, None);
    loop {
        if let Event::Registration { event: RegistrationEvent::Registered { service_route, .. }, .. } =
            w.next_event(1)
        {
            assert_eq!(service_route.len(), 2);
            break;
        }
    }
    message(&mut w, 2);
    let sent = next(&mut w, &mut seen, &Method::Message);
    let routes: Vec<String> = sent.headers.all(name::ROUTE).map(|h| h.text().into_owned()).collect();
    assert_eq!(routes, ["<sip:10.0.0.9;lr>", "<sip:home.example;lr>"]);
    answer(&mut w, &sent, &[], None);
    // Another identity has another way.
    let target = uri(9);
    let from = NameAddr::new(uri(3));
    let (id, method) = (RequestId(3), Method::Message);
    w.command(1, Command::Request { id, method, target, from, to: None, headers: vec![], body: None });
    assert_eq!(next(&mut w, &mut seen, &Method::Message).headers.get(name::ROUTE), None);
}

#[test]
fn outbound_and_gruu_are_asked_for_and_used() {
    let mut w = world();
    let outbound = RegistrationSettings { instance: Some(INSTANCE.into()), reg_id: Some(2), ..settings() };
    register(&mut w, 1, outbound);
    let mut seen = 0;
    let first = next(&mut w, &mut seen, &Method::Register);
    assert!(first.headers.all(name::SUPPORTED).any(|h| h.text() == "outbound"), "{:?}", first.headers);
    let ours = contacts(&first.headers).remove(0);
    assert_eq!(ours.params.raw("reg-id"), Some("2"));
    assert_eq!(ours.params.value("+sip.instance").as_deref(), Some(&format!("<{INSTANCE}>")[..]));
    let contact =
        format!("{ours};expires=600;pub-gruu=\"sip:alice@10.0.0.9;gr=1\";temp-gruu=\"sip:t@10.0.0.9;gr\"");
    answer(&mut w, &first, &[("Require", "outbound"), ("Contact", &contact)], None);
    let RegistrationEvent::Registered { gruu, outbound: true, expires: 600, .. } = registered(&mut w) else {
        panic!("not so")
    };
    let uri = |text: &str| Uri::parse(text).expect("URI");
    let expected = Gruu { public: uri("sip:alice@10.0.0.9;gr=1"), temporary: Some(uri("sip:t@10.0.0.9;gr")) };
    assert_eq!(gruu, Some(Box::new(expected)));
    call(&mut w);
    let invite = next(&mut w, &mut seen, &Method::Invite);
    assert_eq!(invite.headers.text(name::CONTACT).as_deref(), Some("<sip:alice@10.0.0.9;gr=1>"));
}

#[test]
fn a_first_hop_without_outbound() {
    let mut w = world();
    let outbound = RegistrationSettings { instance: Some(INSTANCE.into()), reg_id: Some(1), ..settings() };
    register(&mut w, 1, outbound);
    let mut seen = 0;
    let first = next(&mut w, &mut seen, &Method::Register);
    let refused = Response::to_request(&first, 439, "server");
    w.send(9, 1, &Message::Response(refused));
    let second = next(&mut w, &mut seen, &Method::Register);
    assert_eq!(contacts(&second.headers)[0].params.raw("reg-id"), None);
    answer(&mut w, &second, &[("Expires", "600")], None);
    let RegistrationEvent::Registered { outbound: false, gruu: None, .. } = registered(&mut w) else {
        panic!("granted")
    };
}

/// Registers with outbound granted over UDP.
fn flow(w: &mut World) -> usize {
    let outbound = RegistrationSettings { instance: Some(INSTANCE.into()), reg_id: Some(1), ..settings() };
    register(w, 1, outbound);
    let mut seen = 0;
    let first = next(w, &mut seen, &Method::Register);
    answer(w, &first, &[("Require", "outbound"), ("Expires", "600")], None);
    registered(w);
    call(w);
    let invite = next(w, &mut seen, &Method::Invite);
    assert_eq!(invite.headers.text(name::CONTACT).as_deref(), Some("<sip:10.0.0.1:5060;ob>"));
    seen
}

#[test]
fn a_flow_is_kept_open_by_stun() {
    let mut w = world();
    w.answer_stun(9, Some(address(1)));
    let mut seen = flow(&mut w);
    w.run_secs(300);
    let kept = w.stun_requests(9);
    assert!((9..=13).contains(&kept), "every 24 to 29 s: {kept}");
    let before = w.raw_requests(9).len();
    // Another address in the answer is another flow: registered anew at once.
    w.answer_stun(9, Some(address(55)));
    w.run_secs(31);
    let again = w.raw_requests(9).iter().skip(before).filter(|(_, r)| r.method == Method::Register).count();
    assert!(again >= 1, "registered anew");
    let register = next(&mut w, &mut seen, &Method::Register);
    assert_eq!(contacts(&register.headers)[0].params.raw("reg-id"), Some("1"));
}

#[test]
fn a_flow_whose_keep_alive_is_not_answered_is_broken() {
    let mut w = world();
    let mut seen = flow(&mut w);
    let before = w.elapsed();
    let register = next(&mut w, &mut seen, &Method::Register);
    let waited = (w.elapsed() - before).as_secs();
    assert!((60..100).contains(&waited), "one pause and seven attempts: {waited}");
    assert_eq!(w.stun_requests(9), 7);
    answer(&mut w, &register, &[("Require", "outbound"), ("Expires", "600")], None);
}

#[test]
fn a_change_of_address_is_told_to_registrar_and_peer() {
    let mut w = world();
    register(&mut w, 1, settings());
    let mut seen = 0;
    let first = next(&mut w, &mut seen, &Method::Register);
    answer(&mut w, &first, &[("Expires", "600")], None);
    registered(&mut w);
    let request = |method: &str, number: u32, to: &str| {
        format!(
            "{method} sip:alice@10.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKc{number}{method}\n\
             From: <sip:b@h>;tag=1\nTo: {to}\nCall-ID: moved\nCSeq: {number} {method}\nAllow: INVITE, UPDATE\n\
             Contact: <sip:b@10.0.0.9>\nMax-Forwards: 70\n\n"
        )
    };
    w.send_text(9, 1, &request("INVITE", 1, "<sip:alice@h>"));
    let Event::Incoming { id, .. } = w.next_event(1) else { panic!("no call") };
    w.command(1, Command::Accept { id, body: sdp("offer") });
    w.run_secs(1);
    let (_, ok) = w.raw_responses(9).pop().expect("an answer");
    w.send_text(9, 1, &request("ACK", 1, &ok.headers.text(name::TO).expect("To")));
    assert!(matches!(w.next_event(1), Event::Confirmed { .. }));
    w.command(1, Command::NetworkChanged);
    let again = next(&mut w, &mut seen, &Method::Register);
    assert_eq!(again.call_id(), first.call_id());
    let update = next(&mut w, &mut seen, &Method::Update);
    assert_eq!((update.call_id().as_deref(), update.body.len()), (Ok("moved"), 0));
    assert!(contacts(&update.headers)[0].uri.to_string().contains("10.0.0.1"));
}

#[test]
fn sips_all_the_way() {
    let mut w = world();
    w.command(
        1,
        Command::Invite {
            id: InviteId(2),
            target: Uri::parse("sips:bob@10.0.0.9").expect("URI"),
            from: identity(),
            to: None,
            headers: vec![],
            body: None,
        },
    );
    let invite = next(&mut w, &mut 0, &Method::Invite);
    assert!(contacts(&invite.headers)[0].uri.to_string().starts_with("sips:"), "{:?}", invite.headers);
}
