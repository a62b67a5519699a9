//! Calls of the virtual functions of a stream transmitter with Rust values.

use fs_proto::Candidate;
use glib::prelude::*;

use super::{StreamTransmitter, vfunc};
use crate::boxed::list::Lent;
use crate::class::bool_result;
use crate::ffi::FsStreamTransmitterClass;

type Class = *const FsStreamTransmitterClass;

pub(crate) fn add_remote_candidates(
    transmitter: &StreamTransmitter,
    class: Class,
    candidates: &[Candidate],
) -> Result<(), glib::Error> {
    let candidates = Lent::new(candidates);
    let mut error = std::ptr::null_mut();
    // SAFETY: transmitter and list live during the call.
    unsafe {
        let ok = vfunc::add_remote_candidates(class, transmitter.as_ptr(), candidates.as_ptr(), &mut error);
        bool_result("add_remote_candidates", ok, error)
    }
}

pub(crate) fn force_remote_candidates(
    transmitter: &StreamTransmitter,
    class: Class,
    candidates: &[Candidate],
) -> Result<(), glib::Error> {
    let candidates = Lent::new(candidates);
    let mut error = std::ptr::null_mut();
    // SAFETY: transmitter and list live during the call.
    unsafe {
        let ok = vfunc::force_remote_candidates(class, transmitter.as_ptr(), candidates.as_ptr(), &mut error);
        bool_result("force_remote_candidates", ok, error)
    }
}

pub(crate) fn gather_local_candidates(
    transmitter: &StreamTransmitter,
    class: Class,
) -> Result<(), glib::Error> {
    let mut error = std::ptr::null_mut();
    // SAFETY: the transmitter lives.
    unsafe {
        let ok = vfunc::gather_local_candidates(class, transmitter.as_ptr(), &mut error);
        bool_result("gather_local_candidates", ok, error)
    }
}

pub(crate) fn stop(transmitter: &StreamTransmitter, class: Class) {
    // SAFETY: the transmitter lives.
    unsafe { vfunc::stop(class, transmitter.as_ptr()) }
}
