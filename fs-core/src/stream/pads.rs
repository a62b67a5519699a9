//! The source pads of a stream: a list that `GstIterator` can walk while it changes.
//!
//! The list's own mutex is held only for reading and changing it, never while code of others runs.

use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::sync::{Mutex, MutexGuard};

use glib::ffi::{GList, GMutex};
use glib::prelude::*;
use glib::translate::*;
use gst::prelude::*;

use super::Stream;
use crate::attached::Key;
use crate::conference::Conference;
use crate::session::Session;

/// What `GstIterator` looks at.
struct Shared {
    mutex: GMutex,
    cookie: u32,
    list: *mut GList,
}

type Watched = Option<(glib::WeakRef<Conference>, glib::SignalHandlerId)>;

struct SrcPads {
    shared: UnsafeCell<Shared>,
    conference: Mutex<Watched>,
}

// SAFETY: the shared part is only touched under its mutex.
unsafe impl Send for SrcPads {}
// SAFETY: as above.
unsafe impl Sync for SrcPads {}

static SRC_PADS: Key<SrcPads> = Key::new("fs-stream-src-pads", SrcPads::new);

impl SrcPads {
    fn new() -> Self {
        // SAFETY: all zeroes is the initial state of a GMutex, an empty list and a cookie.
        Self { shared: UnsafeCell::new(unsafe { std::mem::zeroed() }), conference: Mutex::new(None) }
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.conference.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Changes the list under its mutex; the cookie moves when `change` says that it changed.
    fn change(&self, change: impl FnOnce(&mut *mut GList) -> bool) -> bool {
        let shared = self.shared.get();
        // SAFETY: the state lives as long as the stream and is accessed under its mutex only.
        unsafe {
            glib::ffi::g_mutex_lock(&raw mut (*shared).mutex);
            let changed = change(&mut (*shared).list);
            if changed {
                (*shared).cookie = (*shared).cookie.wrapping_add(1);
            }
            glib::ffi::g_mutex_unlock(&raw mut (*shared).mutex);
            changed
        }
    }
}

impl Drop for SrcPads {
    fn drop(&mut self) {
        if let Some((conference, handler)) = self.watched().take()
            && let Some(conference) = conference.upgrade()
        {
            conference.disconnect(handler);
        }
        let shared = self.shared.get_mut();
        // SAFETY: the list owns one reference to each pad; nobody uses mutex or list any more.
        unsafe {
            glib::ffi::g_list_free_full(shared.list, Some(unref));
            glib::ffi::g_mutex_clear(&mut shared.mutex);
        }
    }
}

unsafe extern "C" fn unref(pad: *mut c_void) {
    // SAFETY: called for each pad of a list that owns it.
    unsafe { glib::gobject_ffi::g_object_unref(pad.cast()) }
}

/// Makes pads leave the list when the conference removes them. Does nothing the second time, and nothing for a
/// stream without session or conference.
pub(super) fn follow_conference(stream: &Stream) {
    let pads = SRC_PADS.of(stream);
    if pads.watched().is_some() {
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
    let mut watched = pads.watched();
    if watched.is_some() {
        conference.disconnect(handler);
    } else {
        *watched = Some((conference.downgrade(), handler));
    }
}

/// Adds a pad at the front; false if it is already there.
pub(super) fn add(stream: &Stream, pad: &gst::Pad) -> bool {
    follow_conference(stream);
    // SAFETY: the list takes a reference of its own.
    SRC_PADS.of(stream).change(|list| unsafe {
        if !glib::ffi::g_list_find(*list, pad.as_ptr().cast()).is_null() {
            return false;
        }
        let reference: *mut gst::ffi::GstPad = pad.to_glib_full();
        *list = glib::ffi::g_list_prepend(*list, reference.cast());
        true
    })
}

fn remove(stream: &Stream, pad: &gst::Pad) {
    // SAFETY: the list is only searched and one link taken out.
    let removed = SRC_PADS.of(stream).change(|list| unsafe {
        let link = glib::ffi::g_list_find(*list, pad.as_ptr().cast());
        if link.is_null() {
            return false;
        }
        *list = glib::ffi::g_list_delete_link(*list, link);
        true
    });
    if removed {
        // SAFETY: the reference was the list's; it is released without the mutex.
        unsafe { glib::gobject_ffi::g_object_unref(pad.as_ptr().cast()) }
    }
}

/// A new iterator over the source pads, which holds the stream.
pub(crate) fn iterate(stream: &Stream) -> *mut gst::ffi::GstIterator {
    let shared = SRC_PADS.of(stream).shared.get();
    // SAFETY: mutex, cookie and list live as long as the stream, which the iterator keeps alive.
    unsafe {
        gst::ffi::gst_iterator_new_list(
            gst::Pad::static_type().into_glib(),
            &raw mut (*shared).mutex,
            &raw mut (*shared).cookie,
            &raw mut (*shared).list,
            stream.upcast_ref::<glib::Object>().as_ptr(),
            None,
        )
    }
}
