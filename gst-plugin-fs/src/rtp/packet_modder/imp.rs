//! Implementation of [`super::PacketModder`].
//!
//! Locks: each is held for a look or a write only, never while a packet waits.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use gst::prelude::*;
use gst_base::subclass::prelude::*;
use gst_rtp::RTPBuffer;
use once_cell::sync::Lazy;

use super::{Decide, WORTH_WAITING};
use crate::debug::TFRC as CAT;

/// See the module.
#[derive(Default)]
pub struct PacketModder {
    extension: AtomicU8,
    decide: OnceLock<Box<Decide>>,
    waiting: Mutex<Option<gst::SingleShotClockId>>,
    flushing: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PacketModder {
    pub(super) fn set_up(&self, id: u8, decide: Box<Decide>) {
        self.set_extension(id);
        let _ = self.decide.set(decide);
    }

    pub(super) fn set_extension(&self, id: u8) {
        self.extension.store(id, Ordering::Relaxed);
    }

    /// Waits; [`Self::stop_waiting`] ends it.
    fn wait(&self, time: Duration) {
        if time < WORTH_WAITING || self.flushing.load(Ordering::Acquire) {
            return;
        }
        let clock = gst::SystemClock::obtain();
        let time = gst::ClockTime::try_from(time).unwrap_or_default();
        let id = clock.new_single_shot_id(clock.time() + time);
        *lock(&self.waiting) = Some(id.clone());
        if !self.flushing.load(Ordering::Acquire) {
            // It ends early when it is unscheduled, which is as good.
            let _ = id.wait();
        }
        *lock(&self.waiting) = None;
    }

    fn stop_waiting(&self, flushing: bool) {
        self.flushing.store(flushing, Ordering::Release);
        if flushing && let Some(id) = lock(&self.waiting).as_ref() {
            id.unschedule();
        }
    }
}

#[glib::object_subclass]
impl ObjectSubclass for PacketModder {
    const NAME: &'static str = "FsRtpPacketModder";
    type Type = super::PacketModder;
    type ParentType = gst_base::BaseTransform;
}

impl ObjectImpl for PacketModder {}

impl GstObjectImpl for PacketModder {}

impl ElementImpl for PacketModder {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: Lazy<gst::subclass::ElementMetadata> = Lazy::new(|| {
            gst::subclass::ElementMetadata::new(
                "RTP packet modder",
                "Filter/Network/RTP",
                "Lets packets wait for the allowed rate and stamps them",
                "The Farstream authors",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: Lazy<Vec<gst::PadTemplate>> = Lazy::new(|| {
            let caps = gst::Caps::new_empty_simple("application/x-rtp");
            [("sink", gst::PadDirection::Sink), ("src", gst::PadDirection::Src)]
                .into_iter()
                .filter_map(|(name, side)| {
                    gst::PadTemplate::new(name, side, gst::PadPresence::Always, &caps).ok()
                })
                .collect()
        });
        &TEMPLATES
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match transition {
            gst::StateChange::ReadyToPaused => self.stop_waiting(false),
            gst::StateChange::PausedToReady => self.stop_waiting(true),
            _ => {}
        }
        self.parent_change_state(transition)
    }
}

impl BaseTransformImpl for PacketModder {
    const MODE: gst_base::subclass::BaseTransformMode = gst_base::subclass::BaseTransformMode::AlwaysInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = false;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn sink_event(&self, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::FlushStart(_) => self.stop_waiting(true),
            gst::EventView::FlushStop(_) => self.stop_waiting(false),
            _ => {}
        }
        self.parent_sink_event(event)
    }

    fn transform_ip(&self, buffer: &mut gst::BufferRef) -> Result<gst::FlowSuccess, gst::FlowError> {
        let sending = self.decide.get().and_then(|decide| decide(buffer.size()));
        let Some(sending) = sending else { return Ok(gst::FlowSuccess::Ok) };
        self.wait(sending.wait);
        let id = self.extension.load(Ordering::Relaxed);
        let stamp = sending.stamp.to_bytes();
        let stamped = RTPBuffer::from_buffer_writable(buffer).is_ok_and(|mut packet| {
            let added = match id {
                1..=14 => packet.add_extension_onebyte_header(id, &stamp),
                _ => packet.add_extension_twobytes_header(0, id, &stamp),
            };
            added.is_ok()
        });
        if !stamped {
            gst::warning!(CAT, imp = self, "a packet leaves without its stamp");
        }
        Ok(gst::FlowSuccess::Ok)
    }
}
