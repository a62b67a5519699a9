//! A media engine without media: it negotiates by encoding name and rate, hands out addresses, and notes what it
//! was asked to do. For tests of sessions and of applications on top of them.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fs_proto::{
    Candidate, CandidateType, Codec, MediaType, RtpHeaderExtension, SrtpParameters, StreamDirection,
    StreamState,
};

use super::{
    Backend, Fault, Media, MediaError, MediaEvent, MediaEvents, MediaSettings, MediaStatistics, Transmitter,
};
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
    /// The encryption was set: ours, theirs.
    Encryption(Option<(SrtpParameters, SrtpParameters)>),
    /// RTCP shall be sent where RTP goes, or not.
    RtcpMux(bool),
    /// The peer's header extensions were set.
    RemoteHeaderExtensions(Vec<RtpHeaderExtension>),
    /// What is sent was limited, in bit/s.
    Bandwidth(u32),
    /// A digit was begun.
    Digit(u8),
    /// The digit was ended.
    DigitEnd,
    /// ICE was restarted.
    RestartIce,
    /// The stream was closed.
    Close,
}

#[derive(Debug, Default)]
struct Shared {
    calls: Vec<FakeCall>,
    /// The peer takes no telephony events.
    refuses_digits: bool,
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

    /// From now on peers take no telephony events.
    pub fn refuse_digits(&self) {
        self.lock().refuses_digits = true;
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
        let of_kind = |c: &&Codec| c.media_type == settings.kind && wanted(c);
        let codecs: Vec<Codec> = self.codecs.iter().filter(of_kind).cloned().collect();
        if codecs.is_empty() {
            let text = format!("{} wanted, there is {}", summary(&settings.codecs), summary(&self.codecs));
            return Err(MediaError::new(Fault::NoCodecs, text));
        }
        let ip = settings.local_ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)).to_string();
        let port = shared.next_port;
        shared.next_port += 2;
        let ice = settings.transmitter != Transmitter::RawUdp;
        let candidates = candidates(&ip, port, ice.then_some(0));
        tell(&events, &candidates);
        shared.calls.push(FakeCall::Open(settings.clone()));
        shared.events.push(events.clone());
        drop(shared);
        Ok(Box::new(FakeMedia {
            backend: self.clone(),
            agreed: codecs.clone(),
            local: codecs,
            candidates,
            restarts: 0,
            extensions: settings.header_extensions.clone(),
            events,
            open: true,
        }))
    }
}

/// Both components on an address; with ICE, the credentials name how often it was restarted.
fn candidates(ip: &str, port: u16, restarts: Option<u32>) -> Vec<Candidate> {
    let candidate = |component: u32| {
        let port = port + u16::from(component == 2);
        let plain = Candidate::new("L1", component, CandidateType::Host, ip, port);
        match restarts {
            None => plain,
            Some(restarts) => Candidate {
                username: format!("user{restarts}p{port}"),
                password: format!("password-of-22-characters-{restarts}"),
                priority: 2_130_706_431 - component,
                ..plain
            },
        }
    };
    // One user for both components.
    let mut both = [candidate(1), candidate(2)];
    both[1].username.clone_from(&both[0].username.clone());
    both.into()
}

fn tell(events: &MediaEvents, candidates: &[Candidate]) {
    for candidate in candidates {
        events.send(MediaEvent::LocalCandidate(candidate.clone()));
    }
    events.send(MediaEvent::LocalCandidatesPrepared);
}

struct FakeMedia {
    backend: FakeBackend,
    local: Vec<Codec>,
    agreed: Vec<Codec>,
    candidates: Vec<Candidate>,
    restarts: u32,
    extensions: Vec<RtpHeaderExtension>,
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
        if let Some(theirs) = candidates.first().filter(|c| !c.username.is_empty()) {
            for ours in &self.candidates {
                let remote =
                    candidates.iter().find(|c| c.component_id == ours.component_id).unwrap_or(theirs);
                let (local, remote) = (ours.clone(), remote.clone());
                let component = ours.component_id;
                self.events.send(MediaEvent::ActivePair { local, remote });
                self.events.send(MediaEvent::ComponentState { component, state: StreamState::Ready });
            }
        }
        if let Some(codec) = self.agreed.first() {
            self.events.send(MediaEvent::SourceAdded(codec.clone()));
        }
        Ok(())
    }

    fn header_extensions(&mut self) -> Vec<RtpHeaderExtension> {
        self.extensions.clone()
    }

    fn set_remote_header_extensions(&mut self, extensions: &[RtpHeaderExtension]) {
        self.extensions.retain(|own| extensions.iter().any(|theirs| theirs.uri == own.uri));
        for own in &mut self.extensions {
            own.id =
                extensions.iter().find(|theirs| theirs.uri == own.uri).map_or(own.id, |theirs| theirs.id);
        }
        self.note(FakeCall::RemoteHeaderExtensions(extensions.to_vec()));
    }

    fn can_mux_rtcp(&mut self) -> bool {
        true
    }

    fn set_rtcp_mux(&mut self, mux: bool) {
        self.note(FakeCall::RtcpMux(mux));
    }

    fn restart_ice(&mut self) -> Result<(), MediaError> {
        self.restarts += 1;
        let (ip, port) = self.candidates.first().map(|c| (c.ip.clone(), c.port)).unwrap_or_default();
        self.candidates = candidates(&ip, port, Some(self.restarts));
        tell(&self.events, &self.candidates);
        self.note(FakeCall::RestartIce);
        Ok(())
    }

    fn set_encryption(&mut self, keys: Option<(&SrtpParameters, &SrtpParameters)>) -> Result<(), MediaError> {
        self.note(FakeCall::Encryption(keys.map(|(ours, theirs)| (ours.clone(), theirs.clone()))));
        Ok(())
    }

    fn set_bandwidth(&mut self, bits: u32) {
        self.note(FakeCall::Bandwidth(bits));
    }

    fn set_direction(&mut self, direction: StreamDirection) {
        self.note(FakeCall::Direction(direction));
    }

    fn start_digit(&mut self, event: u8) -> bool {
        if self.backend.lock().refuses_digits {
            return false;
        }
        self.note(FakeCall::Digit(event));
        true
    }

    fn stop_digit(&mut self) {
        self.note(FakeCall::DigitEnd);
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
