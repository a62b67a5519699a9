//! From an agreed codec to the bin that carries it.

use fs_proto::Codec;
use fs_proto::negotiation::{Association, RECV_PROFILE, SEND_PROFILE};
use gst::prelude::*;

use crate::rtp::codecbin;
use crate::rtp::discovery::Blueprint;
use crate::rtp::element;

/// What a codec bin is built from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipe {
    /// The discovered elements: index into the blueprints.
    Blueprint(usize),
    /// The application's own bin description.
    Profile(String),
}

impl Recipe {
    /// How to encode.
    pub fn send(association: &Association) -> Option<Self> {
        Self::choose(association.send_profile.as_ref(), association.capability)
    }

    /// How to decode.
    pub fn recv(association: &Association) -> Option<Self> {
        Self::choose(association.recv_profile.as_ref(), association.capability)
    }

    fn choose(profile: Option<&String>, capability: Option<usize>) -> Option<Self> {
        profile.cloned().map(Self::Profile).or(capability.map(Self::Blueprint))
    }

    /// Builds an encoder bin with pads `sink` and `src`.
    ///
    /// # Errors
    /// `FS_ERROR_CONSTRUCTION`.
    pub fn build_send(
        &self,
        known: &[Blueprint],
        codec: &Codec,
        name: &str,
    ) -> Result<gst::Bin, glib::Error> {
        match self {
            Self::Blueprint(index) => codecbin::build_send(blueprint(known, *index)?, codec, name),
            Self::Profile(description) => from_description(description, name),
        }
    }

    /// Builds a decoder bin with pads `sink` and `src`.
    ///
    /// # Errors
    /// `FS_ERROR_CONSTRUCTION`.
    pub fn build_recv(
        &self,
        known: &[Blueprint],
        codec: &Codec,
        name: &str,
    ) -> Result<gst::Bin, glib::Error> {
        match self {
            Self::Blueprint(index) => codecbin::build_recv(blueprint(known, *index)?, codec, name),
            Self::Profile(description) => from_description(description, name),
        }
    }
}

fn blueprint(known: &[Blueprint], index: usize) -> Result<&Blueprint, glib::Error> {
    known.get(index).ok_or_else(|| element::construction("the codec is none of those discovered"))
}

/// A bin with exactly one unlinked sink pad and one unlinked source pad, ghosted as `sink` and `src`.
fn from_description(description: &str, name: &str) -> Result<gst::Bin, glib::Error> {
    let bin = gst::parse::bin_from_description(description, false)
        .map_err(|why| element::construction(format!("profile '{description}': {why}")))?;
    bin.set_property("name", name);
    for (direction, ghost_name) in [(gst::PadDirection::Sink, "sink"), (gst::PadDirection::Src, "src")] {
        let target = bin.find_unlinked_pad(direction).ok_or_else(|| {
            element::construction(format!("profile '{description}' has no unlinked {ghost_name} pad"))
        })?;
        let ghost = gst::GhostPad::builder_with_target(&target)
            .map_err(|why| element::construction(format!("profile '{description}': {why}")))?
            .name(ghost_name)
            .build();
        bin.add_pad(&ghost)
            .map_err(|why| element::construction(format!("profile '{description}': {why}")))?;
        if bin.find_unlinked_pad(direction).is_some() {
            return Err(element::construction(format!(
                "profile '{description}' has more than one unlinked {ghost_name} pad"
            )));
        }
    }
    Ok(bin)
}

/// Whether the profiles of a preference can be built.
pub fn profiles_work(preference: &Codec) -> bool {
    [SEND_PROFILE, RECV_PROFILE]
        .into_iter()
        .filter_map(|name| preference.param(name))
        .all(|description| from_description(description, "profile").is_ok())
}
