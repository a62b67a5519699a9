//! Everything that leads to a negotiation, and what follows from one.

use fs_core::Error;
use fs_proto::error::NegotiationError;
use fs_proto::negotiation::{self, Reason, Rejected, ValidPreferences, limits, validate_preferences};
use fs_proto::{Codec, RtpHeaderExtension};
use glib::subclass::prelude::*;
use gst::prelude::*;

use super::ssrc_map::StreamId;
use super::state::{Effect, State, Wishes};
use super::{disposed, imp, recipe};
use crate::debug::NEGOTIATION as CAT;

impl imp::Session {
    /// Negotiates with changed wishes and does what follows; a refused change leaves everything as it was.
    pub(super) fn renegotiate(&self, change: impl FnOnce(&mut Wishes)) -> Result<(), glib::Error> {
        if self.is_disposed() {
            return Err(disposed());
        }
        let (done, rejected) = {
            let mut state = self.state();
            let known = std::mem::take(&mut state.outcome.rejected);
            let done = state.renegotiate(change);
            let rejected = match &done {
                Ok(_) => {
                    for association in state.outcome.associations.iter() {
                        gst::debug!(CAT, "session {}: agreed {}", self.id(), association.codec);
                    }
                    news(&state, &known)
                }
                Err(error) => {
                    gst::info!(CAT, "session {}: {error}", self.id());
                    state.outcome.rejected = known;
                    reasons(error)
                }
            };
            (done, rejected)
        };
        if let Ok(effects) = &done {
            self.negotiated_rate_control();
            self.run_effects(effects.clone());
        }
        self.report(&rejected);
        done.map_err(|error| to_glib(&error))?;
        self.search_config();
        Ok(())
    }

    /// Tells the log and the application which codecs were left out, and why.
    fn report(&self, rejected: &[Rejected]) {
        for each in rejected {
            gst::info!(CAT, "session {}: without {each}", self.id());
        }
        let mut streams: Vec<Option<StreamId>> = rejected.iter().map(|r| r.stream).collect();
        streams.sort_unstable();
        streams.dedup();
        for id in streams {
            let stream = id.and_then(|id| self.state().stream_object(id));
            let of_stream: Vec<_> = rejected.iter().filter(|r| r.stream == id).cloned().collect();
            let (session, stream) = (self.obj(), stream.as_ref().map(Cast::upcast_ref));
            self.post(fs_core::messages::codecs_rejected(session.upcast_ref(), stream, &of_stream));
        }
    }

    /// `set_codec_preferences`: keeps what is usable; nothing usable means the default list.
    pub(super) fn prefer(&self, preferences: &[Codec]) -> Result<(), glib::Error> {
        limits::check_codecs(preferences).map_err(|error| to_glib(&error))?;
        let ValidPreferences { preferences, mut rejected } = {
            let state = self.state();
            let capabilities = state.capabilities(&state.wishes);
            validate_preferences(self.media_type(), &capabilities, preferences)
        };
        let mut builds = |preference: &Codec| {
            let checked = recipe::check_profiles(preference);
            if let Err(why) = &checked {
                let why = Reason::Profile { text: why.message().to_owned() };
                rejected.push(Rejected { stream: None, codec: preference.clone(), why });
            }
            checked.is_ok()
        };
        let usable: Vec<Codec> = preferences.into_iter().filter(|p| builds(p)).collect();
        self.report(&rejected);
        self.renegotiate(|wishes| wishes.preferences = usable)
    }

    /// `set_allowed_caps`; `None` leaves a side as it is.
    pub(super) fn allow_caps(
        &self,
        sink: Option<&gst::Caps>,
        src: Option<&gst::Caps>,
    ) -> Result<(), glib::Error> {
        self.renegotiate(|wishes| {
            if let Some(caps) = sink {
                wishes.sink_caps = caps.clone();
            }
            if let Some(caps) = src {
                wishes.src_caps = caps.clone();
            }
        })
    }

    /// `set_remote_codecs` of a stream.
    pub(crate) fn set_remote_codecs(&self, id: StreamId, codecs: &[Codec]) -> Result<(), glib::Error> {
        if codecs.is_empty() {
            return Err(glib::Error::new(Error::InvalidArguments, "the list of remote codecs is empty"));
        }
        self.renegotiate(|wishes| {
            if let Some(remote) = wishes.remote_mut(id) {
                remote.codecs = codecs.to_vec();
            }
        })
    }

    /// `rtp-header-extension-preferences`.
    pub(super) fn prefer_extensions(&self, extensions: Vec<RtpHeaderExtension>) {
        let done = self.renegotiate(|wishes| wishes.header_extensions = extensions);
        self.report_refused_extensions(done);
    }

    /// `rtp-header-extensions` of a stream.
    pub(crate) fn set_stream_extensions(&self, id: StreamId, extensions: Vec<RtpHeaderExtension>) {
        let done = self.renegotiate(|wishes| {
            if let Some(remote) = wishes.remote_mut(id) {
                remote.header_extensions = Some(extensions);
            }
        });
        self.report_refused_extensions(done);
    }

    /// A property has no way to refuse a value, so the reason goes to the log.
    fn report_refused_extensions(&self, done: Result<(), glib::Error>) {
        if let Err(error) = done {
            gst::warning!(CAT, "session {}: header extensions not taken over: {error}", self.id());
        }
    }

    /// What a stream's peer said about header extensions.
    pub(crate) fn stream_extensions(&self, id: StreamId) -> Vec<RtpHeaderExtension> {
        let state = self.state();
        let remote = state.wishes.remotes.iter().find(|r| r.stream == id);
        remote.and_then(|r| r.header_extensions.clone()).unwrap_or_default()
    }

    /// `codecs_need_resend`.
    pub(super) fn need_resend(&self, old: &[Codec], new: &[Codec]) -> Vec<Codec> {
        negotiation::codecs_need_resend(old, new)
    }

    /// Does, without the lock, what a change of the state asks for.
    pub(super) fn run_effects(&self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Notify(property) => self.obj().notify(property),
                Effect::NotifyStream(id, property) => {
                    let stream = self.state().stream_object(id);
                    if let Some(stream) = stream {
                        stream.notify(property);
                    }
                }
                Effect::CodecsChanged => {
                    self.clear_pt_map();
                    self.post(fs_core::messages::codecs_changed(self.obj().upcast_ref()));
                }
                Effect::ExtensionsChanged => self.refresh_extensions(),
                Effect::RefreshSend => self.refresh_send(),
                Effect::RefreshReceive => self.refresh_receive(),
            }
        }
    }
}

/// What was left out of the lists of peers and of the preferences, and was not told before.
fn news(state: &State, known: &[Rejected]) -> Vec<Rejected> {
    let wanted = |r: &&Rejected| r.stream.is_some() || state.wishes.preferences.contains(&r.codec);
    let new = state.outcome.rejected.iter().filter(wanted).filter(|r| !known.contains(r));
    new.cloned().collect()
}

/// Why a negotiation left nothing.
fn reasons(error: &NegotiationError) -> Vec<Rejected> {
    match error {
        NegotiationError::NothingInCommon { rejected, .. } | NegotiationError::NoCodecsLeft { rejected } => {
            rejected.clone()
        }
        _ => Vec::new(),
    }
}

/// The code by fault, the text of the negotiation.
fn to_glib(error: &NegotiationError) -> glib::Error {
    let code = match error {
        NegotiationError::NoCodecsLeft { .. } => Error::NoCodecsLeft,
        NegotiationError::NothingInCommon { .. } => Error::NegotiationFailed,
        _ => Error::InvalidArguments,
    };
    glib::Error::new(code, &error.to_string())
}
