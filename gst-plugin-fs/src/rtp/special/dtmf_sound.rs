//! Telephony events as tones in the sound, for peers without RFC 4733.

use fs_proto::negotiation::{Association, Associations};
use fs_proto::{DtmfEvent, DtmfMethod, MediaType};
use gst::prelude::*;

use super::{SourceBin, SpecialSource, chain};
use crate::rtp::discovery::Blueprint;
use crate::rtp::discovery::caps::codec_to_caps;
use crate::rtp::element;
use crate::rtp::session::recipe::Recipe;

/// Clock rate of the codecs that carry tones best.
const TELEPHONE_RATE: u32 = 8000;
/// Payload types of PCMU and PCMA (RFC 3551 section 6).
const G711: [i32; 2] = [0, 8];
/// How much sound the source makes at once, in ms.
const INTERVAL: u32 = 20;

/// The source for tones.
pub struct DtmfSound;

impl SpecialSource for DtmfSound {
    fn method(&self) -> DtmfMethod {
        DtmfMethod::Sound
    }

    fn blueprints(&self, _media: MediaType, _found: &[Blueprint]) -> Vec<Blueprint> {
        Vec::new()
    }

    /// Only keys have a tone.
    fn can_send(&self, event: u8) -> bool {
        DtmfEvent::from_number(event).is_some()
    }

    /// G.711 where it was agreed at the same clock rate, because other codecs distort tones; else the media's codec.
    fn choose(&self, agreed: &Associations, main: &Association) -> Option<Association> {
        if main.codec.media_type != MediaType::Audio {
            return None;
        }
        let g711 = |a: &&Association| a.is_sendable() && G711.contains(&a.codec.id);
        let better = agreed.visible().find(g711).filter(|_| main.codec.clock_rate == TELEPHONE_RATE);
        Some(better.unwrap_or(main).clone())
    }

    fn build(
        &self,
        association: &Association,
        known: &[Blueprint],
        name: &str,
    ) -> Result<SourceBin, glib::Error> {
        let codec = &association.send_codec;
        let source = element::make("dtmfsrc", None)?;
        source.set_property("interval", INTERVAL);
        let recipe = Recipe::send(association)
            .ok_or_else(|| element::construction(format!("no elements encode {codec}")))?;
        let coder = recipe.build_send(known, codec, &format!("{name}_codec"))?;
        let filter = element::make("capsfilter", None)?;
        filter.set_property("caps", codec_to_caps(codec));
        Ok(SourceBin { bin: chain(name, &[source.clone(), coder.upcast(), filter])?, source })
    }
}
