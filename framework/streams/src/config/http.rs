//! Settings of the HTTP surface.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::settings::{bytes, millis, text};
use super::{Source, StreamsConfig};
use crate::error::{Error, Result};

/// Where and how an application answers over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSettings {
    /// `http.listen`; nothing where it is off.
    pub listen: Option<Listen>,
    /// `http.tls.certificate.file` and `http.tls.key.file`
    pub tls: Option<TlsFiles>,
    /// `http.bearer.token`
    pub bearer_token: Option<Secret>,
    /// `http.connections.max`
    pub connections_max: usize,
    /// `http.header.timeout.ms`
    pub header_timeout: Duration,
    /// `http.request.timeout.ms`
    pub request_timeout: Duration,
    /// `http.requests.per.second.max`
    pub requests_per_second_max: usize,
}

/// An address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// A name or an address of this machine.
    pub host: String,
    /// The port; 0 is a free one.
    pub port: u16,
    /// Whether nobody chose it: then another port does as well.
    pub is_default: bool,
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// What TLS is spoken with, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and those between it and the root.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// A text that is not to be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Returns whether this is the secret; how long that takes tells nothing but its length.
    #[must_use]
    pub fn is(&self, other: &[u8]) -> bool {
        let own = self.0.as_bytes();
        let differing =
            own.iter().zip(other).fold(0, |all, (a, b)| std::hint::black_box(all | a ^ b));
        own.len() == other.len() && differing == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

impl HttpSettings {
    pub(super) fn resolve(config: &StreamsConfig) -> Result<Self> {
        Ok(Self {
            listen: listen(config)?,
            tls: tls(config)?,
            bearer_token: token(config)?,
            connections_max: bytes(config, "http.connections.max")?,
            header_timeout: millis(config, "http.header.timeout.ms")?,
            request_timeout: millis(config, "http.request.timeout.ms")?,
            requests_per_second_max: bytes(config, "http.requests.per.second.max")?,
        })
    }
}

fn listen(config: &StreamsConfig) -> Result<Option<Listen>> {
    let value = text(config, "http.listen")?;
    if value == "off" {
        return Ok(None);
    }
    let source = config.get("http.listen").map_or(Source::Default, |(_, source)| source);
    let parts = value.rsplit_once(':').and_then(|(host, port)| {
        let host = match host.strip_prefix('[') {
            Some(address) => address.strip_suffix(']')?,
            None => Some(host).filter(|host| !host.contains(':'))?,
        };
        Some((host.to_owned(), port.parse().ok()?)).filter(|(host, _)| !host.is_empty())
    });
    let Some((host, port)) = parts else {
        return Err(Error::config(format!(
            "setting http.listen: `{value}` is neither `off` nor an address such as 0.0.0.0:8080 or \
             [::1]:8080 (from {source})"
        )));
    };
    Ok(Some(Listen { host, port, is_default: source == Source::Default }))
}

fn tls(config: &StreamsConfig) -> Result<Option<TlsFiles>> {
    let (certificate, key) = ("http.tls.certificate.file", "http.tls.key.file");
    match (config.get(certificate), config.get(key)) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Ok(Some(TlsFiles {
            certificate: text(config, certificate)?.into(),
            key: text(config, key)?.into(),
        })),
        (Some((_, source)), None) | (None, Some((_, source))) => Err(Error::config(format!(
            "TLS needs both {certificate} and {key}: only one is set (from {source})"
        ))),
    }
}

/// A token that is shorter is guessed too soon.
const TOKEN_LEN_MIN: usize = 16;

fn token(config: &StreamsConfig) -> Result<Option<Secret>> {
    let name = "http.bearer.token";
    let Some((_, source)) = config.get(name) else { return Ok(None) };
    let token = text(config, name)?;
    if token.len() < TOKEN_LEN_MIN || !token.chars().all(|c| c.is_ascii_graphic()) {
        return Err(Error::config(format!(
            "setting {name} must have {TOKEN_LEN_MIN} characters or more, of ASCII without spaces \
             (from {source})"
        )));
    }
    Ok(Some(Secret(token)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(settings: &[(&str, &str)]) -> Result<HttpSettings> {
        let config =
            settings.iter().try_fold(StreamsConfig::new("app"), |config, (name, value)| {
                config.with_argument(name, value)
            });
        Ok(config?.resolve()?.http)
    }

    #[test]
    fn an_address_is_a_host_with_a_port_or_off() {
        let listen = |value: &str| resolve(&[("http.listen", value)]).map(|http| http.listen);
        let shown = |value: &str| listen(value).unwrap().map(|listen| listen.to_string());
        assert_eq!(shown("off"), None);
        for address in ["0.0.0.0:8080", "[::1]:0", "localhost:65535"] {
            assert_eq!(shown(address).as_deref(), Some(address));
        }
        for wrong in ["", "8080", ":8080", "::1:8080", "[::1:8080", "host:", "host:65536", "on"] {
            assert!(listen(wrong).unwrap_err().is_config(), "{wrong}");
        }
        let default = resolve(&[]).unwrap().listen.unwrap();
        assert!(default.is_default && default.host == "127.0.0.1", "this machine only");
        assert!(!listen("127.0.0.1:8080").unwrap().unwrap().is_default);
    }

    #[test]
    fn tls_needs_both_files_and_a_token_some_length() {
        assert!(resolve(&[("http.tls.key.file", "k")]).unwrap_err().is_config());
        let both = [("http.tls.key.file", "k"), ("http.tls.certificate.file", "c")];
        assert!(resolve(&both).unwrap().tls.is_some());
        assert!(resolve(&[("http.bearer.token", "short")]).unwrap_err().is_config());
        let token = "0123456789abcdef";
        let http = resolve(&[("http.bearer.token", token)]).unwrap();
        assert!(!format!("{http:?}").contains(token));
        let secret = http.bearer_token.unwrap();
        assert!(secret.is(token.as_bytes()));
        for wrong in ["", "0123456789abcdeF", "0123456789abcde", "0123456789abcdef0"] {
            assert!(!secret.is(wrong.as_bytes()), "{wrong}");
        }
    }
}
