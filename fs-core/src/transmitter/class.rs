//! The class `FsTransmitter`: registration, properties and the signal `error`.

use std::ffi::c_void;
use std::mem::size_of;
use std::sync::OnceLock;

use glib::ffi::GType;
use glib::gobject_ffi::{G_TYPE_STRING, GObject, GObjectClass};
use glib::prelude::*;
use glib::translate::*;

use crate::class::{self, CONSTRUCT_ONLY, ClassInfo, Kind, READ, READ_WRITE, install_property};
use crate::enums::fs_error_get_type;
use crate::ffi::{FsTransmitter, FsTransmitterClass};

/// The GType `FsTransmitter`, registered at first use.
#[cfg_attr(feature = "capi", unsafe(no_mangle))]
pub extern "C" fn fs_transmitter_get_type() -> GType {
    static TYPE: OnceLock<GType> = OnceLock::new();
    *TYPE.get_or_init(|| {
        let info = ClassInfo {
            name: c"FsTransmitter",
            parent: glib::Object::static_type(),
            class_size: size_of::<FsTransmitterClass>(),
            instance_size: size_of::<FsTransmitter>(),
            class_init,
            instance_init: None,
            is_abstract: true,
        };
        info.register()
    })
}

unsafe extern "C" fn class_init(class: *mut c_void, _data: *mut c_void) {
    let class = class.cast::<GObjectClass>();
    let element = || Kind::Object(gst::Element::static_type().into_glib());
    let components = Kind::Uint { min: 1, max: 255, default: 1 };
    let tos = Kind::Uint { min: 0, max: 255, default: 0 };
    // SAFETY: GObject calls this once with the new class.
    unsafe {
        (*class).get_property = Some(class::get_default_property);
        (*class).set_property = Some(class::set_ignored_property);
        (*class).finalize = Some(finalize);
        let blurb = c"Bin that takes packets from the session, one sink pad per component";
        install_property(class, 1, c"gst-sink", c"Sink bin", blurb, element(), READ);
        let blurb = c"Bin that gives received packets to the session, one source pad per component";
        install_property(class, 2, c"gst-src", c"Source bin", blurb, element(), READ);
        let blurb = c"How many components there are";
        install_property(class, 3, c"components", c"Components", blurb, components, CONSTRUCT_ONLY);
        let blurb = c"IP type of service of the packets sent";
        install_property(class, 4, c"tos", c"Type of service", blurb, tos, READ_WRITE);
        let blurb = c"Whether received packets get the stream time of their arrival";
        let stamp = Kind::Bool(true);
        install_property(class, 5, c"do-timestamp", c"Do timestamp", blurb, stamp, READ_WRITE);
        class::install_signal(class, c"error", &[fs_error_get_type(), G_TYPE_STRING]);
    }
}

unsafe extern "C" fn finalize(object: *mut GObject) {
    // SAFETY: GObject calls this once when the last reference is gone; an error nobody took is ours.
    unsafe {
        let error = (*object.cast::<FsTransmitter>()).construction_error;
        if !error.is_null() {
            (*object.cast::<FsTransmitter>()).construction_error = std::ptr::null_mut();
            glib::ffi::g_error_free(error);
        }
        class::chain_up_finalize(object);
    }
}
