//! Header extensions: which ones all parties have, and under which ids (RFC 8285 section 5).

use crate::hdrext::RtpHeaderExtension;

use super::Inputs;

/// Ids that can stand on the wire (RFC 8285 section 4.3); larger ones let the session choose.
const WIRE: std::ops::RangeInclusive<u32> = 1..=255;

/// Preferences under one id: alternatives, of which the first that all parties have is used.
struct Slot {
    wish: u32,
    chosen: Option<RtpHeaderExtension>,
    /// The id of the chosen one in the list of the only peer.
    remote: Option<u32>,
    id: Option<u32>,
}

/// The session's header extensions. Without remote codecs: the preferences with ids chosen. With them: those
/// every peer has. A stream for which nobody ever set extensions has no say, but if that goes for all of them
/// nothing was agreed and the list is empty.
pub(super) fn negotiate(inputs: &Inputs<'_>) -> Vec<RtpHeaderExtension> {
    let said: Vec<&[RtpHeaderExtension]> =
        inputs.remotes.iter().filter_map(|r| r.header_extensions.as_deref()).collect();
    if !inputs.remotes.is_empty() && said.is_empty() {
        return Vec::new();
    }
    let single = inputs.remotes.len() == 1;
    let mut slots = choose(inputs.header_extensions, &said, single);
    let previous = inputs.previous.map_or(&[][..], |p| &p.header_extensions);
    let avoid: Vec<u32> = said.iter().flat_map(|r| r.iter()).map(|e| e.id).collect();
    assign(&mut slots, &avoid, previous);
    let finished = |slot: Slot| Some(RtpHeaderExtension { id: slot.id?, ..slot.chosen? });
    slots.into_iter().filter_map(finished).collect()
}

/// Groups the preferences and picks one of each group.
fn choose(wishes: &[RtpHeaderExtension], said: &[&[RtpHeaderExtension]], single: bool) -> Vec<Slot> {
    let mut slots: Vec<Slot> = Vec::new();
    for wish in wishes.iter().filter(|w| w.id != 0) {
        let position = slots.iter().position(|s| s.wish == wish.id).unwrap_or_else(|| {
            slots.push(Slot { wish: wish.id, chosen: None, remote: None, id: None });
            slots.len() - 1
        });
        let chosen_already =
            slots.iter().filter_map(|s| s.chosen.as_ref()).any(|c| c.uri.eq_ignore_ascii_case(&wish.uri));
        let slot = &mut slots[position];
        if slot.chosen.is_some() || chosen_already {
            continue;
        }
        let theirs: Option<Vec<&RtpHeaderExtension>> =
            said.iter().map(|list| list.iter().find(|r| r.uri.eq_ignore_ascii_case(&wish.uri))).collect();
        let Some(theirs) = theirs else { continue };
        let direction = theirs.iter().fold(wish.direction, |d, t| d.intersect(t.direction));
        slot.remote = theirs.first().map(|t| t.id).filter(|id| single && WIRE.contains(id));
        slot.chosen = Some(RtpHeaderExtension { direction, ..wish.clone() });
    }
    slots
}

/// Gives each slot an id: the only peer's, else the one we named, else the one in force, else the lowest that
/// nobody uses. A slot for which there is none stays without.
fn assign(slots: &mut [Slot], avoid: &[u32], previous: &[RtpHeaderExtension]) {
    let (mut taken, avoid) = (Ids::default(), Ids::of(avoid));
    for slot in slots.iter_mut() {
        taken.give(slot, slot.remote, &Ids::default());
    }
    for slot in slots.iter_mut() {
        taken.give(slot, Some(slot.wish), &Ids::default());
    }
    for slot in slots.iter_mut() {
        let same = |p: &&RtpHeaderExtension| {
            slot.chosen.as_ref().is_some_and(|c| c.uri.eq_ignore_ascii_case(&p.uri))
        };
        let in_force = previous.iter().find(same).map(|p| p.id);
        taken.give(slot, in_force, &avoid);
    }
    for slot in slots.iter_mut() {
        for id in WIRE {
            taken.give(slot, Some(id), &avoid);
        }
    }
}

/// A set of ids that can stand on the wire.
struct Ids([bool; 256]);

impl Default for Ids {
    fn default() -> Self {
        Self([false; 256])
    }
}

impl Ids {
    fn of(ids: &[u32]) -> Self {
        let mut set = Self::default();
        for id in ids {
            if let Some(place) = set.place(*id) {
                *place = true;
            }
        }
        set
    }

    /// Where an id is noted; `None` if it can't stand on the wire.
    fn place(&mut self, id: u32) -> Option<&mut bool> {
        let id = usize::try_from(id).ok().filter(|_| WIRE.contains(&id))?;
        self.0.get_mut(id)
    }

    fn has(&self, id: u32) -> bool {
        usize::try_from(id).is_ok_and(|id| self.0.get(id) == Some(&true))
    }

    /// Gives a slot that has no id yet that one, if nobody has it and it need not be avoided.
    fn give(&mut self, slot: &mut Slot, id: Option<u32>, avoid: &Self) {
        let Some(id) = id.filter(|id| slot.id.is_none() && !avoid.has(*id)) else { return };
        if let Some(taken) = self.place(id).filter(|taken| !**taken) {
            *taken = true;
            slot.id = Some(id);
        }
    }
}
