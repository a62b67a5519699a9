//! Codecs that are left out: said in the error, in a message and in the log, with parameter and both values; and lists that
//! no session can use.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fs_core::messages::{Parsed, RejectedCodec};
use fs_core::prelude::*;
use fs_core::{Error, Stream};
use fs_proto::negotiation::limits::{MAX_CODECS, MAX_EXTENSIONS, MAX_PARAMETERS};
use fs_proto::{Codec, RtpHeaderExtension, StreamDirection};
use gst::prelude::*;

use support::{Side, audio};

/// What the category of negotiation says from now on.
fn listen() -> Arc<Mutex<String>> {
    let said = Arc::<Mutex<String>>::default();
    gst::log::set_threshold_for_name("fsrtpconference_nego", gst::DebugLevel::Info);
    let log = said.clone();
    gst::log::remove_default_log_function();
    gst::log::add_log_function(move |category, _, _, _, _, _, message| {
        if category.name() == "fsrtpconference_nego"
            && let Some(text) = message.get()
        {
            log.lock().unwrap().push_str(text.as_str());
        }
    });
    said
}

fn rejected(side: &Side) -> (Option<Stream>, Vec<RejectedCodec>) {
    side.wait_for(|message| match message {
        Parsed::CodecsRejected { stream, rejected, .. } => Some((stream, rejected)),
        _ => None,
    })
}

fn side() -> Side {
    Side::new("a", 440.0, StreamDirection::BOTH)
}

#[test]
fn a_refusal_tells_parameter_and_both_values_in_error_message_and_log() {
    let side = side();
    let said = listen();
    let ours = audio(8, "PCMA", 8000).with_param("colour", "blue");
    side.session.set_codec_preferences(&[ours]).unwrap();
    let offer = [audio(8, "PCMA", 8000).with_param("colour", "red"), audio(100, "PCMU", 16000)];
    let error = side.stream.set_remote_codecs(&offer).unwrap_err();
    assert!(error.matches(Error::NegotiationFailed));
    let (stream, list) = rejected(&side);
    assert_eq!(stream.as_ref(), Some(&side.stream));
    let told = |r: &RejectedCodec| (r.codec.clone(), r.parameter.clone(), r.ours.clone(), r.theirs.clone());
    let text = |t: &str| t.to_owned();
    let expected = [
        (offer[0].clone(), text("colour"), text("blue"), text("red")),
        (offer[1].clone(), text("clock-rate"), text("8000"), text("16000")),
    ];
    assert_eq!(list.iter().map(told).collect::<Vec<_>>(), expected);
    for place in [error.message(), &list[0].reason, &said.lock().unwrap()] {
        assert!(place.contains("PCMA/8000: colour: ours blue, theirs red"), "{place}");
    }
    assert!(error.message().contains("PCMU/16000: clock rate: ours 8000, theirs 16000"), "{error}");
    side.end();
}

#[test]
fn what_is_left_out_of_an_accepted_offer_is_told_once() {
    let side = side();
    let offer = [audio(0, "PCMU", 8000), audio(97, "NOBODYHASTHIS", 8000)];
    side.stream.set_remote_codecs(&offer).unwrap();
    let (stream, list) = rejected(&side);
    assert_eq!((stream.as_ref(), list.len()), (Some(&side.stream), 1));
    assert_eq!((&list[0].codec, list[0].parameter.as_str()), (&offer[1], ""));
    assert!(list[0].reason.contains("we have no such codec"), "{}", list[0].reason);
    side.stream.set_remote_codecs(&offer).unwrap();
    side.session.set_codec_preferences(&[audio(98, "NOBODYHASTHISEITHER", 8000)]).unwrap();
    let (stream, list) = rejected(&side);
    assert_eq!(
        (stream, list.len()),
        (None, 1),
        "preferences have no stream, and the offer is not told again"
    );
    assert!(list[0].codec.is_encoding("NOBODYHASTHISEITHER"));
    let bad = audio(0, "PCMU", 8000).with_param("farstream-send-profile", "nosuchelement");
    side.session.set_codec_preferences(&[bad]).unwrap();
    let (_, list) = rejected(&side);
    assert!(list[0].reason.contains("nosuchelement"), "{}", list[0].reason);
    side.end();
}

#[test]
fn lists_beyond_all_bounds_are_refused_and_the_session_goes_on() {
    let side = side();
    side.stream.set_remote_codecs(&[audio(0, "PCMU", 8000)]).unwrap();
    let before = (side.session.codecs_without_config(), side.stream.remote_codecs());
    let many: Vec<Codec> = (0..10_000).map(|n| audio(n % 128, "PCMU", 8000)).collect();
    let mut wide = audio(0, "PCMU", 8000);
    let mut answers = audio(0, "PCMU", 8000);
    for n in 0..10_000 {
        wide = wide.with_param(&format!("p{n}"), "1");
        answers
            .feedback_params
            .push(fs_proto::FeedbackParameter { kind: format!("f{n}"), ..Default::default() });
    }
    let long = audio(0, "PCMU", 8000).with_param("p", &"x".repeat(3 << 20));
    let start = Instant::now();
    for (list, why) in [
        (many, format!("10000 codecs, more than {MAX_CODECS}")),
        (vec![wide], format!("10000 parameters, more than {MAX_PARAMETERS}")),
        (vec![answers], format!("10000 parameters, more than {MAX_PARAMETERS}")),
        (vec![long], "octets of text".to_owned()),
        (vec![audio(128, "PCMU", 8000)], "its payload type is not within 0 to 127".to_owned()),
        (vec![audio(-1, "PCMU", 8000)], "its payload type is not within 0 to 127".to_owned()),
        (vec![audio(0, "", 8000)], "it has no encoding name".to_owned()),
    ] {
        let error = side.stream.set_remote_codecs(&list).unwrap_err();
        assert!(error.matches(Error::InvalidArguments) && error.message().contains(&why), "{error}");
        assert!(error.message().len() < 1000, "{} octets of error", error.message().len());
        if list.len() > 1 || list[0].id >= 0 && list[0].id < 128 && !list[0].encoding_name.is_empty() {
            let error = side.session.set_codec_preferences(&list).unwrap_err();
            assert!(error.matches(Error::InvalidArguments) && error.message().contains(&why), "{error}");
        }
    }
    assert_eq!((side.session.codecs_without_config(), side.stream.remote_codecs()), before);
    let unknown: Vec<Codec> = (1..=127).map(|n| audio(n, &"N".repeat(1000), 8000)).collect();
    let error = side.stream.set_remote_codecs(&unknown).unwrap_err();
    assert!(error.matches(Error::NegotiationFailed) && error.message().contains("and 95 more"), "{error}");
    assert!(error.message().len() < 20_000, "{} octets of error", error.message().len());
    side.stream.set_remote_codecs(&[audio(0, "PCMU", 8000), audio(8, "PCMA", 8000)]).unwrap();
    assert_eq!(side.session.codecs_without_config().len(), 2, "the session goes on");
    assert!(start.elapsed() < Duration::from_secs(60), "which is a hang");
    side.end();
}

fn extension(id: u32, uri: &str) -> RtpHeaderExtension {
    RtpHeaderExtension { id, direction: StreamDirection::BOTH, uri: uri.to_owned() }
}

fn set(object: &impl IsA<glib::Object>, property: &str, list: &[RtpHeaderExtension]) {
    object.set_property(property, fs_core::RtpHeaderExtensionList(list.to_vec()));
}

fn agreed(side: &Side) -> Vec<(u32, String)> {
    let list: fs_core::RtpHeaderExtensionList = side.session.property("rtp-header-extensions");
    list.0.into_iter().map(|e| (e.id, e.uri)).collect()
}

fn pairs(list: &[(u32, &str)]) -> Vec<(u32, String)> {
    list.iter().map(|(id, uri)| (*id, (*uri).to_owned())).collect()
}

#[test]
fn extension_ids_of_a_peer_are_bounded() {
    let side = side();
    let wishes: Vec<_> =
        ["a", "b", "c", "d", "e"].iter().zip(1..).map(|(uri, id)| extension(id, uri)).collect();
    set(&side.session, "rtp-header-extension-preferences", &wishes);
    side.stream.set_remote_codecs(&[audio(0, "PCMU", 8000)]).unwrap();
    let theirs = [
        extension(64, "a"),
        extension(127, "b"),
        extension(255, "c"),
        extension(256, "d"),
        extension(u32::MAX, "e"),
    ];
    set(&side.stream, "rtp-header-extensions", &theirs);
    let expected = [(64, "a"), (127, "b"), (255, "c"), (4, "d"), (5, "e")];
    assert_eq!(agreed(&side), pairs(&expected), "what can't stand on the wire is replaced");
    let many: Vec<_> = (0..10_000).map(|n| extension(n % 256, "a")).collect();
    set(&side.stream, "rtp-header-extensions", &many);
    set(&side.session, "rtp-header-extension-preferences", &many);
    assert!(many.len() > MAX_EXTENSIONS);
    assert_eq!(agreed(&side), pairs(&expected), "too many are no reason to change anything");
    let kept: fs_core::RtpHeaderExtensionList = side.stream.property("rtp-header-extensions");
    assert_eq!(kept.0, theirs);
    side.end();
}

#[test]
fn alternatives_under_one_dynamic_id_may_stand_last() {
    let side = side();
    let wishes = [extension(1, "a"), extension(4096, "b"), extension(4096, "c"), extension(4096, "c")];
    set(&side.session, "rtp-header-extension-preferences", &wishes);
    assert_eq!(agreed(&side), pairs(&[(1, "a"), (2, "b")]));
    side.stream.set_remote_codecs(&[audio(0, "PCMU", 8000)]).unwrap();
    set(&side.stream, "rtp-header-extensions", &[extension(7, "c")]);
    assert_eq!(agreed(&side), pairs(&[(7, "c")]));
    side.end();
}
