//! HTTPS without a proxy: rustls, with a certificate from files.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What answers TLS with this certificate: 1.3, or 1.2 for who has nothing better.
///
/// # Errors
/// In words, when a file can't be read or the two don't fit together.
pub(super) fn acceptor(certificates: &Path, key: &Path) -> anyhow::Result<TlsAcceptor> {
    let unreadable = |path: &Path, what| format!("{}: no {what} in PEM can be read from it", path.display());
    let chain = CertificateDer::pem_file_iter(certificates).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.with_context(|| unreadable(certificates, "certificate"))?;
    anyhow::ensure!(!chain.is_empty(), unreadable(certificates, "certificate"));
    let key_of_chain = PrivateKeyDer::from_pem_file(key).with_context(|| unreadable(key, "private key"))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key_of_chain)
        .with_context(|| format!("{} is not the key of {}", key.display(), certificates.display()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
