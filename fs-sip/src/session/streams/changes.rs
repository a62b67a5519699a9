//! Streams that come and go while the call stands.

use fs_proto::MediaType;

use super::{Controlling, Problem, Streams};
use crate::event::StreamEvent;
use crate::sdp::RemoteMedia;
use crate::session::options::VideoOptions;

/// What an exchange has changed.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Change {
    /// The kinds of the streams that have come.
    pub(crate) added: Vec<MediaType>,
    /// The kinds of those that have gone.
    pub(crate) removed: Vec<MediaType>,
    /// The last figures of streams that the peer has refused or taken away.
    pub(crate) ends: Vec<StreamEvent>,
}

impl Streams {
    /// Whether there is a stream of this kind, agreed or not.
    pub(crate) fn has(&self, kind: MediaType) -> bool {
        self.entries.iter().any(|entry| entry.stream.kind() == kind)
    }

    /// The kinds of streams in an offer that the session has not yet.
    pub(crate) fn new_in(&self, offer: &[RemoteMedia]) -> Vec<MediaType> {
        offer.iter().map(|remote| remote.kind).filter(|kind| !self.has(*kind)).collect()
    }

    /// Is the application asked before a stream of the peer's is added?
    pub(crate) fn asks(&self) -> bool {
        self.setup.options.ask_for_streams
    }

    /// Says how pictures are wanted from now on; what was wanted before.
    pub(crate) fn want_video(&mut self, video: Option<VideoOptions>) -> Option<VideoOptions> {
        let before = std::mem::replace(&mut self.setup.options.video, video);
        self.exchange.set_kinds(self.kinds_to_read());
        before
    }

    /// Opens a video stream for our next offer; what was wanted of pictures before.
    pub(crate) async fn add_video(&mut self, video: VideoOptions) -> Result<Option<VideoOptions>, Problem> {
        let before = self.want_video(Some(video));
        match self.open(MediaType::Video, Some(Controlling(self.controlling))).await {
            Ok(()) => Ok(before),
            Err(problem) => {
                self.want_video(before);
                Err(problem)
            }
        }
    }

    /// Closes the video stream, and takes no other one; its last figures.
    pub(crate) async fn remove_video(&mut self) -> Option<StreamEvent> {
        self.want_video(None);
        self.remove(MediaType::Video).await
    }

    async fn remove(&mut self, kind: MediaType) -> Option<StreamEvent> {
        let place = self.entries.iter().position(|entry| entry.stream.kind() == kind)?;
        let statistics = self.entries.remove(place).stream.close().await;
        Some(StreamEvent::DidEnd { kind, statistics })
    }

    /// An exchange is over: closes the streams that the peer has refused or taken away, and says what is different.
    pub(crate) async fn settle(&mut self) -> Change {
        let mut change = Change::default();
        let refused = self.entries.iter().filter(|entry| entry.theirs.is_none());
        let refused: Vec<MediaType> = refused.map(|entry| entry.stream.kind()).collect();
        for kind in refused {
            change.ends.extend(self.remove(kind).await);
        }
        let now: Vec<MediaType> = self.entries.iter().map(|entry| entry.stream.kind()).collect();
        let before = std::mem::replace(&mut self.standing, now);
        let without = |all: &[MediaType], others: &[MediaType]| {
            all.iter().filter(|kind| !others.contains(kind)).copied().collect()
        };
        change.added = without(&self.standing, &before);
        change.removed = without(&before, &self.standing);
        self.exchange.set_kinds(self.kinds_to_read());
        change
    }

    /// The kinds of streams that are looked for in offers of the peer: also those that the application may want.
    fn kinds_to_read(&self) -> Vec<MediaType> {
        if self.asks() && !self.standing.is_empty() {
            return vec![MediaType::Audio, MediaType::Video];
        }
        self.setup.options.kinds()
    }
}
