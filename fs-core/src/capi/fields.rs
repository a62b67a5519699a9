//! Reading `farstream-*` messages the C way: what is read still belongs to the message.

use std::ffi::{CStr, c_char, c_void};

use glib::ffi::GType;
use glib::gobject_ffi::{self, GObject, GValue};
use gst::ffi::{GstMessage, GstStructure};

/// The fields of a message.
pub(super) struct Fields(*const GstStructure);

/// A value that is known to be of one type.
struct Value(*const GValue);

impl Fields {
    /// The fields of an element message of that name; `None` for any other message.
    ///
    /// # Safety
    /// `message` is a valid message that outlives the fields.
    pub(super) unsafe fn of(message: *mut GstMessage, name: &CStr) -> Option<Self> {
        // SAFETY: see above.
        unsafe {
            if (*message).type_ != gst::ffi::GST_MESSAGE_ELEMENT {
                return None;
            }
            let structure = gst::ffi::gst_message_get_structure(message);
            let found = !structure.is_null()
                && gst::ffi::gst_structure_has_name(structure, name.as_ptr()) != glib::ffi::GFALSE;
            found.then_some(Self(structure))
        }
    }

    fn value(&self, name: &CStr, type_: GType) -> Option<Value> {
        // SAFETY: the structure is valid, see `of`.
        unsafe {
            let value = gst::ffi::gst_structure_get_value(self.0, name.as_ptr());
            let fits =
                !value.is_null() && gobject_ffi::g_type_check_value_holds(value, type_) != glib::ffi::GFALSE;
            fits.then_some(Value(value))
        }
    }

    /// The object of a field, which may be NULL.
    pub(super) fn object(&self, name: &CStr) -> Option<*mut GObject> {
        let value = self.value(name, gobject_ffi::G_TYPE_OBJECT)?;
        // SAFETY: the value holds an object.
        Some(unsafe { gobject_ffi::g_value_get_object(value.0) })
    }

    /// Whether the field holds exactly this object.
    pub(super) fn is_about<T>(&self, name: &CStr, object: *mut T) -> bool {
        self.object(name).is_some_and(|found| found == object.cast())
    }

    /// The boxed pointer of a field of that type.
    pub(super) fn boxed<T>(&self, name: &CStr, type_: GType) -> Option<*mut T> {
        let value = self.value(name, type_)?;
        // SAFETY: the value holds a boxed type.
        Some(unsafe { gobject_ffi::g_value_get_boxed(value.0) }.cast())
    }

    /// The number of a field of that enum type, or of any with [`gobject_ffi::G_TYPE_ENUM`].
    pub(super) fn enumeration(&self, name: &CStr, type_: GType) -> Option<u32> {
        let value = self.value(name, type_)?;
        // SAFETY: the value holds an enum.
        Some(unsafe { gobject_ffi::g_value_get_enum(value.0) } as u32)
    }

    /// The number of an unsigned field.
    pub(super) fn uint(&self, name: &CStr) -> Option<u32> {
        let value = self.value(name, gobject_ffi::G_TYPE_UINT)?;
        // SAFETY: the value holds an unsigned number.
        Some(unsafe { gobject_ffi::g_value_get_uint(value.0) })
    }

    /// The number of a byte field.
    pub(super) fn byte(&self, name: &CStr) -> Option<u8> {
        let value = self.value(name, gobject_ffi::G_TYPE_UCHAR)?;
        // SAFETY: the value holds a byte.
        Some(unsafe { gobject_ffi::g_value_get_uchar(value.0) })
    }

    /// The text of a field.
    pub(super) fn text(&self, name: &CStr) -> Option<*const c_char> {
        let value = self.value(name, gobject_ffi::G_TYPE_STRING)?;
        // SAFETY: the value holds a string.
        Some(unsafe { gobject_ffi::g_value_get_string(value.0) })
    }
}

/// Whether the message may be read at all: not NULL.
pub(super) fn is_message(message: *mut GstMessage) -> bool {
    !message.cast::<c_void>().is_null()
}

/// Stores an answer where the caller wants it; NULL wants none.
///
/// # Safety
/// `place` is NULL or valid.
pub(super) unsafe fn store<T>(place: *mut T, answer: T) {
    if !place.is_null() {
        // SAFETY: see above.
        unsafe { *place = answer }
    }
}
