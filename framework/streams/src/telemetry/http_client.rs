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
    if collector.url.starts_with("http://") {
        // The system's certificates are not looked for where there may be none, as in small images.
        client = client.tls_certs_only([]);
    } else if let Some(path) = &collector.certificate {
        let unusable = |cause: &dyn Display| {
            Error::config(format!("cannot use the certificates in {path}: {cause}"))
        };
        let pem = std::fs::read(path).map_err(|cause| unusable(&cause))?;
        let trusted = reqwest::Certificate::from_pem_bundle(&pem);
        client = client.tls_certs_merge(trusted.map_err(|cause| unusable(&cause))?);
    }
    client.build().map_err(|cause| {
        Error::config(format!("cannot make a client for {}", collector.address()))
            .with_source(cause)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::environment::{Environment, METRICS};

    /// Where a program looks for certificates is its environment: that of another process is another's.
    fn in_a_process_without_certificates(test: &str) -> bool {
        const IS_CHILD: &str = "KAPPA_TEST_WITHOUT_CERTIFICATES";
        if std::env::var_os(IS_CHILD).is_some() {
            return true;
        }
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(IS_CHILD, "1")
            .env("SSL_CERT_FILE", "/dev/null")
            .env_remove("SSL_CERT_DIR")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && said.contains("1 passed"), "{said}");
        false
    }

    #[test]
    fn a_collector_without_tls_needs_no_certificates() {
        let test = "telemetry::http_client::tests::a_collector_without_tls_needs_no_certificates";
        if !in_a_process_without_certificates(test) {
            return;
        }
        let at = |endpoint| {
            let environment = Environment::of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)]);
            of(&environment.collector(METRICS).unwrap().unwrap())
        };
        assert!(at("http://collector:4318").is_ok());
        let error = at("https://collector:4318").unwrap_err();
        assert!(error.is_config() && error.report().contains("certificates"), "{}", error.report());
    }
}
