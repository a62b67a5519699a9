//! Why a session can't go on, for the peer and for the application.

use super::offer_answer::OfferAnswerError;
use crate::event::Originator;
use crate::media::MediaError;
use crate::sdp::SdpError;

/// Why the session can't go on, for the peer and for the application.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) originator: Originator,
    pub(crate) status: u16,
    pub(crate) warning: Option<u16>,
    pub(crate) text: String,
}

impl From<MediaError> for Problem {
    fn from(error: MediaError) -> Self {
        let warning = (error.status_code() == 488).then_some(305);
        Self { originator: Originator::Local, status: error.status_code(), warning, text: error.text }
    }
}

impl From<OfferAnswerError> for Problem {
    fn from(error: OfferAnswerError) -> Self {
        Self {
            originator: Originator::Remote,
            status: error.status_code(),
            warning: error.warning_code(),
            text: error.to_string(),
        }
    }
}

impl From<SdpError> for Problem {
    fn from(error: SdpError) -> Self {
        OfferAnswerError::from(error).into()
    }
}

impl Problem {
    pub(crate) fn missing_sdp(place: &str) -> Self {
        let text = format!("no session description came in the {place}");
        Self { originator: Originator::Remote, status: 400, warning: None, text }
    }

    /// The Warning header (RFC 3261 section 20.43) that tells the peer.
    pub(crate) fn warning_header(&self) -> Vec<(String, String)> {
        warning(self.warning, &self.text)
    }

    /// The Reason header (RFC 3326) that tells the peer.
    pub(crate) fn reason_header(&self) -> Vec<(String, String)> {
        vec![("Reason".to_owned(), format!("SIP;cause={};text={}", self.status, quoted(&self.text)))]
    }
}

/// A Warning header with our product as the agent.
pub(crate) fn warning(code: Option<u16>, text: &str) -> Vec<(String, String)> {
    code.map(|code| ("Warning".to_owned(), format!("{code} fs-sip {}", quoted(text)))).into_iter().collect()
}

/// A quoted string of bounded length, without anything that would end it or the line.
fn quoted(text: &str) -> String {
    let clean: String = text
        .chars()
        .filter(|c| !c.is_control())
        .map(|c| if c == '"' || c == '\\' { '\'' } else { c })
        .take(300)
        .collect();
    format!("\"{clean}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_can_not_break_headers() {
        assert_eq!(quoted("a\"b\\c\r\nX: y"), "\"a'b'cX: y\"");
        assert_eq!(warning(Some(305), "x"), [("Warning".to_owned(), "305 fs-sip \"x\"".to_owned())]);
        assert!(warning(None, "x").is_empty());
    }
}
