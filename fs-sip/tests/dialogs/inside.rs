//! Requests inside a dialog that change nothing in it.

use super::*;

/// RFC 6086 section 4.2.2.
#[test]
fn an_info_for_a_package_gets_469() {
    let mut w = World::new(1, Weather::default(), 1);
    w.invite(1, 9, sdp("offer"));
    w.run_secs(1);
    let (_, invite) = w.raw_requests(9).remove(0);
    w.send(9, 1, &fork_answer(&invite, 200, "b1", None));
    w.run_secs(1);
    let mut info = of_callee(&invite, Method::Info, "b1");
    info.headers.push(name::INFO_PACKAGE, "foo");
    w.send(9, 1, &Message::Request(info));
    w.run_secs(1);
    let (_, response) = w.raw_responses(9).pop().expect("an answer");
    assert_eq!(response.status, 469);
    assert!(response.headers.get(name::RECV_INFO).is_some());
}

/// A call of the scripted peer that stands: our name of it and the To of its requests.
fn standing(w: &mut World) -> (InviteId, String) {
    w.send_text(9, 1, &invite_text(""));
    let id = incoming(w, 1);
    w.accept(1, id, sdp("answer"));
    w.run_for(Duration::from_millis(20));
    let to = our_to(w);
    w.send_text(9, 1, &inside("ACK", 1, &to, ""));
    assert_eq!(w.next_event(1), Event::Confirmed { id, body: None });
    (id, to)
}

const TEXT: &str = "Content-Type: text/plain\nContent-Length: 2\n\nhi";

/// RFC 3428 section 4.
#[test]
fn a_message_inside_a_call_is_handed_on_and_answered() {
    let mut w = World::new(1, Weather::default(), 1);
    let (id, to) = standing(&mut w);
    assert_eq!(ask(&mut w, &inside("MESSAGE", 2, &to, &format!("Subject: x\n{TEXT}"))), 200);
    let Event::CallMessage { id: got, body, headers } = w.next_event(1) else { panic!("no message") };
    assert_eq!((got, body.content_type.as_str(), &body.data[..]), (id, "text/plain", &b"hi"[..]));
    assert!(headers.contains(&("Subject".to_owned(), "x".to_owned())));
    assert_eq!(ask(&mut w, &inside("MESSAGE", 3, &to, "")), 400, "there is nothing in it");
    let (_, refusal) = w.raw_responses(9).pop().expect("400");
    assert!(refusal.headers.get(name::WARNING).is_some());
    assert_eq!(w.new_events(1), []);
    let gone = to.replace("tag=", "tag=none");
    assert_eq!(ask(&mut w, &inside("MESSAGE", 4, &gone, TEXT)), 481, "of no call of ours");
}

/// Early dialogs are dialogs too.
#[test]
fn a_message_may_come_before_the_answer() {
    let mut w = World::new(1, Weather::default(), 1);
    w.send_text(9, 1, &invite_text(""));
    let id = incoming(&mut w, 1);
    provisional(&mut w, 1, id, 180, None);
    w.run_for(Duration::from_millis(20));
    let to = our_to(&w);
    assert_eq!(ask(&mut w, &inside("MESSAGE", 2, &to, TEXT)), 200);
    assert!(matches!(w.next_event(1), Event::CallMessage { id: got, .. } if got == id));
}

/// What is allowed inside a call and outside are two settings.
#[test]
fn messages_are_refused_where_nobody_wants_them() {
    let allowed = |w: &World| {
        let (_, response) = w.raw_responses(9).pop().expect("an answer");
        response.headers.all(name::ALLOW).any(|h| h.value() == b"MESSAGE")
    };
    for (calls, outside) in [(true, false), (false, true)] {
        let mut w = configured(1, |c| (c.call_messages, c.messages) = (calls, outside));
        let (_, to) = standing(&mut w);
        assert_eq!(allowed(&w), calls, "the 200 of the INVITE");
        assert_eq!(ask(&mut w, &inside("MESSAGE", 2, &to, TEXT)), if calls { 200 } else { 405 });
        if !calls {
            assert!(!allowed(&w));
        }
        let alone = inside("MESSAGE", 3, "<sip:user@10.0.0.1>", TEXT).replace("Call-ID: c1", "Call-ID: c2");
        assert_eq!(ask(&mut w, &alone), if outside { 200 } else { 405 });
        let options = inside("OPTIONS", 4, "<sip:user@10.0.0.1>", "").replace("Call-ID: c1", "Call-ID: c3");
        assert_eq!(ask(&mut w, &options), 200);
        assert_eq!(allowed(&w), outside);
    }
}

#[test]
fn a_message_of_ours_goes_out_inside_the_call() {
    let mut w = World::new(2, Weather::default(), 1);
    let (caller, callee) = w.call();
    let body = Body { content_type: "text/plain".to_owned(), data: b"hello".to_vec() };
    w.command(1, Command::CallMessage { id: caller, body: body.clone() });
    let Event::CallMessage { id, body: got, .. } = w.next_event(2) else { panic!("no message") };
    assert_eq!((id, got), (callee, body.clone()));
    let Event::CallMessageResult { id, status: 200, .. } = w.next_event(1) else { panic!("no answer") };
    assert_eq!(id, caller);
    // A peer that knows no call any more.
    w.restart(2, EndpointConfig::default(), 7);
    w.command(1, Command::CallMessage { id: caller, body });
    let Event::CallMessageResult { status: 481, .. } = w.next_event(1) else { panic!("no answer") };
    let Event::Terminated { .. } = w.next_event(1) else { panic!("the call goes on") };
}

/// Everything else that may come there gets the status of its RFC.
#[test]
fn each_method_inside_a_call_has_its_status() {
    let mut w = World::new(1, Weather::default(), 1);
    let (_, to) = standing(&mut w);
    for (cseq, (method, more, status)) in (2..).zip([
        ("OPTIONS", "", 200),
        ("INFO", "", 200),
        ("INFO", "Content-Type: text/html\nContent-Length: 1\n\nx", 415),
        ("NOTIFY", "Event: presence\nSubscription-State: active\n", 481),
        ("NOTIFY", "Event: refer\nSubscription-State: active\n", 481),
        ("SUBSCRIBE", "Event: refer\n", 481),
        ("SUBSCRIBE", "Event: presence\n", 405),
        ("REFER", "", 400),
        ("PUBLISH", "Event: presence\n", 405),
        ("REGISTER", "", 405),
        ("PRACK", "RAck: 1 1 INVITE\n", 481),
        ("UPDATE", "", 200),
        ("FOO", "", 501),
    ]) {
        assert_eq!(ask(&mut w, &inside(method, cseq, &to, more)), status, "{method}");
    }
    assert_eq!((w.sessions(1), w.new_events(1)), (1, vec![]), "the call goes on");
}

/// Who does not know all three names of a dialog does nothing to it, whatever is sent.
#[test]
fn what_names_another_call_does_not_touch_this_one() {
    let mut w = World::new(1, Weather::default(), 1);
    let (id, to) = standing(&mut w);
    let tag = to.split("tag=").nth(1).expect("a tag").to_owned();
    let wrong = |text: String| {
        [
            text.replace(&tag, "guess"),
            text.replace("tag=pt", "tag=guess"),
            text.replace("Call-ID: c1", "Call-ID: c2"),
            text.replace(&format!(";tag={tag}"), ""),
        ]
    };
    let offer = "Content-Type: application/sdp\nContent-Length: 5\n\nv=0";
    let mut cseq = 10;
    for method in ["BYE", "UPDATE", "INFO", "REFER", "PRACK", "MESSAGE"] {
        for text in wrong(inside(method, cseq, &to, offer)) {
            // Each is a request of its own.
            cseq += 1;
            let text = text.replace("branch=z9hG4bKi", &format!("branch=z9hG4bKi{cseq}"));
            let expected: &[u16] = if method == "MESSAGE" { &[405, 481] } else { &[481] };
            let status = ask(&mut w, &text);
            assert!(expected.contains(&status), "{method}: {status}\n{text}");
        }
    }
    // A CANCEL that is too late, and one for no request of the call; an ACK and answers that nobody has asked for.
    let cancel = invite_text("").replace("INVITE", "CANCEL");
    let late = ask(&mut w, &cancel.replace("branch=z9hG4bKa", "branch=z9hG4bKnone"));
    assert_eq!(late, 481);
    ask(&mut w, &cancel);
    w.send_text(9, 1, &inside("ACK", 77, &to, ""));
    let mut response = Response::to_request(&Request::new(Method::Bye, uri(1)), 200, "t");
    for (header, value) in [
        (name::VIA, "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKguess"),
        (name::FROM, to.as_str()),
        (name::TO, "<sip:p@10.0.0.9>;tag=pt"),
        (name::CALL_ID, "c1"),
        (name::CSEQ, "1 BYE"),
    ] {
        response.headers.push(header, value);
    }
    w.send(9, 1, &Message::Response(response));
    w.run_secs(1);
    assert_eq!((w.sessions(1), w.new_events(1)), (1, vec![]), "the call goes on");
    assert_eq!(ask(&mut w, &inside("BYE", 99, &to, "")), 200);
    assert!(matches!(w.next_event(1), Event::Terminated { id: over, by_peer: true, .. } if over == id));
}
