//! The class `FsStream`: registration, properties and signals.

use std::ffi::c_void;
use std::mem::size_of;
use std::sync::OnceLock;

use glib::ffi::GType;
use glib::gobject_ffi::{G_TYPE_STRING, GObject, GObjectClass};
use glib::prelude::*;
use glib::translate::*;

use super::{Stream, pads};
use crate::boxed::codec::{fs_codec_get_type, fs_codec_list_get_type};
use crate::class::{self, CONSTRUCT, CONSTRUCT_ONLY, ClassInfo, Kind, READ, READ_WRITE, install_property};
use crate::enums::{fs_error_get_type, fs_stream_direction_get_type};
use crate::ffi::{FsStream, FsStreamClass};
use crate::participant::fs_participant_get_type;
use crate::session::fs_session_get_type;

/// The GType `FsStream`, registered at first use.
#[cfg_attr(feature = "capi", unsafe(no_mangle))]
pub extern "C" fn fs_stream_get_type() -> GType {
    static TYPE: OnceLock<GType> = OnceLock::new();
    *TYPE.get_or_init(|| {
        let info = ClassInfo {
            name: c"FsStream",
            parent: glib::Object::static_type(),
            class_size: size_of::<FsStreamClass>(),
            instance_size: size_of::<FsStream>(),
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
        (*class).constructed = Some(constructed);
        install_codecs(class);
        install_settings(class);
        class::install_signal(class, c"error", &[fs_error_get_type(), G_TYPE_STRING]);
        let pad = gst::Pad::static_type().into_glib();
        class::install_signal(class, c"src-pad-added", &[pad, fs_codec_get_type()]);
    }
}

unsafe extern "C" fn constructed(object: *mut GObject) {
    crate::class::guard("constructed", (), || {
        // SAFETY: GObject calls this with a new stream, whose class derives from ours.
        let stream: Borrowed<Stream> = unsafe { from_glib_borrow(object.cast::<FsStream>()) };
        pads::follow_conference(&stream);
    });
    // SAFETY: GObject's own class has this function since 2.0; it does nothing today.
    unsafe {
        let parent = glib::gobject_ffi::g_type_class_peek(glib::gobject_ffi::G_TYPE_OBJECT);
        if let Some(chain_up) = parent.cast::<GObjectClass>().as_ref().and_then(|class| class.constructed) {
            chain_up(object);
        }
    }
}

unsafe fn install_codecs(class: *mut GObjectClass) {
    let list = || Kind::Boxed(fs_codec_list_get_type());
    // SAFETY: called from `class_init`.
    unsafe {
        let blurb = c"Codecs the peer announced, as they were given to the stream";
        install_property(class, 1, c"remote-codecs", c"Remote codecs", blurb, list(), READ);
        let blurb = c"Codecs of the session that the peer of this stream can also use";
        install_property(class, 2, c"negotiated-codecs", c"Negotiated codecs", blurb, list(), READ);
        let blurb = c"Codecs of the media that arrives now";
        let (name, nick) = (c"current-recv-codecs", c"Current receive codecs");
        install_property(class, 3, name, nick, blurb, list(), READ);
    }
}

unsafe fn install_settings(class: *mut GObjectClass) {
    let direction = Kind::Flags(fs_stream_direction_get_type(), 0);
    let participant = Kind::Object(fs_participant_get_type());
    let session = Kind::Object(fs_session_get_type());
    let structure = Kind::Boxed(gst::Structure::static_type().into_glib());
    // SAFETY: called from `class_init`.
    unsafe {
        let blurb = c"Which ways media flows";
        install_property(class, 4, c"direction", c"Direction", blurb, direction, CONSTRUCT);
        let blurb = c"Whom the stream connects us with";
        install_property(class, 5, c"participant", c"Participant", blurb, participant, CONSTRUCT_ONLY);
        let blurb = c"The session that made this stream";
        install_property(class, 6, c"session", c"Session", blurb, session, CONSTRUCT_ONLY);
        let blurb = c"How the stream decrypts what it receives, or NULL";
        let (name, nick) = (c"decryption-parameters", c"Decryption parameters");
        install_property(class, 7, name, nick, blurb, structure, READ);
        let blurb = c"Whether media that comes in the clear is dropped";
        let (name, nick) = (c"require-encryption", c"Require encryption");
        install_property(class, 8, name, nick, blurb, Kind::Bool(false), READ_WRITE);
    }
}
