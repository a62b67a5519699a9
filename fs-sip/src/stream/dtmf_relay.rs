//! Digits in the body of an INFO: `application/dtmf-relay` and `application/dtmf`, as gateways and old telephones send them.
//! No RFC has it; what is written is what Cisco's gateways write, `Signal=5` and `Duration=160` (in ms). Pure.

use fs_proto::DtmfEvent;

use crate::endpoint::Body;

/// The type that we send.
pub const RELAY: &str = "application/dtmf-relay";
/// The other one that we take: the digit and nothing else.
pub const PLAIN: &str = "application/dtmf";

/// The digit in a body; none where there is none.
#[must_use]
pub fn read(body: &Body) -> Option<DtmfEvent> {
    let text = std::str::from_utf8(&body.data).ok()?;
    let of_type = |wanted: &str| {
        let name = body.content_type.split(';').next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case(wanted)
    };
    let digit = if of_type(RELAY) {
        let mut lines = text.lines().filter_map(|line| line.split_once('='));
        lines.find(|(name, _)| name.trim().eq_ignore_ascii_case("signal")).map(|(_, value)| value.trim())
    } else if of_type(PLAIN) {
        Some(text.trim())
    } else {
        None
    }?;
    // Events have numbers too: 10 is the star, 11 the hash key.
    let by_number = || digit.parse().ok().and_then(DtmfEvent::from_number);
    let mut chars = digit.chars();
    match (chars.next(), chars.next()) {
        (Some(only), None) => DtmfEvent::from_digit(only.to_ascii_uppercase()),
        _ => by_number(),
    }
}

/// The body that says a digit.
#[must_use]
pub fn write(event: DtmfEvent) -> Body {
    let duration = super::digits::TONE.as_millis();
    let data = format!("Signal={}\r\nDuration={duration}\r\n", event.digit()).into_bytes();
    Body { content_type: RELAY.to_owned(), data }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digit(content_type: &str, data: &str) -> Option<char> {
        let body = Body { content_type: content_type.to_owned(), data: data.into() };
        read(&body).map(DtmfEvent::digit)
    }

    #[test]
    fn what_is_written_is_read() {
        for c in "0123456789*#ABCD".chars() {
            let body = write(DtmfEvent::from_digit(c).expect("a digit"));
            assert_eq!(read(&body).map(DtmfEvent::digit), Some(c));
        }
    }

    #[test]
    fn what_others_write() {
        assert_eq!(digit("application/dtmf-relay", "Signal= 5\nDuration= 160"), Some('5'));
        assert_eq!(digit("Application/DTMF-Relay; x=y", "signal=a\r\n"), Some('A'));
        assert_eq!(digit("application/dtmf-relay", "Signal=11\r\nDuration=250\r\n"), Some('#'));
        assert_eq!(digit("application/dtmf", "7"), Some('7'));
        for (content_type, data) in [
            ("application/dtmf-relay", "Duration=160"),
            ("application/dtmf-relay", "Signal=flash"),
            ("application/dtmf-relay", "Signal=99"),
            ("application/dtmf", ""),
            ("text/plain", "Signal=5"),
        ] {
            assert_eq!(digit(content_type, data), None, "{content_type} {data}");
        }
    }
}
