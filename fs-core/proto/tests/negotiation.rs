//! The negotiation against observations of the C library (`vectors/`).

#![allow(clippy::unwrap_used)] // a test: a panic is its verdict

use fs_proto::negotiation::{
    Inputs, LocalCapability, Outcome, RECV_PROFILE, RemoteCodecs, SEND_PROFILE, negotiate,
};
use fs_proto::{Codec, CodecParameter, FeedbackParameter, MediaType, NegotiationError};
use serde_json::Value;

/// Where we differ on purpose: local and remote codec, what comes of it, and why.
struct Exception {
    local: &'static str,
    remote: &'static str,
    /// Result without stream description; `Err` is the error code.
    result: Result<&'static str, i64>,
    reason: &'static str,
}

const EXCEPTIONS: &[Exception] = &[
    Exception {
        local: "100 OPUS/48000 minptime=10",
        remote: "100 OPUS/48000 minptime=20",
        result: Ok("100 OPUS/48000 minptime=20"),
        reason: "RFC 7587 section 7.1: packet times are the receiver's wish and never a reason to refuse Opus",
    },
    Exception {
        local: "100 VP8/90000 max-fs=1200",
        remote: "100 VP8/90000 max-fs=3600",
        result: Ok("100 VP8/90000 max-fs=1200"),
        reason: "RFC 7741 section 6.1: max-fs declares what the receiver can take; the smaller one suits both",
    },
    Exception {
        local: "100 VP8/90000",
        remote: "128 VP8/90000",
        result: Err(100),
        reason: "RFC 3550 section 5.1: a payload type has seven bits",
    },
];

fn codec(media_type: MediaType, text: &str) -> Codec {
    let mut words = text.split(' ');
    let id = words.next().unwrap().parse().unwrap();
    let mut format = words.next().unwrap().split('/');
    let name = format.next().unwrap();
    let mut codec = Codec::new(id, name, media_type, format.next().unwrap().parse().unwrap());
    codec.channels = format.next().map_or(0, |c| c.parse().unwrap());
    for word in words {
        if let Some(feedback) = word.strip_prefix("fb:") {
            let parts: Vec<&str> = feedback.split('/').collect();
            codec.feedback_params.push(FeedbackParameter {
                kind: parts[0].to_owned(),
                subtype: parts[1].to_owned(),
                extra_params: parts[2].to_owned(),
            });
        } else if let Some(interval) = word.strip_prefix("trr:") {
            codec.minimum_reporting_interval = Some(interval.parse().unwrap());
        } else {
            let (name, value) = word.split_once('=').unwrap();
            codec.optional_params.push(CodecParameter { name: name.to_owned(), value: value.to_owned() });
        }
    }
    codec
}

/// A part of what the C library discovers on Debian 12.
fn capabilities(media: MediaType) -> Vec<LocalCapability> {
    let codecs: &[&str] = match media {
        MediaType::Audio => &["-1 OPUS/48000", "0 PCMU/8000", "8 PCMA/8000"],
        _ => &["-1 THEORA/90000", "-1 H264/90000", "31 H261/90000", "-1 VP8/90000"],
    };
    let mut list: Vec<_> = codecs.iter().map(|text| LocalCapability::new(codec(media, text))).collect();
    if media == MediaType::Audio {
        for rate in [48000, 8000] {
            let text = format!("-1 telephone-event/{rate} events=0-15");
            list.push(LocalCapability::receive_only(codec(media, &text)));
        }
    }
    list
}

fn run(media: MediaType, local: &str, remote: &[&str]) -> Result<Outcome, NegotiationError> {
    let capabilities = capabilities(media);
    let offer = negotiate(&Inputs { media_type: media, capabilities: &capabilities, ..Inputs::default() })?;
    let preference =
        codec(media, local).with_param(SEND_PROFILE, "identity").with_param(RECV_PROFILE, "identity");
    let preferences = [preference];
    let inputs = Inputs {
        media_type: media,
        capabilities: &capabilities,
        preferences: &preferences,
        previous: Some(&offer),
        ..Inputs::default()
    };
    let offer = negotiate(&inputs)?;
    let remotes = [RemoteCodecs::new(1, remote.iter().map(|text| codec(media, text)).collect())];
    negotiate(&Inputs { previous: Some(&offer), remotes: &remotes, ..inputs })
}

fn error_code(error: &NegotiationError) -> i64 {
    match error {
        NegotiationError::InvalidCodec { .. } => 100,
        NegotiationError::NothingInCommon { .. } => 103,
        NegotiationError::NoCodecsLeft { .. } => 106,
        other => panic!("no code for {other:?}"),
    }
}

fn codecs(media: MediaType, value: &Value) -> Option<Vec<Codec>> {
    let list = value.as_array()?;
    Some(list.iter().map(|text| codec(media, text.as_str().unwrap())).collect())
}

/// What is wrong with one vector's result, if anything.
fn compare(vector: &Value) -> Result<(), String> {
    let media = MediaType::from_name(vector["media"].as_str().unwrap()).unwrap();
    let local = vector["local"].as_str().unwrap();
    let remote: Vec<&str> =
        vector["remote"].as_array().unwrap().iter().map(|r| r.as_str().unwrap()).collect();
    let result = run(media, local, &remote);
    let differ = |what: &str, is: String, should: String| {
        if is == should { Ok(()) } else { Err(format!("{what} is {is}, not {should}")) }
    };
    if let Some(e) =
        EXCEPTIONS.iter().find(|e| e.local == local && e.remote == remote[0] && remote.len() == 1)
    {
        return match e.result {
            Ok(text) => {
                let is = result.map(|o| o.associations.codecs_without_config());
                differ(e.reason, format!("{is:?}"), format!("{:?}", Ok::<_, ()>(vec![codec(media, text)])))
            }
            Err(code) => {
                let is = result.map_err(|error| error_code(&error)).map(|_| ());
                differ(e.reason, format!("{is:?}"), format!("{:?}", Err::<(), _>(code)))
            }
        };
    }
    let outcome = match (result, vector["error"].as_i64()) {
        (Ok(outcome), None) => outcome,
        (Err(error), Some(code)) => return differ("error", error_code(&error).to_string(), code.to_string()),
        (Ok(outcome), Some(code)) => {
            return Err(format!("should fail with {code}: {:?}", outcome.associations.codecs()));
        }
        (Err(error), None) => return Err(format!("fails: {error}")),
    };
    let expected = |key: &str| format!("{:?}", codecs(media, &vector[key]));
    let list = &outcome.associations;
    differ(
        "without config",
        format!("{:?}", Some(list.codecs_without_config())),
        expected("without_config"),
    )?;
    differ("codecs", format!("{:?}", list.codecs()), expected("codecs"))?;
    differ("negotiated", format!("{:?}", outcome.stream(1)), expected("negotiated"))
}

#[test]
fn vectors_of_the_c_library() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/parameters.json")).unwrap();
    let vectors = vectors.as_array().unwrap();
    assert_eq!(vectors.len(), 86);
    let wrong: Vec<String> = vectors
        .iter()
        .filter_map(|vector| {
            compare(vector).err().map(|e| format!("{} | {}: {e}", vector["local"], vector["remote"]))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), vectors.len(), wrong.join("\n"));
}

#[test]
fn every_exception_is_one() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/parameters.json")).unwrap();
    for exception in EXCEPTIONS {
        let mut vectors = vectors.as_array().unwrap().iter();
        let vector = vectors.find(|v| v["local"] == exception.local && v["remote"][0] == exception.remote);
        let vector = vector.unwrap_or_else(|| panic!("no vector {} | {}", exception.local, exception.remote));
        let stock =
            vector["error"].as_i64().map_or_else(|| Ok(vector["without_config"][0].as_str().unwrap()), Err);
        assert_ne!(stock, exception.result, "{} is no exception", exception.reason);
    }
}
