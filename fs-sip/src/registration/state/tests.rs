//! A registration, answer by answer.

use super::*;

fn uri(text: &str) -> Uri {
    Uri::parse(text).expect("URI")
}

fn registration() -> Registration {
    let identity = NameAddr::new(uri("sip:alice@example.org;transport=tcp"));
    Registration::new(RegistrationSettings::new(identity), "c".into(), "t".into(), 7)
}

fn headers(list: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in list {
        headers.push(name, *value);
    }
    headers
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn the_request_has_no_user_and_the_next_number() {
    let mut r = registration();
    let request = r.request();
    assert_eq!(request.uri.to_string(), "sip:example.org;transport=tcp");
    assert_eq!(request.cseq().expect("CSeq").to_string(), "8 REGISTER");
    assert_eq!(request.headers.text(name::EXPIRES).as_deref(), Some("3600"));
    assert_eq!(request.to().expect("To").tag(), None);
    let again = r.request();
    assert_eq!(again.cseq().expect("CSeq").number, 9);
    assert_eq!(again.call_id(), request.call_id());
}

#[test]
fn our_contact_says_how_long_it_is_good() {
    let now = Instant::now();
    let mut r = registration();
    let _ = r.contacts(uri("sip:alice@192.0.2.1:5070"));
    let h = headers(&[
        ("Expires", "1000"),
        ("Contact", "<sip:alice@192.0.2.9>;expires=5"),
        ("Contact", "<sip:alice@192.0.2.1:5070>;expires=100"),
    ]);
    let (event, next) = r.handle_answer(now, 200, "OK", &h, 0);
    let Some(RegistrationEvent::Registered { expires: 100, contacts, .. }) = event else {
        panic!("{event:?}")
    };
    assert_eq!(contacts.len(), 2);
    assert_eq!(next, Next::Wait(now + seconds(70)));
    assert!(r.is_good(now + seconds(99)) && !r.is_good(now + seconds(100)));
    assert_eq!(r.handle_timeout(), Some(Next::Ask));
    assert_eq!(r.handle_timeout(), None, "it is asking already");
}

#[test]
fn a_short_registration_is_refreshed_at_half_its_time() {
    let now = Instant::now();
    for (granted, refresh) in [("40", 20), ("1", 0), ("0", 0), ("3600", 3570)] {
        let (_, next) = registration().handle_answer(now, 200, "OK", &headers(&[("Expires", granted)]), 0);
        let Next::Wait(at) = next else { panic!("{next:?}") };
        assert_eq!((at - now).as_secs(), refresh, "{granted}");
    }
}

#[test]
fn too_short_is_asked_again_with_what_the_registrar_wants() {
    let now = Instant::now();
    let mut r = registration();
    let h = headers(&[("Min-Expires", "7200")]);
    assert_eq!(r.handle_answer(now, 423, "Interval Too Brief", &h, 0), (None, Next::Ask));
    assert_eq!(r.request().headers.text(name::EXPIRES).as_deref(), Some("7200"));
    // The same again is a broken registrar.
    let (event, next) = r.handle_answer(now, 423, "Interval Too Brief", &h, 0);
    assert!(matches!(event, Some(RegistrationEvent::Failed { status: 423, .. })));
    assert_eq!(next, Next::Wait(now + seconds(60)));
}

#[test]
fn delays_by_fault() {
    let now = Instant::now();
    let table = [
        (401, None, 0, 60..=60),
        (403, None, 60, 120..=120),
        (408, None, 25, 40..=40),
        (503, Some("7"), 0, 7..=7),
        (500, None, 0, 1..=1),
    ];
    for (status, after, luck, expected) in table {
        let h = headers(&after.map(|a| vec![("Retry-After", a)]).unwrap_or_default());
        let (event, next) = registration().handle_answer(now, status, "", &h, luck);
        let Some(RegistrationEvent::Failed { retry_after, .. }) = event else { panic!("{event:?}") };
        assert!(expected.contains(&retry_after.as_secs()), "{status}: {retry_after:?}");
        assert_eq!(next, Next::Wait(now + retry_after));
    }
    let mut r = registration();
    let delays: Vec<u64> = (0..7)
        .map(|_| match r.handle_failure(now, &Failure::Transport("gone".into()), 0).0 {
            Some(RegistrationEvent::Failed { retry_after, .. }) => retry_after.as_secs(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(delays, [1, 2, 4, 8, 16, 30, 30]);
}

#[test]
fn the_end() {
    let now = Instant::now();
    let mut r = registration();
    assert_eq!(r.leave(), Next::Ask);
    assert_eq!(r.request().headers.text(name::EXPIRES).as_deref(), Some("0"));
    assert_eq!(r.leave(), Next::Over, "once");
    assert_eq!(
        r.handle_answer(now, 200, "OK", &Headers::new(), 0),
        (Some(RegistrationEvent::Ended), Next::Over)
    );
    let mut r = registration();
    let _ = r.leave();
    let (event, next) = r.handle_failure(now, &Failure::Timeout, 0);
    assert!(matches!(event, Some(RegistrationEvent::NotEnded { status: 408, .. })));
    assert_eq!(next, Next::Over);
}
