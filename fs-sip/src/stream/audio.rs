//! An audio stream (SIP SIMPLE: `AudioStream`): one m-line on the side of the session, one [`Media`] on the side
//! of the media engine. Calls of the engine may block, so they run on tokio's blocking threads.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use fs_proto::{Candidate, StreamDirection};
use tokio::sync::mpsc;

use crate::media::{
    Backend, Fault, Media, MediaError, MediaEvent, MediaEvents, MediaSettings, MediaStatistics,
};
use crate::sdp::codecs::summary;
use crate::sdp::{LocalMedia, RemoteMedia};

/// How long gathering of local addresses may take before the stream is given up.
const GATHER_LIMIT: Duration = Duration::from_secs(5);

/// One audio stream.
pub struct AudioStream {
    /// `None` only while a call is under way on another thread, and after a panic there.
    media: Option<Box<dyn Media>>,
    events: mpsc::UnboundedReceiver<MediaEvent>,
    /// Events that came while something else was awaited.
    waiting: VecDeque<MediaEvent>,
    local_candidates: Vec<Candidate>,
    remote_candidates: Vec<Candidate>,
    direction: StreamDirection,
}

impl AudioStream {
    /// Opens the stream and waits until its local addresses are known. No media flows yet.
    ///
    /// # Errors
    /// Those of [`Backend::open`], and [`Fault::Network`] when no address was found in time.
    pub async fn open(backend: Arc<dyn Backend>, settings: MediaSettings) -> Result<Self, MediaError> {
        let (sender, events) = MediaEvents::channel();
        let media = tokio::task::spawn_blocking(move || backend.open(&settings, sender)).await.map_err(
            |error| MediaError::new(Fault::Internal, format!("the media engine broke: {error}")),
        )??;
        let mut stream = Self {
            media: Some(media),
            events,
            waiting: VecDeque::new(),
            local_candidates: Vec::new(),
            remote_candidates: Vec::new(),
            direction: StreamDirection::NONE,
        };
        stream.gather().await?;
        Ok(stream)
    }

    /// The next event of the stream; pends for ever once the engine has nothing more to say.
    pub async fn next_event(&mut self) -> MediaEvent {
        if let Some(event) = self.waiting.pop_front() {
            return event;
        }
        match self.events.recv().await {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }

    /// What we say about the stream in an offer or an answer.
    ///
    /// # Errors
    /// When the engine has no codecs.
    pub async fn local(&mut self, direction: StreamDirection) -> Result<LocalMedia, MediaError> {
        let codecs = self.call(|media| media.codecs()).await??;
        Ok(LocalMedia { codecs, candidates: self.local_candidates.clone(), direction })
    }

    /// Tells the engine what the peer can take.
    ///
    /// # Errors
    /// [`Fault::Negotiation`] when nothing is in common; the text names both lists.
    pub async fn negotiate(&mut self, remote: &RemoteMedia) -> Result<(), MediaError> {
        let codecs = remote.codecs.clone();
        self.call(move |media| {
            let ours = media.codecs().unwrap_or_default();
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

    /// Sends to where the peer wants its packets, and lets media flow in this direction (seen from us).
    ///
    /// # Errors
    /// When the engine can't send there.
    pub async fn flow(&mut self, remote: &[Candidate], direction: StreamDirection) -> Result<(), MediaError> {
        if !remote.is_empty() && self.remote_candidates != remote {
            let candidates = remote.to_vec();
            self.call(move |media| media.set_remote_candidates(&candidates)).await??;
            self.remote_candidates = remote.to_vec();
        }
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

impl std::fmt::Debug for AudioStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AudioStream").field("direction", &self.direction).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use fs_proto::{Codec, MediaType};

    use super::*;
    use crate::media::SessionId;
    use crate::media::fake::{FakeBackend, FakeCall};

    fn settings() -> MediaSettings {
        MediaSettings { session: SessionId(1), local_ip: None, codecs: Vec::new() }
    }

    fn remote(name: &str) -> RemoteMedia {
        RemoteMedia {
            index: 0,
            proto: "RTP/AVP".into(),
            codecs: vec![Codec::new(96, name, MediaType::Audio, 8000)],
            candidates: Vec::new(),
            direction: StreamDirection::BOTH,
        }
    }

    #[tokio::test]
    async fn addresses_are_known_once_it_is_open() {
        let fake = FakeBackend::g711();
        let mut stream = AudioStream::open(Arc::new(fake.clone()), settings()).await.unwrap();
        let local = stream.local(StreamDirection::BOTH).await.unwrap();
        assert_eq!((local.candidates.len(), local.codecs.len()), (2, 2));
        assert_eq!(stream.close().await.packets_sent, 1);
        assert_eq!(fake.calls().last(), Some(&FakeCall::Close));
    }

    #[tokio::test]
    async fn nothing_in_common_names_both_lists() {
        let mut stream = AudioStream::open(Arc::new(FakeBackend::g711()), settings()).await.unwrap();
        let error = stream.negotiate(&remote("GSM")).await.unwrap_err();
        assert_eq!(error.status_code(), 488);
        assert_eq!(error.text, "offered: GSM/8000; we have: PCMU/8000, PCMA/8000");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_engine_is_given_up() {
        struct Silent;
        impl Backend for Silent {
            fn open(
                &self,
                settings: &MediaSettings,
                events: MediaEvents,
            ) -> Result<Box<dyn Media>, MediaError> {
                // The real events are swallowed; the sender stays open for the life of the test.
                std::mem::forget(events);
                FakeBackend::g711().open(settings, MediaEvents::channel().0)
            }
        }
        let error = AudioStream::open(Arc::new(Silent), settings()).await.unwrap_err();
        assert_eq!(error.fault, Fault::Network);
    }
}
