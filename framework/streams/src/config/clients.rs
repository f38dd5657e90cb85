//! Settings that are passed on to the Kafka clients.
//!
//! `consumer.`, `producer.`, `admin.` and the narrower `main.consumer.`, `restore.consumer.`,
//! `global.consumer.` set one kind of client, as in the JVM library; what concerns every client (where
//! the cluster is, how to authenticate) needs no prefix. Names are librdkafka's; Java's names that
//! differ are translated, so that a team's existing configuration works.

use std::collections::BTreeMap;
use std::fmt;

use super::StreamsConfig;
use super::client_names::NAMES;
use crate::error::{Error, Result};

/// The clients' settings by kind of client.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ClientProperties {
    common: BTreeMap<String, String>,
    by_prefix: BTreeMap<&'static str, BTreeMap<String, String>>,
}

/// Prefixes, wider before narrower: the narrower one wins.
const PREFIXES: [&str; 6] =
    ["main.consumer.", "restore.consumer.", "global.consumer.", "consumer.", "producer.", "admin."];

/// Unprefixed names that all clients take; names that end in a dot stand for all that begin so.
const COMMON: [&str; 19] = [
    "bootstrap.servers",
    "broker.address.family",
    "client.id",
    "client.rack",
    "connections.max.idle.ms",
    "debug",
    "enable.metrics.push",
    "metadata.max.age.ms",
    "reconnect.backoff.max.ms",
    "reconnect.backoff.ms",
    "request.timeout.ms",
    "retry.backoff.max.ms",
    "retry.backoff.ms",
    "sasl.",
    "security.protocol",
    "socket.",
    "ssl.",
    "statistics.interval.ms",
    "topic.metadata.",
];

/// Names that concern the group, which only the main consumer joins.
const GROUP: [&str; 5] = [
    "group.instance.id",
    "group.remote.assignor",
    "heartbeat.interval.ms",
    "max.poll.interval.ms",
    "session.timeout.ms",
];

/// Java's names and librdkafka's; an empty one means that there is nothing to set.
const TRANSLATIONS: [(&str, &str); 8] = [
    ("fetch.max.wait.ms", "fetch.wait.max.ms"),
    ("max.partition.fetch.bytes", "fetch.message.max.bytes"),
    ("max.in.flight.requests.per.connection", "max.in.flight"),
    ("max.request.size", "message.max.bytes"),
    ("send.buffer.bytes", "socket.send.buffer.bytes"),
    ("receive.buffer.bytes", "socket.receive.buffer.bytes"),
    ("max.poll.records", ""),
    ("max.block.ms", ""),
];

/// Java's name of a limit that librdkafka counts in KiB.
const BUFFER_MEMORY: &str = "buffer.memory";

/// Returns whether a name is passed on to clients.
pub(super) fn is_client_setting(name: &str) -> bool {
    match split_prefix(name) {
        Some((_, rest)) => is_known(rest),
        None => is_common(name) && is_known(name),
    }
}

/// Returns whether a setting's value is not to be shown; prefixes make no difference.
pub(super) fn is_secret(name: &str) -> bool {
    const SECRET: [&str; 8] = [
        "password",
        "secret",
        "passphrase",
        ".pem",
        "ssl_key",
        "sasl.oauthbearer.config",
        "basic.auth.user.info",
        "bearer.auth.token",
    ];
    SECRET.iter().any(|secret| name.ends_with(secret))
}

/// Returns the names that may be set with a prefix, or without one.
pub(super) fn names(prefix: &str) -> impl Iterator<Item = &'static str> {
    let any = !prefix.is_empty();
    let known = NAMES.into_iter().chain(java_names());
    known.filter(move |name| (any || is_common(name)) && !owned_by_engine(name))
}

fn java_names() -> impl Iterator<Item = &'static str> {
    TRANSLATIONS.into_iter().map(|(java, _)| java).chain([BUFFER_MEMORY])
}

/// Returns whether librdkafka or the Java client has a setting of this name.
fn is_known(name: &str) -> bool {
    NAMES.binary_search(&name).is_ok() || java_names().any(|java| java == name)
}

/// Returns whether a name may stand without a prefix.
fn is_common(name: &str) -> bool {
    let common = COMMON.iter().any(|common| *common == name || is_family(common, name));
    common || GROUP.contains(&name)
}

fn is_family(common: &str, name: &str) -> bool {
    common.ends_with('.') && name.starts_with(common)
}

/// Splits a name that begins with a prefix for one kind of client.
pub(super) fn split_prefix(name: &str) -> Option<(&'static str, &str)> {
    let found = PREFIXES.iter().find_map(|prefix| Some((*prefix, name.strip_prefix(prefix)?)));
    found.filter(|(_, rest)| !rest.is_empty())
}

impl ClientProperties {
    /// Takes the clients' settings out of a configuration.
    pub(super) fn of(config: &StreamsConfig) -> Result<Self> {
        let mut properties = Self::default();
        for (name, value, source) in config.iter().filter(|(name, ..)| is_client_setting(name)) {
            let (prefix, name) = match split_prefix(name) {
                Some((prefix, rest)) => (Some(prefix), rest),
                None if GROUP.contains(&name) => (Some("main.consumer."), name),
                None => (None, name),
            };
            if owned_by_engine(name) {
                return Err(Error::config(format!(
                    "setting `{name}` (from {source}) is decided by the engine and cannot be set"
                )));
            }
            let Some((name, value)) = translate(name, value) else { continue };
            let target = match prefix {
                Some(prefix) => properties.by_prefix.entry(prefix).or_default(),
                None => &mut properties.common,
            };
            target.insert(name, value);
        }
        Ok(properties)
    }

    /// Returns the settings of one kind of client; later prefixes win over earlier ones.
    #[must_use]
    pub fn for_client(&self, prefixes: &[&str]) -> BTreeMap<String, String> {
        let mut settings = self.common.clone();
        for prefix in prefixes {
            let narrower = self.by_prefix.get(prefix).into_iter().flatten();
            settings.extend(narrower.map(|(name, value)| (name.clone(), value.clone())));
        }
        settings
    }
}

/// Names only: values may be secrets.
impl fmt::Debug for ClientProperties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefixed = self.by_prefix.iter();
        let prefixed = prefixed.map(|(prefix, settings)| (prefix, settings.keys()));
        f.debug_struct("ClientProperties")
            .field("common", &self.common.keys())
            .field("by_prefix", &prefixed.collect::<BTreeMap<_, _>>())
            .finish()
    }
}

/// What the engine's correctness rests on.
fn owned_by_engine(name: &str) -> bool {
    const OWNED: [&str; 10] = [
        "enable.auto.commit",
        "enable.auto.offset.store",
        "enable.idempotence",
        "enable.partition.eof",
        "group.id",
        "group.protocol",
        "group.protocol.type",
        "partition.assignment.strategy",
        "partitioner",
        "transactional.id",
    ];
    OWNED.contains(&name)
}

fn translate(name: &str, value: &str) -> Option<(String, String)> {
    const BYTES_PER_KIB: u64 = 1024;
    if name == BUFFER_MEMORY {
        let kib = value
            .parse::<u64>()
            .map_or_else(|_| value.to_owned(), |bytes| bytes.div_ceil(BYTES_PER_KIB).to_string());
        return Some(("queue.buffering.max.kbytes".to_owned(), kib));
    }
    if name == "auto.offset.reset" && value == "none" {
        return Some((name.to_owned(), "error".to_owned()));
    }
    match TRANSLATIONS.iter().find(|(java, _)| *java == name) {
        Some((_, "")) => None,
        Some((_, ours)) => Some(((*ours).to_owned(), value.to_owned())),
        None => Some((name.to_owned(), value.to_owned())),
    }
}
