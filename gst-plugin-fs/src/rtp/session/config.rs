//! What a codec's stream is described by (Theora's tables, H.264's parameter sets) is found out by encoding.
//!
//! As soon as the caps of what the application sends are known, a few empty pictures or a moment of silence in that
//! format go through a send bin of each codec that needs a description, away from the session's own data path. The bin is
//! in the conference for a moment, so that whoever sets properties of its elements can do so. The bin that really sends is
//! watched too: if it describes its stream otherwise, that counts.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use fs_proto::negotiation::Association;
use fs_proto::{Codec, CodecParameter};
use glib::subclass::prelude::*;
use gst::prelude::*;

use super::graph::Graph;
use super::imp;
use super::recipe::Recipe;
use super::send::set_bitrate;
use super::state::{Effect, State};
use crate::debug::NEGOTIATION as CAT;
use crate::rtp::conference::Conference;
use crate::rtp::discovery::Blueprint;
use crate::rtp::discovery::caps::caps_to_codec;
use crate::rtp::element;

/// How long one codec may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many buffers an encoder gets to describe its stream.
const BUFFERS: i32 = 60;
/// How often a running encoder is looked after.
const STEP: Duration = Duration::from_millis(20);

/// How far the search is; behind the session's lock.
#[derive(Debug, Default)]
pub struct Search {
    /// What the application sends.
    caps: Option<gst::Caps>,
    /// Some thread is at work.
    running: bool,
    /// Codecs that were tried with these caps.
    tried: Vec<Codec>,
}

/// What one attempt needs.
struct Job {
    association: Association,
    blueprints: Arc<[Blueprint]>,
    caps: gst::Caps,
    bitrate: u32,
}

impl State {
    /// The next codec to try; none ends the search.
    fn next_config_job(&mut self) -> Option<Job> {
        let job = self.find_config_job();
        match &job {
            Some(job) => self.config.tried.push(job.association.codec_without_config()),
            None => self.config.running = false,
        }
        job
    }

    fn find_config_job(&self) -> Option<Job> {
        let caps = self.config.caps.clone().filter(is_raw)?;
        let association = self.outcome.associations.visible().find(|a| {
            let described = a.codec_without_config() != a.codec;
            (a.need_config || described)
                && a.is_sendable()
                && !self.config.tried.contains(&a.codec_without_config())
        })?;
        Some(Job {
            association: association.clone(),
            blueprints: self.blueprints.clone(),
            caps,
            bitrate: self.send.bitrate,
        })
    }

    fn is_described(&self, id: i32) -> bool {
        !self.outcome.associations.visible().any(|a| a.codec.id == id && a.need_config)
    }
}

impl imp::Session {
    /// Takes note of the caps that come in and of what the send bin says about its stream.
    pub(super) fn watch_config(&self, graph: &Graph) {
        let weak = self.obj().downgrade();
        graph.sink_pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            if let (Some(caps), Some(session)) = (caps_event(info), weak.upgrade()) {
                session.imp().input_caps(caps);
            }
            gst::PadProbeReturn::Ok
        });
        let weak = self.obj().downgrade();
        let Some(pad) = graph.capsfilter.static_pad("sink") else { return };
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            if let (Some(codec), Some(session)) =
                (caps_event(info).and_then(|caps| caps_to_codec(&caps)), weak.upgrade())
            {
                session.imp().describe(codec.id, &codec.optional_params);
            }
            gst::PadProbeReturn::Ok
        });
    }

    fn input_caps(&self, caps: gst::Caps) {
        {
            let mut state = self.state();
            if state.config.caps.as_ref() == Some(&caps) {
                return;
            }
            state.config.caps = Some(caps);
            state.config.tried.clear();
        }
        self.search_config();
    }

    /// Starts the search if something is missing and none is under way.
    pub(super) fn search_config(&self) {
        let Some(conference) = self.conference() else { return };
        {
            let mut state = self.state();
            if state.config.running || state.find_config_job().is_none() {
                return;
            }
            state.config.running = true;
        }
        let weak = self.obj().downgrade();
        conference.call_async(move |_| {
            while let Some(session) = weak.upgrade() {
                if !session.imp().try_next_codec() {
                    return;
                }
            }
        });
    }

    /// False when nothing is left to be tried.
    fn try_next_codec(&self) -> bool {
        let conference = self.conference();
        let job = self.state().next_config_job();
        let (Some(conference), Some(job)) = (conference, job) else { return false };
        let id = job.association.codec.id;
        let found = job.run(&conference, self.id(), |parameters| {
            self.describe(id, parameters);
            self.is_disposed() || self.state().is_described(id)
        });
        if let Err(error) = found {
            gst::warning!(
                CAT,
                "session {}: no stream description of {}: {error}",
                self.id(),
                job.association.codec
            );
        }
        true
    }

    /// Takes over what describes the stream of a codec, and tells when all descriptions are there.
    fn describe(&self, id: i32, parameters: &[CodecParameter]) {
        let Ok(pt) = u8::try_from(id) else { return };
        let complete = {
            let mut state = self.state();
            let changed = state.outcome.associations.set_config(pt, parameters);
            changed && state.outcome.associations.codecs().is_some()
        };
        if complete {
            self.run_effects(vec![Effect::Notify("codecs"), Effect::CodecsChanged, Effect::RefreshSend]);
        }
    }
}

impl Job {
    /// Encodes nothing in particular until `found` is content with the parameters of the RTP caps.
    fn run(
        &self,
        conference: &Conference,
        session: u32,
        mut found: impl FnMut(&[CodecParameter]) -> bool,
    ) -> Result<(), glib::Error> {
        let codec = &self.association.send_codec;
        let recipe = Recipe::send(&self.association)
            .ok_or_else(|| element::construction(format!("no elements encode {codec}")))?;
        let name = format!("discover_{session}_{}", self.association.codec.id);
        let bin = recipe.build_send(&self.blueprints, codec, &name)?;
        show(conference, &bin)?;
        set_bitrate(&bin, self.bitrate);
        let pipeline = self.pipeline(&bin)?;
        let (sender, descriptions) = channel();
        listen(&bin, sender)?;
        let result =
            pipeline.set_state(gst::State::Playing).map_err(|why| element::construction(why.to_string()));
        let end = Instant::now() + PATIENCE;
        let outcome = result.and_then(|_| {
            loop {
                match descriptions.recv_timeout(STEP) {
                    Ok(Some(parameters)) if found(&parameters) => return Ok(()),
                    Ok(Some(_)) => {}
                    Ok(None) => return Err(element::construction("the encoder gave none")),
                    Err(RecvTimeoutError::Timeout)
                        if Instant::now() < end && error_of(&pipeline).is_none() => {}
                    Err(_) => {
                        let why = error_of(&pipeline).unwrap_or_else(|| "the encoder took too long".into());
                        return Err(element::construction(why));
                    }
                }
            }
        });
        // Going to NULL fails only for broken elements; nothing is left to be done for them.
        let _ = pipeline.set_state(gst::State::Null);
        outcome
    }

    fn pipeline(&self, bin: &gst::Bin) -> Result<gst::Pipeline, glib::Error> {
        let audio = self.caps.structure(0).is_some_and(|s| s.name() == "audio/x-raw");
        let source = element::make(if audio { "audiotestsrc" } else { "videotestsrc" }, None)?;
        source.set_property("num-buffers", BUFFERS);
        if audio {
            source.set_property_from_str("wave", "silence");
        } else {
            source.set_property_from_str("pattern", "black");
        }
        let filter = element::make("capsfilter", None)?;
        filter.set_property("caps", &self.caps);
        let sink = element::make("fakesink", None)?;
        sink.set_property("sync", false);
        let pipeline = gst::Pipeline::new();
        for each in [&source, &filter, bin.upcast_ref(), &sink] {
            element::add(pipeline.upcast_ref(), each)?;
        }
        for (from, to) in [(&source, &filter), (&filter, bin.upcast_ref()), (bin.upcast_ref(), &sink)] {
            element::link(&element::static_pad(from, "src")?, &element::static_pad(to, "sink")?)?;
        }
        Ok(pipeline)
    }
}

/// Puts the bin into the conference for a moment.
fn show(conference: &Conference, bin: &gst::Bin) -> Result<(), glib::Error> {
    bin.set_locked_state(true);
    element::add(conference.upcast_ref(), bin)?;
    conference
        .remove(bin)
        .map_err(|_| element::construction(format!("can't take '{}' out of the conference", bin.name())))?;
    bin.set_locked_state(false);
    Ok(())
}

/// Sends what the bin's caps say about its stream, and `None` at its end.
fn listen(bin: &gst::Bin, sender: Sender<Option<Vec<CodecParameter>>>) -> Result<(), glib::Error> {
    let pad = element::static_pad(bin, "src")?;
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(codec) = caps_event(info).and_then(|caps| caps_to_codec(&caps)) {
            // Nobody listens any more once the description was found.
            let _ = sender.send(Some(codec.optional_params));
        }
        if info.event().is_some_and(|event| event.type_() == gst::EventType::Eos) {
            let _ = sender.send(None);
        }
        gst::PadProbeReturn::Ok
    });
    Ok(())
}

fn caps_event(info: &gst::PadProbeInfo) -> Option<gst::Caps> {
    match info.event()?.view() {
        gst::EventView::Caps(event) => Some(event.caps_owned()),
        _ => None,
    }
}

fn error_of(pipeline: &gst::Pipeline) -> Option<String> {
    let message = pipeline.bus()?.pop_filtered(&[gst::MessageType::Error])?;
    match message.view() {
        gst::MessageView::Error(error) => Some(error.error().message().to_owned()),
        _ => None,
    }
}

/// Only then can test sources make more of it.
fn is_raw(caps: &gst::Caps) -> bool {
    let named = caps.structure(0).is_some_and(|s| matches!(s.name().as_str(), "audio/x-raw" | "video/x-raw"));
    named && caps.features(0).is_none_or(|f| f.contains("memory:SystemMemory"))
}
