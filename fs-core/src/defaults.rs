//! Defaults that come in files with a conference, and the bit rate of encoders (`fs_utils_*`).
//!
//! Files are looked for in the user's data folder first and then in the system's, under
//! `farstream/0.2/FACTORY/`, where FACTORY is the conference's element factory.

use std::path::PathBuf;

use fs_proto::{Codec, MediaType, RtpHeaderExtension};
use glib::prelude::*;
use gst::prelude::*;

use crate::debug::CAT;
use crate::keyfile;

const CODEC_PREFERENCES: &str = "default-codec-preferences";
const ELEMENT_PROPERTIES: &str = "default-element-properties";

/// Where a file of a conference may be, most important first; nothing for an element without factory.
fn places(element: &gst::Element, file: &str) -> Vec<PathBuf> {
    let Some(factory) = element.factory() else { return Vec::new() };
    let below = ["farstream", "0.2", factory.name().as_str(), file].iter().collect::<PathBuf>();
    std::iter::once(glib::user_data_dir())
        .chain(glib::system_data_dirs())
        .map(|folder| folder.join(&below))
        .collect()
}

/// The codec preferences installed for a conference, from the first folder that has any
/// (`fs_utils_get_default_codec_preferences`).
pub fn codec_preferences(element: &gst::Element) -> Vec<Codec> {
    first(element, |path| keyfile::codecs(path))
}

/// The header extensions installed for a conference (`fs_utils_get_default_rtp_header_extension_preferences`).
pub fn rtp_header_extension_preferences(
    element: &gst::Element,
    media_type: MediaType,
) -> Vec<RtpHeaderExtension> {
    first(element, |path| keyfile::header_extensions(path, media_type))
}

fn first<T>(element: &gst::Element, read: impl Fn(&PathBuf) -> Result<Vec<T>, glib::Error>) -> Vec<T> {
    for path in places(element, CODEC_PREFERENCES) {
        match read(&path) {
            Ok(items) if !items.is_empty() => return items,
            Ok(_) => {}
            Err(error) => gst::debug!(CAT, obj = element, "{}: {}", path.display(), error.message()),
        }
    }
    Vec::new()
}

/// The element properties installed for a conference (`fs_utils_get_default_element_properties`).
pub fn element_properties(element: &gst::Element) -> Option<glib::KeyFile> {
    places(element, ELEMENT_PROPERTIES).into_iter().find_map(|path| {
        let file = glib::KeyFile::new();
        match file.load_from_file(&path, glib::KeyFileFlags::NONE) {
            Ok(()) => Some(file),
            Err(error) => {
                gst::debug!(CAT, obj = element, "{}: {}", path.display(), error.message());
                None
            }
        }
    })
}

/// What encoders call their bit rate.
const BITRATES: [&str; 2] = ["bitrate", "target-bitrate"];

/// Encoders that count kilobits and don't say so in the property's description.
const KILOBITS: [&str; 3] = ["lame", "mpeg2enc", "twolame"];

/// How the others say that they count kilobits, in lower case.
const KILOBIT_WORDS: [&str; 4] = ["kbit", "kbps", "kb/s", "kilobit"];

/// Sets the bit rate of an encoder, in bits per second (`fs_utils_set_bitrate`). The value is clamped to what the
/// element takes. False if it has no numeric property `bitrate` or `target-bitrate` that can be written.
pub fn set_bitrate(element: &gst::Element, bits_per_second: i64) -> bool {
    let known = BITRATES.iter().find_map(|name| element.find_property(name));
    let Some(spec) = known.filter(|spec| spec.flags().contains(glib::ParamFlags::WRITABLE)) else {
        return false;
    };
    let wanted = if counts_kilobits(element, &spec) { bits_per_second / 1000 } else { bits_per_second };
    let value = if let Some(spec) = spec.downcast_ref::<glib::ParamSpecInt>() {
        clamp(wanted, spec.minimum(), spec.maximum()).to_value()
    } else if let Some(spec) = spec.downcast_ref::<glib::ParamSpecUInt>() {
        clamp(wanted, spec.minimum(), spec.maximum()).to_value()
    } else if let Some(spec) = spec.downcast_ref::<glib::ParamSpecLong>() {
        glib::ILong(clamp(wanted, spec.minimum(), spec.maximum())).to_value()
    } else if let Some(spec) = spec.downcast_ref::<glib::ParamSpecULong>() {
        glib::ULong(clamp(wanted, spec.minimum(), spec.maximum())).to_value()
    } else if let Some(spec) = spec.downcast_ref::<glib::ParamSpecInt64>() {
        clamp(wanted, spec.minimum(), spec.maximum()).to_value()
    } else if let Some(spec) = spec.downcast_ref::<glib::ParamSpecUInt64>() {
        clamp(wanted, spec.minimum(), spec.maximum()).to_value()
    } else {
        return false;
    };
    element.set_property_from_value(spec.name(), &value);
    true
}

fn counts_kilobits(element: &gst::Element, spec: &glib::ParamSpec) -> bool {
    let listed = element.factory().is_some_and(|factory| KILOBITS.contains(&factory.name().as_str()));
    let description = spec.blurb().map(str::to_ascii_lowercase).unwrap_or_default();
    listed || KILOBIT_WORDS.iter().any(|word| description.contains(word))
}

/// The number as a `T` between two bounds; what does not fit a `T` is the bound on its side.
fn clamp<T: TryFrom<i64> + PartialOrd>(wanted: i64, minimum: T, maximum: T) -> T {
    match T::try_from(wanted) {
        Ok(value) if value < minimum => minimum,
        Ok(value) if value > maximum => maximum,
        Ok(value) => value,
        Err(_) if wanted < 0 => minimum,
        Err(_) => maximum,
    }
}
