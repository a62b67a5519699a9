//! Ways for messages to travel.
//!
//! | File | Holds |
//! |---|---|
//! | `protocol` | their names, and what is fixed about each (pure) |
//! | [`udp`], `tcp`, `tls`, `ws` | one way each |
//! | `addresses` | the addresses of this machine, and which of them leads where |
//! | `table` | one line for each way over connections |
//! | `stream` | a connection at work: framing, keep-alives, limits |
//! | `set` | all sockets and connections of one endpoint |
//! | [`memory`] | a simulated network in virtual time for tests |

mod addresses;
pub mod memory;
mod protocol;
pub(crate) mod set;
mod stream;
mod table;
mod tcp;
pub(crate) mod tls;
pub mod udp;
mod ws;

pub use addresses::{LocalAddresses, SystemAddresses, route_to};
pub use protocol::{ConnectionId, Local, Peer, Protocol};
pub use tls::{Identity, Refusal, RefusalWatch, TlsError, TlsSettings, Trust};
