//! Properties of offers and answers: nothing a peer sends panics, and what we answer fits what was offered.

use fs_proto::{Candidate, CandidateType, Codec, MediaType, StreamDirection};
use fs_sip::sdp::{self, LocalMedia};
use fs_sip::session::offer_answer::OfferAnswer;
use proptest::prelude::*;

const TYPE: &str = "application/sdp";

/// Descriptions of real programs, cut down.
const SEEDS: [&str; 3] = [
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 96 0 8 101\r\n\
     a=rtpmap:96 opus/48000/2\r\na=fmtp:96 stereo=1;sprop-stereo=1\r\na=rtpmap:101 telephone-event/8000\r\n\
     a=fmtp:101 0-15\r\na=rtcp:4001\r\na=sendrecv\r\na=ptime:20\r\n",
    "v=0\r\no=x 2 3 IN IP4 10.0.0.1\r\ns=call\r\nt=0 0\r\na=sendonly\r\nm=video 5000 RTP/AVPF 97\r\nc=IN IP4 10.0.0.1\r\n\
     a=rtpmap:97 VP8/90000\r\na=rtcp-fb:97 nack pli\r\nm=audio 5002 RTP/AVP 9\r\nc=IN IP4 10.0.0.1/127\r\n",
    "v=0\r\no=- 1 1 IN IP6 ::1\r\ns=-\r\nc=IN IP6 ::1\r\nt=0 0\r\nm=message 9 TCP/MSRP *\r\na=path:msrp://x:9/y;tcp\r\n\
     m=audio 7 RTP/AVP 0\r\na=rtcp:9 IN IP6 ::1\r\n",
];

fn ours(codecs: Vec<Codec>) -> LocalMedia {
    let candidates = vec![
        Candidate::new("L1", 1, CandidateType::Host, "127.0.0.1", 7078),
        Candidate::new("L1", 2, CandidateType::Host, "127.0.0.1", 7079),
    ];
    LocalMedia { codecs, candidates, direction: StreamDirection::BOTH, ..LocalMedia::default() }
}

/// Takes an offer, answers with its own codecs, and checks the answer against the offer.
fn answered(offer: &[u8]) -> bool {
    let mut negotiator = OfferAnswer::new(4, "test");
    let Ok(mut remote) = negotiator.remote_offer(TYPE, offer) else { return false };
    let remote = remote.remove(0);
    let Ok(answer) = negotiator.answer(&[ours(remote.codecs.clone())]) else { return false };
    let offered = sdp::parse(offer).expect("it was just read");
    let answer = sdp::parse(&answer).expect("our own description is well-formed");
    assert_eq!(answer.medias.len(), offered.medias.len(), "one m-line for each");
    for (index, (ours, theirs)) in answer.medias.iter().zip(&offered.medias).enumerate() {
        assert_eq!((&ours.media, &ours.proto), (&theirs.media, &theirs.proto));
        assert_eq!(ours.port != 0, index == remote.index, "only the audio stream is taken");
        let formats: Vec<&str> = theirs.fmt.split_ascii_whitespace().collect();
        for format in ours.fmt.split_ascii_whitespace().filter(|_| index == remote.index) {
            assert!(
                formats.iter().any(|f| f.trim_start_matches('0') == format.trim_start_matches('0')),
                "{format}"
            );
        }
    }
    true
}

fn codec() -> impl Strategy<Value = Codec> {
    let name = "[A-Za-z][A-Za-z0-9-]{0,12}";
    let parameters = proptest::collection::vec(("[a-z][a-z0-9-]{0,8}", "[a-zA-Z0-9,-]{1,12}"), 0..4);
    (96..128i32, name, 1..200_000u32, 1..6u32, parameters).prop_map(
        |(id, name, rate, channels, parameters)| {
            let codec = Codec::new(id, &name, MediaType::Audio, rate).with_channels(channels);
            let packet_time = |name: &str| name == "ptime" || name == "maxptime";
            parameters
                .into_iter()
                .filter(|(name, _)| !packet_time(name))
                .fold(codec, |codec, (name, value)| codec.with_param(&name, &value))
        },
    )
}

#[test]
fn the_seeds_are_answered() {
    assert_eq!(SEEDS.map(|seed| answered(seed.as_bytes())), [true; 3]);
}

proptest! {
    #[test]
    fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        answered(&bytes);
    }

    #[test]
    fn damaged_descriptions_never_panic(
        seed in 0..3usize,
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4u8), 1..8),
    ) {
        let mut bytes = SEEDS[seed].as_bytes().to_vec();
        for (place, byte, kind) in damage {
            let at = place.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => bytes[at] = b"0123456789 /:=;*-"[usize::from(byte) % 17],
                _ => { bytes.remove(at); }
            }
        }
        answered(&bytes);
    }

    #[test]
    fn codecs_survive_the_wire(list in proptest::collection::vec(codec(), 1..6)) {
        let mut seen = std::collections::HashSet::new();
        // The channel count of opus is fixed by its RFC.
        let list: Vec<Codec> =
            list.into_iter().filter(|c| seen.insert(c.id) && !c.is_encoding("opus")).collect();
        prop_assume!(!list.is_empty());
        let mut sender = OfferAnswer::new(4, "a");
        let offer = sender.offer(&[ours(list.clone())]).expect("it can be described");
        let mut receiver = OfferAnswer::new(8, "b");
        let got = receiver.remote_offer(TYPE, &offer).expect("it can be read").remove(0).codecs;
        prop_assert_eq!(got.len(), list.len());
        for (sent, got) in list.iter().zip(&got) {
            prop_assert!(sent.matches(got), "{} became {}", sent, got);
        }
    }
}
