//! One component of a stream: what comes from its agent goes to the inlet, what the session sends goes to its agent.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use fs_core::prelude::*;
use gst::prelude::*;

use super::agent::Agent;
use super::event_loop::EventLoop;
use super::transmitter::Elements;
use super::{NiceStreamTransmitter, lock};
use crate::transmitter::component::element;
use crate::transmitter::counters::Counters;
use crate::transmitter::inlet::{Feed, Inlet};

/// The component that carries all when components are multiplexed.
const FIRST: u32 = 1;

/// How often a reliable agent whose window is full is tried again.
const RETRY: Duration = Duration::from_millis(2);

/// A component of a stream in an agent: packets received there come out of the transmitter.
pub(super) struct Receiver {
    agent: Arc<Agent>,
    stream: u32,
    component: u32,
    inlet: glib::WeakRef<Inlet>,
    /// The thread in which it receives.
    home: Arc<EventLoop>,
    /// Who is told of each packet.
    listener: Option<glib::WeakRef<NiceStreamTransmitter>>,
    counters: Counters,
    /// libnice knows its address.
    open: Mutex<bool>,
}

impl Receiver {
    /// Takes the component's packets whenever the transmitter plays.
    pub(super) fn open(
        of: (&Arc<Agent>, u32, u32),
        (elements, home): (&Elements, &Arc<EventLoop>),
        listener: Option<glib::WeakRef<NiceStreamTransmitter>>,
        counters: &Counters,
    ) -> Arc<Self> {
        let (agent, stream, component) = of;
        let receiver = Arc::new(Self {
            agent: agent.clone(),
            stream,
            component,
            inlet: elements.inlet.downgrade(),
            home: home.clone(),
            listener,
            counters: counters.clone(),
            open: Mutex::new(true),
        });
        elements.inlet.add(receiver.clone());
        receiver
    }

    /// A packet, in the thread that received it.
    pub(super) fn packet(&self, bytes: &[u8]) {
        let Some(inlet) = self.inlet.upgrade() else { return };
        let buffer = gst::Buffer::from_slice(bytes.to_vec());
        self.counters.add_received(bytes.len());
        if let Some(stream) = self.listener.as_ref().and_then(glib::WeakRef::upgrade) {
            stream.emit_known_source_packet_received(self.component, &buffer);
        }
        inlet.push(self.component, buffer, Duration::ZERO);
    }

    /// Takes no more packets.
    pub(super) fn close(self: &Arc<Self>) {
        if let Some(inlet) = self.inlet.upgrade() {
            inlet.remove(self);
        }
        {
            let mut open = lock(&self.open);
            *open = false;
            self.agent.receive(self.stream, self.component, &self.home, None);
        }
        // A call that is under way holds no reference: the thread itself drops the last one, after the call.
        let (last, home) = (self.clone(), self.home.clone());
        self.home.post(move || drop((last, home)));
    }
}

impl Feed for Receiver {
    fn want(&self, wanted: bool) {
        let open = lock(&self.open);
        if *open {
            self.agent.receive(self.stream, self.component, &self.home, wanted.then_some(self));
        }
    }
}

/// Which component of which stream takes the packets.
#[derive(Clone)]
struct Way {
    agent: Arc<Agent>,
    stream: u32,
}

/// A component's packets on their way to the peer.
pub(super) struct Sender {
    component: u32,
    way: RwLock<Way>,
    sending: AtomicBool,
    mux: AtomicBool,
    stopped: AtomicBool,
    counters: Counters,
}

impl Sender {
    /// The component that carries the packets.
    fn component(&self) -> u32 {
        if self.mux.load(Ordering::Relaxed) { FIRST } else { self.component }
    }

    fn send(&self, buffer: &gst::BufferRef) {
        let Ok(bytes) = buffer.map_readable() else { return };
        let way = self.way.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut left = &bytes[..];
        loop {
            let taken = way.agent.send(way.stream, self.component(), left);
            left = left.get(taken..).unwrap_or_default();
            if left.is_empty() {
                return self.counters.add_sent(bytes.len());
            }
            // Without pseudo-TCP a packet is taken or lost.
            if !way.agent.is_reliable() || self.stopped.load(Ordering::Acquire) {
                return;
            }
            std::thread::sleep(RETRY);
        }
    }

    fn take(&self, info: &gst::PadProbeInfo<'_>) {
        if !self.sending.load(Ordering::Relaxed) {
            return;
        }
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => self.send(buffer),
            Some(gst::PadProbeData::BufferList(list)) => list.iter().for_each(|buffer| self.send(buffer)),
            _ => {}
        }
    }
}

/// A component's place in the transmitter's elements.
pub(super) struct Path {
    component: u32,
    /// One; two while the network changes.
    receivers: Mutex<Vec<Arc<Receiver>>>,
    sender: Arc<Sender>,
    /// The end of a branch; packets are taken off before they reach it.
    sink: gst::Element,
    /// What went through.
    pub(super) counters: Counters,
}

impl Path {
    /// Puts the component into the elements. Packets received are told to `stream` if it `associates` them.
    ///
    /// # Errors
    /// `CONSTRUCTION` when an element is missing.
    pub(super) fn open(
        agent: &Arc<Agent>,
        stream: (u32, &NiceStreamTransmitter),
        component: u32,
        (elements, home): (&Elements, &Arc<EventLoop>),
        associates: bool,
    ) -> Result<Self, glib::Error> {
        let (id, listener) = stream;
        let sink = element("fakesink")?;
        sink.set_property("sync", false);
        sink.set_property("async", false);
        let counters = Counters::default();
        let sender = Arc::new(Sender {
            component,
            way: RwLock::new(Way { agent: agent.clone(), stream: id }),
            sending: AtomicBool::new(true),
            mux: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            counters: counters.clone(),
        });
        if let Some(pad) = sink.static_pad("sink") {
            let sender = sender.clone();
            let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
            pad.add_probe(kinds, move |_, info| {
                sender.take(info);
                gst::PadProbeReturn::Handled
            });
        }
        elements.sinks.add(component, &sink)?;
        let listener = associates.then(|| listener.downgrade());
        let receiver = Receiver::open((agent, id, component), (elements, home), listener, &counters);
        Ok(Self { component, receivers: Mutex::new(vec![receiver]), sender, sink, counters })
    }

    /// Receives from another agent's stream too.
    pub(super) fn receive_too(&self, of: (&Arc<Agent>, u32), elements: (&Elements, &Arc<EventLoop>)) {
        let mut receivers = lock(&self.receivers);
        let listener = receivers.first().and_then(|receiver| receiver.listener.clone());
        receivers.push(Receiver::open((of.0, of.1, self.component), elements, listener, &self.counters));
    }

    /// Sends by that agent's stream, and receives from there only.
    pub(super) fn move_to(&self, agent: &Arc<Agent>, stream: u32) {
        *self.sender.way.write().unwrap_or_else(PoisonError::into_inner) =
            Way { agent: agent.clone(), stream };
        self.leave(|receiver| !(Arc::ptr_eq(&receiver.agent, agent) && receiver.stream == stream));
    }

    /// Receives no more from that agent's stream.
    pub(super) fn forget(&self, agent: &Arc<Agent>, stream: u32) {
        self.leave(|receiver| Arc::ptr_eq(&receiver.agent, agent) && receiver.stream == stream);
    }

    fn leave(&self, which: impl Fn(&Receiver) -> bool) {
        let gone: Vec<_> = lock(&self.receivers).extract_if(.., |receiver| which(receiver)).collect();
        gone.iter().for_each(Receiver::close);
    }

    /// Whether packets are sent; `sending` governs the first component only, control packets go on.
    pub(super) fn set_sending(&self, sending: bool) {
        self.sender.sending.store(sending || self.component != FIRST, Ordering::Relaxed);
    }

    /// Whether packets go over the first component.
    pub(super) fn set_mux(&self, mux: bool) {
        self.sender.mux.store(mux, Ordering::Relaxed);
    }

    /// The component that packets go over.
    #[cfg(test)]
    pub(super) fn sends_by(&self) -> u32 {
        self.sender.component()
    }

    /// Where packets to send come in.
    pub(super) fn input(&self) -> Option<gst::Pad> {
        self.sink.static_pad("sink")
    }

    /// Leaves the elements.
    pub(super) fn close(&self, elements: &Elements) {
        self.leave(|_| true);
        self.sender.stopped.store(true, Ordering::Release);
        elements.sinks.remove(self.component, &self.sink);
    }
}
