//! Two endpoint cores, or one and a scripted peer, in virtual time.

mod support;

use std::time::Duration;

use fs_sip::endpoint::{Command, Event, FailureCause, InviteId, TerminationReason};
use fs_sip::transport::memory::Weather;
use fs_sip::wire::headers::name;
use fs_sip::wire::{Message, Method, Request, Response};
use support::{World, address, sdp};

fn world(count: u8) -> World {
    World::new(count, Weather::default(), 1)
}

fn incoming(world: &mut World, n: u8) -> InviteId {
    match world.next_event(n) {
        Event::Incoming { id, .. } => id,
        other => panic!("no call: {other:?}"),
    }
}

fn terminated(id: InviteId, by_peer: bool) -> Event {
    Event::Terminated { id, by_peer, reason: TerminationReason::Bye(None) }
}

#[test]
fn a_call_and_its_end() {
    for hung_up_by_caller in [true, false] {
        let mut w = world(2);
        let caller = w.invite(1, 2, sdp("offer"));
        let Event::Incoming { id: callee, body, from, .. } = w.next_event(2) else { panic!("no call") };
        assert_eq!(body, sdp("offer"));
        assert!(from.tag().is_some());
        w.command(2, Command::Provisional { id: callee, status: 180, reason: None, body: None });
        let ringing = w.next_event(1);
        assert_eq!(
            ringing,
            Event::Progress { id: caller, status: 180, reason: "Ringing".into(), body: None }
        );
        w.accept(2, callee, sdp("answer"));
        let body = sdp("answer");
        assert_eq!(w.next_event(1), Event::Established { id: caller, status: 200, body });
        assert_eq!(w.next_event(2), Event::Confirmed { id: callee, body: None });
        w.run_secs(40);
        assert_eq!((w.new_events(1), w.new_events(2)), (vec![], vec![]), "a quiet call stays");
        w.hang_up(if hung_up_by_caller { 1 } else { 2 }, if hung_up_by_caller { caller } else { callee });
        assert_eq!(w.next_event(1), terminated(caller, !hung_up_by_caller));
        assert_eq!(w.next_event(2), terminated(callee, hung_up_by_caller));
        w.run_secs(60);
        assert_eq!((w.sessions(1), w.sessions(2)), (0, 0));
        assert_eq!((w.transactions(1), w.transactions(2)), (0, 0), "nothing stays behind");
        assert_eq!((w.new_events(1), w.new_events(2)), (vec![], vec![]));
    }
}

#[test]
fn a_refusal_arrives_with_status_and_reason() {
    let mut w = world(2);
    let caller = w.invite(1, 2, sdp("offer"));
    let callee = incoming(&mut w, 2);
    let reason = Some("Gone fishing".to_owned());
    w.command(2, Command::Reject { id: callee, status: 486, reason, headers: vec![] });
    let failed = Event::Failed {
        id: caller,
        status: 486,
        reason: "Gone fishing".into(),
        cause: FailureCause::Peer,
        retry_after: None,
    };
    assert_eq!(w.next_event(1), failed);
    w.run_secs(60);
    assert_eq!((w.transactions(1), w.transactions(2), w.sessions(2)), (0, 0, 0));
}

#[test]
fn hanging_up_an_unanswered_call_of_theirs_declines_it() {
    let mut w = world(2);
    w.invite(1, 2, sdp("offer"));
    let callee = incoming(&mut w, 2);
    w.hang_up(2, callee);
    let Event::Failed { status, .. } = w.next_event(1) else { panic!("not refused") };
    assert_eq!(status, 603);
}

#[test]
fn a_cancelled_call_ends_on_both_sides() {
    let mut w = world(2);
    let caller = w.invite(1, 2, sdp("offer"));
    let callee = incoming(&mut w, 2);
    w.command(2, Command::Provisional { id: callee, status: 180, reason: None, body: None });
    w.next_event(1);
    w.hang_up(1, caller);
    assert_eq!(w.next_event(2), Event::Cancelled { id: callee, reason: None });
    let Event::Failed { status: 487, cause: FailureCause::Cancelled, .. } = w.next_event(1) else {
        panic!("{:?}", w.events(1));
    };
    w.accept(2, callee, sdp("too late"));
    w.run_secs(60);
    assert_eq!((w.new_events(1), w.new_events(2)), (vec![], vec![]));
    assert_eq!((w.transactions(1), w.transactions(2)), (0, 0));
}

#[test]
fn a_cancel_waits_for_the_first_provisional() {
    let mut w = world(1);
    let caller = w.invite(1, 9, sdp("offer"));
    w.hang_up(1, caller);
    w.run_for(Duration::from_millis(400));
    assert_eq!(w.raw_requests(9).len(), 1, "only the INVITE");
    let invite = w.raw_requests(9)[0].1.clone();
    w.send(9, 1, &Message::Response(Response::to_request(&invite, 100, "")));
    w.run_for(Duration::from_millis(50));
    let cancel = w.raw_requests(9)[1].1.clone();
    assert_eq!(cancel.method, Method::Cancel);
    assert_eq!(cancel.headers.get(name::VIA), invite.headers.get(name::VIA));
    assert_eq!(cancel.uri, invite.uri);
    // Nobody answers: after 64*T1 the caller gives up.
    let (at, event) = w.next_timed_event(1);
    assert!(matches!(event, Event::Failed { cause: FailureCause::Cancelled, .. }), "{event:?}");
    assert!((Duration::from_secs(32)..Duration::from_secs(33)).contains(&at), "{at:?}");
}

#[test]
fn a_cancel_that_crosses_the_answer_becomes_ack_and_bye() {
    let mut w = world(2);
    let caller = w.invite(1, 2, sdp("offer"));
    let callee = incoming(&mut w, 2);
    w.command(2, Command::Provisional { id: callee, status: 180, reason: None, body: None });
    w.next_event(1);
    w.accept(2, callee, sdp("answer"));
    w.hang_up(1, caller);
    let Event::Failed { cause: FailureCause::Cancelled, .. } = w.next_event(1) else {
        panic!("not cancelled")
    };
    assert_eq!(w.next_event(2), Event::Confirmed { id: callee, body: None });
    assert_eq!(w.next_event(2), terminated(callee, true));
    w.run_secs(60);
    assert_eq!((w.sessions(1), w.sessions(2), w.transactions(1), w.transactions(2)), (0, 0, 0, 0));
}

#[test]
fn nobody_answers() {
    let mut w = world(1);
    let id = w.invite(1, 9, sdp("offer"));
    let (at, event) = w.next_timed_event(1);
    let reason = "Request Timeout".into();
    assert_eq!(
        event,
        Event::Failed { id, status: 408, reason, cause: FailureCause::Timeout, retry_after: None }
    );
    assert_eq!(at, Duration::from_secs(32));
    let times: Vec<u128> = w.raw_requests(9).iter().map(|(at, _)| at - 10).collect();
    assert_eq!(times, [0, 500, 1500, 3500, 7500, 15500, 31500]);
}

#[test]
fn a_host_without_address_fails_at_once() {
    let mut w = world(1);
    let from = fs_sip::wire::NameAddr::new(support::uri(1));
    for target in ["sip:x@nowhere.example", "tel:+15551234", "sip:x@10.0.0.9;transport=sctp"] {
        let target = fs_sip::wire::Uri::parse(target).expect("URI");
        let id = InviteId(1000);
        let command =
            Command::Invite { id, target, from: from.clone(), to: None, headers: vec![], body: None };
        w.command(1, command);
        let event = w.next_event(1);
        assert!(
            matches!(event, Event::Failed { status: 503, cause: FailureCause::Transport, .. }),
            "{event:?}"
        );
    }
    assert_eq!(w.elapsed(), Duration::ZERO);
}

#[test]
fn late_offer_of_the_caller() {
    let mut w = world(2);
    let caller = w.invite(1, 2, None);
    let callee = incoming(&mut w, 2);
    w.accept(2, callee, sdp("offer of the callee"));
    let body = sdp("offer of the callee");
    assert_eq!(w.next_event(1), Event::Established { id: caller, status: 200, body });
    w.run_secs(2);
    assert_eq!(w.new_events(2), [], "the ACK waits for the answer");
    w.command(1, Command::AckBody { id: caller, body: sdp("answer").expect("body") });
    assert_eq!(w.next_event(2), Event::Confirmed { id: callee, body: sdp("answer") });
    w.hang_up(2, callee);
    assert_eq!(w.next_event(1), terminated(caller, true));
}

#[test]
fn a_late_offer_without_answer_ends_the_call() {
    let mut w = world(2);
    let caller = w.invite(1, 2, None);
    let callee = incoming(&mut w, 2);
    w.accept(2, callee, sdp("offer"));
    w.next_event(1);
    // Both give up at about the same time; whose BYE is first does not matter.
    assert!(matches!(w.next_event(1), Event::Terminated { id, .. } if id == caller));
    w.run_secs(60);
    assert_eq!((w.sessions(1), w.sessions(2)), (0, 0));
    assert_eq!(w.events(2).iter().filter(|e| matches!(e, Event::Terminated { .. })).count(), 1);
}

#[test]
fn a_late_offer_of_a_re_invite() {
    let mut w = world(2);
    let (caller, callee) = w.call();
    w.command(2, Command::Reinvite { id: callee, body: None });
    assert_eq!(w.next_event(1), Event::Reinvite { id: caller, body: None });
    w.command(1, Command::AnswerReinvite { id: caller, status: 200, reason: None, body: sdp("offer2") });
    let Event::ReinviteResult { status: 200, body, .. } = w.next_event(2) else { panic!("no result") };
    assert_eq!(body, sdp("offer2"));
    w.command(2, Command::AckBody { id: callee, body: sdp("answer2").expect("body") });
    assert_eq!(w.next_event(1), Event::ReinviteConfirmed { id: caller, body: sdp("answer2") });
}

#[test]
fn re_invites_both_ways() {
    let mut w = world(2);
    let (caller, callee) = w.call();
    for (n, own, m, other) in [(1, caller, 2, callee), (2, callee, 1, caller), (1, caller, 2, callee)] {
        w.command(n, Command::Reinvite { id: own, body: sdp("hold") });
        assert_eq!(w.next_event(m), Event::Reinvite { id: other, body: sdp("hold") });
        w.command(m, Command::AnswerReinvite { id: other, status: 200, reason: None, body: sdp("held") });
        let Event::ReinviteResult { status: 200, body, .. } = w.next_event(n) else { panic!("no result") };
        assert_eq!(body, sdp("held"));
        assert_eq!(w.next_event(m), Event::ReinviteConfirmed { id: other, body: None });
    }
    w.command(1, Command::Reinvite { id: caller, body: sdp("video") });
    w.next_event(2);
    w.command(2, Command::AnswerReinvite { id: callee, status: 488, reason: None, body: None });
    let Event::ReinviteResult { status: 488, .. } = w.next_event(1) else { panic!("not refused") };
    w.hang_up(1, caller);
    assert_eq!(w.next_event(1), terminated(caller, false));
    assert_eq!(w.next_event(2), terminated(callee, true));
}

#[test]
fn a_re_invite_right_after_the_answer_waits_for_the_ack() {
    let mut w = world(2);
    let caller = w.invite(1, 2, sdp("offer"));
    let callee = incoming(&mut w, 2);
    w.accept(2, callee, sdp("answer"));
    w.command(2, Command::Reinvite { id: callee, body: sdp("again") });
    let Event::Established { .. } = w.next_event(1) else { panic!("not established") };
    assert_eq!(w.next_event(2), Event::Confirmed { id: callee, body: None });
    assert_eq!(w.next_event(1), Event::Reinvite { id: caller, body: sdp("again") });
}

#[test]
fn glare_is_resolved_by_waiting() {
    for seed in 0..20 {
        let mut w = World::new(2, Weather::default(), seed);
        let (caller, callee) = w.call();
        w.command(1, Command::Reinvite { id: caller, body: sdp("from 1") });
        w.command(2, Command::Reinvite { id: callee, body: sdp("from 2") });
        // The one that does not own the Call-ID comes first (0 to 2 s) ...
        let (at, event) = w.next_timed_event(1);
        if event == (Event::Reinvite { id: caller, body: sdp("from 2") }) {
            assert!(at < Duration::from_millis(2200), "{at:?}");
        }
        let answer = |id, w: &mut World, n| {
            w.command(n, Command::AnswerReinvite { id, status: 200, reason: None, body: sdp("ok") });
        };
        // ... and the other's own is overtaken: the application must decide.
        let Event::ReinviteResult { status: 491, .. } = event else { panic!("{seed}: {event:?}") };
        assert_eq!(w.next_event(1), Event::Reinvite { id: caller, body: sdp("from 2") });
        answer(caller, &mut w, 1);
        let Event::ReinviteResult { status: 200, .. } = w.next_event(2) else { panic!("{seed}") };
        assert_eq!(w.next_event(1), Event::ReinviteConfirmed { id: caller, body: None });
        w.command(1, Command::Reinvite { id: caller, body: sdp("from 1 again") });
        assert_eq!(w.next_event(2), Event::Reinvite { id: callee, body: sdp("from 1 again") });
        answer(callee, &mut w, 2);
        let Event::ReinviteResult { status: 200, .. } = w.next_event(1) else { panic!("{seed}") };
    }
}

#[test]
fn a_re_invite_can_be_cut_short_by_bye() {
    let mut w = world(2);
    let (caller, callee) = w.call();
    w.command(1, Command::Reinvite { id: caller, body: sdp("hold") });
    assert_eq!(w.next_event(2), Event::Reinvite { id: callee, body: sdp("hold") });
    w.hang_up(1, caller);
    assert_eq!(w.next_event(2), terminated(callee, true));
    assert_eq!(w.next_event(1), terminated(caller, false));
    w.run_secs(60);
    assert_eq!((w.transactions(1), w.transactions(2)), (0, 0));
}

#[test]
fn both_hang_up_at_once() {
    let mut w = world(2);
    let (caller, callee) = w.call();
    w.hang_up(1, caller);
    w.hang_up(2, callee);
    assert_eq!(w.next_event(1), terminated(caller, false));
    assert_eq!(w.next_event(2), terminated(callee, false));
}

#[test]
fn a_peer_that_vanished_lets_bye_time_out() {
    let mut w = world(2);
    let (caller, _) = w.call();
    w.link.set_weather(Weather { loss: 100, ..Weather::default() });
    w.hang_up(1, caller);
    let reason = TerminationReason::Timeout;
    assert_eq!(w.next_event(1), Event::Terminated { id: caller, by_peer: false, reason });
}

// ---- scripted peers ------------------------------------------------------

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

// ---- bad weather ---------------------------------------------------------

/// One random call over a bad line; both sides must agree at its end.
fn random_call(seed: u64, weather: Weather) {
    let mut w = World::new(2, weather, seed);
    let caller = w.invite(1, 2, sdp("offer"));
    w.run_for(Duration::from_millis(seed * 37 % 4000));
    let callee = w.events(2).iter().find_map(|e| match e {
        Event::Incoming { id, .. } => Some(*id),
        _ => None,
    });
    if let Some(callee) = callee {
        match seed % 7 {
            0 => w.command(2, Command::Reject { id: callee, status: 486, reason: None, headers: vec![] }),
            1 => w.hang_up(1, caller),
            _ => w.accept(2, callee, sdp("answer")),
        }
        w.run_for(Duration::from_millis(seed * 53 % 9000));
        match seed % 5 {
            0 => w.hang_up(1, caller),
            1 => w.hang_up(2, callee),
            2 => w.command(1, Command::Reinvite { id: caller, body: sdp("hold") }),
            _ => {
                w.command(1, Command::Reinvite { id: caller, body: sdp("hold 1") });
                w.command(2, Command::Reinvite { id: callee, body: sdp("hold 2") });
            }
        }
        for _ in 0..20 {
            w.run_secs(1);
            for (n, id) in [(1, caller), (2, callee)] {
                w.command(n, Command::AnswerReinvite { id, status: 200, reason: None, body: sdp("ok") });
            }
        }
        w.hang_up(2, callee);
    }
    w.hang_up(1, caller);
    w.run_secs(200);
    for n in [1, 2] {
        assert_eq!((w.sessions(n), w.transactions(n)), (0, 0), "seed {seed}, party {n}: {:?}", w.events(n));
    }
    let ends = |n: u8, which: fn(&Event) -> bool| w.events(n).iter().filter(|e| which(e)).count();
    let over =
        |e: &Event| matches!(e, Event::Failed { .. } | Event::Cancelled { .. } | Event::Terminated { .. });
    assert_eq!(ends(1, over), 1, "seed {seed}: {:?}", w.events(1));
    assert!(ends(2, over) <= 1, "seed {seed}: {:?}", w.events(2));
    assert!(ends(2, |e| matches!(e, Event::Incoming { .. })) <= 1, "seed {seed}: one call, not two");
}

#[test]
fn calls_over_a_bad_line_end_in_agreement() {
    for seed in 0..500 {
        let loss = u32::try_from(seed % 31).expect("small");
        let jitter = Duration::from_millis(seed % 3 * 100);
        random_call(seed, Weather { loss, duplication: 10, jitter, ..Weather::default() });
    }
}
