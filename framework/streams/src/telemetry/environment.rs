//! The environment variables of OpenTelemetry, as its specification has them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::error::{Error, Result};

/// The variables that there are. Some are secrets: only their names are shown.
#[derive(Clone, Default)]
pub(super) struct Environment(BTreeMap<String, String>);

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What is exported to a collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signal {
    /// The part of the variables' names.
    name: &'static str,
    /// The path behind a common endpoint.
    path: &'static str,
    /// The variable that chooses the exporter.
    exporter: &'static str,
}

/// Metrics.
pub(super) const METRICS: Signal =
    Signal { name: "METRICS", path: "v1/metrics", exporter: "OTEL_METRICS_EXPORTER" };

/// Traces.
pub(super) const TRACES: Signal =
    Signal { name: "TRACES", path: "v1/traces", exporter: "OTEL_TRACES_EXPORTER" };

/// Where a signal goes.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Collector {
    /// With all that is asked for with it, which may be a secret: [`address`](Self::address) is shown.
    pub(super) url: String,
    /// Secrets, most of them.
    pub(super) headers: Vec<(String, String)>,
    pub(super) timeout: Duration,
    /// A file of certificates to trust beside the usual ones.
    pub(super) certificate: Option<String>,
}

impl Collector {
    /// Returns the part of the URL that people are shown.
    pub(super) fn address(&self) -> &str {
        self.url.split(['?', '#']).next().unwrap_or_default()
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| &**name).collect();
        f.debug_struct("Collector")
            .field("address", &self.address())
            .field("headers", &names)
            .finish_non_exhaustive()
    }
}

/// The specification's.
const TIMEOUT: Duration = Duration::from_secs(10);

impl Environment {
    /// Reads this process' variables.
    pub(super) fn of_process() -> Self {
        let ours = |name: &str| name.starts_with("OTEL_") || OF_HOSTS.contains(&name);
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok().filter(|name| ours(name))?, value.into_string().ok()?))
        });
        Self(variables.collect())
    }

    /// Takes these variables.
    pub(super) fn given(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(variables.into_iter().collect())
    }

    #[cfg(test)]
    pub(super) fn of(variables: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self(variables.iter().map(owned).collect())
    }

    /// Returns a variable; one that is empty counts as not set.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Returns where a signal goes; nowhere where no endpoint is named, or it is switched off.
    ///
    /// # Errors
    ///
    /// Where the variables ask for what is not there, or make no sense.
    pub(super) fn collector(&self, signal: Signal) -> Result<Option<Collector>> {
        let is_off = self.get("OTEL_SDK_DISABLED").is_some_and(|value| is(value, "true"));
        let exporter = self.get(signal.exporter).unwrap_or("otlp");
        if is_off || is(exporter, "none") {
            return Ok(None);
        }
        let own = format!("OTEL_EXPORTER_OTLP_{}_ENDPOINT", signal.name);
        let common = "OTEL_EXPORTER_OTLP_ENDPOINT";
        let (name, url) = if let Some(url) = self.get(&own) {
            (own.as_str(), url.to_owned())
        } else if let Some(base) = self.get(common) {
            (common, format!("{}/{}", base.trim_end_matches('/'), signal.path))
        } else {
            return Ok(None);
        };
        if !is(exporter, "otlp") {
            let name = signal.exporter;
            return Err(unknown(name, exporter, "`otlp` or `none`; `/metrics` serves Prometheus"));
        }
        if let Some((name, protocol)) = self.of_signal(signal, "PROTOCOL")
            && protocol != "http/protobuf"
        {
            let known = "`http/protobuf` (a collector's port 4318, not 4317)";
            return Err(unknown(&name, protocol, known));
        }
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        // Addresses are shown in logs and errors, and this one has a secret in it.
        if rest.split(['/', '?']).next().is_some_and(|authority| authority.contains('@')) {
            return Err(Error::config(format!(
                "environment variable {name} has a user in it: set OTEL_EXPORTER_OTLP_HEADERS instead, \
                 which is not shown (`authorization=Basic%20...`)"
            )));
        }
        if !matches!(scheme, "http" | "https") || rest.is_empty() {
            // Not with what was found: without a scheme, nobody knows what is a secret of it.
            return Err(Error::config(format!(
                "environment variable {name}: expected an address like `http://collector:4318`"
            )));
        }
        Ok(Some(Collector {
            url,
            headers: match self.of_signal(signal, "HEADERS") {
                Some((name, headers)) => pairs(&name, headers)?,
                None => Vec::new(),
            },
            timeout: match self.of_signal(signal, "TIMEOUT") {
                Some((name, timeout)) => millis(&name, timeout)?,
                None => TIMEOUT,
            },
            certificate: self.of_signal(signal, "CERTIFICATE").map(|(_, path)| path.to_owned()),
        }))
    }

    /// Returns a duration that is given in milliseconds.
    pub(super) fn millis(&self, name: &str, default: Duration) -> Result<Duration> {
        self.get(name).map_or(Ok(default), |value| millis(name, value))
    }

    /// Returns a number of things.
    pub(super) fn count(&self, name: &str, default: usize) -> Result<usize> {
        let Some(value) = self.get(name) else { return Ok(default) };
        let count = value.parse().ok().filter(|count| *count > 0);
        count.ok_or_else(|| unknown(name, value, "a whole number above 0"))
    }

    /// Returns a share.
    pub(super) fn ratio(&self, name: &str, default: f64) -> Result<f64> {
        let Some(value) = self.get(name) else { return Ok(default) };
        let ratio = value.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
        ratio.ok_or_else(|| unknown(name, value, "a number from 0 to 1"))
    }

    /// Returns the signal's own variable, or else the common one, with its name.
    fn of_signal(&self, signal: Signal, what: &str) -> Option<(String, &str)> {
        let own = format!("OTEL_EXPORTER_OTLP_{}_{what}", signal.name);
        let common = format!("OTEL_EXPORTER_OTLP_{what}");
        [own, common].into_iter().find_map(|name| {
            let value = self.get(&name)?;
            Some((name, value))
        })
    }
}

/// What names the instance, beside OpenTelemetry's own.
const OF_HOSTS: [&str; 2] = ["POD_NAME", "HOSTNAME"];

fn is(value: &str, word: &str) -> bool {
    value.eq_ignore_ascii_case(word)
}

fn millis(name: &str, value: &str) -> Result<Duration> {
    let millis: Option<u64> = value.parse().ok().filter(|millis| *millis > 0);
    millis.map(Duration::from_millis).ok_or_else(|| unknown(name, value, "whole milliseconds"))
}

/// Returns `name=value` pairs, separated by commas; values are percent-encoded.
pub(super) fn pairs(name: &str, text: &str) -> Result<Vec<(String, String)>> {
    let given = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    given
        .map(|pair| {
            let pair = pair.split_once('=').filter(|(key, _)| !key.trim().is_empty());
            // Not with what was found: it may be a secret.
            let (key, value) = pair.ok_or_else(|| {
                Error::config(format!("{name}: expected `name=value`, separated by commas"))
            })?;
            Ok((key.trim().to_owned(), percent_decoded(value.trim())))
        })
        .collect()
}

/// Returns the text that percent-encoding stands for; what is none stays as it is.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, others)) = rest.split_first() {
        let hex = others.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| first == b'%');
        bytes.push(byte.unwrap_or(first));
        rest = others.get(if byte.is_some() { 2 } else { 0 }..).unwrap_or_default();
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

fn unknown(name: &str, value: &str, known: &str) -> Error {
    Error::config(format!("environment variable {name}: expected {known}, found `{value}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

    fn collector(variables: &[(&str, &str)]) -> Result<Option<Collector>> {
        Environment::of(variables).collector(METRICS)
    }

    #[test]
    fn an_endpoint_switches_on_and_the_signals_own_variables_come_first() {
        assert_eq!(collector(&[]).unwrap(), None);
        let common = (ENDPOINT, "http://collector:4318/");
        let found = collector(&[
            common,
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20x%3D, tenant = a"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "2000"),
            ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "3000"),
        ]);
        let found = found.unwrap().unwrap();
        assert_eq!(found.url, "http://collector:4318/v1/metrics");
        assert_eq!(found.timeout, Duration::from_secs(3));
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(found.headers, [header("authorization", "Bearer x="), header("tenant", "a")]);
        let own = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://other/as/it/is");
        assert_eq!(collector(&[common, own]).unwrap().unwrap().url, "http://other/as/it/is");
        assert_eq!(collector(&[common, ("OTEL_SDK_DISABLED", "True")]).unwrap(), None);
        assert_eq!(collector(&[common, ("OTEL_METRICS_EXPORTER", "none")]).unwrap(), None);
    }

    #[test]
    fn what_makes_no_sense_is_said_without_secrets() {
        let common = (ENDPOINT, "http://collector:4318");
        let cases = [
            (("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), "port 4318, not 4317"),
            (("OTEL_METRICS_EXPORTER", "prometheus"), "`/metrics` serves Prometheus"),
            (("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"), "whole milliseconds"),
            (("OTEL_EXPORTER_OTLP_HEADERS", "s3cret"), "expected `name=value`"),
            ((ENDPOINT, "collector:4318"), "an address like"),
            ((ENDPOINT, "user:s3cret@collector:4318"), "an address like"),
            ((ENDPOINT, "http://user:s3cret@collector:4318"), "has a user in it"),
            (("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "https://s3cret@c/v1"), "has a user in it"),
        ];
        for (variable, expected) in cases {
            let error = collector(&[common, variable]).unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let environment = Environment::of(&[
            (ENDPOINT, "http://collector:4318/"),
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://other/@/metrics?token=s3cret#s3cret"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20s3cret"),
        ]);
        let collector = environment.collector(METRICS).unwrap().unwrap();
        assert!(collector.url.ends_with("?token=s3cret#s3cret"), "what is asked for is asked for");
        assert_eq!(collector.address(), "http://other/@/metrics");
        let shown = format!("{environment:?} {collector:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(shown.contains("OTEL_EXPORTER_OTLP_HEADERS") && shown.contains("authorization"));
    }
}
