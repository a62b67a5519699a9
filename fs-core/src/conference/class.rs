//! The class `FsConference`: registration.

use std::ffi::c_void;
use std::mem::size_of;
use std::sync::OnceLock;

use glib::ffi::GType;
use glib::prelude::*;

use crate::class::ClassInfo;
use crate::ffi::{FsConference, FsConferenceClass};

/// The GType `FsConference`, registered at first use.
#[cfg_attr(feature = "capi", unsafe(no_mangle))]
pub extern "C" fn fs_conference_get_type() -> GType {
    static TYPE: OnceLock<GType> = OnceLock::new();
    *TYPE.get_or_init(|| {
        let info = ClassInfo {
            name: c"FsConference",
            parent: gst::Bin::static_type(),
            class_size: size_of::<FsConferenceClass>(),
            instance_size: size_of::<FsConference>(),
            class_init,
            instance_init: None,
            is_abstract: true,
        };
        info.register()
    })
}

unsafe extern "C" fn class_init(_class: *mut c_void, _data: *mut c_void) {
    std::sync::LazyLock::force(&crate::debug::CAT);
}
