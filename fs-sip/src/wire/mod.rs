//! Bytes ⇄ typed messages.
//!
//! Nothing above this module sees wire bytes, and nothing in it knows a
//! transaction. [`parse_datagram`] reads, `encode` of [`Request`] and
//! [`Response`] writes, [`Framer`] cuts a byte stream into messages.

pub mod auth;
mod encode;
mod framing;
pub mod headers;
mod host;
mod lexer;
mod message;
mod method;
pub mod multipart;
mod name_addr;
mod params;
mod parse;
mod redact;
mod status;
pub mod stun;
mod uri;
mod via;

#[cfg(test)]
mod tests;

pub use framing::{Frame, FrameError, Framer};
pub use headers::{Header, Headers, TypedHeader};
pub use host::Host;
pub use message::{Message, Request, Response};
pub use method::Method;
pub use name_addr::NameAddr;
pub use params::Params;
pub use parse::{Datagram, Malformed, parse_datagram, parse_frame};
pub use redact::redacted;
pub use status::default_reason;
pub use uri::{Scheme, Uri};
pub use via::Via;
pub(crate) use via::is_branch;

pub(crate) use message::missing;
pub(crate) use params::{glance, is_token, unescape};
