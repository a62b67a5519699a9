//! Parameters that are a `GPtrArray` of `GstStructure`, which most bindings cannot build.

use std::ffi::c_void;

use glib::translate::*;

/// A value of type `GPtrArray` that owns the structures.
pub fn pointer_array(structures: Vec<gst::Structure>) -> glib::Value {
    unsafe extern "C" fn free(structure: *mut c_void) {
        // SAFETY: the array owns its elements.
        unsafe { gst::ffi::gst_structure_free(structure.cast()) }
    }
    let mut value = glib::Value::from_type(pointer_array_type());
    // SAFETY: the new array takes the structures; the value takes the array.
    unsafe {
        let array = glib::ffi::g_ptr_array_new_with_free_func(Some(free));
        for structure in structures {
            let structure: *mut gst::ffi::GstStructure = structure.into_glib_ptr();
            glib::ffi::g_ptr_array_add(array, structure.cast());
        }
        glib::gobject_ffi::g_value_take_boxed(value.to_glib_none_mut().0, array.cast());
    }
    value
}

/// Where a `GPtrArray` is wanted, a structure, or a `GstValueArray` or `GstValueList` of structures may be given: the same
/// as array of pointers. Anything else stays what it is.
pub fn adapt(wanted: glib::Type, given: &glib::Value) -> glib::Value {
    if wanted != pointer_array_type() {
        return given.clone();
    }
    let elements = if let Ok(array) = given.get::<gst::Array>() {
        array.as_slice().iter().map(|v| v.get::<gst::Structure>().ok()).collect()
    } else if let Ok(list) = given.get::<gst::List>() {
        list.as_slice().iter().map(|v| v.get::<gst::Structure>().ok()).collect()
    } else if let Ok(one) = given.get::<gst::Structure>() {
        Some(vec![one])
    } else {
        None
    };
    elements.map_or_else(|| given.clone(), pointer_array)
}

fn pointer_array_type() -> glib::Type {
    // SAFETY: takes nothing, registers the type at first use.
    unsafe { from_glib(glib::ffi::g_ptr_array_get_type()) }
}
