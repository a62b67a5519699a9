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
//! | [`candidate`] | transport addresses of a stream's components |
//! | [`hdrext`] | RTP header extensions (RFC 8285) |

#![forbid(unsafe_code)]

pub mod candidate;
pub mod codec;
pub mod hdrext;
pub mod media;

pub use candidate::{Candidate, CandidateType, ComponentType, NetworkProtocol, StreamState};
pub use codec::{Codec, CodecParameter, FeedbackParameter};
pub use hdrext::RtpHeaderExtension;
pub use media::{MediaType, StreamDirection};
