//! One UDP socket in use: `udpsrc` reads from it, `multiudpsink` writes to it.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use fs_core::prelude::*;
use gio::prelude::SocketExt;
use gst::prelude::*;

use super::candidates::Preference;
use super::source::Sources;
use super::{CAT, network};
use crate::transmitter::component::{Bins, element};

/// A bound socket with its elements in the transmitter's bins.
pub(super) struct Port {
    component: u32,
    /// What was asked for: another stream that asks for the same gets this port.
    asked: Preference,
    number: u16,
    ipv4: bool,
    source: gst::Element,
    sink: gst::Element,
}

impl Port {
    /// Puts a bound socket to work: packets that it receives come out of the component's source pad from now on.
    ///
    /// # Errors
    /// `CONSTRUCTION` when an element is missing, `NETWORK` when the socket cannot be used.
    pub(super) fn open(
        component: u32,
        asked: Preference,
        socket: UdpSocket,
        bins: &Bins,
        sources: &Arc<Sources>,
        do_timestamp: bool,
    ) -> Result<Self, glib::Error> {
        let local =
            socket.local_addr().map_err(|e| network(&format!("a bound UDP socket has no address: {e}")))?;
        let socket = gio::Socket::from_fd(OwnedFd::from(socket))
            .map_err(|e| network(&format!("cannot use the UDP socket on {local}: {e}")))?;
        let source = element("udpsrc")?;
        source.set_property("socket", &socket);
        source.set_property("close-socket", false);
        source.set_property("auto-multicast", false);
        source.set_property("do-timestamp", do_timestamp);
        let sink = element("multiudpsink")?;
        sink.set_property(if local.is_ipv4() { "socket" } else { "socket-v6" }, &socket);
        sink.set_property("close-socket", false);
        sink.set_property("auto-multicast", false);
        sink.set_property("send-duplicates", false);
        sink.set_property("sync", false);
        sink.set_property("async", false);
        let port = Self { component, asked, number: local.port(), ipv4: local.is_ipv4(), source, sink };
        port.watch(sources)?;
        let added =
            bins.add_sink(component, &port.sink).and_then(|()| bins.add_source(component, &port.source));
        if let Err(error) = added {
            port.close(bins);
            return Err(error);
        }
        gst::debug!(CAT, "component {component} uses {local}");
        Ok(port)
    }

    /// Tells the stream whose peer sent a packet. Runs for each packet: no allocation, one read lock.
    fn watch(&self, sources: &Arc<Sources>) -> Result<(), glib::Error> {
        let pad = self
            .source
            .static_pad("src")
            .ok_or_else(|| glib::Error::new(fs_core::Error::Construction, "udpsrc has no pad src"))?;
        let (component, number, sources) = (self.component, self.number, sources.clone());
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let Some(buffer) = info.buffer()
                && let Some(address) = sender(buffer)
                && let Some(stream) = sources.stream(component, number, address)
            {
                stream.emit_known_source_packet_received(component, buffer);
            }
            gst::PadProbeReturn::Ok
        });
        Ok(())
    }

    fn socket(&self) -> Option<gio::Socket> {
        self.source.property("socket")
    }

    /// Whether this is the port for such a wish.
    pub(super) fn serves(&self, component: u32, asked: &Preference) -> bool {
        self.component == component && self.asked == *asked
    }

    /// Its number.
    pub(super) fn number(&self) -> u16 {
        self.number
    }

    /// Whether the socket can send to that address.
    pub(super) fn reaches(&self, address: SocketAddr) -> bool {
        self.ipv4 == address.is_ipv4()
    }

    /// Sends what goes through the component to that address too.
    pub(super) fn add_destination(&self, address: SocketAddr) {
        self.sink.emit_by_name::<()>("add", &[&address.ip().to_string(), &i32::from(address.port())]);
    }

    /// Asks the encoder for a key frame, because somebody new listens. Call it with no lock held: the event goes
    /// through the application's elements.
    pub(super) fn ask_for_key_frame(&self) {
        if let Some(pad) = self.sink.static_pad("sink") {
            let request = gst::Structure::builder("GstForceKeyUnit").field("all-headers", true).build();
            // Nobody upstream may care, as with audio.
            let _ = pad.push_event(gst::event::CustomUpstream::new(request));
        }
    }

    /// Takes back one [`Port::add_destination`].
    pub(super) fn remove_destination(&self, address: SocketAddr) {
        self.sink.emit_by_name::<()>("remove", &[&address.ip().to_string(), &i32::from(address.port())]);
    }

    /// Sets the type of service of packets sent from now on; a system that refuses it gets a log line.
    pub(super) fn set_tos(&self, tos: u32) {
        let Some(socket) = self.socket() else { return };
        let socket = socket2::SockRef::from(&socket);
        let set = if self.ipv4 { socket.set_tos_v4(tos) } else { socket.set_tclass_v6(tos) };
        if let Err(e) = set {
            gst::warning!(CAT, "cannot set type of service {tos} on port {}: {e}", self.number);
        }
    }

    /// Removes the elements, ends the receiving thread and closes the socket. Messages on a bus may keep the elements
    /// alive for longer; the port is free all the same.
    pub(super) fn close(&self, bins: &Bins) {
        bins.remove_source(self.component, &self.source);
        bins.remove_sink(self.component, &self.sink);
        if let Some(Err(e)) = self.socket().map(|socket| socket.close()) {
            gst::warning!(CAT, "closing the socket on port {}: {e}", self.number);
        }
        gst::debug!(CAT, "component {} gave port {} back", self.component, self.number);
    }
}

/// Where a packet came from.
fn sender(buffer: &gst::BufferRef) -> Option<SocketAddr> {
    let address = buffer.meta::<gst_net::NetAddressMeta>()?.addr();
    let address = SocketAddr::from(address.downcast::<gio::InetSocketAddress>().ok()?);
    Some(SocketAddr::new(address.ip().to_canonical(), address.port()))
}
