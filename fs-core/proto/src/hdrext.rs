//! RTP header extensions (`FsRtpHeaderExtension`, RFC 8285).

use crate::media::StreamDirection;

/// One `a=extmap` entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RtpHeaderExtension {
    /// 1 to 255 on the wire; 256 and above let the session choose, and entries that share such an id are
    /// alternatives for one slot.
    pub id: u32,
    /// Which ways it is used.
    pub direction: StreamDirection,
    /// What it means.
    pub uri: String,
}
