//! Payload types: who owns the static ones (RFC 3551 section 6) and which dynamic one is free.

/// Payload types that the session may choose by itself.
const DYNAMIC: std::ops::RangeInclusive<i32> = 96..=127;

/// The encoding name to which RFC 3551 gives that payload type.
fn static_owner(pt: i32) -> Option<&'static str> {
    Some(match pt {
        0 => "PCMU",
        3 => "GSM",
        4 => "G723",
        5 | 6 | 16 | 17 => "DVI4",
        7 => "LPC",
        8 => "PCMA",
        9 => "G722",
        10 | 11 => "L16",
        12 => "QCELP",
        13 => "CN",
        14 => "MPA",
        15 => "G728",
        18 => "G729",
        25 => "CELB",
        26 => "JPEG",
        28 => "NV",
        31 => "H261",
        32 => "MPV",
        33 => "MP2T",
        34 => "H263",
        _ => return None,
    })
}

/// Whether a codec may bring that payload type along: nobody else owns it.
///
/// Payloaders of related formats claim their parent's payload type (three of them 14, which is MPA's); in one
/// offer only the owner keeps it and the others get dynamic ones.
pub(super) fn may_claim(encoding_name: &str, pt: i32) -> bool {
    (0..=127).contains(&pt) && static_owner(pt).is_none_or(|owner| owner.eq_ignore_ascii_case(encoding_name))
}

/// Which payload types are taken while a list grows.
#[derive(Clone, Debug, Default)]
pub(super) struct PayloadTypes {
    taken: Vec<i32>,
    /// Stands in the list now in force: a peer may still use it with its old meaning.
    in_force: Vec<i32>,
    /// Like `in_force`, but hidden there: reused only when nothing else is left.
    fading: Vec<i32>,
}

impl PayloadTypes {
    /// Nothing taken; payload types of the list in force are avoided, `fading` ones least strictly.
    pub fn avoiding(in_force: Vec<i32>, fading: Vec<i32>) -> Self {
        Self { taken: Vec::new(), in_force, fading }
    }

    /// Takes that payload type; false if it is taken already.
    pub fn take(&mut self, pt: i32) -> bool {
        let free = (0..=127).contains(&pt) && !self.taken.contains(&pt);
        if free {
            self.taken.push(pt);
        }
        free
    }

    /// Takes a payload type that a codec brings along; false if it is taken or has a meaning in the list in
    /// force.
    pub fn take_new(&mut self, pt: i32) -> bool {
        !self.in_force.contains(&pt) && !self.fading.contains(&pt) && self.take(pt)
    }

    /// Takes the lowest free dynamic payload type.
    pub fn take_dynamic(&mut self) -> Option<i32> {
        let fresh = |pt: &i32| !self.taken.contains(pt) && !self.in_force.contains(pt);
        let found = DYNAMIC
            .into_iter()
            .find(|pt| fresh(pt) && !self.fading.contains(pt))
            .or_else(|| DYNAMIC.into_iter().find(fresh))?;
        self.taken.push(found);
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_keeps_a_static_payload_type() {
        assert!(may_claim("mpa", 14));
        assert!(!may_claim("MPA-ROBUST", 14));
        assert!(may_claim("ANYTHING", 35), "nobody owns 35");
        assert!(!may_claim("ANYTHING", 128));
        assert!(!may_claim("ANYTHING", -1));
    }

    #[test]
    fn dynamic_choice_avoids_what_is_in_use_until_nothing_else_is_left() {
        let mut pts = PayloadTypes::avoiding(vec![96], (98..=127).collect());
        assert_eq!(pts.take_dynamic(), Some(97));
        assert_eq!(pts.take_dynamic(), Some(98), "a fading one when nothing else is left");
        assert!(!pts.take(98));
        assert!(pts.take(99));
        assert_eq!(pts.take_dynamic(), Some(100));
    }

    #[test]
    fn dynamic_choice_ends() {
        let mut pts = PayloadTypes::avoiding(vec![127], Vec::new());
        assert_eq!(std::iter::from_fn(|| pts.take_dynamic()).count(), 31);
    }
}
