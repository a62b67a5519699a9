//! A libnice agent: the ICE state of the streams to one participant, behind safe functions.

use std::ffi::{c_char, c_uint, c_void};
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};

use gio::prelude::SocketExt;
use glib::prelude::*;
use glib::translate::*;

use super::candidate::{Credentials, Plain, invalid};
use super::event_loop::EventLoop;
use super::ffi::{self, Address, Api, NiceAgent, NiceCandidate};
use super::native::{Made, candidate_in, read, text};
use super::path::Receiver;
use super::relay::Relay;
use super::settings::Key;
use super::{NiceStreamTransmitter, lock};

/// What an agent has to say about one stream.
#[derive(Clone, Debug)]
pub(super) enum News {
    Local(Plain),
    Gathered,
    State(u32, u32),
    Pair(u32, Plain, Plain),
    Restarted,
}

/// The GObject of an agent.
#[derive(Clone)]
struct Handle(glib::Object);

// SAFETY: libnice locks in each of its functions, and GObject's references and signals are thread-safe.
unsafe impl Send for Handle {}
// SAFETY: as above.
unsafe impl Sync for Handle {}

impl Handle {
    fn ptr(&self) -> *mut NiceAgent {
        self.0.as_ptr().cast()
    }
}

/// Who hears of one of its streams.
struct Listener {
    stream: u32,
    to: glib::WeakRef<NiceStreamTransmitter>,
    generation: u32,
}

/// An agent and the streams it serves.
pub(super) struct Agent {
    api: &'static Api,
    object: Handle,
    events: Arc<EventLoop>,
    streams: Mutex<Vec<Listener>>,
    reliable: bool,
    gathering: Mutex<Vec<Gathering>>,
}

/// A stream that looks for candidates. libnice 0.1.21 accesses a stream that is gone if it is removed while the name of a
/// server is looked up; who leaves meanwhile is therefore removed when that is over.
struct Gathering {
    stream: u32,
    leaves: bool,
}

impl Agent {
    /// Makes an agent on the shared event loop.
    ///
    /// # Errors
    /// `CONSTRUCTION` when libnice or a thread is missing, `NETWORK` for a local address that cannot be used.
    pub(super) fn new(key: &Key) -> Result<Arc<Self>, glib::Error> {
        let api = ffi::api()?;
        let events = EventLoop::shared()?;
        let mut options = 0;
        for (wanted, option) in [
            (key.reliable, ffi::OPTION_RELIABLE),
            (key.trickle, ffi::OPTION_TRICKLE),
            (key.consent, ffi::OPTION_CONSENT_FRESHNESS),
        ] {
            options |= if wanted { option } else { 0 };
        }
        let context: *mut glib::ffi::GMainContext = events.context().to_glib_none().0;
        // SAFETY: the context is alive, the agent keeps it; a new object is ours, or NULL.
        let object: Option<glib::Object> = unsafe {
            from_glib_full((api.nice_agent_new_full)(context, key.compatibility.0, options).cast())
        };
        let object = object.ok_or_else(|| construction("libnice made no agent"))?;
        object.set_property("upnp", false);
        object.set_property("controlling-mode", key.controlling);
        object.set_property("ice-udp", key.ice_udp);
        object.set_property("ice-tcp", key.ice_tcp);
        if !key.stun_ip.is_empty() {
            object.set_property("stun-server", &key.stun_ip);
            object.set_property("stun-server-port", key.stun_port);
        }
        let (object, reliable) = (Handle(object), key.reliable);
        let (streams, gathering) = (Mutex::default(), Mutex::default());
        let agent = Arc::new(Self { api, object, events, streams, reliable, gathering });
        for ip in &key.local {
            check_local(*ip)?;
            let mut address = Address::from(SocketAddr::new(*ip, 0));
            // SAFETY: agent and address are valid; the address is copied.
            if unsafe { (api.nice_agent_add_local_address)(agent.ptr(), &mut address) } == glib::ffi::GFALSE {
                return Err(invalid(&format!("libnice refuses the preferred local address {ip}")));
            }
        }
        agent.listen();
        Ok(agent)
    }

    fn ptr(&self) -> *mut NiceAgent {
        self.object.ptr()
    }

    /// The GObject, for its properties.
    pub(super) fn object(&self) -> &glib::Object {
        &self.object.0
    }

    /// The thread that the agent shares with all others.
    pub(super) fn events(&self) -> &Arc<EventLoop> {
        &self.events
    }

    /// Signals come from any thread, with nothing locked; the event loop puts them in a row.
    fn listen(self: &Arc<Self>) {
        self.on("new-candidate-full", |values| {
            let (stream, plain) = candidate_in(values.get(1)?)?;
            Some((stream, News::Local(plain)))
        });
        self.on("candidate-gathering-done", |values| Some((number(values, 1)?, News::Gathered)));
        self.on("component-state-changed", |values| {
            Some((number(values, 1)?, News::State(number(values, 2)?, number(values, 3)?)))
        });
        self.on("new-selected-pair-full", |values| {
            let (_, local) = candidate_in(values.get(3)?)?;
            let (_, remote) = candidate_in(values.get(4)?)?;
            Some((number(values, 1)?, News::Pair(number(values, 2)?, local, remote)))
        });
    }

    fn on(self: &Arc<Self>, signal: &str, read: fn(&[glib::Value]) -> Option<(u32, News)>) {
        let weak = Arc::downgrade(self);
        self.object.0.connect(signal, false, move |values| {
            if let (Some((stream, news)), Some(agent)) = (read(values), weak.upgrade()) {
                agent.post(stream, news);
            }
            None
        });
    }

    /// Brings news to a stream, on the event loop's thread.
    pub(super) fn post(self: &Arc<Self>, stream: u32, news: News) {
        let weak = Arc::downgrade(self);
        self.events.post(move || {
            let Some(agent) = weak.upgrade() else { return };
            if matches!(news, News::Gathered) {
                agent.end_gathering(stream);
            }
            let found = {
                let streams = lock(&agent.streams);
                let found = streams.iter().find(|listener| listener.stream == stream);
                found.and_then(|listener| Some((listener.to.upgrade()?, listener.generation)))
            };
            if let Some((found, generation)) = found {
                found.hear(generation, news);
            }
        });
    }

    /// Adds a stream; its news come with that generation.
    ///
    /// # Errors
    /// `INTERNAL` when libnice has no room for it.
    pub(super) fn add_stream(
        &self,
        components: u32,
        listener: &NiceStreamTransmitter,
        generation: u32,
    ) -> Result<u32, glib::Error> {
        let mut streams = lock(&self.streams);
        // SAFETY: the agent is valid.
        let id = unsafe { (self.api.nice_agent_add_stream)(self.ptr(), components) };
        if id == 0 {
            return Err(internal("libnice added no stream"));
        }
        streams.push(Listener { stream: id, to: listener.downgrade(), generation });
        Ok(id)
    }

    /// Removes a stream; nothing is heard of it any more.
    pub(super) fn remove_stream(&self, stream: u32) {
        lock(&self.streams).retain(|listener| listener.stream != stream);
        if let Some(gathering) = lock(&self.gathering).iter_mut().find(|g| g.stream == stream) {
            gathering.leaves = true;
            return;
        }
        // SAFETY: the agent is valid; an unknown stream is passed over.
        unsafe { (self.api.nice_agent_remove_stream)(self.ptr(), stream) }
    }

    /// Restricts local ports.
    pub(super) fn set_port_range(&self, stream: u32, components: u32, min: u32, max: u32) {
        for component in 1..=components {
            // SAFETY: the agent is valid.
            unsafe { (self.api.nice_agent_set_port_range)(self.ptr(), stream, component, min, max) }
        }
    }

    /// Adds a TURN server for one component.
    ///
    /// # Errors
    /// `INVALID_ARGUMENTS` when libnice refuses it.
    pub(super) fn add_relay(&self, stream: u32, component: u32, relay: &Relay) -> Result<(), glib::Error> {
        let (ip, username, password) = (text(&relay.ip), text(&relay.username), text(&relay.password));
        // SAFETY: the agent is valid; the strings are copied.
        let set = unsafe {
            (self.api.nice_agent_set_relay_info)(
                self.ptr(),
                stream,
                component,
                ip.as_ptr(),
                relay.port.into(),
                username.as_ptr(),
                password.as_ptr(),
                relay.kind.to_nice(),
            )
        };
        if set == glib::ffi::GFALSE {
            return Err(invalid(&format!(
                "parameter 'relay-info': libnice refuses the server '{}' port {}",
                relay.ip, relay.port
            )));
        }
        Ok(())
    }

    /// Sets the type of service of a stream's packets.
    pub(super) fn set_tos(&self, stream: u32, tos: u32) {
        // SAFETY: the agent is valid; the value is at most 255.
        unsafe { (self.api.nice_agent_set_stream_tos)(self.ptr(), stream, tos.min(255) as i32) }
    }

    /// Starts to look for local candidates; false if there can be none.
    pub(super) fn gather(&self, stream: u32) -> bool {
        lock(&self.gathering).push(Gathering { stream, leaves: false });
        // SAFETY: the agent is valid.
        let begun = unsafe { (self.api.nice_agent_gather_candidates)(self.ptr(), stream) };
        if begun == glib::ffi::GFALSE {
            self.end_gathering(stream);
        }
        begun != glib::ffi::GFALSE
    }

    fn end_gathering(&self, stream: u32) {
        let ended: Vec<Gathering> = lock(&self.gathering).extract_if(.., |g| g.stream == stream).collect();
        if ended.iter().any(|gathering| gathering.leaves) {
            self.remove_stream(stream);
        }
    }

    /// Our user name fragment and password for a stream; empty if it is gone.
    pub(super) fn local_credentials(&self, stream: u32) -> Credentials {
        let (mut username, mut password) = (std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: the agent and both places are valid; both strings, or NULL, are ours.
        let (username, password): (Option<String>, Option<String>) = unsafe {
            (self.api.nice_agent_get_local_credentials)(self.ptr(), stream, &mut username, &mut password);
            (from_glib_full(username), from_glib_full(password))
        };
        Credentials { username: username.unwrap_or_default(), password: password.unwrap_or_default() }
    }

    /// The local candidates of a component that are known by now.
    pub(super) fn local_candidates(&self, stream: u32, component: u32) -> Vec<Plain> {
        // SAFETY: the agent is valid; list and candidates are ours.
        unsafe {
            let list = (self.api.nice_agent_get_local_candidates)(self.ptr(), stream, component);
            let mut found = Vec::new();
            let mut link = list;
            while !link.is_null() {
                let candidate = (*link).data.cast::<NiceCandidate>();
                found.extend(read(&*candidate));
                (self.api.nice_candidate_free)(candidate);
                link = (*link).next;
            }
            glib::ffi::g_slist_free(list);
            found
        }
    }

    /// Gives a stream the peer's credentials.
    pub(super) fn set_remote_credentials(&self, stream: u32, remote: &Credentials) {
        let (username, password) = (text(&remote.username), text(&remote.password));
        // SAFETY: the agent is valid; the strings are copied.
        unsafe {
            (self.api.nice_agent_set_remote_credentials)(
                self.ptr(),
                stream,
                username.as_ptr(),
                password.as_ptr(),
            );
        }
    }

    /// Gives a component candidates of the peer, besides those it has.
    ///
    /// # Errors
    /// `INTERNAL` when libnice takes none of them.
    pub(super) fn add_remote<'a>(
        &self,
        stream: u32,
        component: u32,
        candidates: impl Iterator<Item = &'a Plain>,
    ) -> Result<(), glib::Error> {
        let made: Vec<Made> = candidates.map(|plain| Made::new(self.api, stream, plain)).collect();
        // SAFETY: the agent is valid; libnice copies the candidates, and list and candidates are freed here.
        let taken = unsafe {
            let mut list = std::ptr::null_mut();
            for one in made.iter().rev() {
                list = glib::ffi::g_slist_prepend(list, one.candidate.cast());
            }
            let taken = (self.api.nice_agent_set_remote_candidates)(self.ptr(), stream, component, list);
            glib::ffi::g_slist_free(list);
            taken
        };
        if taken < 0 {
            return Err(internal(&format!(
                "libnice takes none of the {} remote candidates of component {component}",
                made.len()
            )));
        }
        Ok(())
    }

    /// Sends to a candidate of the peer without checks.
    ///
    /// # Errors
    /// `INTERNAL` when libnice refuses it.
    pub(super) fn force_remote(&self, stream: u32, plain: &Plain) -> Result<(), glib::Error> {
        let made = Made::new(self.api, stream, plain);
        // SAFETY: agent and candidate are valid; the candidate is copied.
        let set = unsafe {
            (self.api.nice_agent_set_selected_remote_candidate)(
                self.ptr(),
                stream,
                plain.component,
                made.candidate,
            )
        };
        if set == glib::ffi::GFALSE {
            return Err(internal(&format!(
                "libnice cannot send to the forced candidate {} of component {}",
                plain.address, plain.component
            )));
        }
        Ok(())
    }

    /// Hands the packets of a component to `receiver` in the thread of `home`, or drops them. The receiver lives until that
    /// thread has done what was posted after the end.
    pub(super) fn receive(&self, stream: u32, component: u32, home: &EventLoop, receiver: Option<&Receiver>) {
        let context: *mut glib::ffi::GMainContext = home.context().to_glib_none().0;
        let data = receiver.map_or(std::ptr::null_mut(), |r| std::ptr::from_ref(r).cast_mut().cast());
        // SAFETY: agent and context are valid, the receiver lives as said above; an unknown stream is passed over.
        unsafe {
            let call = receiver.is_some().then_some(received as ffi::Received);
            (self.api.nice_agent_attach_recv)(self.ptr(), stream, component, context, call, data);
        }
    }

    /// Sends a packet; answers how many octets were taken.
    pub(super) fn send(&self, stream: u32, component: u32, bytes: &[u8]) -> usize {
        let length = c_uint::try_from(bytes.len()).unwrap_or_default();
        // SAFETY: the agent is valid and the octets are copied.
        let taken = unsafe {
            (self.api.nice_agent_send)(self.ptr(), stream, component, length, bytes.as_ptr().cast())
        };
        usize::try_from(taken).unwrap_or_default()
    }

    /// The datagram sockets of a component, relays' among them. Their packets are libnice's.
    pub(super) fn sockets(&self, stream: u32, component: u32) -> Vec<gio::Socket> {
        // SAFETY: the agent is valid; the array, or NULL, and its reference to each socket are ours.
        let all = unsafe {
            let array = (self.api.nice_agent_get_sockets)(self.ptr(), stream, component);
            let Some(found) = array.as_ref() else { return Vec::new() };
            let at = |i| (*found.pdata.add(i)).cast::<gio::ffi::GSocket>();
            let all: Vec<gio::Socket> = (0..found.len as usize).map(|i| from_glib_none(at(i))).collect();
            glib::ffi::g_ptr_array_unref(array);
            all
        };
        all.into_iter().filter(|socket| socket.socket_type() == gio::SocketType::Datagram).collect()
    }

    /// Whether it sends by pseudo-TCP.
    pub(super) fn is_reliable(&self) -> bool {
        self.reliable
    }

    /// The peer has no more candidates; checks may fail from now on.
    pub(super) fn remote_gathered(&self, stream: u32) {
        // SAFETY: the agent is valid.
        unsafe {
            (self.api.nice_agent_peer_candidate_gathering_done)(self.ptr(), stream);
        }
    }

    /// Starts ICE anew with new credentials; packets keep their path until a new one is found.
    ///
    /// # Errors
    /// `INTERNAL` when libnice refuses it.
    pub(super) fn restart(&self, stream: u32) -> Result<(), glib::Error> {
        // SAFETY: the agent is valid.
        if unsafe { (self.api.nice_agent_restart_stream)(self.ptr(), stream) } == glib::ffi::GFALSE {
            return Err(internal("libnice cannot restart ICE"));
        }
        Ok(())
    }
}

impl Drop for Agent {
    /// Relays are given back in the background; the event loop lives for that long.
    fn drop(&mut self) {
        let (api, object, events) = (self.api, self.object.clone(), self.events.clone());
        self.events.post(move || {
            let keep = Box::into_raw(Box::new(events)).cast();
            // SAFETY: runs on the thread whose default context calls `closed` back, once, with the box.
            unsafe { (api.nice_agent_close_async)(object.ptr(), Some(closed), keep) }
        });
    }
}

unsafe extern "C" fn received(
    _agent: *mut c_void,
    _stream: c_uint,
    _component: c_uint,
    length: c_uint,
    octets: *mut c_char,
    receiver: *mut c_void,
) {
    // SAFETY: libnice calls with the pointer given to it and so many octets; the receiver lives, see `receive`.
    let (receiver, bytes) = unsafe {
        (&*receiver.cast::<Receiver>(), std::slice::from_raw_parts(octets.cast::<u8>(), length as usize))
    };
    receiver.packet(bytes);
}

unsafe extern "C" fn closed(_agent: *mut c_void, _result: *mut c_void, keep: *mut c_void) {
    // SAFETY: the box that was made when closing began.
    drop(unsafe { Box::from_raw(keep.cast::<Arc<EventLoop>>()) });
}

/// libnice would go on without the address and find candidates that only connect.
fn check_local(ip: IpAddr) -> Result<(), glib::Error> {
    match UdpSocket::bind((ip, 0)) {
        Err(e) if e.kind() == ErrorKind::AddrNotAvailable => {
            let text = format!("the preferred local address {ip} is none of this host's: {e}");
            Err(glib::Error::new(fs_core::Error::Network, &text))
        }
        _ => Ok(()),
    }
}

/// Switches libnice's debug output, which is the process's.
pub(super) fn set_debug(on: bool) {
    let Ok(api) = ffi::api() else { return };
    // SAFETY: both take a flag: whether STUN is meant too.
    unsafe {
        if on {
            (api.nice_debug_enable)(glib::ffi::GTRUE)
        } else {
            (api.nice_debug_disable)(glib::ffi::GTRUE)
        }
    }
}

fn number(values: &[glib::Value], index: usize) -> Option<c_uint> {
    values.get(index)?.get().ok()
}

fn construction(text: &str) -> glib::Error {
    glib::Error::new(fs_core::Error::Construction, text)
}

fn internal(text: &str) -> glib::Error {
    glib::Error::new(fs_core::Error::Internal, text)
}
