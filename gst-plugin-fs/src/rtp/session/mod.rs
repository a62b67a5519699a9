//! `FsRtpSession`: one kind of media, negotiated once for any number of peers.
//!
//! | File | What it does |
//! |---|---|
//! | `state.rs` | what the session knows, behind its one lock |
//! | `config.rs` | how a codec's stream is described, found out by encoding |
//! | `graph.rs` | its static elements |
//! | `send.rs` | the send codec bin |
//! | `recv.rs` | rtpbin's pads become substreams with decoders and pads |
//! | `telephony.rs` | telephony events that are sent |
//! | `events.rs` | telephony events that are received |
//! | `mux.rs` | RTCP that comes with RTP |
//! | `gate.rs` | how many sources there may be |
//! | `payload_change.rs` | what follows when a source changes its payload type |
//! | `sources.rs` | what makes an SSRC a stream's, and ends it |
//! | `ssrc_map.rs` | SSRC to stream, pure |
//! | `timer.rs` | what is done later |
//! | `statistics.rs` | `stats` |
//! | `transmitters.rs` | transmitters and the streams' ends of them |
//! | `crypto.rs` | encryption of what is sent and received |
//! | `encoded.rs` | allowed caps that name encoded media |
//! | `extensions.rs` | RTP header extensions in caps |
//! | `recipe.rs` | from agreed codec to bin |

mod config;
mod crypto;
mod encoded;
mod events;
mod extensions;
mod gate;
pub(in crate::rtp) mod graph;
pub(in crate::rtp) mod imp;
pub(crate) mod mux;
mod negotiate;
mod payload_change;
pub(in crate::rtp) mod recipe;
mod recv;
mod send;
mod sources;
pub(in crate::rtp) mod ssrc_map;
pub(in crate::rtp) mod state;
mod statistics;
mod telephony;
mod timer;
mod transmitters;

use fs_core::{Error, enums};
use fs_proto::MediaType;
use glib::subclass::prelude::*;

use super::conference::Conference;

glib::wrapper! {
    /// A session of an RTP conference; made by [`fs_core::prelude::ConferenceExt::new_session`].
    pub struct Session(ObjectSubclass<imp::Session>) @extends fs_core::Session;
}

impl Session {
    pub(super) fn new(conference: &Conference, media: MediaType, id: u32) -> Result<Self, glib::Error> {
        let session: Self = glib::Object::builder()
            .property("conference", conference)
            .property("media-type", enums::MediaType::from(media))
            .property("id", id)
            .build();
        session.imp().set_up()?;
        Ok(session)
    }
}

/// The answer of everything that was destroyed.
pub(super) fn disposed() -> glib::Error {
    glib::Error::new(Error::Disposed, "called after the object was destroyed")
}
