//! `farstream/fs-utils.h`, named after what it is about.

use std::ffi::c_long;

use glib::ffi::{GKeyFile, GList};
use glib::prelude::*;
use glib::translate::*;
use gst::ffi::GstElement;

use super::{check, critical, is_a};
use crate::boxed::list;
use crate::class::guard;
use crate::defaults;
use crate::enums::MediaType;
use crate::ffi::FsMediaType;

/// Whether this is an element.
fn is_element(element: *mut GstElement) -> bool {
    // SAFETY: the C caller passes a live instance or NULL.
    unsafe { is_a(element, gst::Element::static_type().into_glib()) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_utils_get_default_codec_preferences(element: *mut GstElement) -> *mut GList {
    let null = std::ptr::null_mut();
    check!(c"fs_utils_get_default_codec_preferences", is_element(element) => null);
    guard("fs_utils_get_default_codec_preferences", null, || {
        // SAFETY: an element.
        let element: Borrowed<gst::Element> = unsafe { from_glib_borrow(element) };
        list::write(&defaults::codec_preferences(&element))
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_utils_get_default_rtp_header_extension_preferences(
    element: *mut GstElement,
    media_type: FsMediaType,
) -> *mut GList {
    let null = std::ptr::null_mut();
    let media_type = MediaType::from_c(media_type);
    check!(c"fs_utils_get_default_rtp_header_extension_preferences", is_element(element) => null);
    check!(c"fs_utils_get_default_rtp_header_extension_preferences", media_type.is_some() => null);
    guard("fs_utils_get_default_rtp_header_extension_preferences", null, || {
        // SAFETY: an element.
        let element: Borrowed<gst::Element> = unsafe { from_glib_borrow(element) };
        let media_type = media_type.unwrap_or(MediaType::Audio).into();
        list::write(&defaults::rtp_header_extension_preferences(&element, media_type))
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_utils_get_default_element_properties(element: *mut GstElement) -> *mut GKeyFile {
    let null = std::ptr::null_mut();
    check!(c"fs_utils_get_default_element_properties", is_element(element) => null);
    guard("fs_utils_get_default_element_properties", null, || {
        // SAFETY: an element.
        let element: Borrowed<gst::Element> = unsafe { from_glib_borrow(element) };
        defaults::element_properties(&element).map_or(null, |file| file.to_glib_full())
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fs_utils_set_bitrate(element: *mut GstElement, bitrate: c_long) {
    check!(c"fs_utils_set_bitrate", is_element(element));
    guard("fs_utils_set_bitrate", (), || {
        // SAFETY: an element.
        let element: Borrowed<gst::Element> = unsafe { from_glib_borrow(element) };
        if !defaults::set_bitrate(&element, bitrate) {
            critical(c"fs_utils_set_bitrate", "the element has a numeric property 'bitrate'");
        }
    });
}
