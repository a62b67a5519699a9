//! An RTP stream (SIP SIMPLE: `RTPStream`, `AudioStream`, `VideoStream`): one m-line on the side of the session, one
//! [`Media`] on the side of the media engine. Calls of the engine may block, so they run on tokio's blocking threads.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fs_proto::{Candidate, CandidateType, ComponentType, MediaType, StreamDirection};
use tokio::sync::mpsc;

use super::digits::{Digits, Step};
use super::family;
use super::ice::{Pairs, Progress};
use crate::media::{
    Backend, Fault, Media, MediaError, MediaEvent, MediaEvents, MediaSettings, MediaStatistics, Transmitter,
};
use crate::sdp::codecs::summary;
use crate::sdp::ice::{LocalIce, RemoteIce, defaults};
use crate::sdp::security::{Keys, Security};
use crate::sdp::{LocalMedia, RemoteMedia, SdpError, SrtpPolicy};

/// How long gathering of local addresses may take before the stream is given up.
const GATHER_LIMIT: Duration = Duration::from_secs(5);

/// What a stream has to say.
#[allow(clippy::large_enum_variant, reason = "news are moved once and never stored")]
#[derive(Debug)]
pub enum News {
    /// From the media engine.
    Media(MediaEvent),
    /// [`RtpStream::step_digits`] has something to do.
    DigitDue,
}

/// How a stream is encrypted and how much it takes.
#[derive(Debug, Clone, Default)]
pub struct StreamOptions {
    /// Whether media is encrypted.
    pub srtp: SrtpPolicy,
    /// Our keys; none where encryption is switched off.
    pub keys: Keys,
    /// How much we take, in bit/s; `None` = nothing is said.
    pub bandwidth: Option<u32>,
}

/// One RTP stream.
pub struct RtpStream {
    kind: MediaType,
    /// `None` only while a call is under way on another thread, and after a panic there.
    media: Option<Box<dyn Media>>,
    events: mpsc::UnboundedReceiver<MediaEvent>,
    /// Events that came while something else was awaited.
    waiting: VecDeque<MediaEvent>,
    local_candidates: Vec<Candidate>,
    remote_candidates: Vec<Candidate>,
    direction: StreamDirection,
    options: StreamOptions,
    /// What was agreed last, and what the engine was told of it.
    security: Option<Security>,
    engine_security: Option<Security>,
    is_ice: bool,
    /// Whether the last description of the peer had ICE.
    remote_ice: Option<RemoteIce>,
    pairs: Pairs,
    /// Our addresses are others than those that the peer's last description was an answer to.
    renewed: bool,
    /// The default destinations of our last description, and whether they are those of the pairs in use.
    told: Vec<Candidate>,
    told_pairs: bool,
    rtcp_mux: bool,
    bandwidth: Option<u32>,
    digits: Digits,
    /// A digit is being sent.
    sounding: bool,
}

impl RtpStream {
    /// Opens the stream and waits until its local addresses are known. No media flows yet.
    ///
    /// # Errors
    /// Those of [`Backend::open`], and [`Fault::Network`] when no address was found in time.
    pub async fn open(
        backend: Arc<dyn Backend>,
        settings: MediaSettings,
        options: StreamOptions,
    ) -> Result<Self, MediaError> {
        let (sender, events) = MediaEvents::channel();
        let (kind, is_ice) = (settings.kind, settings.transmitter != Transmitter::RawUdp);
        let media = tokio::task::spawn_blocking(move || backend.open(&settings, sender)).await.map_err(
            |error| MediaError::new(Fault::Internal, format!("the media engine broke: {error}")),
        )??;
        let mut stream = Self {
            kind,
            media: Some(media),
            events,
            waiting: VecDeque::new(),
            local_candidates: Vec::new(),
            remote_candidates: Vec::new(),
            direction: StreamDirection::NONE,
            options,
            security: None,
            engine_security: None,
            is_ice,
            remote_ice: None,
            pairs: Pairs::default(),
            renewed: false,
            told: Vec::new(),
            told_pairs: false,
            rtcp_mux: false,
            bandwidth: None,
            digits: Digits::default(),
            sounding: false,
        };
        stream.gather().await?;
        Ok(stream)
    }

    /// What kind of media it carries.
    #[must_use]
    pub fn kind(&self) -> MediaType {
        self.kind
    }

    /// The next news of the stream; pends for ever once the engine has nothing more to say. May be dropped while it
    /// waits.
    pub async fn next_news(&mut self) -> News {
        if let Some(event) = self.waiting.pop_front() {
            return News::Media(self.noted(event));
        }
        let due = self.digits.due();
        tokio::select! {
            Some(event) = self.events.recv() => News::Media(self.noted(event)),
            () = until(due) => News::DigitDue,
        }
    }

    /// What we say about the stream in an offer.
    ///
    /// # Errors
    /// When the engine has no codecs.
    pub async fn offer(&mut self, direction: StreamDirection) -> Result<LocalMedia, MediaError> {
        let crypto = match self.options.srtp {
            SrtpPolicy::Disabled => Vec::new(),
            _ => self.options.keys.offer(),
        };
        // Once the peer has shown that it has no ICE, or no port to share, it is not asked again.
        let ice = self.is_ice && (self.remote_candidates.is_empty() || self.remote_ice.is_some());
        let local = self.describe(direction, ice).await?;
        Ok(LocalMedia { crypto, ..local })
    }

    /// What we say about the stream in an answer to `remote`.
    ///
    /// # Errors
    /// When the engine has no codecs, or can't restart ICE.
    pub async fn answer(
        &mut self,
        remote: &RemoteMedia,
        direction: StreamDirection,
    ) -> Result<LocalMedia, MediaError> {
        self.restart_if_asked(remote).await?;
        self.security = match self.options.srtp {
            SrtpPolicy::Disabled => None,
            _ => self.options.keys.answer(&remote.crypto),
        };
        let crypto = self.security.iter().map(|security| security.ours.clone()).collect();
        let local = self.describe(direction, self.is_ice && remote.ice.is_some()).await?;
        let rtcp_mux = local.rtcp_mux && remote.rtcp_mux;
        Ok(LocalMedia { crypto, rtcp_mux, ..local })
    }

    /// Takes what the peer answered about encryption.
    ///
    /// # Errors
    /// When it answers another line than those offered, or none where encryption is a must.
    pub fn accept_answer(&mut self, remote: &RemoteMedia) -> Result<(), SdpError> {
        self.security = match self.options.srtp {
            SrtpPolicy::Disabled => None,
            _ => self.options.keys.accept(&remote.crypto)?,
        };
        Ok(())
    }

    /// Can packets get from here to the addresses of the peer? Where both sides use ICE, that finds out.
    ///
    /// # Errors
    /// When all of the peer's addresses are of a family that we have none of (RFC 6157 section 4.2).
    pub fn meets(&self, remote: &RemoteMedia) -> Result<(), SdpError> {
        if self.is_ice && remote.ice.is_some() {
            return Ok(());
        }
        family::meet(self.kind, &self.local_candidates, &remote.candidates)
    }

    /// Tells the engine what the peer can take.
    ///
    /// # Errors
    /// [`Fault::Negotiation`] when nothing is in common; the text names both lists.
    pub async fn negotiate(&mut self, remote: &RemoteMedia) -> Result<(), MediaError> {
        let codecs = remote.codecs.clone();
        let mut extensions = remote.header_extensions.clone();
        for extension in &mut extensions {
            extension.direction = extension.direction.reversed();
        }
        self.call(move |media| {
            let ours = media.codecs().unwrap_or_default();
            media.set_remote_header_extensions(&extensions);
            media.set_remote_codecs(&codecs).map_err(|error| match error.fault {
                Fault::Negotiation => {
                    let text = format!("offered: {}; we have: {}", summary(&codecs), summary(&ours));
                    MediaError::new(Fault::Negotiation, text)
                }
                _ => error,
            })
        })
        .await?
    }

    /// Sends to where the peer wants its packets, as was agreed, and lets media flow in this direction (seen from us).
    ///
    /// # Errors
    /// When the engine can't do so.
    pub async fn flow(&mut self, remote: &RemoteMedia, direction: StreamDirection) -> Result<(), MediaError> {
        self.encrypt().await?;
        let (bandwidth, known) = (remote.bandwidth.filter(|bits| *bits > 0), self.bandwidth);
        if bandwidth != known {
            self.bandwidth = bandwidth;
            self.call(move |media| media.set_bandwidth(bandwidth.unwrap_or_default())).await?;
        }
        let mux = remote.rtcp_mux;
        let mux = self.call(move |media| mux && media.can_mux_rtcp()).await?;
        if mux != self.rtcp_mux {
            self.rtcp_mux = mux;
            self.call(move |media| media.set_rtcp_mux(mux)).await?;
        }
        self.aim(remote).await?;
        self.set_direction(direction).await
    }

    /// Lets media flow in this direction, seen from us.
    ///
    /// # Errors
    /// When the engine has broken.
    pub async fn set_direction(&mut self, direction: StreamDirection) -> Result<(), MediaError> {
        if self.direction != direction {
            self.call(move |media| media.set_direction(direction)).await?;
            self.direction = direction;
        }
        Ok(())
    }

    /// Our codecs as they stand.
    ///
    /// # Errors
    /// When the engine has lost them.
    pub async fn codecs(&mut self) -> Result<Vec<fs_proto::Codec>, MediaError> {
        self.call(|media| media.codecs()).await?
    }

    /// Whether media is encrypted.
    #[must_use]
    pub fn security(&self) -> Option<&Security> {
        self.engine_security.as_ref()
    }

    /// Whether the peer was told that address of ours last, or would be.
    #[must_use]
    pub fn is_at(&self, ip: IpAddr) -> bool {
        self.local_candidates.iter().any(|c| c.kind == CandidateType::Host && c.ip.parse() == Ok(ip))
    }

    /// Whether ICE has found pairs that the peer has to be told in a new offer.
    #[must_use]
    pub fn wants_ice_update(&self) -> bool {
        self.remote_ice.is_some()
            && !self.told_pairs
            && self.pairs.progress(self.components()) == Progress::Done
            && self.pairs.differ(self.components(), &self.told, &self.remote_candidates)
    }

    /// How far ICE is; `None` where it is not in use.
    #[must_use]
    pub fn ice_progress(&self) -> Option<Progress> {
        (self.is_ice && self.remote_ice.is_some()).then(|| self.pairs.progress(self.components()))
    }

    /// Sends digits as telephony events.
    pub fn send_digits(&mut self, events: &[u8]) {
        self.digits.push(Instant::now(), events);
    }

    /// Begins or ends the digit whose time has come. Returns the one that is not sent, as the peer takes no events, or
    /// since `allowed` forbids them.
    pub async fn step_digits(&mut self, allowed: bool) -> Option<u8> {
        match self.digits.step(Instant::now())? {
            Step::Start(event) if allowed => {
                self.sounding = self.call(move |media| media.start_digit(event)).await.unwrap_or(false);
                (!self.sounding).then_some(event)
            }
            Step::Start(event) => Some(event),
            Step::Stop => {
                if std::mem::take(&mut self.sounding) {
                    // A broken engine reports itself.
                    let _ = self.call(|media| media.stop_digit()).await;
                }
                None
            }
        }
    }

    /// The figures so far.
    pub async fn statistics(&mut self) -> MediaStatistics {
        self.call(|media| media.statistics()).await.unwrap_or_default()
    }

    /// Closes the stream and returns its last figures.
    pub async fn close(mut self) -> MediaStatistics {
        self.call(|media| {
            let statistics = media.statistics();
            media.close();
            statistics
        })
        .await
        .unwrap_or_default()
    }

    /// Components in use: RTCP needs none of its own where it shares the port of RTP.
    fn components(&self) -> u32 {
        let has_rtcp = self
            .remote_ice
            .as_ref()
            .is_some_and(|ice| ice.candidates.iter().any(|c| c.component_id == ComponentType::Rtcp as u32));
        if has_rtcp && !self.rtcp_mux { 2 } else { 1 }
    }

    async fn describe(&mut self, direction: StreamDirection, ice: bool) -> Result<LocalMedia, MediaError> {
        let (codecs, header_extensions, rtcp_mux) =
            self.call(|media| (media.codecs(), media.header_extensions(), media.can_mux_rtcp())).await?;
        let done = self.ice_progress() == Some(Progress::Done);
        let candidates = match self.is_ice {
            true if done => self.pairs.local(),
            true => defaults(&self.local_candidates),
            false => self.local_candidates.clone(),
        };
        let ice = ice.then(|| LocalIce {
            candidates: self.local_candidates.clone(),
            remote: if done { self.pairs.remote() } else { Vec::new() },
        });
        self.told.clone_from(&candidates);
        self.told_pairs = done;
        Ok(LocalMedia {
            kind: self.kind,
            codecs: codecs?,
            candidates,
            direction,
            secure: self.options.srtp == SrtpPolicy::Mandatory,
            ice,
            crypto: Vec::new(),
            rtcp_mux,
            header_extensions,
            bandwidth: self.options.bandwidth,
        })
    }

    /// New credentials of the peer restart ICE on our side, too (RFC 8839 section 4.4.1.1.1).
    async fn restart_if_asked(&mut self, remote: &RemoteMedia) -> Result<(), MediaError> {
        let (Some(new), Some(old)) = (&remote.ice, &self.remote_ice) else { return Ok(()) };
        if !self.is_ice || new.username == old.username {
            return Ok(());
        }
        self.call(|media| media.restart_ice()).await??;
        self.pairs.restart();
        self.local_candidates.clear();
        self.remote_candidates.clear();
        self.gather().await
    }

    async fn encrypt(&mut self) -> Result<(), MediaError> {
        if self.security == self.engine_security {
            return Ok(());
        }
        let security = self.security.clone();
        let keys = security.as_ref().map(|security| (security.outbound(), security.inbound()));
        self.call(move |media| media.set_encryption(keys.as_ref().map(|(ours, theirs)| (ours, theirs))))
            .await??;
        self.engine_security = security;
        Ok(())
    }

    /// Tells the engine the peer's addresses where they are new.
    async fn aim(&mut self, remote: &RemoteMedia) -> Result<(), MediaError> {
        let ice = remote.ice.clone().filter(|_| self.is_ice);
        let same = match (&ice, &self.remote_ice) {
            // After ICE, the peer's description names what we use already.
            (Some(new), Some(old)) if new.username == old.username => {
                new.candidates.iter().all(|c| old.candidates.contains(c))
                    || self.pairs.progress(self.components()) == Progress::Done
            }
            (None, None) => remote.candidates.is_empty() || remote.candidates == self.remote_candidates,
            _ => false,
        };
        if !remote.candidates.is_empty() {
            self.remote_candidates.clone_from(&remote.candidates);
        }
        let renewed = std::mem::take(&mut self.renewed);
        if same && !renewed {
            return Ok(());
        }
        let candidates = ice.as_ref().map_or(&remote.candidates, |ice| &ice.candidates).clone();
        self.remote_ice = ice;
        if candidates.is_empty() {
            return Ok(());
        }
        self.call(move |media| media.set_remote_candidates(&candidates)).await?
    }

    /// Takes note of what an event says about ICE and our addresses.
    fn noted(&mut self, event: MediaEvent) -> MediaEvent {
        match &event {
            MediaEvent::LocalCandidatesReplaced(candidates) => {
                self.local_candidates.clone_from(candidates);
                self.pairs.restart();
                self.renewed = true;
            }
            MediaEvent::ActivePair { local, remote } => self.pairs.set_pair(local.clone(), remote.clone()),
            MediaEvent::ComponentState { component, state } => self.pairs.set_state(*component, *state),
            _ => {}
        }
        event
    }

    async fn gather(&mut self) -> Result<(), MediaError> {
        let deadline = tokio::time::Instant::now() + GATHER_LIMIT;
        loop {
            let event = tokio::time::timeout_at(deadline, self.events.recv()).await;
            match event {
                Ok(Some(MediaEvent::LocalCandidate(candidate))) => self.local_candidates.push(candidate),
                Ok(Some(MediaEvent::LocalCandidatesPrepared)) if !self.local_candidates.is_empty() => {
                    return Ok(());
                }
                Ok(Some(MediaEvent::Failed { error, fatal: true })) => return Err(error),
                Ok(Some(event)) => self.waiting.push_back(event),
                Ok(None) => return Err(MediaError::new(Fault::Internal, "the media engine went silent")),
                Err(_) => {
                    let text = format!("no local address for media after {} s", GATHER_LIMIT.as_secs());
                    return Err(MediaError::new(Fault::Network, text));
                }
            }
        }
    }

    /// Runs one call of the engine where it may block.
    async fn call<R, F>(&mut self, work: F) -> Result<R, MediaError>
    where
        R: Send + 'static,
        F: FnOnce(&mut dyn Media) -> R + Send + 'static,
    {
        let mut media = self
            .media
            .take()
            .ok_or_else(|| MediaError::new(Fault::Internal, "the media engine broke before"))?;
        let task = tokio::task::spawn_blocking(move || {
            let result = work(media.as_mut());
            (media, result)
        });
        match task.await {
            Ok((media, result)) => {
                self.media = Some(media);
                Ok(result)
            }
            Err(error) => Err(MediaError::new(Fault::Internal, format!("the media engine broke: {error}"))),
        }
    }
}

impl std::fmt::Debug for RtpStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RtpStream")
            .field("kind", &self.kind)
            .field("direction", &self.direction)
            .finish_non_exhaustive()
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
