//! Telephone events: both sides' event codes (RFC 4733 section 2.4.1).

use super::param::{Refused, Rule, Sides};
use super::{CodecRule, Kinds, ParamRule};
use crate::dtmf::EventSet;
use crate::media::MediaType;

/// In SDP the list of events stands without a name; the media type registration calls it `events`.
pub(super) static RULE: CodecRule = CodecRule::new(
    MediaType::Audio,
    "telephone-event",
    &[ParamRule::new("events", Kinds::SEND, Rule::Special(events, Some("")))],
);

fn events(sides: &Sides<'_>) -> Result<Vec<String>, Refused> {
    let read = |text: &str| EventSet::parse(text).ok_or(Refused);
    let shared = match sides.pair() {
        (Some(local), Some(remote)) => read(local)?.intersect(&read(remote)?).ok_or(Refused)?.to_string(),
        (Some(only), None) | (None, Some(only)) => {
            read(only)?;
            only.to_owned()
        }
        (None, None) => return Ok(Vec::new()),
    };
    Ok(vec![shared])
}
