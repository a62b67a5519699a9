//! What a session knows, behind its one lock, and the decisions that need nothing else.
//!
//! Locks: each session has one `Mutex<State>`. Nothing is emitted, linked, started or stopped while it is held;
//! methods return [`Effect`]s or copies of handles, and the caller acts on them after unlocking. Only the
//! `drop` property of valves is written under it, so that the last decision is also the last write. No other
//! lock of ours is taken inside it.

use std::collections::BTreeMap;
use std::sync::Arc;

use fs_proto::negotiation::{self, Association, LocalCapability, Outcome, RemoteCodecs};
use fs_proto::{Codec, MediaType, RtpHeaderExtension, StreamDirection};
use gst::prelude::*;

use super::config::Search;
use super::encoded;
use super::events::EventEar;
use super::recipe::Recipe;
use super::send::SendState;
use super::ssrc_map::{SsrcMap, StreamId};
use super::statistics::Statistics;
use super::telephony::TelephonyState;
use super::timer::Timers;
use super::transmitters::{StreamEnd, TransmitterEntry};
use crate::rtp::discovery::Blueprint;
use crate::rtp::stream::Stream;
use crate::rtp::substream::{Parts, Substream, SubstreamKey};

/// What remains to be done, with the lock released, after the state changed. In the order of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// `notify` of a property of the session.
    Notify(&'static str),
    /// `notify` of a property of a stream.
    NotifyStream(StreamId, &'static str),
    /// `farstream-codecs-changed`.
    CodecsChanged,
    /// Other RTP header extensions are agreed.
    ExtensionsChanged,
    /// The send codec bin may have to change.
    RefreshSend,
    /// The receive codec bins may have to change.
    RefreshReceive,
}

/// Everything negotiation depends on. A change is tried on a copy, so a refused one leaves no trace.
#[derive(Clone, Debug)]
pub struct Wishes {
    /// Validated preferences; empty = everything discovery found.
    pub preferences: Vec<Codec>,
    /// `allowed-sink-caps`.
    pub sink_caps: gst::Caps,
    /// `allowed-src-caps`.
    pub src_caps: gst::Caps,
    /// `rtp-header-extension-preferences`.
    pub header_extensions: Vec<RtpHeaderExtension>,
    /// One entry per stream in the order they were made; no codecs = nothing set yet.
    pub remotes: Vec<RemoteCodecs>,
}

impl Wishes {
    fn new(media_type: MediaType) -> Self {
        let caps = match media_type {
            MediaType::Audio => gst::Caps::builder("audio/x-raw").build(),
            MediaType::Video => gst::Caps::builder("video/x-raw").build(),
            MediaType::Application => gst::Caps::new_any(),
        };
        Self {
            preferences: Vec::new(),
            sink_caps: caps.clone(),
            src_caps: caps,
            header_extensions: Vec::new(),
            remotes: Vec::new(),
        }
    }

    /// The entry of a stream.
    pub fn remote_mut(&mut self, stream: StreamId) -> Option<&mut RemoteCodecs> {
        self.remotes.iter_mut().find(|r| r.stream == stream)
    }
}

/// One stream of the session.
#[derive(Debug)]
pub struct StreamEntry {
    /// The session's name for it.
    pub id: StreamId,
    /// The object, which owns us and not the other way round.
    pub object: glib::WeakRef<Stream>,
    /// Which ways media may flow.
    pub direction: StreamDirection,
    /// Its end of a transmitter, once set.
    pub end: Option<StreamEnd>,
    /// `set_transmitter` is at work.
    pub end_pending: bool,
}

/// The state of one session.
#[derive(Debug)]
pub struct State {
    media_type: MediaType,
    /// What discovery found.
    pub discovered: Arc<[Blueprint]>,
    /// What is left of that with the allowed caps: encoded media passes through. In the same order.
    pub blueprints: Arc<[Blueprint]>,
    /// Counts the changes of the allowed caps: bins that were built before may not fit.
    pub caps_serial: u64,
    /// What negotiation depends on.
    pub wishes: Wishes,
    /// What was agreed.
    pub outcome: Outcome,
    /// In the order they were made.
    pub streams: Vec<StreamEntry>,
    next_stream: StreamId,
    next_serial: u64,
    /// Whose SSRC is it?
    pub ssrcs: SsrcMap,
    /// What rtpbin has pads for.
    pub substreams: BTreeMap<SubstreamKey, Substream>,
    /// What tells the payload types of an SSRC apart.
    pub demuxers: BTreeMap<u32, glib::WeakRef<gst::Element>>,
    /// Who listens to which substream for telephony events.
    pub ears: BTreeMap<SubstreamKey, EventEar>,
    /// The send codec bin.
    pub send: SendState,
    /// The search for stream descriptions.
    pub config: Search,
    /// The telephony events to send.
    pub telephony: TelephonyState,
    /// In the order they were first asked for.
    pub transmitters: Vec<TransmitterEntry>,
    /// What is due later.
    pub timers: Timers,
    /// What `stats` needs beyond rtpbin's.
    pub statistics: Statistics,
    /// IP type of service, 0 to 255.
    pub tos: u32,
    /// ms; 0 = at once, negative = never.
    pub no_rtcp_timeout: i32,
}

impl State {
    /// A session without streams; nothing is negotiated yet.
    pub fn new(media_type: MediaType) -> Self {
        Self {
            media_type,
            discovered: Arc::from([]),
            blueprints: Arc::from([]),
            caps_serial: 0,
            wishes: Wishes::new(media_type),
            outcome: Outcome::default(),
            streams: Vec::new(),
            next_stream: 1,
            next_serial: 1,
            ssrcs: SsrcMap::default(),
            substreams: BTreeMap::new(),
            demuxers: BTreeMap::new(),
            ears: BTreeMap::new(),
            send: SendState::default(),
            config: Search::default(),
            telephony: TelephonyState::default(),
            transmitters: Vec::new(),
            timers: Timers::default(),
            statistics: Statistics::default(),
            tos: 0,
            no_rtcp_timeout: 7000,
        }
    }

    /// Takes what discovery found.
    pub fn set_discovered(&mut self, blueprints: Arc<[Blueprint]>) {
        self.blueprints = blueprints.clone();
        self.discovered = blueprints;
    }

    /// What is left of the discovered with these wishes.
    fn fitting(&self, wishes: &Wishes) -> Arc<[Blueprint]> {
        let (sink, src) = (&wishes.sink_caps, &wishes.src_caps);
        if *sink == self.wishes.sink_caps && *src == self.wishes.src_caps {
            return self.blueprints.clone();
        }
        self.discovered.iter().map(|blueprint| encoded::fit(blueprint, sink, src)).collect()
    }

    /// Takes them over; all decoders have to be built again then.
    fn fit_blueprints(&mut self, fitting: Arc<[Blueprint]>) {
        if !Arc::ptr_eq(&self.blueprints, &fitting) {
            self.blueprints = fitting;
            self.caps_serial += 1;
            self.substreams.values_mut().for_each(|substream| substream.recipe = None);
        }
    }

    /// Tries a change of the wishes and takes it over if negotiation succeeds with it.
    ///
    /// # Errors
    /// As of the negotiation; the state is as before.
    pub fn renegotiate(
        &mut self,
        change: impl FnOnce(&mut Wishes),
    ) -> Result<Vec<Effect>, fs_proto::error::NegotiationError> {
        let mut wishes = self.wishes.clone();
        change(&mut wishes);
        let remotes: Vec<_> = wishes.remotes.iter().filter(|r| !r.codecs.is_empty()).cloned().collect();
        let first = self.outcome.associations.is_empty();
        let fitting = self.fitting(&wishes);
        let outcome = negotiation::negotiate(&negotiation::Inputs {
            media_type: self.media_type,
            capabilities: &judge(&fitting, &wishes),
            preferences: &wishes.preferences,
            previous: (!first).then_some(&self.outcome),
            remotes: &remotes,
            header_extensions: &wishes.header_extensions,
        })?;
        let effects = self.differences(&wishes, &outcome);
        self.fit_blueprints(fitting);
        self.wishes = wishes;
        self.outcome = outcome;
        Ok(effects)
    }

    fn differences(&self, wishes: &Wishes, outcome: &Outcome) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.wishes.preferences != wishes.preferences {
            effects.push(Effect::Notify("codec-preferences"));
        }
        if self.wishes.sink_caps != wishes.sink_caps {
            effects.push(Effect::Notify("allowed-sink-caps"));
        }
        if self.wishes.src_caps != wishes.src_caps {
            effects.push(Effect::Notify("allowed-src-caps"));
        }
        if self.wishes.header_extensions != wishes.header_extensions {
            effects.push(Effect::Notify("rtp-header-extension-preferences"));
        }
        if self.outcome.header_extensions != outcome.header_extensions {
            effects.extend([Effect::ExtensionsChanged, Effect::Notify("rtp-header-extensions")]);
        }
        for stream in &self.streams {
            let find =
                |w: &Wishes| w.remotes.iter().find(|r| r.stream == stream.id).map(|r| r.codecs.clone());
            if find(&self.wishes) != find(wishes) {
                effects.push(Effect::NotifyStream(stream.id, "remote-codecs"));
            }
            if self.outcome.stream(stream.id) != outcome.stream(stream.id) {
                effects.push(Effect::NotifyStream(stream.id, "negotiated-codecs"));
            }
        }
        if outcome.changed {
            effects.extend([
                Effect::Notify("codecs-without-config"),
                Effect::Notify("codecs"),
                Effect::CodecsChanged,
            ]);
        }
        effects.extend([Effect::RefreshSend, Effect::RefreshReceive]);
        effects
    }

    /// What discovery found, judged against the allowed caps. In the order of the blueprints.
    pub fn capabilities(&self, wishes: &Wishes) -> Vec<LocalCapability> {
        judge(&self.fitting(wishes), wishes)
    }

    /// Takes a new stream in.
    pub fn add_stream(&mut self, stream: &Stream, direction: StreamDirection) -> StreamId {
        let id = self.next_stream;
        self.next_stream += 1;
        self.streams.push(StreamEntry {
            id,
            object: stream.downgrade(),
            direction,
            end: None,
            end_pending: false,
        });
        self.wishes.remotes.push(RemoteCodecs::new(id, Vec::new()));
        id
    }

    /// The stream of that name.
    pub fn stream(&self, id: StreamId) -> Option<&StreamEntry> {
        self.streams.iter().find(|s| s.id == id)
    }

    /// The stream of that name.
    pub fn stream_mut(&mut self, id: StreamId) -> Option<&mut StreamEntry> {
        self.streams.iter_mut().find(|s| s.id == id)
    }

    /// The object of a stream, if it is still used.
    pub fn stream_object(&self, id: StreamId) -> Option<Stream> {
        self.stream(id).and_then(|s| s.object.upgrade())
    }

    /// Forgets a stream. The negotiated list stays until the next negotiation. Its end of the transmitter.
    pub fn remove_stream(&mut self, id: StreamId) -> Option<StreamEnd> {
        let index = self.streams.iter().position(|s| s.id == id)?;
        let entry = self.streams.remove(index);
        self.wishes.remotes.retain(|r| r.stream != id);
        self.ssrcs.remove_stream(id);
        entry.end
    }

    /// What the peer of a stream offered or answered; empty if nothing was set.
    pub fn remote_codecs(&self, id: StreamId) -> &[Codec] {
        self.wishes.remotes.iter().find(|r| r.stream == id).map_or(&[], |r| &r.codecs)
    }

    /// Whether any peer has said what it can do.
    pub fn has_remote_codecs(&self) -> bool {
        self.wishes.remotes.iter().any(|r| !r.codecs.is_empty())
    }

    /// What to send with now; `None` while no peer has said what it can do.
    pub fn wanted_send(&mut self) -> Option<Association> {
        if !self.has_remote_codecs() {
            return None;
        }
        let chosen = self.outcome.associations.choose_send(self.send.requested.as_ref()).cloned();
        if let (Some(requested), Some(chosen)) = (&self.send.requested, &chosen) {
            let kept = self.outcome.associations.lookup(requested).is_some_and(|a| a == chosen);
            if !kept {
                self.send.requested = None;
            }
        }
        chosen
    }

    /// Whether media may leave: some stream sends, has a transmitter, and there is something to encode with.
    pub fn may_send(&self) -> bool {
        self.send.current.is_some() && self.streams.iter().any(|s| s.direction.send && s.end.is_some())
    }

    /// The codec that decodes a payload type on that stream, and how to build its decoder.
    pub fn recv_codec(&self, stream: Option<StreamId>, pt: u8) -> Option<(Codec, Recipe)> {
        let association = self.outcome.associations.lookup_by_pt(pt)?;
        let described = stream
            .and_then(|id| self.outcome.stream(id))
            .and_then(|codecs| codecs.iter().find(|c| c.id == i32::from(pt)));
        Some((described.unwrap_or(&association.codec).clone(), Recipe::recv(association)?))
    }

    /// The stream an SSRC belongs to, or must belong to because there is no other.
    pub fn owner(&self, ssrc: u32) -> Option<StreamId> {
        let only = || match self.streams.as_slice() {
            [only] => Some(only.id),
            _ => None,
        };
        self.ssrcs.get(ssrc).or_else(only)
    }

    /// Takes a new substream in; one that had its key before comes back to be taken down.
    pub fn add_substream(&mut self, key: SubstreamKey, parts: Parts) -> Option<Substream> {
        self.next_serial += 1;
        self.substreams.insert(key, Substream::new(parts, self.next_serial))
    }

    /// Takes a substream out.
    pub fn remove_substream(&mut self, key: SubstreamKey) -> Option<Substream> {
        let gone = self.substreams.remove(&key);
        if !self.has_substreams(key.0) {
            self.demuxers.remove(&key.0);
        }
        gone
    }

    /// Gives substreams without a stream to the one their SSRC belongs to. Their keys.
    pub fn claim_substreams(&mut self, ssrc: u32) -> Vec<SubstreamKey> {
        let Some(stream) = self.ssrcs.get(ssrc) else { return Vec::new() };
        let of_ssrc = self.substreams.range_mut((ssrc, 0)..=(ssrc, u8::MAX));
        of_ssrc
            .filter(|(_, substream)| substream.stream.is_none())
            .map(|(key, substream)| {
                substream.stream = Some(stream);
                *key
            })
            .collect()
    }

    /// Whether rtpbin has a pad of that SSRC.
    pub fn has_substreams(&self, ssrc: u32) -> bool {
        self.substreams.range((ssrc, 0)..=(ssrc, u8::MAX)).next().is_some()
    }

    /// Whether what arrives on a substream goes on to its decoder.
    pub fn may_receive(&self, substream: &Substream) -> bool {
        substream.stream.and_then(|id| self.stream(id)).is_some_and(|s| s.direction.recv)
    }

    /// Sets every valve as the directions of the streams ask.
    pub fn set_valves(&self, valve_send: Option<&gst::Element>) {
        if let Some(valve) = valve_send {
            valve.set_property("drop", !self.may_send());
        }
        for substream in self.substreams.values() {
            substream.parts.input_valve.set_property("drop", !self.may_receive(substream));
        }
    }

    /// What a stream's pads decode now, without repetition; `first` stands first.
    pub fn current_recv_codecs(&self, stream: StreamId, first: Option<&Codec>) -> Vec<Codec> {
        let mut codecs: Vec<Codec> = first.cloned().into_iter().collect();
        let used = self.substreams.values().filter(|s| s.stream == Some(stream) && s.has_pad());
        for codec in used.filter_map(|s| s.codec.as_ref()) {
            if !codecs.contains(codec) {
                codecs.push(codec.clone());
            }
        }
        codecs
    }

    /// Clock rate of what is sent, in Hz.
    pub fn send_rate(&self) -> Option<u32> {
        self.send.current.as_ref().map(|current| current.association.codec.clock_rate)
    }

    /// Shortest time between regular RTCP packets in ms: 5 s, or what the codecs in use ask (`trr-int`).
    pub fn rtcp_min_interval(&self) -> u32 {
        let sent = self.send.current.as_ref().map(|c| &c.association.codec);
        let received = self.substreams.values().filter_map(|s| s.codec.as_ref());
        sent.into_iter()
            .chain(received)
            .filter_map(|c| c.minimum_reporting_interval)
            .min()
            .unwrap_or(5000)
            .min(5000)
    }
}

fn judge(blueprints: &[Blueprint], wishes: &Wishes) -> Vec<LocalCapability> {
    let judge = |blueprint: &Blueprint| LocalCapability {
        codec: blueprint.codec.clone(),
        can_send: blueprint.can_send(),
        can_recv: blueprint.can_recv(),
        sink_caps_allowed: blueprint.input_caps.can_intersect(&wishes.sink_caps),
        src_caps_allowed: blueprint.output_caps.can_intersect(&wishes.src_caps),
    };
    blueprints.iter().map(judge).collect()
}
