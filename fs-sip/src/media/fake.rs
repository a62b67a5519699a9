//! A media engine without media: it negotiates by encoding name and rate, hands out addresses, and notes what it
//! was asked to do. For tests of sessions and of applications on top of them.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fs_proto::{Candidate, CandidateType, Codec, MediaType, StreamDirection};

use super::{Backend, Fault, Media, MediaError, MediaEvent, MediaEvents, MediaSettings, MediaStatistics};
use crate::sdp::codecs::summary;

/// One call to a fake stream.
#[derive(Debug, Clone, PartialEq)]
pub enum FakeCall {
    /// The stream was opened.
    Open(MediaSettings),
    /// The peer's codecs were set.
    RemoteCodecs(Vec<Codec>),
    /// The peer's addresses were set.
    RemoteCandidates(Vec<Candidate>),
    /// The direction was set.
    Direction(StreamDirection),
    /// The stream was closed.
    Close,
}

#[derive(Debug, Default)]
struct Shared {
    calls: Vec<FakeCall>,
    events: Vec<MediaEvents>,
    open_errors: VecDeque<MediaError>,
    next_port: u16,
}

/// The fake engine; clones share what they note.
#[derive(Debug, Clone, Default)]
pub struct FakeBackend {
    codecs: Vec<Codec>,
    shared: Arc<Mutex<Shared>>,
}

impl FakeBackend {
    /// An engine with these codecs, in this order.
    #[must_use]
    pub fn new(codecs: Vec<Codec>) -> Self {
        let fake = Self { codecs, shared: Arc::default() };
        fake.lock().next_port = 40_000;
        fake
    }

    /// An engine that knows PCMU and PCMA.
    #[must_use]
    pub fn g711() -> Self {
        let codec = |id, name| Codec::new(id, name, MediaType::Audio, 8000).with_channels(1);
        Self::new(vec![codec(0, "PCMU"), codec(8, "PCMA")])
    }

    /// What was asked of the engine so far.
    #[must_use]
    pub fn calls(&self) -> Vec<FakeCall> {
        self.lock().calls.clone()
    }

    /// The next [`Backend::open`] fails with this.
    pub fn fail_next_open(&self, error: MediaError) {
        self.lock().open_errors.push_back(error);
    }

    /// Reports an event on the stream that was opened as number `index`, from 0.
    pub fn report(&self, index: usize, event: MediaEvent) {
        if let Some(events) = self.lock().events.get(index) {
            events.send(event);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backend for FakeBackend {
    fn open(&self, settings: &MediaSettings, events: MediaEvents) -> Result<Box<dyn Media>, MediaError> {
        let mut shared = self.lock();
        if let Some(error) = shared.open_errors.pop_front() {
            return Err(error);
        }
        let wanted = |codec: &Codec| {
            settings.codecs.is_empty() || settings.codecs.iter().any(|w| w.is_encoding(&codec.encoding_name))
        };
        let codecs: Vec<Codec> = self.codecs.iter().filter(|c| wanted(c)).cloned().collect();
        if codecs.is_empty() {
            let text = format!("{} wanted, there is {}", summary(&settings.codecs), summary(&self.codecs));
            return Err(MediaError::new(Fault::NoCodecs, text));
        }
        let ip = settings.local_ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)).to_string();
        let port = shared.next_port;
        shared.next_port += 2;
        for component in [1, 2] {
            let port = port + u16::from(component == 2);
            let candidate = Candidate::new("L1", component, CandidateType::Host, &ip, port);
            events.send(MediaEvent::LocalCandidate(candidate));
        }
        events.send(MediaEvent::LocalCandidatesPrepared);
        shared.calls.push(FakeCall::Open(settings.clone()));
        shared.events.push(events.clone());
        drop(shared);
        Ok(Box::new(FakeMedia {
            backend: self.clone(),
            agreed: codecs.clone(),
            local: codecs,
            events,
            open: true,
        }))
    }
}

struct FakeMedia {
    backend: FakeBackend,
    local: Vec<Codec>,
    agreed: Vec<Codec>,
    events: MediaEvents,
    open: bool,
}

impl FakeMedia {
    fn note(&self, call: FakeCall) {
        self.backend.lock().calls.push(call);
    }
}

impl Media for FakeMedia {
    fn codecs(&mut self) -> Result<Vec<Codec>, MediaError> {
        Ok(self.agreed.clone())
    }

    fn set_remote_codecs(&mut self, codecs: &[Codec]) -> Result<(), MediaError> {
        let common = |c: &&Codec| {
            self.local.iter().any(|l| l.is_encoding(&c.encoding_name) && l.clock_rate == c.clock_rate)
        };
        let agreed: Vec<Codec> = codecs.iter().filter(common).cloned().collect();
        let Some(first) = agreed.first().cloned() else {
            let text = format!("{} was offered, we have {}", summary(codecs), summary(&self.local));
            return Err(MediaError::new(Fault::Negotiation, text));
        };
        self.agreed = agreed;
        self.note(FakeCall::RemoteCodecs(codecs.to_vec()));
        self.events.send(MediaEvent::SendCodecChanged(first));
        Ok(())
    }

    fn set_remote_candidates(&mut self, candidates: &[Candidate]) -> Result<(), MediaError> {
        self.note(FakeCall::RemoteCandidates(candidates.to_vec()));
        if let Some(codec) = self.agreed.first() {
            self.events.send(MediaEvent::SourceAdded(codec.clone()));
        }
        Ok(())
    }

    fn set_direction(&mut self, direction: StreamDirection) {
        self.note(FakeCall::Direction(direction));
    }

    fn statistics(&mut self) -> MediaStatistics {
        MediaStatistics { packets_sent: 1, packets_received: 1, ..MediaStatistics::default() }
    }

    fn close(&mut self) {
        if std::mem::take(&mut self.open) {
            self.note(FakeCall::Close);
        }
    }
}

impl Drop for FakeMedia {
    fn drop(&mut self) {
        self.close();
    }
}
