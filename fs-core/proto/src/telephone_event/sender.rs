//! When which packet of an event is sent.

use super::{EventPayload, MAX_DURATION};

/// Time from one packet to the next, the usual packet time of telephony, in ns.
const INTERVAL: u64 = 20_000_000;
/// An event lasts at least so many intervals: 100 ms, which every detector of digits recognises (ITU-T Q.24 asks
/// for 40 ms).
const MIN_INTERVALS: u64 = 5;
/// How often the last packet is sent, against loss (RFC 4733 section 2.5.1.4).
const LAST_PACKETS: u64 = 3;

/// One packet to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventPacket {
    /// When to send it, in ns of the sender's clock.
    pub at: u64,
    /// How long it is until the next packet, in ns: other media of the stream has to wait.
    pub lasts: u64,
    /// The RTP marker bit: the beginning of an event.
    pub marker: bool,
    /// The RTP timestamp, the same for all packets of an event, or of a segment of a long one.
    pub timestamp: u32,
    /// The payload.
    pub payload: EventPayload,
}

/// Makes the packets of one event.
///
/// A packet goes out every 20 ms with the duration so far. After [`Self::stop`] the last one follows three times,
/// but not before the event lasted 100 ms. Where the duration does not fit its field, the event goes on as another
/// segment with a later timestamp (RFC 4733 section 2.5.1.3); at 48 kHz that is after 1.4 s.
#[derive(Clone, Debug)]
pub struct EventSender {
    event: u8,
    volume: u8,
    clock_rate: u32,
    began: u64,
    /// Packets so far, those that only close a segment not counted.
    sent: u64,
    /// Units before the current segment.
    earlier: u64,
    stopping: bool,
    last_sent: u64,
}

impl EventSender {
    /// An event that begins at `began`, in ns of a clock that the RTP timestamps follow from 0 on.
    pub fn new(event: u8, volume: u8, clock_rate: u32, began: u64) -> Self {
        Self { event, volume, clock_rate, began, sent: 0, earlier: 0, stopping: false, last_sent: 0 }
    }

    /// Ends the event as soon as it lasted long enough.
    pub fn stop(&mut self) {
        self.stopping = true;
    }

    /// The next packet; `None` when the event is over.
    pub fn next_packet(&mut self) -> Option<EventPacket> {
        if self.last_sent == LAST_PACKETS {
            return None;
        }
        // A segment that was just begun gets its first packet before the end.
        let can_end = self.sent >= MIN_INTERVALS && self.units(self.sent * INTERVAL) >= self.earlier;
        let end = self.last_sent > 0 || (self.stopping && can_end);
        let lasted = if end { self.sent - self.last_sent } else { self.sent + 1 };
        let in_segment = self.units(lasted * INTERVAL) - self.earlier;
        if in_segment > u64::from(MAX_DURATION) {
            let closing = self.packet(false, MAX_DURATION, 0);
            self.earlier += u64::from(MAX_DURATION);
            return Some(closing);
        }
        let packet = self.packet(end, u16::try_from(in_segment).unwrap_or(MAX_DURATION), INTERVAL);
        self.sent += 1;
        self.last_sent += u64::from(end);
        Some(packet)
    }

    fn packet(&self, end: bool, duration: u16, lasts: u64) -> EventPacket {
        let timestamp = self.units(self.began) + self.earlier;
        EventPacket {
            at: self.began + self.sent * INTERVAL,
            lasts,
            marker: self.sent == 0,
            // RTP timestamps wrap around.
            timestamp: timestamp as u32,
            payload: EventPayload { event: self.event, end, volume: self.volume, duration },
        }
    }

    fn units(&self, ns: u64) -> u64 {
        let units = u128::from(ns) * u128::from(self.clock_rate) / 1_000_000_000;
        u64::try_from(units).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(sender: &mut EventSender, stop_after: usize) -> Vec<EventPacket> {
        let mut packets = Vec::new();
        loop {
            if packets.len() == stop_after {
                sender.stop();
            }
            match sender.next_packet() {
                Some(packet) => packets.push(packet),
                None => return packets,
            }
        }
    }

    #[test]
    fn a_short_event_lasts_100_ms_and_its_end_is_said_three_times() {
        let packets = all(&mut EventSender::new(5, 10, 8000, 1_000_000_000), 0);
        assert_eq!(packets.len(), 8);
        assert!(
            packets.iter().all(|p| p.timestamp == 8000 && p.payload.event == 5 && p.payload.volume == 10)
        );
        let durations: Vec<_> = packets.iter().map(|p| p.payload.duration).collect();
        assert_eq!(durations, [160, 320, 480, 640, 800, 800, 800, 800]);
        assert_eq!(packets.iter().filter(|p| p.marker).count(), 1);
        assert!(packets[0].marker);
        assert_eq!(packets.iter().map(|p| p.payload.end).collect::<Vec<_>>()[4..], [false, true, true, true]);
        for (index, packet) in packets.iter().enumerate() {
            assert_eq!((packet.at, packet.lasts), (1_000_000_000 + index as u64 * INTERVAL, INTERVAL));
        }
    }

    #[test]
    fn a_long_event_goes_on_in_segments() {
        let packets = all(&mut EventSender::new(5, 10, 48000, 0), 150);
        let ends: Vec<_> = packets.iter().filter(|p| p.payload.end).collect();
        assert_eq!(ends.len(), 3);
        let units = u64::from(ends[0].timestamp) + u64::from(ends[0].payload.duration);
        let updates = packets.iter().filter(|p| !p.payload.end && p.lasts > 0).count() as u64;
        assert_eq!(units, updates * 960, "no unit is lost at the seams");
        let starts: Vec<_> = packets.iter().map(|p| p.timestamp).collect();
        assert!(starts.contains(&0xffff) && starts.contains(&0x1_fffe) && starts.is_sorted());
        let full = packets.iter().filter(|p| p.payload.duration == MAX_DURATION);
        assert!(full.clone().count() == 2 && full.clone().all(|p| !p.payload.end && !p.marker));
    }
}
