//! The element that makes the packets of telephony events: a live source that is silent between events.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use fs_proto::telephone_event::{EventPacket, EventSender};
use gst::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::base_src::CreateSuccess;
use gst_base::subclass::prelude::*;
use gst_rtp::rtp_buffer::RTPBufferExt;
use once_cell::sync::Lazy;

/// Silence between two events: 100 ms, which every detector of digits takes for a pause.
const GAP: gst::ClockTime = gst::ClockTime::from_mseconds(100);
/// RFC 4733 calls keys and other named events so, in contrast to tones.
const NAMED_EVENT: i32 = 1;
/// `FS_DTMF_METHOD_RTP_RFC4733`.
const METHOD: i32 = 1;
const MAX_PT: u32 = 127;

glib::wrapper! {
    /// A source of telephone-event packets.
    pub struct EventSrc(ObjectSubclass<Imp>)
        @extends gst_base::PushSrc, gst_base::BaseSrc, gst::Element, gst::Object;
}

impl EventSrc {
    /// A source of packets with that payload type and clock rate.
    pub fn new(pt: u32, clock_rate: u32) -> Self {
        glib::Object::builder().property("pt", pt).property("clock-rate", clock_rate).build()
    }
}

/// An event that was asked for.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    event: u8,
    volume: u8,
    not_before: gst::ClockTime,
}

#[derive(Debug, Default)]
struct State {
    pt: u32,
    clock_rate: u32,
    wanted: Option<Wanted>,
    stop: bool,
    sender: Option<EventSender>,
    /// Made, and waiting for its time.
    next: Option<EventPacket>,
    flushing: bool,
    wait: Option<gst::SingleShotClockId>,
}

/// Implementation; its lock is never held while anything is waited for or called.
#[derive(Debug, Default)]
pub struct Imp {
    state: Mutex<State>,
    changed: Condvar,
}

#[glib::object_subclass]
impl ObjectSubclass for Imp {
    const NAME: &'static str = "FsRtpTelephoneEventSrc";
    type Type = EventSrc;
    type ParentType = gst_base::PushSrc;
}

/// What to do next.
enum Step {
    Send(EventPacket),
    Over,
}

impl Imp {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for an event, then gives its packets one by one.
    fn next_step(&self) -> Result<Step, gst::FlowError> {
        let mut state = self.state();
        loop {
            if state.flushing {
                return Err(gst::FlowError::Flushing);
            }
            if let Some(packet) = state.next {
                return Ok(Step::Send(packet));
            }
            let stop = state.stop;
            if let Some(sender) = &mut state.sender {
                if stop {
                    sender.stop();
                }
                match sender.next_packet() {
                    Some(packet) => state.next = Some(packet),
                    None => {
                        (state.sender, state.wanted, state.stop) = (None, None, false);
                        return Ok(Step::Over);
                    }
                }
                continue;
            }
            if let Some(wanted) = state.wanted {
                let now = self.obj().current_running_time().unwrap_or_default();
                let began = now.max(wanted.not_before).nseconds();
                state.sender = Some(EventSender::new(wanted.event, wanted.volume, state.clock_rate, began));
                continue;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until the packet's time has come.
    fn wait_for(&self, packet: &EventPacket) -> Result<(), gst::FlowError> {
        let (Some(clock), Some(base)) = (self.obj().clock(), self.obj().base_time()) else { return Ok(()) };
        let id = clock.new_single_shot_id(base + gst::ClockTime::from_nseconds(packet.at));
        {
            let mut state = self.state();
            if state.flushing {
                return Err(gst::FlowError::Flushing);
            }
            state.wait = Some(id.clone());
        }
        // Its result says no more than what is looked at below.
        let _ = id.wait();
        let mut state = self.state();
        state.wait = None;
        if state.flushing {
            return Err(gst::FlowError::Flushing);
        }
        state.next = None;
        Ok(())
    }

    fn buffer(&self, packet: &EventPacket) -> Result<gst::Buffer, gst::FlowError> {
        let mut buffer = gst::Buffer::new_rtp_with_sizes(4, 0, 0).map_err(|_| gst::FlowError::Error)?;
        let buffer_mut = buffer.make_mut();
        buffer_mut.set_pts(gst::ClockTime::from_nseconds(packet.at));
        buffer_mut.set_duration(gst::ClockTime::from_nseconds(packet.lasts));
        let pt = self.state().pt;
        let mut rtp =
            gst_rtp::RTPBuffer::from_buffer_writable(buffer_mut).map_err(|_| gst::FlowError::Error)?;
        rtp.set_payload_type(u8::try_from(pt).unwrap_or_default());
        rtp.set_marker(packet.marker);
        rtp.set_timestamp(packet.timestamp);
        rtp.payload_mut().map_err(|_| gst::FlowError::Error)?.copy_from_slice(&packet.payload.write());
        drop(rtp);
        Ok(buffer)
    }

    fn tell(&self, name: &str, start: bool, wanted: Option<Wanted>) {
        let mut structure = gst::Structure::builder(name)
            .field("type", NAMED_EVENT)
            .field("method", METHOD)
            .field("start", start)
            .build();
        if let Some(wanted) = wanted {
            structure.set("number", i32::from(wanted.event));
            structure.set("volume", i32::from(wanted.volume));
        }
        let element = self.obj();
        let message = gst::message::Element::builder(structure).src(&*element).build();
        // Without a bus nobody listens.
        let _ = element.post_message(message);
    }

    /// The event `dtmf-event`: key down or key up.
    fn key(&self, structure: &gst::StructureRef) -> bool {
        let Ok(start) = structure.get::<bool>("start") else { return false };
        let number = |field: &str| structure.get::<i32>(field).ok().and_then(|n| u8::try_from(n).ok());
        let mut state = self.state();
        let taken = if start {
            let last_stop = structure.get::<u64>("last-stop").map(gst::ClockTime::from_nseconds);
            let not_before = last_stop.map(|stop| stop + GAP).unwrap_or_default();
            let wanted = number("number")
                .zip(number("volume"))
                .map(|(event, volume)| Wanted { event, volume, not_before })
                .filter(|_| state.wanted.is_none());
            state.wanted = state.wanted.or(wanted);
            wanted.is_some()
        } else {
            let playing = state.wanted.is_some();
            state.stop = playing;
            playing
        };
        drop(state);
        if taken {
            self.changed.notify_all();
        } else {
            self.tell("dtmf-event-dropped", start, None);
        }
        true
    }
}

impl ObjectImpl for Imp {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(|| {
            vec![
                glib::ParamSpecUInt::builder("pt")
                    .nick("Payload type")
                    .blurb("The payload type of the packets")
                    .maximum(MAX_PT)
                    .construct_only()
                    .build(),
                glib::ParamSpecUInt::builder("clock-rate")
                    .nick("Clock rate")
                    .blurb("The clock rate of the timestamps, in Hz")
                    .default_value(8000)
                    .construct_only()
                    .build(),
            ]
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let number = value.get().unwrap_or_default();
        match pspec.name() {
            "pt" => self.state().pt = number,
            _ => self.state().clock_rate = number,
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "pt" => self.state().pt.to_value(),
            _ => self.state().clock_rate.to_value(),
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        self.obj().set_live(true);
        self.obj().set_format(gst::Format::Time);
    }
}

impl GstObjectImpl for Imp {}

impl ElementImpl for Imp {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: Lazy<gst::subclass::ElementMetadata> = Lazy::new(|| {
            gst::subclass::ElementMetadata::new(
                "Telephone event source",
                "Source/Network",
                "Makes the packets of telephony events (RFC 4733)",
                "The Farstream authors",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: Lazy<Vec<gst::PadTemplate>> = Lazy::new(|| {
            let caps = gst::Caps::builder("application/x-rtp")
                .field("media", "audio")
                .field("encoding-name", "TELEPHONE-EVENT")
                .build();
            let template =
                gst::PadTemplate::new("src", gst::PadDirection::Src, gst::PadPresence::Always, &caps);
            vec![template.expect("name, direction and caps are valid")]
        });
        &TEMPLATES
    }
}

impl BaseSrcImpl for Imp {
    fn is_seekable(&self) -> bool {
        false
    }

    fn caps(&self, filter: Option<&gst::Caps>) -> Option<gst::Caps> {
        let (pt, clock_rate) = {
            let state = self.state();
            (i32::try_from(state.pt).ok()?, i32::try_from(state.clock_rate).ok()?)
        };
        // The muxer counts timestamps from this offset on.
        let caps = gst::Caps::builder("application/x-rtp")
            .field("media", "audio")
            .field("payload", pt)
            .field("clock-rate", clock_rate)
            .field("encoding-name", "TELEPHONE-EVENT")
            .field("timestamp-offset", 0u32)
            .build();
        Some(match filter {
            Some(filter) => filter.intersect_with_mode(&caps, gst::CapsIntersectMode::First),
            None => caps,
        })
    }

    fn event(&self, event: &gst::Event) -> bool {
        match (event.type_(), event.structure()) {
            (gst::EventType::CustomUpstream, Some(structure)) if structure.name() == "dtmf-event" => {
                self.key(structure)
            }
            _ => self.parent_event(event),
        }
    }

    fn unlock(&self) -> Result<(), gst::ErrorMessage> {
        let mut state = self.state();
        state.flushing = true;
        if let Some(wait) = state.wait.take() {
            wait.unschedule();
        }
        drop(state);
        self.changed.notify_all();
        Ok(())
    }

    fn unlock_stop(&self) -> Result<(), gst::ErrorMessage> {
        self.state().flushing = false;
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        let mut state = self.state();
        (state.sender, state.next, state.wanted, state.stop) = (None, None, None, false);
        Ok(())
    }
}

impl PushSrcImpl for Imp {
    fn create(&self, _buffer: Option<&mut gst::BufferRef>) -> Result<CreateSuccess, gst::FlowError> {
        loop {
            match self.next_step()? {
                Step::Send(packet) => {
                    self.wait_for(&packet)?;
                    if packet.marker {
                        let wanted = self.state().wanted;
                        self.tell("dtmf-event-processed", true, wanted);
                    }
                    return Ok(CreateSuccess::NewBuffer(self.buffer(&packet)?));
                }
                Step::Over => self.tell("dtmf-event-processed", false, None),
            }
        }
    }
}
