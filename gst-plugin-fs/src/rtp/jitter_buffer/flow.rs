//! How packets and events go through the element.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use fs_proto::jitter_buffer::{Config, Header, JitterBuffer, Out};
use glib::translate::*;
use gst::prelude::*;

use super::rtcp::Report;
use super::threads::{self, Place, Work};
use crate::debug::CONFERENCE as CAT;
use crate::streaming_threads::push_through;

/// The fixed header of RTP (RFC 3550 section 5.1), in bytes.
const HEADER: usize = 12;
/// Packets that one turn of a thread hands on, so that a fast source leaves room for others.
const TURN: u32 = 64;

/// What keeps its place in the buffer.
#[derive(Debug)]
pub(super) enum Item {
    /// With its timestamp.
    Packet(gst::Buffer, u32),
    Event(gst::Event),
}

/// The part that the shared threads know.
#[derive(Debug)]
pub(super) struct Flow {
    pub pad: gst::Pad,
    state: Mutex<State>,
    place: Place,
    me: Weak<Self>,
}

/// Everything that changes.
#[derive(Debug)]
pub(super) struct State {
    pub buffer: JitterBuffer<Item>,
    pub segment: gst::FormattedSegment<gst::ClockTime>,
    pub playing: bool,
    pub flushing: bool,
    pub over: bool,
    /// What the element behind said last.
    pub flow: Result<gst::FlowSuccess, gst::FlowError>,
    /// The payload type whose clock rate is set.
    pub payload_type: Option<u8>,
    pub clock_rate: u32,
    /// Video comes in bursts, and its sender waits for word of them.
    pub is_audio: bool,
    pub send_lost: bool,
    /// How far the offset may move for each packet; 0: at once.
    pub most_adjustment_ns: u64,
    pub wanted_offset_ns: i64,
    /// The first timestamp of the source, where its caps say so.
    pub clock_base: Option<u64>,
    /// Timestamps of the newest that went in and the last that came out.
    pub newest: Option<u32>,
    pub last_out: Option<u32>,
    pub report: Option<(Report, gst::Buffer)>,
    pub last_report_ns: Option<u64>,
    pub cname: Option<(u32, String)>,
}

impl State {
    pub fn new() -> Self {
        Self {
            buffer: JitterBuffer::new(Config::default()),
            segment: gst::FormattedSegment::new(),
            playing: false,
            flushing: true,
            over: false,
            flow: Ok(gst::FlowSuccess::Ok),
            payload_type: None,
            clock_rate: 0,
            is_audio: false,
            send_lost: false,
            most_adjustment_ns: 0,
            wanted_offset_ns: 0,
            clock_base: None,
            newest: None,
            last_out: None,
            report: None,
            last_report_ns: None,
            cname: None,
        }
    }

    /// As if nothing had come yet.
    pub fn begin_anew(&mut self) {
        self.buffer.clear();
        self.segment = gst::FormattedSegment::new();
        self.over = false;
        self.flow = Ok(gst::FlowSuccess::Ok);
        (self.payload_type, self.clock_base) = (None, None);
        (self.newest, self.last_out) = (None, None);
        (self.report, self.last_report_ns) = (None, None);
    }

    /// A packet with that timestamp went in.
    pub fn note_newest(&mut self, timestamp: u32) {
        let is_newer = self.newest.is_none_or(|newest| timestamp.wrapping_sub(newest) < u32::MAX / 2);
        if is_newer {
            self.newest = Some(timestamp);
        }
    }

    /// Whether what is here can wait a while without harm: it is audio in order, and what came last, at `now_ns`, is to be played
    /// much later. What came before it has waited already.
    pub fn can_wait(&self, now_ns: u64) -> bool {
        let Some(playouts_ns) = self.buffer.playouts_ns().filter(|_| self.is_audio) else { return false };
        let [first, last] = playouts_ns.map(|ns| Duration::from_nanos(ns.saturating_sub(now_ns)));
        let has_time = last >= threads::TO_SPARE && first + threads::PUT_OFF >= threads::TO_SPARE;
        has_time && self.last_out.is_some() && self.buffer.deadline_ns() == Some(0)
    }

    /// Moves the offset towards the one that is wanted.
    pub fn adjust(&mut self) {
        let config = self.buffer.config();
        let far = self.wanted_offset_ns.saturating_sub(config.offset_ns);
        if far == 0 {
            return;
        }
        let most = i64::try_from(self.most_adjustment_ns).unwrap_or(i64::MAX);
        let step = if most == 0 { far } else { far.clamp(-most, most) };
        self.buffer.configure(Config { offset_ns: config.offset_ns.saturating_add(step), ..config });
    }
}

/// What a thread does next. Nothing in it is dropped by itself.
#[derive(Clone, Copy)]
enum Step {
    Packet(*mut gst::ffi::GstBuffer),
    Event(*mut gst::ffi::GstEvent),
    Nothing,
}

/// The header of a packet; `None` if it is too short for one.
pub(super) fn header(packet: &gst::BufferRef) -> Option<Header> {
    let mut bytes = [0; HEADER];
    if packet.size() < HEADER {
        return None;
    }
    packet.copy_to_slice(0, &mut bytes).ok()?;
    Some(Header {
        sequence_number: u16::from_be_bytes([bytes[2], bytes[3]]),
        timestamp: u32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
        payload_type: bytes[1] & 0x7f,
    })
}

impl Flow {
    pub fn new(pad: gst::Pad) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            pad,
            state: Mutex::new(State::new()),
            place: Place::default(),
            me: me.clone(),
        })
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a shared thread look at what is ready.
    #[inline(never)]
    pub fn schedule(&self) {
        if let Some(work) = self.work_of_mine() {
            threads::schedule(&work);
        }
    }

    /// As [`Self::schedule`], but it can wait a while.
    pub fn schedule_with_others(&self) {
        if let Some(work) = self.work_of_mine() {
            threads::schedule_with_others(&work);
        }
    }

    /// Waits until no thread is behind the buffer. Not for those threads themselves.
    pub fn wait(&self) {
        let pad = self.pad.as_ptr();
        // SAFETY: the pad is alive; threads hold this lock while they push.
        unsafe {
            glib::ffi::g_rec_mutex_lock(&raw mut (*pad).stream_rec_lock);
            glib::ffi::g_rec_mutex_unlock(&raw mut (*pad).stream_rec_lock);
        }
    }

    fn work_of_mine(&self) -> Option<Arc<dyn Work>> {
        self.me.upgrade().map(|me| me as Arc<dyn Work>)
    }

    /// The running time of the element. Without a clock everything is due.
    fn now_ns(&self) -> u64 {
        let now = self.pad.parent_element().and_then(|element| element.current_running_time());
        now.map_or(u64::MAX, gst::ClockTime::nseconds)
    }

    /// What is ready, with the way it goes on.
    #[inline(never)]
    fn take(&self) -> Step {
        let mut state = self.state();
        while !state.flushing && state.playing && state.flow.is_ok() {
            // What comes in order does not wait for a time, and most does.
            let out = match state.buffer.pop(0) {
                Some(out) => out,
                None => match self.take_due(&mut state) {
                    Some(out) => out,
                    None => break,
                },
            };
            match out {
                Out::Packet { packet: Item::Packet(buffer, timestamp), time_ns, discontinuous, .. } => {
                    state.last_out = Some(timestamp);
                    state.adjust();
                    return Step::Packet(timed(&state, buffer, time_ns, discontinuous).into_glib_ptr());
                }
                Out::Lost { sequence_number, time_ns, duration_ns, .. } if state.send_lost => {
                    return Step::Event(lost(sequence_number, time_ns, duration_ns).into_glib_ptr());
                }
                Out::Other(Item::Event(event)) => return Step::Event(event.into_glib_ptr()),
                _ => {}
            }
        }
        Step::Nothing
    }

    /// What waited for its time, if that has come; else the time is noted.
    fn take_due(&self, state: &mut State) -> Option<Out<Item>> {
        let deadline = state.buffer.deadline_ns()?;
        let now = self.now_ns();
        let out = state.buffer.pop(now);
        if out.is_none()
            && let Some(work) = self.work_of_mine()
        {
            let left = Duration::from_nanos(deadline.saturating_sub(now));
            threads::wake_at(&work, Instant::now() + left);
        }
        out
    }

    /// Nothing goes on after this.
    #[inline(never)]
    fn stop(&self, flow: gst::ffi::GstFlowReturn) {
        // SAFETY: it is what a pad answered.
        let flow: Result<gst::FlowSuccess, gst::FlowError> = unsafe { try_from_glib(flow) };
        gst::debug!(CAT, obj = self.pad, "stops: {flow:?}");
        self.state().flow = flow;
    }
}

impl Work for Flow {
    fn work(&self) {
        let pad = self.pad.as_ptr();
        // SAFETY: the pad lives as long as this. Who stops it takes this lock of it to wait for us, as for any other
        // streaming thread. The pad takes what it is given.
        unsafe {
            glib::ffi::g_rec_mutex_lock(&raw mut (*pad).stream_rec_lock);
            push_through(pad);
            let mut left = TURN;
            loop {
                match self.take() {
                    Step::Packet(packet) => {
                        let flow = gst::ffi::gst_pad_push(pad, packet);
                        if flow != gst::ffi::GST_FLOW_OK {
                            self.stop(flow);
                        }
                    }
                    Step::Event(event) => {
                        gst::ffi::gst_pad_push_event(pad, event);
                    }
                    Step::Nothing => break,
                }
                left -= 1;
                if left == 0 {
                    self.schedule();
                    break;
                }
            }
            push_through(std::ptr::null_mut());
            glib::ffi::g_rec_mutex_unlock(&raw mut (*pad).stream_rec_lock);
        }
    }

    fn place(&self) -> &Place {
        &self.place
    }
}

/// A packet with the time to play it.
fn timed(state: &State, mut buffer: gst::Buffer, time_ns: u64, discontinuous: bool) -> gst::Buffer {
    let time = state.segment.position_from_running_time(gst::ClockTime::from_nseconds(time_ns));
    let writable = buffer.make_mut();
    writable.set_pts(time);
    writable.set_dts(gst::ClockTime::NONE);
    if discontinuous {
        writable.set_flags(gst::BufferFlags::DISCONT);
    }
    buffer
}

/// What decoders conceal a loss by.
fn lost(sequence_number: u16, time_ns: u64, duration_ns: u64) -> gst::Event {
    let structure = gst::Structure::builder("GstRTPPacketLost")
        .field("seqnum", u32::from(sequence_number))
        .field("timestamp", time_ns)
        .field("duration", duration_ns)
        .field("retry", 0u32)
        .build();
    gst::event::CustomDownstream::new(structure)
}
