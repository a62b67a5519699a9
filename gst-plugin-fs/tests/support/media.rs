//! Two conferences in one process that exchange video or data, and what each of them gets.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fs_core::prelude::*;
use fs_core::{Conference, Participant, Session, Stream, messages};
use fs_proto::{Candidate, Codec, MediaType, StreamDirection};
use gst::prelude::*;

use super::{PATIENCE, init, loopback};

/// What came out of the pads of one side.
#[derive(Clone, Default)]
pub struct Got(Arc<Mutex<Vec<Vec<u8>>>>);

impl Got {
    /// How many buffers came.
    pub fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// All that came.
    pub fn all(&self) -> Vec<Vec<u8>> {
        self.0.lock().unwrap().clone()
    }

    /// Forgets what came so far.
    pub fn clear(&self) {
        self.0.lock().unwrap().clear();
    }
}

/// One conference with one session and one stream.
pub struct MediaSide {
    pub pipeline: gst::Pipeline,
    pub conference: Conference,
    pub session: Session,
    pub participant: Participant,
    pub stream: Stream,
    pub source: gst::Element,
    pub got: Got,
    pub messages: Mutex<Receiver<gst::Message>>,
    /// WARNING and ERROR messages.
    pub complaints: Arc<Mutex<Vec<String>>>,
    /// Gives the elements the properties of our data file.
    pub notifier: fs_core::ElementAddedNotifier,
}

impl MediaSide {
    /// `source` and `sink` are bin descriptions; the sink's element `end` is watched.
    pub fn new(factory: &str, media: MediaType, source: &str, sink: &str) -> Self {
        init();
        let pipeline = gst::Pipeline::new();
        let element = gst::ElementFactory::make(factory).build().expect("our element");
        pipeline.add(&element).unwrap();
        let complaints = Arc::default();
        let messages = collect(&pipeline, &complaints);
        let conference = element.downcast::<Conference>().expect("it is a conference");
        let notifier = fs_core::ElementAddedNotifier::new();
        notifier.add(&conference);
        let file = format!("{}/data/{factory}/default-element-properties", env!("CARGO_MANIFEST_DIR"));
        notifier.set_properties_from_file(file).unwrap();
        let session = conference.new_session(media).unwrap();
        let participant = conference.new_participant().unwrap();
        let stream = session.new_stream(&participant, StreamDirection::BOTH).unwrap();
        let source = gst::parse::bin_from_description(source, true).unwrap().upcast::<gst::Element>();
        pipeline.add(&source).unwrap();
        source.static_pad("src").unwrap().link(&session.sink_pad()).unwrap();
        let got = Got::default();
        watch(&stream, &pipeline, sink, &got);
        Self {
            pipeline,
            conference,
            session,
            participant,
            stream,
            source,
            got,
            messages: Mutex::new(messages),
            complaints,
            notifier,
        }
    }

    /// Offers one codec only.
    pub fn prefer(&self, wanted: &Codec) {
        let mut preferences = vec![wanted.clone()];
        for codec in self.session.codecs_without_config() {
            if !wanted.is_encoding(&codec.encoding_name) {
                preferences.push(Codec { id: Codec::ID_DISABLE, ..codec });
            }
        }
        self.session.set_codec_preferences(&preferences).unwrap();
    }

    /// Opens rawudp on 127.0.0.1 and returns as many candidates as asked for.
    pub fn open(&self, components: usize) -> Vec<Candidate> {
        let mut parameters = loopback();
        if components == 1 {
            let one = Candidate::new("", 1, fs_proto::CandidateType::Host, "127.0.0.1", 0);
            parameters[0].1 = fs_core::CandidateList(vec![one]).to_value();
        }
        self.stream.set_transmitter("rawudp", &parameters).unwrap();
        let mut found = Vec::new();
        while found.len() < components {
            if let messages::Parsed::NewLocalCandidate { candidate, .. } = self.next_message() {
                found.push(candidate);
            }
        }
        found
    }

    /// The next message of the conference.
    pub fn next_message(&self) -> messages::Parsed {
        let message = self.messages.lock().unwrap().recv_timeout(PATIENCE).expect("a message comes");
        messages::parse(&message).expect("it was looked at before")
    }

    /// Waits for `farstream-codecs-changed` with all codecs described.
    pub fn wait_for_codecs_changed(&self) {
        loop {
            let changed = matches!(self.next_message(), messages::Parsed::CodecsChanged { .. });
            if changed && !self.session.codecs().is_empty() {
                return;
            }
        }
    }

    /// Lets everything run.
    pub fn play(&self) {
        self.pipeline.set_state(gst::State::Playing).unwrap();
    }

    /// Waits for that many buffers.
    pub fn wait(&self, buffers: usize) {
        let end = Instant::now() + PATIENCE;
        while self.got.len() < buffers {
            let complaints = self.complaints.lock().unwrap();
            assert!(
                Instant::now() < end,
                "{} of {buffers} buffers came; {:?}",
                self.got.len(),
                complaints.first()
            );
            drop(complaints);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends everything in the order of the reference.
    pub fn end(self) {
        self.source.set_locked_state(true);
        let _ = self.source.set_state(gst::State::Null);
        self.stream.destroy();
        self.session.destroy();
        self.pipeline.set_state(gst::State::Null).unwrap();
    }
}

fn collect(pipeline: &gst::Pipeline, complaints: &Arc<Mutex<Vec<String>>>) -> Receiver<gst::Message> {
    let (sender, receiver) = channel();
    let complaints = complaints.clone();
    pipeline.bus().expect("pipelines have a bus").set_sync_handler(move |_, message| {
        if messages::parse(message).is_some() {
            let _ = sender.send(message.clone());
        }
        if matches!(message.type_(), gst::MessageType::Error | gst::MessageType::Warning) {
            complaints.lock().unwrap().push(format!("{message:?}"));
        }
        gst::BusSyncReply::Drop
    });
    receiver
}

fn watch(stream: &Stream, pipeline: &gst::Pipeline, sink: &str, got: &Got) {
    let (weak, got, sink) = (pipeline.downgrade(), got.clone(), sink.to_owned());
    stream.connect_src_pad_added(move |_, pad, _| {
        let Some(pipeline) = weak.upgrade() else { return };
        let bin = gst::parse::bin_from_description(&sink, true).unwrap();
        let got = got.clone();
        let end = bin.by_name("end").unwrap().static_pad("sink").unwrap();
        end.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let Some(buffer) = info.buffer() {
                got.0.lock().unwrap().push(buffer.map_readable().unwrap().to_vec());
            }
            gst::PadProbeReturn::Ok
        });
        pipeline.add(&bin).unwrap();
        bin.sync_state_with_parent().unwrap();
        pad.link(&bin.static_pad("sink").unwrap()).unwrap();
    });
}
