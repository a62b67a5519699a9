//! Calls of the virtual functions of `FsTransmitter` in their C form, with the answers for missing ones.

use std::ffi::c_uint;

use glib::ffi::{GError, GType};
use glib::gobject_ffi::{G_TYPE_INVALID, GParameter};

use crate::class::{answer_object, refuse};
use crate::ffi::{FsParticipant, FsStreamTransmitter, FsTransmitter, FsTransmitterClass};

/// `new_stream_transmitter`; missing: NULL, NOT_IMPLEMENTED.
pub(crate) unsafe fn new_stream_transmitter(
    class: *const FsTransmitterClass,
    transmitter: *mut FsTransmitter,
    participant: *mut FsParticipant,
    n: c_uint,
    parameters: *mut GParameter,
    error: *mut *mut GError,
) -> *mut FsStreamTransmitter {
    // SAFETY: the caller vouches for class, instance and arguments.
    unsafe {
        match (*class).new_stream_transmitter {
            Some(f) => {
                let made = f(transmitter, participant, n, parameters, error);
                answer_object("new_stream_transmitter", made, error)
            }
            None => refuse(transmitter, "new_stream_transmitter", error, std::ptr::null_mut()),
        }
    }
}

/// `get_stream_transmitter_type`; missing: no type.
pub(crate) unsafe fn stream_transmitter_type(
    class: *const FsTransmitterClass,
    transmitter: *mut FsTransmitter,
) -> GType {
    // SAFETY: the caller vouches for class and instance.
    unsafe { (*class).get_stream_transmitter_type.map_or(G_TYPE_INVALID, |f| f(transmitter)) }
}
