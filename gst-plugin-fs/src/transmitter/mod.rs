//! Transmitters that are part of the library: what carries a session's packets over a network.
//!
//! A transmitter is a folder here and one line in `BUILTIN`. Transmitters of others are plugin files in
//! `FS_PLUGIN_PATH` or the installed folder; one of the same name in `FS_PLUGIN_PATH` goes first.

mod base;
mod component;
mod counters;
mod inlet;
mod interfaces;
pub mod multicast;
pub(crate) mod network;
pub mod nice;
mod parameters;
pub mod rawudp;
pub mod shm;

use std::sync::{Mutex, MutexGuard, PoisonError};

use glib::prelude::*;

/// The name of a transmitter and the function that registers its type.
type Builtin = (&'static str, fn() -> glib::Type);

/// Name and type of each built-in transmitter. The types register when they are first asked for, so that a plugin
/// file that comes first in the search may use the same type names.
const BUILTIN: [Builtin; 4] = [
    ("rawudp", rawudp::RawUdpTransmitter::static_type),
    ("nice", nice::NiceTransmitter::static_type),
    ("shm", shm::ShmTransmitter::static_type),
    ("multicast", multicast::MulticastTransmitter::static_type),
];

/// Makes the built-in transmitters known to `fs_core::plugin`; calling it again changes nothing.
pub fn register() {
    for (name, type_) in BUILTIN {
        fs_core::plugin::register_builtin(name, "transmitter", type_);
    }
}

/// What a panic elsewhere left behind is consistent: each change of the guarded data is one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
