//! Every `farstream-*` message a conference posts on its bus: how it is built, how it is read.
//!
//! All are element messages whose source is the conference. Names, fields and types are part of the C
//! interface (`fs_session_parse_*`, `fs_stream_parse_*`, `fs_parse_error`).

use fs_proto::negotiation::{Difference, Rejected, limits};
use fs_proto::{Candidate, Codec, StreamState};
use glib::prelude::*;
use glib::translate::UnsafeFrom;

use crate::boxed::{CandidateList, CandidateValue, CodecList, CodecValue};
use crate::enums::{self, DtmfMethod, EventCode};
use crate::error::Error;
use crate::session::Session;
use crate::stream::Stream;

/// Names of the messages.
pub mod name {
    /// An asynchronous error of a session or a stream.
    pub const ERROR: &str = "farstream-error";
    /// Another codec is sent with.
    pub const SEND_CODEC_CHANGED: &str = "farstream-send-codec-changed";
    /// The codecs of a session changed.
    pub const CODECS_CHANGED: &str = "farstream-codecs-changed";
    /// Codecs of a peer, or preferences, that a session can't take.
    pub const CODECS_REJECTED: &str = "farstream-codecs-rejected";
    /// A telephony event is being sent.
    pub const TELEPHONY_EVENT_STARTED: &str = "farstream-telephony-event-started";
    /// A telephony event ended.
    pub const TELEPHONY_EVENT_STOPPED: &str = "farstream-telephony-event-stopped";
    /// A telephony event of the peer began.
    pub const TELEPHONY_EVENT_RECEIVED: &str = "farstream-telephony-event-received";
    /// A telephony event of the peer ended.
    pub const TELEPHONY_EVENT_RECEIVED_ENDED: &str = "farstream-telephony-event-received-ended";
    /// A stream has a local candidate.
    pub const NEW_LOCAL_CANDIDATE: &str = "farstream-new-local-candidate";
    /// A stream has all its local candidates.
    pub const LOCAL_CANDIDATES_PREPARED: &str = "farstream-local-candidates-prepared";
    /// A stream uses another pair of candidates.
    pub const NEW_ACTIVE_CANDIDATE_PAIR: &str = "farstream-new-active-candidate-pair";
    /// A stream has other local candidates than its peer was told.
    pub const NEGOTIATION_NEEDED: &str = "farstream-negotiation-needed";
    /// Media with other codecs arrives.
    pub const RECV_CODECS_CHANGED: &str = "farstream-recv-codecs-changed";
    /// The state of a component changed.
    pub const COMPONENT_STATE_CHANGED: &str = "farstream-component-state-changed";
}

/// `farstream-error`: `src_object` is the session or stream.
pub fn error(src_object: &glib::Object, code: Error, text: &str) -> gst::Structure {
    // SAFETY: sessions and streams, the only sources of errors, may be used from any thread.
    let src_object = unsafe { glib::SendValue::unsafe_from(src_object.to_value().into_raw()) };
    gst::Structure::builder(name::ERROR)
        .field("src-object", src_object)
        .field("error-no", code)
        .field("error-msg", text)
        .build()
}

/// `farstream-send-codec-changed`: the codec is one of `codecs`, the secondary ones go with it.
pub fn send_codec_changed(session: &Session, codec: &Codec, secondary: &[Codec]) -> gst::Structure {
    gst::Structure::builder(name::SEND_CODEC_CHANGED)
        .field("session", session)
        .field("codec", CodecValue(codec.clone()))
        .field("secondary-codecs", CodecList(secondary.to_vec()))
        .build()
}

/// `farstream-codecs-changed`.
pub fn codecs_changed(session: &Session) -> gst::Structure {
    gst::Structure::builder(name::CODECS_CHANGED).field("session", session).build()
}

/// `farstream-codecs-rejected`: codecs of a stream's peer, or without a stream preferences, that the session leaves out.
///
/// Five lists of the same length: `codecs`, `reasons` in words, and where a parameter (or `clock-rate`, `channels`) is the
/// reason its name in `parameters` with our value in `ours` and the other in `theirs`, otherwise empty texts.
pub fn codecs_rejected(session: &Session, stream: Option<&Stream>, rejected: &[Rejected]) -> gst::Structure {
    let differences: Vec<_> = rejected.iter().map(|r| r.why.difference()).collect();
    let texts = |pick: fn(&Difference) -> Option<&String>| -> Vec<String> {
        let text =
            |d: &Option<Difference>| d.as_ref().and_then(pick).map_or_else(String::new, |t| limits::quote(t));
        differences.iter().map(text).collect()
    };
    let reasons: Vec<String> = rejected.iter().map(ToString::to_string).collect();
    gst::Structure::builder(name::CODECS_REJECTED)
        .field("session", session)
        .field("stream", stream)
        .field("codecs", CodecList(rejected.iter().map(|r| r.codec.clone()).collect()))
        .field("parameters", texts(|d| Some(&d.name)))
        .field("ours", texts(|d| d.ours.as_ref()))
        .field("theirs", texts(|d| d.theirs.as_ref()))
        .field("reasons", reasons)
        .build()
}

/// `farstream-negotiation-needed`: the network changed, the stream gathered again, and `candidates` (`FsCandidateList`)
/// replace those that the peer was told. An offer with them is due, and the peer's answer to it.
pub fn negotiation_needed(stream: &Stream, candidates: &[Candidate]) -> gst::Structure {
    gst::Structure::builder(name::NEGOTIATION_NEEDED)
        .field("stream", stream)
        .field("candidates", CandidateList(candidates.to_vec()))
        .build()
}

/// `farstream-telephony-event-started`; the volume is 0 to 36 in -dBm0.
pub fn telephony_event_started(
    session: &Session,
    method: DtmfMethod,
    event: u8,
    volume: u8,
) -> gst::Structure {
    gst::Structure::builder(name::TELEPHONY_EVENT_STARTED)
        .field("session", session)
        .field("method", method)
        .field("event", EventCode(event))
        .field("volume", volume)
        .build()
}

/// `farstream-telephony-event-stopped`.
pub fn telephony_event_stopped(session: &Session, method: DtmfMethod) -> gst::Structure {
    gst::Structure::builder(name::TELEPHONY_EVENT_STOPPED)
        .field("session", session)
        .field("method", method)
        .build()
}

/// `farstream-telephony-event-received`: a peer's event began. All its numbers are unsigned integers; events are
/// told by their code, because only the first sixteen have names.
pub fn telephony_event_received(
    session: &Session,
    stream: &Stream,
    event: u8,
    volume: u8,
    ssrc: u32,
) -> gst::Structure {
    gst::Structure::builder(name::TELEPHONY_EVENT_RECEIVED)
        .field("session", session)
        .field("stream", stream)
        .field("event", u32::from(event))
        .field("volume", u32::from(volume))
        .field("ssrc", ssrc)
        .build()
}

/// `farstream-telephony-event-received-ended`: a peer's event ended after so many ms.
pub fn telephony_event_received_ended(
    session: &Session,
    stream: &Stream,
    event: u8,
    ssrc: u32,
    duration: u32,
) -> gst::Structure {
    gst::Structure::builder(name::TELEPHONY_EVENT_RECEIVED_ENDED)
        .field("session", session)
        .field("stream", stream)
        .field("event", u32::from(event))
        .field("ssrc", ssrc)
        .field("duration", duration)
        .build()
}

/// `farstream-new-local-candidate`.
pub fn new_local_candidate(stream: &Stream, candidate: &Candidate) -> gst::Structure {
    gst::Structure::builder(name::NEW_LOCAL_CANDIDATE)
        .field("stream", stream)
        .field("candidate", CandidateValue(candidate.clone()))
        .build()
}

/// `farstream-local-candidates-prepared`.
pub fn local_candidates_prepared(stream: &Stream) -> gst::Structure {
    gst::Structure::builder(name::LOCAL_CANDIDATES_PREPARED).field("stream", stream).build()
}

/// `farstream-new-active-candidate-pair`.
pub fn new_active_candidate_pair(stream: &Stream, local: &Candidate, remote: &Candidate) -> gst::Structure {
    gst::Structure::builder(name::NEW_ACTIVE_CANDIDATE_PAIR)
        .field("stream", stream)
        .field("local-candidate", CandidateValue(local.clone()))
        .field("remote-candidate", CandidateValue(remote.clone()))
        .build()
}

/// `farstream-recv-codecs-changed`; the codec that changed comes first.
pub fn recv_codecs_changed(stream: &Stream, codecs: &[Codec]) -> gst::Structure {
    gst::Structure::builder(name::RECV_CODECS_CHANGED)
        .field("stream", stream)
        .field("codecs", CodecList(codecs.to_vec()))
        .build()
}

/// `farstream-component-state-changed`; component 1 is RTP, 2 is RTCP.
pub fn component_state_changed(stream: &Stream, component: u32, state: StreamState) -> gst::Structure {
    gst::Structure::builder(name::COMPONENT_STATE_CHANGED)
        .field("stream", stream)
        .field("component", component)
        .field("state", enums::StreamState::from(state))
        .build()
}

/// A message that was read.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Parsed {
    /// An asynchronous error.
    Error {
        /// The session or stream it is about.
        src_object: glib::Object,
        /// What kind of error.
        code: Error,
        /// What happened.
        text: String,
    },
    /// Another codec is sent with.
    SendCodecChanged {
        /// Whose codec.
        session: Session,
        /// The codec.
        codec: Codec,
        /// Codecs sent along with it, such as telephone-event.
        secondary_codecs: Vec<Codec>,
    },
    /// The codecs of the session changed.
    CodecsChanged {
        /// Whose codecs.
        session: Session,
    },
    /// Codecs were left out.
    CodecsRejected {
        /// Which session left them out.
        session: Session,
        /// Whose codecs; `None` for preferences.
        stream: Option<Stream>,
        /// The codecs with their reasons.
        rejected: Vec<RejectedCodec>,
    },
    /// A telephony event is being sent.
    TelephonyEventStarted {
        /// Which session sends it.
        session: Session,
        /// How it travels.
        method: DtmfMethod,
        /// Its code, 0 to 15 for the keys (see [`fs_proto::DtmfEvent`]), up to 255 for others.
        event: u8,
        /// 0 to 36 in -dBm0.
        volume: u8,
    },
    /// A telephony event ended.
    TelephonyEventStopped {
        /// Which session sent it.
        session: Session,
        /// How it travelled.
        method: DtmfMethod,
    },
    /// A telephony event of the peer began.
    TelephonyEventReceived {
        /// Which session received it.
        session: Session,
        /// On which of its streams.
        stream: Stream,
        /// Its code, 0 to 15 for the keys (see [`fs_proto::DtmfEvent`]), up to 255 for others.
        event: u8,
        /// 0 to 63 in -dBm0.
        volume: u8,
        /// Who sent it.
        ssrc: u32,
    },
    /// A telephony event of the peer ended.
    TelephonyEventReceivedEnded {
        /// Which session received it.
        session: Session,
        /// On which of its streams.
        stream: Stream,
        /// Its code.
        event: u8,
        /// Who sent it.
        ssrc: u32,
        /// How long it lasted, in ms.
        duration: u32,
    },
    /// A local candidate was found.
    NewLocalCandidate {
        /// Whose candidate.
        stream: Stream,
        /// The candidate.
        candidate: Candidate,
    },
    /// All local candidates were found.
    LocalCandidatesPrepared {
        /// Whose candidates.
        stream: Stream,
    },
    /// Another pair of candidates is used.
    NewActiveCandidatePair {
        /// Which stream uses it.
        stream: Stream,
        /// Our candidate.
        local: Candidate,
        /// The peer's candidate.
        remote: Candidate,
    },
    /// Media with other codecs arrives.
    RecvCodecsChanged {
        /// At which stream.
        stream: Stream,
        /// The codecs, the changed one first.
        codecs: Vec<Codec>,
    },
    /// A stream has other local candidates than its peer was told: an offer with them is due.
    NegotiationNeeded {
        /// Of which stream.
        stream: Stream,
        /// All of them.
        candidates: Vec<Candidate>,
    },
    /// The state of a component changed.
    ComponentStateChanged {
        /// Of which stream.
        stream: Stream,
        /// Which component: 1 is RTP, 2 is RTCP.
        component: u32,
        /// The new state.
        state: StreamState,
    },
}

/// A codec that was left out. Long values are cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedCodec {
    /// The codec as it was offered or wanted.
    pub codec: Codec,
    /// What both sides differ in: a parameter, `clock-rate`, `channels` or `media-type`; empty for other reasons.
    pub parameter: String,
    /// Our value of it; empty = absent.
    pub ours: String,
    /// The other value of it; empty = absent.
    pub theirs: String,
    /// The reason in words.
    pub reason: String,
}

/// Reads a message; `None` for other messages and for those whose fields are missing or of another type.
pub fn parse(message: &gst::MessageRef) -> Option<Parsed> {
    if message.type_() != gst::MessageType::Element {
        return None;
    }
    parse_structure(message.structure()?)
}

/// Reads the structure of a message.
pub fn parse_structure(structure: &gst::StructureRef) -> Option<Parsed> {
    let parsed = match structure.name().as_str() {
        name::ERROR => Parsed::Error {
            src_object: structure.get("src-object").ok()?,
            code: structure.get("error-no").ok()?,
            text: structure.get("error-msg").ok()?,
        },
        name::NEW_LOCAL_CANDIDATE
        | name::LOCAL_CANDIDATES_PREPARED
        | name::NEW_ACTIVE_CANDIDATE_PAIR
        | name::NEGOTIATION_NEEDED
        | name::RECV_CODECS_CHANGED
        | name::COMPONENT_STATE_CHANGED => parse_stream(structure)?,
        name::TELEPHONY_EVENT_RECEIVED | name::TELEPHONY_EVENT_RECEIVED_ENDED => parse_received(structure)?,
        _ => parse_session(structure)?,
    };
    Some(parsed)
}

fn parse_session(structure: &gst::StructureRef) -> Option<Parsed> {
    let session = || structure.get::<Session>("session").ok();
    let method = || structure.get::<DtmfMethod>("method").ok();
    let parsed = match structure.name().as_str() {
        name::SEND_CODEC_CHANGED => Parsed::SendCodecChanged {
            session: session()?,
            codec: structure.get::<CodecValue>("codec").ok()?.0,
            secondary_codecs: structure.get::<CodecList>("secondary-codecs").ok()?.0,
        },
        name::CODECS_CHANGED => Parsed::CodecsChanged { session: session()? },
        name::CODECS_REJECTED => Parsed::CodecsRejected {
            session: session()?,
            stream: structure.get::<Option<Stream>>("stream").ok()?,
            rejected: parse_rejected(structure)?,
        },
        name::TELEPHONY_EVENT_STARTED => Parsed::TelephonyEventStarted {
            session: session()?,
            method: method()?,
            event: structure.get::<EventCode>("event").ok()?.0,
            volume: structure.get("volume").ok()?,
        },
        name::TELEPHONY_EVENT_STOPPED => {
            Parsed::TelephonyEventStopped { session: session()?, method: method()? }
        }
        _ => return None,
    };
    Some(parsed)
}

fn parse_rejected(structure: &gst::StructureRef) -> Option<Vec<RejectedCodec>> {
    let codecs = structure.get::<CodecList>("codecs").ok()?.0;
    let texts = |field: &str| {
        let texts = structure.get::<Vec<String>>(field).ok()?;
        (texts.len() == codecs.len()).then_some(texts)
    };
    let (parameters, ours, theirs, reasons) =
        (texts("parameters")?, texts("ours")?, texts("theirs")?, texts("reasons")?);
    let values = parameters.into_iter().zip(ours).zip(theirs).zip(reasons);
    let rejected = codecs.into_iter().zip(values).map(|(codec, (((parameter, ours), theirs), reason))| {
        RejectedCodec { codec, parameter, ours, theirs, reason }
    });
    Some(rejected.collect())
}

fn parse_received(structure: &gst::StructureRef) -> Option<Parsed> {
    let session = structure.get::<Session>("session").ok()?;
    let stream = structure.get::<Stream>("stream").ok()?;
    let number = |field: &str| structure.get::<u32>(field).ok();
    let code = |field: &str| number(field).and_then(|n| u8::try_from(n).ok());
    let (event, ssrc) = (code("event")?, number("ssrc")?);
    let parsed = if structure.name() == name::TELEPHONY_EVENT_RECEIVED {
        Parsed::TelephonyEventReceived { session, stream, event, volume: code("volume")?, ssrc }
    } else {
        Parsed::TelephonyEventReceivedEnded { session, stream, event, ssrc, duration: number("duration")? }
    };
    Some(parsed)
}

fn parse_stream(structure: &gst::StructureRef) -> Option<Parsed> {
    let stream = structure.get::<Stream>("stream").ok()?;
    let candidate = |field: &str| structure.get::<CandidateValue>(field).ok().map(|candidate| candidate.0);
    let parsed = match structure.name().as_str() {
        name::NEW_LOCAL_CANDIDATE => Parsed::NewLocalCandidate { stream, candidate: candidate("candidate")? },
        name::LOCAL_CANDIDATES_PREPARED => Parsed::LocalCandidatesPrepared { stream },
        name::NEW_ACTIVE_CANDIDATE_PAIR => Parsed::NewActiveCandidatePair {
            stream,
            local: candidate("local-candidate")?,
            remote: candidate("remote-candidate")?,
        },
        name::NEGOTIATION_NEEDED => Parsed::NegotiationNeeded {
            stream,
            candidates: structure.get::<CandidateList>("candidates").ok()?.0,
        },
        name::RECV_CODECS_CHANGED => {
            Parsed::RecvCodecsChanged { stream, codecs: structure.get::<CodecList>("codecs").ok()?.0 }
        }
        name::COMPONENT_STATE_CHANGED => Parsed::ComponentStateChanged {
            stream,
            component: structure.get::<u32>("component").ok()?,
            state: structure.get::<enums::StreamState>("state").ok()?.into(),
        },
        _ => return None,
    };
    Some(parsed)
}
