//! Settings of the schema registry, checked and typed.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::settings::{bytes, millis, text};
use super::{Source, StreamsConfig};
use crate::error::{Error, Result};

/// What the subject of a schema is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SubjectNameStrategy {
    /// The topic: `<topic>-key` or `<topic>-value`.
    #[default]
    TopicName,
    /// The record's full name.
    RecordName,
    /// Both: `<topic>-<record's full name>`.
    TopicRecordName,
}

/// Where the schema registry is and how it is used.
#[derive(Clone, PartialEq, Eq)]
pub struct SchemaRegistrySettings {
    /// `schema.registry.url`, without a slash at the end; empty where there is no registry
    pub urls: Vec<String>,
    /// `schema.registry.basic.auth.user.info`
    pub basic_auth: Option<String>,
    /// `schema.registry.bearer.auth.token`
    pub bearer_token: Option<String>,
    /// `schema.registry.ssl.ca.location`
    pub ca: Option<PathBuf>,
    /// `schema.registry.ssl.certificate.location` and `schema.registry.ssl.key.location`
    pub identity: Option<(PathBuf, PathBuf)>,
    /// `schema.registry.request.timeout.ms`
    pub request_timeout: Duration,
    /// `schema.registry.cache.max`
    pub cache_max: usize,
    /// `auto.register.schemas`
    pub auto_register: bool,
    /// `use.latest.version`
    pub use_latest: bool,
    /// `key.subject.name.strategy`
    pub key_strategy: SubjectNameStrategy,
    /// `value.subject.name.strategy`
    pub value_strategy: SubjectNameStrategy,
}

/// No registry, and the other settings' defaults.
impl Default for SchemaRegistrySettings {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            basic_auth: None,
            bearer_token: None,
            ca: None,
            identity: None,
            request_timeout: Duration::from_secs(10),
            cache_max: 1000,
            auto_register: false,
            use_latest: false,
            key_strategy: SubjectNameStrategy::TopicName,
            value_strategy: SubjectNameStrategy::TopicName,
        }
    }
}

impl SchemaRegistrySettings {
    /// Takes the registry's settings out of a configuration.
    pub(super) fn of(config: &StreamsConfig) -> Result<Self> {
        let path = |name| Ok::<_, Error>(optional(config, name)?.map(PathBuf::from));
        let basic_auth = optional(config, "schema.registry.basic.auth.user.info")?;
        let bearer_token = optional(config, "schema.registry.bearer.auth.token")?;
        if basic_auth.is_some() && bearer_token.is_some() {
            return Err(Error::config(
                "settings schema.registry.basic.auth.user.info and \
                 schema.registry.bearer.auth.token: the registry takes one of them",
            ));
        }
        let certificate = path("schema.registry.ssl.certificate.location")?;
        let key = path("schema.registry.ssl.key.location")?;
        Ok(Self {
            urls: urls(config)?,
            basic_auth,
            bearer_token,
            ca: path("schema.registry.ssl.ca.location")?,
            identity: match (certificate, key) {
                (Some(certificate), Some(key)) => Some((certificate, key)),
                (None, None) => None,
                _ => {
                    return Err(Error::config(
                        "settings schema.registry.ssl.certificate.location and \
                         schema.registry.ssl.key.location go together: set both or none",
                    ));
                }
            },
            request_timeout: millis(config, "schema.registry.request.timeout.ms")?,
            cache_max: bytes(config, "schema.registry.cache.max")?,
            auto_register: text(config, "auto.register.schemas")? == "true",
            use_latest: text(config, "use.latest.version")? == "true",
            key_strategy: strategy(config, "key.subject.name.strategy")?,
            value_strategy: strategy(config, "value.subject.name.strategy")?,
        })
    }
}

/// Without what is secret.
impl fmt::Debug for SchemaRegistrySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchemaRegistrySettings")
            .field("urls", &self.urls)
            .field("basic_auth", &self.basic_auth.is_some())
            .field("bearer_token", &self.bearer_token.is_some())
            .field("ca", &self.ca)
            .field("identity", &self.identity)
            .field("request_timeout", &self.request_timeout)
            .field("cache_max", &self.cache_max)
            .field("auto_register", &self.auto_register)
            .field("use_latest", &self.use_latest)
            .field("key_strategy", &self.key_strategy)
            .field("value_strategy", &self.value_strategy)
            .finish()
    }
}

fn optional(config: &StreamsConfig, name: &str) -> Result<Option<String>> {
    config.get(name).map(|_| text(config, name)).transpose()
}

fn urls(config: &StreamsConfig) -> Result<Vec<String>> {
    const NAME: &str = "schema.registry.url";
    let Some(list) = optional(config, NAME)? else { return Ok(Vec::new()) };
    let source = config.get(NAME).map_or(Source::Default, |(_, source)| source);
    let mut urls = Vec::new();
    for url in list.split(',').map(|url| url.trim().trim_end_matches('/')) {
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        // Addresses are shown in logs and errors.
        if url.contains('@') {
            return Err(Error::config(format!(
                "setting {NAME} has a user in it (from {source}): set \
                 schema.registry.basic.auth.user.info instead, which is not shown"
            )));
        }
        if !matches!(scheme, "http" | "https") || rest.is_empty() {
            return Err(Error::config(format!(
                "setting {NAME}: `{url}` must begin with http:// or https:// (from {source})"
            )));
        }
        urls.push(url.to_owned());
    }
    Ok(urls)
}

fn strategy(config: &StreamsConfig, name: &str) -> Result<SubjectNameStrategy> {
    let given = text(config, name)?;
    // Confluent's class names are the short ones with a package before them.
    Ok(match given.rsplit('.').next() {
        Some("RecordNameStrategy") => SubjectNameStrategy::RecordName,
        Some("TopicRecordNameStrategy") => SubjectNameStrategy::TopicRecordName,
        _ => SubjectNameStrategy::TopicName,
    })
}
