//! The elements of a raw session.
//!
//! ```text
//! sink_N ▶ send_valve_N ▶ send_tee_N ▶ converters ▶ send_capsfilter_N ▶ the transmitter's sink
//! the transmitter's src ▶ recv_valve_N ▶ recv_capsfilter_N ▶ src_N
//! ```

use fs_proto::MediaType;
use gst::prelude::*;

use crate::rtp::element;

/// What leads to the transmitter; lives as long as the session.
#[derive(Debug)]
pub struct SendPath {
    bin: gst::Bin,
    /// Where the application links what it sends.
    pub sink_pad: gst::GhostPad,
    /// Open while the stream sends.
    pub valve: gst::Element,
    /// Pins the format that the peer wants.
    pub capsfilter: gst::Element,
    /// All, in the order of the data.
    chain: Vec<gst::Element>,
}

impl SendPath {
    /// Builds and starts the elements of session `id`.
    ///
    /// # Errors
    /// `FS_ERROR_CONSTRUCTION`, naming what is missing; nothing is left behind in the conference.
    pub fn build(bin: &gst::Bin, media: MediaType, id: u32) -> Result<Self, glib::Error> {
        let template = bin
            .pad_template("sink_%d")
            .ok_or_else(|| element::construction("the conference has no template for sink pads"))?;
        let valve = element::make("valve", Some(&format!("send_valve_{id}")))?;
        valve.set_property("drop", true);
        let tee = element::make("tee", Some(&format!("send_tee_{id}")))?;
        tee.set_property("allow-not-linked", true);
        let capsfilter = element::make("capsfilter", Some(&format!("send_capsfilter_{id}")))?;
        let mut chain = vec![valve.clone(), tee];
        for converter in converters(media) {
            chain.push(element::make(converter, None)?);
        }
        chain.push(capsfilter.clone());
        let sink_pad = gst::GhostPad::builder_from_template(&template).name(format!("sink_{id}")).build();
        let path = Self { bin: bin.clone(), sink_pad, valve, capsfilter, chain };
        path.connect().inspect_err(|_| path.take_down())?;
        Ok(path)
    }

    fn connect(&self) -> Result<(), glib::Error> {
        for each in self.chain.iter().rev() {
            element::add(&self.bin, each)?;
            element::start(each)?;
        }
        for pair in self.chain.windows(2) {
            pair[0].link(&pair[1]).map_err(|_| {
                element::construction(format!("can't link {} to {}", pair[0].name(), pair[1].name()))
            })?;
        }
        let failed = || element::construction(format!("can't make pad '{}'", self.sink_pad.name()));
        self.sink_pad.set_target(Some(&element::static_pad(&self.valve, "sink")?)).map_err(|_| failed())?;
        let _ = self.sink_pad.set_active(true);
        self.bin.add_pad(&self.sink_pad).map_err(|_| failed())
    }

    /// What everything sent is from now on. The converters begin anew: a resampler that is asked for another rate would
    /// first hand on what it still holds in the old one, which nobody takes any more.
    pub fn set_caps(&self, caps: &gst::Caps) {
        let Some(pad) = self.valve.static_pad("src") else { return };
        let (behind_tee, filter, caps) = (self.chain[2..].to_vec(), self.capsfilter.clone(), caps.clone());
        pad.add_probe(gst::PadProbeType::IDLE, move |_, _| {
            let sink = behind_tee.first().and_then(|first| first.static_pad("sink"));
            let Some((branch, sink)) = sink.and_then(|sink| Some((sink.peer()?, sink))) else {
                return gst::PadProbeReturn::Remove;
            };
            // None of this fails for elements that ran already; if it did, the data flow would tell.
            let _ = branch.unlink(&sink);
            for each in &behind_tee {
                let _ = each.set_state(gst::State::Ready);
            }
            filter.set_property("caps", &caps);
            for each in behind_tee.iter().rev() {
                let _ = each.sync_state_with_parent();
            }
            let _ = branch.link(&sink);
            gst::PadProbeReturn::Remove
        });
    }

    /// Stops and removes everything.
    pub fn take_down(&self) {
        let _ = self.sink_pad.set_active(false);
        if self.sink_pad.parent().is_some() {
            let _ = self.bin.remove_pad(&self.sink_pad);
        }
        self.chain.iter().for_each(element::remove);
    }
}

/// What fits the application's media to the format on the way.
fn converters(media: MediaType) -> &'static [&'static str] {
    match media {
        MediaType::Audio => &["audioconvert", "audioresample", "audioconvert"],
        MediaType::Video => &["videoconvert", "videoscale"],
        MediaType::Application => &[],
    }
}

/// What leads from the transmitter; lives as long as the stream has one.
#[derive(Clone, Debug)]
pub struct RecvPath {
    bin: gst::Bin,
    id: u32,
    /// Open while the stream receives and has its pad.
    pub valve: gst::Element,
    capsfilter: gst::Element,
}

impl RecvPath {
    /// Builds and starts the elements of session `id`, behind the pad of a transmitter.
    ///
    /// # Errors
    /// `FS_ERROR_CONSTRUCTION`; nothing is left behind in the conference.
    pub fn build(bin: &gst::Bin, id: u32, from: &gst::Pad) -> Result<Self, glib::Error> {
        let path = Self {
            bin: bin.clone(),
            id,
            valve: element::make("valve", Some(&format!("recv_valve_{id}")))?,
            capsfilter: element::make("capsfilter", Some(&format!("recv_capsfilter_{id}")))?,
        };
        path.connect(from).inspect_err(|_| path.take_down(None))?;
        Ok(path)
    }

    fn connect(&self, from: &gst::Pad) -> Result<(), glib::Error> {
        self.valve.set_property("drop", true);
        self.name_caps()?;
        for each in [&self.capsfilter, &self.valve] {
            element::add(&self.bin, each)?;
            element::start(each)?;
        }
        element::link(
            &element::static_pad(&self.valve, "src")?,
            &element::static_pad(&self.capsfilter, "sink")?,
        )?;
        element::link(from, &element::static_pad(&self.valve, "sink")?)
    }

    /// What everything received is from now on.
    pub fn set_caps(&self, caps: &gst::Caps) {
        self.capsfilter.set_property("caps", caps);
        let (Some(valve), Some(sink)) = (self.valve.static_pad("src"), self.capsfilter.static_pad("sink"))
        else {
            return;
        };
        // Transmitters name no caps, so the filter does not notice by itself once data flows.
        let caps = caps.clone();
        valve.add_probe(gst::PadProbeType::IDLE, move |_, _| {
            if sink.current_caps().is_some() {
                sink.send_event(gst::event::Caps::new(&caps));
            }
            gst::PadProbeReturn::Remove
        });
    }

    /// Names the caps to the filter where they belong: before the segment.
    fn name_caps(&self) -> Result<(), glib::Error> {
        let weak = self.capsfilter.downgrade();
        let sink = element::static_pad(&self.capsfilter, "sink")?;
        sink.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |sink, info| {
            let segment = info.event().is_some_and(|event| event.type_() == gst::EventType::Segment);
            if let Some(filter) = weak.upgrade().filter(|_| segment && sink.current_caps().is_none()) {
                let caps = filter.property::<gst::Caps>("caps");
                if caps.is_fixed() {
                    sink.send_event(gst::event::Caps::new(&caps));
                }
            }
            gst::PadProbeReturn::Ok
        });
        Ok(())
    }

    /// Calls `first` with each buffer that comes, before the valve.
    pub fn watch(&self, first: impl Fn() + Send + Sync + 'static) {
        let types = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
        if let Some(pad) = self.valve.static_pad("sink") {
            pad.add_probe(types, move |_, _| {
                first();
                gst::PadProbeReturn::Ok
            });
        }
    }

    /// Makes the application's pad and adds it to the conference.
    ///
    /// # Errors
    /// `FS_ERROR_CONSTRUCTION`.
    pub fn add_output_pad(&self) -> Result<gst::GhostPad, glib::Error> {
        let target = element::static_pad(&self.capsfilter, "src")?;
        element::add_output_pad(&self.bin, "src_%d", &format!("src_{}", self.id), &target)
    }

    /// Stops and removes everything, with the application's pad.
    pub fn take_down(&self, pad: Option<&gst::GhostPad>) {
        self.valve.set_property("drop", true);
        if let Some(pad) = pad {
            element::remove_output_pad(&self.bin, pad);
        }
        element::remove(&self.valve);
        element::remove(&self.capsfilter);
    }
}
