//! SIP middleware over Farstream: sans-IO signalling and the sessions on top.

pub mod endpoint;
pub mod error;
pub mod limits;
pub mod sdp;
pub mod transaction;
pub mod wire;
