//! The C layout of Farstream 0.2: instance, class and boxed structs, checked at compile time.
//!
//! Sizes and offsets are frozen by the C interface: programs, transmitters and conferences written in C embed
//! these structs in their own. The checks at the end compare with the stock library on 64-bit systems.

#![allow(missing_docs, reason = "the C headers document these structs field by field")]

use std::ffi::{c_char, c_int, c_uint, c_void};

pub use glib::ffi::{GError, GList, GMutex, gboolean, gpointer};
pub use glib::gobject_ffi::{GObject, GObjectClass, GParameter, GTypeModule, GTypeModuleClass};
pub use gst::ffi::{GstBin, GstBinClass, GstCaps, GstStructure};

pub use crate::boxed::candidate::{fs_candidate_get_type, fs_candidate_list_get_type};
pub use crate::boxed::codec::{
    fs_codec_get_type, fs_codec_list_get_type, fs_codec_parameter_get_type, fs_feedback_parameter_get_type,
};
pub use crate::boxed::hdrext::{fs_rtp_header_extension_get_type, fs_rtp_header_extension_list_get_type};
pub use crate::conference::fs_conference_get_type;
pub use crate::element_added_notifier::fs_element_added_notifier_get_type;
pub use crate::enums::{
    fs_candidate_type_get_type, fs_component_type_get_type, fs_dtmf_event_get_type, fs_dtmf_method_get_type,
    fs_error_get_type, fs_media_type_get_type, fs_network_protocol_get_type, fs_stream_direction_get_type,
    fs_stream_state_get_type,
};
pub use crate::participant::fs_participant_get_type;
pub use crate::plugin::fs_plugin_get_type;
pub use crate::session::fs_session_get_type;
pub use crate::stream::fs_stream_get_type;
pub use crate::stream_transmitter::fs_stream_transmitter_get_type;
pub use crate::transmitter::fs_transmitter_get_type;

/// C enums are passed as plain integers, because a caller may hand in any number.
pub type FsMediaType = c_uint;
pub type FsCandidateType = c_uint;
pub type FsNetworkProtocol = c_uint;
pub type FsComponentType = c_uint;
pub type FsStreamState = c_uint;
pub type FsStreamDirection = c_uint;
pub type FsDTMFEvent = c_uint;
pub type FsDTMFMethod = c_uint;
pub type FsError = c_uint;

/// Value of `minimum_reporting_interval` that stands for "unset".
pub const TRR_INT_UNSET: c_uint = c_uint::MAX;

#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct FsCodec {
    pub id: c_int,
    pub encoding_name: *mut c_char,
    pub media_type: FsMediaType,
    pub clock_rate: c_uint,
    pub channels: c_uint,
    pub minimum_reporting_interval: c_uint,
    pub optional_params: *mut GList,
    pub feedback_params: *mut GList,
}

#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct FsCodecParameter {
    pub name: *mut c_char,
    pub value: *mut c_char,
}

#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct FsFeedbackParameter {
    pub type_: *mut c_char,
    pub subtype: *mut c_char,
    pub extra_params: *mut c_char,
}

#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct FsCandidate {
    pub foundation: *mut c_char,
    pub component_id: c_uint,
    pub ip: *mut c_char,
    pub port: u16,
    pub base_ip: *mut c_char,
    pub base_port: u16,
    pub proto: FsNetworkProtocol,
    pub priority: u32,
    pub type_: FsCandidateType,
    pub username: *mut c_char,
    pub password: *mut c_char,
    pub ttl: c_uint,
}

#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct FsRtpHeaderExtension {
    pub id: c_uint,
    pub direction: FsStreamDirection,
    pub uri: *mut c_char,
}

#[repr(C)]
pub struct FsConference {
    pub parent: GstBin,
    pub padding: [gpointer; 8],
}

#[derive(Clone, Copy)]
#[repr(C)]
pub struct FsConferenceClass {
    pub parent: GstBinClass,
    pub new_session:
        Option<unsafe extern "C" fn(*mut FsConference, FsMediaType, *mut *mut GError) -> *mut FsSession>,
    pub new_participant:
        Option<unsafe extern "C" fn(*mut FsConference, *mut *mut GError) -> *mut FsParticipant>,
    pub reserved: [gpointer; 4],
}

#[repr(C)]
pub struct FsSession {
    pub parent: GObject,
    pub private: gpointer,
    pub padding: [gpointer; 8],
}

#[derive(Clone, Copy)]
#[repr(C)]
pub struct FsSessionClass {
    pub parent: GObjectClass,
    pub new_stream: Option<
        unsafe extern "C" fn(
            *mut FsSession,
            *mut FsParticipant,
            FsStreamDirection,
            *mut *mut GError,
        ) -> *mut FsStream,
    >,
    pub start_telephony_event: Option<unsafe extern "C" fn(*mut FsSession, u8, u8) -> gboolean>,
    pub stop_telephony_event: Option<unsafe extern "C" fn(*mut FsSession) -> gboolean>,
    pub set_send_codec:
        Option<unsafe extern "C" fn(*mut FsSession, *mut FsCodec, *mut *mut GError) -> gboolean>,
    pub set_codec_preferences:
        Option<unsafe extern "C" fn(*mut FsSession, *mut GList, *mut *mut GError) -> gboolean>,
    pub list_transmitters: Option<unsafe extern "C" fn(*mut FsSession) -> *mut *mut c_char>,
    pub get_stream_transmitter_type:
        Option<unsafe extern "C" fn(*mut FsSession, *const c_char) -> glib::ffi::GType>,
    pub codecs_need_resend:
        Option<unsafe extern "C" fn(*mut FsSession, *mut GList, *mut GList) -> *mut GList>,
    pub set_allowed_caps: Option<
        unsafe extern "C" fn(*mut FsSession, *mut GstCaps, *mut GstCaps, *mut *mut GError) -> gboolean,
    >,
    pub set_encryption_parameters:
        Option<unsafe extern "C" fn(*mut FsSession, *mut GstStructure, *mut *mut GError) -> gboolean>,
    pub padding: [gpointer; 6],
}

#[repr(C)]
pub struct FsStream {
    pub parent: GObject,
    pub private: gpointer,
    pub padding: [gpointer; 8],
}

/// A vfunc of a stream that takes a list: candidates or codecs.
pub type StreamListFn = unsafe extern "C" fn(*mut FsStream, *mut GList, *mut *mut GError) -> gboolean;

#[derive(Clone, Copy)]
#[repr(C)]
pub struct FsStreamClass {
    pub parent: GObjectClass,
    pub add_remote_candidates: Option<StreamListFn>,
    pub force_remote_candidates: Option<StreamListFn>,
    pub set_remote_codecs: Option<StreamListFn>,
    pub add_id: Option<unsafe extern "C" fn(*mut FsStream, c_uint)>,
    pub set_transmitter: Option<
        unsafe extern "C" fn(
            *mut FsStream,
            *const c_char,
            *mut GParameter,
            c_uint,
            *mut *mut GError,
        ) -> gboolean,
    >,
    pub set_decryption_parameters:
        Option<unsafe extern "C" fn(*mut FsStream, *mut GstStructure, *mut *mut GError) -> gboolean>,
    pub padding: [gpointer; 7],
}

#[repr(C)]
pub struct FsParticipant {
    pub parent: GObject,
    /// Guards data that transmitters attach; C programs lock it through a header macro.
    pub mutex: GMutex,
    pub private: gpointer,
    pub padding: [gpointer; 8],
}

#[derive(Clone, Copy)]
#[repr(C)]
pub struct FsParticipantClass {
    pub parent: GObjectClass,
    pub private: gpointer,
    pub padding: [gpointer; 8],
}

#[repr(C)]
pub struct FsTransmitter {
    pub parent: GObject,
    pub private: gpointer,
    /// Set by a subclass whose construction failed.
    pub construction_error: *mut GError,
    pub padding: [gpointer; 8],
}

#[derive(Clone, Copy)]
#[repr(C)]
pub struct FsTransmitterClass {
    pub parent: GObjectClass,
    pub new_stream_transmitter: Option<
        unsafe extern "C" fn(
            *mut FsTransmitter,
            *mut FsParticipant,
            c_uint,
            *mut GParameter,
            *mut *mut GError,
        ) -> *mut FsStreamTransmitter,
    >,
    pub get_stream_transmitter_type: Option<unsafe extern "C" fn(*mut FsTransmitter) -> glib::ffi::GType>,
    pub padding: [gpointer; 8],
}

#[repr(C)]
pub struct FsStreamTransmitter {
    pub parent: GObject,
    pub private: gpointer,
    pub padding: [gpointer; 8],
}

/// A vfunc of a stream transmitter that takes a list of candidates.
pub type StreamTransmitterListFn =
    unsafe extern "C" fn(*mut FsStreamTransmitter, *mut GList, *mut *mut GError) -> gboolean;

#[derive(Clone, Copy)]
#[repr(C)]
pub struct FsStreamTransmitterClass {
    pub parent: GObjectClass,
    pub add_remote_candidates: Option<StreamTransmitterListFn>,
    pub force_remote_candidates: Option<StreamTransmitterListFn>,
    pub gather_local_candidates:
        Option<unsafe extern "C" fn(*mut FsStreamTransmitter, *mut *mut GError) -> gboolean>,
    pub stop: Option<unsafe extern "C" fn(*mut FsStreamTransmitter)>,
    pub padding: [gpointer; 8],
}

#[repr(C)]
pub struct FsPlugin {
    pub parent: GTypeModule,
    /// The type the module provides; its entry function sets it.
    pub type_: glib::ffi::GType,
    pub name: *mut c_char,
    pub private: gpointer,
    pub unused: [gpointer; 8],
}

#[derive(Clone, Copy)]
#[repr(C)]
pub struct FsPluginClass {
    pub parent: GTypeModuleClass,
    pub unused: [gpointer; 8],
}

#[repr(C)]
pub struct FsElementAddedNotifier {
    pub parent: GObject,
    pub private: *mut c_void,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub struct FsElementAddedNotifierClass {
    pub parent: GObjectClass,
}

/// Compile-time comparison with the sizes and offsets of the stock library (x86-64 and other 64-bit systems).
#[cfg(target_pointer_width = "64")]
mod layout {
    use super::*;
    use std::mem::{offset_of, size_of};

    macro_rules! size {
        ($($type:ty = $size:expr),+ $(,)?) => { $(const _: () = assert!(size_of::<$type>() == $size);)+ };
    }
    macro_rules! offsets {
        ($type:ty: $($field:ident = $offset:expr),+ $(,)?) => {
            $(const _: () = assert!(offset_of!($type, $field) == $offset);)+
        };
    }

    size!(FsCodec = 48, FsCodecParameter = 16, FsFeedbackParameter = 24, FsCandidate = 80);
    size!(FsRtpHeaderExtension = 16);
    size!(FsConference = 440, FsConferenceClass = 624, FsSession = 96, FsSessionClass = 264);
    size!(FsStream = 96, FsStreamClass = 240, FsParticipant = 104, FsParticipantClass = 208);
    size!(FsTransmitter = 104, FsTransmitterClass = 216);
    size!(FsStreamTransmitter = 96, FsStreamTransmitterClass = 232);
    size!(FsPlugin = 144, FsPluginClass = 248);
    size!(FsElementAddedNotifier = 32, FsElementAddedNotifierClass = 136);

    offsets!(FsCodec: id = 0, encoding_name = 8, media_type = 16, clock_rate = 20, channels = 24,
        minimum_reporting_interval = 28, optional_params = 32, feedback_params = 40);
    offsets!(FsCodecParameter: name = 0, value = 8);
    offsets!(FsFeedbackParameter: type_ = 0, subtype = 8, extra_params = 16);
    offsets!(FsCandidate: foundation = 0, component_id = 8, ip = 16, port = 24, base_ip = 32, base_port = 40,
        proto = 44, priority = 48, type_ = 52, username = 56, password = 64, ttl = 72);
    offsets!(FsRtpHeaderExtension: id = 0, direction = 4, uri = 8);
    offsets!(FsConference: padding = 376);
    offsets!(FsConferenceClass: new_session = 576, new_participant = 584);
    offsets!(FsSessionClass: new_stream = 136, start_telephony_event = 144, stop_telephony_event = 152,
        set_send_codec = 160, set_codec_preferences = 168, list_transmitters = 176,
        get_stream_transmitter_type = 184, codecs_need_resend = 192, set_allowed_caps = 200,
        set_encryption_parameters = 208);
    offsets!(FsStreamClass: add_remote_candidates = 136, force_remote_candidates = 144,
        set_remote_codecs = 152, add_id = 160, set_transmitter = 168, set_decryption_parameters = 176);
    offsets!(FsParticipant: mutex = 24, private = 32);
    offsets!(FsTransmitter: construction_error = 32);
    offsets!(FsTransmitterClass: new_stream_transmitter = 136, get_stream_transmitter_type = 144);
    offsets!(FsStreamTransmitterClass: add_remote_candidates = 136, force_remote_candidates = 144,
        gather_local_candidates = 152, stop = 160);
    offsets!(FsPlugin: type_ = 56, name = 64, private = 72);
}
