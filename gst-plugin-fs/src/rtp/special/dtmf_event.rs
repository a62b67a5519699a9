//! Telephony events as packets of their own (RFC 4733).
//!
//! The packets come from an element of ours, because `rtpdtmfsrc` sends another event in place of those above 15, lets
//! the duration of a long event run over, and says the end of an event only once.

use std::collections::BTreeSet;

use fs_proto::negotiation::{Association, Associations};
use fs_proto::{Codec, DtmfMethod, MediaType};
use glib::prelude::*;

use super::event_src::EventSrc;
use super::{SourceBin, SpecialSource, chain};
use crate::rtp::discovery::Blueprint;
use crate::rtp::discovery::caps::codec_to_caps;

/// Encoding name of RFC 4733.
const TELEPHONE_EVENT: &str = "telephone-event";
/// The keys of a telephone. Other events need an agreement, which a preference with other `events` asks for.
const EVENTS: &str = "0-15";
/// Makes tones of what is received; it takes all formats that what follows it accepts for one, so a filter has to.
const DEPAYLOADER: &str = "rtpdtmfdepay";

/// The source for RFC 4733.
pub struct DtmfEvent;

impl SpecialSource for DtmfEvent {
    fn method(&self) -> DtmfMethod {
        DtmfMethod::RtpRfc4733
    }

    /// One codec for every clock rate of the others: events use the clock of the media they interrupt (RFC 4733
    /// section 2.1).
    fn blueprints(&self, media: MediaType, found: &[Blueprint]) -> Vec<Blueprint> {
        if media != MediaType::Audio || gst::ElementFactory::find(DEPAYLOADER).is_none() {
            return Vec::new();
        }
        let mut seen = BTreeSet::from([0]);
        let rates = found.iter().map(|b| b.codec.clock_rate).filter(|rate| seen.insert(*rate));
        rates.map(blueprint).collect()
    }

    fn can_send(&self, _event: u8) -> bool {
        true
    }

    fn choose(&self, agreed: &Associations, main: &Association) -> Option<Association> {
        let fits = |a: &&Association| {
            a.codec.is_encoding(TELEPHONE_EVENT) && a.codec.clock_rate == main.codec.clock_rate
        };
        agreed.visible().find(fits).cloned()
    }

    fn build(
        &self,
        association: &Association,
        _known: &[Blueprint],
        name: &str,
    ) -> Result<SourceBin, glib::Error> {
        let codec = &association.send_codec;
        let source = EventSrc::new(u32::try_from(codec.id).unwrap_or_default(), codec.clock_rate).upcast();
        Ok(SourceBin { bin: chain(name, std::slice::from_ref(&source))?, source })
    }
}

fn blueprint(clock_rate: u32) -> Blueprint {
    let codec =
        Codec::new(Codec::ID_ANY, TELEPHONE_EVENT, MediaType::Audio, clock_rate).with_param("events", EVENTS);
    let raw = gst::Caps::builder("audio/x-raw")
        .field("format", "S16LE")
        .field("layout", "interleaved")
        .field("rate", i32::try_from(clock_rate).unwrap_or(i32::MAX))
        .field("channels", 1i32)
        .build();
    Blueprint {
        rtp_caps: codec_to_caps(&codec),
        codec,
        media_caps: raw.clone(),
        input_caps: gst::Caps::new_empty(),
        output_caps: raw,
        send: Vec::new(),
        recv: vec![vec![DEPAYLOADER.to_owned()], vec!["capsfilter".to_owned()]],
    }
}
