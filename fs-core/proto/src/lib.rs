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
//! | [`negotiation`] | from offers and answers to one agreed list of codecs |
//! | [`error`] | what can go wrong, sorted by whose fault it is |

#![forbid(unsafe_code)]

pub mod candidate;
pub mod codec;
pub mod dtmf;
pub mod error;
pub mod hdrext;
pub mod media;
pub mod negotiation;

pub use candidate::{Candidate, CandidateType, ComponentType, NetworkProtocol, StreamState};
pub use codec::{Codec, CodecParameter, FeedbackParameter};
pub use dtmf::{DtmfEvent, DtmfMethod, EventSet};
pub use error::{CandidateError, NegotiationError};
pub use hdrext::RtpHeaderExtension;
pub use media::{MediaType, StreamDirection};
