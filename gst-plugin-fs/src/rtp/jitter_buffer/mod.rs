//! Element `fsrtpjitterbuffer`: the jitter buffer of a received source, without a thread of its own.
//!
//! It does what rtpbin's own jitter buffer does with the settings that calls have, and offers rtpbin the same pads,
//! properties and signals. The rules are [`fs_proto::jitter_buffer`]; its threads are shared ([`threads`]).
//!
//! ```text
//!  sink ──▶ chain ─▶ fs_proto::JitterBuffer ─▶ work (a shared thread) ──▶ src
//!  sink_rtcp ─▶ sender reports ─▶ handle-sync ─▶ rtpbin ─▶ ts-offset
//! ```

mod flow;
mod imp;
mod rtcp;
mod specs;
pub(crate) mod threads;

use glib::subclass::prelude::*;
use gst::prelude::*;

glib::wrapper! {
    /// The element.
    pub struct JitterBuffer(ObjectSubclass<imp::JitterBuffer>) @extends gst::Element, gst::Object;
}

/// The name to make one by.
pub const FACTORY: &str = "fsrtpjitterbuffer";

impl JitterBuffer {
    /// How much media it holds, in units of the clock rate: from the newest packet to the last that left.
    pub(crate) fn fill(&self) -> u32 {
        self.imp().fill()
    }
}

/// Conferences use it where this is in the environment. Not by default yet: calls in it have hung when they began and ended in
/// quick succession (`tests/rtp_many.rs`, one run in some thirty).
const WANTED: &str = "FS_SHARED_JITTER_BUFFERS";

/// Whether conferences of this process use it.
pub(crate) fn is_wanted() -> bool {
    std::env::var_os(WANTED).is_some()
}

/// Lets a bin of RTP sessions use this element, unless it is asked for something that only its own can do.
pub(crate) fn use_in(rtpbin: &gst::Element) {
    rtpbin.connect("request-jitterbuffer", false, |values| {
        let bin = values.first()?.get::<gst::Element>().ok()?;
        let ours = is_usual(&bin).then(|| gst::ElementFactory::make(FACTORY).build().ok()).flatten();
        Some(ours.to_value())
    });
}

/// Whether all settings that this element doesn't know have their defaults.
fn is_usual(bin: &gst::Element) -> bool {
    const SWITCHES: [&str; 3] = ["do-retransmission", "rfc7273-sync", "add-reference-timestamp-meta"];
    let is_on = |name: &str| bin.find_property(name).is_some() && bin.property::<bool>(name);
    let mode = bin.find_property("buffer-mode").is_none_or(|spec| {
        bin.property_value("buffer-mode").transform::<i32>().ok().map(|v| v.get::<i32>().ok())
            == spec.default_value().transform::<i32>().ok().map(|v| v.get::<i32>().ok())
    });
    mode && !SWITCHES.into_iter().any(is_on)
}

#[cfg(test)]
mod tests;
