//! What dialogs can do beyond a plain call, in virtual time: reliable
//! provisional responses, UPDATE, session timers, forks with their own
//! answers, REFER, Replaces, redirections, loops, the fate of transactions.

mod support;

use std::time::Duration;

use fs_sip::endpoint::{
    AckFate, Body, Command, EndpointConfig, Event, InviteId, ReferTarget, SessionTimerSettings,
    TerminationReason,
};
use fs_sip::transport::memory::Weather;
use fs_sip::wire::headers::name;
use fs_sip::wire::{Message, Method, NameAddr, Request, Response};
use support::{World, sdp, uri};

fn configured(count: usize, change: impl Fn(&mut EndpointConfig)) -> World {
    let mut config = EndpointConfig::default();
    change(&mut config);
    World::with(vec![config; count], Weather::default(), 1)
}

fn reliable(count: usize) -> World {
    configured(count, |c| c.reliable_provisional = true)
}

fn body(text: &str) -> Body {
    sdp(text).expect("a body")
}

fn incoming(w: &mut World, n: u8) -> InviteId {
    match w.next_event(n) {
        Event::Incoming { id, .. } => id,
        other => panic!("no call: {other:?}"),
    }
}

fn progress(w: &mut World, n: u8) -> u16 {
    match w.next_event(n) {
        Event::Progress { status, .. } => status,
        other => panic!("no progress: {other:?}"),
    }
}

fn provisional(w: &mut World, n: u8, id: InviteId, status: u16, body: Option<Body>) {
    w.command(n, Command::Provisional { id, status, reason: None, body });
}

fn answer_offer(w: &mut World, n: u8, id: InviteId, status: u16, body: Option<Body>) {
    w.command(n, Command::AnswerReinvite { id, status, reason: None, body });
}

fn result(w: &mut World, n: u8) -> (u16, Option<Body>) {
    match w.next_event(n) {
        Event::ReinviteResult { status, body, .. } => (status, body),
        other => panic!("no result: {other:?}"),
    }
}

/// Everything ends and nothing stays behind.
fn ends(w: &mut World, n: u8, id: InviteId, parties: &[u8]) {
    w.hang_up(n, id);
    w.run_secs(80);
    for party in parties {
        assert_eq!((w.sessions(*party), w.transactions(*party)), (0, 0), "{party}: {:?}", w.events(*party));
    }
}

// ---- reliable provisional responses --------------------------------------

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
    assert_eq!(w.next_event(1), Event::Established { id: caller, status: 200, body: sdp("early answer") });
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
    assert_eq!(w.next_event(1), Event::Established { id: caller, status: 200, body: None });
    assert_eq!(w.next_event(2), Event::Confirmed { id: callee, body: None });
    ends(&mut w, 2, callee, &[1, 2]);
}

fn invite_text(more: &str) -> String {
    format!(
        "INVITE sip:user@10.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKa\nFrom: <sip:p@10.0.0.9>;tag=pt\n\
         To: <sip:user@10.0.0.1>\nCall-ID: c1\nCSeq: 1 INVITE\nContact: <sip:p@10.0.0.9>\n{more}\
         Content-Type: application/sdp\nContent-Length: 5\n\nv=0\n"
    )
}

/// The To of our last response to the scripted peer 9.
fn our_to(w: &World) -> String {
    let (_, response) = w.raw_responses(9).pop().expect("a response");
    response.headers.text(name::TO).expect("To").into_owned()
}

fn inside(method: &str, cseq: u32, to: &str, more: &str) -> String {
    format!(
        "{method} sip:user@10.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKi{cseq}{method}\n\
         From: <sip:p@10.0.0.9>;tag=pt\nTo: {to}\nCall-ID: c1\nCSeq: {cseq} {method}\nContact: <sip:p@10.0.0.9>\n{more}\n"
    )
}

/// The status that answers a request of the scripted peer.
fn ask(w: &mut World, text: &str) -> u16 {
    let before = w.raw_statuses(9).len();
    w.send_text(9, 1, text);
    w.run_for(Duration::from_millis(30));
    w.raw_statuses(9).get(before).copied().expect("answered")
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

// ---- UPDATE and glare ----------------------------------------------------

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

// ---- session timers ------------------------------------------------------

fn timed(expires: Option<u32>, min_se: u32) -> impl Fn(&mut EndpointConfig) {
    move |config| config.session_timer = SessionTimerSettings { expires, min_se }
}

#[test]
fn a_session_is_refreshed_as_long_as_both_live() {
    for lives in [true, false] {
        let mut w = configured(2, timed(Some(100), 90));
        let (caller, callee) = w.call();
        w.run_secs(500);
        assert_eq!((w.new_events(1), w.new_events(2)), (vec![], vec![]), "refreshes are not told");
        assert_eq!((w.sessions(1), w.sessions(2)), (1, 1));
        if lives {
            ends(&mut w, 2, callee, &[1, 2]);
            continue;
        }
        // The line breaks: the refresher's UPDATE fails, the other waits in vain.
        w.link.set_weather(Weather { loss: 100, ..Weather::default() });
        w.run_secs(200);
        let end = |w: &mut World, n| {
            w.new_events(n).into_iter().find_map(|e| match e {
                Event::Terminated { reason, .. } => Some(reason),
                _ => None,
            })
        };
        assert_eq!(end(&mut w, 1), Some(TerminationReason::DialogGone(408)), "{caller:?}");
        assert_eq!(end(&mut w, 2), Some(TerminationReason::Expired));
        assert_eq!((w.sessions(1), w.sessions(2)), (0, 0));
    }
}

#[test]
fn too_short_a_timer_is_asked_for_again() {
    let mut config = EndpointConfig::default();
    timed(Some(90), 90)(&mut config);
    let mut strict = EndpointConfig::default();
    timed(None, 300)(&mut strict);
    let mut w = World::with(vec![config, strict], Weather::default(), 1);
    let (caller, _) = w.call();
    w.run_secs(400);
    assert_eq!((w.sessions(1), w.sessions(2)), (1, 1), "300 s were agreed and refreshed");
    ends(&mut w, 1, caller, &[1, 2]);
}

#[test]
fn the_peer_without_update_is_refreshed_by_re_invite() {
    let mut w = configured(1, timed(Some(100), 90));
    w.send_text(
        9,
        1,
        &invite_text("Allow: INVITE, BYE\nSupported: timer\nSession-Expires: 100;refresher=uas\n"),
    );
    let id = incoming(&mut w, 1);
    w.accept(1, id, sdp("answer"));
    w.run_for(Duration::from_millis(20));
    let (_, ok) = w.raw_responses(9).pop().expect("200");
    assert_eq!(ok.headers.text(name::SESSION_EXPIRES).as_deref(), Some("100;refresher=uas"));
    let to = our_to(&w);
    w.send_text(9, 1, &inside("ACK", 1, &to, ""));
    w.run_secs(51);
    let (_, refresh) = w.raw_requests(9).pop().expect("a refresh");
    assert_eq!(refresh.method, Method::Invite);
    assert_eq!(Some(refresh.body), sdp("answer").map(|b| b.data), "our last description, unchanged");
    assert_eq!(refresh.headers.text(name::SESSION_EXPIRES).as_deref(), Some("100;refresher=uac"));
}

// ---- forks ---------------------------------------------------------------

fn fork_answer(invite: &Request, status: u16, tag: &str, rseq: Option<u32>) -> Message {
    let mut response = Response::to_request(invite, status, tag);
    response.headers.push(name::CONTACT, format!("<sip:{tag}@10.0.0.9>"));
    response.headers.push(name::ALLOW, "INVITE, UPDATE, PRACK");
    if let Some(rseq) = rseq {
        response.headers.push(name::REQUIRE, "100rel");
        response.headers.push(name::RSEQ, rseq.to_string());
    }
    response.headers.push(name::CONTENT_TYPE, "application/sdp");
    response.body = format!("v=0\r\ns={tag}\r\n").into_bytes();
    Message::Response(response)
}

/// A request of the callee with this tag.
fn of_callee(invite: &Request, method: Method, tag: &str) -> Request {
    let mut request = Request::new(method.clone(), uri(1));
    let h = &mut request.headers;
    h.push(name::VIA, format!("SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bK{tag}{method}"));
    h.push(name::MAX_FORWARDS, "70");
    h.push(name::FROM, format!("<sip:x@10.0.0.9>;tag={tag}"));
    h.push(name::TO, invite.headers.text(name::FROM).expect("From").as_ref());
    h.push(name::CALL_ID, invite.call_id().expect("Call-ID"));
    h.push(name::CSEQ, format!("1 {method}"));
    request
}

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
    assert_eq!(w.next_event(1), Event::Established { id, status: 200, body: sdp("b2") });
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

// ---- REFER, Replaces, redirections ---------------------------------------

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

// ---- loops, fates, CANCEL ------------------------------------------------

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
