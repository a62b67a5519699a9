//! What is registered where.

use crate::wire::{NameAddr, Uri};

/// What to register where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationSettings {
    /// The address of record: From and To.
    pub identity: NameAddr,
    /// The registrar's URI; none = the host of the identity.
    pub registrar: Option<Uri>,
    /// The proxy to send through (an `lr` is added); none = straight to the
    /// registrar.
    pub outbound_proxy: Option<Uri>,
    /// How long a registration shall last, in seconds.
    pub expires: u32,
    /// Our instance, such as `urn:uuid:…` (RFC 5626 section 4.1).
    pub instance: Option<String>,
    /// Which of our flows this is (RFC 5626 section 4.2), 1 or more; several
    /// registrations of one instance through different proxies have different
    /// numbers. It needs `instance`; none = no outbound.
    pub reg_id: Option<u32>,
    /// The user part of our Contact; none = that of the endpoint.
    pub contact_user: Option<String>,
    /// Tell each request and answer ([`super::RegistrationEvent::Asking`],
    /// [`super::RegistrationEvent::Answered`])?
    pub tell_all: bool,
    /// Further contacts beside our own.
    pub contacts: Vec<NameAddr>,
}

impl RegistrationSettings {
    /// One hour, at the host of the identity.
    #[must_use]
    pub fn new(identity: NameAddr) -> Self {
        Self {
            identity,
            registrar: None,
            outbound_proxy: None,
            expires: 3600,
            instance: None,
            reg_id: None,
            contact_user: None,
            tell_all: false,
            contacts: Vec::new(),
        }
    }
}
