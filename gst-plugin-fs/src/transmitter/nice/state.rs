//! What a stream of nice knows of its links and candidates.

use std::time::Duration;

use fs_proto::Candidate;

use super::candidate::{Credentials, Plain, Remote};
use super::link::Link;
use super::path::Path;

/// Remote candidates that came before gathering ended.
pub(super) enum Waiting {
    Add(Remote),
    Force(Vec<Plain>),
}

/// Behind the stream's lock.
#[derive(Default)]
pub(super) struct State {
    /// Where packets go, from `open` to `stop`.
    pub(super) link: Option<Link>,
    /// What takes its place once the peer is reached that way: the network changed.
    pub(super) next: Option<Link>,
    pub(super) paths: Vec<Path>,
    pub(super) gathering: bool,
    pub(super) gathered: bool,
    /// Local candidates that were not told yet, as they came.
    pub(super) held: Vec<Plain>,
    pub(super) waiting: Vec<Waiting>,
    /// The peer's credentials since the last restart.
    pub(super) remote: Option<Credentials>,
    pub(super) forced: bool,
    /// Per component: the pair in use.
    pub(super) pairs: Vec<Option<(Candidate, Candidate)>>,
    /// Per component: how long the last check of that pair took.
    pub(super) round_trips: Vec<Option<Duration>>,
    /// Checks are sent for that.
    pub(super) measuring: bool,
    /// Per component: whether it was ready once. Until then a failure may be one of checks that came too early.
    pub(super) was_ready: Vec<bool>,
}

impl State {
    /// The link that is negotiated: candidates are for it.
    pub(super) fn newest(&self) -> Option<&Link> {
        self.next.as_ref().or(self.link.as_ref())
    }

    /// Candidates are looked for anew, by another link. Gives a link back that never came to its place.
    pub(super) fn begin_again(&mut self, next: Link) -> Option<Link> {
        (self.gathering, self.gathered, self.forced, self.remote) = (true, false, false, None);
        self.held.clear();
        self.waiting.clear();
        self.was_ready.fill(false);
        self.next.replace(next)
    }

    /// The newest link takes its place. Gives the one that had it.
    pub(super) fn promote(&mut self) -> Option<Link> {
        let next = self.next.take()?;
        self.paths.iter().for_each(|path| path.move_to(&next.agent, next.id));
        self.link.replace(next)
    }
}
