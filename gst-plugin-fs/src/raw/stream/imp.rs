//! Implementation of `FsRawStream`. What it negotiates and receives is kept by its session; here is only what belongs to
//! the object itself, each piece behind a lock of its own that is never held across a call.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fs_core::prelude::*;
use fs_core::{CodecList, Error, StreamTransmitter, enums, messages};
use fs_proto::{Candidate, Codec, StreamDirection, StreamState};
use glib::subclass::prelude::*;
use gst::prelude::*;
use once_cell::sync::Lazy;

use crate::raw::session::Session;
use crate::raw::{CAT, disposed};
use crate::transmitter::network;

#[derive(Default)]
pub struct Stream {
    session: Mutex<Option<Session>>,
    participant: Mutex<Option<fs_core::Participant>>,
    direction: Mutex<StreamDirection>,
    gone: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stream {
    fn session(&self) -> Option<Session> {
        lock(&self.session).clone()
    }

    /// The participant; `None` once destroyed.
    pub(in crate::raw) fn participant(&self) -> Option<fs_core::Participant> {
        lock(&self.participant).clone()
    }

    fn live_session(&self) -> Result<Session, glib::Error> {
        self.session().ok_or_else(disposed)
    }

    fn post(&self, structure: gst::Structure) {
        if let Some(session) = self.session() {
            session.imp().post(structure);
        }
    }

    /// Connects to everything the stream transmitter can say. It does not keep the stream alive.
    pub(in crate::raw) fn listen(&self, end: &StreamTransmitter) {
        let weak = || self.obj().downgrade();
        let stream = weak();
        end.connect_error(move |_, code, text| {
            stream.upgrade().into_iter().for_each(|s| s.emit_error(code, text));
        });
        let stream = weak();
        end.connect_new_local_candidate(move |_, candidate| {
            let post = |s: super::Stream| {
                s.imp().post(messages::new_local_candidate(s.upcast_ref(), candidate));
            };
            stream.upgrade().into_iter().for_each(post);
        });
        let stream = weak();
        end.connect_local_candidates_prepared(move |_| {
            let post = |s: super::Stream| s.imp().post(messages::local_candidates_prepared(s.upcast_ref()));
            stream.upgrade().into_iter().for_each(post);
        });
        let stream = weak();
        network::connect_negotiation_needed(end, move |candidates| {
            let post = |s: super::Stream| {
                s.imp().post(messages::negotiation_needed(s.upcast_ref(), candidates));
            };
            stream.upgrade().into_iter().for_each(post);
        });
        let stream = weak();
        end.connect_new_active_candidate_pair(move |_, local, remote| {
            let post = |s: super::Stream| {
                s.imp().post(messages::new_active_candidate_pair(s.upcast_ref(), local, remote));
            };
            stream.upgrade().into_iter().for_each(post);
        });
        let stream = weak();
        end.connect_state_changed(move |_, component, state| {
            let Some(stream) = stream.upgrade() else { return };
            stream.imp().post(messages::component_state_changed(stream.upcast_ref(), component, state));
            if state == StreamState::Failed {
                let text = format!("component {component} has no connection to the peer");
                stream.emit_error(Error::ConnectionFailed, &text);
            }
        });
    }
}

#[glib::object_subclass]
impl ObjectSubclass for Stream {
    const NAME: &'static str = "FsRawStream";
    type Type = super::Stream;
    type ParentType = fs_core::Stream;
}

impl ObjectImpl for Stream {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(|| {
            let base = [
                "session",
                "participant",
                "direction",
                "remote-codecs",
                "negotiated-codecs",
                "current-recv-codecs",
                "decryption-parameters",
                "require-encryption",
            ];
            let mut all: Vec<_> =
                base.into_iter().map(glib::ParamSpecOverride::for_class::<fs_core::Stream>).collect();
            all.push(
                glib::ParamSpecObject::builder::<crate::raw::conference::Conference>("conference")
                    .nick("Conference")
                    .blurb("The conference of this stream")
                    .construct_only()
                    .build(),
            );
            all.push(
                glib::ParamSpecObject::builder::<StreamTransmitter>("stream-transmitter")
                    .nick("Stream transmitter")
                    .blurb("What carries the data of this stream")
                    .read_only()
                    .build(),
            );
            all.push(crate::statistics::property());
            all
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        match pspec.name() {
            "session" => {
                let session = value.get::<Option<fs_core::Session>>().ok().flatten();
                *lock(&self.session) = session.and_then(|s| s.downcast().ok());
            }
            "participant" => *lock(&self.participant) = value.get().ok().flatten(),
            "direction" => {
                let Ok(direction) = value.get::<enums::StreamDirection>() else { return };
                let direction = StreamDirection::from(direction);
                *lock(&self.direction) = direction;
                let session = self.session();
                // While the stream is being made, its session may still have none.
                if let Some(session) = session.filter(|s| s.imp().is_stream(&self.obj())) {
                    session.imp().set_stream_direction(direction);
                }
            }
            _ => {}
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let session = self.session();
        let codecs = |read: &dyn Fn(&Session) -> Vec<Codec>| {
            CodecList(session.as_ref().map(read).unwrap_or_default()).to_value()
        };
        match pspec.name() {
            "session" => session.map(|s| s.upcast::<fs_core::Session>()).to_value(),
            "participant" => self.participant().to_value(),
            "direction" => enums::StreamDirection::from(*lock(&self.direction)).to_value(),
            "remote-codecs" | "negotiated-codecs" => codecs(&|s| s.imp().remote_codecs()),
            "current-recv-codecs" => codecs(&|s| s.imp().received_codecs()),
            "conference" => session.and_then(|s| s.imp().conference()).to_value(),
            "stats" => session.map(|s| s.imp().stream_statistics()).to_value(),
            "stream-transmitter" => session.and_then(|s| s.imp().stream_end().ok()).to_value(),
            _ => pspec.default_value().clone(),
        }
    }

    /// `fs_stream_destroy`, or the last reference went.
    fn dispose(&self) {
        if self.gone.load(Ordering::Acquire) {
            return;
        }
        let conference = self.session().and_then(|s| s.imp().conference());
        let streaming = conference.filter(|c| c.is_streaming_thread());
        if streaming.is_some() && self.obj().ref_count() > 1 {
            gst::error!(CAT, "a stream can't be destroyed in a streaming thread of its conference");
            crate::streaming_threads::refuse("fs_stream_destroy");
            return;
        }
        self.gone.store(true, Ordering::Release);
        let session = lock(&self.session).take();
        lock(&self.participant).take();
        match (session, streaming) {
            // The last reference went here by chance: another thread does the work that waits for this one.
            (Some(session), Some(conference)) => conference.call_async(move |_| session.imp().leave()),
            (Some(session), None) => session.imp().leave(),
            (None, _) => {}
        }
    }
}

impl StreamImpl for Stream {
    fn add_remote_candidates(&self, candidates: &[Candidate]) -> Result<(), glib::Error> {
        self.live_session()?.imp().stream_end()?.add_remote_candidates(candidates)
    }

    fn force_remote_candidates(&self, candidates: &[Candidate]) -> Result<(), glib::Error> {
        self.live_session()?.imp().stream_end()?.force_remote_candidates(candidates)
    }

    fn set_remote_codecs(&self, codecs: &[Codec]) -> Result<(), glib::Error> {
        self.live_session()?.imp().set_remote_codecs(codecs)
    }

    fn add_id(&self, _id: u32) {}

    fn set_transmitter(
        &self,
        transmitter: &str,
        parameters: &[(String, glib::Value)],
    ) -> Result<(), glib::Error> {
        self.live_session()?.imp().set_transmitter(transmitter, parameters)
    }

    fn set_decryption_parameters(&self, _parameters: Option<&gst::StructureRef>) -> Result<(), glib::Error> {
        Err(glib::Error::new(Error::NotImplemented, "a raw stream has no encryption"))
    }
}
