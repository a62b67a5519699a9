//! Packets from known sources, told without a signal's cost where nobody else listens.
//!
//! `known-source-packet-received` is emitted for each packet, and the session that listens wants to know the source only. So
//! its handler is called straight away by transmitters of this copy of the library, and blocked as a signal's handler from then
//! on. Transmitters of others emit the signal, and other handlers get it as ever.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use glib::prelude::*;
use glib::subclass::SignalId;

use super::{StreamTransmitter, StreamTransmitterExt};
use crate::attached::Key;

const SIGNAL: &str = "known-source-packet-received";

type Callback = dyn Fn(u32, &gst::Buffer) + Send + Sync;

struct Listener {
    callback: Box<Callback>,
    /// The same as a handler of the signal.
    handler: glib::SignalHandlerId,
    signal: SignalId,
    /// The handler is blocked.
    direct: AtomicBool,
}

static LISTENER: Key<OnceLock<Listener>> = Key::new("fs-known-source-listener", OnceLock::new);

/// Has one listener called for each packet; further ones are handlers of the signal like any other.
pub(super) fn listen(
    transmitter: &StreamTransmitter,
    callback: impl Fn(u32, &gst::Buffer) + Clone + Send + Sync + 'static,
) {
    let direct = callback.clone();
    let handler = transmitter.connect_known_source_packet_received(move |_, c, buffer| callback(c, buffer));
    let Some(signal) = SignalId::lookup(SIGNAL, transmitter.type_()) else { return };
    LISTENER.of(transmitter).get_or_init(|| Listener {
        callback: Box::new(direct),
        handler,
        signal,
        direct: AtomicBool::new(false),
    });
}

/// Tells of a packet.
pub(super) fn emit(transmitter: &StreamTransmitter, component: u32, buffer: &gst::Buffer) {
    if let Some(listener) = LISTENER.get(transmitter).and_then(OnceLock::get) {
        if !listener.direct.swap(true, Ordering::Relaxed) {
            transmitter.block_signal(&listener.handler);
        }
        (listener.callback)(component, buffer);
        if !glib::signal::signal_has_handler_pending(transmitter, listener.signal, None, false) {
            return;
        }
    }
    let pointer: glib::Pointer = buffer.as_mut_ptr().cast();
    transmitter.emit_by_name::<()>(SIGNAL, &[&component, &pointer]);
}
