//! Implementation of `FsRtpStream`. What it negotiates and receives is kept by its session, under the session's
//! lock; here is only what belongs to the object itself, each piece behind a lock of its own that is never held
//! across a call.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fs_core::prelude::*;
use fs_core::{CodecList, RtpHeaderExtensionList, enums};
use fs_proto::{Candidate, Codec, StreamDirection};
use glib::subclass::prelude::*;
use gst::prelude::*;
use once_cell::sync::Lazy;

use crate::debug::CONFERENCE as CAT;
use crate::rtp::session::ssrc_map::StreamId;
use crate::rtp::session::{Session, disposed};

#[derive(Default)]
pub struct Stream {
    session: Mutex<Option<Session>>,
    participant: Mutex<Option<fs_core::Participant>>,
    direction: Mutex<StreamDirection>,
    id: AtomicU64,
    send_rtcp_mux: AtomicBool,
    require_encryption: AtomicBool,
    decryption: Mutex<Option<gst::Structure>>,
    gone: AtomicBool,
    /// Last SSRC seen from the peer's address, per component, with a mark that there is one.
    pub(super) last_known: [AtomicU64; 2],
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stream {
    /// The session; `None` once destroyed.
    pub(in crate::rtp) fn session(&self) -> Option<Session> {
        lock(&self.session).clone()
    }

    /// The participant; `None` once destroyed.
    pub(in crate::rtp) fn participant(&self) -> Option<fs_core::Participant> {
        lock(&self.participant).clone()
    }

    /// The session's name for this stream.
    pub(in crate::rtp) fn id(&self) -> StreamId {
        self.id.load(Ordering::Acquire)
    }

    pub(super) fn set_id(&self, id: StreamId) {
        self.id.store(id, Ordering::Release);
    }

    /// Whether RTCP shall leave on the first component.
    pub(in crate::rtp) fn sends_rtcp_mux(&self) -> bool {
        self.send_rtcp_mux.load(Ordering::Relaxed)
    }

    fn live_session(&self) -> Result<Session, glib::Error> {
        self.session().ok_or_else(disposed)
    }

    fn set_direction(&self, direction: StreamDirection) {
        *lock(&self.direction) = direction;
        if let Some(session) = self.session() {
            session.imp().set_stream_direction(self.id(), direction);
        }
    }

    fn set_send_rtcp_mux(&self, mux: bool) {
        self.send_rtcp_mux.store(mux, Ordering::Relaxed);
        let Some(session) = self.session() else { return };
        if let Ok(end) = session.imp().stream_end(self.id())
            && end.find_property("send-component-mux").is_some()
        {
            end.set_property("send-component-mux", mux);
        }
    }

    /// What is set, unless the transmitter can't do it.
    fn effective_rtcp_mux(&self) -> bool {
        let end = self.session().and_then(|s| s.imp().stream_end(self.id()).ok());
        self.sends_rtcp_mux() && end.is_none_or(|end| end.find_property("send-component-mux").is_some())
    }

    fn leave_session(&self) {
        let session = lock(&self.session).take();
        lock(&self.participant).take();
        if let Some(session) = session {
            session.imp().remove_stream(self.id());
        }
    }
}

#[glib::object_subclass]
impl ObjectSubclass for Stream {
    const NAME: &'static str = "FsRtpStream";
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
                glib::ParamSpecBoxed::builder::<RtpHeaderExtensionList>("rtp-header-extensions")
                    .nick("RTP header extensions of the peer")
                    .blurb(
                        "RTP header extensions that the peer offered or answered, directions as we see them",
                    )
                    .build(),
            );
            all.push(
                glib::ParamSpecBoolean::builder("send-rtcp-mux")
                    .nick("Send RTCP muxed with RTP")
                    .blurb("Whether RTCP leaves on the first component, if the transmitter can")
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
                if let Ok(direction) = value.get::<enums::StreamDirection>() {
                    self.set_direction(direction.into());
                }
            }
            "require-encryption" => {
                let required = value.get().unwrap_or_default();
                self.require_encryption.store(required, Ordering::Relaxed);
                if let Some(session) = self.session() {
                    session.imp().require_encryption(self.id(), required);
                }
            }
            "send-rtcp-mux" => self.set_send_rtcp_mux(value.get().unwrap_or_default()),
            "rtp-header-extensions" => {
                if let (Ok(list), Some(session)) = (value.get::<RtpHeaderExtensionList>(), self.session()) {
                    session.imp().set_stream_extensions(self.id(), list.0);
                }
            }
            _ => {}
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let session = self.session();
        let id = self.id();
        let codecs = |read: &dyn Fn(&Session) -> Vec<Codec>| {
            CodecList(session.as_ref().map(read).unwrap_or_default()).to_value()
        };
        match pspec.name() {
            "session" => session.map(|s| s.upcast::<fs_core::Session>()).to_value(),
            "participant" => self.participant().to_value(),
            "direction" => enums::StreamDirection::from(*lock(&self.direction)).to_value(),
            "remote-codecs" => codecs(&|s| s.imp().state().remote_codecs(id).to_vec()),
            "negotiated-codecs" => {
                codecs(&|s| s.imp().state().outcome.stream(id).map(<[Codec]>::to_vec).unwrap_or_default())
            }
            "current-recv-codecs" => codecs(&|s| s.imp().state().current_recv_codecs(id, None)),
            "decryption-parameters" => lock(&self.decryption).to_value(),
            "require-encryption" => self.require_encryption.load(Ordering::Relaxed).to_value(),
            "stats" => session.map(|s| s.imp().stream_statistics(id)).to_value(),
            "send-rtcp-mux" => self.effective_rtcp_mux().to_value(),
            "rtp-header-extensions" => {
                let list = session.map(|s| s.imp().stream_extensions(id)).unwrap_or_default();
                RtpHeaderExtensionList(list).to_value()
            }
            _ => pspec.default_value().clone(),
        }
    }

    /// `fs_stream_destroy`, or the last reference went.
    fn dispose(&self) {
        if self.gone.load(Ordering::Acquire) {
            return;
        }
        let conference = self.session().and_then(|s| s.imp().conference());
        if let Some(conference) = conference.filter(|c| c.is_streaming_thread()) {
            if self.obj().ref_count() > 1 {
                gst::error!(CAT, "a stream can't be destroyed in a streaming thread of its conference");
                crate::streaming_threads::refuse("fs_stream_destroy");
                return;
            }
            // The last reference went here by chance: another thread does the work that waits for this one.
            let (session, id) = (lock(&self.session).take(), self.id());
            conference.call_async(move |_| session.into_iter().for_each(|s| s.imp().remove_stream(id)));
        }
        self.gone.store(true, Ordering::Release);
        self.leave_session();
    }
}

impl StreamImpl for Stream {
    fn add_remote_candidates(&self, candidates: &[Candidate]) -> Result<(), glib::Error> {
        self.live_session()?.imp().stream_end(self.id())?.add_remote_candidates(candidates)
    }

    fn force_remote_candidates(&self, candidates: &[Candidate]) -> Result<(), glib::Error> {
        let session = self.live_session()?;
        session.imp().stream_end(self.id())?.force_remote_candidates(candidates)?;
        session.imp().request_key_unit();
        Ok(())
    }

    fn set_remote_codecs(&self, codecs: &[Codec]) -> Result<(), glib::Error> {
        self.live_session()?.imp().set_remote_codecs(self.id(), codecs)
    }

    fn add_id(&self, id: u32) {
        if let Some(session) = self.session() {
            session.imp().name_ssrc(self.id(), id);
        }
    }

    fn set_transmitter(
        &self,
        transmitter: &str,
        parameters: &[(String, glib::Value)],
    ) -> Result<(), glib::Error> {
        self.live_session()?.imp().set_stream_transmitter(self.id(), transmitter, parameters)
    }

    fn set_decryption_parameters(&self, parameters: Option<&gst::StructureRef>) -> Result<(), glib::Error> {
        self.live_session()?.imp().decrypt_with(self.id(), parameters)?;
        *lock(&self.decryption) = parameters.map(ToOwned::to_owned);
        self.obj().notify("decryption-parameters");
        Ok(())
    }
}
