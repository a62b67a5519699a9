//! From the codecs an application wants to the preference list of a Farstream session. Pure.

use fs_proto::{Codec, FeedbackParameter, MediaType};

use super::{Fault, MediaError};
use crate::sdp::codecs::summary;

/// Events beside the sound (RFC 4733); their pads are not linked.
pub(super) const TELEPHONE_EVENT: &str = "telephone-event";

/// Which codecs for pictures come first where nobody has wishes, as in Farstream's default preferences; those that are not
/// named come after them, in the engine's order.
const PICTURES: [&str; 7] = ["H264", "VP8", "VP9", "H265", "H263-1998", "H263", "THEORA"];

/// All codecs for pictures in their usual order.
pub(super) fn usual_pictures(present: &[Codec]) -> Vec<Codec> {
    let mut list = present.to_vec();
    list.sort_by_key(|codec| {
        PICTURES.iter().position(|name| codec.is_encoding(name)).unwrap_or(PICTURES.len())
    });
    list
}

/// The preference list that leaves only the wanted codecs, in their order and with what is wanted of them, and telephone
/// events at their clock rates.
pub(super) fn preferences(present: &[Codec], wanted: &[Codec]) -> Result<Vec<Codec>, MediaError> {
    let fits = |wanted: &Codec, codec: &Codec| {
        wanted.is_encoding(&codec.encoding_name)
            && (wanted.clock_rate == 0 || codec.clock_rate == 0 || wanted.clock_rate == codec.clock_rate)
    };
    let mut list: Vec<Codec> = Vec::new();
    for want in wanted {
        for codec in present.iter().filter(|codec| fits(want, codec)) {
            let any = Codec::new(Codec::ID_ANY, &codec.encoding_name, codec.media_type, codec.clock_rate);
            list.push(Codec {
                optional_params: want.optional_params.clone(),
                feedback_params: feedback(want),
                minimum_reporting_interval: want.minimum_reporting_interval,
                ..any
            });
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

/// The feedback that is wanted of a codec. Pictures that miss a packet stay broken until the next key frame, so these can be
/// asked for (RFC 4585 section 6.3.1, RFC 5104 section 4.3.1) unless other feedback is wanted.
fn feedback(want: &Codec) -> Vec<FeedbackParameter> {
    if want.media_type != MediaType::Video || !want.feedback_params.is_empty() {
        return want.feedback_params.clone();
    }
    let ask = |kind: &str, subtype: &str| FeedbackParameter {
        kind: kind.to_owned(),
        subtype: subtype.to_owned(),
        extra_params: String::new(),
    };
    vec![ask("nack", "pli"), ask("ccm", "fir")]
}

#[cfg(test)]
mod tests {
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
    fn what_is_wanted_of_a_codec_goes_along() {
        let mut want = codec("pcmu", 0).with_param("ptime", "30");
        want.feedback_params.push(FeedbackParameter {
            kind: "tfrc".into(),
            subtype: String::new(),
            extra_params: String::new(),
        });
        let list = preferences(&[codec("PCMU", 8000)], &[want]).unwrap();
        assert_eq!((list[0].param("ptime"), list[0].feedback_params.len()), (Some("30"), 1));
    }

    #[test]
    fn key_frames_can_be_asked_for() {
        let vp8 = Codec::new(Codec::ID_ANY, "VP8", MediaType::Video, 90000);
        let list = preferences(std::slice::from_ref(&vp8), std::slice::from_ref(&vp8)).unwrap();
        let words: Vec<_> =
            list[0].feedback_params.iter().map(|f| (f.kind.as_str(), f.subtype.as_str())).collect();
        assert_eq!(words, [("nack", "pli"), ("ccm", "fir")]);
    }

    #[test]
    fn what_phones_have_comes_first() {
        let names = ["THEORA", "JPEG", "vp8", "AV1", "H264"];
        let present = names.map(|name| Codec::new(Codec::ID_ANY, name, MediaType::Video, 90000));
        let usual = usual_pictures(&present);
        let order: Vec<_> = usual.iter().map(|codec| codec.encoding_name.as_str()).collect();
        assert_eq!(order, ["H264", "vp8", "THEORA", "JPEG", "AV1"]);
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
