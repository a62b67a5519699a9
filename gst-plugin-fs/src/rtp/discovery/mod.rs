//! Which codecs the installed elements can send and receive.
//!
//! Nothing here knows a list of codecs: payloaders, depayloaders, encoders and decoders are found by class and matched on
//! the caps of their pad templates (`factories`, `chains`); the codec follows from the RTP caps ([`caps`]).
//! The result is kept per media type for the life of the process and made anew when the registry changes. Reading
//! templates loads no plugin, so a first session needs no more than a few milliseconds, and nothing would be won by keeping
//! the result in a file: GStreamer's registry is that file (`benches/discovery.py` measures it). The environment
//! variables `FS_AUDIO_CODECS_CACHE`, `FS_VIDEO_CODECS_CACHE` and `FS_APPLICATION_CODECS_CACHE`, which name such files for
//! Farstream 0.2.9, therefore have no effect.
//!
//! Lock: one mutex around the kept results; nothing else is locked while it is held.

mod blueprint;
pub mod caps;
mod chains;
mod factories;

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use fs_proto::MediaType;

pub use blueprint::Blueprint;
use chains::Converters;
use factories::Factories;

use crate::rtp::special;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "fsrtpconference_disco",
        gst::DebugColorFlags::empty(),
        Some("Farstream codec discovery"),
    )
});

/// A result with the state of the registry it was made from.
type Kept = Option<(u32, Arc<[Blueprint]>)>;

static KEPT: Mutex<[Kept; 3]> = Mutex::new([None, None, None]);

/// The codecs of a media type, best first; always the same order for the same installed elements.
///
/// # Errors
/// `NO_CODECS` when nothing can be both sent and received; the text says what was found.
pub fn blueprints(media: MediaType) -> Result<Arc<[Blueprint]>, glib::Error> {
    let cookie = gst::Registry::get().feature_list_cookie();
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let slot = &mut kept[media as usize];
    if let Some((made_from, known)) = slot
        && *made_from == cookie
    {
        return Ok(known.clone());
    }
    let found: Arc<[Blueprint]> = scan(media)?.into();
    found.iter().for_each(Blueprint::is_kept);
    *slot = Some((cookie, found.clone()));
    Ok(found)
}

fn scan(media: MediaType) -> Result<Vec<Blueprint>, glib::Error> {
    let factories = Factories::installed(media);
    let mut found = chains::combine(&factories, &Converters::installed(media), media);
    for source in special::SOURCES {
        let more = source.blueprints(media, &found);
        found.extend(more);
    }
    for b in &found {
        gst::debug!(
            CAT,
            "{}: in {} out {}; send {:?}, receive {:?}",
            b.codec,
            b.input_caps,
            b.output_caps,
            b.send,
            b.recv
        );
    }
    if found.is_empty() {
        return Err(glib::Error::new(
            fs_core::Error::NoCodecs,
            &format!(
                "no {media} codec can be both sent and received with the installed elements: {} payloaders, {} \
                 depayloaders, {} encoders and {} decoders were found, and no chain of them fits together",
                factories.payloaders.len(),
                factories.depayloaders.len(),
                factories.encoders.len(),
                factories.decoders.len()
            ),
        ));
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
