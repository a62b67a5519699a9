//! The media engine that drives a Farstream conference: the one folder of this crate that knows GStreamer.
//!
//! It meets the conference by its element name and the abstract classes of `fs-core`, so any implementation of
//! `fsrtpconference` will do. Each session gets a conference of its own in the container, which is a pipeline or
//! another bin, and each of its streams a session of that conference; so sound and pictures of a peer stay together. The
//! application links its media to the pads that a [`PadHandler`] is given.
//!
//! A pipeline's bus is listened to directly. Another bin hands the messages of its children to
//! [`FarstreamBackend::handle_message`].
//!
//! | File | Holds |
//! |---|---|
//! | `stream` | one stream: a session of the conference with one Farstream stream in it |
//! | `parameters` | from our settings to what transmitters and encryption are given |
//! | `routes` | messages of the conference, sorted by stream |
//! | `statistics` | figures of the RTP session |

mod parameters;
mod routes;
mod statistics;
mod stream;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use fs_core::prelude::*;
use fs_core::{Conference, Participant};
use fs_proto::{Codec, MediaType};
use gst::prelude::*;

use super::{Backend, Fault, Media, MediaError, MediaEvents, MediaSettings, SessionId};
use routes::{Routes, dispatch};
use stream::FarstreamMedia;

/// The element that implements conferences over RTP.
const CONFERENCE: &str = "fsrtpconference";

/// Is given the pads of each stream. Called from threads of the media engine, with no lock held.
pub trait PadHandler: Send + Sync {
    /// A stream is open: raw media for the peer goes into `sink`.
    fn opened(&self, session: SessionId, kind: MediaType, sink: &gst::Pad);

    /// The peer is about to be heard or seen: link `pad` before returning, or its first media is lost.
    fn source_added(&self, session: SessionId, kind: MediaType, pad: &gst::Pad, codec: &Codec);

    /// The stream is about to be closed: unlink its pads.
    fn closing(&self, session: SessionId, kind: MediaType);
}

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
        let room = self.room(settings.session)?;
        let media =
            FarstreamMedia::open(room, Arc::clone(&self.pads), Arc::clone(&self.routes), settings, events)?;
        Ok(Box::new(media))
    }
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
