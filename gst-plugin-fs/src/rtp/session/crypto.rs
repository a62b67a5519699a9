//! Encryption: what the application asks for, and the probes in which it happens.
//!
//! Locks: `outbound` and `inbound` are each held while a packet is encrypted or decrypted, never while it goes
//! on. The session's state is looked at inside `inbound`, when an SSRC is met first; so nothing here is called
//! with the state locked. `changing` keeps two changes apart.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use fs_core::Error;
use fs_core::prelude::*;
use fs_proto::SrtpParameters;
use glib::subclass::prelude::*;
use gst::prelude::*;

use super::ssrc_map::StreamId;
use super::{disposed, imp};
use crate::debug::CONFERENCE as CAT;
use crate::rtp::srtp::contexts::Contexts;
use crate::rtp::srtp::header::{Header, Kind};
use crate::rtp::srtp::inbound::Decryptor;
use crate::rtp::srtp::outbound::{Encoders, Outbound, Outcome};
use crate::rtp::srtp::parameters;

/// How many SSRCs' verdicts are kept; more are possible, but not in honest traffic.
const MAX_VERDICTS: usize = 256;

/// What happens to packets of an SSRC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Pass,
    Drop,
    Decrypt(StreamId),
    /// Nobody knows yet whose it is; a key that fits tells.
    Try,
}

/// What a stream wants.
#[derive(Debug)]
struct Demand {
    stream: StreamId,
    decryptor: Option<Decryptor>,
    required: bool,
}

#[derive(Debug, Default)]
struct Inbound {
    demands: Vec<Demand>,
    verdicts: HashMap<u32, Verdict>,
}

impl Inbound {
    fn demand(&mut self, stream: StreamId) -> &mut Demand {
        self.verdicts.clear();
        if let Some(at) = self.demands.iter().position(|demand| demand.stream == stream) {
            return &mut self.demands[at];
        }
        self.demands.push(Demand { stream, decryptor: None, required: false });
        let last = self.demands.len() - 1;
        &mut self.demands[last]
    }

    /// The packet of an SSRC of nobody, decrypted by the stream that has the key for it.
    fn try_keys(&mut self, header: Header, packet: gst::Buffer) -> Option<gst::Buffer> {
        for demand in &mut self.demands {
            let decryptor = demand.decryptor.as_mut().filter(|d| d.authenticates(header.kind));
            if let Some(plain) = decryptor.and_then(|d| d.process(header, packet.clone())) {
                self.verdicts.insert(header.ssrc, Verdict::Decrypt(demand.stream));
                return Some(plain);
            }
        }
        (!self.demands.iter().any(|demand| demand.required)).then_some(packet)
    }

    /// An SSRC of nobody passes unless a stream insists on encryption.
    fn judge(&self, owner: Option<StreamId>) -> Verdict {
        let demand = owner.and_then(|owner| self.demands.iter().find(|demand| demand.stream == owner));
        if owner.is_none() && self.demands.iter().any(|demand| demand.decryptor.is_some()) {
            return Verdict::Try;
        }
        let required = match (owner, demand) {
            (None, _) => self.demands.iter().any(|demand| demand.required),
            (Some(_), demand) => demand.is_some_and(|demand| demand.required),
        };
        match demand.filter(|demand| demand.decryptor.is_some()) {
            Some(demand) => Verdict::Decrypt(demand.stream),
            None if required => Verdict::Drop,
            None => Verdict::Pass,
        }
    }
}

/// The encryption of one session.
#[derive(Debug, Default)]
pub struct Crypto {
    asked: Mutex<Option<gst::Structure>>,
    outbound: Mutex<Outbound>,
    inbound: Mutex<Inbound>,
    changing: Mutex<()>,
    watches_outbound: AtomicBool,
    watches_inbound: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Crypto {
    /// `encryption-parameters`.
    pub fn asked(&self) -> Option<gst::Structure> {
        lock(&self.asked).clone()
    }

    /// Whose an SSRC is may have changed.
    pub fn owners_changed(&self) {
        if self.watches_inbound.load(Ordering::Acquire) {
            lock(&self.inbound).verdicts.clear();
        }
    }

    /// A stream is gone, and its keys with it.
    pub fn remove_stream(&self, stream: StreamId) {
        let mut inbound = lock(&self.inbound);
        let (gone, left) = inbound.demands.drain(..).partition(|demand| demand.stream == stream);
        inbound.demands = left;
        inbound.verdicts.clear();
        drop(inbound);
        let _: Vec<Demand> = gone;
    }

    /// The sequence number that was encrypted last.
    pub fn last_sequence(&self) -> Option<u16> {
        let outbound = lock(&self.outbound);
        outbound.contexts().latest().and_then(|context| context.rtp).map(|index| index.sequence)
    }
}

fn read(structure: Option<&gst::StructureRef>) -> Result<Option<SrtpParameters>, glib::Error> {
    Ok(structure.map(parameters::parse).transpose()?.filter(|parameters| !parameters.is_null()))
}

impl imp::Session {
    /// `set_encryption_parameters`: once this returns, no packet leaves that was not made with them.
    pub(super) fn encrypt_with(&self, structure: Option<&gst::StructureRef>) -> Result<(), glib::Error> {
        if self.is_disposed() {
            return Err(disposed());
        }
        let parameters = read(structure)?;
        let crypto = self.crypto();
        let changing = lock(&crypto.changing);
        if !lock(&crypto.outbound).uses(parameters.as_ref()) {
            match parameters {
                None => lock(&crypto.outbound).stop(),
                Some(parameters) => {
                    let encoders = Encoders::new(&parameters)?;
                    let contexts = lock(&crypto.outbound).contexts().clone();
                    encoders.catch_up(&Contexts::default(), &contexts);
                    lock(&crypto.outbound).switch(parameters, encoders, &contexts);
                    self.watch_outbound();
                }
            }
        }
        *lock(&crypto.asked) = structure.map(ToOwned::to_owned);
        drop(changing);
        gst::info!(CAT, "session {}: encryption is {}", self.id(), on(structure.is_some()));
        self.obj().notify("encryption-parameters");
        Ok(())
    }

    /// `set_decryption_parameters` of a stream.
    pub(in crate::rtp) fn decrypt_with(
        &self,
        stream: StreamId,
        structure: Option<&gst::StructureRef>,
    ) -> Result<(), glib::Error> {
        let parameters = read(structure)?;
        let crypto = self.crypto();
        let _changing = lock(&crypto.changing);
        let known = {
            let mut inbound = lock(&crypto.inbound);
            let decryptor = inbound.demand(stream).decryptor.as_ref();
            parameters.as_ref().is_some_and(|p| decryptor.is_some_and(|decryptor| decryptor.uses(p)))
        };
        if !known {
            let mut new = parameters.map(Decryptor::new).transpose()?;
            let mut inbound = lock(&crypto.inbound);
            let slot = &mut inbound.demand(stream).decryptor;
            let old = slot.take();
            if let (Some(new), Some(old)) = (&mut new, old) {
                new.succeed(old, Instant::now());
            }
            *slot = new;
            drop(inbound);
            self.watch_inbound();
        }
        gst::info!(
            CAT,
            "session {}: decryption of stream {stream} is {}",
            self.id(),
            on(structure.is_some())
        );
        Ok(())
    }

    /// `require-encryption` of a stream.
    pub(in crate::rtp) fn require_encryption(&self, stream: StreamId, required: bool) {
        lock(&self.crypto().inbound).demand(stream).required = required;
        if required {
            self.watch_inbound();
        }
    }

    fn watch_outbound(&self) {
        let Some(graph) = self.graph() else { return };
        if self.crypto().watches_outbound.swap(true, Ordering::AcqRel) {
            return;
        }
        for (tee, kind) in [(&graph.send_rtp_tee, Kind::Rtp), (&graph.send_rtcp_tee, Kind::Rtcp)] {
            self.watch(tee.static_pad("sink"), move |session, packet| session.send_encrypted(kind, packet));
        }
    }

    fn watch_inbound(&self) {
        let Some(graph) = self.graph() else { return };
        if self.crypto().watches_inbound.swap(true, Ordering::AcqRel) {
            return;
        }
        for (funnel, kind) in [(&graph.recv_rtp_funnel, Kind::Rtp), (&graph.recv_rtcp_funnel, Kind::Rtcp)] {
            self.watch(funnel.static_pad("src"), move |session, packet| session.receive(kind, packet));
        }
    }

    /// Lets `act` change or drop every packet that passes a pad.
    fn watch(
        &self,
        pad: Option<gst::Pad>,
        act: impl Fn(&Self, gst::Buffer) -> Option<gst::Buffer> + Send + Sync + 'static,
    ) {
        let weak = self.obj().downgrade();
        let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
        pad.and_then(|pad| {
            pad.add_probe(mask, move |_, info| {
                // What arrives after the session's end goes nowhere, neither plain nor encrypted.
                let Some(session) = weak.upgrade() else { return swallow(info) };
                let act = |packet| act(session.imp(), packet);
                let changed = match info.data.take() {
                    Some(gst::PadProbeData::Buffer(packet)) => act(packet).map(gst::PadProbeData::Buffer),
                    Some(gst::PadProbeData::BufferList(packets)) => {
                        let changed: gst::BufferList = packets.iter_owned().filter_map(act).collect();
                        (!changed.is_empty()).then_some(gst::PadProbeData::BufferList(changed))
                    }
                    other => other,
                };
                info.data = changed;
                if info.data.is_some() { gst::PadProbeReturn::Ok } else { gst::PadProbeReturn::Handled }
            })
        });
    }

    fn send_encrypted(&self, kind: Kind, packet: gst::Buffer) -> Option<gst::Buffer> {
        let outcome = lock(&self.crypto().outbound).process(kind, packet);
        match outcome {
            Outcome::Pass(packet) => Some(packet),
            Outcome::Drop => None,
            Outcome::Failed => {
                self.obj().emit_error(Error::Internal, "a packet can't be encrypted, so it is not sent");
                None
            }
        }
    }

    fn receive(&self, kind: Kind, packet: gst::Buffer) -> Option<gst::Buffer> {
        let header = Header::read(kind, &packet);
        let mut inbound = lock(&self.crypto().inbound);
        let Some(header) = header else {
            // rtpbin would drop it as well.
            return None;
        };
        let verdict = match inbound.verdicts.get(&header.ssrc) {
            Some(verdict) => *verdict,
            None => {
                let verdict = inbound.judge(self.state().owner(header.ssrc));
                if inbound.verdicts.len() >= MAX_VERDICTS {
                    inbound.verdicts.clear();
                }
                inbound.verdicts.insert(header.ssrc, verdict);
                gst::debug!(CAT, "session {}: packets of SSRC {:08x}: {verdict:?}", self.id(), header.ssrc);
                verdict
            }
        };
        match verdict {
            Verdict::Pass => Some(packet),
            Verdict::Drop => None,
            Verdict::Try => inbound.try_keys(header, packet),
            Verdict::Decrypt(stream) => {
                let demand = inbound.demands.iter_mut().find(|demand| demand.stream == stream);
                demand.and_then(|demand| demand.decryptor.as_mut())?.process(header, packet)
            }
        }
    }

    /// Sequence numbers go on where they stopped, so that no index is used twice with a key (RFC 3711 section
    /// 9.1). Called before the elements start again.
    pub(in crate::rtp) fn resume_sequence(&self) {
        if let (Some(graph), Some(last)) = (self.graph(), self.crypto().last_sequence()) {
            graph.begin_with_sequence(last.wrapping_add(1));
        }
    }
}

/// Keeps a packet from going on without an error upstream.
fn swallow(info: &mut gst::PadProbeInfo<'_>) -> gst::PadProbeReturn {
    info.data = None;
    gst::PadProbeReturn::Handled
}

fn on(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}
