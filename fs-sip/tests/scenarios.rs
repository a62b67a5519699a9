//! Random calls over a bad line, in virtual time: whatever happens, both sides
//! end in a state they agree on. Every accident follows from a seed.
//!
//! `FS_SIP_SCENARIOS` says how many (default 1,500; the soak plays 10,000),
//! `FS_SIP_SCENARIO` plays one seed alone.

mod support;

use std::time::Duration;

use fs_sip::endpoint::{Command, EndpointConfig, Event, InviteId, Random, ReferTarget, SessionTimerSettings};
use fs_sip::transport::memory::Weather;
use fs_sip::wire::NameAddr;
use support::{World, sdp, uri};

/// What the two sides do to each other.
struct Scenario {
    seed: u64,
    random: Random,
    world: World,
    config: EndpointConfig,
    /// Each party's names of its calls.
    calls: [Vec<InviteId>; 2],
    restarted: [bool; 2],
    /// Events of each party that were answered.
    seen: [usize; 2],
}

impl Scenario {
    fn new(seed: u64) -> Self {
        let mut bytes = [5; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let mut random = Random::new(bytes);
        let weather = Weather {
            loss: random.below(31),
            duplication: random.below(20),
            jitter: Duration::from_millis(random.below(400).into()),
            ..Weather::default()
        };
        let config = EndpointConfig {
            reliable_provisional: random.below(2) == 0,
            session_timer: SessionTimerSettings { expires: Some(90), min_se: 90 },
            ..EndpointConfig::default()
        };
        let world = World::with(vec![config.clone(); 2], weather, seed);
        Self { seed, random, world, config, calls: [vec![], vec![]], restarted: [false; 2], seen: [0; 2] }
    }

    fn pass(&mut self, longest_ms: u32) {
        let ms = self.random.below(longest_ms);
        self.world.run_for(Duration::from_millis(ms.into()));
        self.answer();
    }

    /// Both applications answer what wants an answer.
    fn answer(&mut self) {
        for n in [1u8, 2] {
            let place = usize::from(n) - 1;
            let events = self.world.events(n);
            for event in &events[self.seen[place]..] {
                match event {
                    Event::Incoming { id, .. } => self.calls[place].push(*id),
                    Event::Reinvite { id, body } => {
                        let status = if self.random.below(5) == 0 { 488 } else { 200 };
                        let body = sdp(if body.is_some() { "answer" } else { "late offer" });
                        let (id, body) = (*id, body.filter(|_| status == 200));
                        self.world.command(n, Command::AnswerReinvite { id, status, reason: None, body });
                    }
                    Event::EarlyOffer { id, branch, .. } => {
                        let (id, branch) = (*id, branch.clone());
                        let body = sdp("early answer").expect("a body");
                        self.world.command(n, Command::AnswerEarly { id, branch, body });
                    }
                    Event::Established { id, body: Some(_), .. }
                    | Event::ReinviteResult { id, body: Some(_), .. } => {
                        let body = sdp("late answer").expect("a body");
                        self.world.command(n, Command::AckBody { id: *id, body });
                    }
                    Event::Refer { id, .. } => {
                        let status = if self.random.below(3) == 0 { 603 } else { 202 };
                        self.world.command(n, Command::AnswerRefer { id: *id, status, reason: None });
                        if self.random.below(2) == 0 {
                            self.world
                                .command(n, Command::NotifyRefer { id: *id, status: 200, reason: None });
                        }
                    }
                    _ => {}
                }
            }
            self.seen[place] = events.len();
        }
    }

    /// One random deed of one random side.
    fn act(&mut self) {
        let n = 1 + u8::try_from(self.random.below(2)).expect("small");
        let place = usize::from(n) - 1;
        let Some(&id) = self.calls[place].last() else { return };
        let body = if self.random.below(4) == 0 { None } else { sdp("offer") };
        let command = match self.random.below(16) {
            0..=2 => Command::Provisional { id, status: 180, reason: None, body: None },
            3..=4 => Command::Provisional { id, status: 183, reason: None, body },
            5..=7 => Command::Accept { id, body: sdp("answer") },
            8 => Command::Reject { id, status: 486, reason: None, headers: vec![] },
            9 => Command::Hangup { id, headers: vec![] },
            10 | 11 => Command::Reinvite { id, body },
            12 | 13 => Command::Update { id, branch: None, body },
            14 => {
                let (target, subscribe) =
                    (ReferTarget::Address(NameAddr::new(uri(3))), self.random.below(2) == 0);
                Command::Refer { id, target, subscribe, headers: vec![] }
            }
            _ if self.random.below(4) == 0 && !self.restarted[place] => {
                self.restarted[place] = true;
                return self.world.restart(n, self.config.clone(), self.seed + 1_000_000);
            }
            _ => return,
        };
        self.world.command(n, command);
    }

    fn play(mut self) {
        let offer = if self.random.below(4) == 0 { None } else { sdp("offer") };
        let caller = self.world.invite(1, 2, offer);
        self.calls[0].push(caller);
        self.pass(2000);
        for _ in 0..4 + self.random.below(12) {
            self.act();
            self.pass(2500);
        }
        // Someone hangs up; the other one hears of it, or of the silence.
        let n = 1 + u8::try_from(self.random.below(2)).expect("small");
        for id in self.calls[usize::from(n) - 1].clone() {
            self.world.hang_up(n, id);
        }
        for _ in 0..40 {
            self.world.run_secs(5);
            self.answer();
        }
        // A callee that was never asked to decide still rings.
        for n in [1u8, 2] {
            for id in self.calls[usize::from(n) - 1].clone() {
                self.world.hang_up(n, id);
            }
        }
        self.world.run_secs(120);
        self.judge();
    }

    fn judge(&self) {
        let seed = self.seed;
        for n in [1u8, 2] {
            let events = self.world.events(n);
            let left = (self.world.sessions(n), self.world.transactions(n));
            assert_eq!(left, (0, 0), "seed {seed}, party {n}: {events:?}");
            for id in &self.calls[usize::from(n) - 1] {
                let of = |e: &&Event| e.session() == Some(*id);
                let ends: Vec<&Event> = events
                    .iter()
                    .filter(of)
                    .filter(|e| {
                        matches!(e, Event::Failed { .. } | Event::Cancelled { .. } | Event::Terminated { .. })
                    })
                    .collect();
                // A call of ours ends with one event; one we refused with none.
                assert!(ends.len() <= 1, "seed {seed}, party {n}: {events:?}");
                let ours = n == 1 && !self.restarted[0];
                assert!(!ours || ends.len() == 1, "seed {seed}: no end: {events:?}");
                let last = events.iter().rfind(of);
                assert!(
                    ends.is_empty() || last == ends.last().copied(),
                    "seed {seed}, party {n}: more after the end: {events:?}"
                );
            }
        }
        let established = |n| self.world.events(n).iter().any(|e| matches!(e, Event::Established { .. }));
        let confirmed = self.world.events(2).iter().any(|e| matches!(e, Event::Confirmed { .. }));
        let lost = self.restarted[0] || self.restarted[1];
        assert!(
            !confirmed || established(1) || lost || cancelled(&self.world),
            "seed {seed}: only one side has a call"
        );
    }
}

/// We hung up while the answer was under way: it got ACK and BYE.
fn cancelled(world: &World) -> bool {
    world.events(1).iter().any(|e| matches!(e, Event::Failed { status: 487, .. }))
}

#[test]
fn random_calls_end_in_agreement() {
    let setting = |name: &str| std::env::var(name).ok().map(|v| v.parse::<u64>().expect("a number"));
    if let Some(seed) = setting("FS_SIP_SCENARIO") {
        return Scenario::new(seed).play();
    }
    for seed in 0..setting("FS_SIP_SCENARIOS").unwrap_or(1500) {
        Scenario::new(seed).play();
    }
}
