//! Stream transmitters written in Rust: the trait, chaining up, and the C functions that lead to it.

use fs_proto::Candidate;
use glib::ffi::{GError, GFALSE, GList, GTRUE, gboolean};
use glib::prelude::*;
use glib::subclass::prelude::*;

use super::{StreamTransmitter, call};
use crate::boxed::list;
use crate::class::{guard, guard_result, parent_class};
use crate::ffi::{FsStreamTransmitter, FsStreamTransmitterClass};

/// Virtual functions of a stream transmitter. What is not overridden chains up.
pub trait StreamTransmitterImpl:
    ObjectImpl + ObjectSubclass<Type: IsA<StreamTransmitter>> + Send + Sync
{
    /// Adds candidates of the peer.
    fn add_remote_candidates(&self, candidates: &[Candidate]) -> Result<(), glib::Error> {
        self.parent_add_remote_candidates(candidates)
    }

    /// Sends to exactly these candidates.
    fn force_remote_candidates(&self, candidates: &[Candidate]) -> Result<(), glib::Error> {
        self.parent_force_remote_candidates(candidates)
    }

    /// Starts to look for local candidates, which come by signal.
    fn gather_local_candidates(&self) -> Result<(), glib::Error> {
        self.parent_gather_local_candidates()
    }

    /// Stops everything; called before the last reference goes, never on a streaming thread.
    fn stop(&self) {
        self.parent_stop();
    }
}

/// Chaining up from a [`StreamTransmitterImpl`].
pub trait StreamTransmitterImplExt: StreamTransmitterImpl {
    /// The parent's `add_remote_candidates`.
    fn parent_add_remote_candidates(&self, candidates: &[Candidate]) -> Result<(), glib::Error> {
        call::add_remote_candidates(self.obj().upcast_ref(), parent_class::<Self, _>(), candidates)
    }

    /// The parent's `force_remote_candidates`.
    fn parent_force_remote_candidates(&self, candidates: &[Candidate]) -> Result<(), glib::Error> {
        call::force_remote_candidates(self.obj().upcast_ref(), parent_class::<Self, _>(), candidates)
    }

    /// The parent's `gather_local_candidates`.
    fn parent_gather_local_candidates(&self) -> Result<(), glib::Error> {
        call::gather_local_candidates(self.obj().upcast_ref(), parent_class::<Self, _>())
    }

    /// The parent's `stop`.
    fn parent_stop(&self) {
        call::stop(self.obj().upcast_ref(), parent_class::<Self, _>());
    }
}

impl<T: StreamTransmitterImpl> StreamTransmitterImplExt for T {}

// SAFETY: every function put into the class takes exactly the instances of the subclass.
unsafe impl<T: StreamTransmitterImpl> IsSubclassable<T> for StreamTransmitter {
    fn class_init(class: &mut glib::Class<Self>) {
        Self::parent_class_init::<T>(class);
        let class: &mut FsStreamTransmitterClass = class.as_mut();
        class.add_remote_candidates = Some(add_remote_candidates::<T>);
        class.force_remote_candidates = Some(force_remote_candidates::<T>);
        class.gather_local_candidates = Some(gather_local_candidates::<T>);
        class.stop = Some(stop::<T>);
    }
}

unsafe fn imp<'a, T: StreamTransmitterImpl>(transmitter: *mut FsStreamTransmitter) -> &'a T {
    // SAFETY: the class holds these functions for instances of `T` only.
    unsafe { (*transmitter.cast::<T::Instance>()).imp() }
}

unsafe extern "C" fn add_remote_candidates<T: StreamTransmitterImpl>(
    transmitter: *mut FsStreamTransmitter,
    candidates: *mut GList,
    error: *mut *mut GError,
) -> gboolean {
    // SAFETY: the caller passes a stream transmitter of this class, candidates and an error place.
    unsafe {
        guard_result("add_remote_candidates", error, || {
            imp::<T>(transmitter).add_remote_candidates(&list::read::<Candidate>(candidates))
        })
        .map_or(GFALSE, |()| GTRUE)
    }
}

unsafe extern "C" fn force_remote_candidates<T: StreamTransmitterImpl>(
    transmitter: *mut FsStreamTransmitter,
    candidates: *mut GList,
    error: *mut *mut GError,
) -> gboolean {
    // SAFETY: the caller passes a stream transmitter of this class, candidates and an error place.
    unsafe {
        guard_result("force_remote_candidates", error, || {
            imp::<T>(transmitter).force_remote_candidates(&list::read::<Candidate>(candidates))
        })
        .map_or(GFALSE, |()| GTRUE)
    }
}

unsafe extern "C" fn gather_local_candidates<T: StreamTransmitterImpl>(
    transmitter: *mut FsStreamTransmitter,
    error: *mut *mut GError,
) -> gboolean {
    // SAFETY: the caller passes a stream transmitter of this class and an error place.
    unsafe {
        guard_result("gather_local_candidates", error, || imp::<T>(transmitter).gather_local_candidates())
            .map_or(GFALSE, |()| GTRUE)
    }
}

unsafe extern "C" fn stop<T: StreamTransmitterImpl>(transmitter: *mut FsStreamTransmitter) {
    // SAFETY: the caller passes a stream transmitter of this class.
    guard("stop", (), || unsafe { imp::<T>(transmitter) }.stop());
}
