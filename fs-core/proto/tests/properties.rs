//! What holds for every negotiation, whatever the two sides say.

#![allow(clippy::unwrap_used)] // a test: a panic is its verdict

use fs_proto::negotiation::{
    Inputs, LocalCapability, Outcome, RemoteCodecs, codecs_need_resend, negotiate, validate_preferences,
};
use fs_proto::{
    Codec, EventSet, FeedbackParameter, MediaType, RtpHeaderExtension, StreamDirection, candidate,
};
use proptest::prelude::*;

const AUDIO: MediaType = MediaType::Audio;

const NAMES: [&str; 12] = [
    "PCMU",
    "PCMA",
    "OPUS",
    "ILBC",
    "G729",
    "VORBIS",
    "telephone-event",
    "SPEEX",
    "MPA",
    "MPA-ROBUST",
    "reserve-pt",
    "X",
];
const RATES: [u32; 4] = [0, 8000, 16000, 48000];

fn parameters() -> impl Strategy<Value = Vec<(String, String)>> {
    const NAMES: &[&str] = &[
        "ptime",
        "maxptime",
        "mode",
        "annexb",
        "minptime",
        "stereo",
        "sprop-stereo",
        "configuration",
        "events",
        "",
        "foo",
        "farstream-recv-profile",
    ];
    const VALUES: &[&str] =
        &["20", "30", "0", "1", "yes", "no", "0-15", "0-11,16", "x", "", "4294967296", "é"];
    let pair = (prop::sample::select(NAMES), prop::sample::select(VALUES));
    prop::collection::vec(pair.prop_map(|(n, v)| (n.to_owned(), v.to_owned())), 0..4)
}

fn codec(ids: impl Strategy<Value = i32>) -> impl Strategy<Value = Codec> {
    let feedback = prop::collection::vec(prop::sample::select(&["pli", "", "tfrc"][..]), 0..2);
    (
        ids,
        prop::sample::select(&NAMES[..]),
        prop::sample::select(&RATES[..]),
        0..3_u32,
        parameters(),
        feedback,
    )
        .prop_map(|(id, name, rate, channels, parameters, feedback)| {
            let codec = Codec::new(id, name, AUDIO, rate).with_channels(channels);
            let mut codec = parameters.iter().fold(codec, |c, (name, value)| c.with_param(name, value));
            codec.feedback_params = feedback
                .into_iter()
                .map(|subtype| FeedbackParameter {
                    kind: "nack".to_owned(),
                    subtype: subtype.to_owned(),
                    extra_params: String::new(),
                })
                .collect();
            codec
        })
}

fn capabilities() -> impl Strategy<Value = Vec<LocalCapability>> {
    let capability = (codec(-1..130_i32), any::<[bool; 4]>()).prop_map(|(codec, flags)| LocalCapability {
        codec,
        can_send: flags[0],
        can_recv: flags[1] || flags[0],
        sink_caps_allowed: flags[2] || flags[1],
        src_caps_allowed: flags[3] || flags[1],
    });
    prop::collection::vec(capability, 1..8)
}

fn remotes() -> impl Strategy<Value = Vec<RemoteCodecs>> {
    let extensions = prop::option::of(prop::collection::vec(extension(), 0..4));
    let remote = (prop::collection::vec(codec(90..=127_i32), 1..6), extensions)
        .prop_map(|(codecs, said)| RemoteCodecs { header_extensions: said, ..RemoteCodecs::new(0, codecs) });
    prop::collection::vec(remote, 0..4).prop_map(|mut list| {
        for (stream, remote) in (0..).zip(&mut list) {
            remote.stream = stream;
        }
        list
    })
}

fn extension() -> impl Strategy<Value = RtpHeaderExtension> {
    let id = prop_oneof![0..20_u32, 60..70_u32, 250..260_u32, Just(4096), any::<u32>()];
    (id, 0..4_u32, prop::sample::select(&["a", "A", "b", "c", "d"][..])).prop_map(|(id, bits, uri)| {
        RtpHeaderExtension { id, direction: StreamDirection::from_bits(bits), uri: uri.to_owned() }
    })
}

fn payload_types(outcome: &Outcome) -> Vec<i32> {
    outcome.associations.iter().map(|a| a.codec.id).collect()
}

/// What must hold of every outcome.
fn check(outcome: &Outcome, remotes: &[RemoteCodecs]) -> Result<(), TestCaseError> {
    let mut ids = payload_types(outcome);
    prop_assert!(ids.iter().all(|id| (0..=127).contains(id)), "{:?}", ids);
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    prop_assert_eq!(ids.len(), count, "a payload type twice");
    prop_assert!(outcome.associations.default_send().is_some());
    for association in outcome.associations.visible() {
        prop_assert_eq!(association.codec.id, association.send_codec.id);
        prop_assert_ne!(association.codec.clock_rate, 0);
        prop_assert!(association.codec.param("farstream-recv-profile").is_none());
        for remote in remotes {
            let known = remote.codecs.iter().any(|c| c.is_encoding(&association.codec.encoding_name));
            prop_assert!(known, "the answer holds what was not offered");
            let numbered = remote.codecs.iter().any(|c| c.id == association.codec.id);
            prop_assert!(numbered || remotes.len() > 1);
        }
    }
    let mut extensions: Vec<_> = outcome.header_extensions.iter().map(|e| e.id).collect();
    prop_assert!(extensions.iter().all(|id| (1..=255).contains(id)));
    extensions.sort_unstable();
    let count = extensions.len();
    extensions.dedup();
    prop_assert_eq!(extensions.len(), count);
    prop_assert_eq!(outcome.streams.len(), remotes.len());
    Ok(())
}

/// A thousand cases, or as many as `PROPTEST_CASES` asks for if that is more.
fn config() -> ProptestConfig {
    let asked = ProptestConfig::default();
    ProptestConfig { cases: asked.cases.max(1000), failure_persistence: None, ..asked }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_outcome_is_sound(
        capabilities in capabilities(),
        first in prop::collection::vec(codec(-2..=127_i32), 0..5),
        second in prop::collection::vec(codec(-2..=127_i32), 0..5),
        remotes in remotes(),
        again in remotes(),
        extensions in prop::collection::vec(extension(), 0..6),
    ) {
        let valid = |wishes: &[Codec]| validate_preferences(AUDIO, &capabilities, wishes).preferences;
        let mut previous: Option<Outcome> = None;
        let (first, second) = (valid(&first), valid(&second));
        for (preferences, remotes) in [(&first, &Vec::new()), (&first, &remotes), (&second, &again), (&second, &remotes)] {
            let inputs = Inputs {
                media_type: AUDIO,
                capabilities: &capabilities,
                preferences,
                previous: previous.as_ref(),
                remotes,
                header_extensions: &extensions,
            };
            match negotiate(&inputs) {
                Ok(outcome) => {
                    check(&outcome, remotes)?;
                    let repeated = negotiate(&Inputs { previous: Some(&outcome), ..inputs }).unwrap();
                    check(&repeated, remotes)?;
                    prop_assert_eq!(
                        repeated.associations.codecs_without_config(),
                        outcome.associations.codecs_without_config(),
                        "the same inputs again change nothing"
                    );
                    prop_assert!(!repeated.changed);
                    let old: Vec<_> = previous.iter().flat_map(payload_types).collect();
                    let new = payload_types(&outcome);
                    prop_assert!(old.iter().all(|id| new.contains(id)), "a payload type was forgotten");
                    let list = outcome.associations.codecs_without_config();
                    prop_assert!(codecs_need_resend(&list, &list).is_empty());
                    previous = Some(outcome);
                }
                Err(error) => prop_assert!(!error.to_string().is_empty()),
            }
        }
    }

    #[test]
    fn rules_commute_with_the_order_of_parameters(
        name in prop::sample::select(&NAMES[..]),
        ours in parameters(),
        theirs in parameters(),
    ) {
        // Of a repeated parameter the first counts, so each stands once.
        let once = |list: &[(String, String)]| {
            let mut kept: Vec<(String, String)> = Vec::new();
            for (name, value) in list {
                let same = |other: &str| if name.is_empty() { "events" } else { name } == if other.is_empty() { "events" } else { other };
                if !kept.iter().any(|(other, _)| same(other)) {
                    kept.push((name.clone(), value.clone()));
                }
            }
            kept
        };
        let (ours, theirs) = (once(&ours), once(&theirs));
        let agree = |ours: &[(String, String)], theirs: &[(String, String)]| {
            let codec = |list: &[(String, String)]| {
                list.iter().fold(Codec::new(100, name, AUDIO, 8000), |c, (n, v)| c.with_param(n, v))
            };
            let capabilities = [LocalCapability::new(codec(ours))];
            let remotes = [RemoteCodecs::new(1, vec![codec(theirs)])];
            let inputs =
                Inputs { media_type: AUDIO, capabilities: &capabilities, remotes: &remotes, ..Inputs::default() };
            negotiate(&inputs).ok().map(|outcome| {
                let mut codecs = outcome.associations.codecs_without_config();
                codecs.iter_mut().for_each(|c| c.optional_params.sort_by(|a, b| a.name.cmp(&b.name)));
                codecs
            })
        };
        let straight = agree(&ours, &theirs);
        let turned = |list: &[(String, String)]| list.iter().rev().cloned().collect::<Vec<_>>();
        prop_assert_eq!(&agree(&turned(&ours), &theirs), &straight);
        prop_assert_eq!(&agree(&ours, &turned(&theirs)), &straight);
    }

    #[test]
    fn wishes_alone_never_move_a_payload_type(
        capabilities in capabilities(),
        wishes in prop::collection::vec(codec(Just(Codec::ID_ANY)), 0..5),
    ) {
        let inputs = Inputs { media_type: AUDIO, capabilities: &capabilities, ..Inputs::default() };
        let Ok(before) = negotiate(&inputs) else { return Ok(()) };
        let preferences = validate_preferences(AUDIO, &capabilities, &wishes).preferences;
        let inputs = Inputs { preferences: &preferences, previous: Some(&before), ..inputs };
        let Ok(after) = negotiate(&inputs) else { return Ok(()) };
        for old in before.associations.iter().filter(|a| a.is_receivable()) {
            let now = after.associations.lookup_by_pt(old.codec.id as u8);
            let name = now.map(|a| a.codec.encoding_name.to_ascii_uppercase());
            prop_assert_eq!(name, Some(old.codec.encoding_name.to_ascii_uppercase()));
        }
    }

    #[test]
    fn candidates_never_panic_and_survive(line in ".{0,80}", port in any::<u16>(), priority in any::<u32>()) {
        let _ = candidate::sdp::parse(&line);
        let line = format!("f 1 UDP {priority} 192.0.2.1 {port} typ srflx raddr ::1 rport {port}");
        let read = candidate::sdp::parse(&line).unwrap();
        prop_assert_eq!(candidate::sdp::encode(&read).unwrap(), line);
    }

    #[test]
    fn event_sets_survive(text in "[0-9,-]{0,12}", events in prop::collection::btree_set(any::<u8>(), 1..40)) {
        if let Some(set) = EventSet::parse(&text) {
            prop_assert_eq!(EventSet::parse(&set.to_string()), Some(set));
        }
        let list: Vec<String> = events.iter().map(u8::to_string).collect();
        let set = EventSet::parse(&list.join(",")).unwrap();
        prop_assert!((0..=255).all(|event| set.contains(event) == events.contains(&event)));
    }
}
