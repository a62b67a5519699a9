//! How much sound goes into one packet: `ptime` and `maxptime` of RFC 8866 section 6.4 on payloaders and encoders.

use fs_proto::Codec;
use gst::prelude::*;

/// What RFC 3551 section 4.2 recommends where nothing was negotiated, in ms.
const DEFAULT_MS: u32 = 20;

/// No packet is made longer, whatever a peer asks for, in ms.
const LONGEST_MS: u32 = 200;

/// Sets the packet time on an element that decides about it; others are left alone.
///
/// Payloaders of sample-based audio get exactly one packet time, so that the input's buffer size does not show on the
/// wire. Encoders with a frame size follow only where a packet time was negotiated.
pub(super) fn apply(element: &gst::Element, codec: &Codec) {
    let negotiated = negotiated_ms(codec);
    if is_sample_payloader(element) {
        let nanoseconds = i64::from(negotiated.unwrap_or(DEFAULT_MS)) * 1_000_000;
        element.set_property("max-ptime", nanoseconds);
        element.set_property("min-ptime", nanoseconds);
    } else if let Some(ms) = negotiated {
        set_frame_size(element, ms);
    }
}

/// `ptime`, bounded by `maxptime`; a `maxptime` below the default bounds that.
fn negotiated_ms(codec: &Codec) -> Option<u32> {
    let number = |name| codec.param(name).and_then(|v| v.trim().parse::<u32>().ok()).filter(|ms| *ms > 0);
    let ms = match (number("ptime"), number("maxptime")) {
        (Some(ptime), max) => ptime.min(max.unwrap_or(ptime)),
        (None, Some(max)) => max.min(DEFAULT_MS),
        (None, None) => return None,
    };
    Some(ms.min(LONGEST_MS))
}

fn is_sample_payloader(element: &gst::Element) -> bool {
    glib::Type::from_name("GstRTPBaseAudioPayload").is_some_and(|t| element.type_().is_a(t))
}

/// Encoders such as opusenc name their frame sizes in ms: takes the longest that is not too long.
fn set_frame_size(element: &gst::Element, ms: u32) {
    let Some(pspec) = element.find_property("frame-size") else { return };
    let Some(class) = glib::EnumClass::with_type(pspec.value_type()) else { return };
    let fits = class
        .values()
        .iter()
        .filter_map(|v| v.nick().parse::<f32>().ok().map(|length| (length, v.nick())))
        .filter(|(length, _)| *length <= ms as f32)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((_, nick)) = fits {
        element.set_property_from_str("frame-size", nick);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fs_proto::MediaType;

    fn codec(parameters: &[(&str, &str)]) -> Codec {
        let base = Codec::new(0, "PCMU", MediaType::Audio, 8000);
        parameters.iter().fold(base, |c, (n, v)| c.with_param(n, v))
    }

    #[test]
    fn the_peers_limit_bounds_the_packet_time() {
        for (parameters, ms) in [
            (&[][..], None),
            (&[("ptime", "30")], Some(30)),
            (&[("ptime", "60"), ("maxptime", "40")], Some(40)),
            (&[("maxptime", "10")], Some(10)),
            (&[("maxptime", "150")], Some(20)),
            (&[("ptime", "0")], None),
            (&[("ptime", "4294967295")], Some(200)),
            (&[("ptime", "soon")], None),
        ] {
            assert_eq!(negotiated_ms(&codec(parameters)), ms, "{parameters:?}");
        }
    }

    #[test]
    fn an_encoder_takes_the_longest_frame_that_fits() {
        gst::init().unwrap();
        let encoder = gst::ElementFactory::make("opusenc").build().unwrap();
        let nick = |e: &gst::Element| {
            let value = e.property_value("frame-size");
            glib::EnumValue::from_value(&value).unwrap().1.nick().to_owned()
        };
        for (ptime, size) in
            [("10", "10"), ("30", "20"), ("60", "60"), ("120", "60"), ("3", "2.5"), ("1", "2.5")]
        {
            apply(&encoder, &codec(&[("ptime", ptime)]));
            assert_eq!(nick(&encoder), size, "ptime {ptime}");
        }
    }
}
