//! The order of the peer's requests (RFC 3261 section 12.2.2).

use std::fmt;

/// The highest CSeq number seen from the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteSequence(Option<u32>);

/// A request came behind one with the same or a higher number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfOrder {
    /// The number it had.
    pub got: u32,
    /// The highest seen before.
    pub seen: u32,
}

impl fmt::Display for OutOfOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CSeq {} after {}", self.got, self.seen)
    }
}

impl std::error::Error for OutOfOrder {}

impl RemoteSequence {
    /// No request came yet.
    #[must_use]
    pub fn unknown() -> Self {
        Self(None)
    }

    /// The request that made the dialog had this number.
    #[must_use]
    pub fn starting_with(number: u32) -> Self {
        Self(Some(number))
    }

    /// Accepts a number above all before; gaps are fine.
    ///
    /// # Errors
    /// When it is not above.
    pub fn check(&mut self, got: u32) -> Result<(), OutOfOrder> {
        match self.0 {
            Some(seen) if got <= seen => Err(OutOfOrder { got, seen }),
            _ => {
                self.0 = Some(got);
                Ok(())
            }
        }
    }
}
