//! Discovery over the elements of this machine.

use std::collections::HashSet;

use fs_proto::Codec;

use super::*;

fn found(media: MediaType) -> Arc<[Blueprint]> {
    gst::init().unwrap();
    blueprints(media).unwrap()
}

fn named<'a>(all: &'a [Blueprint], name: &str) -> Vec<&'a Blueprint> {
    all.iter().filter(|b| b.codec.is_encoding(name)).collect()
}

/// What a conference offers without preferences: raw on both ends, clock rate known.
fn offered(all: &[Blueprint], raw: &str) -> Vec<Codec> {
    let raw: gst::Caps = raw.parse().unwrap();
    let usable = |b: &&Blueprint| {
        b.codec.clock_rate > 0 && b.input_caps.can_intersect(&raw) && b.output_caps.can_intersect(&raw)
    };
    all.iter().filter(usable).map(|b| b.codec.clone()).collect()
}

#[test]
fn telephony_codecs_are_found_with_their_assigned_payload_types() {
    let all = found(MediaType::Audio);
    for (name, id) in [("PCMU", 0), ("PCMA", 8), ("GSM", 3)] {
        let found = named(&all, name);
        assert_eq!(found.len(), 1, "{name} is found once");
        assert_eq!((found[0].codec.id, found[0].codec.clock_rate), (id, 8000), "{}", found[0].codec);
        assert!(found[0].can_send() && found[0].can_recv());
    }
    let g722 = named(&all, "G722");
    assert_eq!((g722[0].codec.id, g722[0].codec.clock_rate), (9, 8000));
}

#[test]
fn opus_is_offered_as_rfc_7587_wants_it() {
    let all = found(MediaType::Audio);
    let opus = named(&all, "OPUS");
    assert_eq!(opus.len(), 1);
    assert_eq!(opus[0].codec, Codec::new(Codec::ID_ANY, "OPUS", MediaType::Audio, 48000).with_channels(2));
    assert_eq!(opus[0].send.last().unwrap(), &["rtpopuspay"]);
    assert_eq!(opus[0].recv[0], ["rtpopusdepay"]);
    assert!(offered(&all, "audio/x-raw")[0].is_encoding("OPUS"), "the highest rank comes first");
}

#[test]
fn no_two_codecs_share_a_payload_type() {
    for media in [MediaType::Audio, MediaType::Video, MediaType::Application] {
        let mut seen = HashSet::new();
        for b in found(media).iter().filter(|b| b.codec.id >= 0) {
            assert!(seen.insert(b.codec.id), "{} is a second codec on its payload type", b.codec);
            assert!(b.codec.id < 96, "{} has a dynamic payload type fixed", b.codec);
        }
    }
}

#[test]
fn static_payload_types_carry_what_rfc_3551_says() {
    let all = found(MediaType::Audio);
    assert_eq!(named(&all, "MPA").iter().map(|b| b.codec.id).collect::<Vec<_>>(), [14]);
    let linear: Vec<_> =
        named(&all, "L16").iter().map(|b| (b.codec.id, b.codec.clock_rate, b.codec.channels)).collect();
    assert_eq!(linear, [(10, 44100, 2), (11, 44100, 0), (Codec::ID_ANY, 0, 0)]);
}

#[test]
fn media_that_share_rtp_elements_are_told_apart_by_their_rate() {
    let all = found(MediaType::Audio);
    for (name, caps) in [("AMR", "audio/AMR"), ("AMR-WB", "audio/AMR-WB")] {
        for b in named(&all, name) {
            assert!(b.media_caps.iter().all(|s| s.name() == caps), "{name}: {}", b.media_caps);
        }
    }
}

#[test]
fn without_coders_the_application_feeds_encoded_media() {
    gst::init().unwrap();
    let mut factories = Factories::of(&Installed::read(), MediaType::Audio);
    factories.encoders.retain(|f| f.name != "mulawenc");
    factories.decoders.retain(|f| f.name != "mulawdec");
    let all = chains::combine(&factories, &Converters::installed(MediaType::Audio), MediaType::Audio);
    let pcmu = named(&all, "PCMU")[0];
    assert_eq!(pcmu.send, [["rtppcmupay"]]);
    assert_eq!(pcmu.recv, [["rtppcmudepay"]]);
    assert_eq!(pcmu.input_caps.structure(0).unwrap().name(), "audio/x-mulaw");
    assert!(!offered(&all, "audio/x-raw").iter().any(|c| c.is_encoding("PCMU")));
}

#[test]
fn a_missing_half_makes_no_codec() {
    gst::init().unwrap();
    let mut factories = Factories::of(&Installed::read(), MediaType::Audio);
    factories.depayloaders.retain(|f| f.name != "rtppcmudepay");
    let all = chains::combine(&factories, &Converters::installed(MediaType::Audio), MediaType::Audio);
    assert!(named(&all, "PCMU").is_empty());
    let none =
        chains::combine(&Factories::default(), &Converters::installed(MediaType::Audio), MediaType::Audio);
    assert!(none.is_empty());
}

#[test]
fn pictures_and_data_are_found_too() {
    let video = offered(&found(MediaType::Video), "video/x-raw");
    for name in ["VP8", "JPEG"] {
        assert!(
            video.iter().any(|c| c.is_encoding(name) && c.clock_rate == 90000),
            "{name} is among {video:?}"
        );
    }
    assert!(!found(MediaType::Application).is_empty());
}

#[test]
fn the_order_is_the_same_each_time_and_the_result_is_kept() {
    gst::init().unwrap();
    let texts = || scan(MediaType::Audio).unwrap().iter().map(|b| b.codec.to_string()).collect::<Vec<_>>();
    assert_eq!(texts(), texts());
    assert!(Arc::ptr_eq(&found(MediaType::Audio), &found(MediaType::Audio)));
}

#[test]
fn a_decoder_gets_what_it_insists_on_or_gives_way() {
    let all = found(MediaType::Audio);
    for b in named(&all, "MPA").iter().filter(|b| b.recv.contains(&vec!["mpg123audiodec".into()])) {
        assert_eq!(b.recv[1], ["mpegaudioparse"], "mpg123audiodec takes parsed streams only");
    }
    let video = found(MediaType::Video);
    assert!(
        !named(&video, "VP8")[0].recv[1].iter().any(|d| d.contains("alpha")),
        "no decoder of alpha streams"
    );
}

#[test]
fn a_decoder_that_asks_for_the_profile_gets_a_parser() {
    let video = found(MediaType::Video);
    for b in named(&video, "H264").iter().filter(|b| b.recv.contains(&vec!["openh264dec".into()])) {
        assert_eq!(b.recv[1], ["h264parse"], "rtph264depay does not tell the profile");
    }
    for b in named(&video, "H265").iter().filter(|b| b.recv.contains(&vec!["libde265dec".into()])) {
        assert_eq!(b.recv[1], ["libde265dec"], "which asks for nothing");
    }
    for b in named(&video, "JPEG2000").iter().filter(|b| b.recv.contains(&vec!["openjpegdec".into()])) {
        assert_eq!(b.recv[1], ["jpeg2000parse"], "rtpj2kdepay does not tell the sampling");
    }
}

#[test]
fn uncompressed_media_come_last() {
    for media in [MediaType::Audio, MediaType::Video] {
        let raw: Vec<bool> =
            found(media).iter().map(|b| b.media_caps.iter().any(|s| s.name().ends_with("/x-raw"))).collect();
        assert!(raw.is_sorted() && raw.last() == Some(&true), "{media}: {raw:?}");
    }
}

#[test]
fn telephone_events_come_last_at_each_clock_rate() {
    let all = found(MediaType::Audio);
    let first = all.iter().position(|b| b.codec.is_encoding("telephone-event")).unwrap();
    let (media, events) = all.split_at(first);
    let mut rates: Vec<u32> = Vec::new();
    for rate in media.iter().map(|b| b.codec.clock_rate).filter(|rate| *rate > 0) {
        if !rates.contains(&rate) {
            rates.push(rate);
        }
    }
    assert_eq!(events.iter().map(|b| b.codec.clock_rate).collect::<Vec<_>>(), rates);
    for b in events {
        let expected = Codec::new(Codec::ID_ANY, "telephone-event", MediaType::Audio, b.codec.clock_rate);
        assert_eq!(b.codec, expected.with_param("events", "0-15"));
        assert!(!b.can_send() && b.can_recv());
    }
    assert!(named(&found(MediaType::Video), "telephone-event").is_empty());
}
