//! The C interface: the functions of `libfarstream-0.2.so.5`, one file for each C header.
//!
//! They check pointers, convert, make one call, and convert back. Rules of ownership, as in the headers:
//! 1. Strings, structs and lists that come in stay the caller's, unless the header says "transfer full".
//! 2. What a function returns is the caller's, unless the header says "transfer none".
//! 3. `GError **` may be NULL. FALSE or NULL always comes with an error, also after a critical.
//! 4. A wrong argument is a critical message and the neutral answer, as with `g_return_val_if_fail`.
//! 5. A panic never crosses the border: it is logged and becomes the neutral answer.
//!
//! The `*_get_type` functions stand next to the types they register.

#![allow(clippy::missing_safety_doc, reason = "the C headers say what each function wants")]
#![allow(missing_docs, reason = "the C headers document the functions")]

use std::ffi::{CStr, CString, c_void};

use glib::ffi::{GError, GFALSE, GType};
use glib::gobject_ffi::GTypeInstance;

use crate::class::set_error;
use crate::error::Error;

mod candidate;
mod codec;
mod conference;
mod defaults;
mod fields;
mod notifier;
mod plugin;
mod rtp;
mod session;
mod stream;
mod stream_transmitter;
mod transmitter;

/// What happens when an argument is wrong: the message of `g_return_if_fail`.
pub(crate) fn critical(function: &CStr, condition: &str) {
    let condition = CString::new(condition).unwrap_or_default();
    // SAFETY: both strings are NUL-terminated; a NULL domain is the default one.
    unsafe { glib::ffi::g_return_if_fail_warning(std::ptr::null(), function.as_ptr(), condition.as_ptr()) }
}

/// As [`critical`], and tells the caller's `GError` the same.
///
/// # Safety
/// `error` is NULL or a valid `GError **`.
pub(crate) unsafe fn critical_error(function: &CStr, condition: &str, error: *mut *mut GError) {
    critical(function, condition);
    let text = format!("{}: '{condition}' is not so", function.to_string_lossy());
    // SAFETY: see above.
    unsafe { set_error(error, glib::Error::new(Error::InvalidArguments, &text)) }
}

/// Whether the pointer is an instance of that type.
///
/// # Safety
/// `instance` is NULL or a live instance.
pub(crate) unsafe fn is_a<T>(instance: *mut T, type_: GType) -> bool {
    let instance: *mut GTypeInstance = instance.cast::<c_void>().cast();
    // SAFETY: see above.
    !instance.is_null() && unsafe { glib::gobject_ffi::g_type_check_instance_is_a(instance, type_) } != GFALSE
}

/// Leaves the function with a critical message unless the condition holds: `function, condition`, with `=> answer` if
/// it answers something, and before that `, error` if it has an error place.
macro_rules! check {
    ($function:literal, $condition:expr) => {
        if !$condition {
            $crate::capi::critical($function, stringify!($condition));
            return;
        }
    };
    ($function:literal, $condition:expr => $answer:expr) => {
        if !$condition {
            $crate::capi::critical($function, stringify!($condition));
            return $answer;
        }
    };
    ($function:literal, $condition:expr, $error:ident => $answer:expr) => {
        if !$condition {
            // SAFETY: the error place is the C caller's.
            unsafe { $crate::capi::critical_error($function, stringify!($condition), $error) };
            return $answer;
        }
    };
}

pub(crate) use check;
