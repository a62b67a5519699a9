//! `a=crypto` (RFC 4568) of one m-line: what we offer, what we answer, and what is agreed.
//!
//! Each side names the key that it sends with. We keep one key a suite for the life of a stream, so that a later offer
//! or answer changes nothing in what flows. [`crypto_lines`] reads a peer's lines; lines that we can't use are skipped,
//! as RFC 4568 section 7.1.2 asks.

use fs_proto::SrtpParameters;
use fs_proto::srtp::{CryptoAttribute, CryptoSuite, MasterKey};

use super::SdpError;
use crate::limits;

/// Transports of an m-line that carry encrypted RTP.
pub(crate) const SECURE_RTP: [&str; 2] = ["RTP/SAVP", "RTP/SAVPF"];

/// Whether media is encrypted with keys from the session descriptions (SIP SIMPLE: `srtp_encryption`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SrtpPolicy {
    /// Never: no keys are offered, and an m-line that insists on encryption is refused.
    #[default]
    Disabled,
    /// If the peer can: `RTP/AVP` with keys is offered ("best effort").
    Optional,
    /// Always: `RTP/SAVP` is offered, and m-lines without keys are refused.
    Mandatory,
}

/// The keys that both sides agreed on. `Debug` does not show them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Security {
    /// What we encrypt with.
    pub ours: CryptoAttribute,
    /// What the peer encrypts with.
    pub theirs: CryptoAttribute,
}

impl Security {
    /// What we encrypt with, for the engine.
    #[must_use]
    pub fn outbound(&self) -> SrtpParameters {
        self.ours.parameters()
    }

    /// What to decrypt with, for the engine.
    #[must_use]
    pub fn inbound(&self) -> SrtpParameters {
        self.theirs.parameters()
    }
}

/// Our own keys of one stream, one a suite.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    own: Vec<CryptoAttribute>,
    /// The line of ours that was agreed, once one was.
    agreed: Option<CryptoAttribute>,
}

impl Keys {
    /// Makes the keys; `random` fills its argument with octets that nobody can guess.
    #[must_use]
    pub fn new(mut random: impl FnMut(&mut [u8])) -> Self {
        let own = (1..).zip(CryptoSuite::ALL).map(|(tag, suite)| {
            let mut key = vec![0; suite.rtp().cipher.key_length()];
            random(&mut key);
            CryptoAttribute { tag, suite, keys: vec![MasterKey { key, mki: Vec::new() }] }
        });
        Self { own: own.collect(), agreed: None }
    }

    /// The lines of an offer: all suites, best first; later offers repeat what was agreed.
    #[must_use]
    pub fn offer(&self) -> Vec<CryptoAttribute> {
        self.agreed.as_ref().map_or_else(|| self.own.clone(), |agreed| vec![agreed.clone()])
    }

    /// Chooses from the peer's offer: its first suite that we can do. `None` if there is none.
    pub fn answer(&mut self, offered: &[CryptoAttribute]) -> Option<Security> {
        let (theirs, own) = offered
            .iter()
            .find_map(|line| self.own.iter().find(|own| own.suite == line.suite).map(|own| (line, own)))?;
        let ours = CryptoAttribute { tag: theirs.tag, ..own.clone() };
        self.agreed = Some(ours.clone());
        Some(Security { ours, theirs: theirs.clone() })
    }

    /// Takes the peer's answer to [`Keys::offer`]; no line means that it does without encryption.
    ///
    /// # Errors
    /// Malformed when the answer is to none of the lines offered.
    pub fn accept(&mut self, answered: &[CryptoAttribute]) -> Result<Option<Security>, SdpError> {
        let Some(theirs) = answered.first() else {
            self.agreed = None;
            return Ok(None);
        };
        let offered = self.offer();
        let ours = offered.iter().find(|own| own.tag == theirs.tag && own.suite == theirs.suite);
        let Some(ours) = ours else {
            let text =
                format!("a=crypto:{} {} answers no line of the offer", theirs.tag, theirs.suite.name());
            return Err(SdpError::malformed(text));
        };
        self.agreed = Some(ours.clone());
        Ok(Some(Security { ours: ours.clone(), theirs: theirs.clone() }))
    }
}

/// Whether an m-line's transport is RTP with encryption.
#[must_use]
pub fn is_secure_rtp(proto: &str) -> bool {
    SECURE_RTP.iter().any(|known| known.eq_ignore_ascii_case(proto))
}

/// The peer's `a=crypto` lines that we can use, in their order. The reasons for those left out name no key.
#[must_use]
pub fn crypto_lines(media: &sdp_types::Media) -> (Vec<CryptoAttribute>, Vec<String>) {
    let (mut usable, mut skipped) = (Vec::new(), Vec::new());
    for value in media.get_attribute_values("crypto").flatten().take(limits::MAX_CRYPTO_LINES) {
        match CryptoAttribute::parse(value) {
            Ok(line) => usable.push(line),
            Err(error) => skipped.push(error.to_string()),
        }
    }
    (usable, skipped)
}

/// Writes `a=crypto` lines.
pub(crate) fn write(media: &mut sdp_types::Media, lines: &[CryptoAttribute]) {
    for text in lines.iter().filter_map(CryptoAttribute::encode) {
        media.add_attribute_with_value("crypto", text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(seed: u8) -> Keys {
        let mut next = seed;
        Keys::new(|octets| {
            next = next.wrapping_add(1);
            octets.fill(next);
        })
    }

    #[test]
    fn both_sides_agree_on_the_best_suite_and_keep_it() {
        let (mut a, mut b) = (keys(1), keys(100));
        let offer = a.offer();
        assert_eq!(offer.len(), CryptoSuite::ALL.len());
        let at_b = b.answer(&offer).unwrap();
        let at_a = a.accept(std::slice::from_ref(&at_b.ours)).unwrap().unwrap();
        assert_eq!((&at_a.ours, &at_a.theirs), (&at_b.theirs, &at_b.ours));
        assert_eq!(at_a.ours.suite, CryptoSuite::AesGcm256);
        assert_ne!(at_a.ours.keys, at_a.theirs.keys);
        let again = b.offer();
        assert_eq!(again, std::slice::from_ref(&at_b.ours), "a later offer changes no key");
        assert_eq!(a.answer(&again).unwrap(), at_a);
    }

    #[test]
    fn an_answer_keeps_the_tag_of_the_offer() {
        let line = CryptoAttribute { tag: 7, ..keys(1).own[3].clone() };
        let agreed = keys(2).answer(&[line]).unwrap();
        assert_eq!((agreed.ours.tag, agreed.ours.suite), (7, CryptoSuite::AesCm128Sha1Tag80));
    }

    #[test]
    fn answers_that_were_not_offered_are_refused() {
        let mut a = keys(1);
        assert_eq!(a.accept(&[]), Ok(None));
        for wrong in [
            CryptoAttribute { tag: 99, ..keys(2).own[0].clone() },
            CryptoAttribute { tag: 1, ..keys(2).own[1].clone() },
        ] {
            assert_eq!(a.accept(&[wrong]).unwrap_err().status_code(), 400);
        }
    }

    #[test]
    fn unusable_lines_are_skipped_without_showing_keys() {
        let text = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 0\r\n\
             a=crypto:1 F8_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n\
             a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:short\r\n\
             a=crypto:3 AES_CM_128_HMAC_SHA1_32 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^31\r\n";
        let session = super::super::parse(text.as_bytes()).unwrap();
        let (usable, skipped) = crypto_lines(&session.medias[0]);
        assert_eq!((usable.len(), usable[0].tag, skipped.len()), (1, 3, 2));
        assert!(skipped.iter().all(|why| !why.contains("d0Rm") && !why.contains("short")), "{skipped:?}");
    }
}
