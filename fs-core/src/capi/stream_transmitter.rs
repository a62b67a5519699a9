//! `farstream/fs-stream-transmitter.h`.

use std::ffi::{c_char, c_int};

use glib::ffi::{GError, GFALSE, GList, gboolean};
use glib::gobject_ffi;

use super::{check, is_a};
use crate::class::class_of;
use crate::ffi::FsStreamTransmitter;
use crate::stream_transmitter::{fs_stream_transmitter_get_type, vfunc};

/// Whether this is a stream transmitter.
fn is_transmitter(transmitter: *mut FsStreamTransmitter) -> bool {
    // SAFETY: the C caller passes a live instance or NULL.
    unsafe { is_a(transmitter, fs_stream_transmitter_get_type()) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_stream_transmitter_add_remote_candidates(
    streamtransmitter: *mut FsStreamTransmitter,
    candidates: *mut GList,
    error: *mut *mut GError,
) -> gboolean {
    let transmitter = streamtransmitter;
    check!(c"fs_stream_transmitter_add_remote_candidates", is_transmitter(transmitter), error
        => GFALSE);
    // SAFETY: a stream transmitter, whose class begins with ours, and a list of candidates.
    unsafe { vfunc::add_remote_candidates(class_of(transmitter), transmitter, candidates, error) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_stream_transmitter_force_remote_candidates(
    streamtransmitter: *mut FsStreamTransmitter,
    remote_candidates: *mut GList,
    error: *mut *mut GError,
) -> gboolean {
    let transmitter = streamtransmitter;
    check!(c"fs_stream_transmitter_force_remote_candidates", is_transmitter(transmitter), error
        => GFALSE);
    // SAFETY: a stream transmitter, whose class begins with ours, and a list of candidates.
    unsafe { vfunc::force_remote_candidates(class_of(transmitter), transmitter, remote_candidates, error) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_stream_transmitter_gather_local_candidates(
    streamtransmitter: *mut FsStreamTransmitter,
    error: *mut *mut GError,
) -> gboolean {
    let transmitter = streamtransmitter;
    check!(c"fs_stream_transmitter_gather_local_candidates", is_transmitter(transmitter), error
        => GFALSE);
    // SAFETY: a stream transmitter, whose class begins with ours.
    unsafe { vfunc::gather_local_candidates(class_of(transmitter), transmitter, error) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_stream_transmitter_stop(streamtransmitter: *mut FsStreamTransmitter) {
    let transmitter = streamtransmitter;
    check!(c"fs_stream_transmitter_stop", is_transmitter(transmitter));
    // SAFETY: a stream transmitter, whose class begins with ours.
    unsafe { vfunc::stop(class_of(transmitter), transmitter) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_stream_transmitter_emit_error(
    streamtransmitter: *mut FsStreamTransmitter,
    error_no: c_int,
    error_msg: *const c_char,
) {
    let transmitter = streamtransmitter;
    check!(c"fs_stream_transmitter_emit_error", is_transmitter(transmitter));
    // SAFETY: the arguments have the types of the signal.
    unsafe {
        gobject_ffi::g_signal_emit_by_name(transmitter.cast(), c"error".as_ptr(), error_no, error_msg);
    }
}
