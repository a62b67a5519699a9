//! How media is encrypted (SRTP): ciphers, authentication, keys, and what fits together.
//!
//! AES-CM with HMAC-SHA1 is RFC 3711, its 256-bit form RFC 6188, AES-GCM RFC 7714. A master key is written as
//! key and salt in one piece, as everywhere in SDP and in libsrtp.

pub mod index;
pub mod sdp;

use std::fmt;

pub use index::PacketIndex;
pub use sdp::{CryptoAttribute, CryptoSuite};

/// How the payload is hidden.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Cipher {
    /// Not at all.
    #[default]
    Null,
    /// AES in counter mode, 128-bit key.
    AesCm128,
    /// AES in counter mode, 256-bit key.
    AesCm256,
    /// AES in Galois/counter mode, 128-bit key; authenticates by itself.
    AesGcm128,
    /// AES in Galois/counter mode, 256-bit key; authenticates by itself.
    AesGcm256,
}

impl Cipher {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Null, Self::AesCm128, Self::AesCm256, Self::AesGcm128, Self::AesGcm256];

    /// The name GStreamer's srtp elements and Farstream use.
    pub fn nick(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::AesCm128 => "aes-128-icm",
            Self::AesCm256 => "aes-256-icm",
            Self::AesGcm128 => "aes-128-gcm",
            Self::AesGcm256 => "aes-256-gcm",
        }
    }

    /// The cipher of that name.
    pub fn from_nick(nick: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cipher| cipher.nick() == nick)
    }

    /// Octets of master key and salt together. The null cipher has no key of its own; keys for authentication
    /// alone are derived from a 128-bit master key (RFC 3711 section 8.2).
    pub fn key_length(self) -> usize {
        match self {
            Self::Null | Self::AesCm128 => 16 + 14,
            Self::AesCm256 => 32 + 14,
            Self::AesGcm128 => 16 + 12,
            Self::AesGcm256 => 32 + 12,
        }
    }

    /// Whether the cipher authenticates what it encrypts.
    pub fn is_aead(self) -> bool {
        matches!(self, Self::AesGcm128 | Self::AesGcm256)
    }
}

/// How changes on the way are noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Auth {
    /// Not at all, or by the cipher itself.
    #[default]
    Null,
    /// HMAC-SHA1, cut to 32 bits.
    HmacSha1Tag32,
    /// HMAC-SHA1, cut to 80 bits.
    HmacSha1Tag80,
}

impl Auth {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Null, Self::HmacSha1Tag32, Self::HmacSha1Tag80];

    /// The name GStreamer's srtp elements and Farstream use.
    pub fn nick(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::HmacSha1Tag32 => "hmac-sha1-32",
            Self::HmacSha1Tag80 => "hmac-sha1-80",
        }
    }

    /// The authentication of that name.
    pub fn from_nick(nick: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|auth| auth.nick() == nick)
    }
}

/// Cipher and authentication of RTP, or of RTCP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Policy {
    /// How the payload is hidden.
    pub cipher: Cipher,
    /// How changes are noticed.
    pub auth: Auth,
}

impl Policy {
    /// Whether packets leave as they came.
    pub fn is_null(self) -> bool {
        self.cipher == Cipher::Null && self.auth == Auth::Null
    }

    /// Whether a packet made with another key is recognised.
    pub fn authenticates(self) -> bool {
        self.auth != Auth::Null || self.cipher.is_aead()
    }
}

/// One master key with its salt, and the identifier packets may carry to name it. Neither shows in `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct MasterKey {
    /// Key and salt.
    pub key: Vec<u8>,
    /// Master key identifier; empty = packets carry none.
    pub mki: Vec<u8>,
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({} octets, MKI of {})", self.key.len(), self.mki.len())
    }
}

/// Everything an SRTP context is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SrtpParameters {
    /// For RTP.
    pub rtp: Policy,
    /// For RTCP.
    pub rtcp: Policy,
    /// At least one; several need identifiers. A sender uses the first.
    pub keys: Vec<MasterKey>,
    /// How many packets back a late one is still told from a replayed one.
    pub replay_window: u32,
}

impl SrtpParameters {
    /// Sizes of replay window that Farstream takes.
    pub const REPLAY_WINDOW: std::ops::RangeInclusive<u32> = 64..=32767;
    /// Size of the replay window unless told otherwise.
    pub const DEFAULT_REPLAY_WINDOW: u32 = 128;
    /// Octets of a master key identifier at most (RFC 4568 section 6.1).
    pub const MAX_MKI: usize = 128;
    /// Master keys at most, as libsrtp has it.
    pub const MAX_KEYS: usize = 16;

    /// Octets the master key with its salt must have: those of the longer of the two ciphers.
    pub fn key_length(&self) -> usize {
        let ciphers = [self.rtp.cipher, self.rtcp.cipher];
        let used = ciphers.into_iter().filter(|cipher| *cipher != Cipher::Null);
        used.map(Cipher::key_length).max().unwrap_or(Cipher::Null.key_length())
    }

    /// Whether nothing is protected.
    pub fn is_null(&self) -> bool {
        self.rtp.is_null() && self.rtcp.is_null()
    }

    /// Checks that everything fits together.
    ///
    /// # Errors
    /// The first thing that does not, with the field Farstream's structure has for it.
    pub fn validate(&self) -> Result<(), SrtpError> {
        for (policy, auth, cipher) in
            [(self.rtp, "rtp-auth", "rtp-cipher"), (self.rtcp, "rtcp-auth", "rtcp-cipher")]
        {
            if policy.cipher.is_aead() && policy.auth != Auth::Null {
                return Err(SrtpError::AeadWithAuth { field: auth, policy });
            }
            if cipher == "rtcp-cipher" && policy.cipher != Cipher::Null && !policy.authenticates() {
                return Err(SrtpError::UnauthenticatedRtcp { cipher: policy.cipher });
            }
        }
        if !Self::REPLAY_WINDOW.contains(&self.replay_window) {
            return Err(SrtpError::ReplayWindow { size: self.replay_window });
        }
        self.validate_keys()
    }

    fn validate_keys(&self) -> Result<(), SrtpError> {
        let (wanted, first) = (self.key_length(), self.keys.first().ok_or(SrtpError::NoKey)?);
        if self.keys.len() > Self::MAX_KEYS {
            return Err(SrtpError::TooManyKeys { count: self.keys.len() });
        }
        for (n, key) in self.keys.iter().enumerate() {
            if !self.is_null() && key.key.len() != wanted {
                return Err(SrtpError::KeyLength { number: n + 1, length: key.key.len(), wanted });
            }
            let needs = self.keys.len() > 1;
            let fits = key.mki.len() == first.mki.len() && key.mki.len() <= Self::MAX_MKI;
            let again = needs && self.keys[..n].iter().any(|other| other.mki == key.mki);
            if !fits || again || (needs && key.mki.is_empty()) {
                return Err(SrtpError::Mki { number: n + 1, length: key.mki.len() });
            }
        }
        Ok(())
    }
}

/// What does not fit together in [`SrtpParameters`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SrtpError {
    /// No master key is given.
    NoKey,
    /// A master key with its salt has another length than the cipher needs.
    KeyLength {
        /// 1 for the first key.
        number: usize,
        /// What was given.
        length: usize,
        /// What is needed.
        wanted: usize,
    },
    /// More master keys than libsrtp takes.
    TooManyKeys {
        /// How many were given.
        count: usize,
    },
    /// An identifier is missing, used twice, too long, or of another length than the first.
    Mki {
        /// 1 for the first key.
        number: usize,
        /// Its length.
        length: usize,
    },
    /// AES-GCM authenticates by itself and takes no HMAC (RFC 7714 section 8).
    AeadWithAuth {
        /// The field in question.
        field: &'static str,
        /// What was asked for.
        policy: Policy,
    },
    /// RTCP must be authenticated (RFC 3711 section 3.4).
    UnauthenticatedRtcp {
        /// The cipher in question.
        cipher: Cipher,
    },
    /// The replay window is too small or too large.
    ReplayWindow {
        /// What was given.
        size: u32,
    },
}

impl fmt::Display for SrtpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbered = |field: &str, number: usize| match number {
            1 => field.to_owned(),
            _ => format!("{field}{number}"),
        };
        match *self {
            Self::NoKey => f.write_str("field 'key' is missing"),
            Self::KeyLength { number, length, wanted } => write!(
                f,
                "field '{}' has {length} octets; this cipher needs a master key and salt of {wanted}",
                numbered("key", number)
            ),
            Self::TooManyKeys { count } => {
                write!(f, "{count} keys are given; at most {} work", SrtpParameters::MAX_KEYS)
            }
            Self::Mki { number, length } => write!(
                f,
                "field '{}' has {length} octets; several keys need different identifiers of one length, 1 to {}",
                numbered("mki", number),
                SrtpParameters::MAX_MKI
            ),
            Self::AeadWithAuth { field, policy } => write!(
                f,
                "field '{field}' is '{}'; cipher '{}' authenticates by itself and needs 'null'",
                policy.auth.nick(),
                policy.cipher.nick()
            ),
            Self::UnauthenticatedRtcp { cipher } => write!(
                f,
                "field 'rtcp-auth' is 'null'; encrypted RTCP (cipher '{}') must be authenticated",
                cipher.nick()
            ),
            Self::ReplayWindow { size } => write!(
                f,
                "field 'replay-window-size' is {size}; it must be from {} to {}",
                SrtpParameters::REPLAY_WINDOW.start(),
                SrtpParameters::REPLAY_WINDOW.end()
            ),
        }
    }
}

impl std::error::Error for SrtpError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(cipher: Cipher, auth: Auth, key: usize) -> SrtpParameters {
        let policy = Policy { cipher, auth };
        let keys = vec![MasterKey { key: vec![1; key], mki: Vec::new() }];
        SrtpParameters { rtp: policy, rtcp: policy, keys, replay_window: 128 }
    }

    #[test]
    fn names_are_found_again() {
        assert!(Cipher::ALL.into_iter().all(|c| Cipher::from_nick(c.nick()) == Some(c)));
        assert!(Auth::ALL.into_iter().all(|a| Auth::from_nick(a.nick()) == Some(a)));
        assert_eq!(Cipher::from_nick("aes-192-icm"), None);
        assert_eq!(Auth::from_nick("HMAC-SHA1-80"), None);
    }

    #[test]
    fn every_cipher_has_its_key_length() {
        for (cipher, auth, length) in [
            (Cipher::Null, Auth::HmacSha1Tag80, 30),
            (Cipher::AesCm128, Auth::HmacSha1Tag80, 30),
            (Cipher::AesCm256, Auth::HmacSha1Tag32, 46),
            (Cipher::AesGcm128, Auth::Null, 28),
            (Cipher::AesGcm256, Auth::Null, 44),
        ] {
            assert_eq!(parameters(cipher, auth, length).validate(), Ok(()));
            for wrong in [0, 3, length - 1, length + 1] {
                let error = SrtpError::KeyLength { number: 1, length: wrong, wanted: length };
                assert_eq!(parameters(cipher, auth, wrong).validate(), Err(error));
            }
        }
        assert_eq!(parameters(Cipher::Null, Auth::Null, 3).validate(), Ok(()));
        let mut mixed = parameters(Cipher::AesCm128, Auth::HmacSha1Tag80, 46);
        mixed.rtcp.cipher = Cipher::AesCm256;
        assert_eq!(mixed.validate(), Ok(()));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let text = |parameters: &SrtpParameters| parameters.validate().unwrap_err().to_string();
        assert!(text(&parameters(Cipher::AesGcm128, Auth::HmacSha1Tag80, 28)).contains("'rtp-auth'"));
        assert!(text(&parameters(Cipher::AesCm128, Auth::Null, 30)).contains("'rtcp-auth'"));
        let fitting = parameters(Cipher::AesCm128, Auth::HmacSha1Tag80, 30);
        for size in [0, 63, 32768] {
            let text = text(&SrtpParameters { replay_window: size, ..fitting.clone() });
            assert!(text.contains("'replay-window-size'") && text.contains(&size.to_string()), "{text}");
        }
        assert!(text(&SrtpParameters { keys: Vec::new(), ..fitting.clone() }).contains("'key'"));
        let key = |mki: &[u8]| MasterKey { key: vec![1; 30], mki: mki.to_vec() };
        for (keys, ok) in [
            (vec![key(b"a"), key(b"b")], true),
            (vec![key(b"a"), key(b"a")], false),
            (vec![key(b"a"), key(b"bc")], false),
            (vec![key(b""), key(b"")], false),
            (vec![key(&[0; 129])], false),
        ] {
            assert_eq!(SrtpParameters { keys, ..fitting.clone() }.validate().is_ok(), ok);
        }
        let many = SrtpParameters { keys: (0..17).map(|n| key(&[n])).collect(), ..fitting };
        assert_eq!(many.validate(), Err(SrtpError::TooManyKeys { count: 17 }));
    }

    #[test]
    fn keys_are_not_shown() {
        let key = MasterKey { key: vec![0xab; 30], mki: vec![0xcd; 4] };
        let text = format!("{key:?}").to_lowercase();
        assert_eq!(text, "masterkey(30 octets, mki of 4)");
    }
}
