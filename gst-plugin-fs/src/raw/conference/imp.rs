//! Implementation of `FsRawConference`.

use std::sync::atomic::{AtomicU32, Ordering};

use fs_core::prelude::*;
use fs_proto::MediaType;
use gst::prelude::*;
use gst::subclass::prelude::*;
use once_cell::sync::Lazy;

use crate::raw::participant::Participant;
use crate::raw::session::Session;
use crate::streaming_threads::StreamingThreads;

#[derive(Default)]
pub struct Conference {
    last_session: AtomicU32,
    threads: StreamingThreads,
}

impl Conference {
    pub(super) fn is_streaming_thread(&self) -> bool {
        self.threads.has_caller()
    }
}

#[glib::object_subclass]
impl ObjectSubclass for Conference {
    const NAME: &'static str = "FsRawConference";
    type Type = super::Conference;
    type ParentType = fs_core::Conference;
}

impl ObjectImpl for Conference {}

impl GstObjectImpl for Conference {}

impl ElementImpl for Conference {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: Lazy<gst::subclass::ElementMetadata> = Lazy::new(|| {
            gst::subclass::ElementMetadata::new(
                "Farstream Raw Conference",
                "Generic/Bin",
                "Exchanges media as it is, without RTP",
                "The Farstream authors",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: Lazy<Vec<gst::PadTemplate>> = Lazy::new(|| {
            let any = gst::Caps::new_any();
            [("sink_%d", gst::PadDirection::Sink), ("src_%d", gst::PadDirection::Src)]
                .into_iter()
                .map(|(name, direction)| {
                    gst::PadTemplate::new(name, direction, gst::PadPresence::Sometimes, &any)
                        .expect("name, direction and caps are valid")
                })
                .collect()
        });
        &TEMPLATES
    }
}

impl BinImpl for Conference {
    fn handle_message(&self, message: gst::Message) {
        self.threads.watch(&message);
        self.parent_handle_message(message);
    }
}

impl ConferenceImpl for Conference {
    fn new_session(&self, media_type: MediaType) -> Result<fs_core::Session, glib::Error> {
        let id = self.last_session.fetch_add(1, Ordering::Relaxed) + 1;
        Session::new(&self.obj(), media_type, id).map(Cast::upcast)
    }

    fn new_participant(&self) -> Result<fs_core::Participant, glib::Error> {
        Ok(glib::Object::new::<Participant>().upcast())
    }
}
