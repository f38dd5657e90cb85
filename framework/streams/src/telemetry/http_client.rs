//! The client that asks collectors: blocking, with TLS by rustls.

use std::fmt::Display;

use reqwest::blocking::Client;

use super::environment::Collector;
use crate::error::{Error, Result};

/// Returns a client for a collector.
///
/// # Errors
///
/// Where the certificates that it is to trust cannot be read.
pub(super) fn of(collector: &Collector) -> Result<Client> {
    // Another part of the program may have chosen one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut client = Client::builder().timeout(collector.timeout);
    if let Some(path) = &collector.certificate {
        let unusable = |cause: &dyn Display| {
            Error::config(format!("cannot use the certificates in {path}: {cause}"))
        };
        let pem = std::fs::read(path).map_err(|cause| unusable(&cause))?;
        let trusted = reqwest::Certificate::from_pem_bundle(&pem);
        for certificate in trusted.map_err(|cause| unusable(&cause))? {
            client = client.add_root_certificate(certificate);
        }
    }
    client.build().map_err(|cause| {
        Error::config(format!("cannot make a client for {}", collector.address()))
            .with_source(cause)
    })
}
