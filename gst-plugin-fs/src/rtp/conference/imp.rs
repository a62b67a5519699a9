//! Implementation of `FsRtpConference`.
//!
//! Locks: each is held for a look or a write only, never across a call.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use fs_core::prelude::*;
use fs_proto::MediaType;
use gst::prelude::*;
use gst::subclass::prelude::*;
use once_cell::sync::Lazy;

use crate::children;
use crate::debug::CONFERENCE as CAT;
use crate::rtp::element;
use crate::rtp::participant::Participant;
use crate::rtp::session::Session;
use crate::rtp::stats::{Received, Sent};
use crate::streaming_threads::StreamingThreads;

const DEFAULT_LATENCY: u32 = 100;
/// How many SSRCs a session receives at once. Each costs a jitter buffer with two threads, and anybody who can
/// reach the port can send packets with new ones.
const MAX_SSRCS: u32 = 64;

#[derive(Default)]
pub struct Conference {
    rtpbin: OnceLock<gst::Element>,
    last_session: AtomicU32,
    sessions: Mutex<BTreeMap<u32, glib::WeakRef<Session>>>,
    threads: StreamingThreads,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Conference {
    pub(super) fn rtpbin(&self) -> Option<gst::Element> {
        self.rtpbin.get().cloned()
    }

    pub(super) fn latency(&self) -> u32 {
        self.rtpbin.get().map_or(DEFAULT_LATENCY, |rtpbin| rtpbin.property("latency"))
    }

    /// The session of that number, if it is still used.
    pub(super) fn session(&self, id: u32) -> Option<Session> {
        lock(&self.sessions).get(&id).and_then(glib::WeakRef::upgrade)
    }

    /// All sessions that are still used.
    pub(super) fn sessions(&self) -> Vec<Session> {
        lock(&self.sessions).values().filter_map(glib::WeakRef::upgrade).collect()
    }

    /// Lets rtpbin's signals reach a session.
    pub(in crate::rtp) fn register(&self, session: &Session) {
        lock(&self.sessions).insert(session.imp().id(), session.downgrade());
    }

    /// The session was destroyed.
    pub(in crate::rtp) fn unregister(&self, id: u32) {
        lock(&self.sessions).remove(&id);
    }

    pub(super) fn is_streaming_thread(&self) -> bool {
        self.threads.has_caller(&*self.obj())
    }

    /// `stats`: the sums of all sessions, and each of them.
    fn statistics(&self) -> gst::Structure {
        let mut structure = gst::Structure::new_empty("application/x-farstream-conference-stats");
        let (mut sent, mut received) = (Sent::default(), Received::default());
        for session in self.sessions() {
            let session = session.imp();
            structure.set(format!("session-{}", session.id()), session.statistics(&mut received));
            sent.add(&session.sent());
        }
        sent.write(&mut structure);
        received.write(&mut structure);
        structure
    }

    pub(in crate::rtp) fn needs_rtpbin(&self) -> Result<gst::Element, glib::Error> {
        self.rtpbin().ok_or_else(|| {
            element::construction("element 'rtpbin' is missing: install GStreamer's rtpmanager plugin")
        })
    }

    fn connect_rtpbin(&self, rtpbin: &gst::Element) {
        let weak = self.obj().downgrade();
        rtpbin.connect("request-pt-map", false, move |values| {
            let caps = (|| {
                let (session, pt) = (values.get(1)?.get::<u32>().ok()?, values.get(2)?.get::<u32>().ok()?);
                let session = weak.upgrade()?.imp().session(session)?;
                session.imp().pt_map(u8::try_from(pt).ok()?)
            })();
            Some(caps.to_value())
        });
        let weak = self.obj().downgrade();
        rtpbin.connect_pad_added(move |_, pad| {
            let Some((session, ssrc, pt)) = received(pad) else { return };
            if let Some(session) = weak.upgrade().and_then(|c| c.imp().session(session)) {
                session.imp().pad_added(pad, (ssrc, pt));
            }
        });
        let weak = self.obj().downgrade();
        rtpbin.connect_pad_removed(move |_, pad| {
            let Some((session, ssrc, pt)) = received(pad) else { return };
            if let Some(session) = weak.upgrade().and_then(|c| c.imp().session(session)) {
                session.imp().pad_removed((ssrc, pt));
            }
        });
        crate::rtp::jitter_buffer::use_in(rtpbin);
        let weak = self.obj().downgrade();
        rtpbin.connect("new-jitterbuffer", false, move |values| {
            let buffer = values.get(1)?.get::<gst::Element>().ok()?;
            let (session, ssrc) = (values.get(2)?.get::<u32>().ok()?, values.get(3)?.get::<u32>().ok()?);
            weak.upgrade()?.imp().session(session)?.imp().watch_jitter_buffer(ssrc, &buffer);
            None
        });
        self.on_source(rtpbin, "on-ssrc-sdes", |session, ssrc| session.imp().source_described(ssrc));
        self.on_source(rtpbin, "on-bye-ssrc", |session, ssrc| session.imp().source_said_bye(ssrc));
        self.on_source(rtpbin, "on-bye-timeout", |session, ssrc| session.imp().source_timed_out(ssrc));
        self.on_source(rtpbin, "on-timeout", |session, ssrc| session.imp().source_timed_out(ssrc));
        self.on_source(rtpbin, "on-ssrc-validated", |session, _| session.imp().request_key_unit());
    }

    /// Connects to a signal of rtpbin about an SSRC of a session.
    fn on_source(&self, rtpbin: &gst::Element, signal: &str, act: fn(&Session, u32)) {
        let weak = self.obj().downgrade();
        rtpbin.connect(signal, false, move |values| {
            let (session, ssrc) = (values.get(1)?.get::<u32>().ok()?, values.get(2)?.get::<u32>().ok()?);
            if let Some(session) = weak.upgrade()?.imp().session(session) {
                act(&session, ssrc);
            }
            None
        });
    }
}

/// How long jitter buffers hold packets, in ms. What comes later than that is never played, so sequence numbers that lie
/// further back are no late packets: the source began to count anew, as after a transfer.
fn set_latency(rtpbin: &gst::Element, latency: u32) {
    rtpbin.set_property("latency", latency);
    rtpbin.set_property("max-misorder-time", latency);
}

/// Session, SSRC and payload type in the name of a pad that rtpbin receives on.
fn received(pad: &gst::Pad) -> Option<(u32, u32, u8)> {
    let name = pad.name();
    let mut parts = name.strip_prefix("recv_rtp_src_")?.split('_');
    let session = parts.next()?.parse().ok()?;
    let ssrc = parts.next()?.parse().ok()?;
    let pt = parts.next()?.parse().ok()?;
    parts.next().is_none().then_some((session, ssrc, pt))
}

#[glib::object_subclass]
impl ObjectSubclass for Conference {
    const NAME: &'static str = "FsRtpConference";
    type Type = super::Conference;
    type ParentType = fs_core::Conference;
    type Interfaces = (gst::ChildProxy,);
}

impl ObjectImpl for Conference {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(|| {
            vec![
                glib::ParamSpecBoxed::builder::<gst::Structure>("sdes")
                    .nick("SDES items")
                    .blurb("What RTCP says about us: cname, name, email, phone, location, tool, note")
                    .build(),
                glib::ParamSpecUInt::builder("latency")
                    .nick("Latency")
                    .blurb("How long jitter buffers hold packets, in ms")
                    .default_value(DEFAULT_LATENCY)
                    .build(),
                crate::statistics::property(),
            ]
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let Some(rtpbin) = self.rtpbin.get() else { return };
        match (pspec.name(), value.get::<u32>()) {
            ("latency", Ok(latency)) => set_latency(rtpbin, latency),
            (name, _) => rtpbin.set_property_from_value(name, value),
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match self.rtpbin.get() {
            _ if pspec.name() == "stats" => self.statistics().to_value(),
            Some(rtpbin) => rtpbin.property_value(pspec.name()),
            None => pspec.default_value().clone(),
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        let Ok(rtpbin) = element::make("rtpbin", None) else {
            gst::error!(CAT, imp = self, "element 'rtpbin' is missing");
            return;
        };
        set_latency(&rtpbin, DEFAULT_LATENCY);
        rtpbin.set_property("max-streams", MAX_SSRCS);
        if self.obj().add(&rtpbin).is_err() {
            gst::error!(CAT, imp = self, "can't add rtpbin");
            return;
        }
        self.connect_rtpbin(&rtpbin);
        let _ = self.rtpbin.set(rtpbin);
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
                "Farstream RTP Conference",
                "Generic/Bin/RTP",
                "Calls with any number of peers over RTP",
                "The Farstream authors",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: Lazy<Vec<gst::PadTemplate>> = Lazy::new(|| {
            let any = gst::Caps::new_any();
            [("sink_%u", gst::PadDirection::Sink), ("src_%u_%u_%u", gst::PadDirection::Src)]
                .into_iter()
                .map(|(name, direction)| {
                    gst::PadTemplate::new(name, direction, gst::PadPresence::Sometimes, &any)
                        .expect("name, direction and caps are valid")
                })
                .collect()
        });
        &TEMPLATES
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        if transition == gst::StateChange::NullToReady && self.rtpbin.get().is_none() {
            gst::error!(CAT, imp = self, "element 'rtpbin' is missing");
            return Err(gst::StateChangeError);
        }
        if transition == gst::StateChange::ReadyToPaused {
            self.sessions().iter().for_each(|session| session.imp().resume_sequence());
        }
        let changed = self.parent_change_state(transition)?;
        if transition == gst::StateChange::PausedToPlaying {
            self.sessions().iter().for_each(|session| session.imp().review_events());
        }
        Ok(changed)
    }
}

impl BinImpl for Conference {
    fn handle_message(&self, message: gst::Message) {
        self.threads.watch(&message);
        if !self.is_event_answer(&message) {
            self.parent_handle_message(message);
        }
    }
}

impl ConferenceImpl for Conference {
    fn new_session(&self, media_type: MediaType) -> Result<fs_core::Session, glib::Error> {
        self.needs_rtpbin()?;
        let id = self.last_session.fetch_add(1, Ordering::Relaxed) + 1;
        Session::new(&self.obj(), media_type, id).map(Cast::upcast)
    }

    fn new_participant(&self) -> Result<fs_core::Participant, glib::Error> {
        self.needs_rtpbin()?;
        Ok(Participant::new().upcast())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn received_pads_are_known_by_their_names() {
        gst::init().expect("GStreamer works");
        let pad = |name: &str| gst::Pad::builder(gst::PadDirection::Src).name(name).build();
        assert_eq!(received(&pad("recv_rtp_src_1_4294967295_96")), Some((1, u32::MAX, 96)));
        assert_eq!(received(&pad("send_rtp_src_1")), None);
        assert_eq!(received(&pad("recv_rtp_src_1_2")), None);
        assert_eq!(received(&pad("recv_rtp_src_1_2_300")), None);
    }
}
