//! What received packets say: each event once at its beginning and once at its end.

use super::EventPayload;

/// Packets of an event that ended may still arrive late by so many seconds; a timestamp further back is a sender that
/// started anew.
const LATE_SECONDS: u32 = 10;

/// What a packet was news of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// An event began.
    Started {
        /// The event code.
        event: u8,
        /// 0 to 63 in -dBm0.
        volume: u8,
    },
    /// The event ended.
    Ended {
        /// The event code.
        event: u8,
        /// How long it lasted, in ms.
        duration: u32,
    },
}

#[derive(Clone, Copy, Debug)]
struct Current {
    event: u8,
    /// Of the newest segment.
    timestamp: u32,
    /// Units before the newest segment, and before the duration field last ran over.
    earlier: u64,
    duration: u16,
    ended: bool,
}

/// Reads the telephone events of one SSRC and payload type, packet by packet in their order.
///
/// An event may be lost but for one packet and is still reported; repeated packets are no news. An event whose end
/// never came ends with the next one, or by [`Self::silence`].
#[derive(Clone, Debug)]
pub struct EventReceiver {
    clock_rate: u32,
    current: Option<Current>,
}

impl EventReceiver {
    /// Nothing received yet.
    pub fn new(clock_rate: u32) -> Self {
        Self { clock_rate, current: None }
    }

    /// Whether an event has begun and not ended.
    pub fn is_playing(&self) -> bool {
        self.current.is_some_and(|c| !c.ended)
    }

    /// Takes a packet and returns its news, oldest first.
    pub fn packet(&mut self, timestamp: u32, marker: bool, payload: EventPayload) -> Vec<Received> {
        let mut news = Vec::new();
        match self.relation(timestamp, marker, payload) {
            Relation::Late => {}
            Relation::Same => {
                if let Some(current) = &mut self.current {
                    current.update(timestamp, payload);
                }
            }
            Relation::Another => {
                news.extend(self.silence());
                let EventPayload { event, volume, duration, .. } = payload;
                self.current = Some(Current { event, timestamp, earlier: 0, duration, ended: false });
                news.push(Received::Started { event, volume });
            }
        }
        if payload.end && self.current.is_some_and(|c| c.timestamp == timestamp) {
            news.extend(self.silence());
        }
        news
    }

    /// No packet came for too long, or no more will come: the event that plays ended.
    pub fn silence(&mut self) -> Option<Received> {
        let clock_rate = self.clock_rate;
        let current = self.current.as_mut().filter(|c| !c.ended)?;
        current.ended = true;
        let units = current.earlier + u64::from(current.duration);
        let ms = (units * 1000).checked_div(clock_rate.into()).unwrap_or_default();
        Some(Received::Ended { event: current.event, duration: u32::try_from(ms).unwrap_or(u32::MAX) })
    }

    fn relation(&self, timestamp: u32, marker: bool, payload: EventPayload) -> Relation {
        let Some(current) = self.current else { return Relation::Another };
        let later = timestamp.wrapping_sub(current.timestamp);
        if later == 0 {
            return if current.event != payload.event {
                Relation::Another
            } else if current.ended {
                Relation::Late
            } else {
                Relation::Same
            };
        }
        if current.timestamp.wrapping_sub(timestamp) <= self.clock_rate.saturating_mul(LATE_SECONDS) {
            return Relation::Late;
        }
        let goes_on = later == u32::from(u16::MAX) || later == u32::from(current.duration);
        if goes_on && !marker && !current.ended && current.event == payload.event {
            Relation::Same
        } else {
            Relation::Another
        }
    }
}

enum Relation {
    /// Of the event that plays.
    Same,
    /// Of an event that was reported already.
    Late,
    /// Of another event.
    Another,
}

impl Current {
    fn update(&mut self, timestamp: u32, payload: EventPayload) {
        let later = timestamp.wrapping_sub(self.timestamp);
        if later > 0 {
            self.earlier += u64::from(later);
        } else if payload.duration < self.duration {
            // Some senders let the field run over instead of beginning another segment; a small step back is a
            // packet out of order.
            if self.duration - payload.duration < 0x8000 {
                return;
            }
            self.earlier += 0x1_0000;
        }
        (self.timestamp, self.duration) = (timestamp, payload.duration);
    }
}

#[cfg(test)]
mod tests {
    use super::super::EventSender;
    use super::*;

    fn started(event: u8) -> Received {
        Received::Started { event, volume: 10 }
    }

    fn ended(event: u8, duration: u32) -> Received {
        Received::Ended { event, duration }
    }

    fn payload(event: u8, duration: u16, end: bool) -> EventPayload {
        EventPayload { event, end, volume: 10, duration }
    }

    #[test]
    fn repeated_ends_are_no_news() {
        let mut receiver = EventReceiver::new(8000);
        assert_eq!(receiver.packet(100, true, payload(5, 160, false)), [started(5)]);
        assert!(receiver.is_playing());
        assert_eq!(receiver.packet(100, false, payload(5, 320, false)), []);
        assert_eq!(receiver.packet(100, false, payload(5, 480, true)), [ended(5, 60)]);
        for _ in 0..2 {
            assert_eq!(receiver.packet(100, false, payload(5, 480, true)), []);
        }
        assert_eq!(receiver.packet(5000, true, payload(5, 160, false)), [started(5)], "the same key again");
        assert_eq!(receiver.packet(100, false, payload(5, 480, true)), [], "a late one of the first");
    }

    #[test]
    fn one_packet_is_enough() {
        let mut receiver = EventReceiver::new(8000);
        assert_eq!(receiver.packet(0, false, payload(1, 800, true)), [started(1), ended(1, 100)]);
        assert_eq!(receiver.packet(0, false, payload(1, 800, true)), []);
    }

    #[test]
    fn an_event_without_its_end_ends_with_the_next_or_by_silence() {
        let mut receiver = EventReceiver::new(8000);
        receiver.packet(0, true, payload(1, 800, false));
        assert_eq!(receiver.packet(4000, true, payload(2, 160, false)), [ended(1, 100), started(2)]);
        assert_eq!(receiver.silence(), Some(ended(2, 20)));
        assert_eq!(receiver.silence(), None);
    }

    #[test]
    fn long_events_of_any_sender_are_one() {
        let mut receiver = EventReceiver::new(48000);
        let mut sender = EventSender::new(5, 10, 48000, u64::from(u32::MAX) * 20_833);
        let mut news = Vec::new();
        for count in 0.. {
            if count == 200 {
                sender.stop();
            }
            let Some(packet) = sender.next_packet() else { break };
            news.extend(receiver.packet(packet.timestamp, packet.marker, packet.payload));
        }
        assert_eq!(news.len(), 2);
        assert_eq!(news[0], started(5));
        let Received::Ended { duration, .. } = news[1] else { panic!("{news:?}") };
        assert!((3900..=4000).contains(&duration), "{duration}");
        // A field that runs over.
        let mut receiver = EventReceiver::new(8000);
        assert_eq!(receiver.packet(7, true, payload(5, 65500, false)), [started(5)]);
        assert_eq!(receiver.packet(7, false, payload(5, 64, true)), [ended(5, 8200)]);
    }

    #[test]
    fn a_sender_that_starts_anew_is_heard() {
        let mut receiver = EventReceiver::new(8000);
        receiver.packet(2_000_000, true, payload(5, 160, true));
        assert_eq!(receiver.packet(1000, true, payload(6, 160, false)), [started(6)]);
    }
}
