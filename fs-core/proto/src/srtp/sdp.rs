//! `a=crypto` lines (RFC 4568): keys sent along in SDP.
//!
//! Suites: RFC 4568 section 6.2, RFC 6188 section 4 (256 bits), RFC 7714 section 14.2 (GCM).

use std::fmt;

use super::{Auth, Cipher, MasterKey, Policy, SrtpParameters};

/// A crypto suite that has a name in SDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CryptoSuite {
    /// `AES_CM_128_HMAC_SHA1_80`.
    AesCm128Sha1Tag80,
    /// `AES_CM_128_HMAC_SHA1_32`.
    AesCm128Sha1Tag32,
    /// `AES_256_CM_HMAC_SHA1_80`.
    AesCm256Sha1Tag80,
    /// `AES_256_CM_HMAC_SHA1_32`.
    AesCm256Sha1Tag32,
    /// `AEAD_AES_128_GCM`.
    AesGcm128,
    /// `AEAD_AES_256_GCM`.
    AesGcm256,
}

impl CryptoSuite {
    /// All of them, what is to be offered first coming first.
    pub const ALL: [Self; 6] = [
        Self::AesGcm256,
        Self::AesGcm128,
        Self::AesCm256Sha1Tag80,
        Self::AesCm128Sha1Tag80,
        Self::AesCm256Sha1Tag32,
        Self::AesCm128Sha1Tag32,
    ];

    /// Its name in SDP.
    pub fn name(self) -> &'static str {
        match self {
            Self::AesCm128Sha1Tag80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128Sha1Tag32 => "AES_CM_128_HMAC_SHA1_32",
            Self::AesCm256Sha1Tag80 => "AES_256_CM_HMAC_SHA1_80",
            Self::AesCm256Sha1Tag32 => "AES_256_CM_HMAC_SHA1_32",
            Self::AesGcm128 => "AEAD_AES_128_GCM",
            Self::AesGcm256 => "AEAD_AES_256_GCM",
        }
    }

    /// The suite of that name, which is case-sensitive; `None` for one we can't do.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name() == name)
    }

    /// What protects RTP.
    pub fn rtp(self) -> Policy {
        let (cipher, auth) = match self {
            Self::AesCm128Sha1Tag80 => (Cipher::AesCm128, Auth::HmacSha1Tag80),
            Self::AesCm128Sha1Tag32 => (Cipher::AesCm128, Auth::HmacSha1Tag32),
            Self::AesCm256Sha1Tag80 => (Cipher::AesCm256, Auth::HmacSha1Tag80),
            Self::AesCm256Sha1Tag32 => (Cipher::AesCm256, Auth::HmacSha1Tag32),
            Self::AesGcm128 => (Cipher::AesGcm128, Auth::Null),
            Self::AesGcm256 => (Cipher::AesGcm256, Auth::Null),
        };
        Policy { cipher, auth }
    }

    /// What protects RTCP: its tag is never shorter than 80 bits (RFC 4568 section 6.2.2).
    pub fn rtcp(self) -> Policy {
        match self.rtp() {
            Policy { cipher, auth: Auth::HmacSha1Tag32 } => Policy { cipher, auth: Auth::HmacSha1Tag80 },
            policy => policy,
        }
    }

    /// The suite of these parameters; `None` if they have no name in SDP.
    pub fn of(parameters: &SrtpParameters) -> Option<Self> {
        let fits = |suite: &Self| (suite.rtp(), suite.rtcp()) == (parameters.rtp, parameters.rtcp);
        Self::ALL.into_iter().find(fits)
    }
}

/// One `a=crypto` line of a suite we can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CryptoAttribute {
    /// Tells the lines of one description apart.
    pub tag: u32,
    /// What is proposed.
    pub suite: CryptoSuite,
    /// The keys; several carry identifiers.
    pub keys: Vec<MasterKey>,
}

/// Why an `a=crypto` line can't be used. The keys in it are not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CryptoLineError {
    /// The part in question, as RFC 4568 section 9.1 calls it.
    pub field: &'static str,
    /// What stood there; `None` where it is missing or secret.
    pub value: Option<String>,
}

impl fmt::Display for CryptoLineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "crypto: '{}' is no {} we can use", value.escape_debug(), self.field),
            None => write!(f, "crypto: the {} is missing or malformed", self.field),
        }
    }
}

impl std::error::Error for CryptoLineError {}

fn bad(field: &'static str, value: &str) -> CryptoLineError {
    CryptoLineError { field, value: Some(value.to_owned()) }
}

fn malformed(field: &'static str) -> CryptoLineError {
    CryptoLineError { field, value: None }
}

impl CryptoAttribute {
    /// Reads the value of an `a=crypto` line; `a=` and `crypto:` may stand before it. Lifetimes are checked and
    /// not kept. Of the session parameters, the window size hint is skipped; any other would change how packets
    /// are made, so the line is refused (RFC 4568 section 6.3).
    ///
    /// # Errors
    /// [`CryptoLineError`] names the part that is missing or that we can't do.
    ///
    /// ```
    /// use fs_proto::srtp::{CryptoAttribute, CryptoSuite};
    /// let line = "1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:4";
    /// let crypto = CryptoAttribute::parse(line)?;
    /// assert_eq!(crypto.suite, CryptoSuite::AesCm128Sha1Tag80);
    /// assert_eq!(crypto.keys[0].mki, [0, 0, 0, 1]);
    /// # Ok::<(), fs_proto::srtp::sdp::CryptoLineError>(())
    /// ```
    pub fn parse(line: &str) -> Result<Self, CryptoLineError> {
        let line = line.trim();
        let line = line.strip_prefix("a=").unwrap_or(line);
        let line = line.strip_prefix("crypto:").unwrap_or(line);
        let mut words = line.split_ascii_whitespace();
        let tag = words.next().ok_or(malformed("tag"))?;
        let digits = tag.len() <= 9 && tag.bytes().all(|b| b.is_ascii_digit());
        let tag = tag.parse().ok().filter(|_| digits).ok_or_else(|| bad("tag", tag))?;
        let suite = words.next().ok_or(malformed("crypto-suite"))?;
        let suite = CryptoSuite::from_name(suite).ok_or_else(|| bad("crypto-suite", suite))?;
        let keys = words.next().ok_or(malformed("key-params"))?;
        let keys: Vec<MasterKey> = keys.split(';').map(read_key).collect::<Result<_, _>>()?;
        for session_parameter in words {
            if !session_parameter.starts_with("WSH=") {
                return Err(bad("session-param", session_parameter));
            }
        }
        let attribute = Self { tag, suite, keys };
        attribute.parameters().validate().map_err(|_| malformed("key-info"))?;
        Ok(attribute)
    }

    /// What to encrypt or decrypt with.
    pub fn parameters(&self) -> SrtpParameters {
        SrtpParameters {
            rtp: self.suite.rtp(),
            rtcp: self.suite.rtcp(),
            keys: self.keys.clone(),
            replay_window: SrtpParameters::DEFAULT_REPLAY_WINDOW,
        }
    }

    /// Writes what stands after `a=crypto:`. It holds the keys: never log it. `None` for an identifier that
    /// SDP can't write, one of more than 16 octets.
    pub fn encode(&self) -> Option<String> {
        let mut keys = Vec::new();
        for MasterKey { key, mki } in &self.keys {
            let mut text = format!("inline:{}", base64(key));
            if !mki.is_empty() {
                let value = mki
                    .iter()
                    .try_fold(0u128, |value, octet| Some(value.checked_mul(256)? + u128::from(*octet)))?;
                text.push_str(&format!("|{value}:{}", mki.len()));
            }
            keys.push(text);
        }
        Some(format!("{} {} {}", self.tag, self.suite.name(), keys.join(";")))
    }
}

/// `inline:KEY[|lifetime][|MKI:length]`.
fn read_key(text: &str) -> Result<MasterKey, CryptoLineError> {
    let (method, info) = text.split_once(':').ok_or(malformed("key-method"))?;
    if method != "inline" {
        return Err(bad("key-method", method));
    }
    let mut parts = info.split('|');
    let key = parts.next().and_then(from_base64).ok_or(malformed("key-salt"))?;
    let mut part = parts.next();
    if let Some(lifetime) = part.filter(|p| !p.contains(':')) {
        let value = match lifetime.strip_prefix("2^") {
            Some(power) => power.parse::<u32>().ok().and_then(|power| 1u64.checked_shl(power)),
            None => lifetime.parse().ok(),
        };
        if value.is_none_or(|packets| packets == 0 || packets > 1 << 48) {
            return Err(bad("lifetime", lifetime));
        }
        part = parts.next();
    }
    let mki = part.map_or(Ok(Vec::new()), |mki| read_mki(mki).ok_or_else(|| bad("mki", mki)))?;
    if parts.next().is_some() {
        return Err(malformed("key-info"));
    }
    Ok(MasterKey { key, mki })
}

/// A number and how many octets it takes in a packet.
fn read_mki(text: &str) -> Option<Vec<u8>> {
    let (value, length) = text.split_once(':')?;
    let (value, length): (u128, usize) = (value.parse().ok()?, length.parse().ok()?);
    let octets = value.to_be_bytes();
    if !(1..=SrtpParameters::MAX_MKI).contains(&length) {
        return None;
    }
    let mut mki = vec![0; length.saturating_sub(octets.len())];
    let (dropped, kept) = octets.split_at(octets.len().saturating_sub(length));
    if dropped.iter().any(|octet| *octet != 0) {
        return None;
    }
    mki.extend_from_slice(kept);
    Some(mki)
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 with padding (RFC 4648 section 4).
fn base64(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len().div_ceil(3) * 4);
    for group in octets.chunks(3) {
        let bits = group.iter().enumerate().fold(0u32, |bits, (n, o)| bits | u32::from(*o) << (16 - 8 * n));
        for n in 0..4 {
            let sextet = (bits >> (18 - 6 * n)) as usize & 63;
            text.push(if n <= group.len() { char::from(ALPHABET[sextet]) } else { '=' });
        }
    }
    text
}

/// The octets of a base64 text; padding may be missing. `None` if it is none.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let mut octets = Vec::with_capacity(text.len() / 4 * 3);
    for group in text.as_bytes().chunks(4) {
        let mut bits = 0u32;
        for (n, letter) in group.iter().enumerate() {
            let sextet = ALPHABET.iter().position(|known| known == letter)?;
            bits |= u32::try_from(sextet).ok()? << (18 - 6 * n);
        }
        let count = group.len().checked_sub(1).filter(|count| *count > 0)?;
        octets.extend_from_slice(bits.to_be_bytes().get(1..=count)?);
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

    #[test]
    fn suites_have_their_names_and_keys() {
        for suite in CryptoSuite::ALL {
            assert_eq!(CryptoSuite::from_name(suite.name()), Some(suite));
            let key = MasterKey { key: vec![7; suite.rtp().cipher.key_length()], mki: Vec::new() };
            let attribute = CryptoAttribute { tag: 1, suite, keys: vec![key] };
            assert_eq!(attribute.parameters().validate(), Ok(()));
            assert_eq!(CryptoSuite::of(&attribute.parameters()), Some(suite));
            assert_eq!(CryptoAttribute::parse(&attribute.encode().unwrap()), Ok(attribute));
        }
        assert_eq!(CryptoSuite::AesCm128Sha1Tag32.rtcp().auth, Auth::HmacSha1Tag80);
        assert_eq!(CryptoSuite::from_name("F8_128_HMAC_SHA1_80"), None);
    }

    #[test]
    fn the_examples_of_rfc_4568_are_read() {
        let line = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 \
            inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4;\
            inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|2:4";
        let crypto = CryptoAttribute::parse(line).unwrap();
        assert_eq!((crypto.tag, crypto.keys.len()), (1, 2));
        assert_eq!(crypto.keys[0].key, b"YS___semctl () {\t220;}\n}\nunles");
        assert_eq!(crypto.keys[1].mki, [0, 0, 0, 2]);
        let line = format!("2 AES_CM_128_HMAC_SHA1_32 {KEY}|1048576 WSH=64");
        assert!(CryptoAttribute::parse(&line).is_ok());
    }

    #[test]
    fn what_we_cannot_do_is_named() {
        for (line, field) in [
            (String::new(), "tag"),
            (format!("x AES_CM_128_HMAC_SHA1_80 {KEY}"), "tag"),
            (format!("1 F8_128_HMAC_SHA1_80 {KEY}"), "crypto-suite"),
            ("1 AES_CM_128_HMAC_SHA1_80".to_owned(), "key-params"),
            ("1 AES_CM_128_HMAC_SHA1_80 prompt:abcd".to_owned(), "key-method"),
            ("1 AES_CM_128_HMAC_SHA1_80 inline:%%%".to_owned(), "key-salt"),
            ("1 AES_CM_128_HMAC_SHA1_80 inline:d0Rm".to_owned(), "key-info"),
            (format!("1 AES_256_CM_HMAC_SHA1_80 {KEY}"), "key-info"),
            (format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}|2^64"), "lifetime"),
            (format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}|2^20|256:1"), "mki"),
            (format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}|1:0"), "mki"),
            (format!("1 AES_CM_128_HMAC_SHA1_80 {KEY};{KEY}"), "key-info"),
            (format!("1 AES_CM_128_HMAC_SHA1_80 {KEY} KDR=1"), "session-param"),
            (format!("1 AES_CM_128_HMAC_SHA1_80 {KEY} UNENCRYPTED_SRTP"), "session-param"),
        ] {
            let error = CryptoAttribute::parse(&line).unwrap_err();
            assert_eq!(error.field, field, "{line}");
            assert!(!error.to_string().contains("d0Rm"), "a key is shown: {error}");
        }
    }

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (octets, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(octets.as_bytes()), text);
            assert_eq!(from_base64(text).unwrap(), octets.as_bytes());
        }
        assert_eq!(from_base64("A"), None);
        assert_eq!(from_base64("Zm9v!"), None);
    }
}
