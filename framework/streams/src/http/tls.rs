//! TLS: 1.2 or later, by rustls, with the certificate and the key that the settings name.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::config::TlsFiles;
use crate::error::{Error, Result};

/// Makes what shakes hands.
pub(super) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor> {
    let TlsFiles { certificate, key } = files;
    let unreadable = |setting: &str, path: &Path, cause: rustls::pki_types::pem::Error| {
        let message = format!("cannot read {} ({setting}) as PEM", path.display());
        Error::config(message).with_source(cause)
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>)
        .map_err(|cause| unreadable("http.tls.certificate.file", certificate, cause))?;
    let key = PrivateKeyDer::from_pem_file(key)
        .map_err(|cause| unreadable("http.tls.key.file", key, cause))?;
    // Named here: the process may have another provider, or none.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let unfit = |cause: rustls::Error| {
        let message = "http.tls.certificate.file and http.tls.key.file do not fit each other";
        Error::config(message).with_source(cause)
    };
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unfit)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unfit)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
