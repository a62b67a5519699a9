//! GstChildProxy of the conference elements: any element inside, by its name or by that of its factory.
//!
//! A `GstBin` finds direct children by name only; but encoders, decoders and payloaders stand deeper, under names that
//! GStreamer makes up. So `rtpbin::latency=50` and `opusenc::complexity=3` work in a `gst-launch` line.

use gst::prelude::*;

/// The child of that name: a direct child, else any element inside; names go before factories.
pub(crate) fn by_name(bin: &gst::Bin, name: &str) -> Option<glib::Object> {
    let made_by = |element: &gst::Element| element.factory().is_some_and(|factory| factory.name() == name);
    let direct = bin.children();
    let found = direct.iter().find(|child| child.name() == name).cloned();
    let found = found.or_else(|| bin.by_name(name));
    let found = found.or_else(|| direct.iter().find(|child| made_by(child)).cloned());
    let found = found.or_else(|| bin.iterate_recurse().into_iter().flatten().find(made_by));
    found.map(Cast::upcast)
}

/// Direct child number `index`, from 0.
pub(crate) fn by_index(bin: &gst::Bin, index: u32) -> Option<glib::Object> {
    let index = usize::try_from(index).ok()?;
    bin.children().into_iter().nth(index).map(Cast::upcast)
}

/// How many direct children there are.
pub(crate) fn count(bin: &gst::Bin) -> u32 {
    u32::try_from(bin.children().len()).unwrap_or(u32::MAX)
}
