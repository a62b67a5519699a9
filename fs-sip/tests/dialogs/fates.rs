//! How transactions and dialogs end: loops, CANCEL, lost ACKs, peers that forget.

use fs_sip::endpoint::{AckFate, FailureCause, TerminationReason};

use super::*;

#[test]
fn our_own_request_coming_back_is_a_loop() {
    let mut w = World::new(1, Weather::default(), 1);
    let id = w.invite(1, 9, sdp("offer"));
    w.run_for(Duration::from_millis(20));
    let mut invite = w.raw_requests(9)[0].1.clone();
    invite.headers.push_front(name::VIA, "SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKproxy");
    w.send(9, 1, &Message::Request(invite));
    w.run_for(Duration::from_millis(50));
    assert_eq!(w.raw_statuses(9).last(), Some(&482));
    assert_eq!(w.new_events(1), []);
    w.hang_up(1, id);
}

#[test]
fn the_fate_of_every_transaction_is_told() {
    let mut w = configured(2, |c| c.report_transactions = true);
    let fates = |w: &mut World, n| -> Vec<(String, bool, u16, AckFate)> {
        w.new_events(n)
            .into_iter()
            .filter_map(|e| match e {
                Event::Processed { method, ours, status, ack, .. } => {
                    Some((method.to_string(), ours, status, ack))
                }
                _ => None,
            })
            .collect()
    };
    let row = |method: &str, ours, status, ack| (method.to_owned(), ours, status, ack);
    let caller = w.invite(1, 2, sdp("offer"));
    let callee = incoming(&mut w, 2);
    w.accept(2, callee, sdp("answer"));
    w.run_secs(1);
    assert_eq!(fates(&mut w, 1), [row("INVITE", true, 200, AckFate::None)]);
    assert_eq!(fates(&mut w, 2), [row("INVITE", false, 200, AckFate::Received)]);
    w.hang_up(1, caller);
    w.run_secs(1);
    assert_eq!(fates(&mut w, 1), [row("BYE", true, 200, AckFate::None)]);
    assert_eq!(fates(&mut w, 2), [row("BYE", false, 200, AckFate::None)]);
    // A refusal whose ACK comes, and one whose ACK never comes.
    w.invite(1, 2, sdp("offer"));
    let callee = incoming(&mut w, 2);
    w.command(2, Command::Reject { id: callee, status: 486, reason: None, headers: vec![] });
    w.run_secs(1);
    assert_eq!(fates(&mut w, 2), [row("INVITE", false, 486, AckFate::Received)]);
    w.invite(1, 2, sdp("offer"));
    let callee = incoming(&mut w, 2);
    w.link.set_weather(Weather { loss: 100, ..Weather::default() });
    w.command(2, Command::Reject { id: callee, status: 486, reason: None, headers: vec![] });
    w.run_secs(40);
    assert_eq!(fates(&mut w, 2), [row("INVITE", false, 486, AckFate::Missing)]);
    // A 2xx without ACK.
    w.link.set_weather(Weather::default());
    w.invite(1, 2, sdp("offer"));
    let callee = incoming(&mut w, 2);
    w.link.set_weather(Weather { loss: 100, ..Weather::default() });
    w.accept(2, callee, sdp("answer"));
    w.run_secs(80);
    let fates = fates(&mut w, 2);
    assert_eq!(fates[0], row("INVITE", false, 200, AckFate::Missing));
    assert_eq!(fates[1], row("BYE", true, 408, AckFate::None));
}

/// CANCEL before any answer, after each kind of provisional one, and crossing
/// each final one.
#[test]
fn cancel_in_every_state() {
    for step in 0..6 {
        for delay in [0, 5, 10, 15, 25] {
            let mut w = reliable(2);
            let caller = w.invite(1, 2, sdp("offer"));
            w.run_for(Duration::from_millis(12));
            let callee = incoming(&mut w, 2);
            if step > 0 {
                provisional(&mut w, 2, callee, 180, None);
            }
            if step > 1 {
                provisional(&mut w, 2, callee, 183, sdp("early"));
            }
            w.run_for(Duration::from_millis(delay));
            match step {
                3 => w.accept(2, callee, sdp("answer")),
                4 => w.command(2, Command::Reject { id: callee, status: 486, reason: None, headers: vec![] }),
                5 => w.hang_up(2, callee),
                _ => {}
            }
            w.hang_up(1, caller);
            w.run_secs(120);
            let end = |w: &World, n: u8| {
                w.events(n)
                    .iter()
                    .filter(|e| {
                        matches!(e, Event::Failed { .. } | Event::Cancelled { .. } | Event::Terminated { .. })
                    })
                    .count()
            };
            assert_eq!(end(&w, 1), 1, "step {step}, {delay} ms: {:?}", w.events(1));
            assert!(end(&w, 2) <= 1, "step {step}, {delay} ms: {:?}", w.events(2));
            for n in [1, 2] {
                assert_eq!(
                    (w.sessions(n), w.transactions(n)),
                    (0, 0),
                    "step {step}, {delay} ms: {:?}",
                    w.events(n)
                );
            }
        }
    }
}

#[test]
fn a_restarted_peer_ends_the_call() {
    let mut w = configured(2, timed(Some(90), 90));
    let (caller, _) = w.call();
    w.restart(2, EndpointConfig::default(), 99);
    w.command(1, Command::Update { id: caller, branch: None, body: sdp("hold") });
    assert_eq!(result(&mut w, 1).0, 481);
    let reason = TerminationReason::DialogGone(481);
    assert_eq!(w.next_event(1), Event::Terminated { id: caller, by_peer: false, reason });
}

/// A provisional answer, and then nothing more: the call is cancelled in the end.
#[test]
fn silence_after_a_provisional_answer_has_an_end() {
    let secs = Duration::from_secs;
    for (silence, answers_cancel) in [(Some(secs(100)), true), (Some(secs(100)), false), (None, true)] {
        let mut w = configured(1, |c| c.silence = silence);
        let id = w.invite(1, 9, sdp("offer"));
        w.run_for(Duration::from_millis(20));
        let invite = w.raw_requests(9)[0].1.clone();
        let provisional = |w: &mut World, status| {
            w.send(9, 1, &Message::Response(Response::to_request(&invite, status, "t")));
        };
        provisional(&mut w, 100);
        w.run_secs(90);
        // Each answer counts anew.
        provisional(&mut w, 180);
        w.run_secs(90);
        assert_eq!(progress(&mut w, 1), 180);
        assert!(w.raw_requests(9).iter().all(|(_, r)| r.method == Method::Invite));
        w.run_secs(20);
        let cancel = w.raw_requests(9).into_iter().find(|(_, r)| r.method == Method::Cancel);
        let Some((_, cancel)) = cancel else {
            assert_eq!(silence, None, "no CANCEL");
            w.run_secs(3600);
            assert_eq!((w.sessions(1), w.new_events(1)), (1, vec![]), "as long as it takes");
            w.hang_up(1, id);
            continue;
        };
        assert_eq!(cancel.headers.text(name::REASON).as_deref(), Some("SIP;cause=408;text=\"no answer\""));
        if answers_cancel {
            w.send(9, 1, &Message::Response(Response::to_request(&cancel, 200, "t")));
            w.send(9, 1, &Message::Response(Response::to_request(&invite, 487, "t")));
        }
        let event = w.next_event(1);
        let expected = (408, FailureCause::Timeout);
        assert!(
            matches!(event, Event::Failed { status, cause, .. } if (status, cause) == expected),
            "{event:?}"
        );
        w.run_secs(80);
        assert_eq!((w.sessions(1), w.transactions(1)), (0, 0));
    }
}

/// RFC 3261 section 13.3.1.
#[test]
fn an_invitation_is_good_as_long_as_it_says() {
    for accepted in [false, true] {
        let mut w = World::new(1, Weather::default(), 1);
        w.send_text(9, 1, &invite_text("Expires: 30\n"));
        let id = incoming(&mut w, 1);
        provisional(&mut w, 1, id, 180, None);
        w.run_secs(29);
        if accepted {
            w.accept(1, id, sdp("answer"));
        }
        w.run_secs(2);
        if accepted {
            assert_eq!((w.sessions(1), w.new_events(1)), (1, vec![]));
            continue;
        }
        assert_eq!(w.raw_statuses(9).last(), Some(&487));
        let Event::Cancelled { id: over, reason } = w.next_event(1) else { panic!("it goes on") };
        assert_eq!(
            (over, reason.as_deref()),
            (id, Some("SIP;cause=487;text=\"the invitation has expired\""))
        );
        assert_eq!(w.sessions(1), 0);
    }
}

/// Our re-INVITE is taken back: before a 1xx, after one, and when its answer is faster.
#[test]
fn a_re_invite_of_ours_can_be_taken_back() {
    let mut w = World::new(2, Weather::default(), 1);
    let (caller, callee) = w.call();
    for (wait, answered) in [(0, false), (300, false), (300, true)] {
        w.command(1, Command::Reinvite { id: caller, body: sdp("more") });
        w.run_for(Duration::from_millis(wait));
        if answered {
            answer_offer(&mut w, 2, callee, 200, sdp("yes"));
        }
        w.command(1, Command::CancelReinvite { id: caller });
        w.command(1, Command::CancelReinvite { id: caller });
        assert_eq!(w.next_event(2), Event::Reinvite { id: callee, body: sdp("more") });
        if answered {
            assert_eq!(result(&mut w, 1), (200, sdp("yes")));
            assert_eq!(w.next_event(2), Event::ReinviteConfirmed { id: callee, body: None });
        } else {
            assert_eq!(w.next_event(2), Event::ReinviteCancelled { id: callee });
            assert_eq!(result(&mut w, 1), (487, None));
        }
        w.run_secs(2);
        assert_eq!((w.new_events(1), w.new_events(2)), (vec![], vec![]));
    }
    // Nothing is under way any more: that changes nothing.
    w.command(1, Command::CancelReinvite { id: caller });
    ends(&mut w, 1, caller, &[1, 2]);
}

/// A peer that answers neither the re-INVITE nor its CANCEL has not left the call by that (RFC 3261 section 9.1).
#[test]
fn a_re_invite_that_was_taken_back_in_vain_leaves_the_call() {
    let mut w = World::new(1, Weather::default(), 1);
    let id = w.invite(1, 9, sdp("offer"));
    w.run_for(Duration::from_millis(20));
    let invite = w.raw_requests(9)[0].1.clone();
    w.send(9, 1, &fork_answer(&invite, 200, "t", None));
    assert!(matches!(w.next_event(1), Event::Established { .. }));
    w.command(1, Command::Reinvite { id, body: sdp("more") });
    w.run_for(Duration::from_millis(20));
    let again = w.raw_requests(9).into_iter().map(|(_, r)| r).rfind(|r| r.method == Method::Invite);
    w.send(9, 1, &Message::Response(Response::to_request(&again.expect("a re-INVITE"), 100, "")));
    w.run_secs(1);
    w.command(1, Command::CancelReinvite { id });
    w.run_secs(60);
    let cancels = w.raw_requests(9).into_iter().filter(|(_, r)| r.method == Method::Cancel).count();
    assert!(cancels > 1, "repeated until it is given up");
    assert_eq!(result(&mut w, 1), (487, None));
    assert_eq!((w.sessions(1), w.new_events(1)), (1, vec![]), "the call goes on");
    assert!(!w.raw_requests(9).iter().any(|(_, r)| r.method == Method::Bye));
}
