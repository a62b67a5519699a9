//! Watches bins for new elements, at any depth (`FsElementAddedNotifier`).
//!
//! Conferences build their elements when they are needed; a notifier sees each of them, and can set properties
//! on them from a key file.

use std::path::Path;
use std::sync::Arc;

use glib::prelude::*;

use crate::defaults;

mod class;
mod properties;
mod watch;

pub use class::fs_element_added_notifier_get_type;
use properties::PropertyTable;

glib::wrapper! {
    /// A notifier (`FsElementAddedNotifier`).
    pub struct ElementAddedNotifier(
        Object<crate::ffi::FsElementAddedNotifier, crate::ffi::FsElementAddedNotifierClass>
    );

    match fn {
        type_ => || fs_element_added_notifier_get_type(),
    }
}

// SAFETY: all state is under a lock, and signals of GObject are thread-safe.
unsafe impl Send for ElementAddedNotifier {}
// SAFETY: as above.
unsafe impl Sync for ElementAddedNotifier {}

impl Default for ElementAddedNotifier {
    fn default() -> Self {
        Self::new()
    }
}

impl ElementAddedNotifier {
    /// A notifier that watches nothing yet (`fs_element_added_notifier_new`).
    pub fn new() -> Self {
        glib::Object::new()
    }

    /// Watches a bin and every bin inside it, and keeps the bin alive (`fs_element_added_notifier_add`). The
    /// signal comes at once for every element that is already there, but not for the bin itself.
    pub fn add(&self, bin: &impl IsA<gst::Bin>) {
        watch::start(self, bin.upcast_ref(), true);
    }

    /// Stops to watch a bin and those inside it (`fs_element_added_notifier_remove`); false if it was not watched.
    pub fn remove(&self, bin: &impl IsA<gst::Bin>) -> bool {
        watch::stop(self, bin.upcast_ref())
    }

    /// Calls back for every element: the bin it is in, and the element. Any thread may be the caller.
    pub fn connect_element_added<F>(&self, callback: F) -> glib::SignalHandlerId
    where
        F: Fn(&Self, &gst::Bin, &gst::Element) + Send + Sync + 'static,
    {
        self.connect("element-added", false, move |values| {
            let notifier = values.first()?.get::<Self>().ok()?;
            let bin = values.get(1)?.get::<gst::Bin>().ok()?;
            let element = values.get(2)?.get::<gst::Element>().ok()?;
            callback(&notifier, &bin, &element);
            None
        })
    }

    /// Sets properties of all elements, now and later, from a key file
    /// (`fs_element_added_notifier_set_properties_from_keyfile`). Disconnecting the handler ends it.
    pub fn set_properties_from_keyfile(&self, file: &glib::KeyFile) -> glib::SignalHandlerId {
        let table = Arc::new(PropertyTable::new(file));
        for bin in watch::added_bins(self) {
            table.apply_inside(&bin);
        }
        self.connect_element_added(move |_, _, element| table.apply(element))
    }

    /// As [`Self::set_properties_from_keyfile`] with the name of a file; fails as GLib fails to read it
    /// (`fs_element_added_notifier_set_properties_from_file`).
    pub fn set_properties_from_file(
        &self,
        path: impl AsRef<Path>,
    ) -> Result<glib::SignalHandlerId, glib::Error> {
        let file = glib::KeyFile::new();
        file.load_from_file(path, glib::KeyFileFlags::NONE)?;
        Ok(self.set_properties_from_keyfile(&file))
    }

    /// As [`Self::set_properties_from_keyfile`] with the defaults installed for a conference; `None` if there are
    /// none (`fs_element_added_notifier_set_default_properties`).
    pub fn set_default_properties(&self, element: &impl IsA<gst::Element>) -> Option<glib::SignalHandlerId> {
        let file = defaults::element_properties(element.upcast_ref())?;
        Some(self.set_properties_from_keyfile(&file))
    }
}
