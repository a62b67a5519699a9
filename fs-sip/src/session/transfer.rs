//! Call transfer (RFC 3515, RFC 5589): whom a peer is asked to call, and what a peer asks of us.

use crate::endpoint::{InviteId, ReferTarget};
use crate::error::ParseError;
use crate::session::SessionControl;
use crate::wire::headers::{Replaces, name};
use crate::wire::{NameAddr, TypedHeader, Uri, unescape};

/// What [`Session::transfer`](super::Session::transfer) asks of the peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    pub(crate) target: ReferTarget,
    pub(crate) watched: bool,
}

impl Transfer {
    /// The peer is to call this address (blind transfer).
    ///
    /// # Errors
    /// When the address is none.
    pub fn to(address: &str) -> Result<Self, ParseError> {
        let mut target = NameAddr::parse(address)?;
        target.params.remove("tag");
        Ok(Self { target: ReferTarget::Address(target), watched: true })
    }

    /// The peer is to talk to the peer of another standing call of ours, in our place (attended transfer).
    #[must_use]
    pub fn to_peer_of(other: &SessionControl) -> Self {
        Self { target: ReferTarget::Session(InviteId(other.id().0)), watched: true }
    }

    /// The peer is not to tell how it goes (`norefersub`, RFC 4488); a peer that does not know that refuses.
    #[must_use]
    pub fn unwatched(self) -> Self {
        Self { watched: false, ..self }
    }
}

/// What a peer has asked us to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Whom to call, without what the URI wants in the INVITE.
    pub(crate) target: NameAddr,
    /// What goes into the INVITE: Replaces and Referred-By.
    pub(crate) headers: Vec<(String, String)>,
}

/// What a Refer-To asks for; else the status that refuses it.
pub(crate) fn wanted(refer_to: &NameAddr, referred_by: Option<&NameAddr>) -> Result<Wanted, u16> {
    let uri = &refer_to.uri;
    if !uri.is_sip() && !uri.is_tel() {
        return Err(416);
    }
    // Other methods are for conference servers (RFC 4579).
    if uri.params().raw("method").is_some_and(|method| !method.eq_ignore_ascii_case("INVITE")) {
        return Err(603);
    }
    let mut headers = Vec::new();
    if let Some(replaces) = header_of(uri, name::REPLACES)? {
        headers.push((name::REPLACES.to_owned(), replaces.to_string()));
    }
    if let Some(by) = referred_by {
        headers.push((name::REFERRED_BY.to_owned(), by.to_string()));
    }
    Ok(Wanted { target: NameAddr::new(uri.to_request_uri()), headers })
}

/// The Replaces in the URI, read and written anew: nothing else of what a peer wants in our INVITE gets there.
fn header_of(uri: &Uri, wanted: &str) -> Result<Option<Replaces>, u16> {
    let Some(text) = uri.headers() else { return Ok(None) };
    let mut found = None;
    for (name, value) in text.split('&').filter_map(|pair| pair.split_once('=')) {
        if unescape(name).eq_ignore_ascii_case(wanted) {
            if found.is_some() {
                return Err(400);
            }
            found = Some(Replaces::parse_value(&unescape(value)).map_err(|_| 400u16)?);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(refer_to: &str) -> Result<Wanted, u16> {
        let by = NameAddr::parse("<sip:b@h>").expect("address");
        wanted(&NameAddr::parse(refer_to).expect("address"), Some(&by))
    }

    #[test]
    fn what_is_asked() {
        let plain = asked("\"Carol\" <sip:carol@h;transport=tcp;method=INVITE>").expect("wanted");
        assert_eq!(plain.target.uri.to_string(), "sip:carol@h;transport=tcp");
        assert_eq!(plain.headers, [("Referred-By".to_owned(), "<sip:b@h>".to_owned())]);
        let number = asked("<tel:+1-201-555-0123>").expect("wanted");
        assert!(number.target.uri.is_tel(), "the account or the proxy knows the way");
        let attended =
            asked("<sip:c@h?Replaces=1%40h%3Bto-tag%3Da%3Bfrom-tag%3Db&Subject=x>").expect("wanted");
        assert_eq!(attended.headers[0], ("Replaces".to_owned(), "1@h;to-tag=a;from-tag=b".to_owned()));
        assert_eq!(attended.headers.len(), 2, "the subject is not the peer's to choose");
    }

    #[test]
    fn what_is_refused() {
        for (refer_to, status) in [
            ("<mailto:c@h>", 416),
            ("<sip:c@h;method=BYE>", 603),
            ("<sip:c@h?Replaces=1%40h>", 400),
            ("<sip:c@h?Replaces=1%0D%0AX:%20y%3Bto-tag%3Da%3Bfrom-tag%3Db>", 400),
            ("<sip:c@h?Replaces=1%3Bto-tag%3Da%3Bfrom-tag%3Db&replaces=1%3Bto-tag%3Da%3Bfrom-tag%3Db>", 400),
        ] {
            assert_eq!(asked(refer_to), Err(status), "{refer_to}");
        }
    }
}
