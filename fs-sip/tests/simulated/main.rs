//! Two endpoint cores, or one and a scripted peer, in virtual time.

mod scripted;
mod weather;

#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;

use fs_sip::endpoint::{Command, Event, FailureCause, InviteId, TerminationReason};
use fs_sip::transport::memory::Weather;
use fs_sip::wire::headers::name;
use fs_sip::wire::{Message, Method, Response};
use support::{World, address, established, sdp};

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
        assert_eq!(established(w.next_event(1)), (caller, 200, body));
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
    let headers = vec![("Warning".to_owned(), "399 river \"no fish here\"".to_owned())];
    w.command(2, Command::Reject { id: callee, status: 486, reason, headers });
    let failed = Event::Failed {
        id: caller,
        status: 486,
        reason: "Gone fishing".into(),
        cause: FailureCause::Peer,
        retry_after: None,
        warning: Some("no fish here".into()),
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
        Event::Failed {
            id,
            status: 408,
            reason,
            cause: FailureCause::Timeout,
            retry_after: None,
            warning: None
        }
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
    assert_eq!(established(w.next_event(1)), (caller, 200, body));
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

#[test]
fn figures_tell_what_has_happened() {
    let mut w = world(2);
    let (caller, _) = w.call();
    for n in [1, 2] {
        let now = w.statistics(n);
        assert_eq!((now.sessions, now.dialogs, now.retransmissions_sent), (1, 1, 0), "{now:?}");
    }
    assert_eq!((w.statistics(1).requests_sent, w.statistics(2).requests_received), (1, 1));
    w.hang_up(1, caller);
    w.run_secs(60);
    for n in [1, 2] {
        let now = w.statistics(n);
        let open = (now.sessions, now.dialogs, now.client_transactions, now.server_transactions);
        assert_eq!(open, (0, 0, 0, 0), "{now:?}");
    }
    assert_eq!((w.statistics(1).requests_sent, w.statistics(2).requests_received), (2, 2));
    // An INVITE to nobody is sent seven times, six of them again.
    w.link.set_weather(Weather { loss: 100, ..Weather::default() });
    w.invite(1, 2, sdp("offer"));
    w.run_secs(40);
    assert_eq!((w.statistics(1).requests_sent, w.statistics(1).retransmissions_sent), (3, 6));
    assert_eq!(w.statistics(2).requests_received, 2);
}
