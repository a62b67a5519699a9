//! The media engine that drives a Farstream conference: the one file of this crate that knows GStreamer.
//!
//! It meets the conference by its element name and the abstract classes of `fs-core`, so any implementation of
//! `fsrtpconference` will do. Each session gets a conference of its own in the container, which is a pipeline or
//! another bin, and each of its streams a session of that conference; so sound and pictures of a peer stay together. The
//! application links its media to the pads that a [`PadHandler`] is given.
//!
//! A pipeline's bus is listened to directly. Another bin hands the messages of its children to
//! [`FarstreamBackend::handle_message`].

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use fs_core::messages::{self, Parsed};
use fs_core::prelude::*;
use fs_core::{CandidateList, Conference, Participant, RtpHeaderExtensionList, Session, Stream};
use fs_proto::{
    Candidate, CandidateType, Codec, ComponentType, MediaType, RtpHeaderExtension, SrtpParameters,
    StreamDirection,
};
use glib::prelude::*;
use gst::prelude::*;

use super::preferences::{TELEPHONE_EVENT, preferences};
use super::{
    Backend, Fault, IceSettings, Media, MediaError, MediaEvent, MediaEvents, MediaSettings, MediaStatistics,
    SessionId, Transmitter,
};
use crate::sdp::codecs::summary;

/// The element that implements conferences over RTP.
const CONFERENCE: &str = "fsrtpconference";
/// Properties of the conference's sessions and streams beyond those of the base classes.
const PREFERRED_EXTENSIONS: &str = "rtp-header-extension-preferences";
const EXTENSIONS: &str = "rtp-header-extensions";
const RTCP_MUX: &str = "send-rtcp-mux";
const SEND_BITRATE: &str = "send-bitrate";
const NO_RTCP_TIMEOUT: &str = "no-rtcp-timeout";

const LOCAL_CANDIDATES: &str = "preferred-local-candidates";

/// How loud digits are, in -dBm0.
const DIGIT_VOLUME: u8 = 10;

/// Is given the pads of each stream. Called from threads of the media engine, with no lock held.
pub trait PadHandler: Send + Sync {
    /// A stream is open: raw media for the peer goes into `sink`.
    fn opened(&self, session: SessionId, kind: MediaType, sink: &gst::Pad);

    /// The peer is about to be heard or seen: link `pad` before returning, or its first media is lost.
    fn source_added(&self, session: SessionId, kind: MediaType, pad: &gst::Pad, codec: &Codec);

    /// The stream is about to be closed: unlink its pads.
    fn closing(&self, session: SessionId, kind: MediaType);
}

/// Where the messages of one stream go.
#[derive(Debug)]
struct Route {
    session: Session,
    stream: Stream,
    events: MediaEvents,
}

type Routes = Arc<Mutex<Vec<Route>>>;

/// The conference of one session, and the peer in it; in the container until the last of its streams is closed.
struct Room {
    id: SessionId,
    container: gst::Bin,
    conference: Conference,
    participant: Participant,
}

impl Room {
    fn open(container: gst::Bin, id: SessionId) -> Result<Self, MediaError> {
        let conference = gst::ElementFactory::make(CONFERENCE)
            .build()
            .map_err(|error| MediaError::new(Fault::Construction, format!("element {CONFERENCE}: {error}")))?
            .downcast::<Conference>()
            .map_err(|_| MediaError::new(Fault::Construction, format!("{CONFERENCE} is no FsConference")))?;
        let broken = |what: &str, error: glib::BoolError| {
            MediaError::new(Fault::Construction, format!("{what} the {CONFERENCE}: {error}"))
        };
        container.add(&conference).map_err(|error| broken("can't add", error))?;
        let participant = conference.new_participant().map_err(fault);
        let start = conference.sync_state_with_parent();
        // From here on, dropping takes it out of the container.
        let room = Self { id, container, conference, participant: participant? };
        start.map_err(|error| broken("can't start", error))?;
        Ok(room)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // Keeps the container from starting it again while it is being taken out.
        self.conference.set_locked_state(true);
        if self.conference.set_state(gst::State::Null).is_err()
            || self.container.remove(&self.conference).is_err()
        {
            tracing::warn!(target: "fs::sip::media", "the conference of session {} did not close", self.id.0);
        }
    }
}

/// The media engine over Farstream.
pub struct FarstreamBackend {
    container: glib::WeakRef<gst::Bin>,
    pads: Arc<dyn PadHandler>,
    routes: Routes,
    rooms: Mutex<HashMap<SessionId, Weak<Room>>>,
}

impl FarstreamBackend {
    /// An engine that puts its conferences into `container`.
    #[must_use]
    pub fn new(container: &gst::Bin, pads: Arc<dyn PadHandler>) -> Self {
        let routes = Routes::default();
        if let Some(bus) = container.downcast_ref::<gst::Pipeline>().and_then(ElementExt::bus) {
            let routes = Arc::clone(&routes);
            bus.enable_sync_message_emission();
            bus.connect_sync_message(Some("element"), move |_, message| dispatch(&routes, message));
        }
        Self { container: container.downgrade(), pads, routes, rooms: Mutex::default() }
    }

    /// The conference of a session; made for its first stream.
    fn room(&self, id: SessionId) -> Result<Arc<Room>, MediaError> {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.retain(|_, room| room.strong_count() > 0);
        if let Some(room) = rooms.get(&id).and_then(Weak::upgrade) {
            return Ok(room);
        }
        let container = self.container.upgrade();
        let container = container.ok_or_else(|| MediaError::new(Fault::Misuse, "the container is gone"))?;
        let room = Arc::new(Room::open(container, id)?);
        rooms.insert(id, Arc::downgrade(&room));
        Ok(room)
    }

    /// Takes note of a message of the container's children. Any message may be given; it stays what it is.
    pub fn handle_message(&self, message: &gst::Message) {
        dispatch(&self.routes, message);
    }
}

impl std::fmt::Debug for FarstreamBackend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FarstreamBackend")
            .field("container", &self.container.upgrade())
            .finish_non_exhaustive()
    }
}

impl Backend for FarstreamBackend {
    fn open(&self, settings: &MediaSettings, events: MediaEvents) -> Result<Box<dyn Media>, MediaError> {
        let mut media = FarstreamMedia {
            id: settings.session,
            kind: settings.kind,
            room: Some(self.room(settings.session)?),
            session: None,
            stream: None,
            can_mux_rtcp: false,
            pads: Arc::clone(&self.pads),
            routes: Arc::clone(&self.routes),
        };
        // On an error the value is dropped, and with that closed.
        media.build(settings, events)?;
        Ok(Box::new(media))
    }
}

/// One session of a conference, with one stream.
struct FarstreamMedia {
    id: SessionId,
    kind: MediaType,
    /// `None` once closed.
    room: Option<Arc<Room>>,
    session: Option<Session>,
    stream: Option<Stream>,
    can_mux_rtcp: bool,
    pads: Arc<dyn PadHandler>,
    routes: Routes,
}

impl FarstreamMedia {
    fn build(&mut self, settings: &MediaSettings, events: MediaEvents) -> Result<(), MediaError> {
        let room = self.room.clone().ok_or_else(closed)?;
        let session = room.conference.new_session(self.kind).map_err(fault)?;
        self.session = Some(session.clone());
        choose_codecs(&session, &settings.codecs)?;
        if session.find_property(PREFERRED_EXTENSIONS).is_some() {
            let list = RtpHeaderExtensionList(settings.header_extensions.clone());
            session.set_property(PREFERRED_EXTENSIONS, list);
        }
        if session.find_property(NO_RTCP_TIMEOUT).is_some() {
            // There is one stream in the session: what comes from an address that the peer did not name, as behind a NAT,
            // is the peer's all the same.
            session.set_property(NO_RTCP_TIMEOUT, 0i32);
        }
        let stream = session.new_stream(&room.participant, StreamDirection::NONE).map_err(fault)?;
        self.stream = Some(stream.clone());

        let (pads, id, kind, sources) = (Arc::clone(&self.pads), self.id, self.kind, events.clone());
        stream.connect_src_pad_added(move |_, pad, codec| {
            // Its tones are for those who mix them in; the sound goes on at the pad it came from.
            if codec.is_encoding(TELEPHONE_EVENT) {
                return;
            }
            sources.send(MediaEvent::SourceAdded(codec.clone()));
            pads.source_added(id, kind, pad, codec);
        });
        let route = Route { session: session.clone(), stream: stream.clone(), events };
        lock(&self.routes).push(route);
        let (transmitter, parameters) = transmitter(settings);
        stream.set_transmitter(transmitter, &parameters).map_err(fault)?;
        // What the transmitter can't do, the property does not take.
        self.set_rtcp_mux(true);
        self.can_mux_rtcp = stream.find_property(RTCP_MUX).is_some() && stream.property::<bool>(RTCP_MUX);
        self.set_rtcp_mux(false);
        self.pads.opened(self.id, self.kind, &session.sink_pad());
        Ok(())
    }

    fn session(&self) -> Result<&Session, MediaError> {
        self.session.as_ref().ok_or_else(closed)
    }

    fn stream(&self) -> Result<&Stream, MediaError> {
        self.stream.as_ref().ok_or_else(closed)
    }

    /// Sets a property of the stream that other implementations of conferences may not have.
    fn set_if_there(&self, name: &str, value: impl Into<glib::Value>) {
        if let Some(stream) = self.stream.as_ref().filter(|stream| stream.find_property(name).is_some()) {
            stream.set_property_from_value(name, &value.into());
        }
    }
}

impl Media for FarstreamMedia {
    fn codecs(&mut self) -> Result<Vec<Codec>, MediaError> {
        let codecs = self.session()?.codecs_without_config();
        if codecs.is_empty() {
            return Err(MediaError::new(Fault::NoCodecs, "the session has no codec"));
        }
        Ok(codecs)
    }

    fn set_remote_codecs(&mut self, codecs: &[Codec]) -> Result<(), MediaError> {
        self.stream()?.set_remote_codecs(codecs).map_err(fault)
    }

    fn header_extensions(&mut self) -> Vec<RtpHeaderExtension> {
        let session = self.session.as_ref().filter(|s| s.find_property(EXTENSIONS).is_some());
        session.map(|s| s.property::<RtpHeaderExtensionList>(EXTENSIONS).0).unwrap_or_default()
    }

    fn set_remote_header_extensions(&mut self, extensions: &[RtpHeaderExtension]) {
        self.set_if_there(EXTENSIONS, RtpHeaderExtensionList(extensions.to_vec()));
    }

    fn can_mux_rtcp(&mut self) -> bool {
        self.can_mux_rtcp
    }

    fn set_rtcp_mux(&mut self, mux: bool) {
        self.set_if_there(RTCP_MUX, mux);
    }

    fn set_remote_candidates(&mut self, candidates: &[Candidate]) -> Result<(), MediaError> {
        let stream = self.stream()?;
        match candidates.iter().any(|candidate| !candidate.username.is_empty()) {
            true => stream.add_remote_candidates(candidates).map_err(fault),
            false => stream.force_remote_candidates(candidates).map_err(fault),
        }
    }

    fn restart_ice(&mut self) -> Result<(), MediaError> {
        self.stream()?.add_remote_candidates(&[]).map_err(fault)
    }

    fn set_encryption(&mut self, keys: Option<(&SrtpParameters, &SrtpParameters)>) -> Result<(), MediaError> {
        let (session, stream) = (self.session()?, self.stream()?);
        let (ours, theirs) = keys.map(|(ours, theirs)| (srtp(ours), srtp(theirs))).unzip();
        session.set_encryption_parameters(ours.as_deref()).map_err(fault)?;
        stream.set_decryption_parameters(theirs.as_deref()).map_err(fault)?;
        self.set_if_there("require-encryption", keys.is_some());
        Ok(())
    }

    fn set_bandwidth(&mut self, bits: u32) {
        if let Some(session) = self.session.as_ref().filter(|s| s.find_property(SEND_BITRATE).is_some()) {
            session.set_property(SEND_BITRATE, bits);
        }
    }

    fn set_direction(&mut self, direction: StreamDirection) {
        if let Some(stream) = &self.stream {
            stream.set_direction(direction);
        }
    }

    fn start_digit(&mut self, event: u8) -> bool {
        let can = |codec: &Codec| codec.is_encoding(TELEPHONE_EVENT);
        let session = self.session.as_ref().filter(|s| s.codecs_without_config().iter().any(can));
        session.is_some_and(|session| session.start_telephony_event(event, DIGIT_VOLUME))
    }

    fn stop_digit(&mut self) {
        if let Some(session) = &self.session {
            // Nothing is to be stopped when the start was refused.
            let _ = session.stop_telephony_event();
        }
    }

    fn statistics(&mut self) -> MediaStatistics {
        self.session.as_ref().and_then(statistics).unwrap_or_default()
    }

    fn close(&mut self) {
        let Some(room) = self.room.take() else { return };
        self.pads.closing(self.id, self.kind);
        if let Some(stream) = self.stream.take() {
            lock(&self.routes).retain(|route| route.stream != stream);
            stream.destroy();
        }
        if let Some(session) = self.session.take() {
            session.destroy();
        }
        drop(room);
    }
}

impl Drop for FarstreamMedia {
    fn drop(&mut self) {
        self.close();
    }
}

fn lock(routes: &Routes) -> MutexGuard<'_, Vec<Route>> {
    routes.lock().unwrap_or_else(PoisonError::into_inner)
}

fn closed() -> MediaError {
    MediaError::new(Fault::Misuse, "the stream is closed")
}

/// Sorts an error of the conference by fault.
fn fault(error: glib::Error) -> MediaError {
    let kind = match error.kind::<fs_core::Error>() {
        Some(fs_core::Error::Construction) => Fault::Construction,
        Some(fs_core::Error::Network | fs_core::Error::ConnectionFailed) => Fault::Network,
        Some(fs_core::Error::NegotiationFailed) => Fault::Negotiation,
        Some(fs_core::Error::NoCodecs | fs_core::Error::NoCodecsLeft) => Fault::NoCodecs,
        Some(fs_core::Error::InvalidArguments | fs_core::Error::Disposed) => Fault::Misuse,
        _ => Fault::Internal,
    };
    MediaError::new(kind, error.message())
}

/// Puts the wanted codecs first and switches the others off.
fn choose_codecs(session: &Session, wanted: &[Codec]) -> Result<(), MediaError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let present = session.codecs_without_config();
    let preferences = preferences(&present, wanted)?;
    session.set_codec_preferences(&preferences).map_err(|error| {
        let text =
            format!("wanted: {}; we have: {}: {}", summary(wanted), summary(&present), error.message());
        MediaError::new(Fault::NoCodecs, text)
    })
}

/// The structure that says how to encrypt or decrypt.
fn srtp(parameters: &SrtpParameters) -> gst::Structure {
    let mut structure = gst::Structure::builder("FarstreamSRTP")
        .field("rtp-cipher", parameters.rtp.cipher.nick())
        .field("rtp-auth", parameters.rtp.auth.nick())
        .field("rtcp-cipher", parameters.rtcp.cipher.nick())
        .field("rtcp-auth", parameters.rtcp.auth.nick())
        .field("replay-window-size", parameters.replay_window)
        .build();
    for (number, key) in (1..).zip(&parameters.keys) {
        let suffix = if number == 1 { String::new() } else { number.to_string() };
        structure.set(format!("key{suffix}"), gst::Buffer::from_slice(key.key.clone()));
        if !key.mki.is_empty() {
            structure.set(format!("mki{suffix}"), gst::Buffer::from_slice(key.mki.clone()));
        }
    }
    structure
}

type Parameters = Vec<(String, glib::Value)>;

/// The transmitter and its parameters.
fn transmitter(settings: &MediaSettings) -> (&'static str, Parameters) {
    let ip = settings.local_ip.filter(|ip| !ip.is_unspecified());
    match &settings.transmitter {
        Transmitter::RawUdp => ("rawudp", raw_udp(ip)),
        Transmitter::Nice(ice) => ("nice", nice(ip, ice)),
    }
}

/// The address to receive on, for both components; without one the transmitter chooses.
fn raw_udp(ip: Option<IpAddr>) -> Parameters {
    let Some(ip) = ip else { return Vec::new() };
    let candidate = |component: ComponentType| {
        Candidate::new("L1", component as u32, CandidateType::Host, &ip.to_string(), 0)
    };
    let list = CandidateList(vec![candidate(ComponentType::Rtp), candidate(ComponentType::Rtcp)]);
    vec![(LOCAL_CANDIDATES.to_owned(), list.to_value())]
}

/// All addresses of the host, but on loopback only that one.
fn nice(ip: Option<IpAddr>, ice: &IceSettings) -> Parameters {
    let mut parameters = vec![
        ("controlling-mode".to_owned(), ice.controlling.to_value()),
        ("ice-tcp".to_owned(), false.to_value()),
    ];
    if let Some(ip) = ip.filter(IpAddr::is_loopback) {
        let any = ComponentType::None as u32;
        let list = CandidateList(vec![Candidate::new("", any, CandidateType::Host, &ip.to_string(), 0)]);
        parameters.push((LOCAL_CANDIDATES.to_owned(), list.to_value()));
    }
    if let Some(server) = ice.stun {
        parameters.push(("stun-ip".to_owned(), server.ip().to_string().to_value()));
        parameters.push(("stun-port".to_owned(), u32::from(server.port()).to_value()));
    }
    parameters
}

/// Turns a message of a conference into an event of its stream.
fn dispatch(routes: &Routes, message: &gst::Message) {
    let Some(parsed) = messages::parse(message) else { return };
    let events = |found: &dyn Fn(&Route) -> bool| {
        lock(routes).iter().find(|route| found(route)).map(|route| route.events.clone())
    };
    let of_stream = |stream: &Stream| events(&|route| route.stream == *stream);
    let of_session = |session: &Session| events(&|route| route.session == *session);
    let (events, event) = match parsed {
        Parsed::NewLocalCandidate { stream, candidate } => {
            (of_stream(&stream), MediaEvent::LocalCandidate(candidate))
        }
        Parsed::LocalCandidatesPrepared { stream } => {
            (of_stream(&stream), MediaEvent::LocalCandidatesPrepared)
        }
        Parsed::NegotiationNeeded { stream, candidates } => {
            (of_stream(&stream), MediaEvent::LocalCandidatesReplaced(candidates))
        }
        Parsed::CodecsChanged { session } => (of_session(&session), MediaEvent::CodecsChanged),
        Parsed::SendCodecChanged { session, codec, .. } => {
            (of_session(&session), MediaEvent::SendCodecChanged(codec))
        }
        Parsed::RecvCodecsChanged { stream, codecs } => {
            (of_stream(&stream), MediaEvent::RecvCodecsChanged(codecs))
        }
        Parsed::TelephonyEventReceived { stream, event, .. } => {
            (of_stream(&stream), MediaEvent::DigitReceived(event))
        }
        Parsed::NewActiveCandidatePair { stream, local, remote } => {
            (of_stream(&stream), MediaEvent::ActivePair { local, remote })
        }
        Parsed::ComponentStateChanged { stream, component, state } => {
            (of_stream(&stream), MediaEvent::ComponentState { component, state })
        }
        Parsed::Error { src_object, code, text } => {
            let found = events(&|route: &Route| {
                route.session.upcast_ref::<glib::Object>() == &src_object
                    || route.stream.upcast_ref::<glib::Object>() == &src_object
            });
            let fatal = code.is_fatal() || code == fs_core::Error::ConnectionFailed;
            let error = fault(glib::Error::new(code, &text));
            (found, MediaEvent::Failed { error, fatal })
        }
        _ => return,
    };
    if let Some(events) = events {
        events.send(event);
    }
}

/// The figures of the RTP session: ours are what the internal source sent, the peer's what the others did.
fn statistics(session: &Session) -> Option<MediaStatistics> {
    session.find_property("internal-session")?;
    let rtp = session.property::<Option<glib::Object>>("internal-session")?;
    rtp.find_property("stats")?;
    let stats = rtp.property::<Option<gst::Structure>>("stats")?;
    let sources = stats.get::<glib::ValueArray>("source-stats").ok()?;
    let mut sum = MediaStatistics::default();
    for source in sources.iter().filter_map(|value| value.get::<gst::Structure>().ok()) {
        if source.get::<bool>("internal").unwrap_or(false) {
            sum.packets_sent += source.get::<u64>("packets-sent").unwrap_or_default();
            continue;
        }
        sum.packets_received += source.get::<u64>("packets-received").unwrap_or_default();
        sum.packets_lost += i64::from(source.get::<i32>("packets-lost").unwrap_or_default());
        let rate = source.get::<i32>("clock-rate").unwrap_or(-1);
        if rate > 0 {
            let jitter = f64::from(source.get::<u32>("jitter").unwrap_or_default()) / f64::from(rate);
            sum.jitter = sum.jitter.max(Duration::from_secs_f64(jitter));
        }
    }
    Some(sum)
}
