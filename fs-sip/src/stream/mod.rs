//! Streams of a session: one m-line each.

pub mod digits;
pub mod dtmf_relay;
mod family;
pub mod ice;
pub mod rtp;

pub use rtp::RtpStream;
