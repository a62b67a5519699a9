//! `farstream/fs-plugin.h`, but for the variadic `fs_plugin_create`, which stable Rust can't define: the shared
//! library has it in C.

use std::ffi::{c_char, c_void};

use glib::ffi::{GError, GType};
use glib::gobject_ffi::{G_TYPE_INVALID, G_TYPE_OBJECT, GObject, g_type_is_a};
use glib::translate::*;

use super::check;
use crate::boxed::read_text;
use crate::class::{guard, guard_result};
use crate::error::Error;
use crate::plugin;

unsafe extern "C" {
    /// On all supported systems a `va_list` argument is passed as one pointer.
    fn g_object_new_valist(
        type_: GType,
        first_property: *const c_char,
        arguments: *mut c_void,
    ) -> *mut GObject;
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_plugin_create_valist(
    name: *const c_char,
    type_suffix: *const c_char,
    error: *mut *mut GError,
    first_property_name: *const c_char,
    var_args: *mut c_void,
) -> *mut GObject {
    let null = std::ptr::null_mut();
    check!(c"fs_plugin_create_valist", !name.is_null(), error => null);
    check!(c"fs_plugin_create_valist", !type_suffix.is_null(), error => null);
    // SAFETY: NUL-terminated names, property names and values as GObject wants them; the answer goes to the caller.
    unsafe {
        guard_result("fs_plugin_create", error, || {
            let type_ = plugin::type_for(&read_text(name), &read_text(type_suffix))?;
            if g_type_is_a(type_.into_glib(), G_TYPE_OBJECT) == glib::ffi::GFALSE {
                let text = format!("plugin '{}' provides {type_}, which is no object", read_text(name));
                return Err(glib::Error::new(Error::Construction, &text));
            }
            Ok(g_object_new_valist(type_.into_glib(), first_property_name, var_args))
        })
        .unwrap_or(null)
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_plugin_list_available(type_suffix: *const c_char) -> *mut *mut c_char {
    let null = std::ptr::null_mut();
    check!(c"fs_plugin_list_available", !type_suffix.is_null() => null);
    guard("fs_plugin_list_available", null, || {
        // SAFETY: a NUL-terminated text.
        let names = plugin::list_available(&unsafe { read_text(type_suffix) });
        if names.is_empty() { null } else { names.to_glib_full() }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_plugin_register_static(
    name: *const c_char,
    type_suffix: *const c_char,
    type_: GType,
) {
    check!(c"fs_plugin_register_static", !name.is_null());
    check!(c"fs_plugin_register_static", !type_suffix.is_null());
    check!(c"fs_plugin_register_static", (type_ != G_TYPE_INVALID));
    guard("fs_plugin_register_static", (), || {
        // SAFETY: NUL-terminated texts and a registered type.
        unsafe { plugin::register_static(&read_text(name), &read_text(type_suffix), from_glib(type_)) }
    });
}
