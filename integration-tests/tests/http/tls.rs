//! TLS, with certificates made for the test.

use std::path::Path;

use kappa::http::Server;
use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::support::{http, running, say, surface};

fn written(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn tls_is_spoken_where_a_certificate_is_given() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let directory = tempfile::tempdir().unwrap();
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = written(directory.path(), "tls.crt", &cert.pem());
    let key = written(directory.path(), "tls.key", &signing_key.serialize_pem());
    let settings = http(&[
        ("http.tls.certificate.file", &certificate),
        ("http.tls.key.file", &key),
        ("http.header.timeout.ms", "500"),
    ]);
    let server = Server::start(&settings, surface(running, String::new)).unwrap().unwrap();
    let root = reqwest::Certificate::from_pem(cert.pem().as_bytes()).unwrap();
    let client = reqwest::blocking::Client::builder().tls_certs_only([root]).build().unwrap();
    let url = format!("https://localhost:{}/health/live", server.address().port());
    // Twice: a plain request between them harms nobody.
    for _ in 0..2 {
        let answer = client.get(&url).send().unwrap();
        assert_eq!(answer.status(), 200);
        assert!(answer.text().unwrap().contains("\"live\""));
        let plain = say(server.address(), b"GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n");
        assert!(!plain.contains("200 OK"), "{plain}");
    }
    let strangers = reqwest::blocking::Client::builder().tls_certs_only([]).build().unwrap();
    assert!(strangers.get(&url).send().is_err(), "nobody trusts it unasked");
}

#[test]
fn files_that_are_no_certificate_or_key_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let other = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = written(directory.path(), "tls.crt", &cert.pem());
    let key = written(directory.path(), "tls.key", &signing_key.serialize_pem());
    let others = written(directory.path(), "other.key", &other.signing_key.serialize_pem());
    let error = |certificate: &str, key: &str| {
        let settings =
            http(&[("http.tls.certificate.file", certificate), ("http.tls.key.file", key)]);
        Server::start(&settings, surface(running, String::new)).unwrap_err()
    };
    for (certificate, key, name) in [
        ("/missing.crt", key.as_str(), "http.tls.certificate.file"),
        (certificate.as_str(), "/missing.key", "http.tls.key.file"),
        (certificate.as_str(), certificate.as_str(), "http.tls.key.file"),
        (key.as_str(), key.as_str(), "http.tls.certificate.file"),
        (certificate.as_str(), others.as_str(), "do not fit"),
    ] {
        let error = error(certificate, key);
        assert!(error.is_config() && error.to_string().contains(name), "{error}");
    }
}
