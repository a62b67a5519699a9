//! The video paths inside `fssipcall`.
//!
//! ```text
//! video_sink (ghost) ─▶ clocksync ─▶ valve (gate) ─▶ conference sink
//! conference src pads ─▶ output ─▶ identity ─▶ video_src
//! ```
//!
//! The conference converts. Pictures may change their size while the call stands.

use gst::prelude::*;
use once_cell::sync::OnceCell;

use super::SipCall;
use super::gate::Gate;
use super::imp::CAT;
use super::output::{Kind, Output};

/// Pictures that come out.
const PICTURES: Kind = Kind {
    pad: "video_src",
    empty_caps: "video/x-raw,format=I420,width=320,height=240,framerate=15/1",
    elements: || Ok(vec![gst::ElementFactory::make("identity").property("silent", true).build()?]),
};

/// The elements behind `video_sink`.
#[derive(Debug)]
struct Input {
    first: gst::Element,
    gate: Gate,
}

/// The video paths of one element.
#[derive(Debug)]
pub struct Picture {
    bin: glib::WeakRef<SipCall>,
    /// Built when somebody asks for `video_sink`.
    input: OnceCell<Input>,
    /// Where the peer's pictures come out.
    pub output: Output,
}

impl Picture {
    /// Nothing is built before it is needed.
    pub fn new(bin: &SipCall) -> Self {
        Self { bin: bin.downgrade(), input: OnceCell::new(), output: Output::new(bin, &PICTURES) }
    }

    /// The pad behind `video_sink`; `None` when an element is missing.
    pub fn sink_target(&self) -> Option<gst::Pad> {
        let bin = self.bin.upgrade()?;
        let input = self.input.get_or_try_init(|| build(&bin));
        input.inspect_err(|error| gst::error!(CAT, obj = bin, "{error}")).ok()?.first.static_pad("sink")
    }

    /// Where our own pictures go; `None` when none are sent.
    pub fn gate(&self) -> Option<&Gate> {
        self.input.get().map(|input| &input.gate)
    }
}

fn build(bin: &SipCall) -> Result<Input, glib::BoolError> {
    let first = gst::ElementFactory::make("clocksync").name("video_pacer").build()?;
    let gate = Gate::new("video_valve")?;
    bin.add_many([&first, gate.element()])?;
    first.link(gate.element())?;
    for element in [gate.element(), &first] {
        element.sync_state_with_parent()?;
    }
    Ok(Input { first, gate })
}
