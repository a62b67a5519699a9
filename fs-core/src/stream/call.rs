//! Calls of the virtual functions of a stream with Rust values.
//!
//! `class` is the stream's own class, or its parent's when a subclass chains up.

use fs_proto::{Candidate, Codec};
use glib::prelude::*;
use glib::translate::*;

use super::{Stream, vfunc};
use crate::boxed::list::Lent;
use crate::class::bool_result;
use crate::ffi::FsStreamClass;
use crate::parameter;

type Class = *const FsStreamClass;

pub(crate) fn add_remote_candidates(
    stream: &Stream,
    class: Class,
    candidates: &[Candidate],
) -> Result<(), glib::Error> {
    let candidates = Lent::new(candidates);
    let mut error = std::ptr::null_mut();
    // SAFETY: stream and list live during the call.
    unsafe {
        let ok = vfunc::add_remote_candidates(class, stream.as_ptr(), candidates.as_ptr(), &mut error);
        bool_result("add_remote_candidates", ok, error)
    }
}

pub(crate) fn force_remote_candidates(
    stream: &Stream,
    class: Class,
    candidates: &[Candidate],
) -> Result<(), glib::Error> {
    let candidates = Lent::new(candidates);
    let mut error = std::ptr::null_mut();
    // SAFETY: stream and list live during the call.
    unsafe {
        let ok = vfunc::force_remote_candidates(class, stream.as_ptr(), candidates.as_ptr(), &mut error);
        bool_result("force_remote_candidates", ok, error)
    }
}

pub(crate) fn set_remote_codecs(stream: &Stream, class: Class, codecs: &[Codec]) -> Result<(), glib::Error> {
    let codecs = Lent::new(codecs);
    let mut error = std::ptr::null_mut();
    // SAFETY: stream and list live during the call.
    unsafe {
        let ok = vfunc::set_remote_codecs(class, stream.as_ptr(), codecs.as_ptr(), &mut error);
        bool_result("set_remote_codecs", ok, error)
    }
}

pub(crate) fn add_id(stream: &Stream, class: Class, id: u32) {
    // SAFETY: the stream lives.
    unsafe { vfunc::add_id(class, stream.as_ptr(), id) }
}

pub(crate) fn set_transmitter(
    stream: &Stream,
    class: Class,
    transmitter: &str,
    parameters: &[(String, glib::Value)],
) -> Result<(), glib::Error> {
    let mut parameters = parameter::Lent::new(parameters);
    let mut error = std::ptr::null_mut();
    // SAFETY: stream, name and parameters live during the call.
    unsafe {
        let n = parameters.len();
        let name = transmitter.to_glib_none();
        let array = parameters.as_mut_ptr();
        let ok = vfunc::set_transmitter(class, stream.as_ptr(), name.0, array, n, &mut error);
        bool_result("set_transmitter", ok, error)
    }
}

pub(crate) fn set_decryption_parameters(
    stream: &Stream,
    class: Class,
    parameters: Option<&gst::StructureRef>,
) -> Result<(), glib::Error> {
    let mut error = std::ptr::null_mut();
    // SAFETY: stream and structure live during the call; the callee only reads the structure.
    unsafe {
        let parameters = parameters.map_or(std::ptr::null_mut(), |p| p.as_ptr().cast_mut());
        let ok = vfunc::set_decryption_parameters(class, stream.as_ptr(), parameters, &mut error);
        bool_result("set_decryption_parameters", ok, error)
    }
}
