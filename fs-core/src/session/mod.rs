//! Sessions: one kind of media with one codec negotiation and any number of streams (`FsSession`).
//!
//! [`SessionExt`] is what applications call. It goes through the C virtual functions, so sessions written in C
//! or Python work as those written in Rust with [`SessionImpl`].

use fs_proto::{Codec, MediaType, StreamDirection};
use glib::prelude::*;

use crate::boxed::{CodecList, CodecValue};
use crate::class::class_of;
use crate::enums;
use crate::error::{self, Error};
use crate::ffi::FsSessionClass;
use crate::participant::Participant;
use crate::stream::{Stream, StreamExt};

pub(crate) mod call;
mod class;
mod imp;
pub(crate) mod vfunc;

pub use class::fs_session_get_type;
pub use imp::{SessionImpl, SessionImplExt};

glib::wrapper! {
    /// A session (`FsSession`, abstract); made by [`crate::ConferenceExt::new_session`].
    pub struct Session(Object<crate::ffi::FsSession, crate::ffi::FsSessionClass>);

    match fn {
        type_ => || fs_session_get_type(),
    }
}

// SAFETY: reference counting, properties and signals of GObject are thread-safe, and implementations must be.
unsafe impl Send for Session {}
// SAFETY: as above.
unsafe impl Sync for Session {}

impl Session {
    pub(crate) fn class_ptr(&self) -> *const FsSessionClass {
        // SAFETY: the wrapper holds a live session.
        unsafe { class_of(self.as_ptr()) }
    }

    /// Repeats the stream's errors as errors of this session, with the stream as their source.
    pub(crate) fn forward_errors_of(&self, stream: &Stream) {
        let session = self.downgrade();
        stream.connect_error(move |stream, code, text| {
            if let Some(session) = session.upgrade() {
                session.emit_by_name::<()>("error", &[stream.upcast_ref::<glib::Object>(), &code, &text]);
            }
        });
    }
}

/// What applications do with a session.
pub trait SessionExt: IsA<Session> + 'static {
    /// Makes a stream to a participant (`fs_session_new_stream`). Errors of the stream are repeated on the session.
    fn new_stream(
        &self,
        participant: &impl IsA<Participant>,
        direction: StreamDirection,
    ) -> Result<Stream, glib::Error> {
        let session = self.upcast_ref::<Session>();
        let stream = call::new_stream(session, session.class_ptr(), participant.upcast_ref(), direction)?;
        session.forward_errors_of(&stream);
        Ok(stream)
    }

    /// Starts a telephony event (`fs_session_start_telephony_event`); false if it can't be sent.
    fn start_telephony_event(&self, event: u8, volume: u8) -> bool {
        let session = self.upcast_ref::<Session>();
        call::start_telephony_event(session, session.class_ptr(), event, volume)
    }

    /// Stops the telephony event that plays (`fs_session_stop_telephony_event`).
    fn stop_telephony_event(&self) -> bool {
        let session = self.upcast_ref::<Session>();
        call::stop_telephony_event(session, session.class_ptr())
    }

    /// Chooses the codec to send with (`fs_session_set_send_codec`).
    fn set_send_codec(&self, codec: &Codec) -> Result<(), glib::Error> {
        let session = self.upcast_ref::<Session>();
        call::set_send_codec(session, session.class_ptr(), codec)
    }

    /// Replaces the codec preferences (`fs_session_set_codec_preferences`); an empty list asks for the defaults.
    fn set_codec_preferences(&self, preferences: &[Codec]) -> Result<(), glib::Error> {
        let session = self.upcast_ref::<Session>();
        call::set_codec_preferences(session, session.class_ptr(), preferences)
    }

    /// Names of usable transmitters (`fs_session_list_transmitters`).
    fn list_transmitters(&self) -> Vec<String> {
        let session = self.upcast_ref::<Session>();
        call::list_transmitters(session, session.class_ptr())
    }

    /// Type of the stream transmitter of that name, [`glib::Type::INVALID`] if there is none
    /// (`fs_session_get_stream_transmitter_type`).
    fn stream_transmitter_type(&self, transmitter: &str) -> glib::Type {
        let session = self.upcast_ref::<Session>();
        call::stream_transmitter_type(session, session.class_ptr(), transmitter)
    }

    /// Which new codecs the peer must be told again (`fs_session_codecs_need_resend`).
    fn codecs_need_resend(&self, old: &[Codec], new: &[Codec]) -> Vec<Codec> {
        let session = self.upcast_ref::<Session>();
        call::codecs_need_resend(session, session.class_ptr(), old, new)
    }

    /// Restricts caps (`fs_session_set_allowed_caps`); `None` leaves a side as it is.
    fn set_allowed_caps(&self, sink: Option<&gst::Caps>, src: Option<&gst::Caps>) -> Result<(), glib::Error> {
        let session = self.upcast_ref::<Session>();
        call::set_allowed_caps(session, session.class_ptr(), sink, src)
    }

    /// Sets how to encrypt (`fs_session_set_encryption_parameters`).
    fn set_encryption_parameters(&self, parameters: Option<&gst::StructureRef>) -> Result<(), glib::Error> {
        let session = self.upcast_ref::<Session>();
        call::set_encryption_parameters(session, session.class_ptr(), parameters)
    }

    /// Ends the session and its streams (`fs_session_destroy`); references stay valid.
    fn destroy(&self) {
        // SAFETY: implementations accept use after dispose; their methods then answer DISPOSED.
        unsafe { self.upcast_ref::<Session>().run_dispose() }
    }

    /// Reports an asynchronous error of the session itself (`fs_session_emit_error`).
    fn emit_error(&self, code: Error, text: &str) {
        let source = self.upcast_ref::<Session>().upcast_ref::<glib::Object>();
        self.emit_by_name::<()>("error", &[source, &code, &text]);
    }

    /// Calls back for every error of the session or one of its streams: source, code, text.
    fn connect_error<F>(&self, callback: F) -> glib::SignalHandlerId
    where
        F: Fn(&Session, &glib::Object, Error, &str) + Send + Sync + 'static,
    {
        self.connect("error", false, move |values| {
            let session = values.first()?.get::<Session>().ok()?;
            let source = values.get(1)?.get::<glib::Object>().ok()?;
            let (code, text) = error::arguments(values.get(2..)?)?;
            callback(&session, &source, code, &text);
            None
        })
    }

    /// The codecs, empty while configuration data is missing (property `codecs`).
    fn codecs(&self) -> Vec<Codec> {
        self.property::<CodecList>("codecs").0
    }

    /// The codecs without configuration data (property `codecs-without-config`).
    fn codecs_without_config(&self) -> Vec<Codec> {
        self.property::<CodecList>("codecs-without-config").0
    }

    /// The preferences in force (property `codec-preferences`).
    fn codec_preferences(&self) -> Vec<Codec> {
        self.property::<CodecList>("codec-preferences").0
    }

    /// The codec that is sent with now (property `current-send-codec`).
    fn current_send_codec(&self) -> Option<Codec> {
        self.property::<Option<CodecValue>>("current-send-codec").map(|codec| codec.0)
    }

    /// The pad that takes media to send (property `sink-pad`).
    ///
    /// # Panics
    /// If the implementation has no sink pad, which none of ours does.
    fn sink_pad(&self) -> gst::Pad {
        self.property::<Option<gst::Pad>>("sink-pad").expect("every session has a sink pad")
    }

    /// The session's number in its conference (property `id`).
    fn id(&self) -> u32 {
        self.property("id")
    }

    /// Kind of media (property `media-type`).
    fn media_type(&self) -> MediaType {
        self.property::<enums::MediaType>("media-type").into()
    }
}

impl<O: IsA<Session> + 'static> SessionExt for O {}
