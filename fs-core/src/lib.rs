//! The abstract GObject classes of Farstream 0.2, their boxed types, bus messages and plugin loader.
//!
//! A conference (a GStreamer bin) makes one session for each kind of media and one participant for each peer; a
//! session makes one stream for each participant; a stream uses a transmitter, which carries the packets.
//!
//! ```text
//! Conference --new_session--> Session --new_stream--> Stream --set_transmitter--> Transmitter
//!      \--new_participant--> Participant ------^                                      |
//!                                                            StreamTransmitter <------/
//! ```
//!
//! The classes here are abstract. Each has an `Ext` trait with what applications call and an `Impl` trait with
//! what implementations override, in the manner of glib-rs; [`prelude`] has them all. GTypes, struct layouts,
//! properties, signals and messages are those of the C library, so implementations and applications in C, Python
//! and Rust can be mixed. Values without any GObject in them (codecs, candidates) are those of [`fs_proto`].
//!
//! ```no_run
//! use fs_core::prelude::*;
//! use fs_proto::{MediaType, StreamDirection};
//!
//! gst::init()?;
//! // Any element that is a conference will do; `gst-plugin-fs` has `fsrtpconference`.
//! if let Ok(element) = gst::ElementFactory::make("fsrtpconference").build() {
//!     let conference = element.downcast::<fs_core::Conference>().expect("it is a conference");
//!     let session = conference.new_session(MediaType::Audio)?;
//!     let participant = conference.new_participant()?;
//!     let stream = session.new_stream(&participant, StreamDirection::BOTH)?;
//!     stream.set_transmitter("rawudp", &[])?;
//! }
//! # use glib::prelude::*;
//! # Ok::<(), glib::Error>(())
//! ```
//!
//! With the feature `capi` the C symbols (`fs_*`) are exported.

mod attached;
mod boxed;
#[cfg(feature = "capi")]
mod capi;
mod class;
mod conference;
mod element_added_notifier;
mod error;
#[cfg(not(feature = "capi"))]
mod library;
mod parameter;
mod participant;
mod session;
mod stream;
mod stream_transmitter;
mod transmitter;

pub mod debug;
pub mod defaults;

pub mod enums;
pub mod ffi;
pub mod keyfile;
pub mod messages;
pub mod plugin;
pub mod structures;

pub use boxed::{
    CandidateList, CandidateValue, CodecList, CodecParameterValue, CodecValue, FeedbackParameterValue,
    RtpHeaderExtensionList, RtpHeaderExtensionValue,
};
pub use conference::{Conference, ConferenceExt, ConferenceImpl, ConferenceImplExt};
pub use element_added_notifier::ElementAddedNotifier;
pub use error::{Error, code_of};
pub use participant::{DataLock, Participant, ParticipantExt, ParticipantImpl};
pub use plugin::Plugin;
pub use session::{Session, SessionExt, SessionImpl, SessionImplExt};
pub use stream::{Stream, StreamExt, StreamImpl, StreamImplExt};
pub use stream_transmitter::{
    StreamTransmitter, StreamTransmitterExt, StreamTransmitterImpl, StreamTransmitterImplExt,
};
pub use transmitter::{Transmitter, TransmitterExt, TransmitterImpl, TransmitterImplExt};

/// Everything that is used through traits.
pub mod prelude {
    pub use crate::conference::{ConferenceExt, ConferenceImpl, ConferenceImplExt};
    pub use crate::participant::{ParticipantExt, ParticipantImpl};
    pub use crate::session::{SessionExt, SessionImpl, SessionImplExt};
    pub use crate::stream::{StreamExt, StreamImpl, StreamImplExt};
    pub use crate::stream_transmitter::{
        StreamTransmitterExt, StreamTransmitterImpl, StreamTransmitterImplExt,
    };
    pub use crate::transmitter::{TransmitterExt, TransmitterImpl, TransmitterImplExt};
}
