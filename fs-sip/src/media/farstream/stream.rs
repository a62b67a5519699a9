//! One stream: a session of the conference with one Farstream stream in it.

use std::sync::Arc;

use fs_core::prelude::*;
use fs_core::{RtpHeaderExtensionList, Session, Stream};
use fs_proto::{Candidate, Codec, MediaType, RtpHeaderExtension, SrtpParameters, StreamDirection};
use glib::prelude::*;

use super::parameters::{srtp, transmitter};
use super::routes::{Route, Routes, lock};
use super::statistics::statistics;
use super::{PadHandler, Room, fault};
use crate::media::preferences::{TELEPHONE_EVENT, preferences, usual_pictures};
use crate::media::{
    Fault, Media, MediaError, MediaEvent, MediaEvents, MediaSettings, MediaStatistics, SessionId,
};
use crate::sdp::codecs::summary;

/// Properties of the conference's sessions and streams beyond those of the base classes.
const PREFERRED_EXTENSIONS: &str = "rtp-header-extension-preferences";
const EXTENSIONS: &str = "rtp-header-extensions";
const RTCP_MUX: &str = "send-rtcp-mux";
const SEND_BITRATE: &str = "send-bitrate";
const NO_RTCP_TIMEOUT: &str = "no-rtcp-timeout";

/// How loud digits are, in -dBm0.
const DIGIT_VOLUME: u8 = 10;

/// One session of a conference, with one stream.
pub(super) struct FarstreamMedia {
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
    /// Opens the stream, and begins to gather its local candidates.
    pub(super) fn open(
        room: Arc<Room>,
        pads: Arc<dyn PadHandler>,
        routes: Routes,
        settings: &MediaSettings,
        events: MediaEvents,
    ) -> Result<Self, MediaError> {
        let (id, kind) = (settings.session, settings.kind);
        let (room, session, stream) = (Some(room), None, None);
        let mut media = Self { id, kind, room, session, stream, can_mux_rtcp: false, pads, routes };
        // On an error the value is dropped, and with that closed.
        media.build(settings, events)?;
        Ok(media)
    }

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

fn closed() -> MediaError {
    MediaError::new(Fault::Misuse, "the stream is closed")
}

/// Puts the wanted codecs first and switches the others off.
fn choose_codecs(session: &Session, wanted: &[Codec]) -> Result<(), MediaError> {
    let present = session.codecs_without_config();
    let usual;
    let wanted = match wanted {
        [] if session.media_type() == MediaType::Video => {
            usual = usual_pictures(&present);
            &usual
        }
        [] => return Ok(()),
        wanted => wanted,
    };
    let preferences = preferences(&present, wanted)?;
    session.set_codec_preferences(&preferences).map_err(|error| {
        let text =
            format!("wanted: {}; we have: {}: {}", summary(wanted), summary(&present), error.message());
        MediaError::new(Fault::NoCodecs, text)
    })
}
