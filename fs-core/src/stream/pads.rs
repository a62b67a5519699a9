//! The source pads of a stream: a list that `GstIterator` can walk while it changes.
//!
//! The list is attached to the object and not to our instance struct, so it also works when the class was
//! registered by another copy of the library. The list's own mutex is held only for reading and changing it,
//! never while code of others runs.

use std::ffi::c_void;
use std::sync::{Mutex, OnceLock};

use glib::ffi::{GList, GMutex};
use glib::gobject_ffi::GObject;
use glib::prelude::*;
use glib::translate::*;
use gst::prelude::*;

use super::Stream;
use crate::conference::Conference;
use crate::session::Session;

/// Attached to each stream that had a source pad or a conference; freed with the stream.
struct SrcPads {
    mutex: GMutex,
    cookie: u32,
    list: *mut GList,
    conference: Mutex<Option<(glib::WeakRef<Conference>, glib::SignalHandlerId)>>,
}

fn quark() -> glib::Quark {
    static QUARK: OnceLock<glib::Quark> = OnceLock::new();
    // One key per copy of the library: another copy may lay the list out differently.
    *QUARK.get_or_init(|| glib::Quark::from_str(format!("fs-stream-src-pads-{:p}", &raw const QUARK)))
}

/// The list of a stream, made at first use. The pointer is valid as long as the stream.
fn of(stream: &Stream) -> *mut SrcPads {
    static CREATION: Mutex<()> = Mutex::new(());
    let object = stream.upcast_ref::<glib::Object>().as_ptr();
    let _creating = CREATION.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    // SAFETY: the object lives; data under our quark is ours, and is set once under the lock.
    unsafe {
        let known = glib::gobject_ffi::g_object_get_qdata(object, quark().into_glib());
        if !known.is_null() {
            return known.cast();
        }
        let pads = Box::into_raw(Box::new(SrcPads {
            mutex: std::mem::zeroed(),
            cookie: 0,
            list: std::ptr::null_mut(),
            conference: Mutex::new(None),
        }));
        glib::ffi::g_mutex_init(&raw mut (*pads).mutex);
        glib::gobject_ffi::g_object_set_qdata_full(object, quark().into_glib(), pads.cast(), Some(free));
        pads
    }
}

unsafe extern "C" fn free(pads: *mut c_void) {
    crate::class::guard("freeing source pads", (), || {
        // SAFETY: made by `of` and freed once, when nobody else has the stream any more.
        let pads = unsafe { Box::from_raw(pads.cast::<SrcPads>()) };
        let watched = pads.conference.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        if let Some((conference, handler)) = watched
            && let Some(conference) = conference.upgrade()
        {
            conference.disconnect(handler);
        }
        // SAFETY: the list owns one reference to each pad.
        unsafe {
            glib::ffi::g_list_free_full(pads.list, Some(unref));
            glib::ffi::g_mutex_clear(std::ptr::from_ref(&pads.mutex).cast_mut());
        }
    });
}

/// Makes pads leave the list when the conference removes them. Does nothing the second time, and nothing for a
/// stream without session or conference.
pub(super) fn follow_conference(stream: &Stream) {
    let pads = of(stream);
    // SAFETY: valid as long as the stream.
    let watched = unsafe { &(*pads).conference };
    if watched.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).is_some() {
        return;
    }
    let conference = stream
        .property::<Option<Session>>("session")
        .and_then(|session| session.property::<Option<Conference>>("conference"));
    let Some(conference) = conference else { return };
    let weak = stream.downgrade();
    let handler = conference.connect_pad_removed(move |_, pad| {
        if let Some(stream) = weak.upgrade() {
            remove(&stream, pad);
        }
    });
    let mut watched = watched.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if watched.is_some() {
        conference.disconnect(handler);
    } else {
        *watched = Some((conference.downgrade(), handler));
    }
}

/// Adds a pad at the front; false if it is already there.
pub(super) fn add(stream: &Stream, pad: &gst::Pad) -> bool {
    follow_conference(stream);
    let pads = of(stream);
    // SAFETY: valid as long as the stream; the list is changed under its mutex and takes a reference.
    unsafe {
        glib::ffi::g_mutex_lock(&raw mut (*pads).mutex);
        let new = glib::ffi::g_list_find((*pads).list, pad.as_ptr().cast()).is_null();
        if new {
            let reference: *mut gst::ffi::GstPad = pad.to_glib_full();
            (*pads).list = glib::ffi::g_list_prepend((*pads).list, reference.cast());
            (*pads).cookie = (*pads).cookie.wrapping_add(1);
        }
        glib::ffi::g_mutex_unlock(&raw mut (*pads).mutex);
        new
    }
}

fn remove(stream: &Stream, pad: &gst::Pad) {
    let pads = of(stream);
    // SAFETY: valid as long as the stream; the reference of a removed link is released outside the mutex.
    unsafe {
        glib::ffi::g_mutex_lock(&raw mut (*pads).mutex);
        let link = glib::ffi::g_list_find((*pads).list, pad.as_ptr().cast());
        if !link.is_null() {
            (*pads).list = glib::ffi::g_list_delete_link((*pads).list, link);
            (*pads).cookie = (*pads).cookie.wrapping_add(1);
        }
        glib::ffi::g_mutex_unlock(&raw mut (*pads).mutex);
        if !link.is_null() {
            glib::gobject_ffi::g_object_unref(pad.as_ptr().cast::<GObject>());
        }
    }
}

/// A new iterator over the source pads, which holds the stream.
pub(crate) fn iterate(stream: &Stream) -> *mut gst::ffi::GstIterator {
    let pads = of(stream);
    // SAFETY: mutex, cookie and list live as long as the stream, which the iterator keeps alive.
    unsafe {
        gst::ffi::gst_iterator_new_list(
            gst::Pad::static_type().into_glib(),
            &raw mut (*pads).mutex,
            &raw mut (*pads).cookie,
            &raw mut (*pads).list,
            stream.upcast_ref::<glib::Object>().as_ptr(),
            None,
        )
    }
}

unsafe extern "C" fn unref(pad: *mut c_void) {
    // SAFETY: called for each pad of a list that owns it.
    unsafe { glib::gobject_ffi::g_object_unref(pad.cast()) }
}
