//! Mutated caps, codecs and cache files: whatever they hold, there is an answer and no harm.
//!
//! `corpus/caps` and `corpus/cache` are replayed as they are and mutated, together with the cache files of the installed
//! elements. A line of `corpus/cache` is the content of a file in GVariant's text format, behind `good` or the reason
//! for which it is refused. `FS_FUZZ_SECONDS` and `FS_FUZZ_SEED` make longer and other runs.

use std::cell::Cell;
use std::time::{Duration, Instant};

use fs_proto::{Codec, CodecParameter, FeedbackParameter, MediaType};

use super::Blueprint;
use super::cache::format::{Content, HEADER, decode, encode, sealed};
use super::cache::tests::installed;
use super::caps::{caps_to_codec, codec_to_caps};

const CAPS: &str = include_str!("corpus/caps");
const CACHE: &str = include_str!("corpus/cache");
/// Rounds where no time is asked for.
const ROUNDS: u32 = 3_000;
const MEDIA: [MediaType; 3] = [MediaType::Audio, MediaType::Video, MediaType::Application];
const KEY: u64 = 7;

thread_local! {
    /// Criticals and warnings in this thread, while it fuzzes.
    static COMPLAINTS: Cell<Option<u32>> = const { Cell::new(None) };
}

/// Counts what GLib complains about in this thread; what GStreamer's own parser complains about is not ours.
fn listen() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        gst::init().unwrap();
        glib::log_set_default_handler(|domain, level, text| match COMPLAINTS.get() {
            Some(count) => COMPLAINTS.set(Some(count + 1)),
            None => glib::log_default_handler(domain, level, Some(text)),
        });
    });
    COMPLAINTS.set(Some(0));
}

/// Xorshift: the same numbers for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }
}

/// Tells the input of the round that failed.
struct Input<'a>(u32, &'a [u8]);

impl Drop for Input<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("round {}: {}", self.0, self.1.escape_ascii());
        }
    }
}

/// Gives a target one mutated seed after the other, until they are enough.
fn rounds(seeds: &[Vec<u8>], mut target: impl FnMut(&mut Random, &[u8])) {
    let setting = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let seed = setting("FS_FUZZ_SEED").unwrap_or(1);
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let end = setting("FS_FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut count = 0;
    while end.map_or(count < ROUNDS, |end| Instant::now() < end) {
        let mut data = seeds[random.below(seeds.len())].clone();
        mutate(&mut data, &mut random);
        let input = Input(count, &data);
        target(&mut random, input.1);
        count += 1;
    }
    println!("{count} rounds with seed {seed}");
}

fn mutate(data: &mut Vec<u8>, random: &mut Random) {
    const BITS: [&[u8]; 13] = [
        b"(string)",
        b"{",
        b"[1,max]",
        b",",
        b"=",
        b"\"",
        b"\xff",
        b"\xff\xff\xff\xff",
        b"99999999999",
        b"-1",
        b"ANY",
        b";",
        b"rtcp-fb-",
    ];
    for _ in 0..random.below(5) {
        let at = random.below(data.len());
        let end = (at + 1 + random.below(16)).min(data.len());
        match random.below(5) {
            0 => drop(data.drain(at..end)),
            1 => drop(data.splice(at..at, BITS[random.below(BITS.len())].iter().copied())),
            2 => drop(data.splice(at..at, data[at..end].to_vec())),
            3 => data.truncate(at.max(1)),
            _ if at < data.len() => data[at] = random.below(256) as u8,
            _ => {}
        }
    }
}

fn lines(corpus: &str) -> Vec<Vec<u8>> {
    corpus.lines().map(|line| line.as_bytes().to_vec()).collect()
}

/// A codec made of caps, and one made of whatever text, keep what they are on the way into caps and back.
fn survives(codec: &Codec) {
    COMPLAINTS.set(Some(0));
    let caps = codec_to_caps(codec);
    let again = caps_to_codec(&caps);
    assert_eq!(COMPLAINTS.get(), Some(0), "GLib complains of {codec}: {caps}");
    let named = !codec.encoding_name.is_empty() && !codec.encoding_name.contains('\0');
    assert_eq!(again.is_some(), named, "{codec} became {caps}");
    let Some(again) = again else { return };
    let rate = if i32::try_from(codec.clock_rate).is_ok() { codec.clock_rate } else { 0 };
    let id = if (0..=127).contains(&codec.id) { codec.id } else { Codec::ID_ANY };
    assert_eq!((again.id, again.clock_rate, again.media_type), (id, rate, codec.media_type), "{codec}");
    assert!(again.is_encoding(&codec.encoding_name), "{codec} became {again}");
    assert!(again.optional_params.len() <= codec.optional_params.len(), "{codec} became {again}");
    assert_eq!(caps_to_codec(&codec_to_caps(&again)), Some(again), "the second way changes nothing");
}

/// Names and values that a peer may have written anywhere.
fn strange_codec(random: &mut Random, text: &str) -> Codec {
    let words: Vec<&str> = text.split([',', '=']).collect();
    let mut word = || words[random.below(words.len())].to_owned();
    let (name, mut codec) = (word(), Codec::new(0, "", MediaType::Audio, 0));
    codec.optional_params = (0..3).map(|_| CodecParameter { name: word(), value: word() }).collect();
    codec.feedback_params = vec![FeedbackParameter { kind: word(), subtype: word(), extra_params: word() }];
    let number = random.below(usize::MAX) as u32;
    Codec {
        id: number as i32 >> random.below(31),
        encoding_name: name,
        media_type: MEDIA[random.below(MEDIA.len())],
        clock_rate: number >> random.below(31),
        channels: number >> random.below(31),
        ..codec
    }
}

#[test]
fn mutated_caps_do_no_harm() {
    listen();
    let read = |data: &[u8]| {
        let text = String::from_utf8_lossy(data).replace('\0', "");
        text.parse::<gst::Caps>().ok().and_then(|caps| caps_to_codec(&caps))
    };
    let seeds = lines(CAPS);
    let described: Vec<Codec> = seeds.iter().map(|line| read(line).expect("a codec")).collect();
    described.iter().for_each(survives);
    rounds(&seeds, |_, data| {
        if let Some(codec) = read(data) {
            survives(&codec);
        }
    });
}

#[test]
fn mutated_codecs_do_no_harm() {
    listen();
    rounds(&lines(CAPS), |random, data| survives(&strange_codec(random, &String::from_utf8_lossy(data))));
}

/// What a line of the corpus says about its content, and the content.
fn forged(line: &str) -> (&str, Vec<u8>) {
    let (verdict, text) = line.split_once(": ").expect("a verdict");
    let kind = <Content as glib::variant::StaticVariantType>::static_variant_type();
    let content = glib::Variant::parse(Some(&kind), text).unwrap_or_else(|why| panic!("{text}: {why}"));
    (verdict, content.data().to_vec())
}

fn is_sound(blueprint: &Blueprint, media: MediaType) {
    let codec = &blueprint.codec;
    assert!(!codec.encoding_name.is_empty() && (Codec::ID_ANY..=127).contains(&codec.id), "{codec}");
    assert_eq!(codec.media_type, media);
    assert!(blueprint.send.iter().chain(&blueprint.recv).all(|stage| !stage.is_empty()), "{codec}");
}

#[test]
fn the_corpus_of_cache_files_is_judged_as_it_says() {
    gst::init().unwrap();
    for line in CACHE.lines() {
        let (verdict, body) = forged(line);
        match decode(KEY, MediaType::Audio, &sealed(KEY, &body)) {
            Ok(found) => {
                assert_eq!(verdict, "good", "{line}");
                found.iter().for_each(|blueprint| is_sound(blueprint, MediaType::Audio));
            }
            Err(why) => assert_eq!(verdict, why, "{line}"),
        }
    }
}

#[test]
fn mutated_cache_files_do_no_harm() {
    listen();
    let files = MEDIA.map(|media| encode(KEY, &installed(media)));
    rounds(&files, |_, broken| {
        for media in MEDIA {
            let known = files[media as usize] == broken;
            let decoded = decode(KEY, media, broken);
            assert!(decoded.is_err() || files.iter().any(|file| file == broken), "a changed file is noticed");
            assert!(!known || decoded.is_ok());
        }
    });
}

#[test]
fn mutated_content_of_cache_files_does_no_harm() {
    listen();
    let mut bodies: Vec<Vec<u8>> = CACHE.lines().map(|line| forged(line).1).collect();
    bodies.extend(MEDIA.map(|media| encode(KEY, &installed(media))[HEADER..].to_vec()));
    rounds(&bodies, |random, body| {
        let media = MEDIA[random.below(MEDIA.len())];
        // As if somebody had made a file that fits together.
        for blueprint in decode(KEY, media, &sealed(KEY, body)).unwrap_or_default() {
            is_sound(&blueprint, media);
        }
    });
}
