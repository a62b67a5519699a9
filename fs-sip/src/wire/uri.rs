//! URIs: `sip:`, `sips:` (RFC 3261 section 19.1) in their parts; `tel:`,
//! `urn:` and all others with scheme and remainder.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::host::Host;
use super::params::{Params, escapes_are_whole, unescape};
use crate::error::ParseError;

/// Scheme of a URI.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// Any other, in lower case: `tel`, `urn`, `im` …
    Other(String),
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sip => "sip",
            Self::Sips => "sips",
            Self::Other(name) => name,
        })
    }
}

/// A URI. Escapes are kept as written, so printing gives back what was read.
///
/// ```
/// use fs_sip::wire::Uri;
/// let uri: Uri = "sip:bob%40x@[::1]:5070;lr".parse()?;
/// assert_eq!(uri.user().as_deref(), Some("bob@x"));
/// assert_eq!(uri.port(), Some(5070));
/// assert!(uri.params().contains("lr"));
/// assert_eq!(uri.to_string(), "sip:bob%40x@[::1]:5070;lr");
/// # Ok::<(), fs_sip::error::ParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Uri {
    scheme: Scheme,
    rest: Rest,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Rest {
    Sip { userinfo: Option<String>, host: Host, port: Option<u16>, params: Params, headers: Option<String> },
    Opaque(String),
}

impl Uri {
    /// A `sip:` URI; `user` is escaped as needed.
    #[must_use]
    pub fn sip(user: Option<&str>, host: impl Into<Host>, port: Option<u16>) -> Self {
        let userinfo = user.filter(|u| !u.is_empty()).map(escape_user);
        let rest = Rest::Sip { userinfo, host: host.into(), port, params: Params::new(), headers: None };
        Self { scheme: Scheme::Sip, rest }
    }

    /// Reads a URI.
    ///
    /// # Errors
    /// When it has no scheme or, for `sip:` and `sips:`, breaks the grammar.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let colon = text.find(':').ok_or_else(|| ParseError::new("URI without scheme", text, 0))?;
        let (scheme, rest) = (&text[..colon], &text[colon + 1..]);
        let scheme_byte = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
        if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.bytes().all(scheme_byte) {
            return Err(ParseError::new("URI scheme is broken", text, 0));
        }
        let scheme = match scheme {
            sip if sip.eq_ignore_ascii_case("sip") => Scheme::Sip,
            sips if sips.eq_ignore_ascii_case("sips") => Scheme::Sips,
            other => Scheme::Other(other.to_ascii_lowercase()),
        };
        let rest = match scheme {
            Scheme::Other(_) => parse_opaque(rest)?,
            _ => parse_sip(rest)?,
        };
        Ok(Self { scheme, rest })
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// Is it `sip:` or `sips:`?
    #[must_use]
    pub fn is_sip(&self) -> bool {
        matches!(self.scheme, Scheme::Sip | Scheme::Sips)
    }

    /// The user part without escapes; none for URIs that are not SIP's.
    #[must_use]
    pub fn user(&self) -> Option<Cow<'_, str>> {
        let Rest::Sip { userinfo: Some(info), .. } = &self.rest else { return None };
        Some(unescape(info.split(':').next().unwrap_or_default()))
    }

    /// The host; none for URIs that are not SIP's.
    #[must_use]
    pub fn host(&self) -> Option<&Host> {
        match &self.rest {
            Rest::Sip { host, .. } => Some(host),
            Rest::Opaque(_) => None,
        }
    }

    /// The port as written; none where the default holds.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        match &self.rest {
            Rest::Sip { port, .. } => *port,
            Rest::Opaque(_) => None,
        }
    }

    /// The URI parameters; empty for URIs that are not SIP's.
    #[must_use]
    pub fn params(&self) -> &Params {
        static NONE: Params = Params::empty();
        match &self.rest {
            Rest::Sip { params, .. } => params,
            Rest::Opaque(_) => &NONE,
        }
    }

    /// The parameters to change; none for URIs that are not SIP's.
    pub fn params_mut(&mut self) -> Option<&mut Params> {
        match &mut self.rest {
            Rest::Sip { params, .. } => Some(params),
            Rest::Opaque(_) => None,
        }
    }

    /// The text behind `?`, as written.
    #[must_use]
    pub fn headers(&self) -> Option<&str> {
        match &self.rest {
            Rest::Sip { headers, .. } => headers.as_deref(),
            Rest::Opaque(_) => None,
        }
    }

    /// The same URI without header part and `method` parameter, as a
    /// Request-URI must be (RFC 3261 section 19.1.5).
    #[must_use]
    pub fn to_request_uri(&self) -> Self {
        let mut uri = self.clone();
        if let Rest::Sip { params, headers, .. } = &mut uri.rest {
            params.remove("method");
            *headers = None;
        }
        uri
    }

    /// The number of a `tel:` URI at a domain, which knows the way to it (RFC 3261 section 19.1.6): without visual separators,
    /// `isub` and `postd` before the other parameters, which are in the order of their names, and `user=phone`. None for other
    /// URIs, and for a domain that is none.
    ///
    /// ```
    /// use fs_sip::wire::Uri;
    /// let (tel, domain) = (Uri::parse("tel:+1-201-555-0123;ext=9")?, Uri::parse("sip:alice@example.org")?);
    /// let uri = tel.telephone_at(&domain).map(|uri| uri.to_string());
    /// assert_eq!(uri.as_deref(), Some("sip:+12015550123;ext=9@example.org;user=phone"));
    /// # Ok::<(), fs_sip::error::ParseError>(())
    /// ```
    #[must_use]
    pub fn telephone_at(&self, domain: &Self) -> Option<Self> {
        let Rest::Opaque(text) = self.is_tel().then_some(&self.rest)? else { return None };
        let mut parts = text.split(';');
        let digits = parts.next().unwrap_or_default();
        let number: String = digits.chars().filter(|c| !matches!(c, '-' | '.' | '(' | ')')).collect();
        let mut params: Vec<String> = parts.map(str::to_ascii_lowercase).collect();
        let place = |param: &String| {
            let name = param.split('=').next().unwrap_or_default().to_owned();
            (!matches!(name.as_str(), "isub" | "postd"), name)
        };
        params.sort_by_key(place);
        let user = std::iter::once(number).chain(params).collect::<Vec<_>>().join(";");
        let mut uri = Self::sip(Some(&unescape(&user)), domain.host()?.clone(), domain.port());
        uri.scheme = domain.scheme.clone();
        uri.params_mut()?.set("user", Some("phone"));
        Some(uri)
    }

    /// Is it a telephone number (`tel:`, RFC 3966)?
    #[must_use]
    pub fn is_tel(&self) -> bool {
        matches!(&self.scheme, Scheme::Other(scheme) if scheme == "tel")
    }

    /// The same URI that asks for TLS all the way: `sips:`.
    #[must_use]
    pub fn to_sips(&self) -> Self {
        let scheme = if self.is_sip() { Scheme::Sips } else { self.scheme.clone() };
        Self { scheme, ..self.clone() }
    }

    /// Do both name the same address of record: user and host, whatever the
    /// scheme, port and parameters?
    #[must_use]
    pub fn same_user(&self, other: &Self) -> bool {
        let hosts = self.host().zip(other.host()).is_some_and(|(a, b)| a.matches(b));
        hosts && self.user() == other.user()
    }

    /// The same URI without user and header part: the domain of an address
    /// of record.
    #[must_use]
    pub fn to_domain(&self) -> Self {
        let mut uri = self.to_request_uri();
        if let Rest::Sip { userinfo, .. } = &mut uri.rest {
            *userinfo = None;
        }
        uri
    }

    /// Do both name the same resource (RFC 3261 section 19.1.4)?
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        let (
            Rest::Sip { userinfo: au, host: ah, port: ap, params: aq, headers: ax },
            Rest::Sip { userinfo: bu, host: bh, port: bp, params: bq, headers: bx },
        ) = (&self.rest, &other.rest)
        else {
            return self == other;
        };
        let user = |u: &Option<String>| u.as_deref().map(|u| unescape(u).into_owned());
        // Of a parameter that stands there twice, which is not legal, the first counts.
        let same_param = |name: &str, p: &Params, q: &Params| {
            let must =
                ["user", "ttl", "method", "maddr", "transport"].iter().any(|m| name.eq_ignore_ascii_case(m));
            match (p.raw(name), q.raw(name)) {
                (Some(a), Some(b)) => unescape(a).eq_ignore_ascii_case(&unescape(b)),
                _ => !must,
            }
        };
        self.scheme == other.scheme
            && user(au) == user(bu)
            && ah.matches(bh)
            && ap == bp
            && aq.iter().all(|(n, _)| same_param(n, aq, bq))
            && bq.iter().all(|(n, _)| same_param(n, bq, aq))
            && ax == bx
    }
}

impl FromStr for Uri {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.scheme.fmt(f)?;
        f.write_str(":")?;
        match &self.rest {
            Rest::Opaque(text) => f.write_str(text),
            Rest::Sip { userinfo, host, port, params, headers } => {
                if let Some(info) = userinfo {
                    f.write_str(info)?;
                    f.write_str("@")?;
                }
                host.fmt(f)?;
                if let Some(port) = port {
                    write!(f, ":{port}")?;
                }
                params.fmt(f)?;
                match headers {
                    Some(headers) => write!(f, "?{headers}"),
                    None => Ok(()),
                }
            }
        }
    }
}

fn parse_opaque(rest: &str) -> Result<Rest, ParseError> {
    let bad = |b: u8| b <= b' ' || matches!(b, 0x7f | b'<' | b'>' | b'"');
    if rest.is_empty() || rest.bytes().any(bad) {
        return Err(ParseError::new("URI is empty or holds a forbidden character", rest, 0));
    }
    Ok(Rest::Opaque(rest.to_owned()))
}

fn parse_sip(text: &str) -> Result<Rest, ParseError> {
    let (userinfo, rest) = match text.rfind('@') {
        Some(at) => (Some(&text[..at]), &text[at + 1..]),
        None => (None, text),
    };
    if let Some(info) = userinfo
        && (info.is_empty() || info.starts_with(':') || !is_userinfo(info))
    {
        return Err(ParseError::new("user part of the URI is broken", info, 0));
    }
    let (rest, headers) = match rest.split_once('?') {
        Some((rest, headers)) => (rest, Some(headers)),
        None => (rest, None),
    };
    if headers.is_some_and(|h| !is_headers(h)) {
        return Err(ParseError::new("header part of the URI is broken", text, 0));
    }
    let hostport_end = rest.find(';').unwrap_or(rest.len());
    let (host, port) = Host::parse_with_port(&rest[..hostport_end])?;
    let params = Params::parse_uri(&rest[hostport_end..])?;
    let owned = |t: Option<&str>| t.map(str::to_owned);
    Ok(Rest::Sip { userinfo: owned(userinfo), host, port, params, headers: owned(headers) })
}

fn is_unreserved(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')')
}

/// `user[:password]`; `#` is no legal character but widely used in dialled
/// numbers, so it is let through.
fn is_userinfo(text: &str) -> bool {
    let extra =
        |b: u8| matches!(b, b'&' | b'=' | b'+' | b'$' | b',' | b';' | b'?' | b'/' | b':' | b'%' | b'#');
    escapes_are_whole(text) && text.bytes().all(|b| is_unreserved(b) || extra(b))
}

fn is_headers(text: &str) -> bool {
    let extra = |b: u8| matches!(b, b'[' | b']' | b'/' | b'?' | b':' | b'+' | b'$' | b'=' | b'&' | b'%');
    !text.is_empty() && escapes_are_whole(text) && text.bytes().all(|b| is_unreserved(b) || extra(b))
}

fn escape_user(user: &str) -> String {
    let mut out = String::with_capacity(user.len());
    for b in user.bytes() {
        if is_unreserved(b) || matches!(b, b'&' | b'=' | b'+' | b'$' | b',' | b';' | b'?' | b'/') {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}
