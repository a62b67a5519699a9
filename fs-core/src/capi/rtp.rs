//! `farstream/fs-rtp.h`.

use std::ffi::{c_char, c_uint};

use fs_proto::RtpHeaderExtension;
use glib::ffi::{GError, GFALSE, GList, GTRUE, g_strcmp0, g_strdup, gboolean};
use glib::gobject_ffi::GObject;
use glib::prelude::*;
use glib::translate::*;

use super::check;
use crate::boxed::{CStruct, RtpHeaderExtensionList, list, read_text, slice_new};
use crate::class::{guard, guard_result, not_implemented};
use crate::enums::MediaType;
use crate::error::Error;
use crate::ffi::{FsMediaType, FsRtpHeaderExtension, FsStreamDirection};
use crate::keyfile;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_rtp_header_extension_new(
    id: c_uint,
    direction: FsStreamDirection,
    uri: *const c_char,
) -> *mut FsRtpHeaderExtension {
    // SAFETY: the string is NULL or NUL-terminated.
    slice_new(FsRtpHeaderExtension { id, direction, uri: unsafe { g_strdup(uri) } })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_rtp_header_extension_copy(
    extension: *mut FsRtpHeaderExtension,
) -> *mut FsRtpHeaderExtension {
    // SAFETY: NULL or a valid extension.
    unsafe { RtpHeaderExtension::copy(extension) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_rtp_header_extension_destroy(extension: *mut FsRtpHeaderExtension) {
    // SAFETY: NULL or an extension the caller gives away.
    unsafe { RtpHeaderExtension::free(extension) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_rtp_header_extension_are_equal(
    one: *mut FsRtpHeaderExtension,
    two: *mut FsRtpHeaderExtension,
) -> gboolean {
    if one == two {
        return GTRUE;
    }
    // SAFETY: NULL or valid extensions.
    let equal = match unsafe { (one.as_ref(), two.as_ref()) } {
        (Some(one), Some(two)) => {
            // SAFETY: their strings are NULL or NUL-terminated.
            let uris = unsafe { g_strcmp0(one.uri, two.uri) };
            one.id == two.id && one.direction == two.direction && uris == 0
        }
        _ => false,
    };
    if equal { GTRUE } else { GFALSE }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_rtp_header_extension_list_copy(extensions: *mut GList) -> *mut GList {
    // SAFETY: NULL or a valid list.
    unsafe { list::copy::<RtpHeaderExtension>(extensions) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_rtp_header_extension_list_destroy(extensions: *mut GList) {
    // SAFETY: NULL or a list the caller gives away.
    unsafe { list::free::<RtpHeaderExtension>(extensions) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_rtp_header_extension_list_from_keyfile(
    filename: *const c_char,
    media_type: FsMediaType,
    error: *mut *mut GError,
) -> *mut GList {
    let null = std::ptr::null_mut();
    check!(c"fs_rtp_header_extension_list_from_keyfile", !filename.is_null(), error => null);
    // SAFETY: the name is NUL-terminated, the error place is the caller's.
    unsafe {
        guard_result("reading header extensions", error, || {
            let Some(media_type) = MediaType::from_c(media_type) else {
                let text = format!("there is no media type {media_type}, only 0 (audio) to 2 (application)");
                return Err(glib::Error::new(Error::InvalidArguments, &text));
            };
            let extensions = keyfile::header_extensions(read_text(filename), media_type.into())?;
            Ok(list::write(&extensions))
        })
        .unwrap_or(null)
    }
}

/// Whether the object has a property of that name that holds header extensions.
fn has_extensions(object: &glib::Object, property: &str) -> bool {
    let type_ = RtpHeaderExtensionList::static_type();
    object.find_property(property).is_some_and(|spec| spec.value_type() == type_)
}

/// The header extensions in a property that kinds of session and stream may have or lack; the caller owns them.
///
/// # Safety
/// `object` is a live object.
pub(super) unsafe fn extensions(what: &str, object: *mut GObject, property: &str) -> *mut GList {
    guard(what, std::ptr::null_mut(), || {
        // SAFETY: see above.
        let object: Borrowed<glib::Object> = unsafe { from_glib_borrow(object) };
        if !has_extensions(&object, property) {
            return std::ptr::null_mut();
        }
        list::write(&object.property::<RtpHeaderExtensionList>(property).0)
    })
}

/// Sets such a property. An object without it says that this is not implemented, and one that has lost its `owner`, the
/// property that names what it belongs to, that it was destroyed.
///
/// # Safety
/// `object` is a live object, `list` NULL or a list of header extensions, `error` the caller's place for an error.
pub(super) unsafe fn set_extensions(
    what: &str,
    object: *mut GObject,
    (owner, property): (&str, &str),
    list: *mut GList,
    error: *mut *mut GError,
) -> gboolean {
    // SAFETY: see above.
    let set = unsafe {
        guard_result(what, error, || {
            let object: Borrowed<glib::Object> = from_glib_borrow(object);
            if !has_extensions(&object, property) {
                return Err(not_implemented(object.type_(), property));
            }
            if !matches!(object.property_value(owner).get::<Option<glib::Object>>(), Ok(Some(_))) {
                let text = format!("{property} can't be set: the object was destroyed");
                return Err(glib::Error::new(Error::Disposed, &text));
            }
            object.set_property(property, RtpHeaderExtensionList(list::read(list)));
            Ok(())
        })
    };
    set.map_or(GFALSE, |()| GTRUE)
}
