//! Sound and pictures of one element together, as the media engine and the worker see them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fs_proto::{Codec, MediaType};
use fs_sip::media::SessionId;
use fs_sip::media::farstream::PadHandler;

use super::SipCall;
use super::gate::Gate;
use super::output::Output;
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

    /// Whether pictures are sent.
    pub fn sends_pictures(&self) -> bool {
        self.picture.gate().is_some()
    }

    /// Drops the own media from now on.
    pub fn mute(&self) {
        self.sound.gate.mute();
        if let Some(gate) = self.picture.gate() {
            gate.mute();
        }
    }

    /// Ends all source pads; see [`Output::finish`].
    pub fn finish(&self) {
        self.sound.output.finish(true);
        self.picture.output.finish(self.expects_pictures.load(Ordering::Relaxed));
    }

    /// Forgets the sources and their pads, on the way down to READY.
    pub fn reset(&self) {
        self.mute();
        self.sound.output.reset();
        self.picture.output.reset();
    }

    fn gate(&self, kind: MediaType) -> Option<&Gate> {
        match kind {
            MediaType::Video => self.picture.gate(),
            _ => Some(&self.sound.gate),
        }
    }

    fn output(&self, kind: MediaType) -> &Output {
        match kind {
            MediaType::Video => &self.picture.output,
            _ => &self.sound.output,
        }
    }
}

impl PadHandler for MediaPaths {
    fn opened(&self, _session: SessionId, kind: MediaType, sink: &gst::Pad) {
        if let Some(gate) = self.gate(kind) {
            gate.open(sink);
        }
    }

    fn source_added(&self, _session: SessionId, kind: MediaType, pad: &gst::Pad, _codec: &Codec) {
        self.output(kind).take(pad);
    }

    fn closing(&self, _session: SessionId, kind: MediaType) {
        if let Some(gate) = self.gate(kind) {
            gate.close();
        }
        self.output(kind).release();
    }
}
