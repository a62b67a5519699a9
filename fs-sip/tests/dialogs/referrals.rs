//! REFER (RFC 3515), Replaces (RFC 3891) and redirections.

use fs_sip::endpoint::{ReferTarget, TerminationReason};
use fs_sip::wire::NameAddr;

use super::*;

#[test]
fn a_blind_transfer_tells_its_progress() {
    let mut w = World::new(2, Weather::default(), 1);
    let (caller, callee) = w.call();
    let target = ReferTarget::Address(NameAddr::new(uri(9)));
    w.command(1, Command::Refer { id: caller, target, subscribe: true, headers: vec![] });
    let Event::Refer { refer_to, referred_by, subscribed: true, .. } = w.next_event(2) else {
        panic!("no REFER")
    };
    assert_eq!((refer_to.uri, referred_by.map(|r| r.uri)), (uri(9), Some(uri(1))));
    w.command(2, Command::AnswerRefer { id: callee, status: 200, reason: None });
    let progress =
        |status, reason: &str, last| Event::ReferProgress { id: caller, status, reason: reason.into(), last };
    let mut events: Vec<Event> = (0..2).map(|_| w.next_event(1)).collect();
    events.sort_by_key(|e| matches!(e, Event::ReferProgress { .. }));
    assert_eq!(
        events[0],
        Event::ReferResult { id: caller, status: 202, reason: "Accepted".into(), subscribed: true }
    );
    assert_eq!(events[1], progress(100, "Trying", false));
    for (status, reason, last) in [(180, "Ringing", false), (200, "OK", true)] {
        w.command(2, Command::NotifyRefer { id: callee, status, reason: None });
        assert_eq!(w.next_event(1), progress(status, reason, last));
    }
    w.command(2, Command::NotifyRefer { id: callee, status: 200, reason: None });
    w.run_secs(100);
    assert_eq!(w.new_events(1), [], "the last was the last");
    ends(&mut w, 1, caller, &[1, 2]);
}

#[test]
fn refusals_and_silence_of_a_refer() {
    let refer = |w: &mut World, id, subscribe| {
        let target = ReferTarget::Address(NameAddr::new(uri(9)));
        w.command(1, Command::Refer { id, target, subscribe, headers: vec![] });
    };
    let mut w = World::new(2, Weather::default(), 1);
    let (caller, callee) = w.call();
    refer(&mut w, caller, true);
    refer(&mut w, caller, true);
    let Event::ReferResult { status: 491, .. } = w.next_event(1) else { panic!("one at a time") };
    w.next_event(2);
    w.command(2, Command::AnswerRefer { id: callee, status: 603, reason: None });
    let Event::ReferResult { status: 603, subscribed: false, .. } = w.next_event(1) else {
        panic!("refused")
    };
    // Without a subscription nothing follows the 202.
    refer(&mut w, caller, false);
    let Event::Refer { subscribed: false, .. } = w.next_event(2) else { panic!("no REFER") };
    w.command(2, Command::AnswerRefer { id: callee, status: 202, reason: None });
    let Event::ReferResult { status: 202, subscribed: false, .. } = w.next_event(1) else {
        panic!("accepted")
    };
    w.run_secs(5);
    assert_eq!(w.new_events(1), []);
    // A subscription that nobody feeds ends by itself.
    refer(&mut w, caller, true);
    w.next_event(2);
    w.command(2, Command::AnswerRefer { id: callee, status: 202, reason: None });
    w.run_secs(120);
    let last = w.new_events(1).pop();
    assert!(matches!(last, Some(Event::ReferProgress { last: true, .. })), "{last:?}");
    ends(&mut w, 2, callee, &[1, 2]);
}

#[test]
fn an_attended_transfer_replaces_the_call() {
    let mut w = World::new(3, Weather::default(), 1);
    // 1 talks to 2 and to 3, and connects them.
    let (with_two, two) = w.call();
    let with_three = w.invite(1, 3, sdp("offer"));
    let three = incoming(&mut w, 3);
    w.accept(3, three, sdp("answer"));
    w.next_event(1);
    w.next_event(3);
    let target = ReferTarget::Session(with_three);
    w.command(1, Command::Refer { id: with_two, target, subscribe: true, headers: vec![] });
    let Event::Refer { refer_to, .. } = w.next_event(2) else { panic!("no REFER") };
    let replaces =
        refer_to.uri.headers().and_then(|h| h.split_once("Replaces=")).expect("Replaces").1.to_owned();
    w.command(2, Command::AnswerRefer { id: two, status: 202, reason: None });
    let replaces = replaces.replace("%40", "@").replace("%3B", ";").replace("%3D", "=");
    let id = InviteId(4000);
    let headers = vec![("Replaces".to_owned(), replaces), ("Require".to_owned(), "replaces".to_owned())];
    let from = NameAddr::new(uri(2));
    w.command(2, Command::Invite { id, target: refer_to.uri, from, to: None, headers, body: sdp("offer") });
    let Event::Incoming { id: new, replaces, .. } = w.next_event(3) else { panic!("no call") };
    assert_eq!(replaces, Some(three));
    w.accept(3, new, sdp("answer"));
    w.run_secs(2);
    let ended = Event::Terminated { id: with_three, by_peer: true, reason: TerminationReason::Bye(None) };
    assert!(w.events(1).contains(&ended), "{:?}", w.events(1));
    assert!(w.events(2).iter().any(|e| matches!(e, Event::Established { id: i, .. } if *i == id)));
    w.command(2, Command::NotifyRefer { id: two, status: 200, reason: None });
    w.hang_up(1, with_two);
    ends(&mut w, 3, new, &[1, 2, 3]);
}

#[test]
fn what_replaces_can_not_name() {
    let mut w = World::new(1, Weather::default(), 1);
    w.send_text(9, 1, &invite_text(""));
    let id = incoming(&mut w, 1);
    provisional(&mut w, 1, id, 180, None);
    w.run_for(Duration::from_millis(20));
    let to = our_to(&w);
    let tag = to.split("tag=").nth(1).expect("tag").to_owned();
    let mut n = 0;
    let mut replacing = |w: &mut World, value: &str| {
        n += 1;
        let text = invite_text(&format!("Replaces: {value}\n"))
            .replace("Call-ID: c1", &format!("Call-ID: r{n}"))
            .replace("z9hG4bKa", &format!("z9hG4bKr{n}"));
        ask(w, &text)
    };
    let named = format!("c1;to-tag={tag};from-tag=pt");
    assert_eq!(replacing(&mut w, "nothing"), 400);
    assert_eq!(replacing(&mut w, &format!("{named}\nReplaces: {named}")), 400);
    assert_eq!(replacing(&mut w, "c9;to-tag=1;from-tag=2"), 481);
    assert_eq!(replacing(&mut w, &named), 481, "an early dialog that the other side began");
    w.accept(1, id, sdp("answer"));
    w.run_for(Duration::from_millis(20));
    assert_eq!(replacing(&mut w, &format!("{named};early-only")), 486);
    w.send_text(9, 1, &inside("ACK", 1, &to, ""));
    w.run_for(Duration::from_millis(20));
    w.hang_up(1, id);
    w.run_for(Duration::from_millis(5));
    assert_eq!(replacing(&mut w, &named), 603, "its end has begun");
}

#[test]
fn redirections_are_told_and_followed_where_wanted() {
    for follow in [false, true] {
        let mut w = configured(3, |c| c.follow_redirects = follow);
        let caller = w.invite(1, 2, sdp("offer"));
        let callee = incoming(&mut w, 2);
        let contact = format!("<{}>;q=0.2, <{}>;q=0.9", uri(3), uri(2));
        let headers = vec![("Contact".to_owned(), contact)];
        w.command(2, Command::Reject { id: callee, status: 302, reason: None, headers });
        let Event::Redirected { id, status: 302, contacts } = w.next_event(1) else { panic!("not told") };
        assert_eq!((id, contacts[0].uri.clone(), contacts[1].uri.clone()), (caller, uri(2), uri(3)));
        if !follow {
            let Event::Failed { status: 302, .. } = w.next_event(1) else { panic!("no end") };
            continue;
        }
        // 2 was tried already, so 3 is next.
        let other = incoming(&mut w, 3);
        w.accept(3, other, sdp("answer"));
        let Event::Established { .. } = w.next_event(1) else { panic!("no answer") };
        w.next_event(3);
        ends(&mut w, 1, caller, &[1, 2, 3]);
    }
}
