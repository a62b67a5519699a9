//! Which codecs the installed elements can send and receive.
//!
//! Nothing here knows a list of codecs: payloaders, depayloaders, encoders and decoders are found by class and matched on
//! the caps of their pad templates (`factories`, `chains`); the codec follows from the RTP caps ([`caps`]).
//! The result is kept per media type for the life of the process and made anew when the registry changes. Between
//! processes it is kept in files (`cache.rs`): `$FS_AUDIO_CODECS_CACHE`, `$FS_VIDEO_CODECS_CACHE` and
//! `$FS_APPLICATION_CODECS_CACHE`, else `farstream/blueprints.MEDIA.CPU.cache` in the user's cache folder; an empty variable
//! means no file. Reading pad templates loads no plugin and makes no element, so a first session without such a file takes
//! only a few milliseconds more.
//!
//! Lock: one mutex around the kept results; nothing else is locked while it is held.

mod blueprint;
mod cache;
pub mod caps;
mod chains;
mod factories;

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use fs_proto::MediaType;

pub use blueprint::Blueprint;
use cache::Cache;
use chains::Converters;
use factories::{Factories, Installed};

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
    let installed = Installed::read();
    let cache = Cache::of(media, &installed);
    let mut found = cache.load().unwrap_or_else(|| {
        let found = chains::combine(&Factories::of(&installed, media), &Converters::installed(media), media);
        cache.store(&found);
        found
    });
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
        return Err(nothing(&Factories::of(&installed, media), media));
    }
    Ok(found)
}

fn nothing(factories: &Factories, media: MediaType) -> glib::Error {
    let text = format!(
        "no {media} codec can be both sent and received with the installed elements: {} payloaders, {} depayloaders, \
         {} encoders and {} decoders were found, and no chain of them fits together",
        factories.payloaders.len(),
        factories.depayloaders.len(),
        factories.encoders.len(),
        factories.decoders.len()
    );
    glib::Error::new(fs_core::Error::NoCodecs, &text)
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
