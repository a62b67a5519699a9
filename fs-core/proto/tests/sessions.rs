//! Whole lives of sessions: offers, answers, several parties, changed wishes.

#![allow(clippy::unwrap_used)] // a test: a panic is its verdict

use fs_proto::negotiation::{
    Inputs, LocalCapability, Outcome, RECV_PROFILE, Reason, RemoteCodecs, codecs_need_resend, negotiate,
    validate_preferences,
};
use fs_proto::{Codec, CodecParameter, MediaType, NegotiationError, RtpHeaderExtension, StreamDirection};

const AUDIO: MediaType = MediaType::Audio;
const VIDEO: MediaType = MediaType::Video;

/// `PT NAME/RATE name=value ...`
fn codec(media: MediaType, text: &str) -> Codec {
    let mut words = text.split(' ');
    let id = words.next().unwrap().parse().unwrap();
    let (name, rate) = words.next().unwrap().split_once('/').unwrap();
    let codec = Codec::new(id, name, media, rate.parse().unwrap());
    words.fold(codec, |codec, word| {
        let (name, value) = word.split_once('=').unwrap();
        codec.with_param(name, value)
    })
}

/// What a session object keeps.
struct Session {
    media: MediaType,
    capabilities: Vec<LocalCapability>,
    preferences: Vec<Codec>,
    extensions: Vec<RtpHeaderExtension>,
    remotes: Vec<RemoteCodecs>,
    outcome: Outcome,
}

impl Session {
    fn new(media: MediaType, capabilities: &[&str]) -> Self {
        let capabilities: Vec<_> =
            capabilities.iter().map(|text| LocalCapability::new(codec(media, text))).collect();
        let inputs = Inputs { media_type: media, capabilities: &capabilities, ..Inputs::default() };
        let outcome = negotiate(&inputs).unwrap();
        assert!(outcome.changed, "the first list is news");
        let (preferences, extensions, remotes) = Default::default();
        Self { media, capabilities, preferences, extensions, remotes, outcome }
    }

    fn run(&mut self) -> Result<(), NegotiationError> {
        self.outcome = negotiate(&Inputs {
            media_type: self.media,
            capabilities: &self.capabilities,
            preferences: &self.preferences,
            previous: Some(&self.outcome),
            remotes: &self.remotes,
            header_extensions: &self.extensions,
        })?;
        Ok(())
    }

    fn prefer(&mut self, preferences: &[&str]) -> Result<(), NegotiationError> {
        let wishes: Vec<_> = preferences.iter().map(|text| codec(self.media, text)).collect();
        let valid = validate_preferences(self.media, &self.capabilities, &wishes).preferences;
        let before = std::mem::replace(&mut self.preferences, valid);
        self.run().inspect_err(|_| self.preferences = before)
    }

    fn remote(&mut self, stream: u64, codecs: &[&str]) -> Result<(), NegotiationError> {
        let before = self.remotes.clone();
        let codecs: Vec<_> = codecs.iter().map(|text| codec(self.media, text)).collect();
        match self.remotes.iter_mut().find(|r| r.stream == stream) {
            Some(remote) => remote.codecs = codecs,
            None => self.remotes.push(RemoteCodecs::new(stream, codecs)),
        }
        self.run().inspect_err(|_| self.remotes = before)
    }

    fn list(&self) -> Vec<String> {
        let short = |c: Codec| {
            let params = c.optional_params.iter().map(|p| format!(" {}={}", p.name, p.value));
            format!("{} {}{}", c.id, c.encoding_name, params.collect::<String>())
        };
        self.outcome.associations.codecs_without_config().into_iter().map(short).collect()
    }
}

#[test]
fn one_offer_has_one_codec_per_payload_type() {
    let session = Session::new(
        AUDIO,
        &[
            "-1 OPUS/48000",
            "14 MPA-ROBUST/90000",
            "14 X-MP3-DRAFT-00/90000",
            "14 MPA/90000",
            "0 PCMU/8000",
            "10 L16/0",
        ],
    );
    assert_eq!(session.list(), ["96 OPUS", "97 MPA-ROBUST", "98 X-MP3-DRAFT-00", "14 MPA", "0 PCMU"]);
    assert_eq!(session.outcome.rejected[0].why, Reason::NoClockRate);
}

#[test]
fn preferences_come_first_and_avoid_payload_types_in_use() {
    let mut session = Session::new(VIDEO, &["-1 A1/90000", "-1 A2/90000", "31 H261/90000", "-1 AAA/90000"]);
    assert_eq!(session.list(), ["96 A1", "97 A2", "31 H261", "98 AAA"]);
    session.prefer(&["-1 AAA/0", "-1 H261/90000", "120 A2/0 x=1"]).unwrap();
    assert_eq!(session.list(), ["98 AAA", "31 H261", "120 A2 x=1", "96 A1"]);
    assert!(session.outcome.changed);
    session.prefer(&["-1 AAA/0", "-1 H261/90000", "120 A2/0 x=1"]).unwrap();
    assert!(!session.outcome.changed, "the same again is no news");
    assert_eq!(session.outcome.associations.lookup_by_pt(97).unwrap().codec.encoding_name, "A2");
}

#[test]
fn preferences_of_formats_only_profiles_handle() {
    // Observed on the C library: 96 to 102 stand in the list in force, so new codecs begin at 103.
    let found: Vec<String> = (0..7).map(|n| format!("-1 FOUND{n}/90000")).collect();
    let mut session = Session::new(VIDEO, &found.iter().map(String::as_str).collect::<Vec<_>>());
    let wish =
        |name: &str| format!("-1 {name}/90000 {RECV_PROFILE}=identity farstream-send-profile=identity");
    let two = [wish("AAA"), wish("BBB")];
    session.prefer(&[&two[0], &two[1]]).unwrap();
    assert_eq!(session.list()[..3], ["103 AAA", "104 BBB", "96 FOUND0"]);
    session.remote(1, &["97 ZZZ/90000", "96 BBB/90000", "98 AAA/90000"]).unwrap();
    assert_eq!(session.list(), ["96 BBB", "98 AAA"]);
    session.prefer(&[&two[0], &two[1], &wish("CCC")]).unwrap();
    assert_eq!(session.list(), ["96 BBB", "98 AAA"], "a peer that does not know CCC does not get it");
    session.remotes.clear();
    session.run().unwrap();
    assert_eq!(session.list()[..3], ["98 AAA", "96 BBB", "105 CCC"]);
}

#[test]
fn reserved_and_disabled() {
    let mut session = Session::new(
        AUDIO,
        &["-1 OPUS/48000", "0 PCMU/8000", "8 PCMA/8000", "-1 SPEEX/8000", "-1 SPEEX/16000"],
    );
    session.outcome = Outcome::default();
    session
        .prefer(&["96 reserve-pt/0", "97 reserve-pt/0", "-2 PCMU/0", "-2 SPEEX/16000", "-2 UNKNOWN/0"])
        .unwrap();
    assert_eq!(session.list(), ["98 OPUS", "8 PCMA", "99 SPEEX"]);
    assert_eq!(session.preferences.len(), 4, "what nothing can come of is dropped");
    assert!(session.outcome.associations.lookup_by_pt(96).is_none());
    session.prefer(&["-2 PCMU/0", "-1 PCMU/0"]).unwrap();
    assert_eq!(session.list()[0], "0 PCMU", "a wish counts, wherever the disabling one stands");
}

#[test]
fn validation_names_what_is_wrong() {
    let capabilities = [LocalCapability::new(codec(AUDIO, "-1 AMR/8000 octet-align=1"))];
    let profile = format!("-1 OWN/8000 {RECV_PROFILE}=identity");
    let rateless = format!("-1 OWN/0 {RECV_PROFILE}=identity");
    let wishes: Vec<_> = [
        "-1 AMR/0",
        "-1 AMR/16000",
        "-1 AMR/8000 octet-align=0",
        "-1 NONE/8000",
        "128 AMR/8000",
        "-3 AMR/8000",
        "128 reserve-pt/0",
        "-2 AMR/0 octet-align=0",
        &profile,
        &rateless,
    ]
    .iter()
    .map(|text| codec(AUDIO, text))
    .chain([codec(VIDEO, "-1 AMR/8000")])
    .collect();
    let valid = validate_preferences(AUDIO, &capabilities, &wishes);
    assert_eq!(valid.preferences, [wishes[0].clone(), wishes[8].clone()]);
    let parameter = |ours: &str, theirs: &str| Reason::Parameter {
        name: "octet-align".to_owned(),
        ours: Some(ours.to_owned()),
        theirs: Some(theirs.to_owned()),
    };
    let reasons: Vec<_> = valid.rejected.into_iter().map(|r| r.why).collect();
    let expected = [
        Reason::ClockRate { ours: 8000, theirs: 16000 },
        parameter("1", "0"),
        Reason::UnknownEncoding,
        Reason::PayloadType,
        Reason::PayloadType,
        Reason::PayloadType,
        Reason::UnknownEncoding,
        Reason::NoClockRate,
        Reason::MediaType { ours: AUDIO, theirs: VIDEO },
    ];
    assert_eq!(reasons, expected);
}

#[test]
fn preferences_that_leave_nothing_change_nothing() {
    let mut session = Session::new(AUDIO, &["0 PCMU/8000", "8 PCMA/8000"]);
    let before = session.outcome.clone();
    let error = session.prefer(&["-2 PCMU/0", "-2 PCMA/0"]).unwrap_err();
    assert!(matches!(&error, NegotiationError::NoCodecsLeft { rejected } if rejected.len() == 2), "{error}");
    assert_eq!(session.outcome, before);
    assert!(session.preferences.is_empty());
    session.prefer(&["-1 PCMA/0"]).unwrap();
    assert_eq!(session.list(), ["8 PCMA", "0 PCMU"], "later wishes work");
}

#[test]
fn caps_that_are_not_allowed_leave_codecs_out() {
    let mut session = Session::new(AUDIO, &["0 PCMU/8000", "8 PCMA/8000", "3 GSM/8000"]);
    session.capabilities[0].sink_caps_allowed = false;
    session.capabilities[1].src_caps_allowed = false;
    session.run().unwrap();
    assert_eq!(session.list(), ["3 GSM"]);
    assert!(session.outcome.rejected.iter().all(|r| r.why == Reason::CapsNotAllowed));
    session.prefer(&["-1 PCMU/0 farstream-send-profile=identity"]).unwrap();
    assert_eq!(session.list(), ["0 PCMU", "3 GSM"], "a profile has caps of its own");
    session.capabilities[2].sink_caps_allowed = false;
    assert!(session.prefer(&[]).is_err());
}

#[test]
fn a_send_profile_alone_keeps_the_static_payload_type() {
    let mut session = Session::new(AUDIO, &["0 PCMU/8000", "8 PCMA/8000"]);
    session.prefer(&["120 PCMA/8000 farstream-send-profile=identity", "0 PCMU/8000"]).unwrap();
    assert_eq!(session.list(), ["0 PCMU", "8 PCMA"], "the wish for payload type 120 is left out");
    let wish = codec(AUDIO, "120 PCMA/8000 farstream-send-profile=identity");
    let why = validate_preferences(AUDIO, &session.capabilities, &[wish]).rejected[0].to_string();
    assert!(why.starts_with("120 PCMA/8000") && why.contains(RECV_PROFILE), "{why}");
    session.prefer(&["8 PCMA/8000 farstream-send-profile=identity"]).unwrap();
    assert_eq!(session.list(), ["8 PCMA", "0 PCMU"]);
    session.prefer(&["-1 PCMA/8000 farstream-send-profile=identity"]).unwrap();
    assert_eq!(session.list(), ["8 PCMA", "0 PCMU"]);
    session.prefer(&[&format!("120 PCMA/8000 {RECV_PROFILE}=identity")]).unwrap();
    assert_eq!(session.list(), ["120 PCMA", "0 PCMU"]);
}

#[test]
fn what_can_only_be_received_comes_last() {
    let mut session = Session::new(AUDIO, &["-1 A/8000", "-1 B/8000", "-1 C/8000"]);
    session.capabilities[0].can_send = false;
    session.capabilities[1].can_recv = false;
    session.run().unwrap();
    assert_eq!(session.list(), ["98 C", "96 A"]);
    assert_eq!(session.outcome.associations.default_send().unwrap().codec.id, 98);
    assert!(session.outcome.associations[1].capability == Some(0));
    let error = session.remote(1, &["96 A/8000"]).unwrap_err();
    assert!(error.to_string().contains("offered 96 A/8000; we had 98 C/8000, 96 A/8000"), "{error}");
}

#[test]
fn the_answer_follows_the_offer() {
    let mut session = Session::new(AUDIO, &["-1 OPUS/48000", "0 PCMU/8000", "8 PCMA/8000"]);
    session.remote(1, &["8 PCMA/8000", "111 OPUS/48000", "9 G722/8000", "0 PCMU/16000"]).unwrap();
    assert_eq!(session.list(), ["8 PCMA", "111 OPUS"]);
    let why: Vec<_> = session.outcome.rejected.iter().map(|r| (r.codec.id, r.why.clone())).collect();
    let rates = Reason::ClockRate { ours: 8000, theirs: 16000 };
    assert_eq!(why, [(9, Reason::UnknownEncoding), (0, rates)]);
    let associations = &session.outcome.associations;
    assert_eq!(associations.lookup_by_pt(96).unwrap().codec.encoding_name, "OPUS", "as we offered it");
    assert_eq!(associations.lookup_by_pt(0).unwrap().codec.encoding_name, "PCMU");
    assert!(associations.lookup_by_pt(9).is_none());
    session.remote(1, &["112 opus/0", "8 PCMA/8000"]).unwrap();
    assert_eq!(session.list(), ["112 opus", "8 PCMA"]);
    assert_eq!(session.outcome.associations[0].codec.clock_rate, 48000, "completed");
    assert!(session.outcome.associations.lookup_by_pt(111).unwrap().recv_only);
}

#[test]
fn a_list_that_leaves_nothing_changes_nothing() {
    let mut session = Session::new(AUDIO, &["0 PCMU/8000", "18 G729/8000 foo=1"]);
    session.remote(1, &["0 PCMU/8000"]).unwrap();
    let before = session.outcome.clone();
    let error = session.remote(1, &["18 G729/8000 foo=2", "0 PCMU/16000"]).unwrap_err();
    let text = error.to_string();
    for part in ["18 G729/8000", "foo: ours 1, theirs 2", "clock rate: ours 8000, theirs 16000"] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(session.outcome, before);
    for (list, text) in [
        (&[][..], "empty"),
        (&["0 /8000"][..], "no encoding name"),
        (&["128 PCMU/8000"][..], "0 to 127"),
        (&["-1 PCMU/8000"][..], "0 to 127"),
    ] {
        let error = session.remote(1, list).unwrap_err();
        assert!(matches!(error, NegotiationError::InvalidCodec { .. }));
        assert!(error.to_string().contains(text), "{error}");
    }
    let video = RemoteCodecs::new(2, vec![codec(VIDEO, "0 PCMU/8000")]);
    session.remotes.push(video);
    assert!(session.run().unwrap_err().to_string().contains("media type"));
}

#[test]
fn a_payload_type_used_twice_counts_once() {
    let mut session = Session::new(AUDIO, &["0 PCMU/8000", "8 PCMA/8000"]);
    session.remote(1, &["8 PCMA/8000", "8 PCMU/8000"]).unwrap();
    assert_eq!(session.list(), ["8 PCMA"]);
    assert_eq!(session.outcome.rejected[0].why, Reason::DuplicatePayloadType);
}

#[test]
fn several_parties_can_only_shrink_the_list() {
    // Observed on the C library.
    let mut session = Session::new(VIDEO, &["-1 AAA/90000", "-1 BBB/90000"]);
    session.remote(1, &["110 BBB/90000", "111 AAA/90000"]).unwrap();
    assert_eq!(session.list(), ["110 BBB", "111 AAA"]);
    session.remote(2, &["120 AAA/90000", "121 CCC/90000"]).unwrap();
    assert_eq!(session.list(), ["111 AAA"]);
    assert_eq!(session.outcome.stream(1), session.outcome.stream(2));
    let before = session.outcome.clone();
    let error = session.remote(3, &["110 CCC/90000"]).unwrap_err();
    assert!(matches!(error, NegotiationError::NothingInCommon { stream: 3, .. }));
    assert_eq!(session.outcome, before);
    session.remotes.truncate(1);
    session.run().unwrap();
    assert_eq!(session.list(), ["110 BBB", "111 AAA"]);
}

#[test]
fn parameters_with_several_parties_meet_in_the_middle() {
    let mut session = Session::new(VIDEO, &["-1 VP8/90000 max-fs=5000"]);
    session.remote(1, &["100 VP8/90000 max-fs=3600"]).unwrap();
    session.remote(2, &["101 VP8/90000 max-fs=1200"]).unwrap();
    assert_eq!(session.list(), ["100 VP8 max-fs=1200"]);
    session.remote(3, &["101 VP8/90000", "102 VP8/90000"]).unwrap();
    assert_eq!(session.list(), ["100 VP8 max-fs=1200"], "one of ours can't stand for two of theirs");
    assert!(session.outcome.rejected.iter().any(|r| r.why == Reason::AlreadyMatched));
}

#[test]
fn what_we_send_follows_the_peers_wishes() {
    let mut session = Session::new(AUDIO, &["-1 OPUS/48000 stereo=0 sprop-stereo=1", "0 PCMU/8000 ptime=20"]);
    let list = ["111 OPUS/48000 minptime=10 useinbandfec=1 stereo=1", "0 PCMU/8000 ptime=30"];
    session.remote(1, &list).unwrap();
    let associations = &session.outcome.associations;
    assert_eq!(session.list(), ["111 OPUS minptime=10 stereo=0", "0 PCMU ptime=20"]);
    let opus = &associations[0].send_codec;
    assert_eq!((opus.param("stereo"), opus.param("useinbandfec")), (Some("1"), Some("1")));
    assert_eq!(associations[1].send_codec.param("ptime"), Some("30"));
    assert_eq!(associations.codecs().unwrap()[0].param("sprop-stereo"), Some("1"));
    let choice = codec(AUDIO, "0 PCMU/8000 ptime=20");
    assert_eq!(associations.choose_send(Some(&choice)).unwrap().codec.id, 0);
    assert_eq!(associations.choose_send(None).unwrap().codec.id, 111);
    let gone = codec(AUDIO, "3 GSM/8000");
    assert_eq!(associations.choose_send(Some(&gone)).unwrap().codec.id, 111);
}

#[test]
fn what_browsers_offer_is_accepted() {
    let mut audio =
        Session::new(AUDIO, &["-1 OPUS/48000 minptime=20 maxaveragebitrate=40000", "0 PCMU/8000"]);
    audio.remote(1, &["111 opus/48000 minptime=10 useinbandfec=1 maxaveragebitrate=20000"]).unwrap();
    assert_eq!(audio.list(), ["111 opus minptime=20 maxaveragebitrate=40000"]);
    assert_eq!(audio.outcome.associations[0].send_codec.param("maxaveragebitrate"), Some("20000"));
    let mut video = Session::new(VIDEO, &["-1 VP9/90000", "-1 H264/90000 level-asymmetry-allowed=0"]);
    let offer = [
        "98 VP9/90000 profile-id=0",
        "100 VP9/90000 profile-id=2",
        "102 H264/90000 level-asymmetry-allowed=1 packetization-mode=1 profile-level-id=42e01f",
    ];
    video.remote(1, &offer).unwrap();
    assert_eq!(video.list(), ["98 VP9 profile-id=0", "102 H264 level-asymmetry-allowed=0"]);
    assert_eq!(video.outcome.rejected[0].codec.id, 100);
}

#[test]
fn telephone_events_need_a_codec_with_their_clock_rate() {
    let mut session = Session::new(AUDIO, &["0 PCMU/8000", "-1 OPUS/48000"]);
    for rate in [8000, 48000] {
        let events = codec(AUDIO, &format!("-1 telephone-event/{rate} events=0-15"));
        session.capabilities.push(LocalCapability::receive_only(events));
    }
    session.prefer(&["-2 OPUS/0"]).unwrap();
    assert_eq!(session.list(), ["0 PCMU", "97 telephone-event events=0-15"]);
    session.prefer(&[]).unwrap();
    assert_eq!(session.list().len(), 4);
    session
        .remote(1, &["101 telephone-event/48000 =0-11", "0 PCMU/8000", "100 telephone-event/8000 =0-11,16"])
        .unwrap();
    assert_eq!(session.list(), ["0 PCMU", "100 telephone-event events=0-11"]);
    let error = session.remote(1, &["100 telephone-event/8000"]).unwrap_err();
    assert!(matches!(error, NegotiationError::NothingInCommon { .. }), "events alone are no call");
}

#[test]
fn stream_descriptions_come_later() {
    let mut session = Session::new(VIDEO, &["-1 THEORA/90000", "-1 VP8/90000"]);
    assert_eq!(session.outcome.associations.codecs(), None);
    assert_eq!(session.list(), ["96 THEORA", "97 VP8"]);
    let old = session.outcome.associations.codecs_without_config();
    let config = [("configuration", "abc"), ("other", "1")]
        .map(|(name, value)| CodecParameter { name: name.to_owned(), value: value.to_owned() });
    assert!(session.outcome.associations.set_config(96, &config));
    assert!(!session.outcome.associations.set_config(96, &config), "the same again is no news");
    assert!(!session.outcome.associations.set_config(50, &config));
    let codecs = session.outcome.associations.codecs().unwrap();
    assert_eq!((codecs[0].param("configuration"), codecs[0].param("other")), (Some("abc"), None));
    assert_eq!(codecs_need_resend(&old, &codecs), [codecs[0].clone()]);
    assert!(codecs_need_resend(&codecs, &codecs).is_empty());
    session.remote(1, &["100 THEORA/90000 configuration=theirs delivery-method=inline"]).unwrap();
    let codecs = session.outcome.associations.codecs().expect("our description is kept");
    assert_eq!(codecs[0].param("configuration"), Some("abc"));
    let seen = &session.outcome.stream(1).unwrap()[0];
    assert_eq!(seen.param("configuration"), Some("theirs"));
    assert_eq!(seen.param("delivery-method"), Some("inline"));
}

fn extension(id: u32, direction: StreamDirection, uri: &str) -> RtpHeaderExtension {
    RtpHeaderExtension { id, direction, uri: uri.to_owned() }
}

fn extensions(session: &Session) -> Vec<(u32, &str)> {
    session.outcome.header_extensions.iter().map(|e| (e.id, e.uri.as_str())).collect()
}

#[test]
fn header_extensions() {
    // Observed on the C library.
    let mut session = Session::new(AUDIO, &["0 PCMU/8000"]);
    let both = StreamDirection::BOTH;
    session.extensions = vec![extension(1, both, "a"), extension(2, both, "b"), extension(4096, both, "c")];
    session.run().unwrap();
    assert_eq!(extensions(&session), [(1, "a"), (2, "b"), (3, "c")]);
    session.remotes = vec![RemoteCodecs {
        header_extensions: Some(vec![extension(5, StreamDirection::SEND, "a"), extension(6, both, "C")]),
        ..RemoteCodecs::new(1, vec![codec(AUDIO, "0 PCMU/8000")])
    }];
    session.run().unwrap();
    assert_eq!(extensions(&session), [(5, "a"), (6, "c")]);
    assert_eq!(session.outcome.header_extensions[0].direction, StreamDirection::SEND);
    session.remotes.push(RemoteCodecs {
        header_extensions: Some(vec![extension(7, both, "a"), extension(8, both, "c")]),
        ..RemoteCodecs::new(2, vec![codec(AUDIO, "0 PCMU/8000")])
    });
    session.run().unwrap();
    assert_eq!(extensions(&session), [(1, "a"), (3, "c")]);
    session.remotes.push(RemoteCodecs::new(3, vec![codec(AUDIO, "0 PCMU/8000")]));
    session.run().unwrap();
    assert_eq!(session.outcome.header_extensions.len(), 2, "a stream nobody spoke for has no say");
    session.remotes.drain(..2);
    session.run().unwrap();
    assert_eq!(extensions(&session), [], "nothing was agreed");
}

#[test]
fn a_header_extension_keeps_the_id_in_force() {
    let mut session = Session::new(AUDIO, &["0 PCMU/8000"]);
    let any = |id, uri: &str| extension(id, StreamDirection::BOTH, uri);
    session.extensions = vec![any(4096, "b"), any(4097, "c")];
    session.run().unwrap();
    assert_eq!(extensions(&session), [(1, "b"), (2, "c")]);
    session.extensions.remove(0);
    session.run().unwrap();
    assert_eq!(extensions(&session), [(2, "c")], "though 1 is free");
}

#[test]
fn header_extension_ids_are_bounded() {
    let mut session = Session::new(AUDIO, &["0 PCMU/8000"]);
    let both = StreamDirection::BOTH;
    let wish = |id, uri: &str| extension(id, both, uri);
    session.extensions =
        vec![wish(0, "zero"), wish(4100, "x"), wish(4100, "y"), wish(255, "last"), wish(4100, "z")];
    session.run().unwrap();
    assert_eq!(extensions(&session), [(1, "x"), (255, "last")], "one entry per slot");
    let theirs = vec![wish(127, "x"), wish(70000, "last"), wish(127, "y"), wish(0, "z")];
    session.remotes = vec![RemoteCodecs {
        header_extensions: Some(theirs),
        ..RemoteCodecs::new(1, vec![codec(AUDIO, "0 PCMU/8000")])
    }];
    session.run().unwrap();
    assert_eq!(extensions(&session), [(127, "x"), (255, "last")]);
    session.extensions = vec![wish(9, "x"), wish(5, "y"), wish(5, "z"), wish(4100, "X")];
    let theirs = vec![wish(5, "x"), wish(4096, "y"), wish(6, "z")];
    session.remotes[0].header_extensions = Some(theirs);
    session.run().unwrap();
    assert_eq!(extensions(&session), [(5, "x"), (1, "y")], "our id when it is free, each uri once");
    session.remotes.clear();
    session.extensions = (0..300).map(|n| wish(5000 + n, &format!("u{n}"))).collect();
    session.run().unwrap();
    assert_eq!(session.outcome.header_extensions.len(), 255);
}

#[test]
fn tfrc_needs_all_its_parts() {
    const RTT: &str = "urn:ietf:params:rtp-hdrext:rtt-sendts";
    let feedback = |kind: &str, subtype: &str| fs_proto::FeedbackParameter {
        kind: kind.to_owned(),
        subtype: subtype.to_owned(),
        extra_params: String::new(),
    };
    let mut session = Session::new(VIDEO, &["-1 VP8/90000"]);
    session.capabilities[0].codec.feedback_params = vec![feedback("tfrc", ""), feedback("nack", "pli")];
    session.extensions =
        vec![extension(4096, StreamDirection::BOTH, RTT), extension(2, StreamDirection::BOTH, "x")];
    let left = |session: &Session| {
        let codec = &session.outcome.associations[0].codec;
        let kinds: Vec<_> = codec.feedback_params.iter().map(|p| p.kind.clone()).collect();
        (kinds, session.outcome.header_extensions.len())
    };
    session.run().unwrap();
    assert_eq!(left(&session), (vec!["tfrc".to_owned(), "nack".to_owned()], 2));
    session.extensions[0].direction = StreamDirection::SEND;
    session.run().unwrap();
    assert_eq!(left(&session), (vec!["nack".to_owned()], 1), "one way is not enough");
    session.extensions[0].direction = StreamDirection::BOTH;
    session.capabilities[0].codec.feedback_params.pop();
    session.run().unwrap();
    assert_eq!(left(&session), (Vec::new(), 1), "no PLI");
}
