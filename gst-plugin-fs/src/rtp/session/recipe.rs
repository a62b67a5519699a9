//! From an agreed codec to the bin that carries it.

use fs_proto::Codec;
use fs_proto::negotiation::{Association, RECV_PROFILE, SEND_PROFILE};

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
            Self::Profile(description) => codecbin::build_send_profile(description, codec, name),
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
            Self::Profile(description) => codecbin::build_recv_profile(description, codec, name),
        }
    }
}

fn blueprint(known: &[Blueprint], index: usize) -> Result<&Blueprint, glib::Error> {
    known.get(index).ok_or_else(|| element::construction("the codec is none of those discovered"))
}

/// Whether the profiles of a preference can be built and carry its codec.
///
/// # Errors
/// Says what is wrong.
pub fn check_profiles(preference: &Codec) -> Result<(), glib::Error> {
    if let Some(description) = preference.param(SEND_PROFILE) {
        codecbin::build_send_profile(description, preference, "profile")?;
    }
    if let Some(description) = preference.param(RECV_PROFILE) {
        codecbin::build_recv_profile(description, preference, "profile")?;
    }
    Ok(())
}
