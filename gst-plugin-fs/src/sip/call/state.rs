//! The state of a call as the property `state` and the message `fssip-call-state` show it.

/// What the call is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, glib::Enum)]
#[enum_type(name = "FsSipCallState")]
#[repr(i32)]
pub enum CallState {
    /// Nothing has begun.
    #[default]
    #[enum_value(name = "Nothing has begun", nick = "null")]
    Null,
    /// Waiting for a call.
    #[enum_value(name = "Waiting for a call", nick = "waiting")]
    Waiting,
    /// Our INVITE is out.
    #[enum_value(name = "Calling the peer", nick = "calling")]
    Calling,
    /// The peer rings.
    #[enum_value(name = "The peer rings", nick = "ringing")]
    Ringing,
    /// Somebody calls and is not answered yet.
    #[enum_value(name = "Somebody calls", nick = "incoming")]
    Incoming,
    /// The call stands.
    #[enum_value(name = "The call stands", nick = "established")]
    Established,
    /// We hung up and wait for the answer.
    #[enum_value(name = "Hanging up", nick = "ending")]
    Ending,
    /// The call is over.
    #[enum_value(name = "The call is over", nick = "ended")]
    Ended,
    /// The call was refused or broke.
    #[enum_value(name = "The call failed", nick = "failed")]
    Failed,
}

impl CallState {
    /// Whether a call in this state may be hung up.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Calling | Self::Ringing | Self::Incoming | Self::Established)
    }
}
