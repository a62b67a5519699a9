//! Header extensions: which ones all parties have, and under which ids (RFC 8285 section 5).

use crate::hdrext::RtpHeaderExtension;

use super::Inputs;

/// Ids that can stand on the wire (RFC 8285 section 4.3); larger ones let the session choose.
const WIRE: std::ops::RangeInclusive<u32> = 1..=255;

/// The session's header extensions. Without remote codecs: the preferences with ids chosen. With them: those
/// every peer has. A stream for which nobody ever set extensions has no say, but if that goes for all of them
/// nothing was agreed and the list is empty.
pub(super) fn negotiate(inputs: &Inputs<'_>) -> Vec<RtpHeaderExtension> {
    let mut list: Vec<RtpHeaderExtension> = inputs.header_extensions.to_vec();
    let said: Vec<&[RtpHeaderExtension]> =
        inputs.remotes.iter().filter_map(|r| r.header_extensions.as_deref()).collect();
    if !inputs.remotes.is_empty() && said.is_empty() {
        return Vec::new();
    }
    let single = inputs.remotes.len() == 1;
    for remote in &said {
        list = intersect(&list, remote, single);
    }
    let mut taken: Vec<u32> = said.iter().flat_map(|r| r.iter()).map(|e| e.id).collect();
    if single {
        taken.clear();
    }
    let previous = inputs.previous.map_or(&[][..], |p| &p.header_extensions);
    assign(list, &taken, previous)
}

/// What we and one peer have. With one peer its id counts, also for our alternatives under the same id.
fn intersect(
    ours: &[RtpHeaderExtension],
    remote: &[RtpHeaderExtension],
    single: bool,
) -> Vec<RtpHeaderExtension> {
    let mut result: Vec<RtpHeaderExtension> = Vec::new();
    for extension in ours {
        let Some(theirs) = remote.iter().find(|r| r.uri.eq_ignore_ascii_case(&extension.uri)) else {
            continue;
        };
        let id = if single && WIRE.contains(&theirs.id) { theirs.id } else { extension.id };
        let direction = extension.direction.intersect(theirs.direction);
        result.push(RtpHeaderExtension { id, direction, uri: extension.uri.clone() });
    }
    result
}

/// Gives every slot one entry and one id: named ids first, then the ids in force, then the lowest free one.
fn assign(
    list: Vec<RtpHeaderExtension>,
    avoid: &[u32],
    previous: &[RtpHeaderExtension],
) -> Vec<RtpHeaderExtension> {
    let mut slots: Vec<RtpHeaderExtension> = Vec::new();
    for extension in list {
        let is_taken =
            slots.iter().any(|s| s.id == extension.id || s.uri.eq_ignore_ascii_case(&extension.uri));
        if extension.id != 0 && !is_taken {
            slots.push(extension);
        }
    }
    let mut taken: Vec<u32> = slots.iter().map(|s| s.id).filter(|id| WIRE.contains(id)).collect();
    for slot in slots.iter_mut().filter(|s| !WIRE.contains(&s.id)) {
        let kept = previous.iter().find(|p| p.uri.eq_ignore_ascii_case(&slot.uri)).map(|p| p.id);
        let kept = kept.filter(|id| WIRE.contains(id) && !taken.contains(id) && !avoid.contains(id));
        let free = || WIRE.into_iter().find(|id| !taken.contains(id) && !avoid.contains(id));
        if let Some(id) = kept.or_else(free) {
            slot.id = id;
            taken.push(id);
        }
    }
    slots.retain(|s| WIRE.contains(&s.id));
    slots
}
