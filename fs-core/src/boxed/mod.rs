//! The boxed types of the C interface and their Rust values.
//!
//! In C these are plain structs from GSlice, with strings from `g_malloc`, and lists of them are `GList`s. In
//! Rust they are the values of `fs_proto`; the wrappers here ([`CodecValue`], [`CodecList`], ...) carry them
//! through `glib::Value`. An empty list is NULL, an empty string is NULL where C allows it.

use std::ffi::{CStr, c_char};

use glib::ffi::GList;

pub(crate) mod candidate;
pub(crate) mod codec;
pub(crate) mod hdrext;
pub(crate) mod list;

pub use candidate::{CandidateList, CandidateValue};
pub use codec::{CodecList, CodecParameterValue, CodecValue, FeedbackParameterValue};
pub use hdrext::{RtpHeaderExtensionList, RtpHeaderExtensionValue};

/// A Rust value that has a C struct.
pub(crate) trait CStruct: Sized {
    /// The struct.
    type C;
    /// Reads a valid struct.
    unsafe fn read(from: *const Self::C) -> Self;
    /// Makes a new struct that the caller owns.
    fn write(&self) -> *mut Self::C;
    /// Copies a struct, strings included; NULL gives NULL.
    unsafe fn copy(from: *const Self::C) -> *mut Self::C;
    /// Frees a struct with its strings; NULL is fine.
    unsafe fn free(it: *mut Self::C);
}

/// A copy of a struct in memory from GSlice, as C callers expect it.
pub(crate) fn slice_new<T: Copy>(value: T) -> *mut T {
    // SAFETY: GSlice returns memory of that size, aligned for two pointers, or aborts.
    unsafe {
        let memory = glib::ffi::g_slice_alloc(std::mem::size_of::<T>()).cast::<T>();
        memory.write(value);
        memory
    }
}

/// Gives memory of [`slice_new`] back.
///
/// # Safety
/// `memory` came from GSlice with the size of `T`.
pub(crate) unsafe fn slice_free<T>(memory: *mut T) {
    // SAFETY: see above.
    unsafe { glib::ffi::g_slice_free1(std::mem::size_of::<T>(), memory.cast()) }
}

/// Text of a C string; NULL gives an empty text, bytes that are not UTF-8 are replaced.
///
/// # Safety
/// `text` is NULL or NUL-terminated.
pub(crate) unsafe fn read_text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: see above.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// A new C string, which ends at the first NUL in the text.
pub(crate) fn write_text(text: &str) -> *mut c_char {
    // SAFETY: the pointer is valid for the given length.
    unsafe { glib::ffi::g_strndup(text.as_ptr().cast(), text.len()) }
}

/// Like [`write_text`], but an empty text gives NULL.
pub(crate) fn write_text_or_null(text: &str) -> *mut c_char {
    if text.is_empty() { std::ptr::null_mut() } else { write_text(text) }
}

/// Iterates over the data pointers of a `GList`.
///
/// # Safety
/// `list` is NULL or a valid list that outlives the iterator unchanged.
pub(crate) unsafe fn list_items<T>(list: *const GList) -> impl Iterator<Item = *mut T> {
    let mut next = list;
    std::iter::from_fn(move || {
        // SAFETY: every link of a valid list is valid.
        let link = unsafe { next.as_ref() }?;
        next = link.next;
        Some(link.data.cast::<T>())
    })
}

/// Builds a `GList` from data pointers.
pub(crate) fn list_new<T>(items: impl DoubleEndedIterator<Item = *mut T>) -> *mut GList {
    // SAFETY: prepending to NULL or to a list we own is always fine.
    items
        .rev()
        .fold(std::ptr::null_mut(), |list, item| unsafe { glib::ffi::g_list_prepend(list, item.cast()) })
}

/// `StaticType`, `ToValue` and `FromValue` of a value whose NULL is no value.
macro_rules! boxed_value {
    ($name:ident($inner:ty), $get_type:path) => {
        impl From<$inner> for $name {
            fn from(value: $inner) -> Self {
                Self(value)
            }
        }

        impl glib::types::StaticType for $name {
            fn static_type() -> glib::Type {
                // SAFETY: the function returns a registered type.
                unsafe { glib::translate::from_glib($get_type()) }
            }
        }

        impl glib::value::ValueType for $name {
            type Type = Self;
        }

        impl glib::value::ToValue for $name {
            fn to_value(&self) -> glib::Value {
                let mut value = glib::Value::for_value_type::<Self>();
                // SAFETY: the value was just initialised with this boxed type and takes the new struct.
                unsafe {
                    glib::gobject_ffi::g_value_take_boxed(
                        glib::translate::ToGlibPtrMut::to_glib_none_mut(&mut value).0,
                        $crate::boxed::CStruct::write(&self.0).cast(),
                    );
                }
                value
            }
            fn value_type(&self) -> glib::Type {
                <Self as glib::types::StaticType>::static_type()
            }
        }

        impl glib::value::ToValueOptional for $name {
            fn to_value_optional(value: Option<&Self>) -> glib::Value {
                value.map_or_else(glib::Value::for_value_type::<Self>, glib::value::ToValue::to_value)
            }
        }

        impl From<$name> for glib::Value {
            fn from(value: $name) -> Self {
                glib::value::ToValue::to_value(&value)
            }
        }

        // SAFETY: the checker compares the type and refuses NULL before the value is read.
        unsafe impl<'a> glib::value::FromValue<'a> for $name {
            type Checker = glib::value::GenericValueTypeOrNoneChecker<Self>;
            unsafe fn from_value(value: &'a glib::Value) -> Self {
                // SAFETY: the value holds a non-NULL struct of this type.
                unsafe {
                    let pointer = glib::gobject_ffi::g_value_get_boxed(
                        glib::translate::ToGlibPtr::to_glib_none(value).0,
                    );
                    Self($crate::boxed::CStruct::read(pointer.cast()))
                }
            }
        }

        impl glib::HasParamSpec for $name {
            type ParamSpec = glib::ParamSpecBoxed;
            type SetValue = Self;
            type BuilderFn = fn(&str) -> glib::ParamSpecBoxedBuilder<'_, Self>;
            fn param_spec_builder() -> Self::BuilderFn {
                |name| glib::ParamSpecBoxed::builder(name)
            }
        }
    };
}

pub(crate) use boxed_value;
