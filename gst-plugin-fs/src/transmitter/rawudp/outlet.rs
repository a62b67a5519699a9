//! The element that sends: pads `sink_1`, `sink_2`, ..., one per component, each with any number of destinations.
//!
//! Packets go out in the thread that brings them, all of a buffer list and of several destinations with one call of the
//! system. A component without destination drops its packets.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, OnceLock, PoisonError, RwLock};

use glib::subclass::prelude::*;
use gst::prelude::*;
use gst::subclass::prelude::*;
use socket2::SockAddr;

use super::socket::{Outgoing, Socket, send_all};
use crate::transmitter::counters::Counters;

glib::wrapper! {
    /// Element of the rawudp transmitter that sends (`FsRawUdpOutlet`).
    pub struct Outlet(ObjectSubclass<imp::Outlet>) @extends gst::Element, gst::Object;
}

/// Where the packets of a component go.
#[derive(Debug)]
pub(super) struct Destination {
    socket: Arc<Socket>,
    address: SocketAddr,
    to: SockAddr,
    counters: Counters,
    /// The system refuses it, and that was told.
    refused: AtomicBool,
}

impl Destination {
    /// Packets go from that socket to that address and are counted.
    pub(super) fn new(socket: &Arc<Socket>, address: SocketAddr, counters: &Counters) -> Arc<Self> {
        let to = socket.destination(address);
        Arc::new(Self {
            socket: socket.clone(),
            address,
            to,
            counters: counters.clone(),
            refused: AtomicBool::new(false),
        })
    }
}

impl Destination {
    /// Port it sends from, and where to.
    pub(super) fn key(&self) -> (u16, SocketAddr) {
        (self.socket.port(), self.address)
    }
}

impl Outlet {
    /// An element with pads for so many components.
    pub(super) fn new(components: u32) -> Self {
        let outlet: Self = glib::Object::new();
        outlet.imp().add_pads(components);
        outlet
    }

    /// Sends what goes through the component there too.
    pub(super) fn add(&self, component: u32, destination: &Arc<Destination>) {
        self.change(component, |all| all.push(destination.clone()));
    }

    /// Takes back one [`Outlet::add`].
    pub(super) fn remove(&self, component: u32, destination: &Arc<Destination>) {
        self.change(component, |all| all.retain(|d| !Arc::ptr_eq(d, destination)));
    }

    fn change(&self, component: u32, change: impl FnOnce(&mut Vec<Arc<Destination>>)) {
        if let Some(input) = self.imp().input(component) {
            let mut place = input.destinations.write().unwrap_or_else(PoisonError::into_inner);
            let mut all = place.to_vec();
            change(&mut all);
            *place = all.into();
        }
    }

    /// Asks the encoder for a key frame, because somebody new listens. Call it with no lock held: the event goes
    /// through the application's elements.
    pub(super) fn ask_for_key_frame(&self, component: u32) {
        if let Some(input) = self.imp().input(component) {
            let request = gst::Structure::builder("GstForceKeyUnit").field("all-headers", true).build();
            // Nobody upstream may care, as with audio.
            let _ = input.pad.push_event(gst::event::CustomUpstream::new(request));
        }
    }
}

/// Payloaders make packets of a header and a payload, encryption makes one part of them.
const FEW_PARTS: usize = 4;

/// The parts of a packet, mapped.
type Parts<'a> = Vec<gst::memory::MemoryMap<'a, gst::memory::Readable>>;

mod imp {
    use super::*;

    pub(in crate::transmitter::rawudp) struct Input {
        pub(super) pad: gst::Pad,
        pub(super) destinations: RwLock<Arc<[Arc<Destination>]>>,
        /// Its data have ended.
        ended: AtomicBool,
    }

    /// Private part of [`super::Outlet`].
    #[derive(Default)]
    pub struct Outlet {
        inputs: OnceLock<Vec<Input>>,
        begun: AtomicBool,
        ended: AtomicUsize,
    }

    impl Outlet {
        pub(super) fn input(&self, component: u32) -> Option<&Input> {
            let index = usize::try_from(component).ok()?.checked_sub(1)?;
            self.inputs.get()?.get(index)
        }

        pub(super) fn add_pads(&self, components: u32) {
            let obj = self.obj();
            let Some(template) = obj.pad_template("sink_%u") else { return };
            let input = |number: u32| {
                let pad = gst::Pad::builder_from_template(&template)
                    .name(format!("sink_{number}"))
                    .chain_function(move |_, parent, buffer| {
                        send_one(parent, number, &buffer);
                        Ok(gst::FlowSuccess::Ok)
                    })
                    .chain_list_function(move |_, parent, list| {
                        send(parent, number, &list.iter().collect::<Vec<_>>());
                        Ok(gst::FlowSuccess::Ok)
                    })
                    .event_function(move |_, parent, event| {
                        let outlet = parent.and_then(|p| p.downcast_ref::<super::Outlet>());
                        if let Some(outlet) = outlet {
                            outlet.imp().event(number, &event);
                        }
                        true
                    })
                    .build();
                // Names differ and the element is new: adding cannot fail.
                let _ = obj.add_pad(&pad);
                let destinations = RwLock::new(Vec::new().into());
                Input { pad, destinations, ended: AtomicBool::new(false) }
            };
            // Runs once for each element.
            let _ = self.inputs.set((1..=components).map(input).collect());
        }

        /// What sinks say on the bus: the pipeline counts on it.
        fn event(&self, component: u32, event: &gst::Event) {
            match event.view() {
                gst::EventView::StreamStart(start) if !self.begun.swap(true, Ordering::Relaxed) => {
                    let message = gst::message::StreamStart::builder().src(&*self.obj());
                    let message = match start.group_id() {
                        Some(group) => message.group_id(group).build(),
                        None => message.build(),
                    };
                    // Without a bus nobody wants to know.
                    let _ = self.obj().post_message(message);
                }
                gst::EventView::Eos(_) => {
                    let Some(input) = self.input(component) else { return };
                    if input.ended.swap(true, Ordering::Relaxed) {
                        return;
                    }
                    let ended = self.ended.fetch_add(1, Ordering::Relaxed) + 1;
                    if self.inputs.get().is_some_and(|all| all.len() == ended) {
                        let message = gst::message::Eos::builder().src(&*self.obj()).seqnum(event.seqnum());
                        let _ = self.obj().post_message(message.build());
                    }
                }
                gst::EventView::FlushStop(_) => self.revive(component),
                _ => {}
            }
        }

        fn revive(&self, component: u32) {
            let ended = self.input(component).is_some_and(|input| input.ended.swap(false, Ordering::Relaxed));
            if ended {
                self.ended.fetch_sub(1, Ordering::Relaxed);
            }
        }

        fn tell(&self, destination: &Destination, error: &io::Error) {
            if !destination.refused.swap(true, Ordering::Relaxed) {
                let text = format!("cannot send to {}: {error}", destination.address);
                gst::element_imp_warning!(self, gst::ResourceError::Write, ["{text}"]);
            }
        }
    }

    /// The ordinary case, without memory from the heap: one packet to one destination.
    fn send_one(parent: Option<&gst::Object>, component: u32, buffer: &gst::BufferRef) {
        let Some(outlet) = parent.and_then(|p| p.downcast_ref::<super::Outlet>()) else { return };
        let Some(input) = outlet.imp().input(component) else { return };
        let destinations = input.destinations.read().unwrap_or_else(PoisonError::into_inner).clone();
        let [destination] = &*destinations else { return send(parent, component, &[buffer]) };
        let mut mapped = [const { None }; FEW_PARTS];
        let count = buffer.n_memory();
        if count > mapped.len() {
            return send(parent, component, &[buffer]);
        }
        for (place, memory) in mapped.iter_mut().zip(buffer.iter_memories()) {
            *place = memory.map_readable().ok();
        }
        let parts = mapped.each_ref().map(|part| IoSlice::new(part.as_deref().unwrap_or_default()));
        let parts = &parts[..count];
        match destination.socket.send_parts(parts, &destination.to) {
            Ok(()) => {
                destination.counters.add_sent(parts.iter().map(|part| part.len()).sum());
                destination.refused.store(false, Ordering::Relaxed);
            }
            Err(error) => outlet.imp().tell(destination, &error),
        }
    }

    fn send(parent: Option<&gst::Object>, component: u32, buffers: &[&gst::BufferRef]) {
        let Some(outlet) = parent.and_then(|p| p.downcast_ref::<super::Outlet>()) else { return };
        let Some(input) = outlet.imp().input(component) else { return };
        let destinations = input.destinations.read().unwrap_or_else(PoisonError::into_inner).clone();
        if destinations.is_empty() {
            return;
        }
        let mapped: Vec<Parts<'_>> = buffers
            .iter()
            .map(|buffer| buffer.iter_memories().filter_map(|memory| memory.map_readable().ok()).collect())
            .collect();
        let slices: Vec<Vec<IoSlice<'_>>> =
            mapped.iter().map(|parts| parts.iter().map(|part| IoSlice::new(part)).collect()).collect();
        let each = destinations.iter().flat_map(|d| slices.iter().map(move |parts| (d, parts)));
        let packets: Vec<(&Arc<Destination>, Outgoing<'_>)> =
            each.map(|(d, parts)| (d, Outgoing { socket: &d.socket, to: &d.to, parts })).collect();
        let (owners, packets): (Vec<_>, Vec<_>) = packets.into_iter().unzip();
        let mut refused = vec![false; packets.len()];
        send_all(&packets, |index, error| {
            refused[index] = true;
            outlet.imp().tell(owners[index], &error);
        });
        for ((owner, packet), refused) in owners.iter().zip(&packets).zip(refused) {
            if !refused {
                owner.counters.add_sent(packet.parts.iter().map(|part| part.len()).sum());
                owner.refused.store(false, Ordering::Relaxed);
            }
        }
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Outlet {
        const NAME: &'static str = "FsRawUdpOutlet";
        const ALLOW_NAME_CONFLICT: bool = true;
        type Type = super::Outlet;
        type ParentType = gst::Element;
    }

    impl ObjectImpl for Outlet {
        fn constructed(&self) {
            self.parent_constructed();
            self.obj().set_element_flags(gst::ElementFlags::SINK);
        }
    }

    impl GstObjectImpl for Outlet {}

    impl ElementImpl for Outlet {
        fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
            static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
                let about = "Sends the packets of a rawudp transmitter";
                gst::subclass::ElementMetadata::new("rawudp outlet", "Sink/Network", about, "Farstream")
            });
            Some(&*METADATA)
        }

        fn pad_templates() -> &'static [gst::PadTemplate] {
            static TEMPLATES: OnceLock<Vec<gst::PadTemplate>> = OnceLock::new();
            TEMPLATES.get_or_init(|| {
                let (direction, presence) = (gst::PadDirection::Sink, gst::PadPresence::Sometimes);
                gst::PadTemplate::new("sink_%u", direction, presence, &gst::Caps::new_any())
                    .into_iter()
                    .collect()
            })
        }

        /// Packets leave as they come: no latency counts here.
        fn query(&self, query: &mut gst::QueryRef) -> bool {
            if let gst::QueryViewMut::Latency(latency) = query.view_mut() {
                latency.set(false, gst::ClockTime::ZERO, gst::ClockTime::NONE);
                return true;
            }
            self.parent_query(query)
        }

        fn change_state(
            &self,
            transition: gst::StateChange,
        ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
            let done = self.parent_change_state(transition)?;
            if transition == gst::StateChange::PausedToReady {
                self.begun.store(false, Ordering::Relaxed);
                (1..=255).take_while(|n| self.input(*n).is_some()).for_each(|n| self.revive(n));
            }
            Ok(done)
        }
    }
}
