//! `FsRawSession`: one kind of media, exchanged with one peer.
//!
//! | File | What it does |
//! |---|---|
//! | `imp.rs` | the object and its properties |
//! | `exchange.rs` | what the stream asks of its session: codecs, transmitter, direction |
//! | `formats.rs` | from remote codecs to caps, pure |
//! | `meter.rs` | what `stats` counts |
//! | `path.rs` | the elements |

mod exchange;
mod formats;
pub(in crate::raw) mod imp;
mod meter;
mod path;

use fs_core::enums;
use fs_proto::MediaType;
use glib::subclass::prelude::*;

use super::conference::Conference;

glib::wrapper! {
    /// A session of a raw conference; made by [`fs_core::prelude::ConferenceExt::new_session`].
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
