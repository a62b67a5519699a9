//! The checks of rustls, with somebody who looks on.

use std::fmt;
use std::sync::Arc;

use rustls_platform_verifier::Verifier;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

use super::settings::{Refusal, RefusalWatch, TlsSettings, Trust};
use super::{TlsError, read_certificates};

/// Checks the certificates of servers: chain and name.
pub(super) fn of_servers(
    settings: &TlsSettings,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    let system = |extra: Vec<CertificateDer<'static>>| {
        Verifier::new_with_extra_roots(extra, Arc::clone(provider))
            .map_err(|e| TlsError::new("the system's authorities", e))
    };
    let inner: Arc<dyn ServerCertVerifier> = match &settings.trust {
        Trust::System => Arc::new(system(Vec::new())?),
        Trust::SystemAnd(pem) => Arc::new(system(read_certificates(pem)?)?),
        Trust::Authorities(pem) => {
            WebPkiServerVerifier::builder_with_provider(roots(pem)?, Arc::clone(provider))
                .build()
                .map_err(|e| TlsError::new("authorities", e))?
        }
    };
    Ok(Arc::new(Watched { inner, watch: settings.refusals.clone() }))
}

/// Checks the certificates of clients, where they are asked for one.
pub(super) fn of_clients(
    settings: &TlsSettings,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    if !settings.require_client_certificate {
        return Ok(None);
    }
    let (Trust::Authorities(pem) | Trust::SystemAnd(pem)) = &settings.trust else {
        return Err(TlsError::new("clients must show certificates", "no authority for them is given"));
    };
    let inner = WebPkiClientVerifier::builder_with_provider(roots(pem)?, Arc::clone(provider))
        .build()
        .map_err(|e| TlsError::new("authorities", e))?;
    Ok(Some(Arc::new(Watched { inner, watch: settings.refusals.clone() })))
}

fn roots(pem: &[u8]) -> Result<Arc<RootCertStore>, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in read_certificates(pem)? {
        store.add(certificate).map_err(|e| TlsError::new("authorities", e))?;
    }
    Ok(Arc::new(store))
}

struct Watched<T: ?Sized> {
    watch: Option<RefusalWatch>,
    inner: Arc<T>,
}

impl<T: ?Sized> fmt::Debug for Watched<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watched")
    }
}

impl<T: ?Sized> Watched<T> {
    fn look(&self, error: Error, name: Option<String>, chain: &[&CertificateDer<'_>]) -> Error {
        let refusal =
            Refusal { name, reason: error.to_string(), chain: chain.iter().map(|c| c.to_vec()).collect() };
        tracing::warn!(target: "fs::sip::transport", name = ?refusal.name, reason = refusal.reason,
            "certificate refused");
        if let Some(watch) = &self.watch {
            watch.tell(&refusal);
        }
        error
    }
}

impl ServerCertVerifier for Watched<dyn ServerCertVerifier> {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let result =
            self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        result.map_err(|error| {
            let chain: Vec<_> = std::iter::once(end_entity).chain(intermediates).collect();
            self.look(error, Some(server_name.to_str().into_owned()), &chain)
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

impl ClientCertVerifier for Watched<dyn ClientCertVerifier> {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.inner.verify_client_cert(end_entity, intermediates, now).map_err(|error| {
            let chain: Vec<_> = std::iter::once(end_entity).chain(intermediates).collect();
            self.look(error, None, &chain)
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
