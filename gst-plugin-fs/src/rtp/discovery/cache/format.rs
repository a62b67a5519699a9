//! The bytes of a cache file: eight of magic, the key and a checksum as little-endian numbers, then a GVariant.
//!
//! The GVariant holds a table of all strings, each once, and the blueprints, which name strings by their place in it. GLib
//! reads GVariants from untrusted memory; what stands in them is checked here, so that no file can do more harm than to be
//! ignored.

use std::collections::HashMap;

use fs_proto::{Codec, CodecParameter, FeedbackParameter, MediaType};
use glib::prelude::*;

use crate::rtp::discovery::Blueprint;

/// Begins every file; the last character counts the formats.
const MAGIC: [u8; 8] = *b"FSCODEC1";
/// Length of what stands before the content.
pub(in crate::rtp::discovery) const HEADER: usize = 24;

/// More codecs than any installation has.
const MOST_BLUEPRINTS: usize = 1000;

/// Place of a string in the table.
type Word = u32;
/// Id, name, clock rate, channels and reporting interval.
type Numbers = (i32, Word, u32, u32, Option<u32>);
type Stages = Vec<Vec<Word>>;
/// Numbers, parameters, feedback, the four caps, the two chains.
type Entry = (Numbers, Vec<(Word, Word)>, Vec<(Word, Word, Word)>, (Word, Word, Word, Word), Stages, Stages);
pub(in crate::rtp::discovery) type Content = (Vec<String>, Vec<Entry>);

/// FNV-1a over 64 bits, continued from `hash`. Tells files apart that differ by accident.
pub(super) const fn fnv(mut hash: u64, bytes: &[u8]) -> u64 {
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x100_0000_01b3);
        at += 1;
    }
    hash
}

/// Where [`fnv`] begins.
pub(super) const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

/// The file that [`decode`] makes `blueprints` of.
pub(in crate::rtp::discovery) fn encode(key: u64, blueprints: &[Blueprint]) -> Vec<u8> {
    let mut words = Words::default();
    let entries: Vec<Entry> = blueprints.iter().map(|b| words.entry(b)).collect();
    sealed(key, (words.table, entries).to_variant().data())
}

/// A file with that content: the header with its checksum, then the content.
pub(in crate::rtp::discovery) fn sealed(key: u64, body: &[u8]) -> Vec<u8> {
    let mut file = Vec::with_capacity(HEADER + body.len());
    file.extend_from_slice(&MAGIC);
    file.extend_from_slice(&key.to_le_bytes());
    file.extend_from_slice(&checksum(key, body).to_le_bytes());
    file.extend_from_slice(body);
    file
}

/// The blueprints in a file.
///
/// # Errors
/// What is wrong with it: another format, another key, damaged, or of another medium.
pub(in crate::rtp::discovery) fn decode(
    key: u64,
    media: MediaType,
    file: &[u8],
) -> Result<Vec<Blueprint>, &'static str> {
    let (header, body) = file.split_at_checked(HEADER).ok_or("it is too short")?;
    let number = |at: usize| header[at..].first_chunk().copied().map(u64::from_le_bytes);
    if !header.starts_with(&MAGIC) {
        return Err("it has another format");
    }
    if number(8) != Some(key) {
        return Err("it was made for other elements or by another version");
    }
    if number(16) != Some(checksum(key, body)) {
        return Err("it is damaged");
    }
    read_body(media, body)
}

fn checksum(key: u64, body: &[u8]) -> u64 {
    fnv(fnv(FNV_START, &key.to_le_bytes()), body)
}

/// What stands behind the header.
fn read_body(media: MediaType, body: &[u8]) -> Result<Vec<Blueprint>, &'static str> {
    let content = glib::Variant::from_bytes::<Content>(&glib::Bytes::from(body));
    if !content.is_normal_form() {
        return Err("its content is none");
    }
    let (table, entries) = content.get::<Content>().ok_or("its content is none")?;
    if entries.len() > MOST_BLUEPRINTS {
        return Err("it has too many codecs");
    }
    let mut reader = Reader { table, caps: HashMap::new() };
    entries
        .iter()
        .map(|entry| reader.blueprint(media, entry))
        .collect::<Option<_>>()
        .ok_or("its content is wrong")
}

/// The table while it grows.
#[derive(Default)]
struct Words {
    table: Vec<String>,
    places: HashMap<String, Word>,
}

impl Words {
    fn word(&mut self, text: &str) -> Word {
        if let Some(place) = self.places.get(text) {
            return *place;
        }
        let place = self.table.len() as Word;
        self.table.push(text.to_owned());
        self.places.insert(text.to_owned(), place);
        place
    }

    fn stages(&mut self, stages: &[Vec<String>]) -> Stages {
        stages.iter().map(|stage| stage.iter().map(|name| self.word(name)).collect()).collect()
    }

    fn entry(&mut self, b: &Blueprint) -> Entry {
        let codec = &b.codec;
        let name = self.word(&codec.encoding_name);
        let numbers = (codec.id, name, codec.clock_rate, codec.channels, codec.minimum_reporting_interval);
        let parameters = &codec.optional_params;
        let parameters = parameters.iter().map(|p| (self.word(&p.name), self.word(&p.value))).collect();
        let feedback = &codec.feedback_params;
        let feedback = feedback
            .iter()
            .map(|f| (self.word(&f.kind), self.word(&f.subtype), self.word(&f.extra_params)))
            .collect();
        let [rtp, media, input, output] = [&b.rtp_caps, &b.media_caps, &b.input_caps, &b.output_caps]
            .map(|caps| self.word(&caps.to_string()));
        (
            numbers,
            parameters,
            feedback,
            (rtp, media, input, output),
            self.stages(&b.send),
            self.stages(&b.recv),
        )
    }
}

/// The table of a file, with the caps that were made of its strings.
struct Reader {
    table: Vec<String>,
    caps: HashMap<Word, gst::Caps>,
}

impl Reader {
    fn word(&self, place: Word) -> Option<String> {
        self.table.get(usize::try_from(place).ok()?).cloned()
    }

    /// Blueprints share most of their caps, which are long: each is read once.
    fn caps(&mut self, place: Word) -> Option<gst::Caps> {
        if let Some(known) = self.caps.get(&place) {
            return Some(known.clone());
        }
        let caps: gst::Caps = self.word(place)?.parse().ok()?;
        self.caps.insert(place, caps.clone());
        Some(caps)
    }

    fn stages(&self, stages: &Stages) -> Option<Vec<Vec<String>>> {
        let stage = |names: &Vec<Word>| {
            let names: Option<Vec<String>> = names.iter().map(|name| self.word(*name)).collect();
            names.filter(|names| !names.is_empty())
        };
        stages.iter().map(stage).collect()
    }

    fn blueprint(&mut self, media: MediaType, entry: &Entry) -> Option<Blueprint> {
        let (numbers, parameters, feedback, caps, send, recv) = entry;
        let (id, name, clock_rate, channels, interval) = *numbers;
        let mut codec = Codec::new(id, &self.word(name)?, media, clock_rate).with_channels(channels);
        codec.minimum_reporting_interval = interval;
        for (name, value) in parameters {
            codec.optional_params.push(CodecParameter { name: self.word(*name)?, value: self.word(*value)? });
        }
        for (kind, subtype, extra) in feedback {
            codec.feedback_params.push(FeedbackParameter {
                kind: self.word(*kind)?,
                subtype: self.word(*subtype)?,
                extra_params: self.word(*extra)?,
            });
        }
        if codec.encoding_name.is_empty() || !(Codec::ID_ANY..=127).contains(&codec.id) {
            return None;
        }
        Some(Blueprint {
            codec,
            rtp_caps: self.caps(caps.0)?,
            media_caps: self.caps(caps.1)?,
            input_caps: self.caps(caps.2)?,
            output_caps: self.caps(caps.3)?,
            send: self.stages(send)?,
            recv: self.stages(recv)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::discovery::cache::tests::{installed, same};

    const KEY: u64 = 7;

    #[test]
    fn blueprints_survive() {
        for media in [MediaType::Audio, MediaType::Video, MediaType::Application] {
            let all = installed(media);
            let read = decode(KEY, media, &encode(KEY, &all)).unwrap();
            assert_eq!(read.len(), all.len());
            for (a, b) in all.iter().zip(&read) {
                assert!(same(a, b), "{a:?} became {b:?}");
            }
        }
    }

    #[test]
    fn a_file_of_something_else_is_told() {
        let file = encode(KEY, &installed(MediaType::Audio));
        let why = |file: &[u8]| decode(KEY, MediaType::Audio, file).unwrap_err();
        assert_eq!(why(&[]), "it is too short");
        assert_eq!(why(&file[..23]), "it is too short");
        assert_eq!(why(&[b"FSCODEC0", &file[8..]].concat()), "it has another format");
        assert_eq!(
            decode(KEY + 1, MediaType::Audio, &file).unwrap_err(),
            "it was made for other elements or by another version"
        );
        assert_eq!(why(&file[..file.len() - 1]), "it is damaged");
        assert_eq!(why(&[&file[..], b"x"].concat()), "it is damaged");
    }

    #[test]
    fn each_changed_octet_is_noticed() {
        let file = encode(KEY, &installed(MediaType::Application));
        for at in 0..file.len() {
            let mut broken = file.clone();
            broken[at] ^= 0x20;
            assert!(decode(KEY, MediaType::Application, &broken).is_err(), "octet {at}");
        }
    }

    /// A file whose checksum is right and whose content is not.
    fn forged(content: &Content) -> Result<Vec<Blueprint>, &'static str> {
        let variant = content.to_variant();
        read_body(MediaType::Audio, variant.data())
    }

    #[test]
    fn wrong_content_is_refused() {
        gst::init().unwrap();
        let words: Vec<String> = ["PCMU", "audio/x-raw", "pay", "", "}{"].map(str::to_owned).into();
        let good: Entry =
            ((0, 0, 8000, 1, None), vec![(0, 0)], Vec::new(), (1, 1, 1, 1), vec![vec![2]], Vec::new());
        let with = |change: &dyn Fn(&mut Entry)| {
            let mut entry = good.clone();
            change(&mut entry);
            forged(&(words.clone(), vec![entry]))
        };
        assert_eq!(with(&|_| ()).unwrap()[0].codec.optional_params[0].name, "PCMU");
        let wrong = "its content is wrong";
        assert_eq!(with(&|e| e.0.0 = 128).unwrap_err(), wrong, "payload type");
        assert_eq!(with(&|e| e.0.0 = -2).unwrap_err(), wrong, "payload type");
        assert_eq!(with(&|e| e.0.1 = 3).unwrap_err(), wrong, "no name");
        assert_eq!(with(&|e| e.0.1 = 5).unwrap_err(), wrong, "not in the table");
        assert_eq!(with(&|e| e.1[0].1 = u32::MAX).unwrap_err(), wrong, "not in the table");
        assert_eq!(with(&|e| e.3.2 = 4).unwrap_err(), wrong, "caps");
        assert_eq!(with(&|e| e.4[0][0] = 9).unwrap_err(), wrong, "factory");
        assert_eq!(with(&|e| e.5 = vec![Vec::new()]).unwrap_err(), wrong, "stage of nothing");
        let many = vec![good.clone(); MOST_BLUEPRINTS + 1];
        assert_eq!(forged(&(words.clone(), many)).unwrap_err(), "it has too many codecs");
        assert_eq!(read_body(MediaType::Audio, b"\xff\xff\xff").unwrap_err(), "its content is none");
    }
}
