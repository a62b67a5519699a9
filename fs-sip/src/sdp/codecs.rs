//! The formats of one m-line ⇄ `Vec<Codec>`: `rtpmap`, `fmtp`, `rtcp-fb`, `ptime` and `maxptime`.
//!
//! Static payload types need no `rtpmap` (RFC 3551 section 6). `opus` is always `48000/2` (RFC 7587 section 7).
//! The event list of `telephone-event` is a bare value on the wire (RFC 4733 section 2.4.1): a parameter without
//! name. A packet time that all codecs share stands in `a=ptime`, for codecs it is the parameter `ptime`.

use fs_proto::{Codec, CodecParameter, FeedbackParameter, MediaType};

use super::SdpError;

/// The static payload types of RFC 3551 section 6: payload type, encoding name, clock rate, channels.
const STATIC: &[(u8, &str, u32, u32)] = &[
    (0, "PCMU", 8000, 1),
    (3, "GSM", 8000, 1),
    (4, "G723", 8000, 1),
    (5, "DVI4", 8000, 1),
    (6, "DVI4", 16000, 1),
    (7, "LPC", 8000, 1),
    (8, "PCMA", 8000, 1),
    (9, "G722", 8000, 1),
    (10, "L16", 44100, 2),
    (11, "L16", 44100, 1),
    (12, "QCELP", 8000, 1),
    (13, "CN", 8000, 1),
    (14, "MPA", 90000, 0),
    (15, "G728", 8000, 1),
    (16, "DVI4", 11025, 1),
    (17, "DVI4", 22050, 1),
    (18, "G729", 8000, 1),
    (25, "CelB", 90000, 0),
    (26, "JPEG", 90000, 0),
    (28, "nv", 90000, 0),
    (31, "H261", 90000, 0),
    (32, "MPV", 90000, 0),
    (33, "MP2T", 90000, 0),
    (34, "H263", 90000, 0),
];

/// The parameters that stand in lines of their own, and for all codecs of the m-line.
const PACKET_TIMES: [&str; 2] = ["ptime", "maxptime"];

/// What one m-line says about formats.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Formats {
    /// The codecs that are described completely, in the order of the m-line.
    pub codecs: Vec<Codec>,
    /// The formats left out, each with its reason.
    pub skipped: Vec<String>,
}

/// Reads the codecs of an m-line that carries RTP.
///
/// # Errors
/// When a format is no payload type from 0 to 127.
pub fn read(media: &sdp_types::Media) -> Result<Formats, SdpError> {
    let kind = MediaType::from_name(&media.media).unwrap_or(MediaType::Application);
    let mut formats = Formats::default();
    for format in media.fmt.split_ascii_whitespace() {
        let payload_type: u8 = format.parse().ok().filter(|pt| *pt < 128).ok_or_else(|| {
            SdpError::malformed(format!("m={}: format {format:?} is no payload type", media.media))
        })?;
        if formats.codecs.iter().any(|codec| codec.id == i32::from(payload_type)) {
            continue;
        }
        match describe(media, payload_type, kind) {
            Ok(codec) => formats.codecs.push(codec),
            Err(reason) => formats.skipped.push(format!("{payload_type} ({reason})")),
        }
    }
    Ok(formats)
}

/// Writes the formats and their attributes into an m-line. Codecs without payload type or clock rate are left out.
pub fn write(media: &mut sdp_types::Media, codecs: &[Codec]) {
    let usable: Vec<&Codec> = codecs
        .iter()
        .filter(|c| (0..128).contains(&c.id) && c.clock_rate > 0 && is_token(&c.encoding_name))
        .collect();
    media.fmt = usable.iter().map(|c| c.id.to_string()).collect::<Vec<_>>().join(" ");
    for codec in &usable {
        media.add_attribute_with_value("rtpmap", rtpmap(codec));
        if let Some(parameters) = fmtp(codec) {
            media.add_attribute_with_value("fmtp", format!("{} {parameters}", codec.id));
        }
        for feedback in feedback_lines(codec) {
            media.add_attribute_with_value("rtcp-fb", feedback);
        }
    }
    for name in PACKET_TIMES {
        if let Some(value) = usable.iter().find_map(|c| c.param(name)).filter(|v| v.parse::<u32>().is_ok()) {
            media.add_attribute_with_value(name, value);
        }
    }
}

/// A short list for errors and warnings: `PCMU/8000, opus/48000/2`.
#[must_use]
pub fn summary(codecs: &[Codec]) -> String {
    if codecs.is_empty() {
        return "nothing".to_owned();
    }
    codecs.iter().map(label).collect::<Vec<_>>().join(", ")
}

/// How a codec is named to people: `opus/48000/2`.
#[must_use]
pub fn label(codec: &Codec) -> String {
    let mut text = codec.encoding_name.clone();
    if codec.clock_rate > 0 {
        text.push_str(&format!("/{}", codec.clock_rate));
    }
    if codec.channels > 1 {
        text.push_str(&format!("/{}", codec.channels));
    }
    text
}

/// Reads a preference list as people type it: `opus/48000/2, PCMU`. Rate and channels may be left out.
///
/// # Errors
/// When an entry has no name, or a rate or channel count that is no number.
pub fn preferences(text: &str) -> Result<Vec<Codec>, String> {
    preferences_of(MediaType::Audio, text)
}

/// The same for another kind of media.
///
/// # Errors
/// Those of [`preferences`].
pub fn preferences_of(kind: MediaType, text: &str) -> Result<Vec<Codec>, String> {
    let entries = text.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty());
    entries.map(|entry| preference(kind, entry)).collect()
}

fn preference(kind: MediaType, entry: &str) -> Result<Codec, String> {
    let mut parts = entry.split('/');
    let name = parts.next().unwrap_or_default();
    if !is_token(name) {
        return Err(format!("{entry:?} is no codec: expected NAME, NAME/RATE or NAME/RATE/CHANNELS"));
    }
    let mut number = |what: &str| match parts.next() {
        None => Ok(0),
        Some(text) => text.parse::<u32>().map_err(|_| format!("{entry:?}: {what} {text:?} is no number")),
    };
    let (rate, channels) = (number("clock rate")?, number("channel count")?);
    Ok(Codec::new(Codec::ID_ANY, name, kind, rate).with_channels(channels))
}

fn describe(media: &sdp_types::Media, payload_type: u8, kind: MediaType) -> Result<Codec, String> {
    let mut codec = match mapping(media, payload_type)? {
        Some(map) => mapped(&map, kind)?,
        None => fixed(payload_type, kind).ok_or("no rtpmap for a dynamic payload type")?,
    };
    for fmtp in media.attributes_typed::<sdp_types::Fmtp>().flatten().filter(|f| f.fmt == payload_type) {
        codec.optional_params.extend(fmtp.format_specific_params.iter().filter_map(parameter));
    }
    if kind == MediaType::Audio && !codec.is_encoding("telephone-event") {
        for name in PACKET_TIMES {
            let value = media.get_first_attribute_value(name).flatten().map(str::trim);
            let value = value.filter(|v| v.parse::<u32>().is_ok_and(|ms| ms > 0));
            if let (Some(value), None) = (value, codec.param(name)) {
                codec = codec.with_param(name, value);
            }
        }
    }
    read_feedback(media, payload_type, &mut codec);
    Ok(codec)
}

fn mapping(media: &sdp_types::Media, payload_type: u8) -> Result<Option<sdp_types::RtpMap>, String> {
    let mut broken = None;
    for value in media.get_attribute_values("rtpmap").flatten() {
        let value = value.trim();
        match value.parse::<sdp_types::RtpMap>() {
            Ok(map) if map.payload_type == payload_type => return Ok(Some(map)),
            Ok(_) => {}
            Err(error) => {
                if value.split_ascii_whitespace().next() == Some(payload_type.to_string().as_str()) {
                    broken = Some(error.to_string());
                }
            }
        }
    }
    broken.map_or(Ok(None), Err)
}

fn mapped(map: &sdp_types::RtpMap, kind: MediaType) -> Result<Codec, String> {
    let name = map.encoding_name.trim();
    if !is_token(name) || map.clock_rate == 0 {
        return Err(format!("rtpmap {name}/{} names no codec", map.clock_rate));
    }
    let mut codec = Codec::new(i32::from(map.payload_type), name, kind, map.clock_rate);
    if kind == MediaType::Audio {
        codec.channels = match map.encoding_params.as_deref().map(str::trim) {
            _ if codec.is_encoding("opus") => 2,
            None | Some("") => 1,
            Some(text) => text.parse().map_err(|_| format!("channel count {text:?} is no number"))?,
        };
    }
    Ok(codec)
}

fn fixed(payload_type: u8, kind: MediaType) -> Option<Codec> {
    let (pt, name, rate, channels) = STATIC.iter().find(|entry| entry.0 == payload_type)?;
    Some(Codec::new(i32::from(*pt), name, kind, *rate).with_channels(*channels))
}

fn parameter(parameter: &sdp_types::FmtpParam) -> Option<CodecParameter> {
    let name = parameter.param.trim();
    match &parameter.val {
        Some(value) if !name.is_empty() => {
            Some(CodecParameter { name: name.to_owned(), value: value.trim().to_owned() })
        }
        None if !name.is_empty() => Some(CodecParameter { name: String::new(), value: name.to_owned() }),
        _ => None,
    }
}

/// `a=rtcp-fb:PT-or-* TYPE [SUBTYPE [REST]]` (RFC 4585 section 4.2).
fn read_feedback(media: &sdp_types::Media, payload_type: u8, codec: &mut Codec) {
    for value in media.get_attribute_values("rtcp-fb").flatten() {
        let mut words = value.trim().splitn(4, ' ').map(str::trim);
        let applies = words.next().is_some_and(|w| w == "*" || w.parse() == Ok(payload_type));
        let Some(kind) = words.next().filter(|kind| applies && !kind.is_empty()) else { continue };
        let (subtype, rest) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if kind.eq_ignore_ascii_case("trr-int") {
            codec.minimum_reporting_interval = subtype.parse().ok();
        } else {
            codec.feedback_params.push(FeedbackParameter {
                kind: kind.to_owned(),
                subtype: subtype.to_owned(),
                extra_params: rest.to_owned(),
            });
        }
    }
}

fn rtpmap(codec: &Codec) -> String {
    // RFC 7587 registers the name in lower case and fixes the channel count.
    if codec.is_encoding("opus") {
        return format!("{} opus/{}/2", codec.id, codec.clock_rate);
    }
    let channels = if codec.channels > 1 { format!("/{}", codec.channels) } else { String::new() };
    format!("{} {}/{}{channels}", codec.id, codec.encoding_name, codec.clock_rate)
}

fn fmtp(codec: &Codec) -> Option<String> {
    let bare_events = codec.is_encoding("telephone-event");
    let parts: Vec<String> = codec
        .optional_params
        .iter()
        .filter(|p| !PACKET_TIMES.iter().any(|name| p.name.eq_ignore_ascii_case(name)))
        .filter(|p| is_text(&p.name) && is_text(&p.value))
        .map(|p| match p.name.as_str() {
            "" => p.value.clone(),
            name if bare_events && name.eq_ignore_ascii_case("events") => p.value.clone(),
            name => format!("{name}={}", p.value),
        })
        .filter(|part| !part.is_empty())
        .collect();
    (!parts.is_empty()).then(|| parts.join(";"))
}

fn feedback_lines(codec: &Codec) -> Vec<String> {
    let interval = codec.minimum_reporting_interval.map(|ms| format!("{} trr-int {ms}", codec.id));
    let feedback = codec.feedback_params.iter().map(|p| {
        let words = [p.kind.as_str(), p.subtype.as_str(), p.extra_params.as_str()];
        let words: Vec<&str> = words.into_iter().filter(|w| !w.is_empty()).collect();
        format!("{} {}", codec.id, words.join(" "))
    });
    interval.into_iter().chain(feedback).collect()
}

/// A token of RFC 8866 section 9, but for `/`, which separates rtpmap fields.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]".contains(&b))
}

/// Text that can't break the line or the list it stands in.
fn is_text(text: &str) -> bool {
    !text.contains(['\r', '\n', '\0', ';'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(lines: &str) -> sdp_types::Media {
        let text = format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n{lines}");
        super::super::parse(text.as_bytes()).unwrap().medias.remove(0)
    }

    #[test]
    fn static_types_need_no_rtpmap() {
        let formats = read(&section("m=audio 4000 RTP/AVP 0 8 18\r\n")).unwrap();
        let names: Vec<_> = formats.codecs.iter().map(label).collect();
        assert_eq!(names, ["PCMU/8000", "PCMA/8000", "G729/8000"]);
        assert!(formats.skipped.is_empty());
    }

    #[test]
    fn rtpmap_overrides_the_static_meaning() {
        let formats = read(&section("m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 L16/16000/2\r\n")).unwrap();
        assert_eq!(label(&formats.codecs[0]), "L16/16000/2");
    }

    #[test]
    fn opus_is_read_and_written_as_registered() {
        let media = section(
            "m=audio 4000 RTP/AVP 96 101\r\na=rtpmap:96 OPUS/48000/2\r\na=fmtp:96 stereo=1; useinbandfec=1\r\n\
             a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=rtcp-fb:* trr-int 100\r\n",
        );
        let codecs = read(&media).unwrap().codecs;
        assert_eq!((codecs[0].channels, codecs[0].param("stereo")), (2, Some("1")));
        assert_eq!((codecs[0].param("useinbandfec"), codecs[0].param("ptime")), (Some("1"), Some("20")));
        assert_eq!((codecs[1].param(""), codecs[1].param("ptime")), (Some("0-15"), None));
        assert_eq!(codecs[0].minimum_reporting_interval, Some(100));

        let mut out =
            sdp_types::Media::new(sdp_types::MediaType::Audio, 4000, sdp_types::TransportProto::RtpAvp, "");
        write(&mut out, &codecs);
        assert_eq!(out.fmt, "96 101");
        let lines: Vec<_> = out
            .attributes
            .iter()
            .map(|a| format!("{}:{}", a.attribute, a.value.as_deref().unwrap_or("")))
            .collect();
        assert_eq!(
            lines,
            [
                "rtpmap:96 opus/48000/2",
                "fmtp:96 stereo=1;useinbandfec=1",
                "rtcp-fb:96 trr-int 100",
                "rtpmap:101 telephone-event/8000",
                "fmtp:101 0-15",
                "rtcp-fb:101 trr-int 100",
                "ptime:20",
            ]
        );
        let again = read(&out).unwrap().codecs;
        assert!(codecs.iter().zip(&again).all(|(a, b)| a.matches(b)), "{codecs:?} {again:?}");
    }

    #[test]
    fn named_events_are_written_bare() {
        let codec = Codec::new(101, "telephone-event", MediaType::Audio, 8000).with_param("events", "0-15");
        let mut out =
            sdp_types::Media::new(sdp_types::MediaType::Audio, 1, sdp_types::TransportProto::RtpAvp, "");
        write(&mut out, &[codec]);
        assert_eq!(out.get_first_attribute_value("fmtp"), Some(Some("101 0-15")));
    }

    #[test]
    fn what_is_not_described_is_skipped_with_its_reason() {
        let formats =
            read(&section("m=audio 4000 RTP/AVP 97 98 0\r\na=rtpmap:97 speex\r\na=rtpmap:98 X/abc\r\n"))
                .unwrap();
        assert_eq!(formats.codecs.len(), 1);
        assert_eq!(formats.skipped.len(), 2);
        let formats = read(&section("m=audio 4000 RTP/AVP 99\r\n")).unwrap();
        assert!(formats.skipped[0].contains("no rtpmap"), "{:?}", formats.skipped);
    }

    #[test]
    fn formats_that_are_no_payload_types_are_malformed() {
        for format in ["128", "300", "x", "-1"] {
            let media = section(&format!("m=audio 4000 RTP/AVP {format}\r\n"));
            assert_eq!(read(&media).unwrap_err().status_code(), 400, "{format}");
        }
    }

    #[test]
    fn feedback_round_trip() {
        let media = section(
            "m=video 4000 RTP/AVPF 96\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 ccm fir x y\r\n",
        );
        let codec = read(&media).unwrap().codecs.remove(0);
        assert_eq!(codec.feedback_params.len(), 2);
        assert_eq!(feedback_lines(&codec), ["96 nack pli", "96 ccm fir x y"]);
    }

    #[test]
    fn preference_lists() {
        let list = preferences("opus/48000/2, PCMU PCMA/8000").unwrap();
        assert_eq!(summary(&list), "opus/48000/2, PCMU, PCMA/8000");
        assert!(preferences("opus/x").unwrap_err().contains("clock rate"));
        assert!(preferences("a=b").is_err());
        assert!(preferences("").unwrap().is_empty());
    }

    #[test]
    fn hostile_parameters_do_not_break_lines() {
        let codec = Codec::new(96, "X", MediaType::Audio, 8000).with_param("a", "1\r\na=evil:1");
        assert_eq!(fmtp(&codec), None);
    }
}
