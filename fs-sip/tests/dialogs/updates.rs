//! UPDATE (RFC 3311) and offers that cross.

use super::*;

#[test]
fn updates_both_ways_in_a_standing_call() {
    let mut w = World::new(2, Weather::default(), 1);
    let (caller, callee) = w.call();
    for (n, own, m, other) in [(1, caller, 2, callee), (2, callee, 1, caller)] {
        w.command(n, Command::Update { id: own, branch: None, body: sdp("hold") });
        assert_eq!(w.next_event(m), Event::Reinvite { id: other, body: sdp("hold") });
        answer_offer(&mut w, m, other, 200, sdp("held"));
        assert_eq!(result(&mut w, n), (200, sdp("held")));
    }
    w.command(1, Command::Update { id: caller, branch: None, body: None });
    assert_eq!(result(&mut w, 1), (200, None));
    assert_eq!(w.new_events(2), [], "without an offer there is nothing to tell");
    ends(&mut w, 1, caller, &[1, 2]);
}

#[test]
fn offers_that_cross_wait_as_the_rfc_says() {
    for seed in 0..20 {
        let mut w = World::new(2, Weather::default(), seed);
        let (caller, callee) = w.call();
        w.command(1, Command::Update { id: caller, branch: None, body: sdp("from 1") });
        match seed % 2 {
            0 => w.command(2, Command::Update { id: callee, branch: None, body: sdp("from 2") }),
            _ => w.command(2, Command::Reinvite { id: callee, body: sdp("from 2") }),
        }
        // Both get 491.
        // The one that does not own the Call-ID comes first.
        let (at, event) = w.next_timed_event(1);
        assert!(at < Duration::from_millis(2300), "seed {seed}: {at:?}");
        assert_eq!(event, Event::Reinvite { id: caller, body: sdp("from 2") }, "seed {seed}");
        answer_offer(&mut w, 1, caller, 200, sdp("ok"));
        assert_eq!(result(&mut w, 2), (200, sdp("ok")), "seed {seed}");
        let event = w.next_event(2);
        if let Event::Reinvite { .. } = event {
            answer_offer(&mut w, 2, callee, 200, sdp("ok"));
        }
        w.run_secs(6);
        ends(&mut w, 1, caller, &[1, 2]);
    }
}

#[test]
fn a_second_update_before_the_answer_gets_500() {
    let mut w = World::new(1, Weather::default(), 1);
    w.send_text(9, 1, &invite_text("Allow: INVITE, UPDATE\n"));
    let id = incoming(&mut w, 1);
    w.accept(1, id, sdp("answer"));
    w.run_for(Duration::from_millis(20));
    let to = our_to(&w);
    w.send_text(9, 1, &inside("ACK", 1, &to, ""));
    assert_eq!(w.next_event(1), Event::Confirmed { id, body: None });
    let offer = "Content-Type: application/sdp\nContent-Length: 5\n\nv=0";
    w.send_text(9, 1, &inside("UPDATE", 2, &to, offer));
    let Event::Reinvite { .. } = w.next_event(1) else { panic!("no offer") };
    assert_eq!(ask(&mut w, &inside("UPDATE", 3, &to, offer)), 500);
    let (_, refusal) = w.raw_responses(9).pop().expect("500");
    assert!(refusal.headers.get(name::RETRY_AFTER).is_some());
    answer_offer(&mut w, 1, id, 200, sdp("ok"));
    w.run_for(Duration::from_millis(20));
    assert_eq!(w.raw_statuses(9).last(), Some(&200));
    // Our own offer is open: theirs gets 491.
    w.command(1, Command::Update { id, branch: None, body: sdp("ours") });
    w.run_for(Duration::from_millis(20));
    assert_eq!(ask(&mut w, &inside("UPDATE", 4, &to, offer)), 491);
}
