//! One payload type of one received SSRC: from rtpbin's pad to the application's.
//!
//! ```text
//! rtpbin ▶ input_recv_valve ▶ recv_capsfilter ▶ (recv_N_SSRC_PT) ▶ output_recv_valve ▶ src_N_SSRC_PT
//! ```
//! The input valve is open while the stream receives; the output valve once the application has heard of the
//! pad. What reaches a pad that nobody linked, or whose sink was stopped, is dropped without harm: it must not
//! end the reception of packets that a later link would want.

use std::time::Instant;

use fs_proto::Codec;
use gst::prelude::*;

use super::session::recipe::Recipe;
use super::session::ssrc_map::StreamId;
use super::{element, shortcut};

/// What a source sends between its media, under another payload type (RFC 4733, RFC 3389).
const COME_ALONG: [&str; 2] = ["telephone-event", "CN"];

/// SSRC and payload type.
pub type SubstreamKey = (u32, u8);

/// The elements that live as long as rtpbin's pad.
#[derive(Clone, Debug)]
pub struct Parts {
    name: String,
    bin: gst::Bin,
    /// Closed while the stream does not receive.
    pub input_valve: gst::Element,
    /// Adds what the pt map leaves out: the peer's description of its stream.
    pub capsfilter: gst::Element,
    /// Closed until the application knows the pad.
    pub output_valve: gst::Element,
}

/// How far the application's pad has come.
#[derive(Clone, Debug, Default)]
pub enum OutputPad {
    /// None, and nobody is making one.
    #[default]
    Absent,
    /// Some thread is making it.
    Claimed,
    /// Part of the conference.
    Present(gst::GhostPad),
    /// Some thread is taking it away.
    Leaving,
}

/// What the session knows about one substream; behind the session's lock.
#[derive(Debug)]
pub struct Substream {
    /// Its elements.
    pub parts: Parts,
    /// Tells apart substreams that follow each other under one key.
    pub serial: u64,
    /// Its decoder bin stands.
    pub decoder: Option<gst::Bin>,
    /// A decoder bin that will be swapped in as soon as no data is on its way.
    pub pending: Option<gst::Bin>,
    /// What the newest of the two was built from.
    pub recipe: Option<Recipe>,
    /// What it decodes.
    pub codec: Option<Codec>,
    /// Whose it is.
    pub stream: Option<StreamId>,
    /// The application's pad.
    pub pad: OutputPad,
    /// Since when its SSRC has sent another payload type instead: nothing sounds here, so it needs no pad.
    pub superseded: Option<Instant>,
}

impl Substream {
    /// A substream that nobody has claimed yet.
    pub fn new(parts: Parts, serial: u64) -> Self {
        Self {
            parts,
            serial,
            decoder: None,
            pending: None,
            recipe: None,
            codec: None,
            stream: None,
            pad: OutputPad::Absent,
            superseded: None,
        }
    }

    /// Whether the application has its pad.
    pub fn has_pad(&self) -> bool {
        matches!(self.pad, OutputPad::Present(_))
    }

    /// Whether a pad can and must be made now.
    pub fn wants_pad(&self) -> bool {
        let ready = self.stream.is_some() && self.decoder.is_some() && self.superseded.is_none();
        ready && matches!(self.pad, OutputPad::Absent)
    }

    /// Whether it carries what the peer says; telephony events and comfort noise only come along.
    pub fn is_media(&self) -> bool {
        let codec = self.codec.as_ref();
        codec.is_some_and(|codec| !COME_ALONG.iter().any(|name| codec.is_encoding(name)))
    }

    /// Stops and removes everything. Waits for data on its way through.
    pub fn take_down(self) {
        self.parts.output_valve.set_property("drop", true);
        self.parts.input_valve.set_property("drop", true);
        if let OutputPad::Present(pad) = &self.pad {
            self.parts.remove_output_pad(pad);
        }
        for each in [&self.parts.input_valve, &self.parts.capsfilter] {
            element::remove(each);
        }
        if let Some(decoder) = &self.decoder {
            element::remove(decoder);
        }
        element::remove(&self.parts.output_valve);
    }
}

impl Parts {
    /// Makes the elements, both valves closed, and links them behind rtpbin's pad.
    ///
    /// # Errors
    /// `FS_ERROR_CONSTRUCTION`; nothing is left behind.
    pub fn build(
        bin: &gst::Bin,
        session: u32,
        (ssrc, pt): SubstreamKey,
        rtpbin_pad: &gst::Pad,
    ) -> Result<Self, glib::Error> {
        let name = format!("{session}_{ssrc}_{pt}");
        let parts = Self {
            bin: bin.clone(),
            input_valve: element::make("valve", Some(&format!("input_recv_valve_{name}")))?,
            capsfilter: element::make("capsfilter", Some(&format!("recv_capsfilter_{name}")))?,
            output_valve: element::make("valve", Some(&format!("output_recv_valve_{name}")))?,
            name,
        };
        parts
            .connect(rtpbin_pad)
            .inspect_err(|_| parts.elements().iter().for_each(|e| element::remove(*e)))?;
        Ok(parts)
    }

    fn elements(&self) -> [&gst::Element; 3] {
        [&self.input_valve, &self.capsfilter, &self.output_valve]
    }

    fn connect(&self, rtpbin_pad: &gst::Pad) -> Result<(), glib::Error> {
        for valve in [&self.input_valve, &self.output_valve] {
            valve.set_property("drop", true);
        }
        for each in self.elements().into_iter().rev() {
            element::add(&self.bin, each)?;
            element::start(each)?;
        }
        element::link(
            &element::static_pad(&self.input_valve, "src")?,
            &element::static_pad(&self.capsfilter, "sink")?,
        )?;
        shortcut::past(std::slice::from_ref(&self.capsfilter));
        if let Some(ghost) = rtpbin_pad.downcast_ref() {
            shortcut::through(ghost);
        }
        element::link(rtpbin_pad, &element::static_pad(&self.input_valve, "sink")?)
    }

    /// Name of the decoder bin.
    pub fn decoder_name(&self) -> String {
        format!("recv_{}", self.name)
    }

    /// Puts a decoder between the valves. No data may be on its way.
    ///
    /// # Errors
    /// `FS_ERROR_CONSTRUCTION`; the decoder is removed again.
    pub fn insert_decoder(&self, decoder: &gst::Bin) -> Result<(), glib::Error> {
        let insert = || {
            element::add(&self.bin, decoder)?;
            element::link(
                &element::static_pad(decoder, "src")?,
                &element::static_pad(&self.output_valve, "sink")?,
            )?;
            element::start(decoder)?;
            element::link(
                &element::static_pad(&self.capsfilter, "src")?,
                &element::static_pad(decoder, "sink")?,
            )
        };
        insert().inspect_err(|_| element::remove(decoder))
    }

    /// Makes the application's pad and adds it to the conference.
    ///
    /// # Errors
    /// `FS_ERROR_CONSTRUCTION`.
    pub fn add_output_pad(&self) -> Result<gst::GhostPad, glib::Error> {
        let name = format!("src_{}", self.name);
        element::add_output_pad(
            &self.bin,
            "src_%u_%u_%u",
            &name,
            &element::static_pad(&self.output_valve, "src")?,
        )
    }

    /// Takes the application's pad away again. If the application's sink holds a buffer for longer than any
    /// clock would make it (it is paused, for example), it is flushed, or we would wait for it for ever.
    pub fn remove_output_pad(&self, pad: &gst::GhostPad) {
        self.output_valve.set_property("drop", true);
        element::remove_output_pad(&self.bin, pad);
    }
}
