//! Implementation of `FsRawConference`.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use fs_core::prelude::*;
use fs_proto::MediaType;
use gst::prelude::*;
use gst::subclass::prelude::*;
use once_cell::sync::Lazy;

use crate::children;
use crate::raw::participant::Participant;
use crate::raw::session::Session;
use crate::streaming_threads::StreamingThreads;

/// What `stats` adds up.
const SUMS: [&str; 6] =
    ["packets-sent", "bytes-sent", "bitrate-sent", "packets-received", "bytes-received", "bitrate-received"];

#[derive(Default)]
pub struct Conference {
    last_session: AtomicU32,
    sessions: Mutex<Vec<glib::WeakRef<Session>>>,
    threads: StreamingThreads,
}

impl Conference {
    pub(super) fn is_streaming_thread(&self) -> bool {
        self.threads.has_caller(&*self.obj())
    }

    /// `stats`: those of each session, and their sums.
    fn statistics(&self) -> gst::Structure {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut structure = gst::Structure::new_empty("application/x-farstream-conference-stats");
        let mut sums = SUMS.map(|name| (name, 0u64));
        for session in sessions.iter().filter_map(glib::WeakRef::upgrade) {
            let of_session = session.imp().statistics();
            for (name, sum) in &mut sums {
                *sum += of_session.get::<u64>(*name).unwrap_or_default();
            }
            if let Ok(id) = of_session.get::<u32>("id") {
                structure.set(format!("session-{id}"), of_session);
            }
        }
        sums.iter().for_each(|(name, sum)| structure.set(*name, *sum));
        structure
    }
}

#[glib::object_subclass]
impl ObjectSubclass for Conference {
    const NAME: &'static str = "FsRawConference";
    type Type = super::Conference;
    type ParentType = fs_core::Conference;
    type Interfaces = (gst::ChildProxy,);
}

impl ObjectImpl for Conference {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(|| vec![crate::statistics::property()]);
        &PROPERTIES
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "stats" => self.statistics().to_value(),
            _ => pspec.default_value().clone(),
        }
    }
}

impl ChildProxyImpl for Conference {
    fn child_by_name(&self, name: &str) -> Option<glib::Object> {
        children::by_name(self.obj().upcast_ref(), name)
    }

    fn child_by_index(&self, index: u32) -> Option<glib::Object> {
        children::by_index(self.obj().upcast_ref(), index)
    }

    fn children_count(&self) -> u32 {
        children::count(self.obj().upcast_ref())
    }
}

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
        let session = Session::new(&self.obj(), media_type, id)?;
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|known| known.upgrade().is_some());
        sessions.push(session.downgrade());
        Ok(session.upcast())
    }

    fn new_participant(&self) -> Result<fs_core::Participant, glib::Error> {
        Ok(glib::Object::new::<Participant>().upcast())
    }
}
