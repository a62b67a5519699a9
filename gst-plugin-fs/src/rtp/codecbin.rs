//! Bins that carry one codec: raw media to RTP and back, built from a [`Blueprint`].
//!
//! Each stage becomes one element: the best alternative that can be made and linked. A bin has the ghost pads `sink` and
//! `src` and is handed over unparented, in the NULL state.

mod error_downgrade;
mod first_use;
mod legal_rate;
mod packet_time;
mod profile;

use fs_proto::Codec;
use glib::prelude::*;
use gst::prelude::*;

use crate::rtp::discovery::Blueprint;
use crate::rtp::{keyunit, shortcut};
pub use error_downgrade::ErrorDowngradeBin;
pub use profile::{build_recv_profile, build_send_profile, can_carry};

/// Builds the bin that encodes raw media and packs it into RTP with `codec`'s payload type.
///
/// # Errors
/// `CONSTRUCTION` when the codec cannot be sent, or no alternative of a stage can be made and linked; the text names
/// codec and elements.
pub fn build_send(blueprint: &Blueprint, codec: &Codec, name: &str) -> Result<gst::Bin, glib::Error> {
    let bin = gst::Bin::with_name(name);
    let elements = fill(&bin, &blueprint.send, codec, "send", None)?;
    for element in &elements {
        set_payload_type(element, codec);
        packet_time::apply(element, codec);
        legal_rate::apply(element);
        first_use::guard(element);
    }
    Ok(bin)
}

/// Builds the bin that unpacks RTP and decodes it. An error of one of its elements becomes a warning, so that a
/// peer's broken packet does not end the application's pipeline.
///
/// # Errors
/// As [`build_send`].
pub fn build_recv(blueprint: &Blueprint, codec: &Codec, name: &str) -> Result<gst::Bin, glib::Error> {
    let bin: gst::Bin = glib::Object::builder::<ErrorDowngradeBin>().property("name", name).build().upcast();
    for element in fill(&bin, &blueprint.recv, codec, "receive", Some(&blueprint.media_caps))? {
        set_payload_type(&element, codec);
        keyunit::ask_after_losses(&element, codec);
        // Stands behind elements that would leave a choice to what follows, and then do not make it themselves.
        if element.factory().is_some_and(|factory| factory.name() == "capsfilter") {
            element.set_property("caps", &blueprint.output_caps);
        }
    }
    Ok(bin)
}

/// Puts one element per stage into the bin, links them and adds the ghost pads. A parser keeps to `media`.
fn fill(
    bin: &gst::Bin,
    stages: &[Vec<String>],
    codec: &Codec,
    way: &str,
    media: Option<&gst::Caps>,
) -> Result<Vec<gst::Element>, glib::Error> {
    let mut elements: Vec<gst::Element> = Vec::with_capacity(stages.len());
    for alternatives in stages {
        let element = add_stage(bin, elements.last(), alternatives, media).map_err(|reasons| {
            construction(&format!("cannot build the {way} chain of {codec}: {}", reasons.join("; ")))
        })?;
        elements.push(element);
    }
    let (Some(first), Some(last)) = (elements.first(), elements.last()) else {
        return Err(construction(&format!("no installed elements can {way} {codec}")));
    };
    for (element, pad) in [(first, "sink"), (last, "src")] {
        let target = element.static_pad(pad).ok_or_else(|| {
            construction(&format!("{} in the {way} chain of {codec} has no {pad} pad", element.name()))
        })?;
        let ghost = gst::GhostPad::builder_with_target(&target)
            .map_err(|e| construction(&format!("cannot expose the {pad} pad of {}: {e}", element.name())))?
            .name(pad)
            .build();
        bin.add_pad(&ghost)
            .map_err(|e| construction(&format!("cannot add the {pad} pad to {}: {e}", bin.name())))?;
        shortcut::through(&ghost);
    }
    shortcut::past(&elements);
    Ok(elements)
}

/// Adds the first alternative that can be made and linked behind `previous`; else says why each could not.
fn add_stage(
    bin: &gst::Bin,
    previous: Option<&gst::Element>,
    alternatives: &[String],
    media: Option<&gst::Caps>,
) -> Result<gst::Element, Vec<String>> {
    let mut reasons = Vec::new();
    for name in alternatives {
        let Ok(element) = gst::ElementFactory::make(name).build() else {
            reasons.push(format!("element {name} cannot be made"));
            continue;
        };
        if bin.add(&element).is_err() {
            reasons.push(format!("element {name} cannot be added"));
            continue;
        }
        match previous {
            Some(previous) if link(previous, &element, media).is_err() => {
                reasons.push(format!("element {name} cannot be linked behind {}", previous.name()));
                // It was added just now and nothing else holds it: removing it cannot fail in a way that matters.
                let _ = bin.remove(&element);
            }
            _ => return Ok(element),
        }
    }
    Err(reasons)
}

/// Links two elements. A parser that could turn `media` into something else must not: jpeg2000parse takes the first format
/// that a decoder names, and does not convert what it has.
fn link(
    from: &gst::Element,
    to: &gst::Element,
    media: Option<&gst::Caps>,
) -> Result<(), glib::error::BoolError> {
    let parses = from.factory().is_some_and(|factory| factory.has_type(gst::ElementFactoryType::PARSER));
    let kept: Option<gst::Caps> = media
        .filter(|_| parses)
        .map(|media| media.iter().map(|s| gst::Structure::new_empty(s.name())).collect());
    let template = from.pad_template("src");
    let strays = |kept: &gst::Caps| {
        template.is_some_and(|t| !t.caps().iter().all(|s| kept.iter().any(|k| k.name() == s.name())))
    };
    match kept {
        Some(kept) if strays(&kept) => from.link_filtered(to, &kept),
        _ => from.link(to),
    }
}

/// Sets `pt` where an element has such a property; the names of others are their own business.
fn set_payload_type(element: &gst::Element, codec: &Codec) {
    let Some(pspec) = element.find_property("pt") else { return };
    let Ok(pt) = u32::try_from(codec.id) else { return };
    if pt <= 127 && pspec.value_type() == glib::Type::U32 {
        element.set_property("pt", pt);
    }
}

fn construction(text: &str) -> glib::Error {
    glib::Error::new(fs_core::Error::Construction, text)
}

#[cfg(test)]
mod tests;
