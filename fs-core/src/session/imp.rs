//! Sessions written in Rust: the trait, chaining up, and the C functions that lead to it.

use std::ffi::{c_char, c_uint};

use fs_proto::{Codec, StreamDirection};
use glib::ffi::{GError, GFALSE, GList, GTRUE, GType, gboolean};
use glib::prelude::*;
use glib::subclass::prelude::*;
use glib::translate::*;
use gst::ffi::{GstCaps, GstStructure};

use super::{Session, call, fs_session_get_type};
use crate::boxed::{CStruct, list, read_text};
use crate::class::{guard, guard_result, not_null, parent_class};
use crate::ffi::{FsCodec, FsParticipant, FsSession, FsSessionClass, FsStream};
use crate::participant::Participant;
use crate::stream::Stream;

/// Virtual functions of a session. What is not overridden chains up; the base class answers NOT_IMPLEMENTED,
/// `false` or nothing.
pub trait SessionImpl: ObjectImpl + ObjectSubclass<Type: IsA<Session>> + Send + Sync {
    /// Makes a stream to a participant (`new_stream`).
    fn new_stream(
        &self,
        participant: &Participant,
        direction: StreamDirection,
    ) -> Result<Stream, glib::Error> {
        self.parent_new_stream(participant, direction)
    }

    /// Starts a telephony event (0 to 15, RFC 4733), volume 0 to 36 in -dBm0; false if it can't.
    fn start_telephony_event(&self, event: u8, volume: u8) -> bool {
        self.parent_start_telephony_event(event, volume)
    }

    /// Stops the telephony event that plays; false if there is none.
    fn stop_telephony_event(&self) -> bool {
        self.parent_stop_telephony_event()
    }

    /// Chooses the codec to send with, one of `codecs`. One without a name stands for the NULL of a C program.
    fn set_send_codec(&self, codec: &Codec) -> Result<(), glib::Error> {
        self.parent_set_send_codec(codec)
    }

    /// Replaces the codec preferences.
    fn set_codec_preferences(&self, preferences: &[Codec]) -> Result<(), glib::Error> {
        self.parent_set_codec_preferences(preferences)
    }

    /// Names of the transmitters this session can use.
    fn list_transmitters(&self) -> Vec<String> {
        self.parent_list_transmitters()
    }

    /// Type of the stream transmitter of that name; [`glib::Type::INVALID`] for an unknown name.
    fn stream_transmitter_type(&self, transmitter: &str) -> glib::Type {
        self.parent_stream_transmitter_type(transmitter)
    }

    /// Which of the new codecs the peer must be told again, compared with the old ones.
    fn codecs_need_resend(&self, old: &[Codec], new: &[Codec]) -> Vec<Codec> {
        self.parent_codecs_need_resend(old, new)
    }

    /// Restricts what the sink pad takes and what streams give; `None` leaves a side as it is.
    fn set_allowed_caps(&self, sink: Option<&gst::Caps>, src: Option<&gst::Caps>) -> Result<(), glib::Error> {
        self.parent_set_allowed_caps(sink, src)
    }

    /// Sets how the session encrypts; `None` sends in the clear.
    fn set_encryption_parameters(&self, parameters: Option<&gst::StructureRef>) -> Result<(), glib::Error> {
        self.parent_set_encryption_parameters(parameters)
    }
}

/// Chaining up from a [`SessionImpl`].
pub trait SessionImplExt: SessionImpl {
    /// The parent's `new_stream`.
    fn parent_new_stream(
        &self,
        participant: &Participant,
        direction: StreamDirection,
    ) -> Result<Stream, glib::Error> {
        call::new_stream(self.obj().upcast_ref(), parent_class::<Self, _>(), participant, direction)
    }

    /// The parent's `start_telephony_event`.
    fn parent_start_telephony_event(&self, event: u8, volume: u8) -> bool {
        call::start_telephony_event(self.obj().upcast_ref(), parent_class::<Self, _>(), event, volume)
    }

    /// The parent's `stop_telephony_event`.
    fn parent_stop_telephony_event(&self) -> bool {
        call::stop_telephony_event(self.obj().upcast_ref(), parent_class::<Self, _>())
    }

    /// The parent's `set_send_codec`.
    fn parent_set_send_codec(&self, codec: &Codec) -> Result<(), glib::Error> {
        call::set_send_codec(self.obj().upcast_ref(), parent_class::<Self, _>(), codec)
    }

    /// The parent's `set_codec_preferences`.
    fn parent_set_codec_preferences(&self, preferences: &[Codec]) -> Result<(), glib::Error> {
        call::set_codec_preferences(self.obj().upcast_ref(), parent_class::<Self, _>(), preferences)
    }

    /// The parent's `list_transmitters`.
    fn parent_list_transmitters(&self) -> Vec<String> {
        call::list_transmitters(self.obj().upcast_ref(), parent_class::<Self, _>())
    }

    /// The parent's `stream_transmitter_type`.
    fn parent_stream_transmitter_type(&self, transmitter: &str) -> glib::Type {
        call::stream_transmitter_type(self.obj().upcast_ref(), parent_class::<Self, _>(), transmitter)
    }

    /// The parent's `codecs_need_resend`.
    fn parent_codecs_need_resend(&self, old: &[Codec], new: &[Codec]) -> Vec<Codec> {
        call::codecs_need_resend(self.obj().upcast_ref(), parent_class::<Self, _>(), old, new)
    }

    /// The parent's `set_allowed_caps`.
    fn parent_set_allowed_caps(
        &self,
        sink: Option<&gst::Caps>,
        src: Option<&gst::Caps>,
    ) -> Result<(), glib::Error> {
        call::set_allowed_caps(self.obj().upcast_ref(), parent_class::<Self, _>(), sink, src)
    }

    /// The parent's `set_encryption_parameters`.
    fn parent_set_encryption_parameters(
        &self,
        parameters: Option<&gst::StructureRef>,
    ) -> Result<(), glib::Error> {
        call::set_encryption_parameters(self.obj().upcast_ref(), parent_class::<Self, _>(), parameters)
    }
}

impl<T: SessionImpl> SessionImplExt for T {}

// SAFETY: every function put into the class takes exactly the instances of the subclass.
unsafe impl<T: SessionImpl> IsSubclassable<T> for Session {
    fn class_init(class: &mut glib::Class<Self>) {
        Self::parent_class_init::<T>(class);
        debug_assert!(fs_session_get_type() != 0);
        let class: &mut FsSessionClass = class.as_mut();
        class.new_stream = Some(new_stream::<T>);
        class.start_telephony_event = Some(start_telephony_event::<T>);
        class.stop_telephony_event = Some(stop_telephony_event::<T>);
        class.set_send_codec = Some(set_send_codec::<T>);
        class.set_codec_preferences = Some(set_codec_preferences::<T>);
        class.list_transmitters = Some(list_transmitters::<T>);
        class.get_stream_transmitter_type = Some(get_stream_transmitter_type::<T>);
        class.codecs_need_resend = Some(codecs_need_resend::<T>);
        class.set_allowed_caps = Some(set_allowed_caps::<T>);
        class.set_encryption_parameters = Some(set_encryption_parameters::<T>);
    }
}

unsafe fn imp<'a, T: SessionImpl>(session: *mut FsSession) -> &'a T {
    // SAFETY: the class holds these functions for instances of `T` only.
    unsafe { (*session.cast::<T::Instance>()).imp() }
}

unsafe extern "C" fn new_stream<T: SessionImpl>(
    session: *mut FsSession,
    participant: *mut FsParticipant,
    direction: c_uint,
    error: *mut *mut GError,
) -> *mut FsStream {
    // SAFETY: the caller passes a session, a participant and an error place, as the C interface demands.
    unsafe {
        guard_result("new_stream", error, || {
            let participant: Borrowed<Participant> = from_glib_borrow(not_null(participant, "participant")?);
            imp::<T>(session).new_stream(&participant, StreamDirection::from_bits(direction))
        })
        .map_or(std::ptr::null_mut(), IntoGlibPtr::into_glib_ptr)
    }
}

unsafe extern "C" fn start_telephony_event<T: SessionImpl>(
    session: *mut FsSession,
    event: u8,
    volume: u8,
) -> gboolean {
    // SAFETY: the caller passes a session of this class.
    guard("start_telephony_event", GFALSE, || unsafe {
        imp::<T>(session).start_telephony_event(event, volume).into_glib()
    })
}

unsafe extern "C" fn stop_telephony_event<T: SessionImpl>(session: *mut FsSession) -> gboolean {
    // SAFETY: the caller passes a session of this class.
    guard("stop_telephony_event", GFALSE, || unsafe { imp::<T>(session).stop_telephony_event().into_glib() })
}

/// What a NULL of C becomes: a codec without a name, which equals none.
fn no_codec() -> Codec {
    Codec::new(Codec::ID_ANY, "", fs_proto::MediaType::Audio, 0)
}

unsafe extern "C" fn set_send_codec<T: SessionImpl>(
    session: *mut FsSession,
    codec: *mut FsCodec,
    error: *mut *mut GError,
) -> gboolean {
    // SAFETY: the caller passes a session of this class, a valid codec or NULL, and an error place.
    unsafe {
        guard_result("set_send_codec", error, || {
            // Which error it is, is for the session to say: it may be destroyed, or have no such choice.
            let codec = codec.as_ref().map_or_else(no_codec, |codec| Codec::read(codec));
            imp::<T>(session).set_send_codec(&codec)
        })
        .map_or(GFALSE, |()| GTRUE)
    }
}

unsafe extern "C" fn set_codec_preferences<T: SessionImpl>(
    session: *mut FsSession,
    preferences: *mut GList,
    error: *mut *mut GError,
) -> gboolean {
    // SAFETY: the caller passes a session of this class, a list of codecs and an error place.
    unsafe {
        guard_result("set_codec_preferences", error, || {
            imp::<T>(session).set_codec_preferences(&list::read::<Codec>(preferences))
        })
        .map_or(GFALSE, |()| GTRUE)
    }
}

unsafe extern "C" fn list_transmitters<T: SessionImpl>(session: *mut FsSession) -> *mut *mut c_char {
    // SAFETY: the caller passes a session of this class and owns the answer.
    guard("list_transmitters", std::ptr::null_mut(), || unsafe {
        let names = imp::<T>(session).list_transmitters();
        if names.is_empty() { std::ptr::null_mut() } else { names.to_glib_full() }
    })
}

unsafe extern "C" fn get_stream_transmitter_type<T: SessionImpl>(
    session: *mut FsSession,
    transmitter: *const c_char,
) -> GType {
    // SAFETY: the caller passes a session of this class and a name.
    guard("get_stream_transmitter_type", glib::Type::INVALID.into_glib(), || unsafe {
        imp::<T>(session).stream_transmitter_type(&read_text(transmitter)).into_glib()
    })
}

unsafe extern "C" fn codecs_need_resend<T: SessionImpl>(
    session: *mut FsSession,
    old: *mut GList,
    new: *mut GList,
) -> *mut GList {
    // SAFETY: the caller passes a session of this class and two lists of codecs, and owns the answer.
    guard("codecs_need_resend", std::ptr::null_mut(), || unsafe {
        let (old, new) = (list::read::<Codec>(old), list::read::<Codec>(new));
        list::write(&imp::<T>(session).codecs_need_resend(&old, &new))
    })
}

unsafe extern "C" fn set_allowed_caps<T: SessionImpl>(
    session: *mut FsSession,
    sink: *mut GstCaps,
    src: *mut GstCaps,
    error: *mut *mut GError,
) -> gboolean {
    // SAFETY: the caller passes a session of this class, caps or NULL, and an error place.
    unsafe {
        guard_result("set_allowed_caps", error, || {
            let sink: Borrowed<Option<gst::Caps>> = from_glib_borrow(sink);
            let src: Borrowed<Option<gst::Caps>> = from_glib_borrow(src);
            imp::<T>(session).set_allowed_caps((*sink).as_ref(), (*src).as_ref())
        })
        .map_or(GFALSE, |()| GTRUE)
    }
}

unsafe extern "C" fn set_encryption_parameters<T: SessionImpl>(
    session: *mut FsSession,
    parameters: *mut GstStructure,
    error: *mut *mut GError,
) -> gboolean {
    // SAFETY: the caller passes a session of this class, a structure or NULL, and an error place.
    unsafe {
        guard_result("set_encryption_parameters", error, || {
            let parameters = (!parameters.is_null()).then(|| gst::StructureRef::from_glib_borrow(parameters));
            imp::<T>(session).set_encryption_parameters(parameters)
        })
        .map_or(GFALSE, |()| GTRUE)
    }
}
