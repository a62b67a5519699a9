//! Registration of the base classes, and the few patterns they share: properties, signals, guarded vfuncs.
//!
//! The classes are registered with the C calls and not with `ObjectSubclass`, because sizes, flags and static
//! strings must equal those of the stock library. A type whose name is already known in the process is adopted:
//! the layout is frozen, so a second copy of the library can share it.

use std::any::Any;
use std::ffi::{CStr, c_char, c_uint, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use glib::ffi::{GError, GType, gboolean};
use glib::gobject_ffi::{self, GObject, GObjectClass, GParamSpec, GTypeClass, GTypeInstance, GValue};
use glib::prelude::*;
use glib::translate::*;

use crate::debug::CAT;
use crate::error::Error;

/// What `g_type_register_static_simple` needs to know about a class.
pub(crate) struct ClassInfo {
    pub name: &'static CStr,
    pub parent: glib::Type,
    pub class_size: usize,
    pub instance_size: usize,
    pub class_init: unsafe extern "C" fn(*mut c_void, *mut c_void),
    pub instance_init: Option<unsafe extern "C" fn(*mut GTypeInstance, *mut c_void)>,
    pub is_abstract: bool,
}

/// The type of that name if the process has it, otherwise what `register` makes.
pub(crate) fn adopt_or(name: &CStr, register: impl FnOnce() -> GType) -> GType {
    // SAFETY: `name` is a NUL-terminated string.
    let find = || unsafe { gobject_ffi::g_type_from_name(name.as_ptr()) };
    let known = find();
    #[cfg(not(feature = "capi"))]
    let known = if known == gobject_ffi::G_TYPE_INVALID {
        crate::library::register_types();
        find()
    } else {
        known
    };
    if known != gobject_ffi::G_TYPE_INVALID { known } else { register() }
}

impl ClassInfo {
    /// Registers the class, or adopts the one of the same name.
    pub(crate) fn register(self) -> GType {
        adopt_or(self.name, || {
            let flags = if self.is_abstract { gobject_ffi::G_TYPE_FLAG_ABSTRACT } else { 0 };
            // SAFETY: the sizes are those of the C structs (fewer than 1000 bytes), and the functions match them.
            unsafe {
                gobject_ffi::g_type_register_static_simple(
                    self.parent.into_glib(),
                    self.name.as_ptr(),
                    self.class_size as c_uint,
                    Some(self.class_init),
                    self.instance_size as c_uint,
                    self.instance_init,
                    flags,
                )
            }
        })
    }
}

const STATIC: u32 =
    gobject_ffi::G_PARAM_STATIC_NAME | gobject_ffi::G_PARAM_STATIC_NICK | gobject_ffi::G_PARAM_STATIC_BLURB;
/// Flags of a property that is only read.
pub(crate) const READ: u32 = gobject_ffi::G_PARAM_READABLE | STATIC;
/// Flags of a property that is read and written at any time.
pub(crate) const READ_WRITE: u32 = READ | gobject_ffi::G_PARAM_WRITABLE;
/// Flags of a property that is written at construction and at any time.
pub(crate) const CONSTRUCT: u32 = READ_WRITE | gobject_ffi::G_PARAM_CONSTRUCT;
/// Flags of a property that is written at construction only.
pub(crate) const CONSTRUCT_ONLY: u32 = READ_WRITE | gobject_ffi::G_PARAM_CONSTRUCT_ONLY;

/// Value type of a property, with its default and range.
pub(crate) enum Kind {
    Bool(bool),
    Uint { min: u32, max: u32, default: u32 },
    Enum(GType, i32),
    Flags(GType, u32),
    Object(GType),
    Boxed(GType),
}

/// Installs one property on a base class; the strings live for ever, as the flags claim.
pub(crate) unsafe fn install_property(
    class: *mut GObjectClass,
    id: u32,
    name: &'static CStr,
    nick: &'static CStr,
    blurb: &'static CStr,
    kind: Kind,
    flags: u32,
) {
    use gobject_ffi::*;
    let (name, nick, blurb): (*const c_char, _, _) = (name.as_ptr(), nick.as_ptr(), blurb.as_ptr());
    // SAFETY: called from `class_init` with the class; the strings are static and the types are registered.
    unsafe {
        let spec: *mut GParamSpec = match kind {
            Kind::Bool(default) => g_param_spec_boolean(name, nick, blurb, default.into_glib(), flags),
            Kind::Uint { min, max, default } => {
                g_param_spec_uint(name, nick, blurb, min, max, default, flags)
            }
            Kind::Enum(type_, default) => g_param_spec_enum(name, nick, blurb, type_, default, flags),
            Kind::Flags(type_, default) => g_param_spec_flags(name, nick, blurb, type_, default, flags),
            Kind::Object(type_) => g_param_spec_object(name, nick, blurb, type_, flags),
            Kind::Boxed(type_) => g_param_spec_boxed(name, nick, blurb, type_, flags),
        };
        g_object_class_install_property(class, id, spec);
    }
}

/// Registers one `RUN_LAST` signal without return value.
pub(crate) unsafe fn install_signal(class: *mut GObjectClass, name: &'static CStr, arguments: &[GType]) {
    // SAFETY: called from `class_init`; GObject copies the name and the argument types.
    unsafe {
        gobject_ffi::g_signal_newv(
            name.as_ptr(),
            (*class.cast::<GTypeClass>()).g_type,
            gobject_ffi::G_SIGNAL_RUN_LAST,
            std::ptr::null_mut(),
            None,
            std::ptr::null_mut(),
            None,
            gobject_ffi::G_TYPE_NONE,
            arguments.len() as c_uint,
            arguments.as_ptr().cast_mut(),
        );
    }
}

/// Getter of the base classes: a subclass that does not override a property gets its default.
pub(crate) unsafe extern "C" fn get_default_property(
    object: *mut GObject,
    _id: c_uint,
    value: *mut GValue,
    spec: *mut GParamSpec,
) {
    // SAFETY: GObject hands in a live object, an initialised value and the property's description.
    unsafe {
        gobject_ffi::g_param_value_set_default(spec, value);
        let object: Borrowed<glib::Object> = from_glib_borrow(object);
        let name = CStr::from_ptr((*spec).name).to_string_lossy();
        gst::debug!(CAT, "{} does not override the getter of {name}", object.type_());
    }
}

/// Setter of the base classes: a subclass that does not override a property loses what is written.
pub(crate) unsafe extern "C" fn set_ignored_property(
    object: *mut GObject,
    _id: c_uint,
    _value: *mut GValue,
    spec: *mut GParamSpec,
) {
    // SAFETY: GObject hands in a live object and the property's description.
    unsafe {
        let object: Borrowed<glib::Object> = from_glib_borrow(object);
        let name = CStr::from_ptr((*spec).name).to_string_lossy();
        gst::debug!(CAT, "{} does not override the setter of {name}, value ignored", object.type_());
    }
}

/// Class structure of an instance.
///
/// # Safety
/// `instance` points to a live GObject whose class starts with `C`.
pub(crate) unsafe fn class_of<I, C>(instance: *mut I) -> *const C {
    // SAFETY: every GObject instance begins with its class pointer.
    unsafe { (*instance.cast::<GTypeInstance>()).g_class as *const C }
}

/// Parent class structure of a Rust subclass.
pub(crate) fn parent_class<T: glib::subclass::types::ObjectSubclass, C>() -> *const C {
    // SAFETY: type data is filled in before any instance exists.
    unsafe { T::type_data().as_ref().parent_class() as *const C }
}

/// Runs a vfunc body; a panic becomes the fallback and a line in the log.
pub(crate) fn guard<R>(what: &str, fallback: R, body: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        gst::error!(CAT, "{what} panicked: {}", panic_text(&*panic));
        fallback
    })
}

/// Runs a vfunc body that may fail; an error or a panic (INTERNAL) goes to the caller's `GError`.
pub(crate) unsafe fn guard_result<R>(
    what: &str,
    error: *mut *mut GError,
    body: impl FnOnce() -> Result<R, glib::Error>,
) -> Option<R> {
    let result = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        Err(glib::Error::new(Error::Internal, &format!("{what} panicked: {}", panic_text(&*panic))))
    });
    match result {
        Ok(value) => Some(value),
        Err(e) => {
            // SAFETY: the caller's error pointer is NULL or points to a NULL error, as for every GError function.
            unsafe { set_error(error, e) };
            None
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// Stores an error where a C caller wants it; does nothing when it wants none.
///
/// # Safety
/// `error` is NULL or a valid `GError **`.
pub(crate) unsafe fn set_error(error: *mut *mut GError, e: glib::Error) {
    if !error.is_null() {
        // SAFETY: see above; ownership goes to the caller.
        unsafe { *error = e.into_glib_ptr() };
    }
}

/// The answer to a vfunc that is missing.
pub(crate) fn not_implemented(type_: glib::Type, what: &str) -> glib::Error {
    glib::Error::new(Error::NotImplemented, &format!("{type_} does not implement {what}"))
}

/// Turns the answer of a C vfunc (TRUE or FALSE and a `GError`) into a result.
///
/// # Safety
/// `error` is NULL or an owned error.
pub(crate) unsafe fn bool_result(what: &str, ok: gboolean, error: *mut GError) -> Result<(), glib::Error> {
    if ok != glib::ffi::GFALSE {
        if !error.is_null() {
            // SAFETY: owned by us, see above.
            unsafe { glib::ffi::g_error_free(error) };
        }
        return Ok(());
    }
    // SAFETY: see above.
    Err(unsafe { taken_or_internal(what, error) })
}

/// Turns the answer of a C vfunc (an object with a reference, or NULL and a `GError`) into a result.
///
/// # Safety
/// `object` is NULL or an owned object of type `O`, `error` is NULL or an owned error.
pub(crate) unsafe fn object_result<O>(
    what: &str,
    object: *mut <O as ObjectType>::GlibType,
    error: *mut GError,
) -> Result<O, glib::Error>
where
    O: ObjectType + FromGlibPtrFull<*mut <O as ObjectType>::GlibType>,
{
    // SAFETY: see above.
    unsafe {
        if object.is_null() {
            return Err(taken_or_internal(what, error));
        }
        if !error.is_null() {
            glib::ffi::g_error_free(error);
        }
        Ok(from_glib_full(object))
    }
}

unsafe fn taken_or_internal(what: &str, error: *mut GError) -> glib::Error {
    if error.is_null() {
        return glib::Error::new(Error::Internal, &format!("{what} failed without saying why"));
    }
    // SAFETY: the caller owns the error and gives it away.
    unsafe { from_glib_full(error) }
}

/// Passes on the boolean of a C vfunc, and makes sure that FALSE comes with an error.
///
/// # Safety
/// `error` is what the vfunc was called with.
pub(crate) unsafe fn answer_bool(what: &str, ok: gboolean, error: *mut *mut GError) -> gboolean {
    if ok == glib::ffi::GFALSE {
        // SAFETY: see above.
        unsafe { explain(what, error) };
    }
    ok
}

/// Passes on the object of a C vfunc, and makes sure that NULL comes with an error.
///
/// # Safety
/// As [`answer_bool`].
pub(crate) unsafe fn answer_object<O>(what: &str, object: *mut O, error: *mut *mut GError) -> *mut O {
    if object.is_null() {
        // SAFETY: see above.
        unsafe { explain(what, error) };
    }
    object
}

/// The answer `fallback` with NOT_IMPLEMENTED for a vfunc that is missing.
///
/// # Safety
/// `instance` is a live GObject, `error` is NULL or a valid `GError **`.
pub(crate) unsafe fn refuse<I, R>(instance: *mut I, what: &str, error: *mut *mut GError, fallback: R) -> R {
    // SAFETY: see above.
    unsafe {
        let type_ = glib::Type::from_glib((*class_of::<I, GTypeClass>(instance)).g_type);
        set_error(error, not_implemented(type_, what));
    }
    fallback
}

unsafe fn explain(what: &str, error: *mut *mut GError) {
    // SAFETY: the callers vouch for the pointer.
    unsafe {
        if !error.is_null() && (*error).is_null() {
            let text = format!("{what} failed without saying why");
            set_error(error, glib::Error::new(Error::Internal, &text));
        }
    }
}

/// Finalizes the GObject part of an instance whose class derives directly from GObject.
///
/// # Safety
/// Called last in the `finalize` of such a class.
pub(crate) unsafe fn chain_up_finalize(object: *mut GObject) {
    // SAFETY: the class of GObject itself always exists and can finalize.
    unsafe {
        let parent = gobject_ffi::g_type_class_peek(gobject_ffi::G_TYPE_OBJECT).cast::<GObjectClass>();
        if let Some(finalize) = parent.as_ref().and_then(|class| class.finalize) {
            finalize(object);
        }
    }
}

/// Refuses a NULL where a C caller must pass something, before it is read.
pub(crate) fn not_null<T>(pointer: *mut T, what: &str) -> Result<*mut T, glib::Error> {
    if pointer.is_null() {
        return Err(glib::Error::new(Error::InvalidArguments, &format!("{what} is NULL")));
    }
    Ok(pointer)
}
