//! TCP-friendly rate control of RTP (RFC 5348; for small packets RFC 4828).
//!
//! The sender writes its round-trip time and a timestamp into each packet ([`Stamp`], a header extension), the receiver
//! reports when packets came, how fast, and how often they were lost ([`Feedback`], an RTCP packet of RTPFB format 2 as in
//! draft-ietf-avt-tfrc-profile-10). From that the sender computes the rate a TCP would get on the same way.
//!
//! ```text
//!  Control ┬ Sender       allowed rate, no-feedback deadline     section 4      one for each receiver of ours
//!          ├ Receiver     losses, receive rate, feedback         sections 5, 6  one for each source we hear
//!          ├ DataLimited  was the sender idle?                   section 8.2.1
//!          └ Pacer        when a packet may leave                section 4.6
//! ```
//! Times are given as [`Duration`](std::time::Duration)s since any moment that stays the same; rates are `byte_rate`s, in
//! bytes per second. On the wire times are microseconds.

mod control;
mod data_limited;
mod equation;
mod loss;
mod pacer;
mod receiver;
mod sender;
mod wire;

pub use control::{Control, MAX_SOURCES, Sending};
pub use data_limited::DataLimited;
pub use equation::{byte_rate, loss_event_rate};
pub use pacer::Pacer;
pub use receiver::Receiver;
pub use sender::{Report, Sender};
pub use wire::{FEEDBACK_FORMAT, Feedback, Stamp};

/// The header extension's name in SDP.
pub const RTT_SENDTS: &str = "urn:ietf:params:rtp-hdrext:rtt-sendts";

/// What a packet's size is taken for while none is known, in bytes: a full one on Ethernet.
pub const DEFAULT_SEGMENT: u32 = 1460;

/// Which of the two algorithms runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Variant {
    /// RFC 5348: the equation's segment is the mean packet.
    #[default]
    Standard,
    /// RFC 4828: small packets may use the bandwidth, headers included, of full ones.
    SmallPackets,
}

#[cfg(test)]
mod tests;
