//! Sound and pictures of one element together, as the media engine and the worker see them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fs_proto::{Codec, MediaType};
use fs_sip::media::SessionId;
use fs_sip::media::farstream::PadHandler;

use super::SipCall;
use super::picture::Picture;
use super::sound::Sound;

/// The media paths of one element.
#[derive(Debug)]
pub struct MediaPaths {
    /// Sound.
    pub sound: Sound,
    /// Pictures.
    pub picture: Picture,
    expects_pictures: AtomicBool,
}

impl MediaPaths {
    /// Builds what is there from the start.
    ///
    /// # Errors
    /// Names the missing element.
    pub fn new(bin: &SipCall) -> Result<Arc<Self>, glib::BoolError> {
        let (sound, picture) = (Sound::new(bin)?, Picture::new(bin));
        Ok(Arc::new(Self { sound, picture, expects_pictures: AtomicBool::new(false) }))
    }

    /// Says whether the call has pictures, so that somebody may wait for `video_src`.
    pub fn expect_pictures(&self, expected: bool) {
        self.expects_pictures.store(expected, Ordering::Relaxed);
    }

    /// Drops the own media from now on.
    pub fn mute(&self) {
        self.sound.mute();
        self.picture.mute();
    }

    /// Ends all source pads; see [`Sound::finish`].
    pub fn finish(&self) {
        self.sound.finish();
        self.picture.finish(self.expects_pictures.load(Ordering::Relaxed));
    }

    /// Forgets the sources and their pads, on the way down to READY.
    pub fn reset(&self) {
        self.sound.reset();
        self.picture.reset();
    }
}

impl PadHandler for MediaPaths {
    fn opened(&self, _session: SessionId, kind: MediaType, sink: &gst::Pad) {
        match kind {
            MediaType::Video => self.picture.opened(sink),
            _ => self.sound.opened(sink),
        }
    }

    fn source_added(&self, _session: SessionId, kind: MediaType, pad: &gst::Pad, _codec: &Codec) {
        match kind {
            MediaType::Video => self.picture.source_added(pad),
            _ => self.sound.source_added(pad),
        }
    }

    fn closing(&self, _session: SessionId, kind: MediaType) {
        match kind {
            MediaType::Video => self.picture.closing(),
            _ => self.sound.closing(),
        }
    }
}
