//! Streams written in Rust: the trait, chaining up, and the C functions that lead to it.

use std::ffi::{c_char, c_uint};

use fs_proto::{Candidate, Codec};
use glib::ffi::{GError, GFALSE, GList, GTRUE, gboolean};
use glib::gobject_ffi::GParameter;
use glib::prelude::*;
use glib::subclass::prelude::*;
use gst::ffi::GstStructure;

use super::{Stream, call};
use crate::boxed::{list, read_text};
use crate::class::{guard, guard_result, parent_class};
use crate::ffi::{FsStream, FsStreamClass};
use crate::parameter;

/// Virtual functions of a stream. What is not overridden chains up; the base class answers NOT_IMPLEMENTED.
pub trait StreamImpl: ObjectImpl + ObjectSubclass<Type: IsA<Stream>> + Send + Sync {
    /// Adds candidates of the peer; an empty list says that no more will come.
    fn add_remote_candidates(&self, candidates: &[Candidate]) -> Result<(), glib::Error> {
        self.parent_add_remote_candidates(candidates)
    }

    /// Sets the candidates to send to, one per component, without any checks of connectivity.
    fn force_remote_candidates(&self, candidates: &[Candidate]) -> Result<(), glib::Error> {
        self.parent_force_remote_candidates(candidates)
    }

    /// Sets the codecs of the peer, from its offer or its answer.
    fn set_remote_codecs(&self, codecs: &[Codec]) -> Result<(), glib::Error> {
        self.parent_set_remote_codecs(codecs)
    }

    /// Says that media with this identification (an SSRC) belongs to this stream.
    fn add_id(&self, id: u32) {
        self.parent_add_id(id);
    }

    /// Chooses the transmitter and its construction parameters; once per stream.
    fn set_transmitter(
        &self,
        transmitter: &str,
        parameters: &[(String, glib::Value)],
    ) -> Result<(), glib::Error> {
        self.parent_set_transmitter(transmitter, parameters)
    }

    /// Sets how to decrypt what comes; `None` expects media in the clear.
    fn set_decryption_parameters(&self, parameters: Option<&gst::StructureRef>) -> Result<(), glib::Error> {
        self.parent_set_decryption_parameters(parameters)
    }
}

/// Chaining up from a [`StreamImpl`].
pub trait StreamImplExt: StreamImpl {
    /// The parent's `add_remote_candidates`.
    fn parent_add_remote_candidates(&self, candidates: &[Candidate]) -> Result<(), glib::Error> {
        call::add_remote_candidates(self.obj().upcast_ref(), parent_class::<Self, _>(), candidates)
    }

    /// The parent's `force_remote_candidates`.
    fn parent_force_remote_candidates(&self, candidates: &[Candidate]) -> Result<(), glib::Error> {
        call::force_remote_candidates(self.obj().upcast_ref(), parent_class::<Self, _>(), candidates)
    }

    /// The parent's `set_remote_codecs`.
    fn parent_set_remote_codecs(&self, codecs: &[Codec]) -> Result<(), glib::Error> {
        call::set_remote_codecs(self.obj().upcast_ref(), parent_class::<Self, _>(), codecs)
    }

    /// The parent's `add_id`.
    fn parent_add_id(&self, id: u32) {
        call::add_id(self.obj().upcast_ref(), parent_class::<Self, _>(), id);
    }

    /// The parent's `set_transmitter`.
    fn parent_set_transmitter(
        &self,
        transmitter: &str,
        parameters: &[(String, glib::Value)],
    ) -> Result<(), glib::Error> {
        call::set_transmitter(self.obj().upcast_ref(), parent_class::<Self, _>(), transmitter, parameters)
    }

    /// The parent's `set_decryption_parameters`.
    fn parent_set_decryption_parameters(
        &self,
        parameters: Option<&gst::StructureRef>,
    ) -> Result<(), glib::Error> {
        call::set_decryption_parameters(self.obj().upcast_ref(), parent_class::<Self, _>(), parameters)
    }
}

impl<T: StreamImpl> StreamImplExt for T {}

// SAFETY: every function put into the class takes exactly the instances of the subclass.
unsafe impl<T: StreamImpl> IsSubclassable<T> for Stream {
    fn class_init(class: &mut glib::Class<Self>) {
        Self::parent_class_init::<T>(class);
        let class: &mut FsStreamClass = class.as_mut();
        class.add_remote_candidates = Some(add_remote_candidates::<T>);
        class.force_remote_candidates = Some(force_remote_candidates::<T>);
        class.set_remote_codecs = Some(set_remote_codecs::<T>);
        class.add_id = Some(add_id::<T>);
        class.set_transmitter = Some(set_transmitter::<T>);
        class.set_decryption_parameters = Some(set_decryption_parameters::<T>);
    }
}

unsafe fn imp<'a, T: StreamImpl>(stream: *mut FsStream) -> &'a T {
    // SAFETY: the class holds these functions for instances of `T` only.
    unsafe { (*stream.cast::<T::Instance>()).imp() }
}

unsafe extern "C" fn add_remote_candidates<T: StreamImpl>(
    stream: *mut FsStream,
    candidates: *mut GList,
    error: *mut *mut GError,
) -> gboolean {
    // SAFETY: the caller passes a stream of this class, a list of candidates and an error place.
    unsafe {
        guard_result("add_remote_candidates", error, || {
            imp::<T>(stream).add_remote_candidates(&list::read::<Candidate>(candidates))
        })
        .map_or(GFALSE, |()| GTRUE)
    }
}

unsafe extern "C" fn force_remote_candidates<T: StreamImpl>(
    stream: *mut FsStream,
    candidates: *mut GList,
    error: *mut *mut GError,
) -> gboolean {
    // SAFETY: the caller passes a stream of this class, a list of candidates and an error place.
    unsafe {
        guard_result("force_remote_candidates", error, || {
            imp::<T>(stream).force_remote_candidates(&list::read::<Candidate>(candidates))
        })
        .map_or(GFALSE, |()| GTRUE)
    }
}

unsafe extern "C" fn set_remote_codecs<T: StreamImpl>(
    stream: *mut FsStream,
    codecs: *mut GList,
    error: *mut *mut GError,
) -> gboolean {
    // SAFETY: the caller passes a stream of this class, a list of codecs and an error place.
    unsafe {
        guard_result("set_remote_codecs", error, || {
            imp::<T>(stream).set_remote_codecs(&list::read::<Codec>(codecs))
        })
        .map_or(GFALSE, |()| GTRUE)
    }
}

unsafe extern "C" fn add_id<T: StreamImpl>(stream: *mut FsStream, id: c_uint) {
    // SAFETY: the caller passes a stream of this class.
    guard("add_id", (), || unsafe { imp::<T>(stream) }.add_id(id));
}

unsafe extern "C" fn set_transmitter<T: StreamImpl>(
    stream: *mut FsStream,
    transmitter: *const c_char,
    parameters: *mut GParameter,
    n: c_uint,
    error: *mut *mut GError,
) -> gboolean {
    // SAFETY: the caller passes a stream of this class, a name, `n` parameters and an error place.
    unsafe {
        guard_result("set_transmitter", error, || {
            let parameters = parameter::read(parameters, n)?;
            imp::<T>(stream).set_transmitter(&read_text(transmitter), &parameters)
        })
        .map_or(GFALSE, |()| GTRUE)
    }
}

unsafe extern "C" fn set_decryption_parameters<T: StreamImpl>(
    stream: *mut FsStream,
    parameters: *mut GstStructure,
    error: *mut *mut GError,
) -> gboolean {
    // SAFETY: the caller passes a stream of this class, a structure or NULL, and an error place.
    unsafe {
        guard_result("set_decryption_parameters", error, || {
            let parameters = (!parameters.is_null()).then(|| gst::StructureRef::from_glib_borrow(parameters));
            imp::<T>(stream).set_decryption_parameters(parameters)
        })
        .map_or(GFALSE, |()| GTRUE)
    }
}
