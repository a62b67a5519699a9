//! Implementation of `FsRtpSession`: the object, its properties, its end. The work is done by its siblings.
//!
//! Locks: `state` (see [`super::state`]); `graph` and `construct` are taken for a copy only; `swapping` keeps
//! codec bins from being replaced by two threads at once, `making_transmitter` does the same for transmitters.
//! The last two are held across calls into GStreamer and taken before `state`, never inside it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fs_core::prelude::*;
use fs_core::{
    CodecList, CodecValue, Error, Participant, RtpHeaderExtensionList, Stream, Transmitter, enums,
};
use fs_proto::{Codec, MediaType, StreamDirection};
use glib::subclass::prelude::*;
use gst::prelude::*;
use once_cell::sync::Lazy;

use super::crypto::Crypto;
use super::disposed;
use super::graph::Graph;
use super::send::SendBin;
use super::ssrc_map::StreamId;
use super::state::State;
use super::telephony::Player;
use super::transmitters::{StreamEnd, TransmitterEntry};
use crate::debug::CONFERENCE as CAT;
use crate::rtp::conference::Conference;
use crate::rtp::packet_modder::PacketModder;
use crate::rtp::stats::Received;
use crate::rtp::substream::{OutputPad, Substream};
use crate::rtp::tfrc::{RTCP_INTERVAL_MS, RateControl};
use crate::rtp::{discovery, element, participant, stream};

#[derive(Default)]
struct Construct {
    conference: Option<Conference>,
    media_type: MediaType,
    id: u32,
}

pub struct Session {
    construct: Mutex<Construct>,
    state: Mutex<State>,
    graph: Mutex<Option<Arc<Graph>>>,
    swapping: Mutex<()>,
    player: Mutex<Option<Player>>,
    making_transmitter: Mutex<()>,
    crypto: Crypto,
    rate: RateControl,
    gone: AtomicBool,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            construct: Mutex::default(),
            state: Mutex::new(State::new(MediaType::default())),
            graph: Mutex::default(),
            swapping: Mutex::default(),
            player: Mutex::default(),
            making_transmitter: Mutex::default(),
            crypto: Crypto::default(),
            rate: RateControl::default(),
            gone: AtomicBool::new(false),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a destroyed session leaves to be stopped.
struct Remains {
    graph: Option<Arc<Graph>>,
    ends: Vec<StreamEnd>,
    substreams: Vec<Substream>,
    transmitters: Vec<TransmitterEntry>,
    send: Option<SendBin>,
    modder: Option<PacketModder>,
    player: Option<Player>,
}

impl Remains {
    /// Stops input first, so that nothing waits for what is gone.
    fn take_down(self) {
        self.ends.iter().for_each(|end| end.transmitter.stop());
        self.transmitters.iter().for_each(TransmitterEntry::take_down);
        self.substreams.into_iter().for_each(Substream::take_down);
        self.player.into_iter().for_each(Player::take_down);
        if let Some(graph) = self.graph {
            graph.take_down();
        }
        if let Some(send) = self.send {
            element::remove(&send.bin);
        }
        self.modder.iter().for_each(element::remove);
    }
}

impl Session {
    pub(in crate::rtp) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(super) fn swapping(&self) -> MutexGuard<'_, ()> {
        lock(&self.swapping)
    }

    /// The elements that send telephony events, see [`super::telephony`].
    pub(super) fn player(&self) -> MutexGuard<'_, Option<Player>> {
        lock(&self.player)
    }

    pub(super) fn making_transmitter(&self) -> MutexGuard<'_, ()> {
        lock(&self.making_transmitter)
    }

    pub(super) fn crypto(&self) -> &Crypto {
        &self.crypto
    }

    pub(in crate::rtp) fn rate_control(&self) -> &RateControl {
        &self.rate
    }

    /// The static elements; `None` before set-up and after the end.
    pub(in crate::rtp) fn graph(&self) -> Option<Arc<Graph>> {
        lock(&self.graph).clone()
    }

    /// The conference; `None` once destroyed.
    pub(in crate::rtp) fn conference(&self) -> Option<Conference> {
        lock(&self.construct).conference.clone()
    }

    /// The session's number.
    pub(in crate::rtp) fn id(&self) -> u32 {
        lock(&self.construct).id
    }

    pub(in crate::rtp) fn media_type(&self) -> MediaType {
        lock(&self.construct).media_type
    }

    pub(super) fn is_disposed(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Finds codecs, builds the elements, negotiates with nobody yet.
    pub(super) fn set_up(&self) -> Result<(), glib::Error> {
        let conference = self.conference().ok_or_else(disposed)?;
        let rtpbin = conference.imp().needs_rtpbin()?;
        let blueprints = discovery::blueprints(self.media_type())?;
        *self.state() = State::new(self.media_type());
        self.state().set_discovered(blueprints);
        let graph = Graph::build(conference.upcast_ref(), &rtpbin, self.id(), self.media_type())?;
        if let Some(pad) = graph.send_rtp_sink() {
            let weak = self.obj().downgrade();
            pad.connect_notify(Some("caps"), move |_, _| {
                weak.upgrade().into_iter().for_each(|session| session.notify("ssrc"));
            });
        }
        self.watch_config(&graph);
        self.watch_gate(&graph);
        if let Some(internal) =
            graph.internal_session.as_ref().filter(|_| self.media_type() == MediaType::Video)
        {
            self.watch_key_requests(internal);
        }
        *lock(&self.graph) = Some(Arc::new(graph));
        conference.imp().register(&self.obj());
        self.renegotiate(|_| {})
    }

    /// Posts a message of the conference. No lock of the session may be held.
    pub(in crate::rtp) fn post(&self, structure: gst::Structure) {
        if let Some(conference) = self.conference() {
            let message = gst::message::Element::builder(structure).src(&conference).build();
            // Without a bus nobody listens, which is the application's choice.
            let _ = conference.post_message(message);
        }
    }

    /// rtpbin's `RTPSession`.
    pub(in crate::rtp) fn internal_session(&self) -> Option<glib::Object> {
        self.graph().and_then(|graph| graph.internal_session.clone()).map(|internal| internal.0)
    }

    pub(super) fn clear_pt_map(&self) {
        if let Some(rtpbin) = self.conference().and_then(|c| c.rtpbin()) {
            rtpbin.emit_by_name::<()>("clear-pt-map", &[]);
        }
    }

    pub(in crate::rtp) fn request_key_unit(&self) {
        if self.media_type() == MediaType::Video
            && let Some(graph) = self.graph()
        {
            graph.request_key_unit();
        }
    }

    pub(super) fn update_valves(&self) {
        if let Some(graph) = self.graph() {
            self.state().set_valves(Some(&graph.valve_send));
        }
    }

    pub(in crate::rtp) fn update_rtcp_interval(&self) {
        let Some(internal) = self.internal_session() else { return };
        let longest = if self.rate.is_on() { RTCP_INTERVAL_MS } else { u32::MAX };
        let interval = u64::from(self.state().rtcp_min_interval().min(longest)) * 1_000_000;
        if internal.property::<u64>("rtcp-min-interval") != interval {
            internal.set_property("rtcp-min-interval", interval);
        }
    }

    /// `direction` of a stream changed.
    pub(in crate::rtp) fn set_stream_direction(&self, id: StreamId, direction: StreamDirection) {
        let end = {
            let mut state = self.state();
            let Some(entry) = state.stream_mut(id) else { return };
            entry.direction = direction;
            entry.end.clone()
        };
        self.update_valves();
        if let Some(end) = end {
            end.transmitter.set_sending(direction.send);
            if direction.send {
                self.request_key_unit();
            }
        }
    }

    /// A stream was destroyed: its pads go, its SSRCs belong to nobody.
    pub(in crate::rtp) fn remove_stream(&self, id: StreamId) {
        let (end, pads) = {
            let mut state = self.state();
            let mut pads = Vec::new();
            for substream in state.substreams.values_mut().filter(|s| s.stream == Some(id)) {
                substream.stream = None;
                if let OutputPad::Present(pad) = std::mem::take(&mut substream.pad) {
                    pads.push((substream.parts.clone(), pad));
                }
            }
            (state.remove_stream(id), pads)
        };
        self.crypto.remove_stream(id);
        self.update_valves();
        for (parts, pad) in pads {
            parts.remove_output_pad(&pad);
        }
        if let Some(end) = end {
            end.transmitter.stop();
        }
    }

    /// The SSRC that is sent; 0 while unknown.
    pub(super) fn sent_ssrc(&self) -> u32 {
        let caps = self.graph().and_then(|g| g.send_rtp_sink()).and_then(|pad| pad.current_caps());
        caps.and_then(|caps| caps.structure(0)?.get::<u32>("ssrc").ok()).unwrap_or_default()
    }

    fn set_ssrc(&self, ssrc: u32) {
        if let Some(internal) = self.internal_session() {
            internal.set_property("internal-ssrc", ssrc);
            self.obj().notify("ssrc");
        }
    }

    fn take_remains(&self) -> Remains {
        let graph = lock(&self.graph).take();
        let player = self.end_telephony();
        let mut state = self.state();
        state.timers.clear();
        if let Some(graph) = &graph {
            graph.valve_send.set_property("drop", true);
        }
        let streams = std::mem::take(&mut state.streams);
        Remains {
            graph,
            ends: streams.into_iter().filter_map(|s| s.end).collect(),
            substreams: std::mem::take(&mut state.substreams).into_values().collect(),
            transmitters: std::mem::take(&mut state.transmitters),
            send: state.send.current.take(),
            modder: self.rate.end(),
            player,
        }
    }
}

#[glib::object_subclass]
impl ObjectSubclass for Session {
    const NAME: &'static str = "FsRtpSession";
    type Type = super::Session;
    type ParentType = fs_core::Session;
}

fn own_properties() -> Vec<glib::ParamSpec> {
    vec![
        glib::ParamSpecInt::builder("no-rtcp-timeout")
            .nick("Wait for RTCP")
            .blurb("How long to wait for RTCP before data goes to the only stream, in ms (0 = not, -1 = for ever)")
            .minimum(-1)
            .default_value(7000)
            .build(),
        glib::ParamSpecUInt::builder("ssrc").nick("SSRC").blurb("SSRC that is sent, 0 while unknown").build(),
        glib::ParamSpecUInt::builder("send-bitrate")
            .nick("Send bit rate")
            .blurb("Bit rate the encoders shall keep to, in bit/s")
            .build(),
        glib::ParamSpecBoxed::builder::<RtpHeaderExtensionList>("rtp-header-extensions")
            .nick("RTP header extensions")
            .blurb("The negotiated RTP header extensions")
            .read_only()
            .build(),
        glib::ParamSpecBoxed::builder::<RtpHeaderExtensionList>("rtp-header-extension-preferences")
            .nick("Wanted RTP header extensions")
            .blurb("The RTP header extensions to negotiate")
            .build(),
        glib::ParamSpecObject::builder::<glib::Object>("internal-session")
            .nick("Internal session")
            .blurb("The RTPSession of rtpbin")
            .read_only()
            .build(),
        crate::statistics::property(),
    ]
}

impl ObjectImpl for Session {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(|| {
            let base = [
                "conference",
                "media-type",
                "id",
                "sink-pad",
                "codec-preferences",
                "codecs",
                "codecs-without-config",
                "current-send-codec",
                "tos",
                "allowed-sink-caps",
                "allowed-src-caps",
                "encryption-parameters",
            ];
            let overridden = base.into_iter().map(glib::ParamSpecOverride::for_class::<fs_core::Session>);
            overridden.chain(own_properties()).collect()
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        match pspec.name() {
            "conference" => {
                let conference = value.get::<Option<fs_core::Conference>>().ok().flatten();
                lock(&self.construct).conference = conference.and_then(|c| c.downcast().ok());
            }
            "media-type" => {
                lock(&self.construct).media_type =
                    value.get::<enums::MediaType>().map(Into::into).unwrap_or_default();
            }
            "id" => lock(&self.construct).id = value.get().unwrap_or_default(),
            _ if self.is_disposed() => {}
            "tos" => self.set_tos(value.get().unwrap_or_default()),
            "no-rtcp-timeout" => self.state().no_rtcp_timeout = value.get().unwrap_or(7000),
            "ssrc" => self.set_ssrc(value.get().unwrap_or_default()),
            "send-bitrate" => self.set_send_bitrate(value.get().unwrap_or_default()),
            "rtp-header-extension-preferences" => {
                self.prefer_extensions(
                    value.get::<RtpHeaderExtensionList>().map(|l| l.0).unwrap_or_default(),
                );
            }
            _ => {}
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "conference" => self.conference().map(|c| c.upcast::<fs_core::Conference>()).to_value(),
            "media-type" => enums::MediaType::from(self.media_type()).to_value(),
            "id" => self.id().to_value(),
            "sink-pad" => self.graph().map(|g| g.sink_pad.clone().upcast::<gst::Pad>()).to_value(),
            "internal-session" => self.internal_session().to_value(),
            "ssrc" => self.sent_ssrc().to_value(),
            "stats" => self.statistics(&mut Received::default()).to_value(),
            "codec-preferences" => CodecList(self.state().wishes.preferences.clone()).to_value(),
            "codecs" => CodecList(self.state().outcome.associations.codecs().unwrap_or_default()).to_value(),
            "codecs-without-config" => {
                CodecList(self.state().outcome.associations.codecs_without_config()).to_value()
            }
            "current-send-codec" => {
                let state = self.state();
                let codec = state.send.current.as_ref().map(|c| CodecValue(c.association.codec.clone()));
                codec.to_value()
            }
            "encryption-parameters" => self.crypto.asked().to_value(),
            "tos" => self.state().tos.to_value(),
            "allowed-sink-caps" => self.state().wishes.sink_caps.to_value(),
            "allowed-src-caps" => self.state().wishes.src_caps.to_value(),
            "no-rtcp-timeout" => self.state().no_rtcp_timeout.to_value(),
            "send-bitrate" => self.state().send.bitrate.to_value(),
            "rtp-header-extensions" => {
                RtpHeaderExtensionList(self.state().outcome.header_extensions.clone()).to_value()
            }
            "rtp-header-extension-preferences" => {
                RtpHeaderExtensionList(self.state().wishes.header_extensions.clone()).to_value()
            }
            _ => pspec.default_value().clone(),
        }
    }

    /// `fs_session_destroy`, or the last reference went.
    fn dispose(&self) {
        if self.is_disposed() {
            return;
        }
        let conference = self.conference();
        let streaming = conference.as_ref().is_some_and(Conference::is_streaming_thread);
        if streaming && self.obj().ref_count() > 1 {
            gst::error!(CAT, "session {} can't be destroyed in a streaming thread", self.id());
            crate::streaming_threads::refuse("fs_session_destroy");
            return;
        }
        self.gone.store(true, Ordering::Release);
        let streams: Vec<_> = self.state().streams.iter().filter_map(|s| s.object.upgrade()).collect();
        for stream in streams {
            stream.destroy();
        }
        let remains = self.take_remains();
        match &conference {
            // The last reference went here by chance: another thread does the work that waits for this one.
            Some(conference) if streaming => conference.call_async(move |_| remains.take_down()),
            _ => remains.take_down(),
        }
        if let Some(conference) = &conference {
            conference.imp().unregister(self.id());
        }
        lock(&self.construct).conference = None;
    }
}

impl SessionImpl for Session {
    fn new_stream(
        &self,
        participant: &Participant,
        direction: StreamDirection,
    ) -> Result<Stream, glib::Error> {
        if self.is_disposed() {
            return Err(disposed());
        }
        let participant = participant.downcast_ref::<participant::Participant>().ok_or_else(|| {
            let text = format!("a participant of type {} is none of an RTP conference", participant.type_());
            glib::Error::new(Error::InvalidArguments, &text)
        })?;
        let stream = stream::Stream::new(&self.obj(), participant, direction);
        let id = self.state().add_stream(&stream, direction);
        stream.set_id(id);
        self.crypto.owners_changed();
        Ok(stream.upcast())
    }

    fn start_telephony_event(&self, event: u8, volume: u8) -> bool {
        self.start_event(event, volume)
    }

    fn stop_telephony_event(&self) -> bool {
        self.stop_event()
    }

    fn set_send_codec(&self, codec: &Codec) -> Result<(), glib::Error> {
        if self.is_disposed() { Err(disposed()) } else { self.request_send_codec(codec) }
    }

    fn set_codec_preferences(&self, preferences: &[Codec]) -> Result<(), glib::Error> {
        self.prefer(preferences)
    }

    fn list_transmitters(&self) -> Vec<String> {
        Transmitter::list_available()
    }

    fn stream_transmitter_type(&self, transmitter: &str) -> glib::Type {
        self.type_of_stream_transmitter(transmitter)
    }

    fn codecs_need_resend(&self, old: &[Codec], new: &[Codec]) -> Vec<Codec> {
        self.need_resend(old, new)
    }

    fn set_allowed_caps(&self, sink: Option<&gst::Caps>, src: Option<&gst::Caps>) -> Result<(), glib::Error> {
        self.allow_caps(sink, src)
    }

    fn set_encryption_parameters(&self, parameters: Option<&gst::StructureRef>) -> Result<(), glib::Error> {
        self.encrypt_with(parameters)
    }
}
