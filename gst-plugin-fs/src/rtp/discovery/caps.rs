//! `application/x-rtp` caps and codec descriptions: the two ways.
//!
//! Fields follow GStreamer's convention for RTP caps: format parameters are lower-case string fields,
//! `ptime` and `maxptime` are unsigned integers, feedback is `rtcp-fb-TYPE[-SUBTYPE]`.

use fs_proto::{Codec, CodecParameter, FeedbackParameter, MediaType};

use crate::rtp::field_name::{self, Origin};

/// Fields with a meaning of their own: a format parameter of that name must not overwrite them.
const RESERVED: [&str; 9] = [
    "media",
    "payload",
    "clock-rate",
    "encoding-name",
    "encoding-params",
    "channels",
    "ssrc",
    "clock-base",
    "seqnum-base",
];

/// Format parameters that RTP caps carry as unsigned integers.
const UNSIGNED: [&str; 2] = ["ptime", "maxptime"];

/// Feedback types whose own name has a hyphen, so that what follows it is no subtype.
const HYPHENATED_FEEDBACK: [&str; 3] = ["transport-cc", "goog-remb", "trr-int"];

const FEEDBACK_PREFIX: &str = "rtcp-fb-";

/// RTP caps that say the same as `codec`.
///
/// What the codec leaves open (payload type, clock rate, channels) is left out of the caps. A parameter without
/// name, with the name of one of the caps' own fields or with a NUL character has no place in caps and is
/// left out too, and so are longer names than there are, and new ones when peers have made up thousands.
pub fn codec_to_caps(codec: &Codec) -> gst::Caps {
    let mut s = gst::Structure::new_empty("application/x-rtp");
    s.set("media", codec.media_type.as_str());
    if !codec.encoding_name.is_empty() && is_text(&codec.encoding_name) {
        s.set("encoding-name", codec.encoding_name.to_ascii_uppercase());
    }
    if (0..=127).contains(&codec.id) {
        s.set("payload", codec.id);
    }
    if let Some(rate) = i32::try_from(codec.clock_rate).ok().filter(|r| *r > 0) {
        s.set("clock-rate", rate);
    }
    if let Some(channels) = i32::try_from(codec.channels).ok().filter(|c| *c > 0) {
        s.set("channels", channels);
        s.set("encoding-params", channels.to_string());
    }
    for p in &codec.optional_params {
        set_parameter(&mut s, p);
    }
    for f in &codec.feedback_params {
        set_feedback(&mut s, f);
    }
    gst::Caps::from(s)
}

fn is_text(text: &str) -> bool {
    !text.contains('\0')
}

fn set_parameter(s: &mut gst::Structure, p: &CodecParameter) {
    let name = p.name.to_ascii_lowercase();
    if name.is_empty() || !is_text(&name) || !is_text(&p.value) || RESERVED.contains(&name.as_str()) {
        return;
    }
    if UNSIGNED.contains(&name.as_str()) {
        if let Ok(number) = p.value.trim().parse::<u32>() {
            s.set(name, number);
        }
    } else if field_name::is_allowed(&name, Origin::Parameter) {
        s.set(name, p.value.as_str());
    }
}

fn set_feedback(s: &mut gst::Structure, f: &FeedbackParameter) {
    if f.kind.is_empty() || !is_text(&f.kind) || !is_text(&f.subtype) || !is_text(&f.extra_params) {
        return;
    }
    let mut name = format!("{FEEDBACK_PREFIX}{}", f.kind.to_ascii_lowercase());
    if !f.subtype.is_empty() {
        name.push('-');
        name.push_str(&f.subtype.to_ascii_lowercase());
    }
    if field_name::is_allowed(&name, Origin::Parameter) {
        s.set(name, f.extra_params.as_str());
    }
}

/// The codec that the first structure of `caps` describes; `None` when it is not RTP, names no encoding or no known
/// medium.
///
/// A payload type or clock rate that is not fixed is left open; of a list of encoding names the first counts.
pub fn caps_to_codec(caps: &gst::CapsRef) -> Option<Codec> {
    let s = caps.structure(0)?;
    if s.name() != "application/x-rtp" {
        return None;
    }
    let media = MediaType::from_name(&first_string(s, "media")?)?;
    let name = first_string(s, "encoding-name").filter(|n| !n.is_empty())?;
    let id = s.get::<i32>("payload").ok().filter(|id| (0..=127).contains(id)).unwrap_or(Codec::ID_ANY);
    let rate = s.get::<i32>("clock-rate").ok().and_then(|r| u32::try_from(r).ok()).unwrap_or(0);
    let mut codec = Codec::new(id, &name, media, rate);
    codec.channels = channels(s);
    for (field, value) in s.iter() {
        let field = field.as_str();
        if RESERVED.contains(&field) {
            continue;
        }
        let Some(value) = parameter_value(field, value) else { continue };
        match field.strip_prefix(FEEDBACK_PREFIX) {
            Some("") => {}
            Some(feedback) => codec.feedback_params.push(feedback_from(feedback, value)),
            None => codec.optional_params.push(CodecParameter { name: field.to_owned(), value }),
        }
    }
    Some(codec)
}

fn channels(s: &gst::StructureRef) -> u32 {
    let text = first_string(s, "encoding-params").and_then(|c| c.trim().parse().ok());
    text.or_else(|| s.get::<i32>("channels").ok().and_then(|c| u32::try_from(c).ok())).unwrap_or(0)
}

fn parameter_value(field: &str, value: &glib::SendValue) -> Option<String> {
    if UNSIGNED.contains(&field)
        && let Ok(number) = value.get::<u32>()
    {
        return Some(number.to_string());
    }
    value.get::<Option<String>>().ok().flatten()
}

fn feedback_from(text: &str, extra_params: String) -> FeedbackParameter {
    let (kind, subtype) = if HYPHENATED_FEEDBACK.contains(&text) {
        (text, "")
    } else {
        text.split_once('-').filter(|(kind, _)| !kind.is_empty()).unwrap_or((text, ""))
    };
    FeedbackParameter { kind: kind.to_owned(), subtype: subtype.to_owned(), extra_params }
}

/// The string in a field, or the first of a list of strings.
pub(super) fn first_string(s: &gst::StructureRef, field: &str) -> Option<String> {
    let value = s.value(field).ok()?;
    if let Ok(text) = value.get::<String>() {
        return Some(text);
    }
    let list = value.get::<gst::List>().ok()?;
    list.as_slice().first()?.get::<String>().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(codec: &Codec) -> Codec {
        gst::init().unwrap();
        caps_to_codec(&codec_to_caps(codec)).unwrap()
    }

    #[test]
    fn a_codec_survives_the_way_through_caps() {
        let mut codec = Codec::new(97, "OPUS", MediaType::Audio, 48000)
            .with_channels(2)
            .with_param("useinbandfec", "1")
            .with_param("ptime", "20")
            .with_param("maxptime", "60");
        codec.feedback_params = vec![
            FeedbackParameter { kind: "nack".into(), ..Default::default() },
            FeedbackParameter { kind: "ccm".into(), subtype: "fir".into(), extra_params: "x".into() },
            FeedbackParameter { kind: "transport-cc".into(), ..Default::default() },
        ];
        assert!(round_trip(&codec).matches(&codec), "{} became {}", codec, round_trip(&codec));
    }

    #[test]
    fn what_a_codec_leaves_open_stays_open() {
        gst::init().unwrap();
        let codec = Codec::new(Codec::ID_ANY, "SPEEX", MediaType::Audio, 0);
        let caps = codec_to_caps(&codec);
        let s = caps.structure(0).unwrap();
        assert!(!s.has_field("payload") && !s.has_field("clock-rate") && !s.has_field("channels"), "{caps}");
        assert_eq!(round_trip(&codec), codec);
    }

    #[test]
    fn fields_have_the_types_gstreamer_expects() {
        gst::init().unwrap();
        let codec = Codec::new(0, "pcmu", MediaType::Audio, 8000)
            .with_param("ptime", "20")
            .with_param("Annexb", "No")
            .with_channels(1);
        let expected: gst::Caps =
            "application/x-rtp,media=audio,encoding-name=PCMU,payload=0,clock-rate=8000,\
             channels=1,encoding-params=(string)1,ptime=(uint)20,annexb=(string)No"
                .parse()
                .unwrap();
        assert!(codec_to_caps(&codec).is_strictly_equal(&expected), "{}", codec_to_caps(&codec));
    }

    #[test]
    fn a_peers_parameters_cannot_overwrite_what_the_codec_is() {
        let codec = Codec::new(0, "PCMU", MediaType::Audio, 8000)
            .with_param("payload", "96")
            .with_param("Encoding-Name", "EVIL")
            .with_param("", "0-15")
            .with_param("ptime", "many")
            .with_param("nul", "a\0b")
            .with_param("n\0l", "1");
        assert_eq!(round_trip(&codec), Codec::new(0, "PCMU", MediaType::Audio, 8000));
    }

    #[test]
    fn feedback_has_a_kind() {
        gst::init().unwrap();
        let caps: gst::Caps =
            "application/x-rtp,media=video,encoding-name=VP8,rtcp-fb-=a,rtcp-fb--b=c".parse().unwrap();
        let feedback = caps_to_codec(&caps).unwrap().feedback_params;
        let kinds: Vec<(&str, &str)> = feedback.iter().map(|f| (&*f.kind, &*f.subtype)).collect();
        assert_eq!(kinds, [("-b", "")]);
    }

    #[test]
    fn caps_that_describe_no_codec_give_none() {
        gst::init().unwrap();
        for text in [
            "audio/x-raw",
            "application/x-rtp,media=audio",
            "application/x-rtp,media=text,encoding-name=T140",
            "application/x-rtp,encoding-name=PCMU",
        ] {
            assert!(caps_to_codec(&text.parse::<gst::Caps>().unwrap()).is_none(), "{text}");
        }
        assert!(caps_to_codec(&gst::Caps::new_any()).is_none());
    }

    #[test]
    fn ranges_are_open_and_lists_count_by_their_first() {
        gst::init().unwrap();
        let caps: gst::Caps = "application/x-rtp,media=audio,payload=[96,127],clock-rate=[1,48000],\
             encoding-name={OPUS,MULTIOPUS},mode={20,30},ssrc=(uint)5"
            .parse()
            .unwrap();
        assert_eq!(caps_to_codec(&caps), Some(Codec::new(Codec::ID_ANY, "OPUS", MediaType::Audio, 0)));
    }
}
