//! What the application says about certificates.

use std::fmt;
use std::sync::Arc;

/// Whose certificates are believed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Trust {
    /// Those that the system trusts.
    #[default]
    System,
    /// Those of these authorities only (PEM).
    Authorities(Vec<u8>),
    /// Both (PEM).
    SystemAnd(Vec<u8>),
}

/// Our certificate with its private key.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    chain: Vec<u8>,
    key: Vec<u8>,
}

impl Identity {
    /// From PEM: the certificate first, then those that signed it; and the
    /// private key (PKCS #8, PKCS #1 or SEC1).
    #[must_use]
    pub fn from_pem(chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self { chain: chain.into(), key: key.into() }
    }

    pub(super) fn chain(&self) -> &[u8] {
        &self.chain
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(..)")
    }
}

/// A certificate that was not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The name it should have borne; none where a client showed it.
    pub name: Option<String>,
    /// Why, in words.
    pub reason: String,
    /// The certificates as they came (DER), the peer's own first.
    pub chain: Vec<Vec<u8>>,
}

/// Is told of every refused certificate.
#[derive(Clone)]
pub struct RefusalWatch(Arc<dyn Fn(&Refusal) + Send + Sync>);

impl RefusalWatch {
    /// `watch` is called from the task of the connection; it must not block.
    #[must_use]
    pub fn new(watch: impl Fn(&Refusal) + Send + Sync + 'static) -> Self {
        Self(Arc::new(watch))
    }

    pub(super) fn tell(&self, refusal: &Refusal) {
        (self.0)(refusal);
    }
}

impl fmt::Debug for RefusalWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefusalWatch(..)")
    }
}

impl PartialEq for RefusalWatch {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for RefusalWatch {}

/// Certificates and trust of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsSettings {
    /// Whose certificates we believe.
    pub trust: Trust,
    /// Ours: a listener needs it, a client shows it where it is asked to.
    pub identity: Option<Identity>,
    /// Ask clients for a certificate, and turn those away that have none.
    pub require_client_certificate: bool,
    /// Is told of every certificate we refused.
    pub refusals: Option<RefusalWatch>,
}
