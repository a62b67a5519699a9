//! Candidates and strings in libnice's form.

use std::ffi::{CStr, CString, c_char};

use glib::translate::*;

use super::candidate::Plain;
use super::ffi::{Address, Api, NiceCandidate};

/// A candidate in libnice's form, freed when dropped.
pub(super) struct Made {
    api: &'static Api,
    pub(super) candidate: *mut NiceCandidate,
}

impl Made {
    pub(super) fn new(api: &'static Api, stream: u32, plain: &Plain) -> Self {
        // SAFETY: a new candidate has everything zero; its strings are allocated with GLib, as libnice frees them.
        let candidate = unsafe {
            let candidate = (api.nice_candidate_new)(plain.kind);
            let c = &mut *candidate;
            c.transport = plain.transport;
            c.addr = plain.address.into();
            c.base_addr = plain.base.map_or(Address::NONE, Address::from);
            c.priority = plain.priority;
            c.stream_id = stream;
            c.component_id = plain.component;
            let last = c.foundation.len() - 1;
            for (place, byte) in c.foundation[..last].iter_mut().zip(plain.foundation.bytes()) {
                *place = byte as c_char;
            }
            c.username = optional(&plain.username);
            c.password = optional(&plain.password);
            candidate
        };
        Self { api, candidate }
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // SAFETY: made by `nice_candidate_new`, freed once.
        unsafe { (self.api.nice_candidate_free)(self.candidate) }
    }
}

/// A string for libnice; NULL if it is empty.
fn optional(string: &str) -> *mut c_char {
    if string.is_empty() { std::ptr::null_mut() } else { text(string).to_glib_full() }
}

/// What holds a NUL was refused before.
pub(super) fn text(string: &str) -> CString {
    CString::new(string).unwrap_or_default()
}

/// The stream and the candidate in a signal's argument.
pub(super) fn candidate_in(value: &glib::Value) -> Option<(u32, Plain)> {
    // SAFETY: libnice declares these arguments as boxed NiceCandidates, which live as long as the value.
    let candidate = unsafe {
        let pointer = glib::gobject_ffi::g_value_get_boxed(value.to_glib_none().0);
        pointer.cast::<NiceCandidate>().as_ref()?
    };
    Some((candidate.stream_id, read(candidate)?))
}

/// A copy with strings of our own; `None` for one without address.
pub(super) fn read(candidate: &NiceCandidate) -> Option<Plain> {
    let string = |pointer: *const c_char| {
        if pointer.is_null() {
            return String::new();
        }
        // SAFETY: libnice's strings are C strings that live as long as the candidate.
        unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
    };
    Some(Plain {
        kind: candidate.kind,
        transport: candidate.transport,
        address: candidate.addr.get()?,
        base: candidate.base_addr.get(),
        priority: candidate.priority,
        component: candidate.component_id,
        foundation: string(candidate.foundation.as_ptr()),
        username: string(candidate.username),
        password: string(candidate.password),
    })
}
