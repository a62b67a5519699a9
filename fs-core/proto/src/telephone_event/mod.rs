//! Telephone events as RTP packets (RFC 4733 section 2): the payload, the sender's timing, the receiver's reading.

mod receiver;
mod sender;

pub use receiver::{EventReceiver, Received};
pub use sender::{EventPacket, EventSender};

/// What the payload's duration field can hold.
const MAX_DURATION: u16 = u16::MAX;

/// The four octets of a telephone-event payload (RFC 4733 section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventPayload {
    /// The event code.
    pub event: u8,
    /// The event is over.
    pub end: bool,
    /// 0 to 63 in -dBm0; has no meaning for events that are no tones.
    pub volume: u8,
    /// How long the event has lasted in timestamp units, counted from the packet's timestamp.
    pub duration: u16,
}

impl EventPayload {
    /// Reads the first event of a payload; `None` if it is too short. Whatever follows it is ignored, and so is the
    /// reserved bit.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let [event, flags, high, low, ..] = *payload else { return None };
        Some(Self {
            event,
            end: flags & 0x80 != 0,
            volume: flags & 0x3f,
            duration: u16::from_be_bytes([high, low]),
        })
    }

    /// The payload's octets. A volume above 63 becomes 63, the lowest there is.
    pub fn write(self) -> [u8; 4] {
        let [high, low] = self.duration.to_be_bytes();
        [self.event, u8::from(self.end) << 7 | self.volume.min(0x3f), high, low]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_read_and_written() {
        let payload = EventPayload { event: 11, end: true, volume: 10, duration: 0x1234 };
        assert_eq!(payload.write(), [11, 0x8a, 0x12, 0x34]);
        assert_eq!(EventPayload::read(&[11, 0x8a, 0x12, 0x34]), Some(payload));
        assert_eq!(
            EventPayload::read(&[11, 0xca, 0x12, 0x34, 9]),
            Some(payload),
            "the reserved bit is ignored"
        );
        assert_eq!(EventPayload::read(&[11, 0x8a, 0x12]), None);
        assert_eq!(EventPayload { volume: 200, ..payload }.write()[1], 0xbf);
    }
}
