//! Telephony events (`FsDTMFEvent`, `FsDTMFMethod`), their digits, and sets of events (RFC 4733).

use std::fmt;

/// One of the sixteen DTMF events (RFC 4733 section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum DtmfEvent {
    /// Digit 0.
    Digit0 = 0,
    /// Digit 1.
    Digit1 = 1,
    /// Digit 2.
    Digit2 = 2,
    /// Digit 3.
    Digit3 = 3,
    /// Digit 4.
    Digit4 = 4,
    /// Digit 5.
    Digit5 = 5,
    /// Digit 6.
    Digit6 = 6,
    /// Digit 7.
    Digit7 = 7,
    /// Digit 8.
    Digit8 = 8,
    /// Digit 9.
    Digit9 = 9,
    /// The star key.
    Star = 10,
    /// The pound (hash) key.
    Pound = 11,
    /// Key A.
    A = 12,
    /// Key B.
    B = 13,
    /// Key C.
    C = 14,
    /// Key D.
    D = 15,
}

impl DtmfEvent {
    /// All of them, by number.
    pub const ALL: [Self; 16] = [
        Self::Digit0,
        Self::Digit1,
        Self::Digit2,
        Self::Digit3,
        Self::Digit4,
        Self::Digit5,
        Self::Digit6,
        Self::Digit7,
        Self::Digit8,
        Self::Digit9,
        Self::Star,
        Self::Pound,
        Self::A,
        Self::B,
        Self::C,
        Self::D,
    ];
    /// What is printed on the keys, by number.
    const KEYS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D'];

    /// The event code on the wire, 0 to 15.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The event with that code; `None` above 15.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// What is printed on the key: `0` to `9`, `*`, `#`, `A` to `D`.
    pub fn digit(self) -> char {
        Self::KEYS[usize::from(self.number())]
    }

    /// The event of a key, ignoring case; `None` for any other character.
    pub fn from_digit(digit: char) -> Option<Self> {
        let digit = digit.to_ascii_uppercase();
        Self::ALL.into_iter().find(|e| e.digit() == digit)
    }
}

impl fmt::Display for DtmfEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.digit())
    }
}

/// How an event travels (`FsDTMFMethod`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum DtmfMethod {
    /// As telephone-event packets (RFC 4733).
    RtpRfc4733 = 1,
    /// As tones in the sound itself.
    Sound = 2,
}

/// A set of event codes, as in `a=fmtp:101 0-15,66` (RFC 4733 section 2.4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSet {
    events: Box<[bool; 256]>,
}

impl EventSet {
    /// Reads `N[-N][,N[-N]]*` with codes from 0 to 255; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let mut events = Box::new([false; 256]);
        for part in text.split(',') {
            let (first, last) = match part.split_once('-') {
                Some((first, last)) => (code(first)?, code(last)?),
                None => (code(part)?, code(part)?),
            };
            if first > last {
                return None;
            }
            events[usize::from(first)..=usize::from(last)].fill(true);
        }
        Some(Self { events })
    }

    /// What both sets hold; `None` if nothing.
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        let mut events = self.events.clone();
        for (event, also) in events.iter_mut().zip(other.events.iter()) {
            *event &= *also;
        }
        events.contains(&true).then_some(Self { events })
    }

    /// Whether the set holds that event code.
    pub fn contains(&self, event: u8) -> bool {
        self.events[usize::from(event)]
    }
}

fn code(text: &str) -> Option<u8> {
    let text = text.trim();
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

impl fmt::Display for EventSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        let mut event = 0;
        while event < 256 {
            let run = self.events[event..].iter().take_while(|held| **held).count();
            match run {
                0 => {}
                1 => write!(f, "{comma}{event}")?,
                _ => write!(f, "{comma}{event}-{}", event + run - 1)?,
            }
            if run > 0 {
                comma = ",";
            }
            event += run + 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_its_digit() {
        for event in DtmfEvent::ALL {
            assert_eq!(DtmfEvent::from_digit(event.digit()), Some(event));
            assert_eq!(DtmfEvent::from_number(event.number()), Some(event));
        }
        assert_eq!(DtmfEvent::from_digit('#'), Some(DtmfEvent::Pound));
        assert_eq!(DtmfEvent::from_digit('b'), Some(DtmfEvent::B));
        assert_eq!(DtmfEvent::from_digit('E'), None);
        assert_eq!(DtmfEvent::from_number(16), None);
    }

    #[test]
    fn event_sets_parse_and_print() {
        for (text, printed) in [("0-15", "0-15"), ("0,1,2,66", "0-2,66"), ("255", "255"), ("3, 1", "1,3")] {
            assert_eq!(EventSet::parse(text).unwrap().to_string(), printed);
        }
        for text in ["", "0,,3", "5-3", "256", "-1", "a", "1-2-3", "+1"] {
            assert_eq!(EventSet::parse(text), None, "{text}");
        }
    }

    #[test]
    fn event_sets_intersect() {
        let set = |text: &str| EventSet::parse(text).unwrap();
        assert_eq!(set("0-20,32").intersect(&set("0-15")).unwrap().to_string(), "0-15");
        assert_eq!(set("0-3").intersect(&set("4-8")), None);
        assert!(set("0-15").contains(11) && !set("0-15").contains(16));
    }
}
