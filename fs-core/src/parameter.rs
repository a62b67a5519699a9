//! Construction parameters of stream transmitters: `GParameter` arrays of the C interface and Rust slices.

use std::ffi::CString;

use glib::gobject_ffi::{self, GParameter, GValue};
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
