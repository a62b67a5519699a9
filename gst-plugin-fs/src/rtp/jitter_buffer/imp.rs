//! Implementation of [`super::JitterBuffer`].

use std::sync::{Arc, Mutex, PoisonError};

use fs_proto::jitter_buffer::{Config, Outcome};
use gst::prelude::*;
use gst::subclass::prelude::*;
use once_cell::sync::Lazy;

use super::flow::{Flow, Item, State, header};
use super::rtcp::Report;
use super::threads;
use crate::debug::CONFERENCE as CAT;

type Answer = Result<gst::FlowSuccess, gst::FlowError>;

/// See the module. The lock of [`Flow`] is never held while something is called.
#[derive(Debug)]
pub struct JitterBuffer {
    sink: gst::Pad,
    flow: Arc<Flow>,
    settings: Mutex<Settings>,
}

/// What only reports need, in ms.
#[derive(Clone, Copy, Debug)]
struct Settings {
    most_ahead_ms: i32,
    sync_interval_ms: u32,
}

impl JitterBuffer {
    pub(super) fn fill(&self) -> u32 {
        let state = self.flow.state();
        let (Some(newest), Some(last)) = (state.newest, state.last_out.or(state.newest)) else { return 0 };
        let ahead = newest.wrapping_sub(last);
        if ahead > u32::MAX / 2 { 0 } else { ahead }
    }

    fn chain(&self, pad: &gst::Pad, buffer: gst::Buffer) -> Answer {
        let Some(header) = header(&buffer) else {
            gst::warning!(CAT, imp = self, "{} bytes are no RTP packet", buffer.size());
            return Ok(gst::FlowSuccess::Ok);
        };
        let mut state = self.flow.state();
        if state.payload_type != Some(header.payload_type) {
            drop(state);
            let terms = self.terms(pad, header.payload_type);
            state = self.flow.state();
            let Some((rate, is_audio)) = terms else {
                gst::warning!(CAT, imp = self, "payload type {} has no clock rate", header.payload_type);
                return Ok(gst::FlowSuccess::Ok);
            };
            (state.payload_type, state.clock_rate, state.is_audio) =
                (Some(header.payload_type), rate, is_audio);
            state.buffer.set_clock_rate(rate);
        }
        if state.flushing {
            return Err(gst::FlowError::Flushing);
        }
        if state.over {
            return Err(gst::FlowError::Eos);
        }
        state.flow?;
        let came = buffer.dts_or_pts().and_then(|position| state.segment.to_running_time(position));
        let came = came.or_else(|| self.obj().current_running_time()).unwrap_or_default().nseconds();
        let timestamp = header.timestamp;
        let outcome = state.buffer.push(header, came, came, Item::Packet(buffer, timestamp));
        match outcome {
            Outcome::Kept => state.note_newest(timestamp),
            Outcome::Restarted => (state.newest, state.last_out) = (Some(timestamp), None),
            Outcome::Late | Outcome::Duplicate | Outcome::Waiting => {}
        }
        let sync = state.report.is_some().then(|| self.sync(&mut state)).flatten();
        let can_wait = state.can_wait(came);
        drop(state);
        match outcome {
            Outcome::Kept if can_wait => self.flow.schedule_with_others(),
            Outcome::Kept | Outcome::Restarted => self.flow.schedule(),
            Outcome::Late | Outcome::Duplicate | Outcome::Waiting => {}
        }
        self.tell(sync);
        Ok(gst::FlowSuccess::Ok)
    }

    /// The clock rate in Hz and whether it is audio, as the caps say, or else whoever answers `request-pt-map`.
    fn terms(&self, pad: &gst::Pad, payload_type: u8) -> Option<(u32, bool)> {
        let terms = |caps: &gst::CapsRef| {
            let structure = caps.structure(0)?;
            let rate =
                u32::try_from(structure.get::<i32>("clock-rate").ok()?).ok().filter(|rate| *rate > 0)?;
            Some((rate, structure.get("media") == Ok("audio")))
        };
        let is_of = |caps: &gst::CapsRef| {
            let of = caps.structure(0).and_then(|s| s.get::<i32>("payload").ok());
            of.is_none_or(|of| of == i32::from(payload_type))
        };
        if let Some(caps) = pad.current_caps().filter(|caps| is_of(caps))
            && let Some(terms) = terms(&caps)
        {
            return Some(terms);
        }
        let asked =
            self.obj().emit_by_name::<Option<gst::Caps>>("request-pt-map", &[&u32::from(payload_type)]);
        terms(asked.as_ref()?)
    }

    fn chain_rtcp(&self, buffer: gst::Buffer) -> Answer {
        let report = buffer.map_readable().ok().and_then(|bytes| Report::parse(&bytes));
        let Some(report) = report else { return Ok(gst::FlowSuccess::Ok) };
        let interval = u64::from(self.settings().sync_interval_ms) * 1_000_000;
        let mut state = self.flow.state();
        if !report.cname.is_empty() {
            state.cname = Some((report.ssrc, report.cname.clone()));
        }
        if state.last_report_ns.is_some_and(|last| report.ntp_ns.wrapping_sub(last) < interval) {
            return Ok(gst::FlowSuccess::Ok);
        }
        state.last_report_ns = Some(report.ntp_ns);
        state.report = Some((report, buffer));
        let sync = self.sync(&mut state);
        drop(state);
        self.tell(sync);
        Ok(gst::FlowSuccess::Ok)
    }

    /// What `handle-sync` says of the last report. A report that comes before the first packet waits for it; one that does
    /// not belong to what was received says nothing.
    fn sync(&self, state: &mut State) -> Option<gst::Structure> {
        let timing = state.buffer.timing()?;
        let (report, buffer) = state.report.take()?;
        let mut reported = state.buffer.extend(report.timestamp);
        if timing.base_rtp_time > reported {
            return None;
        }
        let most = u64::try_from(self.settings().most_ahead_ms).ok();
        let most = most.map(|ms| ms * u64::from(timing.clock_rate) / 1000);
        if most.is_some_and(|most| reported.saturating_sub(timing.last_rtp_time) > most) {
            // Others than the report's may still use the rest.
            reported = u64::MAX;
        }
        let mut sync = gst::Structure::builder("application/x-rtp-sync")
            .field("base-rtptime", timing.base_rtp_time)
            .field("base-time", timing.base_time_ns)
            .field("clock-rate", timing.clock_rate)
            .field("clock-base", state.clock_base.unwrap_or(u64::MAX))
            .field("ssrc", report.ssrc)
            .field("sr-ext-rtptime", reported)
            .field("sr-ntpnstime", report.ntp_ns)
            .field("sr-buffer", buffer);
        if let Some((_, cname)) = state.cname.as_ref().filter(|(ssrc, _)| *ssrc == report.ssrc) {
            sync = sync.field("cname", cname.as_str());
        }
        Some(sync.build())
    }

    fn tell(&self, sync: Option<gst::Structure>) {
        if let Some(sync) = sync {
            self.obj().emit_by_name::<()>("handle-sync", &[&sync]);
        }
    }

    fn settings(&self) -> Settings {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sink_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::FlushStart(_) => {
                self.flow.state().flushing = true;
                let done = self.flow.pad.push_event(event);
                self.flow.wait();
                return done;
            }
            gst::EventView::FlushStop(_) => {
                let done = self.flow.pad.push_event(event);
                let mut state = self.flow.state();
                state.begin_anew();
                state.flushing = false;
                return done;
            }
            gst::EventView::Caps(caps) => {
                let structure = caps.caps().structure(0);
                let mut state = self.flow.state();
                state.clock_base = structure.and_then(|s| s.get::<u32>("clock-base").ok()).map(u64::from);
                state.payload_type = None;
            }
            gst::EventView::Segment(segment) => {
                if let Some(segment) = segment.segment().downcast_ref::<gst::ClockTime>() {
                    self.flow.state().segment = segment.clone();
                }
            }
            _ => {}
        }
        if !event.is_serialized() {
            return gst::Pad::event_default(pad, Some(&*self.obj()), event);
        }
        let mut state = self.flow.state();
        if state.flushing {
            return false;
        }
        let ends = event.type_() == gst::EventType::Eos;
        state.buffer.append(Item::Event(event));
        if ends {
            state.over = true;
            state.buffer.finish();
        }
        drop(state);
        self.flow.schedule();
        true
    }

    fn src_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        if let gst::QueryViewMut::Latency(latency) = query.view_mut() {
            let mut peers = gst::query::Latency::new();
            if !self.sink.peer_query(&mut peers) {
                return false;
            }
            let (_, least, _) = peers.result();
            let ours = gst::ClockTime::from_nseconds(self.flow.state().buffer.config().latency_ns);
            // It can hold any amount.
            latency.set(true, least + ours, gst::ClockTime::NONE);
            return true;
        }
        gst::Pad::query_default(pad, Some(&*self.obj()), query)
    }

    fn configure(&self, change: impl FnOnce(&mut Config)) {
        {
            let mut state = self.flow.state();
            let mut config = state.buffer.config();
            change(&mut config);
            state.buffer.configure(config);
        }
        self.flow.schedule();
    }

    fn stats(&self) -> gst::Structure {
        let state = self.flow.state();
        let counters = state.buffer.counters();
        gst::Structure::builder("application/x-rtp-jitterbuffer-stats")
            .field("num-pushed", counters.pushed)
            .field("num-lost", counters.lost)
            .field("num-late", counters.late)
            .field("num-duplicates", counters.duplicates)
            .field("avg-jitter", state.buffer.jitter_ns())
            .field("rtx-count", 0u64)
            .field("rtx-success-count", 0u64)
            .field("rtx-per-packet", 0f64)
            .field("rtx-rtt", 0u64)
            .build()
    }
}

fn linked_only_to(other: &gst::Pad) -> gst::Iterator<gst::Pad> {
    gst::Iterator::from_vec(vec![other.clone()])
}

#[glib::object_subclass]
impl ObjectSubclass for JitterBuffer {
    const NAME: &'static str = "FsRtpJitterBuffer";
    type Type = super::JitterBuffer;
    type ParentType = gst::Element;

    fn with_class(class: &Self::Class) -> Self {
        let template = |name: &str| class.pad_template(name).expect("the class has it");
        let src = gst::Pad::builder_from_template(&template("src"))
            .query_function(|pad, parent, query| {
                Self::catch_panic_pad_function(parent, || false, |imp| imp.src_query(pad, query))
            })
            .activatemode_function(|_pad, parent, _mode, active| {
                Self::catch_panic_pad_function(
                    parent,
                    || Err(gst::loggable_error!(CAT, "panicked")),
                    |imp| {
                        imp.flow.state().flushing = !active;
                        Ok(())
                    },
                )
            })
            .iterate_internal_links_function(|_pad, parent| {
                Self::catch_panic_pad_function(
                    parent,
                    || gst::Iterator::from_vec(Vec::new()),
                    |imp| linked_only_to(&imp.sink),
                )
            })
            .build();
        let sink = gst::Pad::builder_from_template(&template("sink"))
            .chain_function(|pad, parent, buffer| {
                Self::catch_panic_pad_function(
                    parent,
                    || Err(gst::FlowError::Error),
                    |imp| imp.chain(pad, buffer),
                )
            })
            .event_function(|pad, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |imp| imp.sink_event(pad, event))
            })
            .query_function(|pad, parent, query| {
                // A question that keeps its place among packets would hold back whoever asks.
                let waits = query.is_serialized();
                Self::catch_panic_pad_function(
                    parent,
                    || false,
                    |imp| !waits && gst::Pad::query_default(pad, Some(&*imp.obj()), query),
                )
            })
            .flags(gst::PadFlags::PROXY_CAPS)
            .build();
        let settings = Settings { most_ahead_ms: 1000, sync_interval_ms: 0 };
        Self { sink, flow: Flow::new(src), settings: Mutex::new(settings) }
    }
}

impl ObjectImpl for JitterBuffer {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(super::specs::specs);
        &PROPERTIES
    }

    fn signals() -> &'static [glib::subclass::Signal] {
        static SIGNALS: Lazy<Vec<glib::subclass::Signal>> = Lazy::new(|| {
            vec![
                glib::subclass::Signal::builder("request-pt-map")
                    .param_types([u32::static_type()])
                    .return_type::<Option<gst::Caps>>()
                    .build(),
                glib::subclass::Signal::builder("handle-sync")
                    .param_types([gst::Structure::static_type()])
                    .build(),
                glib::subclass::Signal::builder("clear-pt-map")
                    .action()
                    .class_handler(|values| {
                        let element = values.first()?.get::<super::JitterBuffer>().ok()?;
                        element.imp().flow.state().payload_type = None;
                        None
                    })
                    .build(),
            ]
        });
        &SIGNALS
    }

    fn constructed(&self) {
        self.parent_constructed();
        let element = self.obj();
        for pad in [&self.sink, &self.flow.pad] {
            element.add_pad(pad).expect("no other pad has its name");
        }
    }

    fn set_property(&self, _id: usize, value: &glib::Value, spec: &glib::ParamSpec) {
        const TYPE: &str = "GObject checked the type";
        match spec.name() {
            "latency" => {
                let latency_ns = u64::from(value.get::<u32>().expect(TYPE)) * 1_000_000;
                let before = self.flow.state().buffer.config().latency_ns;
                self.configure(|config| config.latency_ns = latency_ns);
                if before != latency_ns {
                    let element = self.obj();
                    let _ = element.post_message(gst::message::Latency::builder().src(&*element).build());
                }
            }
            "ts-offset" => {
                let mut state = self.flow.state();
                state.wanted_offset_ns = value.get().expect(TYPE);
                if state.most_adjustment_ns == 0 {
                    state.adjust();
                }
            }
            "max-ts-offset-adjustment" => self.flow.state().most_adjustment_ns = value.get().expect(TYPE),
            "do-lost" => self.flow.state().send_lost = value.get().expect(TYPE),
            "drop-on-latency" => self.configure(|c| c.drop_on_latency = value.get().expect(TYPE)),
            "max-dropout-time" => self.configure(|c| c.max_dropout_ms = value.get().expect(TYPE)),
            "max-misorder-time" => self.configure(|c| c.max_misorder_ms = value.get().expect(TYPE)),
            name => {
                let mut settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
                match name {
                    "max-rtcp-rtp-time-diff" => settings.most_ahead_ms = value.get().expect(TYPE),
                    "sync-interval" => settings.sync_interval_ms = value.get().expect(TYPE),
                    _ => {}
                }
            }
        }
    }

    fn property(&self, _id: usize, spec: &glib::ParamSpec) -> glib::Value {
        let settings = self.settings();
        let state = self.flow.state();
        let config = state.buffer.config();
        match spec.name() {
            "latency" => u32::try_from(config.latency_ns / 1_000_000).unwrap_or(u32::MAX).to_value(),
            "ts-offset" => state.wanted_offset_ns.to_value(),
            "max-ts-offset-adjustment" => state.most_adjustment_ns.to_value(),
            "do-lost" => state.send_lost.to_value(),
            "drop-on-latency" => config.drop_on_latency.to_value(),
            "max-dropout-time" => config.max_dropout_ms.to_value(),
            "max-misorder-time" => config.max_misorder_ms.to_value(),
            "max-rtcp-rtp-time-diff" => settings.most_ahead_ms.to_value(),
            "sync-interval" => settings.sync_interval_ms.to_value(),
            _ => {
                drop(state);
                self.stats().to_value()
            }
        }
    }
}

impl GstObjectImpl for JitterBuffer {}

impl ElementImpl for JitterBuffer {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: Lazy<gst::subclass::ElementMetadata> = Lazy::new(|| {
            gst::subclass::ElementMetadata::new(
                "RTP jitter buffer without a thread",
                "Filter/Network/RTP",
                "Orders RTP packets and waits for late ones, in threads that all of its kind share",
                "The Farstream authors",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: Lazy<Vec<gst::PadTemplate>> = Lazy::new(super::specs::pad_templates);
        &TEMPLATES
    }

    fn request_new_pad(
        &self,
        template: &gst::PadTemplate,
        _name: Option<&str>,
        _caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        let element = self.obj();
        if element.static_pad(template.name_template()).is_some() {
            gst::warning!(CAT, imp = self, "there is one pad for RTCP");
            return None;
        }
        let pad = gst::Pad::builder_from_template(template)
            .name(template.name_template())
            .chain_function(|_pad, parent, buffer| {
                Self::catch_panic_pad_function(
                    parent,
                    || Err(gst::FlowError::Error),
                    |imp| imp.chain_rtcp(buffer),
                )
            })
            // Nothing of it goes on.
            .event_function(|_pad, _parent, _event| true)
            .iterate_internal_links_function(|_pad, _parent| gst::Iterator::from_vec(Vec::new()))
            .build();
        // It may be asked for while data flow.
        pad.set_active(true).ok()?;
        element.add_pad(&pad).ok()?;
        Some(pad)
    }

    fn release_pad(&self, pad: &gst::Pad) {
        let _ = pad.set_active(false);
        let _ = self.obj().remove_pad(pad);
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match transition {
            gst::StateChange::ReadyToPaused => {
                threads::enter();
                let mut state = self.flow.state();
                state.begin_anew();
                state.flushing = false;
            }
            gst::StateChange::PausedToPlaying => {
                self.flow.state().playing = true;
                self.flow.schedule();
            }
            gst::StateChange::PlayingToPaused => self.flow.state().playing = false,
            _ => {}
        }
        let done = self.parent_change_state(transition);
        match transition {
            gst::StateChange::ReadyToPaused if done.is_err() => threads::leave(),
            gst::StateChange::PausedToReady => {
                self.flow.state().begin_anew();
                threads::leave();
            }
            // Its source is live.
            gst::StateChange::ReadyToPaused | gst::StateChange::PlayingToPaused if done.is_ok() => {
                return Ok(gst::StateChangeSuccess::NoPreroll);
            }
            _ => {}
        }
        done
    }
}
