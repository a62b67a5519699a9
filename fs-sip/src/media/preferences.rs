//! From the codecs an application wants to the preference list of a Farstream session. Pure.

use fs_proto::Codec;

use super::{Fault, MediaError};
use crate::sdp::codecs::summary;

/// Events beside the sound (RFC 4733); their pads are not linked.
pub(super) const TELEPHONE_EVENT: &str = "telephone-event";

/// The preference list that leaves only the wanted codecs, in their order, and telephone events at their clock rates.
pub(super) fn preferences(present: &[Codec], wanted: &[Codec]) -> Result<Vec<Codec>, MediaError> {
    let fits = |wanted: &Codec, codec: &Codec| {
        wanted.is_encoding(&codec.encoding_name)
            && (wanted.clock_rate == 0 || codec.clock_rate == 0 || wanted.clock_rate == codec.clock_rate)
    };
    let mut list: Vec<Codec> = Vec::new();
    for want in wanted {
        for codec in present.iter().filter(|codec| fits(want, codec)) {
            list.push(Codec::new(Codec::ID_ANY, &codec.encoding_name, codec.media_type, codec.clock_rate));
        }
    }
    if list.is_empty() {
        let text = format!("wanted: {}; we have: {}", summary(wanted), summary(present));
        return Err(MediaError::new(Fault::NoCodecs, text));
    }
    let rates: Vec<u32> = list.iter().map(|codec| codec.clock_rate).collect();
    let goes_along = |codec: &Codec| codec.is_encoding(TELEPHONE_EVENT) && rates.contains(&codec.clock_rate);
    let unwanted = |codec: &&Codec| !goes_along(codec) && !wanted.iter().any(|want| fits(want, codec));
    for codec in present.iter().filter(unwanted) {
        list.push(Codec::new(Codec::ID_DISABLE, &codec.encoding_name, codec.media_type, codec.clock_rate));
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use fs_proto::MediaType;

    use super::*;

    fn codec(name: &str, rate: u32) -> Codec {
        Codec::new(Codec::ID_ANY, name, MediaType::Audio, rate)
    }

    #[test]
    fn telephone_events_go_along() {
        let present = [
            codec("OPUS", 48000),
            codec("PCMU", 8000),
            codec("telephone-event", 48000),
            codec("telephone-event", 8000),
        ];
        let list = preferences(&present, &[codec("PCMU", 0)]).unwrap();
        let off: Vec<_> = list.iter().filter(|c| c.id == Codec::ID_DISABLE).map(|c| c.clock_rate).collect();
        assert_eq!(off, [48000, 48000], "{list:?}");
        assert_eq!(list.len(), 3, "what goes along stays as it was found");
    }

    #[test]
    fn only_the_wanted_codecs_are_left() {
        let present =
            [codec("OPUS", 48000), codec("PCMU", 8000), codec("SPEEX", 16000), codec("SPEEX", 8000)];
        let list =
            preferences(&present, &[codec("pcmu", 0), codec("speex", 16000), codec("G729", 0)]).unwrap();
        let shown: Vec<_> = list.iter().map(|c| (c.id, c.encoding_name.as_str(), c.clock_rate)).collect();
        let (any, off) = (Codec::ID_ANY, Codec::ID_DISABLE);
        assert_eq!(
            shown,
            [(any, "PCMU", 8000), (any, "SPEEX", 16000), (off, "OPUS", 48000), (off, "SPEEX", 8000)]
        );
    }

    #[test]
    fn nothing_wanted_is_there() {
        let error = preferences(&[codec("PCMU", 8000)], &[codec("G729", 8000)]).unwrap_err();
        assert_eq!(
            (error.fault, error.text.as_str()),
            (Fault::NoCodecs, "wanted: G729/8000; we have: PCMU/8000")
        );
    }
}
