//! Which bins are watched, and by which handlers.
//!
//! The lock is never held while signals are emitted: handlers may add elements.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use glib::prelude::*;
use gst::prelude::*;

use super::ElementAddedNotifier;
use crate::attached::Key;

struct Watch {
    bin: glib::WeakRef<gst::Bin>,
    /// Bins that were added by the application are kept alive; bins inside them are not.
    held: Option<gst::Bin>,
    handlers: [glib::SignalHandlerId; 2],
}

/// Watches by the address of the bin.
#[derive(Default)]
struct Watches(Mutex<HashMap<usize, Watch>>);

impl Watches {
    fn lock(&self) -> MutexGuard<'_, HashMap<usize, Watch>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Watches {
    fn drop(&mut self) {
        let watches = std::mem::take(&mut *self.lock());
        for watch in watches.into_values() {
            disconnect(watch);
        }
    }
}

fn disconnect(watch: Watch) {
    if let Some(bin) = watch.bin.upgrade() {
        for handler in watch.handlers {
            bin.disconnect(handler);
        }
    }
}

static WATCHES: Key<Watches> = Key::new("fs-element-added-watches", Watches::default);

fn address(bin: &gst::Bin) -> usize {
    bin.as_ptr() as usize
}

/// Starts to watch a bin and those inside it, and emits the signal for everything that is already there.
pub(super) fn start(notifier: &ElementAddedNotifier, bin: &gst::Bin, hold: bool) {
    {
        let mut watches = WATCHES.of(notifier).lock();
        let known = watches.get_mut(&address(bin)).filter(|watch| watch.bin.upgrade().is_some());
        if let Some(watch) = known {
            if hold {
                watch.held = Some(bin.clone());
            }
            return;
        }
        let watch =
            Watch { bin: bin.downgrade(), held: hold.then(|| bin.clone()), handlers: connect(notifier, bin) };
        watches.insert(address(bin), watch);
    }
    for element in bin.children() {
        added(notifier, bin, &element);
    }
}

fn connect(notifier: &ElementAddedNotifier, bin: &gst::Bin) -> [glib::SignalHandlerId; 2] {
    let weak = notifier.downgrade();
    let on_added = bin.connect_element_added(move |bin, element| {
        if let Some(notifier) = weak.upgrade() {
            added(&notifier, bin, element);
        }
    });
    let weak = notifier.downgrade();
    let on_removed = bin.connect_element_removed(move |_, element| {
        if let (Some(notifier), Some(bin)) = (weak.upgrade(), element.downcast_ref::<gst::Bin>()) {
            stop(&notifier, bin);
        }
    });
    [on_added, on_removed]
}

fn added(notifier: &ElementAddedNotifier, parent: &gst::Bin, element: &gst::Element) {
    if let Some(bin) = element.downcast_ref::<gst::Bin>() {
        start(notifier, bin, false);
    }
    notifier.emit_by_name::<()>("element-added", &[parent, element]);
}

/// Stops to watch a bin and those inside it; false if it was not watched.
pub(super) fn stop(notifier: &ElementAddedNotifier, bin: &gst::Bin) -> bool {
    let Some(watch) = WATCHES.of(notifier).lock().remove(&address(bin)) else { return false };
    disconnect(watch);
    for element in bin.children() {
        if let Some(bin) = element.downcast_ref::<gst::Bin>() {
            stop(notifier, bin);
        }
    }
    true
}

/// The bins the application added.
pub(super) fn added_bins(notifier: &ElementAddedNotifier) -> Vec<gst::Bin> {
    WATCHES.of(notifier).lock().values().filter_map(|watch| watch.held.clone()).collect()
}
