//! State that is attached to an object instead of living in its instance struct.
//!
//! Our classes may have been registered by another copy of the library, whose private fields are not ours. State
//! therefore hangs on the object under a key that only this copy of the library knows.

use std::ffi::c_void;
use std::sync::{Mutex, OnceLock};

use glib::prelude::*;
use glib::translate::*;

/// A key for one kind of state; declare it as a static.
pub(crate) struct Key<T> {
    name: &'static str,
    quark: OnceLock<glib::Quark>,
    make: fn() -> T,
}

static CREATION: Mutex<()> = Mutex::new(());

impl<T: Send + Sync + 'static> Key<T> {
    /// A key with a readable name, and what makes the state at first use.
    pub(crate) const fn new(name: &'static str, make: fn() -> T) -> Self {
        Self { name, quark: OnceLock::new(), make }
    }

    fn quark(&self) -> u32 {
        // The address makes the key this copy's own.
        self.quark.get_or_init(|| glib::Quark::from_str(format!("{}-{self:p}", self.name))).into_glib()
    }

    /// The state of an object, if it was made before.
    pub(crate) fn get<'a>(&self, object: &'a impl IsA<glib::Object>) -> Option<&'a T> {
        let object = object.upcast_ref::<glib::Object>().as_ptr();
        // SAFETY: data under our key is ours, is complete when it is set, and lives as long as the object.
        unsafe { glib::gobject_ffi::g_object_get_qdata(object, self.quark()).cast::<T>().as_ref() }
    }

    /// The state of an object, made at first use, dropped with the object.
    pub(crate) fn of<'a>(&self, object: &'a impl IsA<glib::Object>) -> &'a T {
        let object = object.upcast_ref::<glib::Object>().as_ptr();
        let _creating = CREATION.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // SAFETY: data under our key is ours, is set once under the lock, and lives as long as the object.
        unsafe {
            let mut state = glib::gobject_ffi::g_object_get_qdata(object, self.quark()).cast::<T>();
            if state.is_null() {
                state = Box::into_raw(Box::new((self.make)()));
                glib::gobject_ffi::g_object_set_qdata_full(
                    object,
                    self.quark(),
                    state.cast(),
                    Some(free::<T>),
                );
            }
            &*state
        }
    }
}

unsafe extern "C" fn free<T>(state: *mut c_void) {
    // SAFETY: made by `Key::of` with this type and freed once.
    crate::class::guard("freeing attached state", (), || drop(unsafe { Box::from_raw(state.cast::<T>()) }));
}
