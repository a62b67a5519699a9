//! Element of rate control, between the session's muxer and rtpbin: each packet waits its time and gets its stamp.
//!
//! It is in the path only where rate control was negotiated, and belongs to no plugin: nobody else can use it.

mod imp;

use std::time::Duration;

use fs_proto::tfrc::Sending;
use glib::subclass::prelude::*;

/// Tells what a packet of that many bytes needs; `None` lets it pass as it is.
pub type Decide = dyn Fn(usize) -> Option<Sending> + Send + Sync;

glib::wrapper! {
    /// The element.
    pub struct PacketModder(ObjectSubclass<imp::PacketModder>)
        @extends gst_base::BaseTransform, gst::Element, gst::Object;
}

impl PacketModder {
    /// An element that stamps with header extension `id`, 1 to 255 (RFC 8285: above 14 in the two-byte form).
    pub fn new(name: &str, id: u8, decide: Box<Decide>) -> Self {
        let element: Self = glib::Object::builder().property("name", name).build();
        element.imp().set_up(id, decide);
        element
    }

    /// Stamps with another header extension from now on.
    pub fn set_extension(&self, id: u8) {
        self.imp().set_extension(id);
    }
}

/// How long a wait may be before it is worth one.
const WORTH_WAITING: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests;
