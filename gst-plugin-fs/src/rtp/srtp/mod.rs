//! Encryption of a session's packets with GStreamer's `srtpenc` and `srtpdec`.
//!
//! The elements do not stand in the pipeline: probes hand them one packet and take its result ([`unit`]). So a
//! key changes between two packets, no pad is blocked or linked anew, streams with and without keys share a
//! session (libsrtp 2.5 refuses null ciphers), contexts outlive a stopped pipeline, and a call that is not
//! encrypted pays nothing.
//!
//! | File | What it does |
//! |---|---|
//! | `parameters.rs` | the `FarstreamSRTP` structure |
//! | `header.rs` | SSRC and sequence number of a packet |
//! | `unit.rs` | one srtp element, used like a function |
//! | `contexts.rs` | how far each SSRC has come: what a new key goes on from |
//! | `outbound.rs` | what a session encrypts with |
//! | `inbound.rs` | what a stream decrypts with |

pub mod contexts;
pub mod header;
pub mod inbound;
pub mod outbound;
pub mod parameters;
pub mod unit;

#[cfg(test)]
mod tests;
