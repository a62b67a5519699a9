//! A descriptor that a main context waits for (`g_unix_fd_source_new`).

use std::ffi::{c_int, c_uint, c_void};
use std::os::fd::AsRawFd;

use glib::ffi::{GFALSE, GSource, GTRUE, gboolean};
use glib::translate::*;

/// A descriptor and what is done with it.
type Kept<D> = (D, Box<dyn FnMut(&D) + Send>);

/// Calls back in the context's thread whenever there is something to read; until the context goes, which ends it.
pub(super) fn attach<D: AsRawFd + Send + 'static>(
    context: &glib::MainContext,
    descriptor: D,
    call: impl FnMut(&D) + Send + 'static,
) {
    let number = descriptor.as_raw_fd();
    let kept: Box<Kept<D>> = Box::new((descriptor, Box::new(call)));
    // SAFETY: the source owns the box, and with it the descriptor, until it frees it; `ready` has the type that sources
    // of this kind call. The context takes a reference of its own.
    unsafe {
        let source = g_unix_fd_source_new(number, glib::ffi::G_IO_IN);
        let function = std::mem::transmute::<
            unsafe extern "C" fn(c_int, c_uint, *mut c_void) -> gboolean,
            unsafe extern "C" fn(*mut c_void) -> gboolean,
        >(ready::<D>);
        let data = Box::into_raw(kept).cast();
        glib::ffi::g_source_set_callback(source, Some(function), data, Some(free::<D>));
        glib::ffi::g_source_attach(source, context.to_glib_none().0);
        glib::ffi::g_source_unref(source);
    }
}

unsafe extern "C" fn ready<D>(_descriptor: c_int, condition: c_uint, kept: *mut c_void) -> gboolean {
    // SAFETY: the box of the source, which is called in one thread only.
    let (descriptor, call) = unsafe { &mut *kept.cast::<Kept<D>>() };
    call(descriptor);
    // A descriptor that is broken would be reported for ever.
    if condition & glib::ffi::G_IO_IN == 0 { GFALSE } else { GTRUE }
}

unsafe extern "C" fn free<D>(kept: *mut c_void) {
    // SAFETY: the box of the source, freed once.
    drop(unsafe { Box::from_raw(kept.cast::<Kept<D>>()) });
}

#[link(name = "glib-2.0")]
unsafe extern "C" {
    fn g_unix_fd_source_new(descriptor: c_int, condition: c_uint) -> *mut GSource;
}
