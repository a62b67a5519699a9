//! Implementation of `FsRawSession`: the object, its properties, its end.
//!
//! Locks: each is held for a look or a write only, never across a call that leaves this folder.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fs_core::prelude::*;
use fs_core::{CodecList, CodecValue, Error, Participant, Stream, Transmitter, enums};
use fs_proto::{Codec, MediaType, StreamDirection};
use glib::subclass::prelude::*;
use gst::prelude::*;
use once_cell::sync::Lazy;

use super::exchange::State;
use super::meter::Meter;
use super::path::SendPath;
use crate::raw::conference::Conference;
use crate::raw::{CAT, disposed, participant, stream};
use crate::statistics;

#[derive(Default)]
struct Construct {
    conference: Option<Conference>,
    media_type: MediaType,
    id: u32,
}

#[derive(Default)]
pub struct Session {
    construct: Mutex<Construct>,
    path: Mutex<Option<Arc<SendPath>>>,
    state: Mutex<State>,
    sent: Meter,
    received: Meter,
    gone: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Session {
    /// Behind the session's lock.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// The elements that lead to the transmitter; `None` before set-up and after the end.
    pub(super) fn path(&self) -> Option<Arc<SendPath>> {
        lock(&self.path).clone()
    }

    /// The conference; `None` once destroyed.
    pub(in crate::raw) fn conference(&self) -> Option<Conference> {
        lock(&self.construct).conference.clone()
    }

    pub(super) fn id(&self) -> u32 {
        lock(&self.construct).id
    }

    /// Builds the elements that send.
    pub(super) fn set_up(&self) -> Result<(), glib::Error> {
        let conference = self.conference().ok_or_else(disposed)?;
        let media = lock(&self.construct).media_type;
        let path = SendPath::build(conference.upcast_ref(), media, self.id())?;
        self.sent.watch(path.capsfilter.static_pad("src"));
        *lock(&self.path) = Some(Arc::new(path));
        Ok(())
    }

    /// Posts a message of the conference. No lock of the session may be held.
    pub(in crate::raw) fn post(&self, structure: gst::Structure) {
        if let Some(conference) = self.conference() {
            let message = gst::message::Element::builder(structure).src(&conference).build();
            // Without a bus nobody listens, which is the application's choice.
            let _ = conference.post_message(message);
        }
    }

    fn codecs(&self) -> CodecList {
        CodecList(self.state().formats.as_ref().map(|f| f.codecs.clone()).unwrap_or_default())
    }

    /// What the stream's pad counts.
    pub(super) fn received(&self) -> &Meter {
        &self.received
    }

    /// `stats` of the session, with its stream's.
    pub(in crate::raw) fn statistics(&self) -> gst::Structure {
        let mut structure = gst::Structure::new_empty("application/x-farstream-session-stats");
        structure.set("id", self.id());
        structure.set("kind", lock(&self.construct).media_type.as_str());
        self.sent.write(&mut structure, "sent");
        self.received.write(&mut structure, "received");
        if let Some(codec) = self.state().formats.as_ref().map(|f| f.sent.codec.encoding_name.clone()) {
            structure.set("codec", codec);
        }
        if self.stream().is_some() {
            structure.set("stream-1", self.stream_statistics());
        }
        structure
    }

    /// `stats` of the stream.
    pub(in crate::raw) fn stream_statistics(&self) -> gst::Structure {
        let mut structure = gst::Structure::new_empty("application/x-farstream-stream-stats");
        self.received.write(&mut structure, "received");
        if let Some(codec) = self.state().formats.as_ref().map(|f| f.received.codec.encoding_name.clone()) {
            structure.set("codec", codec);
        }
        if let Ok(end) = self.stream_end() {
            statistics::add_transmitter(&mut structure, &end);
        }
        structure
    }

    fn is_disposed(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    fn not_implemented(what: &str) -> glib::Error {
        glib::Error::new(Error::NotImplemented, &format!("a raw session has no {what}"))
    }
}

#[glib::object_subclass]
impl ObjectSubclass for Session {
    const NAME: &'static str = "FsRawSession";
    type Type = super::Session;
    type ParentType = fs_core::Session;
}

impl ObjectImpl for Session {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(|| {
            [
                "conference",
                "media-type",
                "id",
                "sink-pad",
                "codec-preferences",
                "codecs",
                "codecs-without-config",
                "current-send-codec",
                "tos",
                "allowed-sink-caps",
                "allowed-src-caps",
                "encryption-parameters",
            ]
            .into_iter()
            .map(glib::ParamSpecOverride::for_class::<fs_core::Session>)
            .chain([crate::statistics::property()])
            .collect()
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        match pspec.name() {
            "conference" => {
                let conference = value.get::<Option<fs_core::Conference>>().ok().flatten();
                lock(&self.construct).conference = conference.and_then(|c| c.downcast().ok());
            }
            "media-type" => {
                lock(&self.construct).media_type =
                    value.get::<enums::MediaType>().map(Into::into).unwrap_or_default();
            }
            "id" => lock(&self.construct).id = value.get().unwrap_or_default(),
            "tos" if !self.is_disposed() => self.set_tos(value.get().unwrap_or_default()),
            _ => {}
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "conference" => self.conference().map(|c| c.upcast::<fs_core::Conference>()).to_value(),
            "media-type" => enums::MediaType::from(lock(&self.construct).media_type).to_value(),
            "id" => self.id().to_value(),
            "sink-pad" => self.path().map(|p| p.sink_pad.clone().upcast::<gst::Pad>()).to_value(),
            "codecs" | "codecs-without-config" => self.codecs().to_value(),
            "current-send-codec" => {
                self.state().formats.as_ref().map(|f| CodecValue(f.sent.codec.clone())).to_value()
            }
            "tos" => self.state().tos.to_value(),
            "stats" => self.statistics().to_value(),
            _ => pspec.default_value().clone(),
        }
    }

    /// `fs_session_destroy`, or the last reference went.
    fn dispose(&self) {
        if self.is_disposed() {
            return;
        }
        let conference = self.conference();
        let streaming = conference.as_ref().is_some_and(Conference::is_streaming_thread);
        if streaming && self.obj().ref_count() > 1 {
            gst::error!(CAT, "session {} can't be destroyed in a streaming thread", self.id());
            crate::streaming_threads::refuse("fs_session_destroy");
            return;
        }
        self.gone.store(true, Ordering::Release);
        if let Some(stream) = self.stream() {
            stream.destroy();
        }
        let (path, end) = (lock(&self.path).take(), self.state().end.take());
        let take_down = move || {
            end.iter().for_each(|end| end.take_down());
            path.iter().for_each(|path| path.take_down());
        };
        match &conference {
            // The last reference went here by chance: another thread does the work that waits for this one.
            Some(conference) if streaming => conference.call_async(move |_| take_down()),
            _ => take_down(),
        }
        lock(&self.construct).conference = None;
    }
}

impl SessionImpl for Session {
    fn new_stream(
        &self,
        participant: &Participant,
        direction: StreamDirection,
    ) -> Result<Stream, glib::Error> {
        let conference = self.conference().filter(|_| !self.is_disposed()).ok_or_else(disposed)?;
        let participant = participant.downcast_ref::<participant::Participant>().ok_or_else(|| {
            let text = format!("a participant of type {} is none of a raw conference", participant.type_());
            glib::Error::new(Error::InvalidArguments, &text)
        })?;
        if self.stream().is_some() {
            return Err(glib::Error::new(
                Error::AlreadyExists,
                "a raw session has one stream only, and this one has it already",
            ));
        }
        let stream = stream::Stream::new(&conference, &self.obj(), participant, direction);
        self.enter(&stream, direction);
        Ok(stream.upcast())
    }

    fn start_telephony_event(&self, _event: u8, _volume: u8) -> bool {
        false
    }

    fn stop_telephony_event(&self) -> bool {
        false
    }

    fn set_send_codec(&self, _codec: &Codec) -> Result<(), glib::Error> {
        Err(Self::not_implemented("choice of the codec to send: the remote codecs say it"))
    }

    fn set_codec_preferences(&self, _preferences: &[Codec]) -> Result<(), glib::Error> {
        Err(Self::not_implemented("codec preferences"))
    }

    fn list_transmitters(&self) -> Vec<String> {
        Transmitter::list_available()
    }

    fn stream_transmitter_type(&self, transmitter: &str) -> glib::Type {
        self.type_of_stream_transmitter(transmitter)
    }

    fn codecs_need_resend(&self, _old: &[Codec], _new: &[Codec]) -> Vec<Codec> {
        Vec::new()
    }

    fn set_allowed_caps(&self, sink: Option<&gst::Caps>, src: Option<&gst::Caps>) -> Result<(), glib::Error> {
        match (sink, src) {
            (None, None) => Ok(()),
            _ => Err(Self::not_implemented("allowed caps")),
        }
    }

    fn set_encryption_parameters(&self, _parameters: Option<&gst::StructureRef>) -> Result<(), glib::Error> {
        Err(Self::not_implemented("encryption"))
    }
}
