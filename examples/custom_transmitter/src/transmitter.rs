//! The transmitter of a session: two bins, with one pad for each component.
//!
//! ```text
//! sink_1 -> tee -+-> appsink (stream A)         appsrc (stream A) -+-> funnel -> src_1
//!                +-> appsink (stream B)         appsrc (stream B) -+
//! ```

use std::sync::{Mutex, OnceLock};

use fs_core::prelude::*;
use fs_core::{Participant, StreamTransmitter, Transmitter};
use glib::prelude::*;
use glib::subclass::prelude::*;
use gst::prelude::*;

use crate::{UnixGramStreamTransmitter, construction, lock};

struct Settings {
    components: u32,
    tos: u32,
    do_timestamp: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { components: 1, tos: 0, do_timestamp: true }
    }
}

/// The bins; funnels and tees are one for each component.
struct Bins {
    src: gst::Bin,
    sink: gst::Bin,
    funnels: Vec<gst::Element>,
    tees: Vec<gst::Element>,
}

impl Bins {
    fn new(components: u32) -> Result<Self, glib::Error> {
        let (src, sink) = (gst::Bin::new(), gst::Bin::new());
        let (mut funnels, mut tees) = (Vec::new(), Vec::new());
        for number in 1..=components {
            let funnel = make("funnel")?;
            expose(&src, &funnel, "src", number)?;
            funnels.push(funnel);
            let tee = make("tee")?;
            tee.set_property("allow-not-linked", true);
            expose(&sink, &tee, "sink", number)?;
            tees.push(tee);
        }
        Ok(Self { src, sink, funnels, tees })
    }
}

fn make(factory: &str) -> Result<gst::Element, glib::Error> {
    gst::ElementFactory::make(factory)
        .build()
        .map_err(|_| construction(&format!("unixgram needs the element {factory}")))
}

/// Makes a pad of an element a pad of its bin.
fn expose(bin: &gst::Bin, element: &gst::Element, pad: &str, number: u32) -> Result<(), glib::Error> {
    let ghost = || {
        bin.add(element)?;
        let target = element.static_pad(pad).ok_or_else(|| glib::bool_error!("no pad {pad}"))?;
        let ghost = gst::GhostPad::builder_with_target(&target)?.name(format!("{pad}_{number}")).build();
        bin.add_pad(&ghost)
    };
    ghost().map_err(|error| construction(&error.message))
}

/// Private part of [`crate::UnixGramTransmitter`].
#[derive(Default)]
pub struct UnixGramTransmitter {
    settings: Mutex<Settings>,
    bins: OnceLock<Bins>,
}

impl UnixGramTransmitter {
    /// How many components there are.
    pub(crate) fn components(&self) -> u32 {
        lock(&self.settings).components
    }

    /// Whether received packets get the time of their arrival.
    pub(crate) fn do_timestamp(&self) -> bool {
        lock(&self.settings).do_timestamp
    }

    /// Links the two ends of a component of a stream into the bins and starts them.
    pub(crate) fn attach(
        &self,
        number: u32,
        sink: &gst::Element,
        src: &gst::Element,
    ) -> Result<(), glib::Error> {
        let Some(bins) = self.bins.get() else { return Err(construction("unixgram has no bins")) };
        let index = number as usize - 1;
        let attach = || {
            bins.sink.add(sink)?;
            // Running before the first packet comes: the branch must not refuse it.
            sink.sync_state_with_parent()?;
            bins.tees[index].link(sink)?;
            bins.src.add(src)?;
            src.link(&bins.funnels[index])?;
            src.sync_state_with_parent()
        };
        attach().map_err(|error| construction(&error.message))
    }

    /// Undoes [`Self::attach`], also when that failed half way. Not to be called on a streaming thread.
    pub(crate) fn detach(&self, number: u32, sink: &gst::Element, src: &gst::Element) {
        let Some(bins) = self.bins.get() else { return };
        let index = number as usize - 1;
        // The branch goes before its element stops, so that a packet under way meets no stopped element.
        if let Some(pad) = sink.static_pad("sink").and_then(|pad| pad.peer()) {
            bins.tees[index].release_request_pad(&pad);
        }
        let funnel_pad = src.static_pad("src").and_then(|pad| pad.peer());
        for (bin, element) in [(&bins.sink, sink), (&bins.src, src)] {
            element.set_locked_state(true);
            // Neither can fail in a way that anybody could act on.
            let _ = element.set_state(gst::State::Null);
            let _ = bin.remove(element);
        }
        if let Some(pad) = funnel_pad {
            bins.funnels[index].release_request_pad(&pad);
        }
    }
}

#[glib::object_subclass]
impl ObjectSubclass for UnixGramTransmitter {
    const NAME: &'static str = "ExampleUnixGramTransmitter";
    type Type = crate::UnixGramTransmitter;
    type ParentType = Transmitter;
}

impl ObjectImpl for UnixGramTransmitter {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: OnceLock<Vec<glib::ParamSpec>> = OnceLock::new();
        PROPERTIES.get_or_init(|| {
            ["gst-src", "gst-sink", "components", "tos", "do-timestamp"]
                .map(glib::ParamSpecOverride::for_class::<Transmitter>)
                .into()
        })
    }

    fn property(&self, _id: usize, spec: &glib::ParamSpec) -> glib::Value {
        let bin = |pick: fn(&Bins) -> &gst::Bin| {
            self.bins.get().map(|bins| pick(bins).clone().upcast::<gst::Element>()).to_value()
        };
        match spec.name() {
            "gst-src" => bin(|bins| &bins.src),
            "gst-sink" => bin(|bins| &bins.sink),
            "components" => self.components().to_value(),
            "tos" => lock(&self.settings).tos.to_value(),
            "do-timestamp" => self.do_timestamp().to_value(),
            _ => spec.default_value().clone(),
        }
    }

    fn set_property(&self, _id: usize, value: &glib::Value, spec: &glib::ParamSpec) {
        let mut settings = lock(&self.settings);
        match (spec.name(), value.get::<u32>(), value.get::<bool>()) {
            ("components", Ok(components), _) => settings.components = components,
            // Kept for whoever asks; these sockets have none.
            ("tos", Ok(tos), _) => settings.tos = tos,
            ("do-timestamp", _, Ok(do_timestamp)) => settings.do_timestamp = do_timestamp,
            _ => {}
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        match Bins::new(self.components()) {
            Ok(bins) => {
                // Runs once for each object.
                let _ = self.bins.set(bins);
            }
            Err(error) => self.set_construction_error(error),
        }
    }
}

impl TransmitterImpl for UnixGramTransmitter {
    fn new_stream_transmitter(
        &self,
        _participant: Option<&Participant>,
        parameters: &[(String, glib::Value)],
    ) -> Result<StreamTransmitter, glib::Error> {
        let stream = UnixGramStreamTransmitter::new(parameters)?;
        stream.imp().open(&self.obj())?;
        Ok(stream.upcast())
    }

    fn stream_transmitter_type(&self) -> glib::Type {
        UnixGramStreamTransmitter::static_type()
    }
}
