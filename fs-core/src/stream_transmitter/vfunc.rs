//! Calls of the virtual functions of `FsStreamTransmitter` in their C form, with the answers for missing ones.

use glib::ffi::{GError, GFALSE, GList, GTRUE, gboolean};

use crate::class::{answer_bool, refuse};
use crate::ffi::{FsStreamTransmitter, FsStreamTransmitterClass};

/// `add_remote_candidates`; missing: FALSE, NOT_IMPLEMENTED.
pub(crate) unsafe fn add_remote_candidates(
    class: *const FsStreamTransmitterClass,
    transmitter: *mut FsStreamTransmitter,
    candidates: *mut GList,
    error: *mut *mut GError,
) -> gboolean {
    // SAFETY: the caller vouches for class, instance and arguments.
    unsafe {
        match (*class).add_remote_candidates {
            Some(f) => answer_bool("add_remote_candidates", f(transmitter, candidates, error), error),
            None => refuse(transmitter, "add_remote_candidates", error, GFALSE),
        }
    }
}

/// `force_remote_candidates`; missing: FALSE, NOT_IMPLEMENTED.
pub(crate) unsafe fn force_remote_candidates(
    class: *const FsStreamTransmitterClass,
    transmitter: *mut FsStreamTransmitter,
    candidates: *mut GList,
    error: *mut *mut GError,
) -> gboolean {
    // SAFETY: the caller vouches for class, instance and arguments.
    unsafe {
        match (*class).force_remote_candidates {
            Some(f) => answer_bool("force_remote_candidates", f(transmitter, candidates, error), error),
            None => refuse(transmitter, "force_remote_candidates", error, GFALSE),
        }
    }
}

/// `gather_local_candidates`; missing: TRUE.
pub(crate) unsafe fn gather_local_candidates(
    class: *const FsStreamTransmitterClass,
    transmitter: *mut FsStreamTransmitter,
    error: *mut *mut GError,
) -> gboolean {
    // SAFETY: the caller vouches for class, instance and error place.
    unsafe {
        match (*class).gather_local_candidates {
            Some(f) => answer_bool("gather_local_candidates", f(transmitter, error), error),
            None => GTRUE,
        }
    }
}

/// `stop`; missing: nothing happens.
pub(crate) unsafe fn stop(class: *const FsStreamTransmitterClass, transmitter: *mut FsStreamTransmitter) {
    // SAFETY: the caller vouches for class and instance.
    unsafe {
        if let Some(f) = (*class).stop {
            f(transmitter);
        }
    }
}
