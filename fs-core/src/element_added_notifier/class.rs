//! The class `FsElementAddedNotifier`: registration and its signal.

use std::ffi::c_void;
use std::mem::size_of;
use std::sync::OnceLock;

use glib::ffi::GType;
use glib::gobject_ffi::GObjectClass;
use glib::prelude::*;
use glib::translate::*;

use crate::class::{self, ClassInfo};
use crate::ffi::{FsElementAddedNotifier, FsElementAddedNotifierClass};

/// The GType `FsElementAddedNotifier`, registered at first use.
#[cfg_attr(feature = "capi", unsafe(no_mangle))]
pub extern "C" fn fs_element_added_notifier_get_type() -> GType {
    static TYPE: OnceLock<GType> = OnceLock::new();
    *TYPE.get_or_init(|| {
        let info = ClassInfo {
            name: c"FsElementAddedNotifier",
            parent: glib::Object::static_type(),
            class_size: size_of::<FsElementAddedNotifierClass>(),
            instance_size: size_of::<FsElementAddedNotifier>(),
            class_init,
            instance_init: None,
            is_abstract: false,
        };
        info.register()
    })
}

unsafe extern "C" fn class_init(class: *mut c_void, _data: *mut c_void) {
    let arguments = [gst::Bin::static_type().into_glib(), gst::Element::static_type().into_glib()];
    // SAFETY: GObject calls this once with the new class.
    unsafe { class::install_signal(class.cast::<GObjectClass>(), c"element-added", &arguments) }
}
