//! `farstream/fs-candidate.h`.

use std::ffi::{c_char, c_uint};

use fs_proto::Candidate;
use glib::ffi::{GList, g_strdup};
use glib::gobject_ffi::{GValue, g_value_init, g_value_set_boxed};

use super::check;
use crate::boxed::candidate::fs_candidate_list_get_type;
use crate::boxed::{CStruct, list, slice_new};
use crate::ffi::{FsCandidate, FsCandidateType, FsNetworkProtocol};

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_candidate_new(
    foundation: *const c_char,
    component_id: c_uint,
    type_: FsCandidateType,
    proto: FsNetworkProtocol,
    ip: *const c_char,
    port: c_uint,
) -> *mut FsCandidate {
    let null = std::ptr::null();
    // SAFETY: the strings are NULL or NUL-terminated.
    unsafe {
        let port = port as u16;
        fs_candidate_new_full(foundation, component_id, ip, port, null, 0, proto, 0, type_, null, null, 0)
    }
}

#[unsafe(no_mangle)]
#[allow(clippy::too_many_arguments, reason = "as the C function")]
pub unsafe extern "C" fn fs_candidate_new_full(
    foundation: *const c_char,
    component_id: c_uint,
    ip: *const c_char,
    port: u16,
    base_ip: *const c_char,
    base_port: u16,
    proto: FsNetworkProtocol,
    priority: u32,
    type_: FsCandidateType,
    username: *const c_char,
    password: *const c_char,
    ttl: c_uint,
) -> *mut FsCandidate {
    // SAFETY: the strings are NULL or NUL-terminated.
    slice_new(unsafe {
        FsCandidate {
            foundation: g_strdup(foundation),
            component_id,
            ip: g_strdup(ip),
            port,
            base_ip: g_strdup(base_ip),
            base_port,
            proto,
            priority,
            type_,
            username: g_strdup(username),
            password: g_strdup(password),
            ttl,
        }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_candidate_copy(candidate: *const FsCandidate) -> *mut FsCandidate {
    // SAFETY: NULL or a valid candidate.
    unsafe { Candidate::copy(candidate) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_candidate_destroy(candidate: *mut FsCandidate) {
    // SAFETY: NULL or a candidate the caller gives away.
    unsafe { Candidate::free(candidate) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_candidate_list_copy(candidates: *const GList) -> *mut GList {
    // SAFETY: NULL or a valid list.
    unsafe { list::copy::<Candidate>(candidates) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_candidate_list_destroy(candidates: *mut GList) {
    // SAFETY: NULL or a list the caller gives away.
    unsafe { list::free::<Candidate>(candidates) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_value_set_candidate_list(value: *mut GValue, candidates: *mut GList) {
    check!(c"fs_value_set_candidate_list", !value.is_null());
    // SAFETY: the value is uninitialised, as the header demands; the list is copied.
    unsafe {
        g_value_init(value, fs_candidate_list_get_type());
        g_value_set_boxed(value, candidates.cast_const().cast());
    }
}
