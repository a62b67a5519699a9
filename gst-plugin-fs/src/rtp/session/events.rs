//! Received telephony events: each is reported once when it begins and once when it ends.
//!
//! A probe in front of the depayloader reads the packets, which the jitter buffer has put in order. It has a lock of its
//! own and touches the session only when there is something to report.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fs_core::messages;
use fs_proto::Codec;
use fs_proto::telephone_event::{EventPayload, EventReceiver, Received};
use glib::subclass::prelude::*;
use gst::prelude::*;

use super::imp;
use super::ssrc_map::StreamId;
use super::timer::Task;
use crate::debug::CONFERENCE as CAT;
use crate::rtp::substream::SubstreamKey;

/// An event of which nothing came for so long has ended; its last packets were lost.
const SILENCE: Duration = Duration::from_millis(500);

/// What one substream says about events.
#[derive(Debug)]
struct Ear {
    receiver: EventReceiver,
    last: Instant,
}

/// The ear of a substream, shared with its probe.
#[derive(Clone, Debug)]
pub struct EventEar(Arc<Mutex<Ear>>);

impl EventEar {
    fn new(clock_rate: u32) -> Self {
        Self(Arc::new(Mutex::new(Ear { receiver: EventReceiver::new(clock_rate), last: Instant::now() })))
    }

    fn with<R>(&self, act: impl FnOnce(&mut Ear) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn packet(&self, buffer: &gst::BufferRef) -> Vec<Received> {
        let Ok(rtp) = gst_rtp::RTPBuffer::from_buffer_readable(buffer) else { return Vec::new() };
        let Some(payload) = rtp.payload().ok().and_then(EventPayload::read) else { return Vec::new() };
        self.with(|ear| {
            ear.last = Instant::now();
            ear.receiver.packet(rtp.timestamp(), rtp.is_marker(), payload)
        })
    }
}

impl imp::Session {
    /// Listens to the packets that go into a decoder, if they are telephony events.
    pub(super) fn listen_for_events(&self, key: SubstreamKey, decoder: &gst::Bin, codec: Option<&Codec>) {
        let Some(codec) = codec.filter(|c| c.is_encoding("telephone-event")) else { return };
        let Some(pad) = decoder.static_pad("sink") else { return };
        let ear = EventEar::new(codec.clock_rate);
        self.state().ears.insert(key, ear.clone());
        let weak = self.obj().downgrade();
        pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, info| {
            let news: Vec<Received> = match &info.data {
                Some(gst::PadProbeData::Buffer(buffer)) => ear.packet(buffer),
                Some(gst::PadProbeData::BufferList(list)) => {
                    list.iter().flat_map(|b| ear.packet(b)).collect()
                }
                _ => Vec::new(),
            };
            if !news.is_empty()
                && let Some(session) = weak.upgrade()
            {
                session.imp().report_events(key, &news);
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// The substream is gone, or another decoder takes its place: an event that plays ends.
    pub(super) fn stop_listening(&self, key: SubstreamKey, stream: Option<StreamId>) {
        let ear = self.state().ears.remove(&key);
        if let Some(news) = ear.and_then(|ear| ear.with(|ear| ear.receiver.silence())) {
            self.report_to(stream, key, &[news]);
        }
    }

    /// Looks whether an event still plays of which nothing was heard.
    pub(super) fn check_event(&self, key: SubstreamKey) {
        let Some(ear) = self.state().ears.get(&key).cloned() else { return };
        let (news, again) = ear.with(|ear| {
            let due = ear.last + SILENCE;
            if due <= Instant::now() {
                (ear.receiver.silence(), None)
            } else {
                (None, Some(due).filter(|_| ear.receiver.is_playing()))
            }
        });
        if let Some(due) = again {
            self.state().timers.add(due, Task::CheckEvent(key));
        }
        if let Some(news) = news {
            self.report_events(key, &[news]);
        }
    }

    fn report_events(&self, key: SubstreamKey, news: &[Received]) {
        let stream = self.state().substreams.get(&key).and_then(|substream| substream.stream);
        if matches!(news.last(), Some(Received::Started { .. })) {
            self.state().timers.add(Instant::now() + SILENCE, Task::CheckEvent(key));
            self.arm_timer();
        }
        self.report_to(stream, key, news);
    }

    fn report_to(&self, stream: Option<StreamId>, (ssrc, _): SubstreamKey, news: &[Received]) {
        let Some(stream) = stream.and_then(|id| self.state().stream_object(id)) else { return };
        let session = self.obj();
        let (session, stream) = (session.upcast_ref(), stream.upcast_ref());
        for each in news {
            gst::debug!(CAT, "session {}: SSRC {ssrc:08x}: {each:?}", self.id());
            self.post(match *each {
                Received::Started { event, volume } => {
                    messages::telephony_event_received(session, stream, event, volume, ssrc)
                }
                Received::Ended { event, duration } => {
                    messages::telephony_event_received_ended(session, stream, event, ssrc, duration)
                }
            });
        }
    }
}
