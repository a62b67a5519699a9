//! `farstream/fs-transmitter.h`.

use std::ffi::{c_char, c_int, c_uint};

use glib::ffi::{GError, GHashTable, GType};
use glib::gobject_ffi::{self, G_TYPE_INVALID, GParameter};
use glib::prelude::*;
use glib::translate::*;

use super::{check, critical, is_a};
use crate::boxed::read_text;
use crate::class::{class_of, guard, guard_result};
use crate::ffi::{FsParticipant, FsStreamTransmitter, FsTransmitter, FsTransmitterClass};
use crate::parameter;
use crate::participant::Participant;
use crate::transmitter::{Transmitter, TransmitterExt, fs_transmitter_get_type, vfunc};

/// Whether this is a transmitter.
fn is_transmitter(transmitter: *mut FsTransmitter) -> bool {
    // SAFETY: the C caller passes a live instance or NULL.
    unsafe { is_a(transmitter, fs_transmitter_get_type()) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_transmitter_new(
    type_: *const c_char,
    components: c_uint,
    tos: c_uint,
    error: *mut *mut GError,
) -> *mut FsTransmitter {
    let null = std::ptr::null_mut();
    check!(c"fs_transmitter_new", !type_.is_null(), error => null);
    check!(c"fs_transmitter_new", (tos <= 255), error => null);
    // SAFETY: a NUL-terminated name and the caller's error place; the answer goes to the caller.
    unsafe {
        guard_result("fs_transmitter_new", error, || Transmitter::new(&read_text(type_), components, tos))
            .map_or(null, IntoGlibPtr::into_glib_ptr)
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_transmitter_new_stream_transmitter(
    transmitter: *mut FsTransmitter,
    participant: *mut FsParticipant,
    n_parameters: c_uint,
    parameters: *mut GParameter,
    error: *mut *mut GError,
) -> *mut FsStreamTransmitter {
    let null = std::ptr::null_mut();
    check!(c"fs_transmitter_new_stream_transmitter", is_transmitter(transmitter), error => null);
    // SAFETY: a transmitter, whose class begins with ours, and `n_parameters` parameters.
    unsafe {
        let class = class_of::<_, FsTransmitterClass>(transmitter);
        if (*class).new_stream_transmitter.is_none() {
            critical(c"fs_transmitter_new_stream_transmitter", "klass->new_stream_transmitter");
        }
        vfunc::new_stream_transmitter(class, transmitter, participant, n_parameters, parameters, error)
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_transmitter_new_stream_transmitter_ht(
    transmitter: *mut FsTransmitter,
    participant: *mut FsParticipant,
    parameters: *mut GHashTable,
    error: *mut *mut GError,
) -> *mut FsStreamTransmitter {
    let null = std::ptr::null_mut();
    check!(c"fs_transmitter_new_stream_transmitter_ht", is_transmitter(transmitter), error => null);
    // SAFETY: a transmitter, a participant or NULL, a table of values or NULL, and the caller's error place.
    unsafe {
        guard_result("fs_transmitter_new_stream_transmitter_ht", error, || {
            let transmitter: Borrowed<Transmitter> = from_glib_borrow(transmitter);
            let participant: Borrowed<Option<Participant>> = from_glib_borrow(participant);
            let parameters = parameter::read_table(parameters)?;
            let converted = if parameters.is_empty() {
                parameters
            } else {
                parameter::convert(
                    transmitter.stream_transmitter_type(),
                    transmitter.type_().name(),
                    &parameters,
                )?
            };
            transmitter.new_stream_transmitter((*participant).as_ref(), &converted)
        })
        .map_or(null, IntoGlibPtr::into_glib_ptr)
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_transmitter_set_construction_error(
    transmitter: *mut FsTransmitter,
    error: *const GError,
) {
    check!(c"fs_transmitter_set_construction_error", is_transmitter(transmitter));
    check!(c"fs_transmitter_set_construction_error", !error.is_null());
    // SAFETY: the field belongs to the construction of this instance, which runs on one thread.
    unsafe {
        glib::ffi::g_clear_error(&raw mut (*transmitter).construction_error);
        (*transmitter).construction_error = glib::ffi::g_error_copy(error);
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_transmitter_get_stream_transmitter_type(
    transmitter: *mut FsTransmitter,
) -> GType {
    check!(c"fs_transmitter_get_stream_transmitter_type", is_transmitter(transmitter)
        => G_TYPE_INVALID);
    // SAFETY: a transmitter, whose class begins with ours.
    unsafe {
        let class = class_of::<_, FsTransmitterClass>(transmitter);
        if (*class).get_stream_transmitter_type.is_none() {
            critical(c"fs_transmitter_get_stream_transmitter_type", "klass->get_stream_transmitter_type");
        }
        vfunc::stream_transmitter_type(class, transmitter)
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_transmitter_emit_error(
    transmitter: *mut FsTransmitter,
    error_no: c_int,
    error_msg: *const c_char,
) {
    check!(c"fs_transmitter_emit_error", is_transmitter(transmitter));
    // SAFETY: the arguments have the types of the signal.
    unsafe {
        gobject_ffi::g_signal_emit_by_name(transmitter.cast(), c"error".as_ptr(), error_no, error_msg);
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn fs_transmitter_list_available() -> *mut *mut c_char {
    guard("fs_transmitter_list_available", std::ptr::null_mut(), || {
        let names = Transmitter::list_available();
        if names.is_empty() { std::ptr::null_mut() } else { names.to_glib_full() }
    })
}
