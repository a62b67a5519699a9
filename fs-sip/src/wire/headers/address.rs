//! From, To, Route, Record-Route, Path, Refer-To, Referred-By and identities: headers that are one [`NameAddr`].

use std::fmt;

use super::{TypedHeader, name};
use crate::error::ParseError;
use crate::wire::NameAddr;

macro_rules! address_header {
    ($(#[$doc:meta])* $type:ident, $name:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $type(pub NameAddr);

        impl TypedHeader for $type {
            const NAME: &'static str = $name;

            fn parse_value(text: &str) -> Result<Self, ParseError> {
                NameAddr::parse(text).map(Self)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

address_header!(
    /// Who sends the request (RFC 3261 section 20.20).
    From,
    name::FROM
);
address_header!(
    /// Whom it is for (RFC 3261 section 20.39).
    To,
    name::TO
);
address_header!(
    /// A proxy the request must visit (RFC 3261 section 20.34).
    Route,
    name::ROUTE
);
address_header!(
    /// A proxy that wants to stay in the path (RFC 3261 section 20.30).
    RecordRoute,
    name::RECORD_ROUTE
);
address_header!(
    /// Whom to call instead (RFC 3515 section 2.1).
    ReferTo,
    name::REFER_TO
);
address_header!(
    /// Who asked for the call (RFC 3892 section 3).
    ReferredBy,
    name::REFERRED_BY
);
address_header!(
    /// Who the caller is, as a network that can be trusted says (RFC 3325 section 9.1).
    AssertedIdentity,
    name::P_ASSERTED_IDENTITY
);
address_header!(
    /// Who we want to be known as to such a network (RFC 3325 section 9.2).
    PreferredIdentity,
    name::P_PREFERRED_IDENTITY
);
address_header!(
    /// A proxy on the way from the registrar to us (RFC 3327).
    Path,
    name::PATH
);
