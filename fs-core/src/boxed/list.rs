//! Lists of boxed structs: one implementation for codecs, candidates and header extensions.

use glib::ffi::GList;

use super::{CStruct, list_items, list_new};

/// Reads a list; entries that are NULL are left out.
///
/// # Safety
/// `list` is NULL or a valid list of `T::C`.
pub(crate) unsafe fn read<T: CStruct>(list: *const GList) -> Vec<T> {
    // SAFETY: see above.
    unsafe { list_items::<T::C>(list).filter(|item| !item.is_null()).map(|item| T::read(item)).collect() }
}

/// Makes a list that the caller owns; no items give NULL.
pub(crate) fn write<T: CStruct>(items: &[T]) -> *mut GList {
    list_new(items.iter().map(CStruct::write))
}

/// Copies a list with its structs.
///
/// # Safety
/// As [`read`].
pub(crate) unsafe fn copy<T: CStruct>(list: *const GList) -> *mut GList {
    // SAFETY: see above; an entry that is NULL stays NULL.
    let items: Vec<*mut T::C> = unsafe { list_items::<T::C>(list).map(|item| T::copy(item)).collect() };
    list_new(items.into_iter())
}

/// Frees a list with its structs.
///
/// # Safety
/// `list` is NULL or a list made like [`write`] does, not used afterwards.
pub(crate) unsafe fn free<T: CStruct>(list: *mut GList) {
    // SAFETY: see above.
    unsafe {
        for item in list_items::<T::C>(list) {
            T::free(item);
        }
        glib::ffi::g_list_free(list);
    }
}

/// A list that lives while C code looks at it.
pub(crate) struct Lent<T: CStruct>(*mut GList, std::marker::PhantomData<T>);

impl<T: CStruct> Lent<T> {
    /// Makes the C list.
    pub(crate) fn new(items: &[T]) -> Self {
        Self(write(items), std::marker::PhantomData)
    }

    /// The head of the list.
    pub(crate) fn as_ptr(&self) -> *mut GList {
        self.0
    }
}

impl<T: CStruct> Drop for Lent<T> {
    fn drop(&mut self) {
        // SAFETY: made by `write` and nobody else's.
        unsafe { free::<T>(self.0) }
    }
}

/// A struct that lives while C code looks at it.
pub(crate) struct LentOne<T: CStruct>(*mut T::C);

impl<T: CStruct> LentOne<T> {
    /// Makes the C struct.
    pub(crate) fn new(item: &T) -> Self {
        Self(item.write())
    }

    /// The struct.
    pub(crate) fn as_ptr(&self) -> *mut T::C {
        self.0
    }
}

impl<T: CStruct> Drop for LentOne<T> {
    fn drop(&mut self) {
        // SAFETY: made by `write` and nobody else's.
        unsafe { T::free(self.0) }
    }
}

/// `StaticType`, `ToValue` and `FromValue` of a list type; NULL is the empty list.
macro_rules! list_value {
    ($name:ident($item:ty), $get_type:path) => {
        impl From<Vec<$item>> for $name {
            fn from(items: Vec<$item>) -> Self {
                Self(items)
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
                // SAFETY: the value was just initialised with this boxed type and takes the new list.
                unsafe {
                    glib::gobject_ffi::g_value_take_boxed(
                        glib::translate::ToGlibPtrMut::to_glib_none_mut(&mut value).0,
                        $crate::boxed::list::write(&self.0).cast(),
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

        // SAFETY: the checker compares the type before the value is read.
        unsafe impl<'a> glib::value::FromValue<'a> for $name {
            type Checker = glib::value::GenericValueTypeChecker<Self>;
            unsafe fn from_value(value: &'a glib::Value) -> Self {
                // SAFETY: the value holds NULL or a list of this type.
                unsafe {
                    let pointer = glib::gobject_ffi::g_value_get_boxed(
                        glib::translate::ToGlibPtr::to_glib_none(value).0,
                    );
                    Self($crate::boxed::list::read::<$item>(pointer.cast_const().cast()))
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

pub(crate) use list_value;
