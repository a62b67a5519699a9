//! Calls over the transmitter nice: addresses on 127.0.0.1, messages sorted by kind.

use std::time::{Duration, Instant};

use fs_core::messages::Parsed;
use fs_core::prelude::*;
use fs_core::{CandidateList, Participant, Stream};
use fs_proto::{Candidate, CandidateType, StreamState};
use gst::prelude::*;

use super::{PATIENCE, Side};

/// A parameter list.
pub type Parameters = Vec<(String, glib::Value)>;

/// What one side was told about its components.
#[derive(Default)]
pub struct Progress {
    pub locals: Vec<Candidate>,
    pub prepared: usize,
    pub pairs: Vec<(Candidate, Candidate)>,
    pub states: Vec<(u32, StreamState)>,
}

impl Progress {
    /// The latest state of a component.
    pub fn state(&self, component: u32) -> StreamState {
        let its = self.states.iter().rev().find(|(c, _)| *c == component);
        its.map_or(StreamState::Disconnected, |(_, state)| *state)
    }

    pub fn is_ready(&self) -> bool {
        (1..=2).all(|component| self.state(component) == StreamState::Ready)
    }
}

/// Parameters that keep ICE on the loopback interface; libnice would skip it while there is another one.
pub fn loopback(controlling: bool) -> Parameters {
    preferring("127.0.0.1", controlling)
}

/// Parameters for one local address.
pub fn preferring(ip: &str, controlling: bool) -> Parameters {
    let wish = CandidateList(vec![Candidate::new("", 0, CandidateType::Host, ip, 0)]);
    vec![
        ("preferred-local-candidates".to_owned(), wish.to_value()),
        ("controlling-mode".to_owned(), controlling.to_value()),
    ]
}

/// Takes messages until `done`.
pub fn follow(side: &Side, progress: &mut Progress, done: impl Fn(&Progress) -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done(progress) {
        assert!(Instant::now() < end, "only {:?} and {} candidates", progress.states, progress.locals.len());
        take(progress, side.next_message());
    }
}

/// Takes the messages that are there.
pub fn drain(side: &Side, progress: &mut Progress) {
    loop {
        let Ok(message) = side.messages.lock().unwrap().recv_timeout(Duration::from_millis(1)) else {
            return;
        };
        take(progress, fs_core::messages::parse(&message).unwrap());
    }
}

fn take(progress: &mut Progress, message: Parsed) {
    match message {
        Parsed::NewLocalCandidate { candidate, .. } => progress.locals.push(candidate),
        Parsed::LocalCandidatesPrepared { .. } => progress.prepared += 1,
        Parsed::NewActiveCandidatePair { local, remote, .. } => progress.pairs.push((local, remote)),
        Parsed::ComponentStateChanged { component, state, .. } => progress.states.push((component, state)),
        Parsed::Error { code, text, .. } => panic!("{code:?}: {text}"),
        _ => {}
    }
}

/// Sets the transmitter and waits for all local candidates.
pub fn gather(side: &Side, parameters: &Parameters) -> Progress {
    let mut progress = Progress::default();
    side.stream.set_transmitter("nice", parameters).unwrap();
    follow(side, &mut progress, |p| p.prepared == 1);
    progress
}

/// Exchanges codecs.
pub fn agree(a: &Side, b: &Side) {
    b.stream.set_remote_codecs(&a.session.codecs_without_config()).unwrap();
    a.stream.set_remote_codecs(&b.session.codecs_without_config()).unwrap();
}

/// Exchanges those candidates that pass, and waits until both sides are ready.
pub fn connect(
    (a, of_a): (&Side, &mut Progress),
    (b, of_b): (&Side, &mut Progress),
    passes: impl Fn(&Candidate) -> bool,
) {
    let pick =
        |progress: &Progress| progress.locals.iter().filter(|c| passes(c)).cloned().collect::<Vec<_>>();
    let (from_a, from_b) = (pick(of_a), pick(of_b));
    assert!(!from_a.is_empty() && !from_b.is_empty(), "{:?} {:?}", of_a.locals, of_b.locals);
    a.stream.add_remote_candidates(&from_b).unwrap();
    b.stream.add_remote_candidates(&from_a).unwrap();
    follow(a, of_a, Progress::is_ready);
    follow(b, of_b, Progress::is_ready);
}

/// The transmitter's stream of a participant in another session of the same conference.
pub fn more_streams(side: &Side, count: usize, participant: &Participant) -> Vec<(fs_core::Session, Stream)> {
    (0..count)
        .map(|_| {
            let session = side.conference.new_session(fs_proto::MediaType::Audio).unwrap();
            let stream = session.new_stream(participant, fs_proto::StreamDirection::BOTH).unwrap();
            (session, stream)
        })
        .collect()
}
