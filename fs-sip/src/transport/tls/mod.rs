//! TLS (RFC 3261 section 26.2, RFC 5922): certificate chain and name of a
//! server are always checked.

mod settings;
mod verifier;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use tokio::net::TcpStream;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ServerConfig, SupportedProtocolVersion, version};
use tokio_rustls::{TlsAcceptor, TlsConnector};

pub use settings::{Identity, Refusal, RefusalWatch, TlsSettings, Trust};

use super::stream;
use super::table::{Link, Task};

const VERSIONS: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];

/// The settings can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsError(String);

impl TlsError {
    fn new(what: &str, why: impl fmt::Display) -> Self {
        Self(format!("{what}: {why}"))
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TLS settings: {}", self.0)
    }
}

impl std::error::Error for TlsError {}

/// The settings with what is made of them once.
pub(crate) struct Tls {
    settings: TlsSettings,
    provider: Arc<CryptoProvider>,
    client: OnceLock<Result<Arc<ClientConfig>, TlsError>>,
    server: OnceLock<Result<Arc<ServerConfig>, TlsError>>,
}

impl Tls {
    pub(crate) fn new(settings: TlsSettings) -> Self {
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        Self { settings, provider, client: OnceLock::new(), server: OnceLock::new() }
    }

    fn client(&self) -> Result<Arc<ClientConfig>, TlsError> {
        self.client.get_or_init(|| self.make_client()).clone()
    }

    /// What a listener needs; asked for when it is opened, so that wrong
    /// settings are told then.
    pub(super) fn server(&self) -> Result<Arc<ServerConfig>, TlsError> {
        self.server.get_or_init(|| self.make_server()).clone()
    }

    fn make_client(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let verifier = verifier::of_servers(&self.settings, &self.provider)?;
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(VERSIONS)
            .map_err(|e| TlsError::new("no common version", e))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let config = match &self.settings.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (chain, key) = read_identity(identity)?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|e| TlsError::new("certificate and private key", e))?
            }
        };
        Ok(Arc::new(config))
    }

    fn make_server(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let Some(identity) = &self.settings.identity else {
            return Err(TlsError::new("a listener needs a certificate", "none is given"));
        };
        let (chain, key) = read_identity(identity)?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(VERSIONS)
            .map_err(|e| TlsError::new("no common version", e))?;
        let builder = match verifier::of_clients(&self.settings, &self.provider)? {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let config = builder
            .with_single_cert(chain, key)
            .map_err(|e| TlsError::new("certificate and private key", e))?;
        Ok(Arc::new(config))
    }
}

fn read_identity(
    identity: &Identity,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let chain = read_certificates(identity.chain())?;
    let key = PrivateKeyDer::from_pem_slice(identity.key());
    // The error of the reader quotes nothing of the key.
    Ok((chain, key.map_err(|e| TlsError::new("private key", e))?))
}

fn read_certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let list: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match list {
        Ok(list) if !list.is_empty() => Ok(list),
        Ok(_) => Err(TlsError::new("certificates", "no PEM certificate in the text")),
        Err(error) => Err(TlsError::new("certificates", error)),
    }
}

/// A byte stream inside TLS to a server whose certificate bears `name`.
pub(super) async fn connect(
    remote: SocketAddr,
    name: Option<Arc<str>>,
    tls: &Tls,
) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let config = tls.client().map_err(io::Error::other)?;
    let name = name.map_or_else(|| remote.ip().to_string(), |name| name.trim_matches(['[', ']']).to_owned());
    let name = ServerName::try_from(name).map_err(io::Error::other)?;
    let socket = TcpStream::connect(remote).await?;
    socket.set_nodelay(true)?;
    TlsConnector::from(config).connect(name, socket).await
}

/// A byte stream inside TLS from a client.
pub(super) async fn accept(
    socket: TcpStream,
    tls: &Tls,
) -> io::Result<tokio_rustls::server::TlsStream<TcpStream>> {
    let config = tls.server().map_err(io::Error::other)?;
    socket.set_nodelay(true)?;
    TlsAcceptor::from(config).accept(socket).await
}

/// Opens a connection.
pub(super) fn dial(remote: SocketAddr, name: Option<Arc<str>>, tls: Arc<Tls>) -> Task<io::Result<Link>> {
    Box::pin(async move {
        let stream = connect(remote, name, &tls).await?;
        let local = stream.get_ref().0.local_addr()?;
        Ok(Link { local, remote, run: Box::new(|line| Box::pin(stream::run(stream, line))) })
    })
}

/// Takes a connection.
pub(super) fn greet(socket: TcpStream, tls: Arc<Tls>) -> Task<io::Result<Link>> {
    Box::pin(async move {
        let (local, remote) = (socket.local_addr()?, socket.peer_addr()?);
        let stream = accept(socket, &tls).await?;
        Ok(Link { local, remote, run: Box::new(|line| Box::pin(stream::run(stream, line))) })
    })
}
