//! Rate control of a video session: lets [`fs_proto::tfrc`] see packets and reports, and the encoder its rate.
//!
//! ```text
//! muxer ▶ packet modder ▶ rtpbin          waits and stamps          transmitters ▶ (probe) ▶ rtpbin   reads stamps
//! RTPSession: on-sending-rtcp             adds our reports          on-feedback-rtcp                 takes theirs
//! ```
//! All of that is there only once rate control was negotiated: feedback `tfrc` and `nack pli` of a codec, and the header
//! extension `rtt-sendts` in both directions. The rate it finds is the session's `send-bitrate`. Until somebody reports,
//! the application's `send-bitrate` or the encoder's own rate stands.
//!
//! Locks: `inner` is the innermost of all; nothing of GStreamer or of the session is called while it is held.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fs_core::prelude::*;
use fs_proto::negotiation::Outcome;
use fs_proto::tfrc::{Control, FEEDBACK_FORMAT, Feedback, RTT_SENDTS, Stamp, Variant};
use fs_proto::{MediaType, StreamDirection};
use glib::subclass::prelude::*;
use glib::translate::{IntoGlibPtr, ToGlibPtr};
use gst::prelude::*;
use gst_rtp::RTPBuffer;

use super::element;
use super::packet_modder::PacketModder;
use super::session::graph::{Graph, InternalSession};
use super::session::imp;
use crate::debug::TFRC as CAT;

/// RTCP packet type of transport-layer feedback.
const TRANSPORT_FEEDBACK: u32 = 205;
/// What RTCP may take, in bit/s: ten packets a second, which is how often we report.
const RTCP_BITS_PER_SECOND: f64 = 24_000.0;
/// What RTCP takes of the session's bit rate otherwise.
pub(super) const RTCP_FRACTION: f64 = 0.05;
/// Time between regular RTCP packets under rate control, in ms.
pub(super) const RTCP_INTERVAL_MS: u32 = 100;
/// The encoder is told of changes by more than this part of the rate only.
const WORTH_TELLING: f64 = 1.0 / 32.0;

/// What was negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Terms {
    /// Id of the header extension.
    extension: u8,
    /// One bit for each payload type under control.
    payload_types: u128,
}

impl Terms {
    fn of(media: MediaType, outcome: &Outcome) -> Option<Self> {
        let extension = outcome
            .header_extensions
            .iter()
            .find(|e| e.uri.eq_ignore_ascii_case(RTT_SENDTS) && e.direction == StreamDirection::BOTH)
            .filter(|_| media == MediaType::Video)?;
        let controlled = outcome.associations.visible().filter(|a| {
            let feedback = &a.codec.feedback_params;
            feedback.iter().any(|p| p.kind.eq_ignore_ascii_case("tfrc"))
        });
        let payload_types = controlled
            .filter_map(|a| u8::try_from(a.codec.id).ok().filter(|pt| *pt < 128))
            .fold(0, |set, pt| set | 1u128 << pt);
        let extension = u8::try_from(extension.id).ok().filter(|id| *id > 0)?;
        (payload_types != 0).then_some(Self { extension, payload_types })
    }

    fn has(&self, payload_type: u8) -> bool {
        payload_type < 128 && self.payload_types >> payload_type & 1 == 1
    }
}

struct Inner {
    terms: Option<Terms>,
    control: Control,
    /// The rate the encoder knows, in bit/s.
    told: Option<u32>,
    /// In the path.
    modder: Option<PacketModder>,
    /// Packets and reports are looked at.
    watching: bool,
    timer: Option<(Duration, gst::SingleShotClockId)>,
}

/// Rate control of one session; copies share it.
#[derive(Clone)]
pub struct RateControl {
    epoch: Instant,
    inner: Arc<Mutex<Inner>>,
}

impl Default for RateControl {
    fn default() -> Self {
        let control = Control::new(Variant::Standard, Duration::ZERO);
        let inner = Inner { terms: None, control, told: None, modder: None, watching: false, timer: None };
        Self { epoch: Instant::now(), inner: Arc::new(Mutex::new(inner)) }
    }
}

impl RateControl {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    /// Whether it was negotiated.
    pub fn is_on(&self) -> bool {
        self.inner().terms.is_some()
    }

    /// What must be removed from the conference at the end of the session; nothing is done later.
    pub fn end(&self) -> Option<PacketModder> {
        let mut inner = self.inner();
        inner.terms = None;
        if let Some((_, timer)) = inner.timer.take() {
            timer.unschedule();
        }
        inner.modder.take()
    }

    /// A source left. The encoder keeps the rate that it was told last until somebody else reports.
    pub fn forget(&self, ssrc: u32) {
        self.inner().control.forget(ssrc);
    }

    /// Whether that payload type is under control.
    fn governs(&self, payload_type: i32) -> bool {
        let terms = self.inner().terms;
        u8::try_from(payload_type).is_ok_and(|pt| terms.is_some_and(|terms| terms.has(pt)))
    }

    /// Takes over what was negotiated; true if that turns it on or off.
    fn set_terms(&self, terms: Option<Terms>) -> bool {
        let mut inner = self.inner();
        let changed = inner.terms.is_some() != terms.is_some();
        if changed {
            inner.control = Control::new(Variant::Standard, self.now());
            inner.told = None;
            if let Some((_, timer)) = inner.timer.take() {
                timer.unschedule();
            }
        }
        inner.terms = terms;
        changed
    }

    /// The rate in bit/s, if it differs from the one that was told; none while nobody has reported.
    fn news(&self) -> Option<u32> {
        let mut inner = self.inner();
        inner.terms?;
        let rate = (inner.control.byte_rate()? * 8.0).clamp(1.0, f64::from(u32::MAX));
        let told = inner.told.map_or(0.0, f64::from);
        if (rate - told).abs() <= told * WORTH_TELLING {
            return None;
        }
        inner.told = Some(rate as u32);
        inner.told
    }

    /// A packet came; true if a report should leave at once.
    fn on_packet(&self, buffer: &gst::BufferRef) -> bool {
        let Ok(packet) = RTPBuffer::from_buffer_readable(buffer) else { return false };
        let now = self.now();
        let mut inner = self.inner();
        let Some(terms) = inner.terms.filter(|terms| terms.has(packet.payload_type())) else {
            return false;
        };
        let stamp = match terms.extension {
            id @ 1..=14 => packet.extension_onebyte_header(id, 0),
            id => packet.extension_twobytes_header(id, 0).map(|(_, data)| data),
        };
        let stamp = stamp.and_then(Stamp::from_bytes);
        inner.control.on_packet(now, packet.ssrc(), packet.seq(), stamp, buffer.size())
    }
}

impl InternalSession {
    /// Calls for each feedback packet: the session, packet type, format, who sent it, whom it is about, its content.
    pub(super) fn on_feedback(
        &self,
        act: impl Fn(&glib::Object, u32, u32, u32, u32, &[u8]) + Send + Sync + 'static,
    ) {
        self.0.connect("on-feedback-rtcp", false, move |values| {
            let internal = values.first()?.get::<glib::Object>().ok()?;
            let number = |i: usize| values.get(i)?.get::<u32>().ok();
            let fci = values.get(5)?.get::<Option<gst::Buffer>>().ok().flatten();
            let fci = fci.and_then(|fci| fci.into_mapped_buffer_readable().ok());
            let fci = fci.as_ref().map(|fci| fci.as_slice()).unwrap_or_default();
            act(&internal, number(1)?, number(2)?, number(3)?, number(4)?, fci);
            None
        });
    }

    /// RTCP as soon as the rules of RFC 4585 allow.
    fn ask_for_rtcp(&self) {
        self.0.emit_by_name::<()>("send-rtcp", &[&0u64]);
    }
}

impl imp::Session {
    /// Negotiation came to an end: turns rate control on or off as it says.
    pub(super) fn negotiated_rate_control(&self) {
        let terms = Terms::of(self.media_type(), &self.state().outcome);
        let rate = self.rate_control();
        let turned = rate.set_terms(terms);
        let (Some(graph), Some(internal)) =
            (self.graph(), self.graph().and_then(|g| g.internal_session.clone()))
        else {
            return;
        };
        let modder = rate.inner().modder.clone();
        if let (Some(terms), Some(modder)) = (terms, modder) {
            modder.set_extension(terms.extension);
        }
        if !turned {
            return;
        }
        gst::info!(CAT, "session {}: rate control: {terms:?}", self.id());
        let fraction = if terms.is_some() { RTCP_BITS_PER_SECOND } else { RTCP_FRACTION };
        internal.0.set_property("rtcp-fraction", fraction);
        self.update_rtcp_interval();
        match terms {
            Some(terms) => {
                let watching = std::mem::replace(&mut rate.inner().watching, true);
                if !watching {
                    self.watch_packets(&graph, &internal);
                }
                let modder = self.new_modder(terms);
                self.replace_modder(graph, Some(modder));
            }
            None => self.replace_modder(graph, None),
        }
    }

    fn watch_packets(&self, graph: &Graph, internal: &InternalSession) {
        let weak = self.obj().downgrade();
        let rate = self.rate_control().clone();
        let session = internal.clone();
        if let Some(pad) = graph.recv_rtp_sink() {
            let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
            pad.add_probe(mask, move |_, info| {
                let wanted = match &info.data {
                    Some(gst::PadProbeData::Buffer(buffer)) => rate.on_packet(buffer),
                    Some(gst::PadProbeData::BufferList(list)) => {
                        list.iter().fold(false, |wanted, buffer| wanted | rate.on_packet(buffer))
                    }
                    _ => false,
                };
                if wanted {
                    session.ask_for_rtcp();
                }
                if let Some(session) = weak.upgrade() {
                    session.imp().arm_rate_timer();
                }
                gst::PadProbeReturn::Ok
            });
        }
        let rate = self.rate_control().clone();
        internal.0.connect("on-sending-rtcp", false, move |values| {
            let added = values.first().and_then(|internal| {
                let internal = internal.get::<glib::Object>().ok()?;
                add_reports(&rate, &internal, values.get(1)?)
            });
            Some(added.is_some().to_value())
        });
        let weak = self.obj().downgrade();
        internal.on_feedback(move |internal, kind, format, reporter, media, fci| {
            if kind != TRANSPORT_FEEDBACK || format != u32::from(FEEDBACK_FORMAT) {
                return;
            }
            let ours = media == internal.property::<u32>("internal-ssrc");
            if let (true, Some(session), Some(feedback)) = (ours, weak.upgrade(), Feedback::from_bytes(fci)) {
                session.imp().rate_reported(reporter, &feedback);
            }
        });
    }

    fn rate_reported(&self, reporter: u32, feedback: &Feedback) {
        let rate = self.rate_control();
        let taken = {
            let mut inner = rate.inner();
            inner.terms.is_some() && inner.control.on_feedback(rate.now(), reporter, feedback)
        };
        gst::log!(CAT, "session {}: {reporter:08x} reports {feedback:?}, taken: {taken}", self.id());
        if taken {
            self.tell_rate();
            self.arm_rate_timer();
        }
    }

    /// Gives the encoders their rate if it changed.
    fn tell_rate(&self) {
        let Some(bitrate) = self.rate_control().news() else { return };
        gst::debug!(CAT, "session {}: {bitrate} bit/s", self.id());
        let governed = {
            let state = self.state();
            let sent = state.send.current.as_ref().map(|current| current.association.codec.id);
            sent.is_none_or(|pt| self.rate_control().governs(pt))
        };
        if governed {
            self.set_send_bitrate(bitrate);
        }
    }

    /// Calls when the next deadline is over.
    fn arm_rate_timer(&self) {
        let rate = self.rate_control();
        let (id, due) = {
            let mut inner = rate.inner();
            let Some(due) = inner.control.deadline().filter(|_| inner.terms.is_some()) else { return };
            if inner.timer.as_ref().is_some_and(|(armed, _)| *armed <= due) {
                return;
            }
            if let Some((_, id)) = inner.timer.take() {
                id.unschedule();
            }
            let clock = gst::SystemClock::obtain();
            let wait = gst::ClockTime::try_from(due.saturating_sub(rate.now())).unwrap_or_default();
            let id = clock.new_single_shot_id(clock.time() + wait);
            inner.timer = Some((due, id.clone()));
            (id, due)
        };
        let weak = self.obj().downgrade();
        // It fails only if the id was unscheduled meanwhile, and then it is not needed any more.
        let _ = id.wait_async(move |_, _, _| {
            let Some(session) = weak.upgrade() else { return };
            let Some(conference) = session.imp().conference() else { return };
            conference.call_async(move |_| session.imp().rate_deadline(due));
        });
    }

    fn rate_deadline(&self, due: Duration) {
        let rate = self.rate_control();
        let wanted = {
            let mut inner = rate.inner();
            if inner.timer.as_ref().is_none_or(|(armed, _)| *armed != due) {
                return;
            }
            inner.timer = None;
            inner.control.on_deadline(rate.now())
        };
        if let Some(internal) = self.internal_session().filter(|_| wanted) {
            InternalSession(internal).ask_for_rtcp();
        }
        self.tell_rate();
        self.arm_rate_timer();
    }

    fn new_modder(&self, terms: Terms) -> PacketModder {
        let rate = self.rate_control().clone();
        let weak = self.obj().downgrade();
        let decide = move |size: usize| {
            let sending = {
                let now = rate.now();
                let mut inner = rate.inner();
                inner.terms?;
                inner.control.on_sending(now, size)
            };
            if let Some(session) = weak.upgrade() {
                session.imp().arm_rate_timer();
            }
            Some(sending)
        };
        let name = format!("send_rtp_modder_{}", self.id());
        PacketModder::new(&name, terms.extension, Box::new(decide))
    }

    /// Puts another packet modder, or none, between muxer and rtpbin as soon as no packet is on its way there.
    fn replace_modder(&self, graph: Arc<Graph>, new: Option<PacketModder>) {
        let Some(pad) = graph.muxer().static_pad("src") else { return };
        let weak = self.obj().downgrade();
        let new = Mutex::new(Some(new));
        pad.add_probe(gst::PadProbeType::IDLE, move |pad, _| {
            let new = new.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let (Some(session), Some(new)) = (weak.upgrade(), new) {
                let old = std::mem::replace(&mut session.imp().rate_control().inner().modder, new.clone());
                if let Err(error) = relink(&graph, pad, old, new) {
                    session.emit_error(fs_core::Error::Construction, error.message());
                }
            }
            gst::PadProbeReturn::Remove
        });
    }
}

/// What the muxer gives goes through `new`, or straight to rtpbin.
fn relink(
    graph: &Graph,
    from: &gst::Pad,
    old: Option<PacketModder>,
    new: Option<PacketModder>,
) -> Result<(), glib::Error> {
    let to =
        graph.send_rtp_sink().ok_or_else(|| element::construction("rtpbin takes no packets any more"))?;
    if let Some(peer) = from.peer() {
        // They are linked, so they can be unlinked.
        let _ = from.unlink(&peer);
    }
    old.iter().for_each(element::remove);
    let Some(new) = new else { return element::link(from, &to) };
    element::add(graph.bin(), &new)?;
    element::link(&element::static_pad(&new, "src")?, &to)?;
    element::start(&new)?;
    element::link(from, &element::static_pad(&new, "sink")?)
}

/// Adds our reports to an RTCP packet that leaves now; `None` if there are none.
fn add_reports(rate: &RateControl, internal: &glib::Object, packet: &glib::Value) -> Option<()> {
    let reports = {
        let mut inner = rate.inner();
        inner.terms?;
        inner.control.feedback(rate.now())
    };
    if reports.is_empty() {
        return None;
    }
    let ours = internal.property::<u32>("internal-ssrc");
    let bytes: Vec<u8> = reports.iter().flat_map(|(about, report)| report.to_rtcp(ours, *about)).collect();
    let memory = gst::Memory::from_slice(bytes);
    if !packet.is::<gst::Buffer>() {
        return None;
    }
    // SAFETY: the signal's second argument is a GstBuffer that the caller keeps until all handlers have returned, and
    // lends for writing; the value holds no reference of its own. Type, presence and writability are checked.
    unsafe {
        let buffer: *mut gst::ffi::GstBuffer =
            glib::gobject_ffi::g_value_get_boxed(packet.to_glib_none().0).cast();
        if buffer.is_null() || gst::ffi::gst_mini_object_is_writable(buffer.cast()) == glib::ffi::GFALSE {
            return None;
        }
        gst::ffi::gst_buffer_append_memory(buffer, memory.into_glib_ptr());
    }
    gst::log!(CAT, "reporting {reports:?}");
    Some(())
}
