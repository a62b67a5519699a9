//! Bins the application describes itself: `farstream-send-profile` and `farstream-recv-profile`.
//!
//! A profile is a description in the language of `gst-launch` with one unlinked sink pad and one unlinked source pad. The
//! one that faces the network must carry the codec it is given for. A send profile may have more source pads, each of
//! which sends another of the negotiated codecs along.

use fs_proto::Codec;
use gst::prelude::*;

use super::{ErrorDowngradeBin, construction, first_use, packet_time, set_payload_type};
use crate::rtp::discovery::caps::codec_to_caps;

/// Builds the bin of a send profile: whatever the session takes in, RTP out. The source pad `src` carries the codec;
/// further ones are `src1`, `src2`...
///
/// # Errors
/// `CONSTRUCTION`, saying what is wrong with the profile.
pub fn build_send_profile(description: &str, codec: &Codec, name: &str) -> Result<gst::Bin, glib::Error> {
    let bin = parse(description)?;
    bin.set_property("name", name);
    expose_one(&bin, gst::PadDirection::Sink, "sink", description)?;
    let sources = expose_sources(&bin, codec, description)?;
    for element in bin.iterate_recurse().into_iter().flatten() {
        // The payloaders of the other codecs learn theirs from the caps behind them.
        let of_this = |pad: gst::Pad| can_carry(&pad.query_caps(None), codec);
        if sources == 1 || element.static_pad("src").is_some_and(of_this) {
            set_payload_type(&element, codec);
        }
        packet_time::apply(&element, codec);
        first_use::guard(&element);
    }
    Ok(bin)
}

/// Builds the bin of a receive profile: RTP in, anything out. Errors of its elements become warnings.
///
/// # Errors
/// As [`build_send_profile`].
pub fn build_recv_profile(description: &str, codec: &Codec, name: &str) -> Result<gst::Bin, glib::Error> {
    let inner = parse(description)?;
    let sink = expose_one(&inner, gst::PadDirection::Sink, "sink", description)?;
    expose_one(&inner, gst::PadDirection::Src, "src", description)?;
    let given = sink.query_caps(None);
    if !can_carry(&given, codec) {
        return Err(carries_another("sink", &given, codec, description));
    }
    let bin: gst::Bin = glib::Object::builder::<ErrorDowngradeBin>().property("name", name).build().upcast();
    bin.add(&inner).map_err(|why| wrong(description, &why.to_string()))?;
    for pad in inner.pads() {
        add_ghost(&bin, &pad, &pad.name(), description)?;
    }
    Ok(bin)
}

fn parse(description: &str) -> Result<gst::Bin, glib::Error> {
    gst::parse::bin_from_description(description, false).map_err(|why| wrong(description, why.message()))
}

/// Ghosts the one unlinked pad of a direction.
fn expose_one(
    bin: &gst::Bin,
    direction: gst::PadDirection,
    name: &str,
    description: &str,
) -> Result<gst::GhostPad, glib::Error> {
    let target = bin
        .find_unlinked_pad(direction)
        .ok_or_else(|| wrong(description, &format!("it has no unlinked {name} pad")))?;
    let ghost = add_ghost(bin, &target, name, description)?;
    match bin.find_unlinked_pad(direction) {
        Some(second) => Err(wrong(
            description,
            &format!("it has more than one unlinked {name} pad, {} and {}", path(&target), path(&second)),
        )),
        None => Ok(ghost),
    }
}

/// Ghosts all unlinked source pads, of which the first that can carry the codec becomes `src`; how many there are.
fn expose_sources(bin: &gst::Bin, codec: &Codec, description: &str) -> Result<usize, glib::Error> {
    let mut ghosts = Vec::new();
    while let Some(target) = bin.find_unlinked_pad(gst::PadDirection::Src) {
        let given = target.query_caps(None);
        let ghost = gst::GhostPad::builder_with_target(&target)
            .map_err(|why| wrong(description, &why.to_string()))?
            .build();
        ghosts.push((ghost, given));
    }
    let Some((_, first)) = ghosts.first() else {
        return Err(wrong(description, "it has no unlinked src pad"));
    };
    let main = ghosts
        .iter()
        .position(|(_, given)| can_carry(given, codec))
        .ok_or_else(|| carries_another("src", first, codec, description))?;
    ghosts.swap(0, main);
    for (index, (ghost, _)) in ghosts.iter().enumerate() {
        let name = if index == 0 { "src".to_owned() } else { format!("src{index}") };
        ghost.set_property("name", name);
        bin.add_pad(ghost).map_err(|why| wrong(description, &why.to_string()))?;
    }
    Ok(ghosts.len())
}

fn add_ghost(
    bin: &gst::Bin,
    target: &gst::Pad,
    name: &str,
    description: &str,
) -> Result<gst::GhostPad, glib::Error> {
    let failed = |why: glib::BoolError| wrong(description, &why.to_string());
    let ghost = gst::GhostPad::builder_with_target(target).map_err(failed)?.name(name).build();
    bin.add_pad(&ghost).map_err(failed)?;
    Ok(ghost)
}

/// Whether what a pad takes or gives can be the codec. Parameters are settled later, and so is the payload type, unless
/// it is all that the pad names.
pub fn can_carry(given: &gst::CapsRef, codec: &Codec) -> bool {
    let any_type = Codec::new(Codec::ID_ANY, &codec.encoding_name, codec.media_type, codec.clock_rate);
    let named = codec_to_caps(&any_type);
    let numbered = codec_to_caps(&Codec { id: codec.id, ..any_type });
    let fits = |s: &gst::StructureRef| match (s.has_field("encoding-name"), s.has_field("payload")) {
        (false, true) => codec.id >= 0 && numbered.iter().any(|n| s.can_intersect(n)),
        _ => named.iter().any(|n| s.can_intersect(n)),
    };
    given.is_any() || given.iter().any(fits)
}

fn carries_another(name: &str, given: &gst::Caps, codec: &Codec, description: &str) -> glib::Error {
    let any_type = Codec::new(Codec::ID_ANY, &codec.encoding_name, codec.media_type, codec.clock_rate);
    wrong(description, &format!("its {name} pad has '{given}', which is not '{}'", codec_to_caps(&any_type)))
}

fn path(pad: &gst::Pad) -> String {
    format!("{}:{}", pad.parent().map(|p| p.name().to_string()).unwrap_or_default(), pad.name())
}

fn wrong(description: &str, why: &str) -> glib::Error {
    construction(&format!("profile '{description}': {why}"))
}

#[cfg(test)]
mod tests {
    use fs_proto::MediaType;

    use super::*;

    fn pcmu() -> Codec {
        gst::init().unwrap();
        Codec::new(110, "PCMU", MediaType::Audio, 8000)
    }

    #[test]
    fn a_good_profile_becomes_a_bin_with_two_pads() {
        let codec = pcmu();
        let send =
            build_send_profile("audioconvert ! mulawenc ! rtppcmupay name=pay", &codec, "send").unwrap();
        assert_eq!(send.name(), "send");
        assert!(send.static_pad("sink").is_some() && send.static_pad("src").is_some());
        assert_eq!(send.by_name("pay").unwrap().property::<u32>("pt"), 110);
        let recv = build_recv_profile("rtppcmudepay ! mulawdec", &codec, "recv").unwrap();
        assert!(recv.is::<ErrorDowngradeBin>());
        assert!(recv.static_pad("sink").is_some() && recv.static_pad("src").is_some());
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (profile, said) in [
            ("nosuchelement", "nosuchelement"),
            ("audiotestsrc ! mulawenc ! rtppcmupay", "no unlinked sink pad"),
            ("mulawenc ! fakesink", "no unlinked src pad"),
            ("audioconvert ! mulawenc ! rtppcmupay  alawenc ! rtppcmapay", "more than one unlinked sink pad"),
            ("tee name=t ! alawenc ! rtppcmapay  t. ! alawenc ! rtppcmapay", "PCMA"),
            ("audioconvert ! alawenc ! rtppcmapay", "PCMA"),
            ("audioconvert ! mulawenc", "audio/x-mulaw"),
        ] {
            let error = build_send_profile(profile, &pcmu(), "send").unwrap_err();
            assert!(error.matches(fs_core::Error::Construction));
            assert!(error.message().contains(said) && error.message().contains(profile), "{error}");
        }
        let error = build_recv_profile("rtppcmadepay ! alawdec", &pcmu(), "recv").unwrap_err();
        assert!(error.message().contains("PCMA") && error.message().contains("PCMU"), "{error}");
    }
}
