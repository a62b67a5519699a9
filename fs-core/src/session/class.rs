//! The class `FsSession`: registration, properties and the signal `error`.

use std::ffi::c_void;
use std::mem::size_of;
use std::sync::OnceLock;

use glib::ffi::GType;
use glib::gobject_ffi::{G_TYPE_OBJECT, G_TYPE_STRING, GObjectClass};
use glib::prelude::*;
use glib::translate::*;

use crate::boxed::codec::{fs_codec_get_type, fs_codec_list_get_type};
use crate::class::{self, CONSTRUCT_ONLY, ClassInfo, Kind, READ, READ_WRITE, install_property};
use crate::conference::fs_conference_get_type;
use crate::enums::{fs_error_get_type, fs_media_type_get_type};
use crate::ffi::{FsSession, FsSessionClass};

/// The GType `FsSession`, registered at first use.
#[cfg_attr(feature = "capi", unsafe(no_mangle))]
pub extern "C" fn fs_session_get_type() -> GType {
    static TYPE: OnceLock<GType> = OnceLock::new();
    *TYPE.get_or_init(|| {
        let info = ClassInfo {
            name: c"FsSession",
            parent: glib::Object::static_type(),
            class_size: size_of::<FsSessionClass>(),
            instance_size: size_of::<FsSession>(),
            class_init,
            instance_init: None,
            is_abstract: true,
        };
        info.register()
    })
}

unsafe extern "C" fn class_init(class: *mut c_void, _data: *mut c_void) {
    let class = class.cast::<GObjectClass>();
    // SAFETY: GObject calls this once with the new class.
    unsafe {
        (*class).get_property = Some(class::get_default_property);
        (*class).set_property = Some(class::set_ignored_property);
        install_settings(class);
        install_codecs(class);
        install_caps(class);
        class::install_signal(class, c"error", &[G_TYPE_OBJECT, fs_error_get_type(), G_TYPE_STRING]);
    }
}

unsafe fn install_settings(class: *mut GObjectClass) {
    let media = Kind::Enum(fs_media_type_get_type(), 0);
    let id = Kind::Uint { min: 0, max: u32::MAX, default: 0 };
    let tos = Kind::Uint { min: 0, max: 255, default: 0 };
    let conference = Kind::Object(fs_conference_get_type());
    let pad = Kind::Object(gst::Pad::static_type().into_glib());
    // SAFETY: called from `class_init`.
    unsafe {
        let blurb = c"The conference that made this session";
        install_property(class, 1, c"conference", c"Conference", blurb, conference, CONSTRUCT_ONLY);
        let blurb = c"Kind of media this session carries";
        install_property(class, 2, c"media-type", c"Media type", blurb, media, CONSTRUCT_ONLY);
        let blurb = c"Number of this session; pads of the session carry it in their names";
        install_property(class, 3, c"id", c"Session number", blurb, id, CONSTRUCT_ONLY);
        let blurb = c"The pad that takes the media to be sent";
        install_property(class, 4, c"sink-pad", c"Sink pad", blurb, pad, READ);
        let blurb = c"IP type of service of the packets sent";
        install_property(class, 9, c"tos", c"Type of service", blurb, tos, READ_WRITE);
    }
}

unsafe fn install_codecs(class: *mut GObjectClass) {
    let list = || Kind::Boxed(fs_codec_list_get_type());
    let codec = Kind::Boxed(fs_codec_get_type());
    // SAFETY: called from `class_init`.
    unsafe {
        let blurb = c"Codec preferences in force, most wanted first";
        install_property(class, 5, c"codec-preferences", c"Codec preferences", blurb, list(), READ);
        let blurb = c"Codecs of this session; NULL while one of them lacks configuration data";
        install_property(class, 6, c"codecs", c"Codecs", blurb, list(), READ);
        let blurb = c"Codecs of this session without parameters that need media to be known";
        let (name, nick) = (c"codecs-without-config", c"Codecs without configuration");
        install_property(class, 7, name, nick, blurb, list(), READ);
        let blurb = c"The codec media is sent with now, or NULL";
        install_property(class, 8, c"current-send-codec", c"Current send codec", blurb, codec, READ);
    }
}

unsafe fn install_caps(class: *mut GObjectClass) {
    let caps = || Kind::Boxed(gst::Caps::static_type().into_glib());
    let structure = Kind::Boxed(gst::Structure::static_type().into_glib());
    // SAFETY: called from `class_init`.
    unsafe {
        let blurb = c"Caps of media the streams may give";
        install_property(class, 10, c"allowed-src-caps", c"Allowed source caps", blurb, caps(), READ);
        let blurb = c"Caps of media the sink pad may take";
        install_property(class, 11, c"allowed-sink-caps", c"Allowed sink caps", blurb, caps(), READ);
        let blurb = c"How the session encrypts what it sends, or NULL";
        let (name, nick) = (c"encryption-parameters", c"Encryption parameters");
        install_property(class, 12, name, nick, blurb, structure, READ);
    }
}
