//! `farstream/fs-stream.h`.

use std::ffi::{c_char, c_int, c_uint};

use fs_proto::Codec;
use glib::ffi::{GError, GFALSE, GHashTable, GList, GTRUE, gboolean};
use glib::gobject_ffi::{self, G_TYPE_ENUM, GParameter};
use glib::prelude::*;
use glib::translate::*;
use gst::ffi::{GstIterator, GstMessage, GstPad, GstStructure};

use super::fields::{Fields, is_message, store};
use super::{check, is_a, rtp};
use crate::boxed::candidate::{fs_candidate_get_type, fs_candidate_list_get_type};
use crate::boxed::codec::fs_codec_list_get_type;
use crate::boxed::{CStruct, read_text};
use crate::class::{class_of, guard, guard_result};
use crate::ffi::{FsCandidate, FsCodec, FsStream, FsStreamState};
use crate::parameter;
use crate::stream::{Stream, StreamExt, convert_parameters, fs_stream_get_type, pads, vfunc};

/// Whether this is a stream.
fn is_stream(stream: *mut FsStream) -> bool {
    // SAFETY: the C caller passes a live instance or NULL.
    unsafe { is_a(stream, fs_stream_get_type()) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_stream_add_remote_candidates(
    stream: *mut FsStream,
    candidates: *mut GList,
    error: *mut *mut GError,
) -> gboolean {
    check!(c"fs_stream_add_remote_candidates", is_stream(stream), error => GFALSE);
    // SAFETY: a stream, whose class begins with ours, and a list of candidates.
    unsafe { vfunc::add_remote_candidates(class_of(stream), stream, candidates, error) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_stream_force_remote_candidates(
    stream: *mut FsStream,
    remote_candidates: *mut GList,
    error: *mut *mut GError,
) -> gboolean {
    check!(c"fs_stream_force_remote_candidates", is_stream(stream), error => GFALSE);
    // SAFETY: a stream, whose class begins with ours, and a list of candidates.
    unsafe { vfunc::force_remote_candidates(class_of(stream), stream, remote_candidates, error) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_stream_set_remote_codecs(
    stream: *mut FsStream,
    remote_codecs: *mut GList,
    error: *mut *mut GError,
) -> gboolean {
    check!(c"fs_stream_set_remote_codecs", is_stream(stream), error => GFALSE);
    // SAFETY: a stream, whose class begins with ours, and a list of codecs.
    unsafe { vfunc::set_remote_codecs(class_of(stream), stream, remote_codecs, error) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_stream_add_id(stream: *mut FsStream, id: c_uint) {
    check!(c"fs_stream_add_id", is_stream(stream));
    // SAFETY: a stream, whose class begins with ours.
    unsafe { vfunc::add_id(class_of(stream), stream, id) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_stream_set_transmitter(
    stream: *mut FsStream,
    transmitter: *const c_char,
    stream_transmitter_parameters: *mut GParameter,
    stream_transmitter_n_parameters: c_uint,
    error: *mut *mut GError,
) -> gboolean {
    let (parameters, n) = (stream_transmitter_parameters, stream_transmitter_n_parameters);
    check!(c"fs_stream_set_transmitter", is_stream(stream), error => GFALSE);
    check!(c"fs_stream_set_transmitter", !transmitter.is_null(), error => GFALSE);
    // SAFETY: a stream, whose class begins with ours, a name and `n` parameters.
    unsafe { vfunc::set_transmitter(class_of(stream), stream, transmitter, parameters, n, error) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_stream_set_transmitter_ht(
    stream: *mut FsStream,
    transmitter: *const c_char,
    stream_transmitter_parameters: *mut GHashTable,
    error: *mut *mut GError,
) -> gboolean {
    check!(c"fs_stream_set_transmitter_ht", is_stream(stream), error => GFALSE);
    check!(c"fs_stream_set_transmitter_ht", !transmitter.is_null(), error => GFALSE);
    // SAFETY: a stream, a name, a table of values or NULL, and the caller's error place.
    let set = unsafe {
        guard_result("fs_stream_set_transmitter_ht", error, || {
            let stream: Borrowed<Stream> = from_glib_borrow(stream);
            let transmitter = read_text(transmitter);
            let parameters = parameter::read_table(stream_transmitter_parameters)?;
            let converted = if parameters.is_empty() {
                Vec::new()
            } else {
                convert_parameters(&stream, &transmitter, &parameters)?
            };
            stream.set_transmitter(&transmitter, &converted)
        })
    };
    set.map_or(GFALSE, |()| GTRUE)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_stream_set_decryption_parameters(
    stream: *mut FsStream,
    parameters: *mut GstStructure,
    error: *mut *mut GError,
) -> gboolean {
    check!(c"fs_stream_set_decryption_parameters", is_stream(stream), error => GFALSE);
    // SAFETY: a stream, whose class begins with ours, and a structure or NULL.
    unsafe { vfunc::set_decryption_parameters(class_of(stream), stream, parameters, error) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_stream_get_rtp_header_extensions(stream: *mut FsStream) -> *mut GList {
    let null = std::ptr::null_mut();
    check!(c"fs_stream_get_rtp_header_extensions", is_stream(stream) => null);
    // SAFETY: a live object.
    unsafe { rtp::extensions("fs_stream_get_rtp_header_extensions", stream.cast(), "rtp-header-extensions") }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_stream_set_rtp_header_extensions(
    stream: *mut FsStream,
    extensions: *mut GList,
    error: *mut *mut GError,
) -> gboolean {
    check!(c"fs_stream_set_rtp_header_extensions", is_stream(stream), error => GFALSE);
    let what = "fs_stream_set_rtp_header_extensions";
    // SAFETY: a live object, a list of header extensions, and the caller's error place.
    unsafe {
        rtp::set_extensions(what, stream.cast(), ("session", "rtp-header-extensions"), extensions, error)
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_stream_emit_error(
    stream: *mut FsStream,
    error_no: c_int,
    error_msg: *const c_char,
) {
    check!(c"fs_stream_emit_error", is_stream(stream));
    // SAFETY: the arguments have the types of the signal.
    unsafe { gobject_ffi::g_signal_emit_by_name(stream.cast(), c"error".as_ptr(), error_no, error_msg) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_stream_emit_src_pad_added(
    stream: *mut FsStream,
    pad: *mut GstPad,
    codec: *mut FsCodec,
) {
    check!(c"fs_stream_emit_src_pad_added", is_stream(stream));
    // SAFETY: the caller passes a live instance or NULL.
    let is_pad = unsafe { is_a(pad, gst::Pad::static_type().into_glib()) };
    check!(c"fs_stream_emit_src_pad_added", is_pad);
    check!(c"fs_stream_emit_src_pad_added", !codec.is_null());
    guard("fs_stream_emit_src_pad_added", (), || {
        // SAFETY: a stream, a pad and a codec.
        unsafe {
            let stream: Borrowed<Stream> = from_glib_borrow(stream);
            let pad: Borrowed<gst::Pad> = from_glib_borrow(pad);
            stream.emit_src_pad_added(&*pad, &Codec::read(codec));
        }
    });
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_stream_iterate_src_pads(stream: *mut FsStream) -> *mut GstIterator {
    check!(c"fs_stream_iterate_src_pads", is_stream(stream) => std::ptr::null_mut());
    guard("fs_stream_iterate_src_pads", std::ptr::null_mut(), || {
        // SAFETY: a stream.
        let stream: Borrowed<Stream> = unsafe { from_glib_borrow(stream) };
        pads::iterate(&stream)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_stream_destroy(stream: *mut FsStream) {
    check!(c"fs_stream_destroy", is_stream(stream));
    // SAFETY: a live object.
    unsafe { gobject_ffi::g_object_run_dispose(stream.cast()) }
}

/// The fields of a message of that name about this stream.
unsafe fn about(stream: *mut FsStream, message: *mut GstMessage, name: &std::ffi::CStr) -> Option<Fields> {
    // SAFETY: a valid message.
    unsafe { Fields::of(message, name) }.filter(|fields| fields.is_about(c"stream", stream))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_stream_parse_new_local_candidate(
    stream: *mut FsStream,
    message: *mut GstMessage,
    candidate: *mut *mut FsCandidate,
) -> gboolean {
    check!(c"fs_stream_parse_new_local_candidate", is_stream(stream) => GFALSE);
    check!(c"fs_stream_parse_new_local_candidate", is_message(message) => GFALSE);
    // SAFETY: a valid message; the place is NULL or valid.
    unsafe {
        let parsed = about(stream, message, c"farstream-new-local-candidate")
            .and_then(|fields| fields.boxed(c"candidate", fs_candidate_get_type()));
        let Some(found) = parsed else { return GFALSE };
        store(candidate, found);
    }
    GTRUE
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_stream_parse_local_candidates_prepared(
    stream: *mut FsStream,
    message: *mut GstMessage,
) -> gboolean {
    check!(c"fs_stream_parse_local_candidates_prepared", is_stream(stream) => GFALSE);
    check!(c"fs_stream_parse_local_candidates_prepared", is_message(message) => GFALSE);
    // SAFETY: a valid message.
    unsafe { about(stream, message, c"farstream-local-candidates-prepared") }.map_or(GFALSE, |_| GTRUE)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_stream_parse_new_active_candidate_pair(
    stream: *mut FsStream,
    message: *mut GstMessage,
    local_candidate: *mut *mut FsCandidate,
    remote_candidate: *mut *mut FsCandidate,
) -> gboolean {
    check!(c"fs_stream_parse_new_active_candidate_pair", is_stream(stream) => GFALSE);
    check!(c"fs_stream_parse_new_active_candidate_pair", is_message(message) => GFALSE);
    // SAFETY: a valid message; the places are NULL or valid.
    unsafe {
        let parsed = about(stream, message, c"farstream-new-active-candidate-pair").and_then(|fields| {
            let local = fields.boxed(c"local-candidate", fs_candidate_get_type())?;
            Some((local, fields.boxed(c"remote-candidate", fs_candidate_get_type())?))
        });
        let Some((local, remote)) = parsed else { return GFALSE };
        store(local_candidate, local);
        store(remote_candidate, remote);
    }
    GTRUE
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_stream_parse_negotiation_needed(
    stream: *mut FsStream,
    message: *mut GstMessage,
    candidates: *mut *mut GList,
) -> gboolean {
    check!(c"fs_stream_parse_negotiation_needed", is_stream(stream) => GFALSE);
    check!(c"fs_stream_parse_negotiation_needed", is_message(message) => GFALSE);
    // SAFETY: a valid message; the place is NULL or valid.
    unsafe {
        let parsed = about(stream, message, c"farstream-negotiation-needed")
            .and_then(|fields| fields.boxed(c"candidates", fs_candidate_list_get_type()));
        let Some(found) = parsed else { return GFALSE };
        store(candidates, found);
    }
    GTRUE
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_stream_parse_recv_codecs_changed(
    stream: *mut FsStream,
    message: *mut GstMessage,
    codecs: *mut *mut GList,
) -> gboolean {
    check!(c"fs_stream_parse_recv_codecs_changed", is_stream(stream) => GFALSE);
    check!(c"fs_stream_parse_recv_codecs_changed", is_message(message) => GFALSE);
    // SAFETY: a valid message; the place is NULL or valid.
    unsafe {
        let parsed = about(stream, message, c"farstream-recv-codecs-changed")
            .and_then(|fields| fields.boxed(c"codecs", fs_codec_list_get_type()));
        let Some(found) = parsed else { return GFALSE };
        store(codecs, found);
    }
    GTRUE
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_stream_parse_component_state_changed(
    stream: *mut FsStream,
    message: *mut GstMessage,
    component: *mut c_uint,
    state: *mut FsStreamState,
) -> gboolean {
    check!(c"fs_stream_parse_component_state_changed", is_stream(stream) => GFALSE);
    check!(c"fs_stream_parse_component_state_changed", is_message(message) => GFALSE);
    // SAFETY: a valid message; the places are NULL or valid.
    unsafe {
        let parsed = about(stream, message, c"farstream-component-state-changed").and_then(|fields| {
            Some((fields.uint(c"component")?, fields.enumeration(c"state", G_TYPE_ENUM)?))
        });
        let Some((which, what)) = parsed else { return GFALSE };
        store(component, which);
        store(state, what);
    }
    GTRUE
}
