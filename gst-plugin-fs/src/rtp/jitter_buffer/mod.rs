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

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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

/// Properties of rtpbin that only its own jitter buffers know.
const ITS_OWN: [&str; 4] =
    ["buffer-mode", "do-retransmission", "rfc7273-sync", "add-reference-timestamp-meta"];

/// Lets a bin of RTP sessions use this element, unless it is asked for something that only its own can do.
pub(crate) fn use_in(rtpbin: &gst::Element) {
    let usual = Arc::new(AtomicBool::new(is_usual(rtpbin)));
    for name in ITS_OWN {
        let usual = usual.clone();
        rtpbin.connect_notify(Some(name), move |bin, _| usual.store(is_usual(bin), Ordering::Release));
    }
    // The bin asks with the lock of a session held. Its properties need its own lock, which others hold while they wait
    // for that of a session, so none is read here.
    rtpbin.connect("request-jitterbuffer", false, move |_| {
        let wanted = usual.load(Ordering::Acquire);
        let ours = wanted.then(|| gst::ElementFactory::make(FACTORY).build().ok()).flatten();
        Some(ours.to_value())
    });
}

/// Whether all settings that this element doesn't know have their defaults.
fn is_usual(bin: &gst::Element) -> bool {
    let is_default = |name: &str| {
        let Some(spec) = bin.find_property(name) else { return true };
        bin.property_value(name).compare(spec.default_value()) == Some(std::cmp::Ordering::Equal)
    };
    ITS_OWN.into_iter().all(is_default)
}

#[cfg(test)]
mod tests;
