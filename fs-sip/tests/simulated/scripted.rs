//! One endpoint and a peer that says what no endpoint of ours would say.

use fs_sip::wire::Request;

use super::*;

fn invite_text(cseq: u32, branch: &str, to_tag: &str) -> String {
    format!(
        "INVITE sip:user@10.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK{branch}\n\
         From: <sip:p@10.0.0.9>;tag=pt\nTo: <sip:user@10.0.0.1>{to_tag}\nCall-ID: c1\nCSeq: {cseq} INVITE\n\
         Contact: <sip:p@10.0.0.9>\nContent-Type: application/sdp\nContent-Length: 5\n\nv=0\n"
    )
}

fn inside_text(method: &str, cseq: u32, branch: &str, to: &str) -> String {
    format!(
        "{method} sip:user@10.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK{branch}\n\
         From: <sip:p@10.0.0.9>;tag=pt\nTo: {to}\nCall-ID: c1\nCSeq: {cseq} {method}\n\n"
    )
}

/// Party 1 accepts the call of the scripted peer 9; returns To with our tag.
fn accepted(w: &mut World) -> (InviteId, String) {
    w.send_text(9, 1, &invite_text(1, "a", ""));
    let id = incoming(w, 1);
    w.accept(1, id, sdp("answer"));
    w.run_for(Duration::from_millis(20));
    let (_, ok) = w.raw_responses(9).pop().expect("200");
    let to = String::from_utf8_lossy(ok.headers.get(name::TO).expect("To")).into_owned();
    (id, to)
}

#[test]
fn without_ack_the_200_is_repeated_and_then_the_call_ended() {
    let mut w = world(1);
    let (id, _) = accepted(&mut w);
    w.run_secs(100);
    let start = w.raw_responses(9)[0].0;
    let times: Vec<u128> = w.raw_responses(9).iter().map(|(at, _)| at - start).collect();
    assert_eq!(times, [0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]);
    let byes: Vec<u128> = w.raw_requests(9).iter().map(|(at, _)| at - start).collect();
    assert_eq!(byes[0], 32000);
    assert!(w.raw_requests(9).iter().all(|(_, r)| r.method == Method::Bye));
    let reason = TerminationReason::NoAck;
    assert_eq!(w.next_event(1), Event::Terminated { id, by_peer: false, reason });
    assert_eq!((w.sessions(1), w.transactions(1)), (0, 0));
}

#[test]
fn a_callee_that_hangs_up_waits_for_the_ack() {
    let mut w = world(1);
    let (id, to) = accepted(&mut w);
    w.hang_up(1, id);
    w.run_for(Duration::from_millis(300));
    assert_eq!(w.raw_requests(9), []);
    w.send_text(9, 1, &inside_text("ACK", 1, "b", &to));
    assert_eq!(w.next_event(1), Event::Confirmed { id, body: None });
    w.run_for(Duration::from_millis(20));
    assert_eq!(w.raw_requests(9)[0].1.method, Method::Bye);
}

#[test]
fn order_and_place_of_requests_inside_a_dialog() {
    let mut w = world(1);
    let (id, to) = accepted(&mut w);
    let ask = |w: &mut World, text: &str| {
        let before = w.raw_statuses(9).len();
        w.send_text(9, 1, text);
        w.run_for(Duration::from_millis(30));
        w.raw_statuses(9).get(before).copied()
    };
    w.send_text(9, 1, &inside_text("ACK", 1, "b", &to));
    assert_eq!(w.next_event(1), Event::Confirmed { id, body: None });
    assert_eq!(ask(&mut w, &inside_text("OPTIONS", 10, "c", &to)), Some(200));
    assert_eq!(ask(&mut w, &inside_text("OPTIONS", 5, "d", &to)), Some(500), "old CSeq");
    assert_eq!(ask(&mut w, &inside_text("FROB", 11, "e", &to)), Some(501));
    assert_eq!(ask(&mut w, &inside_text("PUBLISH", 12, "f", &to)), Some(405));
    assert_eq!(ask(&mut w, &inside_text("BYE", 13, "g", "<sip:user@10.0.0.1>;tag=other")), Some(481));
    assert_eq!(ask(&mut w, &inside_text("BYE", 13, "h", "<sip:user@10.0.0.1>")), Some(481));
    assert_eq!(ask(&mut w, &inside_text("ACK", 99, "i", &to)), None, "a stray ACK");
    assert_eq!(w.new_events(1), []);
    let hold = invite_text(20, "j", to.trim_start_matches("<sip:user@10.0.0.1>"));
    w.send_text(9, 1, &hold);
    assert_eq!(w.next_event(1), Event::Reinvite { id, body: Some(fs_sip::endpoint::Body::sdp("v=0\r\n")) });
    assert_eq!(
        ask(&mut w, &hold.replace("20 INVITE", "21 INVITE").replace("bKj", "bKk")),
        Some(500),
        "second INVITE"
    );
    let cancel = inside_text("CANCEL", 20, "j", &to);
    let before = w.raw_statuses(9).len();
    assert_eq!(ask(&mut w, &cancel), Some(200));
    assert!(w.raw_statuses(9)[before..].contains(&487));
    assert_eq!(w.next_event(1), Event::ReinviteCancelled { id });
    assert_eq!(ask(&mut w, &inside_text("BYE", 30, "l", &to)), Some(200));
    assert_eq!(w.next_event(1), terminated(id, true));
    assert_eq!(ask(&mut w, &inside_text("BYE", 31, "m", &to)), Some(481));
}

#[test]
fn the_uas_answers_491_while_its_own_re_invite_is_pending() {
    let mut w = world(1);
    let (id, to) = accepted(&mut w);
    w.send_text(9, 1, &inside_text("ACK", 1, "b", &to));
    w.next_event(1);
    w.command(1, Command::Reinvite { id, body: sdp("hold") });
    w.send_text(9, 1, &invite_text(2, "c", to.trim_start_matches("<sip:user@10.0.0.1>")));
    w.run_for(Duration::from_millis(50));
    assert_eq!(w.raw_statuses(9).last(), Some(&491));
    // The peer has lost the dialog.
    let reinvite = w.raw_requests(9).into_iter().map(|(_, r)| r).find(|r| r.method == Method::Invite);
    let response = Response::to_request(&reinvite.expect("re-INVITE"), 481, "");
    w.send(9, 1, &Message::Response(response));
    let Event::ReinviteResult { status: 481, .. } = w.next_event(1) else { panic!("no result") };
    let reason = TerminationReason::DialogGone(481);
    assert_eq!(w.next_event(1), Event::Terminated { id, by_peer: false, reason });
}

#[test]
fn a_request_that_came_twice_by_different_ways_is_a_loop() {
    let mut w = world(1);
    w.send_text(9, 1, &invite_text(1, "a", ""));
    w.send_text(9, 1, &invite_text(1, "b", ""));
    w.run_secs(1);
    assert!(w.raw_statuses(9).contains(&482), "{:?}", w.raw_statuses(9));
    assert_eq!(w.events(1).len(), 1);
}

#[test]
fn repetitions_of_an_invite_are_one_call() {
    let mut w = world(1);
    for _ in 0..3 {
        w.send_text(9, 1, &invite_text(1, "a", ""));
    }
    w.run_secs(1);
    assert_eq!(w.events(1).len(), 1);
    assert!(w.raw_statuses(9).iter().all(|s| *s == 100));
}

#[test]
fn a_bye_in_the_early_dialog_ends_their_call() {
    let mut w = world(1);
    w.send_text(9, 1, &invite_text(1, "a", ""));
    let id = incoming(&mut w, 1);
    w.command(1, Command::Provisional { id, status: 180, reason: None, body: None });
    w.run_for(Duration::from_millis(20));
    let (_, ringing) = w.raw_responses(9).pop().expect("180");
    let to = String::from_utf8_lossy(ringing.headers.get(name::TO).expect("To")).into_owned();
    w.send_text(9, 1, &inside_text("BYE", 2, "b", &to));
    assert_eq!(w.next_event(1), Event::Cancelled { id, reason: None });
    w.run_for(Duration::from_millis(20));
    let statuses = w.raw_statuses(9);
    assert!(statuses.contains(&200) && statuses.contains(&487), "{statuses:?}");
}

#[test]
fn ringing_is_repeated_every_minute() {
    let mut w = world(1);
    w.send_text(9, 1, &invite_text(1, "a", ""));
    let id = incoming(&mut w, 1);
    w.command(1, Command::Provisional { id, status: 180, reason: None, body: None });
    w.run_secs(150);
    assert_eq!(w.raw_statuses(9), [180, 180, 180]);
}

/// No cookie in the branch, no tags: matched as RFC 2543 did it.
#[test]
fn peers_of_the_old_standard_are_understood() {
    let old = |text: String, via: &str| text.replace(";branch=z9hG4bKa", via).replace(";tag=pt", "");
    let mut w = world(1);
    for via in ["", ";branch=1"] {
        let id_text = |t: String| old(t, via).replace("c1", &format!("c{}", via.len()));
        let invite = id_text(invite_text(1, "a", ""));
        let calls = w.events(1).len();
        w.send_text(9, 1, &invite);
        w.send_text(9, 1, &invite);
        let id = incoming(&mut w, 1);
        w.run_for(Duration::from_millis(20));
        assert_eq!(w.events(1).len(), calls + 1, "the second is a repetition");
        if via.is_empty() {
            w.command(1, Command::Reject { id, status: 486, reason: None, headers: vec![] });
            w.run_for(Duration::from_millis(20));
            w.send_text(9, 1, &id_text(inside_text("ACK", 1, "a", "<sip:user@10.0.0.1>;tag=any")));
        } else {
            w.send_text(9, 1, &id_text(inside_text("CANCEL", 1, "a", "<sip:user@10.0.0.1>")));
            assert_eq!(w.next_event(1), Event::Cancelled { id, reason: None });
            w.run_for(Duration::from_millis(20));
            w.send_text(9, 1, &id_text(inside_text("ACK", 1, "a", "<sip:user@10.0.0.1>;tag=any")));
        }
        w.run_for(Duration::from_millis(20));
        let before = w.raw_statuses(9).len();
        w.run_secs(40);
        assert_eq!(w.raw_statuses(9).len(), before, "acknowledged, so not repeated");
    }
}

/// A peer without From tag gets through a whole call.
#[test]
fn a_dialog_without_their_tag() {
    let mut w = world(1);
    let old = |text: String| text.replace(";tag=pt", "");
    w.send_text(9, 1, &old(invite_text(1, "a", "")));
    let id = incoming(&mut w, 1);
    w.accept(1, id, sdp("answer"));
    w.run_for(Duration::from_millis(20));
    let (_, ok) = w.raw_responses(9).pop().expect("200");
    let to = String::from_utf8_lossy(ok.headers.get(name::TO).expect("To")).into_owned();
    w.send_text(9, 1, &old(inside_text("ACK", 1, "b", &to)));
    assert_eq!(w.next_event(1), Event::Confirmed { id, body: None });
    w.send_text(9, 1, &old(inside_text("BYE", 2, "c", &to)));
    assert_eq!(w.next_event(1), terminated(id, true));
}

#[test]
fn requests_follow_the_route_set() {
    let mut w = world(1);
    let id = w.invite(1, 9, sdp("offer"));
    w.run_for(Duration::from_millis(20));
    let invite = w.raw_requests(9)[0].1.clone();
    let Message::Response(mut ok) = answer(&invite, 200, "b1") else { panic!("a response") };
    ok.headers.push(name::RECORD_ROUTE, "<sip:10.0.0.7;lr>");
    ok.headers.push(name::RECORD_ROUTE, "<sip:10.0.0.8:5060;lr>");
    w.send(9, 1, &Message::Response(ok));
    let Event::Established { .. } = w.next_event(1) else { panic!("not established") };
    w.hang_up(1, id);
    w.run_for(Duration::from_millis(20));
    let at_proxy: Vec<Request> = w.raw_requests(8).into_iter().map(|(_, r)| r).collect();
    assert_eq!(at_proxy.iter().map(|r| r.method.as_str()).collect::<Vec<_>>(), ["ACK", "BYE"]);
    for request in at_proxy {
        assert_eq!(request.uri.to_string(), "sip:b1@10.0.0.9");
        let routes: Vec<_> = request.headers.all(name::ROUTE).map(|h| h.text().into_owned()).collect();
        assert_eq!(routes, ["<sip:10.0.0.8:5060;lr>", "<sip:10.0.0.7;lr>"]);
    }
}

#[test]
fn headers_of_the_application_travel_and_those_of_the_endpoint_are_kept() {
    let mut w = world(2);
    let header = |n: &str, v: &str| (n.to_owned(), v.to_owned());
    let headers = vec![
        header("X-Mine", "a\r\nEvil: b"),
        header("v", "SIP/2.0/UDP evil"),
        header("Call-ID", "evil"),
        header("bad name", "evil"),
        header("Contact", "<sip:evil@h>"),
    ];
    let from = fs_sip::wire::NameAddr::new(support::uri(1));
    let (id, target) = (InviteId(2), support::uri(2));
    w.command(1, Command::Invite { id, target, from, to: None, headers, body: sdp("offer") });
    let Event::Incoming { id: callee, headers, .. } = w.next_event(2) else { panic!("no call") };
    assert!(headers.contains(&header("X-Mine", "a  Evil: b")), "{headers:?}");
    assert!(
        headers.iter().all(|(n, v)| n != "Evil" && (n == "X-Mine" || !v.contains("evil"))),
        "{headers:?}"
    );
    let headers = vec![header("Retry-After", "9")];
    w.command(2, Command::Reject { id: callee, status: 503, reason: None, headers });
    let Event::Failed { status: 503, .. } = w.next_event(1) else { panic!("not refused") };
}

fn answer(invite: &Request, status: u16, tag: &str) -> Message {
    let mut response = Response::to_request(invite, status, tag);
    response.headers.push(name::CONTACT, format!("<sip:{tag}@10.0.0.9>"));
    response.headers.push(name::CONTENT_TYPE, "application/sdp");
    response.body = b"v=0\r\n".to_vec();
    Message::Response(response)
}

#[test]
fn a_forked_call_keeps_the_first_answer_and_ends_the_second() {
    let mut w = world(1);
    let id = w.invite(1, 9, sdp("offer"));
    w.run_for(Duration::from_millis(20));
    let invite = w.raw_requests(9)[0].1.clone();
    for tag in ["b1", "b2"] {
        w.send(9, 1, &answer(&invite, 183, tag));
        let Event::Progress { status: 183, .. } = w.next_event(1) else { panic!("no progress") };
    }
    w.send(9, 1, &answer(&invite, 200, "b1"));
    w.send(9, 1, &answer(&invite, 200, "b2"));
    w.send(9, 1, &answer(&invite, 200, "b1"));
    let Event::Established { .. } = w.next_event(1) else { panic!("not established") };
    w.run_for(Duration::from_millis(100));
    let seen: Vec<String> = w.raw_requests(9)[1..]
        .iter()
        .map(|(_, r)| format!("{} {}", r.method, r.uri.user().unwrap_or_default()))
        .collect();
    assert_eq!(seen, ["ACK b1", "ACK b2", "BYE b2", "ACK b1"]);
    assert_eq!(w.new_events(1), []);
    w.hang_up(1, id);
    w.run_for(Duration::from_millis(20));
    let last = w.raw_requests(9).pop().expect("BYE").1;
    assert_eq!((last.method, last.uri.user().as_deref()), (Method::Bye, Some("b1")));
}

#[test]
fn a_lost_ack_is_sent_again_for_every_200() {
    let mut w = world(1);
    w.invite(1, 9, sdp("offer"));
    w.run_for(Duration::from_millis(20));
    let invite = w.raw_requests(9)[0].1.clone();
    for _ in 0..3 {
        w.send(9, 1, &answer(&invite, 200, "b1"));
        w.run_secs(1);
    }
    let acks: Vec<_> = w.raw_requests(9).into_iter().filter(|(_, r)| r.method == Method::Ack).collect();
    assert_eq!(acks.len(), 3);
    assert_eq!(acks[0].1, acks[2].1, "the same ACK");
    assert_eq!(acks[0].1.cseq().map(|c| c.number), invite.cseq().map(|c| c.number));
}

#[test]
fn an_ack_to_a_refusal_follows_the_invite() {
    let mut w = world(1);
    w.invite(1, 9, sdp("offer"));
    w.run_for(Duration::from_millis(20));
    let invite = w.raw_requests(9)[0].1.clone();
    for _ in 0..2 {
        w.send(9, 1, &Message::Response(Response::to_request(&invite, 486, "b1")));
        w.run_secs(1);
    }
    let acks: Vec<_> = w.raw_requests(9).into_iter().filter(|(_, r)| r.method == Method::Ack).collect();
    assert_eq!(acks.len(), 2);
    let ack = &acks[0].1;
    assert_eq!(ack.headers.get(name::VIA), invite.headers.get(name::VIA));
    assert_eq!(ack.to().expect("To").tag(), Some("b1"));
    assert_eq!(ack.uri, invite.uri);
}

#[test]
fn strays_are_dropped() {
    let mut w = world(1);
    let mut invite = Request::new(Method::Invite, support::uri(1));
    for (name, value) in [
        ("Via", "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKnever"),
        ("From", "<sip:a@h>;tag=1"),
        ("To", "<sip:b@h>;tag=2"),
        ("Call-ID", "x"),
        ("CSeq", "1 INVITE"),
    ] {
        invite.headers.push(name, value);
    }
    w.send(9, 1, &Message::Response(Response::to_request(&invite, 200, "2")));
    w.send_text(9, 1, &inside_text("ACK", 1, "zz", "<sip:x@h>;tag=none"));
    w.send_text(9, 1, "\n\n");
    w.send_text(9, 1, "hello world\n");
    w.run_secs(1);
    assert_eq!(w.raw.len(), 0);
    let events = w.events(1);
    assert!(matches!(&events[..], [Event::Malformed { source, .. }] if *source == address(9)), "{events:?}");
}

/// RFC 5621: what describes the session may stand beside other things, as gateways and emergency calls have it.
#[test]
fn the_description_is_found_among_several_parts() {
    let isup = |handling: &str| {
        format!(
            "--b\r\nContent-Type: application/ISUP\r\nContent-Disposition: signal;handling={handling}\r\n\r\nxyz\r\n"
        )
    };
    let description = "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\ns=part\r\n\r\n";
    for (n, (parts, taken)) in (1..).zip([
        (format!("{}{description}--b--\r\n", isup("optional")), true),
        (format!("{description}{}--b--\r\n", isup("required")), false),
        (format!("{}--b--\r\n", isup("optional")), false),
    ]) {
        let mut w = world(1);
        let mut invite = Request::new(Method::Invite, support::uri(1));
        for (name, value) in [
            ("Via", "SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKp"),
            ("From", "<sip:a@h>;tag=1"),
            ("To", "<sip:b@h>"),
            ("Call-ID", "x"),
            ("CSeq", "1 INVITE"),
            ("Contact", "<sip:a@10.0.0.9>"),
            ("Content-Type", "multipart/mixed;boundary=b"),
        ] {
            invite.headers.push(name, value);
        }
        invite.body = parts.into_bytes();
        w.send(9, 1, &Message::Request(invite));
        w.run_secs(1);
        if !taken {
            assert_eq!(w.raw_statuses(9).last(), Some(&415), "{n}");
            continue;
        }
        let Event::Incoming { body, .. } = w.next_event(1) else { panic!("no call") };
        assert_eq!(body, sdp("part"));
    }
    // The answer to our offer.
    let mut w = world(1);
    let id = w.invite(1, 9, sdp("offer"));
    w.run_secs(1);
    let invite = w.raw_requests(9)[0].1.clone();
    let mut response = Response::to_request(&invite, 200, "t");
    response.headers.push("Contact", "<sip:t@10.0.0.9>");
    response.headers.push("Content-Type", "Multipart/Mixed; boundary=\"b\"");
    response.body = format!("{}{description}--b--\r\n", isup("required")).into_bytes();
    w.send(9, 1, &Message::Response(response));
    assert_eq!(established(w.next_event(1)), (id, 200, sdp("part")));
}
