//! Element in front of a video session: asks the source for pictures of a size and rate that the bit rate can carry.
//!
//! Each value of its property `bitrate` is remembered for `interval`; what counts is their mean less their standard
//! deviation, so that a short dip does not change the picture. The limits are a preference in answers to caps queries:
//! a source that can't do otherwise keeps sending what it has.

mod imp;
mod limits;

use glib::prelude::*;

glib::wrapper! {
    /// The element.
    pub struct BitrateAdapter(ObjectSubclass<imp::BitrateAdapter>)
        @extends gst_base::BaseTransform, gst::Element, gst::Object;
}

impl BitrateAdapter {
    /// An element of that name.
    pub fn new(name: &str) -> Self {
        glib::Object::builder().property("name", name).build()
    }

    /// What may be sent from now on, in bit/s.
    pub fn set_bitrate(&self, bitrate: u32) {
        self.set_property("bitrate", bitrate);
    }
}

#[cfg(test)]
mod tests;
