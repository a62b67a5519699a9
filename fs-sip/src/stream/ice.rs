//! ICE as a stream sees it: the pairs in use, and whether the peer has to be told (RFC 8839 section 4.4). Pure.

use std::collections::BTreeMap;

use fs_proto::{Candidate, StreamState};

/// How far ICE is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Progress {
    /// It has not finished.
    #[default]
    Checking,
    /// Each component has its pair.
    Done,
    /// A component has none.
    Failed,
}

/// The pairs and states of the components.
#[derive(Debug, Default)]
pub struct Pairs {
    pairs: BTreeMap<u32, (Candidate, Candidate)>,
    states: BTreeMap<u32, StreamState>,
}

impl Pairs {
    /// A pair is in use.
    pub fn set_pair(&mut self, local: Candidate, remote: Candidate) {
        self.pairs.insert(local.component_id, (local, remote));
    }

    /// A component has another state.
    pub fn set_state(&mut self, component: u32, state: StreamState) {
        self.states.insert(component, state);
    }

    /// Everything begins anew.
    pub fn restart(&mut self) {
        *self = Self::default();
    }

    /// How far it is, with components 1 to `components` in use.
    #[must_use]
    pub fn progress(&self, components: u32) -> Progress {
        let state = |component: u32| self.states.get(&component).copied().unwrap_or_default();
        let all = || 1..=components;
        if all().any(|component| state(component) == StreamState::Failed) {
            return Progress::Failed;
        }
        let ready =
            |component: u32| state(component) == StreamState::Ready && self.pairs.contains_key(&component);
        if all().all(ready) { Progress::Done } else { Progress::Checking }
    }

    /// Our candidates in use, one a component.
    #[must_use]
    pub fn local(&self) -> Vec<Candidate> {
        self.pairs.values().map(|(local, _)| local.clone()).collect()
    }

    /// The peer's candidates in use, one a component.
    #[must_use]
    pub fn remote(&self) -> Vec<Candidate> {
        self.pairs.values().map(|(_, remote)| remote.clone()).collect()
    }

    /// Whether the pairs of components 1 to `components` differ from the default destinations that were told: then a new
    /// offer has to name them.
    #[must_use]
    pub fn differ(&self, components: u32, told_local: &[Candidate], told_remote: &[Candidate]) -> bool {
        let at = |list: &[Candidate], component: u32| {
            list.iter().find(|c| c.component_id == component).map(|c| (c.ip.clone(), c.port))
        };
        self.pairs.range(1..=components).any(|(component, (local, remote))| {
            let used = |c: &Candidate| Some((c.ip.clone(), c.port));
            at(told_local, *component).is_some_and(|told| Some(told) != used(local))
                || at(told_remote, *component).is_some_and(|told| Some(told) != used(remote))
        })
    }
}

#[cfg(test)]
mod tests {
    use fs_proto::CandidateType;

    use super::*;

    fn at(component: u32, ip: &str) -> Candidate {
        Candidate::new("1", component, CandidateType::Host, ip, 4000)
    }

    #[test]
    fn done_when_each_component_has_its_pair() {
        let mut pairs = Pairs::default();
        for component in [1, 2] {
            assert_eq!(pairs.progress(2), Progress::Checking);
            pairs.set_pair(at(component, "192.0.2.1"), at(component, "192.0.2.2"));
            pairs.set_state(component, StreamState::Ready);
        }
        assert_eq!(pairs.progress(2), Progress::Done);
        pairs.set_state(2, StreamState::Failed);
        assert_eq!((pairs.progress(2), pairs.progress(1)), (Progress::Failed, Progress::Done));
        pairs.restart();
        assert_eq!(pairs.progress(1), Progress::Checking);
    }

    #[test]
    fn the_peer_is_told_only_what_it_does_not_know() {
        let mut pairs = Pairs::default();
        pairs.set_pair(at(1, "192.0.2.1"), at(1, "192.0.2.2"));
        assert!(!pairs.differ(1, &[at(1, "192.0.2.1")], &[at(1, "192.0.2.2")]));
        assert!(pairs.differ(1, &[at(1, "192.0.2.9")], &[at(1, "192.0.2.2")]));
        assert!(pairs.differ(1, &[at(1, "192.0.2.1")], &[at(1, "192.0.2.9")]));
        pairs.set_pair(at(2, "192.0.2.5"), at(2, "192.0.2.6"));
        assert!(
            !pairs.differ(1, &[at(1, "192.0.2.1"), at(2, "192.0.2.1")], &[]),
            "RTCP shares the port of RTP"
        );
        assert!(!pairs.differ(1, &[], &[]), "a component that was not told is not missed");
    }
}
