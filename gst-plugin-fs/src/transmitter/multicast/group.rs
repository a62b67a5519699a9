//! A group in use: `udpsrc` reads from its socket, `multiudpsink` writes to it.

use std::os::fd::OwnedFd;
use std::sync::{Arc, PoisonError, RwLock};

use fs_core::prelude::*;
use gio::prelude::SocketExt;
use gst::prelude::*;
use socket2::SockRef;

use super::echo::Echo;
use super::membership::{self, Membership};
use super::{CAT, MulticastStreamTransmitter};
use crate::transmitter::component::{Bins, element};
use crate::transmitter::counters::Counters;

/// The streams that use a group.
type Users = Arc<RwLock<Vec<glib::WeakRef<MulticastStreamTransmitter>>>>;

/// A socket in a group with its elements in the transmitter's bins.
pub(super) struct Group {
    pub(super) component: u32,
    pub(super) membership: Membership,
    pub(super) counters: Counters,
    users: Users,
    source: gst::Element,
    sink: gst::Element,
}

impl Group {
    /// Joins the group; its packets come out of the component's source pad from now on. Nothing is sent to it yet.
    ///
    /// # Errors
    /// `NETWORK` when the group cannot be joined, `CONSTRUCTION` when an element is missing.
    pub(super) fn open(
        component: u32,
        membership: Membership,
        bins: &Bins,
        (ttl, tos): (u32, u32),
        do_timestamp: bool,
    ) -> Result<Self, glib::Error> {
        let socket = membership::join(&membership, ttl)?;
        let socket = gio::Socket::from_fd(OwnedFd::from(socket))?;
        let ipv4 = membership.group.is_ipv4();
        let source = element("udpsrc")?;
        source.set_property("do-timestamp", do_timestamp);
        let sink = element("multiudpsink")?;
        source.set_property("socket", &socket);
        sink.set_property(if ipv4 { "socket" } else { "socket-v6" }, &socket);
        for element in [&source, &sink] {
            element.set_property("close-socket", false);
            element.set_property("auto-multicast", false);
        }
        sink.set_property("send-duplicates", false);
        sink.set_property("sync", false);
        sink.set_property("async", false);
        let (counters, users) = (Counters::default(), Users::default());
        let group = Self { component, membership, counters, users, source, sink };
        group.set_ttl(ttl);
        group.set_tos(tos);
        group.watch();
        let added =
            bins.add_sink(component, &group.sink).and_then(|()| bins.add_source(component, &group.source));
        if let Err(error) = added {
            group.close(bins);
            return Err(error);
        }
        gst::debug!(CAT, "component {component} joined {:?}", group.membership);
        Ok(group)
    }

    fn socket(&self) -> Option<gio::Socket> {
        self.source.property("socket")
    }

    /// Keeps our own packets out, counts the others, and tells the stream of them if it is the only one here: then they
    /// can only be its peers'.
    fn watch(&self) {
        let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
        let echo = Arc::new(Echo::default());
        if let Some(pad) = self.sink.static_pad("sink") {
            let echo = echo.clone();
            pad.add_probe(kinds, move |_, info| {
                match &info.data {
                    Some(gst::PadProbeData::Buffer(packet)) => echo.sent(packet),
                    Some(gst::PadProbeData::BufferList(list)) => list.iter().for_each(|p| echo.sent(p)),
                    _ => {}
                }
                gst::PadProbeReturn::Ok
            });
            self.counters.count_sent(&pad);
        }
        let Some(pad) = self.source.static_pad("src") else { return };
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| match info.buffer() {
            Some(packet) if echo.is_own(packet) => gst::PadProbeReturn::Handled,
            _ => gst::PadProbeReturn::Ok,
        });
        self.counters.count_received(&pad);
        let (component, users) = (self.component, self.users.clone());
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let Some(packet) = info.buffer()
                && let Some(stream) = only(&users)
            {
                stream.emit_known_source_packet_received(component, packet);
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// One more stream uses the group.
    pub(super) fn add_user(&self, stream: &MulticastStreamTransmitter) {
        self.users.write().unwrap_or_else(PoisonError::into_inner).push(stream.downgrade());
    }

    /// A stream does not use the group any more.
    pub(super) fn remove_user(&self, stream: &MulticastStreamTransmitter) {
        let mut users = self.users.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(i) = users.iter().position(|user| user.upgrade().as_ref() == Some(stream)) {
            users.swap_remove(i);
        }
    }

    /// Sends what goes through the component to the group too. The element sets its own TTL on the socket then.
    pub(super) fn start_sending(&self) {
        let group = self.membership.group;
        self.sink.emit_by_name::<()>("add", &[&group.ip().to_string(), &i32::from(group.port())]);
    }

    /// Sends nothing to the group any more.
    pub(super) fn stop_sending(&self) {
        let group = self.membership.group;
        self.sink.emit_by_name::<()>("remove", &[&group.ip().to_string(), &i32::from(group.port())]);
    }

    /// Asks the encoder for a key frame. Call it with no lock held: the event goes through the application's elements.
    pub(super) fn ask_for_key_frame(&self) {
        if let Some(pad) = self.sink.static_pad("sink") {
            let request = gst::Structure::builder("GstForceKeyUnit").field("all-headers", true).build();
            // Nobody upstream may care, as with audio.
            let _ = pad.push_event(gst::event::CustomUpstream::new(request));
        }
    }

    /// How many routers packets may pass from now on. A system that refuses it gets a log line.
    pub(super) fn set_ttl(&self, ttl: u32) {
        // The element sets it when it starts and when a destination is added.
        self.sink.set_property("ttl-mc", i32::try_from(ttl).unwrap_or(255));
        let Some(socket) = self.socket() else { return };
        if let Err(e) = membership::set_ttl(&SockRef::from(&socket), self.membership.group, ttl) {
            gst::warning!(CAT, "cannot set TTL {ttl} for {}: {e}", self.membership.group);
        }
    }

    /// Sets the type of service of packets sent from now on; a system that refuses it gets a log line.
    pub(super) fn set_tos(&self, tos: u32) {
        let Some(socket) = self.socket() else { return };
        let socket = SockRef::from(&socket);
        let ipv4 = self.membership.group.is_ipv4();
        if let Err(e) = if ipv4 { socket.set_tos_v4(tos) } else { socket.set_tclass_v6(tos) } {
            gst::warning!(CAT, "cannot set type of service {tos} for {}: {e}", self.membership.group);
        }
    }

    /// Removes the elements, ends the receiving thread, leaves the group and closes the socket. Messages on a bus may keep
    /// the elements alive for longer.
    pub(super) fn close(&self, bins: &Bins) {
        bins.remove_source(self.component, &self.source);
        bins.remove_sink(self.component, &self.sink);
        if let Some(Err(e)) = self.socket().map(|socket| socket.close()) {
            gst::warning!(CAT, "closing the socket of {}: {e}", self.membership.group);
        }
        gst::debug!(CAT, "component {} left {:?}", self.component, self.membership);
    }
}

/// The stream that alone uses a group, if it wants to be told of packets.
fn only(users: &Users) -> Option<MulticastStreamTransmitter> {
    let users = users.read().unwrap_or_else(PoisonError::into_inner);
    match &users[..] {
        [one] => one.upgrade().filter(|stream| stream.associates()),
        _ => None,
    }
}
