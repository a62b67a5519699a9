//! Session timers (RFC 4028): what both sides agree on, when the session is
//! refreshed and when it is over.

use std::time::{Duration, Instant};

use crate::limits;
use crate::wire::Headers;
use crate::wire::headers::{MinSe, Refresher, SessionExpires, has_option, name};

/// The option tag.
pub const OPTION: &str = "timer";

/// What this side wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionTimerSettings {
    /// What we ask for, in seconds; none = only where the peer asks. Default
    /// 1800 (section 4).
    pub expires: Option<u32>,
    /// The shortest time we take, in seconds. Default and least 90 (section 5).
    pub min_se: u32,
}

impl Default for SessionTimerSettings {
    fn default() -> Self {
        Self { expires: Some(limits::SESSION_EXPIRES), min_se: limits::MIN_SE }
    }
}

/// What was agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreed {
    /// Seconds between refreshes at most.
    pub seconds: u32,
    /// Do we refresh?
    pub ours: bool,
}

impl Agreed {
    /// When to refresh: after half the time (section 10).
    #[must_use]
    pub fn refresh_at(&self, now: Instant) -> Option<Instant> {
        self.ours.then(|| now + Duration::from_secs(self.seconds.into()) / 2)
    }

    /// When the side that waits for refreshes sends BYE: a third of the time,
    /// at most 32 s, before the end (section 10). Our own refreshes may fail
    /// up to the end.
    #[must_use]
    pub fn ends_at(&self, now: Instant) -> Instant {
        let seconds = if self.ours { self.seconds } else { self.seconds - (self.seconds / 3).min(32) };
        now + Duration::from_secs(seconds.into())
    }

    /// Session-Expires for our next refresh: the roles stay.
    #[must_use]
    pub fn refresh_header(&self) -> SessionExpires {
        SessionExpires { seconds: self.seconds, refresher: Some(Refresher::Uac) }
    }
}

/// The answer of a UAS to what a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// 422 with this Min-SE.
    TooShort(u32),
    /// No session timer.
    None,
    /// Put this into the 2xx; `require` says whether `Require: timer` goes
    /// along.
    Agreed {
        /// Session-Expires of the 2xx.
        header: SessionExpires,
        /// The peer must refresh, so it must understand it.
        require: bool,
        /// What it means for us.
        agreed: Agreed,
    },
}

/// Judges an INVITE or UPDATE of the peer (section 9, table 2).
#[must_use]
pub fn judge(settings: &SessionTimerSettings, headers: &Headers) -> Verdict {
    let supported =
        has_option(headers, name::SUPPORTED, OPTION) || has_option(headers, name::REQUIRE, OPTION);
    let least = settings.min_se.max(limits::MIN_SE);
    let asked = headers.typed::<SessionExpires>().ok().flatten();
    let floor = headers.typed::<MinSe>().ok().flatten().map_or(least, |m| m.0.max(least));
    let (seconds, refresher) = match (asked, settings.expires) {
        (Some(asked), _) if asked.seconds < least && supported => return Verdict::TooShort(least),
        (Some(asked), ours) => {
            let wanted = asked.seconds.min(ours.unwrap_or(asked.seconds));
            (wanted.max(floor).min(limits::MAX_EXPIRES), asked.refresher)
        }
        // Nobody asks but us: only with a peer that knows what it means.
        (None, Some(ours)) if supported => (ours.max(floor).min(limits::MAX_EXPIRES), None),
        (None, _) => return Verdict::None,
    };
    // A peer that does not know timers can't refresh.
    let refresher = match (supported, refresher) {
        (false, _) => Refresher::Uas,
        (true, refresher) => refresher.unwrap_or(Refresher::Uac),
    };
    Verdict::Agreed {
        header: SessionExpires { seconds, refresher: Some(refresher) },
        require: refresher == Refresher::Uac,
        agreed: Agreed { seconds, ours: refresher == Refresher::Uas },
    }
}

/// What a 2xx to our request has agreed on; none where it says nothing
/// (section 7.2).
#[must_use]
pub fn accepted(headers: &Headers) -> Option<Agreed> {
    let header = headers.typed::<SessionExpires>().ok().flatten()?;
    let seconds = header.seconds.clamp(limits::MIN_SE, limits::MAX_EXPIRES);
    Some(Agreed { seconds, ours: header.refresher != Some(Refresher::Uas) })
}

/// The Min-SE of a 422, where it makes another attempt worth while.
#[must_use]
pub fn least_of_422(asked: u32, headers: &Headers) -> Option<u32> {
    let least = headers.typed::<MinSe>().ok().flatten()?.0;
    (least > asked && least <= limits::MAX_EXPIRES).then_some(least)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Refresher::{Uac, Uas};

    fn headers(list: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in list {
            headers.push(name, *value);
        }
        headers
    }

    /// RFC 4028 section 9, table 2, and what we ask for ourselves.
    #[test]
    fn the_table_of_the_uas() {
        type Row = (&'static [(&'static str, &'static str)], Option<(u32, Refresher)>);
        let table: [Row; 9] = [
            (&[], None),
            (&[("Session-Expires", "120")], Some((120, Uas))),
            (&[("Session-Expires", "120;refresher=uac")], Some((120, Uas))),
            (&[("Supported", "timer"), ("Session-Expires", "120")], Some((120, Uac))),
            (&[("Supported", "timer"), ("Session-Expires", "120;refresher=uac")], Some((120, Uac))),
            (&[("Supported", "timer"), ("Session-Expires", "120;refresher=uas")], Some((120, Uas))),
            (&[("Supported", "timer")], Some((1800, Uac))),
            (&[("Supported", "timer"), ("Session-Expires", "9999"), ("Min-SE", "4000")], Some((4000, Uac))),
            (&[("Session-Expires", "10")], Some((90, Uas))),
        ];
        for (list, expected) in table {
            let verdict = judge(&SessionTimerSettings::default(), &headers(list));
            match (verdict, expected) {
                (Verdict::None, None) => {}
                (Verdict::Agreed { header, require, agreed }, Some((seconds, refresher))) => {
                    assert_eq!((header.seconds, header.refresher), (seconds, Some(refresher)), "{list:?}");
                    assert_eq!((require, agreed.ours), (refresher == Uac, refresher == Uas), "{list:?}");
                }
                other => panic!("{list:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn too_short_gets_422_from_whom_it_helps() {
        let short = headers(&[("Supported", "timer"), ("Session-Expires", "10")]);
        assert_eq!(judge(&SessionTimerSettings::default(), &short), Verdict::TooShort(90));
        let settings = SessionTimerSettings { expires: None, min_se: 200 };
        let below = headers(&[("Supported", "timer"), ("Session-Expires", "199")]);
        assert_eq!(judge(&settings, &below), Verdict::TooShort(200));
        assert_eq!(judge(&settings, &headers(&[("Supported", "timer")])), Verdict::None);
    }

    #[test]
    fn the_other_side_of_422() {
        assert_eq!(least_of_422(90, &headers(&[("Min-SE", "120")])), Some(120));
        for broken in [&[][..], &[("Min-SE", "90")], &[("Min-SE", "4000000000")], &[("Min-SE", "x")]] {
            assert_eq!(least_of_422(90, &headers(broken)), None, "{broken:?}");
        }
    }

    #[test]
    fn when_to_refresh_and_when_to_end() {
        let now = Instant::now();
        let after = |at: Instant| (at - now).as_secs();
        let table = [(90, true, Some(45), 90), (90, false, None, 60), (1800, false, None, 1768)];
        for (seconds, ours, refresh, end) in table {
            let agreed = Agreed { seconds, ours };
            assert_eq!(agreed.refresh_at(now).map(after), refresh);
            assert_eq!(after(agreed.ends_at(now)), end);
        }
        let of = |value| accepted(&headers(&[("Session-Expires", value)]));
        assert_eq!(of("1800;refresher=uas"), Some(Agreed { seconds: 1800, ours: false }));
        assert_eq!(of("1800;refresher=uac"), Some(Agreed { seconds: 1800, ours: true }));
        assert_eq!(of("1;refresher=uac"), Some(Agreed { seconds: 90, ours: true }));
        assert_eq!(accepted(&headers(&[])), None);
    }
}
