//! The enum and flags types of the C interface, registered by hand because two of them name a value twice.
//!
//! | Rust | GType | pure twin |
//! |---|---|---|
//! | [`MediaType`] | `FsMediaType` | [`fs_proto::MediaType`] |
//! | [`CandidateType`] | `FsCandidateType` | [`fs_proto::CandidateType`] |
//! | [`NetworkProtocol`] | `FsNetworkProtocol` | [`fs_proto::NetworkProtocol`] |
//! | [`ComponentType`] | `FsComponentType` | [`fs_proto::ComponentType`] |
//! | [`StreamState`] | `FsStreamState` | [`fs_proto::StreamState`] |
//! | [`StreamDirection`] | `FsStreamDirection` (flags) | [`fs_proto::StreamDirection`] |
//! | [`DtmfEvent`], [`DtmfMethod`] | `FsDTMFEvent`, `FsDTMFMethod` | |

use std::sync::OnceLock;

use glib::ffi::GType;
use glib::gobject_ffi::{self, GFlagsValue};
use glib::prelude::*;
use glib::translate::*;

use crate::class::adopt_or;
pub use crate::error::fs_error_get_type;

/// A C enum: the Rust enum, its `*_get_type` function and the conversions to and from `glib::Value`.
/// `also` lists second names of a value.
macro_rules! c_enum {
    (
        $(#[$meta:meta])* $name:ident, $gtype:literal, $get_type:ident, default $default:ident;
        $($(#[$doc:meta])* $variant:ident = $value:literal, $c_name:literal, $nick:literal
            $(, before $b_name:literal $b_nick:literal)? $(, also $a_name:literal $a_nick:literal)?;)+
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u32)]
        pub enum $name { $($(#[$doc])* $variant = $value,)+ }

        impl $name {
            /// The variant with that C value, if there is one.
            pub fn from_c(value: u32) -> Option<Self> {
                match value { $($value => Some(Self::$variant),)+ _ => None }
            }
        }

        #[doc = concat!("The GType `", $gtype, "`, registered at first use.")]
        #[cfg_attr(feature = "capi", unsafe(no_mangle))]
        pub extern "C" fn $get_type() -> glib::ffi::GType {
            static TYPE: std::sync::OnceLock<glib::ffi::GType> = std::sync::OnceLock::new();
            *TYPE.get_or_init(|| $crate::enums::register_enum(
                concat!($gtype, "\0"),
                &[$($(($value, concat!($b_name, "\0"), concat!($b_nick, "\0")),)?
                    ($value, concat!($c_name, "\0"), concat!($nick, "\0")),
                    $(($value, concat!($a_name, "\0"), concat!($a_nick, "\0")),)?)+],
            ))
        }

        impl glib::types::StaticType for $name {
            fn static_type() -> glib::Type {
                // SAFETY: the function returns a registered type.
                unsafe { glib::translate::from_glib($get_type()) }
            }
        }

        impl glib::translate::IntoGlib for $name {
            type GlibType = i32;
            fn into_glib(self) -> i32 { self as i32 }
        }

        impl glib::translate::FromGlib<i32> for $name {
            unsafe fn from_glib(value: i32) -> Self {
                u32::try_from(value).ok().and_then(Self::from_c).unwrap_or(Self::$default)
            }
        }

        $crate::enums::value_impls!($name, i32, g_value_get_enum, g_value_set_enum);
    };
}

/// `ToValue`, `FromValue` and friends of an enum or flags type.
macro_rules! value_impls {
    ($name:ident, $int:ty, $get:ident, $set:ident) => {
        impl glib::value::ValueType for $name {
            type Type = Self;
        }

        impl glib::value::ToValue for $name {
            fn to_value(&self) -> glib::Value {
                let mut value = glib::Value::for_value_type::<Self>();
                // SAFETY: the value was just initialised with this type.
                unsafe {
                    glib::gobject_ffi::$set(
                        glib::translate::ToGlibPtrMut::to_glib_none_mut(&mut value).0,
                        glib::translate::IntoGlib::into_glib(*self),
                    );
                }
                value
            }
            fn value_type(&self) -> glib::Type {
                <Self as glib::types::StaticType>::static_type()
            }
        }

        impl From<$name> for glib::Value {
            fn from(value: $name) -> Self {
                glib::value::ToValue::to_value(&value)
            }
        }

        // SAFETY: the checker compares the value's type before the value is read.
        unsafe impl<'a> glib::value::FromValue<'a> for $name {
            type Checker = glib::value::GenericValueTypeChecker<Self>;
            unsafe fn from_value(value: &'a glib::Value) -> Self {
                // SAFETY: the value holds this type.
                unsafe {
                    glib::translate::from_glib(glib::gobject_ffi::$get(
                        glib::translate::ToGlibPtr::to_glib_none(value).0,
                    ))
                }
            }
        }
    };
}

pub(crate) use {c_enum, value_impls};

/// Registers an enum from NUL-terminated names, or adopts the one of the same name.
pub(crate) fn register_enum(name: &'static str, values: &[(u32, &'static str, &'static str)]) -> GType {
    let mut table: Vec<gobject_ffi::GEnumValue> = values
        .iter()
        .map(|(value, name, nick)| gobject_ffi::GEnumValue {
            value: *value as i32,
            value_name: name.as_ptr().cast(),
            value_nick: nick.as_ptr().cast(),
        })
        .collect();
    table.push(gobject_ffi::GEnumValue {
        value: 0,
        value_name: std::ptr::null(),
        value_nick: std::ptr::null(),
    });
    let c_name = std::ffi::CStr::from_bytes_with_nul(name.as_bytes()).unwrap_or(c"");
    adopt_or(c_name, || {
        // SAFETY: the table ends with an empty entry and, being leaked, lives as long as the type.
        unsafe { gobject_ffi::g_enum_register_static(c_name.as_ptr(), table.leak().as_ptr()) }
    })
}

c_enum! {
    /// Kind of media of a session (`FsMediaType`).
    MediaType, "FsMediaType", fs_media_type_get_type, default Application;
    /// Sound.
    Audio = 0, "FS_MEDIA_TYPE_AUDIO", "audio";
    /// Moving pictures.
    Video = 1, "FS_MEDIA_TYPE_VIDEO", "video";
    /// Anything else.
    Application = 2, "FS_MEDIA_TYPE_APPLICATION", "application", also "FS_MEDIA_TYPE_LAST" "last";
}

c_enum! {
    /// Where a candidate comes from (`FsCandidateType`).
    CandidateType, "FsCandidateType", fs_candidate_type_get_type, default Host;
    /// An address of this host.
    Host = 0, "FS_CANDIDATE_TYPE_HOST", "host";
    /// Server-reflexive.
    Srflx = 1, "FS_CANDIDATE_TYPE_SRFLX", "srflx";
    /// Peer-reflexive.
    Prflx = 2, "FS_CANDIDATE_TYPE_PRFLX", "prflx";
    /// Relayed.
    Relay = 3, "FS_CANDIDATE_TYPE_RELAY", "relay";
    /// A multicast group.
    Multicast = 4, "FS_CANDIDATE_TYPE_MULTICAST", "multicast";
}

c_enum! {
    /// Transport of a candidate (`FsNetworkProtocol`).
    NetworkProtocol, "FsNetworkProtocol", fs_network_protocol_get_type, default Udp;
    /// UDP.
    Udp = 0, "FS_NETWORK_PROTOCOL_UDP", "udp";
    /// TCP, waiting for the peer to connect.
    TcpPassive = 1, "FS_NETWORK_PROTOCOL_TCP_PASSIVE", "tcp-passive", before "FS_NETWORK_PROTOCOL_TCP" "tcp";
    /// TCP, connecting to the peer.
    TcpActive = 2, "FS_NETWORK_PROTOCOL_TCP_ACTIVE", "tcp-active";
    /// TCP, simultaneous open.
    TcpSo = 3, "FS_NETWORK_PROTOCOL_TCP_SO", "tcp-so";
}

c_enum! {
    /// Component of a stream (`FsComponentType`).
    ComponentType, "FsComponentType", fs_component_type_get_type, default None;
    /// No component.
    None = 0, "FS_COMPONENT_NONE", "none";
    /// Media packets.
    Rtp = 1, "FS_COMPONENT_RTP", "rtp";
    /// Control packets.
    Rtcp = 2, "FS_COMPONENT_RTCP", "rtcp";
}

c_enum! {
    /// State of a component, in rising order (`FsStreamState`).
    StreamState, "FsStreamState", fs_stream_state_get_type, default Failed;
    /// Connectivity was lost or never came.
    Failed = 0, "FS_STREAM_STATE_FAILED", "failed";
    /// Nothing has begun.
    Disconnected = 1, "FS_STREAM_STATE_DISCONNECTED", "disconnected";
    /// Local candidates are being gathered.
    Gathering = 2, "FS_STREAM_STATE_GATHERING", "gathering";
    /// Connectivity is being checked.
    Connecting = 3, "FS_STREAM_STATE_CONNECTING", "connecting";
    /// A working pair exists.
    Connected = 4, "FS_STREAM_STATE_CONNECTED", "connected";
    /// The final pair is chosen.
    Ready = 5, "FS_STREAM_STATE_READY", "ready";
}

c_enum! {
    /// A telephony event (`FsDTMFEvent`; RFC 4733 section 3.2).
    DtmfEvent, "FsDTMFEvent", fs_dtmf_event_get_type, default Digit0;
    /// 0
    Digit0 = 0, "FS_DTMF_EVENT_0", "0";
    /// 1
    Digit1 = 1, "FS_DTMF_EVENT_1", "1";
    /// 2
    Digit2 = 2, "FS_DTMF_EVENT_2", "2";
    /// 3
    Digit3 = 3, "FS_DTMF_EVENT_3", "3";
    /// 4
    Digit4 = 4, "FS_DTMF_EVENT_4", "4";
    /// 5
    Digit5 = 5, "FS_DTMF_EVENT_5", "5";
    /// 6
    Digit6 = 6, "FS_DTMF_EVENT_6", "6";
    /// 7
    Digit7 = 7, "FS_DTMF_EVENT_7", "7";
    /// 8
    Digit8 = 8, "FS_DTMF_EVENT_8", "8";
    /// 9
    Digit9 = 9, "FS_DTMF_EVENT_9", "9";
    /// *
    Star = 10, "FS_DTMF_EVENT_STAR", "star";
    /// #
    Pound = 11, "FS_DTMF_EVENT_POUND", "pound";
    /// A
    A = 12, "FS_DTMF_EVENT_A", "a";
    /// B
    B = 13, "FS_DTMF_EVENT_B", "b";
    /// C
    C = 14, "FS_DTMF_EVENT_C", "c";
    /// D
    D = 15, "FS_DTMF_EVENT_D", "d";
}

/// The code of any telephony event, 0 to 255, in a field of the type `FsDTMFEvent`, which names those up to 15.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventCode(pub u8);

impl glib::types::StaticType for EventCode {
    fn static_type() -> glib::Type {
        DtmfEvent::static_type()
    }
}

impl IntoGlib for EventCode {
    type GlibType = i32;
    fn into_glib(self) -> i32 {
        self.0.into()
    }
}

impl FromGlib<i32> for EventCode {
    unsafe fn from_glib(value: i32) -> Self {
        Self(u8::try_from(value).unwrap_or(u8::MAX))
    }
}

value_impls!(EventCode, i32, g_value_get_enum, g_value_set_enum);

c_enum! {
    /// How a telephony event travels (`FsDTMFMethod`).
    DtmfMethod, "FsDTMFMethod", fs_dtmf_method_get_type, default RtpRfc4733;
    /// As a named event in RTP (RFC 4733).
    RtpRfc4733 = 1, "FS_DTMF_METHOD_RTP_RFC4733", "rtp-rfc4733";
    /// As sound among the other sound.
    Sound = 2, "FS_DTMF_METHOD_SOUND", "sound";
}

/// Which ways media flows, as flags (`FsStreamDirection`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct StreamDirection(fs_proto::StreamDirection);

/// The GType `FsStreamDirection`, registered at first use.
#[cfg_attr(feature = "capi", unsafe(no_mangle))]
pub extern "C" fn fs_stream_direction_get_type() -> GType {
    static TYPE: OnceLock<GType> = OnceLock::new();
    const fn entry(value: u32, name: &'static std::ffi::CStr, nick: &'static std::ffi::CStr) -> GFlagsValue {
        GFlagsValue { value, value_name: name.as_ptr(), value_nick: nick.as_ptr() }
    }
    *TYPE.get_or_init(|| {
        adopt_or(c"FsStreamDirection", || {
            let values = vec![
                entry(0, c"FS_DIRECTION_NONE", c"none"),
                entry(1, c"FS_DIRECTION_SEND", c"send"),
                entry(2, c"FS_DIRECTION_RECV", c"recv"),
                entry(3, c"FS_DIRECTION_BOTH", c"both"),
                GFlagsValue { value: 0, value_name: std::ptr::null(), value_nick: std::ptr::null() },
            ];
            // SAFETY: the table ends with an empty entry and, being leaked, lives as long as the type.
            unsafe {
                gobject_ffi::g_flags_register_static(c"FsStreamDirection".as_ptr(), values.leak().as_ptr())
            }
        })
    })
}

impl StaticType for StreamDirection {
    fn static_type() -> glib::Type {
        // SAFETY: the function returns a registered type.
        unsafe { from_glib(fs_stream_direction_get_type()) }
    }
}

impl IntoGlib for StreamDirection {
    type GlibType = u32;
    fn into_glib(self) -> u32 {
        self.0.bits()
    }
}

impl FromGlib<u32> for StreamDirection {
    unsafe fn from_glib(value: u32) -> Self {
        Self(fs_proto::StreamDirection::from_bits(value))
    }
}

value_impls!(StreamDirection, u32, g_value_get_flags, g_value_set_flags);

impl From<StreamDirection> for fs_proto::StreamDirection {
    fn from(value: StreamDirection) -> Self {
        value.0
    }
}

impl From<fs_proto::StreamDirection> for StreamDirection {
    fn from(value: fs_proto::StreamDirection) -> Self {
        Self(value)
    }
}

/// Conversions between a C enum and its pure twin with the same variants.
macro_rules! twins {
    ($($name:ident: $($variant:ident)+;)+) => { $(
        impl From<$name> for fs_proto::$name {
            fn from(value: $name) -> Self {
                match value { $($name::$variant => Self::$variant,)+ }
            }
        }
        impl From<fs_proto::$name> for $name {
            fn from(value: fs_proto::$name) -> Self {
                match value { $(fs_proto::$name::$variant => Self::$variant,)+ }
            }
        }
    )+ };
}

twins! {
    MediaType: Audio Video Application;
    CandidateType: Host Srflx Prflx Relay Multicast;
    NetworkProtocol: Udp TcpPassive TcpActive TcpSo;
    ComponentType: None Rtp Rtcp;
    DtmfMethod: RtpRfc4733 Sound;
    StreamState: Failed Disconnected Gathering Connecting Connected Ready;
}
