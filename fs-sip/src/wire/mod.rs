//! Bytes ⇄ typed messages.
//!
//! Nothing above this module sees wire bytes, and nothing in it knows a
//! transaction.

mod host;
mod name_addr;
mod params;
mod uri;

pub use host::Host;
pub use name_addr::NameAddr;
pub use params::Params;
pub use uri::{Scheme, Uri};
