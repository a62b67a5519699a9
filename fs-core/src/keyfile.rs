//! Codec preferences and header extensions from key files.
//!
//! ```text
//! [audio/OPUS]                              [rtp-hdrext:audio:level]
//! clock-rate=48000                          id=4096
//! useinbandfec=1                            uri=urn:ietf:params:rtp-hdrext:ssrc-audio-level
//! feedback:nack/pli=                        direction=send
//! ```

use std::path::Path;

use fs_proto::{Codec, CodecParameter, FeedbackParameter, MediaType, RtpHeaderExtension, StreamDirection};

use crate::debug::CAT;

/// Reads a file; errors are those of GLib.
fn load(path: &Path) -> Result<glib::KeyFile, glib::Error> {
    let file = glib::KeyFile::new();
    file.load_from_file(path, glib::KeyFileFlags::NONE)?;
    Ok(file)
}

/// The codecs of a file, most wanted first (`fs_codec_list_from_keyfile`). Groups that name no codec are left out.
pub fn codecs(path: impl AsRef<Path>) -> Result<Vec<Codec>, glib::Error> {
    let file = load(path.as_ref())?;
    Ok(file.groups().iter().filter_map(|group| codec(&file, group)).collect())
}

fn codec(file: &glib::KeyFile, group: &str) -> Option<Codec> {
    let (media, name) = group.split_once('/')?;
    let media_type = MediaType::from_name(media)?;
    let name = name.split(':').next().filter(|name| name.len() > usize::from(group.contains(':')))?;
    let mut codec = Codec::new(Codec::ID_ANY, name, media_type, 0);
    for key in file.keys(group).ok()?.iter() {
        set(&mut codec, file, group, key);
    }
    Some(codec)
}

fn set(codec: &mut Codec, file: &glib::KeyFile, group: &str, key: &str) {
    if key.eq_ignore_ascii_case("id") {
        if let Some(id) = integer(file, group, key) {
            codec.id = if id < 0 { Codec::ID_DISABLE } else { id };
        }
    } else if key.eq_ignore_ascii_case("clock-rate") {
        codec.clock_rate = unsigned(file, group, key).unwrap_or(codec.clock_rate);
    } else if key.eq_ignore_ascii_case("channels") {
        codec.channels = unsigned(file, group, key).unwrap_or(codec.channels);
    } else if key.eq_ignore_ascii_case("trr-int") {
        codec.minimum_reporting_interval = unsigned(file, group, key).or(codec.minimum_reporting_interval);
    } else if let Some(what) = key.strip_prefix("feedback:") {
        let Some(extra_params) = text(file, group, key) else { return };
        let (kind, subtype) = what.split_once('/').unwrap_or((what, ""));
        let (kind, subtype) = (kind.to_owned(), subtype.to_owned());
        codec.feedback_params.push(FeedbackParameter { kind, subtype, extra_params });
    } else if let Some(value) = text(file, group, key) {
        codec.optional_params.push(CodecParameter { name: key.to_owned(), value });
    }
}

/// The text of a key; none if it is not UTF-8 or has a bad escape.
fn text(file: &glib::KeyFile, group: &str, key: &str) -> Option<String> {
    match file.string(group, key) {
        Ok(text) => Some(text.to_string()),
        Err(error) => {
            gst::warning!(CAT, "[{group}] {key}: {}", error.message());
            None
        }
    }
}

fn integer(file: &glib::KeyFile, group: &str, key: &str) -> Option<i32> {
    match file.integer(group, key) {
        Ok(number) => Some(number),
        Err(error) => {
            gst::warning!(CAT, "[{group}] {key}: {}", error.message());
            None
        }
    }
}

fn unsigned(file: &glib::KeyFile, group: &str, key: &str) -> Option<u32> {
    let number = integer(file, group, key)?;
    let unsigned = u32::try_from(number).ok();
    if unsigned.is_none() {
        gst::warning!(CAT, "[{group}] {key}={number} is negative");
    }
    unsigned
}

/// The header extensions of a file for one kind of media (`fs_rtp_header_extension_list_from_keyfile`).
pub fn header_extensions(
    path: impl AsRef<Path>,
    media_type: MediaType,
) -> Result<Vec<RtpHeaderExtension>, glib::Error> {
    let file = load(path.as_ref())?;
    Ok(file.groups().iter().filter_map(|group| header_extension(&file, group, media_type)).collect())
}

fn header_extension(file: &glib::KeyFile, group: &str, media_type: MediaType) -> Option<RtpHeaderExtension> {
    const PREFIX: &str = "rtp-hdrext:";
    let kind = group.get(..PREFIX.len()).filter(|prefix| prefix.eq_ignore_ascii_case(PREFIX));
    let (media, _) = kind.and_then(|prefix| group[prefix.len()..].split_once(':'))?;
    if MediaType::from_name(media)? != media_type {
        return None;
    }
    let id = unsigned(file, group, "id")?;
    let uri = file.string(group, "uri").ok()?.to_string();
    let direction = file.string(group, "direction").map(|text| text.to_ascii_lowercase());
    let direction = match direction.as_deref().unwrap_or_default() {
        "none" => StreamDirection::NONE,
        "send" => StreamDirection::SEND,
        "recv" | "receive" => StreamDirection::RECV,
        _ => StreamDirection::BOTH,
    };
    Some(RtpHeaderExtension { id, direction, uri })
}
