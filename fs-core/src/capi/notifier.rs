//! `farstream/fs-element-added-notifier.h`.

use std::ffi::{c_char, c_ulong};

use glib::ffi::{GError, GFALSE, GKeyFile, GTRUE, gboolean};
use glib::prelude::*;
use glib::translate::*;
use gst::ffi::{GstBin, GstElement};

use super::{check, is_a};
use crate::boxed::read_text;
use crate::class::{guard, guard_result};
use crate::element_added_notifier::{ElementAddedNotifier, fs_element_added_notifier_get_type};
use crate::ffi::FsElementAddedNotifier;

/// Whether this is a notifier.
fn is_notifier(notifier: *mut FsElementAddedNotifier) -> bool {
    // SAFETY: the C caller passes a live instance or NULL.
    unsafe { is_a(notifier, fs_element_added_notifier_get_type()) }
}

/// Whether this is a bin.
fn is_bin(bin: *mut GstBin) -> bool {
    // SAFETY: the C caller passes a live instance or NULL.
    unsafe { is_a(bin, gst::Bin::static_type().into_glib()) }
}

#[unsafe(no_mangle)]
pub extern "C" fn fs_element_added_notifier_new() -> *mut FsElementAddedNotifier {
    guard("fs_element_added_notifier_new", std::ptr::null_mut(), || {
        ElementAddedNotifier::new().to_glib_full()
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_element_added_notifier_add(
    notifier: *mut FsElementAddedNotifier,
    bin: *mut GstBin,
) {
    check!(c"fs_element_added_notifier_add", is_notifier(notifier));
    check!(c"fs_element_added_notifier_add", is_bin(bin));
    guard("fs_element_added_notifier_add", (), || {
        // SAFETY: a notifier and a bin.
        unsafe {
            let notifier: Borrowed<ElementAddedNotifier> = from_glib_borrow(notifier);
            let bin: Borrowed<gst::Bin> = from_glib_borrow(bin);
            notifier.add(&*bin);
        }
    });
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_element_added_notifier_remove(
    notifier: *mut FsElementAddedNotifier,
    bin: *mut GstBin,
) -> gboolean {
    check!(c"fs_element_added_notifier_remove", is_notifier(notifier) => GFALSE);
    check!(c"fs_element_added_notifier_remove", is_bin(bin) => GFALSE);
    guard("fs_element_added_notifier_remove", GFALSE, || {
        // SAFETY: a notifier and a bin.
        unsafe {
            let notifier: Borrowed<ElementAddedNotifier> = from_glib_borrow(notifier);
            let bin: Borrowed<gst::Bin> = from_glib_borrow(bin);
            notifier.remove(&*bin).into_glib()
        }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_element_added_notifier_set_properties_from_keyfile(
    notifier: *mut FsElementAddedNotifier,
    keyfile: *mut GKeyFile,
) -> c_ulong {
    check!(c"fs_element_added_notifier_set_properties_from_keyfile", is_notifier(notifier) => 0);
    check!(c"fs_element_added_notifier_set_properties_from_keyfile", !keyfile.is_null() => 0);
    guard("fs_element_added_notifier_set_properties_from_keyfile", 0, || {
        // SAFETY: a notifier and a key file that the caller gives away.
        unsafe {
            let notifier: Borrowed<ElementAddedNotifier> = from_glib_borrow(notifier);
            let file: glib::KeyFile = from_glib_full(keyfile);
            notifier.set_properties_from_keyfile(&file).as_raw()
        }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_element_added_notifier_set_properties_from_file(
    notifier: *mut FsElementAddedNotifier,
    filename: *const c_char,
    error: *mut *mut GError,
) -> gboolean {
    const FUNCTION: &str = "fs_element_added_notifier_set_properties_from_file";
    check!(c"fs_element_added_notifier_set_properties_from_file", is_notifier(notifier), error
        => GFALSE);
    check!(c"fs_element_added_notifier_set_properties_from_file", !filename.is_null(), error => GFALSE);
    // SAFETY: a notifier, a NUL-terminated name and the caller's error place.
    unsafe {
        guard_result(FUNCTION, error, || {
            let notifier: Borrowed<ElementAddedNotifier> = from_glib_borrow(notifier);
            notifier.set_properties_from_file(read_text(filename))
        })
        .map_or(GFALSE, |_handler| GTRUE)
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_element_added_notifier_set_default_properties(
    notifier: *mut FsElementAddedNotifier,
    element: *mut GstElement,
) -> c_ulong {
    check!(c"fs_element_added_notifier_set_default_properties", is_notifier(notifier) => 0);
    // SAFETY: the caller passes a live instance or NULL.
    let is_element = unsafe { is_a(element, gst::Element::static_type().into_glib()) };
    check!(c"fs_element_added_notifier_set_default_properties", is_element => 0);
    guard("fs_element_added_notifier_set_default_properties", 0, || {
        // SAFETY: a notifier and an element.
        unsafe {
            let notifier: Borrowed<ElementAddedNotifier> = from_glib_borrow(notifier);
            let element: Borrowed<gst::Element> = from_glib_borrow(element);
            notifier.set_default_properties(&*element).map_or(0, |handler| handler.as_raw())
        }
    })
}
