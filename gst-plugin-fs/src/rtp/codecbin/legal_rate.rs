//! Encoders whose own bit rate is not legal at every sample rate that they take.

use gst::prelude::*;

/// Factory, property and a value that is legal at all its sample rates. Layer II at 16 to 24 kHz, what speech becomes, ends with
/// 160 kbit/s (ISO 13818-3 section 2.4.2.3), and twolame refuses to begin with its 192.
const LEGAL: [(&str, &str, i32); 1] = [("twolamemp2enc", "bitrate", 160)];

/// Gives such an encoder a bit rate that it begins with. Whoever sets one later has the choice.
pub(super) fn apply(element: &gst::Element) {
    let Some(factory) = element.factory() else { return };
    for (name, property, rate) in LEGAL {
        if factory.name() == name
            && element.find_property(property).is_some_and(|p| p.value_type() == glib::Type::I32)
        {
            element.set_property(property, rate);
        }
    }
}
