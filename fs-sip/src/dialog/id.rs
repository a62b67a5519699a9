//! The name of a dialog.

use crate::error::ParseError;
use crate::wire::Request;

/// Call-ID and the two tags (RFC 3261 section 12). A peer of RFC 2543 may give
/// no tag: it is empty then.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DialogId {
    /// Call-ID.
    pub call_id: String,
    /// Our tag.
    pub local_tag: String,
    /// The peer's tag.
    pub remote_tag: String,
}

impl DialogId {
    /// The dialog that a request of the peer belongs to; none where To has no
    /// tag.
    ///
    /// # Errors
    /// When one of the headers is broken.
    pub fn of_request(request: &Request) -> Result<Option<Self>, ParseError> {
        let Some(local_tag) = request.to_tag() else { return Ok(None) };
        Ok(Some(Self {
            call_id: request.call_id()?,
            local_tag: local_tag.to_owned(),
            remote_tag: request.from_tag().unwrap_or_default().to_owned(),
        }))
    }
}
