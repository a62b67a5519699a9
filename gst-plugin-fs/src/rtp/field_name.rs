//! Names of the fields of caps and structures. GLib keeps every name that was ever used for as long as the process lives, and
//! peers may make up parameters with every offer and SSRCs with every packet, so there is a bound to that.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Most octets of a name. The longest registered parameters have some thirty.
const LONGEST: usize = 64;

/// Most names of one origin that nobody in this process had used before.
const MOST_NEW: usize = 4096;

/// Who brings a name.
#[derive(Clone, Copy, Debug)]
pub enum Origin {
    /// A parameter of a codec.
    Parameter,
    /// A source of RTP.
    Source,
}

/// Whether a name may become one of a field. Each that somebody has used before may. No element looks for others, except
/// those that it looks for first when it runs, for which the bound leaves room enough.
pub fn is_allowed(name: &str, origin: Origin) -> bool {
    let take = |taken: usize| (taken < MOST_NEW).then_some(taken + 1);
    name.len() <= LONGEST
        && (glib::Quark::try_from_str(name).is_some()
            || taken(origin, |taken| taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()))
}

/// How many new names an origin has brought.
#[cfg(not(test))]
fn taken<R>(origin: Origin, look: impl FnOnce(&AtomicUsize) -> R) -> R {
    static TAKEN: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];
    look(&TAKEN[origin as usize])
}

/// In tests each thread has numbers of its own: what one uses up is not missing in another.
#[cfg(test)]
fn taken<R>(origin: Origin, look: impl FnOnce(&AtomicUsize) -> R) -> R {
    thread_local! {
        static TAKEN: [AtomicUsize; 2] = const { [const { AtomicUsize::new(0) }; 2] };
    }
    TAKEN.with(|taken| look(&taken[origin as usize]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_names_run_out_and_known_ones_stay() {
        let known = glib::Quark::from_str("fs-test-known-name");
        let new = |n| is_allowed(&format!("fs-test-new-name-{n}"), Origin::Parameter);
        let allowed = (0..2 * MOST_NEW).filter(|n| new(*n)).count();
        assert_eq!(allowed, MOST_NEW);
        assert!(!is_allowed("fs-test-one-more", Origin::Parameter));
        assert!(is_allowed(known.as_str(), Origin::Parameter));
        assert!(is_allowed("fs-test-one-more", Origin::Source), "each origin has its own number");
    }

    #[test]
    fn long_names_are_nobodys() {
        let [fits, long] = [LONGEST, LONGEST + 1].map(|length| "x".repeat(length));
        glib::Quark::from_str(&long);
        assert!(is_allowed(&fits, Origin::Parameter) && !is_allowed(&long, Origin::Parameter));
    }
}
