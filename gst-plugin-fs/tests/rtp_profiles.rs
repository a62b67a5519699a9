//! Preferences that bring their own bins, and the preference file we ship.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use fs_core::messages::Parsed;
use fs_core::prelude::*;
use fs_proto::negotiation::{RECV_PROFILE, SEND_PROFILE};
use fs_proto::{Codec, MediaType, StreamDirection};
use gst::prelude::*;

use support::{Side, audio};

const LOW: f64 = 440.0;
const HIGH: f64 = 660.0;

/// A codec nobody has elements for: mu-law under another name.
fn own() -> Codec {
    let rename = |encoding: &str| {
        format!(
            "capssetter replace=true caps=\"application/x-rtp,media=audio,clock-rate=8000,encoding-name={encoding}\""
        )
    };
    audio(110, "MYLAW", 8000)
        .with_param(
            SEND_PROFILE,
            &format!("audioconvert ! audioresample ! mulawenc ! rtppcmupay pt=110 ! {}", rename("MYLAW")),
        )
        .with_param(RECV_PROFILE, &format!("{} ! rtppcmudepay ! mulawdec", rename("PCMU")))
}

#[test]
fn a_codec_of_the_applications_own_flows_both_ways() {
    let (a, b) = (Side::new("a", LOW, StreamDirection::BOTH), Side::new("b", HIGH, StreamDirection::BOTH));
    for side in [&a, &b] {
        side.session.set_codec_preferences(&[own()]).unwrap();
        assert_eq!(side.session.codec_preferences().len(), 1);
        let first = side.session.codecs_without_config().remove(0);
        assert!(first.is_encoding("MYLAW") && first.id == 110, "{first}");
        assert!(first.optional_params.is_empty(), "profiles are nobody else's business: {first}");
    }
    let (of_a, of_b) = (a.open(), b.open());
    let codecs = a.session.codecs_without_config();
    b.stream.set_remote_codecs(&codecs[..1]).unwrap();
    a.stream.set_remote_codecs(&b.session.codecs_without_config()).unwrap();
    a.stream.force_remote_candidates(&of_b).unwrap();
    b.stream.force_remote_candidates(&of_a).unwrap();
    a.heard.wait_for_tone(HIGH);
    b.heard.wait_for_tone(LOW);
    assert!(a.session.current_send_codec().unwrap().is_encoding("MYLAW"));
    a.end();
    b.end();
}

/// Two entries may differ in nothing but a static payload type and what that stands for, such as L16 with 10 and 11.
#[test]
fn the_own_list_as_preferences_changes_nothing() {
    let side = Side::new("a", LOW, StreamDirection::BOTH);
    let own = side.session.codecs_without_config();
    side.session.set_codec_preferences(&own).unwrap();
    assert_eq!(side.session.codecs_without_config(), own);
    side.end();
}

/// One profile sends two codecs at once, and the peer hears both, each on a pad of its own.
#[test]
fn a_profile_sends_a_second_codec_along() {
    let (a, b) = (Side::new("a", LOW, StreamDirection::BOTH), Side::new("b", HIGH, StreamDirection::BOTH));
    let both = audio(0, "PCMU", 8000).with_param(
        SEND_PROFILE,
        "tee name=t  t. ! queue ! audioconvert ! audioresample ! mulawenc ! rtppcmupay \
             t. ! queue ! audioconvert ! audioresample ! alawenc ! rtppcmapay",
    );
    a.session.set_codec_preferences(&[both]).unwrap();
    let payload_types = std::sync::Arc::<std::sync::Mutex<std::collections::BTreeSet<String>>>::default();
    let seen = payload_types.clone();
    b.stream.connect_src_pad_added(move |_, pad, codec| {
        let (seen, name) = (seen.clone(), codec.encoding_name.clone());
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            seen.lock().unwrap().insert(name.clone());
            gst::PadProbeReturn::Remove
        });
    });
    let (of_a, of_b) = (a.open(), b.open());
    let offer: Vec<Codec> =
        a.session.codecs_without_config().into_iter().filter(|c| matches!(c.id, 0 | 8)).collect();
    assert_eq!(offer.len(), 2, "{offer:?}");
    b.stream.set_remote_codecs(&offer).unwrap();
    a.stream.set_remote_codecs(&offer).unwrap();
    a.stream.force_remote_candidates(&of_b).unwrap();
    b.stream.force_remote_candidates(&of_a).unwrap();
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while payload_types.lock().unwrap().len() < 2 && std::time::Instant::now() < end {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let along = a.wait_for(|message| match message {
        Parsed::SendCodecChanged { codec, secondary_codecs, .. } if codec.id == 0 => Some(secondary_codecs),
        _ => None,
    });
    assert!(along.iter().any(|codec| codec.is_encoding("PCMA")), "{along:?}");
    let heard: Vec<String> = payload_types.lock().unwrap().iter().cloned().collect();
    assert_eq!(heard, ["PCMA", "PCMU"]);
    a.end();
    b.end();
}

#[test]
fn preferences_whose_profiles_cannot_work_are_dropped() {
    let side = Side::new("a", LOW, StreamDirection::BOTH);
    for (name, profile) in [
        (SEND_PROFILE, "audioconvert ! nosuchencoder ! rtppcmupay"),
        (SEND_PROFILE, "audioconvert ! alawenc ! rtppcmapay"),
        (SEND_PROFILE, "audiotestsrc ! mulawenc ! rtppcmupay"),
        (RECV_PROFILE, "rtppcmadepay ! alawdec"),
        (RECV_PROFILE, "rtppcmudepay ! mulawdec ! fakesink"),
    ] {
        let bad = audio(0, "PCMU", 8000).with_param(name, profile);
        let good = audio(8, "PCMA", 8000);
        side.session.set_codec_preferences(&[bad, good.clone()]).unwrap();
        assert_eq!(side.session.codec_preferences(), [good], "{profile}");
    }
    side.end();
}

/// Lets nothing through a source pad, and returns when nothing is on its way behind it: a source that pushes into nothing
/// stops.
fn hold(pad: &gst::Pad) -> gst::PadProbeId {
    let (sender, idle) = std::sync::mpsc::channel();
    let id = pad.add_probe(gst::PadProbeType::BLOCK_DOWNSTREAM, move |_, _| {
        // Only the first time is waited for.
        let _ = sender.send(());
        gst::PadProbeReturn::Ok
    });
    idle.recv_timeout(std::time::Duration::from_secs(20)).expect("the source sends");
    id.expect("the probe stands")
}

/// Mu-law goes from encoder to payloader, and from depayloader to the application, as it is.
#[test]
fn encoded_media_passes_through() {
    gst::init().unwrap();
    let mulaw = gst::Caps::builder("audio/x-mulaw").field("rate", 8000).field("channels", 1).build();
    let (a, b) = (Side::new("a", LOW, StreamDirection::BOTH), Side::new("b", HIGH, StreamDirection::BOTH));
    // a encodes by itself.
    a.session.set_allowed_caps(Some(&mulaw), None).unwrap();
    let offer = a.session.codecs_without_config();
    let media: Vec<&str> = offer
        .iter()
        .filter(|c| !c.is_encoding("telephone-event"))
        .map(|c| c.encoding_name.as_str())
        .collect();
    assert_eq!(media, ["PCMU"], "nothing else fits what it sends");
    let sink = a.session.sink_pad();
    let raw = sink.peer().unwrap();
    let held = hold(&raw);
    raw.unlink(&sink).unwrap();
    let encoder = gst::parse::bin_from_description("audioconvert ! mulawenc", true).unwrap();
    a.pipeline.add(&encoder).unwrap();
    encoder.sync_state_with_parent().unwrap();
    encoder.static_pad("src").unwrap().link(&sink).unwrap();
    raw.link(&encoder.static_pad("sink").unwrap()).unwrap();
    raw.remove_probe(held);
    // b wants to decode by itself: its ear does, and so does not link without a decoder.
    b.session.set_allowed_caps(None, Some(&mulaw)).unwrap();
    let caps = std::sync::Arc::<std::sync::Mutex<Option<gst::Caps>>>::default();
    let (of_a, of_b) = (a.open(), b.open());
    b.stream.set_remote_codecs(&offer).unwrap();
    a.stream.set_remote_codecs(&b.session.codecs_without_config()).unwrap();
    let seen = caps.clone();
    b.conference.connect_pad_added(move |_, pad| {
        let seen = seen.clone();
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            if let Some(gst::EventView::Caps(event)) = info.event().map(|e| e.view()) {
                *seen.lock().unwrap() = Some(event.caps_owned());
            }
            gst::PadProbeReturn::Ok
        });
    });
    b.decodes_first("mulawdec");
    a.stream.force_remote_candidates(&of_b).unwrap();
    b.stream.force_remote_candidates(&of_a).unwrap();
    b.heard.wait_for_tone(LOW);
    a.heard.wait_for_tone(HIGH);
    assert!(caps.lock().unwrap().as_ref().unwrap().can_intersect(&mulaw), "{caps:?}");
    let names = |side: &Side| -> Vec<String> {
        let inner = side.conference.iterate_recurse().into_iter().flatten();
        inner.filter_map(|e| e.factory().map(|f| f.name().to_string())).collect()
    };
    assert!(!names(&a).contains(&"mulawenc".to_owned()) && names(&a).contains(&"mulawdec".to_owned()));
    assert!(names(&b).contains(&"mulawenc".to_owned()) && !names(&b).contains(&"mulawdec".to_owned()));
    // Raw again in the call: the encoder is ours.
    let held = hold(&raw);
    encoder.static_pad("src").unwrap().unlink(&sink).unwrap();
    raw.unlink(&encoder.static_pad("sink").unwrap()).unwrap();
    encoder.set_locked_state(true);
    encoder.set_state(gst::State::Null).unwrap();
    a.session.set_allowed_caps(Some(&gst::Caps::new_empty_simple("audio/x-raw")), None).unwrap();
    raw.link(&sink).unwrap();
    raw.remove_probe(held);
    b.heard.clear();
    b.heard.wait_for_tone(LOW);
    assert!(names(&a).contains(&"mulawenc".to_owned()));
    a.end();
    b.end();
}

#[test]
fn the_shipped_preferences_are_all_understood() {
    support::init();
    let file = glib::KeyFile::new();
    let path = format!("{}/data/fsrtpconference/default-codec-preferences", env!("CARGO_MANIFEST_DIR"));
    file.load_from_file(&path, glib::KeyFileFlags::NONE).unwrap();
    let groups = file.groups().len();
    let all = fs_core::keyfile::codecs(&path).unwrap();
    assert_eq!(all.len(), groups, "every group is a codec");
    let element = gst::ElementFactory::make("fsrtpconference").build().unwrap();
    let conference = element.downcast::<fs_core::Conference>().unwrap();
    for media in [MediaType::Audio, MediaType::Video] {
        let session = conference.new_session(media).unwrap();
        let of_media: Vec<Codec> = all.iter().filter(|c| c.media_type == media).cloned().collect();
        session.set_codec_preferences(&of_media).unwrap();
        let offered = session.codecs_without_config();
        for codec in of_media.iter().filter(|c| c.id == Codec::ID_DISABLE) {
            assert!(!offered.iter().any(|o| o.is_encoding(&codec.encoding_name)), "{codec} is off");
        }
        let preferred = if media == MediaType::Audio { ["OPUS", "PCMU"] } else { ["VP8", "VP9"] };
        let place = |name: &str| offered.iter().position(|o| o.is_encoding(name));
        let [first, second] = preferred.map(place);
        assert!(first < second, "{preferred:?} in {offered:?}");
        session.destroy();
    }
}

/// Vorbis cannot be decoded without its code books (RFC 5215 section 3.2): they are in the offer before anything flows.
#[test]
fn vorbis_is_described_before_anybody_asks() {
    let (a, b) = (Side::new("a", LOW, StreamDirection::BOTH), Side::new("b", HIGH, StreamDirection::BOTH));
    for side in [&a, &b] {
        let wanted = audio(Codec::ID_ANY, "VORBIS", 8000).with_channels(1);
        let mut preferences = vec![wanted];
        for codec in side.session.codecs_without_config() {
            if !codec.is_encoding("VORBIS") {
                preferences.push(Codec { id: Codec::ID_DISABLE, ..codec });
            }
        }
        side.session.set_codec_preferences(&preferences).unwrap();
    }
    let described = |side: &Side| {
        support::peer::wait_until("the description", || !side.session.codecs().is_empty());
        let codec = side.session.codecs().remove(0);
        assert!(codec.is_encoding("VORBIS"));
        assert!(codec.param("configuration").is_some_and(|books| books.len() > 1000), "{codec}");
        assert!(side.session.codecs_without_config()[0].param("configuration").is_none());
        codec
    };
    let (of_a, of_b) = (described(&a), described(&b));
    let (from_a, from_b) = (a.open(), b.open());
    b.stream.set_remote_codecs(&[of_a]).unwrap();
    a.stream.set_remote_codecs(&[of_b]).unwrap();
    a.stream.force_remote_candidates(&from_b).unwrap();
    b.stream.force_remote_candidates(&from_a).unwrap();
    a.heard.wait_for_tone(HIGH);
    b.heard.wait_for_tone(LOW);
    a.end();
    b.end();
}

/// What the file of preferences asks peers for: key frames on PLI wherever the reference has it, FIR where the application
/// wants it.
#[test]
fn the_shipped_preferences_ask_for_picture_loss_indications() {
    support::init();
    let path = format!("{}/data/fsrtpconference/default-codec-preferences", env!("CARGO_MANIFEST_DIR"));
    let list = fs_core::keyfile::codecs(&path).unwrap();
    let pli =
        |codec: &Codec| codec.feedback_params.iter().any(|f| (&*f.kind, &*f.subtype) == ("nack", "pli"));
    let video = |codec: &&Codec| codec.media_type == MediaType::Video && codec.id != Codec::ID_DISABLE;
    let without: Vec<&str> =
        list.iter().filter(video).filter(|c| !pli(c)).map(|c| c.encoding_name.as_str()).collect();
    assert_eq!(without, ["H263", "JPEG"], "each picture of JPEG is whole");
    assert!(list.iter().all(|codec| codec.feedback_params.iter().all(|f| f.kind == "nack")));
}
