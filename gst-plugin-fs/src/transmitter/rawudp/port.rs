//! One UDP socket in use: registered with the socket loop, known to the elements of the transmitter.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::{Duration, Instant};

use fs_core::prelude::*;
use glib::subclass::prelude::*;
use gst::prelude::*;

use super::binding::Wish;
use super::io::{Handler, Loop, Reason, Registration};
use super::pace::Found;
use super::socket::{Batch, Incoming, Socket};
use super::source::{Recent, Sender, Sources};
use super::stun::{self, Handled};
use super::{CAT, lock, random};
use crate::rtp::session::mux;
use crate::transmitter::inlet::Inlet;

/// A bound socket that receives and sends for one component.
pub(super) struct Port {
    component: u32,
    /// What was asked for: another stream that asks for the same gets this port.
    asked: Wish,
    socket: Arc<Socket>,
    registration: Arc<Registration>,
    questions: Arc<Questions>,
    inlet: Inlet,
}

impl Port {
    /// Puts a bound socket to work: packets that it receives come out of the component's source pad from now on.
    pub(super) fn open(
        component: u32,
        asked: Wish,
        socket: Socket,
        home: &Arc<Loop>,
        inlet: &Inlet,
        sources: &Arc<Sources>,
    ) -> Self {
        let socket = Arc::new(socket);
        let questions = Arc::new(Questions::default());
        let receiver = Receiver {
            component,
            questions: questions.clone(),
            socket: socket.clone(),
            inlet: inlet.downgrade(),
            sources: sources.clone(),
            last_sender: Mutex::default(),
            recent: Mutex::default(),
        };
        let registration = Arc::new(home.register(&*socket, Arc::new(receiver)));
        questions.registration.set(Arc::downgrade(&registration)).unwrap_or_default();
        inlet.add(registration.clone());
        gst::debug!(CAT, "component {component} uses port {}", socket.port());
        Self { component, asked, socket, registration, questions, inlet: inlet.clone() }
    }

    /// Whether this is the port for such a wish.
    pub(super) fn serves(&self, component: u32, asked: &Wish) -> bool {
        self.component == component && self.asked == *asked
    }

    /// Its number.
    pub(super) fn number(&self) -> u16 {
        self.socket.port()
    }

    /// Whether the socket can send to such addresses.
    pub(super) fn reaches(&self, ip: IpAddr) -> bool {
        self.socket.reaches(ip)
    }

    /// What it sends from.
    pub(super) fn socket(&self) -> &Arc<Socket> {
        &self.socket
    }

    /// Asks STUN servers how they see this socket, for so long; `told` is called once, in the thread of the loop. Without
    /// servers it is called at once.
    pub(super) fn ask(
        &self,
        servers: &[SocketAddr],
        patience: Duration,
        told: impl FnOnce(Option<stun::Answer>) + Send + 'static,
    ) {
        if servers.is_empty() {
            return told(None);
        }
        let client = stun::Client::new(servers, patience, Instant::now(), transaction_id);
        lock(&self.questions.asked).push(Question { client, told: Box::new(told) });
        self.registration.read(Reason::Answer, true);
        self.registration.wake_at(Instant::now());
    }

    /// Calls back at that time, in the thread of the loop.
    pub(super) fn call_at(&self, when: Instant, call: impl FnOnce() + Send + 'static) {
        lock(&self.questions.later).push((when, Box::new(call)));
        self.registration.wake_at(when);
    }

    /// Sets the type of service of packets sent from now on; a system that refuses it gets a log line.
    pub(super) fn set_tos(&self, tos: u32) {
        if let Err(e) = self.socket.set_tos(tos) {
            gst::warning!(CAT, "cannot set type of service {tos} on port {}: {e}", self.number());
        }
    }

    /// Receives no more; the socket is closed when nobody sends from it any more.
    pub(super) fn close(&self) {
        self.inlet.remove(&self.registration);
        self.registration.end();
        gst::debug!(CAT, "component {} gave port {} back", self.component, self.number());
    }
}

/// What is done once.
type Call = Box<dyn FnOnce() + Send>;

/// What a socket asks servers, and what waits for its time.
#[derive(Default)]
struct Questions {
    asked: Mutex<Vec<Question>>,
    later: Mutex<Vec<(Instant, Call)>>,
    registration: OnceLock<Weak<Registration>>,
}

/// What the application waits for.
struct Question {
    client: stun::Client,
    told: Box<dyn FnOnce(Option<stun::Answer>) + Send>,
}

impl Questions {
    /// Takes a packet that is the answer to a question.
    fn take(&self, packet: &Incoming<'_>) -> bool {
        let (taken, answered) = {
            let mut asked = lock(&self.asked);
            let now = Instant::now();
            let handle = |question: &mut Question| {
                question.client.handle(packet.bytes, packet.from, now, transaction_id)
            };
            let found = asked.iter_mut().enumerate().map(|(i, q)| (i, handle(q)));
            match found.into_iter().find(|(_, handled)| *handled != Handled::NotOurs) {
                Some((index, Handled::Answered(answer))) => (true, Some((asked.swap_remove(index), answer))),
                Some(_) => (true, None),
                None => (false, None),
            }
        };
        if let Some((question, answer)) = answered {
            (question.told)(Some(answer));
        }
        if taken && let Some(registration) = self.registration.get().and_then(Weak::upgrade) {
            // A server that was named may have to be asked, or nothing is asked any more.
            registration.wake_at(Instant::now());
        }
        taken
    }

    /// Sends what is due, ends what is over; answers when to come back.
    fn proceed(&self, socket: &Socket, now: Instant) -> Option<Instant> {
        let (mut over, next) = {
            let mut asked = lock(&self.asked);
            for question in asked.iter_mut() {
                for (server, request) in question.client.poll(now) {
                    if let Err(e) = socket.send(&request, server) {
                        gst::info!(CAT, "cannot ask the STUN server {server}: {e}");
                    }
                }
            }
            let over: Vec<Question> = asked.extract_if(.., |question| question.client.is_over()).collect();
            (over, asked.iter().filter_map(|question| question.client.next_deadline()).min())
        };
        over.drain(..).for_each(|question| (question.told)(None));
        let (due, next) = {
            let mut later = lock(&self.later);
            let due: Vec<_> = later.extract_if(.., |(when, _)| *when <= now).collect();
            (due, later.iter().map(|(when, _)| *when).chain(next).min())
        };
        due.into_iter().for_each(|(_, call)| call());
        if let Some(registration) = self.registration.get().and_then(Weak::upgrade)
            && lock(&self.asked).is_empty()
        {
            registration.read(Reason::Answer, false);
        }
        next
    }
}

fn transaction_id() -> stun::Id {
    let mut id = [0; 12];
    random(&mut id);
    id
}

/// What the socket loop calls.
struct Receiver {
    component: u32,
    questions: Arc<Questions>,
    socket: Arc<Socket>,
    inlet: glib::WeakRef<Inlet>,
    sources: Arc<Sources>,
    /// Packets come from the same address most of the time: its object is made once.
    last_sender: Mutex<Option<(SocketAddr, gio::SocketAddress)>>,
    recent: Mutex<Recent>,
}

impl Receiver {
    fn packet(&self, inlet: &Inlet, packet: &Incoming<'_>) {
        let Incoming { bytes, from, age } = *packet;
        // The two highest bits tell STUN from RTP and RTCP (RFC 7983 section 7).
        if bytes.first().is_none_or(|first| first >> 6 == 0 && self.questions.take(packet)) {
            return;
        }
        // One allocation for the memory and its bytes.
        let Ok(mut buffer) = gst::Buffer::with_size(bytes.len()) else { return };
        if let Some(buffer) = buffer.get_mut() {
            // It is as long as they are.
            let _ = buffer.copy_from_slice(0, bytes);
            gst_net::NetAddressMeta::add(buffer, &self.sender(from));
        }
        let sender = self.sources.received(
            &mut lock(&self.recent),
            self.component,
            self.socket.port(),
            from,
            bytes.len(),
        );
        match sender {
            Sender::Known(stream) => stream.emit_known_source_packet_received(self.component, &buffer),
            Sender::First(stream) => {
                if let Some(stream) = stream.upgrade() {
                    stream.imp().latch(self.component, from);
                }
            }
            Sender::Unknown => {}
        }
        inlet.push(self.component, buffer, age);
    }

    fn sender(&self, address: SocketAddr) -> gio::SocketAddress {
        let mut last = lock(&self.last_sender);
        match &*last {
            Some((known, object)) if *known == address => object.clone(),
            _ => {
                let object = gio::InetSocketAddress::from(address).upcast::<gio::SocketAddress>();
                *last = Some((address, object.clone()));
                object
            }
        }
    }
}

impl Handler for Receiver {
    fn readable(&self, batch: &mut Batch) -> Found {
        let mut found = Found::default();
        let Some(inlet) = self.inlet.upgrade() else { return found };
        match batch.receive(&self.socket) {
            Ok(count) => {
                found.packets = count;
                for packet in (0..count).filter_map(|i| batch.packet(i)) {
                    found.rtcp |= mux::are_rtcp(packet.bytes);
                    self.packet(&inlet, &packet);
                }
            }
            Err(e) => gst::warning!(CAT, "cannot receive on port {}: {e}", self.socket.port()),
        }
        found
    }

    fn due(&self, now: Instant) -> Option<Instant> {
        self.questions.proceed(&self.socket, now)
    }
}
