//! Telephony events: what is sent beside the session's media, or as part of it, without coming from its sink pad.
//!
//! Each way to send an event is one [`SpecialSource`] in [`SOURCES`]. Its elements exist only while an event is sent:
//!
//! ```text
//! dtmf_event: FsRtpTelephoneEventSrc ──────────────────────────────▶ rtpdtmfmux.priority_sink_%u
//! dtmf_sound: dtmfsrc ▶ (the send chain of a codec) ▶ capsfilter ──▶ rtpdtmfmux.priority_sink_%u
//! ```
//! The muxer drops the session's own media as long as packets come in at a priority pad.
//!
//! A source element takes the upstream event `dtmf-event` (`start`, `number`, `volume`, `last-stop`) and answers with the
//! element message `dtmf-event-processed` or `dtmf-event-dropped` (`start`), as GStreamer's `dtmfsrc` does.

mod dtmf_event;
mod dtmf_sound;
mod event_src;

use fs_proto::negotiation::{Association, Associations};
use fs_proto::{DtmfMethod, MediaType};
use gst::prelude::*;

use crate::rtp::discovery::Blueprint;
use crate::rtp::element;

/// A way to send telephony events.
pub trait SpecialSource: Sync {
    /// What the application is told about the way.
    fn method(&self) -> DtmfMethod;

    /// Codecs that a session can do because of this source, given those found so far.
    fn blueprints(&self, media: MediaType, found: &[Blueprint]) -> Vec<Blueprint>;

    /// Whether it can send the event at all.
    fn can_send(&self, event: u8) -> bool;

    /// The agreed codec to send with while the session's media is sent with `main`; `None` if there is none.
    fn choose(&self, agreed: &Associations, main: &Association) -> Option<Association>;

    /// Builds its elements for that codec.
    ///
    /// # Errors
    /// `FS_ERROR_CONSTRUCTION`, naming what is missing.
    fn build(
        &self,
        association: &Association,
        known: &[Blueprint],
        name: &str,
    ) -> Result<SourceBin, glib::Error>;
}

/// The elements of a source.
#[derive(Debug)]
pub struct SourceBin {
    /// All of them, with the ghost pad `src`.
    pub bin: gst::Bin,
    /// The one that takes `dtmf-event`.
    pub source: gst::Element,
}

/// All ways to send telephony events, best first.
pub static SOURCES: [&dyn SpecialSource; 2] = [&dtmf_event::DtmfEvent, &dtmf_sound::DtmfSound];

/// The best way to send a telephony event, and the codec for it.
pub fn choose(
    event: u8,
    agreed: &Associations,
    main: &Association,
) -> Option<(&'static dyn SpecialSource, Association)> {
    let able = SOURCES.into_iter().filter(|source| source.can_send(event));
    able.filter_map(|source| Some((source, source.choose(agreed, main)?))).next()
}

/// A bin of linked elements with the ghost pad `src` at the last one.
fn chain(name: &str, elements: &[gst::Element]) -> Result<gst::Bin, glib::Error> {
    let bin = gst::Bin::with_name(name);
    for each in elements {
        element::add(&bin, each)?;
    }
    for pair in elements.windows(2) {
        let (from, to) = (&pair[0], &pair[1]);
        element::link(&element::static_pad(from, "src")?, &element::static_pad(to, "sink")?)?;
    }
    let last =
        elements.last().ok_or_else(|| element::construction(format!("'{name}' would have no elements")))?;
    let ghost = gst::GhostPad::builder_with_target(&element::static_pad(last, "src")?)
        .map_err(|why| element::construction(format!("can't make the pad of '{name}': {why}")))?
        .name("src")
        .build();
    bin.add_pad(&ghost)
        .map_err(|why| element::construction(format!("can't add the pad of '{name}': {why}")))?;
    Ok(bin)
}
