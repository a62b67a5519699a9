//! What is known of a call from its first message.

use fs_proto::MediaType;

use crate::media::SessionId;
use crate::wire::headers::{AssertedIdentity, Privacy, ReferredBy, name};
use crate::wire::{NameAddr, TypedHeader, Uri};

/// What is known of a call from its first message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallInfo {
    /// Who called: we or the peer.
    pub outgoing: bool,
    /// The other side: From of an incoming call, To of ours.
    pub remote: NameAddr,
    /// Us: To of an incoming call, From of ours.
    pub local: NameAddr,
    /// The Request-URI.
    pub request_uri: Uri,
    /// The account that the call is for or from (`Session.account`); none where no account is concerned.
    pub account: Option<String>,
    /// What the peer offers; empty where it wants an offer from us, and for our calls.
    pub offered: Vec<MediaType>,
    /// The call of ours whose place this one takes when it is accepted (`Session.replaced_session`, RFC 3891).
    pub replaces: Option<SessionId>,
    /// The headers of the INVITE of an incoming call, long names; what we add to ours.
    pub headers: Vec<(String, String)>,
}

impl CallInfo {
    /// The first value of a header; its name in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// What the call is about (`Session.subject`).
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.header(name::SUBJECT)
    }

    /// Who the caller is, as its network says (RFC 3325). Worth only as much as whoever handed us the call: a proxy that
    /// can be trusted removes what callers write there themselves.
    #[must_use]
    pub fn asserted_identity(&self) -> Vec<NameAddr> {
        let all = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name::P_ASSERTED_IDENTITY));
        all.filter_map(|(_, value)| AssertedIdentity::parse_value(value).ok()).map(|id| id.0).collect()
    }

    /// What the caller does not want to be told on (RFC 3323).
    #[must_use]
    pub fn privacy(&self) -> Option<Privacy> {
        Privacy::parse_value(self.header(name::PRIVACY)?).ok()
    }

    /// Who asked the caller to call (`transfer_info.referred_by`).
    #[must_use]
    pub fn referred_by(&self) -> Option<NameAddr> {
        ReferredBy::parse_value(self.header(name::REFERRED_BY)?).ok().map(|by| by.0)
    }
}
