//! Transmitters written in Rust: the trait, chaining up, and the C functions that lead to it.

use std::ffi::c_uint;

use glib::ffi::{GError, GType};
use glib::gobject_ffi::GParameter;
use glib::prelude::*;
use glib::subclass::prelude::*;
use glib::translate::*;

use super::{Transmitter, call};
use crate::class::{guard, guard_result, parent_class};
use crate::ffi::{FsParticipant, FsStreamTransmitter, FsTransmitter, FsTransmitterClass};
use crate::parameter;
use crate::participant::Participant;
use crate::stream_transmitter::StreamTransmitter;

/// Virtual functions of a transmitter. What is not overridden chains up.
pub trait TransmitterImpl: ObjectImpl + ObjectSubclass<Type: IsA<Transmitter>> + Send + Sync {
    /// Makes a stream transmitter to a participant with these construction parameters.
    fn new_stream_transmitter(
        &self,
        participant: Option<&Participant>,
        parameters: &[(String, glib::Value)],
    ) -> Result<StreamTransmitter, glib::Error> {
        self.parent_new_stream_transmitter(participant, parameters)
    }

    /// Type of the stream transmitters this one makes.
    fn stream_transmitter_type(&self) -> glib::Type {
        self.parent_stream_transmitter_type()
    }
}

/// Chaining up from a [`TransmitterImpl`].
pub trait TransmitterImplExt: TransmitterImpl {
    /// Says that construction failed; [`Transmitter::new`] then fails with this error.
    fn set_construction_error(&self, error: glib::Error) {
        let obj = self.obj();
        let transmitter = obj.upcast_ref::<Transmitter>().as_ptr();
        // SAFETY: the field belongs to the construction of this instance, which runs on one thread.
        unsafe {
            let old = std::mem::replace(&mut (*transmitter).construction_error, error.into_glib_ptr());
            if !old.is_null() {
                glib::ffi::g_error_free(old);
            }
        }
    }

    /// The parent's `new_stream_transmitter`.
    fn parent_new_stream_transmitter(
        &self,
        participant: Option<&Participant>,
        parameters: &[(String, glib::Value)],
    ) -> Result<StreamTransmitter, glib::Error> {
        let obj = self.obj();
        call::new_stream_transmitter(obj.upcast_ref(), parent_class::<Self, _>(), participant, parameters)
    }

    /// The parent's `stream_transmitter_type`.
    fn parent_stream_transmitter_type(&self) -> glib::Type {
        call::stream_transmitter_type(self.obj().upcast_ref(), parent_class::<Self, _>())
    }
}

impl<T: TransmitterImpl> TransmitterImplExt for T {}

// SAFETY: every function put into the class takes exactly the instances of the subclass.
unsafe impl<T: TransmitterImpl> IsSubclassable<T> for Transmitter {
    fn class_init(class: &mut glib::Class<Self>) {
        Self::parent_class_init::<T>(class);
        let class: &mut FsTransmitterClass = class.as_mut();
        class.new_stream_transmitter = Some(new_stream_transmitter::<T>);
        class.get_stream_transmitter_type = Some(get_stream_transmitter_type::<T>);
    }
}

unsafe fn imp<'a, T: TransmitterImpl>(transmitter: *mut FsTransmitter) -> &'a T {
    // SAFETY: the class holds these functions for instances of `T` only.
    unsafe { (*transmitter.cast::<T::Instance>()).imp() }
}

unsafe extern "C" fn new_stream_transmitter<T: TransmitterImpl>(
    transmitter: *mut FsTransmitter,
    participant: *mut FsParticipant,
    n: c_uint,
    parameters: *mut GParameter,
    error: *mut *mut GError,
) -> *mut FsStreamTransmitter {
    // SAFETY: the caller passes a transmitter of this class, a participant or NULL, `n` parameters and an
    // error place, and owns the answer.
    unsafe {
        guard_result("new_stream_transmitter", error, || {
            let parameters = parameter::read(parameters, n)?;
            let participant: Borrowed<Option<Participant>> = from_glib_borrow(participant);
            imp::<T>(transmitter).new_stream_transmitter((*participant).as_ref(), &parameters)
        })
        .map_or(std::ptr::null_mut(), IntoGlibPtr::into_glib_ptr)
    }
}

unsafe extern "C" fn get_stream_transmitter_type<T: TransmitterImpl>(
    transmitter: *mut FsTransmitter,
) -> GType {
    // SAFETY: the caller passes a transmitter of this class.
    guard("get_stream_transmitter_type", glib::Type::INVALID.into_glib(), || unsafe {
        imp::<T>(transmitter).stream_transmitter_type().into_glib()
    })
}
