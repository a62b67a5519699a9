//! Calls of the virtual functions of a session with Rust values.
//!
//! `class` is the session's own class, or its parent's when a subclass chains up.

use fs_proto::{Codec, StreamDirection};
use glib::prelude::*;
use glib::translate::*;

use super::{Session, vfunc};
use crate::boxed::list::{self, Lent, LentOne};
use crate::class::{bool_result, object_result};
use crate::ffi::{FsSession, FsSessionClass};
use crate::participant::Participant;
use crate::stream::Stream;

type Class = *const FsSessionClass;

fn raw(session: &Session) -> *mut FsSession {
    session.as_ptr()
}

pub(crate) fn new_stream(
    session: &Session,
    class: Class,
    participant: &Participant,
    direction: StreamDirection,
) -> Result<Stream, glib::Error> {
    let mut error = std::ptr::null_mut();
    // SAFETY: all pointers belong to live objects; the answer is ours.
    unsafe {
        let stream =
            vfunc::new_stream(class, raw(session), participant.as_ptr(), direction.bits(), &mut error);
        object_result("new_stream", stream, error)
    }
}

pub(crate) fn start_telephony_event(session: &Session, class: Class, event: u8, volume: u8) -> bool {
    // SAFETY: the session lives.
    unsafe { from_glib(vfunc::start_telephony_event(class, raw(session), event, volume)) }
}

pub(crate) fn stop_telephony_event(session: &Session, class: Class) -> bool {
    // SAFETY: the session lives.
    unsafe { from_glib(vfunc::stop_telephony_event(class, raw(session))) }
}

pub(crate) fn set_send_codec(session: &Session, class: Class, codec: &Codec) -> Result<(), glib::Error> {
    let codec = LentOne::new(codec);
    let mut error = std::ptr::null_mut();
    // SAFETY: session and codec live during the call.
    unsafe {
        let ok = vfunc::set_send_codec(class, raw(session), codec.as_ptr(), &mut error);
        bool_result("set_send_codec", ok, error)
    }
}

pub(crate) fn set_codec_preferences(
    session: &Session,
    class: Class,
    preferences: &[Codec],
) -> Result<(), glib::Error> {
    let preferences = Lent::new(preferences);
    let mut error = std::ptr::null_mut();
    // SAFETY: session and list live during the call.
    unsafe {
        let ok = vfunc::set_codec_preferences(class, raw(session), preferences.as_ptr(), &mut error);
        bool_result("set_codec_preferences", ok, error)
    }
}

pub(crate) fn list_transmitters(session: &Session, class: Class) -> Vec<String> {
    // SAFETY: the session lives; the answer is ours.
    unsafe { FromGlibPtrContainer::from_glib_full(vfunc::list_transmitters(class, raw(session))) }
}

pub(crate) fn stream_transmitter_type(session: &Session, class: Class, transmitter: &str) -> glib::Type {
    // SAFETY: session and name live during the call.
    unsafe { from_glib(vfunc::stream_transmitter_type(class, raw(session), transmitter.to_glib_none().0)) }
}

pub(crate) fn codecs_need_resend(
    session: &Session,
    class: Class,
    old: &[Codec],
    new: &[Codec],
) -> Vec<Codec> {
    let (old, new) = (Lent::new(old), Lent::new(new));
    // SAFETY: session and lists live during the call; the answer is ours.
    unsafe {
        let answer = vfunc::codecs_need_resend(class, raw(session), old.as_ptr(), new.as_ptr());
        let codecs = list::read(answer);
        list::free::<Codec>(answer);
        codecs
    }
}

pub(crate) fn set_allowed_caps(
    session: &Session,
    class: Class,
    sink: Option<&gst::Caps>,
    src: Option<&gst::Caps>,
) -> Result<(), glib::Error> {
    let mut error = std::ptr::null_mut();
    // SAFETY: session and caps live during the call.
    unsafe {
        let (sink, src) = (sink.to_glib_none(), src.to_glib_none());
        let ok = vfunc::set_allowed_caps(class, raw(session), sink.0, src.0, &mut error);
        bool_result("set_allowed_caps", ok, error)
    }
}

pub(crate) fn set_encryption_parameters(
    session: &Session,
    class: Class,
    parameters: Option<&gst::StructureRef>,
) -> Result<(), glib::Error> {
    let mut error = std::ptr::null_mut();
    // SAFETY: session and structure live during the call; the callee only reads the structure.
    unsafe {
        let parameters = parameters.map_or(std::ptr::null_mut(), |p| p.as_ptr().cast_mut());
        let ok = vfunc::set_encryption_parameters(class, raw(session), parameters, &mut error);
        bool_result("set_encryption_parameters", ok, error)
    }
}
