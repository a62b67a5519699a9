//! Mutated lists of codecs and of header extensions through the whole negotiation.
//!
//! Each line of a corpus is a list: lines of `codecs` are codecs as in `vectors/`, separated by `|`; lines of `extensions` are
//! `ID DIRECTION URI`. `FS_FUZZ_SECONDS` and `FS_FUZZ_SEED` make longer and other runs.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // a test: a panic is its verdict, and it looks at the clock

use std::time::{Duration, Instant};

use fs_proto::negotiation::{
    Inputs, LocalCapability, Outcome, RemoteCodecs, negotiate, validate_preferences,
};
use fs_proto::{Codec, CodecParameter, FeedbackParameter, MediaType, RtpHeaderExtension, StreamDirection};

const CODECS: &str = include_str!("corpus/codecs");
const EXTENSIONS: &str = include_str!("corpus/extensions");
/// Rounds where no time is asked for.
const ROUNDS: u32 = 2_000;

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

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// Runs rounds until they are enough. A panic comes with the number of its round, which the same seed reaches again.
fn rounds(mut round: impl FnMut(&mut Random)) {
    struct Place(u64, u32);
    impl Drop for Place {
        fn drop(&mut self) {
            println!("{} rounds with FS_FUZZ_SEED={}", self.1, self.0);
        }
    }
    let seed = setting("FS_FUZZ_SEED").unwrap_or(1);
    let mut place = Place(seed, 0);
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let end = setting("FS_FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    while end.map_or(place.1 < ROUNDS, |end| Instant::now() < end) {
        round(&mut random);
        place.1 += 1;
    }
}

/// A line of the corpus with a few places changed, cut, doubled or taken from another line.
fn mutated(corpus: &str, random: &mut Random) -> String {
    const BITS: [&str; 14] = [
        "|",
        " ",
        "=",
        "/",
        ",",
        "-",
        "\0",
        "é",
        "99999999999",
        "-1",
        "128",
        "events=0-255",
        "fb:tfrc//",
        "trr:0",
    ];
    let lines: Vec<&str> = corpus.lines().filter(|l| !l.is_empty()).collect();
    let mut text: Vec<char> = lines[random.below(lines.len())].chars().collect();
    for _ in 0..random.below(5) {
        let at = random.below(text.len());
        let end = (at + 1 + random.below(30)).min(text.len());
        match random.below(5) {
            0 => drop(text.drain(at..end)),
            1 => drop(text.splice(at..at, BITS[random.below(BITS.len())].chars())),
            2 => drop(text.splice(at..at, text[at..end].to_vec())),
            3 => text.extend(['|'].into_iter().chain(lines[random.below(lines.len())].chars())),
            _ if at < text.len() => text[at] = char::from(random.below(128) as u8),
            _ => {}
        }
    }
    text.into_iter().collect()
}

/// Whatever stands there becomes some codec.
fn codec(media: MediaType, text: &str) -> Codec {
    let mut words = text.split(' ');
    let id = words.next().and_then(|id| id.parse().ok()).unwrap_or(100);
    let mut format = words.next().unwrap_or_default().split('/');
    let name = format.next().unwrap_or_default();
    let mut number = || format.next().and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut codec = Codec::new(id, name, media, number()).with_channels(number());
    for word in words {
        if let Some(feedback) = word.strip_prefix("fb:") {
            let mut parts = feedback.splitn(3, '/').map(str::to_owned);
            let mut part = || parts.next().unwrap_or_default();
            let (kind, subtype, extra_params) = (part(), part(), part());
            codec.feedback_params.push(FeedbackParameter { kind, subtype, extra_params });
        } else if let Some(interval) = word.strip_prefix("trr:") {
            codec.minimum_reporting_interval = interval.parse().ok();
        } else {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            codec.optional_params.push(CodecParameter { name: name.to_owned(), value: value.to_owned() });
        }
    }
    codec
}

fn codecs(media: MediaType, text: &str) -> Vec<Codec> {
    text.split('|').map(|part| codec(media, part)).collect()
}

fn extensions(text: &str) -> Vec<RtpHeaderExtension> {
    let one = |part: &str| {
        let mut words = part.splitn(3, ' ');
        let mut number = || words.next().and_then(|n| n.parse().ok()).unwrap_or(4096);
        let (id, bits) = (number(), number());
        let uri = words.next().unwrap_or_default().to_owned();
        RtpHeaderExtension { id, direction: StreamDirection::from_bits(bits), uri }
    };
    text.split('|').map(one).collect()
}

/// What must hold whatever was said.
fn check(outcome: &Outcome) {
    let unique = |mut ids: Vec<i64>, range: std::ops::RangeInclusive<i64>| {
        assert!(ids.iter().all(|id| range.contains(id)), "{ids:?}");
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "an id twice");
    };
    unique(outcome.associations.iter().map(|a| a.codec.id.into()).collect(), 0..=127);
    unique(outcome.header_extensions.iter().map(|e| e.id.into()).collect(), 1..=255);
    assert!(outcome.associations.default_send().is_some());
}

/// Negotiates an offer, two answers and the first answer again.
fn through(
    media: MediaType,
    ours: &[Codec],
    first: &[RemoteCodecs],
    second: &[RemoteCodecs],
    wishes: &[RtpHeaderExtension],
) {
    let capabilities: Vec<_> = ours.iter().cloned().map(LocalCapability::new).collect();
    let preferences = validate_preferences(media, &capabilities, ours).preferences;
    let mut previous: Option<Outcome> = None;
    for remotes in [&[], first, second, first] {
        let inputs = Inputs {
            media_type: media,
            capabilities: &capabilities,
            preferences: &preferences,
            previous: previous.as_ref(),
            remotes,
            header_extensions: wishes,
        };
        match negotiate(&inputs) {
            Ok(outcome) => {
                check(&outcome);
                previous = Some(outcome);
            }
            Err(error) => assert!(error.to_string().len() < 100_000, "a text nobody reads"),
        }
    }
}

#[test]
fn mutated_codecs_do_no_harm() {
    rounds(|random| {
        let media = [MediaType::Audio, MediaType::Video][random.below(2)];
        let [ours, theirs, others] = [(); 3].map(|()| codecs(media, &mutated(CODECS, random)));
        let first = [RemoteCodecs::new(1, theirs.clone())];
        through(media, &ours, &first, &[RemoteCodecs::new(1, theirs), RemoteCodecs::new(2, others)], &[]);
    });
}

#[test]
fn mutated_header_extensions_do_no_harm() {
    let ours = [Codec::new(0, "PCMU", MediaType::Audio, 8000)];
    rounds(|random| {
        let [wishes, theirs, others] = [(); 3].map(|()| extensions(&mutated(EXTENSIONS, random)));
        let remote = |stream, said: &[RtpHeaderExtension]| RemoteCodecs {
            header_extensions: Some(said.to_vec()),
            ..RemoteCodecs::new(stream, ours.to_vec())
        };
        let second = [remote(1, &others), remote(2, &theirs)];
        through(MediaType::Audio, &ours, &[remote(1, &theirs)], &second, &wishes);
    });
}
