//! Two conferences in one process: each sends a tone and records what it hears.

#![allow(dead_code, clippy::unwrap_used)] // not every test file uses everything; a failure here fails a test

pub mod encrypted;
pub mod ice;
pub mod jitter_buffer;
pub mod media;
pub mod multicast;
pub mod peer;
pub mod wire;

use std::f64::consts::TAU;
use std::net::UdpSocket;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};

use fs_core::prelude::*;
use fs_core::{CandidateList, Conference, Participant, Session, Stream, messages};
use fs_proto::{Candidate, CandidateType, Codec, MediaType, StreamDirection};
use gst::prelude::*;

/// Long enough for a loaded machine: a hang is what it detects.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// Rate of what is heard, in Hz.
pub const RATE: u32 = 8000;

/// GStreamer with our elements; criticals end the test.
pub fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        glib::log_set_always_fatal(glib::LogLevels::LEVEL_CRITICAL | glib::LogLevels::LEVEL_ERROR);
        gst::init().expect("GStreamer works");
        gst_plugin_fs::plugin_register_static().expect("our elements register");
    });
}

/// An audio codec.
pub fn audio(id: i32, name: &str, clock_rate: u32) -> Codec {
    Codec::new(id, name, MediaType::Audio, clock_rate)
}

/// What one side hears.
#[derive(Clone, Default)]
pub struct Heard(Arc<Mutex<Sound>>);

#[derive(Default)]
struct Sound {
    first: Option<Instant>,
    samples: Vec<i16>,
}

impl Heard {
    fn take(&self, buffer: &gst::BufferRef) {
        let Ok(map) = buffer.map_readable() else { return };
        let mut sound = self.0.lock().unwrap();
        sound.first.get_or_insert_with(Instant::now);
        sound.samples.extend(map.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])));
    }

    /// Forgets what was heard so far.
    pub fn clear(&self) {
        *self.0.lock().unwrap() = Sound::default();
    }

    /// When the first sample came.
    pub fn first(&self) -> Option<Instant> {
        self.0.lock().unwrap().first
    }

    /// How many samples came.
    pub fn len(&self) -> usize {
        self.0.lock().unwrap().samples.len()
    }

    /// All that was heard.
    pub fn samples(&self) -> Vec<i16> {
        self.0.lock().unwrap().samples.clone()
    }

    /// Waits for that many ms of sound.
    pub fn wait(&self, ms: usize) {
        let wanted = ms * RATE as usize / 1000;
        let end = Instant::now() + PATIENCE;
        while self.len() < wanted {
            assert!(Instant::now() < end, "only {} of {wanted} samples were heard", self.len());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Share of the power of the last `ms` that lies at a frequency (Goertzel), 0 to 1.
    pub fn share(&self, frequency: f64, ms: usize) -> f64 {
        let sound = self.0.lock().unwrap();
        let count = (ms * RATE as usize / 1000).min(sound.samples.len());
        let samples = &sound.samples[sound.samples.len() - count..];
        let coefficient = 2.0 * (TAU * frequency / f64::from(RATE)).cos();
        let (mut s1, mut s2, mut total) = (0.0, 0.0, 0.0);
        for &sample in samples {
            let sample = f64::from(sample);
            let s0 = sample + coefficient * s1 - s2;
            (s2, s1) = (s1, s0);
            total += sample * sample;
        }
        if total == 0.0 {
            return 0.0;
        }
        let power = s1 * s1 + s2 * s2 - coefficient * s1 * s2;
        2.0 * power / (total * samples.len() as f64)
    }

    /// Waits until the tone dominates what is heard.
    pub fn wait_for_tone(&self, frequency: f64) {
        let end = Instant::now() + PATIENCE;
        loop {
            let share = if self.len() > 4000 { self.share(frequency, 400) } else { 0.0 };
            if share > 0.9 {
                return;
            }
            assert!(Instant::now() < end, "{frequency} Hz has {share:.3} of what is heard ({})", self.len());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// One conference in a pipeline of its own.
pub struct Side {
    // The first field: it is dropped before the rest.
    stopped: StoppedByFailure,
    pub pipeline: gst::Pipeline,
    pub conference: Conference,
    pub session: Session,
    pub participant: Participant,
    pub stream: Stream,
    pub source: gst::Element,
    pub heard: Heard,
    pub messages: Mutex<Receiver<gst::Message>>,
    pub pads: Arc<Mutex<Vec<(String, Codec)>>>,
    decoder: Arc<Mutex<String>>,
    /// ERROR messages of the pipeline.
    pub errors: Arc<Mutex<Vec<String>>>,
}

impl Side {
    /// A conference with one audio session and one stream, which sends a tone.
    pub fn new(name: &str, frequency: f64, direction: StreamDirection) -> Self {
        init();
        let pipeline = gst::Pipeline::with_name(name);
        let element = gst::ElementFactory::make("fsrtpconference").build().expect("our element");
        pipeline.add(&element).unwrap();
        let errors = Arc::default();
        let messages = collect(&pipeline, &errors);
        let conference = element.downcast::<Conference>().expect("it is a conference");
        let session = conference.new_session(MediaType::Audio).unwrap();
        let participant = conference.new_participant().unwrap();
        let stream = session.new_stream(&participant, direction).unwrap();
        let source = gst::ElementFactory::make("audiotestsrc")
            .property("is-live", true)
            .property("freq", frequency)
            .property("samplesperbuffer", 160)
            .build()
            .unwrap();
        let caps = gst::Caps::builder("audio/x-raw").field("rate", 8000).field("channels", 1).build();
        let filter = gst::ElementFactory::make("capsfilter").property("caps", caps).build().unwrap();
        pipeline.add_many([&source, &filter]).unwrap();
        source.link(&filter).unwrap();
        filter.static_pad("src").unwrap().link(&session.sink_pad()).unwrap();
        let heard = Heard::default();
        let decoder = Arc::default();
        let pads = record(&stream, &pipeline, &heard, &decoder);
        pipeline.set_state(gst::State::Playing).unwrap();
        let stopped = StoppedByFailure(pipeline.downgrade());
        Self {
            stopped,
            pipeline,
            conference,
            session,
            participant,
            stream,
            source,
            heard,
            messages,
            pads,
            decoder,
            errors,
        }
    }

    /// Opens rawudp on 127.0.0.1 and returns the two candidates it found.
    pub fn open(&self) -> Vec<Candidate> {
        self.stream.set_transmitter("rawudp", &loopback()).unwrap();
        let mut found = Vec::new();
        while found.len() < 2 {
            if let messages::Parsed::NewLocalCandidate { candidate, .. } = self.next_message() {
                found.push(candidate);
            }
        }
        found
    }

    /// What comes out of the pads has to be decoded.
    pub fn decodes_first(&self, decoder: &str) {
        *self.decoder.lock().unwrap() = format!("{decoder} !");
    }

    /// The next message of the conference.
    pub fn next_message(&self) -> messages::Parsed {
        let message = self.messages.lock().unwrap().recv_timeout(PATIENCE).expect("a message comes");
        messages::parse(&message).expect("it was looked at before")
    }

    /// Waits for a message.
    pub fn wait_for<T>(&self, mut pick: impl FnMut(messages::Parsed) -> Option<T>) -> T {
        loop {
            if let Some(found) = pick(self.next_message()) {
                return found;
            }
        }
    }

    /// Ends everything in the order of the reference: source, stream, session, pipeline.
    pub fn end(self) {
        self.source.set_locked_state(true);
        let _ = self.source.set_state(gst::State::Null);
        self.stream.destroy();
        self.session.destroy();
        self.pipeline.set_state(gst::State::Null).unwrap();
    }
}

/// A test that fails stops its pipeline, so that its own words are the last ones and not those of elements that are
/// thrown away while they play.
struct StoppedByFailure(glib::WeakRef<gst::Pipeline>);

impl Drop for StoppedByFailure {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(pipeline) = self.0.upgrade()
        {
            let _ = pipeline.set_state(gst::State::Null);
        }
    }
}

/// Parameters that keep rawudp on the loopback interface. Its ports are those that the system gives away, so that none is
/// one to which some other test still sends.
pub fn loopback() -> Vec<(String, glib::Value)> {
    let free: Vec<UdpSocket> = (1..=2).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    let ports = free.iter().map(|socket| socket.local_addr().unwrap().port());
    let candidates: Vec<Candidate> = (1..=2)
        .zip(ports)
        .map(|(component, port)| Candidate::new("", component, CandidateType::Host, "127.0.0.1", port))
        .collect();
    vec![("preferred-local-candidates".to_owned(), CandidateList(candidates).to_value())]
}

fn collect(pipeline: &gst::Pipeline, errors: &Arc<Mutex<Vec<String>>>) -> Mutex<Receiver<gst::Message>> {
    let (sender, receiver): (Sender<gst::Message>, _) = channel();
    let bus = pipeline.bus().expect("pipelines have a bus");
    let (weak, errors) = (pipeline.downgrade(), errors.clone());
    bus.set_sync_handler(move |_, message| {
        if messages::parse(message).is_some() {
            let _ = sender.send(message.clone());
        }
        match message.view() {
            gst::MessageView::Error(error) => errors.lock().unwrap().push(format!("{error:?}")),
            gst::MessageView::Latency(_) => {
                if let Some(pipeline) = weak.upgrade() {
                    pipeline.call_async(|pipeline| {
                        let _ = pipeline.recalculate_latency();
                    });
                }
            }
            _ => {}
        }
        gst::BusSyncReply::Drop
    });
    Mutex::new(receiver)
}

/// Names of the stream's pads with their codecs, as they came.
type Pads = Arc<Mutex<Vec<(String, Codec)>>>;

fn record(stream: &Stream, pipeline: &gst::Pipeline, heard: &Heard, decoder: &Arc<Mutex<String>>) -> Pads {
    let pads = Pads::default();
    let (weak, heard, known, decoder) = (pipeline.downgrade(), heard.clone(), pads.clone(), decoder.clone());
    stream.connect_src_pad_added(move |_, pad, codec| {
        known.lock().unwrap().push((pad.name().to_string(), codec.clone()));
        let Some(pipeline) = weak.upgrade() else { return };
        let description = format!(
            "{} audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate={RATE},channels=1 ! \
             fakesink name=ear sync=false async=false",
            decoder.lock().unwrap()
        );
        let bin = gst::parse::bin_from_description(&description, true).unwrap();
        let heard = heard.clone();
        let ear = bin.by_name("ear").unwrap().static_pad("sink").unwrap();
        ear.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let Some(buffer) = info.buffer() {
                heard.take(buffer);
            }
            gst::PadProbeReturn::Ok
        });
        pipeline.add(&bin).unwrap();
        bin.sync_state_with_parent().unwrap();
        pad.link(&bin.static_pad("sink").unwrap()).unwrap();
    });
    pads
}
