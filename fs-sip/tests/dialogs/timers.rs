//! Session timers (RFC 4028).

use fs_sip::endpoint::TerminationReason;

use super::*;

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
