//! What discovery found, without caps or factories: the pure half of a codec blueprint.

use crate::codec::Codec;

/// One codec this machine can handle. Results refer back to it by its index in the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalCapability {
    /// The codec; its payload type is a fixed one or [`Codec::ID_ANY`].
    pub codec: Codec,
    /// There is a way to encode and pay it. False for telephone-event, which other elements send.
    pub can_send: bool,
    /// There is a way to depay and decode it. False keeps it out of every offer and answer.
    pub can_recv: bool,
    /// What goes into its send half passes the allowed sink caps. A send profile overrides it.
    pub sink_caps_allowed: bool,
    /// What comes out of its receive half passes the allowed source caps. A receive profile overrides it.
    pub src_caps_allowed: bool,
}

impl LocalCapability {
    /// A codec that can be sent and received, with all caps allowed.
    pub fn new(codec: Codec) -> Self {
        Self { codec, can_send: true, can_recv: true, sink_caps_allowed: true, src_caps_allowed: true }
    }

    /// A codec that can be received only, with all caps allowed.
    pub fn receive_only(codec: Codec) -> Self {
        Self { can_send: false, ..Self::new(codec) }
    }
}
