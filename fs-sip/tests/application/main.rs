//! The application as a whole: accounts that register and call, and what comes in outside calls.

#![allow(clippy::unwrap_used)]

mod account_media;
#[path = "../support/dns.rs"]
mod dns;
#[path = "../support/sides.rs"]
mod sides;

use std::sync::Arc;

use fs_sip::account::{AccountEvent, AccountNotification, AccountSettings};
use fs_sip::endpoint::{AskedId, Body, Command, EndpointConfig, Event, RequestId};
use fs_sip::limits::MAX_WAITING_CALLS;
use fs_sip::media::fake::{FakeBackend, FakeCall};
use fs_sip::sdp::SrtpPolicy;
use fs_sip::settings::{Group, MemoryStorage, Storage, Value};
use fs_sip::subscription::{NotifierEvent, SubscriptionEvent, SubscriptionId, SubscriptionSettings};
use fs_sip::wire::auth::Secret;
use fs_sip::wire::headers::EventType;
use fs_sip::wire::{Method, NameAddr, Params, Uri};
use fs_sip::{ApplicationConfig, ApplicationEvent, CallOptions, InviteError, SessionEvent};
use sides::{Peer, Side, end_of, sdp, started, until, within};
use tokio::sync::mpsc::{Receiver, channel};

const ALICE: &str = "alice@example.org";

async fn listening(config: ApplicationConfig) -> (Side, Receiver<ApplicationEvent>) {
    let (sender, events) = channel(64);
    let config = ApplicationConfig { events: Some(sender), ..config };
    (Side::with(FakeBackend::g711(), config).await, events)
}

async fn told<T>(
    events: &mut Receiver<ApplicationEvent>,
    wanted: impl Fn(&ApplicationEvent) -> Option<T>,
) -> T {
    loop {
        let event = within(events.recv()).await.expect("the application lives");
        if let Some(found) = wanted(&event) {
            return found;
        }
    }
}

/// A request that a peer is asked, with the value of one of its headers.
async fn asked(peer: &mut Peer, wanted: &Method, header: &str) -> (AskedId, Option<String>) {
    peer.until(|event| match event {
        Event::Request { id, method, headers, .. } if method == wanted => {
            let value = headers.iter().find(|(name, _)| name == header).map(|(_, value)| value.clone());
            Some((*id, value))
        }
        _ => None,
    })
    .await
}

fn answer(peer: &Peer, id: AskedId, status: u16, headers: &[(&str, &str)]) {
    let headers = headers.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
    peer.endpoint.send(Command::AnswerRequest { id, status, reason: None, headers, body: None });
}

/// A registrar that is the account's proxy too; the application has registered there.
async fn registered() -> (Side, Receiver<ApplicationEvent>, Peer, String) {
    registered_with(EndpointConfig::default()).await
}

async fn registered_with(endpoint: EndpointConfig) -> (Side, Receiver<ApplicationEvent>, Peer, String) {
    let requests = vec![Method::Register, Method::Other("X-TEST".into())];
    let mut registrar = Peer::with(EndpointConfig { requests, ..EndpointConfig::default() }).await;
    let proxy = Uri::parse(&format!("sip:{}", registrar.endpoint.local_addr())).unwrap();
    let settings = AccountSettings {
        enabled: true,
        display_name: Some("Alice".into()),
        password: Secret::new("secret"),
        outbound_proxy: Some(proxy),
        ..AccountSettings::default()
    };
    let mut group = Group::new();
    settings.write(&mut group);
    let mut tree = Group::new();
    tree.set(&["Accounts", ALICE], Value::Group(group));
    let storage = MemoryStorage::default();
    storage.save(&tree).unwrap();
    let storage = Some(Arc::new(storage) as Arc<dyn Storage>);
    let config = ApplicationConfig { endpoint, storage, ..ApplicationConfig::default() };
    let (side, events) = listening(config).await;

    let (id, proof) = asked(&mut registrar, &Method::Register, "Authorization").await;
    assert_eq!(proof, None);
    let challenge = "Digest realm=\"example.org\", nonce=\"n1\", qop=\"auth\"";
    answer(&registrar, id, 401, &[("WWW-Authenticate", challenge)]);
    let (contact, id) = registrar
        .until(|event| match event {
            Event::Request { id, headers, .. } => {
                let of = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
                assert!(of("Authorization")?.contains("username=\"alice\""));
                Some((of("Contact")?, *id))
            }
            _ => None,
        })
        .await;
    answer(&registrar, id, 200, &[("Contact", &format!("{contact};expires=600"))]);
    (side, events, registrar, contact)
}

fn of_alice(event: &ApplicationEvent) -> Option<AccountNotification> {
    match event {
        ApplicationEvent::Account(AccountEvent::Account { account, notification }) if account == ALICE => {
            Some(notification.clone())
        }
        _ => None,
    }
}

#[tokio::test]
async fn an_enabled_account_registers_at_the_start_and_leaves_at_the_end() {
    let (side, mut events, mut registrar, _) = registered().await;
    let expires = told(&mut events, |event| match of_alice(event)? {
        AccountNotification::RegistrationDidSucceed { expires, .. } => Some(expires),
        _ => None,
    })
    .await;
    assert_eq!(expires, 600);
    assert_eq!(side.application.accounts().default_account().await.unwrap().as_deref(), Some(ALICE));
    let over = tokio::spawn(side.application.shutdown());
    let (id, expires) = asked(&mut registrar, &Method::Register, "Expires").await;
    assert_eq!(expires.as_deref(), Some("0"));
    answer(&registrar, id, 200, &[]);
    told(&mut events, |e| (of_alice(e)? == AccountNotification::RegistrationDidEnd).then_some(())).await;
    told(&mut events, |e| (*e == ApplicationEvent::Account(AccountEvent::DidEnd)).then_some(())).await;
    within(over).await.unwrap();
}

#[tokio::test]
async fn calls_are_the_accounts() {
    let (mut side, mut events, mut proxy, contact) = registered().await;
    told(&mut events, |e| {
        matches!(of_alice(e)?, AccountNotification::RegistrationDidSucceed { .. }).then_some(())
    })
    .await;
    // Ours: through the proxy, with the name and the proof of the account.
    let mut call = side.application.call("sip:bob@example.org").await.unwrap();
    assert_eq!(call.info().account.as_deref(), Some(ALICE));
    let (id, _) = proxy.called().await;
    let challenge = "Digest realm=\"p\", nonce=\"n2\", qop=\"auth\"";
    let headers = vec![("Proxy-Authenticate".to_owned(), challenge.to_owned())];
    proxy.endpoint.send(Command::Reject { id, status: 407, reason: None, headers });
    let (id, from, proof, uri) = proxy
        .until(|event| match event {
            Event::Incoming { id, from, headers, request_uri, .. } => {
                let proof = headers.iter().find(|(n, _)| n == "Proxy-Authorization")?.1.clone();
                Some((*id, from.clone(), proof, request_uri.to_string()))
            }
            _ => None,
        })
        .await;
    assert_eq!(from.display_name.as_deref(), Some("Alice"));
    assert_eq!(from.uri.to_string(), format!("sip:{ALICE}"));
    assert!(proof.contains("username=\"alice\"") && proof.contains("realm=\"p\""), "{proof}");
    assert_eq!(uri, "sip:bob@example.org");
    proxy.endpoint.send(Command::Accept { id, body: Some(sdp("m=audio 4000 RTP/AVP 0\r\n")) });
    until(&mut call, started).await;
    call.hangup();
    end_of(&mut call).await;

    // Theirs: at the contact that was registered, and at no other name.
    let target = NameAddr::parse(&contact).unwrap().uri;
    proxy.call(&target.to_string(), Some(sdp("m=audio 4000 RTP/AVP 0\r\n")));
    let called = side.called().await;
    assert_eq!(called.info().account.as_deref(), Some(ALICE));
    called.reject(486, None);
    assert_eq!(proxy.refused().await, 486);
    let nobody = format!("sip:nobody@{}", side.application.local_addr());
    proxy.call(&nobody, Some(sdp("m=audio 4000 RTP/AVP 0\r\n")));
    assert_eq!(proxy.refused().await, 404);
}

/// `sip.always_use_my_proxy`: the servers of the account's domain stand in for an outbound proxy.
#[tokio::test]
async fn calls_to_others_go_through_our_own_servers_where_that_is_wanted() {
    let side = Side::new(FakeBackend::g711()).await;
    // The id of an account has no port: its domain is looked up.
    let bind = "127.77.7.1:5060".parse().unwrap();
    let mut ours = Peer::with(EndpointConfig { bind, ..EndpointConfig::default() }).await;
    let mut theirs = Peer::new().await;
    let id = "alice@127.77.7.1".to_owned();
    let uri = format!("sip:bob@{}", theirs.endpoint.local_addr());
    let settings = AccountSettings { enabled: true, register: false, ..AccountSettings::default() };
    side.application.accounts().add(&id, settings.clone()).await.unwrap();
    let options = || CallOptions { account: Some(id.clone()), ..CallOptions::default() };
    let asked = |event: &Event| match event {
        Event::Incoming { request_uri, .. } => Some(request_uri.to_string()),
        _ => None,
    };
    let straight = side.application.call_with(&uri, options()).await.unwrap();
    assert_eq!(theirs.until(asked).await, uri);
    let settings = AccountSettings { always_use_my_proxy: true, ..settings };
    side.application.accounts().change(&id, settings).await.unwrap();
    let through = side.application.call_with(&uri, options()).await.unwrap();
    assert_eq!(ours.until(asked).await, uri, "whom it is for stays as it is");
    drop((straight, through));
}

#[tokio::test]
async fn an_account_that_is_none_can_not_call() {
    let side = Side::new(FakeBackend::g711()).await;
    for enabled in [None, Some(false)] {
        if let Some(enabled) = enabled {
            let settings = AccountSettings { enabled, ..AccountSettings::default() };
            side.application.accounts().add(ALICE, settings).await.unwrap();
        }
        let options = CallOptions { account: Some(ALICE.into()), ..CallOptions::default() };
        let error = side.application.call_with("sip:bob@127.0.0.1", options).await.unwrap_err();
        assert!(matches!(&error, InviteError::Account(_)), "{error}");
        assert!(error.to_string().contains(ALICE), "{error}");
    }
}

/// Sends a request to an application; what it is answered.
async fn ask(peer: &mut Peer, side: &Side, number: u64, method: &Method, body: Option<Body>) -> Answer {
    let target = NameAddr::parse(&side.uri()).unwrap().uri;
    let from = NameAddr::parse(&peer.uri()).unwrap();
    let headers = vec![("Event".to_owned(), "presence".to_owned())];
    let id = RequestId(number);
    peer.endpoint.send(Command::Request {
        id,
        method: method.clone(),
        target,
        from,
        to: None,
        headers,
        body,
    });
    peer.until(|event| match event {
        Event::Answered { id, status, headers, .. } if id.0 == number => Some((*status, headers.clone())),
        _ => None,
    })
    .await
}

type Answer = (u16, Vec<(String, String)>);

fn text() -> Option<Body> {
    Some(Body { content_type: "text/plain".into(), data: b"hello".to_vec() })
}

/// A subscription to an application, until it says how it stands.
async fn subscribe(peer: &mut Peer, side: &Side, number: u64) -> SubscriptionEvent {
    let event = EventType { package: "presence".into(), params: Params::new() };
    let target = NameAddr::parse(&side.uri()).unwrap().uri;
    let settings = SubscriptionSettings::new(NameAddr::parse(&peer.uri()).unwrap(), target, event);
    let id = SubscriptionId(number);
    peer.endpoint.send(Command::Subscribe { id, settings: Box::new(settings) });
    peer.until(|event| match event {
        Event::Subscription { id, event } if id.0 == number => match event {
            SubscriptionEvent::Notified { .. } | SubscriptionEvent::Failed { .. } => Some(event.clone()),
            SubscriptionEvent::Ended { .. } => Some(event.clone()),
            SubscriptionEvent::Active { .. } => None,
        },
        _ => None,
    })
    .await
}

fn open_to_all() -> EndpointConfig {
    EndpointConfig {
        messages: true,
        events: vec!["presence".into()],
        requests: vec![Method::Publish, Method::Options, Method::Invite],
        ..EndpointConfig::default()
    }
}

#[tokio::test]
async fn what_comes_outside_calls_reaches_the_application() {
    let config = ApplicationConfig { endpoint: open_to_all(), ..ApplicationConfig::default() };
    let (side, mut events) = listening(config).await;
    let mut peer = Peer::new().await;
    let answering = async {
        loop {
            match within(events.recv()).await.expect("it lives") {
                ApplicationEvent::Endpoint(Event::Message { body, .. }) => {
                    assert_eq!(Some(body), text());
                }
                ApplicationEvent::Endpoint(Event::Request { id, method, body, .. }) => {
                    let (status, headers) = match method {
                        Method::Publish => {
                            assert_eq!(body, text());
                            (200, vec![("SIP-ETag".to_owned(), "tag1".to_owned())])
                        }
                        _ => (486, Vec::new()),
                    };
                    let (reason, body) = (None, None);
                    side.application.send(Command::AnswerRequest { id, status, reason, headers, body });
                }
                ApplicationEvent::Endpoint(Event::IncomingSubscription { id, .. }) => {
                    let body = text();
                    side.application.send(Command::AnswerSubscription {
                        id,
                        status: 200,
                        active: true,
                        body,
                    });
                }
                ApplicationEvent::Endpoint(Event::Notifier {
                    event: NotifierEvent::Ended { .. }, ..
                }) => return,
                _ => {}
            }
        }
    };
    let asking = async {
        assert_eq!(ask(&mut peer, &side, 1, &Method::Message, text()).await.0, 200);
        let (status, headers) = ask(&mut peer, &side, 2, &Method::Publish, text()).await;
        assert_eq!(status, 200);
        assert!(headers.contains(&("SIP-ETag".to_owned(), "tag1".to_owned())), "{headers:?}");
        let (status, headers) = ask(&mut peer, &side, 3, &Method::Options, None).await;
        assert_eq!(status, 486, "{headers:?}");
        let SubscriptionEvent::Notified { body, .. } = subscribe(&mut peer, &side, 4).await else { panic!() };
        assert_eq!(body, text());
        peer.endpoint.send(Command::Unsubscribe { id: SubscriptionId(4) });
    };
    tokio::join!(answering, asking);
}

#[tokio::test]
async fn what_nobody_listens_for_gets_its_status() {
    let config = ApplicationConfig { endpoint: open_to_all(), ..ApplicationConfig::default() };
    let side = Side::with(FakeBackend::g711(), config).await;
    let mut peer = Peer::new().await;
    for (number, (method, status)) in (1..).zip([
        (Method::Message, 405),
        (Method::Publish, 405),
        (Method::Options, 200),
        (Method::Notify, 481),
    ]) {
        assert_eq!(ask(&mut peer, &side, number, &method, text()).await.0, status, "{method}");
    }
    let event = subscribe(&mut peer, &side, 9).await;
    assert!(matches!(event, SubscriptionEvent::Failed { status: 405, .. }), "{event:?}");
}

#[tokio::test]
async fn who_waits_for_an_application_that_listens_no_more_is_answered() {
    let config = ApplicationConfig { endpoint: open_to_all(), ..ApplicationConfig::default() };
    let (side, events) = listening(config).await;
    drop(events);
    let mut peer = Peer::new().await;
    assert_eq!(ask(&mut peer, &side, 1, &Method::Publish, text()).await.0, 480);
    let event = subscribe(&mut peer, &side, 2).await;
    assert!(matches!(event, SubscriptionEvent::Failed { status: 480, .. }), "{event:?}");
}

#[tokio::test]
async fn who_does_not_read_events_or_calls_is_not_filled_with_them() {
    let (sender, _unread) = channel(8);
    let config =
        ApplicationConfig { endpoint: open_to_all(), events: Some(sender), ..ApplicationConfig::default() };
    let mut side = Side::with(FakeBackend::g711(), config).await;
    let mut peer = Peer::new().await;
    for number in 1..=8 {
        assert_eq!(ask(&mut peer, &side, number, &Method::Message, text()).await.0, 200);
    }
    assert_eq!(ask(&mut peer, &side, 9, &Method::Publish, text()).await.0, 480, "no place is left");

    let call = |peer: &Peer, side: &Side| peer.call(&side.uri(), Some(sdp("m=audio 4000 RTP/AVP 0\r\n")));
    for _ in 0..MAX_WAITING_CALLS {
        call(&peer, &side);
    }
    let beyond = call(&peer, &side);
    let status = peer.until(|event| match event {
        Event::Failed { id, status, .. } => Some((*id, *status)),
        _ => None,
    });
    assert_eq!(status.await, (beyond, 486));
    side.called().await.reject(603, None);
    let next = call(&peer, &side);
    for _ in 0..MAX_WAITING_CALLS {
        side.called().await.reject(603, None);
    }
    let refused = peer.until(|event| match event {
        Event::Failed { id, status, .. } if *id == next => Some(*status),
        _ => None,
    });
    assert_eq!(refused.await, 603, "there was a place for it");
}

#[tokio::test]
async fn a_call_needs_no_account_where_there_is_none() {
    let mut side = Side::new(FakeBackend::g711()).await;
    let mut peer = Peer::new().await;
    peer.call(
        &format!("sip:anyone@{}", side.application.local_addr()),
        Some(sdp("m=audio 4000 RTP/AVP 0\r\n")),
    );
    let mut called = side.called().await;
    assert_eq!(called.info().account, None);
    called.accept();
    peer.established().await;
    until(&mut called, |e| matches!(e, SessionEvent::DidStart)).await;
}

/// RFC 3966, RFC 3261 section 19.1.6: the domain of the account knows the way, or the proxy does.
#[tokio::test]
async fn telephone_numbers_are_called_by_the_account_or_the_proxy() {
    let number = "tel:+1-(201)-555.0123;phone-context=X;isub=9";
    let (side, _events, mut registrar, _) = registered().await;
    let call = side.application.call(number).await.unwrap();
    let dialled = |event: &Event| match event {
        Event::Incoming { request_uri, to, .. } => Some((request_uri.to_string(), to.uri.to_string())),
        _ => None,
    };
    let (uri, to) = registrar.until(dialled).await;
    assert_eq!(uri, "sip:+12015550123;isub=9;phone-context=x@example.org;user=phone");
    assert_eq!(to, number, "To says what was dialled");
    assert_eq!(call.info().request_uri.to_string(), uri);

    let mut proxy = Peer::new().await;
    let outbound_proxy = Some(Uri::parse(&format!("sip:{}", proxy.endpoint.local_addr())).unwrap());
    let config = ApplicationConfig { outbound_proxy, ..ApplicationConfig::default() };
    let side = Side::with(FakeBackend::g711(), config).await;
    let _call = side.application.call("\"Bob\" <tel:112>").await.unwrap();
    let (uri, _) = proxy.until(dialled).await;
    assert_eq!(uri, format!("sip:112@{};user=phone", proxy.endpoint.local_addr()));

    let side = Side::new(FakeBackend::g711()).await;
    let error = side.application.call("tel:112").await.unwrap_err();
    assert!(matches!(&error, InviteError::NoWay(uri) if uri == "tel:112"), "{error}");
    assert_eq!(
        error.to_string(),
        "can't call tel:112: a telephone number needs an account or an outbound proxy"
    );
    let error = side.application.call("mailto:a@b").await.unwrap_err();
    assert!(matches!(error, InviteError::Scheme(_)), "{error}");
}

#[tokio::test]
async fn messages_and_figures_can_be_watched_without_secrets() {
    let (side, mut events, mut registrar, _) = registered().await;
    told(&mut events, |event| match of_alice(event)? {
        AccountNotification::RegistrationDidSucceed { .. } => Some(()),
        _ => None,
    })
    .await;
    let mut trace = side.application.trace().await.unwrap();
    let before = side.application.statistics().await.unwrap();
    assert!(before.requests_sent >= 2 && before.bytes_sent > 500, "{before:?}");
    side.application.accounts().reregister(ALICE).await.unwrap();
    let (id, _) = asked(&mut registrar, &Method::Register, "Expires").await;
    answer(&registrar, id, 200, &[("Expires", "600")]);
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let message = within(trace.recv()).await.unwrap();
        seen.push((message.received, String::from_utf8(message.data).unwrap()));
    }
    assert!(!seen[0].0 && seen[0].1.starts_with("REGISTER "), "{seen:?}");
    assert!(
        seen[0].1.contains("Authorization: Digest") && seen[0].1.contains("response=\"...\""),
        "{seen:?}"
    );
    assert!(!seen.iter().any(|(_, text)| text.contains("secret")), "{seen:?}");
    assert!(seen[1].0 && seen[1].1.starts_with("SIP/2.0 200"), "{seen:?}");
    let after = side.application.statistics().await.unwrap();
    assert_eq!(after.requests_sent, before.requests_sent + 1);
}
