//! Calls over a bad line.

use super::*;

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
