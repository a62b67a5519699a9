//! `FsCodec`, `FsCodecParameter`, `FsFeedbackParameter` and `FsCodecGList`.

use fs_proto::{Codec, CodecParameter, FeedbackParameter};

use super::{CStruct, boxed_value, list, read_text, slice_free, slice_new, write_text, write_text_or_null};
use crate::enums::MediaType;
use crate::ffi::{FsCodec, FsCodecParameter, FsFeedbackParameter, TRR_INT_UNSET};

/// A codec in a `glib::Value` (`FsCodec`). `Option<CodecValue>` reads a NULL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodecValue(pub Codec);

/// A list of codecs in a `glib::Value` (`FsCodecGList`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodecList(pub Vec<Codec>);

/// A format parameter in a `glib::Value` (`FsCodecParameter`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodecParameterValue(pub CodecParameter);

/// A feedback parameter in a `glib::Value` (`FsFeedbackParameter`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedbackParameterValue(pub FeedbackParameter);

boxed_value!(CodecValue(Codec), fs_codec_get_type);
boxed_value!(CodecParameterValue(CodecParameter), fs_codec_parameter_get_type);
boxed_value!(FeedbackParameterValue(FeedbackParameter), fs_feedback_parameter_get_type);
list::list_value!(CodecList(Codec), fs_codec_list_get_type);

impl CStruct for CodecParameter {
    type C = FsCodecParameter;

    unsafe fn read(from: *const FsCodecParameter) -> Self {
        // SAFETY: the caller vouches for the struct.
        unsafe { Self { name: read_text((*from).name), value: read_text((*from).value) } }
    }

    fn write(&self) -> *mut FsCodecParameter {
        slice_new(FsCodecParameter { name: write_text(&self.name), value: write_text(&self.value) })
    }

    unsafe fn copy(from: *const FsCodecParameter) -> *mut FsCodecParameter {
        // SAFETY: the caller vouches for the struct, NULL included.
        let Some(from) = (unsafe { from.as_ref() }) else { return std::ptr::null_mut() };
        // SAFETY: its strings are NULL or NUL-terminated.
        slice_new(unsafe {
            FsCodecParameter { name: glib::ffi::g_strdup(from.name), value: glib::ffi::g_strdup(from.value) }
        })
    }

    unsafe fn free(it: *mut FsCodecParameter) {
        if it.is_null() {
            return;
        }
        // SAFETY: the caller gives the struct away.
        unsafe {
            glib::ffi::g_free((*it).name.cast());
            glib::ffi::g_free((*it).value.cast());
            slice_free(it);
        }
    }
}

impl CStruct for FeedbackParameter {
    type C = FsFeedbackParameter;

    unsafe fn read(from: *const FsFeedbackParameter) -> Self {
        // SAFETY: the caller vouches for the struct.
        unsafe {
            Self {
                kind: read_text((*from).type_),
                subtype: read_text((*from).subtype),
                extra_params: read_text((*from).extra_params),
            }
        }
    }

    fn write(&self) -> *mut FsFeedbackParameter {
        slice_new(FsFeedbackParameter {
            type_: write_text(&self.kind),
            subtype: write_text(&self.subtype),
            extra_params: write_text(&self.extra_params),
        })
    }

    unsafe fn copy(from: *const FsFeedbackParameter) -> *mut FsFeedbackParameter {
        // SAFETY: the caller vouches for the struct, NULL included.
        let Some(from) = (unsafe { from.as_ref() }) else { return std::ptr::null_mut() };
        // SAFETY: its strings are NULL or NUL-terminated.
        slice_new(unsafe {
            FsFeedbackParameter {
                type_: glib::ffi::g_strdup(from.type_),
                subtype: glib::ffi::g_strdup(from.subtype),
                extra_params: glib::ffi::g_strdup(from.extra_params),
            }
        })
    }

    unsafe fn free(it: *mut FsFeedbackParameter) {
        if it.is_null() {
            return;
        }
        // SAFETY: the caller gives the struct away.
        unsafe {
            glib::ffi::g_free((*it).type_.cast());
            glib::ffi::g_free((*it).subtype.cast());
            glib::ffi::g_free((*it).extra_params.cast());
            slice_free(it);
        }
    }
}

impl CStruct for Codec {
    type C = FsCodec;

    unsafe fn read(from: *const FsCodec) -> Self {
        // SAFETY: the caller vouches for the struct.
        unsafe {
            let from = &*from;
            let interval = from.minimum_reporting_interval;
            Self {
                id: from.id,
                encoding_name: read_text(from.encoding_name),
                media_type: MediaType::from_c(from.media_type).unwrap_or(MediaType::Application).into(),
                clock_rate: from.clock_rate,
                channels: from.channels,
                minimum_reporting_interval: (interval != TRR_INT_UNSET).then_some(interval),
                optional_params: list::read(from.optional_params),
                feedback_params: list::read(from.feedback_params),
            }
        }
    }

    fn write(&self) -> *mut FsCodec {
        slice_new(FsCodec {
            id: self.id,
            encoding_name: write_text_or_null(&self.encoding_name),
            media_type: MediaType::from(self.media_type) as u32,
            clock_rate: self.clock_rate,
            channels: self.channels,
            minimum_reporting_interval: self.minimum_reporting_interval.unwrap_or(TRR_INT_UNSET),
            optional_params: list::write(&self.optional_params),
            feedback_params: list::write(&self.feedback_params),
        })
    }

    unsafe fn copy(from: *const FsCodec) -> *mut FsCodec {
        // SAFETY: the caller vouches for the struct, NULL included.
        let Some(from) = (unsafe { from.as_ref() }) else { return std::ptr::null_mut() };
        // SAFETY: its string and lists are valid or NULL.
        slice_new(unsafe {
            FsCodec {
                encoding_name: glib::ffi::g_strdup(from.encoding_name),
                optional_params: list::copy::<CodecParameter>(from.optional_params),
                feedback_params: list::copy::<FeedbackParameter>(from.feedback_params),
                ..*from
            }
        })
    }

    unsafe fn free(it: *mut FsCodec) {
        if it.is_null() {
            return;
        }
        // SAFETY: the caller gives the struct away.
        unsafe {
            glib::ffi::g_free((*it).encoding_name.cast());
            list::free::<CodecParameter>((*it).optional_params);
            list::free::<FeedbackParameter>((*it).feedback_params);
            slice_free(it);
        }
    }
}

/// Defines the `*_get_type` function of a boxed struct with its C copy and free functions.
macro_rules! boxed_type {
    ($get_type:ident, $gtype:literal, $copy:path, $free:path) => {
        #[doc = concat!("The GType `", $gtype, "`, registered at first use.")]
        #[cfg_attr(feature = "capi", unsafe(no_mangle))]
        pub extern "C" fn $get_type() -> glib::ffi::GType {
            unsafe extern "C" fn copy(it: *mut std::ffi::c_void) -> *mut std::ffi::c_void {
                // SAFETY: GObject copies what a value of this type holds.
                unsafe { $copy(it.cast_const().cast()).cast() }
            }
            unsafe extern "C" fn free(it: *mut std::ffi::c_void) {
                // SAFETY: GObject frees what a value of this type owns.
                unsafe { $free(it.cast()) }
            }
            static TYPE: std::sync::OnceLock<glib::ffi::GType> = std::sync::OnceLock::new();
            *TYPE.get_or_init(|| {
                const NAME: &str = concat!($gtype, "\0");
                let name = std::ffi::CStr::from_bytes_with_nul(NAME.as_bytes()).unwrap_or(c"");
                $crate::class::adopt_or(name, || {
                    // SAFETY: the functions match the structs of this type.
                    unsafe {
                        glib::gobject_ffi::g_boxed_type_register_static(name.as_ptr(), Some(copy), Some(free))
                    }
                })
            })
        }
    };
}
pub(crate) use boxed_type;

boxed_type!(fs_codec_get_type, "FsCodec", Codec::copy, Codec::free);
boxed_type!(fs_codec_parameter_get_type, "FsCodecParameter", CodecParameter::copy, CodecParameter::free);
boxed_type!(
    fs_feedback_parameter_get_type,
    "FsFeedbackParameter",
    FeedbackParameter::copy,
    FeedbackParameter::free
);
boxed_type!(fs_codec_list_get_type, "FsCodecGList", list::copy::<Codec>, list::free::<Codec>);
