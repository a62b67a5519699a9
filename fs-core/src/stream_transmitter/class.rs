//! The class `FsStreamTransmitter`: registration, properties and signals.

use std::ffi::c_void;
use std::mem::size_of;
use std::sync::OnceLock;

use glib::ffi::GType;
use glib::gobject_ffi::{G_TYPE_POINTER, G_TYPE_STRING, G_TYPE_UINT, GObjectClass};
use glib::prelude::*;

use crate::boxed::candidate::{fs_candidate_get_type, fs_candidate_list_get_type};
use crate::class::{self, CONSTRUCT_ONLY, ClassInfo, Kind, READ_WRITE, install_property, install_signal};
use crate::enums::{fs_error_get_type, fs_stream_state_get_type};
use crate::ffi::{FsStreamTransmitter, FsStreamTransmitterClass};

/// The GType `FsStreamTransmitter`, registered at first use.
#[cfg_attr(feature = "capi", unsafe(no_mangle))]
pub extern "C" fn fs_stream_transmitter_get_type() -> GType {
    static TYPE: OnceLock<GType> = OnceLock::new();
    *TYPE.get_or_init(|| {
        let info = ClassInfo {
            name: c"FsStreamTransmitter",
            parent: glib::Object::static_type(),
            class_size: size_of::<FsStreamTransmitterClass>(),
            instance_size: size_of::<FsStreamTransmitter>(),
            class_init,
            instance_init: None,
            is_abstract: true,
        };
        info.register()
    })
}

unsafe extern "C" fn class_init(class: *mut c_void, _data: *mut c_void) {
    let class = class.cast::<GObjectClass>();
    let candidates = Kind::Boxed(fs_candidate_list_get_type());
    let candidate = fs_candidate_get_type();
    // SAFETY: GObject calls this once with the new class.
    unsafe {
        (*class).get_property = Some(class::get_default_property);
        (*class).set_property = Some(class::set_ignored_property);
        let blurb = c"Whether packets of the session go out through this transmitter";
        install_property(class, 1, c"sending", c"Sending", blurb, Kind::Bool(true), READ_WRITE);
        let blurb = c"Local addresses and ports to try first";
        let (name, nick) = (c"preferred-local-candidates", c"Preferred local candidates");
        install_property(class, 2, name, nick, blurb, candidates, CONSTRUCT_ONLY);
        let blurb = c"Whether the source address tells which stream a packet belongs to";
        let (name, nick) = (c"associate-on-source", c"Associate on source");
        install_property(class, 3, name, nick, blurb, Kind::Bool(true), CONSTRUCT_ONLY);
        install_signal(class, c"error", &[fs_error_get_type(), G_TYPE_STRING]);
        install_signal(class, c"new-local-candidate", &[candidate]);
        install_signal(class, c"local-candidates-prepared", &[]);
        install_signal(class, c"new-active-candidate-pair", &[candidate, candidate]);
        install_signal(class, c"known-source-packet-received", &[G_TYPE_UINT, G_TYPE_POINTER]);
        install_signal(class, c"state-changed", &[G_TYPE_UINT, fs_stream_state_get_type()]);
    }
}
