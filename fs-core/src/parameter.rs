//! Construction parameters of stream transmitters: `GParameter` arrays and hash tables of the C interface, and Rust slices.

use std::ffi::CString;

#[cfg(feature = "capi")]
use glib::ffi::{GFALSE, GHashTable, GHashTableIter};
use glib::gobject_ffi::{self, GParameter, GValue};
use glib::prelude::*;
use glib::translate::*;

use crate::error::Error;

/// Reads `n` parameters.
///
/// # Safety
/// `parameters` points to `n` parameters with valid names and values, or `n` is 0.
pub(crate) unsafe fn read(
    parameters: *const GParameter,
    n: u32,
) -> Result<Vec<(String, glib::Value)>, glib::Error> {
    if n == 0 {
        return Ok(Vec::new());
    }
    if parameters.is_null() {
        let text = format!("{n} transmitter parameters are announced, but the array is NULL");
        return Err(glib::Error::new(Error::InvalidArguments, &text));
    }
    // SAFETY: the caller vouches for the array.
    let parameters = unsafe { std::slice::from_raw_parts(parameters, n as usize) };
    parameters
        .iter()
        .map(|parameter| {
            // SAFETY: the name is NULL or NUL-terminated.
            let name = unsafe { crate::boxed::read_text(parameter.name) };
            if name.is_empty() || parameter.value.g_type == gobject_ffi::G_TYPE_INVALID {
                let text = format!("transmitter parameter '{name}' has no name or no value");
                return Err(glib::Error::new(Error::InvalidArguments, &text));
            }
            // SAFETY: the value is initialised; it is copied.
            Ok((name, unsafe { from_glib_none(&raw const parameter.value) }))
        })
        .collect()
}

/// Copies a table from names to `GValue` pointers.
///
/// # Safety
/// `table` is NULL or a table of strings to values, which nobody changes meanwhile.
#[cfg(feature = "capi")]
pub(crate) unsafe fn read_table(table: *mut GHashTable) -> Result<Vec<(String, glib::Value)>, glib::Error> {
    let mut entries = Vec::new();
    if table.is_null() {
        return Ok(entries);
    }
    // SAFETY: see above.
    unsafe {
        let mut iter: GHashTableIter = std::mem::zeroed();
        glib::ffi::g_hash_table_iter_init(&mut iter, table);
        let (mut key, mut value) = (std::ptr::null_mut(), std::ptr::null_mut());
        while glib::ffi::g_hash_table_iter_next(&mut iter, &mut key, &mut value) != GFALSE {
            let name = crate::boxed::read_text(key.cast_const().cast());
            let value = value.cast_const().cast::<GValue>();
            if value.is_null() || (*value).g_type == gobject_ffi::G_TYPE_INVALID {
                let text = format!("transmitter parameter '{name}' has no value");
                return Err(glib::Error::new(Error::InvalidArguments, &text));
            }
            entries.push((name, from_glib_none(value)));
        }
    }
    Ok(entries)
}

/// Converts parameters to the types of the properties that a type of stream transmitters has. No type is an error, and
/// so is a name it does not have or a value that its property cannot hold; `transmitter` is the name for the texts.
pub(crate) fn convert<N: AsRef<str>>(
    type_: glib::Type,
    transmitter: &str,
    parameters: &[(N, glib::Value)],
) -> Result<Vec<(String, glib::Value)>, glib::Error> {
    let refuse = |text: String| Err(glib::Error::new(Error::InvalidArguments, &text));
    let class = (type_.is_valid() && type_.is_a(glib::Object::static_type()))
        .then(|| glib::Class::<glib::Object>::from_type(type_))
        .flatten();
    let Some(class) = class else {
        return refuse(format!("there is no transmitter '{transmitter}' here"));
    };
    let mut converted = Vec::with_capacity(parameters.len());
    for (name, value) in parameters {
        let name = name.as_ref();
        let Some(spec) = class.find_property(name) else {
            return refuse(format!("transmitter '{transmitter}' has no parameter '{name}'"));
        };
        let value = crate::structures::adapt(spec.value_type(), value);
        let Ok(value) = value.transform_with_type(spec.value_type()) else {
            let (had, wanted) = (value.type_(), spec.value_type());
            return refuse(format!(
                "parameter '{name}' of transmitter '{transmitter}' takes {wanted}, not {had}"
            ));
        };
        converted.push((name.to_owned(), value));
    }
    Ok(converted)
}

/// Parameters that live while C code looks at them.
pub(crate) struct Lent {
    _names: Vec<CString>,
    array: Vec<GParameter>,
}

impl Lent {
    /// Copies the parameters into C form.
    pub(crate) fn new(parameters: &[(String, glib::Value)]) -> Self {
        let names: Vec<CString> = parameters
            .iter()
            .map(|(name, _)| CString::new(name.replace('\0', "")).unwrap_or_default())
            .collect();
        let array = parameters
            .iter()
            .zip(&names)
            .map(|((_, value), name)| {
                // SAFETY: an all-zero GValue is the uninitialised one; it becomes a copy of `value`.
                let copy = unsafe {
                    let mut copy: GValue = std::mem::zeroed();
                    let value = value.to_glib_none().0;
                    gobject_ffi::g_value_init(&mut copy, (*value).g_type);
                    gobject_ffi::g_value_copy(value, &mut copy);
                    copy
                };
                GParameter { name: name.as_ptr(), value: copy }
            })
            .collect();
        Self { _names: names, array }
    }

    /// The array; not NULL-terminated.
    pub(crate) fn as_mut_ptr(&mut self) -> *mut GParameter {
        self.array.as_mut_ptr()
    }

    /// Number of parameters.
    pub(crate) fn len(&self) -> u32 {
        self.array.len() as u32
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        for parameter in &mut self.array {
            // SAFETY: initialised in `new` and owned by us.
            unsafe { gobject_ffi::g_value_unset(&mut parameter.value) }
        }
    }
}
