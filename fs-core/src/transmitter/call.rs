//! Calls of the virtual functions of a transmitter with Rust values.

use glib::prelude::*;
use glib::translate::*;

use super::{Transmitter, vfunc};
use crate::class::object_result;
use crate::ffi::FsTransmitterClass;
use crate::parameter;
use crate::participant::Participant;
use crate::stream_transmitter::StreamTransmitter;

type Class = *const FsTransmitterClass;

pub(crate) fn new_stream_transmitter(
    transmitter: &Transmitter,
    class: Class,
    participant: Option<&Participant>,
    parameters: &[(String, glib::Value)],
) -> Result<StreamTransmitter, glib::Error> {
    let mut parameters = parameter::Lent::new(parameters);
    let participant = participant.map_or(std::ptr::null_mut(), ObjectType::as_ptr);
    let mut error = std::ptr::null_mut();
    // SAFETY: objects and parameters live during the call; the answer is ours.
    unsafe {
        let (n, array) = (parameters.len(), parameters.as_mut_ptr());
        let transmitter = transmitter.as_ptr();
        let made = vfunc::new_stream_transmitter(class, transmitter, participant, n, array, &mut error);
        object_result("new_stream_transmitter", made, error)
    }
}

pub(crate) fn stream_transmitter_type(transmitter: &Transmitter, class: Class) -> glib::Type {
    // SAFETY: the transmitter lives.
    unsafe { from_glib(vfunc::stream_transmitter_type(class, transmitter.as_ptr())) }
}
