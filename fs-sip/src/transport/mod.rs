//! Ways for messages to travel.
//!
//! [`udp`] is the real one. [`memory`] is a simulated network in virtual time
//! for tests, with delay, loss, reordering and duplication.

pub mod memory;
pub mod udp;
