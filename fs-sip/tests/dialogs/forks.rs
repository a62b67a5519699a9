//! INVITEs that are answered by several.

use super::*;

/// RFC 6228: the other branches go on.
#[test]
fn a_branch_that_is_over_is_forgotten() {
    let mut w = World::new(1, Weather::default(), 1);
    w.invite(1, 9, sdp("offer"));
    w.run_secs(1);
    let (_, invite) = w.raw_requests(9).remove(0);
    let supported: Vec<_> = invite.headers.all(name::SUPPORTED).map(|h| h.text().into_owned()).collect();
    assert!(supported.iter().any(|tag| tag == "199"), "{supported:?}");
    for tag in ["b1", "b2"] {
        w.send(9, 1, &fork_answer(&invite, 183, tag, None));
        w.run_secs(1);
        assert_eq!(progress(&mut w, 1), 183);
    }
    w.send(9, 1, &fork_answer(&invite, 199, "b1", None));
    w.run_secs(1);
    assert_eq!(progress(&mut w, 1), 199);
    for (tag, status) in [("b1", 481), ("b2", 200)] {
        w.send(9, 1, &Message::Request(of_callee(&invite, Method::Options, tag)));
        w.run_secs(1);
        assert_eq!(w.raw_statuses(9).pop(), Some(status), "{tag}");
    }
}

#[test]
fn each_branch_of_a_fork_has_its_own_answer() {
    let mut w = World::new(1, Weather::default(), 1);
    let id = w.invite(1, 9, sdp("offer"));
    w.run_for(Duration::from_millis(20));
    let invite = w.raw_requests(9)[0].1.clone();
    for tag in ["b1", "b2"] {
        w.send(9, 1, &fork_answer(&invite, 183, tag, Some(7)));
        w.send(9, 1, &fork_answer(&invite, 183, tag, Some(9)));
        let Event::EarlyAnswer { branch, body: early, .. } = w.next_event(1) else { panic!("no answer") };
        assert_eq!((branch.as_str(), early), (tag, body(tag)));
        assert_eq!(progress(&mut w, 1), 183);
    }
    w.run_for(Duration::from_millis(100));
    let pracks: Vec<Request> =
        w.raw_requests(9).into_iter().map(|(_, r)| r).filter(|r| r.method == Method::Prack).collect();
    let acknowledged: Vec<String> = pracks
        .iter()
        .map(|r| {
            format!("{} {}", r.uri.user().unwrap_or_default(), r.headers.text(name::RACK).expect("RAck"))
        })
        .collect();
    let cseq = invite.cseq().expect("CSeq").number;
    assert_eq!(
        acknowledged,
        [format!("b1 7 {cseq} INVITE"), format!("b2 7 {cseq} INVITE")],
        "9 came out of turn"
    );
    for prack in &pracks {
        w.send(9, 1, &Message::Response(Response::to_request(prack, 200, "")));
    }
    w.send(9, 1, &fork_answer(&invite, 200, "b2", None));
    w.send(9, 1, &fork_answer(&invite, 200, "b1", None));
    assert_eq!(established(w.next_event(1)), (id, 200, sdp("b2")));
    w.run_for(Duration::from_millis(100));
    let after: Vec<String> = w.raw_requests(9)[3..]
        .iter()
        .map(|(_, r)| {
            format!(
                "{} {} {}",
                r.method,
                r.uri.user().unwrap_or_default(),
                r.cseq().map(|c| c.number - cseq).unwrap_or(99)
            )
        })
        .collect();
    assert_eq!(after, ["ACK b2 0", "ACK b1 0", "BYE b1 2"], "the numbers of each branch go on");
}

/// RFC 6228: where a proxy may have forked the call, it is told at once that our early dialog is over, since it keeps the
/// refusal to itself.
#[test]
fn a_refusal_after_an_early_dialog_is_told_with_199() {
    let proxy = "Via: SIP/2.0/UDP 10.0.0.7;branch=z9hG4bKcaller\n";
    for (more, rings, told) in [
        (format!("{proxy}Supported: 100rel, 199\n"), true, true),
        (format!("{proxy}Supported: 199\n"), false, false),
        (format!("{proxy}Supported: 100rel\n"), true, false),
        // Without a proxy there is no other branch.
        ("Supported: 199\n".to_owned(), true, false),
        // It would need a PRACK.
        (format!("{proxy}Supported: 199\nRequire: 100rel\n"), true, false),
    ] {
        let mut w = World::new(1, Weather::default(), 1);
        w.send_text(9, 1, &invite_text(&more));
        let id = incoming(&mut w, 1);
        if rings {
            provisional(&mut w, 1, id, 180, None);
        }
        let headers = vec![("Retry-After".to_owned(), "60".to_owned())];
        w.command(1, Command::Reject { id, status: 486, reason: None, headers });
        w.run_for(Duration::from_millis(50));
        let responses = w.raw_responses(9);
        let over: Vec<&Response> = responses.iter().map(|(_, r)| r).filter(|r| r.status == 199).collect();
        assert_eq!(over.len(), usize::from(told), "{more}");
        assert_eq!(responses.last().map(|(_, r)| r.status), Some(486), "{more}");
        for response in over {
            let reason = response.headers.text(name::REASON);
            assert_eq!(reason.as_deref(), Some("SIP;cause=486;text=\"Busy Here\""));
            let tags = |r: &Response| r.to().expect("To").tag().map(str::to_owned);
            assert_eq!(tags(response), tags(&responses[0].1), "of the dialog that rang");
            assert!(response.body.is_empty());
        }
    }
}

/// Each branch may offer, and each gets its own answer in its PRACK.
#[test]
fn offers_of_two_branches_are_answered_one_by_one() {
    let mut w = World::new(1, Weather::default(), 1);
    let id = w.invite(1, 9, None);
    w.run_for(Duration::from_millis(20));
    let invite = w.raw_requests(9)[0].1.clone();
    for tag in ["b1", "b2"] {
        w.send(9, 1, &fork_answer(&invite, 183, tag, Some(1)));
        let Event::EarlyOffer { branch, body: offer, .. } = w.next_event(1) else { panic!("no offer") };
        assert_eq!((branch.as_str(), offer), (tag, body(tag)));
        assert_eq!(progress(&mut w, 1), 183);
        w.command(1, Command::AnswerEarly { id, branch, body: body(&format!("to {tag}")) });
    }
    w.run_for(Duration::from_millis(50));
    let pracks: Vec<(String, Option<Body>)> = w
        .raw_requests(9)
        .into_iter()
        .filter(|(_, r)| r.method == Method::Prack)
        .map(|(_, r)| (r.uri.user().unwrap_or_default().into_owned(), Some(r.body)))
        .map(|(user, data)| (user, data.map(Body::sdp)))
        .collect();
    assert_eq!(pracks, [("b1".to_owned(), sdp("to b1")), ("b2".to_owned(), sdp("to b2"))]);
    let mut ok = Response::to_request(&invite, 200, "b2");
    ok.headers.push(name::CONTACT, "<sip:b2@10.0.0.9>");
    w.send(9, 1, &Message::Response(ok));
    let Event::Established { branch, body: None, .. } = w.next_event(1) else { panic!("not answered") };
    assert_eq!(branch, "b2");
}
