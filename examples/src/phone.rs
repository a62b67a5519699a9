//! The sound of the SIP examples: one live pipeline; each call plays a WAV file (or the microphone, or a tone) into
//! its conference and writes what it hears to a WAV file (or the loudspeaker). Where a call has pictures, a test picture
//! (or the camera) goes out, and what comes is shown nowhere (or on the screen).

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use fs_proto::{Codec, MediaType};
use fs_sip::media::SessionId;
use fs_sip::media::farstream::{FarstreamBackend, PadHandler};
use gst::prelude::*;

/// Files come in large blocks; a live source gives sound as it is spoken.
const PACKETS: &str = "audiobuffersplit output-buffer-duration=1/50";

/// What is played and where it is heard.
#[derive(Debug, Clone, Default)]
pub struct Sounds {
    /// The WAV file played once the call stands; none = a tone.
    pub play: Option<PathBuf>,
    /// The WAV file written with what is heard; none = nowhere.
    pub record: Option<PathBuf>,
    /// Use the real devices in place of the tone, the test picture and of nowhere.
    pub device: bool,
}

/// The sound of one call.
#[derive(Debug, Default)]
struct Line {
    sink: Option<gst::Pad>,
    player: Option<gst::Element>,
    recorder: Option<gst::Element>,
    camera: Option<gst::Element>,
    screen: Option<gst::Element>,
    /// When the first decoded sample came.
    first_sample: Arc<Mutex<Option<Instant>>>,
}

/// The pipeline of a phone, with the calls in it.
#[derive(Debug)]
pub struct Phone {
    pipeline: gst::Pipeline,
    sounds: Sounds,
    lines: Mutex<HashMap<SessionId, Line>>,
}

impl Phone {
    /// Starts a pipeline, and the media engine in it.
    ///
    /// # Errors
    /// When the pipeline does not start.
    pub fn new(sounds: Sounds) -> Result<(Arc<Self>, Arc<FarstreamBackend>), gst::StateChangeError> {
        let pipeline = gst::Pipeline::new();
        let phone = Arc::new(Self { pipeline: pipeline.clone(), sounds, lines: Mutex::default() });
        let backend = Arc::new(FarstreamBackend::new(pipeline.upcast_ref(), Arc::clone(&phone) as _));
        pipeline.set_state(gst::State::Playing)?;
        Ok((phone, backend))
    }

    /// Begins to play into a call.
    ///
    /// # Errors
    /// When an element is missing or the file can't be read.
    pub fn play(&self, session: SessionId) -> Result<(), glib::Error> {
        let Some(sink) = self.lock().get(&session).and_then(|line| line.sink.clone()) else { return Ok(()) };
        let line = match &self.sounds {
            Sounds { play: Some(path), .. } => {
                format!(
                    "filesrc location={} ! wavparse ! audioconvert ! audioresample name=out ! {PACKETS} ! clocksync",
                    quoted(path)
                )
            }
            Sounds { device: true, .. } => "autoaudiosrc ! audioconvert ! audioresample".to_owned(),
            _ => "audiotestsrc is-live=true freq=440 volume=0.3 ! audioconvert".to_owned(),
        };
        let player = gst::parse::bin_from_description(&line, true)?;
        // The file begins now, not when the pipeline did.
        let out = player.by_name("out").and_then(|out| out.static_pad("src"));
        if let (Some(pad), Some(time)) = (out, self.pipeline.current_running_time()) {
            pad.set_offset(i64::try_from(time.nseconds()).unwrap_or_default());
        }
        let broken = |error: glib::BoolError| glib::Error::new(gst::CoreError::Failed, &error.message);
        self.pipeline.add(&player).map_err(broken)?;
        if let Some(src) = player.static_pad("src") {
            // The end of the file is not the end of the call.
            src.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, |_, info| match info.event() {
                Some(event) if event.type_() == gst::EventType::Eos => gst::PadProbeReturn::Handled,
                _ => gst::PadProbeReturn::Ok,
            });
            src.link(&sink).map_err(|error| glib::Error::new(gst::CoreError::Pad, &format!("{error:?}")))?;
        }
        player.sync_state_with_parent().map_err(broken)?;
        if let Some(line) = self.lock().get_mut(&session) {
            line.player = Some(player.upcast());
        }
        Ok(())
    }

    /// When the first sample of the peer came; asked before the session's last event.
    #[must_use]
    pub fn first_sample(&self, session: SessionId) -> Option<Instant> {
        let first = Arc::clone(&self.lock().get(&session)?.first_sample);
        *first.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first error that came on the pipeline's bus since the last question.
    #[must_use]
    pub fn error(&self) -> Option<String> {
        let message = self.pipeline.bus()?.pop_filtered(&[gst::MessageType::Error])?;
        match message.view() {
            gst::MessageView::Error(error) => Some(format!("{} ({:?})", error.error(), error.debug())),
            _ => None,
        }
    }

    /// Forgets an ended call.
    pub fn forget(&self, session: SessionId) {
        self.lock().remove(&session);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recorder(&self) -> Result<gst::Bin, glib::Error> {
        let end = match &self.sounds {
            Sounds { record: Some(path), .. } => {
                format!(
                    "audio/x-raw,format=S16LE,channels=1 ! wavenc ! filesink location={} async=false sync=false",
                    quoted(path)
                )
            }
            Sounds { device: true, .. } => "autoaudiosink".to_owned(),
            _ => "fakesink async=false sync=false".to_owned(),
        };
        gst::parse::bin_from_description(
            &format!(
                "audioconvert ! audioresample ! audiorate skip-to-first=true tolerance=150000000 ! {end}"
            ),
            true,
        )
    }

    fn listen(&self, session: SessionId, pad: &gst::Pad) -> Result<(), glib::Error> {
        let first = match self.lock().get(&session) {
            Some(line) if line.recorder.is_none() => Arc::clone(&line.first_sample),
            // A second source of the same peer: one file holds one sound.
            _ => return Ok(()),
        };
        let recorder = self.recorder()?;
        self.pipeline.add(&recorder).map_err(|error| broken(&error.message))?;
        let sink = recorder.static_pad("sink").ok_or_else(|| broken("the recorder has no sink"))?;
        sink.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            *first.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            gst::PadProbeReturn::Remove
        });
        recorder.sync_state_with_parent().map_err(|error| broken(&error.message))?;
        pad.link(&sink).map_err(|error| broken(&format!("{error:?}")))?;
        if let Some(line) = self.lock().get_mut(&session) {
            line.recorder = Some(recorder.upcast());
        }
        Ok(())
    }

    fn film(&self, session: SessionId, sink: &gst::Pad) -> Result<(), glib::Error> {
        let line = match self.sounds.device {
            true => "autovideosrc ! videoconvert",
            false => {
                "videotestsrc is-live=true ! capsfilter caps=video/x-raw,width=320,height=240,framerate=15/1"
            }
        };
        let camera = self.place(line)?;
        let src = camera.static_pad("src").ok_or_else(|| broken("the camera has no src pad"))?;
        src.link(sink).map_err(|error| broken(&format!("{error:?}")))?;
        // A camera that runs before it is linked ends at its first picture.
        start(&camera)?;
        self.lock().entry(session).or_default().camera = Some(camera);
        Ok(())
    }

    fn show(&self, session: SessionId, pad: &gst::Pad) -> Result<(), glib::Error> {
        if self.lock().get(&session).is_none_or(|line| line.screen.is_some()) {
            return Ok(());
        }
        let end = if self.sounds.device { "autovideosink" } else { "fakesink async=false sync=false" };
        let screen = self.place(&format!("videoconvert ! {end}"))?;
        start(&screen)?;
        let sink = screen.static_pad("sink").ok_or_else(|| broken("the screen has no sink pad"))?;
        pad.link(&sink).map_err(|error| broken(&format!("{error:?}")))?;
        self.lock().entry(session).or_default().screen = Some(screen);
        Ok(())
    }

    /// Makes a bin in the pipeline, which is still to be started.
    fn place(&self, line: &str) -> Result<gst::Element, glib::Error> {
        let bin = gst::parse::bin_from_description(line, true)?;
        self.pipeline.add(&bin).map_err(|error| broken(&error.message))?;
        Ok(bin.upcast())
    }

    fn remove(&self, element: &gst::Element) {
        // Both can only fail while the pipeline is being disposed of.
        let _ = element.set_state(gst::State::Null);
        let _ = self.pipeline.remove(element);
    }
}

impl PadHandler for Phone {
    fn opened(&self, session: SessionId, kind: MediaType, sink: &gst::Pad) {
        if kind == MediaType::Audio {
            self.lock().entry(session).or_default().sink = Some(sink.clone());
        } else if let Err(error) = self.film(session, sink) {
            eprintln!("no pictures go out: {error}");
        }
    }

    fn source_added(&self, session: SessionId, kind: MediaType, pad: &gst::Pad, _codec: &Codec) {
        let result = match kind {
            MediaType::Audio => self.listen(session, pad),
            _ => self.show(session, pad),
        };
        if let Err(error) = result {
            eprintln!("the peer's {kind} does not come out: {error}");
        }
    }

    fn closing(&self, session: SessionId, kind: MediaType) {
        if kind != MediaType::Audio {
            let line = self.lock().get_mut(&session).map(|line| [line.camera.take(), line.screen.take()]);
            line.into_iter().flatten().flatten().for_each(|element| self.remove(&element));
            return;
        }
        let (player, recorder) = match self.lock().get_mut(&session) {
            Some(line) => (line.player.take(), line.recorder.take()),
            None => return,
        };
        if let Some(player) = player {
            self.remove(&player);
        }
        if let Some(recorder) = recorder {
            if let Some(sink) = recorder.static_pad("sink") {
                if let Some(source) = sink.peer() {
                    // Fails only when the conference was faster.
                    let _ = source.unlink(&sink);
                }
                // Runs through to the file, which then has its right length.
                sink.send_event(gst::event::Eos::new());
            }
            self.remove(&recorder);
        }
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        // Nothing can be done about a pipeline that does not stop.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn start(element: &gst::Element) -> Result<(), glib::Error> {
    element.sync_state_with_parent().map_err(|error| broken(&error.message))
}

fn broken(text: &str) -> glib::Error {
    glib::Error::new(gst::CoreError::Failed, text)
}

/// A path as gst-launch reads it.
fn quoted(path: &std::path::Path) -> String {
    let text = path.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{text}\"")
}
