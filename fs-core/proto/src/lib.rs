//! Rules of real-time media without any I/O: codecs and their negotiation, candidates, header extensions.
//!
//! Everything here is pure. Functions take values and return values; nothing asks the time, draws random
//! numbers, locks, logs or touches a socket. The GObject layer (`fs-core`), the elements (`gst-plugin-fs`)
//! and the SIP layer (`fs-sip`) share these types as their vocabulary.
//!
//! | Module | What it holds |
//! |---|---|
//! | [`media`] | media types and stream directions |
//! | [`codec`] | codec descriptions: payload type, encoding name, parameters |
//! | [`candidate`] | transport addresses of a stream's components, and their SDP lines |
//! | [`dtmf`] | telephony events and their digits (RFC 4733) |
//! | [`hdrext`] | RTP header extensions (RFC 8285) |
//! | [`jitter_buffer`] | a receiver's jitter buffer: order, losses and playout times (RFC 3550) |
//! | [`negotiation`] | from offers and answers to one agreed list of codecs |
//! | [`srtp`] | ciphers, keys and packet indexes of encrypted media, and `a=crypto` |
//! | [`session`] | what a session decides: the queue of telephony events |
//! | [`telephone_event`] | telephone events as RTP packets (RFC 4733) |
//! | [`tfrc`] | TCP-friendly rate control (RFC 5348) |
//! | [`error`] | what can go wrong, sorted by whose fault it is |

#![forbid(unsafe_code)]

pub mod candidate;
pub mod codec;
pub mod dtmf;
pub mod error;
pub mod hdrext;
pub mod jitter_buffer;
pub mod media;
pub mod negotiation;
pub mod session;
pub mod srtp;
pub mod telephone_event;
pub mod tfrc;

pub use candidate::{Candidate, CandidateType, ComponentType, NetworkProtocol, StreamState};
pub use codec::{Codec, CodecParameter, FeedbackParameter};
pub use dtmf::{DtmfEvent, DtmfMethod, EventSet};
pub use error::{CandidateError, NegotiationError};
pub use hdrext::RtpHeaderExtension;
pub use media::{MediaType, StreamDirection};
pub use srtp::SrtpParameters;
