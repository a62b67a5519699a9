//! `FsRtpHeaderExtension` and `FsRtpHeaderExtensionGList`.

use fs_proto::{RtpHeaderExtension, StreamDirection};

use super::codec::boxed_type;
use super::{CStruct, boxed_value, list, read_text, slice_free, slice_new, write_text_or_null};
use crate::ffi::FsRtpHeaderExtension;

/// A header extension in a `glib::Value` (`FsRtpHeaderExtension`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RtpHeaderExtensionValue(pub RtpHeaderExtension);

/// A list of header extensions in a `glib::Value` (`FsRtpHeaderExtensionGList`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RtpHeaderExtensionList(pub Vec<RtpHeaderExtension>);

boxed_value!(RtpHeaderExtensionValue(RtpHeaderExtension), fs_rtp_header_extension_get_type);
list::list_value!(RtpHeaderExtensionList(RtpHeaderExtension), fs_rtp_header_extension_list_get_type);

impl CStruct for RtpHeaderExtension {
    type C = FsRtpHeaderExtension;

    unsafe fn read(from: *const FsRtpHeaderExtension) -> Self {
        // SAFETY: the caller vouches for the struct.
        unsafe {
            let from = &*from;
            Self {
                id: from.id,
                direction: StreamDirection::from_bits(from.direction),
                uri: read_text(from.uri),
            }
        }
    }

    fn write(&self) -> *mut FsRtpHeaderExtension {
        slice_new(FsRtpHeaderExtension {
            id: self.id,
            direction: self.direction.bits(),
            uri: write_text_or_null(&self.uri),
        })
    }

    unsafe fn copy(from: *const FsRtpHeaderExtension) -> *mut FsRtpHeaderExtension {
        // SAFETY: the caller vouches for the struct, NULL included.
        let Some(from) = (unsafe { from.as_ref() }) else { return std::ptr::null_mut() };
        // SAFETY: the string is NULL or NUL-terminated.
        slice_new(FsRtpHeaderExtension { uri: unsafe { glib::ffi::g_strdup(from.uri) }, ..*from })
    }

    unsafe fn free(it: *mut FsRtpHeaderExtension) {
        if it.is_null() {
            return;
        }
        // SAFETY: the caller gives the struct away.
        unsafe {
            glib::ffi::g_free((*it).uri.cast());
            slice_free(it);
        }
    }
}

boxed_type!(
    fs_rtp_header_extension_get_type,
    "FsRtpHeaderExtension",
    RtpHeaderExtension::copy,
    RtpHeaderExtension::free
);
boxed_type!(
    fs_rtp_header_extension_list_get_type,
    "FsRtpHeaderExtensionGList",
    list::copy::<RtpHeaderExtension>,
    list::free::<RtpHeaderExtension>
);
