//! Media types and stream directions (`FsMediaType`, `FsStreamDirection`).

use std::fmt;

/// Kind of media carried by a session (`FsMediaType`; the `m=` line's media in RFC 8866 section 5.14).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MediaType {
    /// Sound.
    #[default]
    Audio,
    /// Moving pictures.
    Video,
    /// Any other data carried over RTP.
    Application,
}

impl MediaType {
    /// The lower-case name used in SDP and in `application/x-rtp` caps (`fs_media_type_to_string`).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Application => "application",
        }
    }

    /// Reads a media name, ignoring case; `None` for any other text.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Audio, Self::Video, Self::Application]
            .into_iter()
            .find(|m| m.as_str().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which ways media flows, seen from our side (`FsStreamDirection`; RFC 3264 section 6.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct StreamDirection {
    /// We send.
    pub send: bool,
    /// We receive.
    pub recv: bool,
}

impl StreamDirection {
    /// Neither way (`a=inactive`).
    pub const NONE: Self = Self { send: false, recv: false };
    /// We send only (`a=sendonly`).
    pub const SEND: Self = Self { send: true, recv: false };
    /// We receive only (`a=recvonly`).
    pub const RECV: Self = Self { send: false, recv: true };
    /// Both ways (`a=sendrecv`).
    pub const BOTH: Self = Self { send: true, recv: true };

    /// The same flow seen from the other side.
    pub fn reversed(self) -> Self {
        Self { send: self.recv, recv: self.send }
    }

    /// What both allow.
    pub fn intersect(self, other: Self) -> Self {
        Self { send: self.send && other.send, recv: self.recv && other.recv }
    }

    /// The bits of `FsStreamDirection`: 1 = send, 2 = recv.
    pub fn bits(self) -> u32 {
        u32::from(self.send) | u32::from(self.recv) << 1
    }

    /// Reads the bits of `FsStreamDirection`; other bits are ignored.
    pub fn from_bits(bits: u32) -> Self {
        Self { send: bits & 1 != 0, recv: bits & 2 != 0 }
    }

    /// The SDP attribute name (RFC 8866 section 6.7).
    pub fn sdp_name(self) -> &'static str {
        match (self.send, self.recv) {
            (true, true) => "sendrecv",
            (true, false) => "sendonly",
            (false, true) => "recvonly",
            (false, false) => "inactive",
        }
    }
}
