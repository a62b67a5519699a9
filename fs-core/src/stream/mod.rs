//! Streams: the media between a session and one participant (`FsStream`).
//!
//! [`StreamExt`] is what applications call. It goes through the C virtual functions, so streams written in C or
//! Python work as those written in Rust with [`StreamImpl`].

use fs_proto::{Candidate, Codec, StreamDirection};
use glib::prelude::*;
use glib::translate::*;
use gst::prelude::*;

use crate::boxed::{CodecList, CodecValue};
use crate::class::class_of;
use crate::enums;
use crate::error::{self, Error};
use crate::ffi::FsStreamClass;
use crate::parameter;
use crate::participant::Participant;
use crate::session::{Session, SessionExt};

pub(crate) mod call;
mod class;
mod imp;
pub(crate) mod pads;
pub(crate) mod vfunc;

pub use class::fs_stream_get_type;
pub use imp::{StreamImpl, StreamImplExt};

glib::wrapper! {
    /// A stream (`FsStream`, abstract); made by [`crate::SessionExt::new_stream`].
    pub struct Stream(Object<crate::ffi::FsStream, crate::ffi::FsStreamClass>);

    match fn {
        type_ => || fs_stream_get_type(),
    }
}

// SAFETY: reference counting, properties and signals of GObject are thread-safe, and implementations must be.
unsafe impl Send for Stream {}
// SAFETY: as above.
unsafe impl Sync for Stream {}

impl Stream {
    pub(crate) fn class_ptr(&self) -> *const FsStreamClass {
        // SAFETY: the wrapper holds a live stream.
        unsafe { class_of(self.as_ptr()) }
    }
}

/// What applications do with a stream.
pub trait StreamExt: IsA<Stream> + 'static {
    /// Adds candidates of the peer (`fs_stream_add_remote_candidates`).
    fn add_remote_candidates(&self, candidates: &[Candidate]) -> Result<(), glib::Error> {
        let stream = self.upcast_ref::<Stream>();
        call::add_remote_candidates(stream, stream.class_ptr(), candidates)
    }

    /// Sends to exactly these candidates (`fs_stream_force_remote_candidates`).
    fn force_remote_candidates(&self, candidates: &[Candidate]) -> Result<(), glib::Error> {
        let stream = self.upcast_ref::<Stream>();
        call::force_remote_candidates(stream, stream.class_ptr(), candidates)
    }

    /// Sets the codecs of the peer (`fs_stream_set_remote_codecs`).
    fn set_remote_codecs(&self, codecs: &[Codec]) -> Result<(), glib::Error> {
        let stream = self.upcast_ref::<Stream>();
        call::set_remote_codecs(stream, stream.class_ptr(), codecs)
    }

    /// Says that media with this SSRC is this stream's (`fs_stream_add_id`).
    fn add_id(&self, id: u32) {
        let stream = self.upcast_ref::<Stream>();
        call::add_id(stream, stream.class_ptr(), id);
    }

    /// Chooses the transmitter (`fs_stream_set_transmitter`). Values must have the types of the properties.
    fn set_transmitter(
        &self,
        transmitter: &str,
        parameters: &[(String, glib::Value)],
    ) -> Result<(), glib::Error> {
        let stream = self.upcast_ref::<Stream>();
        call::set_transmitter(stream, stream.class_ptr(), transmitter, parameters)
    }

    /// Chooses the transmitter; every parameter must be a property of its streams and its value is converted to
    /// the property's type (`fs_stream_set_transmitter_ht`).
    fn set_transmitter_checked(
        &self,
        transmitter: &str,
        parameters: &[(&str, glib::Value)],
    ) -> Result<(), glib::Error> {
        let converted = if parameters.is_empty() {
            Vec::new()
        } else {
            convert_parameters(self.upcast_ref(), transmitter, parameters)?
        };
        StreamExt::set_transmitter(self, transmitter, &converted)
    }

    /// Sets how to decrypt (`fs_stream_set_decryption_parameters`).
    fn set_decryption_parameters(&self, parameters: Option<&gst::StructureRef>) -> Result<(), glib::Error> {
        let stream = self.upcast_ref::<Stream>();
        call::set_decryption_parameters(stream, stream.class_ptr(), parameters)
    }

    /// Ends the stream (`fs_stream_destroy`); references stay valid.
    fn destroy(&self) {
        // SAFETY: implementations accept use after dispose; their methods then answer DISPOSED.
        unsafe { self.upcast_ref::<Stream>().run_dispose() }
    }

    /// Reports an asynchronous error (`fs_stream_emit_error`); for implementations.
    fn emit_error(&self, code: Error, text: &str) {
        self.emit_by_name::<()>("error", &[&code, &text]);
    }

    /// Announces a new source pad (`fs_stream_emit_src_pad_added`); for implementations. A pad is announced once.
    fn emit_src_pad_added(&self, pad: &impl IsA<gst::Pad>, codec: &Codec) {
        let pad = pad.upcast_ref::<gst::Pad>();
        if pads::add(self.upcast_ref(), pad) {
            self.emit_by_name::<()>("src-pad-added", &[pad, &CodecValue(codec.clone())]);
        } else {
            glib::g_critical!(None::<&str>, "pad {} was announced before", pad.name());
        }
    }

    /// The source pads there are now (`fs_stream_iterate_src_pads`), newest first.
    fn iterate_src_pads(&self) -> Vec<gst::Pad> {
        // SAFETY: the iterator is new and ours.
        let mut iterator: gst::Iterator<gst::Pad> =
            unsafe { from_glib_full(pads::iterate(self.upcast_ref())) };
        let mut found = Vec::new();
        loop {
            match iterator.next() {
                Ok(Some(pad)) => found.push(pad),
                Ok(None) | Err(gst::IteratorError::Error) => return found,
                Err(gst::IteratorError::Resync) => {
                    iterator.resync();
                    found.clear();
                }
            }
        }
    }

    /// Calls back for every new source pad, on a streaming thread.
    fn connect_src_pad_added<F>(&self, callback: F) -> glib::SignalHandlerId
    where
        F: Fn(&Stream, &gst::Pad, &Codec) + Send + Sync + 'static,
    {
        self.connect("src-pad-added", false, move |values| {
            let stream = values.first()?.get::<Stream>().ok()?;
            let pad = values.get(1)?.get::<gst::Pad>().ok()?;
            let codec = values.get(2)?.get::<CodecValue>().ok()?;
            callback(&stream, &pad, &codec.0);
            None
        })
    }

    /// Calls back for every asynchronous error: code and text.
    fn connect_error<F>(&self, callback: F) -> glib::SignalHandlerId
    where
        F: Fn(&Stream, Error, &str) + Send + Sync + 'static,
    {
        self.connect("error", false, move |values| {
            let stream = values.first()?.get::<Stream>().ok()?;
            let (code, text) = error::arguments(values.get(1..)?)?;
            callback(&stream, code, &text);
            None
        })
    }

    /// Which ways media flows (property `direction`).
    fn direction(&self) -> StreamDirection {
        self.property::<enums::StreamDirection>("direction").into()
    }

    /// Changes which ways media flows.
    fn set_direction(&self, direction: StreamDirection) {
        self.set_property("direction", enums::StreamDirection::from(direction));
    }

    /// The session; `None` once the stream is destroyed (property `session`).
    fn session(&self) -> Option<Session> {
        self.property("session")
    }

    /// The participant; `None` once the stream is destroyed (property `participant`).
    fn participant(&self) -> Option<Participant> {
        self.property("participant")
    }

    /// The codecs of the peer as they were set (property `remote-codecs`).
    fn remote_codecs(&self) -> Vec<Codec> {
        self.property::<CodecList>("remote-codecs").0
    }

    /// What both sides can use (property `negotiated-codecs`).
    fn negotiated_codecs(&self) -> Vec<Codec> {
        self.property::<CodecList>("negotiated-codecs").0
    }

    /// The codecs that arrive now (property `current-recv-codecs`).
    fn current_recv_codecs(&self) -> Vec<Codec> {
        self.property::<CodecList>("current-recv-codecs").0
    }
}

impl<O: IsA<Stream> + 'static> StreamExt for O {}

/// Converts parameters to the property types of the transmitter's streams.
pub(crate) fn convert_parameters<N: AsRef<str>>(
    stream: &Stream,
    transmitter: &str,
    parameters: &[(N, glib::Value)],
) -> Result<Vec<(String, glib::Value)>, glib::Error> {
    let Some(session) = stream.session() else {
        let text = format!("the stream is destroyed, transmitter '{transmitter}' can't be set");
        return Err(glib::Error::new(Error::Disposed, &text));
    };
    parameter::convert(session.stream_transmitter_type(transmitter), transmitter, parameters)
}
