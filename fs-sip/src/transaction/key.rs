//! Which transaction does a message belong to (RFC 3261 sections 17.1.3 and
//! 17.2.3)?

use crate::error::ParseError;
use crate::wire::headers::name;
use crate::wire::{Method, Request, Response, glance, is_branch, missing};

/// Names a client transaction: the branch we made and the method, since a
/// CANCEL shares the branch of its INVITE.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientKey {
    branch: String,
    method: Method,
}

impl ClientKey {
    /// The key of a request we send, or of one the response answers.
    ///
    /// # Errors
    /// When Via or CSeq are broken.
    pub fn of_request(request: &Request) -> Result<Self, ParseError> {
        let via = request.headers.get(name::VIA).ok_or_else(|| missing(name::VIA))?;
        Ok(Self::of_value(via, request.method.clone()))
    }

    /// The key of a request with this value of Via, read before.
    #[must_use]
    pub fn of_value(via: &[u8], method: Method) -> Self {
        let branch = glance(via, "branch").filter(|branch| is_branch(branch));
        Self { branch: branch.unwrap_or_default().to_ascii_lowercase(), method }
    }

    /// The key of the request that a response answers.
    ///
    /// # Errors
    /// When Via or CSeq are broken.
    pub fn of_response(response: &Response) -> Result<Self, ParseError> {
        let via = response.headers.get(name::VIA).ok_or_else(|| missing(name::VIA))?;
        Ok(Self::of_value(via, response.cseq()?.method))
    }
}

/// Names a server transaction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ServerKey {
    /// By the branch of RFC 3261 and the host that made it.
    Branch {
        /// Branch in lower case.
        branch: String,
        /// Host and port of the topmost Via, in lower case.
        sent_by: String,
        /// The method; INVITE for an ACK.
        method: Method,
    },
    /// As RFC 2543 did it.
    Old {
        /// Request-URI.
        uri: String,
        /// From tag, empty where none is given.
        from_tag: String,
        /// Call-ID.
        call_id: String,
        /// CSeq number.
        cseq: u32,
        /// Topmost Via as it came.
        via: String,
        /// The method; INVITE for an ACK.
        method: Method,
    },
}

impl ServerKey {
    /// The key of a request; `method` is its own, INVITE for an ACK and, to
    /// find what it cancels, INVITE for a CANCEL.
    ///
    /// # Errors
    /// When a header that identifies the transaction is broken.
    pub fn of_request(request: &Request, method: Method) -> Result<Self, ParseError> {
        let via = request.top_via()?;
        if let Some(branch) = via.branch() {
            let mut sent_by = format!("{}:{}", via.host, via.port.unwrap_or(5060));
            sent_by.make_ascii_lowercase();
            return Ok(Self::Branch { branch: branch.to_ascii_lowercase(), sent_by, method });
        }
        Ok(Self::Old {
            uri: request.uri.to_string(),
            from_tag: request.from_tag().unwrap_or_default().to_owned(),
            call_id: request.call_id()?,
            cseq: request.cseq()?.number,
            via: via.to_string(),
            method,
        })
    }
}

/// Two requests with the same key but different transactions have come by
/// two ways: the second is answered 482 (RFC 3261 section 8.2.2.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MergeKey {
    from_tag: String,
    call_id: String,
    cseq: u32,
    method: Method,
}

impl MergeKey {
    /// The key of a request outside a dialog; none for one inside, or from a
    /// peer that gives no From tag.
    #[must_use]
    pub fn of_request(request: &Request) -> Option<Self> {
        if request.to_tag().is_some() {
            return None;
        }
        Some(Self {
            from_tag: request.from_tag()?.to_owned(),
            call_id: request.call_id().ok()?,
            cseq: request.cseq().ok()?.number,
            method: request.method.clone(),
        })
    }
}
