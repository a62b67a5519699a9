//! MESSAGE, PUBLISH, SUBSCRIBE and NOTIFY in virtual time: endpoints 1 and 2,
//! and a scripted server 9.

mod support;

use std::time::Duration;

use fs_sip::endpoint::{Body, Command, EndpointConfig, Event, FailureCause, RequestId};
use fs_sip::publication::{PublicationEvent, PublicationId, PublicationSettings};
use fs_sip::subscription::{
    NotifierEvent, NotifierId, SubscriptionEvent, SubscriptionId, SubscriptionSettings,
};
use fs_sip::transport::memory::Weather;
use fs_sip::wire::auth::{Credentials, Secret};
use fs_sip::wire::headers::{EventType, SubscriptionState, name};
use fs_sip::wire::{Message, Method, NameAddr, Request, Response, TypedHeader};
use support::{World, address, uri};

const ID: SubscriptionId = SubscriptionId(7);

fn text(text: &str) -> Body {
    Body { content_type: "text/plain".to_owned(), data: text.into() }
}

fn world(weather: Weather) -> World {
    let mut w = World::new(2, weather, 5);
    let events = vec!["presence".to_owned(), "dialog".to_owned()];
    w.configure(2, EndpointConfig { messages: true, events, ..EndpointConfig::default() });
    w
}

fn settings(target: u8, package: &str) -> Box<SubscriptionSettings> {
    let event = EventType::parse_value(package).expect("package");
    Box::new(SubscriptionSettings::new(NameAddr::new(uri(1)), uri(target), event))
}

fn subscribe(w: &mut World, target: u8, package: &str) {
    w.command(1, Command::Subscribe { id: ID, settings: settings(target, package) });
}

fn send_message(w: &mut World, target: u8, body: Option<Body>) {
    w.command(
        1,
        Command::Request {
            id: RequestId(1),
            method: Method::Message,
            target: uri(target),
            from: NameAddr::new(uri(1)),
            to: None,
            headers: vec![("Subject".to_owned(), "hello".to_owned())],
            body,
        },
    );
}

fn answered(w: &mut World) -> (u16, FailureCause, Vec<(String, String)>) {
    match w.next_event(1) {
        Event::Answered { id: RequestId(1), status, cause, headers, .. } => (status, cause, headers),
        other => panic!("unexpected: {other:?}"),
    }
}

fn subscription(w: &mut World) -> SubscriptionEvent {
    match w.next_event(1) {
        Event::Subscription { id: ID, event } => event,
        other => panic!("unexpected: {other:?}"),
    }
}

fn notifier(w: &mut World) -> NotifierEvent {
    match w.next_event(2) {
        Event::Notifier { event, .. } => event,
        other => panic!("unexpected: {other:?}"),
    }
}

fn notified(w: &mut World) -> (String, Option<String>) {
    loop {
        match subscription(w) {
            SubscriptionEvent::Notified { state, body } => {
                let body = body.map(|b| String::from_utf8(b.data).expect("UTF-8"));
                return (state.state, body);
            }
            SubscriptionEvent::Active { .. } => {}
            other => panic!("unexpected: {other:?}"),
        }
    }
}

/// Waits for the next request of this method at the server.
fn request(w: &mut World, seen: &mut usize, method: &Method) -> Request {
    for _ in 0..40_000 {
        let all = w.raw_requests(9);
        let new = all.iter().enumerate().skip(*seen).find(|(_, (_, r))| r.method == *method);
        if let Some((index, (_, request))) = new {
            *seen = index + 1;
            return request.clone();
        }
        w.run_for(Duration::from_millis(100));
    }
    panic!("no {method}");
}

fn reply(w: &mut World, request: &Request, status: u16, headers: &[(&str, &str)]) {
    let mut response = Response::to_request(request, status, "server");
    for (name, value) in headers {
        response.headers.push(name, *value);
    }
    w.send(9, 1, &Message::Response(response));
}

/// A NOTIFY of the server for a SUBSCRIBE.
fn notify(w: &mut World, subscribe: &Request, cseq: u32, event: &str, state: &str) {
    let (ours, theirs) = (subscribe.from().expect("From"), subscribe.to().expect("To"));
    let theirs = if theirs.tag().is_some() { theirs } else { theirs.with_tag("server") };
    let data = format!(
        "NOTIFY sip:user@10.0.0.1:5060 SIP/2.0\nVia: SIP/2.0/UDP {};branch=z9hG4bK{cseq}\nFrom: {theirs}\nTo: {ours}\n\
         Call-ID: {}\nCSeq: {cseq} NOTIFY\nContact: <sip:{}>\nMax-Forwards: 70\nEvent: {event}\n{state}\n\n",
        address(9),
        subscribe.call_id().expect("Call-ID"),
        address(9)
    );
    w.send_text(9, 1, &data);
}

#[test]
fn a_message_is_handed_on_and_answered() {
    let mut w = world(Weather::default());
    send_message(&mut w, 2, Some(text("hi")));
    let Event::Message { from, body, headers, .. } = w.next_event(2) else { panic!("no message") };
    assert_eq!((from.uri, body), (uri(1), text("hi")));
    assert!(headers.contains(&("Subject".to_owned(), "hello".to_owned())));
    assert!(headers.iter().any(|(n, v)| n == "User-Agent" && v.starts_with("fs-sip/")), "{headers:?}");
    let (status, cause, headers) = answered(&mut w);
    assert_eq!((status, cause), (200, FailureCause::Peer));
    assert!(headers.iter().any(|(n, _)| n == "Server"), "{headers:?}");
    w.run_secs(60);
    assert_eq!(w.new_events(2), [], "once");
    assert_eq!((w.transactions(1), w.transactions(2)), (0, 0));
}

#[test]
fn messages_that_are_not_taken() {
    let mut w = world(Weather::default());
    send_message(&mut w, 2, None);
    let (status, _, headers) = answered(&mut w);
    assert_eq!(status, 400);
    assert!(headers.iter().any(|(n, v)| n == "Warning" && v.contains("body")), "{headers:?}");
    w.configure(2, EndpointConfig::default());
    send_message(&mut w, 2, Some(text("hi")));
    let (status, _, headers) = answered(&mut w);
    assert_eq!(status, 405);
    assert!(headers.iter().any(|(n, v)| n == "Allow" && !v.contains("MESSAGE")), "{headers:?}");
    assert_eq!(w.events(2), []);
    send_message(&mut w, 9, Some(text("hi")));
    assert_eq!(answered(&mut w).1, FailureCause::Timeout);
}

#[test]
fn a_challenged_message_is_proved() {
    let mut w = world(Weather::default());
    let password = Secret::new("secret");
    let credentials = Credentials { realm: None, username: "alice".to_owned(), password };
    w.command(1, Command::Credentials(vec![credentials]));
    send_message(&mut w, 9, Some(text("hi")));
    let mut seen = 0;
    let first = request(&mut w, &mut seen, &Method::Message);
    reply(&mut w, &first, 407, &[("Proxy-Authenticate", "Digest realm=\"r\", nonce=\"n\"")]);
    let second = request(&mut w, &mut seen, &Method::Message);
    assert!(second.headers.get(name::PROXY_AUTHORIZATION).is_some());
    assert_eq!((second.body.as_slice(), second.call_id()), (&b"hi"[..], first.call_id()));
    reply(&mut w, &second, 202, &[]);
    assert_eq!(answered(&mut w).0, 202);
}

#[test]
fn a_subscription_from_its_beginning_to_its_end() {
    for weather in [Weather::default(), Weather { loss: 20, duplication: 10, ..Weather::default() }] {
        let mut w = world(weather);
        let mut short = settings(2, "presence");
        short.expires = 90;
        w.command(1, Command::Subscribe { id: ID, settings: short });
        let Event::IncomingSubscription { id, event, expires, .. } = w.next_event(2) else { panic!("none") };
        assert_eq!((event.package.as_str(), expires), ("presence", 90));
        w.command(2, Command::AnswerSubscription { id, status: 200, active: false, body: None });
        assert_eq!(notified(&mut w), ("pending".to_owned(), None));
        w.command(2, Command::Notify { id, active: true, body: Some(text("open")) });
        assert_eq!(notified(&mut w), ("active".to_owned(), Some("open".to_owned())));
        let NotifierEvent::Refreshed { expires } = notifier(&mut w) else { panic!("over") };
        assert_eq!(expires, 90, "asked again in time");
        assert_eq!(notified(&mut w), ("active".to_owned(), Some("open".to_owned())), "told again");
        w.command(1, Command::Unsubscribe { id: ID });
        assert!(matches!(notifier(&mut w), NotifierEvent::Ended { .. }));
        loop {
            match subscription(&mut w) {
                SubscriptionEvent::Ended { .. } => break,
                SubscriptionEvent::Notified { .. } | SubscriptionEvent::Active { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        w.run_secs(100);
        assert_eq!((w.transactions(1), w.transactions(2)), (0, 0));
        assert_eq!((w.new_events(1), w.new_events(2)), (vec![], vec![]));
    }
}

#[test]
fn the_notifier_ends_it() {
    for (reason, again) in [("noresource", false), ("deactivated", true)] {
        let mut w = world(Weather::default());
        subscribe(&mut w, 2, "dialog;id=4");
        let Event::IncomingSubscription { id, .. } = w.next_event(2) else { panic!("none") };
        w.command(2, Command::AnswerSubscription { id, status: 200, active: true, body: Some(text("a")) });
        assert_eq!(notified(&mut w).0, "active");
        w.command(2, Command::EndSubscription { id, reason: reason.to_owned(), body: None });
        let end = subscription(&mut w);
        let SubscriptionEvent::Notified { state, .. } = end else { panic!("{end:?}") };
        assert_eq!((state.is_terminated(), state.reason().as_deref()), (true, Some(reason)));
        if again {
            let next = w.next_event(2);
            assert!(matches!(next, Event::IncomingSubscription { .. }), "{next:?}");
        } else {
            let end = subscription(&mut w);
            assert_eq!(end, SubscriptionEvent::Ended { reason: Some(reason.to_owned()) });
            w.run_secs(4000);
            assert_eq!(w.new_events(2), []);
        }
    }
}

#[test]
fn refused_subscriptions() {
    let mut w = world(Weather::default());
    subscribe(&mut w, 2, "reg");
    let event = subscription(&mut w);
    assert!(
        matches!(event, SubscriptionEvent::Failed { status: 489, retry_after, .. } if retry_after.as_secs() == 3600)
    );
    let mut short = settings(2, "presence");
    short.expires = 5;
    w.command(1, Command::Subscribe { id: ID, settings: short });
    let Event::IncomingSubscription { id, expires, .. } = w.next_event(2) else { panic!("none") };
    assert_eq!(expires, 60, "423 was heeded");
    w.command(2, Command::AnswerSubscription { id, status: 403, active: false, body: None });
    let event = subscription(&mut w);
    assert!(matches!(event, SubscriptionEvent::Failed { status: 403, .. }), "{event:?}");
    w.configure(2, EndpointConfig::default());
    subscribe(&mut w, 2, "presence");
    let event = subscription(&mut w);
    assert!(matches!(event, SubscriptionEvent::Failed { status: 405, .. }), "{event:?}");
}

#[test]
fn a_notify_may_be_faster_than_the_answer_and_must_be_ours() {
    let mut w = world(Weather::default());
    subscribe(&mut w, 9, "presence");
    let mut seen = 0;
    let first = request(&mut w, &mut seen, &Method::Subscribe);
    assert!(first.headers.get(name::CONTACT).is_some());
    notify(&mut w, &first, 1, "presence", "Subscription-State: active;expires=300");
    assert_eq!(notified(&mut w).0, "active");
    reply(&mut w, &first, 200, &[("Expires", "300"), ("Contact", "<sip:10.0.0.9>")]);
    w.run_secs(1);
    assert_eq!(w.raw_statuses(9), [200]);
    for (cseq, event, state, status) in [
        (2, "presence.winfo", "Subscription-State: active", 489),
        (3, "presence", "X: y", 400),
        (1, "presence", "Subscription-State: active;expires=5", 500),
    ] {
        notify(&mut w, &first, cseq, event, state);
        w.run_secs(1);
        // Number 1 again is the same request again: it gets the same answer.
        let expected = if cseq == 1 { 200 } else { status };
        assert_eq!(w.raw_statuses(9).last(), Some(&expected), "{event} {state}");
    }
    let mut stranger = first.clone();
    stranger.headers.set_first(name::CALL_ID, "another");
    notify(&mut w, &stranger, 9, "presence", "Subscription-State: active");
    w.run_secs(1);
    assert_eq!(w.raw_statuses(9).last(), Some(&481));
    assert_eq!(w.new_events(1), []);
    // The refresh is sent inside the dialog that the NOTIFY made.
    let refresh = request(&mut w, &mut seen, &Method::Subscribe);
    assert_eq!(refresh.to().expect("To").tag(), Some("server"));
    assert_eq!(refresh.cseq().expect("CSeq").number, first.cseq().expect("CSeq").number + 1);
    // It is unknown there by now: a new one.
    reply(&mut w, &refresh, 481, &[]);
    let anew = request(&mut w, &mut seen, &Method::Subscribe);
    assert_eq!(anew.to().expect("To").tag(), None);
    assert_ne!(anew.call_id(), first.call_id());
}

#[test]
fn a_subscription_without_notify_is_none() {
    let mut w = world(Weather::default());
    subscribe(&mut w, 9, "presence");
    let first = request(&mut w, &mut 0, &Method::Subscribe);
    reply(&mut w, &first, 202, &[("Expires", "600"), ("Contact", "<sip:10.0.0.9>")]);
    assert_eq!(subscription(&mut w), SubscriptionEvent::Active { expires: 600 });
    let before = w.elapsed();
    let event = subscription(&mut w);
    assert!(matches!(event, SubscriptionEvent::Failed { status: 408, .. }), "{event:?}");
    assert_eq!((w.elapsed() - before).as_secs(), 32);
}

#[test]
fn a_subscriber_that_is_gone_is_told() {
    let mut w = world(Weather::default());
    subscribe(&mut w, 2, "presence");
    let Event::IncomingSubscription { id, .. } = w.next_event(2) else { panic!("none") };
    w.command(2, Command::AnswerSubscription { id, status: 200, active: true, body: None });
    w.run_secs(1);
    w.configure(1, EndpointConfig::default());
    w.command(2, Command::Notify { id, active: true, body: Some(text("x")) });
    let NotifierEvent::Ended { reason } = notifier(&mut w) else { panic!("goes on") };
    assert!(reason.contains("481"), "{reason}");
    w.command(2, Command::Notify { id: NotifierId(99), active: true, body: None });
    w.run_secs(40);
    assert_eq!(w.transactions(2), 0);
}

#[test]
fn a_publication_with_its_tag() {
    let mut w = world(Weather::default());
    let id = PublicationId(1);
    let publish = |body: &str| Command::Publish {
        id,
        settings: PublicationSettings::new(NameAddr::new(uri(9)), "presence"),
        body: text(body),
    };
    let event = |w: &mut World| match w.next_event(1) {
        Event::Publication { id: PublicationId(1), event } => event,
        other => panic!("unexpected: {other:?}"),
    };
    w.command(1, publish("one"));
    let mut seen = 0;
    let first = request(&mut w, &mut seen, &Method::Publish);
    assert_eq!(first.headers.text(name::EVENT).as_deref(), Some("presence"));
    assert_eq!(first.headers.get(name::SIP_IF_MATCH), None);
    reply(&mut w, &first, 200, &[("SIP-ETag", "t1"), ("Expires", "600")]);
    assert_eq!(event(&mut w), PublicationEvent::Published { expires: 600 });
    w.command(1, publish("two"));
    let second = request(&mut w, &mut seen, &Method::Publish);
    assert_eq!(second.headers.text(name::SIP_IF_MATCH).as_deref(), Some("t1"));
    assert_eq!(second.body, b"two");
    reply(&mut w, &second, 412, &[]);
    let third = request(&mut w, &mut seen, &Method::Publish);
    assert_eq!((third.headers.get(name::SIP_IF_MATCH), third.body.as_slice()), (None, &b"two"[..]));
    reply(&mut w, &third, 200, &[("SIP-ETag", "t2"), ("Expires", "100")]);
    assert_eq!(event(&mut w), PublicationEvent::Published { expires: 100 });
    let refresh = request(&mut w, &mut seen, &Method::Publish);
    assert_eq!((refresh.headers.text(name::SIP_IF_MATCH).as_deref(), refresh.body.len()), (Some("t2"), 0));
    reply(&mut w, &refresh, 200, &[("SIP-ETag", "t3")]);
    assert!(matches!(event(&mut w), PublicationEvent::Published { .. }));
    w.command(1, Command::Unpublish { id });
    let last = request(&mut w, &mut seen, &Method::Publish);
    assert_eq!(last.headers.text(name::EXPIRES).as_deref(), Some("0"));
    reply(&mut w, &last, 200, &[]);
    assert_eq!(event(&mut w), PublicationEvent::Ended);
}

#[test]
fn states_are_read_in_any_case() {
    let state = SubscriptionState::parse_value("Active;EXPIRES=5").expect("state");
    assert_eq!((state.state.as_str(), state.expires()), ("active", Some(5)));
}

/// An application that never answers leaves nobody waiting, and nothing behind.
#[test]
fn what_the_application_does_not_answer_gets_480() {
    let config = EndpointConfig {
        events: vec!["presence".into()],
        requests: vec![Method::Publish],
        ..EndpointConfig::default()
    };
    let mut world = World::with(vec![config], Weather::default(), 1);
    for (n, method) in [(1, "SUBSCRIBE"), (2, "PUBLISH")] {
        let request = format!(
            "{method} sip:x@10.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bK{n}\n\
             From: <sip:y@h>;tag=1\nTo: <sip:x@h>\nCall-ID: {n}\nCSeq: 1 {method}\nEvent: presence\n\
             Contact: <sip:10.0.0.9>\n\n"
        );
        world.send_text(9, 1, &request);
    }
    world.run_secs(30);
    assert_eq!(world.raw_statuses(9), [480, 480]);
    world.run_secs(60);
    assert_eq!(world.transactions(1), 0);
}
