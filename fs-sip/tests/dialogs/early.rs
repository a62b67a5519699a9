//! Reliable provisional responses (RFC 3262), and what they carry.

use super::*;

#[test]
fn early_media_is_agreed_reliably_and_changed_by_update() {
    let mut w = reliable(2);
    let caller = w.invite(1, 2, sdp("offer"));
    let callee = incoming(&mut w, 2);
    provisional(&mut w, 2, callee, 183, sdp("early answer"));
    let Event::EarlyAnswer { id, branch, body: early } = w.next_event(1) else { panic!("no early answer") };
    assert_eq!((id, early), (caller, body("early answer")));
    assert_eq!(progress(&mut w, 1), 183);
    w.run_secs(3);
    assert_eq!(w.new_events(2), [], "the PRACK is the endpoint's business");
    // Both sides may offer now, before the call is answered.
    w.command(1, Command::Update { id: caller, branch: Some(branch), body: sdp("early hold") });
    assert_eq!(w.next_event(2), Event::Reinvite { id: callee, body: sdp("early hold") });
    answer_offer(&mut w, 2, callee, 200, sdp("early held"));
    assert_eq!(result(&mut w, 1), (200, sdp("early held")));
    w.command(2, Command::Update { id: callee, branch: None, body: sdp("their turn") });
    assert_eq!(w.next_event(1), Event::Reinvite { id: caller, body: sdp("their turn") });
    answer_offer(&mut w, 1, caller, 488, None);
    assert_eq!(result(&mut w, 2), (488, None));
    // The 200 has no description any more: the event repeats that of the branch.
    w.accept(2, callee, sdp("not sent"));
    assert_eq!(established(w.next_event(1)), (caller, 200, sdp("early answer")));
    assert_eq!(w.next_event(2), Event::Confirmed { id: callee, body: None });
    ends(&mut w, 1, caller, &[1, 2]);
}

#[test]
fn reliable_answers_go_one_by_one_and_survive_loss() {
    for seed in 0..30 {
        let config = EndpointConfig { reliable_provisional: true, ..EndpointConfig::default() };
        let mut w = World::with(vec![config; 2], Weather { loss: 30, ..Weather::default() }, seed);
        let caller = w.invite(1, 2, sdp("offer"));
        let Some(callee) = (0..30).find_map(|_| {
            w.run_secs(1);
            w.new_events(2).into_iter().find_map(|e| match e {
                Event::Incoming { id, .. } => Some(id),
                _ => None,
            })
        }) else {
            continue;
        };
        for (status, text) in [(180, None), (183, sdp("answer")), (181, None), (182, None)] {
            provisional(&mut w, 2, callee, status, text);
        }
        w.accept(2, callee, sdp("answer"));
        w.run_secs(60);
        let statuses: Vec<u16> = w
            .events(1)
            .iter()
            .filter_map(|e| match e {
                Event::Progress { status, .. } => Some(*status),
                Event::Established { status, .. } => Some(*status),
                _ => None,
            })
            .collect();
        // The 200 may overtake what carries no description.
        let order = [180, 183, 181, 182, 200];
        let mut rest = order.iter();
        assert!(statuses.iter().all(|s| rest.any(|o| o == s)), "seed {seed}: {statuses:?}");
        ends(&mut w, 1, caller, &[1, 2]);
    }
}

#[test]
fn a_late_offer_in_a_reliable_response_is_answered_in_the_prack() {
    let mut w = reliable(2);
    let caller = w.invite(1, 2, None);
    let callee = incoming(&mut w, 2);
    provisional(&mut w, 2, callee, 183, sdp("offer of the callee"));
    w.accept(2, callee, None);
    let Event::EarlyOffer { branch, body: offer, .. } = w.next_event(1) else { panic!("no offer") };
    assert_eq!(offer, body("offer of the callee"));
    assert_eq!(progress(&mut w, 1), 183);
    w.run_secs(2);
    assert_eq!((w.new_events(1), w.new_events(2)), (vec![], vec![]), "the 200 waits for the PRACK");
    w.command(1, Command::AnswerEarly { id: caller, branch, body: body("answer") });
    let Event::EarlyAnswer { body: answer, .. } = w.next_event(2) else { panic!("no answer") };
    assert_eq!(answer, body("answer"));
    assert_eq!(established(w.next_event(1)), (caller, 200, None));
    assert_eq!(w.next_event(2), Event::Confirmed { id: callee, body: None });
    ends(&mut w, 2, callee, &[1, 2]);
}

#[test]
fn a_caller_that_requires_reliability_gets_it_or_504() {
    let mut w = World::new(1, Weather::default(), 1);
    w.send_text(9, 1, &invite_text("Require: 100rel\n"));
    let id = incoming(&mut w, 1);
    provisional(&mut w, 1, id, 180, None);
    w.run_secs(40);
    let responses = w.raw_responses(9);
    let times: Vec<u128> = responses.iter().filter(|(_, r)| r.status == 180).map(|(at, _)| at - 20).collect();
    assert_eq!(times, [0, 500, 1500, 3500, 7500, 15500, 31500]);
    assert!(responses.iter().filter(|(_, r)| r.status == 180).all(|(_, r)| {
        r.headers.get(name::RSEQ).is_some() && r.headers.all(name::REQUIRE).any(|h| h.value() == b"100rel")
    }));
    assert_eq!(responses.iter().find(|(_, r)| r.status >= 200).map(|(_, r)| r.status), Some(504));
    assert_eq!(w.next_event(1), Event::Cancelled { id, reason: None });
}

#[test]
fn a_prack_must_fit() {
    let mut w = World::new(1, Weather::default(), 1);
    w.send_text(9, 1, &invite_text("Require: 100rel\n"));
    let id = incoming(&mut w, 1);
    provisional(&mut w, 1, id, 180, None);
    w.run_for(Duration::from_millis(20));
    let (_, ringing) = w.raw_responses(9).pop().expect("180");
    let rseq = ringing.headers.text(name::RSEQ).expect("RSeq").into_owned();
    let to = our_to(&w);
    assert_eq!(ask(&mut w, &inside("PRACK", 2, &to, "")), 400);
    assert_eq!(ask(&mut w, &inside("PRACK", 3, &to, "RAck: 1 1 BYE\n")), 481);
    assert_eq!(ask(&mut w, &inside("PRACK", 4, &to, &format!("RAck: {rseq} 1 INVITE\n"))), 200);
    assert_eq!(ask(&mut w, &inside("PRACK", 5, &to, &format!("RAck: {rseq} 1 INVITE\n"))), 481);
    // CANCEL and an UPDATE with an offer before the first answer.
    let offer = "Content-Type: application/sdp\nContent-Length: 5\n\nv=0";
    assert_eq!(ask(&mut w, &inside("UPDATE", 6, &to, offer)), 500);
    assert_eq!(ask(&mut w, &inside("UPDATE", 7, &to, "")), 200);
    w.hang_up(1, id);
    w.run_for(Duration::from_millis(20));
    assert_eq!(w.raw_statuses(9).last(), Some(&603));
}
