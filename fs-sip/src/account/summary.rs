//! Message summaries: `application/simple-message-summary` (RFC 3842 section 5).

use std::collections::BTreeMap;

/// How many messages of one class wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Not yet heard.
    pub new: u32,
    /// Heard.
    pub old: u32,
    /// Not yet heard, and urgent.
    pub new_urgent: u32,
    /// Heard, and urgent.
    pub old_urgent: u32,
}

/// What waits in somebody's mail box.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessageSummary {
    /// Does anything wait?
    pub messages_waiting: bool,
    /// Whom to call to hear it.
    pub message_account: Option<String>,
    /// By class, in lower case: `voice-message`, `fax-message` …
    pub summaries: BTreeMap<String, Counts>,
}

/// Most classes that are kept.
const MAX_CLASSES: usize = 32;

impl MessageSummary {
    /// Reads a body; lines that are no part of the grammar are left out. None
    /// where it does not say whether anything waits.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(body);
        let mut waiting = None;
        let mut summary = Self::default();
        // The messages themselves follow behind an empty line.
        for line in text.lines().take_while(|l| !l.trim().is_empty()) {
            let Some((name, value)) = line.split_once(':') else { continue };
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
            match name.as_str() {
                "messages-waiting" => waiting = Some(value.eq_ignore_ascii_case("yes")),
                "message-account" => summary.message_account = Some(value.to_owned()),
                _ => {
                    if let Some(counts) = counts(value)
                        && summary.summaries.len() < MAX_CLASSES
                    {
                        summary.summaries.insert(name, counts);
                    }
                }
            }
        }
        summary.messages_waiting = waiting?;
        Some(summary)
    }
}

/// `new/old (urgent new/urgent old)`.
fn counts(text: &str) -> Option<Counts> {
    let pair = |text: &str| {
        let (new, old) = text.split_once('/')?;
        Some((new.trim().parse().ok()?, old.trim().parse().ok()?))
    };
    let (plain, urgent) = match text.split_once('(') {
        Some((plain, rest)) => (plain, pair(rest.trim_end().strip_suffix(')')?)?),
        None => (text, (0, 0)),
    };
    let (new, old) = pair(plain)?;
    Some(Counts { new, old, new_urgent: urgent.0, old_urgent: urgent.1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_3842() {
        let body = b"Messages-Waiting: yes\r\nMessage-Account: sip:alice@vmail.example.com\r\n\
                     Voice-Message: 4/8 (1/2)\r\nfax-message : 0/1\r\nOdd: x/y\r\n\r\nTo: <alice@atlanta.example.com>\r\n";
        let summary = MessageSummary::parse(body).expect("a summary");
        assert!(summary.messages_waiting);
        assert_eq!(summary.message_account.as_deref(), Some("sip:alice@vmail.example.com"));
        assert_eq!(
            summary.summaries["voice-message"],
            Counts { new: 4, old: 8, new_urgent: 1, old_urgent: 2 }
        );
        assert_eq!(summary.summaries["fax-message"], Counts { old: 1, ..Counts::default() });
        assert_eq!(summary.summaries.len(), 2);
    }

    #[test]
    fn what_is_none() {
        for body in [&b""[..], b"Voice-Message: 1/1\r\n", b"\r\nMessages-Waiting: yes", b"\xff\xff"] {
            assert_eq!(MessageSummary::parse(body), None);
        }
        assert!(MessageSummary::parse(b"messages-waiting: no").is_some_and(|s| !s.messages_waiting));
    }
}
