//! SDP (RFC 8866) ⇄ the vocabulary of `fs-proto`, and the building of offers and answers (RFC 3264).
//!
//! `sdp-types` is the only parser and the only model; this module gives its values a meaning. Everything here is
//! pure. A fault is sorted by whose it is: [`SdpError::status_code`] is the one table that turns it into a SIP
//! status.

pub mod candidates;
pub mod codecs;
pub mod description;
pub mod extensions;
pub mod ice;
pub mod media;
pub mod security;

use std::fmt;

pub use description::{LocalDescription, find, refuse};
pub use media::{LocalMedia, RemoteMedia};
pub use security::SrtpPolicy;

/// The media type of a session description in a SIP body.
pub const CONTENT_TYPE: &str = "application/sdp";

/// What is wrong with a session description.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SdpError {
    /// It breaks the grammar (the peer's fault).
    Malformed {
        /// Which line or rule, and what stood there.
        what: String,
    },
    /// It is well-formed, but nothing in it can be used.
    Unacceptable {
        /// What was offered and what we had.
        what: String,
        /// The warn-code of RFC 3261 section 20.43 that fits.
        warning: u16,
    },
    /// The body is something else than SDP.
    UnsupportedType {
        /// The Content-Type that came.
        content_type: String,
    },
}

impl SdpError {
    /// A fault in the grammar.
    pub(crate) fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed { what: what.into() }
    }

    /// A description that can't be used, with the warn-code of RFC 3261 section 20.43.
    pub(crate) fn unacceptable(warning: u16, what: impl Into<String>) -> Self {
        Self::Unacceptable { what: what.into(), warning }
    }

    /// The SIP status that answers a request with this fault.
    #[must_use]
    pub fn status_code(&self) -> u16 {
        match self {
            Self::Malformed { .. } => 400,
            Self::Unacceptable { .. } => 488,
            Self::UnsupportedType { .. } => 415,
        }
    }

    /// The warn-code for a Warning header, where one fits (RFC 3261 section 20.43).
    #[must_use]
    pub fn warning_code(&self) -> Option<u16> {
        match self {
            Self::Malformed { .. } => Some(399),
            Self::Unacceptable { warning, .. } => Some(*warning),
            Self::UnsupportedType { .. } => None,
        }
    }
}

impl fmt::Display for SdpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { what } => write!(f, "malformed SDP: {what}"),
            Self::Unacceptable { what, .. } => f.write_str(what),
            Self::UnsupportedType { content_type } => {
                write!(f, "the body is {content_type}, expected {CONTENT_TYPE}")
            }
        }
    }
}

impl std::error::Error for SdpError {}

/// Reads a session description from the bytes of a SIP body.
///
/// # Errors
/// [`SdpError::Malformed`] with the line and the field that broke the grammar.
pub fn parse(body: &[u8]) -> Result<sdp_types::Session, SdpError> {
    sdp_types::Session::parse(body).map_err(|error| SdpError::malformed(error.to_string()))
}

/// Reads the body of a SIP message, checking its Content-Type first (parameters and case are ignored).
///
/// # Errors
/// [`SdpError::UnsupportedType`] for another type, else those of [`parse`].
pub fn parse_body(content_type: &str, body: &[u8]) -> Result<sdp_types::Session, SdpError> {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case(CONTENT_TYPE) {
        return Err(SdpError::UnsupportedType { content_type: kind.chars().take(64).collect() });
    }
    parse(body)
}

/// The bytes of a session description.
#[must_use]
pub fn to_bytes(session: &sdp_types::Session) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1024);
    // Writing into memory has no way to fail.
    let _ = session.write(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_follows_the_fault() {
        assert_eq!(parse(b"hello world").unwrap_err().status_code(), 400);
        assert_eq!(parse_body("text/plain; x=y", b"").unwrap_err().status_code(), 415);
        assert_eq!(SdpError::unacceptable(305, "x").status_code(), 488);
    }

    #[test]
    fn content_type_ignores_case_and_parameters() {
        let body = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
        assert!(parse_body("Application/SDP;charset=utf-8", body).is_ok());
    }

    #[test]
    fn junk_never_panics() {
        for junk in
            [&b""[..], b"\0", b"v=0", b"v=0\r\nm=audio", b"v=0\r\no=\r\ns=\r\nm=audio 99999 RTP/AVP 0\r\n"]
        {
            assert!(
                parse(junk).is_err()
                    || parse(junk).is_ok_and(|s| find(
                        &s,
                        fs_proto::MediaType::Audio,
                        None,
                        SrtpPolicy::Disabled
                    )
                    .is_err())
            );
        }
    }
}
