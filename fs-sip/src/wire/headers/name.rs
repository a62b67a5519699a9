//! Header names: registered spelling, compact forms, and which are lists.

use std::borrow::Cow;

/// How a value may be divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One value a line; a comma has no meaning for the message.
    Single,
    /// Comma-separated values, same as several lines.
    List,
}
use Form::{List, Single};

macro_rules! names {
    ($($(#[$doc:meta])* $id:ident = $name:literal, $compact:literal, $form:ident;)*) => {
        $($(#[$doc])* pub const $id: &str = $name;)*
        const TABLE: &[(&str, &str, Form)] = &[$(($name, $compact, $form)),*];
    };
}

names! {
    /// RFC 3261
    VIA = "Via", "v", List;
    /// RFC 3261
    FROM = "From", "f", Single;
    /// RFC 3261
    TO = "To", "t", Single;
    /// RFC 3261
    CALL_ID = "Call-ID", "i", Single;
    /// RFC 3261
    CSEQ = "CSeq", "", Single;
    /// RFC 3261
    MAX_FORWARDS = "Max-Forwards", "", Single;
    /// RFC 3261
    CONTACT = "Contact", "m", List;
    /// RFC 3261
    ROUTE = "Route", "", List;
    /// RFC 3261
    RECORD_ROUTE = "Record-Route", "", List;
    /// RFC 3261
    CONTENT_TYPE = "Content-Type", "c", Single;
    /// RFC 3261
    CONTENT_LENGTH = "Content-Length", "l", Single;
    /// RFC 3261
    CONTENT_ENCODING = "Content-Encoding", "e", List;
    /// RFC 3261
    CONTENT_DISPOSITION = "Content-Disposition", "", Single;
    /// RFC 3261
    CONTENT_LANGUAGE = "Content-Language", "", List;
    /// RFC 3261
    ACCEPT = "Accept", "", List;
    /// RFC 3261
    ACCEPT_ENCODING = "Accept-Encoding", "", List;
    /// RFC 3261
    ACCEPT_LANGUAGE = "Accept-Language", "", List;
    /// RFC 3261
    ALLOW = "Allow", "", List;
    /// RFC 3261
    SUPPORTED = "Supported", "k", List;
    /// RFC 3261
    UNSUPPORTED = "Unsupported", "", List;
    /// RFC 3261
    REQUIRE = "Require", "", List;
    /// RFC 3261
    PROXY_REQUIRE = "Proxy-Require", "", List;
    /// RFC 3261
    USER_AGENT = "User-Agent", "", Single;
    /// RFC 3261
    SERVER = "Server", "", Single;
    /// RFC 3261
    SUBJECT = "Subject", "s", Single;
    /// RFC 3261
    DATE = "Date", "", Single;
    /// RFC 3261
    EXPIRES = "Expires", "", Single;
    /// RFC 3261
    MIN_EXPIRES = "Min-Expires", "", Single;
    /// RFC 3261
    MIME_VERSION = "MIME-Version", "", Single;
    /// RFC 3261
    ORGANIZATION = "Organization", "", Single;
    /// RFC 3261
    PRIORITY = "Priority", "", Single;
    /// RFC 3261
    REPLY_TO = "Reply-To", "", Single;
    /// RFC 3261
    RETRY_AFTER = "Retry-After", "", Single;
    /// RFC 3261
    TIMESTAMP = "Timestamp", "", Single;
    /// RFC 3261
    WARNING = "Warning", "", List;
    /// RFC 3261
    ALERT_INFO = "Alert-Info", "", List;
    /// RFC 3261
    CALL_INFO = "Call-Info", "", List;
    /// RFC 3261
    ERROR_INFO = "Error-Info", "", List;
    /// RFC 3261
    IN_REPLY_TO = "In-Reply-To", "", List;
    /// RFC 3261
    AUTHORIZATION = "Authorization", "", Single;
    /// RFC 3261
    PROXY_AUTHORIZATION = "Proxy-Authorization", "", Single;
    /// RFC 3261
    WWW_AUTHENTICATE = "WWW-Authenticate", "", Single;
    /// RFC 3261
    PROXY_AUTHENTICATE = "Proxy-Authenticate", "", Single;
    /// RFC 3261
    AUTHENTICATION_INFO = "Authentication-Info", "", Single;
    /// RFC 3262
    RSEQ = "RSeq", "", Single;
    /// RFC 3262
    RACK = "RAck", "", Single;
    /// RFC 3326
    REASON = "Reason", "", List;
    /// RFC 3327
    PATH = "Path", "", List;
    /// RFC 5626
    FLOW_TIMER = "Flow-Timer", "", Single;
    /// RFC 3608
    SERVICE_ROUTE = "Service-Route", "", List;
    /// RFC 3515
    REFER_TO = "Refer-To", "r", Single;
    /// RFC 4488
    REFER_SUB = "Refer-Sub", "", Single;
    /// RFC 3892
    REFERRED_BY = "Referred-By", "b", Single;
    /// RFC 3891
    REPLACES = "Replaces", "", Single;
    /// RFC 3903
    SIP_ETAG = "SIP-ETag", "", Single;
    /// RFC 3903
    SIP_IF_MATCH = "SIP-If-Match", "", Single;
    /// RFC 4028
    SESSION_EXPIRES = "Session-Expires", "x", Single;
    /// RFC 4028
    MIN_SE = "Min-SE", "", Single;
    /// RFC 6665
    EVENT = "Event", "o", Single;
    /// RFC 6665
    ALLOW_EVENTS = "Allow-Events", "u", List;
    /// RFC 6665
    SUBSCRIPTION_STATE = "Subscription-State", "", Single;
    /// RFC 3841
    ACCEPT_CONTACT = "Accept-Contact", "a", List;
    /// RFC 3841
    REJECT_CONTACT = "Reject-Contact", "j", List;
    /// RFC 3841
    REQUEST_DISPOSITION = "Request-Disposition", "d", List;
    /// RFC 8224
    IDENTITY = "Identity", "y", Single;
    /// RFC 3323
    PRIVACY = "Privacy", "", Single;
    /// RFC 3325
    P_ASSERTED_IDENTITY = "P-Asserted-Identity", "", List;
    /// RFC 3325
    P_PREFERRED_IDENTITY = "P-Preferred-Identity", "", List;
    /// RFC 7044
    HISTORY_INFO = "History-Info", "", List;
    /// RFC 5806
    DIVERSION = "Diversion", "", List;
    /// RFC 6086
    RECV_INFO = "Recv-Info", "", List;
    /// RFC 6086
    INFO_PACKAGE = "Info-Package", "", Single;
}

type Entry = (&'static str, &'static str, Form);

/// Places of the index; more than three times as many as names.
const PLACES: usize = 256;

/// Where a name stands in [`INDEX`], or in one of the places behind that.
const fn place(name: &[u8]) -> usize {
    let first = name[0].to_ascii_lowercase() as usize;
    let last = name[name.len() - 1].to_ascii_lowercase() as usize;
    let middle = name[name.len() / 2].to_ascii_lowercase() as usize;
    (first * 7 + middle * 31 + last * 3 + name.len() * 13) % PLACES
}

/// The number of each long name in [`TABLE`], and 1 more, at its place.
static INDEX: [u8; PLACES] = {
    let mut index = [0; PLACES];
    let mut n = 0;
    while n < TABLE.len() {
        let mut at = place(TABLE[n].0.as_bytes());
        while index[at] != 0 {
            at = (at + 1) % PLACES;
        }
        n += 1;
        index[at] = n as u8;
    }
    index
};

fn entry(name: &str) -> Option<&'static Entry> {
    if name.len() <= 1 {
        return TABLE.iter().find(|(_, compact, _)| !name.is_empty() && compact.eq_ignore_ascii_case(name));
    }
    let mut at = place(name.as_bytes());
    while let Some(n) = usize::from(INDEX[at]).checked_sub(1) {
        if TABLE[n].0.eq_ignore_ascii_case(name) {
            return Some(&TABLE[n]);
        }
        at = (at + 1) % PLACES;
    }
    None
}

/// Long name in its registered spelling; unknown names stay as they are.
pub(crate) fn canonical(name: &str) -> Cow<'static, str> {
    match entry(name) {
        Some((long, _, _)) => Cow::Borrowed(long),
        None => Cow::Owned(name.to_owned()),
    }
}

/// [`canonical`], and whether several values may stand in one line, divided by
/// commas.
pub(crate) fn canonical_form(name: &str) -> (Cow<'static, str>, bool) {
    match entry(name) {
        Some((long, _, form)) => (Cow::Borrowed(long), *form == List),
        None => (Cow::Owned(name.to_owned()), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case() {
        for (long, compact, form) in TABLE {
            for name in [long.to_ascii_lowercase(), long.to_ascii_uppercase(), (*compact).to_owned()] {
                if !name.is_empty() {
                    assert_eq!(canonical_form(&name), (Cow::Borrowed(*long), *form == List), "{name}");
                }
            }
        }
        for name in ["", "Q", "Vias", "X-Via"] {
            assert_eq!(canonical_form(name), (Cow::Owned(name.to_owned()), false), "{name}");
        }
    }
}
