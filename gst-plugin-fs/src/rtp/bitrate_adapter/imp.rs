//! Implementation of [`super::BitrateAdapter`].
//!
//! Locks: `state` is held for a look or a write only, never across a call into GStreamer.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gst::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::prelude::*;
use once_cell::sync::Lazy;

use super::limits::{HIGHEST_RATE, History, Picture, is_another, pictures};
use crate::debug::BITRATE_ADAPTER as CAT;

const DEFAULT_INTERVAL_NS: u64 = 10_000_000_000;

#[derive(Debug)]
struct State {
    history: History,
    interval: Duration,
    /// What was last asked for.
    limit: Option<u32>,
    timer: Option<gst::SingleShotClockId>,
}

/// See the module.
pub struct BitrateAdapter(Mutex<State>);

impl Default for BitrateAdapter {
    fn default() -> Self {
        let interval = Duration::from_nanos(DEFAULT_INTERVAL_NS);
        Self(Mutex::new(State { history: History::default(), interval, limit: None, timer: None }))
    }
}

impl BitrateAdapter {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, bitrate: u32) {
        let clock = gst::SystemClock::obtain();
        let now = clock.time();
        let first = {
            let mut state = self.state();
            let interval = state.interval;
            state.history.add(now.into(), interval, bitrate);
            if state.timer.is_none() && state.history.len() > 1 {
                let due = now + gst::ClockTime::try_from(interval).unwrap_or_default();
                let id = clock.new_single_shot_id(due);
                state.timer = Some(id.clone());
                let weak = self.obj().downgrade();
                // It fails only if the id was unscheduled meanwhile, and then it is not needed any more.
                let _ = id.wait_async(move |_, _, _| {
                    if let Some(adapter) = weak.upgrade() {
                        adapter.call_async(|adapter| adapter.imp().review());
                    }
                });
            }
            state.history.len() == 1
        };
        if first {
            self.review();
        }
    }

    /// Asks the source for other pictures if the limit is another.
    fn review(&self) {
        let now = gst::SystemClock::obtain().time();
        let (old, new) = {
            let mut state = self.state();
            state.timer = None;
            let interval = state.interval;
            state.history.forget(now.into(), interval);
            let new = state.history.bitrate();
            if !is_another(state.limit, new) {
                return;
            }
            (std::mem::replace(&mut state.limit, new), new)
        };
        gst::debug!(CAT, imp = self, "pictures for {new:?} bit/s instead of {old:?}");
        self.obj().reconfigure_sink();
    }
}

fn caps(pictures: &[Picture]) -> gst::Caps {
    let mut caps = gst::Caps::new_empty();
    let all = caps.make_mut();
    for picture in pictures {
        let rates = gst::FractionRange::new((picture.least_rate, 1), (HIGHEST_RATE, 1));
        let structure = gst::Structure::builder("video/x-raw")
            .field("width", picture.width)
            .field("height", picture.height)
            .field("pixel-aspect-ratio", gst::Fraction::from(picture.aspect))
            .field("framerate", rates)
            .build();
        all.append_structure_full(structure, Some(gst::CapsFeatures::new_any()));
    }
    caps
}

#[glib::object_subclass]
impl ObjectSubclass for BitrateAdapter {
    const NAME: &'static str = "FsRtpBitrateAdapter";
    type Type = super::BitrateAdapter;
    type ParentType = gst_base::BaseTransform;
}

impl ObjectImpl for BitrateAdapter {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(|| {
            vec![
                glib::ParamSpecUInt::builder("bitrate")
                    .nick("Bit rate")
                    .blurb("What may be sent from now on, in bit/s; the highest number is no limit")
                    .write_only()
                    .build(),
                glib::ParamSpecUInt64::builder("interval")
                    .nick("Interval")
                    .blurb("How long bit rates count, and how long pictures stay as they are, in ns")
                    .default_value(DEFAULT_INTERVAL_NS)
                    .build(),
            ]
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        match pspec.name() {
            "bitrate" => self.add(value.get().unwrap_or(u32::MAX)),
            "interval" => {
                let interval = value.get().unwrap_or(DEFAULT_INTERVAL_NS);
                self.state().interval = Duration::from_nanos(interval);
            }
            _ => {}
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "interval" => u64::try_from(self.state().interval.as_nanos()).unwrap_or(u64::MAX).to_value(),
            _ => pspec.default_value().clone(),
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        self.obj().set_passthrough(true);
    }

    fn dispose(&self) {
        if let Some(timer) = self.state().timer.take() {
            timer.unschedule();
        }
    }
}

impl GstObjectImpl for BitrateAdapter {}

impl ElementImpl for BitrateAdapter {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: Lazy<gst::subclass::ElementMetadata> = Lazy::new(|| {
            gst::subclass::ElementMetadata::new(
                "Video bit rate adapter",
                "Filter/Video",
                "Asks for pictures that a bit rate can carry",
                "The Farstream authors",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: Lazy<Vec<gst::PadTemplate>> = Lazy::new(|| {
            [("sink", gst::PadDirection::Sink), ("src", gst::PadDirection::Src)]
                .into_iter()
                .filter_map(|(name, side)| {
                    gst::PadTemplate::new(name, side, gst::PadPresence::Always, &gst::Caps::new_any()).ok()
                })
                .collect()
        });
        &TEMPLATES
    }
}

impl BaseTransformImpl for BitrateAdapter {
    const MODE: gst_base::subclass::BaseTransformMode = gst_base::subclass::BaseTransformMode::AlwaysInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = true;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    /// What is behind us decides what we take; pictures within the limit come first.
    fn transform_caps(
        &self,
        direction: gst::PadDirection,
        caps: &gst::Caps,
        filter: Option<&gst::Caps>,
    ) -> Option<gst::Caps> {
        let limit = self.state().limit.filter(|_| direction == gst::PadDirection::Src);
        let mut result = match limit {
            Some(bitrate) => {
                let mut wanted =
                    self::caps(&pictures(bitrate)).intersect_with_mode(caps, gst::CapsIntersectMode::First);
                wanted.merge(caps.clone());
                wanted
            }
            None => caps.clone(),
        };
        if let Some(filter) = filter {
            result = result.intersect_with_mode(filter, gst::CapsIntersectMode::First);
        }
        gst::trace!(CAT, imp = self, "{caps} becomes {result}");
        Some(result)
    }
}
