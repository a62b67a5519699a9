//! Calls of the virtual functions of `FsStream` in their C form, with the answers for missing ones.

use std::ffi::{c_char, c_uint};

use glib::ffi::{GError, GFALSE, GList, gboolean};
use glib::gobject_ffi::GParameter;
use gst::ffi::GstStructure;

use crate::class::{answer_bool, refuse};
use crate::ffi::{FsStream, FsStreamClass, StreamListFn};

unsafe fn with_list(
    function: Option<StreamListFn>,
    what: &str,
    stream: *mut FsStream,
    items: *mut GList,
    error: *mut *mut GError,
) -> gboolean {
    // SAFETY: the callers vouch for instance and arguments.
    unsafe {
        match function {
            Some(f) => answer_bool(what, f(stream, items, error), error),
            None => refuse(stream, what, error, GFALSE),
        }
    }
}

/// `add_remote_candidates`; missing: FALSE, NOT_IMPLEMENTED.
pub(crate) unsafe fn add_remote_candidates(
    class: *const FsStreamClass,
    stream: *mut FsStream,
    candidates: *mut GList,
    error: *mut *mut GError,
) -> gboolean {
    // SAFETY: the caller vouches for class, instance and arguments.
    unsafe { with_list((*class).add_remote_candidates, "add_remote_candidates", stream, candidates, error) }
}

/// `force_remote_candidates`; missing: FALSE, NOT_IMPLEMENTED.
pub(crate) unsafe fn force_remote_candidates(
    class: *const FsStreamClass,
    stream: *mut FsStream,
    candidates: *mut GList,
    error: *mut *mut GError,
) -> gboolean {
    // SAFETY: the caller vouches for class, instance and arguments.
    unsafe {
        with_list((*class).force_remote_candidates, "force_remote_candidates", stream, candidates, error)
    }
}

/// `set_remote_codecs`; missing: FALSE, NOT_IMPLEMENTED.
pub(crate) unsafe fn set_remote_codecs(
    class: *const FsStreamClass,
    stream: *mut FsStream,
    codecs: *mut GList,
    error: *mut *mut GError,
) -> gboolean {
    // SAFETY: the caller vouches for class, instance and arguments.
    unsafe { with_list((*class).set_remote_codecs, "set_remote_codecs", stream, codecs, error) }
}

/// `add_id`; missing: nothing happens.
pub(crate) unsafe fn add_id(class: *const FsStreamClass, stream: *mut FsStream, id: c_uint) {
    // SAFETY: the caller vouches for class and instance.
    unsafe {
        if let Some(f) = (*class).add_id {
            f(stream, id);
        }
    }
}

/// `set_transmitter`; missing: FALSE, NOT_IMPLEMENTED.
pub(crate) unsafe fn set_transmitter(
    class: *const FsStreamClass,
    stream: *mut FsStream,
    transmitter: *const c_char,
    parameters: *mut GParameter,
    n: c_uint,
    error: *mut *mut GError,
) -> gboolean {
    // SAFETY: the caller vouches for class, instance and arguments.
    unsafe {
        match (*class).set_transmitter {
            Some(f) => answer_bool("set_transmitter", f(stream, transmitter, parameters, n, error), error),
            None => refuse(stream, "set_transmitter", error, GFALSE),
        }
    }
}

/// `set_decryption_parameters`; missing: FALSE, NOT_IMPLEMENTED.
pub(crate) unsafe fn set_decryption_parameters(
    class: *const FsStreamClass,
    stream: *mut FsStream,
    parameters: *mut GstStructure,
    error: *mut *mut GError,
) -> gboolean {
    // SAFETY: the caller vouches for class, instance and arguments.
    unsafe {
        match (*class).set_decryption_parameters {
            Some(f) => answer_bool("set_decryption_parameters", f(stream, parameters, error), error),
            None => refuse(stream, "set_decryption_parameters", error, GFALSE),
        }
    }
}
